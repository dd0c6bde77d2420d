//! A packed folder of an artifact, unpacked where it waits: nothing of it is seen before all of it is there and verified, and nothing in
//! it leads out of it.

use std::path::Path;

use super::file_choice::WantedFile;
use super::file_title::is_where_files_wait;
use super::pull_staging::PullStaging;
use super::unpacked_folder;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::disk_tree::{DiskTree, PreservedAttributes};
use crate::image::layer::{UnpackLimits, UnpackedAmount, UnpackedLayer};
use crate::image::marks::LayerEntries;
use crate::os::open_folder::path_of;
use crate::os::special_file::open_regular;
use crate::stream::blob::VerifiedBlob;
use crate::tar::names::{is_within, shown};
use crate::tar::{EntryKind, TarEntry};

/// Unpacks a blob of the waiting room into a folder there, in which the title's own folder is then. Returns how many bytes that were.
pub(super) fn unpack(
    call: &Call,
    room: &PullStaging,
    (name, tree): (&str, &str),
    file: &WantedFile,
    expected: Option<&Digest>,
    limits: UnpackLimits,
) -> Result<UnpackedAmount> {
    room.remove(call, tree)?;
    let packed = room.path_of(name);
    let opened =
        open_regular(&packed).map_err(|error| Error::io(format!("cannot read {}", packed.display()), &error))?;
    let blob = VerifiedBlob::new(opened, call, packed.display().to_string(), &file.descriptor, None);
    let within = |error: Error| error.within(format!("the folder '{}'", shown(file.title.as_bytes())));
    let layer = UnpackedLayer::of(call, Box::new(blob), &file.descriptor.digest, 0, limits).map_err(within)?;
    let mut entries = LayerEntries::new(layer);
    fill(call, &room.path_of(tree), &mut entries, file.path.as_bytes()).map_err(within)?;
    let whole = unpacked_folder::open(room.folder(), tree)?;
    unpacked_folder::check_links(call, &whole, file.path.as_bytes()).map_err(within)?;
    let found = entries.source().finish().map_err(within)?;
    match expected {
        Some(expected) if expected.algorithm() == found.algorithm() && *expected != found => {
            let message = format!("its tar has the digest {found}, the artifact says {expected}");
            Err(within(Error::new(Code::DigestMismatch, message)))
        }
        _ => Ok(entries.source().unpacked()),
    }
}

fn fill(call: &Call, tree: &Path, entries: &mut LayerEntries, root: &[u8]) -> Result<()> {
    let mut disk = DiskTree::open(call, tree, false, PreservedAttributes::default())?;
    while let Some(entry) = entries.advance()? {
        call.check()?;
        check(&entry, root)?;
        disk.make(&entry, &mut |buffer| entries.read(buffer))?;
    }
    disk.finish()?;
    // A folder without an entry of its own is one, too. Nothing but folders can be on its path.
    let own = tree.join(path_of(root));
    std::fs::create_dir_all(&own).map_err(|error| Error::io(format!("cannot make {}", own.display()), &error))
}

/// Everything is in the title's own folder.
fn check(entry: &TarEntry, root: &[u8]) -> Result<()> {
    let outside = |path: &[u8]| path != root && !is_within(path, root);
    let wrong = |why: &str| Err(Error::new(Code::InvalidManifest, format!("'{}' {why}", shown(&entry.path))));
    match &entry.kind {
        _ if outside(&entry.path) => wrong("is outside of the folder"),
        _ if is_where_files_wait(&entry.path) => wrong("has a name that is reserved for temporary files"),
        EntryKind::HardLink(target) if outside(target) => wrong("is a link that leads out of the folder"),
        kind if entry.path == root && *kind != EntryKind::Directory => wrong("is not a folder"),
        _ => Ok(()),
    }
}
