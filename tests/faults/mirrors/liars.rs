//! Mirrors that send something else: nothing of it is kept, and another endpoint is asked.

use std::sync::Arc;

use ocireg::call::context::Context;
use ocireg::error::Code;
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

fn file_of(house: &House, mirrors: &[&str]) -> Vec<u8> {
    let client = house.client(mirrors);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blob");
    let blob = house.at(&digest(&layer()));
    client.get_blob_file(&house.call(&client), &blob, &path, &SaveOptions::default()).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    std::fs::read(&path).unwrap()
}

#[test]
fn several_liars_are_passed_over_one_after_the_other() {
    let house = House::new(&[("m1", Lies), ("m2", Lies), ("m3", Lies), ("origin", Healthy)]);
    assert_eq!(file_of(&house, &["m1", "m2", "m3"]), layer());
    assert_eq!(house.asked(), ["m1", "m2", "m3", "origin"]);
}

/// Half from a liar, half from the registry: the registry is believed.
#[test]
fn a_liar_that_breaks_off_is_found_out_at_the_end() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.range_start() {
        None if seen.path().contains("/blobs/") => reply(200).body(other()).cut(100_000, Then::Reset),
        _ => lost(),
    });
    assert_eq!(file_of(&house, &["m1"]), layer());
    assert_eq!(house.asked(), ["m1", "origin"]);
    assert_eq!(house.server("m1").count("GET", "/blobs/"), 2, "the first try, and the one that goes on");
    assert_eq!(house.server("origin").count("GET", "/blobs/"), 2, "the rest, and all of it");
}

/// The size that a liar says is not that of the blob.
#[test]
fn a_wrong_size_is_forgotten_with_its_mirror() {
    for length in [10, 299_999, 300_001, 3_000_000] {
        let mut house = House::new(&[("origin", Healthy)]);
        house.add("m1", move |_| reply(200).body(noise(length)));
        assert_eq!(file_of(&house, &["m1"]), layer(), "{length}");
        let mut house = House::new(&[("origin", Healthy)]);
        house.add("m1", move |_| reply(200).header("Content-Length", length).body(&layer()[..5]).then(Then::Reset));
        assert_eq!(file_of(&house, &["m1"]), layer(), "{length}, cut");
    }
}

#[test]
fn if_all_lie_nothing_is_kept() {
    let house = House::new(&[("m1", Lies), ("origin", Lies)]);
    let client = house.client(&["m1"]);
    let folder = tempfile::tempdir().unwrap();
    let (path, blob) = (folder.path().join("blob"), house.at(&digest(&layer())));
    let outcome = client.get_blob_file(&house.call(&client), &blob, &path, &SaveOptions::default());
    fails(outcome, Code::DigestMismatch, "");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(house.asked(), ["m1", "origin"]);
}

/// What a reader has handed on cannot be taken back; the next one asks another endpoint.
#[test]
fn a_reader_fails_once() {
    let house = House::new(&[("m1", Lies), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let blob = house.at(&digest(&layer()));
    let read = || {
        let mut reader = client.open_blob(&house.call(&client), &blob, &ReadOptions::default()).unwrap();
        loop {
            match reader.piece() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    fails(read(), Code::DigestMismatch, "");
    read().unwrap();
    assert_eq!(house.asked(), ["m1", "origin"]);
}

/// A manifest by its digest is checked, whatever the mirror's header says; one by a tag is as good as the mirror.
#[test]
fn a_manifest_with_a_wrong_digest_is_not_taken() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path().contains("/manifests/") {
        true => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(manifest().as_bytes()))
            .body(MANIFEST),
        false => healthy(seen),
    });
    for by_tag in [true, false] {
        let client = house.client(&["m1"]);
        let reference = if by_tag { house.tagged() } else { house.at(&digest(manifest().as_bytes())) };
        let found = client.get_manifest(&house.call(&client), &reference, &GetOptions::default()).unwrap();
        assert_eq!(
            (found.bytes.as_slice(), found.served_by.as_deref()),
            (manifest().as_bytes(), Some(house.host("origin")))
        );
        assert_eq!(house.requests(), ["m1", "origin"], "by tag: {by_tag}");
    }
    // Alone it is asked twice, as a registry is: a cache on the way may have been wrong.
    let client = house.client_with(json!({"mirrors": [house.host("m1")], "mirrors_only": true}));
    fails(client.get_manifest(&house.call(&client), &house.tagged(), &GetOptions::default()), Code::DigestMismatch, "");
    assert_eq!(house.requests(), ["m1", "m1"]);
}

/// The registry that a blob is copied to has refused what the mirror sent: it is copied from another endpoint.
#[test]
fn a_copy_to_a_registry_begins_again() {
    let house = House::new(&[("m1", Lies), ("m2", Lies), ("origin", Healthy)]);
    let client = house.client(&["m1", "m2"]);
    let to = Server::start(|seen| match seen.method.as_str() {
        "HEAD" | "GET" => reply(404),
        "PUT" if seen.path().contains("/uploads/") && seen.body != layer() && seen.body != b"{}" => reply(400),
        _ => healthy(seen),
    });
    let (from, to_store) = (RegistryStore::new(&client, house.tagged()), RegistryStore::new(&client, tag(&to.host)));
    copy(&house.call(&client), &from, &to_store, &CopyOptions::default()).unwrap();
    assert!(to.seen().iter().any(|seen| seen.method == "PUT" && seen.body == layer()));
}

/// It sends more than the blob has, and breaks off. The registry, which cannot go on from there, is not to blame.
#[test]
fn one_that_sends_too_much_is_the_one_that_lies() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.range_start() {
        None if seen.path().contains("/blobs/") => reply(200).body(noise(500_000)).cut(400_000, Then::Reset),
        _ => lost(),
    });
    let client = house.client(&["m1"]);
    let (call, blob) = (house.call(&client), house.at(&digest(&layer())));
    assert_eq!(client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1, layer());
    house.asked();
    assert_eq!(client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1, layer());
    assert_eq!(house.asked(), ["origin"]);
}

/// One that failed a moment ago is still better than one that lies.
#[test]
fn after_a_lie_one_that_failed_is_asked() {
    let mut house = House::new(&[]);
    house.add("m1", |seen| match seen.path().contains("/blobs/") {
        true => serve(&other(), seen),
        false => reply(404),
    });
    house.add("origin", |seen| if seen.path().ends_with("/manifests/u") { reply(500) } else { healthy(seen) });
    let client = house.client(&["m1"]);
    let (call, blob) = (house.call(&client), house.at(&digest(&layer())));
    let bad = house.repository().with_tag("u").unwrap();
    assert!(client.get_manifest(&call, &bad, &GetOptions::default()).is_err());
    house.asked();
    assert_eq!(client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1, layer());
    assert_eq!(house.asked(), ["m1", "origin"]);
}

/// What an earlier call left was wrong: that is not the fault of the endpoint that sent the rest.
#[test]
fn the_rest_of_wrong_bytes_is_no_lie() {
    let mut house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    house.add("m2", |seen| match seen.range_start() {
        None => reply(200).body(other()).cut(100_000, Then::Reset),
        _ => lost(),
    });
    let folder = tempfile::tempdir().unwrap();
    let (path, blob) = (folder.path().join("blob"), house.at(&digest(&layer())));
    let get = |client: &ocireg::registry::Client| {
        client.get_blob_file(&house.call(client), &blob, &path, &SaveOptions::default())
    };
    let alone = house.client_with(json!({"mirrors": [house.host("m2")], "mirrors_only": true}));
    assert!(get(&alone).is_err() && std::fs::read_dir(folder.path()).unwrap().count() == 1);
    house.asked();
    get(&house.client(&["m1"])).unwrap();
    assert_eq!((house.asked(), std::fs::read(&path).unwrap()), (vec!["m1".to_owned()], layer()));
    assert!(house.server("m1").seen()[0].range_start().is_some(), "it went on");
}

/// One of several sent wrong bytes, and none is blamed before it is known which: each is asked for all of it.
#[test]
fn a_liar_that_breaks_off_blames_no_other_mirror() {
    let breaks_off = |seen: &Seen| match seen.range_start() {
        None if seen.path().contains("/blobs/") => reply(200).body(other()).cut(100_000, Then::Reset),
        _ => lost(),
    };
    for only in [true, false] {
        let mut house = House::new(&[("m2", Healthy), ("origin", Healthy)]);
        house.add("m1", breaks_off);
        let mirrors = json!([house.host("m1"), house.host("m2")]);
        let client = house.client_with(json!({"mirrors": mirrors, "mirrors_only": only}));
        let (call, blob) = (house.call(&client), house.at(&digest(&layer())));
        assert_eq!(client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1, layer());
        assert_eq!(house.asked(), ["m1", "m2"]);
        assert_eq!(house.server("m2").count("GET", "/blobs/"), 2, "the rest, and all of it");
        let shown = client.explain(&call, &house.tagged()).unwrap();
        let reason = |number: usize| shown["endpoints"][number]["passed_over_reason"].clone();
        assert_eq!((reason(0), reason(1)), (json!("it sent bytes with a wrong digest"), json!(null)));
        house.asked();
        assert_eq!(client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1, layer());
        assert_eq!(house.asked(), ["m2"]);
    }
}

/// The one that sends the rest lies as well, or it breaks off too: the third is asked for all of it.
#[test]
fn of_two_liars_and_one_that_is_healthy_that_one_is_found() {
    let breaks_off = |bytes: usize| {
        move |seen: &Seen| match seen.range_start() {
            None if seen.path().contains("/blobs/") => reply(200).body(other()).cut(bytes, Then::Reset),
            _ => lost(),
        }
    };
    for second_breaks in [false, true] {
        let mut house = House::new(&[("m3", Healthy), ("origin", Healthy)]);
        house.add("m1", breaks_off(100_000));
        house.add("m2", move |seen| match seen.range_start() {
            Some(_) => serve(&other(), seen),
            None if second_breaks => breaks_off(200_000)(seen),
            None => serve(&other(), seen),
        });
        let mirrors = json!([house.host("m1"), house.host("m2"), house.host("m3")]);
        let client = house.client_with(json!({"mirrors": mirrors, "mirrors_only": true}));
        let folder = tempfile::tempdir().unwrap();
        let (path, blob) = (folder.path().join("blob"), house.at(&digest(&layer())));
        client.get_blob_file(&house.call(&client), &blob, &path, &SaveOptions::default()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), layer());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        assert_eq!(house.server("m3").count("GET", "/blobs/"), 1);
    }
}

/// No endpoint sends all of it: an error, and an end.
#[test]
fn if_nobody_sends_all_of_it_that_is_the_end() {
    let mut house = House::new(&[("origin", Healthy)]);
    for (name, bytes) in [("m1", 100_000), ("m2", 200_000)] {
        house.add(name, move |seen| match seen.range_start() {
            Some(start) if start >= 200_000 => lost(),
            _ if seen.path().contains("/blobs/") && bytes == 100_000 => {
                reply(200).body(other()).cut(bytes, Then::Reset)
            }
            Some(_) => serve(&other(), seen),
            None => reply(200).body(other()).cut(bytes, Then::Reset),
        });
    }
    let mirrors = json!([house.host("m1"), house.host("m2")]);
    let client = house.client_with(json!({"mirrors": mirrors, "mirrors_only": true}));
    let folder = tempfile::tempdir().unwrap();
    let (path, blob) = (folder.path().join("blob"), house.at(&digest(&layer())));
    let error = client.get_blob_file(&house.call(&client), &blob, &path, &SaveOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::DigestMismatch, "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    assert!(house.requests().len() < 20);
}

/// What has no digest cannot be verified: a piece from a mirror comes with a warning that names it, one from the registry without.
#[test]
fn a_piece_that_a_mirror_sent_is_told() {
    let house = House::new(&[("m1", Lies), ("origin", Healthy)]);
    let piece = ReadOptions { offset: 5, length: Some(10), ..ReadOptions::default() };
    for (mirrors, told) in [(&["m1"][..], true), (&[][..], false)] {
        let (client, context) = (house.client(mirrors), Arc::new(Context::new()));
        let (call, blob) = (client.call(Some(context.clone())).unwrap(), house.at(&digest(&layer())));
        let (found, bytes) = client.get_blob(&call, &blob, &piece).unwrap();
        assert_eq!((found.verified, bytes == layer()[5..15]), (false, !told), "it may be anything");
        let warned: Vec<bool> = context
            .warnings()
            .iter()
            .map(|warning| warning.host == house.host("m1") && warning.text.contains("nothing can verify"))
            .collect();
        assert_eq!(warned, if told { vec![true] } else { vec![] });
        drop(client.open_blob(&call, &blob, &piece).unwrap());
        assert_eq!(context.warnings().len(), usize::from(told), "the same one");
        // All of it is verified.
        client.get_blob(&call, &blob, &ReadOptions::default()).unwrap();
        assert_eq!(context.warnings().len(), usize::from(told));
    }
}

/// Also where it breaks off, and another endpoint sends the rest.
#[test]
fn a_piece_of_which_a_mirror_sent_a_part_is_told() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.range_start() {
        Some(5) => serve(&layer(), seen).cut(20_000, Then::Reset),
        _ => lost(),
    });
    let piece = ReadOptions { offset: 5, length: Some(250_000), ..ReadOptions::default() };
    for by_reader in [false, true] {
        let (client, context) = (house.client(&["m1"]), Arc::new(Context::new()));
        let (call, blob) = (client.call(Some(context.clone())).unwrap(), house.at(&digest(&layer())));
        match by_reader {
            true => {
                let mut reader = client.open_blob(&call, &blob, &piece).unwrap();
                while reader.piece().unwrap().is_some() {}
                assert_eq!(reader.info().served_by, house.host("origin"));
            }
            false => drop(client.get_blob(&call, &blob, &piece).unwrap()),
        }
        let told: Vec<bool> = context
            .warnings()
            .iter()
            .map(|warning| warning.host == house.host("m1") && warning.text.contains("nothing can verify"))
            .collect();
        assert_eq!(told, [true], "by a reader: {by_reader}");
    }
}
