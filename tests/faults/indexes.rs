//! Indexes made of what is elsewhere, and changed while others change them: what the name refers to whatever fails, and what is asked.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ocireg::error::{Code, Error};
use ocireg::place::{append_to_index, copy, create_index, remove_from_index, Place};
use ocireg::registry::Client;
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::*;
use crate::server::Seen;
use crate::shelf::*;

pub const DOCKER_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";

pub type Outcome = Result<Value, Error>;

pub fn create(client: &Client, to: &str, options: Value) -> Outcome {
    let (to, options) = (Place::parse(to).unwrap(), serde_json::from_value(options).unwrap());
    create_index(client, &call(client), &to, &options).map(|made| serde_json::to_value(made).unwrap())
}

pub fn append(client: &Client, to: &str, options: Value) -> Outcome {
    let (to, options) = (Place::parse(to).unwrap(), serde_json::from_value(options).unwrap());
    append_to_index(client, &call(client), &to, &options).map(|made| serde_json::to_value(made).unwrap())
}

pub fn remove(client: &Client, from: &str, options: Value) -> Outcome {
    let (from, options) = (Place::parse(from).unwrap(), serde_json::from_value(options).unwrap());
    remove_from_index(client, &call(client), &from, &options).map(|made| serde_json::to_value(made).unwrap())
}

/// Images of these architectures, by reference.
pub fn references(shelf: &Shelf, architectures: &[&str]) -> Vec<String> {
    let name = |arch: &&str| format!("{}/a/b@{}", shelf.host(), shelf.image(arch)["digest"].as_str().unwrap());
    architectures.iter().map(name).collect()
}

pub fn architectures(index: &Value) -> Vec<String> {
    let of = |entry: &Value| entry["platform"]["architecture"].as_str().unwrap().to_owned();
    index["manifests"].as_array().unwrap().iter().map(of).collect()
}

pub fn held(shelf: &Shelf, tag: &str) -> Vec<String> {
    architectures(&shelf.registry.json(tag).unwrap())
}

#[test]
fn whatever_is_refused_the_tag_is_what_it_was_or_the_new_index() {
    let from = Shelf::start(Abilities::default());
    let names = references(&from, &["amd64", "arm64"]);
    for before in [false, true] {
        for refused in 0.. {
            let to = Shelf::start(Abilities::default());
            let place = format!("{}/a/b:t", to.host());
            let client = client();
            if before {
                create(&client, &place, json!({"references": references(&to, &["s390x"])})).unwrap();
            }
            let old = to.tag("t");
            let _ = to.writes();
            to.set_mood(Mood { refused: Some(refused), ..Mood::default() });
            let outcome = match before {
                true => append(&client, &place, json!({"references": names})),
                false => create(&client, &place, json!({"references": names})),
            };
            let writes = to.writes();
            match outcome {
                Err(error) => {
                    assert_eq!((error.code(), to.tag("t")), (Code::Forbidden, old), "{refused}: {writes:?}");
                    to.set_mood(Mood::default());
                    append(&client, &place, json!({"references": names, "create": true})).unwrap();
                }
                Ok(made) => {
                    // Blobs, children, and the index at the very end.
                    assert!(refused >= writes.len() && writes.last().unwrap().ends_with("/manifests/t"), "{writes:?}");
                    assert_eq!(to.tag("t").as_deref(), made["digest"].as_str());
                    break;
                }
            }
            let expected: &[&str] = if before { &["s390x", "amd64", "arm64"] } else { &["amd64", "arm64"] };
            assert_eq!(held(&to, "t"), expected, "{refused}");
        }
    }
}

#[test]
fn nothing_is_asked_twice_and_what_is_there_is_not_moved() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    create(&client, &place, json!({"references": references(&to, &["s390x", "ppc64le"])})).unwrap();
    let before = to.registry.server.seen().len();
    append(&client, &place, json!({"references": references(&from, &["amd64", "arm64"])})).unwrap();
    let asked: Vec<String> =
        from.registry.server.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path())).collect();
    let reads: BTreeSet<&String> =
        asked.iter().filter(|line| line.starts_with("GET") && line.contains("sha256")).collect();
    // Of each image the manifest, the config and the layer.
    assert_eq!((reads.len(), asked.iter().filter(|line| line.contains("sha256")).count()), (6, 6), "{asked:#?}");
    // The children that are in the index already are not asked about.
    let old = to.registry.json("t").unwrap()["manifests"][0]["digest"].as_str().unwrap().to_owned();
    let again = to.registry.server.seen()[before..].iter().filter(|seen| seen.path().contains(&old)).count();
    assert_eq!(again, 0);
    // All of it is there: nothing is written.
    let _ = to.writes();
    let same = append(&client, &place, json!({"references": references(&from, &["arm64"])})).unwrap();
    assert_eq!((to.writes().len(), same["added"].as_array().unwrap().len()), (0, 0));
    assert_eq!((&same["digest"], &same["condition"]), (&same["before"], &Value::Null));
}

/// An image of a name's own, which another client adds by rewriting the index as it is then.
pub fn other_adds(manifests: &mut Manifests) {
    let manifest = MANIFEST.replace("\"size\":2", "\"size\":3");
    let digest = manifests.put("sha256:", MANIFEST_TYPE, manifest.as_bytes());
    let mut index = manifests.json("t").unwrap();
    let platform = json!({"os": "linux", "architecture": "others"});
    let entry = json!({"mediaType": MANIFEST_TYPE, "digest": digest, "size": manifest.len(), "platform": platform});
    index["manifests"].as_array_mut().unwrap().push(entry);
    manifests.put("t", INDEX_TYPE, index.to_string().as_bytes());
}

/// A registry with an index of s390x under the tag `t`, where another client adds an entry at a request.
pub fn race(conditions: bool, when: fn(&Seen) -> bool) -> Registry {
    let added = AtomicUsize::new(0);
    let registry = Registry::with(Abilities { conditions, ..Abilities::default() }, move |seen, manifests| {
        if when(seen) && added.fetch_add(1, Ordering::Relaxed) == 0 {
            other_adds(manifests);
        }
        None
    });
    let mut manifests = registry.manifests.lock().unwrap();
    let child = manifests.put("sha256:", MANIFEST_TYPE, MANIFEST.as_bytes());
    let platform = json!({"os": "linux", "architecture": "s390x"});
    let entry = json!({"mediaType": MANIFEST_TYPE, "digest": child, "size": MANIFEST.len(), "platform": platform});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]});
    manifests.put("t", INDEX_TYPE, index.to_string().as_bytes());
    drop(manifests);
    registry
}

/// An image without blobs, as an index that has it as its entry.
pub fn index_without_blobs(folder: &std::path::Path) -> String {
    let place = format!("oci:{}:i", folder.display());
    let empty = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).to_string();
    let bytes = |text: &str| (digest(text.as_bytes()), text.len());
    std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let (inner, size) = bytes(&empty);
    std::fs::write(folder.join("blobs/sha256").join(inner.hex()), &empty).unwrap();
    let platform = json!({"os": "linux", "architecture": "ours"});
    let entry = json!({"mediaType": INDEX_TYPE, "digest": inner, "size": size, "platform": platform});
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}).to_string();
    let (digest, size) = bytes(&index);
    std::fs::write(folder.join("blobs/sha256").join(digest.hex()), &index).unwrap();
    let named = json!({"mediaType": INDEX_TYPE, "digest": digest, "size": size, "annotations": {"org.opencontainers.image.ref.name": "i"}});
    let list = json!({"schemaVersion": 2, "manifests": [named]}).to_string();
    std::fs::write(folder.join("index.json"), list).unwrap();
    place
}

#[test]
fn whoever_adds_at_the_same_moment_is_in_the_index_too() {
    let folder = tempfile::tempdir().unwrap();
    let ours = index_without_blobs(folder.path());
    let child = |seen: &Seen| seen.method == "PUT" && seen.path().contains("sha256:");
    let index = |seen: &Seen| seen.method == "PUT" && seen.path().ends_with("/t");
    // After the index was read; and at the very moment, where the registry looks at conditions.
    for (conditions, when) in [(true, child as fn(&Seen) -> bool), (false, child), (true, index)] {
        let registry = race(conditions, when);
        let place = format!("{}/a/b:t", registry.server.host);
        let done = append(&client(), &place, json!({"references": [ours]})).unwrap();
        assert_eq!(architectures(&registry.json("t").unwrap()), ["s390x", "others", "ours"], "{conditions}");
        assert_eq!(
            (&done["attempts"], &done["condition"]),
            (&json!(2), &json!(if conditions { "registry" } else { "looked" }))
        );
        assert_eq!(architectures(&done), ["s390x", "others", "ours"]);
    }
    // Not when the caller wants to change what is known to it.
    let registry = race(false, child);
    let before = registry.manifests.lock().unwrap().tags["t"].clone();
    let place = format!("{}/a/b:t", registry.server.host);
    let error = fails(
        append(&client(), &place, json!({"references": [ours], "if_digest": before})),
        Code::DigestMismatch,
        "'t'",
    );
    assert!(error.conflict().is_some());
    assert_eq!(architectures(&registry.json("t").unwrap()), ["s390x", "others"]);
}

/// They read the index before ours was there, and wrote it just afterwards: that cannot be prevented where conditions are ignored.
#[test]
fn an_entry_that_somebody_wrote_over_is_put_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let ours = index_without_blobs(folder.path());
    let theirs: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let (inside, lost) = (theirs.clone(), AtomicUsize::new(0));
    let registry = Registry::with(Abilities::default(), move |seen, manifests| {
        let is_put = seen.method == "PUT" && seen.path().ends_with("/t");
        if is_put && lost.fetch_add(1, Ordering::Relaxed) == 0 {
            let digest = manifests.put("t", INDEX_TYPE, &seen.body);
            let bytes = inside.lock().unwrap().take().unwrap();
            manifests.put("t", INDEX_TYPE, &bytes);
            return Some(crate::server::reply(201).header("Docker-Content-Digest", digest));
        }
        None
    });
    let place = format!("{}/a/b:t", registry.server.host);
    {
        let mut manifests = registry.manifests.lock().unwrap();
        let empty = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}).to_string();
        manifests.put("t", INDEX_TYPE, empty.as_bytes());
        other_adds(&mut manifests);
        let (_, bytes) = manifests.stored[&manifests.tags["t"]].clone();
        *theirs.lock().unwrap() = Some(bytes);
        manifests.put("t", INDEX_TYPE, empty.as_bytes());
    }
    let done = append(&client(), &place, json!({"references": [ours]})).unwrap();
    assert_eq!(architectures(&registry.json("t").unwrap()), ["others", "ours"]);
    assert_eq!(done["attempts"], 2);
}

#[test]
fn several_who_append_at_once_all_get_in() {
    for conditions in [true, false] {
        let to = Shelf::start(Abilities { conditions, ..Abilities::default() });
        let from = Shelf::start(Abilities::default());
        let names: Vec<String> = references(&from, &["amd64", "arm64", "s390x", "ppc64le", "riscv64", "mips64"]);
        let place = format!("{}/a/b:t", to.host());
        std::thread::scope(|scope| {
            for name in &names {
                let place = &place;
                scope.spawn(move || append(&client(), place, json!({"references": [name], "create": true})).unwrap());
            }
        });
        let all: BTreeSet<String> = held(&to, "t").into_iter().collect();
        assert_eq!((all.len(), held(&to, "t").len()), (6, 6), "{conditions}");
    }
}

#[test]
fn several_who_append_to_a_layout_or_an_archive_all_get_in() {
    let from = Shelf::start(Abilities::default());
    let names = references(&from, &["amd64", "arm64", "s390x", "ppc64le"]);
    let folder = tempfile::tempdir().unwrap();
    for place in ["oci:layout:t", "oci-archive:archive.tar:t"] {
        let place = place.replacen(':', &format!(":{}/", folder.path().display()), 1);
        std::thread::scope(|scope| {
            for name in &names {
                let place = &place;
                scope.spawn(move || append(&client(), place, json!({"references": [name], "create": true})).unwrap());
            }
        });
        let client = client();
        let store = Place::parse(&place).unwrap().source(&client).unwrap();
        let index = store.root(&call(&client)).unwrap();
        assert_eq!(index.document.manifests().len(), 4, "{place}");
        for entry in index.document.manifests() {
            store.manifest(&call(&client), entry).unwrap();
        }
        let gone = remove(&client, &place, json!({"platform": ["linux/arm64"]})).unwrap();
        assert_eq!(
            (gone["manifests"].as_array().unwrap().len(), &gone["removed"][0]["platform"]["architecture"]),
            (3, &json!("arm64"))
        );
    }
}

#[test]
fn an_index_in_a_directory_is_changed_too() {
    let from = Shelf::start(Abilities::default());
    let folder = tempfile::tempdir().unwrap();
    let (client, place) = (client(), format!("dir:{}/d", folder.path().display()));
    for name in references(&from, &["amd64", "arm64"]) {
        append(&client, &place, json!({"references": [name], "create": true})).unwrap();
    }
    let gone = remove(&client, &place, json!({"platform": ["linux/amd64"]})).unwrap();
    let index: Value = serde_json::from_slice(&std::fs::read(folder.path().join("d/manifest.json")).unwrap()).unwrap();
    assert_eq!((architectures(&index), &index["manifests"]), (vec!["arm64".to_owned()], &gone["manifests"]));
}

/// An index as buildkit writes it: of each image an attestation.
pub fn attested(shelf: &Shelf, tag: &str, architectures: &[&str]) -> Value {
    let mut entries: Vec<Value> = architectures.iter().map(|arch| shelf.image(arch)).collect();
    for image in entries.clone() {
        let mut entry = shelf.image(&format!("about {}", image["digest"]));
        entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
        entry["annotations"] = json!({"vnd.docker.reference.digest": image["digest"], "vnd.docker.reference.type": "attestation-manifest"});
        entries.push(entry);
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries});
    shelf.manifest(tag, &index);
    index
}

#[test]
fn attestations_come_and_go_with_what_they_attest() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let whole = attested(&from, "all", &["amd64", "arm64", "s390x"]);
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let name = format!("{}/a/b:all", from.host());
    let made = create(&client, &place, json!({"references": [name]})).unwrap();
    assert_eq!(made["manifests"], whole["manifests"]);
    let two = json!({"references": [name], "platform": ["linux/arm64", "linux/amd64"]});
    let made = create(&client, &place, two).unwrap();
    let picked: Vec<&Value> = [0, 1, 3, 4].iter().map(|at| &whole["manifests"][at]).collect();
    assert_eq!(to.registry.json("t").unwrap()["manifests"], json!(picked));
    assert_eq!(made["added"], json!(picked));
    let gone = remove(&client, &place, json!({"digests": [whole["manifests"][0]["digest"]]})).unwrap();
    assert_eq!(gone["removed"], json!([whole["manifests"][0], whole["manifests"][3]]));
    assert_eq!(gone["before"], made["digest"]);
    // The manifests stay.
    assert!(to.registry.json(whole["manifests"][0]["digest"].as_str().unwrap()).is_some());
    // Another image for the platform takes the place of that, with what attests something about it.
    let another = json!({"references": references(&from, &["arm64"]), "platform": ["linux/arm64"]});
    assert_eq!(append(&client, &place, another).unwrap()["added"], json!([]));
    let newer = attested(&from, "newer", &["arm64", "amd64"]);
    let mut image = newer["manifests"][0].clone();
    let bytes = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": from.registry.json(image["digest"].as_str().unwrap()).unwrap()["config"], "layers": []});
    image = from.manifest("sha256:", &bytes);
    let newer = format!("{}/a/b@{}", from.host(), image["digest"].as_str().unwrap());
    let replaced = append(&client, &place, json!({"references": [newer], "replace": true})).unwrap();
    assert_eq!(replaced["removed"], json!([whole["manifests"][1], whole["manifests"][4]]));
    assert_eq!(held(&to, "t"), ["arm64"]);
}

/// A copy has the same rule, also where only some of an index is there.
#[test]
fn a_copy_of_some_platforms_has_their_attestations() {
    let from = Shelf::start(Abilities::default());
    let whole = attested(&from, "all", &["amd64", "arm64", "s390x"]);
    let client = client();
    let source = Place::parse(&format!("{}/a/b:all", from.host())).unwrap();
    let platform: Vec<String> = ["linux/s390x", "linux/amd64"].map(str::to_owned).into();
    let copied = |to: &Shelf, sparse: bool| {
        let options = CopyOptions { platform: platform.clone(), sparse, ..CopyOptions::default() };
        let place = Place::parse(&format!("{}/a/b:t", to.host())).unwrap();
        copy(&client, &call(&client), &source, &place, &options).unwrap()
    };
    let picked: Vec<&Value> = [0, 2, 3, 5].iter().map(|at| &whole["manifests"][at]).collect();
    let to = Shelf::start(Abilities::default());
    copied(&to, false);
    assert_eq!(to.registry.json("t").unwrap()["manifests"], json!(picked));
    let folder = tempfile::tempdir().unwrap();
    let layout = Place::parse(&format!("oci:{}/l:t", folder.path().display())).unwrap();
    let options = CopyOptions { platform: platform.clone(), sparse: true, ..CopyOptions::default() };
    let sparse = copy(&client, &call(&client), &source, &layout, &options).unwrap();
    assert_eq!(sparse.manifests["total"], 5);
    // What refers to an image may be where nothing was copied from.
    from.registry.manifests.lock().unwrap().stored.remove(picked[3]["digest"].as_str().unwrap());
    let to = Shelf::start(Abilities::default());
    copied(&to, false);
    assert_eq!(to.registry.json("t").unwrap()["manifests"], json!(picked[..3]));
}

#[test]
fn what_cannot_be_in_an_index_is_refused_before_anything_is_written() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let [amd64] = &references(&from, &["amd64"])[..] else { unreachable!() };
    let signed = json!({"schemaVersion": 1, "name": "a/b", "tag": "t", "architecture": "amd64", "fsLayers": [{"blobSum": digest(b"x")}],
        "history": [{"v1Compatibility": "{\"id\":\"x\"}"}]});
    from.registry.manifests.lock().unwrap().put(
        "old",
        "application/vnd.docker.distribution.manifest.v1+json",
        signed.to_string().as_bytes(),
    );
    let old = format!("{}/a/b:old", from.host());
    let many: Vec<String> = (0..1_001).map(|_| amd64.clone()).collect();
    for (options, code, why) in [
        (json!({}), Code::InvalidArgument, "references"),
        (json!({"references": []}), Code::InvalidArgument, "references"),
        (json!({"references": [amd64], "media_type": "list"}), Code::InvalidArgument, "media_type"),
        (json!({"references": [amd64], "media_type": "docker"}), Code::InvalidManifest, "manifests[0]"),
        (json!({"references": [amd64], "platform": ["linux/arm64"]}), Code::NotFound, "linux/amd64"),
        (json!({"references": [amd64], "platform": ["linux/amd64", "linux/arm64"]}), Code::NotFound, "linux/arm64"),
        (json!({"references": [amd64], "platform": ["linux"]}), Code::InvalidArgument, "platform"),
        (json!({"references": [amd64], "annotations": ["x"]}), Code::InvalidArgument, "KEY=VALUE"),
        (json!({"references": [amd64], "concurrency": 0}), Code::InvalidArgument, "concurrency"),
        (json!({"references": [amd64], "subject": amd64}), Code::InvalidArgument, "not in the same repository"),
        (json!({"references": [amd64], "subject": format!("{}/a/b:none", to.host())}), Code::NotFound, "the subject"),
        (json!({"references": [old]}), Code::Unsupported, "schema 1"),
        (json!({"references": [format!("{}/a/b:none", from.host())]}), Code::NotFound, "none"),
        (json!({"references": [digest(b"none")]}), Code::NotFound, "manifest"),
        (json!({"references": many}), Code::LimitExceeded, "1000"),
    ] {
        fails(create(&client, &place, options), code, why);
    }
    assert_eq!((to.writes().len(), to.tag("t")), (0, None));
}

#[test]
fn what_is_no_place_of_an_index_is_refused() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let [amd64] = &references(&from, &["amd64"])[..] else { unreachable!() };
    for (to, code) in [("docker-archive:x.tar:a:t", Code::Unsupported), ("docker-v1://h/a", Code::Unsupported)] {
        fails(create(&client, to, json!({"references": [amd64]})), code, "an index can only be put into");
    }
    let pinned = format!("{}/a/b@{}", to.host(), digest(b"x"));
    for (to, why) in [(pinned.as_str(), "without a digest"), ("oci:nowhere", "name"), ("oci-archive:-:t", "written")] {
        fails(append(&client, to, json!({"references": [amd64]})), Code::InvalidReference, why);
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = format!("oci-archive:{}/none.tar:t", folder.path().display());
    for place in [&place, "dir:/no/such/folder", "oci:/no/such/folder:t", &archive] {
        fails(append(&client, place, json!({"references": [amd64]})), Code::NotFound, "there is no index");
        fails(remove(&client, place, json!({"digests": [digest(b"x")]})), Code::NotFound, "there is no index");
    }
    fails(remove(&client, &place, json!({})), Code::InvalidArgument, "nothing to remove");
    fails(remove(&client, &place, json!({"digests": ["x"]})), Code::InvalidArgument, "the digest 'x'");
    assert_eq!((to.writes().len(), to.tag("t")), (0, None));
    to.manifest("image", &serde_json::from_str(MANIFEST).unwrap());
    let image = format!("{}/a/b:image", to.host());
    fails(append(&client, &image, json!({"references": [amd64]})), Code::Unsupported, "not an index");
}

#[test]
fn what_is_wrong_in_one_index_is_not_written_into_another() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let entry = from.image("amd64");
    // Also where it need not be copied.
    let there = Shelf::start(Abilities::default());
    there.image("amd64");
    let mut wrong_size = entry.clone();
    wrong_size["size"] = json!(1);
    from.manifest("wrong", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [wrong_size]}));
    let options = json!({"references": [format!("{}/a/b:wrong", from.host())]});
    fails(create(&client, &format!("{}/a/b:t", there.host()), options), Code::SizeMismatch, "manifest");
    for (member, wrong, code) in [
        ("size", json!(1), Code::SizeMismatch),
        ("mediaType", json!(DOCKER_TYPE), Code::InvalidManifest),
        ("digest", json!(digest(b"none")), Code::NotFound),
    ] {
        let mut entry = entry.clone();
        entry[member] = wrong;
        from.manifest("wrong", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}));
        let name = format!("{}/a/b:wrong", from.host());
        fails(create(&client, &place, json!({"references": [name]})), code, "manifest");
        fails(create(&client, &place, json!({"references": [name], "platform": ["linux/amd64"]})), code, "manifest");
    }
    assert_eq!((to.writes().len(), to.tag("t")), (0, None));
}

#[test]
fn a_list_of_dockers_is_changed_to_an_index_only_by_choice() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let config = from.blob(
        "application/vnd.docker.container.image.v1+json",
        br#"{"os":"linux","architecture":"arm","variant":"v6"}"#,
    );
    let docker = json!({"schemaVersion": 2, "mediaType": DOCKER_TYPE, "config": config, "layers": []});
    from.manifest("docker", &docker);
    let docker = format!("{}/a/b:docker", from.host());
    let made = create(&client, &place, json!({"references": [docker]})).unwrap();
    assert_eq!(made["mediaType"], "application/vnd.docker.distribution.manifest.list.v2+json");
    assert_eq!(made["manifests"][0]["platform"], json!({"os": "linux", "architecture": "arm", "variant": "v6"}));
    let oci = references(&from, &["amd64"]);
    let error = fails(append(&client, &place, json!({"references": oci})), Code::InvalidManifest, "manifests[1]");
    assert!(error.to_json()["hint"].as_str().unwrap().contains("media_type"), "{error}");
    let done = append(&client, &place, json!({"references": oci, "media_type": "oci"})).unwrap();
    assert_eq!((&done["mediaType"], &done["manifests"][0]["mediaType"]), (&json!(INDEX_TYPE), &json!(DOCKER_TYPE)));
    // Docker's has nothing but entries, whichever call makes it.
    let subject = &done["manifests"][0]["digest"];
    let options = [
        json!({"annotations": ["a=b"]}),
        json!({"entry_annotations": ["a=b"]}),
        json!({"subject": subject}),
        json!({"media_type": "oci"}),
    ];
    for (at, mut options) in options.into_iter().enumerate() {
        options["references"] = json!([docker]);
        assert_eq!(create(&client, &place, options.clone()).unwrap()["mediaType"], INDEX_TYPE);
        options["create"] = json!(true);
        let new = format!("{}/a/b:new{at}", to.host());
        assert_eq!(append(&client, &new, options).unwrap()["mediaType"], INDEX_TYPE);
    }
}

#[test]
fn a_name_that_is_left_as_it_is_costs_no_reading() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let there = create(&client, &place, json!({"references": references(&from, &["amd64"])})).unwrap();
    let before = from.registry.server.seen().len();
    let options = json!({"references": references(&from, &["arm64"]), "if_exists": "skip"});
    let left = create(&client, &place, options).unwrap();
    assert_eq!((&left["digest"], &left["skipped"], &left["size"]), (&there["digest"], &json!(["t"]), &Value::Null));
    assert_eq!(from.registry.server.seen().len(), before);
}

/// Entries that do not say what they run on, and an index in an index.
#[test]
fn what_an_index_leaves_out_is_in_the_configs() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let mut silent = from.image("arm64");
    silent.as_object_mut().unwrap().remove("platform");
    let inner = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [from.image("s390x")]});
    let inner = from.manifest("sha256:", &inner);
    let outer = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [silent, inner]});
    from.manifest("outer", &outer);
    let name = format!("{}/a/b:outer", from.host());
    let made = create(&client, &place, json!({"references": [name]})).unwrap();
    assert_eq!((&made["manifests"][0]["platform"]["architecture"], &made["manifests"][1]), (&json!("arm64"), &inner));
    let flat = json!({"references": [name], "platform": ["linux/s390x", "linux/arm64"]});
    assert_eq!(architectures(&create(&client, &place, flat).unwrap()), ["arm64", "s390x"]);
    // A change leaves entries as they are, whatever is looked up for it.
    to.manifest("silent", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [outer["manifests"][0], from.image("amd64")]}));
    let silent = format!("{}/a/b:silent", to.host());
    let gone = remove(&client, &silent, json!({"platform": ["linux/amd64"]})).unwrap();
    assert_eq!(gone["manifests"], json!([outer["manifests"][0]]));
    let gone = remove(&client, &silent, json!({"platform": ["linux/arm64"]})).unwrap();
    assert_eq!(gone["manifests"], json!([]));
}
