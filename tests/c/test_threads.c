/* One client, many threads: each checks what it reads, and reports what was wrong instead of failing on its own
 * thread. */
#include "common.h"

#include <pthread.h>

enum { THREADS = 8, OPERATIONS = 50, LAYER_SIZE = 70000 };

/* What the threads share, read only. */
struct shared {
    ocireg_client *client;
    const char *host, *place, *reference, *blob, *missing, *digest;
    const char *manifest;
    const uint8_t *layer;
    int operations;
};

struct worker {
    pthread_t thread;
    const struct shared *shared;
    ocireg_context *context; /* NULL for every second one */
    unsigned number;
    char wrong[300];
};

typedef ocireg_status operation(struct worker *worker, unsigned round, ocireg_error **error);

/* An unexpected result counts as INTERNAL. */
static ocireg_status unless(bool good, ocireg_status status) {
    return status != OCIREG_OK || good ? status : OCIREG_INTERNAL;
}

static ocireg_status ping(struct worker *worker, unsigned round, ocireg_error **error) {
    char *json = NULL;
    (void)round;
    ocireg_status status = ocireg_registry_ping(worker->shared->client, worker->context, worker->shared->host, NULL, &json, error);
    bool good = json_number_at(json, "status") == 200;
    ocireg_string_free(json);
    return unless(good, status);
}

static ocireg_status get_manifest(struct worker *worker, unsigned round, ocireg_error **error) {
    const struct shared *shared = worker->shared;
    ocireg_buffer *bytes = NULL;
    (void)round;
    ocireg_status status = ocireg_manifest_get(shared->client, worker->context, shared->reference, NULL, NULL, &bytes, error);
    size_t size = ocireg_buffer_size(bytes);
    bool good = size == strlen(shared->manifest) && memcmp(ocireg_buffer_data(bytes), shared->manifest, size) == 0;
    ocireg_buffer_free(bytes);
    return unless(good, status);
}

static ocireg_status get_digest(struct worker *worker, unsigned round, ocireg_error **error) {
    char *digest = NULL;
    (void)round;
    ocireg_status status = ocireg_manifest_digest(worker->shared->client, worker->context, worker->shared->reference, NULL, &digest, error);
    bool good = digest && strcmp(digest, worker->shared->digest) == 0;
    ocireg_string_free(digest);
    return unless(good, status);
}

static ocireg_status get_blob(struct worker *worker, unsigned round, ocireg_error **error) {
    ocireg_buffer *bytes = NULL;
    (void)round;
    ocireg_status status = ocireg_blob_get_memory(worker->shared->client, worker->context, worker->shared->blob, NULL, NULL, &bytes, error);
    bool good = ocireg_buffer_size(bytes) == LAYER_SIZE && memcmp(ocireg_buffer_data(bytes), worker->shared->layer, LAYER_SIZE) == 0;
    ocireg_buffer_free(bytes);
    return unless(good, status);
}

static ocireg_status read_blob(struct worker *worker, unsigned round, ocireg_error **error) {
    ocireg_blob_reader *reader = NULL;
    uint8_t buffer[5000];
    size_t total = 0, count = 1;
    bool good = true;
    (void)round;
    ocireg_status status = ocireg_blob_open(worker->shared->client, worker->context, worker->shared->blob, NULL, &reader, error);
    while (status == OCIREG_OK && count > 0) {
        status = ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, error);
        good = good && total + count <= LAYER_SIZE && memcmp(buffer, worker->shared->layer + total, count) == 0;
        total += count;
    }
    ocireg_blob_reader_free(reader);
    return unless(good && total == LAYER_SIZE, status);
}

static ocireg_status put_own_blob(struct worker *worker, unsigned round, ocireg_error **error) {
    char bytes[64], *json = NULL;
    int size = snprintf(bytes, sizeof bytes, "blob %u of thread %u in %s", round, worker->number, worker->shared->place);
    ocireg_status status = ocireg_blob_put_memory(worker->shared->client, worker->context, worker->shared->place, (uint8_t *)bytes,
                                                  size < 63 ? (size_t)size : 63, NULL, &json, error);
    bool good = json_is_true(json, "uploaded");
    ocireg_string_free(json);
    return unless(good, status);
}

static ocireg_status list_tags(struct worker *worker, unsigned round, ocireg_error **error) {
    char *json = NULL;
    (void)round;
    ocireg_status status = ocireg_repository_tags(worker->shared->client, worker->context, worker->shared->place, NULL, &json, error);
    bool good = json_length(json, "tags") == 1;
    ocireg_string_free(json);
    return unless(good, status);
}

static ocireg_status look_for_nothing(struct worker *worker, unsigned round, ocireg_error **error) {
    char *json = NULL;
    (void)round;
    ocireg_status status = ocireg_manifest_head(worker->shared->client, worker->context, worker->shared->missing, NULL, &json, error);
    bool good = status == OCIREG_NOT_FOUND && ocireg_error_code(*error) == OCIREG_NOT_FOUND && !json;
    ocireg_error_free(*error);
    *error = NULL;
    return good ? OCIREG_OK : OCIREG_INTERNAL;
}

static void *work(void *argument) {
    static operation *const operations[] = {ping, get_manifest, put_own_blob, get_blob, get_digest, read_blob, list_tags, look_for_nothing};
    struct worker *worker = argument;
    for (int round = 0; round < worker->shared->operations && !worker->wrong[0]; round++) {
        size_t which = ((unsigned)round + worker->number) % (sizeof operations / sizeof operations[0]);
        ocireg_error *error = NULL;
        ocireg_status status = operations[which](worker, (unsigned)round, &error);
        if (status != OCIREG_OK) {
            snprintf(worker->wrong, sizeof worker->wrong, "operation %zu in round %d: %s %s", which, round, ocireg_status_name(status),
                     error ? ocireg_error_message(error) : "");
        }
        ocireg_error_free(error);
    }
    return NULL;
}

static void run_workers(const struct shared *shared) {
    struct worker workers[THREADS] = {0};
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i].shared = shared;
        workers[i].number = i;
        workers[i].context = i % 2 ? new_context() : NULL;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(workers[i].thread, NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        if (workers[i].wrong[0]) fail_msg("thread %u: %s", i, workers[i].wrong);
    }
}

static void one_client_at(const char *variable) {
    struct shared shared = {.client = client_of(variable), .host = env(variable), .place = repository(variable, "threads")};
    ocireg_client *other = client_of(variable);
    shared.manifest = put_image(other, shared.place, "one", 1);
    shared.layer = noise(LAYER_SIZE, 2);
    put_blob(other, shared.place, shared.layer, LAYER_SIZE);
    shared.reference = text("%s:one", shared.place);
    shared.missing = text("%s:missing", shared.place);
    shared.digest = digest_of(shared.manifest, strlen(shared.manifest));
    shared.blob = blob_reference(shared.place, shared.layer, LAYER_SIZE);
    shared.operations = allowed_ms(1) > 1 ? OPERATIONS / 5 : OPERATIONS;
    run_workers(&shared);
}

static void test_one_client(void **state) {
    (void)state;
    one_client_at("OCIREG_TEST_V2");
}

static void test_one_client_over_tls(void **state) {
    (void)state;
    one_client_at("OCIREG_TEST_TLS");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_one_client), test(test_one_client_over_tls)};
    return run_all(tests, argc, argv);
}
