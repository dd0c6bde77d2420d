//! Credentials that reached somebody else.

use std::process::Command;

use ocireg::error::Code;
use ocireg::reference::Reference;
use ocireg::registry::login::LoginOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::transfer::copy::CopyOptions;
use serde_json::json;

use super::*;
use crate::stored::{auth, Folder};
use crate::tls::Certificate;

/// containerd "ContainerDrip": the host of a foreign layer's URL asked for credentials, and got those of the registry.
#[test]
fn cve_2020_15157_urls_of_layers_get_no_credentials() {
    let stranger = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"give me\""));
    let layer = json!({"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": digest(b"layer"),
                       "size": 5, "urls": [stranger.url("/layer")]});
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"{}"), "size": 2});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]});
    let bytes = manifest.to_string();
    let home = Server::start(move |seen| match (seen.header("authorization"), seen.path()) {
        (None, _) => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        (_, path) if path.contains("/manifests/") => reply(200).header("Content-Type", MANIFEST_TYPE).body(&bytes),
        (_, path) if path.ends_with(digest(b"{}").as_str()) => reply(200).body("{}"),
        _ => reply(404),
    });
    let (client, folder) = (client_for(&home.host), tempfile::tempdir().unwrap());
    let from = ocireg::place::Place::parse(&format!("docker://{}/a/b:t", home.host)).unwrap();
    let to = ocireg::place::Place::parse(&format!("oci:{}", folder.path().join("layout").display())).unwrap();
    for foreign_layers in [false, true] {
        let options = CopyOptions { foreign_layers, ..CopyOptions::default() };
        let outcome = ocireg::place::copy(&client, &call(&client), &from, &to, &options);
        assert_eq!(outcome.is_ok(), !foreign_layers, "{outcome:?}");
    }
    assert!(!stranger.seen().iter().any(had_secrets));
}

/// distribution's proxy sent its credentials to whatever realm the upstream named.
#[test]
fn cve_2026_33540_a_realm_elsewhere_gets_no_credentials() {
    let client = client();
    let stranger = Server::start(|_| reply(200).json(r#"{"token":"t"}"#));
    let there = named(&client, "auth.evil.test", &stranger, false);
    let home = Server::start(move |seen| match seen.header("authorization") {
        Some("Bearer t") => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        _ => reply(401).header("WWW-Authenticate", format!("Bearer realm=\"http://{there}/token\",service=\"s\"")),
    });
    let host = named(&client, "registry.example.com", &home, true);
    get(&client, &host).unwrap();
    assert_eq!(stranger.seen().len(), 1);
    assert!(!stranger
        .seen()
        .iter()
        .chain(&home.seen())
        .any(|seen| seen.header("authorization") == Some("Basic YWxpY2U6czNjcmV0")));
}

/// oras-go used a realm of any scheme at any host: requests into the network behind, without TLS, and with the refresh token.
#[test]
fn cve_2026_48978_a_realm_is_no_way_into_a_network() {
    for realm in [
        "http://169.254.169.254/token",
        "http://[fd00:ec2::254]/token",
        "http://100.100.100.200/token",
        "http://[::ffff:169.254.169.254]/token",
        "http://0.0.0.0/token",
        "gopher://127.0.0.1/token",
        "file:///etc/passwd",
    ] {
        let server = Server::start(move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\"")));
        let error = get(&client_for(&server.host), &server.host).err().unwrap();
        assert!(matches!(error.code(), Code::Redirect | Code::Protocol), "{realm}: {error}");
        assert_eq!(server.seen().len(), 1, "{realm}");
    }
    let registry = url::Url::parse("https://registry.example.com/v2/").unwrap();
    let realm = url::Url::parse("http://registry.example.com/token").unwrap();
    assert!(!ocireg::inside::may_send_credentials(&registry, &realm, &[]), "without TLS");
}

/// malcontent, ggcr, jib: an untrusted reference was looked at with the credentials of whoever ran the program. In a process of its own,
/// whose environment has them.
#[test]
fn cve_2026_24845_no_stored_credentials_unasked() {
    const HOST: &str = "OCIREG_TEST_LESSON_HOST";
    if let Ok(host) = std::env::var(HOST) {
        let error = get(&client(), &host).err().unwrap();
        assert_eq!(error.code(), Code::Unauthenticated, "{error}");
        return;
    }
    let server = crate::stored::basic("alice", "s3cret");
    let folder = Folder::new(&json!({"auths": {&server.host: auth("alice", "s3cret")}}));
    get(&folder.client(), &server.host).expect("they are right");
    let before = server.seen().len();
    let name = "lessons::credentials::cve_2026_24845_no_stored_credentials_unasked";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", name])
        .env(HOST, &server.host)
        .env("DOCKER_CONFIG", folder.path())
        .env("HOME", folder.path());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = server.seen();
    assert!(seen.len() > before && !seen[before..].iter().any(had_secrets));
}

/// oras-go sent the Authorization of the POST to whatever host its Location named.
#[test]
fn cve_2026_50151_an_upload_elsewhere_gets_no_credentials() {
    let store = Server::start(|seen| match seen.method.as_str() {
        "PATCH" => reply(202).header("Location", "/up?2").header("Range", "0-4"),
        _ => created(seen),
    });
    let target = store.url("/up?1");
    let home = Server::start(move |seen| match (seen.method.as_str(), seen.header("authorization")) {
        (_, None) => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        ("HEAD", _) => reply(404),
        _ => reply(202).header("Location", &target),
    });
    let client = client_for(&home.host);
    for chunk_size in [None, Some(5)] {
        let options = BlobPutOptions { chunk_size, ..BlobPutOptions::default() };
        let _ = client.put_blob(&call(&client), &repository(&home.host), b"bytes", &options);
    }
    assert!(store.count("PUT", "/up") > 0 && store.count("PATCH", "/up") > 0, "{:?}", store.seen());
    assert!(!store.seen().iter().any(had_secrets));
}

/// oras-go, reqwest, curl (CVE-2018-1000007, CVE-2022-27774) and Go (CVE-2024-45336) kept Authorization where only the port or the scheme
/// changed, or took it up again later in the chain.
#[test]
fn ghsa_vh4v_2xq2_g5cg_credentials_stay_at_their_origin() {
    let last = Server::start(|_| reply(404));
    let end = last.url("/end");
    let other = Server::start(move |_| reply(307).header("Location", &end));
    let away = other.url("/away");
    let home = Server::start(move |seen| match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        Some(_) => reply(307).header("Location", &away),
    });
    let client = client_for(&home.host);
    let there = at(&home.host, &digest(b"x"));
    fails(client.get_blob(&call(&client), &there, &Default::default()), Code::NotFound, "");
    assert_eq!((other.seen().len(), last.seen().len()), (1, 1));
    assert!(!other.seen().iter().chain(&last.seen()).any(had_secrets));
}

/// containers/image asked the token server without checking its certificate, because the registry's was not to be checked.
#[test]
fn cve_2019_10214_an_insecure_registry_makes_no_other_host_insecure() {
    let tokens = Server::start(|_| reply(200).json(r#"{"token":"t"}"#));
    let certificate = Certificate::own("subjectAltName=DNS:localhost,IP:127.0.0.1", ("20200101", "20991231"));
    let realm = format!("https://{}/token", certificate.before(&tokens.host));
    let home = Server::start(move |_| {
        reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"s\""))
    });
    let client = client();
    let options = json!({"username": "alice", "password": "s3cret", "plain_http": true, "insecure": true});
    client.set_host(&home.host, host_options(options)).unwrap();
    fails(get(&client, &home.host), Code::Tls, "");
    assert_eq!(tokens.seen().len(), 0);
}

/// docker went on by plain HTTP, with credentials, where HTTPS failed.
#[test]
fn cve_2014_5277_nothing_falls_back_to_plain_http() {
    let server = Server::start(|_| reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST));
    let host = server.host.replace("127.0.0.1", "registry.example.com");
    let client = client();
    let options = json!({"username": "alice", "password": "s3cret", "plain_http": false, "address": "127.0.0.1"});
    client.set_host(&host, host_options(options)).unwrap();
    let error = get(&client, &host).err().unwrap();
    assert!(matches!(error.code(), Code::Tls | Code::Connect), "{error}");
    assert!(
        server.seen().iter().all(|seen| !seen.method.chars().all(|c| c.is_ascii_uppercase())),
        "{:?}",
        server.seen()
    );
}

/// trivy asked a cloud's helper for the credentials of a registry whose name only looked like the cloud's.
#[test]
fn cve_2024_35192_a_helper_is_asked_for_its_own_host_only() {
    let server = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"r\""));
    let port = server.host.rsplit(':').next().unwrap().to_owned();
    let folder = Folder::new(&json!({"credHelpers": {"cloud.test": "cloud", format!("cloud.test:{port}"): "cloud"}}));
    folder.helper("cloud", "echo '{\"Username\":\"alice\",\"Secret\":\"s3cret\"}'");
    let client = folder.client();
    for name in ["cloud.test.evil.test", "evilcloud.test", "cloud.tes", "cloud.test-evil"] {
        let host = named(&client, name, &server, false);
        fails(get(&client, &host), Code::Unauthenticated, "");
    }
    assert_eq!((folder.calls(), server.seen().iter().any(had_secrets)), (vec![], false));
    let host = named(&client, "cloud.test", &server, false);
    fails(get(&client, &host), Code::Unauthenticated, "");
    assert_eq!(folder.calls().len(), 1, "its own host");
}

/// connaisseur chose credentials by the beginning of a URL.
#[test]
fn connaisseur_2166_a_beginning_is_not_a_host() {
    let server = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"r\""));
    let port = server.host.rsplit(':').next().unwrap().to_owned();
    let folder = Folder::new(&json!({"auths": {
        "https://registry.test": auth("alice", "s3cret"),
        format!("registry.test:{port}/team"): auth("alice", "s3cret"),
    }}));
    let client = folder.client();
    for name in ["registry.test.evil.test", "registry.testing"] {
        let host = named(&client, name, &server, false);
        fails(get(&client, &host), Code::Unauthenticated, "");
    }
    let host = named(&client, "registry.test", &server, false);
    let asked = |name: &str| {
        let name = Reference::parse(&format!("{host}/{name}:t"), None).unwrap();
        fails(client.get_manifest(&call(&client), &name, &GetOptions::default()), Code::Unauthenticated, "");
    };
    asked("team-evil/app");
    asked("teams");
    assert!(!server.seen().iter().any(had_secrets));
    asked("team/app");
    assert!(server.seen().iter().any(had_secrets), "its own part");
}

/// katello and Docker Desktop wrote tokens and passwords into logs.
#[test]
fn cve_2019_14825_cve_2021_45449_no_secret_is_logged() {
    let store = Server::start(|_| reply(500).body("no"));
    let target = store.url("/blob?X-Amz-Signature=s1gned&sig=s1gned");
    let home = Server::start(move |seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => reply(200).json(r#"{"token":"t0ken","refresh_token":"t0ken"}"#),
        (_, Some("Bearer t0ken")) => reply(307).header("Location", &target),
        _ => reply(401).header(
            "WWW-Authenticate",
            format!("Bearer realm=\"http://{}/token\",service=\"s\"", seen.header("host").unwrap()),
        ),
    });
    let client = client_for(&home.host);
    let (context, call) = with_context(&client);
    let log = log_of(&context);
    let error = client.get_blob(&call, &at(&home.host, &digest(b"x")), &Default::default()).err().unwrap();
    let said = format!("{}{error:?}{}", log.lock().unwrap(), error.to_json());
    assert!(said.contains("/token") && said.contains("/blob"), "{said}");
    for secret in ["s3cret", "t0ken", "s1gned", &crate::stored::encoded("alice", "s3cret")] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

/// git's helpers took a line's end in a host for the end of a line of theirs.
#[test]
fn git_newlines_in_a_host_reach_no_helper() {
    let folder = Folder::new(&json!({"credsStore": "all"}));
    folder.helper("all", "echo '{\"Username\":\"alice\",\"Secret\":\"s3cret\"}'");
    let client = folder.client();
    for host in ["evil.test\nhost=registry.test", "evil.test\r\nhost=registry.test", "evil.test\0x", "evil.test%0ahost"]
    {
        assert!(Reference::parse(&format!("{host}/a/b:t"), None).is_err(), "{host:?}");
        let options: LoginOptions = serde_json::from_value(json!({"username": "alice", "password": "s3cret"})).unwrap();
        assert!(client.login(&call(&client), host, &options).is_err(), "{host:?}");
    }
    assert_eq!(folder.calls(), Vec::<String>::new());
}
