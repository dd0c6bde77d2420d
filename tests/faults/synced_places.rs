//! Layouts and archives that are named in several ways, hold names in several spellings, or cannot be written in the end.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use ocireg::call::context::Context;
use ocireg::place::{sync_list, SyncList, SyncListOptions};
use ocireg::registry::Client;
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
        let result = listed(&client(), &list, None, json!({})).unwrap();
        assert_eq!(counts(&result), "2 0 1 0 1");
        assert!(result["error"]["message"].as_str().unwrap().contains("would be a copy of both"), "{result}");
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

#[test]
fn two_syncs_of_two_archives_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| format!("oci-archive:{}/{name}.tar", folder.path().display());
    // Each has begun its first archive when the other wants that.
    let both = Arc::new(Barrier::new(2));
    let sources: Vec<Shelf> = (0..2)
        .map(|_| {
            let (both, once) = (both.clone(), OnceLock::new());
            let from = Shelf::with(Abilities::default(), move |seen| {
                if seen.target.contains(digest(b"1").as_str()) && once.set(()).is_ok() {
                    let (both, (done, told)) = (both.clone(), std::sync::mpsc::channel());
                    std::thread::spawn(move || {
                        both.wait();
                        let _ = done.send(());
                    });
                    let _ = told.recv_timeout(Duration::from_secs(2));
                }
            });
            put(&from, "1", "1");
            put(&from, "2", "2");
            from
        })
        .collect();
    let sync = |at: usize| {
        let order = if at == 0 { ["x", "y"] } else { ["y", "x"] };
        let tag = |number: usize| format!("{}:{number} {}", name(&sources[at]), place(order[number - 1]));
        // More than the server waits for the other one, which may wait for the archives.
        let mut limits = options();
        limits.http.idle_timeout_ms = 10_000;
        let client = Client::new(limits).unwrap();
        let list = SyncList::read(&client, &format!("{}\n{}\n", tag(1), tag(2)), None, None).unwrap();
        let context = Context::new();
        context.set_deadline(Some(Duration::from_secs(20)));
        let call = client.call(Some(Arc::new(context))).unwrap();
        let mut options = SyncListOptions::default();
        options.sync.parallel = 1;
        sync_list(&client, &call, &list, &options).map(|synced| (synced.tags.copied, synced.error))
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| sync(1));
        assert_eq!((sync(0).unwrap(), other.join().unwrap().unwrap()), ((2, None), (2, None)));
    });
    for archive in ["x", "y"] {
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
        let to = shelf_of(&[]);
        synced_by(&client(), &place(archive), &name(&to), json!({})).unwrap();
        assert_eq!(tags(&to), "1 2");
    }
}

#[test]
fn an_archive_with_nothing_new_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (from, file) = (shelf_of(&["1", "2"]), folder.path().join("x.tar"));
    let to = format!("oci-archive:{}", file.display());
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::metadata(&file).unwrap());
    let mut before = None;
    for (options, wanted) in [
        (json!({}), "2 2 0 0 0"),
        (json!({}), "2 0 2 0 0"),
        (json!({"no_clobber": true}), "2 0 2 0 0"),
        (json!({"dry_run": true}), "2 0 2 0 0"),
    ] {
        assert_eq!(counts(&synced_by(&client(), &name(&from), &to, options).unwrap()), wanted);
        assert_eq!(*before.get_or_insert_with(inode), inode());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
    // The first failure ends the call: what was moved by then waits for the next.
    from.held.lock().unwrap().blobs.remove(digest(b"2").as_str());
    put(&from, "0", "0");
    put(&from, "2", "2 again");
    from.held.lock().unwrap().blobs.remove(digest(b"2 again").as_str());
    let options = json!({"stop_on_error": true, "parallel": 1, "concurrency": 1});
    assert!(synced_by(&client(), &name(&from), &to, options).is_err());
    assert_eq!((before, fs::read_dir(folder.path()).unwrap().count()), (Some(inode()), 2));
    put(&from, "2", "2 again");
    let seen = from.registry.server.seen().len();
    assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "3 2 1 0 0");
    let seen = from.registry.server.seen().split_off(seen);
    assert!(!seen.iter().any(|one| one.method == "GET" && one.target.contains(digest(b"0").as_str())));
}

#[test]
fn what_is_damaged_in_a_layout_is_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let (from, layout) = (shelf_of(&["1", "2"]), folder.path().join("l"));
    let to = format!("oci:{}", layout.display());
    let blob = |of: &str| layout.join("blobs/sha256").join(digest(of.as_bytes()).hex());
    let manifest = layout.join("blobs/sha256").join(&from.tag("2").unwrap()[7..]);
    synced_by(&client(), &name(&from), &to, json!({})).unwrap();
    for options in [json!({}), json!({"referrers": true})] {
        let sync = || counts(&synced_by(&client(), &name(&from), &to, options.clone()).unwrap());
        assert_eq!(sync(), "2 0 2 0 0");
        fs::remove_file(blob("1")).unwrap();
        assert_eq!((sync().as_str(), fs::read(blob("1")).unwrap()), ("2 1 1 0 0", b"1".to_vec()));
        fs::write(blob("shared"), "sha").unwrap();
        // One after the other: the second is looked at when the first has repaired it.
        let (mut alone, mut other) = (options.clone(), options.clone());
        (alone["parallel"], other["tags"]) = (json!(1), json!(["2"]));
        let sync_as = |options: Value| counts(&synced_by(&client(), &name(&from), &to, options).unwrap());
        assert_eq!((sync_as(alone).as_str(), fs::read(blob("shared")).unwrap()), ("2 1 1 0 0", b"shared".to_vec()));
        // And each of them sees it.
        fs::write(blob("shared"), "sha").unwrap();
        assert_eq!((sync_as(other).as_str(), fs::read(blob("shared")).unwrap()), ("1 1 0 0 0", b"shared".to_vec()));
        fs::write(&manifest, "{").unwrap();
        assert_eq!(sync(), "2 1 1 0 0");
        assert_eq!(digest(&fs::read(&manifest).unwrap()).as_str(), from.tag("2").unwrap());
        assert_eq!(sync(), "2 0 2 0 0");
    }
}
