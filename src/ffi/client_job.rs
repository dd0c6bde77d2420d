//! Jobs as the entries know them: each belongs to a client.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::outcome::JobOutcome;
use crate::call::context::Context;
use crate::call::engine::Engine;
use crate::error::{Code, Error, Result};
use crate::job::pool::CallHosts;
use crate::job::{CallProgress, Job, JobOptions, Jobs};
use crate::os::standard_descriptors;
use crate::registry::Client;

pub(super) type ClientJobs = Jobs<JobOutcome>;

/// A job that knows its client.
pub(super) struct ClientJob {
    job: Arc<Job<JobOutcome>>,
    jobs: Arc<ClientJobs>,
    /// Of its client.
    cell: Arc<OnceCell<Arc<ClientJobs>>>,
}

impl ClientJob {
    pub(super) fn new(client: &Client, options: &JobOptions) -> Result<ClientJob> {
        let (jobs, cell) = (jobs_of(client)?, cell(client));
        Ok(ClientJob { job: Job::new(jobs.clone(), options), jobs, cell })
    }

    pub(super) fn job(&self) -> &Arc<Job<JobOutcome>> {
        &self.job
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        self.job.context()
    }

    /// A job makes calls of its own client only.
    pub(super) fn check_client(&self, client: &Client) -> Result<()> {
        match Arc::ptr_eq(&cell(client), &self.cell) {
            true => Ok(()),
            false => Err(Error::new(Code::InvalidArgument, "the context belongs to a job of another client")),
        }
    }

    /// Where its calls are looked at while they wait for a thread.
    pub(super) fn wait_with(&self, engine: &Arc<Engine>) {
        self.jobs.wait_with(engine);
    }

    pub(super) fn start(
        &self,
        work: Box<dyn FnOnce(Result<()>) -> JobOutcome + Send>,
        hosts: CallHosts,
        progress: CallProgress,
    ) -> Result<()> {
        let before = self.job.result();
        self.job.start(work, hosts, progress)?;
        self.dispose(before.as_deref());
        Ok(())
    }

    /// The caller wants nothing more of it.
    pub(super) fn abandon(&self) {
        self.dispose(self.job.result().as_deref());
        self.job.abandon();
    }

    pub(super) fn cancel(&self) {
        self.job.cancel();
    }

    /// Does on a thread of ours what might take time.
    pub(super) fn aside(&self, work: impl FnOnce() + Send + 'static) {
        self.jobs.aside(work);
    }

    /// What a call has opened and the caller has not taken ends: an upload is cancelled, which asks the registry.
    fn dispose(&self, result: Option<&JobOutcome>) {
        if let Some(untaken) = result.and_then(JobOutcome::untaken) {
            self.aside(move || drop(untaken));
        }
    }
}

pub(super) fn cell(client: &Client) -> Arc<OnceCell<Arc<ClientJobs>>> {
    client.memory()
}

pub(super) fn jobs_of(client: &Client) -> Result<Arc<ClientJobs>> {
    cell(client)
        .get_or_try_init(|| {
            standard_descriptors::occupy();
            Jobs::new(client.job_threads()).map(Arc::new)
        })
        .cloned()
}
