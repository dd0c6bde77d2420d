/* How the result of a call is printed. One rule for all commands: JSON on one line to a pipe or a file and with --json. For people, on a
 * terminal and with --text, lists are lines and all else is indented JSON. With --format, what that says. */
#ifndef OCIREG_COMMAND_RESULT_H
#define OCIREG_COMMAND_RESULT_H

#include "output.h"

/* Prints a result to standard output. `lines` is how it looks for people (see template.h); NULL: indented JSON. */
int result_print(const struct output *output, const char *lines, const char *json);
/* Writes it to another file, which is never a terminal. */
int result_write(const struct output *output, FILE *file, const char *json);

#endif
