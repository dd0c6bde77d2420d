//! Which manifest an image of `manifest.json` belongs to: that which names its config.

use crate::digest::{Algorithm, Digest};
use crate::manifest::Document;

/// The digests that a manifest may name bytes by.
pub(super) fn digests(bytes: &[u8]) -> [Digest; 2] {
    [Algorithm::Sha256, Algorithm::Sha512].map(|algorithm| algorithm.digest(bytes))
}

pub(super) fn has_config(document: &Document, digests: &[Digest]) -> bool {
    document.config().is_some_and(|config| digests.contains(&config.digest))
}
