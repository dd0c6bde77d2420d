//! The archive that is written, entry by entry.

use std::io::Write;

use crate::error::{Error, Result};
use crate::image::tar::{EntryKind, TarEntry};
use crate::tar::write::{headers, padding, BLOCK};

/// How many bytes wait before they are written.
const PIECE: usize = 256 << 10;

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WrittenCounts {
    pub files: u64,
    pub directories: u64,
    pub symlinks: u64,
    pub hard_links: u64,
    pub devices: u64,
    /// Of the files.
    pub bytes: u64,
    /// Of the archive.
    pub size: u64,
}

pub(super) struct TarOutput<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    pub counts: WrittenCounts,
}

/// Reads the next bytes of a file; 0 is its end.
pub(super) type Content<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<usize>;

impl<'a> TarOutput<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> TarOutput<'a> {
        TarOutput { out, buffer: Vec::with_capacity(PIECE), counts: WrittenCounts::default() }
    }

    /// Writes an entry with its content; only files have some.
    pub(super) fn entry(&mut self, entry: &TarEntry, attributes: &[u8], content: Content) -> Result<()> {
        self.write(&headers(entry, attributes)?)?;
        let counts = &mut self.counts;
        match entry.kind {
            EntryKind::File => {
                counts.files += 1;
                counts.bytes = counts.bytes.saturating_add(entry.size);
                return self.content(entry.size, content);
            }
            EntryKind::Directory => counts.directories += 1,
            EntryKind::Symlink(_) => counts.symlinks += 1,
            EntryKind::HardLink(_) => counts.hard_links += 1,
            EntryKind::Character | EntryKind::Block | EntryKind::Fifo => counts.devices += 1,
        }
        Ok(())
    }

    fn content(&mut self, size: u64, content: Content) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match content(&mut buffer)? {
                0 => break,
                count => self.write(&buffer[..count])?,
            }
        }
        self.write(&[0; BLOCK][..padding(size)])
    }

    /// The end of the archive, without which it is not whole.
    pub(super) fn end(&mut self) -> Result<()> {
        self.write(&[0; 2 * BLOCK])?;
        self.empty()?;
        self.out.flush().map_err(|error| cannot(&error))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.counts.size += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > PIECE {
            self.empty()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn empty(&mut self) -> Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written.map_err(|error| cannot(&error))
    }
}

fn cannot(error: &std::io::Error) -> Error {
    Error::io("cannot write the archive", error)
}
