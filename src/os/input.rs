//! Reading from something that may not respond: a pipe without a writer, a socket, a terminal. A read never blocks: it waits
//! for bytes, and looks in between whether it should go on. The flags of the descriptor stay as they are, for other
//! processes may share them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use crate::error::Result;

/// How long bytes are waited for before the caller's wish is looked at again.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Whether a name means standard input.
pub(crate) fn is_standard(path: &Path) -> bool {
    path == Path::new("-") || path == Path::new("/dev/stdin")
}

/// Opens a file to read it, without waiting for the writer of a pipe; `-` and `/dev/stdin` are standard input.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if is_standard(path) {
        // One of our own, so that the caller's stays open; opening it by its name fails for a socket.
        return io::stdin().as_fd().try_clone_to_owned().map(File::from);
    }
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => {
            io::Error::new(io::ErrorKind::InvalidInput, "it is a socket or a device that is not there")
        }
        _ => error,
    })
}

/// Reads the next bytes; 0 is the end. `go_on` is asked before every wait and at least 20 times a second, and its error, which
/// is inside the [`io::Error`], ends the reading.
pub(crate) fn read(mut file: &File, buffer: &mut [u8], go_on: impl Fn() -> Result<()>) -> io::Result<usize> {
    loop {
        go_on().map_err(io::Error::other)?;
        // A pipe that has had no writer yet is at no end: only poll knows the difference.
        match poll(&mut [PollFd::new(&file.as_fd(), PollFlags::IN)], Some(&GLANCE)) {
            Ok(0) | Err(Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match file.read(buffer) {
            // Another reader was faster.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            outcome => return outcome,
        }
    }
}
