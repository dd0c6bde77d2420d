#include "terminal.h"

#include "command.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

enum { MOST = 65536 };

struct terminal terminal_start(const char *variables, const char *words) {
    return terminal_line(text("exec env %s %s %s", variables, command(), words));
}

struct terminal terminal_line(const char *line) {
    struct terminal terminal = {.said = keep(calloc(1, MOST), free)};
    assert_int_equal(openpty(&terminal.side, &terminal.its_side, NULL, NULL, NULL), 0);
    terminal.process = fork();
    assert_true(terminal.process >= 0);
    if (terminal.process == 0) {
        close(terminal.side);
        login_tty(terminal.its_side);
        alarm(60);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    return terminal;
}

/* False: there is nothing to read for as long as this. */
static bool read_more(struct terminal *terminal, int milliseconds) {
    struct pollfd wait = {.fd = terminal->side, .events = POLLIN};
    if (poll(&wait, 1, milliseconds) != 1) return false;
    ssize_t got = read(terminal->side, terminal->said + terminal->size, MOST - 1 - terminal->size);
    if (got > 0) terminal->size += (size_t)got;
    terminal->said[terminal->size] = '\0';
    return got > 0;
}

void terminal_wait(struct terminal *terminal, const char *what) {
    const char *from = terminal->said;
    while (!strstr(from, what)) {
        if (!read_more(terminal, 20000)) fail_msg("it ended without '%s': %s", what, terminal->said);
    }
    /* What was seen is not found again. */
    size_t seen = (size_t)(strstr(from, what) + strlen(what) - from);
    memmove(terminal->said, terminal->said + seen, terminal->size - seen + 1);
    terminal->size -= seen;
}

void terminal_type(struct terminal *terminal, const char *keys) {
    assert_int_equal(write(terminal->side, keys, strlen(keys)), strlen(keys));
}

bool terminal_echoes(const struct terminal *terminal) {
    struct termios mode;
    assert_int_equal(tcgetattr(terminal->its_side, &mode), 0);
    return (mode.c_lflag & ECHO) != 0;
}

int terminal_end(struct terminal *terminal) {
    int status;
    while (waitpid(terminal->process, &status, WNOHANG) == 0) read_more(terminal, 20);
    while (read_more(terminal, 0)) continue;
    return status;
}

char *terminal_run(const char *variables, const char *words) {
    struct terminal terminal = terminal_start(variables, words);
    int status = terminal_end(&terminal);
    if (status != 0) fail_msg("%s: wait status %#x: %s", words, (unsigned)status, terminal.said);
    return terminal.said;
}
