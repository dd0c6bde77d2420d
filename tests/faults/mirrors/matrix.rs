//! Each operation with each fault of the first of two mirrors: the second one is asked, and the registry is not.

use ocireg::artifact::pull::{pull, ArtifactPullOptions};
use ocireg::layout::oci::OciLayout;
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::manifest::{GetOptions, HeadOptions};
use ocireg::registry::referrers::ReferrersOptions;
use ocireg::registry::store::RegistryStore;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::Client;
use ocireg::transfer::copy::{copy, CopyOptions};

use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

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
            copy(&call, &from, &to, &CopyOptions::default()).map(|mut copied| copied.served_by.pop().unwrap())
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
            assert_eq!(served, house.host("m2"), "{what}");
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

/// A copy and a pull have several senders: each of whom something was taken is named once, and no liar.
#[test]
fn what_is_pulled_says_who_sent_it() {
    let layer = layer();
    let artifact = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/b",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2},
        "layers": [{"mediaType": "a/c", "digest": digest(&layer), "size": layer.len(),
                    "annotations": {"org.opencontainers.image.title": "f"}}]})
    .to_string();
    let mut house = House::new(&[("m2", Healthy), ("origin", Healthy)]);
    house.add("m1", move |seen| match seen.path() {
        path if path.contains("/manifests/") => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(artifact.as_bytes()))
            .body(artifact.as_str()),
        path if path.ends_with(digest(&layer).as_str()) => serve(&other(), seen),
        _ => healthy(seen),
    });
    let (folder, client) = (tempfile::tempdir().unwrap(), house.client(&["m1", "m2"]));
    let from = RegistryStore::new(&client, house.tagged());
    let pulled = pull(&house.call(&client), &from, folder.path(), &ArtifactPullOptions::default()).unwrap();
    assert_eq!(pulled.served_by, [house.host("m1"), house.host("m2")], "the manifest, and what the other lied about");
    let to = OciLayout::create(&folder.path().join("layout"), Some("t")).unwrap();
    let client = house.client(&["m2", "m1"]);
    let from = RegistryStore::new(&client, house.tagged());
    assert_eq!(copy(&house.call(&client), &from, &to, &CopyOptions::default()).unwrap().served_by, [house.host("m2")]);
    // What is there already is not sent again.
    let again = copy(&house.call(&client), &from, &to, &CopyOptions::default()).unwrap();
    assert_eq!(again.served_by, [house.host("m2")], "the manifest");
    // A place that is no registry is sent by nobody.
    let back = OciLayout::create(&folder.path().join("back"), Some("t")).unwrap();
    let from = OciLayout::open(&folder.path().join("layout"), Some("t"));
    assert!(copy(&house.call(&client), &from.unwrap(), &back, &CopyOptions::default()).unwrap().served_by.is_empty());
}
