//! Tar files (POSIX ustar and pax, GNU long names): one reader for layers, archives and files. It knows nothing of where the
//! bytes come from.

mod entries;
pub(crate) mod names;
mod pax;

pub(crate) use entries::{Entries, Entry, Kind};

use crate::error::{Code, Error, Result};

/// Where the bytes of a tar come from.
pub(crate) trait Source {
    /// What messages call it.
    fn name(&self) -> String;
    /// The code of the error when it is no good tar.
    fn code(&self) -> Code;
    /// The next bytes; 0 is the end. It looks at cancel and deadline.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;

    /// Passes over bytes; says how many there were.
    fn skip(&mut self, count: u64) -> Result<u64> {
        let mut buffer = [0; 16 << 10];
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

    /// Fills the buffer, if there is enough; says how far.
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

    /// The error for what is wrong with its form.
    fn bad(&self, why: impl std::fmt::Display) -> Error {
        Error::new(self.code(), format!("{} is no good tar: {why}", self.name()))
    }
}
