//! Manifests and blobs that were made here, as a place to copy from; over another place, where they are only what is new in it.

use std::collections::HashMap;

use super::{RawManifest, ReadStore};
use crate::call::Call;
use crate::descriptor::Descriptor;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::reference::Repository;
use crate::stream::blob::Blob;
use crate::stream::local_bytes::LocalBytes;

pub(crate) struct LocalStore<'a> {
    /// What messages call it where it is over nothing.
    name: &'static str,
    below: Option<&'a dyn ReadStore>,
    root: RawManifest,
    manifests: HashMap<Digest, RawManifest>,
    blobs: HashMap<Digest, LocalBytes>,
}

impl<'a> LocalStore<'a> {
    /// Nothing but a manifest, to which blobs are added.
    pub(crate) fn new(name: &'static str, root: RawManifest) -> LocalStore<'a> {
        LocalStore { name, below: None, root, manifests: HashMap::new(), blobs: HashMap::new() }
    }

    /// What another place has, to which more is added.
    pub(crate) fn over(below: &'a dyn ReadStore, root: RawManifest) -> LocalStore<'a> {
        LocalStore { below: Some(below), ..LocalStore::new("", root) }
    }

    /// Makes this what the name refers to.
    pub(crate) fn set_root(&mut self, root: RawManifest) {
        self.root = root;
    }

    pub(crate) fn add_manifest(&mut self, content: RawManifest) {
        self.manifests.insert(content.digest().clone(), content);
    }

    pub(crate) fn add_blob(&mut self, digest: Digest, bytes: LocalBytes) {
        self.blobs.insert(digest, bytes);
    }

    fn below(&self, digest: &Digest) -> Result<&'a dyn ReadStore> {
        self.below.ok_or_else(|| Error::new(Code::MissingBlob, format!("{} has no {digest}", self.name)))
    }
}

impl ReadStore for LocalStore<'_> {
    fn place(&self) -> String {
        self.below.map_or_else(|| self.name.to_owned(), ReadStore::place)
    }

    fn root(&self, _: &Call) -> Result<RawManifest> {
        Ok(self.root.clone())
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        match self.manifests.get(&wanted.digest) {
            Some(content) => Ok(content.clone()),
            None => self.below(&wanted.digest)?.manifest(call, wanted),
        }
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        match self.blobs.get(&wanted.digest) {
            Some(bytes) => bytes.open(call, wanted, hashed),
            None => self.below(&wanted.digest)?.open(call, wanted, hashed),
        }
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.below(digest)?.size(call, digest)
    }

    /// What refers to a manifest below does not refer to what was made of it.
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    fn repository(&self) -> Option<&Repository> {
        self.below.and_then(ReadStore::repository)
    }
}
