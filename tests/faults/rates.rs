//! How many bytes pass in a second, in each direction. The arithmetic has its own tests (src/http/bucket.rs); these look at what the
//! limits are for, with bounds that no slow machine breaks: no transfer is faster than its limit allows.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ocireg::error::{Code, Error};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::upload::put::BlobPutOptions;
use ocireg::registry::{Client, ClientOptions};
use serde_json::json;

use crate::common::*;
use crate::server::*;

/// Bytes a second, of which an eighth passes at once.
const RATE: u64 = 256 << 10;
/// What takes a second and a half then, at least.
const SIZE: usize = (RATE + RATE / 2 + RATE / 8 + (64 << 10)) as usize;
const LEAST: Duration = Duration::from_millis(1500);

fn registry(size: usize) -> (Server, Vec<u8>) {
    let blob = noise(size);
    let copy = blob.clone();
    (Server::start(move |seen| serve(&copy, seen)), blob)
}

/// A registry that takes uploads.
fn takes() -> Server {
    Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        "POST" => reply(202).header("Location", "/up"),
        _ => created(seen),
    })
}

/// A client whose patience is shorter than its limits make it wait.
fn with(change: impl FnOnce(&mut ClientOptions)) -> Client {
    Client::new(changed(options(), |options| {
        options.http.idle_timeout_ms = 100;
        change(options);
    }))
    .unwrap()
}

fn limited(host: &str, limits: serde_json::Value) -> Client {
    let client = with(|_| {});
    let mut options = json!({"plain_http": true});
    options.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    client.set_host(host, host_options(options)).unwrap();
    client
}

fn get(client: &Client, host: &str, blob: &[u8]) -> Result<Duration, Error> {
    let begun = Instant::now();
    let (_, bytes) = client.get_blob(&call(client), &at(host, &digest(blob)), &ReadOptions::default())?;
    assert!(bytes == blob);
    Ok(begun.elapsed())
}

fn put(client: &Client, host: &str, blob: &[u8]) -> Result<Duration, Error> {
    let begun = Instant::now();
    client.put_blob(&call(client), &repository(host), blob, &BlobPutOptions::default())?;
    Ok(begun.elapsed())
}

#[test]
fn a_download_is_no_faster_than_allowed_and_its_server_not_to_blame() {
    let (server, blob) = registry(SIZE);
    let of_host = limited(&server.host, json!({"download_bytes_per_second": RATE}));
    // More a second than is allowed: what the library waits is not counted.
    let of_client = with(|options| {
        options.http.throttle.download_bytes_per_second = RATE;
        options.http.min_speed = Some(RATE * 8);
    });
    let other_way = with(|options| options.http.throttle.upload_bytes_per_second = 1);
    for client in [&of_host, &of_client] {
        let taken = get(client, &server.host, &blob).unwrap();
        assert!(taken >= LEAST, "{taken:?}");
    }
    // An upload's limit is not a download's.
    get(&other_way, &server.host, &blob).unwrap();
}

#[test]
fn an_upload_is_no_faster_than_allowed_and_its_server_not_to_blame() {
    let server = takes();
    let blob = noise(SIZE);
    let of_host = limited(&server.host, json!({"upload_bytes_per_second": RATE}));
    let of_client = with(|options| options.http.throttle.upload_bytes_per_second = RATE);
    for client in [&of_host, &of_client] {
        let taken = put(client, &server.host, &blob).unwrap();
        assert!(taken >= LEAST, "{taken:?}");
    }
    let other_way = with(|options| options.http.throttle.download_bytes_per_second = 1 << 10);
    put(&other_way, &server.host, &blob).unwrap();
}

#[test]
fn the_storage_that_a_registry_redirects_to_counts_as_the_registry() {
    let (storage, blob) = registry(SIZE);
    let elsewhere = storage.url("/blob");
    let home = Server::start(move |_| reply(307).header("Location", &elsewhere));
    let client = limited(&home.host, json!({"download_bytes_per_second": RATE}));
    let taken = get(&client, &home.host, &blob).unwrap();
    assert!(taken >= LEAST, "{taken:?}");
    // The storage's own limit is for those who ask it themselves.
    let client = limited(&storage.host, json!({"download_bytes_per_second": 1}));
    get(&client, &home.host, &blob).unwrap();
    // The same for uploads.
    let store = Server::start(created);
    let target = store.url("/up?sig=x");
    let home = Server::start(move |seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        _ => reply(202).header("Location", &target),
    });
    let client = limited(&home.host, json!({"upload_bytes_per_second": RATE}));
    let taken = put(&client, &home.host, &blob).unwrap();
    assert!(taken >= LEAST, "{taken:?}");
}

#[test]
fn all_transfers_together_are_no_faster_and_share_alike() {
    let quarter = SIZE / 2;
    let servers = [registry(quarter), registry(quarter)];
    let client = with(|options| options.http.throttle.download_bytes_per_second = RATE);
    // Two at each of two hosts, under one limit: twice what takes a second and a half.
    let begun = Instant::now();
    let first = AtomicU64::new(u64::MAX);
    std::thread::scope(|scope| {
        for (server, blob) in servers.iter().chain(&servers) {
            scope.spawn(|| {
                get(&client, &server.host, blob).unwrap();
                first.fetch_min(begun.elapsed().as_millis() as u64, Ordering::Relaxed);
            });
        }
    });
    assert!(begun.elapsed() >= LEAST * 2, "{:?}", begun.elapsed());
    // One that had all to itself would be ready in a quarter of the time.
    assert!(first.into_inner() > begun.elapsed().as_millis() as u64 / 2);
}

#[test]
fn waiting_for_bytes_ends_with_the_call() {
    let (server, blob) = registry(200_000);
    let taker = takes();
    let slow = with(|options| {
        options.http.throttle.download_bytes_per_second = 1;
        options.http.throttle.upload_bytes_per_second = 1;
    });
    for up in [false, true] {
        let transfer = |call: &ocireg::call::Call| match up {
            false => slow.get_blob(call, &at(&server.host, &digest(&blob)), &ReadOptions::default()).map(drop),
            true => slow.put_blob(call, &repository(&taker.host), &blob, &BlobPutOptions::default()).map(drop),
        };
        let (context, call) = with_context(&slow);
        context.set_deadline(Some(Duration::from_millis(300)));
        within(Duration::from_secs(5), || drop(fails(transfer(&call), Code::Timeout, "deadline")));
        let (context, call) = with_context(&slow);
        within(Duration::from_secs(5), || {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(300));
                    context.cancel();
                });
                fails(transfer(&call), Code::Cancelled, "cancelled");
            });
        });
    }
}

#[test]
fn an_answer_ends_the_waiting_of_an_upload() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        "POST" => reply(202).header("Location", "/up"),
        _ => reply(403).early(),
    });
    let slow = with(|options| options.http.throttle.upload_bytes_per_second = 10);
    within(Duration::from_secs(10), || {
        fails(put(&slow, &server.host, &noise(200_000)), Code::Forbidden, "");
    });
}

#[test]
fn what_gets_a_token_does_not_wait_for_the_bytes_of_others() {
    // The answer for a token has to be there in time; a transfer may have taken all bytes of the next minutes.
    let (server, blob) = registry(100_000);
    let realm = Server::start(|_| reply(200).json(&json!({"token": "t", "pad": "x".repeat(20_000)}).to_string()));
    let url = realm.url("/token");
    let home = Server::start(move |seen| match seen.header("authorization") {
        None => reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{url}\",service=\"s\"")),
        Some(_) => reply(200),
    });
    let slow = with(|options| options.http.throttle.download_bytes_per_second = 100);
    std::thread::scope(|scope| {
        let (context, blocked) = with_context(&slow);
        let (slow, server, blob) = (&slow, &server, &blob);
        scope.spawn(move || {
            let outcome = slow.get_blob(&blocked, &at(&server.host, &digest(blob)), &ReadOptions::default());
            fails(outcome, Code::Cancelled, "");
        });
        std::thread::sleep(Duration::from_millis(200));
        within(Duration::from_secs(10), || {
            slow.ping(&call(slow), &home.host).unwrap();
            let found = slow.head_blob(&call(slow), &at(&home.host, &digest(blob))).unwrap();
            assert!(found.exists);
        });
        context.cancel();
    });
}
