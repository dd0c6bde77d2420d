//! How the call of a job ended.

use std::any::Any;

use super::error::ocireg_error;
use super::handle::Owned;
use super::job_result::JobResult;
use super::out::Out;
use super::panics::{caught, panicked};
use super::status::{ocireg_status, OCIREG_OK};
use crate::error::{Error, Result};
use crate::mutex::lock;

/// How a call ended.
pub(super) struct JobOutcome {
    pub(super) status: ocireg_status,
    pub(super) error: Option<Owned<ocireg_error>>,
    pub(super) kept: JobResult,
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
        let (status, kept) = (error.code().number(), JobResult::default());
        JobOutcome { status, error: Some(Owned::new(ocireg_error::content(error))), kept }
    }

    /// What a new handle was to hold, if it has not been taken.
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
