#include "senders.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

static void add(struct senders *senders, const char *host)
{
    for (size_t i = 0; host != NULL && i < senders->count; i++)
        if (strcmp(senders->hosts[i], host) == 0)
            return;
    if (host != NULL && senders->count < MOST_SENDERS && (senders->hosts[senders->count] = strdup(host)) != NULL)
        senders->count++;
}

static void add_all(struct senders *senders, const ocireg_json *result, const char *member)
{
    for (size_t i = 0; i < ocireg_json_size(result, member); i++)
        add(senders, ocireg_json_text(ocireg_json_item(result, member, i), NULL));
}

void senders_add(struct senders *senders, const ocireg_json *result)
{
    add_all(senders, result, "/resolved_by");
    add(senders, ocireg_json_text(result, "/served_by"));
    add_all(senders, result, "/served_by");
}

void senders_write(FILE *file, const struct senders *senders)
{
    for (size_t i = 0; i < senders->count; i++) {
        fputs(i == 0 ? "" : ",", file);
        json_quote(file, senders->hosts[i]);
    }
}

void senders_free(struct senders *senders)
{
    for (size_t i = 0; i < senders->count; i++)
        free(senders->hosts[i]);
    senders->count = 0;
}
