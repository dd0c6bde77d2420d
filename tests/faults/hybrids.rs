//! Archives that are also a layout, or only that: two lists of images, and several images with one name.

use ocireg::call::context::Context;
use ocireg::error::Code;
use ocireg::image::append::{append, AppendOptions};
use ocireg::layout::directory::Directory;
use ocireg::place::Place;
use ocireg::store::ReadStore;
use ocireg::transfer::copy::CopyOptions;
use serde_json::{json, Value};

use crate::common::*;
use crate::images::{file, layer};
use crate::saved::{bytes, digests, text, Case};

/// Two layers.
fn layers() -> (Vec<u8>, Vec<u8>) {
    (layer(&[file("one", "1")]), layer(&[file("two", "2")]))
}

/// A layout and Docker's list in one archive: the images, each with its platform and layers, the entries of
/// `index.json`, and those of the list.
struct Hybrid {
    files: Vec<Vec<u8>>,
    entries: Vec<Value>,
    saved: Vec<Value>,
}

impl Hybrid {
    fn new() -> Hybrid {
        let files = vec![file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)];
        Hybrid { files, entries: Vec::new(), saved: Vec::new() }
    }

    fn put(&mut self, media_type: &str, content: &[u8]) -> Value {
        self.files.push(bytes(&format!("blobs/sha256/{}", digest(content).hex()), content));
        json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
    }

    /// An image; its entries on both lists.
    fn image(&mut self, architecture: &str, layers: &[&[u8]], ids: &[&[u8]]) -> (Value, Value) {
        let ids: Vec<_> = ids.iter().map(|layer| digest(layer)).collect();
        let config =
            json!({"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": ids}});
        let config = self.put("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes());
        let layers: Vec<_> =
            layers.iter().map(|layer| self.put("application/vnd.oci.image.layer.v1.tar", layer)).collect();
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers}).to_string();
        let place = |entry: &Value| entry["digest"].as_str().unwrap().replacen(':', "/", 1);
        let place = |entry: &Value| format!("blobs/{}", place(entry));
        let saved =
            json!({"Config": place(&config), "RepoTags": null, "Layers": layers.iter().map(place).collect::<Vec<_>>()});
        (self.put(MANIFEST_TYPE, manifest.as_bytes()), saved)
    }

    fn index(&mut self, entries: &[&Value]) -> Value {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string();
        self.put(INDEX_TYPE, index.as_bytes())
    }

    fn name(mut self, entry: &Value, name: &str) -> Hybrid {
        let mut entry = entry.clone();
        entry["annotations"] = json!({"io.containerd.image.name": format!("docker.io/library/{name}"),
            "org.opencontainers.image.ref.name": name.split(':').next_back()});
        self.entries.push(entry);
        self
    }

    fn save(mut self, saved: &Value, name: &str) -> Hybrid {
        let mut saved = saved.clone();
        saved["RepoTags"] = json!([name]);
        self.saved.push(saved);
        self
    }

    fn case(&self) -> Case {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": self.entries}).to_string();
        let mut files = self.files.clone();
        files.extend((!self.entries.is_empty()).then(|| file("index.json", &index)));
        files.extend((!self.saved.is_empty()).then(|| text(&json!(self.saved))));
        Case::of(&files)
    }
}

/// The two lists of an archive give one name to different images.
#[test]
fn one_name_is_one_image_on_both_lists() {
    let (one, two) = layers();
    for (what, agrees) in [("another config", false), ("the index", true), ("another name", true), ("no names", false)]
    {
        let mut made = Hybrid::new();
        let (first, saved) = made.image("amd64", &[&one, &two], &[&one, &two]);
        let (second, _) = made.image("arm64", &[&two, &one], &[&two, &one]);
        let index = made.index(&[&second, &first]);
        let made = match what {
            "another config" => made.save(&saved, "x:1").name(&second, "x:1"),
            "the index" => made.save(&saved, "x:1").name(&index, "x:1"),
            "another name" => made.save(&saved, "x:1").name(&second, "x:2").name(&first, "x:1"),
            _ => {
                made.entries.push(second.clone());
                made.save(&saved, "y:1")
            }
        };
        let case = made.case();
        let (client, context) = (client(), std::sync::Arc::new(Context::new()));
        let call = client.call(Some(context.clone())).unwrap();
        let found = case.copy_with(&client, &call, "docker-archive", "").unwrap();
        assert_eq!(digests(&found), [&one, &two].map(|layer| digest(layer).to_string()), "{what}");
        let warned = context.warnings().iter().filter(|warning| warning.text.contains("another image")).count();
        assert_eq!(warned, usize::from(!agrees), "{what}");
        let name = if what == "another name" { ":x:1" } else { "" };
        match agrees {
            true => drop(case.copy("oci-archive", name).unwrap()),
            false => drop(fails(case.copy("oci-archive", name), Code::InvalidManifest, "another one of that name")),
        }
    }
}

/// A layout in a tar archive can be read as a docker-archive too: its layers must still match the config.
#[test]
fn layers_are_checked_without_manifest_json() {
    let (one, two) = layers();
    for nested in [false, true] {
        for (ids, good) in [([&one, &two], true), ([&two, &one], false)] {
            let mut made = Hybrid::new();
            let (entry, _) = made.image("amd64", &[&one, &two], &ids.map(Vec::as_slice));
            let entry = if nested { made.index(&[&entry]) } else { entry };
            let case = made.name(&entry, "x:1").case();
            match case.layers(":x:1") {
                Ok(layers) => assert!(good && (nested || layers.len() == 2)),
                Err(error) => assert!(!good && error.message().contains("index.json of docker-archive:"), "{error}"),
            }
        }
    }
}

/// Two images with one name are distinguished by platform, or as the message says.
#[test]
fn images_of_one_name_are_told_by_their_platforms() {
    let (one, two) = layers();
    let both = |second: &str| {
        let mut made = Hybrid::new();
        let (first, saved) = made.image("amd64", &[&one], &[&one]);
        let (other, also) = made.image(second, &[&two], &[&two]);
        let made = made.name(&first, "x:1").name(&other, "x:1").save(&saved, "x:1").save(&also, "x:1");
        (made.case(), [first, other].map(|entry| entry["digest"].as_str().unwrap().to_owned()))
    };
    let (case, ids) = both("arm64");
    for (transport, known) in
        [("docker-archive", "@0, @1".to_owned()), ("oci-archive", format!("@{}, @{}", ids[0], ids[1]))]
    {
        for name in ["", ":x:1"] {
            let known = format!("holds 2 images; one must be named: {known}");
            fails(case.copy(transport, name), Code::InvalidReference, &known);
            for (platform, layer) in [("linux/amd64", &one), ("linux/arm64", &two), ("linux/arm64/v8", &two)] {
                let found = case.copy_for(transport, name, &[platform]).unwrap();
                assert_eq!(digests(&found), [digest(layer).to_string()], "{transport} {name} {platform}");
            }
            fails(case.copy_for(transport, name, &["linux/s390x"]), Code::NotFound, "linux/amd64, linux/arm64");
            let several = case.copy_for(transport, name, &["linux/arm64", "linux/amd64"]).unwrap();
            assert_eq!(several.document.manifests().len(), 2, "{transport}");
        }
        let added = case.path.with_file_name("added.tar");
        std::fs::write(&added, layer(&[file("three", "3")])).unwrap();
        let append = |platform: Option<&str>| {
            let (layers, platform) = (vec![added.display().to_string()], platform.map(str::to_owned));
            let options = AppendOptions { layers, platform, ..AppendOptions::default() };
            let from = Place::parse(&format!("{transport}:{}:x:1", case.path.display()))?.source(&client())?;
            let to = Directory::planned(&added.with_file_name(transport));
            append(&call(&client()), from.as_ref(), &to, &options).map(|_| to.root(&call(&client())).unwrap())
        };
        assert_eq!(digests(&append(Some("linux/arm64")).unwrap())[0], digest(&two).to_string(), "{transport}");
        let picked = if transport == "docker-archive" { "@1".to_owned() } else { format!("@{}", ids[1]) };
        assert_eq!(digests(&case.copy(transport, &format!(":{picked}")).unwrap()), [digest(&two).to_string()]);
    }
    // Nothing distinguishes these.
    let (case, _) = both("amd64");
    for transport in ["docker-archive", "oci-archive"] {
        fails(case.copy_for(transport, ":x:1", &["linux/amd64"]), Code::InvalidReference, "one must be named: @");
    }
    // Different names are different images, whatever their platforms.
    let mut made = Hybrid::new();
    let (first, saved) = made.image("amd64", &[&one], &[&one]);
    let (other, also) = made.image("arm64", &[&two], &[&two]);
    let case = made.name(&first, "x:1").name(&other, "x:2").save(&saved, "x:1").save(&also, "x:2").case();
    fails(case.copy_for("docker-archive", "", &["linux/arm64"]), Code::InvalidReference, "x:1, x:2");
    fails(
        case.copy_for("oci-archive", "", &["linux/arm64"]),
        Code::InvalidReference,
        "docker.io/library/x:1, docker.io",
    );
}

/// A requested platform is the platform of what is copied, in an index or alone; requested twice, it counts once.
#[test]
fn a_platform_is_what_was_asked_for() {
    let (one, two) = layers();
    let mut made = Hybrid::new();
    let (first, saved) = made.image("amd64", &[&one], &[&one]);
    let (other, _) = made.image("arm64", &[&two], &[&two]);
    let index = made.index(&[&first, &other]);
    let case = made.name(&first, "x:1").name(&index, "y:1").save(&saved, "x:1").case();
    for transport in ["docker-archive", "oci-archive"] {
        case.copy_for(transport, ":x:1", &["linux/amd64"]).unwrap();
        case.copy_for(transport, ":x:1", &["linux/amd64", "linux/amd64"]).unwrap();
        for wanted in [&["linux/arm64"][..], &["linux/amd64", "linux/arm64"]] {
            fails(case.copy_for(transport, ":x:1", wanted), Code::NotFound, "for linux/amd64, not for linux/arm64");
        }
    }
    let from = Place::parse(&format!("oci-archive:{}:x:1", case.path.display())).unwrap();
    let (client, find) = (client(), ocireg::image::Image::find);
    let store = from.source(&client).unwrap();
    find(&call(&client), store.as_ref(), Some("linux/amd64")).unwrap();
    find(&call(&client), store.as_ref(), None).unwrap();
    fails(find(&call(&client), store.as_ref(), Some("linux/arm64")), Code::NotFound, "not for linux/arm64");
    for same in [&["linux/arm64", "linux/arm64"][..], &["linux/arm64", "linux/aarch64", "linux/arm64/v8"]] {
        let found = case.copy_for("oci-archive", ":y:1", same).unwrap();
        assert_eq!(digests(&found), [digest(&two).to_string()], "{same:?}");
    }
    let target = case.path.with_file_name("new.tar");
    let to = Place::parse(&format!("docker-archive:{}", target.display())).unwrap();
    let from = Place::parse(&format!("oci-archive:{}:y:1", case.path.display())).unwrap();
    let all = CopyOptions { all: true, ..CopyOptions::default() };
    let error = ocireg::place::copy(&client, &call(&client), &from, &to, &all).map(drop);
    let error = fails(error, Code::Unsupported, "can hold images");
    assert!(error.to_json()["hint"].as_str().is_some_and(|hint| hint.contains("oci-archive")), "{error:?}");
    assert!(!target.exists());
}
