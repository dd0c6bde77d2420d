//! When bytes get to the disk, and where on it. All but [`file()`], [`names`] and [`all`] are hints: without them everything is right, but slower.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Brings a file's bytes and its size to the disk.
pub(crate) fn file(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Brings the names in a folder to the disk, where it can be opened and the file system knows how to.
pub(crate) fn names(folder: &Path) -> io::Result<()> {
    const CANNOT: [i32; 4] = [libc::EINVAL, libc::EOPNOTSUPP, libc::EACCES, libc::ENOENT];
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(folder);
    match opened.and_then(|folder| folder.sync_all()) {
        Err(error) if error.raw_os_error().is_some_and(|code| CANNOT.contains(&code)) => Ok(()),
        outcome => outcome,
    }
}

/// Brings everything of a file system to the disk: what costs less than each of many files alone.
#[cfg(target_os = "linux")]
pub(crate) fn all(of: &impl AsFd) -> io::Result<()> {
    Ok(rustix::fs::syncfs(of)?)
}

/// Of all file systems, where there is no such call.
#[cfg(not(target_os = "linux"))]
pub(crate) fn all(_: &impl AsFd) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}

/// Reserves space for bytes that will be written, without changing the size of the file. If there is not enough, the write fails.
#[cfg(target_os = "linux")]
pub(crate) fn reserve(file: &File, begin: u64, length: u64) {
    let _ = rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, begin, length);
}

/// Not used on other systems: the file would grow.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reserve(_: &File, _: u64, _: u64) {}

/// Lets the kernel begin to write a part to the disk, so that the flush at the end finds little left to do.
#[cfg(target_os = "linux")]
pub(crate) fn begin(file: &File, begin: u64, length: u64) {
    // "Not needed" starts writing dirty pages, and drops only clean ones: there are few yet in what was just written.
    if let Some(length) = std::num::NonZeroU64::new(length) {
        let _ = rustix::fs::fadvise(file, begin, Some(length), rustix::fs::Advice::DontNeed);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn begin(_: &File, _: u64, _: u64) {}
