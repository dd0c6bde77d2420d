#include "prompt.h"

#include "clock.h"
#include "files.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Signals by which the terminal would stay without echo. */
static const int deadly[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
#define DEADLY (sizeof deadly / sizeof *deadly)

struct guard {
    struct sigaction before[DEADLY];
    sigset_t mask; /* before the signals were blocked */
};

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* From here on the signals are only noted, and only while the command waits: see wait_for_line. What was ignored stays so. */
static void guard_begin(struct guard *guard)
{
    struct sigaction note = {.sa_handler = on_signal};
    sigset_t set;
    sigemptyset(&set);
    sigemptyset(&note.sa_mask);
    caught = 0;
    for (size_t i = 0; i < DEADLY; i++)
        sigaddset(&set, deadly[i]);
    sigprocmask(SIG_BLOCK, &set, &guard->mask);
    for (size_t i = 0; i < DEADLY; i++) {
        sigaction(deadly[i], NULL, &guard->before[i]);
        if (guard->before[i].sa_handler != SIG_IGN)
            sigaction(deadly[i], &note, NULL);
    }
}

/* The signal that came does now what it does to any program. */
static void guard_end(const struct guard *guard)
{
    for (size_t i = 0; i < DEADLY; i++)
        sigaction(deadly[i], &guard->before[i], NULL);
    if (caught != 0)
        raise(caught);
    sigprocmask(SIG_SETMASK, &guard->mask, NULL);
}

bool prompt_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* Waits until a line was typed, or a signal came. */
static bool wait_for_line(const struct session *session, const struct guard *guard)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
    int64_t left = session->end - clock_ms();
    struct timespec time = {.tv_sec = (time_t)(left / 1000), .tv_nsec = (long)(left % 1000) * 1000000};
    int ready;
    if (session->end > 0 && left <= 0)
        return errno = ETIMEDOUT, false;
    ready = ppoll(&wait, 1, session->end > 0 ? &time : NULL, &guard->mask);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0;
}

/* A terminal gives whole lines. -1: errno says why not. */
static ssize_t read_line(const struct session *session, const struct guard *guard, char *line, size_t size)
{
    ssize_t got = wait_for_line(session, guard) ? read(STDIN_FILENO, line, size - 1) : -1;
    if (got < 0)
        return -1;
    line[got] = '\0';
    return (ssize_t)(strcspn(line, "\n"));
}

static ssize_t ask_once(const struct session *session, const char *question, bool secret, char *line, size_t size)
{
    struct termios before, quiet;
    struct guard guard;
    ssize_t length = -1;
    int reason;
    guard_begin(&guard);
    if (tcgetattr(STDIN_FILENO, &before) == 0) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)(secret ? ECHO : 0);
        /* The question comes when what answers it is no longer shown. */
        if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0 && fputs(question, stderr) >= 0)
            length = read_line(session, &guard, line, size);
        reason = errno;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
        errno = reason;
    }
    reason = errno;
    if (secret || length < 0 || line[length] != '\n') /* nothing has ended the line that is shown */
        fputc('\n', stderr);
    guard_end(&guard);
    errno = reason;
    return length;
}

int prompt_read(struct session *session, const char *question, const char *name, bool secret, char *line, size_t size)
{
    ssize_t length;
    do
        length = ask_once(session, question, secret, line, size);
    while (length < 0 && errno == EINTR); /* stopped, and continued */
    if (length < 0)
        return file_report(session, name, errno);
    line[length] = '\0';
    return length > 0 ? OCIREG_OK : report_usage("no %s was given", name + strlen("the "));
}
