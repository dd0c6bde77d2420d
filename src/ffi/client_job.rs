//! Jobs as the entries know them: each belongs to a client.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::outcome::JobOutcome;
use crate::call::context::Context;
use crate::call::engine::Engine;
use crate::error::Result;
use crate::job::{CallProgress, Job, JobOptions, Jobs};
use crate::os::standard;
use crate::registry::Client;
use crate::sync::lock;

/// How often a call that waits for a thread looks whether its deadline is another one.
const LOOK: Duration = Duration::from_secs(1);

pub(super) type ClientJobs = Jobs<JobOutcome>;

/// A job that knows its client.
pub(super) struct ClientJob {
    job: Arc<Job<JobOutcome>>,
    jobs: Arc<ClientJobs>,
    /// Of its client.
    cell: Arc<OnceCell<Arc<ClientJobs>>>,
    engine: Mutex<Weak<Engine>>,
    watch: Arc<DeadlineWatch>,
}

/// The task that watches the deadline of a call that waits for a thread; there is one at most.
#[derive(Default)]
struct DeadlineWatch {
    task: Mutex<Option<AbortHandle>>,
    /// Tells it that there is another deadline.
    changed: Notify,
}

impl ClientJob {
    pub(super) fn new(client: &Client, options: &JobOptions) -> Result<ClientJob> {
        let (jobs, cell) = (jobs_of(client)?, cell(client));
        Ok(ClientJob {
            job: Job::new(jobs.clone(), options),
            jobs,
            cell,
            engine: Mutex::default(),
            watch: Arc::default(),
        })
    }

    /// The job itself.
    pub(super) fn job(&self) -> &Arc<Job<JobOutcome>> {
        &self.job
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        self.job.context()
    }

    pub(super) fn is_of(&self, client: &Client) -> bool {
        Arc::ptr_eq(&cell(client), &self.cell)
    }

    /// Where deadlines are watched.
    pub(super) fn wait_with(&self, engine: &Arc<Engine>) {
        *lock(&self.engine) = Arc::downgrade(engine);
    }

    pub(super) fn start(
        &self,
        work: Box<dyn FnOnce(Result<()>) -> JobOutcome + Send>,
        progress: CallProgress,
    ) -> Result<()> {
        self.dispose();
        self.job.start(work, progress)
    }

    /// The caller wants nothing more of it.
    pub(super) fn abandon(&self) {
        self.dispose();
        self.job.abandon();
    }

    pub(super) fn cancel(&self) {
        self.job.cancel();
    }

    /// Ends a call that waits for a thread when its time has passed, also a time that is set while it waits.
    pub(super) fn watch_deadline(&self) {
        let Some(engine) = lock(&self.engine).upgrade().filter(|_| self.job.is_waiting()) else { return };
        let mut task = lock(&self.watch.task);
        // Its engine may have ended before it.
        if self.job.context().deadline().is_some() && task.as_ref().is_none_or(AbortHandle::is_finished) {
            *task = Some(engine.spawn(self.watch.clone().over(Arc::downgrade(&self.job))));
        }
        self.watch.changed.notify_one();
    }

    /// Does on a thread of ours what might take time.
    pub(super) fn aside(&self, work: impl FnOnce() + Send + 'static) {
        self.jobs.aside(work);
    }

    /// What a call has opened and nobody has taken ends: an upload is cancelled, which asks the registry.
    fn dispose(&self) {
        if let Some(untaken) = self.job.result().and_then(|result| result.untaken()) {
            self.aside(move || drop(untaken));
        }
    }
}

impl DeadlineWatch {
    async fn over(self: Arc<Self>, job: Weak<Job<JobOutcome>>) {
        while let Some(deadline) = self.next(&job) {
            // It looks up too when nobody tells it that the call has begun.
            let until = deadline.min(Instant::now() + LOOK);
            let _ = tokio::time::timeout_at(until.into(), self.changed.notified()).await;
        }
    }

    /// The deadline that is still to come, or the end of the watch: from then on a deadline that is set begins another one.
    fn next(&self, job: &Weak<Job<JobOutcome>>) -> Option<Instant> {
        let mut task = lock(&self.task);
        let waiting = job.upgrade().filter(|job| job.is_waiting());
        waiting.iter().for_each(|job| job.end_if_late());
        let deadline = waiting.filter(|job| job.is_waiting()).and_then(|job| job.context().deadline());
        if deadline.is_none() {
            *task = None;
        }
        deadline
    }
}

pub(super) fn cell(client: &Client) -> Arc<OnceCell<Arc<ClientJobs>>> {
    client.memory()
}

pub(super) fn jobs_of(client: &Client) -> Result<Arc<ClientJobs>> {
    cell(client)
        .get_or_try_init(|| {
            standard::occupy();
            Jobs::new(client.job_threads()).map(Arc::new)
        })
        .cloned()
}
