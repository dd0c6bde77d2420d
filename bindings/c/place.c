/* Shows: ocireg_endpoint_parse, ocireg_reference_parse. */
#include "place.h"

#include "json.h"
#include "pipe_file.h"
#include "place_kinds.h"

#include <stdlib.h>
#include <string.h>

static ocireg_json *parsed(const char *place)
{
    char *text = NULL;
    ocireg_json *json = NULL;
    if (ocireg_endpoint_parse(place, &text, NULL) == OCIREG_OK)
        json = json_parsed(text);
    ocireg_string_free(text);
    return json;
}

char *place_full_name(const char *place)
{
    ocireg_json *json = parsed(place);
    const char *reference = ocireg_json_text(json, "/reference");
    char *name = strdup(reference != NULL ? reference : place);
    ocireg_json_free(json);
    return name;
}

int place_to_read_again(struct session *session, const char *place, char **name)
{
    ocireg_json *json = parsed(place);
    const char *path = ocireg_json_text(json, "/path"), *image = ocireg_json_text(json, "/name");
    const struct place_kind *kind = place_kind_of(ocireg_json_text(json, "/transport"));
    const char *file = path != NULL && kind != NULL && kind->is_archive ? file_for_library(path) : path;
    int result = OCIREG_OK;
    *name = NULL;
    if (file == path)
        *name = strdup(place);
    else if (asprintf(name, "%s:%s%s%s", kind->transport, file, image == NULL ? "" : ":",
                      image == NULL ? "" : image) < 0)
        *name = NULL;
    ocireg_json_free(json);
    if (*name == NULL)
        result = report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    return result == OCIREG_OK ? pipes_pour(session) : result;
}

static char *beside_reference(const char *reference, const char *digest)
{
    char *text = NULL, *name = NULL;
    ocireg_json *json = NULL;
    const char *index, *repository;
    if (ocireg_reference_parse(reference, NULL, &text, NULL) == OCIREG_OK)
        json = json_parsed(text);
    index = ocireg_json_text(json, "/index/name");
    repository = ocireg_json_text(json, "/remote_name");
    if (index != NULL && repository != NULL && asprintf(&name, "%s/%s@%s", index, repository, digest) < 0)
        name = NULL;
    ocireg_json_free(json);
    ocireg_string_free(text);
    return name;
}

char *place_beside(const char *place, const char *digest)
{
    ocireg_json *json = parsed(place);
    const char *transport = ocireg_json_text(json, "/transport");
    const struct place_kind *kind = place_kind_of(transport);
    char *name = NULL;
    int length = 0;
    if (transport != NULL && strcmp(transport, "docker") == 0)
        name = beside_reference(ocireg_json_text(json, "/reference"), digest);
    else if (kind != NULL && kind->has_digests)
        length = asprintf(&name, "%s:%s@%s", transport, ocireg_json_text(json, "/path"), digest);
    ocireg_json_free(json);
    return length < 0 ? NULL : name;
}
