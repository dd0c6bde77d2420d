//! No panic crosses the border, and none prints anything.

use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::call::thread;
use crate::error::{Code, Error};
use crate::os::main_thread;

/// Runs the body of an entry that cannot report an error: a free function or an accessor.
pub(super) fn quietly<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    caught(body).unwrap_or(otherwise)
}

thread_local! {
    /// This thread is in a call.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where it panicked last in one.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}
static HUSHED: AtomicBool = AtomicBool::new(false);

pub(super) fn caught<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
    if !HUSHED.load(Ordering::Relaxed) {
        hush();
    }
    let before = INSIDE.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        main_thread::hold_record();
        body()
    }));
    INSIDE.set(before);
    outcome
}

/// Rust prints what panics, and asks the environment how: not for us. What a Rust program does itself is its own business.
fn hush() {
    if std::thread::panicking() || HUSHED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if INSIDE.get() {
            PLACE.with_borrow_mut(|place| *place = panic.location().map(ToString::to_string).unwrap_or_default());
        } else if !thread::is_current() {
            before(panic);
        }
    }));
}

pub(super) fn panicked(payload: &(dyn std::any::Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let place = PLACE.with_borrow_mut(std::mem::take);
    Error::new(Code::Internal, format!("a bug in ocireg: {} ({place})", text.unwrap_or("panic")))
}
