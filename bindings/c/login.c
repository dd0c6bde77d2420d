/* The commands login, logout and explain. Shows: ocireg_login, ocireg_logout, ocireg_explain. */
#include "command.h"

/* The user name and password come from --username, --password-stdin, the environment and the terminal (credentials.c): they belong to
 * the host's settings, which hosts.c has set. */
static int login(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_login(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int logout(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_logout(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static int explain(struct session *session, const struct command_line *line)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_status status =
        ocireg_explain(session->client, session->context, line->arguments[0], line->options, &json, &error);
    return session_finish(session, status, json, error);
}

static const struct parameter login_parameters[] = {
    {"--offline-token", PARAMETER_FLAG, OCIREG_OPT_OFFLINE_TOKEN, NULL, "keep an identity token instead of the password"},
    {"--scope", PARAMETER_LIST, OCIREG_OPT_SCOPE, "SCOPE", "what the token is for, such as repository:team/app:pull; may be repeated"},
    {"--no-store", PARAMETER_OFF, OCIREG_OPT_STORE, NULL, "only check them"},
    {"--credentials-file", PARAMETER_TEXT, OCIREG_OPT_CREDENTIALS_FILE, "FILE", "keep them in this file"},
    {"--print-token", PARAMETER_FLAG, OCIREG_OPT_RETURN_TOKEN, NULL, "include the token in the result"},
    {0},
};

const struct command command_login = {
    .name = "login",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .parameters = login_parameters,
    .summary = "Check the user name and password, and store them where Docker does. What is missing is asked for at a terminal.",
    .asks = true,
    .run = login,
};

static const struct parameter logout_parameters[] = {
    {"--credentials-file", PARAMETER_TEXT, OCIREG_OPT_CREDENTIALS_FILE, "FILE", "remove them from this file, and nowhere else"},
    {0},
};

const struct command command_logout = {
    .name = "logout",
    .target = TARGET_REGISTRY,
    .arguments = {"REGISTRY"},
    .parameters = logout_parameters,
    .summary = "Remove the stored credentials of a registry.",
    .run = logout,
};

const struct command command_explain = {
    .name = "explain",
    .target = TARGET_NAME,
    .arguments = {"REF"},
    .summary = "Show where a call for REF would go, and with which credentials.",
    .run = explain,
};
