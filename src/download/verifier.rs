//! The digest of a whole, computed over its bytes as they come: they must come in order, and what asks for several ranges at once has to
//! put them in order first.

use bytes::Bytes;

use crate::digest::{Digest, Hasher};
use crate::error::Result;
use crate::stream::hashing::Hashing;

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
    hashing: Hashing,
}

impl DigestVerifier {
    /// A verifier that continues after bytes that are hashed already.
    pub(super) fn new(expected: ExpectedDigest, hashed: Option<Hasher>) -> DigestVerifier {
        let hashing = Hashing::new(hashed.unwrap_or_else(|| expected.before.clone()));
        DigestVerifier { expected, hashing }
    }

    /// Starts again at the first byte.
    pub(super) fn restart(&mut self) {
        self.hashing = Hashing::new(self.expected.before.clone());
    }

    pub(super) fn update(&mut self, bytes: &Bytes) {
        self.hashing.update(bytes);
    }

    /// The state after the last byte, if available.
    pub(super) fn state(&self) -> Option<&Hasher> {
        self.hashing.state()
    }

    /// Hashes on a separate thread from now on; its state is then no longer available.
    pub(super) fn move_aside(&mut self) {
        self.hashing.move_aside();
    }

    /// Whether it would be right if it ended here.
    pub(super) fn may_end(&self) -> bool {
        self.state().is_some_and(|hasher| self.expected.is(&hasher.clone().finish()))
    }

    /// The digest of all bytes, when it is a wrong one.
    pub(super) fn finish(self) -> Result<Option<Digest>> {
        let found = self.hashing.finish()?;
        Ok((!self.expected.is(&found)).then_some(found))
    }
}
