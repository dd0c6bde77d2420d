//! The border: no panic crosses it or prints anything, and every argument is looked at before it is used.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::ocireg_error;
use super::out::Out;
use super::sigpipe;
use super::status::{ocireg_status, OCIREG_OK};
use crate::error::{Code, Error, Result};
use crate::os::descriptor::BorrowedFd;
use crate::os::{main_thread, standard};

/// Runs the body of an entry, and hands its result or its error to the caller. The out-parameters are emptied first, that of the
/// error before all.
pub(super) unsafe fn enter<T>(
    error: *mut *mut ocireg_error,
    out: impl Out<T>,
    body: impl FnOnce() -> Result<T>,
) -> ocireg_status {
    if !error.is_null() {
        unsafe { error.write(std::ptr::null_mut()) };
    }
    let whole = || unsafe {
        out.empty()?;
        out.fill(body()?)
    };
    match caught(whole).unwrap_or_else(|payload| Err(panicked(payload.as_ref()))) {
        Ok(()) => OCIREG_OK,
        Err(failure) => unsafe { report(error, failure) },
    }
}

unsafe fn report(error: *mut *mut ocireg_error, failure: Error) -> ocireg_status {
    let code = failure.code().number();
    if !error.is_null() {
        let boxed = catch_unwind(AssertUnwindSafe(|| ocireg_error::new(failure)));
        unsafe { error.write(boxed.unwrap_or(std::ptr::null_mut())) };
    }
    code
}

/// [`enter`] for a call that may use the network or write to a descriptor: with SIGPIPE blocked on this thread, and no file or socket
/// of ours where the program expects its standard input and output.
pub(super) unsafe fn enter_blocking<T>(
    error: *mut *mut ocireg_error,
    out: impl Out<T>,
    body: impl FnOnce() -> Result<T>,
) -> ocireg_status {
    standard::occupy();
    sigpipe::without(|| unsafe { enter(error, out, body) })
}

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

fn caught<T>(body: impl FnOnce() -> T) -> std::thread::Result<T> {
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
        let ours = std::thread::current().name().is_some_and(|name| name.starts_with("ocireg-"));
        if INSIDE.get() {
            PLACE.with_borrow_mut(|place| *place = panic.location().map(ToString::to_string).unwrap_or_default());
        } else if !ours {
            before(panic);
        }
    }));
}

fn panicked(payload: &(dyn std::any::Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let place = PLACE.with_borrow_mut(std::mem::take);
    Error::new(Code::Internal, format!("a bug in ocireg: {} ({place})", text.unwrap_or("panic")))
}

/// The error for an argument that must not be NULL.
pub(super) fn null(name: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the argument {name} is NULL"))
}

/// A required string argument.
pub(super) unsafe fn text<'a>(argument: *const c_char, name: &str) -> Result<&'a str> {
    unsafe { optional_text(argument, name) }?.ok_or_else(|| null(name))
}

/// A string argument that may be NULL.
pub(super) unsafe fn optional_text<'a>(argument: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if argument.is_null() {
        return Ok(None);
    }
    let text = unsafe { CStr::from_ptr(argument) }.to_str();
    text.map(Some).map_err(|_| Error::new(Code::InvalidArgument, format!("the argument {name} is not valid UTF-8")))
}

/// Bytes with their length; NULL stands for none when the length is 0.
pub(super) unsafe fn bytes<'a>(data: *const u8, size: usize, name: &str) -> Result<&'a [u8]> {
    match (data.is_null(), size) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        (false, size) if size > isize::MAX as usize => {
            Err(Error::new(Code::InvalidArgument, format!("the size of {name} is out of range")))
        }
        (false, size) => Ok(unsafe { std::slice::from_raw_parts(data, size) }),
    }
}

/// A descriptor of the caller's, borrowed for the call.
pub(super) unsafe fn descriptor<'a>(fd: i32) -> Result<BorrowedFd<'a>> {
    match fd {
        0.. => Ok(unsafe { BorrowedFd::borrow_raw(fd) }),
        _ => Err(Error::new(Code::InvalidArgument, format!("the argument fd is {fd}"))),
    }
}
