//! Contexts and their callbacks.

use std::ffi::{c_char, c_void, CString};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::client_job::ClientJob;
use super::entry::enter;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle};
use super::options::{ocireg_options, Lent};
use super::out::{Json, New, Of};
use super::panics::quietly;
use super::status::{ocireg_status, OCIREG_OK};
use crate::auth::secrets::Secrets as Answer;
use crate::call::context::{BlobHook, Context, CredentialsHook, LogHook, ProgressHook, Stop};
use crate::call::stopped;
use crate::error::{Code, Error, Result};
use crate::json;

/// What a call needs from outside: cancel, deadline, progress and callbacks. A context may serve several calls, also at
/// once; its callbacks run on the thread that made the call, while it is in the call, and never while the library holds
/// a lock, so they may use the library. They must return normally: no longjmp, no exception. A non-zero return stops
/// the call with OCIREG_CALLBACK.
pub(super) struct ocireg_context(Handle<Governed>);

opaque!(ocireg_context, Governed, 0x6f63_6972_6567_0002);

/// A context, and the job whose calls it makes if it is a job's.
pub(super) struct Governed {
    context: Arc<Context>,
    job: Option<Weak<ClientJob>>,
}

impl Governed {
    fn new() -> Governed {
        Governed { context: Arc::new(Context::new()), job: None }
    }

    pub(super) fn by_job(job: &Arc<ClientJob>) -> Governed {
        Governed { context: job.context().clone(), job: Some(Arc::downgrade(job)) }
    }

    /// For what a job cannot do: its context is refused.
    pub(super) fn without_job(&self, instead: &str) -> Result<&Arc<Context>> {
        match self.job {
            None => Ok(&self.context),
            Some(_) => Err(Error::new(Code::InvalidArgument, format!("the context belongs to a job: {instead}"))),
        }
    }
}

/// The job of a context, if it is a job's.
pub(super) unsafe fn job(context: *const ocireg_context) -> Option<Arc<ClientJob>> {
    unsafe { handle::peek(context) }?.job.as_ref()?.upgrade()
}

/// Receives the progress of a transfer: bytes done, and bytes in all (0 while unknown); both are 0 before the call's transfer has begun.
pub type ocireg_progress_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, done: u64, total: u64) -> i32>;
/// Receives one event of the trace, a JSON object; borrowed during the callback.
///
/// {"event": "request", "method", "url", "attempt", "headers": {}}, {"event": "response", "method", "url", "status", "headers":
/// {}, "milliseconds"}, {"event": "retry", "reason", "wait_ms"}, {"event": "warning", "host", "text"} for a warning of
/// ocireg_context_warnings, when it comes, {"event": "passed_over", "host", "reason", "seconds"} when another endpoint is asked
/// instead of this endpoint, which comes after the others for that long (0: what was asked for is not there). Credentials and
/// tokens are replaced by "<redacted>", and query values other than those of the protocol by "…".
pub type ocireg_log_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const c_char) -> i32>;
/// Receives how one blob of a copy or of an artifact's push or pull fares, a JSON object, borrowed during the callback: {"state":
/// "begun", "moving", and then "copied", "mounted" or "skipped" (it was there already), "digest": string, "size": number, "done":
/// number (bytes of it)}. Every blob is begun and ends, unless the copy fails; between them "moving" comes when there are more
/// bytes, at most every 50 ms.
pub type ocireg_blob_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const c_char) -> i32>;
/// Is asked for the credentials of a registry host, once for each client and host (calls of several threads that begin together may
/// each ask), and again after they were refused: sets options in `answer` with the ocireg_options_set_… functions. Nothing set means
/// that it has none: then those stored on the machine are used if the client's options ask for them, else the call is anonymous. A
/// call that it makes on its own thread with the same client, and for which credentials of the same host would be asked for again, is
/// OCIREG_BUSY; for one on another thread see ocireg_context_set_within. Both arguments are borrowed during the callback; freeing them
/// does nothing.
///
/// Options: {Secrets}
pub type ocireg_credentials_fn =
    Option<unsafe extern "C" fn(userdata: *mut c_void, host: *const c_char, answer: *mut ocireg_options) -> i32>;

/// The caller's pointer: what it points to is up to the caller, which promised to keep it alive.
#[derive(Clone, Copy)]
pub(super) struct Userdata(*mut c_void);
unsafe impl Send for Userdata {}
unsafe impl Sync for Userdata {}

impl Userdata {
    pub(super) fn new(pointer: *mut c_void) -> Userdata {
        Userdata(pointer)
    }

    pub(super) fn pointer(self) -> *mut c_void {
        self.0
    }
}

fn go_on(answer: i32) -> std::result::Result<(), Stop> {
    match answer {
        0 => Ok(()),
        _ => Err(Stop),
    }
}

/// Hands an event to a callback.
fn tell(
    callback: unsafe extern "C" fn(*mut c_void, *const c_char) -> i32,
    userdata: Userdata,
    event: &serde_json::Value,
) -> std::result::Result<(), Stop> {
    let event = CString::new(json::text(event).unwrap_or_default()).unwrap_or_default();
    go_on(unsafe { callback(userdata.pointer(), event.as_ptr()) })
}

unsafe fn get(context: *const ocireg_context) -> Result<Arc<Context>> {
    unsafe { handle::get(context, "context") }.map(|governed| governed.context.clone())
}

fn of(context: *const ocireg_context, json: *mut *mut c_char) -> Of<ocireg_context, Json> {
    Of::new(context, "context", Json::required(json))
}

/// The context, to be given a callback.
unsafe fn listening(context: *const ocireg_context) -> Result<Arc<Context>> {
    let governed = unsafe { handle::get(context, "context") }?;
    governed.without_job("its events take the place of callbacks, see ocireg_job_new").cloned()
}

/// Makes a context with nothing set. Free with ocireg_context_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_new(
    context: *mut *mut ocireg_context,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, New::required(context, "context"), || Ok(Governed::new())) }
}

/// Cancels the calls that use this context, and every later one: they answer OCIREG_CANCELLED within 200 ms, even when
/// the server is silent. Any thread, at any time before the context is freed. After a cancelled write its outcome is unknown.
///
/// It is async-signal-safe, so a signal handler may call it, on whichever thread and in whatever code the signal arrives: it takes no lock,
/// allocates nothing and leaves errno alone. Only the errors below allocate, unless `error` is NULL.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_cancel(
    context: *mut ocireg_context,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    // Not by way of the guard, which allocates the first time on a thread. Nothing here can panic.
    let Some(governed) = (unsafe { handle::peek(context) }) else {
        return unsafe { not_cancelled(context, error) };
    };
    if !error.is_null() {
        unsafe { error.write(std::ptr::null_mut()) };
    }
    governed.context.cancel_from_signal();
    OCIREG_OK
}

/// The error for what cannot be cancelled.
unsafe fn not_cancelled(context: *mut ocireg_context, error: *mut *mut ocireg_error) -> ocireg_status {
    match error.is_null() {
        true if unsafe { handle::is_of_parent(context) } => Code::Forked.number(),
        true => Code::InvalidArgument.number(),
        false => unsafe { enter(error, (), || get(context).map(drop)) },
    }
}

/// As ocireg_context_cancel without an `error`, which may be called in a signal handler too. NULL is accepted, and anything that is not a
/// context is ignored.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_cancel_from_signal(context: *mut ocireg_context) {
    unsafe { ocireg_context_cancel(context, std::ptr::null_mut()) };
}

/// Sets the time by which calls with this context must be done, in milliseconds from now; then they answer
/// OCIREG_TIMEOUT. 0 removes the deadline. A call in progress heeds the new one from its next wait on.
///
/// Errors: OCIREG_INVALID_ARGUMENT (a negative time), OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_set_deadline(
    context: *mut ocireg_context,
    milliseconds: i64,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let plain = get(context)?;
            let time = u64::try_from(milliseconds)
                .map_err(|_| Error::new(Code::InvalidArgument, "the argument milliseconds is negative"))?;
            plain.set_deadline((time > 0).then(|| Duration::from_millis(time)));
            Ok(())
        })
    }
}

/// How far the transfer is, as JSON: {"operation": "blob get", "blob put", "copy", "sync", "artifact pull", "extract", "export", "cat", "files",
/// "validate", "repository remove" (which counts no bytes), "v1 layer", "v1 put layer", "v1 push", "schema-1 layers" or "v1
/// layers" (old images on their way to be converted) or "" (none yet), "done": bytes, "total": bytes or null [, "blobs":
/// {"total", "copied", "mounted", "skipped", "bytes", "bytes_copied", "bytes_resumed"}, of a copy, a pull or a validation, as in
/// the result of ocireg_copy, "active": [{"digest": string, "size": number, "done": number}], of the same, the blobs on their
/// way]}. Any thread. Free with ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_progress(
    context: *const ocireg_context,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, of(context, json), || Ok(get(context)?.progress())) }
}

/// The warnings that servers gave their users in answers to calls with this context: they are for people, and no
/// action follows from them. One that is this library's own has the name of what it is about as its "host": an archive, say, or the file
/// or folder that another process has locked for two seconds, while the call waits for it. JSON:
/// [{"host": string, "text": string}], each once, in the order they came, at most 64; the
/// text has no control characters, and the warnings of one answer at most 4096 bytes. Any thread. Free with
/// ocireg_string_free.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED. Source: distribution-spec "Warnings".
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_warnings(
    context: *const ocireg_context,
    json: *mut *mut c_char,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe { enter(error, of(context, json), || Ok(get(context)?.warnings())) }
}

/// Sets the progress callback; NULL removes it. While a call that uses the network or reads and writes much is under way, it is
/// called at least every 250 ms. When nothing has moved it gets the same numbers as before, so that a program can check there
/// whether the call is still wanted. A callback that takes long is called less often, so that no more than half of the time is
/// its own, and always for the last piece where the total is known. `userdata` must stay valid until then or until the context is
/// freed and no call uses it.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_set_progress(
    context: *mut ocireg_context,
    callback: ocireg_progress_fn,
    userdata: *mut c_void,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let userdata = Userdata::new(userdata);
            let hook = callback.map(|callback| -> ProgressHook {
                Arc::new(move |done, total| go_on(callback(userdata.pointer(), done, total)))
            });
            listening(context)?.set_progress(hook);
            Ok(())
        })
    }
}

/// Sets the callback for the blobs of a copy, one by one; NULL removes it. `userdata` as for ocireg_context_set_progress. It serves
/// ocireg_copy and what copies too, such as ocireg_image_append and ocireg_image_tag, from their next call on.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_set_blob_progress(
    context: *mut ocireg_context,
    callback: ocireg_blob_fn,
    userdata: *mut c_void,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let userdata = Userdata::new(userdata);
            let hook = callback.map(|callback| -> BlobHook { Arc::new(move |event| tell(callback, userdata, event)) });
            listening(context)?.set_blob_progress(hook);
            Ok(())
        })
    }
}

/// Says that calls with this context are made in a callback of a call with `outer`, or for the answer to a question of that job, though
/// on another thread or in another job; NULL takes it back. Where such a call needs the credentials that `outer` asks for it gets
/// OCIREG_BUSY: it would wait for itself, or be asked without end. Calls on the callback's own thread need not be told.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_set_within(
    context: *mut ocireg_context,
    outer: *const ocireg_context,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let outer = if outer.is_null() { None } else { Some(get(outer)?) };
            get(context)?.set_within(outer.as_deref());
            Ok(())
        })
    }
}

/// Sets the log callback; NULL removes it. `userdata` as for ocireg_context_set_progress.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_set_log(
    context: *mut ocireg_context,
    callback: ocireg_log_fn,
    userdata: *mut c_void,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let userdata = Userdata::new(userdata);
            let hook = callback.map(|callback| -> LogHook { Arc::new(move |event| tell(callback, userdata, event)) });
            listening(context)?.set_log(hook);
            Ok(())
        })
    }
}

/// Sets the credentials callback, which is asked for hosts whose options hold no credentials; NULL removes it. `userdata`
/// as for ocireg_context_set_progress.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_set_credentials(
    context: *mut ocireg_context,
    callback: ocireg_credentials_fn,
    userdata: *mut c_void,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let userdata = Userdata::new(userdata);
            let hook = callback.map(|callback| credentials_hook(callback, userdata));
            listening(context)?.set_credentials(hook);
            Ok(())
        })
    }
}

fn credentials_hook(
    callback: unsafe extern "C" fn(*mut c_void, *const c_char, *mut ocireg_options) -> i32,
    userdata: Userdata,
) -> CredentialsHook {
    Arc::new(move |_, host| {
        let answer = Lent::new();
        let host = CString::new(host).unwrap_or_default();
        go_on(unsafe { callback(userdata.pointer(), host.as_ptr(), answer.pointer()) })
            .map_err(|_| stopped("credentials"))?;
        let answer = answer.read::<Answer>();
        answer.and_then(Answer::credentials).map_err(|error| error.within("the credentials callback's answer"))
    })
}

/// Frees a context. NULL is accepted; anything that is not a context, and the context of a job, is ignored. Calls, readers and
/// uploads that began with it keep what they need of it, so a callback of it may free it too; no call of another thread may be
/// just beginning with it.
#[no_mangle]
pub unsafe extern "C" fn ocireg_context_free(context: *mut ocireg_context) {
    quietly((), || unsafe {
        if handle::peek(context).is_some_and(|governed| governed.job.is_none()) {
            handle::free(context);
        }
    });
}
