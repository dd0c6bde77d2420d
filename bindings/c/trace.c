/* Shows: the events of ocireg_context_set_log.
 *
 *     > GET https://example.org/v2/
 *     < 200 https://example.org/v2/ (12 ms)
 *     * again in 500 ms: no answer from the server
 */
#include "trace.h"

#include "json.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

static void write_value(const char *before, const char *value, const char *after)
{
    char *text = json_text(value);
    fputs(before, stderr);
    write_clean(stderr, text == NULL ? "?" : text);
    fputs(after, stderr);
    free(text);
}

static void write_member(const char *before, const char *event, const char *name, const char *after)
{
    write_value(before, json_member(event, name), after);
}

static void write_headers(char mark, const char *event)
{
    const char *at = json_member(event, "headers"), *name, *value;
    while (at != NULL && json_next(&at, &name, &value)) {
        fprintf(stderr, "%c   ", mark);
        write_value("", name, ": ");
        write_value("", value, "\n");
    }
}

static void write_attempt(const char *event)
{
    char *attempt = json_text(json_member(event, "attempt"));
    if (attempt != NULL && strcmp(attempt, "1") != 0)
        fprintf(stderr, " (attempt %s)", attempt);
    fputc('\n', stderr);
    free(attempt);
}

void trace_event(const char *event, bool headers)
{
    char *kind = json_text(json_member(event, "event"));
    output_write_begins();
    if (kind != NULL && strcmp(kind, "request") == 0) {
        write_member("> ", event, "method", " ");
        write_member("", event, "url", "");
        write_attempt(event);
        if (headers)
            write_headers('>', event);
    } else if (kind != NULL && strcmp(kind, "response") == 0) {
        write_member("< ", event, "status", " ");
        write_member("", event, "url", "");
        write_member(" (", event, "milliseconds", " ms)\n");
        if (headers)
            write_headers('<', event);
    } else if (kind != NULL && strcmp(kind, "retry") == 0) {
        write_member("* again in ", event, "wait_ms", " ms: ");
        write_member("", event, "reason", "\n");
    }
    output_write_ends();
    free(kind);
}
