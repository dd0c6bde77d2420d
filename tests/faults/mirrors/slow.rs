//! Mirrors that take too long: others are asked in time, and one endpoint under two names keeps its patience.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::error::Code;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

/// A client that waits longer than any of these calls may take.
fn patient(house: &House, mirrors: &[&str]) -> Client {
    let client = Client::new(changed(options(), |options| options.http.idle_timeout_ms = 60_000)).unwrap();
    client.set_host(house.host("origin"), host_options(json!({"mirrors": mirrors}))).unwrap();
    client
}

fn with_deadline(client: &Client, limit: Duration) -> Call {
    let context = Arc::new(Context::new());
    context.set_deadline(Some(limit));
    client.call(Some(context)).unwrap()
}

/// A listener that accepts and says nothing: to TLS, that is.
fn silent_tls() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mirror = format!("https://{}", listener.local_addr().unwrap());
    (listener, mirror)
}

#[test]
fn a_deadline_is_shared_with_those_that_come_next() {
    let mut house = House::new(&[("silent", Silent), ("origin", Healthy)]);
    house.add("stops", |seen| match seen.path().contains("/manifests/") {
        true => reply(200).header("Content-Type", MANIFEST_TYPE).body(manifest()).cut(10, Then::Stall),
        false => serve(&layer(), seen).cut(100_000, Then::Stall),
    });
    let realm = house.server("silent").url("/token");
    house.add("asks", move |_| reply(401).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\"")));
    let (_listener, tls) = silent_tls();
    let hosts = [house.host("silent"), house.host("stops"), house.host("asks"), &tls];
    let limit = Duration::from_secs(6);
    let (manifests, blobs) = (
        |mirrors: &[&str]| {
            let client = patient(&house, mirrors);
            let call = with_deadline(&client, limit);
            let found = client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
            assert_eq!(found.served_by.as_deref(), Some(house.host("origin")), "{mirrors:?}");
            let shown = client.explain(&house.call(&client), &house.tagged()).unwrap();
            // Another call may have more time for it.
            assert_eq!(shown["endpoints"][0]["passed_over_seconds"], 0, "{mirrors:?}");
        },
        |mirrors: &[&str]| {
            let client = patient(&house, mirrors);
            let (call, blob) = (with_deadline(&client, limit), house.at(&digest(&layer())));
            assert_eq!(client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1, layer(), "{mirrors:?}");
        },
    );
    std::thread::scope(|scope| {
        for mirror in hosts {
            scope.spawn(move || manifests(&[mirror]));
            scope.spawn(move || blobs(&[mirror]));
        }
        // Two of them leave something to the registry too.
        scope.spawn(|| manifests(&hosts[..2]));
        scope.spawn(|| blobs(&hosts[1..]));
    });
}

/// A server that answers only after this time.
fn answers_after(time: Duration) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
    move |seen| {
        std::thread::sleep(time);
        healthy(seen)
    }
}

/// It has too little time for a mirror that is healthy: other calls, at the same time or later, have enough.
#[test]
fn the_short_deadline_of_one_call_is_not_the_mirrors_fault() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", answers_after(Duration::from_millis(1500)));
    let client = patient(&house, &[house.host("m1")]);
    let served =
        |call: &Call| client.get_manifest(call, &house.tagged(), &GetOptions::default()).unwrap().served_by.unwrap();
    let short = with_deadline(&client, Duration::from_secs(2));
    std::thread::scope(|scope| {
        let long = scope.spawn(|| served(&with_deadline(&client, Duration::from_secs(60))));
        assert_eq!(served(&short), house.host("origin"));
        assert_eq!(long.join().unwrap(), house.host("m1"));
    });
    assert_eq!(served(&call(&client)), house.host("m1"));
}

/// Nor does the call that had too little time ask it again and again: what is left of its time is for the others.
#[test]
fn a_call_learns_once_that_it_has_too_little_time() {
    let house = House::new(&[("m1", Silent), ("origin", Healthy)]);
    let client = patient(&house, &[house.host("m1")]);
    let call = with_deadline(&client, Duration::from_secs(4));
    let again = || client.get_blob(&call, &house.at(&digest(&layer())), &ReadOptions::default()).unwrap();
    let taken = within(Duration::from_millis(3500), || (0..24).for_each(|_| drop(again())));
    assert!(taken >= Duration::from_millis(1900), "{taken:?}");
    assert_eq!(house.server("m1").seen().len(), 1);
    // Those too that wait for a permit.
    let call = with_deadline(&client, Duration::from_secs(4));
    let blob = house.at(&digest(&layer()));
    within(Duration::from_millis(3500), || {
        std::thread::scope(|scope| {
            for _ in 0..24 {
                scope.spawn(|| client.get_blob(&call, &blob, &ReadOptions::default()).unwrap());
            }
        });
    });
    assert!(house.server("m1").seen().len() <= 1 + 8, "{}", house.server("m1").seen().len());
}

/// What waits for a permit need not find out what others have found out.
#[test]
fn a_silent_mirror_is_found_out_once() {
    let house = House::new(&[("m1", Silent), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                let blob = house.at(&digest(&layer()));
                client.get_blob(&call(&client), &blob, &ReadOptions::default()).unwrap();
            });
        }
    });
    assert!(house.server("m1").seen().len() <= 8, "{}", house.server("m1").seen().len());
}

/// It had little time because of others. If they fail it has more.
#[test]
fn one_that_was_slow_is_asked_again_if_nobody_else_answers() {
    let mut house = House::new(&[("origin", Down)]);
    let asked = AtomicUsize::new(0);
    house.add("m1", move |seen| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => reply(200).lost().then(Then::Stall),
        _ => healthy(seen),
    });
    let client = house.client(&["m1"]);
    client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m1", "origin", "m1"]);
    // The registry's word that there is none is the last.
    let house = House::new(&[("m1", Silent), ("origin", Status(404))]);
    let client = house.client(&["m1"]);
    let outcome = client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default());
    fails(outcome, Code::NotFound, "");
    assert_eq!(house.asked(), ["m1", "origin"]);
}

/// There is no other: it is repeated as often as ever.
#[test]
fn one_endpoint_under_two_names_keeps_its_tries() {
    for scheme in ["", "http://"] {
        let mut house = House::empty();
        let asked = AtomicUsize::new(0);
        house.add("origin", move |seen| match asked.fetch_add(1, Ordering::SeqCst) {
            0..3 => reply(503),
            _ => healthy(seen),
        });
        let client = house.client_with(json!({"mirrors": [format!("{scheme}{}", house.host("origin"))]}));
        client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()).unwrap();
        assert_eq!(house.requests().len(), 4);
    }
}
