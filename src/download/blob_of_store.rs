//! Blobs of places other than a registry, delivered as those of one are: whole and verified, or a piece, into memory, a writer or a file.

use std::io::Write;
use std::path::Path;

use bytes::{Buf, Bytes};
use serde_json::{json, Value};

use super::deliver::{begun, MEMORY_LIMIT};
use super::partial::Partial;
use super::{once_more_if_wrong, ExpectedDigest, Pieces, ReadOptions, SaveOptions};
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::os::output_target::Target;
use crate::store::ReadStore;
use crate::stream::blob::Blob;

/// The name of the work for progress.
pub(crate) const WORK: &str = "blob get";

pub(crate) struct BlobOfStore<'a> {
    pub(crate) call: &'a Call,
    pub(crate) store: &'a dyn ReadStore,
    pub(crate) wanted: &'a Descriptor,
}

/// What was delivered of it.
pub(crate) struct StoredDelivery {
    pub(crate) length: u64,
    /// How many of them were there from an earlier call.
    pub(crate) resumed: u64,
}

impl BlobOfStore<'_> {
    /// For a caller that reads it piece by piece.
    pub(crate) fn open(&self, options: &ReadOptions) -> Result<StoredReader> {
        let reader = self.reader(options, None)?;
        self.call.begin(WORK, Some(reader.wanted))?;
        Ok(reader)
    }

    /// Into memory.
    pub(crate) fn to_memory(&self, options: &ReadOptions) -> Result<(StoredDelivery, Vec<u8>)> {
        let limit = options.limit.unwrap_or(MEMORY_LIMIT);
        let mut reader = self.open(options)?;
        if reader.wanted > limit {
            let message = format!("the blob is larger than the limit of {limit} bytes for memory");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let mut bytes = Vec::new();
        let delivery = reader.deliver(|piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok((delivery, bytes))
    }

    /// Writes to any writer. What was written before an error cannot be undone.
    pub(crate) fn to_writer(&self, out: &mut dyn Write, options: &ReadOptions) -> Result<StoredDelivery> {
        let failed = |error: std::io::Error| Error::io("cannot write the blob", &error);
        let delivery = self.open(options)?.deliver(|piece| out.write_all(piece).map_err(failed))?;
        out.flush().map_err(failed)?;
        Ok(delivery)
    }

    /// Into a file, which appears under its name only whole, and verified unless it is a piece; or into a pipe or device.
    pub(crate) fn to_file(&self, path: &Path, options: &SaveOptions) -> Result<StoredDelivery> {
        let path = match Target::of(path)? {
            Target::Replace(path) => path,
            Target::Through(through) => {
                let file = self.call.open_through(through)?;
                return self.to_writer(&mut self.call.output(&file)?, &options.read);
            }
        };
        once_more_if_wrong(|| {
            let mut partial = match options.read.is_piece() {
                true => Partial::private(&path)?,
                false => begun(self.call, &path, options, ExpectedDigest::digest(&self.wanted.digest))?,
            };
            let outcome = self.fill(&mut partial, &options.read);
            partial.settle(outcome, &path)
        })
    }

    fn fill(&self, partial: &mut Partial, options: &ReadOptions) -> Result<StoredDelivery> {
        let mut reader = self.reader(options, partial.hashed())?;
        self.call.begin(WORK, Some(reader.wanted))?;
        let resumed = partial.receive(self.call, &mut reader)?;
        Ok(StoredDelivery { length: partial.length(), resumed })
    }

    fn reader(&self, options: &ReadOptions, hashed: Option<(Hasher, u64)>) -> Result<StoredReader> {
        let BlobOfStore { call, store, wanted } = *self;
        let ReadOptions { offset, length, size, .. } = *options;
        if let Some(said) = size.filter(|said| *said != wanted.size) {
            let message = format!("the blob {} has {} bytes, the option size says {said}", wanted.digest, wanted.size);
            return Err(Error::new(Code::SizeMismatch, message));
        }
        let Some(rest) = wanted.size.checked_sub(offset) else {
            let message = format!("the option offset {offset} lies outside the blob {}", wanted.digest);
            return Err(Error::new(Code::InvalidArgument, message));
        };
        let piece = options.is_piece().then(|| rest.min(length.unwrap_or(u64::MAX)));
        let begin = match piece {
            Some(_) => Some((Hasher::new(wanted.digest.algorithm()), offset)),
            None => hashed,
        };
        let mut blob = store.open(call, wanted, begin)?;
        if piece.is_some() {
            // A part of it has no digest.
            blob.leave_to_receiver();
        }
        let before = if piece.is_some() && blob.begins_anew() { offset } else { 0 };
        let (call, digest, size) = (call.clone(), wanted.digest.clone(), wanted.size);
        let wanted = piece.unwrap_or(size);
        Ok(StoredReader { call, blob, digest, size, offset, wanted, before, left: piece, delivered: 0, failed: None })
    }
}

/// A blob of a store, or a piece of it, on its way.
pub(crate) struct StoredReader {
    call: Call,
    blob: Box<dyn Blob>,
    digest: Digest,
    size: u64,
    offset: u64,
    /// How many bytes are delivered in all.
    wanted: u64,
    /// Bytes to pass over still.
    before: u64,
    /// Bytes of the piece to come still; None of the whole, whose end is verified.
    left: Option<u64>,
    delivered: u64,
    failed: Option<Error>,
}

impl StoredReader {
    fn deliver(&mut self, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<StoredDelivery> {
        while let Some(piece) = Blob::piece(self)? {
            take(&piece)?;
            self.call.moved_to(self.delivered)?;
        }
        Ok(StoredDelivery { length: self.delivered, resumed: 0 })
    }

    fn next(&mut self) -> Result<Option<Bytes>> {
        while self.left != Some(0) {
            let Some(mut piece) = self.blob.piece()? else {
                return match self.left {
                    None => Ok(None),
                    Some(_) => Err(Error::new(Code::SizeMismatch, format!("the blob {} ended early", self.digest))),
                };
            };
            let skipped = piece.len().min(usize::try_from(self.before).unwrap_or(usize::MAX));
            piece.advance(skipped);
            self.before -= skipped as u64;
            if let Some(left) = &mut self.left {
                piece.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= piece.len() as u64;
            }
            if !piece.is_empty() {
                self.delivered += piece.len() as u64;
                return Ok(Some(piece));
            }
        }
        self.call.check().map(|()| None)
    }
}

impl Blob for StoredReader {
    /// After an error it stays failed: bytes after a gap must never look like the rest.
    fn piece(&mut self) -> Result<Option<Bytes>> {
        if let Some(error) = &self.failed {
            return Err(error.duplicate());
        }
        let outcome = self.next();
        self.failed = outcome.as_ref().err().map(Error::duplicate);
        outcome
    }

    fn begins_anew(&self) -> bool {
        self.left.is_none() && self.blob.begins_anew()
    }

    fn hash_aside(&mut self) {
        self.blob.hash_aside();
    }
}

impl Pieces for StoredReader {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        Blob::piece(self)
    }

    fn report(&self, delivered: u64) -> Result<()> {
        self.call.moved_to(delivered)
    }

    fn info(&self) -> Value {
        json!({"digest": self.digest, "size": self.size, "offset": self.offset, "mediaType": null, "served_by": null})
    }
}
