/* Files that a command writes, and where its result goes beside them. */
#ifndef OCIREG_COMMAND_OUTPUT_FILE_H
#define OCIREG_COMMAND_OUTPUT_FILE_H

#include "session.h"

/* Whether the path is where standard output goes, `-` too: a result printed there would be mixed into the bytes. */
bool is_standard_output(const char *path);

/* What -o names: a file that appears complete and replaces what is there, links followed; or a pipe, a device, `-`
 * or a descriptor of this process such as /dev/stdout, which is written to directly. */
struct output_file {
    const char *name;
    char *path;
    char *temporary;
    int fd;
};

/* Opens it for writing. Ctrl-C and --deadline end the wait for a named pipe's reader. */
int output_file_open(struct session *session, const char *path, struct output_file *file);
/* Closes it. A file gets its name only if the result so far is good. Returns the exit status. */
int output_file_close(struct session *session, struct output_file *file, bool secret, int result);

/* Reports a wrong command line if an archive would be written to a terminal: as the file of this name, or at a place, where `descriptor` is
 * that of finish_at. */
int refuse_terminal(const char *path);
int refuse_terminal_at(const char *place, const char *descriptor);

/* Writes a file so that it appears complete or not at all. */
int file_write_whole(struct session *session, const char *path, const uint8_t *data, size_t size);
/* The same for a secret: no other user may read the file. */
int file_write_secret(struct session *session, const char *path, const uint8_t *data, size_t size);

/* Like session_finish, when bytes were written to a file: the result is not printed to that file. */
int finish_beside(struct session *session, const char *path, ocireg_status status, char *json, ocireg_error *error);
/* The same after a copy to a place, which may be an archive on standard output. `descriptor` is where an archive
 * named - is written; NULL: standard output. */
int finish_at(struct session *session, const char *place, const char *descriptor, ocireg_status status, char *json,
              ocireg_error *error);

#endif
