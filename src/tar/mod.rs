//! Tar archives (POSIX ustar and pax, GNU long names and sparse files): one reader for layers, archives and files, and the headers
//! of what is written. It does not know where the bytes come from.

mod entries;
pub(crate) mod names;
mod pax;
mod record;
mod size_field;
mod sparse;
pub(crate) mod write;

pub(crate) use entries::{Entries, EntryKind, TarEntry};

use crate::error::{Code, Error, Result};

/// The source of the bytes of a tar archive.
pub(crate) trait TarSource {
    /// The name of the archive for messages.
    fn name(&self) -> String;
    /// The error code for an invalid archive.
    fn code(&self) -> Code;
    /// Reads the next bytes; 0 is the end. Checks cancel and deadline.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Skips bytes; returns how many there were.
    fn skip(&mut self, count: u64) -> Result<u64> {
        // Not on the stack, of which a call promises to need little.
        let mut buffer = vec![0; count.min(16 << 10) as usize];
        let mut left = count;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            match self.read(&mut buffer[..most])? {
                0 => break,
                read => left -= read as u64,
            }
        }
        Ok(count - left)
    }

    /// Counts zeros of a file that is read, and that the archive does not have: too many are refused.
    fn count_zeros(&mut self, count: u64) -> Result<()>;

    /// Fills the buffer as far as there are bytes; returns how far.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    /// The error for an invalid archive.
    fn bad(&self, why: impl std::fmt::Display) -> Error {
        Error::new(self.code(), format!("{} is not a valid tar archive: {why}", self.name()))
    }
}
