/* What the user said about single hosts: credentials, --plain-http=HOST and --insecure=HOST. */
#ifndef OCIREG_COMMAND_HOSTS_H
#define OCIREG_COMMAND_HOSTS_H

#include "credentials.h"

/* Gives the client the settings of the command's registries (a list ended by NULL) and of every host that an option
 * names. With `is_list` a file names others, and each setting has to name its own. */
int hosts_set(struct session *session, char *const *registries, bool is_list, const struct credentials *credentials);

#endif
