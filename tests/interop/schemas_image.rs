//! The results of operations on images, each validated against its schema, and the events of each blob of a copy.

#![allow(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use ocireg::registry::manifest::PutOptions;
use serde_json::{json, Value};

use crate::prototypes::*;
use crate::schemas::{options, text, Caller};
use crate::{noise, push_image, sha256, TestRegistry};

/// Calls every function, in a separate repository. Adds the states of blob events seen to `states`.
pub fn call_all(caller: &mut Caller, place: &TestRegistry, name: &str, folder: &Path, states: &mut BTreeSet<String>) {
    let at = |file: &str| folder.join(file).display().to_string();
    let repository = format!("{}/{name}", place.host);
    push_index(place, name);
    let (index, image) = (format!("{repository}:index"), format!("{repository}:image"));
    let arm = json!({"platform": "linux/arm64"});
    caller.two(Function::ocireg_image_tag, &index, "again", json!({})).unwrap();
    caller.two(Function::ocireg_image_tag, &index, &format!("{repository}-2:far"), json!({})).unwrap();
    tell(caller, states);
    for (reference, with, platform) in [(&index, arm.clone(), true), (&image, json!({}), false)] {
        let config = caller.bytes(Function::ocireg_image_config, reference, with.clone()).unwrap();
        assert!(config["config"]["rootfs"].is_object() && config.get("platform").is_some() == platform, "{config}");
        let size = caller.one(Function::ocireg_image_size, reference, with).unwrap();
        assert_eq!((size["layers"].as_array().unwrap().len(), size.get("platform").is_some()), (1, platform));
    }
    configs_of_artifacts(caller, &repository);
    let size = caller.one(Function::ocireg_image_size, &index, json!({"all": true})).unwrap();
    assert_eq!(size["images"].as_array().unwrap().len(), 2);

    std::fs::write(at("lower.tar"), lower_layer()).unwrap();
    std::fs::write(at("upper.tar"), upper_layer()).unwrap();
    let (lower, upper) = (at("lower.tar"), at("upper.tar"));
    let made = format!("{repository}:made");
    let with = json!({"layers": [lower, upper], "to": made, "all": true});
    let appended = caller.one(Function::ocireg_image_append, &index, with).unwrap();
    assert!(appended["base"].is_string() && appended["images"][1]["platform"].is_object());
    let scratch = format!("oci:{}:s", at("scratch"));
    let appended = caller
        .one(Function::ocireg_image_append, &scratch, json!({"layers": [lower, upper], "scratch": true}))
        .unwrap();
    assert!(appended["base"].is_null() && appended["images"][0].get("platform").is_none(), "{appended}");
    indexes(caller, &repository, &made, &scratch);
    tell(caller, states);

    for (source, with, within) in [(&made, arm, "made"), (&scratch, json!({}), "scratch")] {
        let within = folder.join(format!("files-of-{within}"));
        std::fs::create_dir(&within).unwrap();
        files(caller, source, &with, &within);
    }
    for dry_run in [true, false] {
        let done = caller.one(Function::ocireg_repository_remove, &repository, json!({"dry_run": dry_run})).unwrap();
        assert_eq!(caller.progress()["operation"], if dry_run { "cat" } else { "repository remove" });
        let all = done["manifests"].as_array().unwrap();
        assert!(all.iter().all(|one| one["deleted"] == !dry_run) && all[0]["tags"][0].is_string(), "{done}");
    }
}

/// What is done with the files of an image, in a folder.
fn files(caller: &mut Caller, source: &str, with: &Value, folder: &Path) {
    let at = |file: &str| folder.join(file).display().to_string();
    let done = caller.two(Function::ocireg_image_extract, source, &at("extracted"), with.clone()).unwrap();
    let counts = ["symlinks", "hard_links", "skipped", "whiteouts"].map(|name| done[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 3, 2], "{done}");
    assert_eq!(caller.progress()["operation"], "extract");
    exported(caller, source, &at("exported"), with);
    let some = with_paths(with, &["a", "link"]);
    let done = caller.two(Function::ocireg_image_extract, source, &at("some"), some).unwrap();
    assert_eq!((&done["symlinks"], &done["whiteouts"]), (&json!(1), &json!(0)), "{done}");
    listed(&caller.one(Function::ocireg_image_files, source, with.clone()).unwrap());
    assert_eq!(caller.progress()["operation"], "files");
    for verify in [true, false] {
        let mut with = with.clone();
        with["verify"] = verify.into();
        let file = cat(caller, source, "/link", &at("shown"), &with).unwrap();
        assert_eq!((&file["path"], &file["size"], &file["verified"]), (&json!("/a/file"), &json!(4), &json!(verify)));
        assert_eq!(std::fs::read(at("shown")).unwrap(), b"text");
    }
    assert_eq!(cat(caller, source, "/none", &at("shown"), with).unwrap_err()["name"], "NOT_FOUND");
}

/// Indexes made of these two, changed, and left as they are.
fn indexes(caller: &mut Caller, repository: &str, made: &str, scratch: &str) {
    let index = format!("{repository}:new-index");
    let created = caller.one(Function::ocireg_index_create, &index, json!({"references": [made]})).unwrap();
    assert!(created["before"].is_null() && created["manifests"][1]["platform"].is_object());
    let left = json!({"references": [made], "if_exists": "skip"});
    assert!(caller.one(Function::ocireg_index_create, &index, left).unwrap()["size"].is_null());
    let more = json!({"references": [scratch]});
    let added = caller.one(Function::ocireg_index_append, &index, more.clone()).unwrap();
    assert_eq!((&added["before"], added["added"].as_array().unwrap().len()), (&created["digest"], 1));
    assert!(caller.one(Function::ocireg_index_append, &index, more).unwrap()["condition"].is_null());
    let gone =
        caller.one(Function::ocireg_index_remove, &index, json!({"digests": [added["added"][0]["digest"]]})).unwrap();
    assert_eq!(gone["removed"], added["added"]);
}

/// An index of two images, and a separate image.
fn push_index(place: &TestRegistry, name: &str) {
    let client = place.client();
    let call = client.call(None).unwrap();
    let put = |tag: &str, bytes: &[u8]| {
        let reference = place.reference(&format!("{name}:{tag}"));
        client.put_manifest(&call, &reference, bytes, &PutOptions::default()).unwrap();
    };
    let entries = ["amd64", "arm64"].map(|architecture| {
        let manifest = push_image(place, &client, name, architecture);
        put("image", &manifest);
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(&manifest),
            "size": manifest.len(), "platform": {"os": "linux", "architecture": architecture}})
    });
    let kind = "application/vnd.oci.image.index.v1+json";
    put("index", json!({"schemaVersion": 2, "mediaType": kind, "manifests": entries}).to_string().as_bytes());
}

/// A config that is not an image's may be any JSON, or not JSON.
fn configs_of_artifacts(caller: &mut Caller, repository: &str) {
    let kind = "application/vnd.oci.image.manifest.v1+json";
    for (bytes, value) in [("no JSON", Value::Null), ("[1]", json!([1])), ("true", json!(true))] {
        let digest =
            caller.put(Function::ocireg_blob_put_memory, repository, bytes.as_bytes()).unwrap()["digest"].clone();
        let config = json!({"mediaType": "application/x", "digest": digest, "size": bytes.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}).to_string();
        let name = format!("{repository}:artifact");
        caller.put(Function::ocireg_manifest_put, &name, manifest.as_bytes()).unwrap();
        assert_eq!(caller.bytes(Function::ocireg_image_config, &name, json!({})).unwrap()["config"], value);
    }
}

/// One of everything that a layer can contain, and a file that takes a while.
fn lower_layer() -> Vec<u8> {
    use tar::EntryType::{Block, Char, Directory, Fifo, Link, Regular, Symlink};
    let mut tar = tar::Builder::new(Vec::new());
    let big = noise(24 << 20, 11);
    for (kind, path, link, content) in [
        (Directory, "a", "", &b""[..]),
        (Regular, "a/file", "", b"text"),
        (Regular, "a/gone", "", b"x"),
        (Regular, "b/hidden", "", b"x"),
        (Regular, "big", "", &big),
        (Symlink, "link", "a/file", b""),
        (Symlink, "dangling", "/nowhere", b""),
        (Link, "hard", "a/file", b""),
        (Char, "char", "", b""),
        (Block, "block", "", b""),
        (Fifo, "fifo", "", b""),
    ] {
        put(&mut tar, kind, path, link, content);
    }
    tar.into_inner().unwrap()
}

fn upper_layer() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    put(&mut tar, tar::EntryType::Regular, "a/.wh.gone", "", b"");
    put(&mut tar, tar::EntryType::Regular, "b/.wh..wh..opq", "", b"");
    tar.into_inner().unwrap()
}

fn put(tar: &mut tar::Builder<Vec<u8>>, kind: tar::EntryType, path: &str, link: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(path).unwrap();
    if !link.is_empty() {
        header.set_link_name(link).unwrap();
    }
    header.set_mode(0o4755);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(9);
    header.set_device_major(1).unwrap();
    header.set_device_minor(3).unwrap();
    header.set_size(content.len() as u64);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

/// The list contains one of each kind, and only devices have numbers.
fn listed(list: &Value) {
    let files = list["files"].as_array().unwrap();
    let kinds: BTreeSet<&str> = files.iter().map(|file| file["type"].as_str().unwrap()).collect();
    let all = BTreeSet::from(["file", "directory", "symlink", "hardlink", "character", "block", "fifo"]);
    assert_eq!(kinds, all);
    for file in files {
        let kind = file["type"].as_str().unwrap();
        assert_eq!(file["link"].is_string(), kind.ends_with("link"), "{file}");
        let device = matches!(kind, "character" | "block").then(|| json!({"major": 1, "minor": 3}));
        assert_eq!(file.get("device").cloned(), device, "{file}");
    }
}

fn with_paths(with: &Value, paths: &[&str]) -> Value {
    let mut with = with.clone();
    with["paths"] = json!(paths);
    with
}

/// By each way the same archive.
fn exported(caller: &mut Caller, source: &str, target: &str, with: &Value) {
    let done = caller.two(Function::ocireg_image_export_file, source, target, with.clone()).unwrap();
    assert_eq!(caller.progress()["operation"], "export");
    let counts = ["symlinks", "hard_links", "devices"].map(|name| done[name].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 3], "{done}");
    let whole = std::fs::read(target).unwrap();
    assert_eq!(done["size"], whole.len());
    let (client, context, source) = (caller.client, caller.context, text(source));
    let (file, given) = (std::fs::File::create(format!("{target}-fd")).unwrap(), options(with));
    let other = caller.hold("ocireg_image_export_fd", |json, error| unsafe {
        ocireg_image_export_fd(client, context, source.as_ptr(), file.as_raw_fd(), given, json, error)
    });
    let mut bytes: Vec<u8> = Vec::new();
    let into = (&raw mut bytes).cast();
    let third = caller.hold("ocireg_image_export_stream", |json, error| unsafe {
        ocireg_image_export_stream(client, context, source.as_ptr(), take_all, into, given, json, error)
    });
    unsafe { ocireg_options_free(given) };
    assert_eq!(other.unwrap()["size"], third.unwrap()["size"]);
    assert!(std::fs::read(format!("{target}-fd")).unwrap() == whole && bytes == whole);
}

unsafe extern "C" fn take_all(into: Handle, data: *const u8, size: usize) -> i32 {
    unsafe { (*into.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data, size)) };
    0
}

fn cat(caller: &mut Caller, source: &str, path: &str, target: &str, with: &Value) -> Result<Value, Value> {
    let (client, context, source, path) = (caller.client, caller.context, text(source), text(path));
    let (file, with) = (std::fs::File::create(target).unwrap(), options(with));
    let get = |json, error| unsafe {
        let (source, path) = (source.as_ptr(), path.as_ptr());
        let status = ocireg_image_cat(client, context, source, path, file.as_raw_fd(), with, json, error);
        ocireg_options_free(with);
        status
    };
    caller.hold("ocireg_image_cat", get)
}

/// Checks the events of each blob since the last call: it begins, grows, and ends with all of its bytes.
pub fn tell(caller: &mut Caller, states: &mut BTreeSet<String>) {
    let events = caller.blob_events();
    assert!(!events.is_empty());
    let mut open = BTreeMap::new();
    for event in &events {
        let (state, digest) = (event["state"].as_str().unwrap(), event["digest"].as_str().unwrap().to_owned());
        let done = event["done"].as_u64().unwrap();
        match state {
            "begun" => assert!(done == 0 && open.insert(digest, 0).is_none(), "{event}"),
            "moving" => assert!(open.insert(digest, done).is_some_and(|before| before < done), "{event}"),
            _ => assert!(event["done"] == event["size"] && open.remove(&digest).is_some(), "{event}"),
        }
        states.insert(state.to_owned());
    }
    assert!(open.is_empty(), "every blob ends: {open:?}");
}
