/* Close and free: what works after them, and in which order they may happen. */
#include "calls.h"

/* Every function of a closed client returns CLOSED; closing again is fine, and so is ending its threads. */
static void test_use_after_close(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    void *arguments[MOST_ARGUMENTS];
    expect_status(OCIREG_OK, ocireg_client_close(live->client, &failure));
    for (size_t i = 0; i < call_count; i++) {
        if (calls[i].kinds[0] != 'C' || strcmp(calls[i].name, "client_close") == 0 || strcmp(calls[i].name, "client_quiesce") == 0) continue;
        fill_in(live, &calls[i], arguments);
        ocireg_status status = calls[i].run(arguments, NULL);
        if (status != OCIREG_CLOSED) fail_msg("%s on a closed client gives %s", calls[i].name, ocireg_status_name(status));
        if (!results_are_empty(live, &calls[i], arguments)) fail_msg("%s on a closed client leaves a result unset", calls[i].name);
    }
    expect_status(OCIREG_OK, ocireg_client_close(live->client, &failure));
    expect_status(OCIREG_CLOSED, ocireg_upload_finish(live->upload, NULL, NULL, &failure));
    assert_int_equal(entries_in(live->folder), 1);
}

static void test_reader_after_close(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    uint8_t byte;
    size_t count = 9;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_blob_reader_read(live->reader, &byte, 1, &count, &failure));
    assert_int_equal(count, 1);
    for (int i = 0; i < 2; i++) expect_status(OCIREG_OK, ocireg_blob_reader_close(live->reader, &failure));
    expect_status(OCIREG_CLOSED, ocireg_blob_reader_read(live->reader, &byte, 1, &count, &failure));
    assert_int_equal(count, 0);
    expect_status(OCIREG_CLOSED, ocireg_blob_reader_info(live->reader, &json, &failure));
    assert_null(json);
}

static void test_upload_after_end(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_upload_write(live->upload, (const uint8_t *)"abc", 3, &failure));
    expect_status(OCIREG_OK, ocireg_upload_finish(live->upload, NULL, &json, &failure));
    kept(json);
    expect_status(OCIREG_CLOSED, ocireg_upload_write(live->upload, (const uint8_t *)"abc", 3, &failure));
    expect_status(OCIREG_CLOSED, ocireg_upload_finish(live->upload, NULL, &json, &failure));
    assert_null(json);
    expect_status(OCIREG_OK, ocireg_upload_cancel(live->upload, &failure));
}

static void test_upload_after_cancel(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    for (int i = 0; i < 2; i++) expect_status(OCIREG_OK, ocireg_upload_cancel(live->upload, &failure));
    expect_status(OCIREG_CLOSED, ocireg_upload_write(live->upload, (const uint8_t *)"abc", 3, &failure));
    expect_status(OCIREG_CLOSED, ocireg_upload_finish(live->upload, NULL, NULL, &failure));
}

struct family {
    ocireg_client *client;
    ocireg_context *context;
    ocireg_blob_reader *reader;
    ocireg_upload *upload;
};

static struct family new_family(const char *place, const char *blob) {
    struct family it = {0};
    expect_status(OCIREG_OK, ocireg_client_new(options("{'plain_http':true}"), &it.client, &failure));
    expect_status(OCIREG_OK, ocireg_context_new(&it.context, &failure));
    expect_status(OCIREG_OK, ocireg_blob_open(it.client, it.context, blob, NULL, &it.reader, &failure));
    expect_status(OCIREG_OK, ocireg_upload_start(it.client, it.context, place, NULL, &it.upload, &failure));
    return it;
}

static void free_one(struct family *it, char which) {
    switch (which) {
        case 'c': ocireg_client_free(it->client); break;
        case 'x': ocireg_context_free(it->context); break;
        case 'r': ocireg_blob_reader_free(it->reader); break;
        default: ocireg_upload_free(it->upload);
    }
}

/* valgrind watches this. */
static void test_frees_in_any_order(void **state) {
    (void)state;
    static const char *const orders[] = {"cxru", "xcur", "ruxc", "urcx", "crxu", "cuxr", "rcux", "xruc"};
    const char *place = repository("OCIREG_TEST_V2", "orders");
    put_blob(client_of("OCIREG_TEST_V2"), place, "some bytes", 10);
    const char *blob = blob_reference(place, "some bytes", 10);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        struct family it = new_family(place, blob);
        for (const char *which = orders[i]; *which; which++) free_one(&it, *which);
    }
}

/* A reader and an upload continue to work after their client and context were freed. */
static void test_children_outlive_the_client(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_V2", "orphans");
    size_t size = 3 << 20;
    uint8_t *bytes = noise(size, 5), *found = keep(malloc(size), free);
    put_blob(client_of("OCIREG_TEST_V2"), place, bytes, size);
    struct family it = new_family(place, blob_reference(place, bytes, size));
    ocireg_client_free(it.client);
    ocireg_context_free(it.context);

    size_t total = 0, count = 1;
    while (count > 0) {
        uint8_t buffer[70000];
        expect_status(OCIREG_OK, ocireg_blob_reader_read(it.reader, buffer, sizeof buffer, &count, &failure));
        assert_true(total + count <= size);
        memcpy(found + total, buffer, count);
        total += count;
    }
    assert_int_equal(total, size);
    assert_memory_equal(found, bytes, size);
    ocireg_blob_reader_free(it.reader);

    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_upload_write(it.upload, (const uint8_t *)"orphan", 6, &failure));
    expect_status(OCIREG_OK, ocireg_upload_finish(it.upload, NULL, &json, &failure));
    expect_text_at(kept(json), "digest", digest_of("orphan", 6));
    ocireg_upload_free(it.upload);
}

static void test_freed_without_use(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        ocireg_client *client = NULL;
        expect_status(OCIREG_OK, ocireg_client_new(NULL, &client, &failure));
        if (i % 2) expect_status(OCIREG_OK, ocireg_client_close(client, &failure));
        ocireg_client_free(client);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_use_after_close),     test(test_reader_after_close),          test(test_upload_after_end), test(test_upload_after_cancel),
        test(test_frees_in_any_order), test(test_children_outlive_the_client), test(test_freed_without_use),
    };
    return run_all(tests, argc, argv);
}
