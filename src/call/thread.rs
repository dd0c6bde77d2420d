//! Threads of ours. The host program's signals are its own business: every thread of the library starts with all
//! signals blocked, and so do the threads that those start. The size of its stack is said each time, for otherwise the
//! environment would be asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::stack;
use crate::error::{Error, Result};
use crate::os::signal;

/// As much stack as a thread of ours may need; what it does not use costs nothing.
const STACK: usize = 2 << 20;

/// Starts a thread that no signal is delivered to.
pub(crate) fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    start(name, work).map_err(none)
}

/// The same, but returns the system's own error.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    signal::without(|| builder(name).spawn(on_its_stack(work)))
}

/// Whether this is a thread of ours.
pub(crate) fn is_current() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with("ocireg-"))
}

/// Starts such a thread that ends with its scope.
pub(crate) fn scoped<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, ()>> {
    signal::without(|| builder(name).spawn_scoped(scope, on_its_stack(work))).map_err(none)
}

static OUTLIVING: AtomicUsize = AtomicUsize::new(0);

/// Held by a thread that may outlive the call it was started for.
pub(crate) struct Outliving(());

impl Outliving {
    pub(crate) fn new() -> Outliving {
        OUTLIVING.fetch_add(1, Ordering::SeqCst);
        Outliving(())
    }

    /// Waits a moment for such threads; whether there is none.
    pub(crate) fn are_gone() -> bool {
        const MOMENT: Duration = Duration::from_millis(200);
        let begun = Instant::now();
        while OUTLIVING.load(Ordering::SeqCst) > 0 {
            if begun.elapsed() > MOMENT {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

impl Drop for Outliving {
    fn drop(&mut self) {
        OUTLIVING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The same work, on a thread that knows how much stack it has.
fn on_its_stack<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    move || {
        stack::begins_here(STACK);
        work()
    }
}

fn builder(name: &str) -> Builder {
    Builder::new().name(name.to_owned()).stack_size(STACK)
}

fn none(error: std::io::Error) -> Error {
    Error::io("cannot start a thread", &error).with_hint("the process or its user may have too many threads")
}
