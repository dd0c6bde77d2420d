//! An image as one archive: unpacked, it is what extracting leaves, for every image in images.rs, and for many that no tool would make.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ocireg::error::{Code, Error};
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::export::{export, export_file, ExportOptions, Exported};
use ocireg::image::extract::{extract, ExtractOptions};
use tar::EntryType;

use crate::common::*;
use crate::images::*;
use crate::memory::Memory;

pub fn archive(store: &Memory) -> Result<(Exported, Vec<u8>), Error> {
    let (client, mut out) = (client(), Vec::new());
    let exported = export(&call(&client), store, &mut out, &ExportOptions::default())?;
    assert_eq!(exported.size, out.len() as u64);
    Ok((exported, out))
}

/// By GNU tar, which with -P makes links at once: else those that lead out are made last, and change the times of their folders.
fn untar(bytes: &[u8], into: &Path, more: &[&str]) {
    std::fs::create_dir(into).unwrap();
    let mut command = Command::new("tar");
    command.args(["-xPpf", "-", "--no-same-owner", "-C"]).arg(into).args(more);
    let mut tar = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = tar.stdin.take().unwrap();
    let writing = std::thread::spawn({
        let bytes = bytes.to_vec();
        move || input.write_all(&bytes)
    });
    let outcome = tar.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    let said = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success() && said.is_empty(), "{said}");
}

/// What a folder holds: for each path its kind, permissions, time, content or target, and the first path that shares its inode.
type Tree = BTreeMap<PathBuf, (u32, u32, i64, Vec<u8>, PathBuf)>;

fn tree(root: &Path) -> Tree {
    fn walk(root: &Path, folder: &Path, found: &mut Tree, inodes: &mut BTreeMap<u64, PathBuf>) {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let facts = std::fs::symlink_metadata(&path).unwrap();
            let (kind, name) = (facts.mode() & nix::libc::S_IFMT, path.strip_prefix(root).unwrap().to_owned());
            let content = match kind {
                nix::libc::S_IFREG => std::fs::read(&path).unwrap(),
                nix::libc::S_IFLNK => std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                _ => facts.rdev().to_le_bytes().to_vec(),
            };
            let permissions = if kind == nix::libc::S_IFLNK { 0 } else { facts.mode() & 0o1777 };
            let first = inodes.entry(facts.ino()).or_insert_with(|| name.clone()).clone();
            let first = if kind == nix::libc::S_IFREG { first } else { PathBuf::new() };
            found.insert(name, (kind, permissions, facts.mtime(), content, first));
            if kind == nix::libc::S_IFDIR {
                walk(root, &path, found, inodes);
            }
        }
    }
    let mut found = Tree::new();
    walk(root, root, &mut found, &mut BTreeMap::new());
    found
}

/// What was extracted is in the archive, or both fail; only the archive knows no links between layers. Whether it was made.
#[track_caller]
pub fn compare(store: &Memory, into: &Path, failed: Option<&Error>, devices: bool) -> bool {
    let exported = archive(store);
    if failed.is_none() {
        compare_each(store, into);
    }
    match (failed, exported) {
        (Some(error), _) if matches!(error.code(), Code::Io | Code::LimitExceeded) => false,
        (Some(error), exported) => {
            let other = exported.err().unwrap_or_else(|| panic!("only extracting failed: {error}"));
            let unable = other.code() == Code::Unsupported && other.message().contains("newest layer first");
            assert!(unable || other.code() == error.code(), "{error}; {other}");
            false
        }
        (None, Err(other)) => {
            assert!(other.code() == Code::Unsupported && other.message().contains("newest layer first"), "{other}");
            false
        }
        (None, Ok((_, bytes))) => {
            let outer = tempfile::tempdir().unwrap();
            let folder = outer.path().join("image");
            untar(&bytes, &folder, &[]);
            let (mut there, mut here) = (tree(into), tree(&folder));
            compare_picked(store, &outer.path().join("picked"), &here, devices);
            if !devices {
                let plain = [nix::libc::S_IFREG, nix::libc::S_IFLNK, nix::libc::S_IFDIR];
                here.retain(|_, (kind, ..)| plain.contains(kind));
            }
            for (path, (kind, mode, time, ..)) in &mut here {
                // A folder that has no entry is as old as its extraction; on a disk it may have the permissions of one that its
                // layer hides.
                if let (nix::libc::S_IFDIR, 0o755, 0, Some(other)) = (*kind, *mode, *time, there.get_mut(path)) {
                    (other.1, other.2) = (0o755, 0);
                }
            }
            assert_eq!(here, there);
            true
        }
    }
}

/// What a pattern for all paths extracts is what is in the archive.
#[track_caller]
fn compare_picked(store: &Memory, into: &Path, archived: &Tree, devices: bool) {
    let mut wanted = archived.clone();
    if !devices {
        let plain = [nix::libc::S_IFREG, nix::libc::S_IFLNK, nix::libc::S_IFDIR];
        wanted.retain(|_, (kind, ..)| plain.contains(kind));
    }
    let client = client();
    let options = ExtractOptions { paths: Some(vec!["**".to_owned()]), devices, ..ExtractOptions::default() };
    match extract(&call(&client), store, into, &options) {
        Ok(_) => assert_eq!(tree(into), wanted),
        // An image without files has nothing that a pattern names.
        Err(error) => assert!(archived.is_empty() && error.code() == Code::NotFound, "{error}: {archived:?}"),
    }
}

/// Each name that a layer or the result has is read as it was extracted, or it is said that this cannot be told.
#[track_caller]
fn compare_each(store: &Memory, into: &Path) {
    let client = client();
    let mut paths: Vec<PathBuf> = tree(into).into_keys().collect();
    for layer in store.blobs.values() {
        let mut archive = tar::Archive::new(layer.as_slice());
        let named = archive.entries().unwrap().map_while(Result::ok);
        paths.extend(named.filter_map(|entry| Some(entry.path().ok()?.into_owned())));
    }
    paths.sort();
    paths.dedup();
    // Of many names some are enough.
    let step = paths.len().div_ceil(12).max(1);
    for path in paths.iter().step_by(step).filter_map(|path| path.to_str()).filter(|path| !path.contains(".wh.")) {
        let mut out = Vec::new();
        let outcome = cat(&call(&client), store, path, &mut out, &CatOptions::default());
        match (outcome, extracted_file(into, path)) {
            (Ok(_), Some(content)) => assert!(out == content, "{path}: {}", String::from_utf8_lossy(&out)),
            (Ok(_), None) => panic!("{path} is not there: {}", String::from_utf8_lossy(&out)),
            (Err(error), Some(_)) => assert_eq!(error.code(), Code::Unsupported, "{path}: {error}"),
            (Err(_), None) => {}
        }
    }
}

/// A regular file of an extracted image, behind its links: those of the image lead nowhere else than into the folder.
fn extracted_file(root: &Path, path: &str) -> Option<Vec<u8>> {
    let parts = |path: &str| path.split('/').rev().map(str::to_owned).collect::<Vec<_>>();
    let (mut waiting, mut here, mut links) = (parts(path), PathBuf::new(), 0);
    while let Some(part) = waiting.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => drop(here.pop()),
            _ => here.push(part),
        }
        let facts = std::fs::symlink_metadata(root.join(&here)).ok()?;
        if facts.is_symlink() {
            let target = std::fs::read_link(root.join(&here)).unwrap().to_str()?.to_owned();
            links += 1;
            here = if target.starts_with('/') || !here.pop() { PathBuf::new() } else { here };
            waiting.extend(parts(&target));
        } else if !facts.is_dir() {
            let is_it = links <= 40 && facts.is_file() && waiting.is_empty();
            return is_it.then(|| std::fs::read(root.join(&here)).unwrap());
        }
        if links > 40 {
            return None;
        }
    }
    None
}

fn names(bytes: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| String::from_utf8_lossy(&entry.unwrap().path_bytes()).into());
    entries.collect()
}

/// Numbers that are always the same.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % sides
    }

    fn folder(&mut self, links: bool) -> String {
        let depth = self.roll(3);
        let name = |dice: &mut Dice| match dice.roll(if links { 12 } else { 40 }) {
            0 => format!("f{}", dice.roll(3)),
            1 if links => format!("l{}", dice.roll(3)),
            _ => format!("d{}", dice.roll(3)),
        };
        (0..depth).map(|_| name(self) + "/").collect()
    }

    fn path(&mut self, links: bool) -> String {
        format!("{}f{}", self.folder(links), self.roll(4))
    }

    /// Entries with those of the folders above them, or mostly so.
    fn layer(&mut self, number: usize, links: bool, before: &mut Vec<String>) -> Vec<u8> {
        let mut entries = Vec::new();
        for count in 0..1 + self.roll(8) {
            let path = self.path(links);
            if self.roll(8) > 0 {
                let slashes: Vec<_> = path.match_indices('/').map(|(at, _)| at).collect();
                for at in slashes {
                    let mode = [0o755, 0o700, 0o555, 0o1777][self.roll(4)];
                    entries.push(raw(&path.as_bytes()[..at], EntryType::Directory, b"", mode, b""));
                }
            }
            let folder = path.rfind('/').map_or("", |at| &path[..=at]);
            entries.push(match self.roll(14) {
                0 => folder_entry(&format!("{folder}d{}", self.roll(3))),
                1 => symlink(&format!("{folder}l{}", self.roll(3)), ["d0", "/d1", "../d2", "f1"][self.roll(4)]),
                2 | 3 if !before.is_empty() => hard(&path, &before[self.roll(before.len())].clone()),
                4 | 5 => file(&format!("{folder}.wh.f{}", self.roll(4)), ""),
                6 => file(&format!("{folder}.wh.d{}", self.roll(3)), ""),
                7 => file(&format!("{folder}.wh..wh..opq"), ""),
                8 => symlink(&path, "f1"),
                9 => raw(path.as_bytes(), EntryType::Fifo, b"", 0o600, b""),
                _ => {
                    before.push(path.clone());
                    file(&path, &format!("layer {number} entry {count}"))
                }
            });
        }
        layer(&entries)
    }
}

fn folder_entry(name: &str) -> Vec<u8> {
    folder(name)
}

/// Names that come again and again, of folders, files and links in the place of one another.
#[test]
fn every_image_is_what_extracting_leaves() {
    let seeds = std::env::var("OCIREG_TEST_IMAGES").map_or(200, |count| count.parse().unwrap());
    let (mut made, mut unable, mut wrong) = (0, 0, 0);
    for seed in 1..=seeds {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let links = seed % 3 == 0;
        let mut before = Vec::new();
        let layers: Vec<_> = (0..1 + dice.roll(5)).map(|number| dice.layer(number, links, &mut before)).collect();
        let store = Memory::new(&layers);
        let outer = tempfile::tempdir().unwrap();
        let (client, into) = (client(), outer.path().join("image"));
        let options = ExtractOptions { devices: true, ..ExtractOptions::default() };
        let outcome = extract(&call(&client), &store, &into, &options);
        let failed = outcome.as_ref().err();
        let said = std::panic::catch_unwind(|| compare(&store, &into, failed, true));
        match said {
            Ok(true) => made += 1,
            Ok(false) if failed.is_none() => unable += 1,
            Ok(false) => wrong += 1,
            Err(panic) => {
                for (number, bytes) in layers.iter().enumerate() {
                    let mut archive = tar::Archive::new(bytes.as_slice());
                    for entry in archive.entries().unwrap().map(Result::unwrap) {
                        let kind = entry.header().entry_type();
                        println!("{number}: {kind:?} {:?} {:?}", entry.path().unwrap(), entry.link_name().unwrap());
                    }
                }
                println!("seed {seed}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!("{made} made, {unable} not possible, {wrong} wrong");
    assert!(made > seeds / 3 && unable < made / 5, "{made} made, {unable} not possible, {wrong} wrong");
}

/// What an archive says about its entries: a letter for the kind, the name, the target of a link or the content.
fn listed(bytes: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let (kind, mut content) = (entry.header().entry_type(), String::new());
        std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let link = entry.link_name_bytes().map(|link| String::from_utf8_lossy(&link).into_owned());
        match kind {
            EntryType::Directory => name,
            EntryType::Symlink => format!("{name} -> {}", link.unwrap()),
            EntryType::Link => format!("{name} = {}", link.unwrap()),
            EntryType::Regular => format!("{name}: {content}"),
            _ => format!("{name} {kind:?}"),
        }
    });
    entries.collect()
}

/// Layers, and the entries of the archive that they become; extracted, they are the same.
type LayersCase<'a> = (&'a str, Vec<Vec<u8>>, &'a [&'a str]);

fn become_one_archive(cases: &[LayersCase]) {
    for (name, layers, wanted) in cases {
        let store = Memory::new(layers);
        let (_, bytes) = archive(&store).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(listed(&bytes), *wanted, "{name}");
        let (outer, client) = (tempfile::tempdir().unwrap(), client());
        let into = outer.path().join("image");
        extract(&call(&client), &store, &into, &ExtractOptions::default()).unwrap();
        assert!(compare(&store, &into, None, false), "{name}");
    }
}

#[test]
fn newer_layers_hide_what_older_ones_have() {
    let one = |entries: &[Vec<u8>]| layer(entries);
    become_one_archive(&[
        ("replaced", vec![one(&[file("a", "1"), file("b", "1")]), one(&[file("a", "2")])], &["a: 2", "b: 1"]),
        ("removed", vec![one(&[folder("d"), file("d/a", "1")]), one(&[folder("d"), file("d/.wh.a", "")])], &["d/"]),
        (
            "removed before it comes back",
            vec![one(&[file("a", "1")]), one(&[file("a", "2"), file(".wh.a", "")])],
            &["a: 2"],
        ),
        (
            "opaque",
            vec![
                one(&[folder("d"), file("d/a", "1")]),
                one(&[folder("d"), file("d/.wh..wh..opq", ""), file("d/b", "2")]),
            ],
            &["d/b: 2", "d/"],
        ),
        ("a folder gone", vec![one(&[folder("d"), file("d/a", "1")]), one(&[file(".wh.d", "")])], &[]),
        ("a folder replaced", vec![one(&[folder("d"), file("d/a", "1")]), one(&[file("d", "2")])], &["d: 2"]),
        (
            "a file between two folders",
            vec![one(&[folder("d"), file("d/a", "1")]), one(&[file("d", "2")]), one(&[folder("d"), file("d/b", "3")])],
            &["d/b: 3", "d/"],
        ),
        (
            "a link in the place of a folder",
            vec![one(&[folder("d"), file("d/a", "1")]), one(&[symlink("d", "x")])],
            &["d -> x"],
        ),
        (
            "removed in an old layer only",
            vec![one(&[file("d/a", "1")]), one(&[file(".wh.d", "")]), one(&[file("d/b", "3")])],
            &["d/b: 3", "d/"],
        ),
        ("twice in one layer", vec![one(&[file("a", "1"), symlink("a", "b"), file("a", "2")])], &["a: 1", "a: 2"]),
        ("not clean", vec![one(&[file("/a//./b", "1"), folder("./")])], &["a/b: 1", "a/"]),
        (
            "through a link of its own",
            vec![one(&[folder("u"), symlink("l", "u"), file("l/x", "1")])],
            &["u/x: 1", "l -> u", "u/"],
        ),
    ]);
}

#[test]
fn hard_links_are_to_what_their_layer_had() {
    let one = |entries: &[Vec<u8>]| layer(entries);
    become_one_archive(&[
        ("hard link", vec![one(&[file("a", "1"), hard("b", "a")]), one(&[])], &["a: 1", "b = a"]),
        (
            "hard link whose target is replaced",
            vec![one(&[file("a", "1"), hard("b", "a"), hard("c", "b")]), one(&[file("a", "2")])],
            &["a: 2", "b: 1", "c = b"],
        ),
        (
            "hard link whose target is removed",
            vec![one(&[folder("d"), file("d/a", "1"), hard("b", "d/a")]), one(&[file(".wh.d", "")])],
            &["b: 1"],
        ),
        (
            "hard link to an older layer",
            vec![one(&[file("a", "1")]), one(&[hard("b", "a"), hard("c", "a")])],
            &["a: 1", "b = a", "c = b"],
        ),
        (
            "hard link to what its own layer replaces",
            vec![one(&[file("a", "1")]), one(&[hard("b", "a"), hard("c", "b"), file("a", "2")])],
            &["a: 2", "b: 1", "c = b"],
        ),
        (
            "hard link to a hard link of an older layer that is hidden",
            vec![
                one(&[file("a", "1"), hard("b", "a")]),
                one(&[hard("c", "b")]),
                one(&[file(".wh.a", ""), file(".wh.b", "")]),
            ],
            &["c: 1"],
        ),
        (
            "hard link to a link that is hidden",
            vec![one(&[symlink("a", "x"), hard("b", "a")]), one(&[file(".wh.a", "")])],
            &["b -> x"],
        ),
        ("hard link to itself", vec![one(&[file("a", "1"), hard("a", "a")])], &["a: 1"]),
    ]);
}

/// As by Docker, which has such folders from the days of aufs; but links to what is in them have it.
#[test]
fn what_is_for_the_tool_that_wrote_a_layer_is_left_out() {
    let private = [".wh..wh.plnk", ".wh..wh.plnk/d"].map(folder);
    let other =
        [file(".wh..wh.plnk/1.2", "1"), file(".wh..wh.orph/x", "2"), symlink("l", ".wh..wh.aufs"), file("l/y", "3")];
    let link = hard("a", ".wh..wh.plnk/1.2");
    let (_, bytes) = archive(&Memory::new(&[layer(&[private.concat(), other.concat(), link])])).unwrap();
    assert_eq!(listed(&bytes), ["l -> .wh..wh.aufs", "a: 1"]);
}

/// Refused with this error, and its message names this.
type Refusal = (&'static str, Vec<Vec<u8>>, Code, &'static str);

fn are_refused(cases: Vec<Refusal>) {
    for (name, layers, code, part) in cases {
        println!("{name}");
        fails(archive(&Memory::new(&layers)), code, part);
    }
}

#[test]
fn what_lies_below_a_file_or_an_older_link_is_refused() {
    let bad = Code::InvalidManifest;
    let marked = |last| layer(&[file("d/.wh.y", ""), last]);
    are_refused(vec![
        ("through a link", vec![layer(&[symlink("l", "u")]), layer(&[file("l/x", "")])], Code::Unsupported, "'l'"),
        ("removed", vec![layer(&[symlink("l", "u")]), layer(&[file("l/.wh.x", "")])], Code::Unsupported, "'l'"),
        (
            "removed behind one that has a mark first",
            vec![marked(symlink("d", "u")), layer(&[file("d/.wh.x", "")])],
            Code::Unsupported,
            "'d'",
        ),
        ("a folder turned", vec![layer(&[file("d/a", ""), file("d", "")])], Code::Unsupported, "'d'"),
        ("in its own file", vec![layer(&[file("f", ""), file("f/x", "")])], bad, "'f'"),
        ("in an older file", vec![layer(&[file("f", "")]), layer(&[file("f/x", "")])], bad, "'f'"),
        (
            "in an older file, with only marks between",
            vec![layer(&[file("d", "")]), layer(&[file("d/.wh.x", "")]), layer(&[file("d/f", "")])],
            bad,
            "'d'",
        ),
        ("in one that has a mark first", vec![marked(file("d", "")), layer(&[file("d/f", "")])], bad, "'d'"),
    ]);
}

#[test]
fn what_cannot_be_told_is_refused() {
    let bad = Code::InvalidManifest;
    are_refused(vec![
        ("in a folder with the name of a whiteout", vec![layer(&[file(".wh.etc/f", "")])], bad, "'.wh.etc/f'"),
        ("that behind a link", vec![layer(&[symlink("l", ".wh.etc"), file("l/f", "")])], bad, "'.wh.etc/f'"),
        ("a folder in one", vec![layer(&[folder("d/.wh.x/y")])], bad, "'d/.wh.x/y'"),
        ("a hard link in one", vec![layer(&[file("a", ""), hard(".wh.x/y", "a")])], bad, "'.wh.x/y'"),
        ("a wrong whiteout", vec![layer(&[file(".wh.", "")])], bad, ".wh."),
        ("a link to nothing", vec![layer(&[]), layer(&[hard("b", "a")])], bad, "'a'"),
        ("a link to a folder", vec![layer(&[folder("a")]), layer(&[hard("b", "a")])], bad, "'a'"),
        (
            "a link to what was removed",
            vec![layer(&[file("a", "")]), layer(&[file(".wh.a", ""), hard("b", "a")])],
            bad,
            "'a'",
        ),
        ("out of the root", vec![layer(&[file("../x", "")])], bad, ".."),
        (
            "a sparse file without a size",
            vec![layer(&[pax(&[("GNU.sparse.major", "1")]), file("s", "")])],
            bad,
            "sparse",
        ),
    ]);
}

/// Everything that a layer says about a file is in the archive.
#[test]
fn attributes_are_kept() {
    let long = "n".repeat(150);
    let records = [
        ("path", long.as_str()),
        ("mtime", "1234567890.25"),
        ("SCHILY.xattr.user.colour", "red = \u{1f600}"),
        ("uname", "somebody"),
        ("uid", "3000000"),
    ];
    let layers = [layer(&[
        pax(&records),
        raw(b"x", EntryType::Regular, b"", 0o4711, b"text"),
        pax(&[("SCHILY.xattr.trusted.f", "1")]),
        raw(b"d", EntryType::Directory, b"", 0o3770, b""),
        raw(b"c", EntryType::Char, b"", 0o640, b""),
    ])];
    let (exported, bytes) = archive(&Memory::new(&layers)).unwrap();
    assert_eq!((exported.files, exported.directories, exported.devices, exported.bytes), (1, 1, 1, 4));
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let extended: Vec<String> = match entry.pax_extensions().unwrap() {
            None => Vec::new(),
            Some(all) => all
                .map(|one| one.unwrap())
                .map(|one| format!("{}={}", one.key().unwrap(), one.value().unwrap()))
                .collect(),
        };
        let header = entry.header();
        assert_eq!(header.username().unwrap().unwrap_or_default(), "");
        found.insert(name, (header.mode().unwrap(), header.device_minor().ok().flatten(), extended));
    }
    let kept = ["path", "uid", "SCHILY.xattr.user.colour", "mtime"];
    let (mode, _, extended) = &found[&long];
    assert_eq!(*mode, 0o4711);
    assert_eq!(extended.iter().map(|one| one.split_once('=').unwrap().0).collect::<Vec<_>>(), kept);
    assert!(extended.contains(&"SCHILY.xattr.user.colour=red = \u{1f600}".to_owned()), "{extended:?}");
    assert!(extended.contains(&"mtime=1234567890.25".to_owned()) && extended.contains(&"uid=3000000".to_owned()));
    assert_eq!(found["d/"], (0o3770, None, vec!["SCHILY.xattr.trusted.f=1".to_owned()]));
    assert_eq!((found["c"].0, found["c"].1), (0o640, Some(3)));
}

/// Wrong bytes are found at the end of their layer: what was written has no end, and a file does not appear.
#[test]
fn what_is_not_verified_is_never_whole() {
    let big = String::from_utf8(noise(1 << 20).iter().map(|byte| b'a' + byte % 26).collect()).unwrap();
    let layers = [layer(&[file("old", &big)]), layer(&[file("new", &big)])];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    std::fs::write(&path, "before").unwrap();
    for wrong in 0..2 {
        let mut store = Memory::new(&layers);
        let mut bytes = layers[wrong].clone();
        bytes[600] ^= 1;
        store.blobs.insert(digest(&layers[wrong]), bytes);
        let (client, mut out) = (client(), Vec::new());
        let error = export(&call(&client), &store, &mut out, &ExportOptions::default()).unwrap_err();
        assert_eq!(error.code(), Code::DigestMismatch);
        assert!(out.len() > 700 << 10, "it is streamed");
        assert_ne!(out[out.len() - 1024..], [0; 1024], "it has no end");
        fails(export_file(&call(&client), &store, &path, &ExportOptions::default()), Code::DigestMismatch, "");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left");
    }
    let (client, store) = (client(), Memory::new(&layers));
    let done = export_file(&call(&client), &store, &path, &ExportOptions::default()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!((done.size, done.path.as_deref()), (bytes.len() as u64, path.to_str()));
    assert_eq!(names(&bytes), ["new", "old"]);
    // A disk that is full.
    let full = Path::new("/dev/full");
    let error = fails(export_file(&call(&client), &store, full, &ExportOptions::default()), Code::Io, "");
    assert_eq!(error.to_json()["errno"], nix::libc::ENOSPC);
}

/// A writer that fails, as the other end of a pipe does.
#[test]
fn a_writer_may_fail() {
    struct Narrow(usize);
    impl std::io::Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let store = Memory::new(&[layer(&[file("a", &"x".repeat(900_000))])]);
    let client = client();
    fails(export(&call(&client), &store, &mut Narrow(600_000), &ExportOptions::default()), Code::Io, "archive");
}
