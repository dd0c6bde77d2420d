/* Many small requests to one host: what each costs, and that a small stack is enough for them. */
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif

#include "common.h"

#include <pthread.h>
#include <sys/resource.h>

enum { REQUESTS = 300, SMALL_STACK = 256 << 10 };

struct work {
    ocireg_client *client;
    const char *reference;
    int failed;
};

static void *ask(void *argument) {
    struct work *work = argument;
    for (int i = 0; i < REQUESTS; i++) {
        ocireg_buffer *bytes = NULL;
        char *json = NULL;
        if (ocireg_manifest_get(work->client, NULL, work->reference, NULL, NULL, &bytes, NULL) != OCIREG_OK) work->failed++;
        if (ocireg_manifest_head(work->client, NULL, work->reference, NULL, &json, NULL) != OCIREG_OK) work->failed++;
        ocireg_buffer_free(bytes);
        ocireg_string_free(json);
    }
    return NULL;
}

static struct work image_in(const char *registry) {
    const char *place = repository(registry, "small");
    ocireg_client *client = client_of(registry);
    put_image(client, place, "one", 1);
    return (struct work){.client = client, .reference = text("%s:one", place)};
}

static struct work image(void) { return image_in("OCIREG_TEST_V2"); }

/* How often threads of this process have slept until something happened. */
static double sleeps(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_nvcsw;
}

/* Whoever waits drives the connection: one sleep for each answer, and no other thread. */
static void test_no_other_thread_is_woken(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_V2", "OCIREG_TEST_TLS"};
    for (size_t i = 0; i < sizeof registries / sizeof *registries; i++) {
        struct work work = image_in(registries[i]);
        ask(&work);
        double before = sleeps();
        ask(&work);
        double each = (sleeps() - before) / (2 * REQUESTS);
        assert_int_equal(work.failed, 0);
        print_message("%s: a request sleeps %.2f times\n", registries[i], each);
        if (each > 1.5) fail_msg("a request sleeps %.2f times", each);
    }
}

static void test_a_small_stack_is_enough(void **state) {
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    struct work work = image();
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    assert_int_equal(pthread_attr_setstacksize(&attributes, SMALL_STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, ask, &work), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    assert_int_equal(work.failed, 0);
}

/* When the client is freed nothing of it is left, nor when it was closed while they were under way. */
static void test_connections_end_with_the_client(void **state) {
    (void)state;
    struct work work = image();
    size_t before = entries_in("/proc/self/fd");
    ask(&work);
    assert_true(entries_in("/proc/self/fd") > before);
    assert_int_equal(ocireg_client_close(work.client, NULL), OCIREG_OK);
    assert_true(entries_in("/proc/self/fd") <= before);
    expect_status(OCIREG_CLOSED, ocireg_manifest_head(work.client, NULL, work.reference, NULL, &(char *){NULL}, &failure));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_no_other_thread_is_woken), test(test_a_small_stack_is_enough), test(test_connections_end_with_the_client)};
    return run_all(tests, argc, argv);
}
