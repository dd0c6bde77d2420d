/* Lists page by page: by each page's "next", whatever the registry's own cursor is. */
#include "common.h"
#include "peer.h"

/* A page of two names with the registry's cursor for the next one; NULL at the end. */
static const char *page(const char *first, const char *second, const char *token) {
    const char *body = text("{\"name\":\"a\",\"tags\":[\"%s\",\"%s\"],\"repositories\":[\"%s\",\"%s\"]}", first, second, first, second);
    return http_answer("200 OK", token ? text("Link: <?next_page=%s>; rel=\"next\"\r\n", token) : "", body);
}

/* Three pages whose cursors are tokens; a request without one gets the first page again. */
static struct peer *registry(void) {
    const struct answer answers[] = {{.bytes = page("a", "b", "gAAA%2B1")}, {.bytes = page("c", "d", "gAAA%2B2")}, {.bytes = page("e", "f", NULL)}};
    return peer_start(answers, 3);
}

typedef ocireg_status list_page(ocireg_client *, ocireg_context *, const char *, const ocireg_options *, char **, ocireg_error **);

static void check_walk(list_page *list, const char *path, const char *member) {
    static const char names[] = "abcdef";
    struct peer *peer = registry();
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    ocireg_options *wanted = options("{'n':2,'last':''}");
    const char *name = text("%s%s", peer_host(peer), path);
    for (size_t i = 0; i < 3; i++) {
        char *json = NULL, first[] = {names[2 * i], '\0'}, second[] = {names[2 * i + 1], '\0'};
        expect_status(OCIREG_OK, list(client, NULL, name, wanted, &json, &failure));
        expect_text_at(kept(json), text("%s/0", member), first);
        expect_text_at(json, text("%s/1", member), second);
        if (i == 2) break;
        expect_text_at(json, "last", second);
        expect_status(OCIREG_OK, ocireg_options_set_string(wanted, "next", keep(json_string_at(json, "next"), free), &failure));
        /* With next, last is ignored. */
        expect_status(OCIREG_OK, ocireg_options_set_string(wanted, "last", "zzz", &failure));
    }
    char *json = NULL;
    assert_int_equal(peer_count(peer), 3);
    assert_non_null(strstr(peer_request(peer, 1), "?next_page=gAAA%2B1 "));
    assert_non_null(strstr(peer_request(peer, 2), "?next_page=gAAA%2B2 "));

    struct peer *again = registry();
    expect_status(OCIREG_OK, list(client, NULL, text("%s%s", peer_host(again), path), options("{'n':2,'all':true}"), &json, &failure));
    assert_int_equal(json_length(kept(json), member), 6);
    assert_int_equal(json_kind_at(json, "next"), JSON_NULL);
    assert_int_equal(json_kind_at(json, "last"), JSON_NULL);
    assert_non_null(strstr(peer_request(again, 0), "?n=2 "));
    /* A cursor of another registry, and an invalid one. */
    expect_status(OCIREG_INVALID_ARGUMENT, list(client, NULL, text("%s%s", peer_host(again), path), wanted, &json, &failure));
    expect_message("another list");
    static const char *const forged[] = {"", "x", "?next_page=gAAA", "//example.org/", "https://example.org/v2/a/tags/list"};
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, list(client, NULL, name, options("{'next':'%s'}", forged[i]), &json, &failure));
        expect_message("next");
    }
    expect_status(OCIREG_INVALID_ARGUMENT, list(client, NULL, name, options("{'next':1}"), &json, &failure));
    assert_int_equal(peer_count(peer), 3);
    assert_int_equal(peer_count(again), 3);
}

static void test_next(void **state) {
    (void)state;
    check_walk(ocireg_repository_tags, "/a", "tags");
    check_walk(ocireg_registry_catalog, "", "repositories");
}

/* A loop over next ends, even if the registry's pages do not. */
static void test_rounds(void **state) {
    (void)state;
    static const char *const last[][2] = {{"a", "1"}, {"c", "2"}, {"c", "1"}};
    for (size_t i = 0; i < 3; i++) {
        const struct answer answers[] = {
            {.bytes = page("a", "b", "1")}, {.bytes = page("c", "d", "2")}, {.bytes = page(last[i][0], last[i][0][0] == 'a' ? "b" : "d", last[i][1])}};
        struct peer *peer = peer_start(answers, 3);
        ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
        ocireg_options *wanted = options("{'n':2}");
        const char *name = text("%s/a", peer_host(peer));
        char *json = NULL;
        size_t calls = 0;
        ocireg_status status;
        while (forget_failure(), (status = ocireg_repository_tags(client, NULL, name, wanted, &json, &failure)) == OCIREG_OK) {
            assert_int_not_equal(json_kind_at(kept(json), "next"), JSON_NULL);
            assert_true(++calls < 20);
            ocireg_options_set_string(wanted, "next", keep(json_string_at(json, "next"), free), NULL);
        }
        assert_int_equal(status, OCIREG_PROTOCOL);
        expect_message("loop");
    }
}

/* Quay does not support starting after a name: it returns the first page each time, which would never end. */
static void test_last_that_is_not_heeded(void **state) {
    (void)state;
    const struct answer first = {.bytes = page("c", "d", "1")}, whole = {.bytes = page("a", "b", NULL)};
    struct peer *pages = peer_start(&first, 1), *list = peer_start(&whole, 1);
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    char *json = NULL;
    static const char *const names[] = {"d", "e"};
    for (size_t i = 0; i < 2; i++) {
        ocireg_options *wanted = options("{'n':2,'last':'%s'}", names[i]);
        expect_status(OCIREG_UNSUPPORTED, ocireg_repository_tags(client, NULL, text("%s/a", peer_host(pages)), wanted, &json, &failure));
        expect_message("ignores last");
        expect_status(OCIREG_UNSUPPORTED, ocireg_registry_catalog(client, NULL, peer_host(pages), wanted, &json, &failure));
        expect_message("next");
        assert_null(json);
    }
    expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, text("%s/a", peer_host(list)), options("{'last':'a'}"), &json, &failure));
    expect_text_at(kept(json), "tags/0", "b");
    assert_int_equal(json_length(json, "tags"), 1);
}

static void test_referrers(void **state) {
    (void)state;
    const char *entry = "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"%s\",\"size\":1}";
    const char *one = text(entry, digest_of("1", 1)), *two = text(entry, digest_of("2", 1)), *three = text(entry, digest_of("3", 1));
    const char *type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n%s";
    const char *first = http_answer("200 OK", text(type, "Link: <?token=x>\r\n"), text("{\"schemaVersion\":2,\"manifests\":[%s,%s]}", one, two));
    const struct answer answers[] = {
        {.bytes = first}, {.bytes = first}, {.bytes = http_answer("200 OK", text(type, ""), text("{\"schemaVersion\":2,\"manifests\":[%s]}", three))}};
    struct peer *peer = peer_start(answers, 3);
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    const char *name = text("%s/a@%s", peer_host(peer), digest_of("x", 1));
    ocireg_options *wanted = options("{'max':1}");
    for (int i = 1; i <= 3; i++) {
        char *json = NULL, digit = (char)('0' + i);
        expect_status(OCIREG_OK, ocireg_referrers(client, NULL, name, wanted, &json, &failure));
        expect_text_at(kept(json), "referrers/0/digest", digest_of(&digit, 1));
        expect_bool_at(json, "truncated", i < 3);
        assert_int_equal(json_kind_at(json, "next"), i < 3 ? JSON_STRING : JSON_NULL);
        if (i < 3) ocireg_options_set_string(wanted, "next", keep(json_string_at(json, "next"), free), NULL);
    }
    char *json = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT,
                  ocireg_referrers(client, NULL, text("%s/b@%s", peer_host(peer), digest_of("x", 1)), wanted, &json, &failure));
    expect_message("another list");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_next), test(test_rounds), test(test_last_that_is_not_heeded), test(test_referrers),
    };
    return run_all(tests, argc, argv);
}
