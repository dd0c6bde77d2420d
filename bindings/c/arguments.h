/* The command line as words and options: `--name value`, `--name=value`, `-n value`, in any order; after `--` everything
 * is a word. */
#ifndef OCIREG_COMMAND_ARGUMENTS_H
#define OCIREG_COMMAND_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What follows an option's name. */
enum takes {
    TAKES_NOTHING,
    TAKES_VALUE,   /* `=VALUE`, or the next word */
    MAY_TAKE_VALUE /* only `=VALUE` */
};

struct option {
    const char *name;
    char *value; /* NULL: none */
};

struct arguments {
    char **words;
    size_t word_count;
    struct option *options;
    size_t option_count;
    /* Where the line ended: what completion needs to know. */
    bool ended;          /* there was a `--` */
    const char *waiting; /* the option at the end whose value is missing, or NULL */
};

/* Reads the command line, and points into it. `takes` knows the options; what it does not know takes nothing. False: out of memory. */
bool arguments_parse(struct arguments *arguments, int count, char **items, enum takes (*takes)(const char *name));
void arguments_free(struct arguments *arguments);

/* Whether a file's name is -, standard input or output. */
bool is_dash(const char *file);

/* A decimal number without sign, or false. */
bool parse_number(const char *text, int64_t *number);
/* Bytes: digits, and K, M or G for 1024 times as many, once, twice or thrice. */
bool parse_bytes(const char *text, int64_t *bytes);
/* What is to be said besides of a text that one of these refuses, or "". */
const char *too_large(const char *text);
/* The longest time on the command line. */
#define MOST_SECONDS 1000000000
/* Seconds such as 10 or 0.5, as milliseconds; false if malformed, less than one of them, or more than that. */
bool parse_seconds(const char *text, int64_t *milliseconds);

#endif
