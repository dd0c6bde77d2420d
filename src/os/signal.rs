//! Signals, which are the host program's own business: a thread that is started here takes none.

use nix::sys::signal::{SigSet, SigmaskHow};

/// Starts something that inherits this thread's mask with all signals blocked, so that it never receives one.
pub(crate) fn without<T>(start: impl FnOnce() -> T) -> T {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let started = start();
    if let Ok(mask) = before {
        let _ = mask.thread_set_mask();
    }
    started
}
