//! Sources of bytes, which are read piece by piece.

use std::io::Read;

use bytes::Bytes;

use crate::error::Result;

/// How many bytes are sent as one piece: fewer cost speed, more cost memory.
pub(crate) const PIECE: usize = 256 << 10;

/// The source of an upload's bytes.
pub trait Source {
    /// The next bytes, at most `most`; empty at the end.
    fn piece(&mut self, most: usize) -> Result<Bytes>;
    /// Goes back to the first byte; false when it cannot.
    fn rewind(&mut self) -> Result<bool> {
        Ok(false)
    }
    /// Whether it can always go back, however much was read.
    fn lasts(&self) -> bool {
        false
    }
}

impl<S: Source + ?Sized> Source for &mut S {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        (**self).piece(most)
    }

    fn rewind(&mut self) -> Result<bool> {
        (**self).rewind()
    }

    fn lasts(&self) -> bool {
        (**self).lasts()
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        (**self).piece(most)
    }

    fn rewind(&mut self) -> Result<bool> {
        (**self).rewind()
    }

    fn lasts(&self) -> bool {
        (**self).lasts()
    }
}

impl Source for Bytes {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        Ok(self.split_to(self.len().min(most)))
    }
}

impl Source for &[u8] {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        let (now, later) = self.split_at(self.len().min(most).min(PIECE));
        *self = later;
        Ok(Bytes::copy_from_slice(now))
    }
}

/// Reads a piece of a file or another reader: shorter than requested only at the end.
pub(crate) fn read_piece(reader: &mut impl Read, most: usize) -> std::io::Result<Bytes> {
    let most = most.min(PIECE);
    let mut piece = Vec::with_capacity(most);
    reader.take(most as u64).read_to_end(&mut piece)?;
    Ok(piece.into())
}
