//! Validating images: each thing that can be wrong is in the report, for what it is, and nothing else is.

use ocireg::error::Code;
use ocireg::image::validate::{validate, ValidateOptions, Validation};
use ocireg::place::{self, Place};
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::images;
use crate::registry::*;
use crate::server::*;
use crate::shelf::*;

pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

pub fn place(shelf: &Shelf) -> Place {
    Place::parse(&format!("{}/a/b:t", shelf.host())).unwrap()
}

pub fn report(place: &Place, options: &ValidateOptions) -> Validation {
    let client = client();
    let store = place.source(&client).unwrap();
    validate(&call(&client), store.as_ref(), options).unwrap()
}

pub fn quick() -> ValidateOptions {
    ValidateOptions { quick: true, ..ValidateOptions::default() }
}

/// `DIGEST CODE` of each problem.
pub fn problems(report: &Validation) -> Vec<(String, &'static str)> {
    assert_eq!(report.valid, report.problems.is_empty());
    report.problems.iter().map(|problem| (problem.digest.to_string(), problem.code)).collect()
}

pub fn index(shelf: &Shelf, entries: &[Value]) -> Value {
    shelf.manifest("t", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The image manifest that an entry names.
pub fn manifest(shelf: &Shelf, entry: &Value) -> Value {
    shelf.registry.json(entry["digest"].as_str().unwrap()).unwrap()
}

/// Puts another manifest in the place of an image, with the same platform.
pub fn changed(shelf: &Shelf, entry: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut document = manifest(shelf, entry);
    change(&mut document);
    let mut other = shelf.manifest("sha256:", &document);
    other["platform"] = entry["platform"].clone();
    other
}

/// A layer of one file.
pub fn files(content: &str) -> Vec<u8> {
    images::layer(&[images::file("f", content)])
}

/// Stores an image with one layer, by digest; its entry for an index has the platform.
pub fn stored(shelf: &Shelf, architecture: &str) -> Value {
    let layer = files(architecture);
    let config = json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}});
    let document = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": shelf.blob(CONFIG, config.to_string().as_bytes()), "layers": [shelf.blob(LAYER, &layer)]});
    let mut entry = shelf.manifest("sha256:", &document);
    entry["platform"] = json!({"os": "linux", "architecture": architecture});
    entry
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn what_is_whole_is_valid_everywhere() {
    let shelf = Shelf::start(Abilities::default());
    index(&shelf, &[stored(&shelf, "amd64"), stored(&shelf, "arm64")]);
    let folder = tempfile::tempdir().unwrap();
    let layout = Place::parse(&format!("oci:{}/l:t", folder.path().display())).unwrap();
    let archive = Place::parse(&format!("oci-archive:{}/a.tar:t", folder.path().display())).unwrap();
    let saved = Place::parse(&format!("docker-archive:{}/s.tar:x/y:1", folder.path().display())).unwrap();
    let directory = Place::parse(&format!("dir:{}/d", folder.path().display())).unwrap();
    let client = client();
    let all = CopyOptions { all: true, ..CopyOptions::default() };
    for to in [&layout, &archive] {
        place::copy(&client, &call(&client), &place(&shelf), to, &all).unwrap();
    }
    for to in [&saved, &directory] {
        place::copy(&client, &call(&client), &place(&shelf), to, &CopyOptions::default()).unwrap();
        for options in [ValidateOptions::default(), quick()] {
            let report = report(to, &options);
            let (manifests, blobs) = if std::ptr::eq(to, &saved) { (1, 2) } else { (3, 4) };
            assert_eq!((report.manifests, report.blobs), (manifests, blobs), "{}", report.place);
            assert_eq!(problems(&report), []);
        }
    }
    for place in [&place(&shelf), &layout, &archive] {
        for options in [ValidateOptions::default(), quick()] {
            let report = report(place, &options);
            assert_eq!(problems(&report), []);
            assert_eq!((report.manifests, report.blobs, report.quick), (3, 4, options.quick), "{}", report.place);
            assert_eq!(report.media_type, INDEX_TYPE);
        }
        let one = ValidateOptions { platform: Some("linux/arm64".into()), ..ValidateOptions::default() };
        assert_eq!((report(place, &one).manifests, report(place, &one).blobs), (1, 2));
    }
}

#[test]
fn each_blob_is_asked_for_once() {
    let shelf = Shelf::start(Abilities::default());
    let image = stored(&shelf, "amd64");
    let again = changed(&shelf, &image, |document| document["annotations"] = json!({"a": "b"}));
    index(&shelf, &[image.clone(), again]);
    let layer = text(&manifest(&shelf, &image)["layers"][0]["digest"]);
    for (options, method) in [(ValidateOptions::default(), "GET"), (quick(), "HEAD")] {
        let before = shelf.registry.server.seen().len();
        assert_eq!(problems(&report(&place(&shelf), &options)), []);
        let seen = shelf.registry.server.seen();
        let of_layer: Vec<&str> = seen[before..]
            .iter()
            .filter(|seen| seen.path().ends_with(&layer))
            .map(|seen| seen.method.as_str())
            .collect();
        assert_eq!(of_layer, [method]);
    }
}

#[test]
fn blobs_that_are_missing_or_damaged() {
    let shelf = Shelf::start(Abilities::default());
    let [missing, damaged, whole] = ["amd64", "arm64", "s390x"].map(|name| stored(&shelf, name));
    index(&shelf, &[missing.clone(), damaged.clone(), whole]);
    let layer = |entry: &Value| text(&manifest(&shelf, entry)["layers"][0]["digest"]);
    let (lost, spoiled) = (layer(&missing), layer(&damaged));
    {
        let blobs = &mut shelf.held.lock().unwrap().blobs;
        blobs.remove(&lost);
        let bytes = blobs.get_mut(&spoiled).unwrap();
        bytes[3] ^= 1;
    }
    let lost = (lost, "MISSING_BLOB");
    assert_eq!(problems(&report(&place(&shelf), &quick())), std::slice::from_ref(&lost));
    let found = report(&place(&shelf), &ValidateOptions::default());
    assert_eq!(problems(&found), [lost, (spoiled, "DIGEST_MISMATCH")]);
    assert_eq!(found.problems[0].manifest.as_ref().unwrap().to_string(), text(&missing["digest"]));
}

#[test]
fn damaged_archives_are_told_by_their_digest() {
    let shelf = Shelf::start(Abilities::default());
    let mut packed = gzip(&files(&"seven".repeat(20_000)));
    let layer = shelf.blob(&format!("{LAYER}+gzip"), &packed);
    let entry = changed(&shelf, &stored(&shelf, "amd64"), |document| document["layers"] = json!([layer]));
    shelf.manifest("t", &manifest(&shelf, &entry));
    let digest = text(&layer["digest"]);
    // The config's diff_id is of another layer.
    let found = report(&place(&shelf), &ValidateOptions::default());
    assert_eq!(problems(&found), [(digest.clone(), "DIGEST_MISMATCH")]);
    assert!(found.problems[0].problem.contains("the config says"), "{}", found.problems[0].problem);
    packed[40] ^= 0xff;
    shelf.held.lock().unwrap().blobs.insert(digest.clone(), packed);
    let found = report(&place(&shelf), &ValidateOptions::default());
    assert_eq!(problems(&found), [(digest, "DIGEST_MISMATCH")]);
    assert!(!found.problems[0].problem.contains("the config says"), "{}", found.problems[0].problem);
}

#[test]
fn what_descriptors_and_configs_say_and_is_not_so() {
    let shelf = Shelf::start(Abilities::default());
    let image = stored(&shelf, "amd64");
    let document = manifest(&shelf, &image);
    let (config, layer) = (text(&document["config"]["digest"]), text(&document["layers"][0]["digest"]));
    let own = text(&image["digest"]);
    let with = |key: &str, value: Value| {
        let mut entry = image.clone();
        entry[key] = value;
        entry
    };
    let invalid = |digest: &str| vec![(digest.to_owned(), "INVALID_MANIFEST")];
    let layers = |count: usize| {
        let entry =
            changed(&shelf, &image, |document| document["layers"] = json!(vec![document["layers"][0].clone(); count]));
        index(&shelf, &[entry]);
    };
    let packed =
        |media_type: &str| changed(&shelf, &image, |document| document["layers"][0]["mediaType"] = json!(media_type));
    for (entry, wanted) in [
        (image.clone(), vec![]),
        (with("platform", json!({"os": "linux", "architecture": "arm64"})), invalid(&config)),
        (with("platform", json!({"os": "windows", "architecture": "amd64"})), invalid(&config)),
        (with("platform", json!({"os": "linux", "architecture": "x86_64"})), vec![]),
        (with("platform", json!({"os": "unknown", "architecture": "unknown"})), vec![]),
        (with("mediaType", json!("application/vnd.docker.distribution.manifest.v2+json")), invalid(&own)),
        (with("size", json!(7)), vec![(own.clone(), "SIZE_MISMATCH")]),
        (with("platform", json!({"os": "", "architecture": ""})), vec![]),
        (with("platform", json!({"os": "linux", "architecture": "amd64", "variant": "v2"})), vec![]),
        (packed(&format!("{LAYER}+zstd")), invalid(&layer)),
        (packed(&format!("{LAYER}+gzip+encrypted")), vec![]),
        (packed("application/vnd.oci.image.layer.nondistributable.v1.tar"), vec![]),
        (packed(&format!("{LAYER}+gzip")), invalid(&layer)),
        (packed("application/vnd.in-toto+json"), vec![]),
    ] {
        index(&shelf, std::slice::from_ref(&entry));
        assert_eq!(problems(&report(&place(&shelf), &ValidateOptions::default())), wanted, "{entry}");
    }
    for count in [0, 2] {
        layers(count);
        assert_eq!(problems(&report(&place(&shelf), &quick())), invalid(&config), "{count} layers");
    }
}

#[test]
fn foreign_layers_are_not_looked_for() {
    let shelf = Shelf::start(Abilities::default());
    let kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let digest = digest(b"elsewhere").to_string();
    let entry = changed(&shelf, &stored(&shelf, "amd64"), |document| {
        document["layers"][0] =
            json!({"mediaType": kind, "digest": digest, "size": 9, "urls": ["https://x.example/y"]});
    });
    shelf.manifest("t", &manifest(&shelf, &entry));
    let found = report(&place(&shelf), &ValidateOptions::default());
    assert_eq!((problems(&found), found.foreign.len(), found.blobs), (vec![], 1, 1));
    assert_eq!(found.foreign[0].to_string(), digest);
}

#[test]
fn referrers_are_validated_when_asked() {
    let shelf = Shelf::start(Abilities { referrers: true, ..Abilities::default() });
    let image = stored(&shelf, "amd64");
    shelf.manifest("t", &manifest(&shelf, &image));
    let blob = shelf.blob("text/plain", b"a signature");
    let mut document = manifest(&shelf, &image);
    document["subject"] = json!({"mediaType": MANIFEST_TYPE, "digest": image["digest"], "size": image["size"]});
    document["layers"] = json!([blob]);
    document["config"] = shelf.blob("application/vnd.oci.empty.v1+json", b"{}");
    document["artifactType"] = json!("test/signature");
    shelf.manifest("sha256:", &document);
    shelf.held.lock().unwrap().blobs.remove(blob["digest"].as_str().unwrap());
    let with = ValidateOptions { referrers: true, ..ValidateOptions::default() };
    assert_eq!(problems(&report(&place(&shelf), &with)), [(text(&blob["digest"]), "MISSING_BLOB")]);
    assert_eq!(problems(&report(&place(&shelf), &ValidateOptions::default())), []);
}

#[test]
fn what_cannot_be_found_out_is_an_error() {
    let shelf = Shelf::start(Abilities::default());
    let client = client();
    let fails = |options: &ValidateOptions| {
        let store = place(&shelf).source(&client).unwrap();
        validate(&call(&client), store.as_ref(), options).unwrap_err().code()
    };
    assert_eq!(fails(&ValidateOptions::default()), Code::NotFound);
    index(&shelf, &[stored(&shelf, "amd64")]);
    assert_eq!(fails(&ValidateOptions { concurrency: 0, ..ValidateOptions::default() }), Code::InvalidArgument);
    assert_eq!(
        fails(&ValidateOptions { platform: Some("plan9/mips".into()), ..ValidateOptions::default() }),
        Code::NotFound
    );
    let closed = Shelf::with(Abilities::default(), |_| ());
    index(&closed, &[stored(&closed, "amd64")]);
    let refusing = Registry::with(Abilities::default(), move |seen, _| {
        seen.path().contains("/blobs/").then(|| reply(403).json(r#"{"errors":[{"code":"DENIED","message":"no"}]}"#))
    });
    let bytes = manifest(&closed, &stored(&closed, "amd64")).to_string();
    refusing.manifests.lock().unwrap().put("t", MANIFEST_TYPE, bytes.as_bytes());
    let other = Place::parse(&format!("{}/a/b:t", refusing.server.host)).unwrap();
    let store = other.source(&client).unwrap();
    let error = validate(&call(&client), store.as_ref(), &ValidateOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::Forbidden);
}

#[test]
fn bombs_and_nests_are_bounded() {
    let shelf = Shelf::start(Abilities::default());
    let layer = shelf.blob(&format!("{LAYER}+gzip"), &gzip(&vec![0; 1 << 20]));
    let entry = changed(&shelf, &stored(&shelf, "amd64"), |document| document["layers"] = json!([layer]));
    shelf.manifest("t", &manifest(&shelf, &entry));
    let small = ValidateOptions { max_bytes: 1000, ..ValidateOptions::default() };
    assert_eq!(problems(&report(&place(&shelf), &small)), [(text(&layer["digest"]), "LIMIT_EXCEEDED")]);
    let mut entry = stored(&shelf, "arm64");
    for _ in 0..20 {
        entry = shelf.manifest("t", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}));
    }
    let client = client();
    let store = place(&shelf).source(&client).unwrap();
    let error = validate(&call(&client), store.as_ref(), &ValidateOptions::default()).unwrap_err();
    assert_eq!(error.code(), Code::LimitExceeded);
}

#[test]
fn platforms_say_the_same_in_other_words() {
    let shelf = Shelf::start(Abilities::default());
    let is_valid = |config: Value, listed: Value| {
        let mut entry = changed(&shelf, &stored(&shelf, "arm"), |document| {
            let mut own = json!({"rootfs": {"type": "layers", "diff_ids": [digest(&files("arm"))]}});
            own.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
            document["config"] = shelf.blob(CONFIG, own.to_string().as_bytes());
        });
        entry["platform"] = listed;
        index(&shelf, &[entry]);
        report(&place(&shelf), &ValidateOptions::default()).valid
    };
    let arm = |variant: &str| json!({"os": "linux", "architecture": "arm", "variant": variant});
    let windows = |version: &str| json!({"os": "windows", "architecture": "amd64", "os.version": version});
    assert!(is_valid(json!({"os": "linux", "architecture": "arm"}), arm("v6")));
    assert!(is_valid(arm("v7"), json!({"os": "linux", "architecture": "arm"})));
    assert!(is_valid(arm("7"), arm("v7")));
    assert!(!is_valid(arm("v7"), arm("v6")));
    assert!(is_valid(windows("10.0.20348.1"), windows("10.0.20348")));
    assert!(!is_valid(windows("10.0.20348.1"), windows("10.0.17763.1")));
    assert!(!is_valid(json!({}), arm("v6")));
}

#[test]
fn what_is_below_a_contradiction_is_looked_at_too() {
    let shelf = Shelf::start(Abilities::default());
    let mut image = stored(&shelf, "amd64");
    let layer = text(&manifest(&shelf, &image)["layers"][0]["digest"]);
    shelf.held.lock().unwrap().blobs.remove(&layer);
    image["size"] = json!(7);
    index(&shelf, std::slice::from_ref(&image));
    let wanted = [(text(&image["digest"]), "SIZE_MISMATCH"), (layer, "MISSING_BLOB")];
    assert_eq!(problems(&report(&place(&shelf), &ValidateOptions::default())), wanted);
}

#[test]
fn a_blob_of_many_sizes_is_read_once() {
    let shelf = Shelf::start(Abilities::default());
    let image = stored(&shelf, "amd64");
    let blob = shelf.blob("text/plain", b"hello");
    let entry = changed(&shelf, &image, |document| {
        let sizes = (5..50).map(|size| json!({"mediaType": "text/plain", "digest": blob["digest"], "size": size}));
        document["layers"] = sizes.collect();
        document["config"] = shelf.blob("text/plain", b"config");
    });
    shelf.manifest("t", &manifest(&shelf, &entry));
    let found = report(&place(&shelf), &ValidateOptions::default());
    assert_eq!((found.problems.len(), found.blobs), (44, 2));
    assert!(found.problems.iter().all(|problem| problem.code == "SIZE_MISMATCH"));
    let path = text(&blob["digest"]);
    assert_eq!(shelf.registry.server.seen().iter().filter(|seen| seen.path().ends_with(&path)).count(), 1);
}

#[test]
fn a_layer_that_is_nowhere_is_missing_though_it_is_foreign() {
    let shelf = Shelf::start(Abilities::default());
    let kind = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    let digest = digest(b"nowhere").to_string();
    let entry = changed(&shelf, &stored(&shelf, "amd64"), |document| {
        document["layers"][0] = json!({"mediaType": kind, "digest": digest, "size": 7});
    });
    shelf.manifest("t", &manifest(&shelf, &entry));
    assert_eq!(problems(&report(&place(&shelf), &quick())), [(digest, "MISSING_BLOB")]);
}

#[test]
fn who_is_listed_as_a_referrer_and_refers_to_something_else() {
    let shelf = Shelf::start(Abilities::default());
    let (image, other) = (stored(&shelf, "amd64"), stored(&shelf, "arm64"));
    shelf.manifest("t", &manifest(&shelf, &image));
    let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [other]});
    shelf.manifest(&text(&image["digest"]).replace(':', "-"), &list);
    let with = ValidateOptions { referrers: true, ..ValidateOptions::default() };
    assert_eq!(problems(&report(&place(&shelf), &with)), [(text(&other["digest"]), "INVALID_MANIFEST")]);
}

#[test]
fn digest_tags_are_looked_at_as_copies_do() {
    let shelf = Shelf::start(Abilities::default());
    let image = stored(&shelf, "amd64");
    shelf.manifest("t", &manifest(&shelf, &image));
    let signature = changed(&shelf, &image, |document| {
        document["config"] = shelf.blob("text/plain", b"config");
        document["layers"] = json!([{"mediaType": "text/plain", "digest": digest(b"lost"), "size": 4}]);
    });
    let tag = format!("{}.sig", text(&image["digest"]).replace(':', "-"));
    shelf.manifest(&tag, &manifest(&shelf, &signature));
    let with = ValidateOptions { referrers: true, ..ValidateOptions::default() };
    assert_eq!(problems(&report(&place(&shelf), &with)), [(digest(b"lost").to_string(), "MISSING_BLOB")]);
}
