/* Just enough JSON for log events and for --pretty. The text is not copied into a tree: values are pointers into it. */
#ifndef OCIREG_COMMAND_JSON_H
#define OCIREG_COMMAND_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The value of an object's member, or NULL. */
const char *json_member(const char *object, const char *name);

/* The next member of an object. `*at` is the object's text at first; afterwards it belongs to this function. */
bool json_next(const char **at, const char **name, const char **value);

/* The next element of an array; `*at` works the same way. */
bool json_element(const char **at, const char **value);

/* A decoded string, or any other value as it is spelled. NULL for no value or out of memory. Freed with free(). */
char *json_text(const char *value);

/* Writes JSON indented by two spaces. */
void json_pretty(FILE *file, const char *json);

/* The length of the character at `at` if it controls a terminal or reorders the text around it; otherwise 0.
 * `*number` is its code point. The library's results contain none of these; what the user typed may. */
size_t obeyed(const char *at, unsigned *number);

/* Writes a text as a JSON string. */
void json_quote(FILE *file, const char *text);

#endif
