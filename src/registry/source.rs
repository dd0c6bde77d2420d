//! Where the bytes of a blob come from.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::upload::{Source, PIECE};

/// A source that can begin again.
pub trait Replay: Source {
    /// Goes back to a byte that it has given before.
    fn rewind_to(&mut self, offset: u64) -> Result<()>;
    /// How many bytes there are.
    fn size(&self) -> u64;
}

/// Bytes in memory: all of them, and those that are left.
pub struct Memory<'a>(pub &'a [u8], pub &'a [u8]);

impl Source for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Source::read(&mut self.1, buffer)
    }
}

impl Replay for Memory<'_> {
    fn rewind_to(&mut self, offset: u64) -> Result<()> {
        self.1 = &self.0[usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len())..];
        Ok(())
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

/// A file.
pub struct Opened {
    file: File,
    name: String,
    size: u64,
}

impl Opened {
    /// Opens a regular file.
    pub fn open(path: &Path) -> Result<Opened> {
        let name = path.display().to_string();
        let what = |error: std::io::Error| Error::io(format!("cannot read {name}"), &error);
        let file = File::open(path).map_err(what)?;
        let facts = file.metadata().map_err(what)?;
        if !facts.is_file() {
            return Err(Error::new(Code::Io, format!("{name} is not a regular file")));
        }
        Ok(Opened { file, size: facts.len(), name })
    }
}

impl Source for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.file.read(buffer).map_err(|error| Error::io(format!("cannot read {}", self.name), &error))
    }
}

impl Replay for Opened {
    fn rewind_to(&mut self, offset: u64) -> Result<()> {
        self.file
            .seek(SeekFrom::Start(offset))
            .map(drop)
            .map_err(|error| Error::io(format!("cannot read {}", self.name), &error))
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Hashes while it passes bytes on, so that a blob whose digest was promised is checked on the way.
pub struct Hashing<'a> {
    /// Where they come from.
    pub source: &'a mut dyn Source,
    /// What they are so far.
    pub hasher: Hasher,
}

impl Source for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.source.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// The digest of a source.
pub fn hash(call: &Call, source: &mut dyn Replay, algorithm: Algorithm) -> Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; PIECE];
    let mut total = 0u64;
    loop {
        call.check()?;
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        total += count as u64;
    }
    if total != source.size() {
        return Err(Error::new(Code::Io, "the file changed while it was read"));
    }
    Ok(hasher.finish())
}
