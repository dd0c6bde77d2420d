/* What one registry is: the library's rule, for the names that host_key gives. HOST:443 and https://HOST are one, HOST:80 and http://HOST are
 * one, and HOST alone is one of the two: what is said of it holds for HOST:443 and for http://HOST. */
#ifndef OCIREG_COMMAND_ONE_REGISTRY_H
#define OCIREG_COMMAND_ONE_REGISTRY_H

#include <stdbool.h>

/* The port that a name says, if it is 80 or 443; else 0. */
int registry_port(const char *name);
/* Whether two names have the same host, and the same port but for 80 and 443. */
bool registry_has_host_of(const char *name, const char *other);
/* Whether they also say the same port. */
bool registry_is(const char *name, const char *other);

#endif
