//! Extracting into a folder with files of its own: what the image has as a folder is one afterwards, in whatever order its entries come,
//! and what the image does not name stays.

use std::fs;
use std::os::unix::fs::{symlink as link, MetadataExt as _};
use std::path::Path;

use ocireg::error::{Code, Error};
use ocireg::image::extract::{extract, ExtractOptions, Extracted};

use crate::common::*;
use crate::images::{file, folder, hard, layer, pax, raw, symlink};
use crate::memory::Memory;
use crate::own_process::run_again_in_a_folder;

fn over(layers: &[Vec<u8>], into: &Path, paths: Option<&[&str]>) -> Result<Extracted, Error> {
    let client = client();
    let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
    extract(
        &call(&client),
        &Memory::new(layers),
        into,
        &ExtractOptions { overwrite: true, paths, ..Default::default() },
    )
}

/// All names in a folder, with what files contain and where links lead.
fn tree(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(root).unwrap().display();
            if kind.is_dir() {
                found.push(format!("{name}/"));
                walk(root, &path, found);
            } else if kind.is_symlink() {
                found.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
            } else {
                found.push(format!("{name}: {}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

/// A folder of the caller's, in which something has the name of a folder of the image.
fn ground(etc: &dyn Fn(&Path)) -> tempfile::TempDir {
    let ground = tempfile::tempdir().unwrap();
    fs::create_dir(ground.path().join("real")).unwrap();
    for name in ["mine", "b"] {
        fs::write(ground.path().join("real").join(name), "mine").unwrap();
    }
    etc(&ground.path().join("etc"));
    ground
}

/// Whiteouts are for lower layers: what was there before the call is in none.
#[test]
fn whiteouts_leave_what_was_there() {
    let ground = tempfile::tempdir().unwrap();
    for name in ["docs", "etc/deep", "etc/lower"] {
        fs::create_dir_all(ground.path().join(name)).unwrap();
    }
    for name in ["docs/thesis", "etc/mine", "etc/deep/mine", "etc/lower/mine", "never"] {
        fs::write(ground.path().join(name), "mine").unwrap();
    }
    link("docs", ground.path().join("link")).unwrap();
    let lower = [
        file("etc/lower/theirs", "1"),
        file("etc/theirs", "1"),
        folder("gone"),
        file("gone/theirs", "1"),
        file("never2", "1"),
    ];
    let upper = [
        file(".wh..wh..opq", ""),
        file("etc/.wh..wh..opq", ""),
        file("etc/new", "2"),
        file(".wh.never", ""),
        file(".wh.link", ""),
        file(".wh.docs", ""),
    ];
    over(&[layer(&lower), layer(&upper)], ground.path(), None).unwrap();
    let wanted = [
        "docs/",
        "docs/thesis: mine",
        "etc/",
        "etc/deep/",
        "etc/deep/mine: mine",
        "etc/lower/",
        "etc/lower/mine: mine",
        "etc/mine: mine",
        "etc/new: 2",
        "link -> docs",
        "never: mine",
    ];
    assert_eq!(tree(ground.path()), wanted);
    // What the image has put in the place of something is the image's.
    let again = [layer(&[file("never", "1")]), layer(&[file(".wh.never", "")])];
    over(&again, ground.path(), None).unwrap();
    assert!(!ground.path().join("never").exists());
}

/// A folder of the caller's with files of its own does not become something else.
#[test]
fn a_folder_with_files_is_not_replaced() {
    for entry in [file("docs", "1"), symlink("docs", "elsewhere"), hard("docs", "one")] {
        let ground = tempfile::tempdir().unwrap();
        fs::create_dir_all(ground.path().join("docs/deep")).unwrap();
        fs::write(ground.path().join("docs/deep/thesis"), "mine").unwrap();
        let layers = [layer(&[file("one", "1"), file("docs/deep/theirs", "1")]), layer(std::slice::from_ref(&entry))];
        let error = over(&layers, ground.path(), None).unwrap_err();
        assert_eq!(error.code(), Code::Io, "{error}");
        assert!(error.message().contains("'docs' is a folder with files that were there before"), "{error}");
        assert_eq!(fs::read_to_string(ground.path().join("docs/deep/thesis")).unwrap(), "mine");
        // Without files of the caller's it does.
        fs::remove_file(ground.path().join("docs/deep/thesis")).unwrap();
        fs::remove_dir_all(ground.path().join("docs")).unwrap();
        fs::create_dir(ground.path().join("docs")).unwrap();
        over(&layers, ground.path(), None).unwrap();
        assert!(!fs::symlink_metadata(ground.path().join("docs")).unwrap().is_dir());
    }
}

/// Some files of an image are all written, or none.
#[test]
fn a_folder_with_files_is_seen_before_anything_is_written() {
    for entry in [file("z/docs", "1"), symlink("z/docs", "elsewhere"), hard("z/docs", "one")] {
        let layers = [layer(&[file("one", "1"), folder("z"), folder("etc"), file("etc/b", "B"), entry])];
        let ground = ground(&|etc| link("real", etc).unwrap());
        fs::create_dir_all(ground.path().join("z/docs/deep")).unwrap();
        let before = tree(ground.path());
        let error = over(&layers, ground.path(), Some(&["**"])).unwrap_err();
        assert!(error.message().contains("'z/docs' is a folder with files that were there before"), "{error}");
        assert_eq!(tree(ground.path()), before);
        fs::remove_dir(ground.path().join("z/docs/deep")).unwrap();
        over(&layers, ground.path(), Some(&["**"])).unwrap();
        assert!(!fs::symlink_metadata(ground.path().join("z/docs")).unwrap().is_dir());
        assert_eq!(fs::read_to_string(ground.path().join("etc/b")).unwrap(), "B");
    }
}

/// A folder that cannot be looked into, unless by root, is opened for that, and closed again: so by another user, in a process of its own.
#[test]
fn a_closed_folder_with_files_is_seen_before_anything_is_written() {
    if let Some(into) = std::env::var_os("OCIREG_TEST_EXTRACT_INTO") {
        return extract_over_closed_folders(Path::new(&into));
    }
    let test = "overwritten::a_closed_folder_with_files_is_seen_before_anything_is_written";
    run_again_in_a_folder(test, "OCIREG_TEST_EXTRACT_INTO");
}

fn extract_over_closed_folders(room: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let layers = [layer(&[file("a/one", "1"), folder("z"), file("z/docs", "1")])];
    for (at, (outer, inner)) in [(0o755, 0o300), (0o755, 0o000), (0o000, 0o700), (0o400, 0o300)].into_iter().enumerate()
    {
        let into = room.join(at.to_string());
        let (z, docs) = (into.join("z"), into.join("z/docs"));
        fs::create_dir_all(&docs).unwrap();
        fs::write(docs.join("thesis"), "mine").unwrap();
        chmod(&docs, inner);
        chmod(&z, outer);
        let error = over(&layers, &into, Some(&["**"])).unwrap_err();
        assert!(error.message().contains("'z/docs' is a folder with files that were there before"), "{error}");
        assert!(!into.join("a").exists(), "{outer:o} {inner:o}");
        assert_eq!(mode(&z), outer);
        chmod(&z, 0o755);
        assert_eq!(mode(&docs), inner);
        chmod(&docs, 0o700);
        // Without files of the caller's it is no more than a folder.
        fs::remove_file(docs.join("thesis")).unwrap();
        chmod(&docs, inner);
        over(&layers, &into, Some(&["**"])).unwrap();
        assert_eq!(fs::read_to_string(&docs).unwrap(), "1");
    }
}

/// What was there before the call is not a file of the image.
#[test]
fn a_hard_link_to_what_was_there_is_refused() {
    let ground = ground(&|etc| link("real", etc).unwrap());
    for target in ["real/mine", "etc"] {
        let error = over(&[layer(&[hard("x", target), file("etc/f", "1")])], ground.path(), None).unwrap_err();
        assert_eq!(error.code(), Code::InvalidManifest, "{target}: {error}");
        assert!(!ground.path().join("x").exists() && !ground.path().join("real/f").exists());
    }
    over(&[layer(&[file("real/mine", "1"), hard("x", "real/mine")])], ground.path(), None).unwrap();
    assert_eq!(fs::read_to_string(ground.path().join("x")).unwrap(), "1");
}

#[test]
fn a_folder_of_the_image_takes_the_place_of_what_is_there_in_any_order() {
    let (first, last) = (vec![folder("etc"), file("etc/b", "B")], vec![file("etc/b", "B"), folder("etc")]);
    let alone = vec![file("etc/b", "B")];
    let deep = vec![file("etc/d/b", "B"), folder("etc/d"), folder("etc")];
    for target in ["real", "/real", "../real", "nothing", "/nowhere/else", "etc", "real/b", ""] {
        for entries in [&first, &last, &alone, &deep] {
            for paths in [None, Some(&["etc"][..]), Some(&["etc/**/b"])] {
                let what = format!("{target} {} {paths:?}", entries.len());
                let ground = ground(&|etc| match target {
                    "" => fs::write(etc, "mine").unwrap(),
                    _ => link(target, etc).unwrap(),
                });
                let done =
                    over(&[layer(entries)], ground.path(), paths).unwrap_or_else(|error| panic!("{what}: {error}"));
                let mut wanted = vec!["etc/", "etc/b: B", "real/", "real/b: mine", "real/mine: mine"];
                if entries.len() == 3 {
                    wanted.splice(1..2, ["etc/d/", "etc/d/b: B"]);
                }
                assert_eq!(
                    (done.files, tree(ground.path())),
                    (1, wanted.iter().map(|name| name.to_string()).collect()),
                    "{what}"
                );
            }
        }
    }
}

/// What is there once more has no other result than the first time, whatever the layers made of one another.
#[test]
fn the_same_image_again_is_the_same() {
    let layers = [
        layer(&[
            folder("usr"),
            folder("usr/bin"),
            file("usr/bin/x", "new"),
            folder("bin"),
            file("bin/x", "old"),
            file("bin/y", "old"),
        ]),
        layer(&[file(".wh.bin", ""), symlink("bin", "usr/bin"), file("usr/bin/z", "z")]),
        layer(&[file("bin/z", "Z"), file("bin/new", "new"), hard("bin/hard", "bin/z"), file("bin/.wh.x", "")]),
    ];
    let into = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        over(&layers, into.path(), None).unwrap();
        let wanted = ["bin -> usr/bin", "usr/", "usr/bin/", "usr/bin/hard: Z", "usr/bin/new: new", "usr/bin/z: Z"];
        assert_eq!(tree(into.path()), wanted);
    }
}

/// A link of the image's own is one of it, and what was written through it stays, also when the layer has the folder later.
#[test]
fn links_of_the_image_are_followed() {
    let lower = || layer(&[folder("real"), file("real/a", "a"), symlink("etc", "real")]);
    let wanted = ["etc -> real", "real/", "real/a: a", "real/b: B", "real/sub/", "real/sub/c: C"];
    let upper = [
        vec![file("etc/b", "B"), folder("etc/sub"), file("etc/sub/c", "C")],
        vec![file("etc/b", "B"), file("etc/sub/c", "C"), folder("etc/sub"), folder("etc")],
    ];
    for entries in upper {
        let (fresh, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        crate::images::unpack(&[lower(), layer(&entries)], &fresh.path().join("image")).unwrap();
        assert_eq!(tree(&fresh.path().join("image")), wanted);
        link("elsewhere", ours.path().join("etc")).unwrap();
        over(&[lower(), layer(&entries)], ours.path(), None).unwrap();
        assert_eq!(tree(ours.path()), wanted);
    }
    // Where the folder comes first, it is in the place of the link, as ever; so it is where the layer has the link itself.
    for layers in [
        vec![lower(), layer(&[folder("etc"), file("etc/b", "B")])],
        vec![layer(&[folder("real"), file("real/a", "a"), symlink("etc", "real"), folder("etc"), file("etc/b", "B")])],
    ] {
        let into = tempfile::tempdir().unwrap();
        crate::images::unpack(&layers, &into.path().join("image")).unwrap();
        assert_eq!(tree(&into.path().join("image")), ["etc/", "etc/b: B", "real/", "real/a: a"]);
    }
    // A file of the image is not a folder, and what was there before is nothing that it could be.
    let ours = ground(&|etc| link("real", etc).unwrap());
    for layers in [
        vec![layer(&[file("etc", ""), file("etc/b", "")])],
        vec![layer(&[file("etc", "")]), layer(&[file("etc/b", "")])],
    ] {
        fails(over(&layers, ours.path(), None), Code::InvalidManifest, "'etc' is not a folder");
    }
}

/// Neither removes an image anything through links that it does not have, nor does it share files behind them.
#[test]
fn links_that_were_there_lead_nowhere() {
    let before = ["etc -> real", "real/", "real/b: mine", "real/mine: mine"];
    for entry in [file("etc/.wh.b", ""), file("etc/.wh..wh..opq", "")] {
        let ours = ground(&|etc| link("real", etc).unwrap());
        over(&[layer(&[entry])], ours.path(), None).unwrap();
        assert_eq!(tree(ours.path()), before);
    }
    let ours = ground(&|etc| link("real", etc).unwrap());
    fails(over(&[layer(&[hard("h", "etc/b")])], ours.path(), None), Code::InvalidManifest, "is not there");
    assert_eq!(tree(ours.path()), before);
}

/// A link that has the owner which the image gives it is the image's.
#[test]
fn links_with_other_owners_are_followed_in_their_own_image() {
    let shared = raw(b"tmp", tar::EntryType::Directory, b"", 0o1777, b"");
    let owned = |entry: Vec<u8>| [pax(&[("uid", "65534")]), entry].concat();
    let lower = layer(&[shared, folder("tmp/real"), owned(symlink("tmp/l", "real"))]);
    let store = Memory::new(&[lower, layer(&[file("tmp/l/f", "f")])]);
    let into = tempfile::tempdir().unwrap();
    let (client, image) = (client(), into.path().join("image"));
    match extract(&call(&client), &store, &image, &ExtractOptions { owner: true, ..Default::default() }) {
        Err(error) if error.code() == Code::InvalidArgument => return,
        outcome => drop(outcome.unwrap()),
    }
    assert_eq!(tree(&image), ["tmp/", "tmp/l -> real", "tmp/real/", "tmp/real/f: f"]);
    assert_eq!(fs::symlink_metadata(image.join("tmp/l")).unwrap().uid(), 65_534);
}

/// In a folder that all users may write to, with the links of another one.
#[test]
fn links_of_other_users_are_not_followed() {
    use std::os::unix::fs::{lchown, PermissionsExt as _};
    for paths in [None, Some(&["etc/b"][..])] {
        let ours = ground(&|etc| link("real", etc).unwrap());
        fs::set_permissions(ours.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        if lchown(ours.path().join("etc"), Some(65_534), None).is_err() {
            return;
        }
        over(&[layer(&[file("etc/b", "B")])], ours.path(), paths).unwrap();
        assert_eq!(tree(ours.path()), ["etc/", "etc/b: B", "real/", "real/b: mine", "real/mine: mine"]);
    }
}
