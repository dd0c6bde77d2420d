//! Each operation with each fault of the first of two mirrors: the second one is asked, and the registry is not.

use ocireg::layout::oci::OciLayout;
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::manifest::{GetOptions, HeadOptions};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::store::RegistryStore;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use ocireg::transfer::copy::{copy, CopyOptions};

use super::house::Manner::*;
use super::house::*;
use crate::common::*;

const OPERATIONS: [&str; 10] =
    ["by tag", "by digest", "head by tag", "memory", "file", "reader", "blob head", "tags", "referrers", "copy"];

fn operate(house: &House, client: &Client, operation: &str) -> String {
    let call = house.call(client);
    let (layer, content) = (layer(), manifest());
    let (blob, tagged) = (house.at(&digest(&layer)), house.tagged());
    let folder = tempfile::tempdir().unwrap();
    match operation {
        "by tag" => client.get_manifest(&call, &tagged, &GetOptions::default()).map(|found| {
            assert_eq!(found.bytes, content.as_bytes());
            found.served_by.unwrap()
        }),
        "by digest" => {
            let reference = house.at(&digest(content.as_bytes()));
            client.get_manifest(&call, &reference, &GetOptions::default()).map(|found| found.served_by.unwrap())
        }
        "head by tag" => client.head_manifest(&call, &tagged, &HeadOptions::default()).map(|head| {
            assert_eq!(head.digest, digest(content.as_bytes()));
            head.served_by.unwrap()
        }),
        "memory" => client.get_blob(&call, &blob, &ReadOptions::default()).map(|(delivered, bytes)| {
            assert_eq!(bytes, layer);
            delivered.served_by.unwrap()
        }),
        "file" => {
            let path = folder.path().join("blob");
            let delivered = client.get_blob_file(&call, &blob, &path, &SaveOptions::default());
            delivered.map(|delivered| {
                assert_eq!(std::fs::read(&path).unwrap(), layer);
                delivered.served_by.unwrap()
            })
        }
        "reader" => client.open_blob(&call, &blob, &ReadOptions::default()).map(|mut reader| {
            let mut bytes = Vec::new();
            while let Some(piece) = reader.piece().unwrap() {
                bytes.extend_from_slice(&piece);
            }
            assert_eq!(bytes, layer);
            reader.info().served_by
        }),
        "blob head" => client.head_blob(&call, &blob).map(|head| {
            assert!(head.exists);
            head.served_by.unwrap()
        }),
        "tags" => client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).map(|tags| {
            assert_eq!(tags.tags.iter().collect::<Vec<_>>(), ["t"]);
            tags.served_by.unwrap()
        }),
        "referrers" => {
            let subject = house.at(&digest(content.as_bytes()));
            client.referrers(&call, &subject, &ReferrersOptions::default()).map(|found| {
                assert_eq!(found.referrers.len(), 1);
                found.served_by.unwrap()
            })
        }
        _ => {
            let from = RegistryStore::new(client, tagged);
            let to = OciLayout::create(folder.path(), Some("t")).unwrap();
            copy(&call, &from, &to, &CopyOptions::default()).map(|_| String::new())
        }
    }
    .unwrap_or_else(|error| panic!("{operation}: {error} ({:?})", error.hint()))
}

/// Whether an operation can notice a fault.
fn is_noticed(fault: Manner, operation: &str) -> bool {
    let is_read = matches!(operation, "memory" | "file" | "reader" | "copy");
    match fault {
        Lies => is_read || operation.contains("by "),
        LiesInHeader => operation == "by tag" || operation == "copy",
        BreaksAt(_) => is_read,
        WebPage => operation != "blob head",
        _ => true,
    }
}

/// A mirror that has not the one, or does not understand it, may do the other; a page that is no list has no referrers.
fn is_remembered(fault: Manner, operation: &str) -> bool {
    !lacks(fault) && (fault != WebPage || operation != "referrers")
}

fn lacks(fault: Manner) -> bool {
    matches!(fault, Status(404 | 400))
}

#[test]
fn the_next_one_is_asked_and_the_registry_is_not() {
    let faults = [
        Down,
        HangsUp,
        Status(404),
        Status(401),
        Status(403),
        Status(400),
        Status(429),
        Status(500),
        Status(503),
        Busy(503, 20),
        WebPage,
        Lies,
        LiesInHeader,
        BreaksAt(100_000),
    ];
    for fault in faults {
        for operation in OPERATIONS.into_iter().filter(|operation| is_noticed(fault, operation)) {
            // Bytes that were handed on cannot be taken back, nor can a HEAD be checked.
            if (fault == Lies || fault == WebPage) && matches!(operation, "reader" | "head by tag") {
                continue;
            }
            let house = House::new(&[("m1", fault), ("m2", Healthy), ("origin", Healthy)]);
            let client = house.client(&["m1", "m2"]);
            let what = format!("{operation}, {fault:?}");
            let served = operate(&house, &client, operation);
            let asked = house.asked();
            assert!(
                asked.first().is_some_and(|name| name == "m1") && asked.contains(&"m2".to_owned()),
                "{what}: {asked:?}"
            );
            assert!(!asked.contains(&"origin".to_owned()), "{what}: {asked:?}");
            assert!(served.is_empty() || served == house.host("m2"), "{what}: {served}");
            assert!(!house.events("passed_over").is_empty(), "{what}");
            operate(&house, &client, operation);
            let again = house.asked();
            let expected = if is_remembered(fault, operation) { vec!["m2"] } else { vec!["m1", "m2"] };
            assert!(again == expected || (operation == "copy" && lacks(fault)), "{what}, again: {again:?}");
            assert!(house.server("origin").seen().is_empty(), "{what}");
        }
    }
}

#[test]
fn a_healthy_mirror_is_enough() {
    for operation in OPERATIONS {
        let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
        let client = house.client(&["m1"]);
        operate(&house, &client, operation);
        assert_eq!(house.asked(), ["m1"], "{operation}");
        assert!(house.server("origin").seen().is_empty(), "{operation}");
    }
}

#[test]
fn a_silent_one_costs_one_limit() {
    let house = House::new(&[("m1", Silent), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    within(std::time::Duration::from_millis(1900), || drop(operate(&house, &client, "by tag")));
    assert_eq!(house.requests(), ["m1", "origin"]);
}

#[test]
fn the_registry_is_the_last_that_is_asked() {
    for operation in OPERATIONS {
        let house = House::new(&[("m1", Down), ("m2", Status(500)), ("origin", Healthy)]);
        let client = house.client(&["m1", "m2"]);
        operate(&house, &client, operation);
        let mut asked = house.asked();
        asked.dedup();
        assert_eq!(asked, ["m1", "m2", "origin"], "{operation}");
    }
}
