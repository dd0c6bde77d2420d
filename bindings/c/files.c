#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

bool is_stream(const char *path)
{
    struct stat status;
    return is_dash(path) || (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode));
}

int file_open(struct session *session, const char *path, int *fd)
{
    /* A named pipe without a writer must not block here: file_read waits, and can be interrupted. */
    if (is_dash(path))
        *fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    else
        *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return *fd >= 0 ? OCIREG_OK : file_report(session, path, errno);
}

ssize_t file_read(struct session *session, int fd, uint8_t *buffer, size_t size)
{
    for (int patience; (patience = session_patience(session)) >= 0;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;
        if (poll(&wait, 1, patience) == 0)
            continue;
        got = read(fd, buffer, size);
        if (got >= 0 || (errno != EINTR && errno != EAGAIN))
            return got;
    }
    return -1;
}

int file_failed(struct session *session, const char *what, const char *path, int reason)
{
    bar_clear(&session->bar);
    if (reason == ECANCELED)
        return report_failure(session->output, OCIREG_CANCELLED, "the call was cancelled");
    if (reason == ETIMEDOUT)
        return report_failure(session->output, OCIREG_TIMEOUT, "the call's deadline has passed");
    return report_failure(session->output, OCIREG_IO, "cannot %s %s: %s", what, path,
                          reason == A_TRAP ? "another user put a link or pipe there, in a folder that every user may write to" : strerror(reason));
}

int file_report(struct session *session, const char *path, int reason)
{
    return file_failed(session, "read", path, reason);
}

/* Makes room for one more piece. */
static bool grow(uint8_t **data, size_t size)
{
    uint8_t *more = realloc(*data, size + PIECE);
    if (more != NULL)
        *data = more;
    return more != NULL;
}

static int read_pieces(struct session *session, int fd, const char *path, size_t limit, uint8_t **data, size_t *size)
{
    for (;;) {
        ssize_t got;
        if (!grow(data, *size))
            return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
        got = file_read(session, fd, *data + *size, PIECE);
        if (got < 0)
            return file_report(session, path, errno);
        if (got == 0)
            return OCIREG_OK;
        *size += (size_t)got;
        if (*size > limit)
            return report_failure(session->output, OCIREG_LIMIT_EXCEEDED, "%s is larger than %zu bytes", path, limit);
    }
}

int file_read_whole(struct session *session, const char *path, size_t limit, uint8_t **data, size_t *size)
{
    int fd, status;
    *data = NULL;
    *size = 0;
    status = file_open(session, path, &fd);
    if (status != OCIREG_OK)
        return status;
    status = read_pieces(session, fd, path, limit, data, size);
    close(fd);
    if (status == OCIREG_OK)
        (*data)[*size] = 0;
    if (status != OCIREG_OK) {
        free(*data);
        *data = NULL;
    }
    return status;
}
