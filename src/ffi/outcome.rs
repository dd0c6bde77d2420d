//! What a job keeps of its call until the caller has read it.

use std::any::Any;
use std::ffi::CString;
use std::sync::Mutex;

use super::error::ocireg_error;
use super::handle::Owned;
use super::memory::ocireg_buffer;
use super::out::Out;
use super::panics::{caught, panicked};
use super::status::{ocireg_status, OCIREG_OK};
use crate::error::{Error, Result};
use crate::sync::lock;

/// The results of a call, those that it has.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) text: Option<CString>,
    pub(super) bytes: Option<Owned<ocireg_buffer>>,
    pub(super) handle: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Kept {
    pub(super) fn text(text: &str) -> Result<Kept> {
        Ok(Kept { text: Some(CString::new(text).map_err(|_| super::out::nul())?), ..Kept::default() })
    }

    /// What a new handle will hold.
    pub(super) fn handle(content: impl Any + Send) -> Kept {
        Kept { handle: Mutex::new(Some(Box::new(content))), ..Kept::default() }
    }
}

/// How a call ended.
pub(super) struct JobOutcome {
    pub(super) status: ocireg_status,
    pub(super) error: Option<Owned<ocireg_error>>,
    pub(super) kept: Kept,
}

impl JobOutcome {
    /// Makes the call. A panic in it is an error, as in every entry.
    pub(super) fn of<T, W: Out<T>>(call: impl FnOnce() -> Result<T>) -> JobOutcome {
        match caught(|| W::keep(call()?)).unwrap_or_else(|payload| Err(panicked(payload.as_ref()))) {
            Ok(kept) => JobOutcome { status: OCIREG_OK, error: None, kept },
            Err(error) => JobOutcome::failed(error),
        }
    }

    fn failed(error: Error) -> JobOutcome {
        let (status, kept) = (error.code().number(), Kept::default());
        JobOutcome { status, error: Some(Owned::new(ocireg_error::content(error))), kept }
    }

    /// What a new handle was to hold, if nobody has taken it.
    pub(super) fn untaken(&self) -> Option<Box<dyn Any + Send>> {
        lock(&self.kept.handle).take()
    }

    /// The content of a new handle of this type, once.
    pub(super) fn take<T: Any>(&self) -> Option<T> {
        let mut handle = lock(&self.kept.handle);
        let content = handle.take()?.downcast::<T>();
        content.map_err(|other| *handle = Some(other)).ok().map(|content| *content)
    }
}
