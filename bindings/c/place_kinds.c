/* The kinds of places on this machine, a row for each. */
#include "place_kinds.h"

#include <stdio.h>
#include <string.h>

const struct place_kind place_kinds[] = {
    {"oci", false, true, "oci:DIR[:NAME], oci:DIR@DIGEST", "an OCI image layout"},
    {"oci-archive", true, true, "oci-archive:FILE[:NAME]", "a tar archive of one"},
    {"docker-archive", true, false, "docker-archive:FILE[:REF]", "what docker save writes and docker load reads"},
    {"dir", false, false, "dir:DIR", "one image in a folder, in skopeo's format"},
    {NULL, false, false, NULL, NULL},
};

const struct place_kind *place_kind_of(const char *transport)
{
    for (const struct place_kind *kind = place_kinds; transport != NULL && kind->transport != NULL; kind++)
        if (strcmp(kind->transport, transport) == 0)
            return kind;
    return NULL;
}

static void line(const char *forms, const char *about)
{
    printf("    %-33s%s\n", forms, about);
}

void place_kinds_help(void)
{
    line("[docker://]REF", "in a registry");
    for (const struct place_kind *kind = place_kinds; kind->transport != NULL; kind++)
        line(kind->forms, kind->about);
    fputs("FILE may be - for standard input or output, a pipe or a device. When an archive is read, NAME and REF may be\n"
          "@INDEX, the number of an image in it.\n",
          stdout);
}

void place_kinds_pattern(void)
{
    for (const struct place_kind *kind = place_kinds; kind->transport != NULL; kind++)
        printf("%c%s", kind == place_kinds ? '(' : '|', kind->transport);
    fputs("):", stdout);
}
