//! Locks between processes. They are the kernel's (flock), on files that are there anyway: they end with the process that holds
//! them, however it ends.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Whether others may have the lock at the same time: shared by all that take it so, or exclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LockKind {
    Exclusive,
    Shared,
}

/// Opens what is to be locked, a file or a folder.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // A pipe that was put there must not make the caller wait.
    let open = |write| OpenOptions::new().read(true).write(write).custom_flags(libc::O_NONBLOCK).open(path);
    // On some network file systems an exclusive lock needs write access; a folder cannot be opened for writing.
    open(true).or_else(|_| open(false))
}

/// Locks an open file until it is closed; false if another process has the lock.
pub(crate) fn attempt(file: &File, kind: LockKind) -> io::Result<bool> {
    let attempt = match kind {
        LockKind::Exclusive => file.try_lock(),
        LockKind::Shared => file.try_lock_shared(),
    };
    match attempt {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Locks an open folder, for this process alone, until it is closed; false if another has the lock.
pub(crate) fn attempt_folder(folder: &impl AsFd) -> io::Result<bool> {
    attempt(&File::from(folder.as_fd().try_clone_to_owned()?), LockKind::Exclusive)
}

/// Whether two looks saw one file, whatever its name.
pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether an open file is what a look at a name has found: another process may have put another one there, or none.
pub(crate) fn is_of(file: &File, named: io::Result<Metadata>) -> bool {
    matches!((file.metadata(), named), (Ok(held), Ok(named)) if is_same(&held, &named))
}
