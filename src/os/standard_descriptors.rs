//! Descriptors 0, 1 and 2. A program may have closed them, and the next file or socket that anybody opens gets such a number: what
//! the program, or a library in it, then prints would go to a registry, or into a blob.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use rustix::fs::{open, Mode, OFlags};
use rustix::io::Errno;

const LAST: i32 = 2;

/// Makes sure that none of the three is free: /dev/null takes the place of those that are closed, and stays. Programs that are
/// started find them closed as before.
pub(crate) fn occupy() {
    let all = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    while all.into_iter().any(is_closed) {
        let Some(fd) = nothing(is_closed(all[0])).filter(|fd| fd.as_raw_fd() <= LAST) else { return };
        let _ = fd.into_raw_fd();
    }
}

fn is_closed(fd: BorrowedFd<'_>) -> bool {
    rustix::io::fcntl_getfd(fd) == Err(Errno::BADF)
}

/// A descriptor that refuses reads in the place of standard input, and writes in the place of the others, as a closed one does: bytes
/// must not be lost silently.
fn nothing(input: bool) -> Option<OwnedFd> {
    let refuses = if input { OFlags::WRONLY } else { OFlags::RDONLY };
    open("/dev/null", refuses | OFlags::CLOEXEC, Mode::empty()).or_else(|_| without_null()).ok()
}

/// A descriptor that can neither be read nor written, for a root without /dev.
#[cfg(target_os = "linux")]
fn without_null() -> rustix::io::Result<OwnedFd> {
    rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC)
}

#[cfg(not(target_os = "linux"))]
fn without_null() -> rustix::io::Result<OwnedFd> {
    Err(Errno::NOENT)
}
