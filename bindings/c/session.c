/* Shows: ocireg_client_new, _close, _free; ocireg_context_new, _set_deadline, _set_log, _set_progress, _set_blob_progress,
 * _warnings, _free; ocireg_index_parse and ocireg_reference_parse for the name of a host. */
#include "session.h"

#include "clock.h"
#include "hosts.h"
#include "json.h"
#include "trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How soon a wait notices Ctrl-C, in milliseconds. */
#define PATIENCE 100

/* The way to every host. A command is used from a shell, so the shell's proxy is meant unless the user names another. */
static ocireg_status network_options(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->cert_file != NULL)
        status = ocireg_options_set_string(options, "client_cert_file", globals->cert_file, error);
    if (status == OCIREG_OK && globals->key_file != NULL)
        status = ocireg_options_set_string(options, "client_key_file", globals->key_file, error);
    if (status == OCIREG_OK && globals->proxy != NULL)
        status = ocireg_options_set_string(options, "proxy", globals->proxy, error);
    if (status == OCIREG_OK && globals->proxy == NULL)
        status = ocireg_options_set_bool(options, "proxy_from_environment", true, error);
    return status;
}

/* What holds for every host is the client's; what holds for one is set by hosts.c. Whatever the user did not give is left
 * to the library's defaults. */
static ocireg_status client_options(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->user_agent != NULL)
        status = ocireg_options_set_string(options, "user_agent", globals->user_agent, error);
    if (status == OCIREG_OK && globals->ca_file != NULL)
        status = ocireg_options_set_string(options, "ca_file", globals->ca_file, error);
    if (status == OCIREG_OK && globals->connect_ms > 0)
        status = ocireg_options_set_int(options, "connect_timeout_ms", globals->connect_ms, error);
    if (status == OCIREG_OK && globals->read_ms > 0)
        status = ocireg_options_set_int(options, "idle_timeout_ms", globals->read_ms, error);
    if (status == OCIREG_OK && globals->min_speed >= 0)
        status = ocireg_options_set_int(options, "min_speed", globals->min_speed, error);
    if (status == OCIREG_OK && globals->retries >= 0)
        status = ocireg_options_set_int(options, "retries", globals->retries, error);
    if (status == OCIREG_OK && globals->max_blob_bytes > 0)
        status = ocireg_options_set_int(options, "max_blob_bytes", globals->max_blob_bytes, error);
    if (status == OCIREG_OK && globals->plain_http)
        status = ocireg_options_set_bool(options, "plain_http", true, error);
    if (status == OCIREG_OK && globals->insecure)
        status = ocireg_options_set_bool(options, "insecure", true, error);
    return status;
}

/* Where bytes wait that have to be read before an image can be described: a command does as the shell says. */
static ocireg_status temporary_dir(ocireg_options *options, ocireg_error **error)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || *folder == '\0')
        return OCIREG_OK;
    return ocireg_options_set_string(options, "temporary_dir", folder, error);
}

/* The command looks for stored credentials where Docker and podman do, unless the user says where, or says no. */
static ocireg_status stored_credentials(ocireg_options *options, const struct globals *globals, ocireg_error **error)
{
    ocireg_status status = OCIREG_OK;
    if (globals->anonymous)
        return OCIREG_OK;
    if (globals->foreign_credentials)
        status = ocireg_options_set_bool(options, "foreign_credentials", true, error);
    if (status != OCIREG_OK)
        return status;
    if (globals->docker_config != NULL)
        return ocireg_options_set_string(options, "docker_config", globals->docker_config, error);
    return ocireg_options_set_bool(options, "stored_credentials", true, error);
}

static int open_client(struct session *session)
{
    ocireg_options *options = NULL;
    ocireg_error *error = NULL;
    ocireg_status status = ocireg_options_new(&options, &error);
    if (status == OCIREG_OK)
        status = client_options(options, session->globals, &error);
    if (status == OCIREG_OK)
        status = network_options(options, session->globals, &error);
    if (status == OCIREG_OK)
        status = temporary_dir(options, &error);
    if (status == OCIREG_OK)
        status = stored_credentials(options, session->globals, &error);
    if (status == OCIREG_OK)
        status = ocireg_client_new(options, &session->client, &error);
    ocireg_options_free(options);
    return status == OCIREG_OK ? OCIREG_OK : report_error(session->output, error);
}

static int32_t on_log(void *userdata, const char *event)
{
    struct session *session = userdata;
    bar_clear(&session->bar);
    trace_event(event, session->globals->verbosity > 1);
    return 0;
}

static int32_t on_progress(void *userdata, uint64_t done, uint64_t total)
{
    struct session *session = userdata;
    bar_update(&session->bar, done, total);
    return 0;
}

static int32_t on_blob(void *userdata, const char *event)
{
    struct session *session = userdata;
    bar_note_blob(&session->bar, event);
    return 0;
}

/* 0 when there is no deadline, or one that nobody lives to see. */
static int64_t end_of(const struct globals *globals)
{
    int64_t now = clock_ms();
    return globals->deadline_ms > 0 && globals->deadline_ms < INT64_MAX - now ? now + globals->deadline_ms : 0;
}

/* The time that is left of --deadline; the wait for a password has taken its part. */
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
    if (status == OCIREG_OK && session->globals->verbosity > 0)
        status = ocireg_context_set_log(session->context, on_log, session, &error);
    return status == OCIREG_OK ? OCIREG_OK : report_error(session->output, error);
}

/* The registry of an upload session: in its JSON, or before the path of its URL. Freed with free(). */
static char *session_registry(const char *text)
{
    const char *begin = strstr(text, "://");
    char *repository = *text == '{' ? json_text(json_member(text, "repository")) : NULL;
    if (repository != NULL)
        return repository;
    begin = begin == NULL ? text : begin + 3;
    return strndup(begin, strcspn(begin, "/"));
}

/* Asks the library what a name is about. */
static ocireg_status take_apart(enum target target, const char *name, char **json, ocireg_error **error)
{
    switch (target) {
    case TARGET_REGISTRY:
        return ocireg_index_parse(name, json, error);
    case TARGET_PLACE:
    case TARGET_PLACES:
        return ocireg_endpoint_parse(name, json, error);
    case TARGET_SESSION: {
        char *registry = session_registry(name);
        ocireg_status status = registry != NULL && strchr(registry, '/') != NULL
                                   ? ocireg_reference_parse(registry, NULL, json, error)
                                   : ocireg_index_parse(registry, json, error);
        free(registry);
        return status;
    }
    default:
        return ocireg_reference_parse(name, NULL, json, error);
    }
}

/* Whether a name is that of a place beside registries, which a command about registries would take for an image of Docker Hub's. */
static bool is_other_place(const char *name)
{
    static const char *const transports[] = {"oci:", "oci-archive:", "docker-archive:", "dir:"};
    for (size_t i = 0; i < sizeof transports / sizeof transports[0]; i++) {
        const char *rest = name + strlen(transports[i]);
        /* It may be a host with a port. */
        if (strncmp(name, transports[i], strlen(transports[i])) == 0)
            return rest[strspn(rest, "0123456789")] != '/' || *rest == '/';
    }
    return false;
}

/* The name of the registry's host, as the library spells it; NULL for a place that is at none. Freed with free(). */
static int registry_host(const struct output *output, enum target target, const char *name, char **host)
{
    ocireg_error *error = NULL;
    char *json = NULL;
    const char *member;
    bool is_place = target == TARGET_PLACE || target == TARGET_PLACES;
    if (target == TARGET_NAME && is_other_place(name))
        return report_failure(output, OCIREG_INVALID_ARGUMENT,
                              "%s is no name in a registry, and this command is about registries only (Docker Hub's image of "
                              "that name is docker.io/library/%s)", name, name);
    if (take_apart(target, name, &json, &error) != OCIREG_OK)
        return report_error(output, error);
    member = is_place                              ? json_member(json, "registry")
             : json_member(json, "index") == NULL ? json_member(json, "name")
                                                  : json_member(json_member(json, "index"), "name");
    *host = member != NULL && *member == '"' ? json_text(member) : NULL;
    ocireg_string_free(json);
    return *host != NULL || is_place
               ? OCIREG_OK
               : report_failure(output, OCIREG_INTERNAL, "cannot read the library's answer");
}

/* The hosts that the arguments name, each once. */
static int registry_hosts(const struct output *output, enum target target, const char *const *arguments,
                          char *hosts[MOST_HOSTS + 1])
{
    size_t count = 0, named = target == TARGET_LOCAL ? 0 : target == TARGET_PLACES ? 2 : 1;
    for (size_t i = 0; i < named; i++) {
        int status = registry_host(output, target, arguments[i], &hosts[count]);
        if (status != OCIREG_OK)
            return status;
        if (hosts[count] != NULL && count > 0 && strcmp(hosts[0], hosts[count]) == 0) {
            free(hosts[count]);
            hosts[count] = NULL;
        }
        count += hosts[count] != NULL;
    }
    return OCIREG_OK;
}

/* The password comes before Ctrl-C is watched, so that it still ends a command that waits for one to be typed. */
static int open_all(struct session *session, char *const *hosts, char **password)
{
    int status = hosts_read_password(session, password);
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
        status = hosts_set(session, hosts, *password);
    return status;
}

int session_open(struct session *session, const struct globals *globals, enum target target, const char *const *arguments)
{
    char *hosts[MOST_HOSTS + 1] = {NULL}, *password = NULL;
    int status;
    session->globals = globals;
    session->output = &globals->output;
    session->end = end_of(globals);
    if (target == TARGET_NONE)
        return OCIREG_OK;
    status = registry_hosts(session->output, target, arguments, hosts);
    if (status == OCIREG_OK)
        status = open_all(session, hosts, &password);
    if (password != NULL)
        explicit_bzero(password, strlen(password));
    free(password);
    for (size_t i = 0; i < MOST_HOSTS; i++)
        free(hosts[i]);
    return status;
}

static void write_warning(const char *warning)
{
    char *host = json_text(json_member(warning, "host")), *text = json_text(json_member(warning, "text"));
    output_write_begins();
    fputs("ocireg: warning: ", stderr);
    write_clean(stderr, host == NULL ? "?" : host);
    fputs(": ", stderr);
    write_clean(stderr, text == NULL ? "?" : text);
    fputc('\n', stderr);
    output_write_ends();
    free(host);
    free(text);
}

/* What the servers want the user to know. */
static void write_warnings(struct session *session)
{
    char *json = NULL;
    const char *at, *value;
    if (session->context == NULL || session->globals->quiet)
        return;
    if (ocireg_context_warnings(session->context, &json, NULL) != OCIREG_OK)
        return;
    at = json;
    while (json_element(&at, &value))
        write_warning(value);
    ocireg_string_free(json);
}

void session_close(struct session *session)
{
    bar_clear(&session->bar);
    write_warnings(session);
    watcher_stop(&session->watcher);
    if (session->client != NULL)
        ocireg_client_close(session->client, NULL);
    ocireg_client_free(session->client);
    ocireg_context_free(session->context);
    session->client = NULL;
    session->context = NULL;
}

int session_show_progress(struct session *session)
{
    ocireg_error *error = NULL;
    if (session->globals->quiet || !isatty(STDERR_FILENO))
        return OCIREG_OK;
    if (ocireg_context_set_progress(session->context, on_progress, session, &error) != OCIREG_OK ||
        ocireg_context_set_blob_progress(session->context, on_blob, session, &error) != OCIREG_OK)
        return report_error(session->output, error);
    return OCIREG_OK;
}

int session_patience(struct session *session)
{
    int64_t left = session->end > 0 ? session->end - clock_ms() : PATIENCE;
    if (atomic_load(&session->watcher.cancelled))
        errno = ECANCELED;
    else if (left <= 0)
        errno = ETIMEDOUT;
    else
        return left < PATIENCE ? (int)left : PATIENCE;
    return -1;
}

int session_report(struct session *session, ocireg_error *error)
{
    bar_clear(&session->bar);
    return report_error(session->output, error);
}

int session_finish(struct session *session, ocireg_status status, char *json, ocireg_error *error)
{
    int result;
    if (status != OCIREG_OK)
        return session_report(session, error);
    bar_clear(&session->bar);
    result = output_json(session->output, json);
    ocireg_string_free(json);
    return result;
}
