/* The command parse. Shows: ocireg_reference_parse, which needs no client. */
#include "command.h"

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_reference_parse(line->arguments[0], line->options, &json, &error);
    if (status == OCIREG_OK || !is_other_place(line->arguments[0]))
        return session_finish(session, status, json, error);
    ocireg_error_free(error);
    return report_other_place(session->globals, line->arguments[0]);
}

static const struct parameter parameters[] = {
    {"--default-index", PARAMETER_TEXT, OCIREG_OPT_DEFAULT_INDEX, "REGISTRY", "the registry of names without one, instead of Docker Hub"},
    {0},
};

const struct command command_parse = {
    .name = "parse",
    .arguments = {"NAME"},
    .parameters = parameters,
    .summary = "Parse a name: index, official, remote, local and canonical name, tag, digest.",
    .run = run,
};
