/* The user name and password of a command's registries. */
#ifndef OCIREG_COMMAND_CREDENTIALS_H
#define OCIREG_COMMAND_CREDENTIALS_H

#include "session.h"

struct credentials {
    char *username; /* for registries for which no option names one; NULL: none */
    char *password; /* NULL: none */
};

/* Whether it is an option of a host that is part of its credentials. */
bool has_credentials(const struct setting *setting);

/* The password from standard input if the user asked for that, otherwise from the environment; the user name from there too. For a
 * command that is about them, what is missing is asked for at the terminal. */
int credentials_read(struct session *session, bool may_ask, struct credentials *credentials);
/* Erases and frees them. */
void credentials_forget(struct credentials *credentials);

#endif
