/* Login, logout, stored credentials and explain, with the API and with the command. */
#include "common.h"
#include "peer.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSWORD "s3cret:with colon"
#define LOGIN_SHAPE \
    "registry:string status:number auth:string username:string? identity_token:bool stored_in:string?"
#define LOGOUT_SHAPE "registry:string removed:bool from:array"
#define EXPLAIN_SHAPE \
    "reference:string host:string repository:string endpoint:string scheme_source:string anonymous:bool credentials:object " \
    "trusted_realms:array network:object network/insecure:bool network/ca_files:array network/ca_only:bool " \
    "network/client_cert_file:string? network/client_key_file:string? network/proxy:string? network/unix_socket:string? " \
    "network/address:string? network/headers:array network/max_connections_per_host:number network/requests_per_second:number " \
    "network/download_bytes_per_second:number network/upload_bytes_per_second:number"

static const char *const registries[] = {"OCIREG_TEST_HTPASSWD", "OCIREG_TEST_TOKEN"};
static const char *const ways[] = {"basic", "bearer"};
enum { REGISTRIES = 2 };

static ocireg_client *client_with(const char *folder, const char *variable) {
    ocireg_client *client = new_client(text("{'docker_config':'%s','helper_path':'%s','helper_timeout_ms':2000}", folder, folder));
    set_host(client, env(variable), "{'plain_http':true}");
    return client;
}

/* A file with the given mode. */
static void write_private(const char *path, const char *content, mode_t mode) {
    write_file(path, content, strlen(content));
    assert_int_equal(chmod(path, mode), 0);
}

static ocireg_status tags_of(ocireg_client *client, const char *place) {
    char *json = NULL;
    forget_failure();
    ocireg_status status = ocireg_repository_tags(client, NULL, place, NULL, &json, &failure);
    ocireg_string_free(json);
    return status;
}

/* Logs in, reads with another client, logs out. */
static void test_login_and_logout(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        const char *host = env(registries[i]), *folder = new_folder(), *config = text("%s/config.json", folder);
        const char *place = repository(registries[i], "login");
        ocireg_client *client = client_with(folder, registries[i]);
        char *json = NULL;
        struct stat file;
        put_image(client_of(registries[i]), place, "one", 1);
        assert_int_equal(tags_of(client, place), OCIREG_UNAUTHENTICATED);
        expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'username':'alice','password':'%s'}", PASSWORD), &json, &failure));
        expect_shape(kept(json), LOGIN_SHAPE);
        expect_text_at(json, "registry", host);
        expect_number_at(json, "status", 200);
        expect_text_at(json, "auth", ways[i]);
        expect_text_at(json, "username", "alice");
        expect_bool_at(json, "identity_token", false);
        expect_text_at(json, "stored_in", config);
        assert_int_equal(stat(config, &file), 0);
        assert_int_equal(file.st_mode & 0777, 0600);
        assert_int_equal(tags_of(client_with(folder, registries[i]), place), OCIREG_OK);
        expect_status(OCIREG_OK, ocireg_logout(client, NULL, host, NULL, &json, &failure));
        expect_shape(kept(json), LOGOUT_SHAPE);
        expect_text_at(json, "registry", host);
        expect_bool_at(json, "removed", true);
        expect_text_at(json, "from/0", config);
        expect_status(OCIREG_OK, ocireg_logout(client, NULL, host, NULL, &json, &failure));
        expect_bool_at(kept(json), "removed", false);
        assert_int_equal(json_length(json, "from"), 0);
        assert_int_equal(tags_of(client_with(folder, registries[i]), place), OCIREG_UNAUTHENTICATED);
    }
}

/* A token for a given scope is returned on request, and gives access to that and nothing else. */
static void test_a_token_for_a_scope(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_TOKEN"), *place = repository("OCIREG_TEST_TOKEN", "scoped");
    const char *name = strchr(place, '/') + 1, *wanted = "{'store':false,'return_token':true,'scope':'repository:%s:pull'}";
    char *json = NULL, *token;
    put_image(client_of("OCIREG_TEST_TOKEN"), place, "one", 1);
    expect_status(OCIREG_OK, ocireg_login(client_of("OCIREG_TEST_TOKEN"), NULL, host, options(text(wanted, name)), &json, &failure));
    expect_shape(kept(json), LOGIN_SHAPE " token:string");
    token = keep(json_string_at(json, "token"), free);
    ocireg_client *client = new_client("{}");
    set_host(client, host, text("{'plain_http':true,'token':'%s'}", token));
    assert_int_equal(tags_of(client, place), OCIREG_OK);
    assert_int_not_equal(tags_of(client, text("%s-other", place)), OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_login(client_of("OCIREG_TEST_HTPASSWD"), NULL, env("OCIREG_TEST_HTPASSWD"),
                                          options("{'store':false,'return_token':true,'scope':'repository:a:pull'}"), &json, &failure));
    assert_int_equal(json_kind_at(kept(json), "token"), JSON_NULL);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_login(client, NULL, host, options("{'store':false,'scope':'repository::'}"), &json, &failure));
    expect_message("scope");
}

static void test_wrong_credentials(void **state) {
    (void)state;
    for (size_t i = 0; i < REGISTRIES; i++) {
        const char *host = env(registries[i]), *folder = new_folder();
        ocireg_client *client = client_with(folder, registries[i]);
        char *json = NULL;
        expect_status(OCIREG_UNAUTHENTICATED,
                      ocireg_login(client, NULL, host, options("{'username':'alice','password':'WRONG'}"), &json, &failure));
        assert_null(json);
        assert_null(strstr(ocireg_error_json(failure), "WRONG"));
        assert_int_equal(entries_in(folder), 0);
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_login(client, NULL, host, NULL, &json, &failure));
        expect_message("username");
        expect_status(OCIREG_INVALID_ARGUMENT, ocireg_login(client, NULL, host, options("{'username':'alice'}"), &json, &failure));
    }
    char *json = NULL;
    ocireg_client *client = client_of(registries[0]);
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_login(client, NULL, env(registries[0]), NULL, &json, &failure));
    expect_message("a place to store credentials");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_logout(client, NULL, env(registries[0]), NULL, &json, &failure));
    expect_message("a place to store credentials");
}

/* The options of the call: another file, and storing nothing. */
static void test_places_of_the_call(void **state) {
    (void)state;
    const char *host = env(registries[0]), *folder = new_folder(), *file = text("%s/auth.json", folder);
    ocireg_client *client = client_of(registries[0]); /* its host's credentials are used */
    char *json = NULL;
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'store':false}"), &json, &failure));
    expect_shape(kept(json), LOGIN_SHAPE);
    assert_int_equal(json_kind_at(json, "stored_in"), JSON_NULL);
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'credentials_file':'%s'}", file), &json, &failure));
    expect_text_at(kept(json), "stored_in", file);
    ocireg_client *reader = new_client(text("{'credentials_file':'%s'}", file));
    set_host(reader, host, "{'plain_http':true}");
    const char *place = repository(registries[0], "places");
    put_image(client, place, "one", 1);
    assert_int_equal(tags_of(reader, place), OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'docker_config':'%s'}", folder), &json, &failure));
    expect_text_at(kept(json), "stored_in", text("%s/config.json", folder));
    expect_status(OCIREG_OK, ocireg_logout(client, NULL, host, options("{'credentials_file':'%s'}", file), &json, &failure));
    expect_text_at(kept(json), "from/0", file);
    expect_status(OCIREG_OK, ocireg_logout(client, NULL, host, options("{'docker_config':'%s'}", folder), &json, &failure));
    expect_bool_at(kept(json), "removed", true);
    /* A registry that requires no credentials. */
    expect_status(OCIREG_OK, ocireg_login(client, NULL, env("OCIREG_TEST_V2"),
                                          options("{'username':'u','password':'p','store':false}"), &json, &failure));
    expect_text_at(kept(json), "auth", "none");
}

static char *token_peer(struct peer **peer) {
    struct peer *made = peer_bind();
    const char *challenge = text("WWW-Authenticate: Bearer realm=\"http://%s/token\",service=\"s\"\r\n", peer_host(made));
    struct answer *answers = keep(calloc(3, sizeof *answers), free);
    answers[0].bytes = http_answer("401 Unauthorized", challenge, "");
    answers[1].bytes = http_answer("200 OK", "", "{\"access_token\":\"good\",\"refresh_token\":\"r2\"}");
    answers[2].bytes = http_answer("200 OK", "", "{}");
    peer_serve(made, answers, 3);
    *peer = made;
    return text("%s", peer_host(made));
}

/* An identity token is posted, and the one that is returned is stored. */
static void test_identity_token(void **state) {
    (void)state;
    struct peer *peer = NULL;
    const char *host = token_peer(&peer), *folder = new_folder();
    ocireg_client *client = new_client(text("{'docker_config':'%s','plain_http':true}", folder));
    char *json = NULL;
    size_t size = 0;
    set_host(client, host, "{'identity_token':'r1','username':'someone'}");
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, NULL, &json, &failure));
    expect_shape(kept(json), LOGIN_SHAPE);
    expect_bool_at(json, "identity_token", true);
    expect_text_at(json, "username", "someone");
    expect_text_at(json, "auth", "bearer");
    assert_int_equal(strncmp(peer_request(peer, 1), "POST /token ", 12), 0);
    assert_non_null(strstr(peer_request(peer, 2), "Bearer good"));
    char *content = (char *)read_file(text("%s/config.json", folder), &size);
    content[size] = '\0';
    expect_text_at(content, text("auths/%s/identitytoken", host), "r2");
    /* One that the token server offers on request. */
    host = token_peer(&peer);
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'username':'u','password':'p','offline_token':true}"), &json, &failure));
    expect_bool_at(kept(json), "identity_token", true);
    assert_non_null(strstr(peer_request(peer, 1), "offline_token=true"));
}

static const char helper_script[] =
    "#!/bin/sh\nPATH=/usr/bin:/bin\nfile=$(dirname \"$0\")/kept\ncase $1 in\nstore) cat >\"$file\";;\n"
    "get) cat \"$file\" 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; };;\n"
    "erase) rm -f \"$file\";;\nesac\n";

static void test_helper(void **state) {
    (void)state;
    const char *host = env(registries[1]), *folder = new_folder(), *place = repository(registries[1], "helper");
    char *json = NULL;
    write_private(text("%s/config.json", folder), "{\"credsStore\":\"test\"}", 0600);
    write_private(text("%s/docker-credential-test", folder), helper_script, 0700);
    put_image(client_of(registries[1]), place, "one", 1);
    ocireg_client *client = client_with(folder, registries[1]);
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'username':'alice','password':'%s'}", PASSWORD), &json, &failure));
    expect_text_at(kept(json), "stored_in", "test");
    assert_int_equal(tags_of(client_with(folder, registries[1]), place), OCIREG_OK);
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, place, NULL, &json, &failure));
    expect_text_at(kept(json), "credentials/helper", "test");
    expect_text_at(json, "credentials/source", "helper");
    expect_status(OCIREG_OK, ocireg_logout(client, NULL, host, NULL, &json, &failure));
    expect_text_at(kept(json), "from/0", "test");
    assert_int_equal(tags_of(client_with(folder, registries[1]), place), OCIREG_UNAUTHENTICATED);
    write_private(text("%s/docker-credential-test", folder), "#!/bin/sh\nexec /bin/sleep 30\n", 0700);
    assert_int_equal(tags_of(client_with(folder, registries[1]), place), OCIREG_TIMEOUT);
    expect_message("within 2 s");
    write_private(text("%s/docker-credential-test", folder), "#!/bin/sh\necho out >&2\nprintf '\\033[31mis locked\\n\\nmore'\nexit 7\n", 0700);
    assert_int_equal(tags_of(client_with(folder, registries[1]), place), OCIREG_IO);
    expect_message("docker-credential-test: it failed with exit status 7: \xef\xbf\xbd[31mis locked; out");
    write_private(text("%s/docker-credential-test", folder), "#!/bin/sh\nkill -9 $$\n", 0700);
    assert_int_equal(tags_of(client_with(folder, registries[1]), place), OCIREG_IO);
    expect_message("killed by SIGKILL");
    write_private(text("%s/docker-credential-test", folder), "#!/bin/sh\ncat; exit 1\n", 0700);
    expect_status(OCIREG_IO, ocireg_login(client, NULL, host, options("{'username':'alice','password':'%s'}", PASSWORD), &json, &failure));
    assert_null(strstr(ocireg_error_json(failure), PASSWORD));
    write_private(text("%s/config.json", folder), "{\"credsStore\":\"test\"}", 0666);
    assert_int_equal(tags_of(client_with(folder, registries[1]), place), OCIREG_IO);
    expect_message("other users may write to it");
    write_private(text("%s/docker-credential-test", folder), helper_script, 0700);
    client = new_client(text("{'docker_config':'%s','helper_path':'%s','foreign_credentials':true}", folder, folder));
    set_host(client, host, "{'plain_http':true}");
    expect_status(OCIREG_OK, ocireg_login(client, NULL, host, options("{'username':'alice','password':'%s'}", PASSWORD), &json, &failure));
    kept(json);
    assert_int_equal(tags_of(client, place), OCIREG_OK);
}

static void test_explain(void **state) {
    (void)state;
    const char *folder = new_folder(), *config = text("%s/config.json", folder);
    char *json = NULL;
    write_private(config, "{\"auths\":{\"reg.example/team\":{\"username\":\"filed\",\"password\":\"SECRET\"}}}", 0600);
    ocireg_client *client = new_client(text("{'docker_config':'%s','ca_file':'/ca.pem'}", folder));
    set_host(client, "own.example", "{'token':'SECRET','insecure':true,'endpoint':'https://up.example/x','trusted_realms':['a.example']}");
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "reg.example/team/app:v1", NULL, &json, &failure));
    expect_shape(kept(json), EXPLAIN_SHAPE);
    expect_text_at(json, "reference", "reg.example/team/app:v1");
    expect_text_at(json, "host", "reg.example");
    expect_text_at(json, "repository", "team/app");
    expect_text_at(json, "endpoint", "https://reg.example/");
    expect_text_at(json, "scheme_source", "default");
    expect_bool_at(json, "anonymous", false);
    expect_text_at(json, "credentials/kind", "password");
    expect_text_at(json, "credentials/username", "filed");
    expect_text_at(json, "credentials/source", "file");
    expect_text_at(json, "credentials/path", config);
    expect_text_at(json, "credentials/key", "reg.example/team");
    assert_int_equal(json_kind_at(json, "credentials/variable"), JSON_NULL);
    assert_int_equal(json_kind_at(json, "credentials/helper"), JSON_NULL);
    expect_bool_at(json, "network/insecure", false);
    expect_text_at(json, "network/ca_files/0", "/ca.pem");
    expect_bool_at(json, "network/ca_only", false);
    assert_null(strstr(json, "SECRET"));
    expect_status(OCIREG_OK, ocireg_explain(client, NULL, "own.example/a", NULL, &json, &failure));
    expect_shape(kept(json), EXPLAIN_SHAPE);
    expect_text_at(json, "endpoint", "https://up.example/x/");
    expect_text_at(json, "scheme_source", "endpoint");
    expect_text_at(json, "credentials/kind", "token");
    expect_text_at(json, "credentials/source", "host options");
    expect_text_at(json, "trusted_realms/0", "a.example");
    expect_bool_at(json, "network/insecure", true);
    assert_null(strstr(json, "SECRET"));
    expect_status(OCIREG_INVALID_REFERENCE, ocireg_explain(client, NULL, "reg.example/", NULL, &json, &failure));
    assert_null(json);
}

/* The usual places, according to the environment at the time when the client is created. */
static void test_environment(void **state) {
    (void)state;
    const char *folder = new_folder();
    char *json = NULL;
    setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"env.example\":{\"auth\":\"ZW52OlNFQ1JFVA==\"}}}", 1);
    setenv("DOCKER_CONFIG", folder, 1);
    write_private(text("%s/config.json", folder), "{\"auths\":{\"dir.example\":{\"auth\":\"ZGlyOlNFQ1JFVA==\"}}}", 0600);
    ocireg_client *asks = new_client("{'stored_credentials':true}"), *does_not = new_client(NULL);
    unsetenv("DOCKER_AUTH_CONFIG");
    unsetenv("DOCKER_CONFIG");
    expect_status(OCIREG_OK, ocireg_explain(asks, NULL, "env.example/a", NULL, &json, &failure));
    expect_text_at(kept(json), "credentials/source", "environment");
    expect_text_at(json, "credentials/variable", "DOCKER_AUTH_CONFIG");
    expect_text_at(json, "credentials/username", "env");
    expect_status(OCIREG_OK, ocireg_explain(asks, NULL, "dir.example/a", NULL, &json, &failure));
    expect_text_at(kept(json), "credentials/username", "dir");
    expect_status(OCIREG_OK, ocireg_explain(does_not, NULL, "dir.example/a", NULL, &json, &failure));
    expect_text_at(kept(json), "credentials/kind", "none");
}

/* The command's exit status, and what it wrote to both its outputs. */
static int command(const char *folder, const char *arguments, char **said) {
    const char *out = text("%s/said", folder);
    const char *line = text("env -u HOME %s >%s 2>&1", arguments, out);
    size_t size = 0;
    int status = system(line);
    *said = (char *)read_file(out, &size);
    (*said)[size] = '\0';
    return WEXITSTATUS(status);
}

static void test_command(void **state) {
    (void)state;
    const char *program = getenv("OCIREG_COMMAND");
    if (program == NULL) program = "target/release/ocireg";
    if (access(program, X_OK) != 0) program = "target/debug/ocireg";
    for (size_t i = 0; i < REGISTRIES; i++) {
        const char *host = env(registries[i]), *folder = new_folder(), *place = repository(registries[i], "command");
        const char *ours = text("%s --docker-config %s", program, folder);
        char *said = NULL;
        put_image(client_of(registries[i]), place, "one", 1);
        assert_int_equal(command(folder, text("%s tags %s", ours, place), &said), OCIREG_UNAUTHENTICATED);
        assert_int_equal(command(folder, text("OCIREG_PASSWORD=wrong %s --username alice login %s", ours, host), &said), OCIREG_UNAUTHENTICATED);
        assert_int_equal(command(folder, text("OCIREG_PASSWORD='%s' %s --username alice login %s", PASSWORD, ours, host), &said), 0);
        expect_text_at(said, "username", "alice");
        assert_null(strstr(said, "s3cret"));
        assert_int_equal(command(folder, text("%s tags %s", ours, place), &said), 0);
        /* The same folder from the environment; but not with --anonymous. */
        assert_int_equal(command(folder, text("DOCKER_CONFIG=%s %s tags %s", folder, program, place), &said), 0);
        assert_int_equal(command(folder, text("DOCKER_CONFIG=%s %s --anonymous tags %s", folder, program, place), &said), OCIREG_UNAUTHENTICATED);
        assert_int_equal(command(folder, text("%s explain %s", ours, place), &said), 0);
        expect_text_at(said, "credentials/username", "alice");
        assert_null(strstr(said, "s3cret"));
        assert_int_equal(command(folder, text("%s -vv tags %s", ours, place), &said), 0);
        assert_null(strstr(said, "s3cret"));
        assert_null(strstr(said, "YWxpY2U6"));
        assert_int_equal(system(text("chmod 666 %s/config.json", folder)), 0);
        assert_int_equal(command(folder, text("%s tags %s", ours, place), &said), OCIREG_IO);
        assert_int_equal(command(folder, text("%s --foreign-credentials tags %s", ours, place), &said), 0);
        assert_int_equal(system(text("chmod 600 %s/config.json", folder)), 0);
        assert_int_equal(command(folder, text("%s logout %s", ours, host), &said), 0);
        expect_bool_at(said, "removed", true);
        assert_int_equal(command(folder, text("%s tags %s", ours, place), &said), OCIREG_UNAUTHENTICATED);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_login_and_logout), test(test_a_token_for_a_scope), test(test_wrong_credentials), test(test_places_of_the_call), test(test_identity_token),
        test(test_helper),           test(test_explain),           test(test_environment),        test(test_command),
    };
    return run_all(tests, argc, argv);
}
