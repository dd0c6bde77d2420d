//! The list of an image's files: what extracting would create, for every image in images.rs and some more.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ocireg::error::{Code, Error};
use ocireg::image::files::{files, FilesOptions, ImageFiles};
use serde_json::json;
use tar::EntryType;

use crate::common::*;
use crate::images::*;
use crate::memory::Memory;

fn list(store: &Memory) -> Result<ImageFiles, Error> {
    let client = client();
    files(&call(&client), store, &FilesOptions::default())
}

/// What a folder holds: kind, size of files, target of links.
fn on_disk(root: &Path, folder: &Path, found: &mut BTreeMap<String, (&'static str, u64, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let facts = std::fs::symlink_metadata(&path).unwrap();
        let name = format!("/{}", path.strip_prefix(root).unwrap().to_string_lossy());
        let link = std::fs::read_link(&path).map(|link| link.to_string_lossy().into_owned()).unwrap_or_default();
        let kind = match facts.mode() & nix::libc::S_IFMT {
            nix::libc::S_IFDIR => "directory",
            nix::libc::S_IFREG => "file",
            nix::libc::S_IFLNK => "symlink",
            _ => "device",
        };
        found.insert(name, (kind, if kind == "file" { facts.len() } else { 0 }, link));
        if kind == "directory" {
            on_disk(root, &path, found);
        }
    }
}

/// The list matches what was extracted, or fails with the same error.
#[track_caller]
pub fn compare(store: &Memory, into: &Path, failed: Option<&Error>, devices: bool) {
    let listed = list(store);
    match (failed, listed) {
        // A file system has its own limits, and so have the options of an extraction.
        (Some(error), _) if matches!(error.code(), Code::Io | Code::LimitExceeded) => {}
        (Some(error), listed) => assert_eq!(listed.err().map(|error| error.code()), Some(error.code()), "{error}"),
        (None, listed) => {
            let mut there = BTreeMap::new();
            on_disk(into, into, &mut there);
            let known = listed.unwrap().files.into_iter().filter_map(|file| match file.kind {
                "symlink" => Some((file.path, ("symlink", 0, file.link.unwrap()))),
                "directory" => Some((file.path, ("directory", 0, String::new()))),
                "file" | "hardlink" => Some((file.path, ("file", file.size, String::new()))),
                _ if devices => Some((file.path, ("device", 0, String::new()))),
                _ => None,
            });
            assert_eq!(known.collect::<BTreeMap<_, _>>(), there);
        }
    }
}

#[test]
fn every_field_is_told() {
    let lower = layer(&[
        folder("d"),
        raw(b"d/su", EntryType::Regular, b"", 0o4755, b"four"),
        symlink("s", "d"),
        hard("h", "s/su"),
        raw(b"null", EntryType::Char, b"", 0o666, b""),
        file("gone", "x"),
        file("under/way", "x"),
    ]);
    let upper = layer(&[pax(&[("uid", "70000"), ("gid", "8")]), file("s/new", "22"), file(".wh.gone", "")]);
    let found = list(&Memory::new(&[lower.clone(), upper.clone()])).unwrap();
    let (lower, upper) = (digest(&lower), digest(&upper));
    let one = |path: &str, kind: &str, size: u64, mode: u32| {
        let (link, uid, gid): (Option<&str>, u64, u64) = (None, 0, 0);
        json!({"path": path, "type": kind, "size": size, "mode": mode, "uid": uid, "gid": gid, "mtime": 1_000_000,
               "link": link, "layer": lower})
    };
    let mut wanted = vec![
        one("/d", "directory", 0, 0o755),
        one("/d/new", "file", 2, 0o644),
        one("/d/su", "file", 4, 0o4755),
        one("/h", "hardlink", 4, 0o4755),
        one("/null", "character", 0, 0o666),
        one("/s", "symlink", 0, 0o777),
        one("/under", "directory", 0, 0o755),
        one("/under/way", "file", 1, 0o644),
    ];
    (wanted[1]["uid"], wanted[1]["gid"], wanted[1]["layer"]) = (json!(70000), json!(8), json!(upper));
    (wanted[3]["link"], wanted[5]["link"]) = (json!("/d/su"), json!("d"));
    wanted[4]["device"] = json!({"major": 1, "minor": 3});
    wanted[6]["mtime"] = json!(0);
    assert_eq!(serde_json::to_value(&found.files).unwrap(), json!(wanted));
    assert_eq!((found.bytes, found.layers.len()), (7, 2));
    assert!(found.layers.iter().all(|layer| layer.diff_id_checked));
}

#[test]
fn names_alone_do_not_fill_the_memory() {
    // A small layer of many long names: what compresses well is still bounded when uncompressed.
    let long = "n".repeat(200);
    let mut entries: Vec<Vec<u8>> = vec![];
    for number in 0..64 {
        entries.push(pax(&[("path", &format!("{number}/{}", [long.as_str(); 15].join("/")))]));
        entries.push(file("x", ""));
    }
    let found = list(&Memory::new(&[layer(&entries)])).unwrap();
    assert_eq!(found.files.len(), 64 * 16);
    let bounded = FilesOptions { max_bytes: 10_000, ..FilesOptions::default() };
    let client = client();
    let outcome = files(&call(&client), &Memory::new(&[layer(&entries)]), &bounded);
    fails(outcome.map(drop), Code::LimitExceeded, "10000 bytes");
}

#[test]
fn a_wrong_layer_is_found_out() {
    let good = layer(&[file("a", "1")]);
    let outcome = list(&Memory::with_ids(std::slice::from_ref(&good), &[digest(b"other")]));
    fails(outcome.map(drop), Code::DigestMismatch, "the config says");
    fails(list(&Memory::new(&[good[..512].to_vec()])).map(drop), Code::InvalidManifest, "cut short");
}
