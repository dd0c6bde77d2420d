//! The border: what an entry does before its body and after it.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::error::ocireg_error;
use super::out::Out;
use super::panics::{caught, panicked};
use super::sigpipe;
use super::stack;
use super::status::{ocireg_status, OCIREG_OK};
use crate::error::{Error, Result};
use crate::os::standard_descriptors;

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
        out.clear();
        out.check()?;
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
    standard_descriptors::occupy();
    stack::look();
    sigpipe::without(|| unsafe { enter(error, out, body) })
}
