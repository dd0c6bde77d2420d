//! An open folder, and what is done to one name in it. No link is followed here, and moving or replacing a folder on the path that
//! led to it has no effect: so files can be created where an untrusted archive says.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

// By the C library: the tests that end a program between any two steps see only those that it makes.
use nix::unistd::{unlinkat, UnlinkatFlags};
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, RawMode, RenameFlags, Stat, Timespec, Timestamps, Uid, UTIME_OMIT,
};
use rustix::io::Errno;

use super::special_file::regular;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const ITSELF: AtFlags = AtFlags::SYMLINK_NOFOLLOW;

/// Permissions, with set-user-ID, set-group-ID and the sticky bit.
pub(crate) type Permissions = u32;
/// The numbers of a user and a group.
pub(crate) type Owner = (u32, u32);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(Timespec);

impl Time {
    /// Seconds since 1970, of the years 1 to 9999: beyond them file systems differ.
    pub(crate) fn of(seconds: i64) -> Time {
        Time(Timespec { tv_sec: seconds.clamp(-62_135_596_800, 253_402_300_799), tv_nsec: 0 })
    }

    /// Seconds since 1970.
    pub(crate) fn seconds(self) -> i64 {
        self.0.tv_sec
    }
}

/// The identity of a folder: its device and its inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FolderId(pub(crate) u64, pub(crate) u64);

#[derive(Debug, Clone, Copy)]
pub(crate) struct FileStatus {
    pub(crate) is_folder: bool,
    /// A regular file or a symbolic link.
    pub(crate) is_plain: bool,
    pub(crate) id: FolderId,
    pub(crate) owner: Owner,
    pub(crate) permissions: Permissions,
    pub(crate) changed: Time,
}

/// A file that is not a regular file, a folder or a link.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(target_vendor = "apple", allow(dead_code))]
pub(crate) enum SpecialFile {
    Pipe,
    /// The numbers of the driver, and of which of its devices.
    Character(u32, u32),
    Block(u32, u32),
}

/// The result of opening a folder by its name in another.
pub(crate) enum OpenedEntry {
    Folder(OpenFolder),
    /// There is no such name.
    Missing,
    /// It is not a folder; it may be a link.
    NotAFolder,
    /// The permissions do not even let the owner open it.
    NoAccess,
}

#[derive(Debug)]
pub(crate) struct OpenFolder(OwnedFd);

impl AsFd for OpenFolder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl OpenFolder {
    /// The one that a path leads to, by whatever links.
    pub(crate) fn open(path: &Path) -> io::Result<OpenFolder> {
        let fd = rustix::fs::open(path, FOLDER.difference(OFlags::NOFOLLOW), Mode::empty())?;
        Ok(OpenFolder(fd))
    }

    pub(crate) fn status(&self) -> io::Result<FileStatus> {
        Ok(status(&rustix::fs::fstat(&self.0)?))
    }

    pub(crate) fn status_of(&self, name: &[u8]) -> io::Result<FileStatus> {
        Ok(status(&rustix::fs::statat(&self.0, name, ITSELF)?))
    }

    /// Opens what is called so in it, if it is a folder, and follows no link.
    pub(crate) fn enter(&self, name: &[u8]) -> io::Result<OpenedEntry> {
        match rustix::fs::openat(&self.0, name, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(OpenedEntry::Folder(OpenFolder(fd))),
            Err(Errno::NOENT) => Ok(OpenedEntry::Missing),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(OpenedEntry::NotAFolder),
            Err(Errno::ACCESS) => Ok(OpenedEntry::NoAccess),
            Err(error) => Err(error.into()),
        }
    }

    /// Calls `each` with each name in it, and whether it may be that of a folder, until it returns false.
    pub(crate) fn names<E: From<io::Error>>(
        &self,
        mut each: impl FnMut(&[u8], bool) -> Result<bool, E>,
    ) -> Result<(), E> {
        for entry in Dir::read_from(&self.0).map_err(io::Error::from)? {
            let entry = entry.map_err(io::Error::from)?;
            let name = entry.file_name().to_bytes();
            let maybe = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
            if name != b"." && name != b".." && !each(name, maybe)? {
                break;
            }
        }
        Ok(())
    }

    /// Opens a file in it to read it; anything but a regular file is an error at once.
    pub(crate) fn read_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        regular(File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    pub(crate) fn make_folder(&self, name: &[u8], permissions: Permissions) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, name, mode(permissions))?)
    }

    /// Makes a file, private to this user, where nothing has that name.
    pub(crate) fn make_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, mode(0o600))?))
    }

    pub(crate) fn make_link(&self, name: &[u8], target: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    /// Makes a hard link to an existing file.
    pub(crate) fn make_hard_link(&self, name: &[u8], from: &OpenFolder, old: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::linkat(&from.0, old, &self.0, name, AtFlags::empty())?)
    }

    #[cfg(not(target_vendor = "apple"))]
    pub(crate) fn make_special(&self, name: &[u8], what: SpecialFile, permissions: Permissions) -> io::Result<()> {
        let (kind, device) = match what {
            SpecialFile::Pipe => (FileType::Fifo, 0),
            SpecialFile::Character(major, minor) => (FileType::CharacterDevice, device(major, minor)?),
            SpecialFile::Block(major, minor) => (FileType::BlockDevice, device(major, minor)?),
        };
        Ok(rustix::fs::mknodat(&self.0, name, kind, mode(permissions), device)?)
    }

    /// There they can be made by a whole path only, which might lead elsewhere.
    #[cfg(target_vendor = "apple")]
    pub(crate) fn make_special(&self, _: &[u8], _: SpecialFile, _: Permissions) -> io::Result<()> {
        Err(Errno::NOTSUP.into())
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Where a link leads, and whose it is: of one link, whatever another process does to its name meanwhile.
    #[cfg(not(target_vendor = "apple"))]
    pub(crate) fn link(&self, name: &[u8]) -> io::Result<(Vec<u8>, FileStatus)> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = rustix::fs::openat(&self.0, name, flags, Mode::empty())?;
        let target = rustix::fs::readlinkat(&link, b"".as_slice(), Vec::new())?.into_bytes();
        Ok((target, status(&rustix::fs::fstat(&link)?)))
    }

    #[cfg(target_vendor = "apple")]
    pub(crate) fn link(&self, name: &[u8]) -> io::Result<(Vec<u8>, FileStatus)> {
        Ok((self.read_link(name)?, self.status_of(name)?))
    }

    /// The same folder once more.
    pub(crate) fn reopen(&self) -> io::Result<OpenFolder> {
        Ok(OpenFolder(self.0.try_clone()?))
    }

    /// Gives what has a name in it a name in another one, in the place of what has that.
    pub(crate) fn rename(&self, name: &[u8], to: &OpenFolder, new: &[u8]) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, new)?)
    }

    /// Whether what is in it can get a name in another one by a rename: not where that is on another disk, or mounted another time.
    pub(crate) fn reaches(&self, to: &OpenFolder) -> io::Result<bool> {
        if self.status()?.id.0 != to.status()?.id.0 {
            return Ok(false);
        }
        // The kernel compares mounts before it looks for names.
        let missing = &b".ocireg-pull-nothing"[..];
        Ok(rustix::fs::renameat(&self.0, missing, &to.0, missing) != Err(Errno::XDEV))
    }

    /// Opens a folder in it for everything that its owner may do; also the permissions that it had, if they did not let it.
    pub(crate) fn enter_freely(&self, name: &[u8]) -> io::Result<(OpenFolder, Option<Permissions>)> {
        let found = self.status_of(name)?;
        if !found.is_folder {
            return Err(not_a_folder());
        }
        let is_closed = found.permissions & 0o700 != 0o700;
        if is_closed {
            self.set_permissions_of(name, found.permissions | 0o700)?;
        }
        match self.enter(name)? {
            OpenedEntry::Folder(folder) => Ok((folder, is_closed.then_some(found.permissions))),
            OpenedEntry::NoAccess => Err(no_access()),
            OpenedEntry::Missing | OpenedEntry::NotAFolder => Err(not_a_folder()),
        }
    }

    /// The same for a file, unless something has that name.
    pub(crate) fn rename_new(&self, name: &[u8], to: &OpenFolder, new: &[u8]) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.0, name, &to.0, new, RenameFlags::NOREPLACE) {
            // Not every file system knows that; all but some know a second name.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                to.make_hard_link(new, self, name)?;
                self.remove(name).map(drop)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Removes anything but a folder; false when it is one. True also when it does not exist any more.
    pub(crate) fn remove(&self, name: &[u8]) -> io::Result<bool> {
        match unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(nix::Error::ENOENT) => Ok(true),
            // Linux says the one, POSIX the other.
            Err(nix::Error::EISDIR | nix::Error::EPERM) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a folder; false if it is not empty.
    pub(crate) fn remove_folder(&self, name: &[u8]) -> io::Result<bool> {
        match unlinkat(&self.0, name, UnlinkatFlags::RemoveDir) {
            Ok(()) | Err(nix::Error::ENOENT) => Ok(true),
            Err(nix::Error::ENOTEMPTY | nix::Error::EEXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Of what cannot be opened. A link is refused.
    pub(crate) fn set_permissions_of(&self, name: &[u8], permissions: Permissions) -> io::Result<()> {
        use nix::sys::stat::{fchmodat, FchmodatFlags, Mode};
        #[allow(clippy::cast_possible_truncation)] // The type differs by system.
        let mode = Mode::from_bits_truncate((permissions & 0o7777) as nix::sys::stat::mode_t);
        Ok(fchmodat(&self.0, name, mode, FchmodatFlags::NoFollowSymlink)?)
    }

    pub(crate) fn set_owner_of(&self, name: &[u8], owner: Owner) -> io::Result<()> {
        let (user, group) = numbers(owner);
        Ok(rustix::fs::chownat(&self.0, name, Some(user), Some(group), ITSELF)?)
    }

    pub(crate) fn set_time_of(&self, name: &[u8], changed: Time) -> io::Result<()> {
        Ok(rustix::fs::utimensat(&self.0, name, &times(changed), ITSELF)?)
    }
}

/// The status of an open file.
pub(crate) fn status_of(file: &impl AsFd) -> io::Result<FileStatus> {
    Ok(status(&rustix::fs::fstat(file)?))
}

pub(crate) fn set_permissions(of: &impl AsFd, permissions: Permissions) -> io::Result<()> {
    Ok(rustix::fs::fchmod(of, mode(permissions))?)
}

/// This clears the set-user-ID bit, so permissions are set after it.
pub(crate) fn set_owner(of: &impl AsFd, owner: Owner) -> io::Result<()> {
    let (user, group) = numbers(owner);
    Ok(rustix::fs::fchown(of, Some(user), Some(group))?)
}

pub(crate) fn set_time(of: &impl AsFd, changed: Time) -> io::Result<()> {
    Ok(rustix::fs::futimens(of, &times(changed))?)
}

/// A name of a file system as a path.
pub(crate) fn path_of(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}

/// The error for something that is not a folder.
pub(crate) fn not_a_folder() -> io::Error {
    Errno::NOTDIR.into()
}

/// The error for a folder that cannot be opened.
pub(crate) fn no_access() -> io::Error {
    Errno::ACCESS.into()
}

/// The error for what is still in the way of removing a folder.
pub(crate) fn not_empty() -> io::Error {
    Errno::NOTEMPTY.into()
}

/// The error for an operation that fails for an unknown reason.
pub(crate) fn not_permitted() -> io::Error {
    Errno::PERM.into()
}

#[allow(clippy::unnecessary_cast, clippy::cast_lossless, clippy::cast_sign_loss)] // The types differ by system.
fn status(stat: &Stat) -> FileStatus {
    FileStatus {
        is_folder: FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
        is_plain: matches!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile | FileType::Symlink),
        id: FolderId(stat.st_dev as u64, stat.st_ino as u64),
        owner: (stat.st_uid, stat.st_gid),
        permissions: stat.st_mode as u32 & 0o7777,
        changed: Time(Timespec { tv_sec: stat.st_mtime as _, tv_nsec: stat.st_mtime_nsec as _ }),
    }
}

#[allow(clippy::unnecessary_cast, clippy::cast_possible_truncation)] // The type differs by system.
fn mode(permissions: Permissions) -> Mode {
    Mode::from_raw_mode((permissions & 0o7777) as RawMode)
}

/// The number of a device. The kernel takes 32 bits of it, 12 for the driver and 20 for which of its devices: without its other bits it
/// would be another device's.
#[cfg(not(target_vendor = "apple"))]
fn device(major: u32, minor: u32) -> io::Result<rustix::fs::Dev> {
    match (major, minor) {
        (..0x1000, ..0x10_0000) => Ok(rustix::fs::makedev(major, minor)),
        _ => Err(Errno::INVAL.into()),
    }
}

/// For chown the highest number means "unchanged".
fn numbers((user, group): Owner) -> (Uid, Gid) {
    (Uid::from_raw(user.min(u32::MAX - 1)), Gid::from_raw(group.min(u32::MAX - 1)))
}

fn times(changed: Time) -> Timestamps {
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT as _ }, last_modification: changed.0 }
}

#[cfg(test)]
mod tests;
