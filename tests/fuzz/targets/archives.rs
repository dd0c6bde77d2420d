//! Layouts, and archives of images.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ocireg::inside::{self, ArchiveFormat, ArchiveReader, TemporarySpace};
use ocireg::layout::check::check;
use ocireg::layout::oci::OciLayout;
use ocireg::store::ReadStore;
use ocireg::transfer::copy::{copy, CopyOptions};

use super::tar_script;
use crate::common::{digest, MANIFEST};
use crate::memory::Memory;
use crate::sandbox::{call_within, fit, fresh};

/// The image that the seeds name: a manifest with a config and a layer.
fn blobs() -> Vec<Vec<u8>> {
    let image = Memory::new(&[tar_script::archives(b"#f a content").remove(0)]);
    let mut all: Vec<Vec<u8>> = image.blobs.values().cloned().collect();
    let root = image.root(&call_within(1000)).unwrap();
    all.extend([root.bytes, MANIFEST.as_bytes().to_vec(), b"{}".to_vec()]);
    all
}

/// What is copied out of a place is whole: the copy has what its digests say.
fn copies(from: &dyn ReadStore, name: &'static str) {
    let (call, folder) = (call_within(900), fresh(name));
    let to = OciLayout::planned(&folder, Some("copy")).unwrap();
    if fit(copy(&call, from, &to, &CopyOptions::default())).is_some() {
        let to = OciLayout::open(&folder, None).unwrap();
        let result = check(&call, &to).unwrap();
        assert!(result.ok && result.problems.is_empty() && result.images == 1, "{:?}", result.problems);
    }
}

/// A layout with those blobs.
fn layout() -> &'static Path {
    static LAYOUT: OnceLock<PathBuf> = OnceLock::new();
    LAYOUT.get_or_init(|| {
        let folder = fresh("layout");
        std::fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        for blob in blobs() {
            std::fs::write(folder.join("blobs/sha256").join(digest(&blob).hex()), blob).unwrap();
        }
        folder
    })
}

/// An index is read, checked and copied from, and a change that changes nothing leaves its entries.
pub fn layout_index(bytes: &[u8]) {
    let (folder, call) = (layout(), call_within(900));
    std::fs::write(folder.join("index.json"), bytes).unwrap();
    for name in [None, Some("v1")] {
        let Some(layout) = fit(OciLayout::open(folder, name)) else { continue };
        let entries = fit(layout.entries());
        fit(check(&call, &layout));
        if fit(layout.root(&call)).is_some() {
            copies(&layout, "layout-copy");
        }
        if fit(inside::rewrite_index(&layout, &call)).is_some() {
            let after = fit(layout.entries()).map(|entries| serde_json::to_string(&entries).unwrap());
            assert_eq!(after, entries.map(|entries| serde_json::to_string(&entries).unwrap()));
        }
    }
}

/// Archives of both kinds, of `docker save` and of layouts.
pub fn saved_archive(bytes: &[u8]) {
    let path = fresh("archive").join("image.tar");
    std::fs::write(&path, &tar_script::archives(bytes)[0]).unwrap();
    for form in [ArchiveFormat::Docker, ArchiveFormat::Oci] {
        for name in [None, Some("app:v1")] {
            let call = call_within(900);
            let archive = ArchiveReader::new(&path, None, form, name, TemporarySpace::new(None, 64 << 20));
            fit(archive.images(&call));
            if fit(archive.root(&call)).is_some() {
                copies(&archive, "archive-copy");
            }
        }
    }
}

/// Every entry is within the archive, and its path leads down only.
pub fn tar(bytes: &[u8]) {
    for archive in tar_script::archives(bytes) {
        let Some(entries) = fit(inside::tar_entries(&archive, 1 << 20)) else { continue };
        for entry in entries {
            let mut parts = entry.path.split(|byte| *byte == b'/');
            assert!(entry.path.is_empty() || parts.all(|part| !matches!(part, b"" | b"." | b"..")), "{:?}", entry.path);
            assert!(!entry.is_file || entry.read == entry.size.min(1 << 20) || entry.size > 1 << 20);
            assert!(!entry.path.contains(&0));
        }
    }
}
