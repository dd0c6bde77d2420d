//! Some files of an image, and how little is fetched for them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ocireg::error::{Code, Error};
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::export::{export, ExportOptions};
use ocireg::image::extract::{extract, ExtractOptions, Extracted};
use ocireg::image::files::{files, FilesOptions, ImageFiles};
use ocireg::registry::RegistryStore;
use ocireg::store::ReadStore;
use serde_json::json;
use tar::EntryType;

use crate::common::*;
use crate::images::*;
use crate::memory::Memory;
use crate::registry::*;
use crate::server::*;
use crate::shelf::*;

fn pick(store: &dyn ReadStore, into: &Path, paths: &[&str]) -> Result<Extracted, Error> {
    let client = client();
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    extract(&call(&client), store, into, &ExtractOptions { paths: Some(paths), ..ExtractOptions::default() })
}

fn list(store: &dyn ReadStore, paths: Option<&[&str]>) -> Result<ImageFiles, Error> {
    let client = client();
    let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
    files(&call(&client), store, &FilesOptions { paths, ..FilesOptions::default() })
}

fn there(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            found.push(entry.path().strip_prefix(root).unwrap().display().to_string());
            if entry.file_type().unwrap().is_dir() {
                walk(root, &entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

fn layers() -> [Vec<u8>; 3] {
    let private = raw(b"etc", EntryType::Directory, b"", 0o750, b"");
    [
        layer(&[
            private.clone(),
            folder("etc/ssl"),
            file("etc/ssl/a.pem", "a"),
            file("etc/ssl/b.crt", "b"),
            file("etc/passwd", "old"),
        ]),
        layer(&[
            private.clone(),
            folder("bin"),
            file("bin/busybox", "box"),
            hard("bin/ls", "bin/busybox"),
            hard("bin/[", "bin/ls"),
            file("etc/group", "g"),
        ]),
        layer(&[private, file("etc/passwd", "new"), file("etc/.wh.group", "")]),
    ]
}

#[test]
fn only_what_is_named_is_written() {
    let store = Memory::new(&layers());
    for (paths, wanted, read) in [
        (&["etc/passwd"][..], &["etc", "etc/passwd"][..], 1),
        (&["/etc/./passwd/"], &["etc", "etc/passwd"], 1),
        (&["bin/ls"], &["bin", "bin/ls"], 2),
        (&["bin/["], &["bin", "bin/["], 2),
        (&["bin/[", "bin/ls"], &["bin", "bin/[", "bin/ls"], 2),
        (&["etc/ssl"], &["etc", "etc/ssl", "etc/ssl/a.pem", "etc/ssl/b.crt"], 3),
        (&["**/*.pem"], &["etc", "etc/ssl", "etc/ssl/a.pem"], 3),
        (&["etc/*.none", "**/passwd"], &[], 0),
        (&["etc/group"], &[], 0),
        (&["etc/passwd/x"], &[], 0),
        (
            &["**"],
            &[
                "bin",
                "bin/[",
                "bin/busybox",
                "bin/ls",
                "etc",
                "etc/passwd",
                "etc/ssl",
                "etc/ssl/a.pem",
                "etc/ssl/b.crt",
            ],
            3,
        ),
    ] {
        let outer = tempfile::tempdir().unwrap();
        let into = outer.path().join("image");
        if wanted.is_empty() {
            fails(pick(&store, &into, paths), Code::NotFound, paths[0]);
            fails(list(&store, Some(paths)), Code::NotFound, paths[0]);
            assert!(!into.exists(), "{paths:?}");
            continue;
        }
        let done = pick(&store, &into, paths).unwrap();
        assert_eq!(
            (there(&into), done.layers.len()),
            (wanted.iter().map(|name| name.to_string()).collect(), read),
            "{paths:?}"
        );
        let listed = list(&store, Some(paths)).unwrap();
        let names: Vec<&str> = listed.files.iter().map(|file| &file.path[1..]).collect();
        assert_eq!((names.as_slice(), listed.layers.len()), (wanted, read), "{paths:?}");
        if into.join("etc").exists() {
            assert_eq!(std::fs::metadata(into.join("etc")).unwrap().permissions().mode() & 0o777, 0o750, "{paths:?}");
        }
        for (name, content) in [("etc/passwd", "new"), ("bin/ls", "box"), ("bin/[", "box")] {
            let found = std::fs::read_to_string(into.join(name));
            assert!(found.is_err() || found.unwrap() == content, "{paths:?} {name}");
        }
    }
}

/// What is told of a file is what the list of all files tells of it.
#[test]
fn some_files_are_listed_as_all_of_them_are() {
    let store = Memory::new(&layers());
    let all = list(&store, None).unwrap();
    let some = list(&store, Some(&["**"])).unwrap();
    assert_eq!((some.bytes, &some.digest), (all.bytes, &all.digest));
    let shown = |found: &ImageFiles| {
        let mut files = serde_json::to_value(&found.files).unwrap();
        files.as_array_mut().unwrap().iter_mut().for_each(|file| {
            // Which of several names is the file is not the same when the newest layer comes first.
            if file["type"] == "hardlink" {
                (file["type"], file["link"]) = ("hardlink".into(), "/bin/busybox".into());
            }
        });
        files
    };
    assert_eq!(shown(&some), shown(&all));
    let one = list(&store, Some(&["etc/passwd"])).unwrap();
    assert_eq!((one.files.len(), one.bytes, &one.files[1].layer), (2, 3, &all.layers[2].digest));
    for path in ["", "../x"] {
        fails(list(&store, Some(&[path])), Code::InvalidArgument, "path");
    }
    fails(list(&store, Some(&[])), Code::InvalidArgument, "empty list");
}

/// Also where the folder that a newer layer fills is not the one that an older layer had.
#[test]
fn a_folder_is_of_the_layer_that_the_list_of_all_files_says() {
    let contents: [&[Vec<u8>]; 8] = [
        &[file("other", "")],
        &[folder("a"), file("a/x", "x")],
        &[file("a/x", "x")],
        &[file("a/b/y", "y")],
        &[file(".wh.a", "")],
        &[file(".wh.a", ""), file("a/z", "z")],
        &[file("a/.wh.x", "")],
        &[file("a", "no folder")],
    ];
    let layers: Vec<Vec<u8>> = contents.iter().map(|entries| layer(entries)).collect();
    let mut compared = 0;
    for number in 0..contents.len().pow(3) {
        let chosen = [number % 8, number / 8 % 8, number / 64];
        let store = Memory::new(&chosen.map(|at| layers[at].clone()));
        // What is not resolved with the newest layer first is refused.
        let (Ok(all), Ok(some)) = (list(&store, None), list(&store, Some(&["**"]))) else { continue };
        let shown = |found: &ImageFiles| serde_json::to_value(&found.files).unwrap();
        assert_eq!(shown(&some), shown(&all), "{chosen:?}");
        compared += 1;
    }
    assert!(compared > 300, "{compared}");
}

/// Nothing is written before everything is there, and verified.
#[test]
fn a_failure_writes_nothing() {
    let all = layers();
    for wrong in 0..3 {
        let mut store = Memory::new(&all);
        store.spoil(&all[wrong]);
        let outer = tempfile::tempdir().unwrap();
        let into = outer.path().join("image");
        let error = pick(&store, &into, &["**"]).unwrap_err();
        assert!([Code::DigestMismatch, Code::InvalidManifest].contains(&error.code()), "{error}");
        assert!(!into.exists());
        std::fs::create_dir(&into).unwrap();
        pick(&store, &into, &["**"]).unwrap_err();
        assert_eq!(there(&into), [""; 0]);
    }
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(outer.path().join("mine"), "").unwrap();
    let error = fails(pick(&Memory::new(&all), outer.path(), &["etc/passwd"]), Code::Io, "not empty");
    assert_eq!(there(outer.path()), ["mine"], "{error}");
    for path in ["", "../x", &"x".repeat(9000)] {
        fails(pick(&Memory::new(&all), &outer.path().join("new"), &[path]), Code::InvalidArgument, "path");
    }
}

/// What has the name of a whiteout, but is none, removes nothing of what was there.
#[test]
fn nothing_picked_removes() {
    for name in [".wh.etc/f", ".wh..wh..opq/f", ".wh..wh.plnk/f", ".wh./f", "d/.wh.etc/f", "l/f"] {
        let store = Memory::new(&[layer(&[symlink("l", ".wh.etc"), file(name, ""), file("other/f", "")])]);
        let outer = tempfile::tempdir().unwrap();
        for there in ["etc", "d/etc"] {
            std::fs::create_dir_all(outer.path().join(there)).unwrap();
        }
        let (client, paths) = (client(), vec!["**/f".to_owned()]);
        let options = ExtractOptions { paths: Some(paths), overwrite: true, ..ExtractOptions::default() };
        let outcome = extract(&call(&client), &store, outer.path(), &options);
        let wanted = &["d", "d/etc", "etc", "other", "other/f"];
        match name.contains(".wh..wh.") {
            true => {
                assert_eq!((outcome.unwrap().whiteouts, there(outer.path())), (0, wanted.map(str::to_owned).into()))
            }
            false => {
                fails(outcome, Code::InvalidManifest, "whiteout");
                assert_eq!(there(outer.path()), wanted[..3]);
            }
        }
    }
}

/// An image in a registry that counts.
fn shelf(layers: &[Vec<u8>]) -> Shelf {
    let shelf = Shelf::start(Abilities::default());
    let ids: Vec<_> = layers.iter().map(|layer| digest(layer)).collect();
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}});
    let entries: Vec<_> =
        layers.iter().map(|layer| shelf.blob("application/vnd.oci.image.layer.v1.tar", layer)).collect();
    shelf.manifest(
        "t",
        &json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": shelf.blob("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()), "layers": entries}),
    );
    shelf
}

/// How often each layer was requested since the last call, the oldest first.
fn requests(shelf: &Shelf, layers: &[Vec<u8>], before: &mut [usize]) -> Vec<usize> {
    let count = |layer: &Vec<u8>| shelf.registry.server.count("GET", &digest(layer).to_string());
    let now: Vec<usize> = layers.iter().map(count).collect();
    let since = now.iter().zip(&*before).map(|(now, before)| now - before).collect();
    before.copy_from_slice(&now);
    since
}

#[test]
fn no_layer_is_fetched_that_is_not_needed() {
    let layers = [
        layer(&[
            folder("usr"),
            file("usr/os", "name"),
            symlink("os", "usr/os"),
            symlink("deep", "l1"),
            file("plain", "p"),
        ]),
        layer(&[symlink("l1", "l2"), file("middle", "m")]),
        layer(&[symlink("l2", "top"), hard("h", "plain")]),
        layer(&[file("top", "t")]),
    ];
    let shelf = shelf(&layers);
    let client = client_for(shelf.host());
    let store = RegistryStore::new(&client, tag(shelf.host()));
    let mut before = [0; 4];
    for (path, content, wanted) in [
        ("top", "t", [0, 0, 0, 1]),
        ("middle", "m", [0, 1, 1, 1]),
        ("plain", "p", [1, 1, 1, 1]),
        // Behind a link only the layer that has the file is read again.
        ("os", "name", [2, 1, 1, 1]),
        ("deep", "t", [1, 1, 1, 2]),
        ("h", "p", [1, 1, 1, 1]),
    ] {
        let mut out = Vec::new();
        let found = cat(&call(&client), &store, path, &mut out, &CatOptions::default()).unwrap();
        assert_eq!((String::from_utf8(out).unwrap().as_str(), found.verified), (content, true), "{path}");
        assert_eq!(requests(&shelf, &layers, &mut before), wanted, "{path}");
    }
    export(&call(&client), &store, &mut std::io::sink(), &ExportOptions::default()).unwrap();
    assert_eq!(requests(&shelf, &layers, &mut before), [1; 4], "each layer once");
    for (paths, wanted) in [
        (&["top"][..], [0, 0, 0, 1]),
        (&["middle", "top"], [0, 1, 1, 1]),
        (&["usr/os"], [1, 1, 1, 1]),
        (&["h"], [1, 1, 1, 1]),
    ] {
        let outer = tempfile::tempdir().unwrap();
        pick(&store, &outer.path().join("image"), paths).unwrap();
        assert_eq!(requests(&shelf, &layers, &mut before), wanted, "{paths:?}");
        list(&store, Some(paths)).unwrap();
        assert_eq!(requests(&shelf, &layers, &mut before), wanted, "{paths:?}");
    }
}

/// A file whose layer need not be verified is there although the rest of the layer does not come; else that is waited for.
#[test]
fn a_layer_is_read_no_further_than_its_file() {
    let rest = raw(b"rest", EntryType::Regular, b"", 0o644, &vec![7; 3 << 20]);
    let layer = layer(&[file("first", "f"), rest]);
    let config = json!({"os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}})
    .to_string();
    let entry = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest(bytes), "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
        "config": entry("config.v1+json", config.as_bytes()), "layers": [entry("layer.v1.tar", &layer)]})
    .to_string();
    let server = Server::start(move |seen| match seen.path() {
        path if path.ends_with(digest(&layer).as_str()) => serve(&layer, seen).cut(1 << 20, Then::Stall),
        path if path.contains("/blobs/") => serve(config.as_bytes(), seen),
        _ => reply(200).header("Content-Type", MANIFEST_TYPE).body(&manifest),
    });
    let client = client_for(&server.host);
    let store = RegistryStore::new(&client, tag(&server.host));
    let read = |verify: bool| {
        let mut out = Vec::new();
        let options = CatOptions { verify, ..CatOptions::default() };
        cat(&call(&client), &store, "first", &mut out, &options).map(|found| (out, found.verified))
    };
    assert_eq!(read(false).unwrap(), (b"f".to_vec(), false));
    assert_eq!(server.count("GET", "/blobs/"), 2, "the config and the layer, once each: it is not waited for more");
    assert_eq!(read(true).unwrap(), (b"f".to_vec(), true));
    assert!(server.count("GET", "/blobs/") > 4, "the rest was asked for until it was there");
}
