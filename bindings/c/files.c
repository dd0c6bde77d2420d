#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

bool is_stream(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

int file_open(struct session *session, const char *path, int *fd)
{
    /* A named pipe without a writer must not hold us here: file_read waits, and can be interrupted. */
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

static int report(struct session *session, const char *what, const char *path, int reason)
{
    bar_clear(&session->bar);
    if (reason == ECANCELED)
        return report_failure(session->output, OCIREG_CANCELLED, "the call was cancelled");
    if (reason == ETIMEDOUT)
        return report_failure(session->output, OCIREG_TIMEOUT, "the call's deadline has passed");
    return report_failure(session->output, OCIREG_IO, "cannot %s %s: %s", what, path, strerror(reason));
}

int file_report(struct session *session, const char *path, int reason)
{
    return report(session, "read", path, reason);
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
    if (status != OCIREG_OK) {
        free(*data);
        *data = NULL;
    }
    return status;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, data, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        data += put;
        size -= (size_t)put;
    }
    return true;
}

static bool close_well(int fd, bool well)
{
    int reason = errno;
    if (close(fd) != 0 && well)
        return false;
    errno = reason;
    return well;
}

static bool is_named_pipe(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

/* A named pipe without a reader cannot be opened so; a socket never can. */
static int open_patiently(struct session *session, const char *path)
{
    for (int patience; (patience = session_patience(session)) >= 0;) {
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 || errno != ENXIO || !is_named_pipe(path))
            return fd;
        poll(NULL, 0, patience);
    }
    return -1;
}

int stream_open(struct session *session, const char *path, int *fd)
{
    *fd = open_patiently(session, path);
    /* Open, it is written as any other. */
    if (*fd >= 0 && fcntl(*fd, F_SETFL, 0) == 0)
        return OCIREG_OK;
    if (*fd >= 0)
        close(*fd);
    return report(session, "write", path, errno);
}

static int write_stream(struct session *session, const char *path, const uint8_t *data, size_t size)
{
    int fd, status = stream_open(session, path, &fd);
    bool well;
    if (status != OCIREG_OK)
        return status;
    output_write_begins();
    well = close_well(fd, write_all(fd, data, size));
    output_write_ends();
    if (well)
        return OCIREG_OK;
    return report(session, "write", path, errno);
}

/* The permissions of the file that is replaced, else those that open() would give. */
static mode_t permissions(const char *path)
{
    struct stat status;
    mode_t mask;
    if (stat(path, &status) == 0)
        return status.st_mode & 0777;
    mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* A hidden file beside the target: only there can it be renamed. Freed with free(). */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    char *name = NULL;
    return asprintf(&name, "%.*s.%.200s.XXXXXX", folder, path, path + folder) < 0 ? NULL : name;
}

static bool write_and_rename(const char *path, char *temporary, mode_t mode, const uint8_t *data, size_t size)
{
    int fd = mkostemp(temporary, O_CLOEXEC), reason;
    bool well;
    if (fd < 0)
        return false;
    well = write_all(fd, data, size) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    well = close_well(fd, well) && rename(temporary, path) == 0;
    reason = errno;
    if (!well)
        unlink(temporary);
    errno = reason;
    return well;
}

static bool replace(const char *path, bool secret, const uint8_t *data, size_t size)
{
    /* A symbolic link stays, and what it names is replaced. */
    char *real = realpath(path, NULL), *temporary = temporary_name(real == NULL ? path : real);
    mode_t mode = secret ? 0600 : permissions(path);
    bool well = temporary != NULL && write_and_rename(real == NULL ? path : real, temporary, mode, data, size);
    int reason = errno;
    free(temporary);
    free(real);
    errno = reason;
    return well;
}

bool is_standard_output(const char *path)
{
    struct stat there, here;
    return stat(path, &there) == 0 && fstat(STDOUT_FILENO, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

static int write_whole(struct session *session, const char *path, bool secret, const uint8_t *data, size_t size)
{
    if (is_stream(path))
        return write_stream(session, path, data, size);
    return replace(path, secret, data, size) ? OCIREG_OK : report(session, "write", path, errno);
}

int file_write_whole(struct session *session, const char *path, const uint8_t *data, size_t size)
{
    return write_whole(session, path, false, data, size);
}

int file_write_secret(struct session *session, const char *path, const uint8_t *data, size_t size)
{
    return write_whole(session, path, true, data, size);
}
