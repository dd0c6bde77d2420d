//! What a client learned about hosts while it worked: which chunks they take, and which repositories have which blobs.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::digest::Digest;
use crate::sync::lock;

/// More blobs than this are not remembered.
const MOST_BLOBS: usize = 50_000;

/// The memory of a client.
#[derive(Debug, Default)]
pub(crate) struct MountHints {
    chunks: Mutex<HashMap<String, u64>>,
    blobs: Mutex<HashMap<(String, Digest), String>>,
}

impl MountHints {
    /// The largest chunk that a host is known to take.
    pub(crate) fn largest_chunk(&self, host: &str) -> u64 {
        lock(&self.chunks).get(host).copied().unwrap_or(u64::MAX)
    }

    /// A host takes chunks of this size, and refused larger ones.
    pub(crate) fn learn_largest_chunk(&self, host: &str, size: u64) {
        lock(&self.chunks).insert(host.to_owned(), size);
    }

    /// A repository of a host has a blob.
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
