/* Tokens that the registry refuses 2 to 3 seconds after they were issued, although their stated lifetime is longer. */
#include "common.h"

#include <unistd.h>

#define SHORT "OCIREG_TEST_TOKEN_SHORT"
enum { OLD_ENOUGH_MS = 3200 };

static void wait_for_expiry(void) {
    usleep(OLD_ENOUGH_MS * 1000);
}

struct slow_source {
    size_t left;
    bool waited;
};

/* Sends half of the bytes, waits, and sends the rest. */
static int64_t give_slowly(void *userdata, uint8_t *buffer, size_t size) {
    struct slow_source *source = userdata;
    if (source->left <= 1000000 && !source->waited) {
        source->waited = true;
        wait_for_expiry();
    }
    size_t count = source->left < size ? source->left : size;
    memset(buffer, 's', count);
    source->left -= count;
    return (int64_t)count;
}

/* Everything in progress when the token expires continues with a new one: an upload, a reader, and the next call. */
static void test_expiry_in_the_middle(void **state) {
    (void)state;
    ocireg_client *client = client_of(SHORT);
    const char *place = repository(SHORT, "expiry");
    const char *manifest = put_image(client, place, "one", 1);
    const char *blob = blob_reference(place, noise(3000, 1), 3000);
    ocireg_upload *upload = NULL;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_upload_start(client, NULL, place, options("{'chunk_size':10}"), &upload, &failure));
    expect_status(OCIREG_OK, ocireg_upload_write(upload, (const uint8_t *)"0123456789", 10, &failure));
    wait_for_expiry();
    expect_status(OCIREG_OK, ocireg_upload_write(upload, (const uint8_t *)"abcdefghij", 10, &failure));
    expect_status(OCIREG_OK, ocireg_upload_finish(upload, digest_of("0123456789abcdefghij", 20), &json, &failure));
    expect_number_at(kept(json), "size", 20);
    ocireg_upload_free(upload);

    wait_for_expiry();
    ocireg_buffer *bytes = NULL;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob, NULL, NULL, &bytes, &failure));
    assert_int_equal(ocireg_buffer_size(bytes), 3000);
    ocireg_buffer_free(bytes);
    const char *two = text("%s:two", place);
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, two, (const uint8_t *)manifest, strlen(manifest), NULL, NULL, &failure));
}

static void test_expiry_while_streaming(void **state) {
    (void)state;
    ocireg_client *client = client_of(SHORT);
    struct slow_source source = {.left = 2000000};
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_blob_put_stream(client, NULL, repository(SHORT, "slow"), give_slowly, &source,
                                                    options("{'chunk_size':500000}"), &json, &failure));
    expect_number_at(kept(json), "size", 2000000);
    assert_true(source.waited);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_expiry_in_the_middle), test(test_expiry_while_streaming)};
    return run_all(tests, argc, argv);
}
