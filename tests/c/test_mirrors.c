/* Mirrors: by option, from C and from the command line. */
#include "command.h"
#include "common.h"
#include "peer.h"

#include <strings.h>

/* Of the bytes "right". */
#define RIGHT "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9"

/* A client whose registry has these mirrors, which are given as a C program gives them. */
static ocireg_client *client_with(const char *host, const char *const *mirrors, size_t count, bool only) {
    ocireg_client *client = new_client("{'plain_http':true,'retries':1}");
    ocireg_options *with = options("{'username':'alice','password':'of-the-registry'}");
    for (size_t i = 0; i < count; i++)
        expect_status(OCIREG_OK, ocireg_options_add_string(with, OCIREG_OPT_MIRRORS, mirrors[i], &failure));
    expect_status(OCIREG_OK, ocireg_options_set_bool(with, OCIREG_OPT_MIRRORS_ONLY, only, &failure));
    expect_status(OCIREG_OK, ocireg_client_set_host(client, host, with, &failure));
    return client;
}

/* One is down, one has it not, the third has it; the registry is not asked, and its password is nowhere. */
static void test_mirrors_in_turn(void **state) {
    (void)state;
    const struct answer lacks = {.bytes = http_answer("404 Not Found", "", "")}, has = {.bytes = http_answer("200 OK", "", "right")};
    struct peer *registry = peer_start(&has, 1), *second = peer_start(&lacks, 1), *third = peer_start(&has, 1);
    const char *mirrors[] = {closed_port(), peer_host(second), text("http://%s/proxy", peer_host(third))};
    ocireg_client *client = client_with(peer_host(registry), mirrors, 3, false);
    const char *blob = text("%s/a@" RIGHT, peer_host(registry));
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob, NULL, &json, &bytes, &failure));
    ocireg_buffer_free(bytes);
    expect_text_at(kept(json), "served_by", peer_host(third));
    assert_int_equal(strncmp(peer_request(third, 0), "GET /v2/proxy/a/blobs/" RIGHT " ", 90), 0);
    assert_null(strcasestr(peer_request(third, 0), "authorization"));
    assert_int_equal(peer_count(registry), 0);

    json = NULL;
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, blob, NULL, &json, &failure));
    expect_text_at(kept(json), "endpoints/1/host", peer_host(second));
    expect_text_at(json, "endpoints/2/repository", "proxy/a");
    expect_text_at(json, "endpoints/3/credentials/username", "alice");
    assert_null(strstr(json, "of-the-registry"));
}

#define EMPTY "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define IMAGE "application/vnd.oci.image.manifest.v1+json"
#define INDEX "application/vnd.oci.image.index.v1+json"

/* What only looks says who told it, and so does the command that puts several of these calls together. */
static void test_who_told_it(void **state) {
    (void)state;
    folder = new_folder();
    const char *manifest = "{\"schemaVersion\":2,\"mediaType\":\"" IMAGE "\",\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
                           "\"digest\":\"" EMPTY "\",\"size\":2},\"layers\":[]}";
    const struct answer lacks = {.bytes = http_answer("404 Not Found", "", "")}, image = {.bytes = http_answer("200 OK", "Content-Type: " IMAGE "\r\n", manifest)},
                        config = {.bytes = http_answer("200 OK", "", "{}")},
                        list = {.bytes = http_answer("200 OK", "Content-Type: " INDEX "\r\n", "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" IMAGE
                                                     "\",\"digest\":\"" RIGHT "\",\"size\":5}]}")};
    const struct answer of_calls[] = {image, image, image, list}, of_inspect[] = {image, image, image, config, image, list};
    struct peer *registry = peer_start(&lacks, 1), *mirror = peer_start(of_calls, 4), *second = peer_start(of_inspect, 6), *third = peer_start(&list, 1);
    const char *mirrors[] = {peer_host(mirror)}, *host = peer_host(registry), *place = text("%s/a:t", host);
    ocireg_client *client = client_with(host, mirrors, 1, false);
    char *json = NULL, *said = NULL;
    expect_status(OCIREG_OK, ocireg_image_size(client, NULL, place, NULL, &json, &failure));
    expect_text_at(kept(json), "served_by/0", peer_host(mirror));
    expect_status(OCIREG_OK, ocireg_endpoint_manifest(client, NULL, place, NULL, &json, NULL, &failure));
    expect_text_at(kept(json), "served_by/0", peer_host(mirror));
    expect_status(OCIREG_OK, ocireg_endpoint_referrers(client, NULL, place, NULL, &json, &failure));
    expect_text_at(kept(json), "served_by/0", peer_host(mirror));
    assert_int_equal(json_length(json, "served_by"), 1);
    expect_run(text("--plain-http --mirror %s=%s inspect %s", host, peer_host(second), place), &said);
    expect_text_at(said, "served_by/0", peer_host(second));
    assert_int_equal(json_length(said, "served_by"), 1);
    expect_run(text("--plain-http --mirror %s=%s tree %s/a@%s --depth 1", host, peer_host(third), host, EMPTY), &said);
    expect_text_at(said, "served_by/0", peer_host(third));
    /* Who said what a tag is, too. */
    const struct answer of_tree[] = {image, image, lacks};
    struct peer *fourth = peer_start(&image, 1), *fifth = peer_start(of_tree, 3);
    expect_run(text("--plain-http --mirror %s=%s digest %s --json", host, peer_host(fourth), place), &said);
    expect_text_at(said, "served_by", peer_host(fourth));
    assert_int_equal(json_kind_at(said, "digest"), JSON_STRING);
    assert_int_equal(peer_count(registry), 0);
    expect_run(text("--plain-http --mirror %s=%s tree %s --depth 1", host, peer_host(fifth), place), &said);
    expect_text_at(said, "served_by/0", peer_host(fifth));
    expect_text_at(said, "served_by/1", host);
}

static void test_mirrors_only(void **state) {
    (void)state;
    const struct answer lacks = {.bytes = http_answer("404 Not Found", "", "")};
    struct peer *registry = peer_start(&lacks, 1), *mirror = peer_start(&lacks, 1);
    const char *mirrors[] = {text("{\"endpoint\":\"%s\",\"by_digest_only\":true}", peer_host(mirror))};
    ocireg_client *client = client_with(peer_host(registry), mirrors, 1, true);
    ocireg_buffer *bytes = NULL;
    char *json = NULL;
    const char *blob = text("%s/a@" RIGHT, peer_host(registry)), *tag = text("%s/a:t", peer_host(registry));
    expect_status(OCIREG_NOT_FOUND, ocireg_blob_get_memory(client, NULL, blob, NULL, NULL, &bytes, &failure));
    expect_status(OCIREG_FORBIDDEN, ocireg_manifest_head(client, NULL, tag, NULL, &json, &failure));
    expect_message("mirrors");
    expect_status(OCIREG_FORBIDDEN, ocireg_registry_ping(client, NULL, peer_host(registry), NULL, &json, &failure));
    assert_int_equal(peer_count(registry), 0);
    assert_int_equal(peer_count(mirror), 1);
}

static void test_what_is_no_mirror(void **state) {
    (void)state;
    static const char *const wrong[] = {"", "ftp://h.example", "h.example/A", "u:p@h.example", "{", "{\"push\":true}", "{\"endpoint\":\"h.example\",\"pull\":true}"};
    ocireg_client *client = new_client("{}");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ocireg_options *with = options("{}");
        expect_status(OCIREG_OK, ocireg_options_add_string(with, OCIREG_OPT_MIRRORS, wrong[i], &failure));
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_set_host(client, "r.example", with, &failure));
        expect_message("the option mirrors ");
    }
}

/* The order of the command line counts; -v tells which host is passed over. */
static void test_mirrors_of_the_command(void **state) {
    (void)state;
    folder = new_folder();
    const struct answer lacks = {.bytes = http_answer("503 Service Unavailable", "Retry-After: 7\r\n", "")}, has = {.bytes = http_answer("200 OK", "", "right")};
    struct peer *registry = peer_start(&has, 1), *first = peer_start(&lacks, 1), *second = peer_start(&has, 1);
    const char *host = peer_host(registry);
    char *said = NULL;
    expect_run(text("-v --plain-http --mirror %s=%s --mirror %s=%s blob get %s/a@" RIGHT, host, peer_host(first), host, peer_host(second), host), &said);
    assert_string_equal(said, "right");
    assert_non_null(strstr(errors_said(), text("* passes over %s: status 503\n", peer_host(first))));
    assert_int_equal(peer_count(first), 1);
    assert_int_equal(peer_count(second), 1);
    /* Without a host it is for the registry of the command. */
    expect_run(text("--plain-http --mirror %s --mirrors-only blob get %s/a@" RIGHT, peer_host(second), host), NULL);
    expect_failure(OCIREG_FORBIDDEN, text("--plain-http --mirror %s --mirrors-only=%s ping %s", peer_host(second), host, host), "allows only the mirrors of");
    expect_failure(64, "--mirrors-only= ping h.example", "names no host");
    /* Of each registry on the line, and of none that only a list names. */
    char *parts = text("%s/parts", folder), *image = text("oci:%s/image:v1", folder);
    expect_shell(text("mkdir %s && tar cf %s/layer.tar -C / etc/hostname && $0 append --scratch %s --layer %s/layer.tar >made", parts, parts, image, parts));
    expect_failure(OCIREG_FORBIDDEN, text("--plain-http --mirrors-only append %s --layer %s/layer.tar --to %s/q:z", image, parts, host), "cannot be written to: --mirrors-only");
    expect_shell(text("echo %s | OCIREG_USERNAME=eve OCIREG_PASSWORD=secret $0 sync --from - oci:mirror >made", image));
    expect_shell("$0 append h.example/a:1 --layer list --to g.example/a:1 --token t 2>err || test $? = 64 && grep -q \"token must name its own\" err");
    expect_failure(64, "copy h.example/a:1 g.example/a:1 --host-option username=eve", "must name whose credentials they are");
    expect_failure(64, "sync --from list oci:d --mirrors-only", "with --from, --mirrors-only must name its registry: --mirrors-only=HOST");
    expect_failure(64, "sync --from list oci:d --mirror h.example", "--mirror must name its registry: --mirror HOST=");
    expect_failure(64, "sync --from list oci:d --host-option anonymous=true", "--host-option must name its registry");
    expect_failure(64, "--mirror =m.example ping h.example", "no host before");
    assert_int_equal(peer_count(registry), 0);
}

/* What is said of a host in one spelling stays true when something is said of it in another. */
static void test_spellings_of_a_host(void **state) {
    (void)state;
    folder = new_folder();
    const struct answer has = {.bytes = http_answer("200 OK", "", "right")};
    struct peer *registry = peer_start(&has, 1), *mirror = peer_start(&has, 1);
    const char *host = peer_host(registry), *other = text("[::ffff:127.0.0.1]%s", strrchr(host, ':'));
    const char *said = text("--plain-http --mirror %s=%s --mirrors-only=%s", host, peer_host(mirror), host);
    expect_run(text("%s --host-option %s=upload_bytes_per_second=9 blob get %s/a@" RIGHT, said, other, host), NULL);
    expect_run(text("--host-option %s=upload_bytes_per_second=9 %s blob get %s/a@" RIGHT, other, said, host), NULL);
    expect_run(text("%s blob get %s/a@" RIGHT, said, other), NULL);
    assert_int_equal(peer_count(mirror), 3);
    expect_failure(OCIREG_FORBIDDEN, text("%s ping %s", said, other), "allows only the mirrors of");
    /* The mirror is asked, whose bytes are not a manifest. */
    expect_failure(OCIREG_INVALID_MANIFEST, text("%s copy %s/a:t %s/b:t", said, host, other), "allows only the mirrors of");
    const char *const names[][2] = {{"Reg.Example", "reg.example:443"}, {"docker.io", "registry-1.docker.io"}, {"index.docker.io", "docker.io"},
                                    {"reg.example.:0443", "REG.example"}, {"[::1]:443", "[0:0::0:1]"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int one = 0; one < 2; one++)
            expect_failure(OCIREG_FORBIDDEN, text("--deadline 5 --retries 0 --mirror %s=%s --mirrors-only=%s --host-option %s=upload_bytes_per_second=9 ping %s", names[i][one],
                                                  peer_host(mirror), names[i][one], names[i][!one], names[i][one]), "allows only the mirrors of");
    assert_int_equal(peer_count(registry), 0);
}

/* Which names are of one registry, and whose credentials go where. */
static void test_ports_of_a_host(void **state) {
    (void)state;
    folder = new_folder();
    const char *several = "with several registries --username must name its own";
    const struct { const char *from, *to, *options; bool is_one; } pairs[] = {
        {"http://reg.test", "reg.test:443", "", false}, {"http://reg.test", "reg.test:80", "", true}, {"reg.test", "https://reg.test", "", true},
        {"reg.test", "reg.test:443", "", true}, {"reg.test", "reg.test:443", "--plain-http", false}, {"http://reg.test", "reg.test", "--plain-http", true},
        {"http://reg.test", "reg.test", "--plain-http=reg.test", true}, {"http://reg.test", "reg.test", "", false}, {"reg.test:443", "reg.test:80", "", false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        expect_shell(text("S=0; OCIREG_PASSWORD=p $0 --deadline 5 --retries 0 %s --host-option reg.test=address=127.0.0.1:1 --host-option reg.test:80=address=127.0.0.1:1 --username eve "
                          "copy %s/a:t %s/b:t 2>err || S=$?; if %s; then test $S = 8; else test $S = 64 && grep -q \"%s\" err; fi || { cat err; echo \"%s\" $S; false; }",
                          pairs[i].options, pairs[i].from, pairs[i].to, pairs[i].is_one ? "true" : "false", several, pairs[i].from));
    const struct { const char *options, *at_80, *at_443; } all[] = {
        {"--username reg.test:443=eve", "", "eve"}, {"--username https://reg.test=eve", "", "eve"}, {"--username reg.test=eve", "eve", "eve"}, {"--username eve", "eve", "eve"},
        {"--username http://reg.test=eve", "eve", ""}, {"--username reg.test:80=eve", "eve", ""},
        {"--host-option reg.test:443=username=eve --host-option reg.test:443=password=p", "", "eve"}, {"--username reg.test:443=one --username reg.test:80=eve", "eve", "one"},
        {"--username reg.test:80=eve --username reg.test:443=one --username reg.test=two", "eve", "one"}, {"--username reg.test:80=eve --insecure=reg.test", "eve", ""},
        {"--username reg.test=two --insecure=reg.test:443 --insecure=reg.test:80", "two", "two"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        expect_shell(text("export OCIREG_PASSWORD=p; user() { $0 %s explain \"$1/a/b\" --format {/credentials/username} | sed \"s/^null$//\"; }; "
                          "for at in http://reg.test=%s reg.test:443=%s https://reg.test=%s; do test \"$(user ${at%%=*})\" = \"${at#*=}\" || { echo \"%s\" $at; exit 1; }; done",
                          all[i].options, all[i].at_80, all[i].at_443, all[i].at_443, all[i].options));
}

/* --anonymous overrules what a list has. */
static void test_who_is_anonymous(void **state) {
    (void)state;
    folder = new_folder();
    const struct answer wants = {.bytes = http_answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n", "")};
    for (int anonymous = 0; anonymous < 2; anonymous++) {
        struct peer *registry = peer_start(&wants, 1);
        const char *list = text("%s/list.yaml", folder), *said = text("'%s':\n  images: {a/b: [t]}\n  credentials: {username: yu, password: yp}\n", peer_host(registry));
        bool is_sent = false;
        write_file(list, said, strlen(said));
        expect_shell(text("S=0; $0 --plain-http --retries 0 %s sync --from list.yaml oci:to 2>err >said || S=$?; test $S = 3 && grep -q \"ocireg: hint: .*%s\" err", anonymous ? "--anonymous" : "", anonymous ? "log in to" : "does not accept"));
        for (size_t i = 0; i < peer_count(registry); i++)
            is_sent = is_sent || strstr(peer_request(registry, i), "uthorization:") != NULL;
        assert_int_equal(is_sent, !anonymous);
    }
}

/* What is wrong with what a mirror said of a tag is told with the mirror. */
static void test_errors_name_the_mirror(void **state) {
    (void)state;
    folder = new_folder();
    const char *index = "{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":[]}";
    const struct answer lies = {.bytes = http_answer("200 OK", "Content-Type: " INDEX "\r\n", index)}, lacks = {.bytes = http_answer("404 Not Found", "", "")};
    struct peer *registry = peer_start(&lacks, 1), *mirror = peer_start(&lies, 1);
    const char *host = peer_host(registry), *told = text("%s answered for %s", peer_host(mirror), host), *mirrors[] = {peer_host(mirror)};
    expect_failure(OCIREG_NOT_FOUND, text("--plain-http --mirror %s=%s config %s/a:t", host, peer_host(mirror), host), told);
    ocireg_client *client = client_with(host, mirrors, 1, false);
    char *json = NULL;
    expect_status(OCIREG_NOT_FOUND, ocireg_image_config(client, NULL, text("%s/a:t", host), NULL, &json, NULL, &failure));
    assert_non_null(strstr(ocireg_error_hint(failure), told));
    /* What the registry says itself is not. */
    expect_status(OCIREG_NOT_FOUND, ocireg_image_config(client_with(peer_host(mirror), NULL, 0, false), NULL, text("%s/a:t", peer_host(mirror)), NULL, &json, NULL, &failure));
    assert_null(strstr(ocireg_error_json(failure), "answered for"));
}

/* What nothing can verify is told on standard error, also where there is no result: the command writes the bytes alone. */
static void test_pieces_of_mirrors(void **state) {
    (void)state;
    folder = new_folder();
    const struct answer piece = {.bytes = http_answer("206 Partial Content", "Content-Range: bytes 1-3/5\r\n", "odd")},
                        lacks = {.bytes = http_answer("404 Not Found", "", "")};
    struct peer *registry = peer_start(&piece, 1), *mirror = peer_start(&piece, 1), *none = peer_start(&lacks, 1);
    const char *host = peer_host(registry), *get = text("blob get --offset 1 --length 3 %s/a@" RIGHT " -o -", host);
    char *said = NULL;
    expect_run(text("--plain-http --mirror %s=%s %s", host, peer_host(mirror), get), &said);
    assert_string_equal(said, "odd");
    assert_non_null(strstr(errors_said(), peer_host(mirror)));
    assert_non_null(strstr(errors_said(), "nothing can verify it"));
    expect_run(text("--plain-http --mirror %s=%s %s", host, peer_host(none), get), &said);
    assert_null(strstr(errors_said(), "verify"));
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_spellings_of_a_host),
        test(test_ports_of_a_host),
        test(test_who_is_anonymous),
        test(test_mirrors_in_turn),
        test(test_who_told_it),
        test(test_errors_name_the_mirror),
        test(test_pieces_of_mirrors),
        test(test_mirrors_only),
        test(test_what_is_no_mirror),
        test(test_mirrors_of_the_command),
    };
    return run_all(tests, argc, argv);
}
