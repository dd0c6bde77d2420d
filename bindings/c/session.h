/* What a command that talks to a registry needs: a client with the settings of its hosts, and a context. */
#ifndef OCIREG_COMMAND_SESSION_H
#define OCIREG_COMMAND_SESSION_H

#include "bar.h"
#include "options.h"
#include "registries.h"
#include "signals.h"

struct command;
struct command_line;

struct session {
    const struct globals *globals;
    const struct output *output;
    ocireg_client *client;
    ocireg_context *context;
    struct watcher watcher;
    int64_t end; /* when --deadline is over, in milliseconds of a steady clock; 0: never */
    struct bar bar;
    size_t warned; /* how many warnings were written */
    const char *lines; /* how the command's result looks for people: see result.h */
};

/* Opens a session with the registries that the arguments name. session_close() must be called even when this fails. */
int session_open(struct session *session, const struct globals *globals, const struct command *command, const struct command_line *line);
void session_close(struct session *session);

/* Writes a warning when it comes: of a wait, for one, which would otherwise be silent. Other events are ignored. */
void session_note_warning(struct session *session, const char *event);

/* Shows the transfer's progress, if wanted and possible. */
int session_show_progress(struct session *session);
/* How long to wait before calling this again, in milliseconds. -1: the command must end, and errno says why:
 * ECANCELED after Ctrl-C, ETIMEDOUT after --deadline. */
int session_patience(struct session *session);

/* Prints a result, which is JSON; it is not freed. */
int session_print(struct session *session, const char *json);
/* Whether a single value is printed as a member of an object. */
bool session_prints_objects(const struct session *session);
/* Prints a single value, on a line of its own after `before` (for people that is, and to a pipe too), or as a member of a JSON object. */
int session_print_value(struct session *session, const char *name, const char *value, const char *before);
/* Prints a call's result, or reports its error. Frees both. */
int session_finish(struct session *session, ocireg_status status, char *json, ocireg_error *error);
/* Reports a call's error and frees it. */
int session_report(struct session *session, ocireg_error *error);

#endif
