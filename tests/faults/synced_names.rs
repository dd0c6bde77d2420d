//! Names of many images in one layout: they are written together, and none is lost.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ocireg::call::context::Context;
use ocireg::place::{sync, SyncDestination, SyncOptions, SyncSource};
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::Abilities;
use crate::shelf::Shelf;
use crate::synced::*;

/// The versions of a file that were seen.
#[derive(Clone, Default)]
struct Versions(Arc<Mutex<HashSet<(u64, i64, i64)>>>);

impl Versions {
    fn look(&self, path: &Path) {
        if let Ok(found) = fs::metadata(path) {
            self.0.lock().unwrap().insert((found.ino(), found.mtime(), found.mtime_nsec()));
        }
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn names_in(layout: &Path) -> usize {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index["manifests"].as_array().unwrap().len()
}

fn many(shelf: &Shelf, count: usize) {
    (0..count).for_each(|number| drop(put(shelf, &format!("v{number:03}"), &number.to_string())));
}

#[test]
fn an_index_is_written_for_many_names_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    let (index, versions) = (layout.join("index.json"), Versions::default());
    let (path, seen) = (index.clone(), versions.clone());
    let from = Shelf::with(Abilities::default(), move |_| seen.look(&path));
    many(&from, 300);
    let to = format!("oci:{}", layout.display());
    assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "300 300 0 0 0");
    assert!((20..200).contains(&versions.count()), "{} versions of index.json", versions.count());
    assert_eq!(names_in(&layout), 300);
    assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "300 0 300 0 0");
    // Two repositories in one layout are one index.
    let list = format!("{0}\n{0}:v001\n", name(&from));
    let listed = listed(&client(), &list, Some(&to), json!({"no_clobber": true})).unwrap();
    assert_eq!((counts(&listed).as_str(), names_in(&layout)), ("300 300 0 0 0", 600));
}

#[test]
fn an_index_is_written_once_for_all_that_is_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    let from = shelf_of(&[]);
    many(&from, 100);
    let to = format!("oci:{}", layout.display());
    synced_by(&client(), &name(&from), &to, json!({})).unwrap();
    from.registry.manifests.lock().unwrap().tags.retain(|tag, _| tag.as_str() < "v010");
    let client = client();
    let (context, versions, index) = (Arc::new(Context::new()), Versions::default(), layout.join("index.json"));
    let seen = versions.clone();
    context.set_log(Some(Arc::new(move |event: &Value| {
        if event["state"] == "pruned" {
            seen.look(&index);
        }
        Ok(())
    })));
    let call = client.call(Some(context)).unwrap();
    let (source, destination) =
        (SyncSource::named(&client, &name(&from)).unwrap(), SyncDestination::named(&client, &to).unwrap());
    let options: SyncOptions = serde_json::from_value(json!({"prune": true})).unwrap();
    let result = sync(&client, &call, &source, &destination, &options).unwrap();
    assert_eq!((result.tags.pruned, result.tags.failed, names_in(&layout)), (90, 0, 10));
    assert_eq!(versions.count(), 1);
}

#[test]
fn what_was_brought_before_the_end_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let from = shelf_of(&[]);
    many(&from, 200);
    from.held.lock().unwrap().blobs.remove(digest(b"199").as_str());
    for (options, failed) in [(json!({}), false), (json!({"stop_on_error": true, "parallel": 1}), true)] {
        let layout = path(&failed.to_string());
        let outcome = synced_by(&client(), &name(&from), &format!("oci:{}", layout.display()), options);
        assert_eq!((outcome.is_err(), names_in(&layout)), (failed, 199));
    }
}

#[test]
fn what_is_named_by_its_digest_is_there_too() {
    let folder = tempfile::tempdir().unwrap();
    let (from, file) = (shelf_of(&["1"]), folder.path().join("x.tar"));
    let digest = from.tag("1").unwrap();
    for to in [format!("oci:{}", folder.path().join("l").display()), format!("oci-archive:{}", file.display())] {
        let list = format!("{}@{digest}\n", name(&from));
        let sync = || counts(&listed(&client(), &list, Some(&to), json!({})).unwrap());
        assert_eq!((sync().as_str(), sync().as_str()), ("1 1 0 0 0", "1 0 1 0 0"), "{to}");
    }
}

fn read(layout: &Path) -> Value {
    serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap()
}

/// The entry of a tag.
fn entry<'a>(index: &'a mut Value, tag: &str) -> &'a mut Value {
    let entries = index["manifests"].as_array_mut().unwrap();
    entries.iter_mut().find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == tag).unwrap()
}

/// A source of 300 tags, and a layout with them. Then four change at the source; when the last of these comes, something is done to the
/// layout. The first has its name by then, and the names of the next two wait.
fn while_names_wait(layout: &Path, done: impl Fn() + Send + Sync + 'static) -> Shelf {
    let from = Shelf::with(Abilities::default(), move |seen| {
        if seen.target.contains(digest(b"new 3").as_str()) {
            done();
        }
    });
    many(&from, 300);
    synced_by(&client(), &name(&from), &format!("oci:{}", layout.display()), json!({})).unwrap();
    (0..4).for_each(|number| drop(put(&from, &format!("v{number:03}"), &format!("new {number}"))));
    from
}

#[test]
fn a_name_that_another_process_sets_while_it_waits_stays() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    let inside = layout.clone();
    let from = while_names_wait(&layout, move || {
        let mut index = read(&inside);
        let other = entry(&mut index, "v100")["digest"].clone();
        entry(&mut index, "v002")["digest"] = other;
        fs::write(inside.join("index.json"), index.to_string()).unwrap();
    });
    let to = format!("oci:{}", layout.display());
    let result = synced_by(&client(), &name(&from), &to, json!({"parallel": 1})).unwrap();
    assert_eq!(counts(&result), "300 3 296 0 1", "{result}");
    let (error, mut index) = (&result["error"], read(&layout));
    assert_eq!((&error["name"], &error["conflict"]["name"]), (&json!("DIGEST_MISMATCH"), &json!("v002")), "{error}");
    assert_eq!(error["conflict"]["digest"].as_str(), from.tag("v100").as_deref());
    for (tag, wanted) in [("v000", "v000"), ("v001", "v001"), ("v002", "v100"), ("v003", "v003")] {
        assert_eq!(entry(&mut index, tag)["digest"].as_str(), from.tag(wanted).as_deref(), "{tag}");
    }
    let failed: Vec<&Value> =
        result["images"].as_array().unwrap().iter().filter(|image| image["state"] == "failed").collect();
    assert!(failed.len() == 1 && failed[0]["destination"] == format!("{to}:v002"), "{failed:?}");
    assert_eq!(failed[0]["source"].as_str(), Some(format!("docker://{}:v002", name(&from)).as_str()));
    // It is as was asked for when it is looked up again.
    assert_eq!(counts(&synced_by(&client(), &name(&from), &to, json!({})).unwrap()), "300 1 299 0 0");
}

#[test]
fn an_image_whose_name_could_not_be_written_is_a_failure_and_gets_none_later() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    let (path, kept) = (layout.join("index.json"), Arc::<Mutex<Option<Vec<u8>>>>::default());
    let (broken, keep) = (path.clone(), kept.clone());
    let from = while_names_wait(&layout, move || {
        keep.lock().unwrap().get_or_insert_with(|| fs::read(&broken).unwrap());
        fs::write(&broken, "full").unwrap();
    });
    let (context, client, mended, keep) = (Context::new(), client(), path.clone(), kept.clone());
    context.set_log(Some(Arc::new(move |event: &Value| {
        if event["state"] == "failed" {
            fs::write(&mended, keep.lock().unwrap().as_ref().unwrap()).unwrap();
        }
        Ok(())
    })));
    let call = client.call(Some(Arc::new(context))).unwrap();
    let to = format!("oci:{}", layout.display());
    let (source, destination) =
        (SyncSource::named(&client, &name(&from)).unwrap(), SyncDestination::named(&client, &to).unwrap());
    let options: SyncOptions = serde_json::from_value(json!({"parallel": 1})).unwrap();
    let result = sync(&client, &call, &source, &destination, &options).unwrap();
    assert_eq!((result.tags.copied, result.tags.skipped, result.tags.failed), (1, 296, 3));
    assert_eq!(result.images.iter().filter(|image| image.error.is_some()).count(), 3);
    assert!(fs::read(&path).unwrap() == *kept.lock().unwrap().as_ref().unwrap(), "a name was set after all");
}
