/* Reading local files: manifests whole, pipes piece by piece. - is standard input. */
#ifndef OCIREG_COMMAND_FILES_H
#define OCIREG_COMMAND_FILES_H

#include "session.h"

/* Whether the path exists and is a pipe, a device or a terminal: something to write into, not to replace. */
bool is_stream(const char *path);

/* Opens a file for file_read. */
int file_open(struct session *session, const char *path, int *fd);
/* Like read(2), but Ctrl-C and --deadline end the wait for a silent pipe: errno is then ECANCELED or ETIMEDOUT. */
ssize_t file_read(struct session *session, int fd, uint8_t *buffer, size_t size);
/* Reports why file_read failed. */
int file_report(struct session *session, const char *path, int reason);

/* In place of an errno: another user put a link or pipe there, in a folder in which every user may create files. */
enum { A_TRAP = -1 };

/* The same of anything else: what could not be done, such as "write". */
int file_failed(struct session *session, const char *what, const char *path, int reason);

/* Reads a file of at most `limit` bytes, behind which a NUL stands. Freed with free(). */
int file_read_whole(struct session *session, const char *path, size_t limit, uint8_t **data, size_t *size);

#endif
