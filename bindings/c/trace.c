/* Shows: the events of ocireg_context_set_log.
 *
 *     > GET https://example.org/v2/
 *     < 200 https://example.org/v2/ (12 ms)
 *     * again in 500 ms: no answer from the server
 *     * passes over mirror.example: status 503
 *     * copied docker://example.org/team/app:v1
 */
#include "trace.h"

#include "json.h"
#include "output.h"

#include <string.h>

static void write_text(const char *before, const char *text, const char *after)
{
    fputs(before, stderr);
    write_clean(stderr, text == NULL ? "?" : text);
    fputs(after, stderr);
}

static void write_number(const char *before, const ocireg_json *event, const char *pointer, const char *after)
{
    fprintf(stderr, "%s%lld%s", before, (long long)ocireg_json_integer(event, pointer, 0), after);
}

static void write_headers(char mark, const ocireg_json *event)
{
    for (size_t i = 0; i < ocireg_json_size(event, "/headers"); i++) {
        fprintf(stderr, "%c   ", mark);
        write_text("", ocireg_json_key(event, "/headers", i), ": ");
        write_text("", ocireg_json_text(ocireg_json_item(event, "/headers", i), NULL), "\n");
    }
}

static void write_request(const ocireg_json *event)
{
    int64_t attempt = ocireg_json_integer(event, "/attempt", 1);
    write_text("> ", ocireg_json_text(event, "/method"), " ");
    write_text("", ocireg_json_text(event, "/url"), "");
    if (attempt != 1)
        fprintf(stderr, " (attempt %lld)", (long long)attempt);
    fputc('\n', stderr);
}

void trace_event(const char *text, bool headers)
{
    ocireg_json *event = json_parsed(text);
    const char *kind = ocireg_json_text(event, "/event");
    output_write_begins();
    if (kind != NULL && strcmp(kind, "request") == 0) {
        write_request(event);
        if (headers)
            write_headers('>', event);
    } else if (kind != NULL && strcmp(kind, "response") == 0) {
        write_number("< ", event, "/status", " ");
        write_text("", ocireg_json_text(event, "/url"), "");
        write_number(" (", event, "/milliseconds", " ms)\n");
        if (headers)
            write_headers('<', event);
    } else if (kind != NULL && strcmp(kind, "retry") == 0) {
        write_number("* again in ", event, "/wait_ms", " ms: ");
        write_text("", ocireg_json_text(event, "/reason"), "\n");
    } else if (kind != NULL && strcmp(kind, "image") == 0) {
        write_text("* ", ocireg_json_text(event, "/state"), " ");
        write_text("", ocireg_json_text(event, "/destination"), "\n");
    } else if (kind != NULL && strcmp(kind, "passed_over") == 0) {
        write_text("* passes over ", ocireg_json_text(event, "/host"), ": ");
        write_text("", ocireg_json_text(event, "/reason"), "\n");
    }
    output_write_ends();
    ocireg_json_free(event);
}
