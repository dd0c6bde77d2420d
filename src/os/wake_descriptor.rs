//! A descriptor that can be read from while there is something to do, for callers that wait with poll, epoll or kqueue.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

/// Not an eventfd, so that it is the same on every system.
pub(crate) struct WakeDescriptor {
    rung: UnixStream,
    ring: UnixStream,
}

impl WakeDescriptor {
    pub(crate) fn new() -> io::Result<WakeDescriptor> {
        let (rung, ring) = UnixStream::pair()?;
        rung.set_nonblocking(true)?;
        ring.set_nonblocking(true)?;
        Ok(WakeDescriptor { rung, ring })
    }

    /// The descriptor, which can be read from between [`WakeDescriptor::ring`] and [`WakeDescriptor::hush`].
    pub(crate) fn descriptor(&self) -> RawFd {
        self.rung.as_raw_fd()
    }

    pub(crate) fn ring(&self) {
        // One that is full rings already.
        let _ = (&self.ring).write(&[1]);
    }

    pub(crate) fn hush(&self) {
        let mut bytes = [0; 64];
        while match (&self.rung).read(&mut bytes) {
            Ok(count) => count == bytes.len(),
            Err(error) => error.kind() == ErrorKind::Interrupted,
        } {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};
    use std::os::fd::AsFd;

    fn can_be_read(bell: &WakeDescriptor) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::from_borrowed_fd(bell.rung.as_fd(), PollFlags::IN)], Some(&now)).unwrap() == 1
    }

    #[test]
    fn it_can_be_read_from_as_long_as_it_rings() {
        let bell = WakeDescriptor::new().unwrap();
        assert!(!can_be_read(&bell));
        for _ in 0..200 {
            bell.ring();
        }
        assert!(can_be_read(&bell));
        bell.hush();
        assert!(!can_be_read(&bell));
        bell.ring();
        assert!(can_be_read(&bell));
    }
}
