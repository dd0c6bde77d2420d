//! What a caller lends to a call: a job, which goes on when the caller has left, has copies.

use std::borrow::Cow;

use super::argument::{bytes, copied, descriptor};
use super::context::{self, ocireg_context};
use crate::error::Result;
use crate::os::descriptor::{AsFd, BorrowedFd, OwnedFd};

/// Bytes of the caller's: lent to a call that is made here, copied for that of a job, which goes on when the caller has left.
pub(super) unsafe fn bytes_for(
    context: *const ocireg_context,
    data: *const u8,
    size: usize,
    name: &str,
) -> Result<Cow<'static, [u8]>> {
    let bytes = unsafe { bytes(data, size, name) }?;
    Ok(match unsafe { context::job(context) } {
        None => Cow::Borrowed(bytes),
        Some(_) => Cow::Owned(bytes.to_vec()),
    })
}

/// A descriptor of the caller's: lent or copied, as bytes are.
pub(super) enum CallerFd {
    Lent(BorrowedFd<'static>),
    Copied(OwnedFd),
}

impl AsFd for CallerFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            CallerFd::Lent(fd) => *fd,
            CallerFd::Copied(fd) => fd.as_fd(),
        }
    }
}

pub(super) unsafe fn descriptor_for(context: *const ocireg_context, fd: i32) -> Result<CallerFd> {
    match unsafe { context::job(context) } {
        None => unsafe { descriptor(fd) }.map(CallerFd::Lent),
        Some(_) => unsafe { copied(fd) }.map(CallerFd::Copied),
    }
}
