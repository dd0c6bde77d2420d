/*
 * Shows that the sanitizers see the library's memory: each fault here must end the program with a report (tests/run.sh).
 * `fine` has no fault and must succeed: a program that always fails would prove nothing.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ocireg.h"

/* The volatiles keep the compiler from seeing, and removing, what is wrong. */
static volatile int sink;

static char *digest_of_nothing(void) {
    char *digest = NULL;
    if (ocireg_digest_bytes((const uint8_t *)"", 0, NULL, &digest, NULL) != OCIREG_OK) exit(2);
    return digest;
}

static void read_behind_a_string(void) {
    char *volatile digest = digest_of_nothing();
    sink = digest[strlen(digest) + 1];
    ocireg_string_free(digest);
}

static void read_after_the_free(void) {
    char *volatile digest = digest_of_nothing();
    ocireg_string_free(digest);
    sink = digest[0];
}

/* Memory returned by the library must not be freed by libc's free(). */
static void free_by_libc(void) {
    char *volatile digest = digest_of_nothing();
    free(digest);
}

/* The library copies one byte too many. */
static void let_the_library_read_too_far(void) {
    ocireg_options *options = NULL;
    char *volatile name = malloc(4);
    memcpy(name, "name", 4);
    if (ocireg_options_new(&options, NULL) != OCIREG_OK) exit(2);
    ocireg_options_set_string(options, name, "value", NULL);
    ocireg_options_free(options);
    free(name);
}

static void lose_a_string(void) {
    digest_of_nothing();
}

static void lose_a_client(void) {
    ocireg_client *client = NULL;
    if (ocireg_client_new(NULL, &client, NULL) != OCIREG_OK) exit(2);
    client = NULL;
}

static void overflow_an_int(void) {
    volatile int large = INT_MAX;
    large = large + 1;
}

static void fine(void) {
    ocireg_string_free(digest_of_nothing());
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*run)(void);
    } faults[] = {
        {"overflow", read_behind_a_string},
        {"overflow-inside", let_the_library_read_too_far},
        {"use-after-free", read_after_the_free},
        {"free-by-libc", free_by_libc},
        {"leak", lose_a_string},
        {"leak-of-a-client", lose_a_client},
        {"undefined", overflow_an_int},
        {"fine", fine},
    };
    for (size_t i = 0; count == 2 && i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(faults[i].name, arguments[1]) != 0) continue;
        faults[i].run();
        puts("came to its end");
        return 0;
    }
    fputs("unknown fault\n", stderr);
    return 2;
}
