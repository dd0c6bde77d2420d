/* How a host is reached: each option with a valid and an invalid value. */
#include "common.h"
#include "peer.h"
#include "tls.h"

#include <sys/stat.h>
#include <unistd.h>

static ocireg_status ping(ocireg_client *client, const char *host) {
    char *json = NULL;
    forget_failure();
    ocireg_status status = ocireg_registry_ping(client, NULL, host, NULL, &json, &failure);
    kept(json);
    return status;
}

static const char *certificate(const char *name) {
    return text("%s/%s", env("OCIREG_TEST_CERTIFICATES"), name);
}

static ocireg_client *client_for(const char *host, const char *json) {
    ocireg_client *client = new_client("{'retries':0}");
    set_host(client, host, json);
    return client;
}

/* Options that a client, or a host, refuses: the message names the option and does not reveal its value. */
static void refused_client(const char *json, const char *part) {
    ocireg_client *client = NULL;
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_new(options("%s", json), &client, &failure));
    expect_message(part);
    assert_null(strstr(ocireg_error_json(failure), "s3cret"));
    assert_null(client);
}

static void refused_host(const char *json, const char *part) {
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_set_host(new_client(NULL), "registry.test", options("%s", json), &failure));
    expect_message(part);
    assert_null(strstr(ocireg_error_json(failure), "s3cret"));
}

static void test_wrong_values(void **state) {
    (void)state;
    static const char *const both[][2] = {
        {"{'proxy':'ftp://u:s3cret@h'}", "proxy"},
        {"{'proxy':'http://u:s3cret@h/path'}", "proxy"},
        {"{'proxy':1}", "proxy"},
        {"{'ca_file':5}", "ca_file"},
        {"{'ca_file':['a',5]}", "ca_file"},
        {"{'client_key_file':'k.pem'}", "client_key_file"},
        {"{'client_cert_file':['c.pem']}", "client_cert_file"},
        {"{'headers':['Authorization: s3cret']}", "authorization"},
        {"{'headers':['Host: s3cret']}", "host"},
        {"{'headers':['X-A s3cret']}", "headers"},
        {"{'headers':{'X-A':'s3cret\\nX-B: c'}}", "x-a"},
        {"{'headers':'X-A: s3cret'}", "headers"},
        {"{'max_connections_per_host':0}", "max_connections_per_host"},
        {"{'max_connections_per_host':-1}", "max_connections_per_host"},
        {"{'requests_per_second':-1}", "requests_per_second"},
        {"{'requests_per_second':'many'}", "requests_per_second"},
        {"{'download_bytes_per_second':-1}", "download_bytes_per_second"},
        {"{'upload_bytes_per_second':0.5}", "upload_bytes_per_second"},
    };
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        refused_client(both[i][0], both[i][1]);
        refused_host(both[i][0], both[i][1]);
    }
    refused_client("{'no_proxy':1}", "no_proxy");
    refused_client("{'proxy_from_environment':'yes'}", "proxy_from_environment");
    refused_client("{'certs_dir':1}", "certs_dir");
    refused_client("{'certs_d':'/etc/docker/certs.d'}", "certs_d");
    refused_client("{'unix_socket':'/run/registry.sock'}", "unix_socket");
    refused_host("{'address':'registry.test'}", "address");
    refused_host("{'address':'10.0.0.1:0'}", "address");
    refused_host("{'unix_socket':''}", "unix_socket");
    refused_host("{'unix_socket':'/s','address':'10.0.0.1'}", "contradict");
    refused_host("{'unix_socket':'/s','proxy':'http://u:s3cret@h'}", "contradict");
    refused_host("{'no_proxy':'h'}", "no_proxy");
    expect_status(OCIREG_INVALID_ARGUMENT, ocireg_client_set_host(new_client(NULL), "10.0.0.1", options("{'address':'10.0.0.2'}"), &failure));
    expect_message("10.0.0.1");
}

static struct peer *proxy_peer(void) {
    static struct answer answer;
    answer = (struct answer){.bytes = http_answer("200 OK", "", "{}")};
    return peer_start(&answer, 1);
}

static void test_proxy(void **state) {
    (void)state;
    struct peer *proxy = proxy_peer();
    const char *json = text("{'plain_http':true,'retries':0,'proxy':'http://alice:s3cret@%s','no_proxy':['inside.test']}", peer_host(proxy));
    ocireg_client *client = new_client(json);
    expect_status(OCIREG_OK, ping(client, "registry.test:81"));
    assert_non_null(strstr(peer_request(proxy, 0), "GET http://registry.test:81/v2/ HTTP/1.1"));
    assert_non_null(strcasestr(peer_request(proxy, 0), "proxy-authorization: Basic YWxpY2U6czNjcmV0"));
    /* Not for hosts in no_proxy, nor where the host's own option says otherwise. */
    assert_int_not_equal(ping(client, "inside.test"), OCIREG_OK);
    set_host(client, "direct.test", "{'plain_http':true,'proxy':'direct'}");
    assert_int_not_equal(ping(client, "direct.test"), OCIREG_OK);
    assert_int_equal(peer_count(proxy), 1);
    forget_failure();
}

static void test_proxy_refuses(void **state) {
    (void)state;
    const struct answer answer = {.bytes = http_answer("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"p\"\r\n", "")};
    struct peer *proxy = peer_start(&answer, 1);
    const char *url = text("http://alice:s3cret@%s", peer_host(proxy));
    for (int plain = 0; plain < 2; plain++) {
        ocireg_client *client = new_client(text("{'plain_http':%s,'proxy':'%s'}", plain ? "true" : "false", url));
        expect_status(OCIREG_CONNECT, ping(client, "registry.test"));
        expect_message(text("the proxy http://%s", peer_host(proxy)));
        expect_number_at(ocireg_error_json(failure), "http_status", 407);
        assert_null(strstr(ocireg_error_json(failure), "s3cret"));
    }
    ocireg_client *nobody = new_client(text("{'retries':0,'proxy':'socks5h://alice:s3cret@%s'}", closed_port()));
    expect_status(OCIREG_CONNECT, ping(nobody, "registry.test"));
    expect_message("the proxy socks5h://127.0.0.1:");
}

static void test_proxy_from_environment(void **state) {
    (void)state;
    struct peer *proxy = proxy_peer(), *local = proxy_peer();
    /* The real environment is saved: it may have any of these. */
    static const char *const names[] = {"ALL_PROXY", "all_proxy", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "REQUEST_METHOD"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
    setenv("HTTP_PROXY", peer_host(proxy), 1);
    ocireg_client *asks = new_client("{'plain_http':true,'retries':0,'proxy_from_environment':true}");
    ocireg_client *silent = new_client("{'plain_http':true,'retries':0}");
    setenv("HTTP_PROXY", "ftp://u:s3cret@h", 1);
    refused_client("{'proxy_from_environment':true}", "HTTP_PROXY");
    unsetenv("HTTP_PROXY");
    expect_status(OCIREG_OK, ping(asks, "registry.test"));
    expect_status(OCIREG_OK, ping(asks, peer_host(local)));
    assert_int_not_equal(ping(silent, "registry.test"), OCIREG_OK);
    assert_int_equal(peer_count(proxy), 1);
    assert_int_equal(peer_count(local), 1);
    forget_failure();
}

static void test_client_certificate(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_MTLS"), *ca = env("OCIREG_TEST_CA");
    const char *cert = certificate("client.pem"), *key = certificate("client.key");
    expect_status(OCIREG_OK, ping(client_for(host, text("{'ca_file':'%s','client_cert_file':'%s','client_key_file':'%s'}", ca, cert, key)), host));
    expect_status(OCIREG_OK, ping(new_client(text("{'ca_file':'%s','client_cert_file':'%s'}", ca, certificate("client-both.pem"))), host));
    /* The server's alert can arrive after the connection counts as established, and be lost with it: then the test
     * tries again. */
    ocireg_client *patient = new_client(NULL);
    set_host(patient, host, text("{'ca_file':'%s'}", ca));
    expect_status(OCIREG_TLS, ping(patient, host));
    expect_message("client_cert_file");
    expect_status(OCIREG_TLS, ping(client_for(host, text("{'ca_file':'%s','client_cert_file':'%s','client_key_file':'%s'}", ca, cert, certificate("client-encrypted.key"))), host));
    expect_message("encrypted");
    expect_status(OCIREG_TLS, ping(client_for(host, text("{'ca_file':'%s','client_cert_file':'%s','client_key_file':'%s'}", ca, cert, certificate("client-rsa.key"))), host));
    expect_message("does not belong");
    expect_status(OCIREG_IO, ping(client_for(host, text("{'ca_file':'%s','client_cert_file':'/no/such.pem'}", ca)), host));
    expect_message("/no/such.pem");
}

static void test_authorities(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_TLS");
    const char *list = text("{'ca_file':['%s','%s'],'ca_only':true}", env("OCIREG_TEST_OTHER_CA"), env("OCIREG_TEST_CA"));
    expect_status(OCIREG_OK, ping(client_for(host, list), host));
    expect_status(OCIREG_OK, ping(new_client(list), host));
    expect_status(OCIREG_TLS, ping(client_for(host, text("{'ca_file':['%s']}", env("OCIREG_TEST_OTHER_CA"))), host));
    expect_status(OCIREG_IO, ping(client_for(host, text("{'ca_file':['%s','/no/ca.pem']}", env("OCIREG_TEST_CA"))), host));
    expect_message("/no/ca.pem");
}

static ocireg_status get(ocireg_client *client, const char *host) {
    char *json = NULL;
    forget_failure();
    ocireg_status status = ocireg_manifest_get(client, NULL, text("%s/a:t", host), NULL, &json, NULL, &failure);
    kept(json);
    return status;
}

/* A certificate that is its own authority is trusted when it is given byte for byte. */
static void test_own_certificate(void **state) {
    (void)state;
    const char *folder = new_folder(), *host = tls_start(folder), *other = new_folder();
    tls_answer(folder, "a/manifests/t", http_answer("200 OK", "Content-Type: application/vnd.oci.image.index.v1+json\r\n", "{\"schemaVersion\":2,\"manifests\":[]}"));
    const char *json = text("{'ca_file':'%s/cert.pem'}", folder);
    expect_status(OCIREG_OK, get(client_for(host, json), host));
    expect_status(OCIREG_OK, get(new_client(json), host));
    expect_status(OCIREG_OK, get(client_for(host, text("{'ca_file':['%s','%s/cert.pem'],'ca_only':true}", env("OCIREG_TEST_OTHER_CA"), folder)), host));
    expect_status(OCIREG_TLS, get(client_for(host, text("{'ca_file':'%s'}", env("OCIREG_TEST_OTHER_CA"))), host));
    expect_message("ca_file");
    tls_start(other);
    expect_status(OCIREG_TLS, get(client_for(host, text("{'ca_file':'%s/cert.pem'}", other)), host));
    expect_message("the certificate of an authority");
    json = text("{'ca_file':'%s/cert.pem','address':'%s'}", folder, host);
    expect_status(OCIREG_TLS, get(client_for("registry.test", json), "registry.test"));
    expect_message("not valid for name");
}

/* A realm without TLS, named by a registry with TLS, receives no credentials unless the caller allows it. */
static void test_realm_without_tls(void **state) {
    (void)state;
    const struct answer token = {.bytes = http_answer("200 OK", "", "{\"token\":\"t\"}")};
    struct peer *realm = peer_start(&token, 1);
    const char *folder = new_folder(), *host = tls_start(folder);
    tls_answer(folder, "a/manifests/t", http_answer("401 Unauthorized", text("WWW-Authenticate: Bearer realm=\"http://%s/token\"\r\n", peer_host(realm)), ""));
    const char *json = "{'ca_file':'%s/cert.pem','username':'alice','password':'s3cret','trusted_realms':['%s%s']}";
    static const char *const refused[] = {"", "https://"};
    for (size_t i = 0; i < 2; i++) {
        expect_status(OCIREG_PROTOCOL, get(client_for(host, text(json, folder, refused[i], peer_host(realm))), host));
        expect_message("not protected by TLS");
        expect_message("trusted_realms");
    }
    assert_int_equal(peer_count(realm), 0);
    /* The server continues to answer 401. */
    expect_status(OCIREG_FORBIDDEN, get(client_for(host, text(json, folder, "http://", peer_host(realm))), host));
    assert_int_equal(peer_count(realm), 1);
    assert_non_null(strcasestr(peer_request(realm, 0), "\r\nauthorization: Basic YWxpY2U6czNjcmV0\r\n"));
}

/* A server that takes a TLS hello for the start of a request and waits for the rest. */
static void test_no_tls(void **state) {
    (void)state;
    const struct answer answer = {.then = PEER_SILENT};
    struct peer *peer = peer_start(&answer, 1);
    expect_status(OCIREG_TIMEOUT, ping(new_client("{'connect_timeout_ms':1000}"), peer_host(peer)));
    expect_message(text("%s does not speak TLS", peer_host(peer)));
    expect_message("plain_http");
    ocireg_client *client = new_client("{'connect_timeout_ms':1000}");
    set_host(client, "registry.test", text("{'address':'%s'}", peer_host(peer)));
    expect_status(OCIREG_TIMEOUT, ping(client, "registry.test"));
    expect_message("registry.test does not speak TLS");
    expect_status(OCIREG_CONNECT, ping(new_client("{'retries':0}"), closed_port()));
}

static void test_certs_dir(void **state) {
    (void)state;
    const char *host = env("OCIREG_TEST_TLS"), *folder = new_folder(), *own = text("%s/%s", folder, host);
    size_t size = 0;
    uint8_t *ca = read_file(env("OCIREG_TEST_CA"), &size);
    assert_int_equal(mkdir(own, 0755), 0);
    write_file(text("%s/ca.crt", own), ca, size);
    const char *json = text("{'retries':0,'certs_dir':'%s'}", folder);
    expect_status(OCIREG_OK, ping(new_client(json), host));
    write_file(text("%s/me.cert", own), ca, size);
    expect_status(OCIREG_TLS, ping(new_client(json), host));
    expect_message("me.key");
    /* Only on request: without the option no folder is read, and with it only the usual ones. */
    expect_status(OCIREG_TLS, ping(new_client("{'retries':0}"), host));
    setenv("HOME", folder, 1);
    expect_status(OCIREG_TLS, ping(new_client("{'retries':0,'certs_d':true}"), host));
    assert_int_equal(mkdir(text("%s/.config", folder), 0755), 0);
    assert_int_equal(mkdir(text("%s/.config/docker", folder), 0755), 0);
    assert_int_equal(symlink(folder, text("%s/.config/docker/certs.d", folder)), 0);
    assert_int_equal(unlink(text("%s/me.cert", own)), 0);
    expect_status(OCIREG_OK, ping(new_client("{'retries':0,'certs_d':true}"), host));
}

static void test_socket_and_address(void **state) {
    (void)state;
    const char *json = text("{'plain_http':true,'unix_socket':'%s'}", env("OCIREG_TEST_UNIX_SOCKET"));
    expect_status(OCIREG_OK, ping(client_for("registry.test", json), "registry.test"));
    expect_status(OCIREG_CONNECT, ping(client_for("registry.test", "{'plain_http':true,'unix_socket':'/no/socket'}"), "registry.test"));
    expect_message("/no/socket");
    struct peer *peer = proxy_peer();
    json = text("{'plain_http':true,'address':'%s'}", peer_host(peer));
    expect_status(OCIREG_OK, ping(client_for("registry.test:81", json), "registry.test:81"));
    assert_non_null(strcasestr(peer_request(peer, 0), "\r\nhost: registry.test:81\r\n"));
    json = text("{'plain_http':true,'address':'%s'}", closed_port());
    expect_status(OCIREG_CONNECT, ping(client_for("registry.test:81", json), "registry.test:81"));
    expect_message("the address 127.0.0.1:");
}

static void test_headers(void **state) {
    (void)state;
    struct peer *home = peer_bind(), *elsewhere = proxy_peer();
    const struct answer answer = {.bytes = http_answer("307 Temporary Redirect", text("Location: http://%s/x\r\n", peer_host(elsewhere)), "")};
    peer_serve(home, &answer, 1);
    ocireg_client *client = new_client("{'plain_http':true,'headers':['X-General: one']}");
    set_host(client, peer_host(home), "{'plain_http':true,'headers':{'X-Own':'two'}}");
    char *json = NULL;
    ocireg_status status = ocireg_repository_tags(client, NULL, text("%s/a", peer_host(home)), NULL, &json, &failure);
    (void)status; /* the other peer is not a registry */
    kept(json);
    assert_non_null(strcasestr(peer_request(home, 0), "\r\nx-general: one\r\n"));
    assert_non_null(strcasestr(peer_request(home, 0), "\r\nx-own: two\r\n"));
    assert_int_equal(peer_count(elsewhere), 1);
    assert_null(strcasestr(peer_request(elsewhere, 0), "x-general"));
    assert_null(strcasestr(peer_request(elsewhere, 0), "x-own"));
    forget_failure();
}

static void test_limits(void **state) {
    (void)state;
    struct peer *peer = proxy_peer();
    ocireg_client *client = client_for(peer_host(peer), "{'plain_http':true,'requests_per_second':10,'max_connections_per_host':1}");
    double begun = now_ms();
    for (int i = 0; i < 5; i++) expect_status(OCIREG_OK, ping(client, peer_host(peer)));
    assert_true(now_ms() - begun >= 390);
    client = new_client("{'plain_http':true,'requests_per_second':0}");
    begun = now_ms();
    for (int i = 0; i < 5; i++) expect_status(OCIREG_OK, ping(client, peer_host(peer)));
    assert_true(now_ms() - begun < allowed_ms(390));
}

/* A blob up and down at so many bytes a second, of which an eighth passes at once. */
static void test_bytes_a_second(void **state) {
    (void)state;
    const char *place = repository("OCIREG_TEST_V3", "bytes-a-second");
    size_t size = 300000;
    const uint8_t *bytes = noise(size, 1);
    ocireg_client *client = client_of("OCIREG_TEST_V3");
    expect_status(OCIREG_OK, ocireg_client_set_host(client, env("OCIREG_TEST_V3"),
                                                    options("{'plain_http':true,'upload_bytes_per_second':200000,'download_bytes_per_second':400000}"), &failure));
    double begun = now_ms();
    expect_status(OCIREG_OK, ocireg_blob_put_memory(client, NULL, place, bytes, size, NULL, NULL, &failure));
    assert_true(now_ms() - begun >= 1200);
    ocireg_buffer *got = NULL;
    begun = now_ms();
    expect_status(OCIREG_OK, ocireg_blob_get_memory(client, NULL, blob_reference(place, bytes, size), NULL, NULL, &got, &failure));
    assert_true(now_ms() - begun >= 500);
    ocireg_buffer_free(got);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(test_wrong_values),
        test(test_proxy),
        test(test_proxy_refuses),
        test(test_proxy_from_environment),
        test(test_client_certificate),
        test(test_authorities),
        test(test_own_certificate),
        test(test_realm_without_tls),
        test(test_no_tls),
        test(test_certs_dir),
        test(test_socket_and_address),
        test(test_headers),
        test(test_limits),
        test(test_bytes_a_second),
    };
    return run_all(tests, argc, argv);
}
