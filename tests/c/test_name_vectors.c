/* The tables of names of the four earlier clients: what each of them made of a name, this library does too. Strings
 * that one of them accepted although they are not names are refused here. */
#include "common.h"

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_indexes(void **state) {
    (void)state;
    static const struct {
        const char *text, *name;
        bool official;
        const char *scheme;
    } good[] = {
        {"", "docker.io", true, NULL}, {"docker.io", "docker.io", true, NULL}, {"index.docker.io", "docker.io", true, NULL},
        {"docker.io/", "docker.io", true, NULL}, {"https://index.docker.io/v1/", "docker.io", true, NULL},
        {"https://docker.io", "docker.io", true, "https"}, {"https://index.docker.io", "docker.io", true, "https"},
        {"quay.io", "quay.io", false, NULL}, {"https://quay.io", "quay.io", false, "https"}, {"http://quay.io", "quay.io", false, "http"},
        {"localhost", "localhost", false, NULL}, {"localhost:5000", "localhost:5000", false, NULL},
        {"http://localhost", "localhost", false, "http"}, {"foo:5000", "foo:5000", false, NULL},
        {"[::1]:5000", "[::1]:5000", false, NULL}, {"registry-1.docker.io", "registry-1.docker.io", false, NULL},
        {"localhost/", "localhost", false, NULL}, {"http://localhost/", "localhost", false, "http"},
    };
    char *json = NULL;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        expect_status(OCIREG_OK, ocireg_index_parse(good[i].text, &json, &failure));
        expect_text_at(kept(json), "name", good[i].name);
        expect_bool_at(json, "official", good[i].official);
        if (good[i].scheme) expect_text_at(json, "scheme", good[i].scheme);
        else assert_int_equal(json_kind_at(json, "scheme"), JSON_NULL);
    }
    static const char *const bad[][2] = {
        {"http://docker.io", "disallowed"}, {"http://index.docker.io", "disallowed"}, {"https://", "empty"}, {"foo", "look"},
        {"https://foo", "look"}, {"docker.io/foo", "trailing repo"}, {"docker.io//", "trailing repo"},
        {"https://index.docker.io/v1", "trailing repo"}, {"http://index.docker.io/v1", "trailing repo"}, {"ftp://x.io", "scheme"},
        {"HTTP://x.io", "scheme"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_index_parse(bad[i][0], &json, &failure));
        expect_message(bad[i][1]);
    }
}

static void test_repositories(void **state) {
    (void)state;
    static const struct {
        const char *text, *with;
        bool official;
        const char *remote, *local, *canonical, *index, *scheme;
    } good[] = {
        {"mongo", NULL, true, "library/mongo", "mongo", "docker.io/mongo", "docker.io", NULL},
        {"docker.io/mongo", NULL, true, "library/mongo", "mongo", "docker.io/mongo", "docker.io", NULL},
        {"index.docker.io/mongo", NULL, true, "library/mongo", "mongo", "docker.io/mongo", "docker.io", NULL},
        {"docker.io/library/mongo", NULL, true, "library/mongo", "mongo", "docker.io/mongo", "docker.io", NULL},
        {"library/mongo", NULL, true, "library/mongo", "mongo", "docker.io/mongo", "docker.io", NULL},
        {"google/python", NULL, false, "google/python", "google/python", "docker.io/google/python", "docker.io", NULL},
        {"foo/bar/baz", NULL, false, "foo/bar/baz", "foo/bar/baz", "docker.io/foo/bar/baz", "docker.io", NULL},
        {"localhost:5000/blarg", NULL, false, "blarg", "localhost:5000/blarg", "localhost:5000/blarg", "localhost:5000", NULL},
        {"localhost/foo/bar", NULL, false, "foo/bar", "localhost/foo/bar", "localhost/foo/bar", "localhost", NULL},
        {"myreg.example.com:5000/busybox", NULL, false, "busybox", "myreg.example.com:5000/busybox", "myreg.example.com:5000/busybox",
         "myreg.example.com:5000", NULL},
        {"https://quay.io/trentm/foo", NULL, false, "trentm/foo", "quay.io/trentm/foo", "quay.io/trentm/foo", "quay.io", "https"},
        {"registry.gitlab.com/user.name/repo-a/repo-b", NULL, false, "user.name/repo-a/repo-b", "registry.gitlab.com/user.name/repo-a/repo-b",
         "registry.gitlab.com/user.name/repo-a/repo-b", "registry.gitlab.com", NULL},
        {"foo/bar", "docker.io", false, "foo/bar", "foo/bar", "docker.io/foo/bar", "docker.io", NULL},
        {"foo/bar", "https://myreg.example.com:1234", false, "foo/bar", "myreg.example.com:1234/foo/bar", "myreg.example.com:1234/foo/bar",
         "myreg.example.com:1234", "https"},
        {"foo", "https://myreg.example.com:1234", false, "foo", "myreg.example.com:1234/foo", "myreg.example.com:1234/foo",
         "myreg.example.com:1234", "https"},
        {"quay.io/foo/bar", "https://myreg.example.com:1234", false, "foo/bar", "quay.io/foo/bar", "quay.io/foo/bar", "quay.io", NULL},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ocireg_options *with = good[i].with ? options("{'default_index':'%s'}", good[i].with) : NULL;
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_reference_parse(good[i].text, with, &json, &failure));
        expect_bool_at(kept(json), "official", good[i].official);
        expect_text_at(json, "remote_name", good[i].remote);
        expect_text_at(json, "local_name", good[i].local);
        expect_text_at(json, "canonical_name", good[i].canonical);
        expect_text_at(json, "index/name", good[i].index);
        if (good[i].scheme) expect_text_at(json, "index/scheme", good[i].scheme);
        else assert_int_equal(json_kind_at(json, "index/scheme"), JSON_NULL);
    }
    static const char *const bad[][2] = {
        {"registry.gitlab.com/user@name/repo-a/repo-b", NULL}, {"UPPER/foo", "invalid repository namespace"},
        {"localhost:5000/a:b/c", "invalid repository"}, {"ns/UPPER", "invalid repository name"}, {"user@name", NULL},
        {"repo name", "invalid repository name"}, {"quay.io//x", "empty"}, {"foo--bar/baz", "two hyphens"},
        {"-foo-/bar", "begin and end"}, {"https://quay.io", "/REPO"}, {"http://docker.io/foo", "disallowed"},
        {"ftp://quay.io/foo", "scheme"}, {"https://foo/bar", "look"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *json = NULL;
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_reference_parse(bad[i][0], NULL, &json, &failure));
        if (bad[i][1]) expect_message(bad[i][1]);
    }
}

static void test_references(void **state) {
    (void)state;
    static const struct {
        const char *text, *tag, *digest, *canonical;
    } good[] = {
        {"busybox", "latest", NULL, "docker.io/busybox:latest"},
        {"docker.io/ubuntu", "latest", NULL, "docker.io/ubuntu:latest"},
        {"google/python", "latest", NULL, "docker.io/google/python:latest"},
        {"localhost:5000/blarg", "latest", NULL, "localhost:5000/blarg:latest"},
        {"https://quay.io/trentm/foo", "latest", NULL, "quay.io/trentm/foo:latest"},
        {"localhost:5000/blarg:mytag", "mytag", NULL, "localhost:5000/blarg:mytag"},
        {"http://localhost:5000/blarg:latest", "latest", NULL, "localhost:5000/blarg:latest"},
        {"localhost:5000/blarg@" DIGEST, NULL, DIGEST, "localhost:5000/blarg@" DIGEST},
        {"alpine@" DIGEST, NULL, DIGEST, "docker.io/alpine@" DIGEST},
        {"localhost:5000/blarg:mytag@" DIGEST, "mytag", DIGEST, "localhost:5000/blarg:mytag@" DIGEST},
        {"google/python:3.3@" DIGEST, "3.3", DIGEST, "docker.io/google/python:3.3@" DIGEST},
        {"localhost:5000", "5000", NULL, "docker.io/localhost:5000"},
    };
    char *json = NULL;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        expect_status(OCIREG_OK, ocireg_reference_parse(good[i].text, NULL, &json, &failure));
        kept(json);
        if (good[i].tag) expect_text_at(json, "tag", good[i].tag);
        else assert_int_equal(json_kind_at(json, "tag"), JSON_NULL);
        if (good[i].digest) expect_text_at(json, "digest", good[i].digest);
        else assert_int_equal(json_kind_at(json, "digest"), JSON_NULL);
        expect_text_at(json, "canonical_ref", good[i].canonical);
    }
    static const char *const bad[] = {
        "busybox:", "busybox@", "busybox@notadigest", "user@name/foo", "busybox:BAD TAG", "", "quay.io/", "foo/", "..", "foo/..",
        "localhost:5000/blarg@sha256:cafebabe", "google/python:3.3@sha256:fb9f",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_status(OCIREG_INVALID_REFERENCE, ocireg_reference_parse(bad[i], NULL, &json, &failure));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {test(test_indexes), test(test_repositories), test(test_references)};
    return run_all(tests, argc, argv);
}
