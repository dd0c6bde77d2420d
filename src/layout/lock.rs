//! Locks between processes. They are the kernel's (flock), on files that are there anyway: they end with the process
//! that holds them, however it ends.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use crate::call::Call;
use crate::error::{Error, Result};

/// Holds a lock until dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Waits for a lock that nobody else may share.
    pub fn exclusive(call: &Call, path: &Path) -> Result<Lock> {
        Lock::wait(call, path, File::try_lock)
    }

    /// Waits for a lock that others may share.
    pub fn shared(call: &Call, path: &Path) -> Result<Lock> {
        Lock::wait(call, path, File::try_lock_shared)
    }

    /// Whether what was locked is still what has this name: who had the lock before may have removed it.
    pub fn is_of(&self, path: &Path) -> bool {
        let id = |found: Metadata| (found.dev(), found.ino());
        matches!((self.0.metadata().map(id), path.metadata().map(id)), (Ok(locked), Ok(named)) if locked == named)
    }

    fn wait(
        call: &Call,
        path: &Path,
        try_lock: impl Fn(&File) -> std::result::Result<(), std::fs::TryLockError>,
    ) -> Result<Lock> {
        let what = |error: &std::io::Error| Error::io(format!("cannot lock {}", path.display()), error);
        // Nobody may be let wait by a pipe that was put there.
        let open = |write| OpenOptions::new().read(true).write(write).custom_flags(libc::O_NONBLOCK).open(path);
        // On some network file systems only who may write a file can have it alone; a folder cannot be opened so.
        let file = open(true).or_else(|_| open(false)).map_err(|error| what(&error))?;
        loop {
            match try_lock(&file) {
                Ok(()) => return Ok(Lock(file)),
                Err(std::fs::TryLockError::WouldBlock) => {
                    let waited = |error: Error| {
                        error.within(format!("the lock on {}, which another process holds", path.display()))
                    };
                    call.sleep(Duration::from_millis(10)).map_err(waited)?;
                }
                Err(std::fs::TryLockError::Error(error)) => return Err(what(&error)),
            }
        }
    }
}
