//! Layers that are extracted, and compressed streams.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::inside;

use super::tar_script;
use crate::memory::Memory;
use crate::sandbox::{call_within, fit, folder};

/// What an entry is, without its time of access.
type Seen = (u32, u64, u64, i64, i64, Vec<u8>);

/// Everything below a folder, but not below `except`.
fn snapshot(path: &Path, except: &Path, into: &mut BTreeMap<PathBuf, Seen>) {
    for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()) {
        if entry == except {
            continue;
        }
        let about = fs::symlink_metadata(&entry).unwrap();
        let content = match about.file_type() {
            kind if kind.is_file() => fs::read(&entry).unwrap(),
            kind if kind.is_symlink() => fs::read_link(&entry).unwrap().into_os_string().into_encoded_bytes(),
            _ => Vec::new(),
        };
        let is_folder = about.is_dir();
        // Of the folder that the image's folder is in only its own rights stay the same.
        let seen = match entry == except.parent().unwrap() {
            true => (about.mode(), 0, 0, 0, 0, content),
            false => (about.mode(), about.nlink(), about.size(), about.mtime(), about.mtime_nsec(), content),
        };
        into.insert(entry.clone(), seen);
        if is_folder {
            snapshot(&entry, except, into);
        }
    }
}

/// Files and folders beside the image's folder, and where [`tar_script::OUTSIDE`] leads.
fn surroundings(target: &Path) {
    for path in [folder().join("current/outside"), target.parent().unwrap().to_owned()] {
        fs::create_dir_all(path.join("folder")).unwrap();
        for name in ["file", "folder/file"] {
            if !path.join(name).exists() {
                fs::write(path.join(name), "untouched").unwrap();
            }
        }
        let _ = std::os::unix::fs::symlink("folder", path.join("link"));
    }
}

/// Nothing outside the folder changes, whatever the layers say, and nothing in it has more rights than were asked for.
pub fn extract_image(bytes: &[u8]) {
    let layers = tar_script::archives(bytes);
    let target = folder().join("around/below/image");
    remove(&target);
    surroundings(&target);
    let look = || {
        let mut seen = BTreeMap::new();
        for root in ["around", "current/outside"] {
            snapshot(&folder().join(root), &target, &mut seen);
        }
        seen
    };
    let before = look();
    let options = ExtractOptions { max_bytes: 4 << 20, ..ExtractOptions::default() };
    fit(extract(&call_within(900), &Memory::new(&layers), &target, &options));
    let after = look();
    assert!(before == after, "outside of the folder: {:#?}", changed(&before, &after));
    let mut made = BTreeMap::new();
    if target.exists() {
        snapshot(&target, Path::new("/none/none"), &mut made);
    }
    for (path, (mode, ..)) in made {
        assert!(
            mode & 0o6000 == 0 && matches!(mode & 0o170_000, 0o100_000 | 0o040_000 | 0o120_000),
            "{path:?} {mode:o}"
        );
    }
    remove(&target);
}

fn changed(before: &BTreeMap<PathBuf, Seen>, after: &BTreeMap<PathBuf, Seen>) -> Vec<PathBuf> {
    let all: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

/// Folders without rights too.
fn remove(path: &Path) {
    if fs::remove_dir_all(path).is_err() && path.exists() {
        let mut left = vec![path.to_owned()];
        while let Some(folder) = left.pop() {
            let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
            let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()).filter(|path| path.is_dir() && !path.is_symlink()));
        }
        fs::remove_dir_all(path).unwrap();
    }
}

/// gzip, zstd, xz and bzip2, detected from the bytes: never more than the limit.
pub fn unpack(bytes: &[u8]) {
    const MOST: u64 = 4 << 20;
    if let Some(size) = fit(inside::unpacked_size(&call_within(900), bytes, MOST)) {
        assert!(size <= MOST);
    }
}
