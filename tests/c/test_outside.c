/* What a program's own downloader is given: tokens, and the places of blobs and manifests; by C and by the command. */
#include "command.h"
#include "peer.h"

#include <strings.h>

/* Of the bytes "right". */
#define RIGHT "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9"
#define SIGNED "http://127.0.0.1:9/x?X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&X-Amz-Signature=SECRET"

/* Answers: a challenge, a token, and this. */
static struct peer *behind(const char *last) {
    struct peer *peer = peer_bind();
    const char *realm = text("WWW-Authenticate: Bearer realm=\"http://%s/token\",service=\"s\"\r\n", peer_host(peer));
    const struct answer answers[] = {
        {.bytes = http_answer("401 Unauthorized", realm, "")},
        {.bytes = http_answer("200 OK", "", "{\"token\":\"t1\",\"expires_in\":300,\"scope\":\"repository:a:pull\"}")},
        {.bytes = last},
    };
    peer_serve(peer, answers, 3);
    return peer;
}

static ocireg_client *alice(struct peer *peer) {
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    set_host(client, peer_host(peer), "{'plain_http':true,'username':'alice','password':'SECRET','headers':['X-Key: k']}");
    return client;
}

static void test_token(void **state) {
    (void)state;
    struct peer *peer = behind(http_answer("500 Internal Server Error", "", ""));
    ocireg_client *client = alice(peer);
    const char *place = text("%s/a", peer_host(peer));
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_token(client, NULL, place, options("{'actions':'pull,push'}"), &json, &failure));
    expect_text_at(kept(json), "header/name", "Authorization");
    expect_text_at(json, "header/value", "Bearer t1");
    expect_text_at(json, "token", "t1");
    expect_text_at(json, "scopes/0", "repository:a:pull,push");
    expect_text_at(json, "granted/0", "repository:a:pull");
    expect_text_at(json, "username", "alice");
    expect_bool_at(json, "cached", false);
    expect_shape(json, "registry:string repository:string auth:string header:object reason:string? expires:string expires_in:number "
                       "token_server:string service:string credentials:string");
    assert_null(strcasestr(peer_request(peer, 0), "authorization"));
    assert_non_null(strcasestr(peer_request(peer, 1), "authorization: basic "));
    expect_status(OCIREG_OK, ocireg_token(client, NULL, place, NULL, &json, &failure));
    expect_bool_at(kept(json), "cached", true);
    assert_int_equal(peer_count(peer), 2);
    /* There is no other one: the token server fails. */
    expect_status(OCIREG_SERVER, ocireg_token(client, NULL, place, options("{'refused':'Bearer t1'}"), &json, &failure));
    assert_null(json);
    assert_null(strstr(ocireg_error_json(failure), "t1"));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_token(client, NULL, place, options("{'actions':'pull push'}"), &json, &failure));
    expect_message("actions");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_token(client, NULL, "h/A", NULL, &json, &failure));
}

static void test_locate(void **state) {
    (void)state;
    struct peer *peer = behind(http_answer("307 Temporary Redirect", "Location: " SIGNED "\r\n", ""));
    ocireg_client *client = alice(peer);
    const char *place = text("%s/a@" RIGHT, peer_host(peer)), *own = text("http://%s/v2/a/blobs/" RIGHT, peer_host(peer));
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_blob_locate(client, NULL, place, NULL, &json, &failure));
    expect_text_at(kept(json), "digest", RIGHT);
    expect_shape(json, "reference:string repository:string size:number? mediaType:string? locations:array");
    expect_text_at(json, "repository", text("%s/a", peer_host(peer)));
    expect_text_at(json, "locations/0/url", SIGNED);
    expect_text_at(json, "locations/0/expires", "2026-01-02T03:05:05Z");
    expect_bool_at(json, "locations/0/redirected", true);
    expect_text_at(json, "locations/1/url", own);
    expect_text_at(json, "locations/1/headers/Authorization", "Bearer t1");
    expect_text_at(json, "locations/1/headers/X-Key", "k");
    expect_bool_at(json, "locations/1/redirected", false);
    ocireg_json *found = NULL;
    expect_status(OCIREG_OK, ocireg_json_parse(json, &found, &failure));
    assert_int_equal(ocireg_json_size(found, "/locations"), 2);
    assert_int_equal(ocireg_json_size(found, "/locations/0/headers"), 0);
    ocireg_json_free(found);
    assert_non_null(strcasestr(peer_request(peer, 2), "range: bytes=0-0"));
    assert_int_equal(peer_count(peer), 3);
    expect_status(OCIREG_OK, ocireg_blob_locate(client, NULL, place, options("{'follow':false}"), &json, &failure));
    expect_text_at(kept(json), "locations/0/url", own);
    assert_int_equal(peer_count(peer), 3);
    expect_status(OCIREG_OK, ocireg_manifest_locate(client, NULL, text("%s/a:1", peer_host(peer)), NULL, &json, &failure));
    expect_text_at(kept(json), "locations/0/url", text("http://%s/v2/a/manifests/1", peer_host(peer)));
    expect_text_at(json, "repository", text("%s/a", peer_host(peer)));
    assert_non_null(strstr(keep(json_string_at(json, "locations/0/headers/Accept"), free), "application/vnd.oci.image.manifest.v1+json"));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_blob_locate(client, NULL, "h/a:1", NULL, &json, &failure));
}

/* Nothing is said of a place that a server must not name. */
static void test_hostile_place(void **state) {
    (void)state;
    struct peer *peer = behind(http_answer("307 Temporary Redirect", "Location: http://169.254.169.254/?token=SECRET\r\n", ""));
    char *json = NULL;
    expect_status(OCIREG_REDIRECT, ocireg_blob_locate(alice(peer), NULL, text("%s/a@" RIGHT, peer_host(peer)), NULL, &json, &failure));
    expect_message("link-local");
    assert_null(strstr(ocireg_error_json(failure), "SECRET"));
}

static void test_commands(void **state) {
    (void)state;
    folder = new_folder();
    struct peer *peer = behind(http_answer("206 Partial Content", "Content-Range: bytes 0-0/5\r\n", "r"));
    char *said = NULL;
    expect_run(text("--plain-http token %s/a --header", peer_host(peer)), &said);
    assert_string_equal(said, "Authorization: Bearer t1\n");
    peer = behind(http_answer("206 Partial Content", "Content-Range: bytes 0-0/5\r\n", "r"));
    expect_run(text("--plain-http token %s/a --actions pull,push --scope repository:b:pull --format {/token}", peer_host(peer)), &said);
    assert_string_equal(said, "t1\n");
    assert_non_null(strstr(peer_request(peer, 1), "scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull"));
    peer = behind(http_answer("206 Partial Content", "Content-Range: bytes 0-0/5\r\n", "r"));
    expect_run(text("--plain-http -vv blob locate %s/a@" RIGHT, peer_host(peer)), &said);
    expect_number_at(said, "size", 5);
    expect_text_at(said, "locations/0/headers/Authorization", "Bearer t1");
    assert_null(strstr(errors_said(), "Bearer t1"));
    peer = behind(http_answer("200 OK", "Content-Type: application/vnd.oci.image.index.v1+json\r\n", "{}"));
    expect_run(text("--plain-http manifest locate %s/a --no-follow", peer_host(peer)), &said);
    expect_text_at(said, "locations/0/url", text("http://%s/v2/a/manifests/latest", peer_host(peer)));
    /* Where nothing is asked for, curl gets no header, and people the reason. */
    const struct answer open = {.bytes = http_answer("200 OK", "", "{}")};
    peer = peer_start(&open, 1);
    expect_run(text("--plain-http token %s/a --header", peer_host(peer)), &said);
    assert_string_equal(said, "");
    assert_non_null(strstr(errors_said(), "asks for no credentials"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_token), test(test_locate), test(test_hostile_place), test(test_commands)};
    return run_all(tests, argc, argv);
}
