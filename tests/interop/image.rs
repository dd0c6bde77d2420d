//! Operations on images: compared with crane's view of the same image, and checked by crane.

use std::path::Path;
use std::process::Command;

use ocireg::error::{Code, Error};
use ocireg::image::append::{append, AppendOptions, Appended};
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::config::ImageConfig;
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::image::files::{files, FilesOptions};
use ocireg::image::size::{size, SizeOptions};
use ocireg::image::tag::{tag, TagOptions};
use ocireg::image::Image;
use ocireg::place::Place;
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::remove_repository::RemoveRepositoryOptions;
use ocireg::registry::tags::TagsOptions;
use ocireg::registry::{Client, RegistryStore};
use ocireg::stream::pack::Compression;
use serde_json::json;

use super::{env, layer, places, push_image, sha256, TestRegistry};

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap()
}

/// An image under a tag; its name.
fn tagged(place: &TestRegistry, client: &Client, name: &str) -> String {
    let manifest = push_image(place, client, name, "amd64");
    let call = client.call(None).unwrap();
    client.put_manifest(&call, &place.reference(&format!("{name}:1")), &manifest, &PutOptions::default()).unwrap();
    format!("{}/{name}:1", place.host)
}

/// An index of one image, in a repository where the image has no tag.
fn tagged_index(place: &TestRegistry, client: &Client, name: &str) -> String {
    let call = client.call(None).unwrap();
    let manifest = push_image(place, client, name, "amd64");
    let reference = place.reference(&format!("{name}@{}", sha256(&manifest)));
    client.put_manifest(&call, &reference, &manifest, &PutOptions::default()).unwrap();
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(&manifest), "size": manifest.len(),
         "platform": {"os": "linux", "architecture": "amd64"}}]})
    .to_string();
    client
        .put_manifest(&call, &place.reference(&format!("{name}:i")), index.as_bytes(), &PutOptions::default())
        .unwrap();
    format!("{}/{name}:i", place.host)
}

fn put_on(client: &Client, from: &str, options: AppendOptions) -> Result<Appended, Error> {
    let to = Place::parse(options.to.as_deref().unwrap_or(from))?;
    let (from, to) = Place::pair(client, &Place::parse(from)?, &to)?;
    append(&client.call(None)?, from.as_ref(), to.as_ref(), &options)
}

fn text_of(client: &Client, place: &str, path: &str) -> String {
    let (mut out, store) = (Vec::new(), Place::parse(place).unwrap().source(client).unwrap());
    cat(&client.call(None).unwrap(), store.as_ref(), path, &mut out, &CatOptions::default()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn config_and_size_are_what_others_say() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let name = tagged(&place, &client, "image/config");
        let store = Place::parse(&name).unwrap().source(&client).unwrap();
        let image = Image::find(&call, store.as_ref(), None).unwrap();
        let config = ImageConfig::read(&call, store.as_ref(), &image).unwrap();
        assert_eq!(String::from_utf8(config.bytes).unwrap().trim(), place.crane(&["config", &name]).trim());
        let manifest: serde_json::Value = serde_json::from_str(&place.crane(&["manifest", &name])).unwrap();
        let found = size(&call, store.as_ref(), &SizeOptions::default()).unwrap();
        assert_eq!(found["layers"][0]["size"], manifest["layers"][0]["size"]);
        assert_eq!(found["config"], manifest["config"]["size"]);
    }
}

#[test]
fn a_tag_is_the_same_bytes() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let name = tagged_index(&place, &client, "image/tag");
        let from = place.reference("image/tag:i");
        for (to, near) in [("image/tag:other", true), ("image/tag-far:x", false)] {
            let stores = (RegistryStore::new(&client, from.clone()), RegistryStore::new(&client, place.reference(to)));
            let done = tag(&call, &stores.0, &stores.1, near, &TagOptions::default()).unwrap();
            let to = format!("{}/{to}", place.host);
            assert_eq!(place.crane(&["digest", &to]).trim(), done.digest.as_str());
            assert_eq!(place.crane(&["manifest", &to]), place.crane(&["manifest", &name]));
            place.crane(&["validate", "--remote", &to]);
        }
    }
}

/// The layer of a file `more`, plain and in each compression, in a folder.
fn packed_layers(folder: &Path) -> impl Fn(&str) -> String {
    let (gzip, _) = layer("more", "more\n");
    let folder = folder.to_owned();
    let at = move |name: &str| folder.join(name).display().to_string();
    std::fs::write(at("l.tgz"), &gzip).unwrap();
    let made = Command::new("gzip").args(["-dc", &at("l.tgz")]).output().unwrap();
    std::fs::write(at("l.tar"), &made.stdout).unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(&made.stdout[..], ruzstd::encoding::CompressionLevel::Fastest);
    std::fs::write(at("l.tar.zst"), zstd).unwrap();
    at
}

/// Appends layers in every compression to an image, in Docker's and OCI's format; crane validates the result and
/// extracts the same.
#[test]
fn appended_layers_are_good_for_others() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let folder = scratch();
    let at = packed_layers(folder.path());
    let oci = tagged(&place, &client, "image/append");
    let docker = docker_form(&place, &client, &oci);
    let formats = [
        (&oci, "oci.image.layer.v1.tar", ["", "+gzip", "+zstd", "+gzip", "+zstd"]),
        (&docker, "docker.image.rootfs.diff.tar", ["", ".gzip", ".zstd", ".gzip", ".zstd"]),
    ];
    // An uncompressed one is compressed on the way, unless the caller says otherwise.
    let files = [
        ("l.tar", Some(Compression::None)),
        ("l.tgz", None),
        ("l.tar.zst", None),
        ("l.tar", None),
        ("l.tar", Some(Compression::Zstd)),
    ];
    for (base, plain, packings) in formats {
        for ((file, compression), packing) in files.iter().zip(packings) {
            let kind = format!("{plain}{packing}");
            let to = format!("{}/image/appended:{}", place.host, kind.replace('+', "-"));
            let options = AppendOptions {
                layers: vec![at(file)],
                to: Some(to.clone()),
                compression: *compression,
                ..Default::default()
            };
            let done = put_on(&client, base, options).unwrap();
            assert_eq!(place.crane(&["digest", &to]).trim(), done.digest.as_str());
            let manifest: serde_json::Value = serde_json::from_str(&place.crane(&["manifest", &to])).unwrap();
            assert_eq!(manifest["layers"][1]["mediaType"], format!("application/vnd.{kind}"));
            assert_eq!(text_of(&client, &to, "more"), "more\n");
            assert_eq!(text_of(&client, &to, "hello"), "hello from amd64\n");
            // crane validates gzip only.
            if kind.ends_with("gzip") {
                place.crane(&["validate", "--remote", &to]);
            }
            compare_with_export(&place, &client, &to, folder.path());
        }
    }
}

/// Appended to the image itself; doing it twice changes the image twice.
#[test]
fn a_layer_is_appended_to_the_image_itself() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let folder = scratch();
    let at = packed_layers(folder.path());
    let oci = tagged(&place, &client, "image/append-twice");
    let options = || AppendOptions { layers: vec![at("l.tgz")], ..Default::default() };
    let first = put_on(&client, &oci, options()).unwrap();
    let second = put_on(&client, &oci, options()).unwrap();
    assert_eq!(second.base, Some(first.digest));
    place.crane(&["validate", "--remote", &oci]);
}

/// The same image with Docker's media types.
fn docker_form(place: &TestRegistry, client: &Client, oci: &str) -> String {
    let manifest = place.crane(&["manifest", oci]);
    let docker = manifest
        .replace("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
        .replace("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
        .replace("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let reference = place.reference("image/append:docker");
    let call = client.call(None).unwrap();
    client.put_manifest(&call, &reference, docker.as_bytes(), &PutOptions::default()).unwrap();
    reference.to_string()
}

/// `crane export` and the library produce the same tree.
fn compare_with_export(place: &TestRegistry, client: &Client, name: &str, folder: &Path) {
    let (ours, theirs, tar) = (folder.join("ours"), folder.join("theirs"), folder.join("export.tar"));
    let store = Place::parse(name).unwrap().source(client).unwrap();
    extract(&client.call(None).unwrap(), store.as_ref(), &ours, &ExtractOptions::default()).unwrap();
    std::fs::create_dir(&theirs).unwrap();
    place.crane(&["export", name, &tar.display().to_string()]);
    assert!(Command::new("tar").arg("-xpf").arg(&tar).arg("-C").arg(&theirs).status().unwrap().success());
    let differ = Command::new("diff").arg("-r").arg(&ours).arg(&theirs).output().unwrap();
    assert!(differ.status.success(), "{}", String::from_utf8_lossy(&differ.stdout));
    for done in [ours, theirs] {
        std::fs::remove_dir_all(done).unwrap();
    }
}

#[test]
fn a_repository_is_emptied() {
    for place in places() {
        let client = place.client();
        let call = client.call(None).unwrap();
        tagged(&place, &client, "image/remove");
        tagged_index(&place, &client, "image/remove");
        let repository = format!("{}/image/remove", place.host);
        let plan = client.remove_repository(&call, &repository, &RemoveRepositoryOptions { dry_run: true }).unwrap();
        // The two images differ when the clock has advanced between them.
        assert!(plan.manifests.len() >= 2 && (plan.tags, plan.deleted) == (2, 0), "{plan:?}");
        let done = client.remove_repository(&call, &repository, &RemoveRepositoryOptions::default()).unwrap();
        assert_eq!(done.deleted, plan.manifests.len(), "{}: {done:?}", place.host);
        match client.tags(&call, &repository, &TagsOptions::default()) {
            Ok(left) => assert!(left.tags.is_empty(), "{}: {left:?}", place.host),
            Err(error) => assert_eq!(error.code(), Code::NotFound),
        }
        for manifest in &done.manifests {
            let reference = place.reference(&format!("image/remove@{}", manifest.digest));
            let gone = client.head_manifest(&call, &reference, &Default::default());
            assert_eq!(gone.unwrap_err().code(), Code::NotFound, "{}", place.host);
        }
    }
    let place = TestRegistry::new("OCIREG_TEST_V2_NODELETE");
    let client = place.client();
    tagged(&place, &client, "image/remove");
    let repository = format!("{}/image/remove", place.host);
    let error = client
        .remove_repository(&client.call(None).unwrap(), &repository, &RemoveRepositoryOptions::default())
        .unwrap_err();
    assert_eq!(error.code(), Code::Unsupported, "{error}");
    assert!(error.to_json()["hint"].as_str().unwrap().contains("sha256:"), "{error:?}");
}

/// The list of files of an image with a whiteout and a replaced file matches crane's export, name by name.
#[test]
fn the_list_of_files_is_what_others_export() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let folder = scratch();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let name = tagged(&place, &client, "image/files");
    let tar = |file: &str, paths: &[(&str, &str)]| {
        std::fs::create_dir_all(at(file)).unwrap();
        for (path, content) in paths {
            let path = folder.path().join(file).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let packed = Command::new("tar").args(["-C", &at(file), "-cf", &at(&format!("{file}.tar")), "."]).status();
        assert!(packed.unwrap().success());
        at(&format!("{file}.tar"))
    };
    let layers = vec![
        tar("lower", &[("a/one", "1"), ("a/two", "2"), ("b/three", "3"), ("c/d/four", "4")]),
        tar("upper", &[("a/.wh.one", ""), ("b/three", "three"), ("c/.wh..wh..opq", ""), ("c/five", "5")]),
    ];
    put_on(&client, &name, AppendOptions { layers, ..AppendOptions::default() }).unwrap();
    let store = Place::parse(&name).unwrap().source(&client).unwrap();
    let found = files(&client.call(None).unwrap(), store.as_ref(), &FilesOptions::default()).unwrap();
    place.crane(&["export", &name, &at("export.tar")]);
    let mut archive = tar::Archive::new(std::fs::File::open(at("export.tar")).unwrap());
    let mut theirs: Vec<(String, u64)> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.path().unwrap().to_string_lossy().trim_end_matches('/').to_owned(), entry.size())
        })
        .filter(|(path, _)| !matches!(path.as_str(), "." | ""))
        .collect();
    theirs.sort();
    let ours: Vec<(String, u64)> = found.files.iter().map(|file| (file.path[1..].to_owned(), file.size)).collect();
    assert_eq!(ours, theirs);
    assert!(
        ours.contains(&("b/three".to_owned(), 5))
            && !ours.iter().any(|(path, _)| path == "a/one" || path == "c/d/four")
    );
}
