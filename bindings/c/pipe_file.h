/* A pipe, such as standard input or <(...) of a shell, for an option that names a file. The library opens such a file itself, and a pipe
 * cannot be opened or read twice: its bytes are poured into a file without a name. */
#ifndef OCIREG_COMMAND_PIPE_FILE_H
#define OCIREG_COMMAND_PIPE_FILE_H

#include "session.h"

/* The name by which the library can open a file that the user named. */
const char *file_for_library(const char *file);
/* Fills what stands for pipes, before the library's first call. */
int pipes_pour(struct session *session);

#endif
