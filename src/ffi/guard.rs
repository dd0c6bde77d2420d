//! The border: no panic crosses it or prints anything, and every argument is looked at before it is used.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, CStr};
use std::os::fd::BorrowedFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::ocireg_error;
use super::sigpipe;
use super::status::{ocireg_status, OCIREG_OK};
use crate::error::{Code, Error, Result};
use crate::os::{main_thread, standard};

/// Runs the body of an entry, and hands its error to the caller. The error out-parameter is set to NULL first.
pub(super) unsafe fn enter(error: *mut *mut ocireg_error, body: impl FnOnce() -> Result<()>) -> ocireg_status {
    if !error.is_null() {
        unsafe { error.write(std::ptr::null_mut()) };
    }
    let failure = match caught(body) {
        Ok(Ok(())) => return OCIREG_OK,
        Ok(Err(failure)) => failure,
        Err(payload) => panicked(payload.as_ref()),
    };
    let code = failure.code().number();
    if !error.is_null() {
        let boxed = catch_unwind(AssertUnwindSafe(|| ocireg_error::new(failure)));
        unsafe { error.write(boxed.unwrap_or(std::ptr::null_mut())) };
    }
    code
}

/// [`enter`] for a call that may use the network or write to a descriptor: with SIGPIPE blocked on this thread, and no file or socket
/// of ours where the program expects its standard input and output.
pub(super) unsafe fn enter_blocking(error: *mut *mut ocireg_error, body: impl FnOnce() -> Result<()>) -> ocireg_status {
    standard::occupy();
    sigpipe::without(|| unsafe { enter(error, body) })
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

/// An out-parameter: emptied when the call begins, filled when it succeeds.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// One that the caller must give.
    pub(super) unsafe fn required(place: *mut T, empty: T, name: &str) -> Result<Out<T>> {
        if place.is_null() {
            return Err(null(name));
        }
        Ok(unsafe { Out::optional(place, empty) })
    }

    /// One that the caller may leave out.
    pub(super) unsafe fn optional(place: *mut T, empty: T) -> Out<T> {
        if !place.is_null() {
            unsafe { place.write(empty) };
        }
        Out(place)
    }

    /// Whether the caller wants it.
    pub(super) fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }

    /// Fills it.
    pub(super) fn put(&self, value: T) {
        if !self.0.is_null() {
            // The pointer was checked and written to when the call began.
            unsafe { self.0.write(value) };
        }
    }
}

impl Out<*mut c_char> {
    /// Fills it with a result as JSON.
    pub(super) fn put_json(&self, value: &impl serde::Serialize) -> Result<()> {
        if self.is_wanted() {
            let text = crate::json::text(value)
                .map_err(|error| Error::new(Code::Internal, format!("the result is no JSON: {error}")))?;
            self.put_text(text)?;
        }
        Ok(())
    }

    /// Fills it with text.
    pub(super) fn put_text(&self, text: String) -> Result<()> {
        if self.is_wanted() {
            let none = || Error::new(Code::Protocol, "the result holds a NUL character");
            self.put(super::memory::new_string(&text).ok_or_else(none)?);
        }
        Ok(())
    }
}
