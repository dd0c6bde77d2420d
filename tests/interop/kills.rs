//! Copies killed at any moment: what exists is complete, and the next copy transfers only what is missing.

use std::path::Path;
use std::time::Duration;

use ocireg::error::Code;
use ocireg::manifest::Descriptor;
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::Client;
use serde_json::Value;

use super::copy::{bytes_in, check, done, end, push_large, scratch, start};
use super::moments::{expect_all_sorts, kill_one, rounds};
use super::TestRegistry;

/// How long an undisturbed copy takes.
fn time_of(from: &str, to: &str) -> Duration {
    let begun = std::time::Instant::now();
    end(start(from, to));
    begun.elapsed()
}

/// A copy transferred again less than a hundredth of what was there.
fn expect_little(result: &Value, there: u64) {
    let total = result["blobs"]["bytes"].as_u64().unwrap();
    let moved = result["blobs"]["bytes_copied"].as_u64().unwrap();
    assert!(moved <= total.saturating_sub(there) + total / 100, "{moved} of {total} moved again, {there} were there");
}

fn clean(client: &Client, layout: &Path) -> u64 {
    let checked = check(client, layout);
    assert!(checked.ok, "{:?}", checked.problems);
    checked.images
}

#[test]
fn a_killed_pull_loses_nothing() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let (layers, size) = (8, 2 << 20);
    let source = push_large(&place, &client, "killed/pull", layers, size);
    let unharmed = scratch();
    let whole = time_of(&source, &format!("oci:{}:1", unharmed.path().join("l").display()));
    let mut amounts = vec![];
    for round in 0..rounds(100) {
        let folder = scratch();
        let layout = folder.path().join("l");
        let target = format!("oci:{}:1", layout.display());
        kill_one(start(&source, &target), round, whole);
        if layout.join("oci-layout").exists() {
            clean(&client, &layout);
        }
        let there = bytes_in(&layout);
        amounts.push(there);
        expect_little(&end(start(&source, &target)), there);
        assert_eq!(clean(&client, &layout), 1);
    }
    expect_all_sorts(&amounts, layers * size as u64);
}

/// Total bytes of those blobs that a repository has.
fn bytes_at(place: &TestRegistry, client: &Client, name: &str, blobs: &[Descriptor]) -> u64 {
    let call = client.call(None).unwrap();
    let has = |blob: &&Descriptor| {
        client.head_blob(&call, &place.reference(&format!("{name}@{}", blob.digest))).unwrap().exists
    };
    blobs.iter().filter(has).map(|blob| blob.size).sum()
}

#[test]
fn a_killed_push_leaves_nothing_half_done() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let call = client.call(None).unwrap();
    let (layers, size) = (8, 2 << 20);
    let source = push_large(&place, &client, "killed/push-source", layers, size);
    let folder = scratch();
    let layout = format!("oci:{}:1", folder.path().join("l").display());
    done(&client, &source, &layout);
    let manifest =
        client.get_manifest(&call, &place.reference("killed/push-source:1"), &GetOptions::default()).unwrap();
    let blobs = manifest.document.layers();
    let whole = time_of(&layout, &format!("docker://{}/killed/push:1", place.host));
    let mut amounts = vec![];
    for round in 0..rounds(100) {
        let name = format!("killed/push-{round}");
        let target = format!("docker://{}/{name}:1", place.host);
        kill_one(start(&layout, &target), round, whole);
        let there = bytes_at(&place, &client, &name, blobs);
        match client.get_manifest(&call, &place.reference(&format!("{name}:1")), &GetOptions::default()) {
            Ok(found) => {
                assert_eq!(found.document.digest, manifest.document.digest);
                assert_eq!(there, layers * size as u64, "a tag of half an image");
            }
            Err(error) => assert_eq!(error.code(), Code::NotFound, "{error}"),
        }
        amounts.push(there);
        expect_little(&end(start(&layout, &target)), there);
        place.crane(&["manifest", &format!("{}/{name}:1", place.host)]);
        assert_eq!(bytes_at(&place, &client, &name, blobs), layers * size as u64);
    }
    expect_all_sorts(&amounts, layers * size as u64);
}
