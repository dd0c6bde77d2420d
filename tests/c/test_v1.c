/* Protocol v1: every function and every field of its results, against docker-registry 0.9.1; bad input; what is
 * sent. */
#include "common.h"
#include "peer.h"

#include <fcntl.h>
#include <unistd.h>

enum { SIZE = 200000 };
static const char nothing[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* The ID number `seed` of this process: 64 digits. */
static char *image_id(unsigned seed) {
    return text("%s", strchr(digest_of(noise(32, seed), 32), ':') + 1);
}

static char *image_json(const char *id, const char *parent) {
    return parent ? text("{ \"id\": \"%s\",\n \"parent\": \"%s\"}", id, parent) : text("{ \"id\": \"%s\" }", id);
}

/* What docker-registry computes the checksum of. */
static char *payload(const char *json, const uint8_t *layer, size_t size) {
    size_t length = strlen(json) + 1;
    uint8_t *all = keep(malloc(length + size), free);
    memcpy(all, json, length - 1);
    all[length - 1] = '\n';
    memcpy(all + length, layer, size);
    return digest_of(all, length + size);
}

static void put(ocireg_client *client, const char *place, const char *json, const uint8_t *layer, size_t size) {
    const uint8_t *image = (const uint8_t *)json;
    expect_status(OCIREG_OK, ocireg_v1_put_image(client, NULL, place, image, strlen(json), NULL, NULL, &failure));
    expect_status(OCIREG_OK, ocireg_v1_put_layer(client, NULL, place, image, strlen(json), layer, size, NULL, NULL, &failure));
}

static void test_ping_and_detect(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V1");
    const char *old = env("OCIREG_TEST_V1");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_v1_ping(client, NULL, old, NULL, &json, &failure));
    expect_shape(kept(json), "registry:string url:string status:number version:string? standalone:bool headers:object");
    expect_text_at(json, "registry", old);
    expect_text_at(json, "url", text("http://%s/v1/_ping", old));
    expect_number_at(json, "status", 200);
    expect_bool_at(json, "standalone", true);
    assert_int_equal(json_kind_at(json, "version"), JSON_NULL);
    expect_text_at(json, "headers/x-docker-registry-standalone", "True");

    expect_status(OCIREG_OK, ocireg_registry_detect(client, NULL, old, NULL, &json, &failure));
    expect_text_at(kept(json), "registry", old);
    expect_number_at(json, "api_version", 1);
    static const struct {
        const char *options;
        int status, version;
    } cases[] = {{"{}", 404, 1}, {"{'version':0}", 404, 1}, {"{'version':1}", 200, 1}, {"{'version':2}", 404, -1}};
    for (size_t i = 0; i < 4; i++) {
        expect_status(OCIREG_OK, ocireg_registry_ping(client, NULL, old, options("%s", cases[i].options), &json, &failure));
        expect_number_at(kept(json), "status", cases[i].status);
        assert_int_equal(json_number_at(json, "api_version"), cases[i].version);
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_registry_ping(client, NULL, old, options("{'version':3}"), &json, &failure));
    expect_message("version");

    ocireg_client *modern = client_of("OCIREG_TEST_V2");
    expect_status(OCIREG_OK, ocireg_registry_detect(modern, NULL, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    expect_number_at(kept(json), "api_version", 2);
    expect_status(OCIREG_NOT_FOUND, ocireg_v1_ping(modern, NULL, env("OCIREG_TEST_V2"), NULL, &json, &failure));
    struct peer *peer = peer_bind();
    const struct answer answers[] = {{.bytes = http_answer("404 Not Found", "", "")}, {.bytes = http_answer("200 OK", "", "<html>")}};
    peer_serve(peer, answers, 2);
    client = new_client("{'plain_http':true}");
    expect_status(OCIREG_UNSUPPORTED, ocireg_registry_detect(client, NULL, peer_host(peer), NULL, &json, &failure));
    expect_status(OCIREG_PROTOCOL, ocireg_v1_ping(client, NULL, peer_host(peer), NULL, &json, &failure));
}

static void test_search(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V1");
    /* Another run of this test may have used the server. */
    const char *place = repository("OCIREG_TEST_V1", "findme"), *id = image_id(1), *term = strrchr(place, '/') + 1;
    put(client, place, image_json(id, NULL), noise(10, 1), 10);
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_v1_search(client, NULL, env("OCIREG_TEST_V1"), term, NULL, &json, &failure));
    expect_shape(kept(json), "query:string num_results:number results:array");
    expect_text_at(json, "query", term);
    expect_number_at(json, "num_results", 1);
    expect_text_at(json, "results/0/name", strchr(place, '/') + 1);
    expect_status(OCIREG_OK, ocireg_v1_search(client, NULL, env("OCIREG_TEST_V1"), "no & such", options("{'n':3,'page':1}"), &json, &failure));
    assert_int_equal(json_length(kept(json), "results"), 0);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_search(client, NULL, env("OCIREG_TEST_V1"), "x", options("{'n':0}"), &json, &failure));
}

/* Put, list, inspect, fetch, delete; also where a token is needed. */
static void test_image(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_V1", "OCIREG_TEST_V1_TOKEN"};
    for (unsigned i = 0; i < 2; i++) {
        ocireg_client *client = client_of("OCIREG_TEST_V1");
        set_host(client, env(registries[i]), "{'plain_http':true,'username':'alice','password':'s3cret'}");
        const char *place = repository(registries[i], "image"), *tagged = text("%s:one", place);
        const char *id = image_id(10 + i), *image = image_json(id, NULL);
        const uint8_t *bytes = (const uint8_t *)image;
        uint8_t *layer = noise(SIZE, 10 + i);
        const char *sum = payload(image, layer, SIZE);
        char *json = NULL;

        expect_status(OCIREG_OK, ocireg_v1_put_image(client, NULL, place, bytes, strlen(image), NULL, &json, &failure));
        expect_text_at(kept(json), "id", id);
        expect_bool_at(json, "uploaded", true);
        expect_status(OCIREG_OK, ocireg_v1_put_layer(client, NULL, place, bytes, strlen(image), layer, SIZE, NULL, &json, &failure));
        expect_shape(kept(json), "id:string size:number checksum:string uploaded:bool");
        expect_text_at(json, "id", id);
        expect_number_at(json, "size", SIZE);
        expect_text_at(json, "checksum", sum);
        expect_bool_at(json, "uploaded", true);
        expect_status(OCIREG_OK, ocireg_v1_put_tag(client, NULL, tagged, id, NULL, &json, &failure));
        expect_number_at(kept(json), "status", 200);
        expect_status(OCIREG_OK, ocireg_v1_put_image(client, NULL, place, bytes, strlen(image), NULL, &json, &failure));
        expect_bool_at(kept(json), "uploaded", false);

        expect_status(OCIREG_OK, ocireg_v1_images(client, NULL, place, NULL, &json, &failure));
        expect_shape(kept(json), "name:string images:array endpoint:string");
        expect_text_at(json, "images/0/id", id);
        expect_text_at(json, "endpoint", text("http://%s/", env(i ? "OCIREG_TEST_V1_TOKEN_STORE" : registries[i])));
        expect_status(OCIREG_OK, ocireg_v1_tags(client, NULL, place, NULL, &json, &failure));
        expect_text_at(kept(json), "name", strchr(place, '/') + 1);
        expect_text_at(json, "tags/one", id);
        expect_status(OCIREG_OK, ocireg_v1_tag(client, NULL, tagged, NULL, &json, &failure));
        expect_text_at(kept(json), "tag", "one");
        expect_text_at(json, "id", id);
        expect_status(OCIREG_OK, ocireg_v1_ancestry(client, NULL, place, id, NULL, &json, &failure));
        expect_text_at(kept(json), "id", id);
        expect_text_at(json, "ancestry/0", id);
        assert_int_equal(json_length(json, "ancestry"), 1);

        ocireg_buffer *found = NULL;
        expect_status(OCIREG_OK, ocireg_v1_image(client, NULL, place, id, NULL, &json, &found, &failure));
        expect_shape(kept(json), "id:string size:number checksum:string image:object headers:object");
        expect_number_at(json, "size", SIZE);
        expect_text_at(json, "checksum", sum);
        expect_text_at(json, "image/id", id);
        assert_int_equal(ocireg_buffer_size(found), strlen(image));
        assert_memory_equal(ocireg_buffer_data(found), image, strlen(image));
        ocireg_buffer_free(found);

        expect_status(OCIREG_OK, ocireg_v1_delete_tag(client, NULL, tagged, NULL, &json, &failure));
        expect_number_at(kept(json), "status", 200);
        expect_status(OCIREG_NOT_FOUND, ocireg_v1_tag(client, NULL, tagged, NULL, &json, &failure));
        expect_status(OCIREG_OK, ocireg_v1_delete_repository(client, NULL, place, NULL, &json, &failure));
        expect_number_at(kept(json), "status", 200);
        expect_status(OCIREG_NOT_FOUND, ocireg_v1_images(client, NULL, place, NULL, &json, &failure));
    }
}

static void check_layer(char *json, const char *id, const char *sum, bool verified, long long offset, long long length) {
    expect_shape(kept(json), "id:string checksum:string verified:bool size:number offset:number length:number resumed:number");
    expect_text_at(json, "id", id);
    expect_text_at(json, "checksum", sum);
    expect_bool_at(json, "verified", verified);
    expect_number_at(json, "size", SIZE);
    expect_number_at(json, "offset", offset);
    expect_number_at(json, "length", length);
}

static void free_reader(void *reader) { ocireg_blob_reader_free(reader); }

static void test_layer(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V1");
    const char *place = repository("OCIREG_TEST_V1", "layer"), *id = image_id(20), *image = image_json(id, NULL);
    const char *folder = new_folder(), *path = text("%s/layer", folder);
    uint8_t *layer = noise(SIZE, 20);
    const char *sum = payload(image, layer, SIZE);
    char *json = NULL;
    size_t size = 0;
    write_file(path, layer, SIZE);
    const uint8_t *bytes = (const uint8_t *)image;
    expect_status(OCIREG_OK, ocireg_v1_put_image(client, NULL, place, bytes, strlen(image), NULL, NULL, &failure));
    /* Step by step: incomplete until its checksum is put, which must be right. */
    expect_status(OCIREG_OK, ocireg_v1_put_layer_file(client, NULL, place, bytes, strlen(image), path, options("{'finish':false}"), &json, &failure));
    expect_text_at(kept(json), "checksum", sum);
    expect_status(OCIREG_HTTP, ocireg_v1_image(client, NULL, place, id, NULL, &json, NULL, &failure));
    expect_message("being uploaded");
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_v1_put_checksum(client, NULL, place, id, digest_of("x", 1), NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_v1_put_checksum(client, NULL, place, id, sum, NULL, &json, &failure));
    expect_number_at(kept(json), "status", 200);

    unlink(path);
    expect_status(OCIREG_OK, ocireg_v1_layer_file(client, NULL, place, id, path, NULL, &json, &failure));
    check_layer(json, id, sum, true, 0, SIZE);
    expect_text_at(json, "path", path);
    assert_memory_equal(read_file(path, &size), layer, SIZE);
    assert_int_equal(entries_in(folder), 1);

    int fd = open(path, O_WRONLY | O_TRUNC);
    expect_status(OCIREG_OK, ocireg_v1_layer_fd(client, NULL, place, id, fd, options("{'offset':1000}"), &json, &failure));
    close(fd);
    check_layer(json, id, sum, false, 1000, SIZE - 1000);
    assert_memory_equal(read_file(path, &size), layer + 1000, SIZE - 1000);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_layer_fd(client, NULL, place, id, -1, NULL, &json, &failure));

    ocireg_buffer *found = NULL;
    expect_status(OCIREG_OK, ocireg_v1_layer_memory(client, NULL, place, id, options("{'offset':7,'length':100}"), &json, &found, &failure));
    check_layer(json, id, sum, false, 7, 100);
    assert_int_equal(ocireg_buffer_size(found), 100);
    assert_memory_equal(ocireg_buffer_data(found), layer + 7, 100);
    ocireg_buffer_free(found);
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_v1_layer_memory(client, NULL, place, id, options("{'limit':100}"), &json, &found, &failure));
    assert_null(found);

    ocireg_blob_reader *reader = NULL;
    expect_status(OCIREG_OK, ocireg_v1_layer_open(client, NULL, place, id, NULL, &reader, &failure));
    keep(reader, free_reader);
    expect_status(OCIREG_OK, ocireg_blob_reader_info(reader, &json, &failure));
    expect_shape(kept(json), "id:string checksum:string size:number offset:number verifiable:bool");
    expect_bool_at(json, "verifiable", true);
    uint8_t *got = noise(SIZE + 1, 0);
    size_t done = 0, count = 1;
    while (count > 0) {
        expect_status(OCIREG_OK, ocireg_blob_reader_read(reader, got + done, SIZE + 1 - done, &count, &failure));
        done += count;
    }
    assert_int_equal(done, SIZE);
    assert_memory_equal(got, layer, SIZE);
}

static void test_parents(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V1");
    const char *place = repository("OCIREG_TEST_V1", "parents"), *base = image_id(30), *child = image_id(31);
    char *json = NULL;
    const char *orphan = image_json(child, base);
    expect_status(OCIREG_HTTP, ocireg_v1_put_image(client, NULL, place, (const uint8_t *)orphan, strlen(orphan), NULL, &json, &failure));
    expect_message("parent");
    put(client, place, image_json(base, NULL), noise(5, 5), 5);
    put(client, place, orphan, noise(6, 6), 6);
    expect_status(OCIREG_OK, ocireg_v1_ancestry(client, NULL, place, child, NULL, &json, &failure));
    expect_text_at(kept(json), "ancestry/0", child);
    expect_text_at(json, "ancestry/1", base);
    expect_status(OCIREG_OK, ocireg_v1_image(client, NULL, place, child, NULL, &json, NULL, &failure));
    expect_text_at(kept(json), "image/parent", base);
}

/* The number of layers of a layout's only image, from the result of a copy. */
static void expect_copied(const char *json, const char *source, long long blobs) {
    expect_shape(json, "source:string destination:string digest:string mediaType:string manifests:object blobs:object");
    expect_text_at(json, "source", source);
    expect_text_at(json, "mediaType", "application/vnd.oci.image.manifest.v1+json");
    expect_number_at(json, "blobs/total", blobs);
}

/* A chain of three images, one of which has an empty layer, copied into a layout; with either index. */
static void test_copy(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_V1", "OCIREG_TEST_V1_TOKEN"};
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_endpoint_parse("docker-v1://h:5000/a:t", &json, &failure));
    expect_text_at(kept(json), "transport", "docker-v1");
    expect_text_at(json, "registry", "h:5000");
    expect_text_at(json, "reference", "h:5000/a:t");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_endpoint_parse(text("docker-v1://h/a@%s", digest_of("", 0)), &json, &failure));
    for (unsigned i = 0; i < 2; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "copy"), *folder = new_folder(), *source = text("docker-v1://%s:t", place);
        const char *base = image_id(50 + i), *middle = image_id(60 + i), *top = image_id(70 + i);
        uint8_t *zeros = keep(calloc(1, 1024), free), *layer = noise(SIZE, 52);
        put(client, place, image_json(base, NULL), layer, SIZE);
        put(client, place, image_json(middle, base), zeros, 1024);
        put(client, place, image_json(top, middle), noise(2000, 53), 2000);
        expect_status(OCIREG_OK, ocireg_v1_put_tag(client, NULL, text("%s:t", place), top, NULL, NULL, &failure));

        const char *layout = text("oci:%s/layout:v1", folder);
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, source, layout, options("{'dry_run':true}"), &json, &failure));
        assert_int_equal(json_length(kept(json), "plan/blobs"), 3);
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, source, layout, NULL, &json, &failure));
        expect_copied(kept(json), source, 3);
        char *digest = keep(json_string_at(json, "digest"), free);
        expect_status(OCIREG_OK, ocireg_layout_check(client, NULL, text("%s/layout", folder), NULL, &json, &failure));
        expect_bool_at(kept(json), "ok", true);
        expect_status(OCIREG_OK, ocireg_image_config(client, NULL, source, NULL, &json, NULL, &failure));
        expect_text_at(kept(json), "manifest", digest);
        assert_int_equal(json_length(json, "config/rootfs/diff_ids"), 2);
        expect_text_at(json, "config/rootfs/diff_ids/0", digest_of(layer, SIZE));
        assert_int_equal(json_length(json, "config/history"), 3);
        expect_bool_at(json, "config/history/1/empty_layer", true);

        expect_status(OCIREG_UNSUPPORTED, ocireg_copy(client, NULL, layout, source, NULL, &json, &failure));
        expect_message("copied from");
        assert_string_equal(keep(json_string_at(ocireg_error_json(failure), "side"), free), "destination");
        expect_status(OCIREG_NOT_FOUND, ocireg_copy(client, NULL, text("docker-v1://%s:none", place), layout, NULL, &json, &failure));
        assert_string_equal(keep(json_string_at(ocireg_error_json(failure), "side"), free), "source");
    }
}

/* Temporary files have a configured folder and limit. */
static void test_temporary(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_V1"), *place = repository("OCIREG_TEST_V1", "bounded"), *id = image_id(80);
    const char *folder = new_folder(), *source = text("docker-v1://%s:t", place), *layout = text("oci:%s/layout", folder);
    ocireg_client *client = client_of("OCIREG_TEST_V1");
    put(client, place, image_json(id, NULL), noise(5000, 81), 5000);
    expect_status(OCIREG_OK, ocireg_v1_put_tag(client, NULL, text("%s:t", place), id, NULL, NULL, &failure));
    const char *temporary = new_folder();
    client = new_client(text("{'plain_http':true,'temporary_dir':'%s','max_temporary_bytes':4999}", temporary));
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_copy(client, NULL, source, layout, NULL, NULL, &failure));
    expect_message("max_temporary_bytes");
    client = new_client(text("{'plain_http':true,'temporary_dir':'%s','max_temporary_bytes':5000}", temporary));
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, source, layout, NULL, NULL, &failure));
    assert_int_equal(entries_in(temporary), 0);
    client = new_client("{'plain_http':true,'temporary_dir':'/no/such/folder'}");
    expect_status(OCIREG_IO, ocireg_copy(client, NULL, source, layout, NULL, NULL, &failure));
    expect_message("/no/such/folder");
    ocireg_client *none = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(options("{'max_temporary_bytes':0}"), &none, &failure));
    assert_non_null(host);
}

/* From a layout to a v1 registry and back: the same image. */
static void test_push(void **state) {
    (void)state;
    static const char *const registries[] = {"OCIREG_TEST_V1", "OCIREG_TEST_V1_TOKEN"};
    for (unsigned i = 0; i < 2; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *old = repository(registries[i], "push"), *folder = new_folder(), *id = image_id(90 + i);
        const char *layout = text("oci:%s/layout", folder), *to = text("%s:new", old);
        char *json = NULL;
        put(client, old, image_json(id, NULL), noise(7000, 91), 7000);
        expect_status(OCIREG_OK, ocireg_v1_put_tag(client, NULL, text("%s:old", old), id, NULL, NULL, &failure));
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, text("docker-v1://%s:old", old), layout, NULL, &json, &failure));
        char *digest = keep(json_string_at(kept(json), "digest"), free);

        expect_status(OCIREG_OK, ocireg_v1_push(client, NULL, layout, to, NULL, &json, &failure));
        expect_shape(kept(json), "source:string destination:string digest:string id:string images:array");
        expect_text_at(json, "source", layout);
        expect_text_at(json, "destination", text("docker-v1://%s", to));
        expect_text_at(json, "digest", digest);
        assert_int_equal(json_length(json, "images"), 1);
        assert_int_equal(json_length(json, "images/0"), 4);
        expect_text_at(json, "images/0/layer", digest_of(noise(7000, 91), 7000));
        expect_number_at(json, "images/0/size", 7000);
        expect_bool_at(json, "images/0/uploaded", true);
        char *pushed = keep(json_string_at(json, "id"), free);
        expect_text_at(json, "images/0/id", pushed);
        expect_status(OCIREG_OK, ocireg_v1_tag(client, NULL, to, NULL, &json, &failure));
        expect_text_at(kept(json), "id", pushed);
        expect_status(OCIREG_OK, ocireg_v1_push(client, NULL, layout, to, NULL, &json, &failure));
        expect_bool_at(kept(json), "images/0/uploaded", false);
        expect_status(OCIREG_OK, ocireg_copy(client, NULL, text("docker-v1://%s", to), text("oci:%s/back", folder), NULL, &json, &failure));
        expect_text_at(kept(json), "digest", digest);

        expect_status(OCIREG_INVALID_REFERENCE, ocireg_v1_push(client, NULL, layout, text("%s@%s", old, digest), NULL, &json, &failure));
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_push(client, NULL, layout, to, options("{'tag':'x'}"), &json, &failure));
        expect_status(OCIREG_NOT_FOUND, ocireg_v1_push(client, NULL, "oci:/no/such/layout", to, NULL, &json, &failure));
        assert_string_equal(keep(json_string_at(ocireg_error_json(failure), "side"), free), "source");
    }
}

static void test_login(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V1");
    const char *host = env("OCIREG_TEST_V1");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_v1_login(client, NULL, host, options("{'username':'u','password':'p'}"), &json, &failure));
    expect_shape(kept(json), "status:string username:string created:bool");
    expect_text_at(json, "status", "Login Succeeded");
    expect_text_at(json, "username", "u");
    expect_bool_at(json, "created", false);
    expect_status(OCIREG_OK, ocireg_v1_login(client, NULL, host, options("{'username':'u','password':'p','email':'u@example.com'}"), &json, &failure));
    expect_bool_at(kept(json), "created", true);
    assert_non_null(strstr(keep(json_string_at(json, "status"), free), "Account created."));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_login(client, NULL, host, NULL, &json, &failure));
    expect_message("username");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_login(client, NULL, host, options("{'username':'u'}"), &json, &failure));
    expect_message("password");

    const struct answer refusals[] = {{.bytes = http_answer("401 Unauthorized", "", "\"no\"")}, {.bytes = http_answer("403 Forbidden", "", "")}};
    static const ocireg_status codes[] = {OCIREG_UNAUTHENTICATED, OCIREG_FORBIDDEN};
    static const char *const said[] = {"Wrong login/password, please try again", "Account is not Active"};
    for (size_t i = 0; i < 2; i++) {
        struct peer *peer = peer_start(&refusals[i], 1);
        client = new_client("{'plain_http':true}");
        expect_status(codes[i], ocireg_v1_login(client, NULL, peer_host(peer), options("{'username':'u','password':'p'}"), &json, &failure));
        expect_message(said[i]);
        assert_non_null(strstr(peer_request(peer, 0), "GET /v1/users/ "));
        assert_non_null(strcasestr(peer_request(peer, 0), "\r\nauthorization: basic dTpw\r\n"));
    }
}

/* None of this is sent. */
static void test_bad_input(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("200 OK", "", "[]")};
    peer_serve(peer, &answer, 1);
    ocireg_client *client = new_client("{'plain_http':true}");
    const char *place = text("%s/a/b", peer_host(peer)), *pinned = text("%s@%s", place, digest_of("", 0));
    char *json = NULL;
    static const char *const bad[] = {"", "latest", "../../../../v2/", "0123", "ABCDEF00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_ancestry(client, NULL, place, bad[i], NULL, &json, &failure));
        expect_message("image id");
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_layer_file(client, NULL, place, bad[i], "/nowhere", NULL, &json, &failure));
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_put_tag(client, NULL, text("%s:t", place), bad[i], NULL, &json, &failure));
    }
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_v1_tag(client, NULL, pinned, NULL, &json, &failure));
    expect_message("no digests");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_v1_delete_tag(client, NULL, pinned, NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_v1_tags(client, NULL, text("%s/UPPER", peer_host(peer)), NULL, &json, &failure));
    static const char *const images[] = {"{}", "[]", "x", "{\"id\":\"x\"}"};
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *image = (const uint8_t *)images[i];
        expect_status(OCIREG_INVALID_MANIFEST, ocireg_v1_put_image(client, NULL, place, image, strlen(images[i]), NULL, &json, &failure));
        expect_status(OCIREG_INVALID_MANIFEST, ocireg_v1_put_layer(client, NULL, place, image, strlen(images[i]), image, 1, NULL, &json, &failure));
    }
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_v1_put_checksum(client, NULL, place, nothing, "md5:1", NULL, &json, &failure));
    expect_message("checksum");
    const char *image = image_json(nothing, NULL);
    expect_status(OCIREG_IO, ocireg_v1_put_layer_file(client, NULL, place, (const uint8_t *)image, strlen(image), "/no/such/file", NULL, &json, &failure));
    assert_int_equal(peer_count(peer), 0);
}

/* A token is sent only to the registry that the index names, and appears nowhere else. */
static int seen_secret;
static int32_t watch(void *userdata, const char *event) {
    (void)userdata;
    if (strstr(event, "s3cr3t") || strstr(event, "dTpw") || strstr(event, "c00kie")) seen_secret++;
    return 0;
}

static void test_secrets(void **state) {
    (void)state;
    struct peer *index = peer_bind(), *store = peer_bind();
    const char *headers = text("X-Docker-Token: signature=s3cr3t\r\nWWW-Authenticate: Token signature=s3cr3t\r\nX-Docker-Endpoints: %s\r\n"
                               "Set-Cookie: session=c00kie\r\n", peer_host(store));
    const struct answer session = {.bytes = http_answer("200 OK", headers, "[]")}, none = {.bytes = http_answer("403 Forbidden", "", "{}")};
    peer_serve(index, &session, 1);
    peer_serve(store, &none, 1);
    ocireg_client *client = new_client("{'plain_http':true}");
    set_host(client, peer_host(index), "{'plain_http':true,'username':'u','password':'p'}");
    ocireg_context *context = new_context();
    expect_status(OCIREG_OK, ocireg_context_set_log(context, watch, NULL, &failure));
    char *json = NULL;
    expect_status(OCIREG_FORBIDDEN, ocireg_v1_tags(client, context, text("%s/a/b", peer_host(index)), NULL, &json, &failure));
    assert_null(strstr(ocireg_error_json(failure), "s3cr3t"));
    assert_int_equal(seen_secret, 0);
    assert_non_null(strcasestr(peer_request(index, 0), "\r\nauthorization: basic dTpw\r\n"));
    assert_non_null(strcasestr(peer_request(store, 0), "\r\nauthorization: token signature=s3cr3t\r\n"));
    assert_null(strcasestr(peer_request(store, 0), "c00kie"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_ping_and_detect), test(test_search), test(test_image),     test(test_layer),   test(test_parents),
        test(test_copy),            test(test_temporary),  test(test_push),
        test(test_login),           test(test_bad_input), test(test_secrets),
    };
    return run_all(tests, argc, argv);
}
