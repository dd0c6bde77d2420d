/* bindings.c: the C baseline for the bindings: a call without I/O, and reading a blob to its end.
 * usage: bindings BLOB-REFERENCE; prints "parse NANOSECONDS" and "read MIB-PER-SECOND". */
#include <ocireg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 20000, BUFFER = 256 << 10 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what, ocireg_error *error)
{
    fprintf(stderr, "%s: %s\n", what, ocireg_error_message(error));
    exit(1);
}

static double parse(void)
{
    const double begun = now();
    for (int i = 0; i < CALLS; i++) {
        char *json;
        if (ocireg_reference_parse("quay.io/prometheus/busybox:latest", NULL, &json, NULL) != OCIREG_OK)
            fail("parse", NULL);
        ocireg_string_free(json);
    }
    return (now() - begun) / CALLS * 1e9;
}

static double read_blob(ocireg_client *client, const char *reference)
{
    static uint8_t buffer[BUFFER];
    ocireg_blob_reader *reader;
    ocireg_error *error;
    size_t got, total = 0;
    const double begun = now();
    if (ocireg_blob_open(client, NULL, reference, NULL, &reader, &error) != OCIREG_OK)
        fail("open", error);
    do {
        if (ocireg_blob_reader_read(reader, buffer, sizeof buffer, &got, &error) != OCIREG_OK)
            fail("read", error);
        total += got;
    } while (got > 0);
    ocireg_blob_reader_free(reader);
    return (double)total / (1 << 20) / (now() - begun);
}

int main(int count, char **arguments)
{
    ocireg_client *client;
    if (count != 2 || ocireg_client_new(NULL, &client, NULL) != OCIREG_OK)
        return 1;
    printf("parse %.0f\n", parse());
    printf("read %.1f\n", read_blob(client, arguments[1]));
    ocireg_client_free(client);
    return 0;
}
