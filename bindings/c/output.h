/* What the command says: results to standard output, failures to standard error. Each function that can fail returns
 * the exit status, after reporting the reason. */
#ifndef OCIREG_COMMAND_OUTPUT_H
#define OCIREG_COMMAND_OUTPUT_H

#include <ocireg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The exit status of a wrong command line: EX_USAGE. The library's codes stay below it. */
#define EXIT_USAGE 64

struct output {
    bool pretty, json, text; /* --pretty, --json, --text */
    const char *format;      /* --format, or NULL */
    bool json_errors;
};

/* Whether the options contradict each other. */
int output_check(const struct output *output);
/* The option that asks for a form of results, such as --json; NULL: none does. */
const char *output_form(const struct output *output);
/* Whether what goes to standard output is for people: on a terminal or with --text, and not as JSON. */
bool output_is_for_people(const struct output *output);

/* Status 0 says that what was printed is right. A reader that leaves before the end (`| head`) is told nothing, because it knows: that
 * is status 0 for what was verified before it was printed, and OCIREG_IO for bytes whose digest comes after them. Otherwise `| tar -x`,
 * which stops at the archive's own end, would hide that what it took was changed. */

/* Exact bytes of a text that are verified; at a terminal without what controls that. */
int output_bytes(const struct output *output, const uint8_t *data, size_t size);
/* A piece of bytes that are verified at their end. */
int output_piece(const struct output *output, const uint8_t *data, size_t size);
/* Writes what is still in the buffer: until this succeeds, nothing is certain to have been written. */
int output_flush(const struct output *output);
/* Whether nothing reads standard output any more. */
bool output_reader_left(void);

/* Around every write, also to standard error, that may block because nothing reads the other end. */
void output_write_begins(void);
void output_write_ends(void);
/* The number of the write that is under way; 0 when none is. */
unsigned output_write_under_way(void);

/* Writes JSON and a newline to any file. */
void write_json(FILE *file, const char *json, bool pretty);
/* Writes text from outside, without anything that controls a terminal. */
void write_clean(FILE *file, const char *text);

/* Reports the library's error and frees it. Nothing is said to a reader of standard output that has left. */
int report_error(const struct output *output, ocireg_error *error);
/* Like report_failure, from a thread other than the one that writes, and only if that cannot block. */
void report_if_read(const struct output *output, ocireg_status code, const char *message);
/* What may help, below the failure that was reported; NULL: nothing. */
void report_hint(const struct output *output, const char *hint);
/* Reports a failure of the command itself, such as a file that cannot be read. */
int report_failure(const struct output *output, ocireg_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The command whose help answers what is wrong from now on with the command line. */
void usage_is_of(const char *command);
/* Reports a wrong command line. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
