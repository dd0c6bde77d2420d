//! Which repositories have which blobs, as a client learned while it worked: blobs may be mounted from there.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::mutex::lock;

/// More blobs than this are not remembered.
const MOST_BLOBS: usize = 50_000;

#[derive(Debug, Default)]
pub(crate) struct MountHints {
    /// With the sizes that they were put with.
    blobs: Mutex<HashMap<(String, Digest), (String, u64)>>,
    /// Hosts and repositories that the credentials of this client may not mount from.
    refused: Mutex<HashSet<(String, String)>>,
}

impl MountHints {
    /// Remembers that a repository of a host has a blob.
    pub(crate) fn learn_blob(&self, host: &str, blob: &Descriptor, repository: &str) {
        let mut blobs = lock(&self.blobs);
        if blobs.len() < MOST_BLOBS {
            blobs.insert((host.to_owned(), blob.digest.clone()), (repository.to_owned(), blob.size));
        }
    }

    /// Remembers that the credentials are not good for mounts from a repository: each would cost requests for tokens again.
    pub(crate) fn refuse(&self, host: &str, repository: &str) {
        let mut refused = lock(&self.refused);
        if refused.len() < MOST_BLOBS {
            refused.insert((host.to_owned(), repository.to_owned()));
        }
    }

    pub(crate) fn is_refused(&self, host: &str, repository: &str) -> bool {
        lock(&self.refused).contains(&(host.to_owned(), repository.to_owned()))
    }

    /// Forgets what was refused: there may be other credentials.
    pub(crate) fn forget_refusals(&self) {
        lock(&self.refused).clear();
    }

    /// A repository of a host that had a blob, and the size that this was put with.
    pub(crate) fn find(&self, host: &str, digest: &Digest) -> Option<(String, u64)> {
        lock(&self.blobs).get(&(host.to_owned(), digest.clone())).cloned()
    }
}
