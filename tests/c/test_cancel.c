/* Calls that are interrupted: by cancel, by close, by a deadline; while the peer is silent, within a body, and
 * during the wait before a retry. */
#include "later.h"

#include <time.h>

#include <unistd.h>

#define BLOB "sha256:0000000000000000000000000000000000000000000000000000000000000000"
static const struct answer silent = {.then = PEER_SILENT};

static ocireg_client *plain_client(void) {
    return new_client("{'plain_http':true}");
}

static struct peer *half_a_body(void) {
    const struct answer answer = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome bytes", .then = PEER_SILENT};
    return peer_start(&answer, 1);
}

static void test_cancelled_before(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_cancel(context, &failure));
    expect_status(OCIREG_OK, ocireg_context_cancel(context, &failure));
    for (int i = 0; i < 2; i++) {
        expect_status(OCIREG_CANCELLED, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
        assert_null(json);
    }
    assert_int_equal(peer_count(peer), 0);
}

static void test_cancel_while_silent(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    struct later later;
    char *json = NULL;
    later_cancel(&later, context, peer, 1, 50);
    expect_status(OCIREG_CANCELLED, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
    was_prompt(&later);
    /* It stays cancelled; another context on the same client is not. */
    expect_status(OCIREG_CANCELLED, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, new_context(), env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
}

/* A loopback host without a scheme is tried with TLS first: that wait can be interrupted as well. */
static void test_cancel_in_handshake(void **state) {
    (void)state;
    const struct answer none = {.then = PEER_SILENT};
    struct peer *peer = peer_start(&none, 1);
    ocireg_client *client = new_client(NULL);
    ocireg_context *context = new_context();
    struct later later;
    char *json = NULL;
    later_cancel(&later, context, peer, 0, 100);
    expect_status(OCIREG_CANCELLED, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
    was_prompt(&later);
}

static void test_cancel_in_a_body(void **state) {
    (void)state;
    struct peer *peer = half_a_body();
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    ocireg_buffer *bytes = NULL;
    struct later later;
    later_cancel(&later, context, peer, 1, 100);
    expect_status(OCIREG_CANCELLED, ocireg_blob_get_memory(client, context, text("%s/a@" BLOB, peer_host(peer)), NULL, NULL, &bytes, &failure));
    was_prompt(&later);
    assert_null(bytes);
}

static void test_cancel_in_a_file(void **state) {
    (void)state;
    struct peer *peer = half_a_body();
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    const char *path = text("%s/blob", new_folder());
    struct later later;
    later_cancel(&later, context, peer, 1, 100);
    expect_status(OCIREG_CANCELLED, ocireg_blob_get_file(client, context, text("%s/a@" BLOB, peer_host(peer)), path, NULL, NULL, &failure));
    was_prompt(&later);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_cancel_a_reader(void **state) {
    (void)state;
    struct peer *peer = half_a_body();
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    ocireg_blob_reader *reader = NULL;
    uint8_t buffer[4096];
    size_t count = 0;
    struct later later;
    expect_status(OCIREG_OK, ocireg_blob_open(client, context, text("%s/a@" BLOB, peer_host(peer)), NULL, &reader, &failure));
    for (size_t total = 0; total < 10; total += count) {
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, &failure));
        assert_true(count > 0);
    }
    later_cancel(&later, context, peer, 1, 50);
    expect_status(OCIREG_CANCELLED, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, &failure));
    was_prompt(&later);
    assert_int_equal(count, 0);
    ocireg_blob_reader_free(reader);
}

static void *read_on(void *reader) {
    uint8_t buffer[16];
    size_t count = 0;
    return (void *)(intptr_t)ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, NULL);
}

/* A reader belongs to one thread at a time; a second one gets BUSY, without waiting. */
static void test_two_threads_on_a_reader(void **state) {
    (void)state;
    struct peer *peer = half_a_body();
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    ocireg_blob_reader *reader = NULL;
    uint8_t buffer[4096];
    size_t count = 0;
    char *json = NULL;
    pthread_t other;
    void *outcome = NULL;
    expect_status(OCIREG_OK, ocireg_blob_open(client, context, text("%s/a@" BLOB, peer_host(peer)), NULL, &reader, &failure));
    for (size_t total = 0; total < 10; total += count)
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, &failure));
    assert_int_equal(pthread_create(&other, NULL, read_on, reader), 0);
    struct timespec moment = {.tv_nsec = 200 * 1000 * 1000};
    nanosleep(&moment, NULL);
    expect_status(OCIREG_BUSY, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, &failure));
    expect_status(OCIREG_BUSY, ocireg_blob_reader_info(reader, &json, &failure));
    expect_status(OCIREG_BUSY, ocireg_blob_reader_close(reader, &failure));
    expect_status(OCIREG_OK, ocireg_context_cancel(context, &failure));
    assert_int_equal(pthread_join(other, &outcome), 0);
    assert_int_equal((intptr_t)outcome, OCIREG_CANCELLED);
    expect_status(OCIREG_OK, ocireg_blob_reader_close(reader, &failure));
    ocireg_blob_reader_free(reader);
}

static void test_cancel_an_upload(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answers[] = {
        {.bytes = "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n"}, /* HEAD: the blob does not exist */
        {.bytes = http_answer("202 Accepted", "Location: /v2/a/blobs/uploads/1\r\n", "")},
        {.body_limit = 1, .then = PEER_SILENT},
    };
    peer_serve(peer, answers, 3);
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    size_t size = 8 << 20;
    uint8_t *bytes = noise(size, 1);
    struct later later;
    later_cancel(&later, context, peer, 3, 100);
    const char *place = text("%s/a", peer_host(peer));
    /* Cancelling the session must not wait for the silent peer either. */
    expect_status(OCIREG_CANCELLED, ocireg_blob_put_memory(client, context, place, bytes, size, NULL, NULL, &failure));
    was_prompt(&later);
}

static void test_cancel_in_a_retry(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer busy = {.bytes = http_answer("503 Service Unavailable", "Retry-After: 30\r\n", "")};
    peer_serve(peer, &busy, 1);
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    struct later later;
    char *json = NULL;
    later_cancel(&later, context, peer, 1, 100);
    expect_status(OCIREG_CANCELLED, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
    was_prompt(&later);
    assert_int_equal(peer_count(peer), 1);
}

static void test_close_ends_a_call(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    for (int with_context = 0; with_context < 2; with_context++) {
        ocireg_client *client = plain_client();
        struct later later;
        char *json = NULL;
        later_close(&later, client, peer, (size_t)with_context + 1, 50);
        ocireg_context *context = with_context ? new_context() : NULL;
        expect_status(OCIREG_CLOSED, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
        /* Only a call with a context promises the 200 ms. */
        if (with_context) was_prompt(&later);
        else pthread_join(later.thread, NULL);
    }
}

static void test_deadline(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = plain_client();
    ocireg_context *context = new_context();
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_set_deadline(context, 150, &failure));
    double begun = now_ms();
    expect_status(OCIREG_TIMEOUT, ocireg_registry_ping(client, context, peer_host(peer), NULL, &json, &failure));
    double took = now_ms() - begun;
    if (took < 100 || took > allowed_ms(350)) fail_msg("a deadline of 150 ms took %.0f ms", took);
    /* It has passed for every later call too, until it is removed. */
    expect_status(OCIREG_TIMEOUT, ocireg_registry_ping(client, context, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_context_set_deadline(context, 0, &failure));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, context, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_set_deadline(context, -1, &failure));
}

static void test_idle_timeout(void **state) {
    (void)state;
    struct peer *peer = peer_start(&silent, 1);
    ocireg_client *client = new_client("{'plain_http':true,'idle_timeout_ms':200,'retries':0}");
    char *json = NULL;
    double begun = now_ms();
    expect_status(OCIREG_TIMEOUT, ocireg_registry_ping(client, NULL, peer_host(peer), NULL, &json, &failure));
    assert_true(now_ms() - begun < allowed_ms(2000));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_cancelled_before),  test(test_cancel_while_silent), test(test_cancel_in_handshake), test(test_cancel_in_a_body),
        test(test_cancel_in_a_file),  test(test_cancel_a_reader),     test(test_two_threads_on_a_reader),
        test(test_cancel_an_upload),    test(test_cancel_in_a_retry),
        test(test_close_ends_a_call), test(test_deadline),            test(test_idle_timeout),
    };
    return run_all(tests, argc, argv);
}
