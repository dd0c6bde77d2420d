//! The repository that everything in the table comes from.

use std::path::Path;

use ocireg::image::append::{append, AppendOptions};
use ocireg::image::Scratch;
use ocireg::manifest::Document;
use ocireg::place::{create_index, push_artifact, put_blob, put_manifest, Place};
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::Client;
use serde_json::json;

use crate::artifacts::{artifact, files};
use crate::copy::{done, scratch};
use crate::export::{unpacked, written, Tree, LAYERS};
use crate::{sha256, TestRegistry};

/// Files of an artifact; the last is a folder.
pub const FILES: [&str; 3] = ["a.txt", "c.json", "folder"];

/// A registry with these tags: `image`, of several layers, `arm64`, `index` of both, `artifact`, and `bad`, of which the config does not
/// agree with the layer.
pub struct Home {
    pub place: TestRegistry,
    /// The artifact's files.
    pub files: tempfile::TempDir,
    /// All files of `image`, as crane flattens it.
    pub tree: Tree,
}

impl Home {
    pub fn new() -> Home {
        let mut home = Home { place: TestRegistry::new("OCIREG_TEST_V3"), files: files(), tree: Tree::new() };
        let client = home.place.client();
        home.image(&client, "image", "linux/amd64", LAYERS.len());
        home.image(&client, "arm64", "linux/arm64", 1);
        let call = client.call(None).unwrap();
        let at = |tag: &str| Place::parse(&home.named(tag)).unwrap();
        let options = json!({"references": [home.named("image"), home.named("arm64")]});
        create_index(&client, &call, &at("index"), &serde_json::from_value(options).unwrap()).unwrap();
        let made = artifact(home.files.path(), &FILES, None);
        let options = serde_json::from_value(json!({"artifact_type": "a/b"})).unwrap();
        push_artifact(&client, &call, &made, &at("artifact"), &options).unwrap();
        home.bad(&client);
        let packed = format!("docker://{}", home.packed());
        for tag in ["image", "index"] {
            done(&client, &home.named(tag), &format!("{packed}:{tag}"));
        }
        let folder = scratch();
        let tar = folder.path().join("image.tar").display().to_string();
        home.place.crane(&["export", home.named("image").trim_start_matches("docker://"), &tar]);
        home.tree = unpacked(&tar, &format!("{tar}.d"));
        home
    }

    /// A repository with the image and the index, and nothing else.
    pub fn packed(&self) -> String {
        format!("{}/table/packed", self.place.host)
    }

    pub fn named(&self, tag: &str) -> String {
        format!("docker://{}/table/home:{tag}", self.place.host)
    }

    fn image(&self, client: &Client, tag: &str, platform: &str, layers: usize) {
        let folder = scratch();
        let at = |number: usize| folder.path().join(format!("{number}.tar")).display().to_string();
        let files: Vec<String> = (0..layers).map(at).collect();
        files.iter().zip(LAYERS).for_each(|(path, entries)| written(Path::new(path), entries));
        let to = Place::parse(&self.named(tag)).unwrap().destination(client).unwrap();
        let options = AppendOptions { layers: files, ..AppendOptions::default() };
        append(&client.call(None).unwrap(), &Scratch::new(Some(platform)).unwrap(), to.as_ref(), &options).unwrap();
    }

    fn bad(&self, client: &Client) {
        let call = client.call(None).unwrap();
        let at = Place::parse(&self.named("bad")).unwrap();
        let store = Place::parse(&self.named("arm64")).unwrap().source(client).unwrap();
        let root = store.root(&call).unwrap();
        let document: &Document = &root.document;
        let config = json!({"architecture": "amd64", "os": "linux", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [sha256(b"something else")]}, "history": [{"created_by": "nobody"}]})
        .to_string();
        put_blob(client, &call, &at, config.as_bytes(), &Default::default()).unwrap();
        let mut manifest = document.value.clone();
        manifest["config"]["digest"] = sha256(config.as_bytes()).as_str().into();
        manifest["config"]["size"] = config.len().into();
        put_manifest(client, &call, &at, manifest.to_string().as_bytes(), &PutOptions::default()).unwrap();
    }
}
