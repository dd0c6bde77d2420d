/* Walks through arguments: `--name value`, `--name=value`, `-n value`, and `--` before names that begin with a dash. */
#ifndef OCIREG_COMMAND_ARGUMENTS_H
#define OCIREG_COMMAND_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

struct arguments {
    int count;
    char **items;
    int next;
    bool plain;   /* after "--" nothing is an option */
    char *name;   /* the option found last, without its value */
    char *value;  /* what followed its '=', or NULL */
};

enum argument { ARGUMENT_END, ARGUMENT_PLAIN, ARGUMENT_OPTION };

/* Looks at what comes next. Only an option is consumed; a plain argument is left for arguments_take(). */
enum argument arguments_next(struct arguments *arguments);
char *arguments_take(struct arguments *arguments);

/* The value of the option found last: what followed its '=', otherwise the next argument. NULL when there is none. */
char *arguments_value(struct arguments *arguments);

/* A decimal number without sign, or false. */
bool parse_number(const char *text, int64_t *number);
/* Seconds such as 10 or 0.5, as milliseconds; false if malformed or zero. */
bool parse_seconds(const char *text, int64_t *milliseconds);

#endif
