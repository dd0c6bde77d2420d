//! What an entry gives back: out-parameters, which are emptied when it begins and filled when it has succeeded.

use std::ffi::c_char;
use std::ptr::null_mut;

use serde::Serialize;
use zeroize::Zeroizing;

use super::argument::null;
use super::handle::{self, Opaque, Owned};
use super::job_result::{nul, JobResult};
use super::memory::{new_string, ocireg_buffer};

use crate::error::{Code, Error, Result};

/// The out-parameter, or several, for a result of this type.
pub(super) trait Out<T> {
    /// Empties it.
    unsafe fn clear(&self);
    /// Whether there is one, where there must be.
    fn check(&self) -> Result<()>;
    unsafe fn fill(&self, value: T) -> Result<()>;
    /// The result of a job's call, for which there is no out-parameter.
    fn keep(value: T) -> Result<JobResult>;
}

/// Where one value goes. Without a name the caller may leave it out.
struct OutParameter<T> {
    place: *mut T,
    name: Option<&'static str>,
}

impl<T> OutParameter<T> {
    unsafe fn put(&self, value: T) {
        if self.is_wanted() {
            unsafe { self.place.write(value) };
        }
    }

    fn is_wanted(&self) -> bool {
        !self.place.is_null()
    }

    fn check(&self) -> Result<()> {
        match self.name {
            Some(name) if !self.is_wanted() => Err(null(name)),
            _ => Ok(()),
        }
    }
}

/// A result as JSON.
pub(super) struct Json(OutParameter<*mut c_char>);

impl Json {
    pub(super) fn required(json: *mut *mut c_char) -> Json {
        Json(OutParameter { place: json, name: Some("json") })
    }

    pub(super) fn optional(json: *mut *mut c_char) -> Json {
        Json(OutParameter { place: json, name: None })
    }
}

impl<T: Serialize> Out<T> for Json {
    unsafe fn clear(&self) {
        unsafe { self.0.put(null_mut()) };
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    unsafe fn fill(&self, value: T) -> Result<()> {
        if self.0.is_wanted() {
            unsafe { self.0.put(c_text(&written(&value)?)?) };
        }
        Ok(())
    }

    fn keep(value: T) -> Result<JobResult> {
        JobResult::text(&written(&value)?)
    }
}

/// Wiped when it has been copied for the caller: it may hold a token.
fn written(value: &impl Serialize) -> Result<Zeroizing<String>> {
    crate::json::text(value)
        .map(Zeroizing::new)
        .map_err(|error| Error::new(Code::Internal, format!("the result cannot be written as JSON: {error}")))
}

/// A result that is a text.
pub(super) struct Text(OutParameter<*mut c_char>);

impl Text {
    pub(super) fn required(place: *mut *mut c_char, name: &'static str) -> Text {
        Text(OutParameter { place, name: Some(name) })
    }
}

impl Out<String> for Text {
    unsafe fn clear(&self) {
        unsafe { self.0.put(null_mut()) };
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    unsafe fn fill(&self, value: String) -> Result<()> {
        unsafe { self.0.put(c_text(&value)?) };
        Ok(())
    }

    fn keep(value: String) -> Result<JobResult> {
        JobResult::text(&value)
    }
}

fn c_text(text: &str) -> Result<*mut c_char> {
    new_string(text).ok_or_else(nul)
}

/// Exact bytes.
pub(super) struct Bytes(OutParameter<*mut ocireg_buffer>);

impl Bytes {
    pub(super) fn required(place: *mut *mut ocireg_buffer, name: &'static str) -> Bytes {
        Bytes(OutParameter { place, name: Some(name) })
    }

    pub(super) fn optional(place: *mut *mut ocireg_buffer) -> Bytes {
        Bytes(OutParameter { place, name: None })
    }
}

impl Out<Vec<u8>> for Bytes {
    unsafe fn clear(&self) {
        unsafe { self.0.put(null_mut()) };
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    unsafe fn fill(&self, value: Vec<u8>) -> Result<()> {
        if self.0.is_wanted() {
            unsafe { self.0.put(ocireg_buffer::new(value)) };
        }
        Ok(())
    }

    fn keep(value: Vec<u8>) -> Result<JobResult> {
        Ok(JobResult { bytes: Some(Owned::new(value)), ..JobResult::default() })
    }
}

/// A new handle.
pub(super) struct New<H>(OutParameter<*mut H>);

impl<H> New<H> {
    pub(super) fn required(place: *mut *mut H, name: &'static str) -> New<H> {
        New(OutParameter { place, name: Some(name) })
    }
}

impl<H: Opaque<Content: Send + 'static>> Out<H::Content> for New<H> {
    unsafe fn clear(&self) {
        unsafe { self.0.put(null_mut()) };
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    unsafe fn fill(&self, value: H::Content) -> Result<()> {
        unsafe { self.0.put(handle::new(value)) };
        Ok(())
    }

    fn keep(value: H::Content) -> Result<JobResult> {
        Ok(JobResult::handle(value))
    }
}

/// A number, or a pointer that is lent.
pub(super) struct Plain<T>(OutParameter<T>, T);

impl<T: Copy> Plain<T> {
    /// With what stands for none.
    pub(super) fn required(place: *mut T, name: &'static str, none: T) -> Plain<T> {
        Plain(OutParameter { place, name: Some(name) }, none)
    }
}

impl<T: Copy> Out<T> for Plain<T> {
    unsafe fn clear(&self) {
        unsafe { self.0.put(self.1) };
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    unsafe fn fill(&self, value: T) -> Result<()> {
        unsafe { self.0.put(value) };
        Ok(())
    }

    fn keep(_: T) -> Result<JobResult> {
        Ok(JobResult::default())
    }
}

/// A number of bytes.
pub(super) struct Count(OutParameter<usize>);

impl Count {
    pub(super) fn required(place: *mut usize, name: &'static str) -> Count {
        Count(OutParameter { place, name: Some(name) })
    }
}

impl Out<usize> for Count {
    unsafe fn clear(&self) {
        unsafe { self.0.put(0) };
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    unsafe fn fill(&self, value: usize) -> Result<()> {
        unsafe { self.0.put(value) };
        Ok(())
    }

    fn keep(_: usize) -> Result<JobResult> {
        Ok(JobResult::default())
    }
}

/// What an entry with a handle gives back: one of the parent process is refused before anything else is looked at.
pub(super) struct Of<H, W> {
    handle: *const H,
    name: &'static str,
    out: W,
}

impl<H: Opaque, W> Of<H, W> {
    pub(super) fn new(handle: *const H, name: &'static str, out: W) -> Of<H, W> {
        Of { handle, name, out }
    }
}

impl<T, H: Opaque, W: Out<T>> Out<T> for Of<H, W> {
    unsafe fn clear(&self) {
        unsafe { self.out.clear() };
    }

    fn check(&self) -> Result<()> {
        unsafe { handle::refuse_forked(self.handle, self.name) }?;
        self.out.check()
    }

    unsafe fn fill(&self, value: T) -> Result<()> {
        unsafe { self.out.fill(value) }
    }

    fn keep(value: T) -> Result<JobResult> {
        W::keep(value)
    }
}

/// What a call gives back that is not a job's. Where a job was meant and there was none, a result is missing that the job would have had.
pub(super) struct Direct<W>(pub(super) W);

impl<T, W: Out<T>> Out<T> for Direct<W> {
    unsafe fn clear(&self) {
        unsafe { self.0.clear() };
    }

    fn check(&self) -> Result<()> {
        let hint =
            "it may be NULL only with the context of a job, and this context belongs to no job (is the job NULL?)";
        self.0.check().map_err(|error| error.with_hint(hint))
    }

    unsafe fn fill(&self, value: T) -> Result<()> {
        unsafe { self.0.fill(value) }
    }

    fn keep(value: T) -> Result<JobResult> {
        W::keep(value)
    }
}

/// Nothing but the status.
impl Out<()> for () {
    unsafe fn clear(&self) {}

    fn check(&self) -> Result<()> {
        Ok(())
    }

    unsafe fn fill(&self, (): ()) -> Result<()> {
        Ok(())
    }

    fn keep((): ()) -> Result<JobResult> {
        Ok(JobResult::default())
    }
}

/// JSON or a number first, and something else.
impl<A, B, V: Out<A>, W: Out<B>> Out<(A, B)> for (V, W) {
    unsafe fn clear(&self) {
        unsafe {
            self.0.clear();
            self.1.clear();
        }
    }

    fn check(&self) -> Result<()> {
        self.0.check()?;
        self.1.check()
    }

    unsafe fn fill(&self, (first, second): (A, B)) -> Result<()> {
        unsafe {
            self.0.fill(first)?;
            self.1.fill(second)
        }
    }

    fn keep((first, second): (A, B)) -> Result<JobResult> {
        Ok(JobResult { bytes: W::keep(second)?.bytes, ..V::keep(first)? })
    }
}
