/* Handles of another type, freed ones, and no handles at all: each call returns INVALID_ARGUMENT, each free does
 * nothing. Also callbacks that free what their own call is using. */
#include "calls.h"

static const char not_a_handle[256];

struct wrong {
    const char *what;
    void *handle;
};

/* Everything that is not a handle of that kind. */
static size_t wrong_for(struct arguments *live, char kind, struct wrong *list) {
    ocireg_error *error = NULL;
    char *json = NULL;
    ocireg_reference_parse("!", NULL, &json, &error);
    keep(error, (void (*)(void *))(uintptr_t)ocireg_error_free);
    size_t count = 0;
    if (kind != 'C') list[count++] = (struct wrong){"a client", live->client};
    if (kind != 'X') list[count++] = (struct wrong){"a context", live->context};
    if (kind != 'R') list[count++] = (struct wrong){"a reader", live->reader};
    if (kind != 'U') list[count++] = (struct wrong){"an upload", live->upload};
    if (kind != 'F') list[count++] = (struct wrong){"an artifact", live->artifact};
    if (kind != 'A') list[count++] = (struct wrong){"a job", live->job};
    if (kind != 'j') list[count++] = (struct wrong){"JSON", live->json};
    if (kind != 'O') list[count++] = (struct wrong){"options", options("{}")};
    list[count++] = (struct wrong){"an error", error};
    list[count++] = (struct wrong){"zeros", (void *)(uintptr_t)not_a_handle};
    list[count++] = (struct wrong){"an odd address", (void *)((uintptr_t)not_a_handle + 1)};
    list[count++] = (struct wrong){"a small number", (void *)(uintptr_t)8};
    list[count++] = (struct wrong){"text", text("%s", "this is not a handle of any kind at all")};
    return count;
}

/* Of the kinds of arguments in calls.h, those that are handles; whether one may be NULL makes no difference. */
static char handle_of(char kind) {
    switch (kind) {
        case 'x': return 'X';
        case 'p': return 'O';
        default: return strchr("CXRUAOFj", kind) ? kind : '\0';
    }
}

static void test_each_call_with_each_wrong_handle(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    size_t tried = 0;
    for (size_t number = 0; number < call_count; number++) {
        const struct call *call = &calls[number];
        for (size_t i = 0; call->kinds[i]; i++) {
            struct wrong list[16];
            char kind = handle_of(call->kinds[i]);
            size_t count = kind ? wrong_for(live, kind, list) : 0;
            for (size_t k = 0; k < count; k++) {
                void *arguments[MOST_ARGUMENTS];
                ocireg_error *error = NULL;
                fill_in(live, call, arguments);
                arguments[i] = list[k].handle;
                ocireg_status status = call->run(arguments, &error);
                bool said = error && strstr(ocireg_error_message(error), "not a live handle");
                ocireg_error_free(error);
                if (status != OCIREG_INVALID_ARGUMENT || !said) {
                    fail_msg("%s with %s as argument %zu gives %s", call->name, list[k].what, i, ocireg_status_name(status));
                }
                tried++;
            }
        }
    }
    assert_true(tried > 500);
}

static ocireg_client *a_client(void) {
    ocireg_client *client = NULL;
    assert_int_equal(ocireg_client_new(NULL, &client, NULL), OCIREG_OK);
    return client;
}

static ocireg_error *an_error(void) {
    char *json = NULL;
    ocireg_error *error = NULL;
    assert_int_not_equal(ocireg_reference_parse("!", NULL, &json, &error), OCIREG_OK);
    return error;
}

/* Nothing ends and nothing is freed: the handle works afterwards. */
static void test_wrong_frees(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    ocireg_options *wanted = options("{'retries':1}");
    ocireg_error *error = an_error();
    char *digest = NULL;
    assert_int_equal(ocireg_digest_bytes((const uint8_t *)"x", 1, NULL, &digest, NULL), OCIREG_OK);
    char *own = strdup("a string of the program's own");
    void *const all[] = {live->client, live->context, live->reader, live->upload, wanted,  error,
                         digest,       own,           (void *)(uintptr_t)not_a_handle,      (void *)8, (void *)((uintptr_t)not_a_handle + 3)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        void *handle = all[i];
        if (handle != live->client) ocireg_client_free(handle);
        if (handle != live->context) ocireg_context_free(handle);
        if (handle != live->reader) ocireg_blob_reader_free(handle);
        if (handle != live->upload) ocireg_upload_free(handle);
        if (handle != live->artifact) ocireg_artifact_free(handle);
        if (handle != wanted) ocireg_options_free(handle);
        if (handle != error) ocireg_error_free(handle);
        ocireg_buffer_free(handle);
        assert_null(ocireg_buffer_data(handle));
        assert_int_equal(ocireg_buffer_size(handle), 0);
        if (handle == error) continue;
        assert_int_equal(ocireg_error_code(handle), OCIREG_INVALID_ARGUMENT);
        assert_null(ocireg_error_name(handle));
        assert_null(ocireg_error_message(handle));
        assert_null(ocireg_error_json(handle));
        assert_int_equal(ocireg_error_http_status(handle), 0);
        assert_null(ocireg_error_hint(handle));
        assert_int_equal(ocireg_error_errno(handle), 0);
    }
    /* The memory before a string is read too, so only memory from malloc is tried. */
    void *const heap[] = {live->client, live->context, live->reader, live->upload, wanted, error, own};
    for (size_t i = 0; i < sizeof heap / sizeof *heap; i++) ocireg_string_free(heap[i]);
    uint8_t byte;
    size_t count = 0;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_registry_ping(live->client, live->context, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
    expect_status(OCIREG_OK, ocireg_blob_reader_read(live->reader, &byte, 1, &count, &failure));
    expect_status(OCIREG_OK, ocireg_upload_cancel(live->upload, &failure));
    assert_int_equal(ocireg_error_code(error), OCIREG_INVALID_REFERENCE);
    assert_string_equal(own, "a string of the program's own");
    assert_memory_equal(digest, "sha256:", 7);
    ocireg_error_free(error);
    ocireg_string_free(digest);
    free(own);
}

static int32_t frees_the_answer(void *userdata, const char *host, ocireg_options *answer) {
    (void)host;
    ocireg_options_set_string(answer, "username", "alice", NULL);
    ocireg_options_set_string(answer, "password", "s3cret:with colon", NULL);
    for (int i = 0; i < 3; i++) ocireg_options_free(answer);
    *(ocireg_options **)userdata = answer;
    return 0;
}

static void test_an_answer_that_is_freed(void **state) {
    (void)state;
    ocireg_client *client = new_client("{'plain_http':true}");
    ocireg_context *context = new_context();
    ocireg_options *answer = NULL;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_set_credentials(context, frees_the_answer, &answer, &failure));
    expect_status(OCIREG_OK, ocireg_registry_catalog(client, context, env("OCIREG_TEST_HTPASSWD"), NULL, &json, &failure));
    kept(json);
    assert_non_null(answer);
}

struct freed {
    ocireg_client *client;
    ocireg_context *context;
    ocireg_blob_reader *reader;
    int times;
};

static int32_t frees_all(void *userdata, const char *event) {
    struct freed *freed = userdata;
    (void)event;
    if (freed->times++ > 0) return 0;
    ocireg_client_close(freed->client, NULL);
    ocireg_client_free(freed->client);
    ocireg_context_free(freed->context);
    return 0;
}

static int32_t frees_quietly(void *userdata, const char *event) {
    struct freed *freed = userdata;
    (void)event;
    if (freed->times++ > 0) return 0;
    ocireg_client_free(freed->client);
    ocireg_context_free(freed->context);
    return 0;
}

static struct freed to_be_freed(ocireg_log_fn callback, struct freed *place) {
    ocireg_options *wanted = options("{'plain_http':true}");
    *place = (struct freed){0};
    assert_int_equal(ocireg_client_new(wanted, &place->client, NULL), OCIREG_OK);
    assert_int_equal(ocireg_context_new(&place->context, NULL), OCIREG_OK);
    assert_int_equal(ocireg_context_set_log(place->context, callback, place, NULL), OCIREG_OK);
    return *place;
}

/* The call continues with what it was started with, and nothing leaks. */
static void test_a_callback_that_frees_its_call(void **state) {
    (void)state;
    struct freed freed;
    char *json = NULL;
    to_be_freed(frees_quietly, &freed);
    expect_status(OCIREG_OK, ocireg_registry_ping(freed.client, freed.context, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    kept(json);
    assert_true(freed.times > 1);
    to_be_freed(frees_all, &freed);
    expect_status(OCIREG_CLOSED, ocireg_registry_ping(freed.client, freed.context, env("OCIREG_TEST_V2"), NULL, &json, &failure));
}

static int32_t frees_the_reader(void *userdata, uint64_t done, uint64_t total) {
    struct freed *freed = userdata;
    (void)total;
    if (done > 0 && freed->times++ == 0) {
        assert_int_equal(ocireg_blob_reader_close(freed->reader, NULL), OCIREG_BUSY);
        ocireg_blob_reader_free(freed->reader);
    }
    return 0;
}

static void test_a_callback_that_frees_its_reader(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "freed");
    put_blob(client, place, "some bytes", 10);
    struct freed freed = {.context = new_context()};
    uint8_t bytes[4];
    size_t count = 0;
    assert_int_equal(ocireg_context_set_progress(freed.context, frees_the_reader, &freed, NULL), OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_blob_open(client, freed.context, blob_reference(place, "some bytes", 10), NULL, &freed.reader, &failure));
    expect_status(OCIREG_OK, ocireg_blob_reader_read(freed.reader, bytes, 4, &count, &failure));
    assert_int_equal(freed.times, 1);
    assert_memory_equal(bytes, "some", 4);
}

/* Freed memory is read here, which sanitizers and valgrind rightly report. */
static bool watched(void) {
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
#endif
}

static void test_dead_handles(void **state) {
    (void)state;
    if (watched()) skip();
    ocireg_client *client = a_client();
    ocireg_error *error = an_error();
    ocireg_context *context = NULL;
    ocireg_options *wanted = NULL;
    char *digest = NULL, *json = NULL;
    assert_int_equal(ocireg_context_new(&context, NULL), OCIREG_OK);
    assert_int_equal(ocireg_options_new(&wanted, NULL), OCIREG_OK);
    assert_int_equal(ocireg_digest_bytes((const uint8_t *)"x", 1, NULL, &digest, NULL), OCIREG_OK);
    for (int i = 0; i < 3; i++) {
        ocireg_client_free(client);
        ocireg_context_free(context);
        ocireg_options_free(wanted);
        ocireg_error_free(error);
        ocireg_string_free(digest);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_registry_ping(client, NULL, "localhost:1", NULL, &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_context_cancel(context, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_options_set_bool(wanted, "x", true, &failure));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_each_call_with_each_wrong_handle), test(test_wrong_frees),
        test(test_an_answer_that_is_freed),          test(test_a_callback_that_frees_its_call),
        test(test_a_callback_that_frees_its_reader), test(test_dead_handles),
    };
    return run_all(tests, argc, argv);
}
