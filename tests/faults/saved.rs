//! Archives as `docker save` and others have written them over the years, and archives that are not images.

use std::path::PathBuf;

use ocireg::call::context::Context;
use ocireg::error::{Code, Error};
use ocireg::place::Place;
use ocireg::store::RawManifest;
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::images::{file, folder, hard, layer, pax, symlink};
use crate::packed::{bzip2, gzip, xz, zstd};

/// An archive, the folder that it is in, and what is read from it.
pub struct Case {
    _folder: tempfile::TempDir,
    pub path: PathBuf,
}

impl Case {
    pub fn new(bytes: &[u8]) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar");
        std::fs::write(&path, bytes).unwrap();
        Case { _folder: folder, path }
    }

    pub fn of(entries: &[Vec<u8>]) -> Case {
        Case::new(&layer(entries))
    }

    /// Copies what the archive names to a layout, and returns the manifest in it.
    pub fn copy(&self, transport: &str, name: &str) -> Result<RawManifest, Error> {
        let client = client();
        self.copy_with(&client, &call(&client), transport, name)
    }

    pub fn copy_with(
        &self,
        client: &ocireg::registry::Client,
        call: &ocireg::call::Call,
        transport: &str,
        name: &str,
    ) -> Result<RawManifest, Error> {
        self.copy_by(client, call, transport, name, &CopyOptions::default())
    }

    /// The same for platforms.
    pub fn copy_for(&self, transport: &str, name: &str, platforms: &[&str]) -> Result<RawManifest, Error> {
        let platform = platforms.iter().map(|platform| platform.to_string()).collect();
        let client = client();
        let options = CopyOptions { platform, ..CopyOptions::default() };
        self.copy_by(&client, &call(&client), transport, name, &options)
    }

    fn copy_by(
        &self,
        client: &ocireg::registry::Client,
        call: &ocireg::call::Call,
        transport: &str,
        name: &str,
        options: &CopyOptions,
    ) -> Result<RawManifest, Error> {
        let to = tempfile::tempdir().unwrap();
        let from = Place::parse(&format!("{transport}:{}{name}", self.path.display()))?;
        let target = Place::parse(&format!("oci:{}/l:t", to.path().display()))?;
        ocireg::place::copy(client, call, &from, &target, options)?;
        target.source(client)?.root(call)
    }

    pub fn layers(&self, name: &str) -> Result<Vec<String>, Error> {
        self.copy("docker-archive", name).map(|content| digests(&content))
    }
}

pub fn digests(content: &RawManifest) -> Vec<String> {
    content.document.layers().iter().map(|layer| layer.digest.to_string()).collect()
}

fn config(layers: &[&[u8]]) -> String {
    let ids: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
    json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}}).to_string()
}

pub fn text(value: &Value) -> Vec<u8> {
    file("manifest.json", &value.to_string())
}

pub fn bytes(name: &str, content: &[u8]) -> Vec<u8> {
    crate::images::raw(name.as_bytes(), tar::EntryType::Regular, b"", 0o644, content)
}

struct Image {
    one: Vec<u8>,
    two: Vec<u8>,
    config: String,
    saved: Value,
    /// What is read from a correct archive.
    right: Vec<String>,
}

/// Three layers, of which the first and the third are the same.
fn image() -> Image {
    let (one, two) = (layer(&[file("one", "1")]), layer(&[file("two", "2")]));
    let config = config(&[&one, &two, &one]);
    let saved =
        json!([{"Config": "c.json", "RepoTags": ["x/y:1"], "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"]}]);
    let right = [&one, &two, &one].map(|layer| digest(layer).to_string()).to_vec();
    Image { one, two, config, saved, right }
}

#[test]
fn files_are_found_whatever_they_are_called() {
    let Image { one, two, config, saved, right } = image();
    let common = [file("c.json", &config), text(&saved), bytes("b/layer.tar", &two)];
    let a = bytes("a/layer.tar", &one);
    let long = "n/".repeat(120) + "layer.tar";
    let by_long = pax(&[("path", &long)]);
    for (what, entries) in [
        ("plain", vec![a.clone(), bytes("c/layer.tar", &one)]),
        ("a link to the folder beside", vec![folder("a"), a.clone(), symlink("c/layer.tar", "../a/layer.tar")]),
        ("a hard link", vec![a.clone(), hard("c/layer.tar", "a/layer.tar")]),
        ("a hard link by its absolute name", vec![a.clone(), hard("c/layer.tar", "/a/layer.tar")]),
        ("a link before its target", vec![symlink("c/layer.tar", "../a/layer.tar"), a.clone()]),
        ("a link by an absolute name", vec![symlink("c/layer.tar", "/a/layer.tar"), a.clone()]),
        (
            "a link to a file at the root",
            vec![bytes("1.tar", &one), symlink("a/layer.tar", "/1.tar"), symlink("c/layer.tar", "../1.tar")],
        ),
        (
            "a link that names its target from the root",
            vec![bytes(".1.tar", &one), symlink("a/layer.tar", ".1.tar"), symlink("c/layer.tar", "a/layer.tar")],
        ),
        (
            "a link to a link to a hard link",
            vec![a.clone(), hard("h", "a/layer.tar"), symlink("s", "h"), symlink("c/layer.tar", "../s")],
        ),
        ("a link to a folder", vec![bytes("d/layer.tar", &one), symlink("a", "d"), symlink("c", "./a/../d")]),
        ("a link that goes up to the root", vec![a.clone(), symlink("c/layer.tar", "../x/../a/./layer.tar")]),
        (
            "a long name",
            vec![
                by_long,
                bytes("x", &one),
                symlink("a/layer.tar", "../l"),
                symlink("c", "a"),
                symlink("l", "n"),
                a.clone(),
            ],
        ),
        ("a member that was replaced", vec![bytes("a/layer.tar", &two), a.clone(), bytes("c/layer.tar", &one)]),
    ] {
        let case = Case::of(&[common.to_vec(), entries].concat());
        assert_eq!(case.layers("").unwrap_or_else(|error| panic!("{what}: {error}")), right, "{what}");
        assert_eq!(case.layers(":x/y:1").unwrap(), right, "{what}");
        assert_eq!(case.layers(":docker.io/x/y:1").unwrap(), right, "{what}");
        assert_eq!(case.layers(":@0").unwrap(), right, "{what}");
    }
    let dotted = ["./a/layer.tar", "./b/layer.tar", "./c/layer.tar"]
        .map(|name| bytes(name, if name.contains('b') { &two } else { &one }));
    let rest = [file("./c.json", &config), file("./manifest.json", &saved.to_string())];
    assert_eq!(Case::of(&[dotted.to_vec(), rest.to_vec()].concat()).layers("").unwrap(), right);
}

/// Small JSON values take many times the memory of their text: such a table of an archive is not parsed.
#[test]
fn tables_of_small_values_are_refused() {
    let junk = vec!["[]"; 1_000_000].join(",");
    let index = format!("{{\"schemaVersion\":2,\"x\":[{junk}],\"manifests\":[]}}");
    let saved = format!("[{{\"Config\":\"c.json\",\"Layers\":[],\"x\":[{junk}]}}]");
    for (transport, name, table) in [("docker-archive", "manifest.json", saved), ("oci-archive", "index.json", index)] {
        let marker = file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        let outcome = Case::of(&[marker, file("c.json", "{}"), file(name, &table)]).copy(transport, "");
        fails(outcome.map(drop), Code::InvalidManifest, "small values");
    }
}

#[test]
fn no_link_leads_out_or_on_for_ever() {
    let Image { one, two, config, saved, .. } = image();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("layer.tar"), &one).unwrap();
    let outside = outside.path().join("layer.tar").to_string_lossy().into_owned();
    let common = [file("c.json", &config), text(&saved), bytes("a/layer.tar", &one), bytes("b/layer.tar", &two)];
    let mut chain: Vec<Vec<u8>> = (0..60).map(|at| symlink(&format!("l{at}"), &format!("l{}", at + 1))).collect();
    chain.extend([symlink("l60", "a/layer.tar"), symlink("c/layer.tar", "/l0")]);
    let mut links = 0;
    for entries in [
        vec![symlink("c/layer.tar", &outside)],
        vec![symlink("c/layer.tar", "../../a/layer.tar")],
        vec![symlink("c/layer.tar", "c/layer.tar")],
        vec![symlink("c/layer.tar", "../d"), symlink("d", "c/layer.tar")],
        vec![symlink("c", "c/c/c/c")],
        vec![hard("c/layer.tar", "c/layer.tar")],
        vec![folder("c/layer.tar")],
        vec![symlink("c/layer.tar", "../a")],
        chain,
        vec![],
    ] {
        let outcome = Case::of(&[common.to_vec(), entries].concat()).layers("");
        let error = fails(outcome, Code::MissingBlob, "layer c/layer.tar");
        links += usize::from(error.message().contains("is a link that leads to no file of the archive"));
    }
    assert_eq!(links, 7, "the others are not links, or not there");
    for name in ["../c/layer.tar", "a/../../x"] {
        let case = Case::of(&[common.to_vec(), vec![hard("c/layer.tar", name)]].concat());
        fails(case.layers(""), Code::Io, "leads out");
    }
}

#[test]
fn archives_and_layers_may_be_packed() {
    let Image { one, two, config, saved, right } = image();
    let whole = layer(&[
        bytes("a/layer.tar", &one),
        bytes("b/layer.tar", &two),
        bytes("c/layer.tar", &one),
        file("c.json", &config),
        text(&saved),
    ]);
    for pack in [gzip, zstd, xz, bzip2] {
        let packed = pack(&whole);
        assert_eq!(Case::new(&packed).layers(":x/y:1").unwrap(), right);
        let cut = Case::new(&packed[..packed.len() / 2]).layers("").unwrap_err();
        assert_eq!(cut.code(), Code::Io, "{cut}");
        let mut damaged = packed.clone();
        damaged[packed.len() / 2] ^= 0x55;
        let damaged = Case::new(&damaged).layers("").unwrap_err();
        assert!(damaged.message().is_ascii() && damaged.message().len() < 500, "{damaged:?}");
    }
    for pack in [gzip, zstd] {
        let of = |layers: [&[u8]; 3]| {
            let names = ["a/layer.tar", "b/layer.tar", "c/layer.tar"];
            let layers = names.iter().zip(layers).map(|(name, layer)| bytes(name, &pack(layer)));
            Case::of(&layers.chain([file("c.json", &config), text(&saved)]).collect::<Vec<_>>())
        };
        let found = of([&one, &two, &one]).layers("").unwrap();
        assert_eq!(found, [&one, &two, &one].map(|layer| digest(&pack(layer)).to_string()));
        fails(of([&one, &one, &one]).layers(""), Code::InvalidManifest, "the config says");
    }
}

#[test]
fn an_image_is_all_of_its_layers_in_their_order() {
    let Image { one, two, config, .. } = image();
    let all = [bytes("1", &one), bytes("2", &two), file("c.json", &config)];
    let with = |layers: Value| {
        Case::of(&[all.to_vec(), vec![text(&json!([{"Config": "c.json", "Layers": layers}]))]].concat())
    };
    assert_eq!(with(json!(["1", "2", "1"])).layers("").unwrap().len(), 3);
    for layers in [json!(["2", "1", "1"]), json!(["1", "1", "1"])] {
        fails(with(layers).layers(""), Code::InvalidManifest, "the config says");
    }
    for layers in [json!(["1", "2"]), json!([]), Value::Null, json!(["1", "2", "1", "1"])] {
        fails(with(layers).layers(""), Code::InvalidManifest, "the config names 3");
    }
    fails(with(json!(["1", "2", "3"])).layers(""), Code::MissingBlob, "no layer 3");
    for bad in [json!({"Layers": []}), json!({"Config": 7}), json!([{"Config": "c.json", "Layers": [7]}]), json!("x")] {
        fails(Case::of(&[text(&bad)]).layers(""), Code::InvalidManifest, "manifest.json of docker-archive:");
    }
    let gone = Case::of(&[text(&json!([{"Config": "c.json", "Layers": []}]))]);
    fails(gone.layers(""), Code::NotFound, "has no c.json");
    fails(Case::of(&[]).layers(""), Code::NotFound, "has no manifest.json");
    fails(Case::of(&[file("repositories", "{}")]).layers(""), Code::Unsupported, "before 1.10");
}

#[test]
fn an_empty_list_may_be_null() {
    let empty =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": null}}).to_string();
    for saved in [
        json!([{"Config": "c.json", "RepoTags": null, "Layers": null}]),
        json!([{"Config": "c.json"}]),
        json!([{"Config": "c.json", "RepoTags": [], "Layers": [], "Parent": null, "LayerSources": null}]),
    ] {
        let case = Case::of(&[file("c.json", &empty), text(&saved)]);
        assert_eq!(case.layers("").unwrap(), Vec::<String>::new(), "{saved}");
    }
    fails(Case::of(&[text(&Value::Null)]).layers(""), Code::NotFound, "holds no image");
}

#[test]
fn one_of_several_images_is_named() {
    let Image { one, two, .. } = image();
    let (first, second) = (config(&[&one]), config(&[&one, &two]));
    let saved = json!([
        {"Config": "1.json", "RepoTags": ["x/y:1", "x/y:latest"], "Layers": ["1.tar"]},
        {"Config": "2.json", "RepoTags": ["x/y:2"], "Layers": ["1.tar", "2.tar"]},
        {"Config": "2.json", "RepoTags": null, "Layers": ["1.tar", "2.tar"]},
    ]);
    let files = [bytes("1.tar", &one), bytes("2.tar", &two), file("1.json", &first), file("2.json", &second)];
    let case = Case::of(&[files.to_vec(), vec![text(&saved)]].concat());
    for (name, layers) in
        [(":x/y:1", 1), (":x/y", 1), (":docker.io/x/y:latest", 1), (":x/y:2", 2), (":@0", 1), (":@1", 2), (":@2", 2)]
    {
        assert_eq!(case.layers(name).unwrap().len(), layers, "{name}");
    }
    let error = fails(case.layers(""), Code::InvalidReference, "2 images; one must be named: x/y:1, x/y:latest, x/y:2");
    assert!(error.to_json()["hint"].as_str().is_some_and(|hint| hint.contains("a.tar:NAME")), "{error:?}");
    for name in [":x/y:3", ":@3", ":@x", ":y"] {
        fails(case.layers(name), Code::NotFound, "it has x/y:1, x/y:latest, x/y:2, @2");
    }
    let alone = json!([saved[0], saved[0]]);
    let case = Case::of(&[files.to_vec(), vec![text(&alone)]].concat());
    assert_eq!(case.layers("").unwrap().len(), 1, "two entries, one image");
}

/// An archive that is also a layout, as Docker 25.0 and later write it.
struct SavedLayout {
    what: &'static str,
    /// Whether the layout's manifest says the same as manifest.json.
    is_good: bool,
    /// The digests of the layers that manifest.json lists.
    right: Vec<String>,
    config: String,
    manifest: String,
    saved: Value,
    entries: Vec<Vec<u8>>,
}

fn place_of(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", digest(bytes).hex())
}

fn descriptor(kind: &str, bytes: &[u8], more: usize) -> Value {
    let kind = format!("application/vnd.oci.image.{kind}");
    json!({"mediaType": kind, "digest": digest(bytes), "size": bytes.len() + more})
}

/// An index that lists one manifest.
fn listing(manifest: &Value) -> Vec<u8> {
    file("index.json", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [manifest]}).to_string())
}

/// Docker 25.0 wrote manifests that had their layers out of order, with wrong sizes, or not at all.
fn saved_layouts() -> Vec<SavedLayout> {
    let layers: Vec<Vec<u8>> = (0..3).map(|at| layer(&[file(&format!("f{at}"), "x")])).collect();
    let cases: [(&str, &[usize], usize, bool); 5] = [
        ("right", &[0, 1, 2], 0, true),
        ("order", &[2, 0, 1], 0, false),
        ("none", &[], 0, false),
        ("fewer", &[0, 1], 0, false),
        ("sizes", &[0, 1, 2], 512, false),
    ];
    cases.map(|(what, order, more, is_good)| saved_layout(what, &layers, (order, more), is_good)).into()
}

fn saved_layout(
    what: &'static str,
    layers: &[Vec<u8>],
    (order, more): (&[usize], usize),
    is_good: bool,
) -> SavedLayout {
    let config = config(&layers.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let in_order: Vec<_> = order.iter().map(|at| descriptor("layer.v1.tar", &layers[*at], more)).collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": descriptor("config.v1+json", config.as_bytes(), 0), "layers": in_order})
    .to_string();
    let mut named = descriptor("manifest.v1+json", manifest.as_bytes(), 0);
    named["annotations"] =
        json!({"io.containerd.image.name": "docker.io/x/y:1", "org.opencontainers.image.ref.name": "1"});
    let places: Vec<_> = layers.iter().map(|layer| place_of(layer)).collect();
    let saved = json!([{"Config": place_of(config.as_bytes()), "RepoTags": ["x/y:1"], "Layers": places}]);
    let mut entries: Vec<Vec<u8>> = layers.iter().map(|layer| bytes(&place_of(layer), layer)).collect();
    entries.extend([config.as_bytes(), manifest.as_bytes()].map(|blob| bytes(&place_of(blob), blob)));
    entries.extend([file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#), listing(&named), text(&saved)]);
    let right = layers.iter().map(|layer| digest(layer).to_string()).collect();
    SavedLayout { what, is_good, right, config, manifest, saved, entries }
}

#[test]
fn what_manifest_json_says_is_the_image() {
    for SavedLayout { what, is_good, right, manifest, entries, .. } in saved_layouts() {
        let (case, client) = (Case::of(&entries), client());
        for name in ["", ":x/y:1"] {
            let context = std::sync::Arc::new(Context::new());
            let call = client.call(Some(context.clone())).unwrap();
            let found = case.copy_with(&client, &call, "docker-archive", name).unwrap();
            assert_eq!(digests(&found), right, "{what}");
            assert_eq!(found.digest() == &digest(manifest.as_bytes()), is_good, "{what}");
            let warnings = context.warnings();
            let warned = warnings.iter().filter(|warning| warning.text.contains("other layers")).count();
            assert_eq!(warned, usize::from(!is_good), "{what}");
        }
    }
}

#[test]
fn a_layout_that_says_otherwise_than_manifest_json_is_refused() {
    for SavedLayout { what, is_good, right, entries, .. } in saved_layouts() {
        let case = Case::of(&entries);
        for name in ["", ":1", ":x/y:1", ":docker.io/x/y:1", ":@0"] {
            if is_good {
                assert_eq!(digests(&case.copy("oci-archive", name).unwrap()), right, "{what}");
                continue;
            }
            let error = fails(case.copy("oci-archive", name), Code::InvalidManifest, "than manifest.json says");
            let hint = error.to_json()["hint"].as_str().map(str::to_owned);
            assert!(hint.is_some_and(|hint| hint.contains("docker-archive:")), "{error:?}");
        }
    }
}

/// If a config does not describe its layers, the manifest decides, if there is one for the same files.
#[test]
fn a_config_without_layers_has_those_of_the_manifest() {
    for SavedLayout { is_good, right, config, manifest, saved, entries, .. } in saved_layouts() {
        let mute = r#"{"os":"linux","architecture":"amd64"}"#;
        let manifest = manifest.replace(digest(config.as_bytes()).hex(), digest(mute.as_bytes()).hex());
        let manifest = manifest.replace(&format!("\"size\":{}", config.len()), &format!("\"size\":{}", mute.len()));
        let index = listing(&descriptor("manifest.v1+json", manifest.as_bytes(), 0));
        let saved = saved.to_string().replace(digest(config.as_bytes()).hex(), digest(mute.as_bytes()).hex());
        let rest = [mute.as_bytes(), manifest.as_bytes()].map(|blob| bytes(&place_of(blob), blob));
        let mute = Case::of(&[entries, rest.to_vec(), vec![index, file("manifest.json", &saved)]].concat());
        match is_good {
            true => assert_eq!(mute.layers("").unwrap(), right),
            false => drop(fails(mute.layers(""), Code::InvalidManifest, "the config names 0")),
        }
    }
}

#[test]
fn a_damaged_or_empty_layout_does_not_affect_manifest_json() {
    for SavedLayout { what, right, entries, .. } in saved_layouts() {
        for index in ["{", r#"{"schemaVersion":2,"manifests":[]}"#] {
            let case = Case::of(&[entries.clone(), vec![file("index.json", index)]].concat());
            assert_eq!(case.layers(":x/y:1").unwrap(), right, "{what}");
        }
    }
}
