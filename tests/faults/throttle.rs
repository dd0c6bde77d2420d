//! One throttle per host: how many requests are in flight, how many start per second, and which wait after a
//! Retry-After.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ::http::Method;
use ocireg::call::Call;
use ocireg::error::Code;
use ocireg::inside::{Body, Http, Location, Request};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::upload::Source;
use ocireg::registry::Client;
use serde_json::json;
use url::Url;

use crate::common::*;
use crate::server::*;

fn manifest() -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

fn get(client: &Client, host: &str) -> Result<(), ocireg::error::Error> {
    client.get_manifest(&call(client), &tag(host), &GetOptions::default()).map(drop)
}

/// Several threads get a manifest at once.
fn together(client: &Client, host: &str, threads: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| get(client, host).unwrap());
        }
    });
}

fn limited(host: &str, limits: serde_json::Value) -> Client {
    let client = client();
    let mut options = json!({"plain_http": true});
    options.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    client.set_host(host, host_options(options)).unwrap();
    client
}

/// A server that counts its concurrent requests, and their maximum.
fn counting() -> (Server, Arc<AtomicUsize>) {
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let highest = most.clone();
    let server = Server::start(move |_| {
        highest.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        now.fetch_sub(1, Ordering::SeqCst);
        manifest()
    });
    (server, most)
}

#[test]
fn no_more_requests_than_allowed_wait_at_once() {
    let (server, most) = counting();
    together(&limited(&server.host, json!({"max_connections_per_host": 3})), &server.host, 12);
    assert_eq!(most.load(Ordering::SeqCst), 3);
    let (server, most) = counting();
    together(&client(), &server.host, 24);
    assert_eq!(most.load(Ordering::SeqCst), 8);
    // Each host has its own limit.
    let (one, other) = (counting(), counting());
    let client = client();
    for server in [&one.0, &other.0] {
        let options = json!({"plain_http": true, "max_connections_per_host": 1});
        client.set_host(&server.host, host_options(options)).unwrap();
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| together(&client, &one.0.host, 6));
        scope.spawn(|| together(&client, &other.0.host, 6));
    });
    assert!(begun.elapsed() < Duration::from_millis(550), "{:?}", begun.elapsed());
    assert_eq!((one.1.load(Ordering::SeqCst), other.1.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn requests_begin_at_the_rate_that_is_allowed() {
    let server = Server::start(|_| manifest());
    together(&limited(&server.host, json!({"requests_per_second": 20})), &server.host, 8);
    let mut times: Vec<Instant> = server.seen().iter().map(|seen| seen.at).collect();
    times.sort();
    let taken = times[7] - times[0];
    // 350 ms; a loaded machine may see the first one late.
    assert!(taken >= Duration::from_millis(200) && taken < Duration::from_secs(5), "{taken:?}");
}

#[test]
fn what_one_thread_is_told_holds_for_all() {
    for date in [false, true] {
        let server = Server::start(move |seen| match (seen.number, date) {
            (0, false) => reply(429).header("Retry-After", 1),
            (0, true) => {
                let then = SystemTime::now() + Duration::from_secs(3);
                reply(503).header("Retry-After", httpdate::fmt_http_date(then))
            }
            _ => manifest(),
        });
        let client = client();
        std::thread::scope(|scope| {
            scope.spawn(|| get(&client, &server.host).unwrap());
            while server.seen().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            std::thread::sleep(Duration::from_millis(100));
            for _ in 0..3 {
                scope.spawn(|| get(&client, &server.host).unwrap());
            }
        });
        let seen = server.seen();
        assert_eq!(seen.len(), 5);
        for later in &seen[1..] {
            // A date has whole seconds only.
            assert!(later.at - seen[0].at >= Duration::from_millis(if date { 1900 } else { 1000 }));
        }
    }
}

#[test]
fn who_cannot_wait_that_long_hears_of_it_at_once_and_can_cancel() {
    let server = Server::start(|seen| match seen.number {
        0 => reply(429).header("Retry-After", 20),
        _ => manifest(),
    });
    let client = client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_secs(5)));
    let ask = |call: &_| client.get_manifest(call, &tag(&server.host), &GetOptions::default()).map(drop);
    within(Duration::from_secs(1), || {
        assert_eq!(fails(ask(&call), Code::RateLimited, "20 s").retry_after(), Some(20));
        let error = fails(ask(&call), Code::RateLimited, "s");
        assert!(error.retry_after().is_some_and(|after| (19..=20).contains(&after)));
    });
    assert_eq!(server.seen().len(), 1);
    // A call with enough time waits, and can be interrupted.
    let (context, call) = with_context(&client);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| ask(&call));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!waiting.is_finished());
        within(Duration::from_millis(200), || {
            context.cancel();
            fails(waiting.join().unwrap(), Code::Cancelled, "");
        });
    });
    // Another host is not affected.
    let other = Server::start(|_| manifest());
    within(Duration::from_secs(1), || get(&client, &other.host).unwrap());
}

#[test]
fn a_long_ban_is_told_to_all_and_a_client_of_its_own_may_try() {
    let server = Server::start(|seen| match seen.number {
        0 => reply(429).header("Retry-After", 3600),
        _ => manifest(),
    });
    let first = client();
    for _ in 0..3 {
        let error = fails(get(&first, &server.host), Code::RateLimited, "");
        assert!(error.retry_after().is_some_and(|after| (3595..=3600).contains(&after)));
    }
    assert_eq!(server.seen().len(), 1);
    get(&client(), &server.host).unwrap();
}

#[test]
fn places_are_given_back_whatever_happens() {
    let blob = noise(300_000);
    let copy = blob.clone();
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path()) {
        ("GET", "/v2/a/b/manifests/lost") => lost(),
        ("GET", "/v2/a/b/manifests/cut") => manifest().cut(5, Then::Reset),
        ("GET", "/v2/a/b/manifests/stall") => manifest().cut(5, Then::Stall),
        ("GET", "/v2/a/b/manifests/moved") => reply(307).header("Location", "/v2/a/b/manifests/t"),
        ("GET", path) if path.contains("blobs") => serve(&copy, seen),
        ("POST", _) => reply(202).header("Location", "/upload"),
        ("PATCH", _) => reply(202).header("Location", "/upload").header("Range", "0-9"),
        ("PUT", _) => created(seen),
        ("HEAD", _) => reply(404),
        _ => manifest(),
    });
    let client = limited(&server.host, json!({"max_connections_per_host": 1}));
    let at_tag = |tag: &str| ocireg::reference::Reference::parse(&format!("{}/a/b:{tag}", server.host), None).unwrap();
    for tag in ["lost", "cut", "stall"] {
        let (context, call) = with_context(&client);
        context.set_deadline(Some(Duration::from_millis(300)));
        assert!(client.get_manifest(&call, &at_tag(tag), &GetOptions::default()).is_err(), "{tag}");
    }
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_secs(5)));
    within(Duration::from_secs(5), || {
        client.get_manifest(&call, &at_tag("moved"), &GetOptions::default()).unwrap();
        // Open readers, and calls from a hook, with only one slot.
        let first = client.open_blob(&call, &at(&server.host, &digest(&blob)), &ReadOptions::default()).unwrap();
        let second = client.open_blob(&call, &at(&server.host, &digest(&blob)), &ReadOptions::default()).unwrap();
        get(&client, &server.host).unwrap();
        let (context, call) = with_context(&client);
        let (inner, host) = (client.clone(), server.host.clone());
        context.set_log(Some(Arc::new(move |_: &serde_json::Value| {
            get(&inner, &host).unwrap();
            Ok(())
        })));
        client.get_manifest(&call, &tag(&server.host), &GetOptions::default()).unwrap();
        drop((first, second));
    });
}

/// A source that needs the same host for its own bytes, as a copy within one registry does.
struct Nested<'a> {
    http: &'a Http,
    call: &'a Call,
    url: Url,
    left: usize,
}

impl Source for Nested<'_> {
    fn piece(&mut self, most: usize) -> ocireg::error::Result<bytes::Bytes> {
        let mut request = Request::new(Method::GET).whole(1 << 20, "a piece");
        let mut piece = self.http.send(self.call, &Location::of_caller(self.url.clone()), &mut request)?.take_whole();
        piece.truncate(most.min(self.left));
        self.left -= piece.len();
        Ok(piece.into())
    }
}

#[test]
fn a_transfer_does_not_wait_for_itself() {
    let piece = noise(50_000);
    let copy = piece.clone();
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => reply(200).body(&copy),
        _ => created(seen),
    });
    let options = serde_json::from_value(json!({"max_connections_per_host": 1, "idle_timeout_ms": 2000})).unwrap();
    let http = Http::new(options).unwrap();
    let (client, url) = (client(), Url::parse(&server.url("/x")).unwrap());
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_secs(5)));
    within(Duration::from_secs(5), || {
        let mut source = Nested { http: &http, call: &call, url: url.clone(), left: 200_000 };
        let body = Body::Stream { source: &mut source, size: 200_000, done: 0 };
        let answer =
            http.send(&call, &Location::of_caller(url.clone()), &mut Request::new(Method::PUT).body(body)).unwrap();
        assert_eq!(answer.status, 201);
    });
    let seen = server.seen();
    assert_eq!((server.count("GET", "/x"), seen.last().unwrap().body.len()), (4, 200_000));
    assert!(seen.last().unwrap().body.starts_with(&piece));
}
