//! How many bytes pass in a second, in each direction. The arithmetic has its own tests (src/http/bucket.rs); these look at what the
//! limits are for, with bounds that no slow machine breaks: no transfer is faster than its limit allows.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ocireg::error::{Code, Error};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::{Client, ClientOptions};
use serde_json::json;

use crate::common::*;
use crate::server::*;

/// Bytes a second, of which an eighth passes at once.
const RATE: u64 = 16 << 10;
/// What takes three seconds then, at least: a piece of a body, as it comes from the network, takes one of them.
const SIZE: usize = (3 * RATE + RATE / 8) as usize;
const LEAST: Duration = Duration::from_secs(3);

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

/// A client whose patience is shorter than its limits make it wait, and longer than a busy machine takes.
fn with(change: impl FnOnce(&mut ClientOptions)) -> Client {
    Client::new(changed(options(), |options| {
        options.http.idle_timeout_ms = 2500;
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
    // The storage's own limit is for clients that ask it themselves.
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

/// That they share alike is arithmetic, and is tested as such.
#[test]
fn all_transfers_together_are_no_faster() {
    let servers = [registry(SIZE / 4), registry(SIZE / 4)];
    let client = with(|options| options.http.throttle.download_bytes_per_second = RATE);
    // Two at each of two hosts, under one limit.
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (server, blob) in servers.iter().chain(&servers) {
            scope.spawn(|| get(&client, &server.host, blob).unwrap());
        }
    });
    assert!(begun.elapsed() >= LEAST, "{:?}", begun.elapsed());
}

/// A body that waits for the limit of bytes holds no permit meanwhile.
#[test]
fn a_wait_for_bytes_holds_no_permit() {
    let large = noise(100_000);
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path().contains("/manifests/")) {
        ("GET", true) => reply(200).header("Content-Type", MANIFEST_TYPE).body(noise(50_000)),
        ("POST", _) => reply(202).header("Location", "/up"),
        ("HEAD", _) => reply(200).header("Content-Length", 1),
        _ => created(seen),
    });
    let limits = json!({"max_connections_per_host": 1, "download_bytes_per_second": 10, "upload_bytes_per_second": 10});
    type Transfer<'a> = &'a (dyn Fn(&Client, &ocireg::call::Call) -> Result<(), Error> + Sync);
    let manifest = format!("{}{}", MANIFEST, " ".repeat(100_000));
    let transfers: [Transfer; 3] = [
        &|client, call| client.get_manifest(call, &tag(&server.host), &GetOptions::default()).map(drop),
        &|client, call| {
            client.put_manifest(call, &tag(&server.host), MANIFEST.as_bytes(), &Default::default()).map(drop)
        },
        &|client, call| {
            client.put_manifest(call, &tag(&server.host), manifest.as_bytes(), &Default::default()).map(drop)
        },
    ];
    for transfer in transfers {
        let client = limited(&server.host, limits.clone());
        let (context, blocked) = with_context(&client);
        let begun = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let seen = begun.clone();
        context.set_log(Some(std::sync::Arc::new(move |event| {
            seen.fetch_or(event["event"] == "request", Ordering::SeqCst);
            Ok(())
        })));
        std::thread::scope(|scope| {
            let client = &client;
            scope.spawn(move || fails(transfer(client, &blocked), Code::Cancelled, ""));
            while !begun.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            // Long enough for the other one to have the only permit, if it wants it.
            std::thread::sleep(Duration::from_millis(300));
            let (asks, call) = with_context(client);
            asks.set_deadline(Some(Duration::from_secs(10)));
            let found = client.head_blob(&call, &at(&server.host, &digest(&large)));
            context.cancel();
            assert!(found.unwrap().exists);
        });
    }
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
        while server.seen().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        // Long enough for the first bytes to come, with which it has taken those of the next minutes.
        std::thread::sleep(Duration::from_millis(200));
        within(Duration::from_secs(10), || {
            slow.ping(&call(slow), &home.host).unwrap();
            let found = slow.head_blob(&call(slow), &at(&home.host, &digest(blob))).unwrap();
            assert!(found.exists);
        });
        context.cancel();
    });
}
