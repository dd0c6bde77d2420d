/* The ocireg command at a terminal. */
#ifndef OCIREG_TEST_TERMINAL_H
#define OCIREG_TEST_TERMINAL_H

#include "common.h"

#include <sys/types.h>

struct terminal {
    pid_t process;
    int side, its_side; /* the tester's end, and the command's, which is not closed here either */
    char *said;
    size_t size;
};

/* Starts the command, with words separated by spaces, at a terminal of its own; `variables` are set ("A=b C=d"). */
struct terminal terminal_start(const char *variables, const char *words);
/* The same with a line for the shell. */
struct terminal terminal_line(const char *line);
/* Reads until it has said this since the last wait. */
void terminal_wait(struct terminal *terminal, const char *what);
void terminal_type(struct terminal *terminal, const char *keys);
/* Whether the terminal shows what is typed. */
bool terminal_echoes(const struct terminal *terminal);
/* Reads to the end: the wait status. `said` is then all that it has said. */
int terminal_end(struct terminal *terminal);

/* What the command shows there; it must end well. */
char *terminal_run(const char *variables, const char *words);

#endif
