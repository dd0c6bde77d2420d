/* Names of places: a registry's repository, a layout, an archive, a directory. */
#ifndef OCIREG_COMMAND_PLACE_H
#define OCIREG_COMMAND_PLACE_H

#include "session.h"

/* The name of a place with its host and tag, as the library spells it; what is not a registry's is as it was given. Freed with free(). */
char *place_full_name(const char *place);

/* The same place, if it is an archive on standard input, as a file that can be read more than once: standard input is poured into one.
 * Any other place stays as it is. Freed with free(). */
int place_to_read_again(struct session *session, const char *place, char **name);

/* The name of a manifest beside the one that a place names, by its digest. NULL where a manifest has no such name. Freed with free(). */
char *place_beside(const char *place, const char *digest);

#endif
