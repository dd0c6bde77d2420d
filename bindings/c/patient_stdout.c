/* A shell, ssh or a script's host may hand on a standard output that does not block. stdio gives up when that is full; here it waits. */
#include "patient_stdout.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* Whatever waits here for ever is ended by Ctrl-C and --deadline, as every write of ours. */
static ssize_t put(void *cookie, const char *data, size_t size)
{
    struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};
    size_t done = 0;
    (void)cookie;
    while (done < size) {
        ssize_t count = write(STDOUT_FILENO, data + done, size - done);
        if (count >= 0)
            done += (size_t)count;
        else if (errno == EAGAIN)
            poll(&wait, 1, -1);
        else if (errno != EINTR)
            return 0;
    }
    return (ssize_t)size;
}

void stdout_be_patient(void)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    FILE *patient;
    if (flags < 0 || (flags & O_NONBLOCK) == 0)
        return;
    patient = fopencookie(NULL, "w", (cookie_io_functions_t){.write = put});
    if (patient == NULL)
        return;
    setvbuf(patient, NULL, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF, BUFSIZ);
    stdout = patient;
}
