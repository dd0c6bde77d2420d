//! Jobs: calls that return at once.

use std::ffi::{c_char, c_void, CString};
use std::ptr::{null, null_mut};
use std::sync::Arc;

use super::blob::{ocireg_blob_reader, OpenBlob};
use super::client::ocireg_client;
use super::client_job::{cell, jobs_of, ClientJob};
use super::context::{ocireg_context, Governed, Userdata};
use super::entry::enter;
use super::error::ocireg_error;
use super::handle::{self, opaque, Handle, Opaque, Owned};
use super::memory::ocireg_buffer;
use super::options::{self, ocireg_options};
use super::out::{New, Of, Plain};
use super::outcome::JobOutcome;
use super::panics::quietly;
use super::status::{ocireg_status, OCIREG_BUSY};
use super::upload::{ocireg_upload, Feeding};
use crate::auth::secrets::Secrets as Answer;
use crate::error::{Code, Error, Result};
use crate::job::{Event, JobOptions};
use crate::mutex::lock;

/// Makes calls, one at a time, on a thread of the library, for programs that must not block, such as those with an event loop. A
/// function that says "Blocks" returns at once when its context is that of a job, and events tell what becomes of the call (see the
/// example at the top of this header).
///
/// Wrong arguments (NULL, invalid names, unknown options and options of a wrong type) are still the function's own error, and what
/// else is wrong with an option is the call's; else it returns OCIREG_OK, its out-parameters (all may be NULL) stay
/// empty, and the result is kept by the job. Everything that the function is given is copied, bytes too, and descriptors are
/// duplicated: nothing must be kept for the call. A job makes one call at a time (OCIREG_BUSY), and may make another when that
/// has ended; if it begins before OCIREG_EVENT_DONE of the last one was taken, that event is dropped. Large data is better given as
/// a file than copied. A callback for bytes (ocireg_read_fn, ocireg_write_fn) runs on the thread that makes the call, one of the library's
/// with 2 MiB of stack, so it and its userdata must stay valid until OCIREG_EVENT_DONE: such a job is freed after that.
/// The calls of readers and uploads that a job has opened are calls of that job too, and OCIREG_CLOSED when it was freed.
///
/// The threads are started when they are needed, at most job_threads of a client; further calls wait for their turn, and end
/// there when they are cancelled or their deadline passes. While all threads are at work, a call to a registry host that none of
/// them is for gets one more (at most job_threads more), so that a registry that does not answer holds up no other. A call that
/// waits for ocireg_job_answer leaves its place to another (at most 1,024 do, each on a thread). When job_threads calls wait so,
/// further ones to the same registry host have their turn after the answer. That does not hold for a ping, nor for hosts whose
/// options have credentials or say anonymous. No function of a job blocks. Any thread may use a job; it is freed while no other
/// thread uses it or is in ocireg_client_next_event (several threads that take events need a lock of the caller's), and before
/// its client. A job that was cancelled stays so. What a call has opened, and the caller has not taken, ends with the job's next
/// call.
pub(super) struct ocireg_job(Handle<Handed>);

opaque!(ocireg_job, Handed, 0x6f63_6972_6567_000d);

/// Nothing has happened.
pub const OCIREG_EVENT_NONE: i32 = 0;
/// The call has ended: see ocireg_job_status.
pub const OCIREG_EVENT_DONE: i32 = 1;
/// Bytes have moved, or the call still runs: see ocireg_job_progress. With the job's option progress.
pub const OCIREG_EVENT_PROGRESS: i32 = 2;
/// The credentials of the host that ocireg_job_event_text names are wanted; the call waits for ocireg_job_answer. With the job's
/// option credentials.
pub const OCIREG_EVENT_CREDENTIALS: i32 = 3;
/// The trace: ocireg_job_event_text is what ocireg_log_fn gets. With the job's option log.
pub const OCIREG_EVENT_LOG: i32 = 4;
/// How a blob of a copy fares: ocireg_job_event_text is what ocireg_blob_fn gets. With the job's option blob_progress.
pub const OCIREG_EVENT_BLOB: i32 = 5;

/// What the handle holds.
pub(super) struct Handed {
    job: Arc<ClientJob>,
    context: Owned<ocireg_context>,
    userdata: Userdata,
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.job.abandon();
    }
}

impl Handed {
    fn result(&self) -> Option<Arc<JobOutcome>> {
        self.job.job().result()
    }
}

unsafe fn get(job: *const ocireg_job) -> Result<Arc<Handed>> {
    unsafe { handle::get(job, "job") }
}

/// What a job's result has, if its call has ended.
unsafe fn peek<T>(job: *const ocireg_job, otherwise: T, look: impl FnOnce(&JobOutcome) -> T) -> T {
    let job = unsafe { handle::peek(job) };
    job.and_then(Handed::result).map_or(otherwise, |outcome| look(&outcome))
}

/// Makes a job of a client. `userdata` is whatever the caller wants to find by ocireg_job_userdata. Free with ocireg_job_free.
///
/// Options: {JobOptions}
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_CLOSED, OCIREG_IO (no free file descriptor), OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_new(
    client: *mut ocireg_client,
    options: *const ocireg_options,
    userdata: *mut c_void,
    job: *mut *mut ocireg_job,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    let status = unsafe {
        enter(error, Of::new(client, "client", New::required(job, "job")), || {
            let options: JobOptions = options::read(options)?;
            let client = handle::get(client, "client")?;
            client.check_open()?;
            let job = Arc::new(ClientJob::new(&client, &options)?);
            let context = Owned::new(Governed::by_job(&job));
            Ok(Handed { job, context, userdata: Userdata::new(userdata) })
        })
    };
    if let Some(handed) = (status == 0).then(|| unsafe { handle::peek(*job) }).flatten() {
        // Events find the handle by it.
        let _ = handed.job.job().mark.set(unsafe { *job }.expose_provenance());
    }
    status
}

/// The context that makes a call the job's. Borrowed until the job is freed; freeing it does nothing. It can be cancelled and given a
/// deadline, and its progress and warnings can be read; callbacks are refused, as events take their place. For NULL, and for what is not
/// a job, one that every function refuses: a call that must not wait never becomes one that does.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_context(job: *const ocireg_job) -> *mut ocireg_context {
    static OF_NO_JOB: [u64; 8] = [0; 8];
    let none = || OF_NO_JOB.as_ptr().cast_mut().cast();
    unsafe { handle::peek_unchanging(job) }.map_or_else(none, |job| job.context.pointer())
}

/// What ocireg_job_new was given. NULL for NULL.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_userdata(job: *const ocireg_job) -> *mut c_void {
    unsafe { handle::peek(job) }.map_or(null_mut(), |job| job.userdata.pointer())
}

/// The descriptor that can be read from (poll, epoll, kqueue, any event loop) while ocireg_client_next_event has something to give. It
/// is only waited for, never read, written or closed, and is the client's until that is freed.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_IO (no free file descriptor), OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_fd(
    client: *mut ocireg_client,
    fd: *mut i32,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, Of::new(client, "client", Plain::required(fd, "fd", -1)), || {
            Ok(jobs_of(&*handle::get(client, "client")?)?.events.descriptor())
        })
    }
}

/// The next thing that has happened to a job of this client: `*job`, which stays its owner's, and what it was, an OCIREG_EVENT_
/// constant. When nothing has happened `*job` is NULL. Never blocks. Events of one job come in their order, and OCIREG_EVENT_DONE
/// last; a job that was freed has none.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_IO (no free file descriptor), OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_next_event(
    client: *mut ocireg_client,
    job: *mut *mut ocireg_job,
    event: *mut i32,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    let out = (Plain::required(job, "job", null_mut()), Plain::required(event, "event", OCIREG_EVENT_NONE));
    unsafe {
        enter(error, Of::new(client, "client", out), || {
            let jobs = jobs_of(&*handle::get(client, "client")?)?;
            Ok(match jobs.events.next() {
                Some((job, event)) => tell(&job, event),
                None => (null_mut(), OCIREG_EVENT_NONE),
            })
        })
    }
}

/// The handle of a job, which is not looked into, and the number of an event, whose text the job keeps.
fn tell(job: &crate::job::Job<JobOutcome>, event: Event) -> (*mut ocireg_job, i32) {
    let pointer = std::ptr::with_exposed_provenance_mut::<ocireg_job>(job.mark.get().copied().unwrap_or(0));
    let (number, text) = match event {
        Event::Done => (OCIREG_EVENT_DONE, String::new()),
        Event::Progress => (OCIREG_EVENT_PROGRESS, String::new()),
        Event::Credentials(host) => (OCIREG_EVENT_CREDENTIALS, host),
        Event::Log(text) => (OCIREG_EVENT_LOG, text),
        Event::Blob(text) => (OCIREG_EVENT_BLOB, text),
    };
    *lock(&job.said) = CString::new(text).unwrap_or_default();
    (pointer, number)
}

/// What the job's event that was given last says: JSON of OCIREG_EVENT_LOG and OCIREG_EVENT_BLOB, the host of
/// OCIREG_EVENT_CREDENTIALS, else "". Borrowed until the job's next event. NULL for NULL, and in a forked child.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_event_text(job: *const ocireg_job) -> *const c_char {
    unsafe { handle::peek(job) }.map_or(null(), |job| lock(&job.job.job().said).as_ptr())
}

/// How far the job's transfer is: bytes done, and bytes in all (0 while unknown). Either pointer may be NULL.
/// ocireg_context_progress, with the job's context, says more.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_progress(job: *const ocireg_job, done: *mut u64, total: *mut u64) {
    let progress = unsafe { handle::peek(job) }.map_or((0, 0), |job| job.job.context().position());
    for (place, value) in [(done, progress.0), (total, progress.1)] {
        if !place.is_null() {
            unsafe { place.write(value) };
        }
    }
}

/// Answers OCIREG_EVENT_CREDENTIALS. NULL, or options with nothing set, say that there are none: then those stored on the machine are
/// used if the client's options ask for them, else the call is anonymous. The client remembers the answer for that host, also that there are
/// none, and asks no later job; ocireg_client_set_host makes it forget it.
///
/// Options: {Secrets}
///
/// Errors: OCIREG_INVALID_ARGUMENT, also when nothing was asked, or no call waits for the answer any more; OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_answer(
    job: *mut ocireg_job,
    options: *const ocireg_options,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let job = get(job)?;
            let credentials = options::read::<Answer>(options)?.credentials()?;
            match job.job.job().answer(credentials) {
                true => Ok(()),
                false => Err(Error::new(Code::InvalidArgument, "the job is not waiting for credentials")),
            }
        })
    }
}

/// Cancels the job's call, and every later one, as ocireg_context_cancel does with the job's context, but not in a signal handler; a call
/// that waits for a thread ends at once.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_cancel(job: *mut ocireg_job, error: *mut *mut ocireg_error) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            get(job)?.job.cancel();
            Ok(())
        })
    }
}

/// What the job's call has returned.
///
/// Errors of its own, when there is no ocireg_job_error: OCIREG_BUSY (the call has not ended, or none was begun), OCIREG_INVALID_ARGUMENT
/// (NULL, or not a job), OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_status(job: *const ocireg_job) -> ocireg_status {
    match unsafe { get(job) } {
        Ok(job) => job.result().map_or(OCIREG_BUSY, |outcome| outcome.status),
        Err(error) => error.code().number(),
    }
}

/// The error of the job's call. Borrowed until the job is freed or makes another call. NULL when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_error(job: *const ocireg_job) -> *const ocireg_error {
    unsafe { peek(job, null(), |outcome| pointer(outcome.error.as_ref())) }
}

/// The result of the job's call that the function gives as JSON, or as another string (a digest). Borrowed until the job is freed
/// or makes another call. NULL when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_json(job: *const ocireg_job) -> *const c_char {
    unsafe { peek(job, null(), |outcome| outcome.kept.text.as_ref().map_or(null(), |text| text.as_ptr())) }
}

/// The result of the job's call that the function gives as a buffer, or the bytes of a read (none, but not NULL, at the end).
/// Borrowed until the job is freed or makes another call. NULL when there is none.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_bytes(job: *const ocireg_job) -> *const ocireg_buffer {
    unsafe { peek(job, null(), |outcome| pointer(outcome.kept.bytes.as_ref())) }
}

fn pointer<H: Opaque>(owned: Option<&Owned<H>>) -> *const H {
    owned.map_or(null(), |owned| owned.pointer().cast_const())
}

/// The reader that ocireg_blob_open or ocireg_v1_layer_open has opened as the job's call. Each read is then a call of the job too: see
/// ocireg_blob_reader_read. The caller's from now on, free with ocireg_blob_reader_free.
/// NULL when there is none, or it was taken before.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_take_reader(job: *mut ocireg_job) -> *mut ocireg_blob_reader {
    unsafe { take(job, OpenBlob::of_job) }
}

/// The upload that ocireg_upload_start has started as the job's call. Its calls are the job's from now on. The caller's, free with
/// ocireg_upload_free. NULL when there is none, or it was taken before.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_take_upload(job: *mut ocireg_job) -> *mut ocireg_upload {
    unsafe { take(job, Feeding::of_job) }
}

unsafe fn take<H: Opaque<Content: Send + 'static>>(
    job: *mut ocireg_job,
    bind: impl FnOnce(H::Content, &Arc<ClientJob>) -> H::Content,
) -> *mut H {
    let job = unsafe { handle::peek(job) };
    let content = job.and_then(|job| Some((job.result()?.take()?, &job.job)));
    content.map_or(null_mut(), |(content, job)| handle::new(bind(content, job)))
}

/// Frees a job. A call that has not ended is cancelled, and nothing more is told of it. It may still be ending a moment later, even
/// when the client was freed. A caller that wants to know when it has ended cancels the job, and frees it after OCIREG_EVENT_DONE.
/// NULL is accepted, and anything that is not a job is ignored. In a forked child the parent's job is leaked, not freed.
#[no_mangle]
pub unsafe extern "C" fn ocireg_job_free(job: *mut ocireg_job) {
    quietly((), || unsafe { handle::free(job) });
}

/// Ends the threads of a client and closes its connections. The client must not be in a call, of a job neither, and must have no
/// reader or upload. Until the next call no thread of the library runs on its behalf, as unshare(CLONE_NEWUSER), setns and seccomp
/// filters may require. The next call begins anew; what was learnt (tokens, hosts) is kept. Waits for the threads to end.
/// A job that was freed while it ran is still ending for a moment, and no event tells when it has: before that, cancel it and wait for
/// OCIREG_EVENT_DONE.
///
/// Errors: OCIREG_INVALID_ARGUMENT, OCIREG_BUSY (there is a call, reader or upload, a job has not ended yet, or the system still
/// looks up a name for a call that was left), OCIREG_FORKED.
#[no_mangle]
pub unsafe extern "C" fn ocireg_client_quiesce(
    client: *mut ocireg_client,
    error: *mut *mut ocireg_error,
) -> ocireg_status {
    unsafe {
        enter(error, (), || {
            let client = handle::get(client, "client")?;
            let jobs = cell(&client);
            if jobs.get().is_some_and(|jobs| !jobs.quiesce()) {
                return Err(Error::new(Code::Busy, "a job of the client is in a call"));
            }
            client.quiesce()
        })
    }
}
