/* The command untag. Shows: ocireg_tag_delete. */
#include "command.h"

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_tag_delete(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter parameters[] = {
    {"--list-others", PARAMETER_FLAG, OCIREG_OPT_LIST_OTHERS, NULL, "list the other tags with the same digest"},
    {"--replace", PARAMETER_FLAG, OCIREG_OPT_REPLACE, NULL, "if the registry cannot delete a tag, put an empty index there and delete that"},
    {0},
};

const struct command command_untag = {
    .name = "untag",
    .target = TARGET_PLACE,
    .arguments = {"PLACE"},
    .parameters = parameters,
    .summary = "Delete one tag of a registry and keep its manifest, or a name in a layout or an archive.",
    .run = run,
};
