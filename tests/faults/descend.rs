//! The image for a platform in an index, wherever the index names or hides it: everything that takes a platform finds
//! the same one.

use ocireg::error::{Code, Error};
use ocireg::image::config::ImageConfig;
use ocireg::image::size::{size, SizeOptions};
use ocireg::image::Image;
use ocireg::place::{self, Place};
use ocireg::reference::Reference;
use ocireg::registry::manifest::GetOptions;
use ocireg::store::ReadStore;
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::*;
use crate::shelf::*;

fn index(shelf: &Shelf, entries: &[Value]) -> Value {
    shelf.manifest("sha256:", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}))
}

fn tagged(shelf: &Shelf, entries: &[Value]) {
    shelf.manifest("t", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}));
}

fn without(mut entry: Value, member: &str) -> Value {
    entry.as_object_mut().unwrap().remove(member);
    entry
}

fn with(mut entry: Value, member: &str, value: Value) -> Value {
    entry[member] = value;
    entry
}

/// An attestation about an image, marked as by buildx, with an image config that has the image's platform.
fn attestation(shelf: &Shelf) -> Value {
    let mut entry = without(shelf.image("amd64"), "platform");
    let manifest = shelf.registry.json(entry["digest"].as_str().unwrap()).unwrap();
    let about = with(manifest, "annotations", json!({"about": "amd64"}));
    entry = shelf.manifest("sha256:", &about);
    with(entry, "annotations", json!({"vnd.docker.reference.type": "attestation-manifest"}))
}

/// What each operation finds: the digest of the image, or the error.
fn ways(shelf: &Shelf, platform: &str) -> Vec<Result<String, Error>> {
    let client = client();
    let call = call(&client);
    let name = format!("{}/a/b:t", shelf.host());
    let (reference, place) = (Reference::parse(&name, None).unwrap(), Place::parse(&name).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l").display().to_string();
    let whole = Place::parse(&format!("oci:{layout}:whole")).unwrap();
    place::copy(&client, &call, &place, &whole, &CopyOptions::default()).unwrap();
    let get = GetOptions { platform: Some(platform.to_owned()), ..GetOptions::default() };
    let stores: Vec<Box<dyn ReadStore>> = vec![place.source(&client).unwrap(), whole.source(&client).unwrap()];
    let mut found = vec![
        client.get_manifest(&call, &reference, &get).map(|found| found.document.digest.to_string()),
        client.manifest_digest(&call, &reference, &get).map(|digest| digest.to_string()),
    ];
    for store in &stores {
        found.push(Image::find(&call, store.as_ref(), Some(platform)).and_then(|image| {
            let config = ImageConfig::read(&call, store.as_ref(), &image)?;
            assert_eq!(config.to_json(&call, &image)["platform"]["architecture"], config.value["architecture"]);
            Ok(image.content.digest().to_string())
        }));
        let options = SizeOptions { platform: Some(platform.to_owned()), all: false };
        found.push(size(&call, store.as_ref(), &options).map(|size| size["digest"].as_str().unwrap().to_owned()));
    }
    for (number, from) in [&place, &whole].into_iter().enumerate() {
        let to = Place::parse(&format!("oci:{layout}:{number}")).unwrap();
        let options = CopyOptions { platform: vec![platform.to_owned()], ..CopyOptions::default() };
        found.push(place::copy(&client, &call, from, &to, &options).map(|copied| copied.digest.to_string()));
    }
    found
}

#[track_caller]
fn expect(shelf: &Shelf, platform: &str, wanted: &Value) {
    for (number, found) in ways(shelf, platform).into_iter().enumerate() {
        assert_eq!(
            found.map_err(|error| error.to_string()).as_deref(),
            Ok(wanted["digest"].as_str().unwrap()),
            "way {number}"
        );
    }
}

#[track_caller]
fn expect_none(shelf: &Shelf, platform: &str, code: Code, part: &str) {
    for found in ways(shelf, platform) {
        fails(found, code, part);
    }
}

#[test]
fn entries_that_do_not_say_what_they_run_on() {
    let halves =
        [json!({"architecture": "amd64", "os": null}), json!({"architecture": "arm64"}), json!({"os": "linux"})];
    for blank in [json!({}), json!({"architecture": "", "os": ""}), Value::Null].into_iter().chain(halves) {
        let shelf = Shelf::start(Abilities::default());
        let (amd, arm) = (shelf.image("amd64"), shelf.image("arm64"));
        let entries = [&attestation(&shelf), &amd, &arm].map(|entry| with(entry.clone(), "platform", blank.clone()));
        tagged(&shelf, &entries);
        expect(&shelf, "linux/amd64", &amd);
        expect(&shelf, "linux/arm64", &arm);
        expect_none(&shelf, "linux/s390x", Code::NotFound, "it has linux/amd64, linux/arm64");
    }
}

#[test]
fn indexes_in_indexes() {
    let shelf = Shelf::start(Abilities::default());
    let (amd, arm, s390x) = (shelf.image("amd64"), shelf.image("arm64"), shelf.image("s390x"));
    let unknown = with(attestation(&shelf), "platform", json!({"os": "unknown", "architecture": "unknown"}));
    let inner = index(&shelf, &[without(unknown, "annotations"), without(arm.clone(), "platform"), s390x.clone()]);
    let said = with(index(&shelf, &[without(amd.clone(), "platform")]), "platform", amd["platform"].clone());
    tagged(&shelf, &[index(&shelf, &[inner]), said]);
    expect(&shelf, "linux/amd64", &amd);
    expect(&shelf, "linux/arm64", &arm);
    expect(&shelf, "linux/s390x", &s390x);
    expect_none(&shelf, "linux/ppc64le", Code::NotFound, "linux/s390x");
}

/// An entry with the platform is preferred to one whose config has to be read; among the latter, the best match wins.
#[test]
fn what_is_said_comes_first() {
    let shelf = Shelf::start(Abilities::default());
    let (said, unsaid) = (shelf.image("amd64"), attestation(&shelf));
    tagged(&shelf, &[without(unsaid.clone(), "annotations"), said.clone()]);
    expect(&shelf, "linux/amd64", &said);
    // With an entry that names the platform, nothing else is requested.
    let client = client();
    let (before, get) = (
        shelf.registry.server.seen().len(),
        GetOptions { platform: Some("linux/amd64".into()), ..GetOptions::default() },
    );
    client.manifest_digest(&call(&client), &tag(shelf.host()), &get).unwrap();
    assert_eq!(shelf.registry.server.seen().len() - before, 1);
}

#[test]
fn a_search_is_bounded() {
    let shelf = Shelf::start(Abilities::default());
    let mut deep = without(shelf.image("amd64"), "platform");
    for _ in 0..40 {
        deep = index(&shelf, &[deep]);
    }
    tagged(&shelf, &[deep]);
    let client = client();
    let get = GetOptions { platform: Some("linux/amd64".to_owned()), ..GetOptions::default() };
    fails(client.get_manifest(&call(&client), &tag(shelf.host()), &get), Code::LimitExceeded, "16 deep");
    let many: Vec<Value> = (0..300).map(|number| without(shelf.image(&format!("cpu{number}")), "platform")).collect();
    tagged(&shelf, &many);
    let before = shelf.registry.server.seen().len();
    fails(client.get_manifest(&call(&client), &tag(shelf.host()), &get), Code::LimitExceeded, "more than 256");
    assert!(shelf.registry.server.seen().len() - before < 600);
}

/// Several platforms from nested indexes: one index with just these; or, sparse, the unchanged index with the manifests
/// that lead to them.
#[test]
fn several_platforms_of_indexes_in_indexes() {
    let shelf = Shelf::start(Abilities::default());
    let (amd, arm, s390x) = (shelf.image("amd64"), shelf.image("arm64"), shelf.image("s390x"));
    let inner = index(&shelf, &[without(arm.clone(), "platform"), s390x.clone()]);
    let odd = with(amd.clone(), "x-odd", json!([1]));
    tagged(&shelf, &[inner, odd.clone()]);
    let client = client();
    let from = Place::parse(&format!("{}/a/b:t", shelf.host())).unwrap();
    let to = Shelf::start(Abilities::default());
    let place = Place::parse(&format!("{}/a/b:t", to.host())).unwrap();
    let copied = |sparse: bool, platforms: &[&str]| {
        let platform = platforms.iter().map(|text| (*text).to_owned()).collect();
        let options = CopyOptions { platform, sparse, ..CopyOptions::default() };
        place::copy(&client, &call(&client), &from, &place, &options)
    };
    copied(false, &["linux/amd64", "linux/arm64"]).unwrap();
    assert_eq!(to.registry.json("t").unwrap()["manifests"], json!([arm, odd]));
    let folder = tempfile::tempdir().unwrap();
    let layout = Place::parse(&format!("oci:{}:t", folder.path().join("l").display())).unwrap();
    let sparse = CopyOptions { platform: vec!["linux/arm64".to_owned()], sparse: true, ..CopyOptions::default() };
    let done = place::copy(&client, &call(&client), &from, &layout, &sparse).unwrap();
    assert_eq!(Some(done.digest.to_string()), shelf.tag("t"));
    assert_eq!((&done.manifests["total"], &done.blobs["total"]), (&json!(3), &json!(2)), "root, inner and the image");
    fails(copied(true, &["linux/arm64", "plan9/arm64"]), Code::NotFound, "plan9/arm64");
}

/// Images without names: the message lists what can be given, and what it lists is accepted.
#[test]
fn images_without_names_are_picked_by_their_digests() {
    let shelf = Shelf::start(Abilities::default());
    let (client, folder) = (client(), tempfile::tempdir().unwrap());
    let layout = format!("oci:{}", folder.path().join("l").display());
    let digests =
        [shelf.image("amd64"), shelf.image("arm64")].map(|entry| entry["digest"].as_str().unwrap().to_owned());
    for digest in &digests {
        let from = Place::parse(&format!("{}/a/b@{digest}", shelf.host())).unwrap();
        let to = Place::parse(&layout).unwrap();
        place::copy(&client, &call(&client), &from, &to, &CopyOptions::default()).unwrap();
    }
    let tar = folder.path().join("l.tar");
    let packed =
        std::process::Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(folder.path().join("l")).arg(".").status();
    assert!(packed.unwrap().success());
    for place in [layout, format!("oci-archive:{}", tar.display())] {
        let root = |name: &str| Place::parse(name)?.source(&client)?.root(&call(&client));
        let error = fails(root(&place), Code::InvalidReference, "2 images");
        let hint = error.to_json()["hint"].as_str().unwrap().to_owned();
        assert!(hint.contains(&format!("{place}:NAME")) && hint.contains(&format!("{place}@DIGEST")), "{hint}");
        for digest in &digests {
            assert!(error.message().contains(&format!("@{digest}")), "{error}");
            assert_eq!(root(&format!("{place}@{digest}")).unwrap().digest().as_str(), digest);
            assert_eq!(root(&format!("{place}:@{digest}")).unwrap().digest().as_str(), digest);
        }
        fails(root(&format!("{place}@{}", digest(b"other"))), Code::NotFound, "has no image");
    }
}

/// A config that is nested too deep to be read may name any platform: the image is none that is wanted.
#[test]
fn an_image_whose_platform_cannot_be_read_is_not_taken() {
    let shelf = Shelf::start(Abilities::default());
    let deep = format!("{{\"os\":\"linux\",\"architecture\":\"arm64\",\"x\":{}{}}}", "[".repeat(60), "]".repeat(60));
    let config = shelf.blob("application/vnd.oci.image.config.v1+json", deep.as_bytes());
    let image = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": []});
    shelf.manifest("t", &image);
    let client = client();
    let place = Place::parse(&format!("{}/a/b:t", shelf.host())).unwrap();
    let source = place.source(&client).unwrap();
    fails(Image::find(&call(&client), source.as_ref(), Some("linux/amd64")), Code::InvalidManifest, "nested too deep");
    // In an index it does not hide another one.
    let unread = shelf.manifest("sha256:", &image);
    tagged(&shelf, std::slice::from_ref(&unread));
    fails(Image::find(&call(&client), source.as_ref(), Some("linux/amd64")), Code::NotFound, "nested too deep");
    tagged(&shelf, &[unread, without(shelf.image("amd64"), "platform")]);
    assert!(Image::find(&call(&client), source.as_ref(), Some("linux/amd64")).is_ok());
}
