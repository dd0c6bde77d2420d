/* The registries that a command's arguments name. */
#ifndef OCIREG_COMMAND_REGISTRIES_H
#define OCIREG_COMMAND_REGISTRIES_H

#include "options.h"

/* What a command's first argument is. */
enum target {
    TARGET_NONE,     /* nothing that needs a registry */
    TARGET_LOCAL,    /* something on this machine that may take long: needs a client, but no registry */
    TARGET_REGISTRY, /* HOST[:PORT] */
    TARGET_NAME,     /* a name whose host is the registry */
    TARGET_SESSION,  /* an upload session: its URL or its JSON */
    TARGET_PLACE,    /* a place to copy from */
    TARGET_PLACES,   /* a place to copy from; the second argument is one to copy to */
    TARGET_PLACE_OF_MANY, /* a place to copy to; the words after the arguments are places to copy from, or digests */
};

/* Whether a name is that of a place other than a registry, which a registry command would take for an image on Docker Hub. */
bool is_other_place(const char *name);
/* Reports that it is, to a command that takes none, and which ones do. */
int report_other_place(const struct globals *globals, const char *name);

/* The most registries that one command deals with: an index is made of 1000 places. */
#define MOST_REGISTRIES 1001

struct command_line;

/* The hosts that the command's words name, each once, as the library spells them; of names without a registry those that they stand for.
 * Each is freed with free(), even when this fails. */
int registry_hosts(const struct globals *globals, enum target target, const struct command_line *line, char *hosts[MOST_REGISTRIES + 1]);

#endif
