/* Protocol v1 as real servers spoke it, one oddity at a time: each works, or is refused with a clear message. */
#include "common.h"
#include "peer.h"

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
static const char image[] = "{\"id\":\"" ID "\"}", layer[] = "0123456789";

static struct answer ok(const char *headers, const char *body) {
    return (struct answer){.bytes = http_answer("200 OK", headers, body)};
}

static struct answer status(const char *line) {
    return (struct answer){.bytes = http_answer(line, "", "")};
}

static struct answer session(const char *headers) {
    return ok(text("X-Docker-Token: signature=1\r\n%s", headers), "[]");
}

/* The checksum of the image with a layer. */
static char *sum(const char *bytes) {
    char *all = text("%s\n%s", image, bytes);
    return text("X-Docker-Checksum-Payload: %s\r\n", digest_of(all, strlen(all)));
}

/* A response to a GET of the layer with the bytes from `begin` to before `end`, and a header with the total length. */
static struct answer part(const char *range, size_t begin, size_t end, size_t said) {
    const char *head = range ? text("206 Partial Content\r\nContent-Range: %s", range) : "200 OK";
    return (struct answer){.bytes = text("HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%.*s", head, said, (int)(end - begin), layer + begin)};
}

static ocireg_client *plain(void) {
    return new_client("{'plain_http':true,'retries':1}");
}

static const char *place(struct peer *peer) {
    return text("%s/a/b", peer_host(peer));
}

static void test_ping(void **state) {
    (void)state;
    const struct {
        const char *headers, *body;
        ocireg_status status;
        enum json_kind standalone;
    } cases[] = {
        {"", "true", OCIREG_OK, JSON_NULL},
        {"", "{}", OCIREG_OK, JSON_NULL},
        {"X-Docker-Registry-Standalone: 0\r\n", "true", OCIREG_OK, JSON_BOOL},
        {"X-Docker-Registry-Standalone: mirror\r\n", "", OCIREG_OK, JSON_BOOL},
        {"", "<html>", OCIREG_PROTOCOL, JSON_NULL},
        {"", "\"true\"", OCIREG_PROTOCOL, JSON_NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer answer = ok(cases[i].headers, cases[i].body);
        struct peer *peer = peer_start(&answer, 1);
        char *json = NULL;
        expect_status(cases[i].status, ocireg_v1_ping(plain(), NULL, peer_host(peer), NULL, &json, &failure));
        if (cases[i].status != OCIREG_OK) continue;
        assert_int_equal(json_kind_at(kept(json), "standalone"), cases[i].standalone);
        if (cases[i].standalone == JSON_BOOL) expect_bool_at(json, "standalone", false);
    }
}

/* The token with its scheme and without; endpoints with and without; cookies; lists in both forms. */
static void test_sessions(void **state) {
    (void)state;
    static const char *const tokens[] = {"Token signature=1,access=read", "signature=1,access=read"};
    static const char *const lists[] = {"%s", "http://%s", "%s, 127.0.0.1:1", " , %s/v1/"};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 4; k++) {
            struct peer *index = peer_bind(), *store = peer_bind();
            char *host = text("%s", peer_host(store)), *list = text("%s", lists[k]), *at = strstr(list, "%s");
            list = text("%.*s%s%s", (int)(at - list), list, host, at + 2);
            const struct answer begins = ok(text("X-Docker-Token: %s\r\nX-Docker-Endpoints: %s\r\n", tokens[i], list), "[]");
            const struct answer tags[] = {ok("Set-Cookie: s=1; Path=/\r\n", "{\"t\":\"" ID "\"}"), ok("", "[{\"name\":\"t\",\"layer\":\"0123abcd\"}]")};
            peer_serve(index, &begins, 1);
            peer_serve(store, tags, 2);
            ocireg_client *client = plain();
            char *json = NULL;
            expect_status(OCIREG_OK, ocireg_v1_tags(client, NULL, place(index), NULL, &json, &failure));
            expect_text_at(kept(json), "tags/t", ID);
            expect_status(OCIREG_OK, ocireg_v1_tags(client, NULL, place(index), NULL, &json, &failure));
            expect_text_at(kept(json), "tags/t", "0123abcd");
            assert_non_null(strcasestr(peer_request(store, 0), "\r\nauthorization: token signature=1,access=read\r\n"));
            assert_null(strcasestr(peer_request(store, 0), "\r\ncookie:"));
            assert_non_null(strcasestr(peer_request(store, 1), "\r\ncookie: s=1\r\n"));
            assert_non_null(strcasestr(peer_request(index, 0), "\r\nx-docker-token: true\r\n"));
            assert_int_equal(peer_count(index), 1);
        }
}

/* The registries of the list in order; those to which no request may be sent are skipped. */
static void test_endpoints(void **state) {
    (void)state;
    static const char *const first[] = {NULL, "169.254.169.254", "ftp://x", "user:pass@h"};
    for (size_t i = 0; i < 4; i++) {
        const struct answer tags = ok("", "{}"), none = status("503 Service Unavailable");
        struct peer *store = peer_start(&tags, 1), *ill = peer_start(&none, 1), *index = peer_bind();
        const char *dead = first[i] ? first[i] : closed_port();
        const struct answer begins = session(text("X-Docker-Endpoints: %s,%s,%s\r\n", dead, peer_host(ill), peer_host(store)));
        peer_serve(index, &begins, 1);
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_v1_tags(plain(), NULL, place(index), NULL, &json, &failure));
        ocireg_string_free(json);
        assert_int_equal(peer_count(store), 1);
        const struct answer alone = session(text("X-Docker-Endpoints: %s\r\n", dead));
        index = peer_start(&alone, 1);
        expect_status(first[i] ? OCIREG_REDIRECT : OCIREG_CONNECT, ocireg_v1_tags(plain(), NULL, place(index), NULL, &json, &failure));
        assert_null(strstr(ocireg_error_json(failure), "pass"));
    }
}

/* Invalid IDs, invalid lists, a circular ancestry. */
static void test_answers_that_are_refused(void **state) {
    (void)state;
    const struct {
        const char *body, *message;
    } tags[] = {{"\"latest\"", "image id"}, {"\"../../etc\"", "image id"}, {"{}", "not a string"}, {"<html>", "JSON"}},
      ancestries[] = {{"[\"" ID "\",\"" OTHER "\",\"" ID "\"]", "twice"}, {"[\"" OTHER "\"]", "begin"}, {"[]", "begin"}, {"{}", "not a list"}};
    for (size_t i = 0; i < 4; i++) {
        const struct answer tag[] = {session(""), ok("", tags[i].body)}, ancestry[] = {session(""), ok("", ancestries[i].body)};
        char *json = NULL;
        expect_status(OCIREG_PROTOCOL, ocireg_v1_tag(plain(), NULL, text("%s:t", place(peer_start(tag, 2))), NULL, &json, &failure));
        expect_message(tags[i].message);
        expect_status(OCIREG_PROTOCOL, ocireg_v1_ancestry(plain(), NULL, place(peer_start(ancestry, 2)), ID, NULL, &json, &failure));
        expect_message(ancestries[i].message);
    }
    const struct answer missing[] = {{.bytes = http_answer("404 Not Found", "", "not json")}};
    char *json = NULL;
    expect_status(OCIREG_NOT_FOUND, ocireg_v1_images(plain(), NULL, place(peer_start(missing, 1)), NULL, &json, &failure));
}

/* docker-registry's ranges: no unit, and an open-ended range one byte too long, also in Content-Length. */
static void test_ranges(void **state) {
    (void)state;
    static const char *const ranges[] = {"bytes 4-9/10", "4-9/10", "4-10/10", "bytes 4-10/10"};
    for (size_t i = 0; i < 4; i++) {
        const struct answer answers[] = {session(""), ok(sum(layer), image), part(NULL, 0, 4, 10), part(ranges[i], 4, 10, strstr(ranges[i], "-10") ? 7 : 6)};
        struct peer *peer = peer_start(answers, 4);
        const char *path = text("%s/layer", new_folder());
        char *json = NULL;
        size_t size;
        expect_status(OCIREG_OK, ocireg_v1_layer_file(plain(), NULL, place(peer), ID, path, NULL, &json, &failure));
        expect_bool_at(kept(json), "verified", true);
        expect_number_at(json, "length", 10);
        assert_memory_equal(read_file(path, &size), layer, 10);
        assert_int_equal(size, 10);
        assert_non_null(strcasestr(peer_request(peer, 3), "\r\nrange: bytes=4-9\r\n"));
    }
    static const char *const bad[] = {"bytes 3-9/10", "junk", "10-10/10"};
    for (size_t i = 0; i < 3; i++) {
        const struct answer answers[] = {session(""), ok(sum(layer), image), part(NULL, 0, 4, 10), part(bad[i], 4, 10, 6)};
        const char *path = text("%s/layer", new_folder());
        expect_status(OCIREG_PROTOCOL, ocireg_v1_layer_file(plain(), NULL, place(peer_start(answers, 4)), ID, path, NULL, NULL, &failure));
    }
}

/* The next call continues what a broken one left; where nothing proves that it is the same layer, it starts again. */
static void test_continued(void **state) {
    (void)state;
    const char *checks[] = {sum(layer), "X-Docker-Checksum: tarsum+sha256:00\r\n"};
    for (size_t i = 0; i < 2; i++) {
        const char *folder = new_folder(), *path = text("%s/layer", folder);
        const struct answer broken[] = {session(""), ok(checks[i], image), part(NULL, 0, 4, 10)};
        expect_status(OCIREG_NETWORK, ocireg_v1_layer_file(new_client("{'plain_http':true,'retries':0}"), NULL, place(peer_start(broken, 3)), ID, path, NULL, NULL, &failure));
        assert_int_equal(entries_in(folder), i == 0 ? 1 : 0);
        const struct answer rest[] = {session(""), ok(checks[i], image), i == 0 ? part("4-10/10", 4, 10, 7) : part(NULL, 0, 10, 10)};
        struct peer *peer = peer_start(rest, 3);
        char *json = NULL;
        size_t size;
        expect_status(OCIREG_OK, ocireg_v1_layer_file(plain(), NULL, place(peer), ID, path, NULL, &json, &failure));
        expect_number_at(kept(json), "resumed", i == 0 ? 4 : 0);
        expect_number_at(json, "length", 10);
        expect_bool_at(json, "verified", i == 0);
        if (i == 1) expect_text_at(json, "checksum", "tarsum+sha256:00");
        assert_memory_equal(read_file(path, &size), layer, 10);
        assert_int_equal(entries_in(folder), 1);
        bool asked = strcasestr(peer_request(peer, 2), "\r\nrange: bytes=4-") != NULL;
        assert_int_equal(asked, i == 0);
    }
}

/* A layer that does not match its checksum is fetched once more, and is then an error; no image is made from it. */
static void test_bad_layers(void **state) {
    (void)state;
    const struct answer wrong[] = {session(""), ok(sum("other"), image), ok("", layer), ok(sum("other"), image), ok("", layer)};
    const char *folder = new_folder();
    struct peer *peer = peer_start(wrong, 5);
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_v1_layer_file(plain(), NULL, place(peer), ID, text("%s/layer", folder), NULL, NULL, &failure));
    assert_int_equal(peer_count(peer), 5);
    assert_int_equal(entries_in(folder), 0);

    const struct answer copy[] = {session(""), ok("", "\"" ID "\""), ok("", "[\"" ID "\"]"), ok(sum("other"), image), ok("", layer)};
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_copy(plain(), NULL, text("docker-v1://%s:t", place(peer_start(copy, 5))), text("oci:%s/layout", folder), NULL, NULL, &failure));
    expect_message("checksum");
    assert_string_equal(keep(json_string_at(ocireg_error_json(failure), "side"), free), "source");
    /* Without a checksum it is accepted unverified. */
    const struct answer bare[] = {session(""), ok("", "\"" ID "\""), ok("", "[\"" ID "\"]"), ok("", image), ok("", layer)};
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_copy(plain(), NULL, text("docker-v1://%s:t", place(peer_start(bare, 5))), text("oci:%s/layout", folder), NULL, &json, &failure));
    expect_number_at(kept(json), "blobs/total", 2);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_ping),   test(test_sessions),  test(test_endpoints),  test(test_answers_that_are_refused),
        test(test_ranges), test(test_continued), test(test_bad_layers),
    };
    return run_all(tests, argc, argv);
}
