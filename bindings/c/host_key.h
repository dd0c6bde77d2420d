#ifndef OCIREG_HOST_KEY_H
#define OCIREG_HOST_KEY_H

/* What all spellings of a host have in common: the library takes "Reg.example", "reg.example:443" and "reg.example" for one host, whose settings
 * replace each other. Freed with free(); NULL without memory. */
char *host_key(const char *host);

#endif
