//! One blob that is named with two sizes: one of them is wrong, and what says it is not copied.

use std::path::Path;

use ocireg::error::{Code, Error};
use ocireg::place::{copy, Place};
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::shelf::Shelf;
use crate::synced::{name, shelf_of, synced_by};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const BYTES: &[u8] = b"the layer that all have";

/// An image with this layer, once with each of these sizes.
pub fn image(shelf: &Shelf, tag: &str, sizes: &[usize]) -> Value {
    let ids: Vec<_> = sizes.iter().map(|_| digest(BYTES)).collect();
    let config = json!({"os": "linux", "architecture": tag, "rootfs": {"type": "layers", "diff_ids": ids}});
    let layer = |size: &usize| {
        let mut layer = shelf.blob(LAYER, BYTES);
        layer["size"] = json!(size);
        layer
    };
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": shelf.blob(CONFIG, config.to_string().as_bytes()), "layers": sizes.iter().map(layer).collect::<Vec<_>>()});
    let mut entry = shelf.manifest(tag, &manifest);
    entry["platform"] = json!({"os": "linux", "architecture": tag});
    entry
}

fn index(shelf: &Shelf, tag: &str, entries: &[Value]) -> Value {
    let kind = "application/vnd.oci.image.index.v1+json";
    shelf.manifest(tag, &json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries}))
}

fn copied(from: &str, to: &str) -> Result<(), Error> {
    let client = client();
    let (from, to) = (Place::named(&client, from)?, Place::named(&client, to)?);
    copy(&client, &call(&client), &from, &to, &CopyOptions { all: true, ..CopyOptions::default() }).map(drop)
}

/// Places on this machine to write to.
fn places(folder: &Path) -> [String; 2] {
    ["oci:l", "oci-archive:x.tar"].map(|place| place.replace(':', &format!(":{}/", folder.display())))
}

fn says(error: &str, sizes: [usize; 2], manifest: &Value) {
    let wanted = [sizes[0].to_string(), sizes[1].to_string(), digest(BYTES).to_string()];
    let manifest = manifest["digest"].as_str().unwrap().to_owned();
    assert!(wanted.iter().chain([&manifest]).all(|part| error.contains(part.as_str())), "{error}");
}

#[test]
fn an_image_that_says_two_sizes_of_a_blob_is_not_copied() {
    let size = BYTES.len();
    for (one, other) in [(size, size + 1), (size + 1, size), (size, size - 1)] {
        let (from, to, folder) = (shelf_of(&[]), shelf_of(&[]), tempfile::tempdir().unwrap());
        let twice = image(&from, "twice", &[one, other]);
        let child = image(&from, "child", &[other]);
        index(&from, "index", &[image(&from, "first", &[one]), child.clone()]);
        let mut resized = child.clone();
        resized["size"] = json!(child["size"].as_u64().unwrap() + 1);
        let listed = index(&from, "listed", &[child.clone(), resized]);
        let resized = [child["size"].as_u64().unwrap() as usize, child["size"].as_u64().unwrap() as usize + 1];
        let all = places(folder.path()).into_iter().chain([name(&to)]);
        for to in all {
            for (tag, manifest) in [("twice", &twice), ("index", &child)] {
                let outcome = copied(&format!("{}:{tag}", name(&from)), &format!("{to}:{tag}"));
                let error = fails(outcome, Code::SizeMismatch, "bytes");
                says(error.message(), [one, other], manifest);
            }
            let outcome = copied(&format!("{}:listed", name(&from)), &format!("{to}:listed"));
            let error = fails(outcome, Code::SizeMismatch, &resized[0].to_string());
            let listed = listed["digest"].as_str().unwrap();
            assert!(error.message().contains(&resized[1].to_string()) && error.message().contains(listed), "{error}");
        }
        assert!(to.names().is_empty() && to.writes().is_empty(), "it is known before anything is moved");
        assert!(!folder.path().join("l").exists() && !folder.path().join("x.tar").exists());
    }
}

#[test]
fn of_a_sync_only_the_image_with_the_wrong_size_fails() {
    let size = BYTES.len();
    // Whichever comes first.
    for (good, bad) in [("a", "b"), ("b", "a")] {
        let (from, to, folder) = (shelf_of(&["other"]), shelf_of(&[]), tempfile::tempdir().unwrap());
        image(&from, good, &[size]);
        let wrong = image(&from, bad, &[size + 1]);
        for to in places(folder.path()).into_iter().chain([name(&to)]) {
            for parallel in [1, 4, 4] {
                let result = synced_by(&client(), &name(&from), &to, json!({"parallel": parallel})).unwrap();
                let tags = &result["tags"];
                assert_eq!((&tags["failed"], &tags["pruned"]), (&json!(1), &json!(0)), "{to} {result}");
                let failed = result["images"].as_array().unwrap().iter().find(|one| one["state"] == "failed").unwrap();
                assert!(failed["source"].as_str().unwrap().ends_with(&format!(":{bad}")), "{to} {result}");
                assert_eq!(failed["error"]["name"], "SIZE_MISMATCH", "{to} {result}");
                says(failed["error"]["message"].as_str().unwrap(), [size, size + 1], &wrong);
            }
        }
        assert!(to.tag(good).is_some() && to.tag("other").is_some() && to.tag(bad).is_none());
    }
}
