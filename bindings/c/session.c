/* Shows: ocireg_client_close, _free; ocireg_context_set_progress, _set_blob_progress, _warnings, _free. */
#include "session.h"

#include "clock.h"
#include "json.h"
#include "result.h"
#include "style.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How soon a wait notices Ctrl-C, in milliseconds. */
#define PATIENCE 100

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

static void write_warning(const ocireg_json *warning)
{
    const char *host = ocireg_json_text(warning, "/host"), *text = ocireg_json_text(warning, "/text");
    output_write_begins();
    fputs("ocireg: warning: ", stderr);
    write_clean(stderr, host == NULL ? "?" : host);
    fputs(": ", stderr);
    write_clean(stderr, text == NULL ? "?" : text);
    fputc('\n', stderr);
    output_write_ends();
}

void session_note_warning(struct session *session, const char *event)
{
    ocireg_json *warning;
    /* Most events are requests: only what may be a warning is parsed. */
    if (session->globals->quiet || strstr(event, "\"warning\"") == NULL)
        return;
    warning = json_parsed(event);
    const char *kind = ocireg_json_text(warning, "/event");
    if (kind != NULL && strcmp(kind, "warning") == 0) {
        bar_clear(&session->bar);
        write_warning(warning);
        session->warned++;
    }
    ocireg_json_free(warning);
}

/* Those that did not come while the call was under way. */
static void write_warnings(struct session *session)
{
    char *text = NULL;
    ocireg_json *warnings;
    if (session->context == NULL || session->globals->quiet)
        return;
    if (ocireg_context_warnings(session->context, &text, NULL) != OCIREG_OK)
        return;
    warnings = json_parsed(text);
    for (size_t i = session->warned; i < ocireg_json_size(warnings, NULL); i++)
        write_warning(ocireg_json_item(warnings, NULL, i));
    ocireg_json_free(warnings);
    ocireg_string_free(text);
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
    if (session->globals->quiet || !style_moves(stderr))
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

int session_print(struct session *session, const char *json)
{
    bar_clear(&session->bar);
    return result_print(session->output, session->lines, json);
}

bool session_prints_objects(const struct session *session)
{
    return session->output->json || session->output->pretty || session->output->format != NULL;
}

int session_print_value(struct session *session, const char *name, const char *value, const char *before)
{
    const struct output *output = session->output;
    char *json = NULL;
    size_t size = 0;
    FILE *memory;
    int result;
    if (!session_prints_objects(session)) {
        printf("%s%s\n", before, value);
        return output_flush(output);
    }
    memory = open_memstream(&json, &size);
    if (memory == NULL)
        return report_failure(output, OCIREG_INTERNAL, "out of memory");
    fprintf(memory, "{\"%s\":", name);
    json_quote(memory, value);
    fputc('}', memory);
    fclose(memory);
    result = session_print(session, json);
    free(json);
    return result;
}

int session_finish(struct session *session, ocireg_status status, char *json, ocireg_error *error)
{
    int result;
    if (status != OCIREG_OK)
        return session_report(session, error);
    result = session_print(session, json);
    ocireg_string_free(json);
    return result;
}
