/* Questions at a terminal. */
#ifndef OCIREG_COMMAND_PROMPT_H
#define OCIREG_COMMAND_PROMPT_H

#include "session.h"

/* Whether there is a user to ask: standard input and standard error are terminals. */
bool prompt_is_possible(void);

/* Asks for one line, and reads it without its end. What is typed for a secret is not shown; a signal that ends or stops the command
 * meanwhile leaves the terminal as it was. --deadline ends the wait. `name` says in an error what was not given. */
int prompt_read(struct session *session, const char *question, const char *name, bool secret, char *line, size_t size);

#endif
