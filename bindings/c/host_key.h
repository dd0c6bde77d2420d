#ifndef OCIREG_COMMAND_HOST_KEY_H
#define OCIREG_COMMAND_HOST_KEY_H

#include <ocireg.h>

/* What all spellings of a registry's host have in common, so that "Reg.example" and "reg.example:443" are one. Freed with free(). */
char *host_key(const char *host, ocireg_error **error);

#endif
