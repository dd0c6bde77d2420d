/* Writing to real registries: every way to put a blob, manifests with their exact bytes, deletes. */
#include "common.h"

static const char *const registries[] = {"OCIREG_TEST_V2",    "OCIREG_TEST_V3",    "OCIREG_TEST_TLS",
                                         "OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN", "OCIREG_TEST_TOKEN_TLS"};
enum { REGISTRIES = sizeof registries / sizeof registries[0], BIG = 800000 };

/* Checks the result of a put, and that the registry has the bytes. */
static void check_stored(ocireg_client *client, const char *place, char *json, const uint8_t *bytes, size_t size, bool uploaded) {
    const char *digest = digest_of(bytes, size);
    ocireg_buffer *found = NULL;
    kept(json);
    expect_shape(json, "digest:string size:number location:string? uploaded:bool mounted:bool");
    expect_text_at(json, "digest", digest);
    expect_number_at(json, "size", (long long)size);
    expect_bool_at(json, "uploaded", uploaded);
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, text("%s@%s", place, digest), NULL, NULL, &found, &failure));
    assert_int_equal(ocireg_buffer_size(found), size);
    assert_memory_equal(ocireg_buffer_data(found), bytes, size);
    ocireg_buffer_free(found);
}

static void test_put_memory(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 70000, BIG};
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "memory");
        for (size_t k = 0; k < 4; k++) {
            uint8_t *bytes = noise(sizes[k], (unsigned)k);
            char *json = NULL;
            expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, place, bytes, sizes[k], NULL, &json, &failure));
            if (sizes[k] > 0) check_stored(client, place, json, bytes, sizes[k], true);
            else kept(json);
            expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, place, bytes, sizes[k], NULL, &json, &failure));
            check_stored(client, place, json, bytes, sizes[k], false);
        }
    }
}

/* From a file: in one request, in chunks, in one POST, with a given digest. */
static void test_put_file(void **state) {
    (void)state;
    const char *path = text("%s/blob", new_folder());
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "file");
        for (unsigned k = 0; k < 4; k++) {
            uint8_t *bytes = noise(BIG, 10 + k);
            const char *digest = digest_of(bytes, BIG);
            ocireg_options *ways[] = {NULL, options("{'chunk_size':300000}"), options("{'single_post':true}"),
                                      options("{'digest':'%s','size':%d}", digest, BIG)};
            char *json = NULL;
            write_file(path, bytes, BIG);
            ocireg_status status = ocireg_blob_put_file(client, NULL, place, path, ways[k], &json, NULL);
            if (status == OCIREG_UNSUPPORTED && k == 2) continue; /* distribution itself answers one POST with 202 */
            assert_int_equal(status, OCIREG_OK);
            check_stored(client, place, json, bytes, BIG, true);
        }
    }
}

/* A registry that accepts a blob in one POST has it; one that does not gives an error, and nothing is left behind. */
static void test_single_post(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "post");
        uint8_t *bytes = noise(5000, 31);
        char *json = NULL;
        forget_failure();
        ocireg_status status = ocireg_blob_put_memory(client, NULL, place, bytes, 5000, options("{'single_post':true}"), &json, &failure);
        if (status == OCIREG_OK) {
            check_stored(client, place, json, bytes, 5000, true);
            continue;
        }
        assert_int_equal(status, OCIREG_UNSUPPORTED);
        expect_message("POST");
        expect_message("single_post");
        expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob_reference(place, bytes, 5000), NULL, &json, &failure));
        expect_bool_at(kept(json), "exists", false);
    }
}

struct source {
    const uint8_t *bytes;
    size_t left, piece;
    int ends; /* how often it reported the end */
};

static int64_t give(void *userdata, uint8_t *buffer, size_t size) {
    struct source *source = userdata;
    size_t count = source->left < size ? source->left : size;
    count = count < source->piece ? count : source->piece;
    memcpy(buffer, source->bytes, count);
    source->bytes += count;
    source->left -= count;
    source->ends += count == 0;
    return (int64_t)count;
}

static void test_put_stream(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "stream");
        for (unsigned k = 0; k < 4; k++) {
            uint8_t *bytes = noise(BIG, 20 + k);
            const char *digest = digest_of(bytes, BIG);
            ocireg_options *ways[] = {NULL, options("{'size':%d,'digest':'%s'}", BIG, digest), options("{'chunk_size':200000}"),
                                      options("{'size':%d}", BIG)};
            struct source source = {bytes, BIG, 77777, 0};
            char *json = NULL;
            expect_status(OCIREG_OK, ocireg_blob_put_stream(client, NULL, place, give, &source, ways[k], &json, &failure));
            assert_in_range(source.ends, 0, 1);
            check_stored(client, place, json, bytes, BIG, true);
        }
    }
}

static void test_upload_handle(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 299999, 300000, 1, BIG - 600001};
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "upload");
        uint8_t *bytes = noise(BIG, 41);
        ocireg_upload *upload = NULL;
        size_t sent = 0;
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_upload_start(client, NULL, place, options("{'chunk_size':300000}"), &upload, &failure));
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            expect_status(OCIREG_OK, ocireg_upload_write(upload, bytes + sent, pieces[k], &failure));
            sent += pieces[k];
        }
        assert_int_equal(sent, BIG);
        expect_status(OCIREG_OK, ocireg_upload_finish(upload, digest_of(bytes, BIG), &json, &failure));
        check_stored(client, place, json, bytes, BIG, true);
        ocireg_upload_free(upload);
    }
}

static void test_wrong_digest_said(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "lies"), *other = digest_of("other", 5);
    const char *path = text("%s/blob", new_folder());
    ocireg_options *lie = options("{'digest':'%s'}", other);
    uint8_t *bytes = noise(100, 51);
    struct source source = {bytes, 100, 10, 0};
    ocireg_upload *upload = NULL;
    char *json = NULL;
    write_file(path, bytes, 100);
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_blob_put_memory(client, NULL, place, bytes, 100, lie, &json, &failure));
    expect_message(other);
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_blob_put_file(client, NULL, place, path, lie, &json, &failure));
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_blob_put_stream(client, NULL, place, give, &source, lie, &json, &failure));
    expect_status(OCIREG_OK, ocireg_upload_start(client, NULL, place, NULL, &upload, &failure));
    expect_status(OCIREG_OK, ocireg_upload_write(upload, bytes, 100, &failure));
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_upload_finish(upload, other, &json, &failure));
    ocireg_upload_free(upload);
    expect_status(OCIREG_SIZE_MISMATCH, ocireg_blob_put_file(client, NULL, place, path, options("{'size':99}"), &json, &failure));
    assert_null(json);
    /* Nothing of it is in the registry. */
    expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob_reference(place, bytes, 100), NULL, &json, &failure));
    expect_bool_at(kept(json), "exists", false);
}

/* Unusual whitespace and members must be preserved. */
static void test_manifest_bytes(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "manifest");
        put_blob(client, place, "{}", 2);
        const char *digest = digest_of("{}", 2);
        char *manifest = text("{ \"schemaVersion\" : 2,\n\t\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":"
                              "{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\",\"size\":2}, \"layers\": [],"
                              "\"annotations\":{\"\\u00e9\":\"<&>\"} }\n",
                              digest);
        size_t size = strlen(manifest);
        const char *reference = text("%s:odd", place), *manifest_digest = digest_of(manifest, size);
        char *json = NULL;
        ocireg_buffer *bytes = NULL;
        expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, reference, (uint8_t *)manifest, size, NULL, &json, &failure));
        expect_shape(kept(json), "digest:string size:number mediaType:string location:string?");
        expect_text_at(json, "digest", manifest_digest);
        expect_number_at(json, "size", (long long)size);
        expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, reference, NULL, NULL, &bytes, &failure));
        assert_int_equal(ocireg_buffer_size(bytes), size);
        assert_memory_equal(ocireg_buffer_data(bytes), manifest, size);
        ocireg_buffer_free(bytes);
        const char *pinned = text("%s@%s", place, manifest_digest);
        expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, pinned, (uint8_t *)manifest, size, NULL, NULL, &failure));
        const char *other = text("%s@%s", place, digest);
        expect_status(OCIREG_DIGEST_MISMATCH, ocireg_manifest_put(client, NULL, other, (uint8_t *)manifest, size, NULL, NULL, &failure));
    }
}

static void test_delete(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "delete");
        const char *manifest = put_image(client, place, "gone", 61), *pinned = text("%s@%s", place, digest_of(manifest, strlen(manifest)));
        const char *blob = blob_reference(place, noise(3000, 61), 3000);
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_manifest_delete(client, NULL, pinned, NULL, &json, &failure));
        expect_number_at(kept(json), "status", 202);
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_head(client, NULL, pinned, NULL, &json, &failure));
        expect_status(OCIREG_OK, ocireg_blob_delete(client, NULL, blob, NULL, &json, &failure));
        expect_number_at(kept(json), "status", 202);
        expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob, NULL, &json, &failure));
        expect_bool_at(kept(json), "exists", false);
        expect_status(OCIREG_NOT_FOUND, ocireg_blob_delete(client, NULL, blob, NULL, &json, &failure));
        assert_null(json);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_put_memory),    test(test_put_file),          test(test_single_post),    test(test_put_stream),
        test(test_upload_handle), test(test_wrong_digest_said), test(test_manifest_bytes), test(test_delete),
    };
    return run_all(tests, argc, argv);
}
