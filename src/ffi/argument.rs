//! The arguments of entries: each is looked at before it is used.

use std::ffi::{c_char, CStr};

use crate::error::{Code, Error, Result};
use crate::os::descriptor::{BorrowedFd, OwnedFd};

/// The error for an argument that must not be NULL.
pub(super) fn null(name: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("the argument {name} is NULL"))
}

/// A required string argument, for as long as the entry has it: a job needs a [`string`].
pub(super) unsafe fn text<'a>(argument: &'a *const c_char, name: &str) -> Result<&'a str> {
    unsafe { optional_text(argument, name) }?.ok_or_else(|| null(name))
}

/// A copy of a required string argument.
pub(super) unsafe fn string(argument: *const c_char, name: &str) -> Result<String> {
    unsafe { text(&argument, name) }.map(str::to_owned)
}

/// A string argument that may be NULL.
pub(super) unsafe fn optional_text<'a>(argument: &'a *const c_char, name: &str) -> Result<Option<&'a str>> {
    if argument.is_null() {
        return Ok(None);
    }
    let text = unsafe { CStr::from_ptr(*argument) }.to_str();
    text.map(Some).map_err(|_| Error::new(Code::InvalidArgument, format!("the argument {name} is not valid UTF-8")))
}

/// Bytes with their length, lent for the call; NULL stands for none when the length is 0.
pub(super) unsafe fn bytes(data: *const u8, size: usize, name: &str) -> Result<&'static [u8]> {
    match (data.is_null(), size) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        (false, size) if size > isize::MAX as usize => {
            Err(Error::new(Code::InvalidArgument, format!("the size of {name} is out of range")))
        }
        (false, size) => Ok(unsafe { std::slice::from_raw_parts(data, size) }),
    }
}

/// A descriptor of the caller's, lent for the call.
pub(super) unsafe fn descriptor(fd: i32) -> Result<BorrowedFd<'static>> {
    match fd {
        0.. => Ok(unsafe { BorrowedFd::borrow_raw(fd) }),
        _ => Err(Error::new(Code::InvalidArgument, format!("the argument fd is {fd}"))),
    }
}

/// A duplicate of the caller's descriptor, for the length of a call.
pub(super) unsafe fn copied(fd: i32) -> Result<OwnedFd> {
    let copy = unsafe { descriptor(fd) }?.try_clone_to_owned();
    copy.map_err(|error| Error::io(format!("cannot use the descriptor {fd}"), &error))
}
