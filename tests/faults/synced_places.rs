//! Layouts and archives that are named in several ways, hold names in several spellings, or cannot be written in the end.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use ocireg::error::Code;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::shelf::Shelf;
use crate::synced::*;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

fn index(layout: &Path) -> Value {
    serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap()
}

/// Gives the entries of a layout other names, in their order, and as skopeo writes them.
fn rename(layout: &Path, names: &[&str]) {
    let mut value = index(layout);
    let entries = value["manifests"].as_array_mut().unwrap();
    for (at, name) in names.iter().enumerate() {
        if at == entries.len() {
            entries.push(entries[0].clone());
        }
        entries[at]["annotations"] = json!({REF_NAME: name});
    }
    fs::write(layout.join("index.json"), value.to_string()).unwrap();
}

fn names(layout: &Path) -> String {
    let value = index(layout);
    let mut names: Vec<&str> =
        value["manifests"].as_array().unwrap().iter().filter_map(|one| one["annotations"][REF_NAME].as_str()).collect();
    names.sort_unstable();
    names.join(" ")
}

#[test]
fn one_place_in_two_spellings_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    std::os::unix::fs::symlink("l", folder.path().join("link")).unwrap();
    let (one, other, third) = (shelf_of(&["1"]), shelf_of(&["2"]), shelf_of(&["1"]));
    put(&third, "1", "else");
    let path = layout.display();
    for second in [format!("{path}/"), format!("{path}/../l"), format!("{}/link", folder.path().display())] {
        let list = format!("{} oci:{path}\n{} oci:{second}\n", name(&one), name(&other));
        for _ in 0..2 {
            let result = listed(&client(), &list, None, json!({"prune": true})).unwrap();
            assert_eq!((&result["tags"]["pruned"], names(&layout).as_str()), (&json!(0), "1 2"), "{second}");
        }
        let list = format!("{} oci:{path}\n{} oci:{second}\n", name(&one), name(&third));
        fails(listed(&client(), &list, None, json!({})), Code::InvalidArgument, "would be both");
    }
}

#[test]
fn one_archive_in_two_spellings_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (shelf_of(&["1"]), shelf_of(&["2"]));
    let place = folder.path().display();
    let list = format!("{} oci-archive:{place}/x.tar\n{} oci-archive:{place}/./x.tar\n", name(&one), name(&other));
    assert_eq!(counts(&listed(&client(), &list, None, json!({})).unwrap()), "2 2 0 0 0");
    let to = shelf_of(&[]);
    let archive = format!("oci-archive:{place}/x.tar");
    assert_eq!(counts(&synced_by(&client(), &archive, &name(&to), json!({})).unwrap()), "2 2 0 0 0");
}

#[test]
fn an_archive_that_cannot_be_written_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (bad, good) = (folder.path().join("a.tar"), folder.path().join("b.tar"));
    let (in_the_way, once) = (bad.clone(), Arc::new(OnceLock::new()));
    let from = Shelf::with(Abilities::default(), move |seen| {
        if seen.path().contains("/blobs/") {
            once.get_or_init(|| fs::create_dir(&in_the_way).unwrap());
        }
    });
    put(&from, "1", "1");
    let fine = shelf_of(&["1"]);
    let to = shelf_of(&["1", "old"]);
    let list = format!(
        "{} oci-archive:{}\n{fine} oci-archive:{}\n{fine} {}\n",
        name(&from),
        bad.display(),
        good.display(),
        name(&to),
        fine = name(&fine),
    );
    let result = listed(&client(), &list, None, json!({"prune": true, "parallel": 1})).unwrap();
    assert!(result["tags"]["failed"] == 1 && good.is_file(), "{result}");
    assert_eq!(result["error"]["side"], "destination");
    assert_eq!(tags(&to), "1 old", "nothing is pruned after a failure");
}

#[test]
fn two_images_of_one_name_are_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    let (from, to) = (shelf_of(&["1", "2", "3"]), shelf_of(&[]));
    synced_by(&client(), &name(&from), &format!("oci:{}", layout.display()), json!({"parallel": 1})).unwrap();
    rename(&layout, &["h.io/x", "h.io/x:latest", "h.io/x:3"]);
    let result = synced_by(&client(), &format!("oci:{}", layout.display()), &name(&to), json!({})).unwrap();
    assert_eq!(counts(&result), "2 1 0 0 1", "{result}");
    assert!(result["error"]["message"].as_str().unwrap().contains("two images of one name"), "{result}");
}

#[test]
fn a_name_is_pruned_as_it_is_spelled() {
    let from = shelf_of(&["1"]);
    let plain = name(&from);
    for kind in ["oci", "oci-archive"] {
        let folder = tempfile::tempdir().unwrap();
        let layout = folder.path().join("l");
        let list = format!("{plain}\n");
        let to = format!("oci:{}", layout.display());
        listed(&client(), &list, Some(&to), json!({})).unwrap();
        rename(&layout, &[&format!("{plain}:1"), &plain]);
        let to = match kind {
            "oci" => to,
            _ => {
                let file = folder.path().join("x.tar");
                let mut tar = std::process::Command::new("tar");
                tar.arg("-cf").arg(&file).arg("-C").arg(&layout).args(["blobs", "index.json", "oci-layout"]);
                assert!(tar.status().unwrap().success());
                format!("oci-archive:{}", file.display())
            }
        };
        let result = listed(&client(), &list, Some(&to), json!({"prune": true})).unwrap();
        assert_eq!(counts(&result), "1 0 1 1 0", "{kind}: {result}");
        let result = listed(&client(), &list, Some(&to), json!({"prune": true})).unwrap();
        assert_eq!(counts(&result), "1 0 1 0 0", "{kind}: {result}");
    }
}
