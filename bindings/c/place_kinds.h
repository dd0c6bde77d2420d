/* The kinds of places on this machine: the one table that the help, the completion and what asks about a place read. */
#ifndef OCIREG_COMMAND_PLACE_KINDS_H
#define OCIREG_COMMAND_PLACE_KINDS_H

#include <stdbool.h>
#include <stddef.h>

struct place_kind {
    const char *transport; /* what its names begin with, without the colon */
    bool is_archive;       /* it is a file, and may be standard input or output */
    bool has_digests;      /* a manifest in it can be named PATH@DIGEST */
    const char *forms;     /* how it is named, for the help */
    const char *about;
};

/* All of them; the last has no transport. */
extern const struct place_kind place_kinds[];

/* The kind of a transport; NULL for a registry. */
const struct place_kind *place_kind_of(const char *transport);

/* Prints the lines of the help. */
void place_kinds_help(void);

/* Prints `(oci|dir):`, a pattern for what the names begin with. */
void place_kinds_pattern(void);

#endif
