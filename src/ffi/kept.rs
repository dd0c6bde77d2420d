//! The results of a call that a job keeps until the caller has read them.

use std::any::Any;
use std::ffi::CString;
use std::sync::Mutex;

use super::handle::Owned;
use super::memory::ocireg_buffer;
use crate::error::{Code, Error, Result};

/// The results of a call, those that it has.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) text: Option<CString>,
    pub(super) bytes: Option<Owned<ocireg_buffer>>,
    pub(super) handle: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Kept {
    pub(super) fn text(text: &str) -> Result<Kept> {
        Ok(Kept { text: Some(CString::new(text).map_err(|_| nul())?), ..Kept::default() })
    }

    /// What a new handle will hold.
    pub(super) fn handle(content: impl Any + Send) -> Kept {
        Kept { handle: Mutex::new(Some(Box::new(content))), ..Kept::default() }
    }
}

/// The error for a result that C cannot read.
pub(super) fn nul() -> Error {
    Error::new(Code::Protocol, "the result holds a NUL character")
}
