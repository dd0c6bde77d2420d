/* Parsing of names, digests and manifests: every documented member, with its type. */
#include "common.h"

#define REFERENCE_SHAPE \
    "index:object index/name:string index/official:bool index/scheme:string? official:bool remote_name:string " \
    "local_name:string canonical_name:string tag:string? digest:string? canonical_ref:string reference:string"
#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char *parse(const char *name, ocireg_options *with) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_reference_parse(name, with, &json, &failure));
    expect_shape(json, REFERENCE_SHAPE);
    return kept(json);
}

static void test_hub_name(void **state) {
    (void)state;
    char *json = parse("mongo", NULL);
    expect_text_at(json, "index/name", OCIREG_DEFAULT_INDEX);
    expect_bool_at(json, "index/official", true);
    expect_bool_at(json, "official", true);
    expect_text_at(json, "remote_name", "library/mongo");
    expect_text_at(json, "local_name", "mongo");
    expect_text_at(json, "canonical_name", "docker.io/mongo");
    expect_text_at(json, "tag", OCIREG_DEFAULT_TAG);
    assert_int_equal(json_kind_at(json, "digest"), JSON_NULL);
    expect_text_at(json, "canonical_ref", "docker.io/mongo:latest");
    expect_text_at(json, "reference", "docker.io/library/mongo:latest");
}

static void test_full_name(void **state) {
    (void)state;
    char *json = parse("registry.example:5000/a/b/c:v1.2@" DIGEST, NULL);
    expect_text_at(json, "index/name", "registry.example:5000");
    expect_bool_at(json, "index/official", false);
    assert_int_equal(json_kind_at(json, "index/scheme"), JSON_NULL);
    expect_text_at(json, "remote_name", "a/b/c");
    expect_text_at(json, "tag", "v1.2");
    expect_text_at(json, "digest", DIGEST);
}

static void test_digest_without_tag(void **state) {
    (void)state;
    char *json = parse("quay.io/a/b@" DIGEST, NULL);
    assert_int_equal(json_kind_at(json, "tag"), JSON_NULL);
    expect_text_at(json, "digest", DIGEST);
    expect_text_at(json, "reference", "quay.io/a/b@" DIGEST);
}

static void test_default_index(void **state) {
    (void)state;
    char *json = parse("a/b:c", options("{'default_index':'h.example:8443'}"));
    expect_text_at(json, "index/name", "h.example:8443");
    expect_text_at(json, "reference", "h.example:8443/a/b:c");
}

static void test_bad_references(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", "UPPER/case", "a/b:", "a/b@", "a/b@sha256:12", "a/b@md5:d41d8cd98f00b204e9800998ecf8427e", "a b", "a//b", "/a", "a/b:t@x",
        "h:99999/a", "a/b:-tag", "https://u:p@h/a", "a/../b", "h.example/a?b", "-h.example/a",
    };
    char *json = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ocireg_status status = ocireg_reference_parse(bad[i], NULL, &json, NULL);
        if (status != OCIREG_INVALID_REFERENCE) fail_msg("'%s' gives %s", bad[i], ocireg_status_name(status));
        assert_null(json);
    }
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_reference_parse("UPPER/case", NULL, &json, &failure));
    expect_message("UPPER");
}

static void index_is(const char *name, const char *wanted, bool official, const char *scheme) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_index_parse(name, &json, &failure));
    kept(json);
    expect_shape(json, "name:string official:bool scheme:string?");
    expect_text_at(json, "name", wanted);
    expect_bool_at(json, "official", official);
    if (scheme) expect_text_at(json, "scheme", scheme);
    else assert_int_equal(json_kind_at(json, "scheme"), JSON_NULL);
}

static void test_indexes(void **state) {
    (void)state;
    index_is("docker.io", "docker.io", true, NULL);
    index_is("index.docker.io", "docker.io", true, NULL);
    index_is("localhost:5000", "localhost:5000", false, NULL);
    index_is("https://h.example", "h.example", false, "https");
    index_is("http://h.example:80", "h.example:80", false, "http");
    char *json = NULL;
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_index_parse("h.example/path", &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_index_parse("-h", &json, &failure));
    assert_null(json);
}

static void test_digests(void **state) {
    (void)state;
    char *digest = NULL;
    assert_string_equal(digest_of("", 0), DIGEST);
    assert_string_equal(digest_of("abc", 3), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ocireg_options *sha512 = options("{'algorithm':'sha512'}");
    expect_status(OCIREG_OK, ocireg_digest_bytes((const uint8_t *)"abc", 3, sha512, &digest, &failure));
    assert_string_equal(kept(digest), "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_digest_bytes((const uint8_t *)"abc", 3, options("{'algorithm':'md5'}"), &digest, &failure));
    expect_message("md5");
    assert_null(digest);
}

static char *inspect(const char *manifest, ocireg_options *with) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_inspect((const uint8_t *)manifest, strlen(manifest), with, &json, &failure));
    kept(json);
    expect_shape(json, "mediaType:string digest:string size:number schema_version:number kind:string manifest:object");
    expect_text_at(json, "digest", digest_of(manifest, strlen(manifest)));
    expect_number_at(json, "size", (long long)strlen(manifest));
    return json;
}

static void test_inspect(void **state) {
    (void)state;
    char *json = inspect(image_manifest(DIGEST, 0, DIGEST, 0), NULL);
    expect_text_at(json, "kind", "image");
    expect_text_at(json, "mediaType", "application/vnd.oci.image.manifest.v1+json");
    expect_number_at(json, "schema_version", 2);
    expect_text_at(json, "manifest/config/digest", DIGEST);
    expect_text_at(json, "manifest/layers/0/digest", DIGEST);
    assert_int_equal(json_length(json, "manifest/layers"), 1);

    json = inspect("{\"schemaVersion\":2,\"manifests\":[]}", options("{'media_type':'application/vnd.oci.image.index.v1+json'}"));
    expect_text_at(json, "kind", "index");
    expect_text_at(json, "mediaType", "application/vnd.oci.image.index.v1+json");
}

static void test_inspect_refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", "{", "[]", "<html></html>", "{\"schemaVersion\":2}",
        "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":{}}",
        "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[],\"manifests\":[]}",
    };
    char *json = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_status(OCIREG_INVALID_MANIFEST, ocireg_manifest_inspect((const uint8_t *)bad[i], strlen(bad[i]), NULL, &json, &failure));
        assert_null(json);
    }
    const char *index = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}";
    ocireg_options *other = options("{'media_type':'application/vnd.oci.image.manifest.v1+json'}");
    expect_status(OCIREG_INVALID_MANIFEST, ocireg_manifest_inspect((const uint8_t *)index, strlen(index), other, &json, &failure));
}

static void test_build(void **state) {
    (void)state;
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    const char *parts = text("{\"layers\":[{\"size\":0,\"digest\":\"%s\",\"mediaType\":\"a/b\"}],\"artifactType\":\"application/x\"}", DIGEST);
    expect_status(OCIREG_OK, ocireg_manifest_build(parts, NULL, &json, &bytes, &failure));
    kept(json);
    expect_text_at(json, "kind", "artifact");
    expect_text_at(json, "manifest/config/mediaType", "application/vnd.oci.empty.v1+json");
    expect_text_at(json, "digest", digest_of((const char *)ocireg_buffer_data(bytes), ocireg_buffer_size(bytes)));
    ocireg_buffer_free(bytes);
    expect_status(OCIREG_OK, ocireg_manifest_build(parts, options("{'algorithm':'sha512'}"), NULL, NULL, &failure));
    expect_status(OCIREG_INVALID_MANIFEST, ocireg_manifest_build("{\"layer\":[]}", NULL, &json, &bytes, &failure));
    expect_message("layer");
    assert_null(json);
    assert_null(bytes);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_manifest_build("[]", NULL, &json, &bytes, &failure));
}

/* Overlong strings are not names: they are refused at once, with a message of bounded length. */
static void test_texts_without_end(void **state) {
    (void)state;
    const size_t size = 16 << 20;
    ocireg_client *client = new_client(NULL);
    ocireg_options *keyed = options("{}");
    char *json = NULL, *long_text = keep(malloc(size), free);
    long_text[size - 1] = '\0';
    for (const char *fill = "a/:@["; *fill; fill++) {
        double begun = now_ms();
        memset(long_text, *fill, size - 1);
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_reference_parse(long_text, NULL, &json, &failure));
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_endpoint_parse(long_text, &json, &failure));
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_registry_ping(client, NULL, long_text, NULL, &json, &failure));
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_client_set_host(client, long_text, NULL, &failure));
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_repository_tags(client, NULL, long_text, NULL, &json, &failure));
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_copy(client, NULL, long_text, "oci:x", NULL, NULL, &failure));
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_options_parse(keyed, long_text, &failure));
        assert_true(strlen(ocireg_error_json(failure)) < 100000);
        double took = now_ms() - begun;
        if (took > allowed_ms(2000)) fail_msg("'%c': %.0f ms", *fill, took);
    }
    const char *path = text("%s/x", long_text);
    expect_status(OCIREG_IO, ocireg_blob_get_file(client, NULL, text("h/r@%s", digest_of("x", 1)), path, NULL, NULL, &failure));
    assert_true(strlen(ocireg_error_json(failure)) < 100000);
    expect_status(OCIREG_OK, ocireg_options_set_bool(keyed, path, true, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_registry_ping(client, NULL, "localhost:1", keyed, &json, &failure));
    assert_true(strlen(ocireg_error_json(failure)) < 100000);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_hub_name), test(test_full_name), test(test_digest_without_tag), test(test_default_index), test(test_bad_references),
        test(test_indexes),  test(test_digests),   test(test_inspect),            test(test_inspect_refuses), test(test_build),
        test(test_texts_without_end),
    };
    return run_all(tests, argc, argv);
}
