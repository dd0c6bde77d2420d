//! The archive that is written, entry by entry.

use std::io::Write;

use super::LayerNumber;
use crate::error::{Error, Result};
use crate::tar::write::{headers, no_end, padding, BLOCK};
use crate::tar::{EntryKind, TarEntry};

/// How many bytes wait before they are written, and the most that are written at once.
const PIECE: usize = 256 << 10;

/// Where the entries of the result go. What comes later under a name is in the place of what came before.
pub(crate) trait FlatOutput {
    /// Takes an entry, its content if it is a file, and the layer that its name is from.
    fn entry(&mut self, entry: &TarEntry, attributes: &[u8], layer: LayerNumber, content: Content) -> Result<()>;

    /// A layer is read now: the content is from it.
    fn begin_layer(&mut self, _: LayerNumber) {}

    /// Whether the rest of a layer need not be read, as soon as no older layer has to be.
    fn has_enough(&self) -> bool {
        false
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WrittenCounts {
    pub(crate) files: u64,
    pub(crate) directories: u64,
    pub(crate) symlinks: u64,
    pub(crate) hard_links: u64,
    pub(crate) devices: u64,
    /// The bytes of the regular files, without headers and padding.
    pub(crate) bytes: u64,
    /// The bytes of the archive itself.
    pub(crate) size: u64,
}

pub(super) struct TarOutput<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    /// How much of the current entry's content is still to come.
    left: u64,
    /// No more can be written.
    failed: bool,
    pub(super) counts: WrittenCounts,
}

/// Reads the next bytes of a file; 0 is its end.
pub(crate) type Content<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<usize>;

impl<'a> TarOutput<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> TarOutput<'a> {
        TarOutput { out, buffer: Vec::with_capacity(PIECE), left: 0, failed: false, counts: WrittenCounts::default() }
    }

    fn content(&mut self, size: u64, content: Content) -> Result<()> {
        let mut buffer = vec![0; 64 << 10];
        self.left = size;
        loop {
            match content(&mut buffer)? {
                0 => break,
                count => {
                    self.left = self.left.saturating_sub(count as u64);
                    self.write(&buffer[..count])?;
                }
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

    /// Ends an archive that must not be believed, so that whatever reads it fails, although it is not told of the error: without this
    /// many take the end of the bytes for that of the archive. Within the content of a file that end is enough.
    pub(super) fn give_up(&mut self) {
        let torn = if self.left > 0 { Vec::new() } else { no_end() };
        if !self.failed && self.write(&torn).is_ok() {
            // What is reported is the error before.
            let _ = self.empty();
        }
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
        let written = self.buffer.chunks(PIECE).try_for_each(|piece| self.out.write_all(piece));
        self.buffer.clear();
        self.failed |= written.is_err();
        written.map_err(|error| cannot(&error))
    }
}

impl FlatOutput for TarOutput<'_> {
    fn entry(&mut self, entry: &TarEntry, attributes: &[u8], _: LayerNumber, content: Content) -> Result<()> {
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
}

fn cannot(error: &std::io::Error) -> Error {
    Error::io("cannot write the archive", error)
}
