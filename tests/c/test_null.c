/* Every function with each pointer argument NULL in turn. */
#include "calls.h"

static bool may_be_null(char kind) {
    return strchr("xpnsqr", kind) != NULL;
}

/* The call with argument number i NULL, with an error place and without one. */
static void refuses_null(struct arguments *live, const struct call *call, size_t i) {
    void *arguments[MOST_ARGUMENTS];
    for (int with_error = 1; with_error >= 0; with_error--) {
        ocireg_error *error = NULL;
        fill_in(live, call, arguments);
        arguments[i] = NULL;
        ocireg_status status = call->run(arguments, with_error ? &error : NULL);
        if (status != OCIREG_INVALID_ARGUMENT) fail_msg("%s with argument %zu NULL gives %s", call->name, i, ocireg_status_name(status));
        if (!results_are_empty(live, call, arguments)) fail_msg("%s with argument %zu NULL leaves a result unset", call->name, i);
        if (with_error && (!error || !strstr(ocireg_error_message(error), "NULL"))) {
            fail_msg("%s with argument %zu NULL says '%s'", call->name, i, error ? ocireg_error_message(error) : "nothing");
        }
        ocireg_error_free(error);
    }
}

static void test_each_pointer(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    for (size_t number = 0; number < call_count; number++) {
        const struct call *call = &calls[number];
        for (size_t i = 0; call->kinds[i]; i++) {
            if (!may_be_null(call->kinds[i])) refuses_null(live, call, i);
        }
    }
}

/* Refused calls change nothing: the handles still work. */
static void test_handles_survive(void **state) {
    (void)state;
    struct arguments *live = live_arguments();
    const struct call *read = NULL;
    for (size_t i = 0; i < call_count; i++) {
        if (strcmp(calls[i].name, "blob_reader_read") == 0) read = &calls[i];
    }
    assert_non_null(read);
    refuses_null(live, read, 1);
    uint8_t bytes[8];
    size_t count = 0;
    expect_status(OCIREG_OK, ocireg_blob_reader_read(live->reader, bytes, sizeof bytes, &count, &failure));
    assert_int_equal(count, 3);
    assert_memory_equal(bytes, "abc", 3);
}

static void test_nullable_arguments(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "nullable");
    char *manifest = put_image(client, place, "one", 1); /* context, options, json: all NULL */
    ocireg_buffer *bytes = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, text("%s:one", place), NULL, NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, text("%s:one", place), NULL, NULL, &bytes, NULL));
    assert_int_equal(ocireg_buffer_size(bytes), strlen(manifest));
    ocireg_buffer_free(bytes);
    char *digest = NULL;
    expect_status(OCIREG_OK, ocireg_digest_bytes(NULL, 0, NULL, &digest, &failure));
    assert_string_equal(kept(digest), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, place, NULL, 0, NULL, NULL, &failure));
}

static void test_frees_and_accessors(void **state) {
    (void)state;
    ocireg_string_free(NULL);
    ocireg_buffer_free(NULL);
    ocireg_error_free(NULL);
    ocireg_options_free(NULL);
    ocireg_context_free(NULL);
    ocireg_client_free(NULL);
    ocireg_blob_reader_free(NULL);
    ocireg_upload_free(NULL);
    ocireg_artifact_free(NULL);
    assert_null(ocireg_buffer_data(NULL));
    assert_int_equal(ocireg_buffer_size(NULL), 0);
    assert_int_equal(ocireg_error_code(NULL), OCIREG_INVALID_ARGUMENT);
    assert_null(ocireg_error_name(NULL));
    assert_null(ocireg_error_message(NULL));
    assert_null(ocireg_error_hint(NULL));
    assert_int_equal(ocireg_error_errno(NULL), 0);
    assert_int_equal(ocireg_error_http_status(NULL), 0);
    assert_null(ocireg_error_json(NULL));
}

static void test_version_and_names(void **state) {
    (void)state;
    assert_string_equal(ocireg_version(), OCIREG_VERSION);
    assert_int_equal(ocireg_version_number(), OCIREG_VERSION_NUMBER);
    assert_int_equal(OCIREG_VERSION_NUMBER, OCIREG_VERSION_MAJOR << 16 | OCIREG_VERSION_MINOR << 8 | OCIREG_VERSION_PATCH);
    assert_string_equal(ocireg_status_name(OCIREG_OK), "OK");
    assert_string_equal(ocireg_status_name(OCIREG_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(ocireg_status_name(OCIREG_RESOLVE), "RESOLVE");
    assert_string_equal(ocireg_status_name(63), "UNKNOWN");
    assert_string_equal(ocireg_status_name(-1), "UNKNOWN");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_each_pointer),        test(test_handles_survive),   test(test_nullable_arguments),
        test(test_frees_and_accessors), test(test_version_and_names),
    };
    return run_all(tests, argc, argv);
}
