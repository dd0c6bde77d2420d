/* The commands layout list, layout check and layout clean. Show: ocireg_endpoint_list, ocireg_layout_check, ocireg_layout_clean. */
#include "command.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

/* DIR, or the place oci:DIR. */
static const char *folder(const struct command_line *line)
{
    const char *given = line->arguments[0];
    return strncmp(given, "oci:", 4) == 0 ? given + 4 : given;
}

static int list(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL, *place = NULL;
    ocireg_status status;
    if (asprintf(&place, "oci:%s", folder(line)) < 0)
        return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    status = ocireg_endpoint_list(session->client, session->context, place, line->options, &json, &error);
    free(place);
    return session_finish(session, status, json, error);
}

/* An incomplete layout is not an error of the call, but scripts need an exit status for it. */
static int check(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_layout_check(session->client, session->context, folder(line), line->options, &json, &error);
    ocireg_json *found = json_parsed(json);
    bool whole = ocireg_json_boolean(found, "/ok", true);
    ocireg_json_free(found);
    int result = session_finish(session, status, json, error);
    return result == OCIREG_OK && !whole ? OCIREG_MISSING_BLOB : result;
}

static int clean(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_layout_clean(session->client, session->context, folder(line), line->options, &json, &error);
    return session_finish(session, status, json, error);
}

const struct command command_layout_list = {
    .name = "layout list",
    .target = TARGET_LOCAL,
    .arguments = {"[oci:]DIR"},
    .summary = "List what an OCI layout holds: name, digest and type.",
    .lines = "{/images/*/names/0}\\t{/images/*/digest}\\t{/images/*/mediaType}",
    .run = list,
};

const struct command command_layout_check = {
    .name = "layout check",
    .target = TARGET_LOCAL,
    .arguments = {"[oci:]DIR"},
    .summary = "Read an OCI layout and check its digests; exit status 19 when something is missing or wrong.",
    .run = check,
};

static const struct parameter parameters[] = {
    {"--prune-sparse", PARAMETER_FLAG, OCIREG_OPT_PRUNE_SPARSE, NULL, "also remove what only missing manifests may need"},
    {0},
};

const struct command command_layout_clean = {
    .name = "layout clean",
    .target = TARGET_LOCAL,
    .arguments = {"[oci:]DIR"},
    .parameters = parameters,
    .summary = "Remove the blobs of an OCI layout that no image needs.",
    .run = clean,
};
