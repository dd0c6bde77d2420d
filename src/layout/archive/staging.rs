//! The contents of an archive are collected here before it is written.

use super::spooled_blobs::SpooledBlobs;
use super::staging_folder::StagingFolder;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::Descriptor;
use crate::store::{unchangeable, Moved, PromisedBlob, RawManifest, ReadStore, TakenBlob};
use crate::stream::blob::Blob;
use crate::stream::source::Source;

/// Where contents are staged: for a file, where the next copy can continue, or for a pipe.
#[derive(Debug)]
pub(super) enum Staging {
    /// A folder beside the file.
    StagingFolder(StagingFolder),
    /// A file without a name.
    Spooled(SpooledBlobs),
}

impl Staging {
    /// Stores a blob. An existing one is kept if its digest is right.
    pub(super) fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        match self {
            Staging::StagingFolder(folder) => folder.put_blob(call, wanted, from),
            Staging::Spooled(waiting) => waiting.put_blob(call, wanted, from),
        }
    }

    /// Stores a manifest.
    pub(super) fn put_manifest(&self, call: &Call, content: &RawManifest) -> Result<()> {
        match self {
            Staging::StagingFolder(folder) => folder.put_manifest(call, content),
            Staging::Spooled(waiting) => waiting.put_manifest(content),
        }
    }

    /// Takes a blob of a caller; what is staged for a pipe takes none.
    pub(super) fn take_blob(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        match self {
            Staging::StagingFolder(folder) => folder.take_blob(call, source, promised),
            Staging::Spooled(_) => Err(unchangeable("a pipe")),
        }
    }

    /// Leaves what is staged for the next copy, and nothing if that is nothing.
    pub(super) fn leave(self) {
        if let Staging::StagingFolder(folder) = self {
            folder.leave();
        }
    }

    /// Waits until all blobs that have come have their names.
    pub(super) fn settle_blobs(&self, call: &Call) -> Result<()> {
        match self {
            Staging::StagingFolder(folder) => folder.settle_blobs(call),
            Staging::Spooled(_) => Ok(()),
        }
    }

    /// The first bytes of a blob, as they are.
    pub(super) fn head(&self, digest: &Digest) -> Result<Vec<u8>> {
        match self {
            Staging::StagingFolder(folder) => folder.head(digest),
            Staging::Spooled(waiting) => waiting.head(digest),
        }
    }

    /// Called when everything has been put.
    pub(super) fn settle(&self, call: &Call) -> Result<()> {
        match self {
            Staging::StagingFolder(folder) => folder.settle(call),
            Staging::Spooled(_) => Ok(()),
        }
    }

    /// Reads a small blob.
    pub(super) fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        match self {
            Staging::StagingFolder(folder) => folder.small(digest),
            Staging::Spooled(waiting) => waiting.small(digest),
        }
    }

    /// The size of a blob, if it is there.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        match self {
            Staging::StagingFolder(folder) => folder.size(digest),
            Staging::Spooled(waiting) => waiting.size(digest),
        }
    }

    /// Opens a blob, which is verified as it is read.
    pub(super) fn open_blob(&self, call: &Call, wanted: &Descriptor) -> Result<Box<dyn Blob>> {
        match self {
            Staging::StagingFolder(folder) => folder.open_blob(call, wanted),
            Staging::Spooled(waiting) => waiting.open_blob(call, wanted),
        }
    }

    /// Removes a blob if its bytes are wrong, so that the next copy fetches it again. They may be right, and a manifest wrong about them.
    pub(super) fn remove_wrong(&self, call: &Call, digest: &Digest) -> Result<()> {
        match self {
            Staging::StagingFolder(folder) => folder.remove_wrong(call, digest),
            Staging::Spooled(_) => Ok(()),
        }
    }

    /// Removes a blob.
    pub(super) fn remove(&self, digest: &Digest) -> Result<()> {
        match self {
            Staging::StagingFolder(folder) => folder.remove(digest),
            Staging::Spooled(_) => Ok(()),
        }
    }

    /// Removes it when the archive is written. That is done then, so what cannot be removed is only told.
    pub(super) fn finish(self, call: &Call, shown: &str) {
        if let Staging::StagingFolder(folder) = self {
            if let Err(error) = folder.finish() {
                // A hook that refuses a warning does not undo it either.
                let _ = call.warn_of(shown, &format!("it is written, but {}", error.message()));
            }
        }
    }
}
