//! Uploads that the caller feeds.

use std::borrow::Cow;
use std::ffi::c_char;
use std::sync::{Arc, Mutex};

use super::argument::{bytes, optional_text};
use super::blob::exclusively;
use super::call::{self, begin_job, WorkOfJob};
use super::client::ocireg_client;
use super::client_job::ClientJob;
use super::context::ocireg_context;
use super::entry::enter_blocking;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle};
use super::manifest::repository;
use super::options::ocireg_options;
use super::out::{Json, New, Of, Out};
use super::panics::quietly;
use super::sigpipe;
use super::status::ocireg_status;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::job::CallProgress;
use crate::registry::upload::Upload;

/// A blob that is being uploaded in chunks. It belongs to one thread at a time, and may move between threads; a second one
/// at the same time gets OCIREG_BUSY. It keeps what it needs of its client and context.
pub(super) struct ocireg_upload(Handle<Feeding>);

opaque!(ocireg_upload, Feeding, 0x6f63_6972_6567_0004);

/// An upload, and the job that has started it, if one has: it makes its calls too.
pub(super) struct Feeding {
    upload: Arc<Mutex<Option<Upload>>>,
    job: Option<Arc<ClientJob>>,
}

impl Feeding {
    fn new(upload: Upload) -> Feeding {
        Feeding { upload: Arc::new(Mutex::new(Some(upload))), job: None }
    }

    pub(super) fn of_job(mut self, job: &Arc<ClientJob>) -> Feeding {
        self.job = Some(job.clone());
        self
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            // An upload that is not finished is cancelled, which asks the registry.
            let upload = self.upload.clone();
            job.aside(move || drop(crate::mutex::lock(&upload).take()));
        }
    }
}

fn freed() -> Error {
    Error::new(Code::Closed, "the upload was freed")
}

/// Makes a call of an upload: here, or by its job.
unsafe fn call<A: Send + 'static, T: 'static, W: Out<T>>(
    error: *mut *mut ocireg_error,
    out: W,
    upload: *const ocireg_upload,
    argument: impl FnOnce(bool) -> Result<A>,
    body: impl FnOnce(&mut Upload, A) -> Result<T> + Send + 'static,
) -> ocireg_status {
    let job = unsafe { handle::peek(upload) }.and_then(|feeding| feeding.job.clone());
    let is_job = job.is_some();
    let prepare = || {
        let (argument, upload) = (argument(is_job)?, unsafe { handle::get(upload, "upload") }?.upload.clone());
        Ok::<_, Error>(move || body(exclusively(&upload)?.as_mut().ok_or_else(freed)?, argument))
    };
    unsafe {
        match job {
            None => enter_blocking(error, Of::new(upload, "upload", out), || prepare()?()),
            Some(job) => {
                begin_job::<_, W>(error, &out, &job, CallProgress::GoesOn, || Ok(WorkOfJob::of_handle(prepare()?)))
            }
        }
    }
}

/// Starts an upload of unknown length to [HOST[:PORT]/]REPOSITORY. The context, if given, also governs the writes. Free with
/// ocireg_upload_free. Blocks.
///
/// Options: {UploadOptions}
///
/// Errors: the common ones. Source: distribution-spec end-4a, end-5.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_start(
    client: *mut ocireg_client,
    context: *mut ocireg_context,
    repository: *const c_char,
    options: *const ocireg_options,
    upload: *mut *mut ocireg_upload,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        call::call(
            (error, New::required(upload, "upload"), client, context, options),
            |client| self::repository(client, repository),
            |client, call, repository, options| client.start_upload(call, &repository, &options).map(Feeding::new),
        )
    }
}

/// Adds bytes. They are copied, and sent when a chunk is full; a chunk whose sending broke is continued where the registry
/// has it. Blocks while sending.
///
/// After an error the upload is broken: it answers the same error from then on, and can only be cancelled or freed.
///
/// Errors: the common ones; OCIREG_CLOSED after its end, OCIREG_BUSY.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_write(
    upload: *mut ocireg_upload,
    data: *const u8,
    size: usize,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        let bytes = |is_job: bool| {
            let data = bytes(data, size, "data")?;
            Ok(if is_job { Cow::Owned(data.to_vec()) } else { Cow::Borrowed(data) })
        };
        call(error, (), upload, bytes, |upload, data| upload.write(&data))
    }
}

/// Ends the upload: the blob exists from now on. `digest` may be NULL; else the bytes must have it (sha256). Blocks. After
/// OCIREG_TIMEOUT or OCIREG_CANCELLED the outcome is unknown.
///
/// Result, `json` may be NULL: as in ocireg_blob_put_file. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_DIGEST_MISMATCH (the upload is cancelled then), OCIREG_CLOSED, OCIREG_BUSY. Source:
/// distribution-spec end-6.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_finish(
    upload: *mut ocireg_upload,
    digest: *const c_char,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        let digest = |_| Ok(optional_text(&digest, "digest")?.map(str::parse::<Digest>).transpose()?);
        call(error, Json::optional(json), upload, digest, |upload, digest| upload.finish(digest.as_ref()))
    }
}

/// Sends what was written and lets go of the session, which stays open at the registry: it is continued by the
/// ocireg_upload_session_ functions, by this process or another. The upload is over then. Blocks.
///
/// Result: a session, as in ocireg_upload_session_start. Free with ocireg_string_free.
///
/// Errors: the common ones; OCIREG_CLOSED, OCIREG_BUSY. Source: distribution-spec end-5.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_save(
    upload: *mut ocireg_upload,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { call(error, Json::required(json), upload, |_| Ok(()), |upload, ()| upload.save()) }
}

/// Abandons the upload, and tells the registry. No error when it is over already. Blocks.
///
/// Errors: the common ones; OCIREG_BUSY. Source: distribution's API, "Canceling an upload"; distribution-spec 1.2 end-14.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_cancel(
    upload: *mut ocireg_upload,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { call(error, (), upload, |_| Ok(()), |upload, ()| upload.cancel()) }
}

/// Frees an upload. NULL is accepted, and anything that is not an upload is ignored. One that is not finished is cancelled first,
/// without waiting for the answer longer than 120 ms.
#[no_mangle]
pub unsafe extern "C" fn ocireg_upload_free(upload: *mut ocireg_upload) {
    sigpipe::without(|| quietly((), || unsafe { handle::free(upload) }));
}
