//! Blobs read piece by piece.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::download::Pieces;
use crate::error::{Code, Error, Result};
use crate::ffi::argument::null;
use crate::ffi::call::begin_job;
use crate::ffi::context::Userdata;
use crate::ffi::error::ocireg_error;
use crate::ffi::guard::enter_blocking;
use crate::ffi::handle::{self, opaque, Handle};
use crate::ffi::job::ClientJob;
use crate::ffi::out::{Count, Json};
use crate::ffi::panics::quietly;
use crate::ffi::sigpipe;
use crate::ffi::status::ocireg_status;

/// An open blob. It belongs to one thread at a time, and may move between threads; a second one at the same time gets
/// OCIREG_BUSY. It keeps what it needs of its client and context, so the order of the frees does not matter.
pub(in crate::ffi) struct ocireg_blob_reader(Handle<Mutex<Open>>);

/// The reader, until it is closed, and the bytes that did not fit into the caller's last buffer.
pub(in crate::ffi) struct Open {
    reader: Option<Box<dyn Pieces>>,
    rest: bytes::Bytes,
    delivered: u64,
    /// The job that has opened it: it reads too.
    job: Option<Arc<ClientJob>>,
}

opaque!(ocireg_blob_reader, Mutex<Open>, 0x6f63_6972_6567_0003);

/// The content of a handle that one thread uses at a time.
pub(in crate::ffi) fn exclusively<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Error::new(Code::Busy, "the handle is in use on another thread")),
    }
}

fn closed() -> Error {
    Error::new(Code::Closed, "the blob reader is closed")
}

/// What is known of an open blob: {"digest": string, "size": number or null, "offset": number, "mediaType": string or null}.
/// Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CLOSED, OCIREG_BUSY, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_info(
    reader: *const ocireg_blob_reader,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, Json::required(json), || {
            let reader = handle::get(reader, "reader")?;
            let open = exclusively(&reader)?;
            Ok(open.reader.as_ref().ok_or_else(closed)?.info())
        })
    }
}

/// Reads up to `size` bytes; `*read` says how many. 0 is the end, and then the blob has been verified: a wrong digest or a
/// short transfer is an error, never an end. A broken transfer is resumed automatically.
/// After an error the reader answers that error from then on; only a progress callback that stopped it costs
/// nothing. Blocks.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH, OCIREG_SIZE_MISMATCH, OCIREG_CLOSED, OCIREG_BUSY.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_read(
    reader: *mut ocireg_blob_reader,
    buffer: *mut u8,
    size: usize,
    read: *mut usize,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    let of_job = unsafe { handle::peek(reader) }.and_then(|reader| exclusively(reader).ok()?.job.clone());
    let out = Count::required(read, "read");
    let buffer = Userdata::new(buffer.cast());
    let prepare = || unsafe { Reading::new(handle::get(reader, "reader")?, buffer, size) };
    unsafe {
        match of_job {
            None => enter_blocking(error, out, || prepare()?.read()),
            Some(job) => begin_job::<_, Count>(error, &out, &job, || {
                let reading = prepare()?;
                Ok(Box::new(move || reading.read()))
            }),
        }
    }
}

/// A read that is about to be made: the buffer is the caller's, lent until it has ended.
struct Reading {
    reader: Arc<Mutex<Open>>,
    buffer: Userdata,
    size: usize,
}

impl Reading {
    fn new(reader: Arc<Mutex<Open>>, buffer: Userdata, size: usize) -> Result<Reading> {
        if buffer.pointer().is_null() {
            return Err(null("buffer"));
        }
        if size == 0 {
            return Err(Error::new(Code::InvalidArgument, "the argument size is 0, which would look like the end"));
        }
        Ok(Reading { reader, buffer, size })
    }

    unsafe fn read(self) -> Result<usize> {
        let piece = exclusively(&self.reader)?.take(self.size)?;
        unsafe { std::ptr::copy_nonoverlapping(piece.as_ptr(), self.buffer.pointer().cast(), piece.len()) };
        Ok(piece.len())
    }
}

impl Open {
    pub(in crate::ffi) fn new(reader: impl Pieces + 'static) -> Mutex<Open> {
        Mutex::new(Open { reader: Some(Box::new(reader)), rest: bytes::Bytes::new(), delivered: 0, job: None })
    }

    /// A reader that a job has opened.
    pub(in crate::ffi) fn of_job(open: Mutex<Open>, job: &Arc<ClientJob>) -> Mutex<Open> {
        Mutex::new(Open { job: Some(job.clone()), ..crate::sync::into_inner(open) })
    }

    fn take(&mut self, size: usize) -> Result<bytes::Bytes> {
        let reader = self.reader.as_mut().ok_or_else(closed)?;
        if self.rest.is_empty() {
            self.rest = reader.piece()?.unwrap_or_default();
        }
        let count = size.min(self.rest.len());
        // Before they are taken: a callback that stops the call must not cost bytes.
        reader.report(self.delivered + count as u64)?;
        self.delivered += count as u64;
        Ok(self.rest.split_to(count))
    }
}

/// Closes a reader: ends the transfer; later reads answer OCIREG_CLOSED. Any number of times. While another thread is in
/// a read it answers OCIREG_BUSY; the reader's context ends such a read.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_BUSY, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_close(
    reader: *mut ocireg_blob_reader,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter_blocking(error, (), || {
            let reader = handle::get(reader, "reader")?;
            let mut open = exclusively(&reader)?;
            open.reader = None;
            open.rest = bytes::Bytes::new();
            Ok(())
        })
    }
}

/// Frees a reader. NULL is accepted, and anything that is not a reader is ignored.
#[no_mangle]
pub unsafe extern "C" fn ocireg_blob_reader_free(reader: *mut ocireg_blob_reader) {
    sigpipe::without(|| quietly((), || unsafe { handle::free(reader) }));
}
