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
};

/* Whether a name is that of a place other than a registry, which a registry command would take for an image on Docker Hub. */
bool is_other_place(const char *name);
/* Reports that it is, to a command that takes none, and which ones do. */
int report_other_place(const struct output *output, const char *name);

/* The most registries that one command deals with. */
#define MOST_REGISTRIES 2

/* The hosts that the arguments name, each once, as the library spells them; of names without a registry those that they stand for. Each is
 * freed with free(), even when this fails. */
int registry_hosts(const struct globals *globals, enum target target, const char *const *arguments,
                   char *hosts[MOST_REGISTRIES + 1]);

#endif
