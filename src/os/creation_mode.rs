//! Permissions of what is made here, from its first moment: never wider, not even for an instant.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// For all users, as far as the umask and the folder allow it.
pub(crate) fn usual() -> Permissions {
    Permissions::from_mode(0o666)
}

/// The permissions of a folder for its owner only.
pub(crate) fn private_folder() -> Permissions {
    Permissions::from_mode(0o700)
}

/// Makes a folder for this user only; an existing one is left unchanged.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Makes such a folder, and those above it.
pub(crate) fn make_private_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Opens a file to read and write it, or creates one for this user only; returns whether it was created. No link is followed, and
/// opening never blocks.
pub(crate) fn open_or_make_private(path: &Path) -> io::Result<(File, bool)> {
    let mut open = OpenOptions::new();
    open.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    match open.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok((open.open(path)?, false)),
        made => Ok((made?, true)),
    }
}

/// Whether anybody may execute it.
pub(crate) fn is_executable(found: &Metadata) -> bool {
    found.mode() & 0o111 != 0
}

/// Whether it was removed, or replaced by another.
pub(crate) fn has_no_name(found: &Metadata) -> bool {
    found.nlink() == 0
}

/// Whether it has no other hard link, through which it could be changed.
pub(crate) fn has_one_name(found: &Metadata) -> bool {
    found.nlink() == 1
}
