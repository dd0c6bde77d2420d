//! What the caller does, what is wrong on this machine, and what is about one request only is not held against a mirror.

use std::time::Duration;

use ocireg::call::context::Context;
use ocireg::error::Code;
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

#[test]
fn what_the_caller_ends_is_ended() {
    let house = House::new(&[("m1", Silent), ("origin", Healthy)]);
    let client = Client::new(changed(options(), |options| options.http.idle_timeout_ms = 60_000)).unwrap();
    client.set_host(house.host("origin"), host_options(json!({"mirrors": [house.host("m1")]}))).unwrap();
    let context = std::sync::Arc::new(Context::new());
    let call = client.call(Some(context.clone())).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while house.server("m1").seen().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            context.cancel();
        });
        fails(client.get_manifest(&call, &house.tagged(), &GetOptions::default()), Code::Cancelled, "");
    });
    assert!(house.server("origin").seen().is_empty());
    // It says nothing of the mirror.
    let shown = client.explain(&house.call(&client), &house.tagged()).unwrap();
    assert_eq!(shown["endpoints"][0]["passed_over_seconds"], 0);
}

/// What is the caller's own doing, or about one request only, says nothing of the endpoint.
#[test]
fn what_is_not_its_fault_does_not_count_against_it() {
    let beyond = |seen: &Seen| match seen.range_start() {
        Some(start) if start >= layer().len() => reply(416).header("Content-Range", "bytes */300000"),
        _ if seen.path().ends_with("/tags/list") => reply(405),
        _ => healthy(seen),
    };
    let mut house = House::empty();
    house.add("m1", beyond);
    house.add("origin", move |seen| if seen.path().ends_with("/tags/list") { healthy(seen) } else { beyond(seen) });
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    let blob = house.at(&digest(&layer()));
    let read = |what: &str| {
        house.asked();
        client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
        assert_eq!(house.asked(), ["m1"], "after {what}");
    };
    let old = GetOptions { max_schema_version: 1, ..GetOptions::default() };
    for reference in [house.tagged(), house.at(&digest(manifest().as_bytes()))] {
        fails(client.get_manifest(&call, &reference, &old), Code::InvalidManifest, "schema version");
        assert_eq!(house.asked(), ["m1"], "nobody has another one");
    }
    read("what the caller does not accept");
    client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m1", "origin"]);
    read("what it does not support");
    let behind = ReadOptions { offset: 400_000, ..ReadOptions::default() };
    fails(client.get_blob(&call, &blob, &behind), Code::InvalidArgument, "");
    read("an offset behind the end");
}

/// The caller's hooks, files and limits end a call, or ask another endpoint; they say nothing of the one that was asked.
#[test]
fn what_goes_wrong_here_is_not_remembered_of_a_mirror() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let blob = house.at(&digest(&layer()));
    let stopped = || {
        let context = std::sync::Arc::new(Context::new());
        context.set_log(Some(std::sync::Arc::new(|event| match event["event"] == "response" {
            true => Err(ocireg::call::context::Stop),
            false => Ok(()),
        })));
        client.call(Some(context)).unwrap()
    };
    let small = ReadOptions { limit: Some(10), ..ReadOptions::default() };
    for (code, outcome) in [
        (Code::Callback, client.get_blob(&stopped(), &blob, &ReadOptions::default()).map(drop)),
        (Code::Io, client.get_blob_file(&call(&client), &blob, "/dev/full".as_ref(), &Default::default()).map(drop)),
        (Code::LimitExceeded, client.get_blob(&call(&client), &blob, &small).map(drop)),
    ] {
        fails(outcome, code, "");
        let shown = client.explain(&house.call(&client), &house.tagged()).unwrap();
        assert_eq!(shown["endpoints"][0]["passed_over_seconds"], 0, "{code:?}");
    }
}
