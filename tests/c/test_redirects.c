/* Redirects: credentials stay with their origin, and no chain is endless. */
#include "common.h"
#include "peer.h"

#include <strings.h>

/* Of the bytes "right". */
#define RIGHT "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9"

static ocireg_client *plain_client(void) {
    return new_client("{'plain_http':true,'retries':1}");
}

static const char *blob_at(struct peer *peer) {
    return text("%s/a@" RIGHT, peer_host(peer));
}

/* The other host returns the bytes, and receives no credentials. */
static void test_redirect_elsewhere(void **state) {
    (void)state;
    struct peer *home = peer_bind(), *store = peer_bind();
    const struct answer bytes = {.bytes = http_answer("200 OK", "", "right")};
    const char *location = text("Location: http://%s/x%%2Fy?sig=a+b%%2Bc\r\n", peer_host(store));
    const struct answer moved = {.bytes = http_answer("307 Temporary Redirect", location, "")};
    peer_serve(store, &bytes, 1);
    peer_serve(home, &moved, 1);
    ocireg_client *client = new_client("{'plain_http':true}");
    set_host(client, peer_host(home), "{'plain_http':true,'token':'home-token'}");
    ocireg_buffer *found = NULL;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob_at(home), NULL, NULL, &found, &failure));
    ocireg_buffer_free(found);
    assert_non_null(strcasestr(peer_request(home, 0), "\r\nauthorization: bearer home-token\r\n"));
    const char *request = peer_request(store, 0);
    assert_null(strcasestr(request, "authorization"));
    assert_null(strcasestr(request, "home-token"));
    assert_null(strcasestr(request, "\r\nreferer:"));
    assert_int_equal(strncmp(request, "GET /x%2Fy?sig=a+b%2Bc ", 23), 0);

    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_blob_head(client, NULL, blob_at(home), NULL, &json, &failure));
    expect_number_at(kept(json), "redirects/0/status", 307);
    expect_text_at(json, "redirects/0/url", text("http://%s/x%%2Fy", peer_host(store)));
    expect_text_at(json, "first_headers/location", text("http://%s/x%%2Fy?sig=…", peer_host(store)));
    assert_null(strstr(json, "a+b"));
}

/* The other host gets no password even if it sends a challenge. */
static void test_challenge_elsewhere(void **state) {
    (void)state;
    struct peer *home = peer_bind(), *store = peer_bind();
    const struct answer asks = {.bytes = http_answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"give\"\r\n", "")};
    const struct answer answers[] = {
        {.bytes = http_answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"home\"\r\n", "")},
        {.bytes = http_answer("307 Temporary Redirect", text("Location: http://%s/x\r\n", peer_host(store)), "")},
    };
    peer_serve(store, &asks, 1);
    peer_serve(home, answers, 2);
    ocireg_client *client = plain_client();
    set_host(client, peer_host(home), "{'plain_http':true,'username':'alice','password':'home-password'}");
    ocireg_buffer *found = NULL;
    forget_failure();
    ocireg_status status = ocireg_blob_get_memory(client, NULL, blob_at(home), NULL, NULL, &found, &failure);
    assert_true(status == OCIREG_UNAUTHENTICATED || status == OCIREG_FORBIDDEN);
    assert_true(peer_count(store) > 0);
    for (size_t i = 0; i < peer_count(store); i++) assert_null(strcasestr(peer_request(store, i), "authorization"));
    assert_null(strstr(ocireg_error_json(failure), "home-password"));
}

static void test_redirect_loop(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer round = {.bytes = http_answer("302 Found", text("Location: http://%s/v2/a/tags/list\r\n", peer_host(peer)), "")};
    peer_serve(peer, &round, 1);
    char *json = NULL;
    expect_status(OCIREG_REDIRECT, ocireg_repository_tags(plain_client(), NULL, text("%s/a", peer_host(peer)), NULL, &json, &failure));
    assert_true(peer_count(peer) < 12);
}

static void test_too_many_redirects(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    struct answer answers[15];
    for (size_t i = 0; i < 15; i++) {
        answers[i] = (struct answer){.bytes = http_answer("307 Temporary Redirect", text("Location: /hop-%zu\r\n", i), "")};
    }
    peer_serve(peer, answers, 15);
    char *json = NULL;
    ocireg_client *client = new_client("{'plain_http':true,'max_redirects':3}");
    expect_status(OCIREG_REDIRECT, ocireg_repository_tags(client, NULL, text("%s/a", peer_host(peer)), NULL, &json, &failure));
    expect_message("3");
    assert_int_equal(peer_count(peer), 4);
}

static void test_bad_redirects(void **state) {
    (void)state;
    static const char *const targets[] = {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://user:pw@127.0.0.1/x"};
    for (size_t i = 0; i < 3; i++) {
        struct peer *peer = peer_bind();
        const struct answer answer = {.bytes = http_answer("302 Found", text("Location: %s\r\n", targets[i]), "")};
        peer_serve(peer, &answer, 1);
        ocireg_buffer *bytes = NULL;
        expect_status(OCIREG_REDIRECT, ocireg_blob_get_memory(plain_client(), NULL, blob_at(peer), NULL, NULL, &bytes, &failure));
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_redirect_elsewhere),
        test(test_challenge_elsewhere),
        test(test_redirect_loop),
        test(test_too_many_redirects),
        test(test_bad_redirects),
    };
    return run_all(tests, argc, argv);
}
