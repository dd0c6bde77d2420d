#include "output_file.h"

#include "files.h"
#include "json.h"
#include "place_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As many links as the kernel follows. */
#define MOST_LINKS 40

/* Ctrl-C and --deadline end the wait for a reader. A pipe that is writable at all has room for this much. */
static bool write_patiently(struct session *session, int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        int patience = session_patience(session);
        ssize_t put;
        if (patience < 0)
            return false;
        if (poll(&wait, 1, patience) == 0)
            continue;
        put = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
        if (put < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (put > 0) {
            data += put;
            size -= (size_t)put;
        }
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

/* Without blocking, a named pipe without a reader cannot be opened; a socket never can. */
static int open_patiently(struct session *session, const char *path)
{
    for (int patience; (patience = session_patience(session)) >= 0;) {
        int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0 || errno != ENXIO || !is_named_pipe(path))
            return fd;
        poll(NULL, 0, patience);
    }
    return -1;
}

/* The descriptor of this process that a file name such as /dev/stdout stands for, or -1. */
static int own_descriptor(const char *path)
{
    static const char *const folders[] = {"/proc/self/fd/", "/dev/fd/"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        const char *number = path + strlen(folders[i]);
        if (strncmp(path, folders[i], strlen(folders[i])) == 0 && *number != '\0' && strspn(number, "0123456789") == strlen(number))
            return atoi(number);
    }
    return -1;
}

/* In a folder where all users may create files, such as /tmp, another user's pipe or link is a trap. Not every
 * kernel checks. */
static bool is_trap(const char *path, const struct stat *found)
{
    const char *slash = strrchr(path, '/');
    int length = slash == NULL ? 0 : (int)(slash - path) + 1;
    char *folder = NULL;
    struct stat status;
    bool trap;
    if (asprintf(&folder, "%.*s", length == 0 ? 1 : length, length == 0 ? "." : path) < 0)
        return true;
    trap = stat(folder, &status) != 0 || ((status.st_mode & S_IWOTH) != 0 &&
                                          found->st_uid != geteuid() && found->st_uid != status.st_uid);
    free(folder);
    return trap;
}

/* Whether another user's link is on the way to a file, after the first bytes of its name: 0, A_TRAP or an errno.
 * Each link costs only its own length: what comes before it has been checked already. */
static int led_astray(const char *path, size_t from, int *links)
{
    char *here = strdup(path), to[PATH_MAX];
    int reason = here == NULL ? ENOMEM : 0;
    for (char *slash = reason ? NULL : strchr(here + from, '/'); reason == 0 && slash != NULL; slash = strchr(slash + 1, '/')) {
        struct stat found;
        ssize_t length;
        char *last, *next = NULL;
        int folder;
        *slash = '\0';
        if (*here != '\0' && lstat(here, &found) == 0 && S_ISLNK(found.st_mode) && strncmp(here, "/proc/", 6) != 0) {
            last = strrchr(here, '/');
            length = readlink(here, to, sizeof to - 1);
            folder = last == NULL || (length > 0 && to[0] == '/') ? 0 : (int)(last - here) + 1;
            if (length < 0)
                reason = errno;
            else if (is_trap(here, &found))
                reason = A_TRAP;
            else if (++*links > MOST_LINKS)
                reason = ELOOP;
            else if (asprintf(&next, "%.*s%.*s/", folder, here, (int)length, to) < 0)
                next = NULL, reason = ENOMEM;
            else
                reason = led_astray(next, (size_t)folder, links);
            free(next);
        }
        *slash = '/';
    }
    free(here);
    return reason;
}

/* Where a file name leads; the target of a link need not exist yet. Freed with free(). */
static char *behind_links(const char *path)
{
    char to[PATH_MAX], *here = strdup(path);
    for (int links = 0; here != NULL && links <= MOST_LINKS; links++) {
        int followed = 0, reason = *here == '\0' ? ENOENT : led_astray(here, 0, &followed);
        if (reason != 0) {
            free(here);
            return errno = reason, NULL;
        }
        const char *slash = strrchr(here, '/');
        int folder = slash == NULL ? 0 : (int)(slash - here) + 1;
        ssize_t length = own_descriptor(here) >= 0 ? -1 : readlink(here, to, sizeof to - 1);
        char *next = NULL;
        struct stat link;
        if (length < 0 || lstat(here, &link) != 0)
            return here;
        to[length] = '\0';
        if (is_trap(here, &link)) {
            free(here);
            return errno = A_TRAP, NULL;
        }
        if (asprintf(&next, "%.*s%s", to[0] == '/' ? 0 : folder, here, to) < 0)
            next = NULL;
        free(here);
        here = next;
    }
    free(here);
    errno = ELOOP;
    return NULL;
}

/* A hidden file beside the target: only from there can it be renamed over the target. Freed with free(). */
static char *temporary_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    char *name = NULL;
    return asprintf(&name, "%.*s.%.200s.XXXXXX", folder, path, path + folder) < 0 ? NULL : name;
}

/* Opens what a name stands for, and tells whether a file is to replace it. */
static int open_target(struct session *session, const char *path, struct output_file *file)
{
    struct stat status;
    /* The kernel checks first: it does not follow another user's link in a folder such as /tmp. */
    int missing = stat(path, &status) == 0 ? 0 : errno, number = own_descriptor(file->path);
    if (strcmp(path, "-") == 0)
        number = STDOUT_FILENO;
    if (number >= 0)
        return fcntl(number, F_DUPFD_CLOEXEC, 3);
    if (missing == 0 && S_ISFIFO(status.st_mode) && is_trap(file->path, &status))
        return errno = A_TRAP, -1;
    if (missing == 0 && (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)))
        return open_patiently(session, file->path);
    if (missing != 0 && missing != ENOENT)
        return errno = missing, -1;
    if (missing == 0 && !S_ISREG(status.st_mode))
        return errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP, -1;
    file->temporary = temporary_name(file->path);
    return file->temporary == NULL ? -1 : mkostemp(file->temporary, O_CLOEXEC);
}

static void forget_file(struct output_file *file)
{
    int reason = errno;
    free(file->path);
    free(file->temporary);
    errno = reason;
}

int output_file_open(struct session *session, const char *path, struct output_file *file)
{
    *file = (struct output_file){.name = path, .path = behind_links(path), .fd = -1};
    if (file->path != NULL)
        file->fd = open_target(session, path, file);
    if (file->fd >= 0)
        return OCIREG_OK;
    forget_file(file);
    return file_failed(session, "write", path, errno);
}

/* The permissions and group of the file that is replaced, otherwise those that open() would give. A file of another
 * user grants nothing more, and a group that cannot be set gets no access. */
static mode_t permissions(int fd, const char *path)
{
    struct stat status;
    mode_t mask = umask(0), of_new;
    umask(mask);
    of_new = 0666 & ~mask;
    if (stat(path, &status) != 0)
        return of_new;
    /* Another user does not choose which group gets access. */
    if (status.st_uid != geteuid())
        return status.st_mode & of_new;
    return status.st_mode & (fchown(fd, (uid_t)-1, status.st_gid) == 0 ? 0777 : 0707);
}

int output_file_close(struct session *session, struct output_file *file, bool secret, int result)
{
    bool well = result == OCIREG_OK;
    if (file->temporary != NULL) {
        well = well && fchmod(file->fd, secret ? 0600 : permissions(file->fd, file->path)) == 0 && fsync(file->fd) == 0;
        well = close_well(file->fd, well) && rename(file->temporary, file->path) == 0;
    } else {
        well = close_well(file->fd, well);
    }
    if (!well && result == OCIREG_OK)
        result = file_failed(session, "write", file->name, errno);
    if (!well && file->temporary != NULL)
        unlink(file->temporary);
    forget_file(file);
    return result;
}

bool is_standard_output(const char *path)
{
    struct stat there, here;
    return strcmp(path, "-") == 0 ||
           (stat(path, &there) == 0 && fstat(STDOUT_FILENO, &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino);
}

int refuse_terminal(const char *path)
{
    if (!is_standard_output(path) || !isatty(STDOUT_FILENO))
        return OCIREG_OK;
    return report_usage("an archive is not written to a terminal: name a file for it, or use a pipe");
}

static int write_whole(struct session *session, const char *path, bool secret, const uint8_t *data, size_t size)
{
    struct output_file file;
    int result = output_file_open(session, path, &file);
    if (result != OCIREG_OK)
        return result;
    if (!write_patiently(session, file.fd, data, size))
        result = is_standard_output(path) && output_reader_left() ? OCIREG_OK : file_failed(session, "write", path, errno);
    return output_file_close(session, &file, secret, result);
}

int file_write_whole(struct session *session, const char *path, const uint8_t *data, size_t size)
{
    return write_whole(session, path, false, data, size);
}

int file_write_secret(struct session *session, const char *path, const uint8_t *data, size_t size)
{
    return write_whole(session, path, true, data, size);
}

int finish_beside(struct session *session, const char *path, ocireg_status status, char *json, ocireg_error *error)
{
    if (status != OCIREG_OK || !is_standard_output(path))
        return session_finish(session, status, json, error);
    bar_clear(&session->bar);
    ocireg_string_free(json);
    return OCIREG_OK;
}

/* The file of an archive that is the same as standard output, or NULL; with a descriptor, `-` means that one. Freed
 * with free(). */
static char *standard_output_of(const char *place, const char *descriptor)
{
    for (const struct place_kind *kind = place_kinds; kind->transport != NULL; kind++) {
        size_t length = strlen(kind->transport);
        const char *path = place + length + 1;
        char *file = NULL, *other = NULL;
        if (!kind->is_archive || strncmp(place, kind->transport, length) != 0 || place[length] != ':')
            continue;
        file = strndup(path, strcspn(path, ":"));
        if (file != NULL && descriptor != NULL && strcmp(file, "-") == 0 && asprintf(&other, "/dev/fd/%s", descriptor) >= 0) {
            free(file);
            file = other;
        }
        if (file != NULL && is_standard_output(file))
            return file;
        free(file);
    }
    return NULL;
}

int refuse_terminal_at(const char *place, const char *descriptor)
{
    char *file = standard_output_of(place, descriptor);
    int result = file == NULL ? OCIREG_OK : refuse_terminal(file);
    free(file);
    return result;
}

int finish_at(struct session *session, const char *place, const char *descriptor, ocireg_status status, char *json,
              ocireg_error *error)
{
    /* A dry run has not written there. */
    ocireg_json *done = json_parsed(json);
    bool written = status == OCIREG_OK && ocireg_json_kind(done, "/plan") == OCIREG_JSON_NONE;
    char *file = written ? standard_output_of(place, descriptor) : NULL;
    int result = file == NULL ? session_finish(session, status, json, error)
                              : finish_beside(session, file, status, json, error);
    free(file);
    ocireg_json_free(done);
    return result;
}
