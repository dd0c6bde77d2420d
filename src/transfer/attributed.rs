//! Marks every error with the side of a copy it came from.

use bytes::Bytes;

use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Result, Side};
use crate::manifest::Descriptor;
use crate::platform::Platform;
use crate::reference::Repository;
use crate::store::{RawManifest, ReadStore};
use crate::stream::blob::Blob;

/// A source whose errors are marked as the source's.
pub(crate) struct AttributedSource<'a>(pub &'a dyn ReadStore);

struct AttributedBlob(Box<dyn Blob>);

impl Blob for AttributedBlob {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.0.piece().map_err(|error| error.with_side(Side::Source))
    }

    fn begins_anew(&self) -> bool {
        self.0.begins_anew()
    }

    fn hashed(&self) -> Option<(Hasher, u64)> {
        self.0.hashed()
    }

    fn hash_aside(&mut self) {
        self.0.hash_aside();
    }

    fn leave_to_receiver(&mut self) -> bool {
        self.0.leave_to_receiver()
    }
}

impl ReadStore for AttributedSource<'_> {
    fn place(&self) -> String {
        self.0.place()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        self.0.root(call).map_err(|error| error.with_side(Side::Source))
    }

    fn root_for(&self, call: &Call, platforms: &[Platform]) -> Result<RawManifest> {
        self.0.root_for(call, platforms).map_err(|error| error.with_side(Side::Source))
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        self.0.manifest(call, wanted).map_err(|error| error.with_side(Side::Source))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        match self.0.open(call, wanted, hashed) {
            Ok(blob) => Ok(Box::new(AttributedBlob(blob))),
            Err(error) => Err(error.with_side(Side::Source)),
        }
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.0.size(call, digest).map_err(|error| error.with_side(Side::Source))
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.0.referrers(call, subject).map_err(|error| error.with_side(Side::Source))
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        self.0.digest_tags(call, subject).map_err(|error| error.with_side(Side::Source))
    }

    fn repository(&self) -> Option<&Repository> {
        self.0.repository()
    }

    fn repository_of(&self, blob: &Digest) -> Option<&Repository> {
        self.0.repository_of(blob)
    }
}
