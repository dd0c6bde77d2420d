#include "standard_input.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE 65536

/* The file without a name, and what it is called in this process. */
static int poured = -1;
static char poured_name[32];

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

const char *file_for_library(const char *file)
{
    struct stat status;
    if (!is_dash(file))
        return file;
    if (fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode))
        return "/dev/stdin";
    if (poured < 0)
        poured = nameless_file();
    if (poured < 0)
        return "/dev/stdin";
    snprintf(poured_name, sizeof poured_name, "/dev/fd/%d", poured);
    return poured_name;
}

int standard_input_pour(struct session *session)
{
    static uint8_t buffer[PIECE];
    ssize_t got;
    if (poured < 0)
        return OCIREG_OK;
    while ((got = file_read(session, STDIN_FILENO, buffer, sizeof buffer)) > 0)
        for (ssize_t done = 0, put; done < got; done += put) {
            put = write(poured, buffer + done, (size_t)(got - done));
            if (put < 0)
                return file_failed(session, "write", "a temporary file", errno);
        }
    lseek(poured, 0, SEEK_SET);
    return got == 0 ? OCIREG_OK : file_report(session, "standard input", errno);
}
