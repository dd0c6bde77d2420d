//! Names of what refers to an image, in a layout or an archive that follows a registry.

use std::fs;
use std::path::Path;

use ocireg::layout::check;
use ocireg::layout::oci::OciLayout;
use ocireg::place::{self, Place};
use ocireg::registry::referrers::ReferrersOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::shelf::Shelf;
use crate::synced::*;

/// A registry with an image, and under a tag what refers to it.
fn signed() -> (Shelf, Value) {
    let from = Shelf::start(Abilities { referrers: true, tag_delete: true, ..Abilities::default() });
    let image = put(&from, "image", "image");
    put(&from, "other", "other");
    (from, image)
}

/// An artifact with a subject, under a tag.
fn sign(from: &Shelf, tag: &str, image: &Value, number: usize) {
    let config = from.blob("application/vnd.oci.empty.v1+json", b"{}");
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/sig", "config": config,
        "layers": [config], "annotations": {"number": number.to_string()}, "subject": image});
    from.manifest(tag, &manifest);
}

fn places(folder: &Path) -> [String; 2] {
    ["oci:l", "oci-archive:x.tar"].map(|place| place.replace(':', &format!(":{}/", folder.display())))
}

fn referrers(at: &str) -> usize {
    let client = client();
    let place = Place::named(&client, &format!("{at}:image")).unwrap();
    place::referrers(&client, &call(&client), &place, &ReferrersOptions::default()).unwrap().referrers.len()
}

#[test]
fn a_signature_made_later_comes_to_an_image_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    for to in places(folder.path()) {
        let (from, image) = signed();
        let sync = || synced_by(&client(), &name(&from), &to, json!({"referrers": true})).unwrap();
        sync();
        for number in [1, 2] {
            sign(&from, "sig", &image, number);
            from.registry.manifests.lock().unwrap().tags.remove("sig");
            sync();
            assert_eq!(referrers(&to), number, "{to}");
        }
        let before = fs::read(folder.path().join("x.tar")).ok();
        sync();
        assert!(referrers(&to) == 2 && fs::read(folder.path().join("x.tar")).ok() == before, "{to}");
    }
}

/// Also where the destination is not there yet.
#[test]
fn a_sync_of_nothing_ends_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (from, _) = signed();
    for to in ["oci-archive:x.tar", "docker-archive:y.tar:a/b"] {
        let to = to.replacen(':', &format!(":{}/", folder.path().display()), 1);
        let (client, from) = (client(), name(&from));
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(synced_by(&client, &from, &to, json!({"tags": ["nope*"]}))).unwrap());
        let result = is_done.recv_timeout(std::time::Duration::from_secs(20)).expect("it hangs").unwrap();
        assert_eq!(counts(&result), "0 0 0 0 0");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// What has come of its images stays for the next call, hidden, but there is no file.
#[test]
fn a_sync_of_which_every_image_fails_makes_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let from = shelf_of(&["1", "2"]);
    for tag in ["1", "2"] {
        from.held.lock().unwrap().blobs.remove(digest(tag.as_bytes()).as_str());
    }
    let (path, client) = (folder.path().join("x.tar"), client());
    let to = format!("oci-archive:{}", path.display());
    assert_eq!(counts(&synced_by(&client, &name(&from), &to, json!({})).unwrap()), "2 0 0 0 2");
    assert!(!path.exists());
    put(&from, "1", "1");
    assert_eq!(counts(&synced_by(&client, &name(&from), &to, json!({})).unwrap()), "2 1 0 0 1");
    let before = fs::read(&path).unwrap();
    assert_eq!(counts(&synced_by(&client, &name(&from), &to, json!({})).unwrap()), "2 0 1 0 1");
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn what_the_source_still_has_is_not_lost_with_its_tag() {
    let folder = tempfile::tempdir().unwrap();
    for to in places(folder.path()) {
        let (from, image) = signed();
        sign(&from, "sig", &image, 1);
        let options = json!({"referrers": true, "prune": true});
        assert_eq!(counts(&synced_by(&client(), &name(&from), &to, options.clone()).unwrap()), "3 3 0 0 0", "{to}");
        assert_eq!(referrers(&to), 1);
        // Its tag alone goes: the registry lists it still.
        from.registry.manifests.lock().unwrap().tags.remove("sig");
        for pruned in [1, 0] {
            let result = synced_by(&client(), &name(&from), &to, options.clone()).unwrap();
            assert_eq!((&result["tags"]["pruned"], referrers(&to)), (&json!(pruned), 1), "{to}");
        }
        // And it moves.
        sign(&from, "sig", &image, 2);
        synced_by(&client(), &name(&from), &to, options.clone()).unwrap();
        sign(&from, "sig", &image, 3);
        synced_by(&client(), &name(&from), &to, json!({})).unwrap();
        assert_eq!(referrers(&to), 3, "{to}");
    }
}

/// Many names that wait to be written together.
#[test]
fn of_many_names_that_move_at_once_all_that_refers_stays() {
    let folder = tempfile::tempdir().unwrap();
    for to in places(folder.path()) {
        let (from, image) = signed();
        (0..20).for_each(|number| sign(&from, &format!("sig{number}"), &image, number));
        assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "22 22 0 0 0", "{to}");
        (0..20).for_each(|number| drop(put(&from, &format!("sig{number}"), &number.to_string())));
        assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "22 20 2 0 0", "{to}");
        assert_eq!(referrers(&to), 20, "{to}");
    }
    let index = fs::read(folder.path().join("l/index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 42);
}

/// A backup of a tag that moves, and is signed: what it was before goes with the next clean-up, or with the next archive.
#[test]
fn a_backup_of_a_signed_tag_that_moves_does_not_grow_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    for to in places(folder.path()) {
        let (from, _) = signed();
        let mut sizes = Vec::new();
        for day in 1..5 {
            let image = put(&from, "image", &format!("day {day}"));
            sign(&from, "sig", &image, day);
            from.registry.manifests.lock().unwrap().tags.remove("sig");
            synced_by(&client(), &name(&from), &to, json!({"referrers": true, "prune": true})).unwrap();
            assert_eq!(referrers(&to), 1, "{to}");
            sizes.push(match to.strip_prefix("oci:") {
                Some(path) => {
                    let layout = OciLayout::open(Path::new(path), None).unwrap();
                    check::clean(&call(&client()), &layout, &Default::default()).unwrap();
                    assert_eq!(layout.entries().unwrap().len(), 3, "day {day}");
                    fs::read_dir(Path::new(path).join("blobs/sha256")).unwrap().count() as u64
                }
                None => fs::metadata(folder.path().join("x.tar")).unwrap().len(),
            });
            assert_eq!(referrers(&to), 1, "{to}");
        }
        assert!(sizes.iter().all(|size| *size == sizes[0]), "{to}: {sizes:?}");
    }
}
