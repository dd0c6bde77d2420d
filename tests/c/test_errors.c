/* Bad input and real refusals: each has its own code, and a message that names the cause. */
#include "common.h"
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_bad_reference(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *host = env("OCIREG_TEST_V2");
    char *json = NULL;
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_manifest_get(client, NULL, text("%s/Upper:x", host), NULL, &json, NULL, &failure));
    expect_message("Upper");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_manifest_head(client, NULL, text("%s/a@sha256:short", host), NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_blob_head(client, NULL, text("%s/a:tag", host), NULL, &json, &failure));
    expect_message("digest");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_repository_tags(client, NULL, text("%s/a/../b", host), NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_registry_ping(client, NULL, "no such host", NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_blob_put_memory(client, NULL, text("%s/", host), (const uint8_t *)"x", 1, NULL, NULL, &failure));
    assert_null(json);
}

static void test_bad_options(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *reference = text("%s:x", repository("OCIREG_TEST_V2", "options"));
    static const char *const bad[] = {"{'platform':'linux'}", "{'max_schema_version':'2'}", "{'plattform':'linux/amd64'}"};
    static const char *const says[] = {"platform", "max_schema_version", "plattform"};
    char *json = NULL;
    for (size_t i = 0; i < 3; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_get(client, NULL, reference, options("%s", bad[i]), &json, NULL, &failure));
        expect_message(says[i]);
    }
    ocireg_upload *upload = NULL;
    const char *place = repository("OCIREG_TEST_V2", "options");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_upload_start(client, NULL, place, options("{'chunk_size':0}"), &upload, &failure));
    expect_message("chunk_size");
    assert_null(upload);
}

static void test_unreachable_host(void **state) {
    (void)state;
    const char *host = closed_port();
    char *json = NULL;
    ocireg_client *client = new_client("{'plain_http':true,'retries':1}");
    expect_status(OCIREG_CONNECT, ocireg_registry_ping(client, NULL, host, NULL, &json, &failure));
    expect_message(host);
    expect_bool_at(ocireg_error_json(failure), "retryable", true);
    expect_number_at(ocireg_error_json(failure), "attempts", 2);
    expect_status(OCIREG_CONNECT, ocireg_registry_ping(new_client("{'retries':0}"), NULL, host, NULL, &json, &failure));
}

static void test_unknown_host(void **state) {
    (void)state;
    char *json = NULL;
    ocireg_client *client = new_client("{'retries':0}");
    expect_status(OCIREG_RESOLVE, ocireg_registry_ping(client, NULL, "no-such-registry.invalid", NULL, &json, &failure));
    expect_message("no-such-registry.invalid");
}

static void test_wrong_ca(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_TLS");
    const char *trusts[] = {"{}", text("{'ca_file':'%s','ca_only':true}", env("OCIREG_TEST_OTHER_CA")),
                            text("{'ca_file':'%s'}", env("OCIREG_TEST_OTHER_CA"))};
    char *json = NULL;
    for (size_t i = 0; i < 3; i++) {
        ocireg_client *client = new_client("{'retries':0}");
        set_host(client, host, trusts[i]);
        expect_status(OCIREG_TLS, ocireg_registry_ping(client, NULL, host, NULL, &json, &failure));
        expect_message(host);
        expect_message("ca_file");
    }
    ocireg_client *client = new_client(NULL);
    forget_failure();
    ocireg_status status = ocireg_client_set_host(client, host, options("{'ca_file':'/no/such/ca.pem'}"), &failure);
    if (status == OCIREG_OK) status = ocireg_registry_ping(client, NULL, host, NULL, &json, &failure);
    assert_int_equal(status, OCIREG_IO);
    expect_message("/no/such/ca.pem");
}

static void test_tls_and_plain_mixed_up(void **state) {
    (void)state;
    char *json = NULL;
    ocireg_client *client = new_client("{'retries':0}");
    set_host(client, env("OCIREG_TEST_V2"), "{'plain_http':false}");
    expect_status(OCIREG_TLS, ocireg_registry_ping(client, NULL, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    expect_message("plain_http");
}

static void test_wrong_password(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN"};
    for (size_t i = 0; i < 2; i++) {
        static const char *const users[] = {",'username':'alice','password':'wrong'", ""};
        for (size_t k = 0; k < 2; k++) {
            ocireg_client *client = new_client(NULL);
            char *json = NULL;
            set_host(client, env(registries[i]), text("{'plain_http':true%s}", users[k]));
            const char *place = repository(registries[i], "secret");
            expect_status(OCIREG_UNAUTHENTICATED, ocireg_repository_tags(client, NULL, place, NULL, &json, &failure));
            assert_null(strstr(ocireg_error_json(failure), "wrong'"));
            expect_status(OCIREG_UNAUTHENTICATED,
                          ocireg_blob_put_memory(client, NULL, place, (const uint8_t *)"x", 1, NULL, &json, &failure));
            assert_null(json);
        }
    }
}

static ocireg_client *bob(void) {
    ocireg_client *client = new_client(NULL);
    set_host(client, env("OCIREG_TEST_TOKEN"), "{'plain_http':true,'username':'bob','password':'readonly'}");
    return client;
}

static void test_no_permission(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_TOKEN", "guarded");
    const char *manifest = put_image(client_of("OCIREG_TEST_TOKEN"), place, "one", 1), *reference = text("%s:one", place);
    ocireg_client *client = bob();
    ocireg_upload *upload = NULL;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, reference, NULL, &json, &failure));
    kept(json);
    const char *pinned = text("%s@%s", place, digest_of(manifest, strlen(manifest)));
    expect_status(OCIREG_FORBIDDEN, ocireg_blob_put_memory(client, NULL, place, (const uint8_t *)"bob", 3, NULL, NULL, &failure));
    expect_status(OCIREG_FORBIDDEN, ocireg_upload_start(client, NULL, place, NULL, &upload, &failure));
    expect_status(OCIREG_FORBIDDEN, ocireg_manifest_put(client, NULL, reference, (const uint8_t *)manifest, strlen(manifest), NULL, NULL, &failure));
    expect_status(OCIREG_FORBIDDEN, ocireg_manifest_delete(client, NULL, pinned, NULL, NULL, &failure));
    expect_status(OCIREG_FORBIDDEN, ocireg_registry_catalog(client, NULL, env("OCIREG_TEST_TOKEN"), NULL, &json, &failure));
    assert_null(strstr(ocireg_error_json(failure), "readonly"));
}

/* Anybody may pull public/…, but nothing else. */
static void test_anonymous(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_TOKEN"), *open = text("%s/public/ctest-%d", host, (int)getpid());
    put_image(client_of("OCIREG_TEST_TOKEN"), open, "one", 1);
    put_image(client_of("OCIREG_TEST_TOKEN"), repository("OCIREG_TEST_TOKEN", "closed"), "one", 1);
    ocireg_client *client = new_client("{'plain_http':true}");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, text("%s:one", open), NULL, &json, &failure));
    kept(json);
    const char *closed = text("%s:one", repository("OCIREG_TEST_TOKEN", "closed"));
    expect_status(OCIREG_UNAUTHENTICATED, ocireg_manifest_head(client, NULL, closed, NULL, &json, &failure));
    expect_status(OCIREG_UNAUTHENTICATED, ocireg_blob_put_memory(client, NULL, open, (const uint8_t *)"x", 1, NULL, NULL, &failure));
}

static void test_not_found(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_V2", "OCIREG_TEST_V3"};
    for (size_t i = 0; i < 2; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "found"), *nowhere = repository(registries[i], "nowhere");
        put_image(client, place, "one", 1);
        const char *folder = new_folder(), *path = text("%s/blob", folder), *missing = blob_reference(place, "missing", 7);
        ocireg_blob_reader *reader = NULL;
        ocireg_buffer *bytes = NULL;
        char *json = NULL;
        expect_status(OCIREG_NOT_FOUND, ocireg_repository_tags(client, NULL, nowhere, NULL, &json, &failure));
        expect_message("nowhere");
        assert_int_equal(ocireg_error_http_status(failure), 404);
        expect_text_at(ocireg_error_json(failure), "registry_errors/0/code", "NAME_UNKNOWN");
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_get(client, NULL, text("%s:two", place), NULL, &json, &bytes, &failure));
        expect_message("two");
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_head(client, NULL, text("%s:two", place), NULL, &json, &failure));
        char *digest = NULL;
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_digest(client, NULL, text("%s:two", place), NULL, &digest, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_get(client, NULL, missing, NULL, &json, &bytes, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_blob_get_memory(client, NULL, missing, NULL, &json, &bytes, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_blob_get_file(client, NULL, missing, path, NULL, &json, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_blob_open(client, NULL, missing, NULL, &reader, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_delete(client, NULL, missing, NULL, &json, &failure));
        expect_bool_at(ocireg_error_json(failure), "retryable", false);
        assert_true(!json && !bytes && !reader && !digest);
        assert_int_equal(entries_in(folder), 0);
    }
}

static void test_deletion_not_allowed(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2_NODELETE");
    const char *place = repository("OCIREG_TEST_V2_NODELETE", "kept"), *manifest = put_image(client, place, "one", 71);
    const char *pinned = text("%s@%s", place, digest_of(manifest, strlen(manifest)));
    char *json = NULL;
    expect_status(OCIREG_UNSUPPORTED, ocireg_manifest_delete(client, NULL, pinned, NULL, &json, &failure));
    assert_int_equal(ocireg_error_http_status(failure), 405);
    expect_status(OCIREG_UNSUPPORTED, ocireg_blob_delete(client, NULL, blob_reference(place, noise(3000, 71), 3000), NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, pinned, NULL, &json, &failure));
    kept(json);
}

static void test_local_files(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "local"), *folder = new_folder();
    put_blob(client, place, "local", 5);
    const char *blob = blob_reference(place, "local", 5);
    char *json = NULL;
    expect_status(OCIREG_IO, ocireg_blob_put_file(client, NULL, place, text("%s/missing", folder), NULL, &json, &failure));
    expect_message("missing");
    expect_status(OCIREG_IO, ocireg_blob_put_file(client, NULL, place, folder, NULL, &json, &failure));
    expect_status(OCIREG_IO, ocireg_blob_get_file(client, NULL, blob, text("%s/no/folder", folder), NULL, &json, &failure));
    expect_message("folder");
    assert_int_equal(ocireg_error_errno(failure), ENOENT);
    expect_status(OCIREG_IO, ocireg_blob_get_file(client, NULL, blob, folder, NULL, &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_get_fd(client, NULL, blob, -1, NULL, &json, &failure));
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    expect_status(OCIREG_IO, ocireg_blob_get_fd(client, NULL, blob, fd, NULL, &json, &failure));
    assert_int_equal(ocireg_error_errno(failure), EBADF);
    close(fd);
    assert_null(json);
    assert_int_equal(entries_in(folder), 0);
}

enum { LARGE = 1 << 20 };

static void test_full_device(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "full");
    put_blob(client, place, noise(LARGE, 81), LARGE);
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char *json = NULL;
    expect_status(OCIREG_IO, ocireg_blob_get_fd(client, NULL, blob_reference(place, noise(LARGE, 81), LARGE), fd, NULL, &json, &failure));
    expect_message(strerror(ENOSPC));
    assert_int_equal(ocireg_error_errno(failure), ENOSPC);
    expect_number_at(ocireg_error_json(failure), "errno", ENOSPC);
    assert_null(json);
    close(fd);
}

/* A disk that becomes full in the middle of a file, simulated by the process's limit for file sizes. */
static void test_full_disk(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "full"), *folder = new_folder(), *path = text("%s/blob", folder);
    put_blob(client, place, noise(LARGE, 82), LARGE);
    const char *blob = blob_reference(place, noise(LARGE, 82), LARGE);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 100000, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    forget_failure();
    char *json = NULL;
    ocireg_status status = ocireg_blob_get_file(client, NULL, blob, path, NULL, &json, &failure);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, OCIREG_IO);
    expect_message(strerror(EFBIG));
    assert_null(json);
    assert_int_equal(entries_in(folder), 0);
    /* With enough space it works again. */
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob, path, NULL, NULL, &failure));
    assert_int_equal(entries_in(folder), 1);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_bad_reference),  test(test_bad_options),   test(test_unreachable_host),       test(test_unknown_host),
        test(test_wrong_ca),       test(test_tls_and_plain_mixed_up), test(test_wrong_password), test(test_no_permission),
        test(test_anonymous),      test(test_not_found),     test(test_deletion_not_allowed),   test(test_local_files),
        test(test_full_device),    test(test_full_disk),
    };
    return run_all(tests, argc, argv);
}
