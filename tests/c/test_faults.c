/* Servers that answer wrongly: each fault has its own code, no wrong data is delivered, and credentials stay with
 * their origin. */
#include "common.h"
#include "peer.h"

#include <strings.h>
#include <unistd.h>

/* Of the bytes "right". */
#define RIGHT "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9"

static ocireg_client *plain_client(void) {
    return new_client("{'plain_http':true,'retries':1}");
}

static void test_error_bodies(void **state) {
    (void)state;
    static const char html[] = "<html><body><h1>Gateway</h1>\033[31m</body></html>";
    static const struct {
        const char *status;
        ocireg_status wanted;
    } cases[] = {
        {"400 Bad Request", OCIREG_HTTP},        {"401 Unauthorized", OCIREG_UNAUTHENTICATED}, {"403 Forbidden", OCIREG_FORBIDDEN},
        {"404 Not Found", OCIREG_NOT_FOUND},     {"405 Method Not Allowed", OCIREG_UNSUPPORTED}, {"418 Teapot", OCIREG_HTTP},
        {"429 Too Many Requests", OCIREG_RATE_LIMITED}, {"500 Oops", OCIREG_SERVER},           {"502 Bad Gateway", OCIREG_SERVER},
        {"503 Busy", OCIREG_SERVER},
    };
    const char *bodies[] = {html, "", "{\"errors\":", "{\"errors\":null}", "[]"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t k = 0; k < sizeof bodies / sizeof bodies[0]; k++) {
            struct peer *peer = peer_bind();
            const struct answer answer = {.bytes = http_answer(cases[i].status, "Content-Type: text/html\r\n", bodies[k])};
            peer_serve(peer, &answer, 1);
            ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
            char *json = NULL;
            expect_status(cases[i].wanted, ocireg_manifest_get(client, NULL, text("%s/a:b", peer_host(peer)), NULL, &json, NULL, &failure));
            assert_int_equal(ocireg_error_http_status(failure), atoi(cases[i].status));
            assert_null(strchr(ocireg_error_message(failure), '\033'));
            assert_int_equal(json_length(ocireg_error_json(failure), "registry_errors"), 0);
            assert_null(json);
        }
    }
}

static void test_registry_error(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("403 Forbidden", "Content-Type: application/json\r\n",
                                                       "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not yours\",\"detail\":{\"a\":[1]}}]}")};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    expect_status(OCIREG_FORBIDDEN, ocireg_manifest_get(plain_client(), NULL, text("%s/a:b", peer_host(peer)), NULL, &json, NULL, &failure));
    expect_message("not yours");
    const char *error = ocireg_error_json(failure);
    expect_text_at(error, "registry_errors/0/code", "DENIED");
    expect_text_at(error, "registry_errors/0/message", "not yours");
    expect_number_at(error, "registry_errors/0/detail/a/0", 1);
    expect_text_at(error, "url", text("http://%s/v2/a/manifests/b", peer_host(peer)));
}

static void test_retry_after(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("429 Too Many Requests", "Retry-After: 3600\r\n", "")};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    expect_status(OCIREG_RATE_LIMITED, ocireg_registry_ping(plain_client(), NULL, peer_host(peer), NULL, &json, &failure));
    expect_number_at(ocireg_error_json(failure), "retry_after", 3600);
    expect_bool_at(ocireg_error_json(failure), "retryable", true);
}

/* A temporary failure is retried. */
static void test_retried(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answers[] = {
        {.bytes = http_answer("502 Bad Gateway", "", "")},
        {.then = PEER_RESET},
        {.bytes = http_answer("200 OK", "", "{\"name\":\"a\",\"tags\":null}")},
    };
    peer_serve(peer, answers, 3);
    char *json = NULL;
    ocireg_client *client = new_client("{'plain_http':true}");
    expect_status(OCIREG_OK, ocireg_repository_tags(client, NULL, text("%s/a", peer_host(peer)), NULL, &json, &failure));
    assert_int_equal(json_length(kept(json), "tags"), 0);
    assert_int_equal(peer_count(peer), 3);
}

static const char *blob_at(struct peer *peer) {
    return text("%s/a@" RIGHT, peer_host(peer));
}

/* Every way to read a blob gives this status, and leaves no file. */
static void every_read_gives(ocireg_status wanted, struct peer *peer) {
    ocireg_client *client = plain_client();
    const char *folder = new_folder();
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    expect_status(wanted, ocireg_blob_get_memory(client, NULL, blob_at(peer), NULL, &json, &bytes, &failure));
    expect_status(wanted, ocireg_blob_get_file(client, NULL, blob_at(peer), text("%s/blob", folder), NULL, &json, &failure));
    assert_true(!bytes && !json);
    assert_int_equal(access(text("%s/blob", folder), F_OK), -1);
    if (wanted != OCIREG_NETWORK) assert_int_equal(entries_in(folder), 0);

    ocireg_blob_reader *reader = NULL;
    ocireg_status status = ocireg_blob_open(client, NULL, blob_at(peer), NULL, &reader, NULL);
    for (size_t count = 1; status == OCIREG_OK && count > 0;) {
        uint8_t buffer[100];
        status = ocireg_blob_reader_read(reader, buffer, sizeof buffer, &count, NULL);
    }
    assert_int_equal(status, wanted);
    ocireg_blob_reader_free(reader);
}

static void test_wrong_digest(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("200 OK", "Docker-Content-Digest: " RIGHT "\r\n", "wrong")};
    peer_serve(peer, &answer, 1);
    every_read_gives(OCIREG_DIGEST_MISMATCH, peer);
    expect_message(RIGHT);
}

/* Wrong once may be a broken cache: it is fetched once more. */
static void test_wrong_digest_once(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answers[] = {{.bytes = http_answer("200 OK", "", "wrong")}, {.bytes = http_answer("200 OK", "", "right")}};
    peer_serve(peer, answers, 2);
    const char *folder = new_folder(), *path = text("%s/blob", folder);
    size_t size = 0;
    expect_status(OCIREG_OK, ocireg_blob_get_file(plain_client(), NULL, blob_at(peer), path, NULL, NULL, &failure));
    assert_memory_equal(read_file(path, &size), "right", 5);
    assert_int_equal(entries_in(folder), 1);
    assert_int_equal(peer_count(peer), 2);
}

static void test_wrong_manifest(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const char *type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    const struct answer answer = {.bytes = http_answer("200 OK", type, "{\"schemaVersion\":2,\"manifests\":[]}")};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    ocireg_buffer *bytes = NULL;
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_manifest_get(plain_client(), NULL, blob_at(peer), NULL, &json, &bytes, &failure));
    expect_message(RIGHT);
    assert_true(!json && !bytes);
    assert_int_equal(peer_count(peer), 2);
}

/* A header with a digest other than that of the tag's body: one of the two is wrong, unless it happens only once. */
static void test_contradicted_digest(void **state) {
    (void)state;
    const char *type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n", *body = "{\"schemaVersion\":2,\"manifests\":[]}";
    const struct answer answers[] = {{.bytes = http_answer("200 OK", text("%sDocker-Content-Digest: " RIGHT "\r\n", type), body)},
                                     {.bytes = http_answer("200 OK", type, body)}};
    for (size_t count = 1; count <= 2; count++) {
        struct peer *peer = peer_start(answers, count);
        char *json = NULL;
        ocireg_buffer *bytes = NULL;
        ocireg_status wanted = count == 1 ? OCIREG_DIGEST_MISMATCH : OCIREG_OK;
        expect_status(wanted, ocireg_manifest_get(plain_client(), NULL, text("%s/a:t", peer_host(peer)), NULL, &json, &bytes, &failure));
        assert_int_equal(peer_count(peer), 2);
        if (count == 1) {
            expect_message("the registry says " RIGHT);
            assert_true(!json && !bytes);
        } else {
            expect_text_at(kept(json), "digest", digest_of(body, strlen(body)));
            ocireg_buffer_free(bytes);
        }
    }
}

static void test_short_body(void **state) {
    (void)state;
    const struct answer answer = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nrig"};
    every_read_gives(OCIREG_NETWORK, peer_start(&answer, 1));
    const struct answer reset = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nrig", .then = PEER_RESET};
    every_read_gives(OCIREG_NETWORK, peer_start(&reset, 1));
}

/* Without a length an early end looks like a normal one: the digest reveals it. */
static void test_short_body_without_length(void **state) {
    (void)state;
    const struct answer answer = {.bytes = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nrig"};
    every_read_gives(OCIREG_DIGEST_MISMATCH, peer_start(&answer, 1));
}

static void test_wrong_size(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("200 OK", "", "right")};
    peer_serve(peer, &answer, 1);
    const char *folder = new_folder(), *path = text("%s/blob", folder);
    static const int sizes[] = {4, 6};
    for (size_t i = 0; i < 2; i++) {
        ocireg_options *said = options("{'size':%d}", sizes[i]);
        expect_status(OCIREG_SIZE_MISMATCH, ocireg_blob_get_file(plain_client(), NULL, blob_at(peer), path, said, NULL, &failure));
        assert_int_equal(entries_in(folder), 0);
    }
    expect_status(OCIREG_OK, ocireg_blob_get_file(plain_client(), NULL, blob_at(peer), path, options("{'size':5}"), NULL, &failure));
}

/* A broken transfer continues where it stopped: in the same call, and in the next one from the hidden file. */
static void test_resume(void **state) {
    (void)state;
    const char *part = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nrig";
    const char *rest = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 3-4/5\r\nContent-Length: 2\r\nConnection: close\r\n\r\nht";
    const struct answer answers[] = {{.bytes = part}, {.bytes = rest}};
    struct peer *peer = peer_start(answers, 2);
    const char *folder = new_folder(), *path = text("%s/blob", folder);
    char *json = NULL;
    size_t size = 0;
    expect_status(OCIREG_OK, ocireg_blob_get_file(plain_client(), NULL, blob_at(peer), path, NULL, &json, &failure));
    expect_number_at(kept(json), "resumed", 0);
    assert_non_null(strcasestr(peer_request(peer, 1), "\r\nrange: bytes=3-"));
    assert_memory_equal(read_file(path, &size), "right", 5);
    assert_int_equal(unlink(path), 0);

    peer = peer_start(answers, 2);
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    expect_status(OCIREG_NETWORK, ocireg_blob_get_file(client, NULL, blob_at(peer), path, NULL, &json, &failure));
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(entries_in(folder), 1);
    expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob_at(peer), path, NULL, &json, &failure));
    expect_number_at(kept(json), "resumed", 3);
    expect_bool_at(json, "verified", true);
    assert_memory_equal(read_file(path, &size), "right", 5);
    assert_int_equal(entries_in(folder), 1);
}

/* A registry that refuses ranges is asked for the whole blob: after a break, and where an earlier call left a
 * partial file, whatever it contains. */
static void test_refused_ranges(void **state) {
    (void)state;
    static const char *const refusals[] = {"400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed", "406 Not Acceptable",
                                           "416 Range Not Satisfiable", "500 Oops", "501 Not Implemented", "503 Busy", "206 Partial Content"};
    static const char *const left[] = {"rig", "right", "wrong", "wrong and more"};
    const char *part = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nrig";
    ocireg_client *client = new_client("{'plain_http':true,'retries':1}");
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const char *refusal = http_answer(refusals[i], "", "");
        size_t tries = refusals[i][0] == '5' && refusals[i][2] != '1' ? 2 : 1, size = 0;
        const char *folder = new_folder(), *path = text("%s/blob", folder);
        struct answer answers[4] = {{.bytes = part}};
        for (size_t k = 0; k < tries; k++) answers[1 + k].bytes = refusal;
        answers[1 + tries].bytes = http_answer("200 OK", "", "right");
        expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob_at(peer_start(answers, tries + 2)), path, NULL, NULL, &failure));
        assert_memory_equal(read_file(path, &size), "right", 5);
        assert_int_equal(unlink(path), 0);

        answers[1 + tries].bytes = refusal;
        expect_status(OCIREG_NETWORK, ocireg_blob_get_file(client, NULL, blob_at(peer_start(answers, tries + 2)), path, NULL, NULL, &failure));
        assert_int_equal(entries_in(folder), 1);

        answers[1 + tries].bytes = http_answer("200 OK", "", "right");
        for (size_t k = 0; k < sizeof left / sizeof left[0]; k++) {
            write_file(text("%s/.blob.27042f4e6eca.partial", folder), left[k], strlen(left[k]));
            struct peer *peer = peer_start(answers + 1, tries + 1);
            expect_status(OCIREG_OK, ocireg_blob_get_file(client, NULL, blob_at(peer), path, NULL, NULL, &failure));
            assert_memory_equal(read_file(path, &size), "right", 5);
            assert_int_equal(entries_in(folder), 1);
            assert_int_equal(unlink(path), 0);
        }
    }
}

static ocireg_status put_right(struct peer *peer, const char *with) {
    static const uint8_t right[] = {'r', 'i', 'g', 'h', 't'};
    ocireg_client *client = new_client("{'plain_http':true,'idle_timeout_ms':500}");
    set_host(client, peer_host(peer), "{'username':'alice','password':'s3cret'}");
    char *json = NULL;
    ocireg_status status = ocireg_blob_put_memory(client, NULL, text("%s/a", peer_host(peer)), right, sizeof right, options("%s", with), &json, &failure);
    kept(json);
    return status;
}

static char *accepted(const char *more) {
    return http_answer("202 Accepted", text("Location: /v2/a/blobs/uploads/1\r\n%s", more), "");
}

/* A mount is only an attempt: whatever the response, the bytes are uploaded. */
static void test_refused_mounts(void **state) {
    (void)state;
    static const char *const refusals[] = {"302 Found", "400 Bad Request", "403 Forbidden", "404 Not Found", "405 Method Not Allowed",
                                           "500 Oops", "501 Not Implemented", "502 Bad Gateway", "503 Busy"};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct answer answers[] = {{.bytes = http_answer("404 Not Found", "", "")}, {.bytes = http_answer(refusals[i], "", "")},
                                         {.bytes = accepted("")}, {.bytes = http_answer("201 Created", "Docker-Content-Digest: " RIGHT "\r\n", "")}};
        struct peer *peer = peer_start(answers, 4);
        expect_status(OCIREG_OK, put_right(peer, "{'mount_from':['b']}"));
        assert_non_null(strstr(peer_request(peer, 1), "?mount=" RIGHT "&from=b "));
        assert_int_equal(peer_count(peer), 4);
    }
}

/* Something that answers instead of the registry is asked again, and then reported with its status. */
static void test_health_check(void **state) {
    (void)state;
    const struct answer answers[] = {{.bytes = http_answer("404 Not Found", "", "")},
                                     {.bytes = http_answer("200 OK", "Content-Type: text/plain\r\n", "Healthcheck requested")},
                                     {.bytes = accepted("")}, {.bytes = http_answer("201 Created", "Docker-Content-Digest: " RIGHT "\r\n", "")}};
    expect_status(OCIREG_OK, put_right(peer_start(answers, 4), "{}"));
    expect_status(OCIREG_PROTOCOL, put_right(peer_start(answers, 2), "{}"));
    expect_message("200");
    expect_message("Healthcheck requested");
    assert_int_equal(ocireg_error_http_status(failure), 200);
}

/* 307 takes an upload's request elsewhere, with its body and without the credentials. */
static void test_moved_uploads(void **state) {
    (void)state;
    const struct answer stored = {.bytes = http_answer("201 Created", "Docker-Content-Digest: " RIGHT "\r\n", "")};
    struct peer *other = peer_start(&stored, 1);
    char *there = text("Location: http://%s/elsewhere?x=1\r\n", peer_host(other));
    const struct answer answers[] = {{.bytes = http_answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n", "")},
                                     {.bytes = http_answer("404 Not Found", "", "")}, {.bytes = accepted("")},
                                     {.bytes = http_answer("307 Temporary Redirect", there, "")}};
    struct peer *peer = peer_start(answers, 4);
    expect_status(OCIREG_OK, put_right(peer, "{}"));
    assert_non_null(strcasestr(peer_request(peer, 3), "\r\nauthorization: basic "));
    assert_non_null(strstr(peer_request(other, 0), "PUT /elsewhere?x=1 "));
    assert_non_null(strcasestr(peer_request(other, 0), "\r\ncontent-length: 5\r\n"));
    assert_null(strcasestr(peer_request(other, 0), "\r\nauthorization:"));
}

/* A registry that keeps less than it was sent is not a success: PROTOCOL for a source that can be read only once;
 * otherwise the blob is sent again in one request. */
static void test_lost_chunks(void **state) {
    (void)state;
    const struct answer none = {.bytes = http_answer("404 Not Found", "", "")}, made = {.bytes = http_answer("201 Created", "Docker-Content-Digest: " RIGHT "\r\n", "")};
    const struct answer first = {.bytes = accepted("Range: 0-2\r\n")}, second = {.bytes = accepted("Range: 0-1\r\n")}, opened = {.bytes = accepted("")};
    const struct answer half = {.bytes = http_answer("204 No Content", "Range: 0-1\r\n", "")};
    const struct answer kept_half = {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"};
    const struct answer lies[] = {none, opened, first, {.bytes = accepted("Range: 0-4\r\n")}, made, kept_half, half, opened, made};
    struct peer *peer = peer_start(lies, 9);
    expect_status(OCIREG_OK, put_right(peer, "{'chunk_size':3}"));
    assert_non_null(strcasestr(peer_request(peer, 8), "\r\ncontent-length: 5\r\n"));

    static const uint8_t right[] = {'r', 'i', 'g', 'h', 't'};
    const struct answer shrinks[] = {opened, first, second, half, none};
    ocireg_upload *upload = NULL;
    ocireg_client *client = plain_client();
    expect_status(OCIREG_OK, ocireg_upload_start(client, NULL, text("%s/a", peer_host(peer_start(shrinks, 5))), options("{'chunk_size':3}"), &upload, &failure));
    expect_status(OCIREG_OK, ocireg_upload_write(upload, right, sizeof right, &failure));
    char *json = NULL;
    expect_status(OCIREG_PROTOCOL, ocireg_upload_finish(upload, NULL, &json, &failure));
    expect_message("2 bytes");
    ocireg_upload_free(upload);
}

/* A manifest request that stalls is repeated. */
static void test_stalled_manifest(void **state) {
    (void)state;
    const char *type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    const char *whole = http_answer("200 OK", type, "{\"schemaVersion\":2,\"manifests\":[]}");
    const struct answer answers[] = {{.bytes = whole, .size = strlen(whole) - 9, .then = PEER_SILENT}, {.bytes = whole}};
    struct peer *peer = peer_start(answers, 2);
    char *json = NULL;
    ocireg_client *client = new_client("{'plain_http':true,'idle_timeout_ms':500}");
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, text("%s/a:b", peer_host(peer)), NULL, &json, NULL, &failure));
    kept(json);
    assert_int_equal(peer_count(peer), 2);
}

static void test_large_manifest(void **state) {
    (void)state;
    const char *type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    char *spaces = text("%*s", 5000, "");
    const char *large = text("{\"schemaVersion\":2,%s\"manifests\":[]}", spaces);
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("200 OK", type, large)};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    ocireg_buffer *bytes = NULL;
    const char *reference = text("%s/a:b", peer_host(peer));
    ocireg_client *small = new_client("{'plain_http':true,'max_manifest_bytes':4000}");
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_manifest_get(small, NULL, reference, NULL, &json, &bytes, &failure));
    expect_message("4000");
    assert_true(!json && !bytes);
    expect_status(OCIREG_OK, ocireg_manifest_get(plain_client(), NULL, reference, NULL, &json, NULL, &failure));
    kept(json);

    const char *endless = text("HTTP/1.1 200 OK\r\n%sConnection: close\r\n\r\n%s", type, large);
    const struct answer without_length = {.bytes = endless};
    peer = peer_start(&without_length, 1);
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_manifest_get(small, NULL, text("%s/a:b", peer_host(peer)), NULL, &json, &bytes, &failure));
}

/* A caller that does not accept an index does not get one, even if the server ignores Accept. */
static void test_unwanted_manifests(void **state) {
    (void)state;
    static const char *const wanted[] = {"{'accept_index':false}", "{'max_schema_version':1}"};
    struct peer *peer = peer_bind();
    const char *type = "Content-Type: application/vnd.oci.image.index.v1+json\r\n";
    const struct answer answer = {.bytes = http_answer("200 OK", type, "{\"schemaVersion\":2,\"manifests\":[]}")};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    for (size_t i = 0; i < 2; i++) {
        ocireg_options *with = options("%s", wanted[i]);
        expect_status(OCIREG_INVALID_MANIFEST, ocireg_manifest_get(plain_client(), NULL, text("%s/a:b", peer_host(peer)), with, &json, NULL, &failure));
        assert_null(json);
        assert_null(strstr(strcasestr(peer_request(peer, i), "\r\naccept:"), "image.index"));
    }
}

static void test_accept(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("404 Not Found", "", "")};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    const char *reference = text("%s/a:b", peer_host(peer));
    ocireg_options *with = options("{'accept':['application/one']}");
    expect_status(OCIREG_OK, ocireg_options_add_string(with, "accept", "application/two", &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_get(plain_client(), NULL, reference, with, &json, NULL, &failure));
    assert_non_null(strcasestr(peer_request(peer, 0), "\r\naccept: application/one, application/two\r\n"));
    assert_non_null(strcasestr(peer_request(peer, 0), "\r\nuser-agent: ocireg/" OCIREG_VERSION "\r\n"));
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_get(plain_client(), NULL, reference, NULL, &json, NULL, &failure));
    assert_non_null(strstr(peer_request(peer, 1), "application/vnd.oci.image.index.v1+json"));
    assert_non_null(strstr(peer_request(peer, 1), "application/vnd.docker.distribution.manifest.v2+json"));
    ocireg_client *named = new_client("{'plain_http':true,'user_agent':'my program/2'}");
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_get(named, NULL, reference, NULL, &json, NULL, &failure));
    assert_non_null(strcasestr(peer_request(peer, 2), "\r\nuser-agent: my program/2\r\n"));
}

static void test_large_list(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("200 OK", "", text("{\"name\":\"a\",%*s\"tags\":[]}", 5000, ""))};
    peer_serve(peer, &answer, 1);
    char *json = NULL;
    ocireg_client *client = new_client("{'plain_http':true,'max_list_bytes':4000}");
    expect_status(OCIREG_LIMIT_EXCEEDED, ocireg_repository_tags(client, NULL, text("%s/a", peer_host(peer)), NULL, &json, &failure));
}

/* The status and the members of the names that a registry lists with this answer, one by one: tags, then repositories. */
static void lists(const char *headers, const char *body, ocireg_status wanted) {
    for (int catalog = 0; catalog < 2; catalog++) {
        const struct answer answer = {.bytes = http_answer("200 OK", headers, body)};
        struct peer *peer = peer_start(&answer, 1);
        char *json = NULL;
        const char *place = catalog ? peer_host(peer) : text("%s/a", peer_host(peer));
        expect_status(wanted, catalog ? ocireg_registry_catalog(plain_client(), NULL, place, NULL, &json, &failure)
                                      : ocireg_repository_tags(plain_client(), NULL, place, NULL, &json, &failure));
        if (wanted == OCIREG_OK) assert_int_equal(json_length(kept(json), catalog ? "repositories" : "tags"), 0);
        else assert_null(json);
    }
}

static void test_no_lists(void **state) {
    (void)state;
    static const char *const wrong[] = {"null", "[]", "[\"a\"]", "\"a\"", "1", "true", "", "[1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) lists("", wrong[i], OCIREG_PROTOCOL);
    static const char *const empty[] = {"{\"tags\":null,\"repositories\":null}", "{}", "{\"name\":\"a\",\"tags\":[],\"repositories\":[]}"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) lists("", empty[i], OCIREG_OK);
    static const char *const links[] = {"rel=next", "<", "</v2/a/tags/list?last=1; rel=next", "<>; rel=next", "<http://evil.example/v2/>; rel=next"};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        lists(text("Link: %s\r\n", links[i]), "{\"tags\":[\"1\"],\"repositories\":[\"1\"]}", OCIREG_PROTOCOL);
}

static void test_no_http(void **state) {
    (void)state;
    static const char *const greetings[] = {"SSH-2.0-OpenSSH_9.2\r\n", "\x15\x03\x01 nonsense\r\n\r\n", "HTTP/1.1 999999 Nonsense\r\n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        const struct answer answer = {.bytes = greetings[i]};
        struct peer *peer = peer_start(&answer, 1);
        char *json = NULL;
        expect_status(OCIREG_PROTOCOL, ocireg_registry_ping(plain_client(), NULL, peer_host(peer), NULL, &json, &failure));
        expect_message(peer_host(peer));
    }
    const struct answer html = {.bytes = http_answer("200 OK", "Content-Type: text/html\r\n", "<html></html>")};
    char *json = NULL;
    struct peer *peer = peer_start(&html, 1);
    expect_status(OCIREG_PROTOCOL, ocireg_repository_tags(plain_client(), NULL, text("%s/a", peer_host(peer)), NULL, &json, &failure));
    const struct answer nothing = {.then = PEER_CLOSE};
    peer = peer_start(&nothing, 1);
    expect_status(OCIREG_NETWORK, ocireg_repository_tags(plain_client(), NULL, text("%s/a", peer_host(peer)), NULL, &json, &failure));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_error_bodies),
        test(test_registry_error),
        test(test_retry_after),
        test(test_retried),
        test(test_wrong_digest),
        test(test_wrong_digest_once),
        test(test_wrong_manifest),
        test(test_contradicted_digest),
        test(test_short_body),
        test(test_short_body_without_length),
        test(test_wrong_size),
        test(test_resume),
        test(test_refused_ranges),
        test(test_refused_mounts),
        test(test_health_check),
        test(test_moved_uploads),
        test(test_lost_chunks),
        test(test_stalled_manifest),
        test(test_large_manifest),
        test(test_unwanted_manifests),
        test(test_accept),
        test(test_large_list),
        test(test_no_lists),
        test(test_no_http),
    };
    return run_all(tests, argc, argv);
}
