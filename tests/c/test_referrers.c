/* Referrers, single tags, several tags at once, warnings and rate limits: every documented field, and bad input. */
#include "common.h"
#include "peer.h"

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define INDEX "application/vnd.oci.image.index.v1+json"
#define SIGNATURE "application/x.signature"
#define JSON(type) "Content-Type: " type "\r\n"

/* distribution and crane's registry have no referrers API; the last one has. */
static const char *const registries[] = {"OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_GGCR", "OCIREG_TEST_REFERRERS"};
enum { REGISTRIES = sizeof registries / sizeof registries[0], WITH_API = REGISTRIES - 1 };

/* A manifest with another one as its subject. */
static char *referrer_of(const char *manifest, int number) {
    const char *empty = text("{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"%s\",\"size\":2}", digest_of("{}", 2));
    return text("{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"artifactType\":\"" SIGNATURE "\",\"config\":%s,\"layers\":[%s],"
                "\"subject\":{\"mediaType\":\"" MANIFEST "\",\"digest\":\"%s\",\"size\":%zu},\"annotations\":{\"number\":\"%d\"}}",
                empty, empty, digest_of(manifest, strlen(manifest)), strlen(manifest), number);
}

static char *put(ocireg_client *client, const char *reference, const char *manifest, ocireg_options *with) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_put(client, NULL, reference, (const uint8_t *)manifest, strlen(manifest), with, &json, &failure));
    return kept(json);
}

static char *pinned(const char *place, const char *manifest) {
    return blob_reference(place, manifest, strlen(manifest));
}

static char *list(ocireg_client *client, const char *reference, ocireg_options *with) {
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_referrers(client, NULL, reference, with, &json, &failure));
    expect_shape(kept(json), "subject:string referrers:array source:string filters_applied:array truncated:bool");
    return json;
}

static void check_entry(const char *json, const char *manifest, const char *type) {
    expect_text_at(json, "referrers/0/mediaType", MANIFEST);
    expect_text_at(json, "referrers/0/digest", digest_of(manifest, strlen(manifest)));
    expect_number_at(json, "referrers/0/size", (long long)strlen(manifest));
    expect_text_at(json, "referrers/0/artifactType", type);
    expect_text_at(json, "referrers/0/annotations/number", "1");
}

static void test_referrers(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "referrers"), *image = put_image(client, place, "one", 1);
        const char *first = referrer_of(image, 1), *second = referrer_of(image, 2), *image_digest = digest_of(image, strlen(image));
        /* go-containerregistry's API reports the config's type, distribution's tag has what this library wrote. */
        const char *type = i == WITH_API ? "application/vnd.oci.empty.v1+json" : SIGNATURE;
        char *json;
        put_blob(client, place, "{}", 2);
        json = list(client, pinned(place, image), NULL);
        expect_text_at(json, "source", i == WITH_API ? "api" : "none");
        assert_int_equal(json_length(json, "referrers"), 0);

        json = put(client, pinned(place, first), first, NULL);
        expect_shape(json, "digest:string size:number mediaType:string location:string? tags:array subject:string referrers:string");
        expect_text_at(json, "subject", image_digest);
        expect_text_at(json, "referrers", "tag"); /* none of them sends OCI-Subject */
        assert_int_equal(json_length(json, "tags"), 0);

        json = list(client, pinned(place, image), options("{'artifact_type':'%s','annotations':['number=1']}", type));
        expect_text_at(json, "source", i == WITH_API ? "api" : "tag");
        expect_text_at(json, "subject", image_digest);
        expect_bool_at(json, "truncated", false);
        assert_int_equal(json_length(json, "filters_applied"), 0);
        assert_int_equal(json_length(json, "referrers"), 1);
        check_entry(json, first, type);

        put(client, text("%s:second", place), second, NULL);
        json = list(client, text("%s:one", place), NULL); /* by tag */
        assert_int_equal(json_length(json, "referrers"), 2);
        json = list(client, pinned(place, image), options("{'max':1}"));
        assert_int_equal(json_length(json, "referrers"), 1);
        expect_bool_at(json, "truncated", true);
        json = list(client, pinned(place, image), options("{'artifact_type':'application/other'}"));
        assert_int_equal(json_length(json, "referrers"), 0);
        json = list(client, pinned(place, image), options("{'annotations':['nothing']}"));
        assert_int_equal(json_length(json, "referrers"), 0);
    }
}

static void test_delete_with_subject(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "subject"), *image = put_image(client, place, "one", 2);
        const char *first = referrer_of(image, 1), *second = referrer_of(image, 2);
        char *json = NULL;
        put_blob(client, place, "{}", 2);
        put(client, pinned(place, first), first, NULL);
        json = put(client, pinned(place, second), second, options("{'referrers_tag':false}"));
        expect_text_at(json, "referrers", "none");
        expect_status(OCIREG_OK, ocireg_manifest_delete(client, NULL, pinned(place, first), NULL, &json, &failure));
        expect_shape(kept(json), "status:number subject:string? referrers:string?");
        expect_number_at(json, "status", 202);
        if (i != WITH_API) {
            expect_text_at(json, "subject", digest_of(image, strlen(image)));
            expect_text_at(json, "referrers", "tag");
        } else {
            assert_int_equal(json_kind_at(json, "subject"), JSON_NULL);
        }
        json = list(client, pinned(place, image), NULL);
        assert_int_equal(json_length(json, "referrers"), i == WITH_API ? 1 : 0);
        expect_status(OCIREG_OK, ocireg_manifest_delete(client, NULL, pinned(place, second), options("{'referrers_tag':false}"), &json, &failure));
        assert_int_equal(json_kind_at(kept(json), "referrers"), JSON_NULL);
    }
}

static void test_several_tags(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "tags"), *image = put_image(client, place, "one", 3);
        char *json = put(client, pinned(place, image), image, options("{'tags':['two','three','two']}"));
        assert_int_equal(json_length(json, "tags"), 2);
        expect_text_at(json, "tags/0", "two");
        expect_text_at(json, "tags/1", "three");
        assert_int_equal(json_kind_at(json, "subject"), JSON_NULL);
        assert_int_equal(json_kind_at(json, "referrers"), JSON_NULL);
        json = put(client, text("%s:four", place), image, NULL);
        expect_text_at(json, "tags/0", "four");
        static const char *const tags[] = {"two", "three", "four"};
        for (size_t k = 0; k < 3; k++) {
            expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, text("%s:%s", place, tags[k]), NULL, &json, &failure));
            expect_text_at(kept(json), "digest", digest_of(image, strlen(image)));
        }
    }
}

static void test_tag_delete(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        ocireg_client *client = client_of(registries[i]);
        const char *place = repository(registries[i], "untag"), *image = put_image(client, place, "one", 4), *tag = text("%s:one", place);
        bool can = i != 0; /* distribution 2.8 cannot delete a tag */
        char *json = NULL;
        put(client, text("%s:two", place), image, NULL);
        if (!can) {
            expect_status(OCIREG_UNSUPPORTED, ocireg_tag_delete(client, NULL, tag, options("{'list_others':true}"), &json, &failure));
            expect_message("also that of two");
            assert_null(json);
        }
        ocireg_options *with = can ? options("{'list_others':true}") : options("{'list_others':true,'replace':true}");
        expect_status(OCIREG_OK, ocireg_tag_delete(client, NULL, tag, with, &json, &failure));
        expect_shape(kept(json), "tag:string digest:string status:number manifest:string replaced:bool other_tags:array");
        expect_text_at(json, "tag", "one");
        expect_text_at(json, "digest", digest_of(image, strlen(image)));
        expect_number_at(json, "status", 202);
        expect_text_at(json, "manifest", "kept");
        expect_bool_at(json, "replaced", !can);
        expect_text_at(json, "other_tags/0", "two");
        expect_status(OCIREG_NOT_FOUND, ocireg_manifest_head(client, NULL, tag, NULL, &json, &failure));
        expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, text("%s:two", place), NULL, &json, &failure));
        kept(json);
        expect_status(OCIREG_NOT_FOUND, ocireg_tag_delete(client, NULL, tag, NULL, &json, &failure));
        with = can ? NULL : options("{'replace':true}");
        expect_status(OCIREG_OK, ocireg_tag_delete(client, NULL, text("%s:two", place), with, &json, &failure));
        assert_int_equal(json_kind_at(kept(json), "other_tags"), JSON_MISSING);
    }
}

/* After a refused HEAD, the error is that of the GET. */
static void test_reasons(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *place = repository("OCIREG_TEST_V3", "reasons");
    char *json = NULL;
    put_image(client, place, "one", 5);
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_head(client, NULL, text("%s:two", place), NULL, &json, &failure));
    expect_text_at(ocireg_error_json(failure), "registry_errors/0/code", "MANIFEST_UNKNOWN");
    expect_message("no such tag or digest");
    ocireg_client *nobody = new_client(NULL);
    set_host(nobody, env("OCIREG_TEST_HTPASSWD"), "{'plain_http':true}");
    expect_status(OCIREG_UNAUTHENTICATED, ocireg_manifest_head(nobody, NULL, text("%s/a:b", env("OCIREG_TEST_HTPASSWD")), NULL, &json, &failure));
    expect_text_at(ocireg_error_json(failure), "registry_errors/0/code", "UNAUTHORIZED");
    expect_message("log in to");
    assert_null(json);
}

static void test_bad_input(void **state) {
    (void)state;
    ocireg_client *client = client_of("OCIREG_TEST_V2");
    const char *place = repository("OCIREG_TEST_V2", "bad"), *blob = blob_reference(place, "x", 1);
    static const char *const bad[] = {"{'max':0}", "{'max':-1}", "{'artifact_type':''}", "{'annotations':['=x']}", "{'artifact_typ':'x'}"};
    static const char *const says[] = {"max", "max", "artifact_type", "annotations", "artifact_typ"};
    char *json = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_referrers(client, NULL, blob, options("%s", bad[i]), &json, &failure));
        expect_message(says[i]);
    }
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_referrers(client, NULL, "UPPER/x", NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_referrers(client, NULL, text("%s@sha256:x", place), NULL, &json, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_referrers(client, NULL, text("%s:none", place), NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_tag_delete(client, NULL, blob, NULL, &json, &failure));
    expect_message("no tag");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_tag_delete(client, NULL, text("%s:-x", place), NULL, &json, &failure));
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_tag_delete(client, NULL, text("%s:x", place), options("{'others':true}"), &json, &failure));
    const char *image = put_image(client, place, "one", 6);
    expect_status(OCIREG_DIGEST_MISMATCH, ocireg_tag_delete(client, NULL, text("%s:one@%s", place, digest_of("x", 1)), NULL, &json, &failure));
    ocireg_options *with = options("{'tags':['a b']}");
    expect_status(OCIREG_INVALID_ARGUMENT,
                  ocireg_manifest_put(client, NULL, pinned(place, image), (const uint8_t *)image, strlen(image), with, &json, &failure));
    expect_message("a b");
    assert_null(json);
}

/* Things that none of these registries does: pages, filters, OCI-Subject. */
static void test_scripted_registry(void **state) {
    (void)state;
    const char *entry = text("{\"mediaType\":\"" MANIFEST "\",\"digest\":\"%s\",\"size\":1,\"artifactType\":\"a/x\"}", digest_of("1", 1));
    const char *other = text("{\"mediaType\":\"" MANIFEST "\",\"digest\":\"%s\",\"size\":1,\"artifactType\":\"a/y\"}", digest_of("2", 1));
    const char *page = "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":[%s]}";
    const char *link = JSON(INDEX) "Link: <?page=2>; rel=\"next\"\r\nOCI-Filters-Applied: artifactType\r\n";
    const struct answer answers[] = {
        {.bytes = http_answer("200 OK", link, text(page, entry))},
        {.bytes = http_answer("200 OK", JSON(INDEX), text(page, other))},
        {.bytes = http_answer("200 OK", JSON(INDEX), "{\"schemaVersion\":2,\"manifests\":[{}]}")},
    };
    struct peer *peer = peer_start(answers, 3);
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    const char *reference = text("%s/a@%s", peer_host(peer), digest_of("x", 1));
    char *json = list(client, reference, options("{'artifact_type':'a/x'}"));
    assert_int_equal(json_length(json, "referrers"), 1);
    expect_text_at(json, "filters_applied/0", "artifactType");
    assert_non_null(strstr(peer_request(peer, 0), "?artifactType=a%2Fx "));
    expect_status(OCIREG_PROTOCOL, ocireg_referrers(client, NULL, reference, NULL, &json, &failure));
    assert_null(json);

    const char *manifest = referrer_of("image", 1);
    struct peer *api = peer_bind();
    char *named = text("OCI-Subject: %s\r\nDocker-Content-Digest: %s\r\n", digest_of("image", 5), digest_of(manifest, strlen(manifest)));
    const struct answer created = {.bytes = http_answer("201 Created", named, "")};
    peer_serve(api, &created, 1);
    json = put(client, text("%s/a:t", peer_host(api)), manifest, NULL);
    expect_text_at(json, "referrers", "api");
    /* By digest first: the tag comes when everything else is done. */
    assert_int_equal(peer_count(api), 2);
}

/* The referrers tag may resolve to the subject itself, or to anything else: then nothing refers to the subject. */
static void test_no_list(void **state) {
    (void)state;
    static const char image[] = "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST "\",\"config\":{},\"layers\":[]}";
    static const char null[] = "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":null}";
    static const struct {
        const char *subject, *body, *source;
    } cases[] = {{image, image, "none"}, {null, null, "none"}, {null, image, "none"}, {image, null, "tag"},
                 {image, "<html>", "none"}, {image, "", "none"}, {image, "null", "none"}, {image, "[]", "none"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct answer answers[] = {{.bytes = http_answer("404 Not Found", "", "")}, {.bytes = http_answer("200 OK", "", cases[i].body)}};
        struct peer *peer = peer_start(answers, 2);
        char *json = list(new_client("{'plain_http':true}"), pinned(text("%s/a", peer_host(peer)), cases[i].subject), NULL);
        assert_int_equal(json_length(json, "referrers"), 0);
        expect_text_at(json, "source", cases[i].source);
        assert_int_equal(peer_count(peer), 2);
    }
}

/* As GitLab does: the tag returns the image itself. A copy with referrers continues. */
static void test_copy_without_list(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_V3", "no-list"), *folder = new_folder();
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    const char *image = put_image(client, place, "one", 9), *digest = digest_of(image, strlen(image));
    put(client, text("%s:sha256-%s", place, digest + strlen("sha256:")), image, NULL);
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_copy(client, NULL, text("%s:one", place), text("oci:%s/copy:one", folder), options("{'referrers':true}"), &json, &failure));
    expect_text_at(kept(json), "digest", digest);
    expect_number_at(json, "manifests/referrers", 0);
}

static void test_warnings(void **state) {
    (void)state;
    ocireg_context *context = new_context();
    ocireg_client *client = client_of("OCIREG_TEST_REFERRERS");
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_warnings(context, &json, &failure));
    assert_string_equal(kept(json), "[]");
    for (int i = 0; i < 2; i++) {
        expect_status(OCIREG_OK, ocireg_registry_ping(client, context, env("OCIREG_TEST_REFERRERS"), NULL, &json, &failure));
        kept(json);
    }
    expect_status(OCIREG_OK, ocireg_context_warnings(context, &json, &failure));
    assert_int_equal(json_length(kept(json), ""), 1);
    expect_text_at(json, "0/host", env("OCIREG_TEST_REFERRERS"));
    expect_text_at(json, "0/text", "this registry forgets everything");
}

static int32_t count_warnings(void *userdata, const char *event) {
    char *kind = json_string_at(event, "event");
    if (kind && strcmp(kind, "warning") == 0) {
        expect_shape(event, "event:string host:string text:string");
        expect_text_at(event, "text", "a \"b\"");
        ++*(int *)userdata;
    }
    free(kind);
    return 0;
}

static void test_warning_event(void **state) {
    (void)state;
    struct peer *peer = peer_bind();
    const struct answer answer = {.bytes = http_answer("404 Not Found", "Warning: 299 - \"a \\\"b\\\"\"\r\nWarning: 214 - \"no\"\r\n", "")};
    peer_serve(peer, &answer, 1);
    ocireg_context *context = new_context();
    int count = 0;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_context_set_log(context, count_warnings, &count, &failure));
    expect_status(OCIREG_NOT_FOUND, ocireg_manifest_get(new_client("{'plain_http':true}"), context, text("%s/a:b", peer_host(peer)), NULL, &json, NULL, &failure));
    assert_int_equal(count, 1);
}

static void check_limit(const char *json) {
    expect_shape(json, "limit:number? remaining:number? window_seconds:number? source:string?");
    expect_number_at(json, "limit", 100);
    expect_number_at(json, "remaining", 76);
    expect_number_at(json, "window_seconds", 21600);
    expect_text_at(json, "source", "192.0.2.1");
}

/* The JSON of a member, which must be an object. */
static void check_limit_of(const char *json) {
    check_limit(json_at(json, "rate_limit"));
}

static void test_rate_limit(void **state) {
    (void)state;
    const char *limits = "RateLimit-Limit: 100;w=21600\r\nRateLimit-Remaining: 76;w=21600\r\nDocker-RateLimit-Source: 192.0.2.1\r\n";
    const char *index = "{\"schemaVersion\":2,\"manifests\":[]}";
    const char *head = text("%s" JSON(INDEX) "Docker-Content-Digest: %s\r\n", limits, digest_of(index, strlen(index)));
    const struct answer answers[] = {
        {.bytes = http_answer("200 OK", head, index)},
        {.bytes = text("HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n", head, strlen(index))},
        {.bytes = http_answer("429 Too Many Requests", limits, "")},
        {.bytes = http_answer("200 OK", JSON(INDEX), index)},
    };
    struct peer *peer = peer_start(answers, 4);
    ocireg_client *client = new_client("{'plain_http':true,'retries':0}");
    const char *reference = text("%s/a:b", peer_host(peer));
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, reference, NULL, &json, NULL, &failure));
    check_limit_of(kept(json));
    expect_status(OCIREG_OK, ocireg_manifest_head(client, NULL, reference, NULL, &json, &failure));
    check_limit_of(kept(json));
    expect_status(OCIREG_RATE_LIMITED, ocireg_manifest_get(client, NULL, reference, NULL, &json, NULL, &failure));
    check_limit_of(ocireg_error_json(failure));
    expect_status(OCIREG_OK, ocireg_manifest_get(client, NULL, reference, NULL, &json, NULL, &failure));
    assert_int_equal(json_kind_at(kept(json), "rate_limit"), JSON_NULL);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_referrers),     test(test_delete_with_subject), test(test_several_tags), test(test_tag_delete),
        test(test_reasons),       test(test_bad_input),           test(test_scripted_registry), test(test_no_list),
        test(test_copy_without_list), test(test_warnings),        test(test_warning_event), test(test_rate_limit),
    };
    return run_all(tests, argc, argv);
}
