/* Local files: manifests are read and written whole, pipes piece by piece. */
#ifndef OCIREG_COMMAND_FILES_H
#define OCIREG_COMMAND_FILES_H

#include "session.h"

/* Whether the path is there and is a pipe, a device or a terminal: something to write through, and not to replace. */
bool is_stream(const char *path);

/* Whether the path is where standard output goes, `-` too: a result printed there would be mixed into the bytes. */
bool is_standard_output(const char *path);

/* Opens a file for file_read. */
int file_open(struct session *session, const char *path, int *fd);
/* As read(2), but Ctrl-C and --deadline end the wait for a silent pipe: then errno is ECANCELED or ETIMEDOUT. */
ssize_t file_read(struct session *session, int fd, uint8_t *buffer, size_t size);
/* What -o names: a file that appears whole, in the place of what is there, behind links; or a pipe, a device, `-` or a descriptor of
 * ours, such as /dev/stdout, which is written through. */
struct output_file {
    const char *name;
    char *path;
    char *temporary;
    int fd;
};

/* Opens it for writing. Ctrl-C and --deadline end the wait for a named pipe's reader. */
int output_file_open(struct session *session, const char *path, struct output_file *file);
/* Closes it. A file gets its name if the result so far is good. Answers with the exit status. */
int output_file_close(struct session *session, struct output_file *file, bool secret, int result);
/* Reports why file_read failed. */
int file_report(struct session *session, const char *path, int reason);

/* Reads a file of at most `limit` bytes. Freed with free(). */
int file_read_whole(struct session *session, const char *path, size_t limit, uint8_t **data, size_t *size);

/* Writes a file so that it appears whole or not at all. */
int file_write_whole(struct session *session, const char *path, const uint8_t *data, size_t size);
/* The same for a secret: nobody else may read the file. */
int file_write_secret(struct session *session, const char *path, const uint8_t *data, size_t size);

/* As session_finish, when bytes have gone to a file: the result is not printed where they went. */
int finish_beside(struct session *session, const char *path, ocireg_status status, char *json, ocireg_error *error);
/* The same when a copy has gone to a place, which may be an archive on standard output. `descriptor` is what an archive named - is
 * written to; NULL: standard output. */
int finish_at(struct session *session, const char *place, const char *descriptor, ocireg_status status, char *json,
              ocireg_error *error);

#endif
