/* Shows: ocireg_error_errno. */
#include "output.h"

#include "flags.h"
#include "json.h"
#include "style.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool output_reader_left(void)
{
    struct pollfd wait = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&wait, 1, 0) == 1 && (wait.revents & (POLLERR | POLLHUP)) != 0;
}

static int stdout_failed(const struct output *output)
{
    int reason = errno;
    if (output_reader_left())
        return OCIREG_OK;
    return report_failure(output, OCIREG_IO, "cannot write to standard output: %s", strerror(reason));
}

static const char *json_form(const struct output *output)
{
    return output->json ? "--json" : output->pretty ? "--pretty" : NULL;
}

static const char *other_form(const struct output *output)
{
    return output->format != NULL ? "--format" : output->text ? "--text" : NULL;
}

const char *output_form(const struct output *output)
{
    const char *json = json_form(output);
    return json != NULL ? json : other_form(output);
}

int output_check(const struct output *output)
{
    const char *json = json_form(output), *other = other_form(output);
    if (output->format != NULL && output->text)
        return report_usage("--text contradicts --format");
    return json != NULL && other != NULL ? report_usage("%s contradicts %s", json, other) : OCIREG_OK;
}

bool output_is_for_people(const struct output *output)
{
    if (output->json || output->pretty || output->format != NULL)
        return false;
    return output->text || isatty(STDOUT_FILENO);
}

/* Odd while a write is under way. The command writes from one thread. */
static atomic_uint writes;
/* Why the first write failed: stdio only remembers that one did. */
static int first_failure;

void output_write_begins(void)
{
    atomic_fetch_add(&writes, 1);
    errno = 0;
}

void output_write_ends(void)
{
    int reason = errno;
    if (first_failure == 0 && ferror(stdout))
        first_failure = reason;
    atomic_fetch_add(&writes, 1);
    errno = reason;
}

unsigned output_write_under_way(void)
{
    unsigned number = atomic_load(&writes);
    return number % 2 == 1 ? number : 0;
}

int output_flush(const struct output *output)
{
    bool failed;
    output_write_begins();
    failed = fflush(stdout) != 0 || ferror(stdout);
    output_write_ends();
    if (failed && errno == 0)
        errno = first_failure;
    return failed ? stdout_failed(output) : OCIREG_OK;
}

void write_json(FILE *file, const char *json, bool pretty)
{
    if (pretty)
        json_pretty(file, json);
    else
        fputs(json, file);
    fputc('\n', file);
}

static bool put_bytes(const uint8_t *data, size_t size)
{
    bool put;
    output_write_begins();
    errno = 0;
    put = fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0;
    output_write_ends();
    return put;
}

/* A terminal obeys a \r that ends no line: what comes after it covers what stands before. */
static bool is_layout(const char *at) { return *at == '\t' || *at == '\n' || (*at == '\r' && at[1] == '\n'); }

/* What a terminal shows of text: its lines, without anything that controls it. Freed with free(); NULL: out of memory. */
static char *shown(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *to = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < size; i++)
        text[i] = data[i] == '\0' ? '?' : (char)data[i];
    text[size] = '\0';
    for (const char *from = text; *from != '\0';) {
        unsigned number;
        size_t length = is_layout(from) ? 0 : obeyed(from, &number);
        *to++ = length == 0 ? *from : '?';
        from += length == 0 ? 1 : length;
    }
    *to = '\0';
    return text;
}

int output_bytes(const struct output *output, const uint8_t *data, size_t size)
{
    char *text = isatty(STDOUT_FILENO) ? shown(data, size) : NULL;
    bool put = text != NULL ? put_bytes((const uint8_t *)text, strlen(text)) : put_bytes(data, size);
    free(text);
    return put ? OCIREG_OK : stdout_failed(output);
}

int output_piece(const struct output *output, const uint8_t *data, size_t size)
{
    /* As curl does: a blob may be a text, but a terminal does what such bytes say. */
    if (size > 0 && memchr(data, '\0', size) != NULL && isatty(STDOUT_FILENO))
        return report_usage("the output is binary and is not written to a terminal: use -o FILE or a pipe");
    if (put_bytes(data, size))
        return OCIREG_OK;
    stdout_failed(output);
    return OCIREG_IO;
}

void write_clean(FILE *file, const char *text)
{
    while (*text != '\0') {
        unsigned number;
        size_t length = obeyed(text, &number);
        fputc(length == 0 ? *text : '?', file);
        text += length == 0 ? 1 : length;
    }
}

static void report_line(const char *name, const char *message)
{
    bool colour = style_wanted(stderr);
    fprintf(stderr, "ocireg: %s%s%s: ", colour ? STYLE_ALARM : "", name, colour ? STYLE_END : "");
    write_clean(stderr, message);
    fputc('\n', stderr);
}

/* An option that was typed, and whose value the call refuses, is a wrong command line, in whichever form that is told. */
static int status_of(const ocireg_error *error, bool typed)
{
    int code = ocireg_error_code(error);
    return typed && code == OCIREG_INVALID_ARGUMENT ? EXIT_USAGE : code;
}

/* In the words of the command line, or as the library's JSON. */
static int report_told(const ocireg_error *error, bool as_json)
{
    bool typed, hinted;
    char *message = flags_written(ocireg_error_message(error), &typed), *hint = flags_written(ocireg_error_hint(error), &hinted);
    int status = status_of(error, typed);
    if (as_json)
        write_json(stderr, ocireg_error_json(error), false);
    else if (status == EXIT_USAGE && message != NULL)
        report_usage("%s", message);
    else
        report_line(ocireg_error_name(error), message == NULL ? ocireg_error_message(error) : message);
    if (hint != NULL && !as_json)
        report_line("hint", hint);
    free(message);
    free(hint);
    return status;
}

int report_error(const struct output *output, ocireg_error *error)
{
    int code = ocireg_error_code(error);
    if (error == NULL)
        return report_failure(output, OCIREG_INTERNAL, "the library gave no reason");
    if (ocireg_error_errno(error) == EPIPE && output_reader_left()) {
        ocireg_error_free(error);
        return code;
    }
    output_write_begins();
    code = report_told(error, output->json_errors);
    output_write_ends();
    ocireg_error_free(error);
    return code;
}

/* The same members as the library's errors, so that programs need to read only one shape. */
static void report_as_json(ocireg_status code, const char *message)
{
    fprintf(stderr, "{\"code\":%d,\"name\":", (int)code);
    json_quote(stderr, ocireg_status_name(code));
    fputs(",\"message\":", stderr);
    json_quote(stderr, message);
    fputs(",\"hint\":null,\"side\":null,\"errno\":null,\"http_status\":null,\"registry_errors\":[],\"url\":null,\"attempts\":0,"
          "\"retryable\":false,\"retry_after\":null,\"rate_limit\":null,\"cause\":[]}\n",
          stderr);
}

static void report(const struct output *output, ocireg_status code, const char *message)
{
    if (output->json_errors)
        report_as_json(code, message);
    else
        report_line(ocireg_status_name(code), message);
}

/* A descriptor that is writable at all has room for a message. A thread that holds the stream's lock is itself
 * blocked. */
void report_if_read(const struct output *output, ocireg_status code, const char *message)
{
    struct pollfd wait = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (ftrylockfile(stderr) != 0)
        return;
    if (poll(&wait, 1, 0) == 1 && (wait.revents & POLLOUT) != 0)
        report(output, code, message);
    funlockfile(stderr);
}

int report_failure(const struct output *output, ocireg_status code, const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    va_end(arguments);
    output_write_begins();
    report(output, code, message == NULL ? "" : message);
    output_write_ends();
    free(message);
    return code;
}

void report_hint(const struct output *output, const char *hint)
{
    if (hint == NULL || output->json_errors)
        return;
    output_write_begins();
    report_line("hint", hint);
    output_write_ends();
}

static const char *usage_of = "";

void usage_is_of(const char *command)
{
    usage_of = command;
}

int report_usage(const char *format, ...)
{
    char *message = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&message, format, arguments) < 0)
        message = NULL;
    va_end(arguments);
    fputs("ocireg: ", stderr);
    write_clean(stderr, message == NULL ? "" : message);
    fprintf(stderr, "\nsee ocireg %s%s\n", *usage_of == '\0' ? "--help" : "help ", usage_of);
    free(message);
    return EXIT_USAGE;
}
