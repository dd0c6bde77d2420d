//! Syncs killed at any moment: what exists is complete, and the next one moves only what is missing.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use ocireg::error::Code;
use ocireg::place::{self, Place};
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use serde_json::json;

use super::copy::{bytes_in, check, command, end, scratch};
use super::moments::{expect_all_sorts, kill_one, rounds};
use super::synced::{counts, synced, tags};
use super::{noise, sha256, TestRegistry};

fn start(words: &[&str]) -> Child {
    let mut child = Command::new(command());
    child.arg("sync").args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    child.spawn().unwrap_or_else(|error| panic!("{}: {error}", command().display()))
}

/// Artifacts of which all share a layer.
fn push_many(place: &TestRegistry, client: &Client, name: &str, count: u64, size: usize) -> u64 {
    push_all(place, client, name, count, size, Some("application/x-many"))
}

/// Images, or artifacts of a type.
fn push_all(place: &TestRegistry, client: &Client, name: &str, count: u64, size: usize, kind: Option<&str>) -> u64 {
    let call = client.call(None).unwrap();
    let repository = place.repository(name);
    let blob = |bytes: &[u8]| {
        client.put_blob(&call, &repository, bytes, &BlobPutOptions::default()).unwrap();
        json!({"mediaType": "application/octet-stream", "digest": sha256(bytes), "size": bytes.len()})
    };
    let (mut config, shared) = (blob(b"{}"), blob(&noise(size, 4711)));
    if kind.is_none() {
        config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
    }
    for number in 0..count {
        let own = blob(&noise(size, 11 + number * 2));
        let mut manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": [shared, own]});
        if let Some(kind) = kind {
            manifest["artifactType"] = json!(kind);
        }
        let reference = place.reference(&format!("{name}:v{number}"));
        client.put_manifest(&call, &reference, manifest.to_string().as_bytes(), &PutOptions::default()).unwrap();
    }
    (count + 1) * size as u64 + 2
}

#[test]
fn a_killed_sync_is_made_again_and_moves_what_is_missing() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let total = push_many(&place, &client, "synced/killed", 12, 1 << 20);
    let from = format!("{}/synced/killed", place.host);
    let begun = Instant::now();
    end(start(&[&from, &format!("oci:{}", scratch().path().join("l").display())]));
    let whole = begun.elapsed();
    let mut amounts = Vec::new();
    for round in 0..rounds(30) {
        let folder = scratch();
        let layout = folder.path().join("l");
        let to = format!("oci:{}", layout.display());
        kill_one(start(&[&from, &to]), round, whole);
        if layout.join("oci-layout").exists() {
            assert!(check(&client, &layout).ok, "what is named is whole");
        }
        let there = bytes_in(&layout);
        let result = end(start(&[&from, &to]));
        let moved = result["blobs"]["bytes_copied"].as_u64().unwrap();
        assert!(
            moved <= total.saturating_sub(there) + total / 50,
            "{moved} of {total} moved again, {there} were there"
        );
        assert_eq!(result["tags"]["failed"], 0);
        let checked = check(&client, &layout);
        assert!(checked.ok && checked.images == 12, "{:?}", checked.problems);
        amounts.push(there);
        assert_eq!(counts(&end(start(&[&from, &to]))), "12 0 12 0 0");
    }
    expect_all_sorts(&amounts, total);
}

const MANY: u64 = 12;
const SIZE: usize = 1 << 20;

/// How many bytes of what [`push_many`] pushed a repository has. The registry may still be storing what the killed sync sent: a
/// little later there may be more.
fn bytes_at(place: &TestRegistry, client: &Client, name: &str) -> u64 {
    let call = client.call(None).unwrap();
    let has =
        |bytes: &[u8]| client.head_blob(&call, &place.reference(&format!("{name}@{}", sha256(bytes)))).unwrap().exists;
    let blobs =
        [b"{}".to_vec(), noise(SIZE, 4711)].into_iter().chain((0..MANY).map(|number| noise(SIZE, 11 + number * 2)));
    blobs.filter(|bytes| has(bytes)).map(|bytes| bytes.len() as u64).sum()
}

/// A sync to a registry is killed and made again: nothing of what was there is moved again, and then all is there.
fn killed_on_the_way_to(place: &TestRegistry, client: &Client, from: &str, end_of_name: &str, total: u64) {
    let name = |end: &str| format!("synced/killed-{end_of_name}-{end}");
    let begun = Instant::now();
    end(start(&[from, &format!("{}/{}", place.host, name("whole"))]));
    let whole = begun.elapsed();
    let mut amounts = Vec::new();
    for round in 0..rounds(20) {
        let name = name(&round.to_string());
        let to = format!("{}/{name}", place.host);
        kill_one(start(&[from, &to]), round, whole);
        let there = bytes_at(place, client, &name);
        for tag in tags_there(client, &to) {
            place.crane(&["validate", "--fast", "--remote", &format!("{to}:{tag}")]);
        }
        let result = end(start(&[from, &to]));
        let moved = result["blobs"]["bytes_copied"].as_u64().unwrap();
        assert!(there + moved <= total, "{there} of {total} were there: {result}");
        let last = end(start(&[from, &to]));
        assert_eq!((counts(&last).as_str(), &last["blobs"]["bytes_copied"]), ("12 0 12 0 0", &json!(0)));
        assert_eq!((tags(place, &name).len() as u64, bytes_at(place, client, &name)), (MANY, total));
        amounts.push(there);
    }
    expect_all_sorts(&amounts, total);
}

/// The tags of a repository, which may not exist yet.
fn tags_there(client: &Client, name: &str) -> Vec<String> {
    let listed =
        place::tags(client, &client.call(None).unwrap(), &Place::parse(name).unwrap(), &TagsOptions::default());
    match listed {
        Err(error) if error.code() == Code::NotFound => Vec::new(),
        listed => listed.unwrap().tags.to_vec(),
    }
}

#[test]
fn a_killed_push_of_many_moves_what_is_missing() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let total = push_many(&place, &client, "synced/killed-from", MANY, SIZE);
    let folder = scratch();
    let layout = format!("oci:{}", folder.path().join("l").display());
    end(start(&[&format!("{}/synced/killed-from", place.host), &layout]));
    killed_on_the_way_to(&place, &client, &layout, "push", total);
}

#[test]
fn a_killed_sync_of_registries_moves_what_is_missing() {
    let (home, place) = (TestRegistry::new("OCIREG_TEST_V3"), TestRegistry::new("OCIREG_TEST_V2"));
    let client = place.client();
    let total = push_many(&home, &client, "synced/killed-between", MANY, SIZE);
    let from = format!("{}/synced/killed-between", home.host);
    killed_on_the_way_to(&place, &client, &from, "between", total);
}

/// The names in an archive, all of which can be read whole.
fn names_in(client: &Client, transport: &str, archive: &Path) -> Vec<String> {
    let folder = scratch();
    let layout = folder.path().join("l");
    let from = format!("{transport}:{}", archive.display());
    let result = synced(client, &from, &format!("oci:{}", layout.display()), json!({}));
    assert_eq!(result["tags"]["failed"], 0, "{result}");
    let checked = check(client, &layout);
    assert!(checked.ok, "{:?}", checked.problems);
    let tags = place::tags(client, &client.call(None).unwrap(), &Place::parse(&from).unwrap(), &TagsOptions::default());
    let mut names = tags.unwrap().tags.to_vec();
    names.sort();
    names
}

/// The file is the old archive or the new one, and what was moved is not moved again.
fn killed_at_an_archive(transport: &str, kind: Option<&str>) {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let name = format!("synced/killed-{transport}");
    let (size, total) = (1 << 20, push_all(&place, &client, &name, 12, 1 << 20, kind));
    let from = format!("{}/{name}", place.host);
    let first = scratch();
    let old = first.path().join("a.tar");
    end(start(&[&from, &format!("{transport}:{}", old.display()), "--tags", "v0", "--tags", "v1"]));
    let (before, missing) = (std::fs::read(&old).unwrap(), total - 3 * size - 2);
    let one = |folder: &Path| {
        std::fs::copy(&old, folder.join("a.tar")).unwrap();
        format!("{transport}:{}", folder.join("a.tar").display())
    };
    let whole = {
        let folder = scratch();
        let to = one(folder.path());
        let begun = Instant::now();
        end(start(&[&from, &to]));
        begun.elapsed()
    };
    let (mut amounts, mut new) = (Vec::new(), 0);
    for round in 0..rounds(30) {
        let folder = scratch();
        let (file, to) = (folder.path().join("a.tar"), one(folder.path()));
        kill_one(start(&[&from, &to]), round, whole);
        let is_old = std::fs::read(&file).unwrap() == before;
        let names = names_in(&client, transport, &file);
        assert_eq!(names.len(), if is_old { 2 } else { 12 }, "{names:?}");
        let there = if is_old { bytes_in(&folder.path().join(".a.tar.partial.d")) } else { missing };
        let result = end(start(&[&from, &to]));
        let moved = result["blobs"]["bytes_copied"].as_u64().unwrap();
        assert!(
            moved <= missing.saturating_sub(there) + total / 50,
            "{moved} of {missing} moved again, {there} were there"
        );
        assert_eq!(names_in(&client, transport, &file).len(), 12);
        assert_eq!(counts(&end(start(&[&from, &to]))), "12 0 12 0 0");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name == ".a.tar.partial.d"), "{left:?}");
        amounts.push(there);
        new += u64::from(!is_old);
    }
    expect_all_sorts(&amounts, missing);
    assert!(new < rounds(30), "none was killed before its end");
}

#[test]
fn a_killed_sync_leaves_the_old_archive_or_the_new_one() {
    killed_at_an_archive("oci-archive", Some("application/x-many"));
}

#[test]
fn a_killed_sync_leaves_the_old_archive_of_docker_or_the_new_one() {
    killed_at_an_archive("docker-archive", None);
}
