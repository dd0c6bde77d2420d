//! Which repositories have which blobs, as a client learned while it worked: blobs may be mounted from there.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::digest::Digest;
use crate::sync::lock;

/// More blobs than this are not remembered.
const MOST_BLOBS: usize = 50_000;

#[derive(Debug, Default)]
pub(crate) struct MountHints {
    blobs: Mutex<HashMap<(String, Digest), String>>,
}

impl MountHints {
    /// Remembers that a repository of a host has a blob.
    pub(crate) fn learn_blob(&self, host: &str, digest: &Digest, repository: &str) {
        let mut blobs = lock(&self.blobs);
        if blobs.len() < MOST_BLOBS {
            blobs.insert((host.to_owned(), digest.clone()), repository.to_owned());
        }
    }

    /// A repository of a host that had a blob.
    pub(crate) fn repository_of(&self, host: &str, digest: &Digest) -> Option<String> {
        lock(&self.blobs).get(&(host.to_owned(), digest.clone())).cloned()
    }
}
