/* What the command says: results to standard output, failures to standard error. Each function that can fail answers
 * with the exit status, and has said why. */
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
    bool pretty;
    bool json_errors;
};

/* A result: one line, or indented. */
int output_json(const struct output *output, const char *json);
/* A single value on a line of its own. */
int output_line(const struct output *output, const char *text);
int output_bytes(const struct output *output, const uint8_t *data, size_t size);
/* Writes out what is still in the buffer: until this succeeds nothing is sure to have been written. */
int output_flush(const struct output *output);

/* Around every write, to standard error too, that may be held because nobody reads at the other end. */
void output_write_begins(void);
void output_write_ends(void);
/* The number of the write that is under way; 0 when none is. */
unsigned output_write_under_way(void);

/* Writes JSON and a newline to any file. */
void write_json(FILE *file, const char *json, bool pretty);
/* Writes a text that others wrote: nothing of theirs that a terminal obeys reaches it. */
void write_clean(FILE *file, const char *text);

/* Reports the library's error and frees it. */
int report_error(const struct output *output, ocireg_error *error);
/* As report_failure, from another thread than the one that writes, and only if that holds nobody up. */
void report_if_read(const struct output *output, ocireg_status code, const char *message);
/* Reports a failure of the command's own, such as a file that cannot be read. */
int report_failure(const struct output *output, ocireg_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports a wrong command line. */
int report_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
