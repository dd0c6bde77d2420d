//! Changes of an index that others change at the same moment: tried again, looked at afterwards, and what the result says then.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocireg::digest::Digest;
use ocireg::error::Code;
use ocireg::place::Place;
use serde_json::{json, Value};

use crate::common::*;
use crate::indexes::*;
use crate::registry::*;
use crate::server::{reply, Seen};
use crate::shelf::*;

/// A manifest of a name's own, as an entry.
fn entry(manifests: &mut Manifests, name: &str) -> Value {
    let manifest = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [], "annotations": {"name": name}})
        .to_string();
    let digest = manifests.put("sha256:", INDEX_TYPE, manifest.as_bytes());
    let platform = json!({"os": "linux", "architecture": name});
    json!({"mediaType": INDEX_TYPE, "digest": digest, "size": manifest.len(), "platform": platform})
}

fn index(entries: &[Value]) -> String {
    json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string()
}

/// The index under the tag `t`, of these names.
fn put_index(manifests: &mut Manifests, names: &[&str]) -> Vec<Value> {
    let entries: Vec<Value> = names.iter().map(|name| entry(manifests, name)).collect();
    manifests.put("t", INDEX_TYPE, index(&entries).as_bytes());
    entries
}

fn is_put_of_the_tag(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.path().ends_with("/t")
}

/// A registry that ignores conditions, where another client's index replaces ours just after it was put, once.
fn overwriting(theirs: impl Fn(&mut Manifests) -> String + Send + Sync + 'static) -> Registry {
    let lost = AtomicUsize::new(0);
    Registry::with(Abilities::default(), move |seen, manifests| {
        if !is_put_of_the_tag(seen) || lost.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        let content_type = seen.header("content-type").unwrap().to_owned();
        let digest = manifests.put("t", &content_type, &seen.body);
        let bytes = theirs(manifests);
        let media_type = serde_json::from_str::<Value>(&bytes).unwrap()["mediaType"].as_str().unwrap().to_owned();
        manifests.put("t", &media_type, bytes.as_bytes());
        Some(reply(201).header("Docker-Content-Digest", digest))
    })
}

#[test]
fn an_entry_that_comes_back_is_taken_away_again_though_another_has_gone() {
    let registry = overwriting(|manifests| index(&[entry(manifests, "b"), entry(manifests, "c")]));
    let entries = put_index(&mut registry.manifests.lock().unwrap(), &["a", "b", "c"]);
    let place = format!("{}/a/b:t", registry.server.host);
    let both = json!({"digests": [entries[0]["digest"], entries[1]["digest"]]});
    let gone = remove(&client(), &place, both).unwrap();
    assert_eq!(architectures(&registry.json("t").unwrap()), ["c"]);
    assert_eq!((&gone["attempts"], &gone["removed"]), (&json!(2), &json!(entries[..2])));
    assert_eq!(gone["condition"], "looked");
}

#[test]
fn what_another_takes_away_at_the_same_moment_is_gone() {
    for conditions in [true, false] {
        for (left, options) in [
            (vec!["b"], json!({"platform": ["linux/a"]})),
            (vec![], json!({"platform": ["linux/a"], "digests": ["b"]})),
        ] {
            let once = AtomicUsize::new(0);
            let abilities = Abilities { conditions, ..Abilities::default() };
            let registry = Registry::with(abilities, move |seen, manifests| {
                let is_child = seen.method == "PUT" && seen.path().contains("sha256:");
                if is_child && once.fetch_add(1, Ordering::Relaxed) == 0 {
                    put_index(manifests, &["b"]);
                }
                None
            });
            let entries = put_index(&mut registry.manifests.lock().unwrap(), &["a", "b"]);
            let mut options = options;
            if options["digests"].is_array() {
                options["digests"] = json!([entries[1]["digest"]]);
            }
            let place = format!("{}/a/b:t", registry.server.host);
            let gone = remove(&client(), &place, options).unwrap();
            assert_eq!(architectures(&registry.json("t").unwrap()), left, "{conditions}");
            assert_eq!((&gone["attempts"], &gone["removed"]), (&json!(2), &json!(entries[..2 - left.len()])));
            // What was never there is an error still.
            fails(remove(&client(), &place, json!({"platform": ["linux/a"]})), Code::NotFound, "linux/a");
        }
    }
}

#[test]
fn several_who_add_and_take_away_at_once_all_do() {
    for conditions in [true, false] {
        let to = Shelf::start(Abilities { conditions, ..Abilities::default() });
        let from = Shelf::start(Abilities::default());
        let old = references(&from, &["amd64", "arm64", "s390x"]);
        let new = references(&from, &["ppc64le", "riscv64", "mips64"]);
        let place = format!("{}/a/b:t", to.host());
        create(&client(), &place, json!({"references": old})).unwrap();
        std::thread::scope(|scope| {
            let place = &place;
            for name in &new {
                scope.spawn(move || append(&client(), place, json!({"references": [name]})).unwrap());
            }
            for name in &old {
                let digest = name.split_once('@').unwrap().1;
                scope.spawn(move || remove(&client(), place, json!({"digests": [digest]})).unwrap());
            }
        });
        let all: BTreeSet<String> = held(&to, "t").into_iter().collect();
        let wanted: BTreeSet<String> = ["ppc64le", "riscv64", "mips64"].map(str::to_owned).into();
        assert_eq!((all, held(&to, "t").len()), (wanted, 3), "{conditions}");
    }
}

/// Where writing takes long, it takes others as long.
#[test]
fn whoever_writes_slowly_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let ours = index_without_blobs(folder.path());
    let manifests = Arc::<Mutex<Option<Arc<Mutex<Manifests>>>>>::default();
    let (inside, lost) = (manifests.clone(), AtomicUsize::new(0));
    let registry = Registry::with(Abilities::default(), move |seen, here| {
        if is_put_of_the_tag(seen) && lost.fetch_add(1, Ordering::Relaxed) == 0 {
            let theirs = index(&[entry(here, "a"), entry(here, "b")]);
            let all = inside.lock().unwrap().clone().unwrap();
            std::thread::sleep(Duration::from_millis(600));
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(1_300));
                all.lock().unwrap().put("t", INDEX_TYPE, theirs.as_bytes());
            });
        }
        None
    });
    *manifests.lock().unwrap() = Some(registry.manifests.clone());
    put_index(&mut registry.manifests.lock().unwrap(), &["a"]);
    let place = format!("{}/a/b:t", registry.server.host);
    let done = append(&client(), &place, json!({"references": [ours]})).unwrap();
    assert_eq!(architectures(&registry.json("t").unwrap()), ["a", "b", "ours"]);
    assert_eq!(done["attempts"], 2);
}

/// The change is in: that it is unknown whether it lasts is not a failure, and not the same as knowing it.
#[test]
fn a_look_afterwards_that_fails_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let ours = index_without_blobs(folder.path());
    for forbidden in ["HEAD", "GET"] {
        let written = AtomicUsize::new(0);
        let registry = Registry::with(Abilities::default(), move |seen, manifests| {
            let count = written.fetch_add(usize::from(is_put_of_the_tag(seen)), Ordering::Relaxed);
            if is_put_of_the_tag(seen) {
                let digest = manifests.put("t", INDEX_TYPE, &seen.body);
                if forbidden == "GET" {
                    put_index(manifests, &["a", "b"]);
                }
                return Some(reply(201).header("Docker-Content-Digest", digest));
            }
            let is_look = count > 0 && (forbidden == "GET" && seen.method == "GET" || forbidden == "HEAD");
            is_look.then(|| reply(403).json(r#"{"errors":[{"code":"DENIED","message":"not now"}]}"#))
        });
        put_index(&mut registry.manifests.lock().unwrap(), &["a"]);
        let place = format!("{}/a/b:t", registry.server.host);
        let done = append(&client(), &place, json!({"references": [ours]})).unwrap();
        assert_eq!(
            (&done["condition"], &done["added"][0]["platform"]["architecture"]),
            (&json!("unconfirmed"), &json!("ours")),
            "{forbidden}"
        );
    }
}

#[test]
fn a_conversion_that_somebody_wrote_over_is_done_again() {
    const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    let from = Shelf::start(Abilities::default());
    let (list, inside) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
    *inside.lock().unwrap() = String::new();
    let theirs = list.clone();
    let registry = overwriting(move |_| theirs.lock().unwrap().clone());
    let image = json!({"schemaVersion": 2, "mediaType": DOCKER_TYPE, "config": from.blob("application/vnd.docker.container.image.v1+json", b"{\"os\":\"linux\",\"architecture\":\"a\"}"), "layers": []});
    let mut entry = from.manifest("sha256:", &image);
    registry.manifests.lock().unwrap().put("sha256:", DOCKER_TYPE, image.to_string().as_bytes());
    entry["platform"] = json!({"os": "linux", "architecture": "a"});
    *list.lock().unwrap() = json!({"schemaVersion": 2, "mediaType": LIST, "manifests": [entry]}).to_string();
    let bytes = list.lock().unwrap().clone();
    registry.manifests.lock().unwrap().put("t", LIST, bytes.as_bytes());
    let name = format!("{}/a/b@{}", from.host(), entry["digest"].as_str().unwrap());
    let place = format!("{}/a/b:t", registry.server.host);
    let done = append(&client(), &place, json!({"references": [name], "media_type": "oci"})).unwrap();
    assert_eq!((&done["attempts"], &registry.json("t").unwrap()["mediaType"]), (&json!(2), &json!(INDEX_TYPE)));
}

#[test]
fn who_loses_each_time_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let ours = index_without_blobs(folder.path());
    for conditions in [true, false] {
        let count = AtomicUsize::new(0);
        let registry = Registry::with(Abilities { conditions, ..Abilities::default() }, move |seen, manifests| {
            if seen.method == "PUT" && seen.path().contains("sha256:") {
                put_index(manifests, &[&format!("other{}", count.fetch_add(1, Ordering::Relaxed))]);
            }
            None
        });
        put_index(&mut registry.manifests.lock().unwrap(), &["a"]);
        let place = format!("{}/a/b:t", registry.server.host);
        let error = fails(
            append(&client(), &place, json!({"references": [ours]})),
            Code::DigestMismatch,
            "during each of 16 attempts",
        );
        assert!(!error.message().contains("if_digest"), "{error}");
        assert_eq!(error.conflict().unwrap().name, "t");
    }
}

/// What another process changes between the looks at a place of files is read again, not reported as missing.
#[test]
fn a_directory_that_is_written_meanwhile_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let from = Shelf::start(Abilities::default());
    let names = references(&from, &["amd64", "arm64", "s390x", "ppc64le"]);
    for round in 0..8 {
        let place = format!("dir:{}/{round}", folder.path().display());
        std::thread::scope(|scope| {
            for name in &names {
                let place = &place;
                scope.spawn(move || append(&client(), place, json!({"references": [name], "create": true})).unwrap());
            }
        });
    }
}

/// A registry with an index about something, where its tries may be listed among the referrers of that.
#[test]
fn a_try_that_is_lost_is_not_listed_among_referrers() {
    let folder = tempfile::tempdir().unwrap();
    let ours = index_without_blobs(folder.path());
    for conditions in [true, false] {
        let once = AtomicUsize::new(0);
        let about: Arc<Mutex<Option<String>>> = Arc::default();
        let subject = about.clone();
        let add = move |manifests: &mut Manifests, names: &[&str]| {
            let entries: Vec<Value> = names.iter().map(|name| entry(manifests, name)).collect();
            let subject: Value = serde_json::from_str(subject.lock().unwrap().as_ref().unwrap()).unwrap();
            let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries, "subject": subject});
            manifests.put("t", INDEX_TYPE, index.to_string().as_bytes());
        };
        let others = add.clone();
        let registry = Registry::with(Abilities { conditions, ..Abilities::default() }, move |seen, manifests| {
            if seen.method == "PUT" && seen.path().contains("sha256:") && once.fetch_add(1, Ordering::Relaxed) == 1 {
                others(manifests, &["a", "b"]);
            }
            None
        });
        let what = registry.manifests.lock().unwrap().put("sha256:", MANIFEST_TYPE, MANIFEST.as_bytes());
        *about.lock().unwrap() =
            Some(json!({"mediaType": MANIFEST_TYPE, "digest": what, "size": MANIFEST.len()}).to_string());
        add(&mut registry.manifests.lock().unwrap(), &["a"]);
        let place = format!("{}/a/b:t", registry.server.host);
        let done = append(&client(), &place, json!({"references": [ours]})).unwrap();
        assert_eq!(architectures(&registry.json("t").unwrap()), ["a", "b", "ours"], "{conditions}");
        let digest: Digest = what.parse().unwrap();
        let list = registry.json(&format!("sha256-{}", digest.hex())).unwrap();
        let listed: Vec<&Value> = list["manifests"].as_array().unwrap().iter().map(|entry| &entry["digest"]).collect();
        assert_eq!(listed, [&done["digest"]], "{conditions}");
        let _ = Place::parse(&place).unwrap();
    }
}
