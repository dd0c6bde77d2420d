//! Whose the hidden file beside a target is: one writer's at a time, and no stranger's.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::os::creation_mode::{has_one_name, open_or_make_private};
use crate::os::hidden_name::hidden_beside;
use crate::os::lock::{attempt, is_same, LockKind};
use crate::os::owner;

/// The result of an attempt to open and lock the hidden file.
pub(super) enum PartialLock {
    Locked(File),
    /// Another process has it.
    Busy,
    /// The name is that of a link, a pipe, a folder, a file with several hard links, or one that another user owns or may write to; or
    /// the file system has no locks. It is left unchanged.
    Unusable,
}

/// The hidden file, locked: two calls for one target must not write into one file. It is private until it has its name:
/// what another user put there, or may write to, is not continued.
pub(super) fn lock_partial(path: &Path) -> Result<PartialLock> {
    for _ in 0..8 {
        let (file, is_new) = match open_or_make_private(path) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound && path.parent().is_some_and(is_folder) => continue,
            Err(error)
                if error.kind() == ErrorKind::PermissionDenied && path.exists()
                    || std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) =>
            {
                return Ok(PartialLock::Unusable)
            }
            Err(error) => return Err(Error::io(format!("cannot create {}", path.display()), &error)),
        };
        let facts = || file.metadata().map_err(|error| Error::io("cannot look at the partial file", &error));
        let found = facts()?;
        if !is_new && (!found.is_file() || !owner::is_own(&found) || owner::others_may_write(&found)) {
            return Ok(PartialLock::Unusable);
        }
        match attempt(&file, LockKind::Exclusive) {
            Ok(true) => {}
            Ok(false) => return Ok(PartialLock::Busy),
            Err(_) => return Ok(PartialLock::Unusable),
        }
        // Its previous owner may have given it its final name, or removed it, before it was locked here.
        let locked = facts()?;
        match std::fs::symlink_metadata(path) {
            Ok(named) if is_same(&named, &locked) => {
                return Ok(if has_one_name(&locked) { PartialLock::Locked(file) } else { PartialLock::Unusable });
            }
            _ => {}
        }
    }
    Ok(PartialLock::Busy)
}

/// Removes the hidden file, unless another call is writing to it or it is not ours to remove.
pub(super) fn remove_partial(target: &Path, digest: &Digest) -> Result<()> {
    let path = partial_path(target, digest)?;
    if std::fs::symlink_metadata(&path).is_err() {
        return Ok(());
    }
    match lock_partial(&path)? {
        PartialLock::Locked(_locked) => {
            std::fs::remove_file(&path).map_err(|error| Error::io(format!("cannot remove {}", path.display()), &error))
        }
        PartialLock::Busy | PartialLock::Unusable => Ok(()),
    }
}

/// The name of the hidden file.
pub(super) fn partial_path(target: &Path, digest: &Digest) -> Result<PathBuf> {
    check_target(target)?;
    Ok(hidden_beside(target, &suffix(digest)))
}

/// Whether it is the name of a hidden file beside a blob that is called as its digest is.
pub(crate) fn is_partial_of_blob(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|name| name.split_once('.'));
    parts.is_some_and(|(hex, _)| {
        let digests = ["sha256", "sha512"].map(|kind| format!("{kind}:{hex}").parse::<Digest>());
        digests.into_iter().flatten().any(|digest| name == format!(".{hex}{}", suffix(&digest)))
    })
}

fn suffix(digest: &Digest) -> String {
    format!(".{}.partial", &digest.hex()[..12])
}

fn is_folder(path: &Path) -> bool {
    path.as_os_str().is_empty() || path.is_dir()
}

pub(super) fn check_target(target: &Path) -> Result<()> {
    if target.file_name().is_none() {
        return Err(Error::new(Code::InvalidArgument, format!("'{}' is not a file name", target.display())));
    }
    // A rename would put a file in the place of a device, a pipe or a folder.
    match std::fs::metadata(target) {
        Ok(found) if !found.is_file() => {
            Err(Error::new(Code::Io, format!("{} exists and is not a regular file", target.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn parts_of_blobs_are_known_by_their_names() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = algorithm.digest(b"");
            let path = partial_path(&Path::new("/l/blobs/sha256").join(digest.hex()), &digest).unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(is_partial_of_blob(name), "{name}");
            for other in [name.replace(".partial", ""), name.replacen('.', "", 1), name.replacen('e', "f", 1)] {
                assert!(!is_partial_of_blob(&other), "{other}");
            }
        }
        let digest = Algorithm::Sha256.digest(b"");
        let of_another = partial_path(Path::new("/l/image.tar"), &digest).unwrap();
        assert!(!is_partial_of_blob(of_another.file_name().unwrap().to_str().unwrap()));
    }
}
