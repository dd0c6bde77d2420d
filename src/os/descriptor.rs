//! Descriptors: what the caller opened and lends us, and what is ours.

use std::io;
pub(crate) use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use nix::fcntl::{fcntl, FcntlArg, OFlag};

/// Makes reads and writes non-blocking.
pub(crate) fn unblock(fd: impl AsFd) -> io::Result<()> {
    Ok(fcntl(&fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)?)
}
