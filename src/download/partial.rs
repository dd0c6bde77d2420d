//! A file that appears under its name only when complete and verified.
//!
//! Until then its bytes are in a hidden file beside it, which stays after a broken transfer, so that the next call, in
//! this process or another, continues it, and is removed after a wrong digest. It is private to this user until it has
//! its name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::existing_file::is_there;
use super::hash_order::HashInOrder;
use super::partial_lock::{check_target, lock_partial, partial_path, PartialLock};
use super::partial_state::PartialState;
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result, Side};
use crate::manifest::Descriptor;
use crate::os::owner::{self, folder_of};
use crate::os::{flush, offset, temporary};
use crate::stream::blob::Blob;

/// How many bytes are written at once. For larger writes the kernel uses larger pages: those are rarely available, and
/// on a virtual machine the host must provide them first.
const AT_ONCE: usize = 128 << 10;
/// What a writer does when another is writing the same target.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OnContention {
    /// Writes a separate file, from the first byte.
    WriteOwn,
    /// Waits, because the other writes what is wanted. If waiting is impossible, it writes a separate file.
    Wait,
}

/// The hidden file beside a target.
pub struct Partial {
    path: PathBuf,
    file: File,
    state: PartialState,
    /// What is hashed of the bytes that were there.
    hash: Option<HashInOrder>,
    /// Whether a later call may need it, or it has its final name. Otherwise it is removed on drop.
    stays: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.stays {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Partial {
    /// Continues the partial file of an earlier call, or starts a new one. None if another writer has finished it meanwhile.
    pub fn open(
        call: &Call,
        target: &Path,
        digest: &Digest,
        size: Option<u64>,
        contention: OnContention,
    ) -> Result<Option<Partial>> {
        Partial::open_behind(call, target, digest, Hasher::new(digest.algorithm()), size, contention)
    }

    /// The same where the digest also covers other bytes, which come first and are hashed already.
    pub fn open_behind(
        call: &Call,
        target: &Path,
        digest: &Digest,
        before: Hasher,
        size: Option<u64>,
        contention: OnContention,
    ) -> Result<Option<Partial>> {
        let path = partial_path(target, digest)?;
        let file = loop {
            let locked = lock_partial(&path)?;
            if contention == OnContention::Wait && is_whole(call, target, digest, size)? {
                if let PartialLock::Locked(_) = locked {
                    let _ = std::fs::remove_file(&path);
                }
                return Ok(None);
            }
            match (locked, contention) {
                (PartialLock::Locked(file), _) => break file,
                (PartialLock::Busy, OnContention::Wait) => call.sleep(Duration::from_millis(20))?,
                (PartialLock::Busy, OnContention::WriteOwn) | (PartialLock::Unusable, _) => {
                    return Partial::private(target).map(Some)
                }
            }
        };
        let (state, hash) = (PartialState::new(size, 0), Some(HashInOrder::new(before, 0)));
        let mut partial = Partial { path, file, state, hash, stays: true };
        partial.take_stock(call)?;
        Ok(Some(partial))
    }

    /// A file that continues nothing and that nothing continues.
    pub fn private(target: &Path) -> Result<Partial> {
        check_target(target)?;
        Partial::nameless(folder_of(target))
    }

    /// The same for a file whose name is not known yet.
    pub fn nameless(folder: &Path) -> Result<Partial> {
        let named = temporary::hidden(folder);
        let named =
            named.map_err(|error| Error::io(format!("cannot create a file in {}", folder.display()), &error))?;
        let (file, path) = named.keep().map_err(|error| Error::io("cannot keep a temporary file", &error.error))?;
        Ok(Partial { path, file, state: PartialState::default(), hash: None, stays: false })
    }

    /// The hash of the bytes that were there, if they can be the beginning of the whole.
    pub fn hashed(&mut self) -> Option<(Hasher, u64)> {
        self.hash.take()?.state()
    }

    /// How many of the first bytes are there, without a gap.
    pub fn length(&self) -> u64 {
        self.state.valid()
    }

    /// Adds bytes at the end.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let count = bytes.len() as u64;
        if let Some(room) = self.state.reserve(count) {
            flush::reserve(&self.file, room.start, room.end - room.start);
        }
        self.write_at(self.state.valid(), bytes)?;
        if self.state.wrote(count) {
            self.start_writing_back();
        }
        Ok(())
    }

    /// Where bytes go is decided by their offset, not by what was written last. Those of a range further on count once what is before
    /// them has come.
    fn write_at(&self, at: u64, bytes: &[u8]) -> Result<()> {
        for (at, part) in (at..).step_by(AT_ONCE).zip(bytes.chunks(AT_ONCE)) {
            offset::write_all_at(&self.file, part, at)
                .map_err(|error| Error::io(format!("cannot write {}", self.path.display()), &error))?;
        }
        Ok(())
    }

    /// Releases the space after the last byte.
    fn give_back(&mut self) -> std::io::Result<()> {
        self.state.cut().map_or(Ok(()), |length| self.file.set_len(length))
    }

    /// Lets the kernel start writing to disk, so that the flush at the end has little left to do.
    pub fn start_writing_back(&mut self) {
        let written = self.state.flush();
        flush::begin(&self.file, written.start, written.end - written.start);
    }

    /// Writes the rest of a blob, which was opened to continue after the bytes of this file. Returns how many those were.
    pub(super) fn receive(&mut self, call: &Call, blob: &mut dyn Blob) -> Result<u64> {
        if blob.begins_anew() {
            self.restart()?;
        }
        let resumed = self.length();
        call.moved_to(resumed)?;
        blob.hash_aside();
        while let Some(piece) = blob.piece()? {
            self.write(&piece)?;
            call.moved_to(self.length())?;
        }
        Ok(resumed)
    }

    /// Drops the existing bytes, if the rest alone cannot be fetched.
    fn restart(&mut self) -> Result<()> {
        let emptied = self.file.set_len(0);
        emptied.map_err(|error| Error::io(format!("cannot write {}", self.path.display()), &error))?;
        self.state = PartialState::new(self.state.size(), 0);
        Ok(())
    }

    /// Gives the file its final name once it is on disk, where nothing but a regular file is replaced.
    pub fn settle_at(self, target: &Path) -> Result<()> {
        check_target(target)?;
        self.settle(Ok(()), target)
    }

    /// Gives the file its final name once it is on disk, or decides whether to keep the bytes.
    pub fn settle<T>(mut self, outcome: Result<T>, target: &Path) -> Result<T> {
        let given_back = self.give_back();
        let finished = outcome.and_then(|delivered| {
            given_back
                .and_then(|()| owner::share(&self.file, target))
                .and_then(|()| flush::file(&self.file))
                .map_err(|error| Error::io(format!("cannot write {}", self.path.display()), &error))?;
            std::fs::rename(&self.path, target)
                .map_err(|error| Error::io(format!("cannot create {}", target.display()), &error))?;
            Ok(delivered)
        });
        match &finished {
            Ok(_) => self.stays = true,
            // Wrong bytes, too many, or too large for the disk. Any other failure may be temporary, and the bytes are
            // then still useful.
            Err(error) => {
                let no_room = error.code() == Code::Io && error.side() != Some(Side::Source);
                self.stays &= !is_wrong(error) && !no_room && self.length() > 0;
            }
        }
        finished
    }

    /// Hashes the existing bytes: the digest covers all bytes, those of earlier calls too.
    fn take_stock(&mut self, call: &Call) -> Result<()> {
        let what = |error: std::io::Error| Error::io("cannot read the partial file", &error);
        let there = self.file.metadata().map_err(what)?.len();
        if there > 0 {
            // With more bytes than the whole has, it is not its beginning. Space after the last one is released.
            let good = self.state.size().is_none_or(|size| there <= size);
            self.file.set_len(if good { there } else { 0 }).map_err(what)?;
        }
        if let Some(hash) = &mut self.hash {
            hash.catch_up(call, &mut self.file)?;
            self.state = PartialState::new(self.state.size(), hash.length());
        }
        Ok(())
    }
}

fn is_whole(call: &Call, target: &Path, digest: &Digest, size: Option<u64>) -> Result<bool> {
    size.map_or(Ok(false), |size| is_there(call, target, &Descriptor::new("", digest.clone(), size)))
}

/// Whether the bytes were wrong, or too many.
pub(super) fn is_wrong(error: &Error) -> bool {
    matches!(error.code(), Code::DigestMismatch | Code::SizeMismatch | Code::LimitExceeded)
}
