//! An image of a source whose tags are known: what is kept under tags made of its digest is asked for only if there is such a tag.

use std::collections::HashSet;

use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::platform::Platform;
use crate::reference::Repository;
use crate::store::{digest_tags, NamedImage, RawManifest, ReadStore};
use crate::stream::blob::Blob;

pub(super) struct ListedSource<'a> {
    pub(super) from: Box<dyn ReadStore>,
    /// Nothing else is wanted of it, whatever its name refers to meanwhile.
    pub(super) exactly: Option<&'a Digest>,
    pub(super) digest_tags: Option<&'a HashSet<String>>,
}

impl ListedSource<'_> {
    fn checked(&self, root: RawManifest) -> Result<RawManifest> {
        match self.exactly {
            Some(wanted) if wanted != root.digest() => {
                let message = format!(
                    "what the destination has, {wanted}, is damaged and not replaced, because {} has other content: {}",
                    self.place(),
                    root.digest()
                );
                Err(Error::new(Code::DigestMismatch, message))
            }
            _ => Ok(root),
        }
    }
}

impl ReadStore for ListedSource<'_> {
    fn place(&self) -> String {
        self.from.place()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        self.checked(self.from.root(call)?)
    }

    fn root_for(&self, call: &Call, platforms: &[Platform]) -> Result<RawManifest> {
        self.checked(self.from.root_for(call, platforms)?)
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        self.from.manifest(call, wanted)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        self.from.open(call, wanted, hashed)
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.from.size(call, digest)
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.from.referrers(call, subject)
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        match self.digest_tags {
            Some(known) if !digest_tags(subject).iter().any(|tag| known.contains(tag)) => Ok(Vec::new()),
            _ => self.from.digest_tags(call, subject),
        }
    }

    fn images(&self, call: &Call) -> Result<Vec<NamedImage>> {
        self.from.images(call)
    }

    fn listed_names(&self, call: &Call, digests: bool) -> Result<Vec<(String, Option<Digest>)>> {
        self.from.listed_names(call, digests)
    }

    fn repository(&self) -> Option<&Repository> {
        self.from.repository()
    }

    fn repository_of(&self, blob: &Digest) -> Option<&Repository> {
        self.from.repository_of(blob)
    }
}
