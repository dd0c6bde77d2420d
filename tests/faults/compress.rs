//! Uncompressed layers are compressed on the way to a registry, reproducibly; every other copy keeps its digests.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use ocireg::call::Call;
use ocireg::convert::compress::CompressingStore;
use ocireg::digest::{Digest, Hasher};
use ocireg::error::{Code, Error};
use ocireg::image::append::{append, AppendOptions};
use ocireg::image::Scratch;
use ocireg::layout::oci::OciLayout;
use ocireg::manifest::Descriptor;
use ocireg::place::{self, Place};
use ocireg::registry::RegistryStore;
use ocireg::store::{RawManifest, ReadStore};
use ocireg::stream::blob::Blob;
use ocireg::stream::pack::{Compression, CompressionSettings};
use ocireg::transfer::copy::{copy, Copied, CopyOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::images::{file, layer};
use crate::memory::Memory;
use crate::registry::Abilities;
use crate::registry::Registry;
use crate::server::*;

const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const OCI: &str = "application/vnd.oci.image.layer.v1.tar";

/// A registry that accepts blobs too.
fn registry() -> Registry {
    Registry::with(Abilities::default(), |seen, stored| {
        let name = seen.path().rsplit('/').next().unwrap_or_default().to_owned();
        match (seen.method.as_str(), seen.path().contains("/blobs/")) {
            (_, false) => None,
            ("POST", _) => Some(reply(202).header("Location", "/v2/a/b/blobs/uploads/1")),
            ("PUT", _) => {
                let digest = stored.put("sha256:", "", &seen.body);
                Some(reply(201).header("Docker-Content-Digest", digest))
            }
            _ => Some(reply(if stored.stored.contains_key(&name) { 200 } else { 404 })),
        }
    })
}

fn options(compression: Option<Compression>) -> CopyOptions {
    CopyOptions { compression, ..CopyOptions::default() }
}

fn go(from: &str, to: &str, options: &CopyOptions) -> Result<Copied, Error> {
    let client = client();
    place::copy(&client, &call(&client), &Place::parse(from)?, &Place::parse(to)?, options)
}

/// An image as a layout and as `docker save` writes it: their names.
fn saved(folder: &Path, image: &Memory) -> (String, String) {
    let (layout, archive) = (folder.join("layout"), folder.join("saved.tar"));
    let to = OciLayout::create(&layout, Some("v1")).unwrap();
    copy(&call(&client()), image, &to, &CopyOptions::default()).unwrap();
    let names = (format!("oci:{}:v1", layout.display()), format!("docker-archive:{}", archive.display()));
    go(&names.0, &format!("{}:a/b:1", names.1), &CopyOptions::default()).unwrap();
    names
}

fn unpacked(media_type: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    if media_type.ends_with("gzip") {
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    } else if media_type.ends_with("zstd") {
        ruzstd::decoding::StreamingDecoder::new(bytes).unwrap().read_to_end(&mut plain).unwrap();
    } else {
        plain = bytes.to_vec();
    }
    plain
}

/// The layers of an image of a registry: their media types, and the digests of their uncompressed content.
fn layers(registry: &Registry, manifest: &Value) -> Vec<(String, Digest)> {
    let stored = &registry.manifests.lock().unwrap().stored;
    let one = |layer: &Value| {
        let (media_type, name) = (layer["mediaType"].as_str().unwrap(), layer["digest"].as_str().unwrap());
        let bytes = &stored[name].1;
        assert_eq!(layer["size"], bytes.len());
        (media_type.to_owned(), digest(&unpacked(media_type, bytes)))
    };
    manifest["layers"].as_array().unwrap().iter().map(one).collect()
}

fn image() -> (Memory, Vec<Digest>) {
    let plain = [layer(&[file("a", &"text ".repeat(5000))]), layer(&[file("b", &"more ".repeat(9000))])];
    (Memory::new(&plain), plain.iter().map(|layer| digest(layer)).collect())
}

#[test]
fn what_docker_saved_goes_packed() {
    let folder = tempfile::tempdir().unwrap();
    let (image, ids) = image();
    let config = digest(image.config());
    let (_, archive) = saved(folder.path(), &image);
    let mut digests = BTreeMap::new();
    for (compression, suffix) in [
        (None, ".gzip"),
        (Some(Compression::Gzip), ".gzip"),
        (Some(Compression::Zstd), ".zstd"),
        (Some(Compression::None), ""),
    ] {
        let registry = registry();
        let to = format!("{}/a/b:t", registry.server.host);
        let rehearsed = go(&archive, &to, &CopyOptions { dry_run: true, ..options(compression) }).unwrap();
        let done = go(&archive, &to, &options(compression)).unwrap();
        assert_eq!(rehearsed.digest, done.digest);
        let manifest = registry.json("t").unwrap();
        assert_eq!(manifest["config"]["digest"], json!(config), "the config stays");
        let wanted: Vec<_> = ids.iter().map(|id| (format!("{DOCKER}{suffix}"), id.clone())).collect();
        let oci: Vec<_> = ids.iter().map(|id| (format!("{OCI}{}", suffix.replace('.', "+")), id.clone())).collect();
        let found = layers(&registry, &manifest);
        assert!(found == wanted || found == oci, "{found:?}");
        if suffix == ".zstd" {
            // Docker's media types have no such layer: readers refuse it there.
            assert_eq!((&manifest["mediaType"], found), (&json!(MANIFEST_TYPE), oci));
            assert_eq!(manifest["config"]["mediaType"], "application/vnd.oci.image.config.v1+json");
        }
        digests.insert(suffix, done.digest.clone());
        // The same image gives the same result, so nothing is transferred.
        let again = go(&archive, &to, &options(compression)).unwrap();
        assert_eq!((again.digest == done.digest, &again.manifests["copied"]), (true, &0.into()));
        assert_eq!(digests[suffix], done.digest);
    }
    assert_eq!(digests.values().collect::<std::collections::BTreeSet<_>>().len(), 3);
    let registry = registry();
    let to = format!("{}/a/b:t", registry.server.host);
    let hard = CopyOptions { compression_level: Some(9), ..CopyOptions::default() };
    assert_ne!(go(&archive, &to, &hard).unwrap().digest, digests[".gzip"]);
    let wrong = CopyOptions { compression_level: Some(10), ..CopyOptions::default() };
    fails(go(&archive, &to, &wrong).map(drop), Code::InvalidArgument, "compression_level");
    let sparse =
        CopyOptions { sparse: true, platform: vec!["linux/amd64".to_owned()], ..options(Some(Compression::Gzip)) };
    fails(go(&archive, &to, &sparse).map(drop), Code::InvalidArgument, "sparse");
}

#[test]
fn other_copies_keep_their_digests() {
    let folder = tempfile::tempdir().unwrap();
    let (image, ids) = image();
    let root = image.root(&call(&client())).unwrap().digest().clone();
    let (layout, archive) = saved(folder.path(), &image);
    let registry = registry();
    let to = format!("{}/a/b:t", registry.server.host);
    assert_eq!(go(&layout, &to, &CopyOptions::default()).unwrap().digest, root);
    let other = format!("oci:{}:v1", folder.path().join("other").display());
    let kept = go(&archive, &other, &CopyOptions::default()).unwrap();
    assert_eq!(go(&other, &to, &CopyOptions::default()).unwrap().digest, kept.digest);
    // Only on request.
    let done = go(&layout, &to, &options(Some(Compression::Zstd))).unwrap();
    assert_ne!(done.digest, root);
    let wanted: Vec<_> = ids.iter().map(|id| (format!("{OCI}+zstd"), id.clone())).collect();
    assert_eq!(layers(&registry, &registry.json("t").unwrap()), wanted);
    // A layer that is already compressed is kept, even if its media type says otherwise.
    let packed = crate::bounds::packed([file("a", "1")]);
    let odd = Memory::with_ids(std::slice::from_ref(&packed), &[]);
    let odd_root = odd.root(&call(&client())).unwrap().digest().clone();
    let how = CompressionSettings::of(Some(Compression::Gzip), None, Compression::None).unwrap().unwrap();
    let client = client();
    let odd = CompressingStore::new(&client, Box::new(odd), how, vec![]);
    assert_eq!(*odd.root(&call(&client)).unwrap().digest(), odd_root);
}

/// An index of images in memory, and something that refers to the first.
struct Several(Vec<Memory>, RawManifest);

impl Several {
    fn new(images: Vec<Memory>) -> Several {
        let client = client();
        let root = |image: &Memory| image.root(&call(&client)).unwrap().descriptor();
        let mut entries: Vec<Value> = images.iter().map(|image| json!(root(image))).collect();
        for (entry, architecture) in entries.iter_mut().zip(["amd64", "arm64", "unknown"]) {
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
        }
        entries[2]["annotations"] = json!({"vnd.docker.reference.digest": entries[0]["digest"]});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string();
        Several(images, RawManifest::parse(index.into_bytes(), None, None).unwrap())
    }
}

impl ReadStore for Several {
    fn place(&self) -> String {
        "memory".to_owned()
    }
    fn root(&self, _: &Call) -> Result<RawManifest, Error> {
        Ok(self.1.clone())
    }
    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest, Error> {
        let all = self.0.iter().map(|image| image.root(call).unwrap());
        Ok(all.into_iter().find(|root| *root.digest() == wanted.digest).unwrap())
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        self.0.iter().find(|image| image.has(&wanted.digest)).unwrap().open(call, wanted, hashed)
    }
    fn size(&self, _: &Call, _: &Digest) -> Result<u64, Error> {
        unreachable!()
    }
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(vec![])
    }
}

#[test]
fn an_index_follows_its_images() {
    let one = |text: &str| Memory::new(&[layer(&[file(text, text)]), layer(&[file("shared", "s")])]);
    let index = || Several::new(vec![one("amd64"), one("arm64"), Memory::with_ids(&[vec![0x1f, 0x8b]], &[])]);
    let how = CompressionSettings::of(Some(Compression::Gzip), None, Compression::None).unwrap().unwrap();
    let client = client();
    let call = call(&client);
    for (platforms, changed) in [(vec![], 2), (vec!["linux/arm64".parse().unwrap()], 1)] {
        let packed = CompressingStore::new(&client, Box::new(index()), how, platforms);
        let root = packed.root(&call).unwrap();
        let mut found = 0;
        for entry in root.document.manifests() {
            let manifest = packed.manifest(&call, entry).unwrap();
            assert_eq!((manifest.digest(), manifest.bytes.len() as u64), (&entry.digest, entry.size));
            let all = manifest.document.layers();
            found += usize::from(all.iter().all(|layer| layer.media_type == format!("{OCI}+gzip")));
            for layer in all {
                let mut blob = packed.open(&call, layer, None).unwrap();
                while blob.piece().unwrap().is_some() {}
            }
        }
        assert_eq!(found, changed);
        // What referred to an image that has changed is dropped.
        assert_eq!(root.document.manifests().len(), if changed == 2 { 2 } else { 3 });
        let registry = registry();
        let to = RegistryStore::new(&client, tag(&registry.server.host));
        copy(&call, &packed, &to, &CopyOptions { platform: vec!["linux/arm64".to_owned()], ..CopyOptions::default() })
            .unwrap();
        assert!(layers(&registry, &registry.json("t").unwrap()).iter().all(|(name, _)| name.ends_with("+gzip")));
    }
}

#[test]
fn appended_files_go_packed_too() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, path) = (layer(&[file("new", &"new ".repeat(3000))]), folder.path().join("layer.tar"));
    std::fs::write(&path, &plain).unwrap();
    let (client, registry) = (client(), registry());
    let call = call(&client);
    let to = RegistryStore::new(&client, tag(&registry.server.host));
    let with = |compression, media_type: Option<&str>| AppendOptions {
        layers: vec![path.display().to_string()],
        scratch: true,
        compression,
        media_type: media_type.map(str::to_owned),
        ..AppendOptions::default()
    };
    for (options, media_type) in [
        (with(None, None), format!("{OCI}+gzip")),
        (with(Some(Compression::Zstd), None), format!("{OCI}+zstd")),
        (with(Some(Compression::None), None), OCI.to_owned()),
        (with(None, Some(OCI)), OCI.to_owned()),
    ] {
        let done = append(&call, &Scratch::new(None).unwrap(), &to, &options).unwrap();
        let manifest = registry.json("t").unwrap();
        assert_eq!(layers(&registry, &manifest), [(media_type, digest(&plain))]);
        assert_eq!(
            (&done.layers[0]["digest"], &done.layers[0]["diff_id"]),
            (&manifest["layers"][0]["digest"], &json!(digest(&plain)))
        );
        assert_eq!(append(&call, &Scratch::new(None).unwrap(), &to, &options).unwrap().digest, done.digest);
    }
    let layout = OciLayout::create(&folder.path().join("layout"), None).unwrap();
    let done = append(&call, &Scratch::new(None).unwrap(), &layout, &with(None, None)).unwrap();
    assert_eq!(done.layers[0]["digest"], json!(digest(&plain)), "a layout has what the file has");
}
