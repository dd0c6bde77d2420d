//! A gzip decoder that is fed bytes as they arrive, and returns WouldBlock when it needs more (RFC 1952; any number of
//! members).

use std::io::{self, BufRead, ErrorKind, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;

use crate::call::thread;

pub(crate) type Gunzip = MultiGzDecoder<GzipInput>;

/// The compressed bytes that have arrived.
#[derive(Default)]
pub(crate) struct GzipInput {
    bytes: Bytes,
    over: bool,
}

impl GzipInput {
    /// Feeds the next bytes, or None for the end. The previous ones must have been consumed.
    pub(crate) fn put(&mut self, bytes: Option<Bytes>) {
        match bytes {
            Some(bytes) => self.bytes = bytes,
            None => self.over = true,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

impl Read for GzipInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for GzipInput {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        match self.bytes.is_empty() && !self.over {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(&self.bytes),
        }
    }

    fn consume(&mut self, count: usize) {
        self.bytes.advance(count.min(self.bytes.len()));
    }
}

/// A new decoder. Its tables are built on the stack, and would be most of a call's stack use, so a separate thread
/// builds them, if one can be started.
pub(crate) fn gunzip() -> Gunzip {
    let made = thread::spawn("ocireg-unpack", made_here).ok().and_then(|thread| thread.join().ok());
    made.unwrap_or_else(made_here)
}

#[inline(never)]
fn made_here() -> Gunzip {
    MultiGzDecoder::new(GzipInput::default())
}
