//! Threads of ours. The host program's signals are its own business: every thread of the library starts with all
//! signals blocked, and so do the threads that those start.

use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow};

use crate::error::{Code, Error, Result};

/// Starts a thread that no signal is delivered to.
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    without_signals(|| Builder::new().name(name.to_owned()).spawn(work))
}

/// Starts such a thread that ends with its scope.
pub fn scoped<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, ()>> {
    without_signals(|| Builder::new().name(name.to_owned()).spawn_scoped(scope, work))
}

fn without_signals<T>(start: impl FnOnce() -> std::io::Result<T>) -> Result<T> {
    // The mask is inherited: blocking it here leaves no moment in which the new thread could take a signal.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let started = start();
    if let Ok(mask) = before {
        let _ = mask.thread_set_mask();
    }
    started.map_err(|error| Error::new(Code::Internal, format!("cannot start a thread: {error}")))
}
