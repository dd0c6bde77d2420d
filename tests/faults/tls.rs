//! Peers that do not speak TLS, or have certificates that only the caller trusts.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocireg::error::{Code, Error};
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use ocireg::registry::ClientOptions;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{json, Value};

use crate::common::*;
use crate::proxy::{Kind, Proxy};
use crate::server::*;

fn client_with(options: Value) -> Client {
    let mut all = json!({"retries": 0});
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    Client::new(serde_json::from_value::<ClientOptions>(all).unwrap()).unwrap()
}

fn get(client: &Client, host: &str) -> Result<(), Error> {
    client.get_manifest(&call(client), &tag(host), &GetOptions::default()).map(drop)
}

fn hint(error: &Error) -> String {
    error.to_json()["hint"].as_str().unwrap_or_default().to_owned()
}

/// A peer that accepts connections, and sends these bytes after receiving the first ones.
fn end(says: &'static [u8], then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(says);
            match then {
                Then::Stall => silent.push(stream),
                Then::Reset => drop(reset(&stream)),
                _ => {}
            }
        }
    });
    host
}

const SILENT: &str = "does not speak TLS: it accepted the connection, but sent nothing within the connect timeout";
const ENDED: &str = "does not speak TLS: it accepted the connection, but closed it without answering in TLS";
const OTHER: &str = "does not speak TLS: it answered with something else";

/// Peers without TLS: what they send, what they do then, and the resulting error.
const ENDS: [(&[u8], Then, Code, &str); 8] = [
    (b"", Then::Stall, Code::Timeout, SILENT),
    (b"\x16\x03\x03\x3f\xff\x02", Then::Stall, Code::Timeout, SILENT),
    (b"", Then::Close, Code::Connect, ENDED),
    (b"", Then::Reset, Code::Connect, ENDED),
    (b"\x16\x03", Then::Close, Code::Connect, ENDED),
    (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Then::Close, Code::Tls, OTHER),
    (b"SSH-2.0-OpenSSH_9.2\r\n", Then::Stall, Code::Tls, OTHER),
    (b"\0\xff\x01garbage", Then::Stall, Code::Tls, OTHER),
];

#[test]
fn an_end_that_speaks_no_tls_is_told_within_the_connect_timeout() {
    for (says, then, code, words) in ENDS {
        for name in ["127.0.0.1", "registry.test"] {
            let there = end(says, then);
            let host = there.replace("127.0.0.1", name);
            let client = client_with(json!({"connect_timeout_ms": 600}));
            let fixed = (name == "registry.test").then_some("127.0.0.1");
            client.set_host(&host, host_options(json!({"plain_http": false, "address": fixed}))).unwrap();
            within(Duration::from_secs(2), || {
                let error = fails(get(&client, &host), code, &format!("{host} {words}"));
                // An attacker in between can cause silence, and would benefit from a suggestion to drop TLS.
                let told = name == "127.0.0.1" || code == Code::Tls;
                assert_eq!(hint(&error).contains("plain_http"), told, "{says:?}: {error:?}");
            });
        }
    }
}

#[test]
fn a_loopback_host_whose_scheme_nobody_chose_is_told_too() {
    for (says, then, code, words) in ENDS {
        let host = end(says, then);
        let client = client_with(json!({"connect_timeout_ms": 600, "idle_timeout_ms": 1000}));
        within(Duration::from_secs(4), || match code {
            // It has answered, so http is tried.
            Code::Tls => drop(get(&client, &host).unwrap_err()),
            _ => assert!(hint(&fails(get(&client, &host), code, &format!("{host} {words}"))).contains("plain_http")),
        });
    }
}

#[test]
fn an_idle_limit_below_the_connect_timeout_says_the_same() {
    let host = end(b"", Then::Stall);
    for options in [json!({"plain_http": false}), json!({})] {
        let client = client_with(json!({"idle_timeout_ms": 300, "retries": 4}));
        client.set_host(&host, host_options(options)).unwrap();
        within(Duration::from_secs(2), || {
            let error =
                fails(get(&client, &host), Code::Timeout, "does not speak TLS: no answer from the server within");
            assert!(hint(&error).contains("plain_http"));
        });
    }
}

#[test]
fn nobody_there_is_another_matter() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let error = fails(get(&client_with(json!({})), &gone), Code::Connect, "cannot connect");
    assert!(!error.message().contains("TLS"), "{error}");
}

#[test]
fn behind_a_proxy_it_is_the_one_that_speaks_no_tls() {
    let options = |proxy: String| json!({"proxy": proxy, "connect_timeout_ms": 600});
    for (kind, scheme) in [(Kind::Http, "http"), (Kind::Socks5, "socks5h")] {
        for (says, then, code, words) in ENDS {
            let host = end(says, then).replace("127.0.0.1", "registry.test");
            let proxy = Proxy::start(kind);
            let client = client_with(options(format!("{scheme}://{}", proxy.host)));
            fails(get(&client, &host), code, &format!("{host} {words}"));
        }
    }
    for (says, then, code, words) in ENDS {
        let proxy = format!("https://{}", end(says, then));
        let client = client_with(options(proxy.clone()));
        let error = fails(get(&client, "registry.test"), code, &format!("the proxy {proxy} {words}"));
        assert!(hint(&error).contains("http://"), "{error:?}");
    }
}

#[test]
fn a_token_server_that_speaks_no_tls_is_told_as_one() {
    let realm = format!("https://{}/token", end(b"", Then::Stall));
    let server = Server::start(move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\"")));
    for options in [json!({"connect_timeout_ms": 600}), json!({"idle_timeout_ms": 300})] {
        let client = client_with(options);
        client.set_host(&server.host, host_options(json!({"plain_http": true}))).unwrap();
        let error = fails(get(&client, &server.host), Code::Timeout, "the token server: 127.0.0.1:");
        assert!(error.message().contains("does not speak TLS"), "{error}");
    }
}

/// A certificate and its key.
pub struct Certificate(tempfile::TempDir);

impl Certificate {
    /// Self-signed, with these extensions, valid from the first to the second day.
    pub fn own(extensions: &str, days: (&str, &str)) -> Certificate {
        let made = Certificate(tempfile::tempdir().unwrap());
        std::fs::write(made.path("index.txt"), "").unwrap();
        let config = format!(
            "[ca]\ndefault_ca=own\n[own]\nnew_certs_dir=.\ndatabase=index.txt\nrand_serial=yes\ndefault_md=sha256\npolicy=any\n\
             x509_extensions=list\n[any]\ncommonName=supplied\n[list]\n{extensions}\n[req]\ndistinguished_name=any\n"
        );
        std::fs::write(made.path("config"), config).unwrap();
        made.openssl("req -new -config config -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout key.pem -subj /CN=localhost -out request");
        made.openssl(&format!(
            "ca -config config -batch -notext -selfsign -keyfile key.pem -in request -startdate {}000000Z -enddate {}000000Z -out cert.pem",
            days.0, days.1
        ));
        made
    }

    /// Signed by another.
    fn by(issuer: &Certificate) -> Certificate {
        let made = Certificate(tempfile::tempdir().unwrap());
        made.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 -subj /CN=leaf -CA {} -CAkey {} \
             -addext basicConstraints=CA:FALSE -addext {NAMES} -keyout key.pem -out cert.pem",
            issuer.path("cert.pem").display(),
            issuer.path("key.pem").display()
        ));
        made
    }

    fn openssl(&self, arguments: &str) {
        let run = Command::new("openssl").args(arguments.split(' ')).current_dir(self.0.path()).output().unwrap();
        assert!(run.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&run.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn file(&self) -> String {
        self.path("cert.pem").to_str().unwrap().to_owned()
    }

    /// A TLS endpoint in front of a server without TLS.
    pub fn before(&self, inner: &str) -> String {
        let chain = vec![CertificateDer::from_pem_file(self.path("cert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.path("key.pem")).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let (config, inner) = (Arc::new(config), inner.to_owned());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for outer in listener.incoming().flatten() {
                let inner = TcpStream::connect(&inner).unwrap();
                let tls = rustls::ServerConnection::new(config.clone()).unwrap();
                std::thread::spawn(move || both_ways(rustls::StreamOwned::new(tls, outer), inner));
            }
        });
        host
    }
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
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) && step(&mut outer, &mut inner) && step(&mut inner, &mut outer) {}
}

pub const NAMES: &str = "subjectAltName=DNS:localhost,IP:127.0.0.1";
pub const NOW: (&str, &str) = ("20200101", "20990101");
/// As made by `openssl req -x509`, and by Docker's own recipe.
pub const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE";

fn registry() -> Server {
    Server::start(|_| reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST))
}

#[test]
fn a_servers_own_certificate_is_trusted_when_it_is_given() {
    let server = registry();
    let authority = Certificate::own(AUTHORITY, NOW);
    for certificate in [
        Certificate::own(&format!("{AUTHORITY}\n{NAMES}"), NOW),
        Certificate::own(&format!("{AUTHORITY},pathlen:0\n{NAMES}\nkeyUsage=keyCertSign,cRLSign"), NOW),
        Certificate::own(&format!("{AUTHORITY}\n{NAMES}\nextendedKeyUsage=clientAuth,serverAuth"), NOW),
        Certificate::own(&format!("basicConstraints=CA:FALSE\n{NAMES}"), NOW),
        Certificate::own(NAMES, NOW),
        Certificate::by(&authority),
    ] {
        let host = certificate.before(&server.host);
        for options in [json!({"ca_file": certificate.file()}), json!({"ca_file": certificate.file(), "ca_only": true})]
        {
            get(&client_with(options.clone()), &host).unwrap();
            let client = client_with(json!({}));
            client.set_host(&host, host_options(options)).unwrap();
            get(&client, &host).unwrap();
            get(&client, &host.replace("127.0.0.1", "localhost")).unwrap_err();
        }
        let several = json!({"ca_file": [authority.file(), certificate.file()]});
        get(&client_with(several), &host.replace("127.0.0.1", "localhost")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(&host)).unwrap();
        std::fs::copy(certificate.file(), folder.path().join(&host).join("ca.crt")).unwrap();
        get(&client_with(json!({"certs_dir": folder.path()})), &host).unwrap();
        let proxy = Proxy::start(Kind::Http);
        let behind = client_with(json!({"ca_file": certificate.file(), "proxy": proxy.host}));
        get(&behind, &host).unwrap();
        get(&client_with(json!({"insecure": true})), &host).unwrap();
    }
}

#[test]
fn a_certificate_that_is_given_is_for_its_names_its_days_and_its_purposes() {
    let server = registry();
    let usual = format!("{AUTHORITY}\n{NAMES}");
    let other = Certificate::own(&usual, NOW);
    let without = "basicConstraints=CA:FALSE";
    for (certificate, words) in [
        (Certificate::own(&usual, ("20200101", "20210101")), "expired"),
        (Certificate::own(&usual, ("20980101", "20990101")), "not valid yet"),
        (Certificate::own(&format!("{without}\n{NAMES}"), ("20200101", "20210101")), "expired"),
        (Certificate::own(&format!("{AUTHORITY}\nsubjectAltName=DNS:registry.test"), NOW), "not valid for name"),
        (Certificate::own(&format!("{without}\nsubjectAltName=DNS:registry.test"), NOW), "not valid for name"),
        // The common name does not count as a host name any more.
        (Certificate::own(AUTHORITY, NOW), "not valid for name"),
        (Certificate::own(&format!("{usual}\nextendedKeyUsage=clientAuth"), NOW), "it is not for use by a server"),
        (
            Certificate::own(&format!("{without}\n{NAMES}\nextendedKeyUsage=clientAuth"), NOW),
            "not allow extended key usage",
        ),
    ] {
        let host = certificate.before(&server.host);
        let error = fails(get(&client_with(json!({"ca_file": certificate.file()})), &host), Code::Tls, "certificate");
        assert!(error.message().contains(words), "{error} lacks {words}");
    }
    // Another certificate with the same names is not trusted.
    let host = Certificate::own(&usual, NOW).before(&server.host);
    for options in [json!({}), json!({"ca_file": other.file()})] {
        let error = fails(get(&client_with(options), &host), Code::Tls, "it is the certificate of an authority");
        assert!(hint(&error).contains("ca_file"), "{error:?}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_realm_without_tls_is_for_those_who_ask_for_it() {
    let token = Server::start(|_| reply(200).json(r#"{"token":"good"}"#));
    let realm = token.url("/token");
    let server = Server::start(move |seen| match seen.header("authorization") {
        Some("Bearer good") => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        _ => reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"s\"")),
    });
    let certificate = Certificate::own(&format!("{AUTHORITY}\n{NAMES}"), NOW);
    let host = certificate.before(&server.host);
    let client = |credentials: bool, trusted: Value| {
        let client = client_with(json!({"ca_file": certificate.file()}));
        let mut options = json!({"trusted_realms": trusted});
        if credentials {
            (options["username"], options["password"]) = (json!("alice"), json!("s3cret"));
        }
        client.set_host(&host, host_options(options)).unwrap();
        client
    };
    let (named, elsewhere) = (token.host.clone(), "http://127.0.0.1:1".to_owned());
    for credentials in [true, false] {
        for trusted in [json!([]), json!([named]), json!([format!("https://{named}")]), json!([elsewhere])] {
            let error =
                fails(get(&client(credentials, trusted), &host), Code::Protocol, "which is not protected by TLS");
            let hint = hint(&error);
            assert!(hint.contains(&format!("list http://{named} in")) && hint.contains("https realm"), "{hint}");
        }
    }
    assert!(token.seen().is_empty());
    for trusted in [format!("http://{named}"), "http://127.0.0.1".to_owned()] {
        get(&client(true, json!([trusted])), &host).unwrap();
        assert!(token.seen().pop().unwrap().header("authorization").is_some());
        get(&client(false, json!([trusted])), &host).unwrap();
        assert!(token.seen().pop().unwrap().header("authorization").is_none());
    }
}
