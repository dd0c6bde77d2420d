/* JSON for people: indented, and quoted. Looking into it is the library's: see ocireg_json_parse. */
#ifndef OCIREG_COMMAND_JSON_H
#define OCIREG_COMMAND_JSON_H

#include <ocireg.h>

#include <stdio.h>

/* A text of the library's, parsed. NULL for NULL, and out of memory. Freed with ocireg_json_free. */
ocireg_json *json_parsed(const char *text);

/* Writes JSON indented by two spaces. */
void json_pretty(FILE *file, const char *text);

/* The length of the character at `at` if it controls a terminal or reorders the text around it; otherwise 0.
 * `*number` is its code point. The library's results contain none of these; what the user typed may. */
size_t obeyed(const char *at, unsigned *number);

/* An object with these members of another, those that are there. Freed with free(); NULL: out of memory. */
char *json_members(const ocireg_json *from, const char *const *names, size_t count);
/* Writes the value at a pointer, or null, on one line. */
void json_write(FILE *file, const ocireg_json *json, const char *pointer);

/* Writes a text as a JSON string. */
void json_quote(FILE *file, const char *text);

#endif
