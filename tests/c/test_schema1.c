/* Signed schema-1 manifests: verifying, signing, fetching and putting them, and their keys. */
#include "common.h"
#include "peer.h"

#define A_KEY_ID "LJ5H:RTFE:UD2C:BWN4:MK5W:NHB4:E5M6:HH3S:HU5O:CDOL:4DYI:CWQH"
#define A_DIGEST "sha256:87002a684db2ac4f39e8b9e600308ac37fff20fb58c17b2faad05a2d1e7a2538"
#define A_TIME "2015-04-08T18:52:59Z"
#define TYPE "application/vnd.docker.distribution.manifest.v1+prettyjws"

struct bytes {
    uint8_t *data;
    size_t size;
};

/* A file of the vectors, terminated by a NUL so that it can be used as text too. */
static struct bytes vector(const char *name) {
    struct bytes file;
    uint8_t *data = read_file(text("tests/schema1/%s", name), &file.size);
    file.data = keep(malloc(file.size + 1), free);
    memcpy(file.data, data, file.size);
    file.data[file.size] = '\0';
    return file;
}

static const char *pem(const char *name) {
    return (const char *)vector(name).data;
}

static void free_buffer(void *buffer) { ocireg_buffer_free(buffer); }

static struct bytes taken(ocireg_buffer *buffer) {
    keep(buffer, free_buffer);
    size_t size = ocireg_buffer_size(buffer);
    struct bytes copy = {keep(malloc(size + 1), free), size};
    memcpy(copy.data, ocireg_buffer_data(buffer), size);
    copy.data[size] = '\0';
    return copy;
}

static struct bytes bytes_of(const char *content) {
    struct bytes bytes = {(uint8_t *)content, strlen(content)};
    return bytes;
}

static struct bytes signed_by(struct bytes content, const char *key, ocireg_options *with) {
    ocireg_buffer *buffer = NULL;
    expect_status(OCIREG_OK, ocireg_schema1_sign(content.data, content.size, key, with, &buffer, &failure));
    return taken(buffer);
}

static char *verified(struct bytes bytes, ocireg_options *with) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_schema1_verify(bytes.data, bytes.size, with, &json, &failure));
    return kept(json);
}

static void refused(ocireg_status wanted, struct bytes bytes, ocireg_options *with, const char *part) {
    char *json = (char *)1;
    expect_status(wanted, ocireg_schema1_verify(bytes.data, bytes.size, with, &json, &failure));
    assert_null(json);
    expect_message(part);
}

static const char *new_key(const char *with) {
    char *key = NULL;
    expect_status(OCIREG_OK, ocireg_schema1_key(with ? options("%s", with) : NULL, &key, &failure));
    return kept(key);
}

static const char *key_id(const char *key) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_schema1_key_info(key, &json, &failure));
    return keep(json_string_at(kept(json), "key_id"), free);
}

static ocireg_options *one_option(const char *key, const char *value) {
    ocireg_options *made = options("{}");
    expect_status(OCIREG_OK, ocireg_options_set_string(made, key, value, &failure));
    return made;
}

static ocireg_options *keys(const char *one, const char *two) {
    ocireg_options *made = options("{}");
    expect_status(OCIREG_OK, ocireg_options_add_string(made, "keys", one, &failure));
    if (two) expect_status(OCIREG_OK, ocireg_options_add_string(made, "keys", two, &failure));
    return made;
}

static ocireg_options *authority(const char *name) {
    ocireg_options *made = one_option("ca_pem", pem(name));
    expect_status(OCIREG_OK, ocireg_options_set_string(made, "time", "2040-01-01T00:00:00Z", &failure));
    return made;
}

static void test_every_field(void **state) {
    (void)state;
    struct bytes file = vector("containers-image.json");
    char *json = verified(file, NULL);
    expect_shape(json, "digest:string name:string tag:string architecture:string? fs_layers:array history:array signatures:array");
    expect_text_at(json, "digest", "sha256:5a26403ca5f91c7f04300e397efc83960afbfe2d2b34314383a53e267a604455");
    expect_text_at(json, "name", "rhosp12/openstack-nova-api");
    expect_text_at(json, "tag", "latest");
    expect_text_at(json, "architecture", "amd64");
    assert_int_equal(json_length(json, "fs_layers"), 6);
    assert_int_equal(json_length(json, "history"), 6);
    char *first = keep(json_string_at(json, "history/0/parent"), free);
    expect_text_at(json, "history/1/id", first);
    expect_bool_at(json, "history/0/throwaway", false);
    assert_int_equal(json_kind_at(json, "history/5/parent"), JSON_NULL);
    assert_int_equal(json_length(json, "signatures"), 1);
    assert_int_equal(json_length(json, "signatures/0"), 7);
    expect_text_at(json, "signatures/0/key_type", "EC");
    expect_text_at(json, "signatures/0/algorithm", "ES256");
    expect_bool_at(json, "signatures/0/x5c", false);
    assert_int_equal(json_kind_at(json, "signatures/0/subject"), JSON_NULL);
    expect_text_at(json, "signatures/0/time", "2018-01-30T19:25:12Z");
    expect_bool_at(json, "signatures/0/trusted", false);
    expect_text_at(verified(vector("regclient.json"), NULL), "digest",
                   "sha256:f3ef067962554c3352dc0c659ca563f73cc396fe0dea2a2c23a7964c6290f782");
    expect_text_at(verified(vector("boxplay.json"), NULL), "digest",
                   "sha256:b524e5d7837da98010567886762935bf3c10ad5ac1ff5112bc43299329ca9a54");
    json = verified(vector("hello-world.json"), NULL);
    expect_text_at(json, "digest", "sha256:6d28b970d82cb05ce1aca12baddcd72b7034c7e771fdd97d0862672deb863fca");
    expect_bool_at(json, "history/0/throwaway", true);
    struct bytes today = vector("boxplay-schema2.json");
    char *inspected = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_inspect(today.data, today.size, NULL, &inspected, &failure));
    expect_text_at(kept(inspected), "digest", "sha256:28a63cc341ad4ad7ba7de0af4061ca8068e425ecca4e2c4c326dd8d07442ab71");
}

/* The key file that libtrust writes, and the key in it. */
static void test_the_same_bytes_as_libtrust(void **state) {
    (void)state;
    struct bytes content = vector("a-payload.json"), wanted = vector("a.json");
    struct bytes made = signed_by(content, pem("a-key.pem"), options("{'time':'" A_TIME "'}"));
    assert_int_equal(made.size, 705);
    assert_int_equal(made.size, wanted.size);
    assert_memory_equal(made.data, wanted.data, made.size);
    char *json = verified(made, NULL);
    expect_text_at(json, "digest", A_DIGEST);
    expect_text_at(json, "name", "a/b");
    assert_int_equal(json_kind_at(json, "architecture"), JSON_NULL);
    expect_text_at(json, "signatures/0/key_id", A_KEY_ID);
    ocireg_buffer *payload = NULL;
    expect_status(OCIREG_OK, ocireg_schema1_payload(made.data, made.size, &payload, &failure));
    struct bytes inside = taken(payload);
    assert_int_equal(inside.size, content.size);
    assert_memory_equal(inside.data, content.data, content.size);
}

static void test_bad_signatures(void **state) {
    (void)state;
    struct bytes bad = vector("bad-signature.json");
    refused(OCIREG_SIGNATURE, bad, NULL, "does not verify");
    ocireg_buffer *payload = NULL;
    expect_status(OCIREG_OK, ocireg_schema1_payload(bad.data, bad.size, &payload, &failure));
    struct bytes inside = taken(payload);
    assert_string_equal(digest_of(inside.data, inside.size), "sha256:7364fea9d84ee548ab67d4c46c6006289800c98de3fbf8c0a97138dfcc23f000");
    refused(OCIREG_SIGNATURE, vector("signatures-no-list.json"), NULL, "no list of signatures");
    refused(OCIREG_SIGNATURE, vector("a-payload.json"), NULL, "no list of signatures");
    refused(OCIREG_SIGNATURE, bytes_of("hello"), NULL, "JSON");
    refused(OCIREG_SIGNATURE, bytes_of(""), NULL, "JSON");
    expect_status(OCIREG_SIGNATURE, ocireg_schema1_payload(inside.data, inside.size, &payload, &failure));
    assert_null(payload);
    /* Algorithm "none", and HMAC with the public key as its secret. */
    struct bytes none = vector("a.json");
    memcpy(strstr((char *)none.data, "ES256"), "none\" ", 6);
    refused(OCIREG_SIGNATURE, none, NULL, "none");
    struct bytes hmac = vector("a.json");
    memcpy(strstr((char *)hmac.data, "ES256"), "HS256", 5);
    refused(OCIREG_SIGNATURE, hmac, NULL, "HS256");
}

/* Each byte of what is signed, of the signature and of its protected part. */
static void test_no_byte_can_change(void **state) {
    (void)state;
    struct bytes file = vector("a.json");
    size_t payload = 61, signature = (size_t)(strstr((char *)file.data, "\"signature\":") - (char *)file.data) + 14;
    size_t protected = (size_t)(strstr((char *)file.data, "\"protected\":") - (char *)file.data) + 14;
    assert_true(signature < protected);
    for (size_t i = 0; i < file.size; i++) {
        bool counts = i < payload || (i >= signature && i < signature + 86) || (i >= protected && i < protected + 95);
        char *json = NULL;
        if (!counts) continue;
        file.data[i] ^= 1;
        if (ocireg_schema1_verify(file.data, file.size, NULL, &json, NULL) == OCIREG_OK) fail_msg("byte %zu may change", i);
        assert_null(json);
        file.data[i] ^= 1;
    }
    verified(file, NULL);
}

static void test_keys_that_must_have_signed(void **state) {
    (void)state;
    const char *other = new_key(NULL);
    struct bytes file = vector("a.json"), both = signed_by(file, other, NULL);
    char *info = NULL, *json = verified(file, keys(A_KEY_ID, NULL));
    expect_bool_at(json, "signatures/0/trusted", true);
    expect_status(OCIREG_OK, ocireg_schema1_key_info(pem("a-key.pem"), &info, &failure));
    char *public_key = keep(json_string_at(kept(info), "public_key"), free);
    expect_bool_at(verified(file, keys(public_key, NULL)), "signatures/0/trusted", true);
    refused(OCIREG_SIGNATURE, file, keys(A_KEY_ID, key_id(other)), key_id(other));
    refused(OCIREG_INVALID_ARGUMENT, file, keys("AAAA", NULL), "AAAA");
    json = verified(both, keys(key_id(other), NULL));
    assert_int_equal(json_length(json, "signatures"), 2);
    expect_text_at(json, "digest", A_DIGEST);
    bool first = json_is_true(json, "signatures/0/trusted"), second = json_is_true(json, "signatures/1/trusted");
    assert_true(first != second);
    /* Sorted by key ID. */
    char *ids[] = {json_string_at(json, "signatures/0/key_id"), json_string_at(json, "signatures/1/key_id")};
    assert_true(strcmp(ids[0], ids[1]) < 0);
    free(ids[0]);
    free(ids[1]);
}

static void test_certificates(void **state) {
    (void)state;
    struct bytes content = vector("a-payload.json");
    struct bytes file = signed_by(content, pem("leaf-key.pem"), one_option("chain", pem("chain.pem")));
    assert_null(strstr((char *)file.data, "jwk"));
    char *json = verified(file, NULL);
    expect_bool_at(json, "signatures/0/x5c", true);
    expect_bool_at(json, "signatures/0/trusted", false);
    expect_text_at(json, "signatures/0/subject", "O=ocireg,CN=signer");
    expect_text_at(json, "signatures/0/key_id", key_id(pem("leaf-key.pem")));
    expect_bool_at(verified(file, authority("ca.pem")), "signatures/0/trusted", true);
    refused(OCIREG_SIGNATURE, file, authority("other-ca.pem"), "authorities");
    refused(OCIREG_SIGNATURE, vector("a.json"), authority("ca.pem"), "certificate");
    /* From a file, and not outside its validity. */
    ocireg_options *from_file = options("{'ca_file':'tests/schema1/ca.pem','time':'2040-01-01T00:00:00Z'}");
    expect_bool_at(verified(file, from_file), "signatures/0/trusted", true);
    refused(OCIREG_SIGNATURE, file, options("{'ca_file':'tests/schema1/ca.pem','time':'1999-01-01T00:00:00Z'}"), "authorities");
    refused(OCIREG_IO, file, options("{'ca_file':'/nowhere/ca.pem'}"), "/nowhere/ca.pem");
    refused(OCIREG_TLS, file, options("{'ca_file':'tests/schema1/a.json'}"), "a.json");
    refused(OCIREG_INVALID_ARGUMENT, file, one_option("ca_pem", "hello"), "PEM");
    refused(OCIREG_INVALID_ARGUMENT, file, one_option("time", "yesterday"), "yesterday");
    /* Another key's certificate. */
    ocireg_buffer *buffer = NULL;
    ocireg_options *chain = one_option("chain", pem("chain.pem"));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_schema1_sign(content.data, content.size, pem("a-key.pem"), chain, &buffer, &failure));
    expect_message("another key");
    assert_null(buffer);
}

static void test_keys(void **state) {
    (void)state;
    static const char *const forms[][2] = {{NULL, "-----BEGIN PRIVATE KEY-----\n"},
                                           {"{'format':'pkcs8'}", "-----BEGIN PRIVATE KEY-----\n"},
                                           {"{'format':'sec1'}", "-----BEGIN EC PRIVATE KEY-----\n"}};
    struct bytes content = vector("a-payload.json");
    for (size_t i = 0; i < 3; i++) {
        const char *key = new_key(forms[i][0]);
        char *json = NULL;
        assert_int_equal(strncmp(key, forms[i][1], strlen(forms[i][1])), 0);
        assert_string_not_equal(key, new_key(forms[i][0]));
        expect_status(OCIREG_OK, ocireg_schema1_key_info(key, &json, &failure));
        expect_shape(kept(json), "key_id:string key_type:string crv:string? public_key:string");
        expect_text_at(json, "key_type", "EC");
        expect_text_at(json, "crv", "P-256");
        assert_int_equal(strlen(key_id(key)), 59);
        expect_text_at(verified(signed_by(content, key, NULL), NULL), "signatures/0/key_id", key_id(key));
    }
    char *json = NULL;
    assert_string_equal(key_id(pem("a-key.pem")), A_KEY_ID);
    expect_status(OCIREG_OK, ocireg_schema1_key_info(pem("rsa-public.pem"), &json, &failure));
    expect_text_at(kept(json), "key_type", "RSA");
    assert_int_equal(json_kind_at(json, "crv"), JSON_NULL);
    expect_text_at(json, "public_key", pem("rsa-public.pem"));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_schema1_key(options("{'format':'der'}"), &json, &failure));
    expect_message("format");
    assert_null(json);
}

static void test_what_cannot_sign(void **state) {
    (void)state;
    static const struct {
        const char *key, *part;
        ocireg_status status;
    } cases[] = {{"rsa-key.pem", "RSA", OCIREG_UNSUPPORTED},
                 {"p384-key.pem", "P-256", OCIREG_UNSUPPORTED},
                 {"encrypted-key.pem", "encrypted", OCIREG_UNSUPPORTED},
                 {"rsa-public.pem", "no private key", OCIREG_INVALID_ARGUMENT},
                 {"a.json", "PEM", OCIREG_INVALID_ARGUMENT}};
    struct bytes content = vector("a-payload.json");
    ocireg_buffer *buffer = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *key = pem(cases[i].key);
        expect_status(cases[i].status, ocireg_schema1_sign(content.data, content.size, key, NULL, &buffer, &failure));
        assert_null(buffer);
        expect_message(cases[i].part);
    }
    const char *key = pem("a-key.pem");
    struct bytes bad = vector("bad-signature.json"), today = bytes_of("{\"schemaVersion\":2,\"name\":\"a\"}");
    expect_status(OCIREG_SIGNATURE, ocireg_schema1_sign(bad.data, bad.size, key, NULL, &buffer, &failure));
    expect_status(OCIREG_INVALID_MANIFEST, ocireg_schema1_sign(today.data, today.size, key, NULL, &buffer, &failure));
    expect_message("schemaVersion");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_schema1_sign(content.data, content.size, key, options("{'time':'now'}"), &buffer, &failure));
    assert_null(buffer);
}

/* A manifest is fetched with valid signatures or not at all. */
static void test_fetched(void **state) {
    (void)state;
    struct bytes good = vector("regclient.json"), bad = vector("bad-signature.json");
    const struct answer answers[] = {{.bytes = http_answer("200 OK", "Content-Type: " TYPE "\r\n", (char *)good.data)},
                                     {.bytes = http_answer("200 OK", "Content-Type: " TYPE "\r\n", (char *)bad.data)}};
    struct peer *peer = peer_start(answers, 2);
    ocireg_client *client = new_client("{'plain_http':true}");
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    const char *reference = text("%s/a/b:t", peer_host(peer));
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, reference, NULL, &json, &bytes, &failure));
    assert_memory_equal(taken(bytes).data, good.data, good.size);
    expect_text_at(kept(json), "mediaType", TYPE);
    expect_text_at(json, "kind", "schema1");
    expect_text_at(json, "digest", "sha256:f3ef067962554c3352dc0c659ca563f73cc396fe0dea2a2c23a7964c6290f782");
    assert_int_equal(json_length(json, "signatures"), 1);
    expect_text_at(json, "signatures/0/algorithm", "ES256");
    expect_status(OCIREG_SIGNATURE, ocireg_manifest_get(client, NULL, reference, NULL, &json, &bytes, &failure));
    expect_message("does not verify");
    assert_null(json);
    assert_null(bytes);
}

/* A registry with libtrust accepts what this library signs, and its own signatures verify here. */
static void test_registry(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_SCHEMA1");
    const char *place = repository("OCIREG_TEST_SCHEMA1", "signed"), *name = strchr(place, '/') + 1, *layer = "any bytes";
    put_blob(client, place, layer, strlen(layer));
    const char *image = "{\\\"id\\\":\\\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\\"}";
    const char *content = text("{\n   \"schemaVersion\": 1,\n   \"name\": \"%s\",\n   \"tag\": \"t\",\n   \"architecture\": \"amd64\",\n"
                               "   \"fsLayers\": [{\"blobSum\": \"%s\"}],\n   \"history\": [{\"v1Compatibility\": \"%s\"}]\n}",
                               name, digest_of(layer, strlen(layer)), image);
    const char *key = new_key("{'format':'sec1'}"), *reference = text("%s:t", place), *digest = digest_of(content, strlen(content));
    struct bytes file = signed_by(bytes_of(content), key, NULL);
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, reference, file.data, file.size, NULL, &json, &failure));
    expect_text_at(kept(json), "digest", digest);
    expect_text_at(json, "mediaType", TYPE);
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, reference, NULL, &json, &bytes, &failure));
    expect_text_at(kept(json), "digest", digest);
    struct bytes theirs = taken(bytes);
    json = verified(theirs, NULL);
    expect_text_at(json, "name", name);
    expect_text_at(json, "fs_layers/0", digest_of(layer, strlen(layer)));
    refused(OCIREG_SIGNATURE, theirs, keys(key_id(key), NULL), "has not signed"); /* the registry signs manifests itself */

    /* Copied unchanged, or converted to an OCI image. */
    const char *folder = new_folder(), *convert = "{'convert_schema1':true}";
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, reference, text("oci:%s/old", folder), NULL, &json, &failure));
    expect_text_at(kept(json), "digest", digest);
    expect_text_at(json, "mediaType", TYPE);
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, reference, text("oci:%s/new", folder), options("%s", convert), &json, &failure));
    expect_text_at(kept(json), "mediaType", "application/vnd.oci.image.manifest.v1+json");
    expect_number_at(json, "blobs/total", 2);
    expect_status(OCIREG_OK, ocireg_image_config(client, NULL, text("oci:%s/new", folder), NULL, &json, NULL, &failure));
    expect_text_at(kept(json), "config/architecture", "amd64");
    expect_text_at(json, "config/rootfs/diff_ids/0", digest_of(layer, strlen(layer)));
    assert_int_equal(json_length(json, "config/history"), 1);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_copy(client, NULL, reference, text("oci:%s/new", folder), options("{'convert_schema1':1}"), &json, &failure));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_every_field),        test(test_the_same_bytes_as_libtrust),     test(test_bad_signatures),
        test(test_no_byte_can_change), test(test_keys_that_must_have_signed),     test(test_certificates),
        test(test_keys),               test(test_what_cannot_sign),               test(test_fetched),
        test(test_registry),
    };
    return run_all(tests, argc, argv);
}
