//! A gzip decoder that is given its bytes as they come, and says WouldBlock when it needs more (RFC 1952; any number of members).

use std::io::{self, BufRead, ErrorKind, Read};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;

use crate::call::thread;

/// The decoder.
pub(crate) type Gunzip = MultiGzDecoder<Given>;

/// The packed bytes that are here already.
#[derive(Default)]
pub(crate) struct Given {
    bytes: Bytes,
    over: bool,
}

impl Given {
    /// The next bytes, or None for their end. Those before must have been taken.
    pub(crate) fn put(&mut self, bytes: Option<Bytes>) {
        match bytes {
            Some(bytes) => self.bytes = bytes,
            None => self.over = true,
        }
    }

    /// Whether the end was put.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }
}

impl Read for Given {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Given {
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

/// A new decoder. Its tables are made on the stack, and would be most of what a call takes there: a thread makes them on its own, if
/// there can be one.
pub(crate) fn gunzip() -> Gunzip {
    let made = thread::spawn("ocireg-unpack", made_here).ok().and_then(|thread| thread.join().ok());
    made.unwrap_or_else(made_here)
}

#[inline(never)]
fn made_here() -> Gunzip {
    MultiGzDecoder::new(Given::default())
}
