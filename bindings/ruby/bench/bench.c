/* The C side of bench.rb: repeats what the first argument says and prints the seconds. */
#include <ocireg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 512 * 1024 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void must(ocireg_status status, ocireg_error *error) {
    if (status == OCIREG_OK)
        return;
    fprintf(stderr, "bench: %s\n", ocireg_error_message(error));
    exit(1);
}

static void parse(const char *name) {
    ocireg_error *error = NULL;
    char *json = NULL;
    must(ocireg_reference_parse(name, NULL, &json, &error), error);
    ocireg_string_free(json);
}

static void explain(ocireg_client *client, const char *name) {
    ocireg_error *error = NULL;
    ocireg_context *context = NULL;
    char *json = NULL;
    must(ocireg_context_new(&context, &error), error);
    must(ocireg_explain(client, context, name, NULL, &json, &error), error);
    ocireg_string_free(json);
    ocireg_context_free(context);
}

static void stream(ocireg_client *client, const char *blob) {
    static uint8_t buffer[CHUNK];
    ocireg_error *error = NULL;
    ocireg_blob_reader *reader = NULL;
    ocireg_context *context = NULL;
    size_t read = 0;
    must(ocireg_context_new(&context, &error), error);
    must(ocireg_blob_open(client, context, blob, NULL, &reader, &error), error);
    do
        must(ocireg_blob_reader_read(reader, buffer, sizeof buffer, &read, &error), error);
    while (read > 0);
    ocireg_blob_reader_free(reader);
    ocireg_context_free(context);
}

int main(int count, char **arguments) {
    ocireg_error *error = NULL;
    ocireg_client *client = NULL;
    ocireg_options *options = NULL;
    if (count != 4)
        return 2;
    must(ocireg_options_new(&options, &error), error);
    must(ocireg_options_set_bool(options, "plain_http", true, &error), error);
    must(ocireg_client_new(options, &client, &error), error);
    ocireg_options_free(options);
    const long times = atol(arguments[3]);
    const double begun = now();
    for (long i = 0; i < times; i++) {
        if (strcmp(arguments[1], "parse") == 0)
            parse(arguments[2]);
        else if (strcmp(arguments[1], "explain") == 0)
            explain(client, arguments[2]);
        else
            stream(client, arguments[2]);
    }
    printf("%.9f\n", now() - begun);
    ocireg_client_free(client);
    return 0;
}
