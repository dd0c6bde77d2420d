/* The endpoints that sent what several calls of one command have read. */
#ifndef OCIREG_COMMAND_SENDERS_H
#define OCIREG_COMMAND_SENDERS_H

#include <ocireg.h>

#include <stdio.h>

#define MOST_SENDERS 64

struct senders {
    char *hosts[MOST_SENDERS];
    size_t count;
};

/* Those of a result, whose "served_by" is one endpoint, a list of them, or null, and those of its "resolved_by", which come first. */
void senders_add(struct senders *senders, const ocireg_json *result);

/* As the items of a list in JSON. */
void senders_write(FILE *file, const struct senders *senders);

void senders_free(struct senders *senders);

#endif
