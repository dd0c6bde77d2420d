/* The commands ping, detect and catalog. Shows: ocireg_registry_ping, ocireg_registry_detect, ocireg_registry_catalog. */
#include "command.h"

static int ping(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_registry_ping(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int detect(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_registry_detect(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int catalog(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_registry_catalog(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter ping_parameters[] = {
    {"--protocol", PARAMETER_NUMBER, OCIREG_OPT_VERSION, "N", "ask for this version only, 2 or 1"},
    {0},
};

const struct command command_ping = {
    .name = "ping",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .parameters = ping_parameters,
    .summary = "Ask a registry which API it speaks.",
    .run = ping,
};

const struct command command_detect = {
    .name = "detect",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .summary = "Find out whether a registry speaks protocol v2 or v1.",
    .run = detect,
};

static const struct parameter catalog_parameters[] = {
    {"--n", PARAMETER_NUMBER, OCIREG_OPT_N, "N", "one page of at most N, instead of all"},
    {"--all", PARAMETER_FLAG, OCIREG_OPT_ALL, NULL, "all, in pages of N"},
    {"--next", PARAMETER_TEXT, OCIREG_OPT_NEXT, "NEXT", "continue after the page that printed this next"},
    {"--last", PARAMETER_TEXT, OCIREG_OPT_LAST, "X", "start after this name"},
    {"--search", PARAMETER_TEXT, OCIREG_OPT_SEARCH, "TEXT", "only names that contain TEXT"},
    {"--regex", PARAMETER_TEXT, OCIREG_OPT_REGEX, "RE", "only names that match RE"},
    {0},
};

const struct command command_catalog = {
    .name = "catalog",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .parameters = catalog_parameters,
    .summary = "List the repositories.",
    .lines = "{/repositories/*}",
    .run = catalog,
};
