//! Which hosts served what a call has read.

use ocireg::artifact::pull::{pull, ArtifactPullOptions};
use ocireg::layout::oci::OciLayout;
use ocireg::registry::store::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;

use super::house::Manner::*;
use super::house::*;
use crate::common::*;
use crate::server::*;

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
    // What a place sends that is not a registry is served by no host.
    let back = OciLayout::create(&folder.path().join("back"), Some("t")).unwrap();
    let from = OciLayout::open(&folder.path().join("layout"), Some("t"));
    assert!(copy(&house.call(&client), &from.unwrap(), &back, &CopyOptions::default()).unwrap().served_by.is_empty());
}
