//! A blob as it passes by, and what verifies it on the way.

use bytes::Bytes;

use super::hashing::{Hashing, LARGE};
use super::source::{read_piece, Source, PIECE};
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;

/// A blob as it passes by. It is verified, unless that is left to its receiver: the end is returned only if its digest and size are
/// right.
pub trait Blob: Send {
    /// The next bytes; None is the end.
    fn piece(&mut self) -> Result<Option<Bytes>>;
    /// Whether it begins at the first byte although it was opened to continue after some bytes, because the rest alone is not
    /// available.
    fn begins_anew(&self) -> bool {
        false
    }
    /// The state of the hash from the blob's first byte on: with it the blob can be opened again to continue there.
    fn hashed(&self) -> Option<(Hasher, u64)> {
        None
    }
    /// Lets it hash on a separate thread when it is large: for callers that never ask for the digest so far.
    fn hash_aside(&mut self) {}
    /// Leaves the check of the digest to the receiver, if the bytes can be read again. Returns whether it does.
    fn leave_to_receiver(&mut self) -> bool {
        false
    }
}

/// A blob in memory, as one piece.
pub(crate) struct MemoryBlob(Option<Bytes>);

impl MemoryBlob {
    pub(crate) fn new(bytes: Bytes) -> MemoryBlob {
        MemoryBlob(Some(bytes))
    }
}

impl Blob for MemoryBlob {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        Ok(self.0.take())
    }
}

/// A blob as the body of an upload. It stays one piece behind, so that the last byte is sent only after the blob was
/// verified.
pub(crate) struct BlobBody<'a> {
    blob: Box<dyn Blob + 'a>,
    now: Bytes,
    ahead: Option<Bytes>,
    begun: bool,
}

impl<'a> BlobBody<'a> {
    pub(crate) fn new(blob: Box<dyn Blob + 'a>) -> BlobBody<'a> {
        BlobBody { blob, now: Bytes::new(), ahead: None, begun: false }
    }

    /// What the blob has hashed so far.
    pub(crate) fn hashed(&self) -> Option<(Hasher, u64)> {
        self.blob.hashed()
    }
}

impl Source for BlobBody<'_> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        if !self.begun {
            self.begun = true;
            self.ahead = self.blob.piece()?;
        }
        while self.now.is_empty() {
            let Some(next) = self.ahead.take() else { break };
            self.ahead = self.blob.piece()?;
            self.now = next;
        }
        Ok(self.now.split_to(self.now.len().min(most)))
    }
}

/// Verifies the bytes of a reader that cannot be trusted, such as a file of a layout.
pub struct VerifiedBlob<R> {
    reader: R,
    call: Call,
    name: String,
    expected: Digest,
    size: u64,
    position: u64,
    hasher: Option<Hashing>,
    over: bool,
}

impl<R: std::io::Read> VerifiedBlob<R> {
    /// `reader` continues after the bytes that are hashed already.
    pub fn new(
        reader: R,
        call: &Call,
        name: String,
        wanted: &Descriptor,
        hashed: Option<(Hasher, u64)>,
    ) -> VerifiedBlob<R> {
        let (hasher, position) = hashed.unwrap_or_else(|| (Hasher::new(wanted.digest.algorithm()), 0));
        let (expected, size) = (wanted.digest.clone(), wanted.size);
        VerifiedBlob {
            reader,
            call: call.clone(),
            name,
            expected,
            size,
            position,
            hasher: Some(Hashing::new(hasher)),
            over: false,
        }
    }

    fn wrong_size(&self, found: Option<u64>) -> Error {
        let message = match found {
            Some(found) => {
                format!("{} holds {found} bytes of the blob {}, not {}", self.name, self.expected, self.size)
            }
            None => format!("{} holds more bytes of the blob {} than {}", self.name, self.expected, self.size),
        };
        Error::new(Code::SizeMismatch, message)
    }
}

impl<R: std::io::Read + Send> Blob for VerifiedBlob<R> {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.call.check()?;
        if self.over {
            return Ok(None);
        }
        let piece = read_piece(&mut self.reader, PIECE)
            .map_err(|error| Error::io(format!("cannot read {}", self.name), &error))?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&piece);
        }
        self.position += piece.len() as u64;
        if self.position > self.size {
            return Err(self.wrong_size(None));
        }
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
        if self.position < self.size {
            return Err(self.wrong_size(Some(self.position)));
        }
        self.over = true;
        match self.hasher.take().map(Hashing::finish).transpose()? {
            Some(found) if found != self.expected => {
                let message = format!("{} holds a blob of the digest {found}, not {}", self.name, self.expected);
                Err(Error::new(Code::DigestMismatch, message))
            }
            _ => Ok(None),
        }
    }

    fn hashed(&self) -> Option<(Hasher, u64)> {
        let hasher = self.hasher.as_ref()?.state()?.clone();
        Some((hasher, self.position))
    }

    fn hash_aside(&mut self) {
        if let Some(hasher) = self.hasher.as_mut().filter(|_| self.size.saturating_sub(self.position) >= LARGE) {
            hasher.move_aside();
        }
    }

    fn leave_to_receiver(&mut self) -> bool {
        self.hasher = None;
        true
    }
}

/// Reads a blob to its end. Whether its bytes are those of its digest.
pub(crate) fn is_right(blob: &mut dyn Blob) -> Result<bool> {
    loop {
        match blob.piece() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(true),
            Err(error) if matches!(error.code(), Code::DigestMismatch | Code::SizeMismatch) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
