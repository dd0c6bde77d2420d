//! What an entry gives back: out-parameters, which are emptied when it begins and filled when it has succeeded.

use std::ffi::c_char;
use std::ptr::null_mut;

use serde::Serialize;

use super::argument::null;
use super::handle::{self, Opaque};
use super::memory::{new_string, ocireg_buffer};
use crate::error::{Code, Error, Result};

/// The out-parameter, or several, for a result of this type.
pub(super) trait Out<T> {
    unsafe fn empty(&self) -> Result<()>;
    /// Only once it was emptied, which looks at the pointer.
    unsafe fn fill(&self, value: T) -> Result<()>;
}

/// Where one value goes. Without a name the caller may leave it out.
struct Place<T> {
    place: *mut T,
    name: Option<&'static str>,
}

impl<T> Place<T> {
    unsafe fn put(&self, value: T) -> Result<()> {
        match (self.is_wanted(), self.name) {
            (true, _) => unsafe { self.place.write(value) },
            (false, Some(name)) => return Err(null(name)),
            (false, None) => (),
        }
        Ok(())
    }

    fn is_wanted(&self) -> bool {
        !self.place.is_null()
    }
}

/// A result as JSON.
pub(super) struct Json(Place<*mut c_char>);

impl Json {
    pub(super) fn required(json: *mut *mut c_char) -> Json {
        Json(Place { place: json, name: Some("json") })
    }

    pub(super) fn optional(json: *mut *mut c_char) -> Json {
        Json(Place { place: json, name: None })
    }
}

impl<T: Serialize> Out<T> for Json {
    unsafe fn empty(&self) -> Result<()> {
        unsafe { self.0.put(null_mut()) }
    }

    unsafe fn fill(&self, value: T) -> Result<()> {
        if !self.0.is_wanted() {
            return Ok(());
        }
        let text = crate::json::text(&value)
            .map_err(|error| Error::new(Code::Internal, format!("the result cannot be written as JSON: {error}")))?;
        unsafe { self.0.put(c_text(&text)?) }
    }
}

/// A result that is a text.
pub(super) struct Text(Place<*mut c_char>);

impl Text {
    pub(super) fn required(place: *mut *mut c_char, name: &'static str) -> Text {
        Text(Place { place, name: Some(name) })
    }
}

impl Out<String> for Text {
    unsafe fn empty(&self) -> Result<()> {
        unsafe { self.0.put(null_mut()) }
    }

    unsafe fn fill(&self, value: String) -> Result<()> {
        unsafe { self.0.put(c_text(&value)?) }
    }
}

fn c_text(text: &str) -> Result<*mut c_char> {
    new_string(text).ok_or_else(|| Error::new(Code::Protocol, "the result holds a NUL character"))
}

/// Exact bytes.
pub(super) struct Bytes(Place<*mut ocireg_buffer>);

impl Bytes {
    pub(super) fn required(place: *mut *mut ocireg_buffer, name: &'static str) -> Bytes {
        Bytes(Place { place, name: Some(name) })
    }

    pub(super) fn optional(place: *mut *mut ocireg_buffer) -> Bytes {
        Bytes(Place { place, name: None })
    }
}

impl Out<Vec<u8>> for Bytes {
    unsafe fn empty(&self) -> Result<()> {
        unsafe { self.0.put(null_mut()) }
    }

    unsafe fn fill(&self, value: Vec<u8>) -> Result<()> {
        match self.0.is_wanted() {
            true => unsafe { self.0.put(ocireg_buffer::new(value)) },
            false => Ok(()),
        }
    }
}

/// A new handle.
pub(super) struct New<H>(Place<*mut H>);

impl<H> New<H> {
    pub(super) fn required(place: *mut *mut H, name: &'static str) -> New<H> {
        New(Place { place, name: Some(name) })
    }
}

impl<H: Opaque> Out<H::Content> for New<H> {
    unsafe fn empty(&self) -> Result<()> {
        unsafe { self.0.put(null_mut()) }
    }

    unsafe fn fill(&self, value: H::Content) -> Result<()> {
        unsafe { self.0.put(handle::new(value)) }
    }
}

/// A number of bytes.
pub(super) struct Count(Place<usize>);

impl Count {
    pub(super) fn required(place: *mut usize, name: &'static str) -> Count {
        Count(Place { place, name: Some(name) })
    }
}

impl Out<usize> for Count {
    unsafe fn empty(&self) -> Result<()> {
        unsafe { self.0.put(0) }
    }

    unsafe fn fill(&self, value: usize) -> Result<()> {
        unsafe { self.0.put(value) }
    }
}

/// Nothing but the status.
impl Out<()> for () {
    unsafe fn empty(&self) -> Result<()> {
        Ok(())
    }

    unsafe fn fill(&self, (): ()) -> Result<()> {
        Ok(())
    }
}

impl<A, B> Out<(A, B)> for (Json, Bytes)
where
    Json: Out<A>,
    Bytes: Out<B>,
{
    unsafe fn empty(&self) -> Result<()> {
        unsafe {
            Out::<A>::empty(&self.0)?;
            Out::<B>::empty(&self.1)
        }
    }

    unsafe fn fill(&self, (first, second): (A, B)) -> Result<()> {
        unsafe {
            self.0.fill(first)?;
            self.1.fill(second)
        }
    }
}
