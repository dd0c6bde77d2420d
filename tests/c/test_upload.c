/* Uploads step by step, saved and continued by other clients; mounts. */
#include "common.h"

static const char *const registries[] = {"OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_TOKEN", "OCIREG_TEST_GGCR"};
enum { REGISTRIES = sizeof registries / sizeof registries[0], SIZE = 300000 };

static void check_session(const char *json, long long offset) {
    expect_shape(json, "url:string repository:string offset:number min_chunk_size:number");
    assert_int_equal(json_length(json, ""), 4);
    expect_number_at(json, "offset", offset);
}

/* Each step with a separate client, as other processes would do. */
static void test_steps(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        const char *place = repository(registries[i], "steps");
        uint8_t *bytes = noise(SIZE, (unsigned)i);
        char *json = NULL, *session;
        if (strcmp(registries[i], "OCIREG_TEST_GGCR") == 0) continue; /* it has no status request: see test_one_chunk */
        expect_status(OCIREG_OK, ocireg_upload_session_start(client_of(registries[i]), NULL, place, NULL, &json, &failure));
        check_session(kept(json), 0);
        session = json;
        expect_status(OCIREG_OK, ocireg_upload_session_status(client_of(registries[i]), NULL, session, NULL, &json, &failure));
        check_session(kept(json), 0);
        session = json;
        expect_status(OCIREG_OK, ocireg_upload_session_chunk(client_of(registries[i]), NULL, session, bytes, SIZE / 2,
                                                             options("{'offset':0}"), &json, &failure));
        check_session(kept(json), SIZE / 2);
        session = json;
        const char *url = keep(json_string_at(session, "url"), free);
        expect_status(OCIREG_OK, ocireg_upload_session_status(client_of(registries[i]), NULL, url, NULL, &json, &failure));
        check_session(kept(json), SIZE / 2);
        session = json;
        expect_status(OCIREG_OK,
                      ocireg_upload_session_finish(client_of(registries[i]), NULL, session, digest_of(bytes, SIZE),
                                                   bytes + SIZE / 2, SIZE - SIZE / 2, NULL, &json, &failure));
        kept(json);
        expect_shape(json, "digest:string size:number location:string? uploaded:bool mounted:bool");
        expect_number_at(json, "size", SIZE);
        ocireg_buffer *found = NULL;
        expect_status(OCIREG_OK, ocireg_blob_get_memory(client_of(registries[i]), NULL, blob_reference(place, bytes, SIZE), NULL,
                                                        NULL, &found, &failure));
        assert_memory_equal(ocireg_buffer_data(found), bytes, SIZE);
        ocireg_buffer_free(found);
    }
}

static void test_one_chunk(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_GGCR", "steps");
    ocireg_client *client = client_of("OCIREG_TEST_GGCR");
    uint8_t *bytes = noise(1000, 9);
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_upload_session_start(client, NULL, place, NULL, &json, &failure));
    char *session = kept(json);
    expect_status(OCIREG_OK, ocireg_upload_session_chunk(client, NULL, session, bytes, 1000, NULL, &json, &failure));
    session = kept(json);
    expect_status(OCIREG_OK, ocireg_upload_session_finish(client, NULL, session, digest_of(bytes, 1000), NULL, 0, NULL, NULL,
                                                          &failure));
}

static void test_endings(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "endings");
    char *json = NULL, *session;
    expect_status(OCIREG_OK, ocireg_upload_session_start(client, NULL, place, NULL, &json, &failure));
    session = kept(json);
    expect_status(OCIREG_INVALID_ARGUMENT,
                  ocireg_upload_session_chunk(client, NULL, session, (const uint8_t *)"", 0, NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_upload_session_chunk(client, NULL, session, (const uint8_t *)"abc", 3, NULL, &json, &failure));
    session = kept(json);
    ocireg_status status =
        ocireg_upload_session_finish(client, NULL, session, digest_of("abd", 3), NULL, 0, NULL, NULL, &failure);
    assert_true(status == OCIREG_HTTP || status == OCIREG_DIGEST_MISMATCH);
    forget_failure();
    expect_status(OCIREG_OK, ocireg_upload_session_cancel(client, NULL, session, NULL, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_upload_session_status(client, NULL, session, NULL, &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_upload_session_status(client, NULL, "http://h/x", NULL, &json, &failure));
    expect_message("/blobs/uploads/");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_upload_session_status(client, NULL, "{}", NULL, &json, &failure));
}

/* An upload handle is saved and continued as a session. */
static void test_save(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "save");
    uint8_t *bytes = noise(SIZE, 4);
    ocireg_upload *upload = NULL;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_upload_start(client, NULL, place, NULL, &upload, &failure));
    expect_status(OCIREG_OK, ocireg_upload_write(upload, bytes, SIZE - 5, &failure));
    expect_status(OCIREG_OK, ocireg_upload_save(upload, &json, &failure));
    check_session(kept(json), SIZE - 5);
    expect_status(OCIREG_CLOSED, ocireg_upload_write(upload, bytes, 1, &failure));
    ocireg_upload_free(upload);
    expect_status(OCIREG_OK, ocireg_upload_session_finish(client, NULL, json, digest_of(bytes, SIZE), bytes + SIZE - 5, 5, NULL,
                                                          NULL, &failure));
}

static void test_mount(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *from = repository(registries[i], "mount-from"), *to = repository(registries[i], "mount-to");
        uint8_t *bytes = noise(1000, 20 + (unsigned)i);
        char *json = NULL;
        put_blob(client, from, bytes, 1000);
        const char *wanted = blob_reference(to, bytes, 1000);
        expect_status(OCIREG_OK, ocireg_blob_mount(client, NULL, wanted, from, NULL, &json, &failure));
        kept(json);
        expect_shape(json, "mounted:bool digest:string location:string? session:object?");
        if (strcmp(registries[i], "OCIREG_TEST_GGCR") != 0) expect_bool_at(json, "mounted", true);
        /* A blob that does not exist: declined, with a session on request. */
        const char *absent = text("%s@%s", to, digest_of("nowhere", 7));
        expect_status(OCIREG_OK, ocireg_blob_mount(client, NULL, absent, from, NULL, &json, &failure));
        kept(json);
        if (strcmp(registries[i], "OCIREG_TEST_GGCR") == 0) continue;
        expect_bool_at(json, "mounted", false);
        assert_int_equal(json_kind_at(json, "session"), JSON_NULL);
        expect_status(OCIREG_OK,
                      ocireg_blob_mount(client, NULL, absent, NULL, options("{'keep_session':true}"), &json, &failure));
        kept(json);
        assert_int_equal(json_kind_at(json, "session/url"), JSON_STRING);
        /* Mounted as part of a put. */
        bytes = noise(1000, 40 + (unsigned)i);
        put_blob(client, from, bytes, 1000);
        expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, to, bytes, 1000, options("{'mount_from':['%s']}", from),
                                                        &json, &failure));
        kept(json);
        expect_bool_at(json, "mounted", true);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_mount(client_of("OCIREG_TEST_V2"), NULL,
                                                             text("%s@%s", repository("OCIREG_TEST_V2", "m"), digest_of("", 0)),
                                                             "example.org/a", NULL, NULL, &failure));
    expect_message("example.org");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_steps), test(test_one_chunk), test(test_endings), test(test_save), test(test_mount),
    };
    return run_all(tests, argc, argv);
}
