//! A tar file of named pieces, written in one pass. Each has as many bytes as its header says: one more or fewer would shift all that
//! follows, and let what is in one file pass for others.

use std::io::{Read, Write};

use bytes::{Buf, Bytes};

use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::stream::blob::Blob;

/// A file to be written to an archive.
pub(crate) struct NewMember {
    pub(crate) name: String,
    pub(crate) bytes: Contents,
}

/// Where the bytes of a file come from.
pub(crate) enum Contents {
    Bytes(Vec<u8>),
    /// A blob of a size.
    Blob(Box<dyn Blob>, u64),
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

    /// Adds a file. After an error the archive is of no use.
    pub(crate) fn add(&mut self, call: &Call, member: NewMember) -> Result<()> {
        call.check()?;
        let (tar, name) = (&mut self.tar, &member.name);
        let added = match member.bytes {
            Contents::Bytes(bytes) => tar.append_data(&mut header(bytes.len() as u64), name, bytes.as_slice()),
            Contents::Blob(blob, size) => {
                let bytes = ExactBytes { blob, name, piece: Bytes::new(), size, left: size };
                tar.append_data(&mut header(size), name, bytes)
            }
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

/// Reads a blob that has to have this size.
struct ExactBytes<'a> {
    blob: Box<dyn Blob>,
    name: &'a str,
    piece: Bytes,
    size: u64,
    left: u64,
}

impl ExactBytes<'_> {
    fn next_piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.blob.piece()?;
        let left = self.left.checked_sub(piece.as_ref().map_or(0, Bytes::len) as u64);
        match (&piece, left) {
            (Some(_), Some(left)) => self.left = left,
            (None, Some(0)) => {}
            _ => {
                let how = if left.is_some() { "fewer" } else { "more" };
                let message = format!("there are {how} than the {} bytes of {}", self.size, self.name);
                return Err(Error::new(Code::SizeMismatch, message));
            }
        }
        Ok(piece)
    }
}

impl Read for ExactBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.next_piece().map_err(std::io::Error::other)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::blob::MemoryBlob;

    fn add(length: usize, size: u64) -> Result<Vec<u8>> {
        let (mut tar, call) = (TarWriter::new(Vec::new(), "x.tar".to_owned()), Call::alone(None));
        let blob = Box::new(MemoryBlob::new(vec![b'!'; length].into()));
        tar.add(&call, NewMember { name: "a".to_owned(), bytes: Contents::Blob(blob, size) })?;
        tar.add(&call, NewMember { name: "b".to_owned(), bytes: Contents::Bytes(b"after".to_vec()) })?;
        tar.finish()
    }

    #[test]
    fn no_file_is_longer_or_shorter_than_its_header_says() {
        for length in [0, 1, 511, 512, 513, 70_000] {
            let written = add(length, length as u64).unwrap();
            let mut read = tar::Archive::new(written.as_slice());
            let sizes: Vec<u64> = read.entries().unwrap().map(|entry| entry.unwrap().size()).collect();
            assert_eq!(sizes, [length as u64, 5]);
            for more in [1, 5, 512, 100_000] {
                let (longer, shorter) = (add(length + more, length as u64), add(length, (length + more) as u64));
                for (error, how) in [(longer, "more"), (shorter, "fewer")] {
                    let error = error.unwrap_err();
                    assert!(error.code() == Code::SizeMismatch && error.message().contains(how), "{error}");
                }
            }
        }
    }
}
