#include "credentials.h"

#include "files.h"
#include "prompt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_PASSWORD 65536
/* Of what a terminal gives as one line. */
#define LONGEST_LINE 4096

/* Reads standard input to its end. The buffer has room for one byte more than a password may have, and for the final
 * NUL. */
static ssize_t read_all(struct session *session, char *buffer)
{
    size_t length = 0;
    for (;;) {
        ssize_t got = file_read(session, STDIN_FILENO, (uint8_t *)buffer + length, LONGEST_PASSWORD + 1 - length);
        if (got < 0)
            return -1;
        length += (size_t)got;
        if (got == 0 || length > LONGEST_PASSWORD)
            return (ssize_t)length;
    }
}

static int read_stdin(struct session *session, char *buffer)
{
    ssize_t length = read_all(session, buffer);
    if (length < 0)
        return file_report(session, "the password", errno);
    if (length > LONGEST_PASSWORD)
        return report_usage("the password is longer than %d bytes", LONGEST_PASSWORD);
    if (length > 0 && buffer[length - 1] == '\n')
        length--;
    buffer[length] = '\0';
    if (length == 0)
        return report_usage("standard input holds no password");
    if (memchr(buffer, '\0', (size_t)length) != NULL)
        return report_usage("the password holds a zero byte");
    return OCIREG_OK;
}

static char *environment(const char *name)
{
    char *value = getenv(name);
    return value == NULL || *value == '\0' ? NULL : value;
}

static bool any(const struct globals *globals, enum setting_kind kind)
{
    for (size_t i = 0; i < globals->setting_count; i++)
        if (globals->settings[i].kind == kind)
            return true;
    return false;
}

/* The user name in the environment counts only if the command line gives no credentials at all. */
static const char *ambient_username(const struct globals *globals)
{
    if (globals->anonymous || any(globals, SETTING_USERNAME) || any(globals, SETTING_TOKEN))
        return NULL;
    return environment("OCIREG_USERNAME");
}

static int read_password(struct session *session, char **password)
{
    char *buffer = malloc(LONGEST_PASSWORD + 2);
    int status;
    if (buffer == NULL)
        return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    status = read_stdin(session, buffer);
    if (status == OCIREG_OK)
        *password = strdup(buffer);
    explicit_bzero(buffer, LONGEST_PASSWORD + 2);
    free(buffer);
    if (status == OCIREG_OK && *password == NULL)
        status = report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    return status;
}

/* A user name and a password are useful only together. */
static int check(const struct globals *globals, const struct credentials *credentials)
{
    bool named = any(globals, SETTING_USERNAME), ambient = credentials->username != NULL;
    bool password = globals->password_stdin || credentials->password != NULL;
    if (globals->password_stdin && !named && !ambient)
        return report_usage("--password-stdin needs --username or OCIREG_USERNAME");
    if (named && !password)
        return report_usage("--username needs --password-stdin or OCIREG_PASSWORD");
    if (ambient && !password)
        return report_usage("OCIREG_USERNAME needs --password-stdin or OCIREG_PASSWORD");
    return OCIREG_OK;
}

static int ask(struct session *session, const char *question, const char *name, bool secret, char **answer)
{
    char line[LONGEST_LINE];
    int status = prompt_read(session, question, name, secret, line, sizeof line);
    if (status == OCIREG_OK)
        *answer = strdup(line);
    explicit_bzero(line, sizeof line);
    if (status == OCIREG_OK && *answer == NULL)
        status = report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    return status;
}

/* What neither the command line nor the environment gave. */
static int ask_for_missing(struct session *session, struct credentials *credentials)
{
    const struct globals *globals = session->globals;
    int status = OCIREG_OK;
    if (globals->anonymous || globals->password_stdin || any(globals, SETTING_TOKEN) || !prompt_is_possible())
        return OCIREG_OK;
    if (credentials->username == NULL && !any(globals, SETTING_USERNAME))
        status = ask(session, "Username: ", "the user name", false, &credentials->username);
    if (status == OCIREG_OK && credentials->password == NULL)
        status = ask(session, "Password: ", "the password", true, &credentials->password);
    return status;
}

bool has_credentials(const struct setting *setting)
{
    static const char *const keys[] = {OCIREG_OPT_USERNAME "=", OCIREG_OPT_PASSWORD "=", OCIREG_OPT_TOKEN "=", OCIREG_OPT_IDENTITY_TOKEN "="};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (setting->kind == SETTING_HOST_OPTION && strncmp(setting->value, keys[i], strlen(keys[i])) == 0)
            return true;
    return false;
}

static bool any_named(const struct globals *globals)
{
    for (size_t i = 0; i < globals->setting_count; i++)
        if (has_credentials(&globals->settings[i]))
            return true;
    return false;
}

/* Whether no credentials are given, and --anonymous is not either. */
static bool no_credentials(const struct globals *globals, const struct credentials *credentials)
{
    return !globals->anonymous && credentials->username == NULL && !any(globals, SETTING_USERNAME) && !any(globals, SETTING_TOKEN) &&
           !any_named(globals);
}

/* A copy of a text, or NULL for NULL; false when there is no memory for it. */
static bool copy(const char *text, char **to)
{
    *to = text == NULL ? NULL : strdup(text);
    return text == NULL || *to != NULL;
}

int credentials_read(struct session *session, bool may_ask, struct credentials *credentials)
{
    const struct globals *globals = session->globals;
    int status;
    if (!copy(ambient_username(globals), &credentials->username) ||
        (!globals->password_stdin && !copy(environment("OCIREG_PASSWORD"), &credentials->password)))
        return report_failure(session->output, OCIREG_INTERNAL, "out of memory");
    status = may_ask ? ask_for_missing(session, credentials) : OCIREG_OK;
    if (status == OCIREG_OK)
        status = check(globals, credentials);
    if (status == OCIREG_OK && may_ask && no_credentials(globals, credentials))
        status = report_usage("without a terminal to ask for them a user name and a password are needed: --username U --password-stdin, or "
                              "OCIREG_USERNAME and OCIREG_PASSWORD");
    if (status == OCIREG_OK && globals->password_stdin)
        status = read_password(session, &credentials->password);
    return status;
}

void credentials_forget(struct credentials *credentials)
{
    if (credentials->password != NULL)
        explicit_bzero(credentials->password, strlen(credentials->password));
    free(credentials->password);
    free(credentials->username);
    *credentials = (struct credentials){0};
}
