//! A tar file of named pieces, written in one pass.

use std::io::{Read, Write};

use bytes::{Buf, Bytes};

use crate::call::Call;
use crate::error::{Error, Result};
use crate::stream::blob::Blob;

/// A file to be written to an archive.
pub(crate) struct NewMember {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) bytes: Contents,
}

/// Where the bytes of a file come from.
pub(crate) enum Contents {
    Bytes(Vec<u8>),
    /// A blob, which is verified as it passes. It is opened when it is its turn.
    Blob(Box<dyn Blob>),
}

/// Writes an archive to what bytes can be written to.
pub(crate) struct TarWriter<W: Write> {
    tar: tar::Builder<W>,
    shown: String,
}

impl<W: Write> TarWriter<W> {
    /// Begins an archive; `shown` is its name for messages.
    pub(crate) fn new(out: W, shown: String) -> TarWriter<W> {
        TarWriter { tar: tar::Builder::new(out), shown }
    }

    pub(crate) fn add(&mut self, call: &Call, piece: NewMember) -> Result<()> {
        call.check()?;
        let mut header = header(piece.size);
        let added = match piece.bytes {
            Contents::Bytes(bytes) => self.tar.append_data(&mut header, &piece.name, bytes.as_slice()),
            Contents::Blob(blob) => self.tar.append_data(&mut header, &piece.name, BlobBytes(blob, Bytes::new())),
        };
        added.map_err(|error| Error::io(format!("cannot write {}", self.shown), &error))
    }

    pub(crate) fn finish(self) -> Result<W> {
        let shown = self.shown;
        let flushed = self.tar.into_inner().and_then(|mut out| out.flush().map(|()| out));
        flushed.map_err(|error| Error::io(format!("cannot write {shown}"), &error))
    }
}

// The same files give the same archive: no clock, no user.
fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Reads a blob.
struct BlobBytes(Box<dyn Blob>, Bytes);

impl Read for BlobBytes {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.1.is_empty() {
            match self.0.piece().map_err(std::io::Error::other)? {
                Some(piece) => self.1 = piece,
                None => return Ok(0),
            }
        }
        let count = self.1.len().min(buffer.len());
        self.1.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
