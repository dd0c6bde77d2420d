//! The hash of a body as far as its bytes have come in order. It knows how far that is; what came out of order is hashed from the file
//! that it was written to, once the bytes before it are.

use std::io::Read;

use bytes::Bytes;

use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::stream::hashing::Hashing;
use crate::stream::source::{read_piece, PIECE};

pub(super) struct HashInOrder {
    hashing: Hashing,
    length: u64,
}

impl HashInOrder {
    /// Goes on after so many bytes, which `hasher` has had.
    pub(super) fn new(hasher: Hasher, length: u64) -> HashInOrder {
        HashInOrder { hashing: Hashing::new(hasher), length }
    }

    /// How many bytes are hashed.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes from an offset on, which must be the next ones.
    pub(super) fn take(&mut self, at: u64, bytes: &Bytes) -> Result<()> {
        if at != self.length {
            let message = format!("bytes from {at} on were to be hashed after {} bytes", self.length);
            return Err(Error::new(Code::Internal, message));
        }
        self.hashing.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// The next bytes, all that a reader has: of a file into which they were written already.
    pub(super) fn catch_up(&mut self, call: &Call, reader: &mut impl Read) -> Result<()> {
        loop {
            call.check()?;
            let piece = read_piece(reader, PIECE);
            let piece = piece.map_err(|error| Error::io("cannot read the partial file", &error))?;
            if piece.is_empty() {
                return Ok(());
            }
            self.take(self.length, &piece)?;
        }
    }

    /// The state after the last byte, and how many bytes that are; None if a separate thread computes it.
    pub(super) fn state(&self) -> Option<(Hasher, u64)> {
        Some((self.hashing.state()?.clone(), self.length))
    }

    /// Hashes on a separate thread from now on; its state is then no longer available.
    pub(super) fn move_aside(&mut self) {
        self.hashing.move_aside();
    }

    pub(super) fn finish(self) -> Result<Digest> {
        self.hashing.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn bytes_are_hashed_in_order_only_and_from_the_file_where_they_came_early() {
        let all: Vec<u8> = (0..600_000u32).map(|number| number as u8).collect();
        let mut hash = HashInOrder::new(Hasher::new(Algorithm::Sha256), 0);
        hash.take(0, &Bytes::copy_from_slice(&all[..7])).unwrap();
        for at in [0, 6, 8] {
            let refused = hash.take(at, &Bytes::from_static(b"x")).unwrap_err();
            assert_eq!((refused.code(), hash.length()), (Code::Internal, 7), "{at}");
        }
        hash.catch_up(&Call::alone(None), &mut &all[7..590_000]).unwrap();
        assert_eq!(hash.length(), 590_000);
        let (state, length) = hash.state().unwrap();
        assert_eq!((state.finish(), length), (Algorithm::Sha256.digest(&all[..590_000]), 590_000));
        hash.take(590_000, &Bytes::copy_from_slice(&all[590_000..])).unwrap();
        assert_eq!(hash.finish().unwrap(), Algorithm::Sha256.digest(&all));
    }
}
