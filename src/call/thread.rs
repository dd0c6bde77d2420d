//! Threads of ours. The host program's signals are its own business: every thread of the library starts with all
//! signals blocked, and so do the threads that those start. The size of its stack is said each time, for otherwise the
//! environment would be asked.

use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::error::{Error, Result};
use crate::os::signal;

/// As much stack as a thread of ours may need; what it does not use costs nothing.
pub(crate) const STACK: usize = 2 << 20;

/// Starts a thread that no signal is delivered to.
pub(crate) fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    start(name, work).map_err(none)
}

/// The same, but returns the system's own error.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    signal::without(|| builder(name).spawn(work))
}

/// Starts such a thread that ends with its scope.
pub(crate) fn scoped<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, ()>> {
    signal::without(|| builder(name).spawn_scoped(scope, work)).map_err(none)
}

fn builder(name: &str) -> Builder {
    Builder::new().name(name.to_owned()).stack_size(STACK)
}

fn none(error: std::io::Error) -> Error {
    Error::io("cannot start a thread", &error).with_hint("the process or its user may have too many threads")
}
