/* How a session begins. Shows: ocireg_context_new, _set_deadline, _set_log. */
#include "command.h"

#include "client.h"
#include "clock.h"
#include "hosts.h"
#include "registries.h"
#include "pipe_file.h"
#include "trace.h"

#include <stdlib.h>
#include <string.h>

static int open_client(struct session *session)
{
    ocireg_error *error = NULL;
    ocireg_status status = client_open(session->globals, &session->client, &error);
    return status == OCIREG_OK ? OCIREG_OK : report_error(session->output, error);
}

static int32_t on_log(void *userdata, const char *event)
{
    struct session *session = userdata;
    if (session->globals->verbosity > 0) {
        bar_clear(&session->bar);
        trace_event(event, session->globals->verbosity > 1);
    }
    session_note_warning(session, event);
    return 0;
}

/* 0 when there is no deadline, or one too far away to matter. */
static int64_t end_of(const struct globals *globals)
{
    int64_t now = clock_ms();
    return globals->deadline_ms > 0 && globals->deadline_ms < INT64_MAX - now ? now + globals->deadline_ms : 0;
}

/* The rest of --deadline; waiting for a password may have used some of it. */
static int64_t time_left(const struct session *session)
{
    int64_t left = session->end - clock_ms();
    return left > 1 ? left : 1;
}

static int open_context(struct session *session)
{
    ocireg_error *error = NULL;
    ocireg_status status = ocireg_context_new(&session->context, &error);
    if (status == OCIREG_OK && session->end > 0)
        status = ocireg_context_set_deadline(session->context, time_left(session), &error);
    if (status == OCIREG_OK && (session->globals->verbosity > 0 || !session->globals->quiet))
        status = ocireg_context_set_log(session->context, on_log, session, &error);
    return status == OCIREG_OK ? OCIREG_OK : report_error(session->output, error);
}

/* Credentials and standard input are read before Ctrl-C is watched, so that Ctrl-C still ends a command that waits for them. */
static int open_all(struct session *session, const struct command *command, bool is_list, char *const *hosts, struct credentials *credentials)
{
    int status = credentials_read(session, command->asks, credentials);
    if (status == OCIREG_OK)
        status = pipes_pour(session);
    if (status == OCIREG_OK)
        status = open_context(session);
    if (status == OCIREG_OK) {
        int reason = watcher_start(&session->watcher, session->context, session->output, session->end);
        if (reason != 0)
            status = report_failure(session->output, OCIREG_IO, "cannot start a thread: %s", strerror(reason));
    }
    if (status == OCIREG_OK)
        status = open_client(session);
    if (status == OCIREG_OK)
        status = hosts_set(session, hosts, is_list, credentials);
    return status;
}

int session_open(struct session *session, const struct globals *globals, const struct command *command, const struct command_line *line)
{
    char *hosts[MOST_REGISTRIES + 1] = {NULL};
    struct credentials credentials = {0};
    int status;
    session->globals = globals;
    session->output = &globals->output;
    session->end = end_of(globals);
    session->lines = command->lines;
    if (command->target == TARGET_NONE)
        return OCIREG_OK;
    /* A list has registries of its own, which are not known here: settings name theirs. */
    bool is_list = command == &command_sync && line->from != NULL;
    status = registry_hosts(globals, is_list ? TARGET_LOCAL : command->target, line, hosts);
    if (status == OCIREG_OK)
        status = open_all(session, command, is_list, hosts, &credentials);
    credentials_forget(&credentials);
    for (size_t i = 0; hosts[i] != NULL; i++)
        free(hosts[i]);
    return status;
}
