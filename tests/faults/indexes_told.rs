//! Indexes that say little, wrong or unusual things: one image for two platforms, entries without platforms or without manifests, names
//! of layouts as others write them.

use ocireg::error::Code;
use serde_json::{json, Value};

use crate::common::*;
use crate::indexes::*;
use crate::registry::*;
use crate::shelf::*;

fn index(entries: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries})
}

fn arm(mut entry: Value, variant: &str) -> Value {
    entry["platform"] = json!({"os": "linux", "architecture": "arm", "variant": variant});
    entry
}

fn attestation(shelf: &Shelf, of: &Value) -> Value {
    let mut entry = shelf.image(&format!("about {}", of["digest"]));
    entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    entry["annotations"] =
        json!({"vnd.docker.reference.digest": of["digest"], "vnd.docker.reference.type": "attestation-manifest"});
    entry
}

fn without_platform(mut entry: Value) -> Value {
    entry.as_object_mut().unwrap().remove("platform");
    entry
}

#[test]
fn one_image_for_two_platforms_is_two_entries() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let image = from.image("arm");
    let about = attestation(&from, &image);
    let (v6, v7) = (arm(image.clone(), "v6"), arm(image.clone(), "v7"));
    let all = [v6.clone(), v7.clone(), about.clone()];
    from.manifest("all", &index(&all));
    let name = format!("{}/a/b:all", from.host());
    let now = || to.registry.json("t").unwrap()["manifests"].clone();
    let made = create(&client, &place, json!({"references": [name]})).unwrap();
    assert_eq!((&made["added"], now()), (&json!(all), json!(all)));
    let both = json!({"references": [name], "platform": ["linux/arm/v6", "linux/arm/v7"]});
    create(&client, &place, both).unwrap();
    assert_eq!(now(), json!(all));
    create(&client, &place, json!({"references": [name], "platform": ["linux/arm/v7"]})).unwrap();
    assert_eq!(now(), json!([v7, about]));
    // One more platform of the same image; and the image itself, whose config says none of the two variants.
    let one = json!({"references": [name], "platform": ["linux/arm/v6"]});
    assert_eq!(append(&client, &place, one).unwrap()["added"], json!([v6]));
    let itself = json!({"references": references(&from, &["arm"])});
    assert_eq!(append(&client, &place, itself).unwrap()["added"], json!([]));
    create(&client, &place, json!({"references": [name]})).unwrap();
    let gone = remove(&client, &place, json!({"platform": ["linux/arm/v7"]})).unwrap();
    assert_eq!((&gone["removed"], now()), (&json!([v7]), json!([v6, about])));
    // What replaces one of them does not replace the other, nor what attests something about it.
    create(&client, &place, json!({"references": [name]})).unwrap();
    let newer = arm(from.image("newer"), "v7");
    from.manifest("newer", &index(std::slice::from_ref(&newer)));
    let newer_name = format!("{}/a/b:newer", from.host());
    let replaced = append(&client, &place, json!({"references": [newer_name], "replace": true})).unwrap();
    assert_eq!((&replaced["removed"], now()), (&json!([v7]), json!([v6, about, newer])));
    let gone = remove(&client, &place, json!({"digests": [image["digest"]]})).unwrap();
    assert_eq!((&gone["removed"], now()), (&json!([v6, about]), json!([newer])));
}

#[test]
fn replace_finds_what_is_for_the_same_though_it_does_not_say_so() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let (silent, amd64) = (without_platform(to.image("arm64")), to.image("amd64"));
    to.manifest("t", &index(&[silent.clone(), amd64.clone()]));
    let mut newer = from.image("newer");
    newer["platform"] = json!({"os": "linux", "architecture": "arm64"});
    from.manifest("newer", &index(std::slice::from_ref(&newer)));
    let name = format!("{}/a/b:newer", from.host());
    let done = append(&client, &place, json!({"references": [name], "replace": true})).unwrap();
    assert_eq!((&done["removed"], &done["manifests"]), (&json!([silent]), &json!([amd64, newer])));
    // Of Windows each month has another revision of the same build.
    let windows = |name: &str, version: &str| {
        let mut entry = from.image(name);
        entry["platform"] = json!({"os": "windows", "architecture": "amd64", "os.version": version});
        entry
    };
    let (old, next) = (windows("old", "10.0.20348.1"), windows("next", "10.0.20348.2"));
    let other = windows("other", "10.0.17763.9");
    from.manifest("old", &index(&[old.clone(), other.clone()]));
    from.manifest("next", &index(std::slice::from_ref(&next)));
    let named = |tag: &str| format!("{}/a/b:{tag}", from.host());
    create(&client, &place, json!({"references": [named("old")]})).unwrap();
    let done = append(&client, &place, json!({"references": [named("next")], "replace": true})).unwrap();
    assert_eq!((&done["removed"], &done["manifests"]), (&json!([old]), &json!([other, next])));
}

#[test]
fn what_is_missing_is_no_obstacle_to_taking_others_away() {
    let (from, to) = (Shelf::start(Abilities::default()), Registry::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.server.host));
    let (said, gone) = (from.image("amd64"), without_platform(from.image("arm64")));
    to.manifests.lock().unwrap().put("t", INDEX_TYPE, index(&[said.clone(), gone.clone()]).to_string().as_bytes());
    let error =
        fails(create(&client, &place.replace(":t", ":u"), json!({"references": [place]})), Code::NotFound, "b:t");
    assert!(error.hint().unwrap().contains("platform"), "{error}");
    let left = remove(&client, &place, json!({"platform": ["linux/amd64"]})).unwrap();
    assert_eq!((&left["removed"], &left["manifests"]), (&json!([said]), &json!([gone])));
}

#[test]
fn what_an_index_names_and_has_not_is_brought_by_appending_it() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let (amd64, arm64) = (to.image("amd64"), from.image("arm64"));
    to.manifest("t", &index(&[amd64, arm64.clone()]));
    let (digest, before) = (arm64["digest"].as_str().unwrap(), to.tag("t"));
    let done = append(&client, &place, json!({"references": references(&from, &["arm64"])})).unwrap();
    assert!(to.registry.json(digest).is_some());
    assert_eq!((&done["added"], &done["condition"], to.tag("t")), (&json!([]), &Value::Null, before));
    assert_eq!(done["copied"]["manifests"]["copied"], 1);
    // And with another that is new.
    to.registry.manifests.lock().unwrap().stored.remove(digest);
    append(&client, &place, json!({"references": references(&from, &["arm64", "s390x"])})).unwrap();
    assert!(to.registry.json(digest).is_some());
    // A layout has nothing written either, when all is there.
    let folder = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:t", folder.path().display());
    create(&client, &layout, json!({"references": references(&from, &["arm64"])})).unwrap();
    let list = || std::fs::metadata(folder.path().join("index.json")).unwrap().modified().unwrap();
    let before = list();
    append(&client, &layout, json!({"references": references(&from, &["arm64"])})).unwrap();
    assert_eq!(list(), before);
    std::fs::remove_file(folder.path().join("blobs/sha256").join(digest.split_once(':').unwrap().1)).unwrap();
    append(&client, &layout, json!({"references": references(&from, &["arm64"])})).unwrap();
    assert!(folder.path().join("blobs/sha256").join(digest.split_once(':').unwrap().1).exists());
}

#[test]
fn signatures_of_what_is_there_already_are_brought_too() {
    let from = Shelf::start(Abilities { referrers: true, ..Abilities::default() });
    for place in ["registry", "layout"] {
        let to = Shelf::start(Abilities { referrers: true, ..Abilities::default() });
        let folder = tempfile::tempdir().unwrap();
        let client = client();
        let place = match place {
            "registry" => format!("{}/a/b:t", to.host()),
            _ => format!("oci:{}:t", folder.path().display()),
        };
        let names = references(&from, &["amd64"]);
        let made = create(&client, &place, json!({"references": names})).unwrap();
        let image = from.image("amd64");
        let subject = json!({"mediaType": MANIFEST_TYPE, "digest": image["digest"], "size": image["size"]});
        let empty = from.blob("application/vnd.oci.empty.v1+json", b"{}");
        let signature = from.manifest(
            "sha256:",
            &json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/signature",
            "config": empty, "layers": [], "subject": subject, "annotations": {"for": place}}),
        );
        let done = append(&client, &place, json!({"references": names, "referrers": true})).unwrap();
        assert_eq!((&done["digest"], &done["added"]), (&made["digest"], &json!([])), "{place}");
        let digest = signature["digest"].as_str().unwrap();
        let file = folder.path().join("blobs/sha256").join(digest.split_once(':').unwrap().1);
        assert!(to.registry.json(digest).is_some() || file.exists(), "{place}");
        assert!(done["copied"]["manifests"]["referrers"].as_u64().unwrap() > 0, "{place}");
    }
}

#[test]
fn an_image_that_calls_itself_about_another_is_no_attestation() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    let (arm64, mut amd64) = (from.image("arm64"), from.image("amd64"));
    amd64["annotations"] = json!({"vnd.docker.reference.digest": arm64["digest"]});
    from.manifest("all", &index(&[arm64.clone(), amd64.clone()]));
    let name = format!("{}/a/b:all", from.host());
    let made = create(&client, &place, json!({"references": [name], "platform": ["linux/arm64"]})).unwrap();
    assert_eq!(made["manifests"], json!([arm64]));
    create(&client, &place, json!({"references": [name]})).unwrap();
    let left = remove(&client, &place, json!({"digests": [arm64["digest"]]})).unwrap();
    assert_eq!(left["manifests"], json!([amd64]));
}

/// Both lead to it, and only one of them has it.
#[test]
fn what_one_reference_has_not_is_taken_from_the_next() {
    let (sparse, full) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let client = client();
    let entries = [full.image("amd64"), full.image("arm64")];
    sparse.image("amd64");
    for shelf in [&sparse, &full] {
        shelf.manifest("all", &index(&entries));
    }
    let [sparse, full] = [&sparse, &full].map(|shelf| format!("{}/a/b:all", shelf.host()));
    for names in [[&sparse, &full], [&full, &sparse]] {
        let to = Shelf::start(Abilities::default());
        let place = format!("{}/a/b:t", to.host());
        let made = create(&client, &place, json!({"references": names})).unwrap();
        assert_eq!(made["manifests"], json!(entries));
    }
    let to = Shelf::start(Abilities::default());
    let place = format!("{}/a/b:t", to.host());
    fails(create(&client, &place, json!({"references": [sparse]})), Code::NotFound, "manifest");
}

/// What buildx and containerd write: the name is the tag alone, and the whole name stands beside it.
#[test]
fn an_index_that_is_found_under_another_name_is_named_so() {
    let from = Shelf::start(Abilities::default());
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:docker.io/foo/app:v1", folder.path().display());
    create(&client, &layout, json!({"references": references(&from, &["amd64"])})).unwrap();
    let path = folder.path().join("index.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    list["manifests"][0]["annotations"] =
        json!({"io.containerd.image.name": "docker.io/foo/app:v1", "org.opencontainers.image.ref.name": "v1"});
    std::fs::write(&path, list.to_string()).unwrap();
    let short = format!("oci:{}:v1", folder.path().display());
    for may_create in [true, false] {
        let options = json!({"references": references(&from, &["arm64"]), "create": may_create});
        fails(append(&client, &short, options), Code::InvalidReference, "docker.io/foo/app:v1");
    }
    let done = append(&client, &layout, json!({"references": references(&from, &["arm64"])})).unwrap();
    assert_eq!(done["manifests"].as_array().unwrap().len(), 2);
}

#[test]
fn a_broken_layout_is_not_taken_for_none() {
    let from = Shelf::start(Abilities::default());
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let layout = format!("oci:{}:t", folder.path().display());
    create(&client, &layout, json!({"references": references(&from, &["amd64"])})).unwrap();
    std::fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    let options = json!({"references": references(&from, &["arm64"]), "create": true});
    fails(append(&client, &layout, options), Code::InvalidManifest, "2.0.0");
}

#[test]
fn an_image_is_made_an_index_by_creating_it() {
    let (from, to) = (Shelf::start(Abilities::default()), Shelf::start(Abilities::default()));
    let client = client();
    to.manifest("image", &serde_json::from_str(MANIFEST).unwrap());
    let image = format!("{}/a/b:image", to.host());
    let options = json!({"references": references(&from, &["amd64"])});
    let error = fails(append(&client, &image, options), Code::Unsupported, "not an index");
    assert!(error.hint().unwrap().contains("create"), "{error}");
}

#[test]
fn without_references_nothing_is_asked() {
    let to = Shelf::start(Abilities::default());
    let (client, place) = (client(), format!("{}/a/b:t", to.host()));
    create(&client, &place, json!({"references": references(&to, &["amd64"])})).unwrap();
    fails(create(&client, &place, json!({"if_exists": "skip"})), Code::InvalidArgument, "references");
}
