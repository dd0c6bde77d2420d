//! The file system of an image as one archive, beside crane's: both unpacked by GNU tar.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocireg::image::append::{append, AppendOptions};
use ocireg::image::export::{export_file, ExportOptions};
use ocireg::image::files::{files, FilesOptions};
use ocireg::image::Scratch;
use ocireg::place::Place;
use ocireg::stream::pack::Compression;
use tar::EntryType::{self, Directory, Link, Regular, Symlink};

use super::{env, places};

pub type Entry = (EntryType, &'static str, &'static str, u32);

/// Files, folders and links in the place of one another; only what crane can do too.
pub const LAYERS: [&[Entry]; 4] = [
    &[
        (Directory, "bin/", "", 0o555),
        (Regular, "bin/box", "box", 0o4755),
        (Link, "bin/ls", "bin/box", 0o755),
        (Link, "bin/cp", "bin/ls", 0o755),
        (Directory, "etc/", "", 0o755),
        (Regular, "etc/passwd", "old", 0o644),
        (Regular, "etc/gone", "gone", 0o644),
        (Directory, "opt/", "", 0o755),
        (Regular, "opt/a", "a", 0o600),
        (Directory, "opt/below/", "", 0o700),
        (Regular, "opt/below/b", "b", 0o600),
        (Directory, "turned/", "", 0o755),
        (Regular, "turned/x", "x", 0o644),
        (Symlink, "link", "etc/passwd", 0o777),
    ],
    &[
        (Directory, "etc/", "", 0o750),
        (Regular, "etc/passwd", "new", 0o640),
        (Regular, "etc/.wh.gone", "", 0o644),
        (Directory, "opt/", "", 0o711),
        (Regular, "opt/.wh.below", "", 0o644),
        (Regular, "opt/new", "new", 0o644),
    ],
    &[(Regular, "turned", "a file now", 0o644), (Regular, ".wh.link", "", 0o644), (Directory, "empty/", "", 0o1777)],
    &[(Regular, "etc/gone", "back", 0o600), (Symlink, "link", "/bin/box", 0o777)],
];

pub fn written(path: &Path, entries: &[Entry]) {
    let mut tar = tar::Builder::new(std::fs::File::create(path).unwrap());
    for (kind, name, more, mode) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        header.set_mtime(1_700_000_000);
        header.set_uid(1000);
        header.set_gid(100);
        let content = if *kind == Regular { more.as_bytes() } else { b"" };
        header.set_size(content.len() as u64);
        if matches!(kind, Link | Symlink) {
            tar.append_link(&mut header, name, more).unwrap();
        } else {
            tar.append_data(&mut header, name, content).unwrap();
        }
    }
    tar.finish().unwrap();
}

fn run(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Each path with its kind and permissions, owner, time, content, and how many names share it.
pub type Tree = BTreeMap<PathBuf, (u32, u32, i64, Vec<u8>, u64)>;

/// What GNU tar makes of an archive in a new folder.
pub fn unpacked(tar: &str, into: &str) -> Tree {
    std::fs::create_dir(into).unwrap();
    run("tar", &["--same-owner", "--delay-directory-restore", "-xpf", tar, "-C", into]);
    tree(Path::new(into))
}

/// What is in a folder.
pub fn tree(root: &Path) -> Tree {
    fn walk(root: &Path, folder: &Path, found: &mut Tree) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let facts = std::fs::symlink_metadata(&path).unwrap();
            let content = match facts.file_type() {
                kind if kind.is_symlink() => std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                kind if kind.is_file() => std::fs::read(&path).unwrap(),
                _ => Vec::new(),
            };
            let links = if facts.is_file() { facts.nlink() } else { 1 };
            let name = path.strip_prefix(root).unwrap().to_owned();
            found.insert(name, (facts.mode(), facts.uid(), facts.mtime(), content, links));
            if facts.is_dir() {
                walk(root, &path, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

#[test]
fn archives_unpack_as_cranes_do() {
    let folder = tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let layers: Vec<String> = (0..LAYERS.len()).map(|number| at(&format!("{number}.tar"))).collect();
    layers.iter().zip(LAYERS).for_each(|(path, entries)| written(Path::new(path), entries));
    for (number, place) in places().into_iter().enumerate() {
        let client = place.client();
        let call = client.call(None).unwrap();
        let name = format!("{}/image/exported:{number}", place.host);
        for compression in [Compression::Gzip, Compression::Zstd] {
            let to = Place::parse(&name).unwrap().destination(&client).unwrap();
            let compression = Some(compression);
            let options = AppendOptions { layers: layers.clone(), compression, ..AppendOptions::default() };
            append(&call, &Scratch::new(None).unwrap(), to.as_ref(), &options).unwrap();
            let store = Place::parse(&name).unwrap().source(&client).unwrap();
            let (ours, theirs) = (at("ours.tar"), at("theirs.tar"));
            let done = export_file(&call, store.as_ref(), Path::new(&ours), &ExportOptions::default()).unwrap();
            assert!(done.layers.iter().all(|layer| layer.diff_id_checked));
            place.crane(&["export", &name, &theirs]);
            let (mine, other) = (unpacked(&ours, &at("ours")), unpacked(&theirs, &at("theirs")));
            assert_eq!(mine, other);
            // GNU tar, and the list of files, know the same names.
            let mut names: Vec<String> = run("tar", &["-tf", &ours]).lines().map(str::to_owned).collect();
            names.sort();
            let listed = files(&call, store.as_ref(), &FilesOptions::default()).unwrap().files;
            let slash = |kind: &str| if kind == "directory" { "/" } else { "" };
            let mut known: Vec<_> =
                listed.iter().map(|file| format!("{}{}", &file.path[1..], slash(file.kind))).collect();
            known.sort();
            assert_eq!(names, known);
            assert_eq!(std::fs::read_to_string(folder.path().join("ours/etc/gone")).unwrap(), "back");
            for into in ["ours", "theirs"] {
                std::fs::remove_dir_all(at(into)).unwrap();
            }
        }
    }
}
