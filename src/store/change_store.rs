//! Places on this machine of which single names and manifests are taken away.

use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;

/// A name that was taken away.
#[derive(Debug)]
pub(crate) struct RemovedName {
    /// What it referred to; of several images, the first.
    pub(crate) digest: Digest,
    /// The names that this has still.
    pub(crate) others: Vec<String>,
    /// Whether the place has it still, by another name or in an index.
    pub(crate) is_kept: bool,
}

/// A place that must be there, and the name in it that is meant.
pub(crate) trait ChangeStore: Send + Sync {
    /// Every name that is set there, as it is written.
    fn names(&self, call: &Call) -> Result<Vec<String>>;
    /// Takes the name away from what it refers to, which may have to be this manifest.
    fn unname(&self, call: &Call, expected: Option<&Digest>) -> Result<RemovedName>;
    /// Takes a manifest out, with all its names. True: it stays nevertheless, with what an index there lists, or what refers to it.
    fn remove(&self, call: &Call, digest: &Digest) -> Result<bool>;
}
