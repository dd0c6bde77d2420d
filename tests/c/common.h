/* What all C tests share: the environment, builders, and checks that say what was wrong. Main thread only, unless noted. */
#ifndef OCIREG_TEST_COMMON_H
#define OCIREG_TEST_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "ocireg.h"

/* A test whose builders' objects are freed when it ends, also when it fails. */
#define test(function) cmocka_unit_test_teardown(function, clean)
int clean(void **state);

/* The result for main: runs the tests that its arguments name (* and ? as in a shell), or all. A name that matches
 * no test is a failure that lists the names. */
#define run_all(tests, argc, argv) run_named(tests, sizeof(tests) / sizeof *(tests), argc, argv)
int run_named(const struct CMUnitTest *tests, size_t count, int argc, char **argv);

/* Registers something to be freed at the end of the test, in reverse order. Returns it. */
void *keep(void *object, void (*destroy)(void *));

/* An environment variable; a missing one fails the test. */
const char *env(const char *name);

/* Text like printf's. */
char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Options from JSON; ' stands for ". */
ocireg_options *options(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A client with options from JSON (NULL: none), a context, and a host's settings. */
ocireg_client *new_client(const char *json);
ocireg_context *new_context(void);
void set_host(ocireg_client *client, const char *host, const char *json);

/* A client for the registry in that variable: by http, with the CA, or as alice, as needed. */
ocireg_client *client_of(const char *variable);

/* HOST/ctest/NAME-PROCESS: a repository of this test run only. */
char *repository(const char *variable, const char *name);

/* The sha256 digest of bytes, and REPOSITORY@DIGEST. */
char *digest_of(const void *data, size_t size);
char *blob_reference(const char *repository, const void *data, size_t size);

/* Bytes that depend on the seed and differ in every run. */
uint8_t *noise(size_t size, unsigned seed);

/* A folder for the test, a name in it, and its contents: the bytes of a file, the number of entries. */
char *new_folder(void);
void write_file(const char *path, const void *data, size_t size);
uint8_t *read_file(const char *path, size_t *size);
size_t entries_in(const char *folder);

/* Puts a blob from memory, and a small image; returns the manifest's bytes. */
char *put_blob(ocireg_client *client, const char *repository, const void *data, size_t size);
char *put_image(ocireg_client *client, const char *repository, const char *tag, unsigned seed);
char *image_manifest(const char *config, size_t config_size, const char *layer, size_t layer_size);

/* The error of the last expect_status; freed by the next one. Calls under expect_status put their error here. */
extern ocireg_error *failure;
void forget_failure(void);

/* The call returns this status, and an error that matches it. */
#define expect_status(wanted, call) \
    (forget_failure(), check_status((wanted), (call), #call, __FILE__, __LINE__))
void check_status(ocireg_status wanted, ocireg_status got, const char *call, const char *file, int line);

/* The last error's message or hint contains this. */
#define expect_message(part) check_message((part), __FILE__, __LINE__)
void check_message(const char *part, const char *file, int line);

/* A result has these members: "name:string size:number? tags:array", where ? allows null. */
#define expect_shape(json, shape) check_shape((json), (shape), __FILE__, __LINE__)
void check_shape(const char *json, const char *shape, const char *file, int line);

#define expect_text_at(json, path, wanted) check_string((json), (path), (wanted), __FILE__, __LINE__)
#define expect_number_at(json, path, wanted) check_number((json), (path), (wanted), __FILE__, __LINE__)
#define expect_bool_at(json, path, wanted) check_bool((json), (path), (wanted), __FILE__, __LINE__)
void check_string(const char *json, const char *path, const char *wanted, const char *file, int line);
void check_number(const char *json, const char *path, long long wanted, const char *file, int line);
void check_bool(const char *json, const char *path, bool wanted, const char *file, int line);

/* A result string, freed at the end of the test. */
char *kept(char *json);

/* Milliseconds of a steady clock; any thread may call it. */
double now_ms(void);

/* Everything takes longer under valgrind: the time to allow instead, in milliseconds. */
double allowed_ms(double native);

#endif
