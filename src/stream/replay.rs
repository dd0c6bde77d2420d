//! Sources of bytes that can be read again, and what makes one of a source that cannot.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use bytes::Bytes;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::os::file_version::FileVersion;
use crate::os::special_file::open_regular;
use crate::stream::source::{read_piece, Source, PIECE};

/// How many bytes are buffered of a source that can be read only once.
const MOST_KEPT: usize = 4 << 20;

/// A source that can be read again.
pub(crate) trait Replay: Source {
    /// Goes back to an earlier byte.
    fn rewind_to(&mut self, offset: u64) -> Result<()>;
    fn size(&self) -> u64;
}

/// Bytes in memory: all of them, and those that are left.
pub(crate) struct InMemory<'a>(pub &'a [u8], pub &'a [u8]);

impl Source for InMemory<'_> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        self.1.piece(most)
    }

    fn rewind(&mut self) -> Result<bool> {
        self.rewind_to(0).map(|()| true)
    }

    fn lasts(&self) -> bool {
        true
    }
}

impl Replay for InMemory<'_> {
    fn rewind_to(&mut self, offset: u64) -> Result<()> {
        self.1 = &self.0[usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len())..];
        Ok(())
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

/// A file that stays as it is.
pub(crate) struct OpenedFile {
    file: File,
    name: String,
    stamp: FileVersion,
    left: u64,
}

impl OpenedFile {
    /// Opens a regular file.
    pub(crate) fn open(path: &Path) -> Result<OpenedFile> {
        let name = path.display().to_string();
        let what = |error: std::io::Error| Error::io(format!("cannot read {name}"), &error);
        OpenedFile::of(open_regular(path).map_err(what)?, name.clone())
    }

    /// A regular file that is open already, from its first byte on.
    pub(crate) fn of(file: File, name: String) -> Result<OpenedFile> {
        let facts = file.metadata().map_err(|error| Error::io(format!("cannot read {name}"), &error))?;
        Ok(OpenedFile { file, name, stamp: FileVersion::of(&facts), left: facts.len() })
    }

    /// By what one sees later that it is still the same.
    pub(crate) fn stamp(&self) -> FileVersion {
        self.stamp
    }

    /// The error when it is not.
    pub(crate) fn changed(name: &str) -> Error {
        Error::new(Code::Io, format!("{name} changed while it was read"))
    }
}

impl Source for OpenedFile {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", self.name), &error);
        let piece = read_piece(&mut self.file, most).map_err(what)?;
        self.left = self.left.saturating_sub(piece.len() as u64);
        // Before the last bytes leave: what is sent must be what was hashed.
        if self.left == 0 && FileVersion::of(&self.file.metadata().map_err(what)?) != self.stamp {
            return Err(OpenedFile::changed(&self.name));
        }
        Ok(piece)
    }

    fn rewind(&mut self) -> Result<bool> {
        self.rewind_to(0).map(|()| true)
    }

    fn lasts(&self) -> bool {
        true
    }
}

impl Replay for OpenedFile {
    fn rewind_to(&mut self, offset: u64) -> Result<()> {
        self.left = self.stamp.size.saturating_sub(offset);
        let sought = self.file.seek(SeekFrom::Start(offset));
        sought.map(drop).map_err(|error| Error::io(format!("cannot read {}", self.name), &error))
    }

    fn size(&self) -> u64 {
        self.stamp.size
    }
}

/// Hashes bytes while passing them on, so that the digest of what was sent is known.
pub(crate) struct HashedSource<S> {
    /// What is read, and hashed as it passes.
    pub(crate) source: S,
    /// The hash so far.
    pub(crate) hasher: Hasher,
}

impl<S: Source> Source for HashedSource<S> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        let piece = self.source.piece(most)?;
        self.hasher.update(&piece);
        Ok(piece)
    }
}

/// Buffers the first bytes of a source that can be read only once: a server that redirects usually does so early.
pub(crate) struct Rewindable<S> {
    source: S,
    first: Vec<Bytes>,
    /// How many pieces of those have been given since the last rewind.
    given: usize,
    size: usize,
}

impl<S> Rewindable<S> {
    /// Over a source that has given nothing yet.
    pub(crate) fn new(source: S) -> Rewindable<S> {
        Rewindable { source, first: Vec::new(), given: 0, size: 0 }
    }
}

impl<S: Source> Source for Rewindable<S> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        if let Some(piece) = self.first.get_mut(self.given) {
            if piece.len() > most {
                let rest = piece.split_off(most);
                self.first.insert(self.given + 1, rest);
            }
            self.given += 1;
            return Ok(self.first[self.given - 1].clone());
        }
        let piece = self.source.piece(most)?;
        self.size = self.size.saturating_add(piece.len());
        match self.size <= MOST_KEPT {
            true => {
                self.first.push(piece.clone());
                self.given += 1;
            }
            false => (self.first, self.given) = (Vec::new(), 0),
        }
        Ok(piece)
    }

    fn rewind(&mut self) -> Result<bool> {
        self.given = 0;
        Ok(self.size <= MOST_KEPT)
    }
}

/// The digest of a source.
pub(crate) fn hash(call: &Call, source: &mut dyn Replay, algorithm: Algorithm) -> Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut total = 0u64;
    loop {
        call.check()?;
        let piece = source.piece(PIECE)?;
        if piece.is_empty() {
            break;
        }
        hasher.update(&piece);
        total += piece.len() as u64;
    }
    if total != source.size() {
        return Err(Error::new(Code::Io, "the file changed while it was read"));
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_first_bytes_of_a_stream_can_be_given_again() {
        let bytes: Vec<u8> = (0..MOST_KEPT + 10).map(|at| (at % 251) as u8).collect();
        let mut kept = Rewindable::new(&bytes[..]);
        let read = |kept: &mut Rewindable<&[u8]>, most: usize, pieces: usize| {
            (0..pieces).flat_map(|_| kept.piece(most).unwrap().to_vec()).collect::<Vec<u8>>()
        };
        assert!(read(&mut kept, 1000, 3) == bytes[..3000]);
        assert!(kept.rewind().unwrap());
        assert!(read(&mut kept, 700, 2) == bytes[..1000]);
        assert!(kept.rewind().unwrap());
        assert!(read(&mut kept, PIECE, 21) == bytes);
        assert!(!kept.rewind().unwrap());
    }

    #[test]
    fn a_file_that_changes_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        std::fs::write(&path, vec![1; PIECE + 10]).unwrap();
        let mut opened = OpenedFile::open(&path).unwrap();
        for _ in 0..2 {
            opened.rewind_to(0).unwrap();
            assert_eq!(opened.piece(PIECE).unwrap().len(), PIECE);
            assert_eq!(opened.piece(PIECE).unwrap().len(), 10);
            assert!(opened.piece(PIECE).unwrap().is_empty());
        }
        opened.rewind_to(PIECE as u64).unwrap();
        let other = File::options().write(true).open(&path).unwrap();
        other.set_modified(SystemTime::now() + Duration::from_secs(5)).unwrap();
        let error = opened.piece(PIECE).unwrap_err();
        assert!((error.code(), error.message().contains("changed while it was read")) == (Code::Io, true), "{error:?}");
    }
}
