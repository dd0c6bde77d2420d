//! Bytes that a callback gives or takes.

use std::ffi::c_void;
use std::io::Write;

use super::context::Userdata;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::stream::source::{Source, PIECE};

/// Gives the bytes of a blob: puts up to `size` bytes into `buffer` and returns how many; 0 is the end, a negative number
/// stops the call with OCIREG_CALLBACK.
pub type ocireg_read_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, buffer: *mut u8, size: usize) -> i64>;

/// Takes bytes, all of them. 0 goes on; anything else stops the call with OCIREG_CALLBACK.
pub type ocireg_write_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, data: *const u8, size: usize) -> i32>;

/// Bytes that a callback gives.
pub(super) struct CallerSource {
    read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i64,
    userdata: Userdata,
    over: bool,
    call: Option<Call>,
}

impl Source for CallerSource {
    fn piece(&mut self, most: usize) -> Result<bytes::Bytes> {
        let mut piece = vec![0; most.min(PIECE)];
        let mut filled = 0;
        while filled < piece.len() && !self.over {
            // A slow caller gives few bytes at a time, and the call may have to end before a piece is full.
            self.call.as_ref().map_or(Ok(()), Call::check)?;
            let count = self.read(&mut piece[filled..])?;
            filled += count;
            self.over = count == 0;
        }
        piece.truncate(filled);
        Ok(piece.into())
    }
}

impl CallerSource {
    pub(super) fn new(
        read: unsafe extern "C" fn(*mut c_void, *mut u8, usize) -> i64,
        userdata: *mut c_void,
    ) -> CallerSource {
        CallerSource { read, userdata: Userdata::new(userdata), over: false, call: None }
    }

    /// Ends with a call.
    pub(super) fn of(self, call: &Call) -> CallerSource {
        CallerSource { call: Some(call.clone()), ..self }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let answer = unsafe { (self.read)(self.userdata.pointer(), buffer.as_mut_ptr(), buffer.len()) };
        let stopped = |why: &str| Error::new(Code::Callback, format!("the caller's read callback {why}"));
        let count = usize::try_from(answer).map_err(|_| stopped("stopped the call"))?;
        if count > buffer.len() {
            return Err(stopped(&format!("says it put {count} bytes into a buffer of {}", buffer.len())));
        }
        Ok(count)
    }
}

/// Where a callback takes the bytes.
pub(super) struct CallerSink {
    write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> i32,
    userdata: Userdata,
}

impl CallerSink {
    pub(super) fn new(
        write: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> i32,
        userdata: *mut c_void,
    ) -> CallerSink {
        CallerSink { write, userdata: Userdata::new(userdata) }
    }
}

impl Write for CallerSink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match unsafe { (self.write)(self.userdata.pointer(), bytes.as_ptr(), bytes.len()) } {
            0 => Ok(bytes.len()),
            _ => Err(std::io::Error::other(Error::new(Code::Callback, "the caller's write callback stopped the call"))),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
