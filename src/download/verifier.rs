//! What the digest of a whole must be, and whether it is.

use super::hash_order::HashInOrder;
use crate::digest::{Digest, Hasher};
use crate::error::Result;

/// The digests that a verifier accepts.
pub(crate) struct ExpectedDigest {
    /// The state before the first byte.
    pub(crate) before: Hasher,
    /// It must be one of these; a partial file is named after the first.
    pub(crate) digest: Digest,
    pub(crate) others: Vec<Digest>,
}

impl ExpectedDigest {
    /// Expects the digest of the bytes.
    pub(crate) fn digest(digest: &Digest) -> ExpectedDigest {
        ExpectedDigest { before: Hasher::new(digest.algorithm()), digest: digest.clone(), others: Vec::new() }
    }

    fn is(&self, found: &Digest) -> bool {
        self.digest == *found || self.others.contains(found)
    }
}

pub(super) struct DigestVerifier {
    expected: ExpectedDigest,
    hash: HashInOrder,
}

impl DigestVerifier {
    /// A verifier that continues after bytes that are hashed already.
    pub(super) fn new(expected: ExpectedDigest, hashed: Option<(Hasher, u64)>) -> DigestVerifier {
        let (hasher, length) = hashed.unwrap_or_else(|| (expected.before.clone(), 0));
        DigestVerifier { expected, hash: HashInOrder::new(hasher, length) }
    }

    /// Starts again at the first byte.
    pub(super) fn restart(&mut self) {
        self.hash = HashInOrder::new(self.expected.before.clone(), 0);
    }

    pub(super) fn hash(&mut self) -> &mut HashInOrder {
        &mut self.hash
    }

    /// The state after the last byte, if available.
    pub(super) fn state(&self) -> Option<(Hasher, u64)> {
        self.hash.state()
    }

    /// Whether it would be right if it ended here.
    pub(super) fn may_end(&self) -> bool {
        self.state().is_some_and(|(hasher, _)| self.expected.is(&hasher.finish()))
    }

    /// The digest of all bytes, when it is a wrong one.
    pub(super) fn finish(self) -> Result<Option<Digest>> {
        let found = self.hash.finish()?;
        Ok((!self.expected.is(&found)).then_some(found))
    }
}
