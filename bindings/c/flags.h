/* The library's errors name its options by their keys; a user who typed --flags wants to read those. */
#ifndef OCIREG_COMMAND_FLAGS_H
#define OCIREG_COMMAND_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

/* How the command line calls a key of this length, and whether that was typed, or NULL. */
typedef const char *flag_fn(const char *key, size_t length, bool *typed);
/* The function that knows that from now on. */
void flags_are(flag_fn *flag_of);
/* What the library says, with those options in it that the command line has written as there, and whether one of them was typed. Freed
 * with free(); NULL for NULL, and without memory. */
char *flags_written(const char *text, bool *typed);

#endif
