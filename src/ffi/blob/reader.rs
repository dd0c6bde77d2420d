//! Blobs read piece by piece.

use std::ffi::c_char;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use crate::download::Pieces;
use crate::error::{Code, Error, Result};
use crate::ffi::argument::null;
use crate::ffi::call::{begin_job, WorkOfJob};
use crate::ffi::client_job::ClientJob;
use crate::ffi::entry::enter_blocking;
use crate::ffi::error::ocireg_error;
use crate::ffi::handle::{self, opaque, Handle};
use crate::ffi::out::{Bytes, Count, Json, Of, Out};
use crate::ffi::panics::quietly;
use crate::ffi::sigpipe;
use crate::ffi::status::ocireg_status;
use crate::job::CallProgress;

/// An open blob. It belongs to one thread at a time, and may move between threads; a second one at the same time gets
/// OCIREG_BUSY. It keeps what it needs of its client and context, so the order of the frees does not matter; one that a job has opened
/// reads as long as the job is there.
pub(in crate::ffi) struct ocireg_blob_reader(Handle<OpenBlob>);

/// The reader, and the job that has opened it, if one has: it reads too.
pub(in crate::ffi) struct OpenBlob {
    open: Arc<Mutex<Open>>,
    job: Option<Arc<ClientJob>>,
}

/// The reader, until it is closed, and the bytes that did not fit into the caller's last buffer.
struct Open {
    pieces: Option<Box<dyn Pieces>>,
    rest: bytes::Bytes,
    delivered: u64,
}

opaque!(ocireg_blob_reader, OpenBlob, 0x6f63_6972_6567_0003);

impl OpenBlob {
    pub(in crate::ffi) fn new(pieces: Box<dyn Pieces>) -> OpenBlob {
        let open = Open { pieces: Some(pieces), rest: bytes::Bytes::new(), delivered: 0 };
        OpenBlob { open: Arc::new(Mutex::new(open)), job: None }
    }

    pub(in crate::ffi) fn of_job(mut self, job: &Arc<ClientJob>) -> OpenBlob {
        self.job = Some(job.clone());
        self
    }
}

/// The content of a handle that one thread uses at a time.
pub(in crate::ffi) fn exclusively<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(Code::Busy, "the handle is in use, on another thread or by its job"))
        }
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
        enter_blocking(error, Of::new(reader, "reader", Json::required(json)), || {
            let reader = handle::get(reader, "reader")?;
            let open = exclusively(&reader.open)?;
            Ok(open.pieces.as_ref().ok_or_else(closed)?.info())
        })
    }
}

/// Reads up to `size` bytes; `*read` says how many. 0 is the end, and then the blob has been verified: a wrong digest or a
/// short transfer is an error, never an end. A broken transfer is resumed automatically.
/// After an error the reader answers that error from then on; only a progress callback that stopped it costs
/// nothing. Blocks.
///
/// A reader that a job has opened returns at once, with `*read` 0, which is not the end: the bytes are ocireg_job_bytes when the job's
/// call has ended, and none are the end. `buffer` is not used then.
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
    let out = Count::required(read, "read");
    match unsafe { job_of(reader) } {
        None => unsafe { enter_blocking(error, Of::new(reader, "reader", out), || read_into(reader, buffer, size)) },
        Some((job, open)) => unsafe {
            Out::<usize>::clear(&out);
            // A job's caller may leave before the end, and take the buffer along: the bytes are the job's.
            begin_job::<_, Bytes>(error, &Bytes::optional(std::ptr::null_mut()), &job, CallProgress::GoesOn, || {
                check(size)?;
                Ok(WorkOfJob::of_handle(move || exclusively(&open)?.take(size).map(Vec::from)))
            })
        },
    }
}

/// The job that has opened a reader, if one has.
unsafe fn job_of(reader: *const ocireg_blob_reader) -> Option<(Arc<ClientJob>, Arc<Mutex<Open>>)> {
    let reader = unsafe { handle::peek(reader) }?;
    Some((reader.job.clone()?, reader.open.clone()))
}

unsafe fn read_into(reader: *const ocireg_blob_reader, buffer: *mut u8, size: usize) -> Result<usize> {
    if buffer.is_null() {
        return Err(null("buffer"));
    }
    check(size)?;
    let piece = exclusively(&unsafe { handle::get(reader, "reader") }?.open)?.take(size)?;
    unsafe { std::ptr::copy_nonoverlapping(piece.as_ptr(), buffer, piece.len()) };
    Ok(piece.len())
}

fn check(size: usize) -> Result<()> {
    match size {
        0 => Err(Error::new(Code::InvalidArgument, "the argument size is 0, which would look like the end")),
        _ => Ok(()),
    }
}

impl Open {
    fn take(&mut self, size: usize) -> Result<bytes::Bytes> {
        let pieces = self.pieces.as_mut().ok_or_else(closed)?;
        if self.rest.is_empty() {
            self.rest = pieces.piece()?.unwrap_or_default();
        }
        let count = size.min(self.rest.len());
        // Before they are taken: a callback that stops the call must not cost bytes.
        pieces.report(self.delivered + count as u64)?;
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
            let mut open = exclusively(&reader.open)?;
            open.pieces = None;
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
