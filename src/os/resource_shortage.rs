//! A shortage of descriptors, threads or memory, which is temporary and not the fault of the peer; and a disk that is damaged.

use std::io;

use rustix::io::Errno;

/// Whether an error means a shortage of resources.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    const SHORT: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
    error.raw_os_error().is_some_and(|code| SHORT.contains(&Errno::from_raw_os_error(code)))
}

/// Whether a disk could not give what is on it.
pub(crate) fn is_damage(errno: i32) -> bool {
    Errno::from_raw_os_error(errno) == Errno::IO
}

/// An error when no more can be opened: the system's resolver does not say so.
pub(crate) fn check_descriptors() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)?;
    #[cfg(not(target_os = "linux"))]
    std::io::pipe()?;
    Ok(())
}
