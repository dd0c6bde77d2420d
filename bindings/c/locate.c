/* The commands blob locate and manifest locate. Shows: ocireg_blob_locate, ocireg_manifest_locate. */
#include "command.h"

static int blob_locate(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_blob_locate(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int manifest_locate(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_manifest_locate(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter parameters[] = {
    {"--no-follow", PARAMETER_OFF, OCIREG_OPT_FOLLOW, NULL, "send no request: show the registry's own URL, which may redirect"},
    {"--check", PARAMETER_FLAG, OCIREG_OPT_CHECK, NULL, "also request what a redirect leads to, and follow its redirects"},
    {"--failed", PARAMETER_LIST, OCIREG_OPT_FAILED, "ENDPOINT", "a mirror whose URLs failed, as 'endpoint' in an earlier result; may be repeated"},
    {0},
};

const struct command command_blob_locate = {
    .name = "blob locate",
    .target = TARGET_NAME,
    .arguments = {"REPO@DIGEST"},
    .parameters = parameters,
    .summary = "Show the URLs where curl and others can get a blob, and the headers that each needs: secrets.",
    .run = blob_locate,
};

const struct command command_manifest_locate = {
    .name = "manifest locate",
    .target = TARGET_NAME,
    .arguments = {"REF"},
    .parameters = parameters,
    .summary = "Show the URLs where curl and others can get a manifest, and the headers that each needs: secrets.",
    .run = manifest_locate,
};
