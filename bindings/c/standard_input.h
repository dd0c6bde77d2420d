/* Standard input for an option that names a file. The library opens such a file itself, and a pipe cannot be opened or read twice: its
 * bytes are poured into a file without a name. */
#ifndef OCIREG_COMMAND_STANDARD_INPUT_H
#define OCIREG_COMMAND_STANDARD_INPUT_H

#include "session.h"

/* The name by which the library can open a file that the user named. */
const char *file_for_library(const char *file);
/* Fills what stands for standard input, before the library's first call. */
int standard_input_pour(struct session *session);

#endif
