//! Files that have their names but need not be on the disk yet. All are flushed together before `index.json` names what they
//! hold: one wait for the disk instead of one for each, most of it while other blobs still arrive.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::{Error, Result};

/// After this time the kernel has written by itself what there was to write (vm.dirty_expire_centisecs is half of it).
const SETTLED: Duration = Duration::from_secs(60);

/// Their paths.
#[derive(Debug, Default)]
pub struct Unflushed(Mutex<Vec<PathBuf>>);

impl Unflushed {
    /// One more.
    pub fn add(&self, path: &Path) {
        self.paths().push(path.to_owned());
    }

    /// One that was found there: whoever wrote it a moment ago may have been killed before he flushed it.
    pub fn add_if_recent(&self, path: &Path, facts: &Metadata) {
        let age = facts.modified().ok().and_then(|time| time.elapsed().ok());
        if age.is_none_or(|age| age < SETTLED) {
            self.add(path);
        }
    }

    /// Waits until all are on the disk. One that cannot be written is removed: it may have lost bytes.
    pub fn flush(&self) -> Result<()> {
        // Held until all is done: who comes next must not find nothing to do while this goes on.
        let mut paths = self.paths();
        while let Some(path) = paths.pop() {
            File::open(&path).and_then(|file| file.sync_all()).map_err(|error| {
                let _ = fs::remove_file(&path);
                Error::io(format!("cannot write {}", path.display()), &error)
            })?;
        }
        Ok(())
    }

    fn paths(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Unflushed {
    /// After a failure too: the next copy takes what is there for good.
    fn drop(&mut self) {
        while self.flush().is_err() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_flushed_is_named_and_the_rest_is_flushed() {
        let folder = tempfile::tempdir().unwrap();
        let unflushed = Unflushed::default();
        let (there, gone) = (folder.path().join("there"), folder.path().join("gone"));
        fs::write(&there, "x").unwrap();
        unflushed.add(&there);
        unflushed.add(&gone);
        assert!(unflushed.flush().unwrap_err().message().contains("gone"));
        unflushed.flush().unwrap();
        assert!(unflushed.paths().is_empty() && there.exists());
    }

    #[test]
    fn what_has_been_there_for_long_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        fs::write(&path, "x").unwrap();
        let unflushed = Unflushed::default();
        unflushed.add_if_recent(&path, &fs::metadata(&path).unwrap());
        assert_eq!(unflushed.paths().len(), 1);
        unflushed.flush().unwrap();
        let old = std::time::SystemTime::now() - 2 * SETTLED;
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        unflushed.add_if_recent(&path, &fs::metadata(&path).unwrap());
        assert!(unflushed.paths().is_empty());
    }
}
