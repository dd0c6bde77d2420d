//! By what one sees that a file is still what it was when it was looked at last.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Equal stamps mean equal bytes, as far as the file system can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileVersion {
    file: (u64, u64),
    modified: (i64, i64),
    pub(crate) size: u64,
}

impl FileVersion {
    pub(crate) fn of(found: &Metadata) -> FileVersion {
        FileVersion {
            file: (found.dev(), found.ino()),
            modified: (found.mtime(), found.mtime_nsec()),
            size: found.size(),
        }
    }
}
