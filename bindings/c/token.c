/* The command token. Shows: ocireg_token. */
#include "command.h"
#include "json.h"

/* The header as a line, as curl takes it with -H @-; nothing, and the reason to standard error, when none is to be sent. */
static int print_header(struct session *session, const char *json)
{
    const struct output *output = session->output;
    ocireg_json *token = json_parsed(json);
    const char *value = ocireg_json_text(token, "/header/value");
    const char *reason = ocireg_json_text(token, "/reason");
    int result = OCIREG_OK;
    if (value != NULL)
        printf("%s: %s\n", ocireg_json_text(token, "/header/name"), value);
    else if (reason != NULL)
        fprintf(stderr, "ocireg: no header: %s\n", reason);
    else
        result = report_failure(output, OCIREG_INTERNAL, "out of memory");
    ocireg_json_free(token);
    return result == OCIREG_OK ? output_flush(output) : result;
}

static int run(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status = ocireg_token(session->client, session->context, line->arguments[0], line->options, &json, &error);
    int result;
    if (status != OCIREG_OK || !line->raw)
        return session_finish(session, status, json, error);
    result = print_header(session, json);
    ocireg_string_free(json);
    return result;
}

/* The options fresh, refused and min_validity_ms are about the tokens that a client has: each run of the command begins without any, so that
   a run after a refusal gets a new one. */
static const struct parameter parameters[] = {
    {"--header", PARAMETER_RAW, NULL, NULL, "only the header, as curl -H @- reads it; nothing when none is needed"},
    {"--actions", PARAMETER_TEXT, OCIREG_OPT_ACTIONS, "ACTION[,ACTION]", "what it is for: pull, push, delete (pull)"},
    {"--scope", PARAMETER_LIST, OCIREG_OPT_SCOPE, "SCOPE", "what it is for as well, such as repository:team/base:pull; may be repeated"},
    {0},
};

const struct command command_token = {
    .name = "token",
    .target = TARGET_NAME,
    .arguments = {"REPO"},
    .parameters = parameters,
    .summary = "Show the header that a request of your own to a repository needs, such as curl's, with its token: a secret.",
    .run = run,
};
