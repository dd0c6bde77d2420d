/* The ocireg command, run by the shell. */
#ifndef OCIREG_TEST_COMMAND_H
#define OCIREG_TEST_COMMAND_H

#include "common.h"

/* The path of the command that was built with the library under test, unless the environment's OCIREG_TEST_COMMAND names another. */
const char *command(void);

/* The folder that what follows works in; a test makes it first. */
extern const char *folder;

/* Runs the command, anonymously and with empty standard input: its exit status, and what it wrote to standard output. What it wrote
 * to standard error is in folder/err. */
int run(const char *words, char **said);
char *errors_said(void);
/* It must succeed; or fail with this status and message. */
void expect_run(const char *words, char **said);
void expect_failure(int status, const char *words, const char *message);
/* Runs a line of a shell, in the folder, in which $0 is the command; it must succeed. */
void expect_shell(const char *line);
void expect_bash(const char *line);

#endif
