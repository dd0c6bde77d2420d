/* Secrets are gone from the process's memory when what held them is freed. */
#include "jobs.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 48, MASK = 0x55 };

/* What an allocator writes at the beginning of memory that is freed. */
enum { LINKS = 16 };

/* The secret, masked: as itself it stands only where the library has put it, and for a moment in `plain`. */
static unsigned char masked[SIZE];
static char plain[SIZE + 1];

static void new_secret(void) {
    for (size_t i = 0; i < SIZE; i++) masked[i] = (unsigned char)("abcdefghijklmnopqrstuvwxyz234567"[rand() % 32] ^ MASK);
}

static const char *show(void) {
    for (size_t i = 0; i < SIZE; i++) plain[i] = (char)(masked[i] ^ MASK);
    return plain;
}

static void hide(void) {
    memset(plain, 'x', SIZE);
    __asm__ volatile("" ::: "memory");
}

/* All of it but its beginning. */
static bool stands_at(const unsigned char *bytes) {
    for (size_t i = LINKS; i < SIZE; i++) {
        if ((bytes[i] ^ MASK) != masked[i]) return false;
    }
    return true;
}

/* How often the secret stands in memory that can be written, but for what is read here. */
static int found_in_memory(void) {
    static unsigned char bytes[1 << 16];
    char line[512];
    int found = 0, memory = open("/proc/self/mem", O_RDONLY);
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_true(memory >= 0 && maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long begin = 0, end = 0;
        if (sscanf(line, "%lx-%lx rw", &begin, &end) != 2 || !strstr(line, " rw")) continue;
        for (unsigned long at = begin; at < end; at += sizeof bytes - SIZE) {
            ssize_t length = pread(memory, bytes, end - at < sizeof bytes ? end - at : sizeof bytes, (off_t)at);
            for (ssize_t i = 0; i + SIZE <= length; i++) found += stands_at(bytes + i);
            memset(bytes, 0, sizeof bytes);
            __asm__ volatile("" ::: "memory");
        }
    }
    fclose(maps), close(memory);
    return found;
}

/* Options that are freed, replaced, or parsed. */
static void test_options(void **state) {
    (void)state;
    ocireg_options *options = NULL;
    static char json[SIZE + 32];
    new_secret();
    expect_status(OCIREG_OK, ocireg_options_new(&options, &failure));
    expect_status(OCIREG_OK, ocireg_options_set_string(options, "password", show(), &failure));
    hide();
    assert_true(found_in_memory() > 0);
    expect_status(OCIREG_OK, ocireg_options_set_string(options, "password", "other", &failure));
    assert_int_equal(found_in_memory(), 0);
    snprintf(json, sizeof json, "{\"headers\":[\"X-Key: %s\"]}", show());
    expect_status(OCIREG_OK, ocireg_options_parse(options, json, &failure));
    memset(json, 0, sizeof json), hide();
    /* A call that refuses them has copies of its own. */
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(options, &(ocireg_client *){NULL}, &failure));
    ocireg_options_free(options);
    assert_int_equal(found_in_memory(), 0);
}

/* A client that has a token, by a host that is never asked. */
static ocireg_client *client_with_token(void) {
    ocireg_client *client = NULL;
    ocireg_options *options = NULL;
    expect_status(OCIREG_OK, ocireg_client_new(NULL, &client, &failure));
    expect_status(OCIREG_OK, ocireg_options_new(&options, &failure));
    expect_status(OCIREG_OK, ocireg_options_set_string(options, "token", show(), &failure));
    hide();
    expect_status(OCIREG_OK, ocireg_client_set_host(client, "registry.example", options, &failure));
    ocireg_options_free(options);
    return client;
}

/* A result, the document that is parsed from it, and the result that a job keeps. */
static void test_results(void **state) {
    (void)state;
    char *json = NULL;
    ocireg_json *document = NULL;
    ocireg_job *job = NULL;
    new_secret();
    ocireg_client *client = client_with_token();
    expect_status(OCIREG_OK, ocireg_token(client, NULL, "registry.example/a", NULL, &json, &failure));
    assert_non_null(strstr(json, show()));
    hide();
    expect_status(OCIREG_OK, ocireg_json_parse(json, &document, &failure));
    ocireg_string_free(json), ocireg_json_free(document);
    int client_has = found_in_memory();
    assert_true(client_has > 0);
    expect_status(OCIREG_OK, ocireg_job_new(client, NULL, NULL, &job, &failure));
    expect_status(OCIREG_OK, ocireg_token(client, ocireg_job_context(job), "registry.example/a", NULL, NULL, &failure));
    expect_end(client, job, OCIREG_OK);
    assert_non_null(strstr(ocireg_job_json(job), show()));
    hide();
    ocireg_job_free(job);
    ocireg_client_free(client);
    /* The thread that made the job's call may be a moment behind its end, and has the client until then. */
    for (int tries = 0; tries < 100 && found_in_memory() > 0; tries++) nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    assert_int_equal(found_in_memory(), 0);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_options), test(test_results)};
    return run_all(tests, argc, argv);
}
