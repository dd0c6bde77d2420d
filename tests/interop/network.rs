//! Reaching real registries: through proxies, with client certificates, through sockets and fixed addresses.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::proxy::{Kind, Proxy};
use super::*;

fn client_with(options: serde_json::Value) -> Client {
    Client::new(serde_json::from_value(options).unwrap()).unwrap()
}

fn with_host(host: &str, options: serde_json::Value) -> Client {
    let client = client_with(json!({"retries": 0}));
    client.set_host(host, serde_json::from_value(options).unwrap()).unwrap();
    client
}

/// Puts a blob of several pieces and reads it back.
fn round_trip(client: &Client, host: &str) -> Result<(), ocireg::error::Error> {
    let call = client.call(None)?;
    let repository = Repository::parse(&format!("{host}/network/a"), None).unwrap();
    let bytes: Vec<u8> = (0..400_000u32).flat_map(|n| (n ^ std::process::id().rotate_left(7)).to_le_bytes()).collect();
    let digest = client.put_blob(&call, &repository, &bytes, &BlobPutOptions::default())?.digest;
    let reference = Reference::parse(&format!("{host}/network/a@{digest}"), None).unwrap();
    let (_, found) = client.get_blob(&call, &reference, &ReadOptions::default())?;
    assert!(found == bytes);
    Ok(())
}

fn certificate(name: &str) -> String {
    format!("{}/{name}", env("OCIREG_TEST_CERTIFICATES"))
}

#[test]
fn proxies_lead_to_plain_and_tls_registries() {
    for (kind, scheme) in [(Kind::Http, "http"), (Kind::Socks5, "socks5"), (Kind::Socks5, "socks5h")] {
        for variable in ["OCIREG_TEST_V3", "OCIREG_TEST_TLS", "OCIREG_TEST_TOKEN", "OCIREG_TEST_TOKEN_TLS"] {
            let proxy = Proxy::locked(kind, "alice:pr0xy");
            let place = TestRegistry::new(variable);
            let client = client_with(json!({"proxy": format!("{scheme}://alice:pr0xy@{}", proxy.host)}));
            client.set_host(&place.host, serde_json::from_value(place.options.clone()).unwrap()).unwrap();
            round_trip(&client, &place.host).unwrap();
            let seen = proxy.seen();
            assert!(!seen.is_empty());
            if kind == Kind::Http && variable.ends_with("TLS") {
                assert!(seen.iter().all(|seen| seen.starts_with("CONNECT ")), "{seen:?}");
            }
        }
    }
}

#[test]
fn what_a_tls_registry_says_through_a_tunnel_is_about_the_registry() {
    let proxy = Proxy::start(Kind::Http);
    let host = env("OCIREG_TEST_TLS");
    let client = client_with(json!({"proxy": proxy.host, "retries": 0, "ca_file": env("OCIREG_TEST_OTHER_CA")}));
    let error = round_trip(&client, &host).unwrap_err();
    assert_eq!(error.code(), Code::Tls, "{error}");
    assert!(error.message().contains(&host) && !error.message().contains("proxy"), "{error}");
    let refusing = Proxy::refusing(Kind::Http);
    let client = client_with(json!({"proxy": refusing.host, "retries": 0, "ca_file": env("OCIREG_TEST_CA")}));
    let error = round_trip(&client, &host).unwrap_err();
    assert_eq!(error.code(), Code::Connect, "{error}");
    assert!(error.message().contains(&refusing.host), "{error}");
}

/// A proxy behind TLS: it forwards everything to a proxy without TLS.
fn behind_tls(inner: String) -> String {
    let chain = CertificateDer::pem_file_iter(certificate("tls.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(certificate("tls.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for outer in listener.incoming().flatten() {
            let inner = TcpStream::connect(&inner).unwrap();
            let server = rustls::ServerConnection::new(config.clone()).unwrap();
            std::thread::spawn(move || both_ways(rustls::StreamOwned::new(server, outer), inner));
        }
    });
    host
}

fn both_ways(mut outer: rustls::StreamOwned<rustls::ServerConnection, TcpStream>, mut inner: TcpStream) {
    let pause = Some(Duration::from_millis(2));
    outer.sock.set_read_timeout(pause).unwrap();
    inner.set_read_timeout(pause).unwrap();
    let mut buffer = vec![0; 64 << 10];
    let mut step = |from: &mut dyn Read, to: &mut dyn Write| match from.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) => to.write_all(&buffer[..count]).and_then(|()| to.flush()).is_ok(),
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    };
    while step(&mut outer, &mut inner) && step(&mut inner, &mut outer) {}
}

#[test]
fn a_proxy_behind_tls_is_verified_by_the_clients_authorities_only() {
    let (tls, plain) = (env("OCIREG_TEST_TLS"), env("OCIREG_TEST_V3"));
    let inner = Proxy::start(Kind::Http);
    let outer = behind_tls(inner.host.clone());
    let ca = env("OCIREG_TEST_CA");
    for host in [&tls, &plain] {
        let client = client_with(json!({"proxy": format!("https://{outer}"), "ca_file": ca}));
        client.set_host(host, serde_json::from_value(json!({"plain_http": host == &plain})).unwrap()).unwrap();
        round_trip(&client, host).unwrap();
        // The host's settings do not apply to the proxy, not even `insecure`.
        for own in [
            json!({"ca_file": ca, "plain_http": host == &plain}),
            json!({"insecure": true, "plain_http": host == &plain}),
        ] {
            let client = client_with(json!({"proxy": format!("https://{outer}"), "retries": 0}));
            client.set_host(host, serde_json::from_value(own).unwrap()).unwrap();
            let error = round_trip(&client, host).unwrap_err();
            assert!(error.message().contains(&format!("cannot connect to the proxy https://{outer}")), "{error}");
        }
    }
    let client =
        client_with(json!({"proxy": format!("https://{outer}"), "client_cert_file": certificate("client-both.pem")}));
    let error = round_trip(&client, &tls).unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument, "{error}");
}

#[test]
fn a_registry_that_wants_a_client_certificate_gets_it() {
    let host = env("OCIREG_TEST_MTLS");
    let ca = env("OCIREG_TEST_CA");
    let pairs = [
        ("client.pem", Some("client.key")),
        ("client.pem", Some("client-sec1.key")),
        ("client-both.pem", None),
        ("client-rsa.pem", Some("client-rsa.key")),
        ("client-rsa.pem", Some("client-pkcs1.key")),
    ];
    for (cert, key) in pairs {
        let mut options = json!({"ca_file": [env("OCIREG_TEST_OTHER_CA"), ca], "client_cert_file": certificate(cert)});
        if let Some(key) = key {
            options["client_key_file"] = certificate(key).into();
        }
        round_trip(&with_host(&host, options.clone()), &host).unwrap();
        options["retries"] = 0.into();
        round_trip(&client_with(options), &host).unwrap();
    }
    let proxy = Proxy::start(Kind::Http);
    let options = json!({"ca_file": ca, "client_cert_file": certificate("client-both.pem"), "proxy": proxy.host});
    round_trip(&with_host(&host, options), &host).unwrap();
}

#[test]
fn wrong_client_certificates_are_named() {
    let host = env("OCIREG_TEST_MTLS");
    let fails = |cert: Option<&str>, key: Option<&str>, code: Code, part: &str| {
        let mut options = json!({"ca_file": env("OCIREG_TEST_CA")});
        if let Some(cert) = cert {
            options["client_cert_file"] = certificate(cert).into();
        }
        if let Some(key) = key {
            options["client_key_file"] = certificate(key).into();
        }
        // With retries: a server's alert that arrives after the handshake can be lost with the connection.
        let client = client_with(json!({}));
        client.set_host(&host, serde_json::from_value(options).unwrap()).unwrap();
        let error = round_trip(&client, &host).unwrap_err();
        assert_eq!(error.code(), code, "{cert:?} {key:?}: {error}");
        assert!(error.to_json().to_string().contains(part), "{error}");
    };
    fails(None, None, Code::Tls, "client_cert_file");
    fails(Some("stranger.pem"), Some("stranger.key"), Code::Tls, "client certificate");
    fails(Some("client.pem"), Some("client-rsa.key"), Code::Tls, "does not belong");
    fails(Some("client.pem"), Some("client-encrypted.key"), Code::Tls, "encrypted");
    fails(Some("client.pem"), None, Code::Tls, "client.pem contains no PEM key");
    fails(Some("client.key"), Some("client.key"), Code::Tls, "client.key contains no PEM certificate");
    fails(Some("missing.pem"), None, Code::Io, "missing.pem");
    fails(Some("client.pem"), Some("missing.key"), Code::Io, "missing.key");
}

#[test]
fn folders_of_certificates_are_read_as_docker_reads_them() {
    let host = env("OCIREG_TEST_MTLS");
    let folders = Path::new(&env("OCIREG_TEST_TMP")).join(format!("certs.d-{}", std::process::id()));
    let own = folders.join(&host);
    std::fs::create_dir_all(&own).unwrap();
    std::fs::copy(env("OCIREG_TEST_CA"), own.join("ca.crt")).unwrap();
    std::fs::copy(certificate("client.pem"), own.join("me.cert")).unwrap();
    let options = json!({"certs_dir": ["/no/such/folder", folders.to_str().unwrap()], "retries": 0});
    let error = round_trip(&client_with(options.clone()), &host).unwrap_err();
    assert!(error.message().contains("me.key"), "{error}");
    std::fs::copy(certificate("client.key"), own.join("me.key")).unwrap();
    round_trip(&client_with(options.clone()), &host).unwrap();
    // Another host has no folder.
    let error = round_trip(&client_with(options), &env("OCIREG_TEST_TLS")).unwrap_err();
    assert_eq!(error.code(), Code::Tls);
}

#[test]
fn a_socket_of_this_machine_leads_to_a_registry() {
    let options = json!({"plain_http": true, "unix_socket": env("OCIREG_TEST_UNIX_SOCKET")});
    round_trip(&with_host("registry.test:5000", options), "registry.test:5000").unwrap();
}

#[test]
fn a_fixed_address_leads_to_a_registry_with_its_name_in_tls() {
    let place = env("OCIREG_TEST_TLS");
    let options = json!({"address": place, "ca_file": env("OCIREG_TEST_CA")});
    round_trip(&with_host("localhost:9", options.clone()), "localhost:9").unwrap();
    // The certificate is not for this name.
    let error = round_trip(&with_host("registry.test:9", options), "registry.test:9").unwrap_err();
    assert_eq!(error.code(), Code::Tls, "{error}");
    let plain = json!({"address": env("OCIREG_TEST_V2"), "plain_http": true});
    round_trip(&with_host("registry.test", plain), "registry.test").unwrap();
}
