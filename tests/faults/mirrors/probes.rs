//! Hosts that may speak TLS or plain http: one that does not answer in TLS is not asked so each time.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ocireg::error::Code;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::house::*;
use crate::common::*;
use crate::server::*;

/// What happens to a TLS hello.
#[derive(Clone, Copy, Debug)]
enum Hello {
    /// Nothing, as behind a firewall.
    Dropped,
    Closed,
}

/// A port of which plain http leads to a server; it counts the hellos of TLS.
fn port(server: &Server, hello: Hello) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (host, to) = (listener.local_addr().unwrap().to_string(), server.host.clone());
    let hellos = Arc::new(AtomicUsize::new(0));
    let counter = hellos.clone();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut first = [0];
            if stream.peek(&mut first).is_ok_and(|read| read == 1) && first[0] != 0x16 {
                forward(stream, TcpStream::connect(&to).unwrap());
                continue;
            }
            counter.fetch_add(1, Ordering::SeqCst);
            match hello {
                Hello::Dropped => kept.push(stream),
                Hello::Closed => drop((&stream).read(&mut [0; 4096])),
            }
        }
    });
    (host, hellos)
}

fn forward(one: TcpStream, other: TcpStream) {
    for (mut from, mut to) in [(one.try_clone().unwrap(), other.try_clone().unwrap()), (other, one)] {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Write);
        });
    }
}

/// A client that has no scheme of its own, and this limit for connecting.
fn client_with(limit: u64, file: Option<&Path>) -> Client {
    let all = changed(options(), |options| {
        options.http.plain_http = false;
        options.http.connect_timeout_ms = limit;
        options.http.idle_timeout_ms = 60_000;
        options.machine.docker_daemon_json = file.map(|path| path.to_string_lossy().into_owned());
    });
    Client::new(all).unwrap()
}

/// daemon.json with an insecure registry.
fn insecure(host: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!({"insecure-registries": [host]}).to_string()).unwrap();
    file
}

#[test]
fn who_does_not_answer_in_tls_is_asked_once() {
    for hello in [Hello::Dropped, Hello::Closed] {
        let server = Server::start(healthy);
        let (host, hellos) = port(&server, hello);
        let file = insecure(&host);
        let client = client_with(300, Some(file.path()));
        for _ in 0..3 {
            client.get_manifest(&call(&client), &tag(&host), &GetOptions::default()).unwrap();
        }
        assert_eq!(hellos.load(Ordering::SeqCst), 1, "{hello:?}");
        // The caller has said something else of it.
        client.set_host(&host, host_options(json!({}))).unwrap();
        client.get_manifest(&call(&client), &tag(&host), &GetOptions::default()).unwrap();
        assert_eq!(hellos.load(Ordering::SeqCst), 2, "{hello:?}");
    }
}

/// Without leave for plain http silence does not allow it.
#[test]
fn silence_is_no_leave_for_plain_http() {
    let server = Server::start(healthy);
    let (host, _) = port(&server, Hello::Dropped);
    let client = client_with(300, None);
    let outcome = client.get_manifest(&call(&client), &tag(&host), &GetOptions::default());
    fails(outcome, Code::Timeout, "does not speak TLS");
    assert!(server.seen().is_empty());
}

/// The wait for the hello is a part of the call's time only.
#[test]
fn under_a_deadline_plain_http_is_tried_in_time() {
    let server = Server::start(healthy);
    let (host, _) = port(&server, Hello::Dropped);
    let file = insecure(&host);
    let client = client_with(60_000, Some(file.path()));
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_secs(8)));
    client.get_manifest(&call, &tag(&host), &GetOptions::default()).unwrap();
}

/// What a call with little time takes for plain http, the next one asks again; but not the same call.
#[test]
fn a_probe_in_too_little_time_is_for_one_call_only() {
    let server = Server::start(healthy);
    let (host, hellos) = port(&server, Hello::Dropped);
    let file = insecure(&host);
    let client = client_with(60_000, Some(file.path()));
    for asked in 1..=2 {
        let (context, call) = with_context(&client);
        context.set_deadline(Some(Duration::from_secs(2)));
        for _ in 0..10 {
            client.get_manifest(&call, &tag(&host), &GetOptions::default()).unwrap();
        }
        assert_eq!(hellos.load(Ordering::SeqCst), asked);
    }
}
