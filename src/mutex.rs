//! Mutexes whose holder may have panicked: what they guard is valid at every moment, and the panic is reported
//! elsewhere.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until somebody notifies `changed`.
pub(crate) fn wait_told<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits to be told, or for so long; whether that is over.
pub(crate) fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>, most: Duration) -> (MutexGuard<'a, T>, bool) {
    let (guard, over) = changed.wait_timeout(guard, most).unwrap_or_else(PoisonError::into_inner);
    (guard, over.timed_out())
}

/// The same until something is no longer so; whether the time was over before.
pub(crate) fn wait_while<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    most: Duration,
    condition: impl FnMut(&mut T) -> bool,
) -> (MutexGuard<'a, T>, bool) {
    let (guard, over) = changed.wait_timeout_while(guard, most, condition).unwrap_or_else(PoisonError::into_inner);
    (guard, over.timed_out())
}

/// The value in a mutex that no other thread holds any more.
pub(crate) fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
