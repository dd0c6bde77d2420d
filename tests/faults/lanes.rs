//! Many small requests to a host: who waits for a response drives its connection. The first requests to a host go over connections that
//! the network thread drives.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ocireg::call::Call;
use ocireg::error::Code;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::json;

use crate::common::*;
use crate::server::*;
use crate::tls::{Certificate, AUTHORITY, NAMES, NOW};

/// More than go over the common connections.
const MANY: usize = 24;
const STACK: usize = 4 << 20;

fn manifest(_: &Seen) -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

fn get(call: &Call, client: &Client, host: &str) -> ocireg::error::Result<()> {
    client.get_manifest(call, &tag(host), &GetOptions::default()).map(drop)
}

/// Does it on a thread that knows how much stack it has.
fn roomy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let begin = || {
        ocireg::inside::stack_begins_here(STACK);
        work()
    };
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(begin)
        .unwrap()
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The connections by which requests from the first of these on came.
fn ports(server: &Server, from: usize) -> BTreeSet<u16> {
    server.seen()[from..].iter().map(|seen| seen.port).collect()
}

/// A client that has asked a server many times, on this thread.
fn acquainted(server: &Server) -> Client {
    let client = client();
    (0..MANY).for_each(|_| get(&call(&client), &client, &server.host).unwrap());
    assert_eq!(ports(server, MANY - 4).len(), 1);
    assert_ne!(ports(server, MANY - 4), ports(server, 0), "it has no lane");
    client
}

#[test]
fn many_requests_of_one_thread_have_a_connection_of_their_own() {
    roomy(|| {
        let server = Server::start(manifest);
        let client = acquainted(&server);
        assert_eq!(ports(&server, 0).len(), 2);
        // HEAD too, and what is not small goes the common way.
        let blob = noise(1000);
        let options = Default::default();
        client.head_manifest(&call(&client), &tag(&server.host), &options).map(drop).unwrap_or_default();
        assert_eq!(ports(&server, MANY), ports(&server, MANY - 1));
        let reader = client.open_blob(&call(&client), &at(&server.host, &digest(&blob)), &Default::default());
        drop(reader);
        assert_eq!(server.seen().last().unwrap().port, server.seen()[0].port);
    });
}

#[test]
fn threads_that_cannot_drive_a_connection_have_none() {
    let none = |work: fn(&Client, &str)| {
        let server = Server::start(manifest);
        let client = client();
        (0..MANY).for_each(|_| work(&client, &server.host));
        assert_eq!(ports(&server, 0).len(), 1);
    };
    let plain: fn(&Client, &str) = |client, host| get(&call(client), client, host).unwrap();
    // Its stack is unknown, or small, or it runs another event loop.
    none(plain);
    thread::spawn(move || {
        ocireg::inside::stack_begins_here(256 << 10);
        none(plain);
    })
    .join()
    .unwrap();
    roomy(move || {
        none(|client, host| {
            let other = tokio_runtime();
            other.block_on(async { get(&call(client), client, host).unwrap() });
        });
    });
    // So few connections are all that the caller wants there to be.
    roomy(|| {
        for most in [1, 2, 7] {
            let server = Server::start(manifest);
            let client = client();
            let options = json!({"plain_http": true, "max_connections_per_host": most});
            client.set_host(&server.host, host_options(options)).unwrap();
            (0..MANY).for_each(|_| get(&call(&client), &client, &server.host).unwrap());
            assert_eq!(ports(&server, 0).len(), 1, "{most}");
        }
    });
}

fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn each_thread_has_its_own() {
    roomy(|| {
        let server = Server::start(|seen| {
            thread::sleep(Duration::from_millis(5));
            manifest(seen)
        });
        let client = acquainted(&server);
        let host = server.host.clone();
        let all: Vec<_> = (0..4)
            .map(|_| {
                let (client, host) = (client.clone(), host.clone());
                thread::spawn(move || {
                    roomy(move || (0..10).for_each(|_| get(&call(&client), &client, &host).unwrap()));
                })
            })
            .collect();
        all.into_iter().for_each(|one| one.join().unwrap());
        let used = ports(&server, MANY);
        assert!(used.len() >= 2 && used.len() <= 4, "{used:?}");
    });
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_not_used() {
    roomy(|| {
        let server = Server::start(|seen| match seen.number >= MANY && seen.number < MANY + 3 {
            true => manifest(seen).then(Then::Close),
            false => manifest(seen),
        });
        let client = acquainted(&server);
        for _ in 0..5 {
            get(&call(&client), &client, &server.host).unwrap();
            thread::sleep(Duration::from_millis(50));
        }
        // None was sent twice.
        assert_eq!(server.seen().len(), MANY + 5);
    });
}

#[test]
fn what_ends_a_call_ends_it_there_too() {
    roomy(|| {
        let silent = |number: usize| [MANY, MANY + 2, MANY + 4].contains(&number);
        let server = Server::start(move |seen| match silent(seen.number) {
            true => reply(200).lost().then(Then::Stall),
            false => manifest(seen),
        });
        let client = acquainted(&server);
        let (context, cancelled) = with_context(&client);
        let after = |work: Box<dyn FnOnce() + Send>| {
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(100));
                work();
                Instant::now()
            })
        };
        let stop = after(Box::new(move || context.cancel()));
        fails(get(&cancelled, &client, &server.host), Code::Cancelled, "");
        assert!(stop.join().unwrap().elapsed() < Duration::from_millis(200));
        get(&call(&client), &client, &server.host).unwrap();
        assert_ne!(ports(&server, MANY), ports(&server, MANY + 1), "what was given up is not used again");

        let (context, late) = with_context(&client);
        context.set_deadline(Some(Duration::from_millis(80)));
        within(Duration::from_millis(400), || {
            fails(get(&late, &client, &server.host), Code::Timeout, "");
        });
        get(&call(&client), &client, &server.host).unwrap();

        let other = client.clone();
        let stop = after(Box::new(move || other.close()));
        fails(get(&call(&client), &client, &server.host), Code::Closed, "");
        assert!(stop.join().unwrap().elapsed() < Duration::from_millis(200));
    });
}

#[test]
fn the_time_limits_hold_there_too() {
    roomy(|| {
        let server = Server::start(|seen| match seen.number {
            MANY => reply(200).lost().then(Then::Stall),
            25 => manifest(seen).cut(100, Then::Stall),
            26 => manifest(seen).cut(100, Then::Reset),
            _ => manifest(seen),
        });
        let client = acquainted(&server);
        // One that says nothing is asked once more, which then breaks off twice.
        within(Duration::from_secs(6), || get(&call(&client), &client, &server.host).unwrap_or_default());
        get(&call(&client), &client, &server.host).unwrap();
        assert!(ports(&server, MANY).len() > 2);
    });
}

#[test]
fn the_text_of_a_refusal_is_read_there() {
    roomy(|| {
        let server = Server::start(|seen| match seen.number >= MANY {
            true => reply(404).json(r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"it is gone"}]}"#),
            false => manifest(seen),
        });
        let client = acquainted(&server);
        for _ in 0..3 {
            fails(get(&call(&client), &client, &server.host), Code::NotFound, "it is gone");
        }
        assert_eq!(ports(&server, MANY - 1).len(), 1);
    });
}

#[test]
fn a_hook_may_make_calls_of_its_own() {
    roomy(|| {
        let server = Server::start(manifest);
        let client = acquainted(&server);
        let (context, logged) = with_context(&client);
        let (inner, host) = (client.clone(), server.host.clone());
        context.set_log(Some(Arc::new(move |_| {
            get(&call(&inner), &inner, &host).unwrap();
            Ok(())
        })));
        get(&logged, &client, &server.host).unwrap();
        assert!(server.seen().len() >= MANY + 3);
    });
}

#[test]
fn a_long_list_comes_whole() {
    roomy(|| {
        let names: Vec<String> = (0..100_000).map(|number| format!("tag-{number:06}")).collect();
        let list = json!({"name": "a/b", "tags": names}).to_string();
        let server = Server::start(move |seen| match seen.target.contains("/tags/") {
            true => reply(200).json(&list),
            false => manifest(seen),
        });
        let client = acquainted(&server);
        let tags = client.tags_of(&call(&client), &repository(&server.host), &Default::default()).unwrap();
        assert_eq!(serde_json::to_value(&tags).unwrap()["tags"].as_array().unwrap().len(), names.len());
        assert_eq!(ports(&server, MANY), ports(&server, MANY - 1));
    });
}

/// A server that does not stop to announce an answer from the request MANY on.
fn flooding() -> Server {
    Server::start(|seen| match seen.number >= MANY {
        true => lost().then(Then::Flood),
        false => manifest(seen),
    })
}

/// A call that is flooded ends that soon after what ends it.
fn ends_in_a_flood(client: &Client, host: &str, soon: Duration) {
    let time = Duration::from_millis(300);
    let (context, flooded) = with_context(client);
    let stop = thread::spawn(move || {
        thread::sleep(time);
        context.cancel();
        Instant::now()
    });
    fails(get(&flooded, client, host), Code::Cancelled, "");
    let taken = stop.join().unwrap().elapsed();
    assert!(taken < soon, "{taken:?}");

    let (context, flooded) = with_context(client);
    context.set_deadline(Some(time));
    within(time + soon, || drop(fails(get(&flooded, client, host), Code::Timeout, "")));
}

#[test]
fn a_flood_of_announcements_without_tls_keeps_no_thread_that_makes_a_call() {
    roomy(|| {
        let server = flooding();
        let client = client();
        let host = server.host.replace("127.0.0.1", "registry.test");
        client.set_host(&host, host_options(json!({"plain_http": true, "address": "127.0.0.1"}))).unwrap();
        (0..MANY).for_each(|_| get(&call(&client), &client, &host).unwrap());
        assert_eq!(ports(&server, 0).len(), 1, "it has a lane");
        ends_in_a_flood(&client, &host, Duration::from_millis(300));
    });
}

#[test]
fn a_flood_of_announcements_with_tls_is_left_from_a_lane() {
    // Nothing is optimized in a build for tests.
    let soon = Duration::from_millis(if cfg!(debug_assertions) { 1000 } else { 200 });
    roomy(move || {
        let server = flooding();
        let certificate = Certificate::own(&format!("{AUTHORITY}\n{NAMES}"), NOW);
        let host = certificate.before(&server.host);
        let options = changed(options(), |options| {
            options.http.plain_http = false;
            options.http.tls.ca_file = ocireg::registry::Texts(vec![certificate.file()]);
        });
        let client = Client::new(options).unwrap();
        // It finds out first whether the host speaks TLS.
        while server.seen().len() < MANY {
            get(&call(&client), &client, &host).unwrap();
        }
        assert_ne!(ports(&server, MANY - 1), ports(&server, 0), "it has no lane");
        ends_in_a_flood(&client, &host, soon);
    });
}

/// A server that takes one connection, and refuses all others.
fn of_one_connection() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        drop(listener);
        let size = MANIFEST.len();
        let answer =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {MANIFEST_TYPE}\r\nContent-Length: {size}\r\n\r\n{MANIFEST}");
        for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            if line.is_empty() && stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    });
    host
}

#[test]
fn a_server_that_refuses_another_connection_is_asked_over_the_one_that_is_there() {
    roomy(|| {
        let host = of_one_connection();
        let client = client();
        within(Duration::from_secs(3), || {
            (0..3 * MANY).for_each(|_| get(&call(&client), &client, &host).unwrap());
        });
    });
}
