/* The command referrers. Shows: ocireg_referrers. */
#include "command.h"

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_referrers(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter parameters[] = {
    {"--artifact-type", PARAMETER_TEXT, OCIREG_OPT_ARTIFACT_TYPE, "T", "only those of this type"},
    {"--annotation", PARAMETER_LIST, OCIREG_OPT_ANNOTATIONS, "KEY[=VALUE]", "only those with this annotation"},
    {"--max", PARAMETER_NUMBER, OCIREG_OPT_MAX, "N", "at most N"},
    {"--next", PARAMETER_TEXT, OCIREG_OPT_NEXT, "NEXT", "continue after the list that printed this next"},
    {0},
};

const struct command command_referrers = {
    .name = "referrers",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = parameters,
    .summary = "List what refers to a manifest, such as signatures and attestations.",
    .lines = "{/referrers/*/digest}\\t{/referrers/*/artifactType}\\t{/referrers/*/size}",
    .run = run,
};
