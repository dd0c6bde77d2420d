/* Reading from real registries: ping, lists, manifests and blobs, every documented member with its type. */
#include "common.h"

#include <fcntl.h>
#include <unistd.h>

static const char *const registries[] = {"OCIREG_TEST_V2",    "OCIREG_TEST_V3",    "OCIREG_TEST_TLS",
                                         "OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN", "OCIREG_TEST_TOKEN_TLS"};
enum { REGISTRIES = sizeof registries / sizeof registries[0], BIG = 2500000 };

static void test_ping(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_registry_ping(client_of(registries[i]), NULL, env(registries[i]), NULL, &json, &failure));
        kept(json);
        expect_shape(json, "registry:string url:string status:number api_version:number? versions:array challenges:array headers:object");
        expect_text_at(json, "registry", env(registries[i]));
        expect_number_at(json, "api_version", 2);
        expect_text_at(json, "versions/0", "registry/2.0");
        bool users = i >= 3;
        expect_number_at(json, "status", users ? 401 : 200);
        assert_int_equal(json_length(json, "challenges"), users ? 1 : 0);
        if (users) expect_text_at(json, "challenges/0", i == 3 ? "Basic" : "Bearer");
    }
}

static void check_manifest(const char *json, const char *place, const char *manifest) {
    const char *digest = digest_of(manifest, strlen(manifest));
    expect_shape(json, "mediaType:string digest:string size:number kind:string schema_version:number reference:string headers:object "
                       "manifest:object");
    expect_text_at(json, "mediaType", "application/vnd.oci.image.manifest.v1+json");
    expect_text_at(json, "digest", digest);
    expect_number_at(json, "size", (long long)strlen(manifest));
    expect_text_at(json, "kind", "image");
    expect_number_at(json, "schema_version", 2);
    expect_text_at(json, "reference", text("%s@%s", place, digest));
    expect_text_at(json, "headers/docker-content-digest", digest);
    expect_number_at(json, "manifest/layers/0/size", 3000);
}

static void check_bytes(ocireg_buffer *bytes, const void *wanted, size_t size) {
    assert_int_equal(ocireg_buffer_size(bytes), size);
    assert_memory_equal(ocireg_buffer_data(bytes), wanted, size);
    ocireg_buffer_free(bytes);
}

static void test_manifest(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "read");
        const char *manifest = put_image(client, place, "one", 1), *digest = digest_of(manifest, strlen(manifest));
        const char *references[] = {text("%s:one", place), text("%s@%s", place, digest), text("%s:one@%s", place, digest)};
        char *json = NULL, *found = NULL;
        ocireg_buffer *bytes = NULL;
        for (size_t k = 0; k < 3; k++) {
            expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, references[k], NULL, &json, &bytes, &failure));
            check_manifest(kept(json), place, manifest);
            check_bytes(bytes, manifest, strlen(manifest));
        }
        expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, references[0], NULL, &json, &failure));
        expect_shape(kept(json), "mediaType:string digest:string size:number headers:object");
        expect_text_at(json, "digest", digest);
        expect_number_at(json, "size", (long long)strlen(manifest));
        expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, references[0], NULL, &found, &failure));
        assert_string_equal(kept(found), digest);
    }
}

/* An index of two platforms, whose manifests differ. */
static const char *put_index(ocireg_client *client, const char *place) {
    const char *amd = put_image(client, place, "amd", 11), *arm = put_image(client, place, "arm", 12);
    static const char entry[] = "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":%zu,"
                                "\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"%s}}";
    char one[400], two[400];
    snprintf(one, sizeof one, entry, digest_of(amd, strlen(amd)), strlen(amd), "amd64", "");
    snprintf(two, sizeof two, entry, digest_of(arm, strlen(arm)), strlen(arm), "arm", ",\"variant\":\"v7\"");
    char *index = text("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[%s,%s]}", one, two);
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, text("%s:all", place), (uint8_t *)index, strlen(index), NULL, NULL, &failure));
    return arm;
}

static void test_platform(void **state) {
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "platform"), *arm = put_index(client, place), *all = text("%s:all", place);
        ocireg_options *wanted = options("{'platform':'linux/arm/v7'}");
        char *json = NULL, *digest = NULL;
        ocireg_buffer *bytes = NULL;
        expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, all, NULL, &json, NULL, &failure));
        expect_text_at(kept(json), "kind", "index");
        assert_int_equal(json_length(json, "manifest/manifests"), 2);
        expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, all, wanted, &json, &bytes, &failure));
        expect_shape(kept(json), "platform:object platform/os:string platform/architecture:string platform/variant:string");
        expect_text_at(json, "kind", "image");
        check_bytes(bytes, arm, strlen(arm));
        expect_status(OCIREG_OK, ocireg_manifest_digest(client, NULL, all, wanted, &digest, &failure));
        assert_string_equal(kept(digest), digest_of(arm, strlen(arm)));
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_digest(client, NULL, all, options("{'platform':'plan9/mips'}"), &digest, &failure));
        expect_message("plan9");
        /* distribution 2.8 honours the Accept header, 3 does not. */
        ocireg_status refused = i == 0 ? OCIREG_NOT_FOUND : OCIREG_INVALID_MANIFEST;
        expect_status(refused, ocireg_manifest_get(client, NULL, all, options("{'accept_index':false}"), &json, NULL, &failure));
        assert_null(json);
    }
}

static bool holds(const char *json, const char *list, const char *name) {
    for (size_t i = 0; i < json_length(json, list); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%zu", list, i);
        char *found = json_string_at(json, path);
        bool same = found && strcmp(found, name) == 0;
        free(found);
        if (same) return true;
    }
    return false;
}

static void check_tags(const char *json, size_t count, bool more) {
    expect_shape(json, "name:string tags:array last:string? next:string?");
    assert_int_equal(json_length(json, "tags"), count);
    assert_int_equal(json_kind_at(json, "next"), more ? JSON_STRING : JSON_NULL);
    assert_int_equal(json_kind_at(json, "last"), more ? JSON_STRING : JSON_NULL);
}

/* Two tags, then the rest, by the first response's next, and by its last; only distribution 3 limits its own list,
 * and sorts it. */
static void page_through(ocireg_client *client, const char *place) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, options("{'n':2}"), &json, &failure));
    check_tags(kept(json), 2, true);
    expect_text_at(json, "tags/0", "a");
    expect_text_at(json, "last", "b");
    char *next = keep(json_string_at(json, "next"), free);
    ocireg_options *on = options("{'n':2,'next':'%s'}", next);
    expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, on, &json, &failure));
    check_tags(kept(json), 1, false);
    expect_text_at(json, "tags/0", "c");
    expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, options("{'n':2,'last':'b'}"), &json, &failure));
    check_tags(kept(json), 1, false);
    expect_text_at(json, "tags/0", "c");
    expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, options("{'last':'a'}"), &json, &failure));
    check_tags(kept(json), 2, false);
}

static void test_tags(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "tags");
        const char *manifest = put_image(client, place, "a", 1), *digest = digest_of(manifest, strlen(manifest));
        put_image(client, place, "b", 1);
        put_image(client, place, "c", 2);
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, NULL, &json, &failure));
        check_tags(kept(json), 3, false);
        assert_true(holds(json, "tags", "a") && holds(json, "tags", "b") && holds(json, "tags", "c"));
        expect_text_at(json, "name", strchr(place, '/') + 1);
        expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, options("{'digests':true}"), &json, &failure));
        expect_shape(kept(json), "digests:object digests/a:string digests/b:string digests/c:string");
        expect_text_at(json, "digests/b", digest);
        expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, place, options("{'n':2}"), &json, &failure));
        check_tags(kept(json), 2, true);
        if (i == 1 || i == 4 || i == 5) page_through(client, place);
    }
}

static void test_catalog(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *host = env(registries[i]);
        const char *one = repository(registries[i], "list-one"), *two = repository(registries[i], "list-two");
        put_image(client, one, "x", 1);
        put_image(client, two, "x", 1);
        const char *name = strchr(one, '/') + 1;
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, NULL, host, NULL, &json, &failure));
        expect_shape(kept(json), "repositories:array last:string? next:string?");
        assert_true(holds(json, "repositories", name) && holds(json, "repositories", strchr(two, '/') + 1));
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, NULL, host, options("{'search':'%s'}", name), &json, &failure));
        assert_true(holds(kept(json), "repositories", name));
        assert_int_equal(json_length(json, "repositories"), 1);
        ocireg_options *regex = options("{'regex':'^ctest/list-(one|two)-%d$'}", (int)getpid());
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, NULL, host, regex, &json, &failure));
        assert_int_equal(json_length(kept(json), "repositories"), 2);
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, NULL, host, options("{'n':1}"), &json, &failure));
        assert_int_equal(json_length(kept(json), "repositories"), 1);
        char *first = keep(json_string_at(json, "last"), free);
        assert_non_null(first);
        expect_status(OCIREG_OK, ocireg_registry_catalog(client, NULL, host, options("{'n':1,'last':'%s'}", first), &json, &failure));
        assert_int_equal(json_length(kept(json), "repositories"), 1);
        assert_false(holds(json, "repositories", first));
    }
    char *json = NULL;
    ocireg_options *bad = options("{'regex':'('}");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_registry_catalog(client_of("OCIREG_TEST_V2"), NULL, env("OCIREG_TEST_V2"), bad, &json, &failure));
    expect_message("regex");
}

static void test_blob_head(void **state) {
    (void)state;
    static const char shape[] = "exists:bool digest:string size:number? mediaType:string? redirects:array headers:object";
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "head");
        put_blob(client, place, "12345", 5);
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob_reference(place, "12345", 5), NULL, &json, &failure));
        expect_shape(kept(json), shape);
        expect_bool_at(json, "exists", true);
        expect_number_at(json, "size", 5);
        expect_text_at(json, "digest", digest_of("12345", 5));
        assert_int_equal(json_length(json, "redirects"), 0);
        expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob_reference(place, "missing", 7), NULL, &json, &failure));
        expect_shape(kept(json), shape);
        expect_bool_at(json, "exists", false);
        assert_int_equal(json_kind_at(json, "size"), JSON_NULL);
    }
}

static void check_delivered(const char *json, const char *digest, long long offset, long long length, bool verified) {
    expect_shape(json, "digest:string size:number? offset:number length:number verified:bool resumed:number");
    expect_text_at(json, "digest", digest);
    expect_number_at(json, "size", BIG);
    expect_number_at(json, "offset", offset);
    expect_number_at(json, "length", length);
    expect_bool_at(json, "verified", verified);
    expect_number_at(json, "resumed", 0);
}

static void read_whole(ocireg_client *client, const char *blob, const uint8_t *bytes) {
    ocireg_blob_reader *reader = NULL;
    uint8_t *found = keep(malloc(BIG), free), buffer[60000];
    size_t total = 0, count = 0;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_blob_open(client, NULL, blob, options("{'size':%d}", BIG), &reader, &failure));
    expect_status(OCIREG_OK, ocireg_blob_reader_info(reader, &json, &failure));
    expect_shape(kept(json), "digest:string size:number? offset:number mediaType:string?");
    expect_number_at(json, "size", BIG);
    do {
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, &failure));
        assert_true(total + count <= BIG);
        memcpy(found + total, buffer, count);
        total += count;
    } while (count > 0);
    assert_int_equal(total, BIG);
    assert_memory_equal(found, bytes, BIG);
    /* The end is reported again. */
    expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, &failure));
    assert_int_equal(count, 0);
    ocireg_blob_reader_free(reader);
}

static void get_whole(ocireg_client *client, const char *place, const uint8_t *bytes) {
    const char *blob = blob_reference(place, bytes, BIG), *digest = digest_of(bytes, BIG);
    const char *folder = new_folder(), *path = text("%s/blob", folder), *other = text("%s/fd", folder);
    char *json = NULL;
    ocireg_buffer *buffer = NULL;
    size_t size = 0;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob, NULL, &json, &buffer, &failure));
    check_delivered(kept(json), digest, 0, BIG, true);
    check_bytes(buffer, bytes, BIG);

    write_file(path, "what was there", 14); /* will be replaced */
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob, path, NULL, &json, &failure));
    check_delivered(kept(json), digest, 0, BIG, true);
    expect_text_at(json, "path", path);
    assert_memory_equal(read_file(path, &size), bytes, BIG);
    assert_int_equal(size, BIG);
    assert_int_equal(entries_in(folder), 1);

    expect_bool_at(json, "skipped", false);
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob, path, options("{'if_exists':'skip'}"), &json, &failure));
    expect_bool_at(kept(json), "skipped", true);
    expect_number_at(json, "resumed", BIG);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_get_file(client, NULL, blob, path, options("{'if_exists':'x'}"), NULL, &failure));
    expect_message("if_exists is 'x'");

    int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_blob_get_fd(client, NULL, blob, fd, options("{'if_exists':'skip'}"), NULL, &failure));
    expect_message("if_exists");
    expect_status(OCIREG_OK, ocireg_blob_get_fd(client, NULL, blob, fd, NULL, &json, &failure));
    assert_int_equal(close(fd), 0);
    check_delivered(kept(json), digest, 0, BIG, true);
    assert_memory_equal(read_file(other, &size), bytes, BIG);
    assert_int_equal(size, BIG);
}

static void test_blob_get(void **state) {
    (void)state;
    uint8_t *bytes = noise(BIG, 21);
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "get");
        put_blob(client, place, bytes, BIG);
        get_whole(client, place, bytes);
        read_whole(client, blob_reference(place, bytes, BIG), bytes);
    }
}

static void test_blob_piece(void **state) {
    (void)state;
    static const struct {
        const char *wanted;
        size_t offset, length;
    } pieces[] = {{"{'offset':1000}", 1000, BIG - 1000}, {"{'offset':7,'length':70000}", 7, 70000}, {"{'length':5}", 0, 5},
                  {"{'offset':2499999,'length':50}", 2499999, 1}};
    uint8_t *bytes = noise(BIG, 22);
    for (size_t i = 0; i < 3; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "piece");
        put_blob(client, place, bytes, BIG);
        const char *blob = blob_reference(place, bytes, BIG), *folder = new_folder(), *path = text("%s/piece", folder);
        for (size_t k = 0; k < sizeof pieces / sizeof pieces[0]; k++) {
            char *json = NULL;
            ocireg_buffer *buffer = NULL;
            size_t size = 0;
            ocireg_options *wanted = options("%s", pieces[k].wanted);
            expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob, wanted, &json, &buffer, &failure));
            check_delivered(kept(json), digest_of(bytes, BIG), (long long)pieces[k].offset, (long long)pieces[k].length, false);
            check_bytes(buffer, bytes + pieces[k].offset, pieces[k].length);
            expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob, path, wanted, &json, &failure));
            expect_bool_at(kept(json), "verified", false);
            assert_memory_equal(read_file(path, &size), bytes + pieces[k].offset, pieces[k].length);
            assert_int_equal(size, pieces[k].length);
        }
        assert_int_equal(entries_in(folder), 1);
    }
}

static void test_memory_limit(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "limit");
    put_blob(client, place, "0123456789", 10);
    const char *blob = blob_reference(place, "0123456789", 10);
    ocireg_buffer *buffer = NULL;
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_blob_get_memory(client, NULL, blob, options("{'limit':9}"), NULL, &buffer, &failure));
    expect_message("9");
    assert_null(buffer);
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob, options("{'limit':10}"), NULL, &buffer, &failure));
    check_bytes(buffer, "0123456789", 10);
}

/* Without a scheme, a loopback registry is reached by whichever of https and http it speaks. */
static void test_loopback_rule(void **state) {
    (void)state;
    char *json = NULL;
    ocireg_client *client = new_client(NULL);
    expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    expect_text_at(kept(json), "url", text("http://%s/v2/", env("OCIREG_TEST_V2")));
    client = new_client(text("{'ca_file':'%s'}", env("OCIREG_TEST_CA")));
    expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, env("OCIREG_TEST_TLS"), NULL, &json, &failure));
    expect_text_at(kept(json), "url", text("https://%s/v2/", env("OCIREG_TEST_TLS")));
    client = new_client("{'insecure':true}");
    expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, env("OCIREG_TEST_TLS"), NULL, &json, &failure));
    kept(json);
}

/* Another name for a host, and the scheme in the endpoint. */
static void test_endpoint(void **state) {
    (void)state;
    ocireg_client *client = new_client(NULL);
    char *json = NULL;
    set_host(client, "registry.example", text("{'endpoint':'http://%s'}", env("OCIREG_TEST_V2")));
    put_image(client, "registry.example/ctest/endpoint", "one", 3);
    expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, "registry.example/ctest/endpoint:one", NULL, &json, &failure));
    kept(json);
    const char *direct = text("%s/ctest/endpoint:one", env("OCIREG_TEST_V2"));
    expect_status(OCIREG_OK, ocireg_manifest_head(client_of("OCIREG_TEST_V2"), NULL, direct, NULL, &json, &failure));
    kept(json);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_ping),     test(test_manifest),  test(test_platform),   test(test_tags),         test(test_catalog),
        test(test_blob_head), test(test_blob_get), test(test_blob_piece), test(test_memory_limit), test(test_loopback_rule),
        test(test_endpoint),
    };
    return run_all(tests, argc, argv);
}
