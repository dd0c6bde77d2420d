/* The registry configuration of the machine: the files of podman, containerd, k3s and Docker. */
#include "command.h"
#include "common.h"
#include "peer.h"

#include <sys/stat.h>

/* Of the bytes "right". */
#define RIGHT "sha256:27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9"

static const char *written(const char *path, const char *content) {
    write_file(path, content, strlen(content));
    return path;
}

/* A file of each kind that names this mirror for docker.io, and the option that it belongs to. */
static const struct {
    const char *name, *option, *content, *line;
} kinds[] = {
    {"registries.conf", OCIREG_OPT_REGISTRIES_CONF, "[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"%s\"\ninsecure = true\n", ":3"},
    {"d/1.conf", OCIREG_OPT_REGISTRIES_CONF_DIR, "[[registry]]\nlocation = \"docker.io\"\n[[registry.mirror]]\nlocation = \"%s\"\ninsecure = true\n", ":3"},
    {"certs/docker.io/hosts.toml", OCIREG_OPT_CONTAINERD_CERTS_DIR, "# a mirror\n[host.\"http://%s\"]\n", ":2"},
    {"registries.yaml", OCIREG_OPT_K3S_REGISTRIES, "mirrors:\n  docker.io:\n    endpoint:\n    - http://%s\n", ":4"},
    {"daemon.json", OCIREG_OPT_DOCKER_DAEMON_JSON, "{\"debug\": true,\n\"registry-mirrors\": [\"http://%s\"]}", ":2"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* What the option is set to: a folder, where it takes one. */
static const char *kind_value(const char *in, size_t kind) {
    if (strcmp(kinds[kind].option, OCIREG_OPT_REGISTRIES_CONF_DIR) == 0) return text("%s/d", in);
    if (strcmp(kinds[kind].option, OCIREG_OPT_CONTAINERD_CERTS_DIR) == 0) return text("%s/certs", in);
    return text("%s/%s", in, kinds[kind].name);
}

static const char *filled(const char *content, const char *host) {
    const char *at = strstr(content, "%s");
    return text("%.*s%s%s", (int)(at - content), content, host, at + 2);
}

static const char *folder_of_kinds(const char *host) {
    const char *in = new_folder();
    assert_int_equal(mkdir(text("%s/d", in), 0755) | mkdir(text("%s/certs", in), 0755) | mkdir(text("%s/certs/docker.io", in), 0755), 0);
    for (size_t i = 0; i < KINDS; i++) written(text("%s/%s", in, kinds[i].name), filled(kinds[i].content, host));
    return in;
}

static void test_each_file_names_a_mirror(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const char *in = folder_of_kinds("m.example:80");
        ocireg_client *client = new_client(text("{'%s':'%s'}", kinds[i].option, kind_value(in, i)));
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_explain(client, NULL, "mongo", NULL, &json, &failure));
        expect_text_at(kept(json), "endpoints/0/host", "m.example:80");
        expect_text_at(json, "endpoints/0/source", text("%s/%s%s", in, kinds[i].name, kinds[i].line));
        expect_text_at(json, "endpoints/1/host", "docker.io");
    }
}

/* Those whose files say that they are asked by http. */
static void test_mirrors_of_files_are_asked(void **state) {
    (void)state;
    for (size_t i = 2; i < KINDS; i++) {
        const struct answer has = {.bytes = http_answer("200 OK", "", "right")};
        struct peer *mirror = peer_start(&has, 1);
        const char *in = folder_of_kinds(peer_host(mirror)), *request = "GET /v2/library/mongo/blobs/" RIGHT;
        ocireg_client *client = new_client(text("{'retries':0,'%s':'%s'}", kinds[i].option, kind_value(in, i)));
        ocireg_buffer *bytes = NULL;
        char *json = NULL;
        expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, "mongo@" RIGHT, NULL, &json, &bytes, &failure));
        ocireg_buffer_free(bytes);
        expect_text_at(kept(json), "served_by", peer_host(mirror));
        assert_int_equal(strncmp(peer_request(mirror, 0), request, strlen(request)), 0);
    }
}

/* The error comes from the first call that needs the file, and is gone when the file is right. */
static void test_broken_files_are_named(void **state) {
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const char *in = folder_of_kinds("m.example"), *path = text("%s/%s", in, kinds[i].name);
        written(path, "\n[[[ secret");
        ocireg_client *client = new_client(text("{'%s':'%s'}", kinds[i].option, kind_value(in, i)));
        char *json = NULL;
        expect_status(OCIREG_IO, ocireg_explain(client, NULL, "mongo", NULL, &json, &failure));
        expect_message(text("%s, line ", path));
        assert_null(strstr(ocireg_error_message(failure), "secret"));
        written(path, filled(kinds[i].content, "m.example"));
        expect_status(OCIREG_OK, ocireg_explain(client, NULL, "mongo", NULL, &json, &failure));
        expect_text_at(kept(json), "endpoints/0/host", "m.example");
    }
    char *json = NULL;
    expect_status(OCIREG_IO, ocireg_explain(new_client("{'registries_conf':'/no/such'}"), NULL, "mongo", NULL, &json, &failure));
    expect_message("/no/such: it does not exist");
}

static void test_what_is_blocked_is_refused(void **state) {
    (void)state;
    const char *path = text("%s/r.conf", new_folder());
    written(path, "[[registry]]\nlocation = \"registry.example\"\nblocked = true\n");
    ocireg_client *client = new_client(text("{'registries_conf':'%s'}", path));
    char *json = NULL;
    expect_status(OCIREG_FORBIDDEN, ocireg_manifest_head(client, NULL, "registry.example/a:t", NULL, &json, &failure));
    expect_message(text("blocked by %s:1", path));
}

/* Also by another of its names, with and without its usual port. */
static void test_what_is_blocked_has_no_other_name(void **state) {
    (void)state;
    const char *path = text("%s/r.conf", new_folder());
    written(path, "[[registry]]\nlocation = \"registry-1.docker.io\"\nblocked = true\n[[registry]]\nlocation = \"reg.example:443\"\nblocked = true\n");
    folder = new_folder();
    const char *const names[] = {"docker.io/a/b:t", "index.docker.io/a/b:t", "reg.example/a:t", "reg.example:80/a:t"};
    char *json = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *scheme = strstr(names[i], ":80") != NULL ? "'plain_http':true," : "";
        ocireg_client *client = new_client(text("{%s'retries':0,'registries_conf':'%s'}", scheme, path));
        expect_status(OCIREG_FORBIDDEN, ocireg_manifest_head(client, NULL, names[i], NULL, &json, &failure));
        expect_message(text("blocked by %s:", path));
        expect_status(OCIREG_OK, ocireg_explain(client, NULL, names[i], NULL, &json, &failure));
        expect_text_at(kept(json), "endpoints/0/blocked", text("%s:%d", path, i < 2 ? 1 : 4));
        expect_shape(json, "endpoints/0/asked_for:array");
    }
    expect_failure(OCIREG_FORBIDDEN, text("--registries-conf %s manifest head docker.io/a/b:t", path), "is blocked by");
}

/* A mirror of all subdomains is none of a name with a port, which is another registry. */
static void test_ports_of_subdomains(void **state) {
    (void)state;
    const char *path = text("%s/r.conf", new_folder());
    written(path, "[[registry]]\nprefix = \"*.reg.example\"\n[[registry.mirror]]\nlocation = \"m.example/w\"\n");
    ocireg_client *client = new_client(text("{'registries_conf':'%s'}", path));
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "x.reg.example/a/b:t", NULL, &json, &failure));
    expect_text_at(kept(json), "endpoints/0/repository", "w/a/b");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_manifest_head(client, NULL, "x.reg.example:5000/a/b:t", NULL, &json, &failure));
    expect_message("names without a port");
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "x.reg.example:5000/a/b:t", NULL, &json, &failure));
    expect_text_at(kept(json), "endpoints/0/asked_for/0", "push");
    /* What is about the registry itself, and what is written, goes there. */
    const char *itself = "x.registry.invalid:5000";
    written(path, "[[registry]]\nprefix = \"*.registry.invalid\"\n[[registry.mirror]]\nlocation = \"m.example/w\"\n");
    client = new_client(text("{'retries':0,'registries_conf':'%s'}", path));
    expect_status(OCIREG_RESOLVE, ocireg_registry_ping(client, NULL, itself, NULL, &json, &failure));
    expect_status(OCIREG_RESOLVE, ocireg_blob_put_memory(client, NULL, text("%s/a", itself), (const uint8_t *)"x", 1, NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_repository_tags(client, NULL, text("%s/a", itself), NULL, &json, &failure));
}

/* A name without a registry is Docker Hub's, or by option what a file says; several registries are an error that lists what it may be. The
 * command has the option too. */
static void test_short_names(void **state) {
    (void)state;
    const char *in = new_folder(), *path = text("%s/r.conf", in);
    written(path, "unqualified-search-registries = [\"a.example\", \"b.example\"]\n[aliases]\nfedora = \"quay.io/fedora/fedora\"\n");
    ocireg_client *client = new_client(text("{'registries_conf':'%s','short_names':'files'}", path));
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "fedora:40", NULL, &json, &failure));
    expect_text_at(kept(json), "reference", "quay.io/fedora/fedora:40");
    expect_text_at(json, "host", "quay.io");
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_explain(client, NULL, "app", NULL, &json, &failure));
    assert_non_null(strstr(ocireg_error_message(failure), "a.example/app, b.example/app"));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_copy(client, NULL, "app", text("dir:%s/out", in), NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_repository_tags(client, NULL, "app", NULL, &json, &failure));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_repository_remove(client, NULL, "app", NULL, &json, &failure));
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "docker.io/app", NULL, &json, &failure));
    expect_text_at(kept(json), "host", "docker.io");
    ocireg_client *wrong = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(options("{'short_names':'podman'}"), &wrong, &failure));

    folder = in;
    char *said = NULL;
    expect_run(text("--registries-conf %s --short-names files explain fedora", path), &said);
    expect_text_at(said, "reference", "quay.io/fedora/fedora:latest");
    expect_failure(OCIREG_INVALID_REFERENCE, text("--registries-conf %s --short-names files explain app", path), "a.example/app, b.example/app");
}

/* What the command says that may have credentials. */
static const char *said_by(const char *words) {
    size_t size = 0;
    expect_shell(text("$0 %s >said", words));
    char *bytes = (char *)read_file(text("%s/said", folder), &size);
    bytes[size] = '\0';
    return text("%s", bytes);
}

/* What the command line says of its registry is for the one that a short name stands for: its credentials go there, and neither to Docker Hub
 * nor to a mirror of it. */
static void test_options_for_short_names(void **state) {
    (void)state;
    const struct answer lacks = {.bytes = http_answer("404 Not Found", "", "")};
    const struct answer asks[] = {{.bytes = http_answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"r\"\r\n", "")},
                                  {.bytes = http_answer("200 OK", "", "right")}};
    struct peer *registry = peer_start(asks, 2), *mirror = peer_start(&lacks, 1);
    const char *host = peer_host(registry), *path = text("%s/r.conf", new_folder());
    written(path, text("unqualified-search-registries = [\"a.example\", \"b.example\"]\n[aliases]\napp = \"%s/app\"\n"
                       "[[registry]]\nlocation = \"%s\"\ninsecure = true\n[[registry.mirror]]\nlocation = \"%s\"\ninsecure = true\n",
                       host, host, peer_host(mirror)));
    const char *options = text("--registries-conf %s --short-names files --docker-config %s", path, new_folder());
    folder = new_folder();
    setenv("OCIREG_PASSWORD", "secret", 1);
    said_by(text("%s --username alice --plain-http blob get app@" RIGHT " -o out", options));
    assert_int_equal(peer_count(registry), 2);
    assert_non_null(strcasestr(peer_request(registry, 1), "\r\nauthorization: basic YWxpY2U6c2VjcmV0\r\n"));
    assert_int_equal(peer_count(mirror), 1);
    assert_null(strcasestr(peer_request(mirror, 0), "\r\nauthorization:"));

    static const char *const given[][3] = {{"--username alice", "credentials/username", "alice"},
                                           {"--token t", "credentials/kind", "token"},
                                           {"--host-option username=alice --host-option password=secret", "credentials/username", "alice"},
                                           {"--trusted-realm auth.example", "trusted_realms/0", "auth.example"},
                                           {"--mirror m.example", "endpoints/0/host", "m.example"},
                                           {"--mirrors-only --mirror m.example", "endpoints/0/host", "m.example"},
                                           {"--client-option short_names=files --username alice", "credentials/username", "alice"}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        const char *said = said_by(text("%s %s explain app", options, given[i][0]));
        expect_text_at(said, "host", host);
        expect_text_at(said, given[i][1], given[i][2]);
    }
    const char *said = said_by(text("%s --host-option username=alice --host-option password=secret explain app", options));
    expect_text_at(said, "endpoints/0/credentials/kind", "none");
    expect_text_at(said, "endpoints/1/credentials/username", "alice");
    /* Of names with their registry nothing changes, and without the option neither; two registries are two. */
    said = said_by(text("%s --username alice explain docker.io/app", options));
    expect_text_at(said, "host", "docker.io");
    expect_text_at(said, "credentials/username", "alice");
    said = said_by(text("--registries-conf %s --username alice explain app", path));
    expect_text_at(said, "host", "docker.io");
    expect_text_at(said, "credentials/username", "alice");
    expect_shell(text("! $0 %s --username alice copy app docker.io/app 2>err; grep -q \"with several registries --username must name its own\" err", options));
    expect_shell(text("! $0 %s --username alice explain other 2>err; grep -q \"a.example/other, b.example/other\" err", options));
    /* One that is named is that one's only. */
    said = said_by(text("%s --username docker.io=alice explain app", options));
    expect_text_at(said, "credentials/kind", "none");
    unsetenv("OCIREG_PASSWORD");
}

/* What the environment says counts when the client is made; a short name is only explained. */
static void test_the_machines_own(void **state) {
    (void)state;
    const char *in = new_folder(), *path = text("%s/containers/registries.conf", in);
    char *json = NULL;
    assert_int_equal(mkdir(text("%s/containers", in), 0755), 0);
    written(path, "unqualified-search-registries = [\"a.example\", \"b.example\"]\n[aliases]\nfedora = \"quay.io/fedora/fedora\"\n"
                  "[[registry]]\nlocation = \"own.test\"\n[[registry.mirror]]\nlocation = \"m.example\"\n");
    setenv("CONTAINERS_REGISTRIES_CONF", path, 1);
    ocireg_client *asks = new_client("{'containers_registries':true}"), *does_not = new_client(NULL);
    /* What else the machine has does not matter here: no other file is about this host. */
    unsetenv("CONTAINERS_REGISTRIES_CONF");
    setenv("XDG_CONFIG_HOME", in, 1);
    ocireg_client *users = new_client("{'containers_registries':true}");
    unsetenv("XDG_CONFIG_HOME");
    setenv("CONTAINERS_REGISTRIES_CONF", "/dev/null", 1);
    ocireg_client *clients[] = {asks, users};
    for (size_t i = 0; i < 2; i++) {
        expect_status(OCIREG_OK, ocireg_explain(clients[i], NULL, "own.test/a", NULL, &json, &failure));
        expect_text_at(kept(json), "endpoints/0/host", "m.example");
        expect_text_at(json, "endpoints/0/source", text("%s:6", path));
        assert_int_equal(json_kind_at(json, "short_name"), JSON_NULL);
    }
    expect_status(OCIREG_OK, ocireg_explain(asks, NULL, "fedora", NULL, &json, &failure));
    expect_text_at(kept(json), "host", "docker.io");
    expect_text_at(json, "short_name/name", "fedora");
    expect_text_at(json, "short_name/stands_for", "quay.io/fedora/fedora");
    expect_text_at(json, "short_name/source", text("%s:3", path));
    expect_status(OCIREG_OK, ocireg_explain(asks, NULL, "mongo", NULL, &json, &failure));
    expect_text_at(kept(json), "short_name/registries/1", "b.example");
    expect_text_at(json, "short_name/mode", "permissive");
    assert_int_equal(json_kind_at(json, "short_name/stands_for"), JSON_NULL);
    expect_status(OCIREG_OK, ocireg_explain(does_not, NULL, "own.test/a", NULL, &json, &failure));
    expect_text_at(kept(json), "endpoints/0/host", "own.test");
    assert_int_equal(json_kind_at(json, "short_name"), JSON_NULL);
}

/* The command reads podman's file by itself, and those of the others when they are given. */
static void test_the_command(void **state) {
    (void)state;
    folder = new_folder();
    const char *in = folder_of_kinds("m.example"), *own = text("%s/registries.conf", in);
    char *said = NULL;
    setenv("CONTAINERS_REGISTRIES_CONF", own, 1);
    expect_run("explain mongo", &said);
    expect_text_at(said, "endpoints/0/host", "m.example");
    expect_run("--no-registries-conf explain mongo", &said);
    expect_text_at(said, "endpoints/0/host", "docker.io");
    setenv("CONTAINERS_REGISTRIES_CONF", "/no/such", 1);
    expect_failure(OCIREG_IO, "explain mongo", "/no/such: it does not exist");
    expect_run(text("--registries-conf %s explain mongo", own), &said);
    expect_text_at(said, "endpoints/0/source", text("%s:3", own));
    expect_failure(64, text("--registries-conf %s --no-registries-conf explain mongo", own), "contradicts");
    setenv("CONTAINERS_REGISTRIES_CONF", "/dev/null", 1);
    static const char *const flags[] = {"--containerd-certs-dir", "--k3s-registries", "--docker-daemon-json"};
    for (size_t i = 0; i < 3; i++) {
        expect_run(text("%s %s explain mongo", flags[i], kind_value(in, i + 2)), &said);
        expect_text_at(said, "endpoints/0/host", "m.example");
    }
    /* What needs no registry needs no file. */
    written(own, "[[registry]]\nlocation = \"a.example\"\ninsecure = 1");
    expect_failure(OCIREG_IO, text("--registries-conf %s explain mongo", own), text("%s, line 3: ", own));
    expect_run(text("--registries-conf %s parse mongo", own), &said);
}

/* Where signatures are: by option, and what the command reads by itself. */
static void test_signatures(void **state) {
    (void)state;
    const char *in = new_folder(), *path = text("%s/containers/registries.d/r.yaml", in), *other = text("%s/other", in);
    char *json = NULL;
    assert_int_equal(mkdir(text("%s/containers", in), 0755) | mkdir(text("%s/containers/registries.d", in), 0755) | mkdir(other, 0755), 0);
    written(path, "docker:\n  signed.test:\n    lookaside: https://user:secret@s.example/all\n    use-sigstore-attachments: true\n");
    written(text("%s/o.yaml", other), "default-docker: {lookaside: 'https://r.example', lookaside-staging: 'file:///w'}\n");
    ocireg_client *client = new_client(text("{'registries_d':'%s/containers/registries.d'}", in));
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "signed.test/a", NULL, &json, &failure));
    expect_text_at(kept(json), "signatures/lookaside", "https://s.example/all");
    expect_text_at(json, "signatures/lookaside_source", text("%s:3", path));
    expect_text_at(json, "signatures/lookaside_staging", "https://s.example/all");
    expect_text_at(json, "signatures/use_sigstore_attachments_source", text("%s:4", path));
    expect_bool_at(json, "signatures/use_sigstore_attachments", true);
    assert_null(strstr(json, "secret"));
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "mongo", NULL, &json, &failure));
    assert_int_equal(json_kind_at(kept(json), "signatures"), JSON_NULL);
    expect_status(OCIREG_OK, ocireg_explain(new_client(NULL), NULL, "signed.test/a", NULL, &json, &failure));
    assert_int_equal(json_kind_at(kept(json), "signatures"), JSON_NULL);

    folder = in;
    char *said = NULL;
    setenv("XDG_CONFIG_HOME", in, 1);
    expect_run("explain signed.test/a", &said);
    expect_text_at(said, "signatures/lookaside_source", text("%s:3", path));
    expect_run("--no-registries-conf explain signed.test/a", &said);
    assert_int_equal(json_kind_at(said, "signatures"), JSON_NULL);
    expect_run(text("--registries-d %s explain signed.test/a", other), &said);
    expect_text_at(said, "signatures/lookaside", "https://r.example/");
    expect_text_at(said, "signatures/lookaside_staging", "file:///w");
    expect_run(text("--no-registries-conf --registries-d %s explain signed.test/a", other), &said);
    expect_text_at(said, "signatures/lookaside_source", text("%s/o.yaml:1", other));
    written(text("%s/containers/registries.d/twice.yaml", in), "docker: {signed.test: {}}");
    expect_failure(OCIREG_IO, "explain mongo", text("twice.yaml, line 1: 'signed.test' is also in %s:2", path));
    expect_failure(OCIREG_IO, "--registries-d /no/such explain mongo", "/no/such");
    unsetenv("XDG_CONFIG_HOME");
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_each_file_names_a_mirror), test(test_mirrors_of_files_are_asked), test(test_broken_files_are_named), test(test_what_is_blocked_is_refused), test(test_what_is_blocked_has_no_other_name), test(test_ports_of_subdomains),
        test(test_the_machines_own), test(test_short_names),       test(test_the_command),       test(test_signatures),
        test(test_options_for_short_names),
    };
    return run_all(tests, argc, argv);
}
