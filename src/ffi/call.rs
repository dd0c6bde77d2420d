//! Entries that may block: the call is made here, or by the job whose context it is given.

use std::sync::Arc;

use super::call_arguments::CallArguments;
use super::client::ocireg_client;
use super::client_job::ClientJob;
use super::context::{self, ocireg_context};
use super::entry::{enter, enter_blocking};
use super::error::ocireg_error;
use super::handle;
use super::options::{self, ocireg_options};
use super::out::{Direct, Of, Out};
use super::outcome::JobOutcome;
use super::status::ocireg_status;
use crate::call::Call;
use crate::error::Result;
use crate::job::pool::CallHosts;
use crate::job::CallProgress;
use crate::options::Options;
use crate::os::standard_descriptors;
use crate::registry::Client;
use crate::store::unverified_answers::with_mirrors;

/// What every call is given, and where its results go.
type Given<W> = (*mut *mut ocireg_error, W, *mut ocireg_client, *mut ocireg_context, *const ocireg_options);

/// Makes a call: looks at the arguments first, as the client reads them, which must not borrow anything of the caller's but what is lent,
/// and then runs the body on this thread, or starts it on one of the job's.
pub(super) unsafe fn call<O: Options + Send + 'static, A: CallArguments + Send + 'static, T: 'static, W: Out<T>>(
    (error, out, client, context, options): Given<W>,
    arguments: impl FnOnce(&Client) -> Result<A>,
    body: impl FnOnce(&Arc<Client>, &Call, A, O) -> Result<T> + Send + 'static,
) -> ocireg_status {
    if let Some(job) = unsafe { context::job(context) } {
        let start = || unsafe { work_of_job(&job, client, arguments, options, body) };
        return unsafe { begin_job::<_, W>(error, &out, &job, CallProgress::FromNothing, start) };
    }
    let out = Of::new(client, "client", Of::new(context, "context", Direct(out)));
    unsafe {
        enter_blocking(error, out, || {
            let arguments = arguments(&*handle::get(client, "client")?)?;
            let (client, call, options) = begin(client, context, options)?;
            body(&client, &call, arguments, options).map_err(|error| with_mirrors(&call, error))
        })
    }
}

/// The client of a call that is made on this thread, the call, and its options.
unsafe fn begin<O: Options>(
    client: *const ocireg_client,
    context: *const ocireg_context,
    options: *const ocireg_options,
) -> Result<(Arc<Client>, Call, O)> {
    let options = unsafe { options::read(options) }?;
    let client = unsafe { handle::get(client, "client") }?;
    let context = unsafe { handle::optional(context, "context") }?;
    let context = context.map(|context| context.without_job("which was freed").cloned()).transpose()?;
    let call = client.call(context)?;
    Ok((client, call, options))
}

/// What a job is to do, and which registry hosts that concerns.
pub(super) struct WorkOfJob<T> {
    hosts: CallHosts,
    make: Box<dyn FnOnce() -> Result<T> + Send>,
}

impl<T> WorkOfJob<T> {
    /// That of a reader or upload, whose registry was asked before.
    pub(super) fn of_handle(make: impl FnOnce() -> Result<T> + Send + 'static) -> WorkOfJob<T> {
        WorkOfJob { hosts: CallHosts::default(), make: Box::new(make) }
    }
}

/// The call as a job makes it.
unsafe fn work_of_job<O: Options + Send + 'static, A: CallArguments + Send + 'static, T>(
    job: &ClientJob,
    client: *mut ocireg_client,
    arguments: impl FnOnce(&Client) -> Result<A>,
    options: *const ocireg_options,
    body: impl FnOnce(&Arc<Client>, &Call, A, O) -> Result<T> + Send + 'static,
) -> Result<WorkOfJob<T>> {
    let client = unsafe { handle::get(client, "client") }?;
    let (arguments, options) = (arguments(&client)?, unsafe { options::read(options) }?);
    job.check_client(&client)?;
    let (context, all) = (job.context().clone(), arguments.hosts());
    // One that was cancelled is told of by its event.
    let call = client.call(None)?.with_context(context.clone());
    job.wait_with(call.engine());
    let asks = |host: &str| arguments.may_ask() && client.may_ask_about(host) && !call.is_for_credentials_of(host);
    let hosts = CallHosts::new(all, asks);
    let make = Box::new(move || {
        let call = client.call(Some(context))?;
        body(&client, &call, arguments, options).map_err(|error| with_mirrors(&call, error))
    });
    Ok(WorkOfJob { hosts, make })
}

/// Starts what a job is to do, and returns at once.
pub(super) unsafe fn begin_job<T: 'static, W: Out<T>>(
    error: *mut *mut ocireg_error,
    out: &W,
    job: &Arc<ClientJob>,
    progress: CallProgress,
    work: impl FnOnce() -> Result<WorkOfJob<T>>,
) -> ocireg_status {
    standard_descriptors::occupy();
    unsafe {
        out.clear();
        enter(error, (), || {
            let WorkOfJob { hosts, make } = work()?;
            job.start(Box::new(move |go| JobOutcome::of::<T, W>(|| go.and_then(|()| make()))), hosts, progress)
        })
    }
}
