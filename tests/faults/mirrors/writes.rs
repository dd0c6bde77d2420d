//! Writes go to the registry, or to an endpoint that takes them; and what was written is read from there.

use std::sync::atomic::{AtomicBool, Ordering};

use ocireg::error::Code;
use ocireg::registry::manifest::{GetOptions, HeadOptions, PutOptions};
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::RegistryStore;
use ocireg::store::condition::NameOptions;
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

#[test]
fn writes_go_to_the_registry() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    client.put_blob(&call, &house.repository(), b"{}", &Default::default()).unwrap();
    client.put_manifest(&call, &house.tagged(), MANIFEST.as_bytes(), &Default::default()).unwrap();
    client.delete_blob(&call, &house.at(&digest(b"{}"))).unwrap();
    let from = Server::start(healthy);
    let from = RegistryStore::new(&client, tag(&from.host));
    let to = house.repository().with_tag("copied").unwrap();
    copy(&call, &from, &RegistryStore::new(&client, to), &CopyOptions::default()).unwrap();
    assert!(house.server("origin").count("PUT", "/manifests/copied") == 1);
    assert_eq!(house.asked(), ["origin"]);
    assert!(house.server("m1").seen().is_empty());
}

#[test]
fn writes_go_to_the_first_that_takes_them() {
    let house = House::new(&[("m1", Healthy), ("m2", Healthy), ("origin", Healthy)]);
    let mirrors = json!([house.host("m1"), {"endpoint": house.host("m2"), "push": true}]);
    let client = house.client_with(json!({"mirrors": mirrors}));
    let call = house.call(&client);
    client.put_blob(&call, &house.repository(), b"{}", &Default::default()).unwrap();
    client.put_manifest(&call, &house.tagged(), MANIFEST.as_bytes(), &Default::default()).unwrap();
    assert_eq!(house.asked(), ["m2"]);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    assert_eq!(house.asked(), ["m2"], "it was written there");
}

/// A mirror has the old tag for a while: what this client has written is read where it was written.
#[test]
fn what_was_written_is_read_where_it_was() {
    let mut house = House::new(&[("m1", Healthy), ("m2", Healthy)]);
    house.add("origin", |seen| match seen.path().ends_with("/manifests/t") && seen.method != "PUT" {
        true => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", digest(MANIFEST.as_bytes()))
            .body(MANIFEST),
        false => healthy(seen),
    });
    let client = house.client(&["m1", "m2"]);
    let call = house.call(&client);
    assert_eq!(
        client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap().bytes,
        manifest().as_bytes()
    );
    client.put_manifest(&call, &house.tagged(), MANIFEST.as_bytes(), &Default::default()).unwrap();
    house.asked();
    let head = client.head_manifest(&call, &house.tagged(), &HeadOptions::default()).unwrap();
    assert_eq!((head.digest, house.asked()), (digest(MANIFEST.as_bytes()), vec!["origin".to_owned()]));
    client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).unwrap();
    assert_eq!(house.asked(), ["origin"]);
    // Other tags are still asked at the mirror.
    let other = house.repository().with_tag("u").unwrap();
    assert!(client.get_manifest(&call, &other, &GetOptions::default()).is_err());
    assert_eq!(house.asked()[0], "m1");
}

/// The second tag is taken meanwhile: the first one is set all the same, which a mirror may not know yet.
#[test]
fn what_was_written_before_a_conflict_is_read_where_it_was() {
    let mut house = House::new(&[("m1", Healthy)]);
    let taken = AtomicBool::new(false);
    house.add("origin", move |seen| {
        let is_tag = ["/manifests/t", "/manifests/u"].iter().any(|end| seen.path().ends_with(end));
        if seen.method == "PUT" && is_tag {
            taken.store(true, Ordering::Relaxed);
        }
        match (seen.method.as_str(), is_tag) {
            ("PUT", _) | (_, false) => healthy(seen),
            _ if !taken.load(Ordering::Relaxed) => reply(404),
            _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST),
        }
    });
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    let names = NameOptions { if_exists: Some("fail".to_owned()), ..NameOptions::default() };
    let options = PutOptions { tags: vec!["u".to_owned()], names, ..PutOptions::default() };
    let outcome = client.put_manifest(&call, &house.tagged(), MANIFEST.as_bytes(), &options);
    fails(outcome, Code::DigestMismatch, "set already: t:");
    house.asked();
    client.head_manifest(&call, &house.tagged(), &HeadOptions::default()).unwrap();
    assert_eq!(house.asked(), ["origin"]);
}

/// A tag that this client has deleted does not come back from a mirror.
#[test]
fn what_was_deleted_stays_deleted() {
    let mut house = House::new(&[("m1", Healthy)]);
    house.add("origin", |seen| match seen.method.as_str() {
        "DELETE" => reply(202),
        _ => reply(404),
    });
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    client.get_manifest(&call, &house.tagged(), &GetOptions::default()).unwrap();
    client.delete_manifest(&call, &house.tagged(), &Default::default()).unwrap();
    house.asked();
    fails(client.get_manifest(&call, &house.tagged(), &GetOptions::default()), Code::NotFound, "");
    assert_eq!(house.asked(), ["origin"]);
}

/// A repository is removed where it is written to: a mirror that has more or less of it is not asked.
#[test]
fn a_repository_is_removed_as_the_registry_has_it() {
    let house = House::new(&[("m1", Lies), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    let removed = client.remove_repository(&call, &house.repository().full_name(), &Default::default()).unwrap();
    assert_eq!((removed.tags, removed.deleted), (1, 1));
    assert_eq!(removed.manifests[0].digest, digest(manifest().as_bytes()));
    assert_eq!(house.asked(), ["origin"]);
    let _ = client.get_manifest(&call, &house.tagged(), &GetOptions::default());
    assert_eq!(house.asked(), ["origin"], "the tag was deleted there");
}

/// Which tags there are is asked where a manifest was deleted.
#[test]
fn what_was_deleted_by_its_digest_is_asked_there() {
    let house = House::new(&[("m1", Healthy), ("origin", Healthy)]);
    let client = house.client(&["m1"]);
    let call = house.call(&client);
    client.delete_manifest(&call, &house.at(&digest(manifest().as_bytes())), &Default::default()).unwrap();
    house.asked();
    client.tags(&call, &house.repository().full_name(), &TagsOptions::default()).unwrap();
    assert_eq!(house.asked(), ["origin"]);
}

/// A session at a mirror is kept under the caller's name for the repository, by which the mirror is found again.
#[test]
fn a_kept_session_goes_on_at_its_mirror() {
    let mut house = House::new(&[("origin", Healthy)]);
    house.add("m1", |seen| match seen.method.as_str() {
        "GET" => reply(204).header("Range", "0-9"),
        _ => healthy(seen),
    });
    let mirror = json!({"endpoint": format!("{}/below", house.host("m1")), "push": true});
    let client = house.client_with(json!({"mirrors": [mirror]}));
    let call = house.call(&client);
    let saved = client.session_start(&call, &house.repository(), &Default::default()).unwrap();
    assert_eq!(saved.repository, house.repository().full_name());
    assert!(saved.url.contains("/v2/below/a/b/blobs/uploads/"), "{}", saved.url);
    let found = client.session_status(&call, &saved).unwrap();
    assert_eq!((found.offset, found.repository), (10, saved.repository));
    assert_eq!(house.asked(), ["m1"]);
}
