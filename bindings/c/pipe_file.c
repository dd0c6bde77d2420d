#include "pipe_file.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

/* The file without a name that stands for a pipe. */
struct poured {
    struct poured *next;
    char *pipe; /* as the user wrote it */
    int fd;
    bool full;
    char name[32]; /* what the file is called in this process */
};

static struct poured *first;

static int nameless_file(void)
{
    const char *folder = getenv("TMPDIR");
    char *name = NULL;
    int fd;
    if (asprintf(&name, "%s/.ocireg.XXXXXX", folder == NULL || *folder == '\0' ? "/tmp" : folder) < 0)
        return -1;
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    free(name);
    return fd;
}

static bool is_pipe(const char *file)
{
    struct stat status;
    if (is_dash(file))
        return fstat(STDIN_FILENO, &status) != 0 || !S_ISREG(status.st_mode);
    return stat(file, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

/* NULL when there can be no such file. */
static struct poured *new_poured(const char *pipe)
{
    struct poured *new = calloc(1, sizeof *new);
    if (new == NULL || (new->pipe = strdup(pipe)) == NULL || (new->fd = nameless_file()) < 0) {
        if (new != NULL)
            free(new->pipe);
        free(new);
        return NULL;
    }
    snprintf(new->name, sizeof new->name, "/dev/fd/%d", new->fd);
    return new;
}

const char *file_for_library(const char *file)
{
    struct poured **at = &first;
    if (is_pipe(file)) {
        while (*at != NULL && strcmp((*at)->pipe, file) != 0)
            at = &(*at)->next;
        if (*at == NULL)
            *at = new_poured(file);
        if (*at != NULL)
            return (*at)->name;
    }
    return is_dash(file) ? "/dev/stdin" : file;
}

static int pour(struct session *session, const struct poured *into, int from)
{
    static uint8_t buffer[PIECE];
    ssize_t got;
    while ((got = file_read(session, from, buffer, sizeof buffer)) > 0)
        for (ssize_t done = 0, put; done < got; done += put) {
            put = write(into->fd, buffer + done, (size_t)(got - done));
            if (put < 0)
                return file_failed(session, "write", "a temporary file", errno);
        }
    lseek(into->fd, 0, SEEK_SET);
    return got == 0 ? OCIREG_OK : file_report(session, is_dash(into->pipe) ? "standard input" : into->pipe, errno);
}

int pipes_pour(struct session *session)
{
    int status = OCIREG_OK;
    for (struct poured *at = first; status == OCIREG_OK && at != NULL; at = at->next) {
        int from;
        if (at->full)
            continue;
        status = file_open(session, at->pipe, &from);
        if (status != OCIREG_OK)
            return status;
        status = pour(session, at, from);
        at->full = status == OCIREG_OK;
        close(from);
    }
    return status;
}
