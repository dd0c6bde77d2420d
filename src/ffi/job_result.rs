//! The results of a call that a job keeps until the caller has read them.

use std::any::Any;
use std::ffi::c_char;
use std::sync::Mutex;

use zeroize::Zeroizing;

use super::handle::Owned;
use super::memory::ocireg_buffer;
use crate::error::{Code, Error, Result};

/// The results of a call, those that it has.
#[derive(Default)]
pub(super) struct JobResult {
    pub(super) text: Option<ResultText>,
    pub(super) bytes: Option<Owned<ocireg_buffer>>,
    pub(super) handle: Mutex<Option<Box<dyn Any + Send>>>,
}

/// A text that ends as C's do. It is wiped when it is dropped: it may hold a token.
pub(super) struct ResultText(Zeroizing<Vec<u8>>);

impl ResultText {
    fn new(text: &str) -> Option<ResultText> {
        // At once in its size: what grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        (!text.contains('\0')).then_some(ResultText(bytes))
    }

    /// As long as this is there.
    pub(super) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

impl JobResult {
    pub(super) fn text(text: &str) -> Result<JobResult> {
        Ok(JobResult { text: Some(ResultText::new(text).ok_or_else(nul)?), ..JobResult::default() })
    }

    /// What a new handle will hold.
    pub(super) fn handle(content: impl Any + Send) -> JobResult {
        JobResult { handle: Mutex::new(Some(Box::new(content))), ..JobResult::default() }
    }
}

/// The error for a result that C cannot read.
pub(super) fn nul() -> Error {
    Error::new(Code::Protocol, "the result holds a NUL character")
}
