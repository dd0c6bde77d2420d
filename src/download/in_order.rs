//! A download as its caller sees it: the wanted bytes in order, verified at their end.
//!
//! What reads them is a [`RangeRead`]; which of them are here is in [`Positions`], and what is hashed of them in the verifier. One range
//! takes everything today. For a second one, which would begin in [`Download::open`], two things are still to be made, both in this room: a
//! range that ends with its claim, and a list of ranges here, which gives the file what came early with its offset. That is hashed from the
//! file, once the bytes before it have come.

use bytes::Bytes;

use super::extent::Extent;
use super::positions::Positions;
use super::range_read::{LeftoverBytes, RangeRead};
use super::verifier::DigestVerifier;
use super::{Downloadable, ReadOptions};
use crate::digest::Hasher;
use crate::error::{Code, Error, Result};
use crate::stream::blob::Blob;
use crate::stream::hashing::LARGE;

/// Reads a [`Downloadable`], continuing after breaks.
pub(crate) struct Download<T> {
    range: RangeRead<T>,
    positions: Positions,
    /// None for a piece, for things without a digest, and after the end.
    verifier: Option<DigestVerifier>,
    over: Option<Over>,
}

enum Over {
    /// The end, which has been reported.
    Done,
    /// The error that is returned from now on.
    Failed(Error),
}

impl<T: Downloadable> Blob for Download<T> {
    /// After an error it stays failed: bytes after a gap must never look like the rest.
    fn piece(&mut self) -> Result<Option<Bytes>> {
        match &self.over {
            Some(Over::Done) => return Ok(None),
            Some(Over::Failed(error)) => return Err(error.duplicate()),
            None => {}
        }
        let outcome = self.next();
        if let Err(error) = &outcome {
            self.over = Some(Over::Failed(error.duplicate()));
            self.range.close();
            self.positions.released(self.range.position);
        }
        outcome
    }

    fn begins_anew(&self) -> bool {
        self.range.left == LeftoverBytes::Replaced
    }

    fn hashed(&self) -> Option<(Hasher, u64)> {
        self.verifier.as_ref()?.state()
    }

    fn hash_aside(&mut self) {
        let reached = self.positions.reached();
        let large = self.range.extent.end().is_some_and(|end| end.saturating_sub(reached) >= LARGE);
        if let Some(verifier) = self.verifier.as_mut().filter(|_| large) {
            verifier.hash().move_aside();
        }
    }
}

impl<T: Downloadable> Download<T> {
    /// Requests the bytes after those that the caller has already hashed.
    pub(crate) fn open(item: T, options: &ReadOptions, hashed: Option<(Hasher, u64)>) -> Result<Download<T>> {
        let extent = Extent::new(item.name(), options, T::RULES.too_few)?;
        let position = hashed.as_ref().map_or(options.offset, |(_, length)| *length);
        let expected = item.expected().filter(|_| extent.is_whole());
        let mut verifier = expected.map(|expected| DigestVerifier::new(expected, hashed));
        let mut range = RangeRead::new(item, extent, position, verifier.is_some());
        range.open(verifier.as_ref())?;
        if let Some(verifier) = verifier.as_mut().filter(|_| range.left == LeftoverBytes::Replaced) {
            verifier.restart();
        }
        let mut positions = Positions::new(range.extent.offset, range.position);
        positions.claim(u64::MAX, u64::MAX);
        Ok(Download { range, positions, verifier, over: None })
    }

    fn next(&mut self) -> Result<Option<Bytes>> {
        let at = self.range.position;
        let Some(bytes) = self.range.read(self.verifier.as_ref())? else { return self.finish() };
        self.positions.arrived(at, bytes.len() as u64);
        if let Some(verifier) = &mut self.verifier {
            verifier.hash().take(at, &bytes)?;
        }
        Ok(Some(bytes))
    }

    fn finish(&mut self) -> Result<Option<Bytes>> {
        let all_sent = self.range.begun == 0;
        self.range.close();
        if let Some(found) = self.verifier.take().map(DigestVerifier::finish).transpose()?.flatten() {
            let error = Error::new(Code::DigestMismatch, self.range.item.mismatch(&found));
            return Err(error.asks_another(self.range.item.lied(all_sent)?));
        }
        if self.is_verifiable() {
            self.range.item.verified(all_sent)?;
        }
        self.range.extent.ended(self.positions.reached());
        self.over = Some(Over::Done);
        Ok(None)
    }

    pub(crate) fn item(&self) -> &T {
        &self.range.item
    }

    pub(crate) fn size(&self) -> Option<u64> {
        self.range.extent.size
    }

    /// The offset of the first wanted byte.
    pub(crate) fn offset(&self) -> u64 {
        self.range.extent.offset
    }

    /// How many of the wanted bytes have arrived, in this call or an earlier one.
    pub(crate) fn delivered(&self) -> u64 {
        self.positions.in_order()
    }

    /// Whether its end is checked against a digest.
    pub(crate) fn is_verifiable(&self) -> bool {
        self.range.is_verified
    }

    pub(crate) fn media_type(&self) -> Option<&String> {
        self.range.media_type.as_ref()
    }

    /// How many bytes are wanted, when known, for progress.
    pub(crate) fn wanted(&self) -> Option<u64> {
        let end = self.range.extent.end().or(self.range.item.size_hint());
        end.map(|end| end.saturating_sub(self.offset()))
    }

    /// Reports the progress to the caller's context.
    pub(crate) fn report(&self, delivered: u64) -> Result<()> {
        self.range.item.call().moved_to(delivered)
    }
}
