//! A download goes on at the next endpoint from where the one before broke off.

use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

/// The first byte that a server was asked for, of each request for a blob.
fn starts(house: &House, name: &str) -> Vec<Option<usize>> {
    let seen = house.server(name).seen();
    seen.iter().filter(|seen| seen.path().ends_with(digest(&layer()).as_str())).map(Seen::range_start).collect()
}

#[test]
fn no_byte_is_fetched_twice() {
    for way in ["memory", "file", "reader"] {
        let house = House::new(&[("m1", BreaksAt(100_000)), ("m2", BreaksAt(100_000)), ("origin", Healthy)]);
        let client = house.client(&["m1", "m2"]);
        let (call, blob) = (house.call(&client), house.at(&digest(&layer())));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        let bytes = match way {
            "memory" => client.get_blob(&call, &blob, &ReadOptions::default()).unwrap().1,
            "file" => {
                client.get_blob_file(&call, &blob, &path, &SaveOptions::default()).unwrap();
                std::fs::read(&path).unwrap()
            }
            _ => {
                let mut reader = client.open_blob(&call, &blob, &ReadOptions::default()).unwrap();
                let mut bytes = Vec::new();
                while let Some(piece) = reader.piece().unwrap() {
                    bytes.extend_from_slice(&piece);
                }
                bytes
            }
        };
        assert_eq!(bytes, layer(), "{way}");
        assert_eq!(house.asked(), ["m1", "m2", "origin"], "{way}");
        // A reset may overtake the last bytes that were sent.
        let asked = starts(&house, "origin");
        assert!(asked.len() == 1 && asked[0].is_some_and(|start| start > 0 && start <= 100_000), "{way}: {asked:?}");
        assert_eq!(starts(&house, "m1")[0], None);
        assert!(starts(&house, "m1").len() <= 2, "one retry at most");
        assert_eq!(starts(&house, "m2")[0], asked[0]);
    }
}

/// The next one knows no ranges: what is here already is dropped from what it sends.
#[test]
fn without_ranges_all_is_sent_and_the_rest_is_used() {
    let mut house = House::new(&[("m1", BreaksAt(50_000))]);
    house.add("origin", |seen| match seen.path().contains("/blobs/") {
        true => reply(200).body(layer()),
        false => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let blob = house.at(&digest(&layer()));
    assert_eq!(client.get_blob(&house.call(&client), &blob, &ReadOptions::default()).unwrap().1, layer());
}

/// What one call left of a mirror, another call continues at the registry.
#[test]
fn a_partial_file_goes_on_elsewhere() {
    let house = House::new(&[("m1", BreaksAt(100_000)), ("origin", Healthy)]);
    let folder = tempfile::tempdir().unwrap();
    let (path, blob) = (folder.path().join("blob"), house.at(&digest(&layer())));
    let alone = house.client_with(json!({"mirrors": [house.host("m1")], "mirrors_only": true}));
    assert!(alone.get_blob_file(&house.call(&alone), &blob, &path, &SaveOptions::default()).is_err());
    let client = house.client_with(json!({}));
    let delivered = client.get_blob_file(&house.call(&client), &blob, &path, &SaveOptions::default()).unwrap();
    assert!(delivered.resumed > 0 && delivered.resumed <= 100_000, "{}", delivered.resumed);
    assert_eq!(starts(&house, "origin"), [Some(delivered.resumed as usize)]);
    assert_eq!(std::fs::read(&path).unwrap(), layer());
}

#[test]
fn a_piece_goes_on_too() {
    let house = House::new(&[("m1", Status(500)), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let blob = house.at(&digest(&layer()));
    let options = ReadOptions { offset: 1000, length: Some(100), ..ReadOptions::default() };
    let (delivered, bytes) = client.get_blob(&house.call(&client), &blob, &options).unwrap();
    assert_eq!((bytes.as_slice(), delivered.verified), (&layer()[1000..1100], false));
}

#[test]
fn a_copy_from_a_broken_mirror_to_a_registry_goes_on() {
    let house = House::new(&[("m1", BreaksAt(100_000)), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let to = Server::start(|seen| match seen.method.as_str() {
        "HEAD" | "GET" => reply(404),
        _ => healthy(seen),
    });
    let (from, to_store) = (RegistryStore::new(&client, house.tagged()), RegistryStore::new(&client, tag(&to.host)));
    copy(&house.call(&client), &from, &to_store, &CopyOptions::default()).unwrap();
    let put = to.seen().into_iter().find(|seen| seen.method == "PUT" && seen.body == layer());
    assert!(put.is_some());
    assert_eq!(starts(&house, "origin").len(), 1);
}

/// One that stops sending is waited for once.
#[test]
fn a_stalled_download_goes_on_at_the_next() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.path().contains("/blobs/") {
        true => serve(&layer(), seen).cut(100_000, Then::Stall),
        false => healthy(seen),
    });
    let client = house.client(&["m1"]);
    let blob = house.at(&digest(&layer()));
    let taken = within(std::time::Duration::from_secs(5), || {
        assert_eq!(client.get_blob(&house.call(&client), &blob, &ReadOptions::default()).unwrap().1, layer());
    });
    assert!(taken >= std::time::Duration::from_millis(900), "{taken:?}");
    assert_eq!(house.requests(), ["m1", "origin"]);
    assert_eq!(starts(&house, "origin"), [Some(100_000)]);
}
