//! Locks on layouts and archives. Waiting for one ends with the call.

use std::fs::File;
use std::path::Path;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::os::lock::{self, LockKind};
use crate::os::open_folder::{self, OpenFolder};

/// Holds a lock until dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Waits for an exclusive lock.
    pub fn exclusive(call: &Call, path: &Path) -> Result<Lock> {
        Lock::open(path).and_then(|file| Lock::wait(call, file, path, LockKind::Exclusive))
    }

    /// The same; None if the file does not exist.
    pub fn exclusive_if_there(call: &Call, path: &Path) -> Result<Option<Lock>> {
        match lock::open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            opened => {
                Lock::wait(call, opened.map_err(|error| cannot(path, &error))?, path, LockKind::Exclusive).map(Some)
            }
        }
    }

    /// Waits for a lock that others may share.
    pub fn shared(call: &Call, path: &Path) -> Result<Lock> {
        Lock::open(path).and_then(|file| Lock::wait(call, file, path, LockKind::Shared))
    }

    /// The same without waiting: None if another process has the lock for itself.
    pub(crate) fn shared_if_free(path: &Path) -> Result<Option<Lock>> {
        let file = Lock::open(path)?;
        let is_locked = lock::attempt(&file, LockKind::Shared).map_err(|error| cannot(path, &error))?;
        Ok(is_locked.then_some(Lock(file)))
    }

    /// Whether the locked file still has this name: the process that held the lock before may have removed it.
    pub fn is_of(&self, path: &Path) -> bool {
        lock::is_of(&self.0, path.metadata())
    }

    /// Whether an open folder is what is locked.
    pub(super) fn is_of_folder(&self, folder: &OpenFolder) -> std::io::Result<bool> {
        Ok(open_folder::status_of(&self.0)?.id == folder.status()?.id)
    }

    fn open(path: &Path) -> Result<File> {
        lock::open(path).map_err(|error| cannot(path, &error))
    }

    fn wait(call: &Call, file: File, path: &Path, kind: LockKind) -> Result<Lock> {
        call.wait_for_lock(path, || lock::attempt(&file, kind).map_err(|error| cannot(path, &error)))?;
        Ok(Lock(file))
    }
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::io(format!("cannot lock {}", path.display()), error)
}
