//! SIGPIPE while the library writes to a socket or a descriptor on the caller's thread: it would kill a program that
//! never thought of it. The signal is blocked for the time of the call, and one that arose by it is taken away.

/// Runs work without SIGPIPE; the write then fails with EPIPE. The thread's signal mask is the same afterwards.
pub(super) fn without<T>(work: impl FnOnce() -> T) -> T {
    let guard = Blocked::new();
    let result = work();
    drop(guard);
    result
}

struct Blocked {
    before: libc::sigset_t,
    pending: bool,
}

impl Blocked {
    fn new() -> Blocked {
        unsafe {
            let mut before = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_BLOCK, &only_pipe(), &mut before);
            // One that was not blocked has been delivered.
            let pending = libc::sigismember(&before, libc::SIGPIPE) == 1 && is_pending();
            Blocked { before, pending }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        unsafe {
            if !self.pending && is_pending() {
                take_away();
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut());
        }
    }
}

/// Not for ever, should another thread be faster.
#[cfg(not(target_vendor = "apple"))]
unsafe fn take_away() {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::sigtimedwait(&only_pipe(), std::ptr::null_mut(), &at_once) };
}

#[cfg(target_vendor = "apple")]
unsafe fn take_away() {
    let mut signal = 0;
    unsafe { libc::sigwait(&only_pipe(), &mut signal) };
}

unsafe fn only_pipe() -> libc::sigset_t {
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPIPE);
        set
    }
}

unsafe fn is_pending() -> bool {
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigpending(&mut set) == 0 && libc::sigismember(&set, libc::SIGPIPE) == 1
    }
}
