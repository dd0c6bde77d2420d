//! The contents of an archive for a pipe wait here until they are complete: in a file without a name, of which nothing is left however
//! the process ends.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::manifest::MOST_BYTES;
use crate::mutex::lock;
use crate::store::{Moved, RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::stream::spool::{Spool, SpoolItem, TemporarySpace};
use crate::stream::unpack::Packing;

/// Blobs and manifests by their digests, in a temporary file.
#[derive(Debug)]
pub(super) struct SpooledBlobs {
    spool: Arc<Spool>,
    items: Mutex<HashMap<Digest, SpoolItem>>,
}

impl SpooledBlobs {
    pub(super) fn new(space: &TemporarySpace) -> Result<SpooledBlobs> {
        Ok(SpooledBlobs { spool: space.spool()?, items: Mutex::default() })
    }

    /// Stores a blob.
    pub(super) fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        if self.size(&wanted.digest).is_some() {
            return Ok(Moved::Present);
        }
        let (mut blob, mut writer) = (from.open(call, wanted, None)?, self.spool.writer());
        while let Some(piece) = blob.piece()? {
            writer.write(&piece)?;
        }
        self.items().insert(wanted.digest.clone(), writer.finish());
        Ok(Moved::Copied { resumed: 0 })
    }

    /// Stores a manifest.
    pub(super) fn put_manifest(&self, content: &RawManifest) -> Result<()> {
        let mut writer = self.spool.writer();
        writer.write(&content.bytes)?;
        self.items().insert(content.digest().clone(), writer.finish());
        Ok(())
    }

    /// Reads a small blob.
    pub(super) fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.known(digest)?.read_from(0).take(MOST_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| Error::io("cannot read a temporary file", &error))?;
        Ok(bytes)
    }

    /// The size of a blob, if it is there.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        self.item(digest).map(|item| item.size())
    }

    /// The first bytes of a blob, as they are.
    pub(super) fn head(&self, digest: &Digest) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let read = self.known(digest)?.read_from(0).take(Packing::HEAD as u64).read_to_end(&mut head);
        read.map_err(|error| Error::io("cannot read a temporary file", &error))?;
        Ok(head)
    }

    /// Opens a blob, which is verified as it is read.
    pub(super) fn open_blob(&self, call: &Call, wanted: &Descriptor) -> Result<Box<dyn Blob>> {
        let item = self.known(&wanted.digest)?;
        let mut blob = VerifiedBlob::new(item.read_from(0), call, "a temporary file".to_owned(), wanted, None);
        blob.hash_aside();
        Ok(Box::new(blob))
    }

    fn known(&self, digest: &Digest) -> Result<SpoolItem> {
        let missing = || Error::new(Code::Internal, format!("the blob {digest} is not there"));
        self.item(digest).ok_or_else(missing)
    }

    fn item(&self, digest: &Digest) -> Option<SpoolItem> {
        self.items().get(digest).cloned()
    }

    fn items(&self) -> MutexGuard<'_, HashMap<Digest, SpoolItem>> {
        lock(&self.items)
    }
}
