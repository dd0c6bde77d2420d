/* The command tags. Shows: ocireg_repository_tags. */
#include "command.h"

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_repository_tags(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter parameters[] = {
    {"--n", PARAMETER_NUMBER, "n", "N", "one page of at most N, instead of all"},
    {"--all", PARAMETER_FLAG, "all", NULL, "all, in pages of N"},
    {"--next", PARAMETER_TEXT, "next", "NEXT", "continue after the page that printed this next"},
    {"--last", PARAMETER_TEXT, "last", "T", "start after this tag"},
    {"--digests", PARAMETER_FLAG, "digests", NULL, "also each tag's digest"},
    {0},
};

const struct command command_tags = {
    .name = "tags",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .parameters = parameters,
    .summary = "List a repository's tags.",
    .run = run,
};
