//! Jobs: calls that threads of the library make, for callers that must not block. A job makes one call at a time; what happens to it waits in
//! its client's queue until the caller takes it.

mod credential_questions;
pub(crate) mod events;
pub(crate) mod pool;
mod queue_watch;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::call::context::Context;
use crate::credentials::Credentials;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::mutex::lock;
use crate::options::options;
use credential_questions::{ask, refuse, AnswerShare, HostQuestion};
use events::{Events, News};
use pool::{CallHosts, Pool, Waiting, Work};
use queue_watch::QueueWatch;

options! {
    /// What is told of a job besides its end.
    #[derive(Debug, Clone)]
    pub(crate) struct JobOptions {
        /// OCIREG_EVENT_PROGRESS comes while its bytes move, and while nothing moves
        ///
        /// such events come at most every 50 ms, and at least every 250 ms while the call runs and nothing moves. Of those that
        /// wait one is kept
        pub(crate) progress: bool,
        /// OCIREG_EVENT_BLOB comes for each blob of a copy
        ///
        /// when more than 1,000 events of blobs and of the log wait, the oldest are lost
        pub(crate) blob_progress: bool,
        /// OCIREG_EVENT_LOG comes for each event of the trace
        pub(crate) log: bool,
        /// OCIREG_EVENT_CREDENTIALS comes when a registry asks for some and no option has them
        ///
        /// the call waits for ocireg_job_answer, and so do other jobs that need the credentials of the same host
        pub(crate) credentials: bool,
    }
}

/// The jobs of one client.
pub(crate) struct Jobs<R> {
    pool: Pool,
    pub(crate) events: Events<R>,
    /// Jobs whose call is being made.
    busy: AtomicUsize,
    /// The hosts that jobs ask about in their calls: of those that want one answer one asks.
    asked: Mutex<HashMap<String, HostQuestion>>,
    watch: Arc<QueueWatch<R>>,
}

impl<R> Jobs<R> {
    pub(crate) fn new(threads: usize) -> Result<Jobs<R>> {
        Ok(Jobs {
            pool: Pool::new(threads),
            events: Events::new()?,
            busy: AtomicUsize::new(0),
            asked: Mutex::default(),
            watch: Arc::default(),
        })
    }

    /// Does on one of the threads what might take time, or here when none can be had.
    pub(crate) fn aside(&self, work: impl FnOnce() + Send + 'static) {
        let _ = self.pool.add(Waiting::Owned(Arc::new(Aside(Mutex::new(Some(Box::new(work)))))));
    }

    /// Ends the threads, unless a job is in a call; whether none is left.
    pub(crate) fn quiesce(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0 && self.pool.quiesce()
    }
}

/// What has happened to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Progress,
    Log(String),
    Blob(String),
    /// The credentials of this host are wanted.
    Credentials(String),
    Done,
}

struct Question {
    host: String,
    answer: oneshot::Sender<Credentials>,
    is_told: bool,
}

/// Whether a call goes on where the one before ended: reads of one blob do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallProgress {
    FromNothing,
    GoesOn,
}

/// The call: told why it must not begin, it only makes a result of that.
type CallOfJob<R> = Box<dyn FnOnce(Result<()>) -> R + Send>;

enum Phase<R> {
    Free,
    Waiting(CallOfJob<R>, Arc<QueuedCall<R>>),
    Running,
    Ended(Arc<R>),
}

/// A call at a time that a thread of ours makes. Locks are taken in this order: the queue of events, the news of a job, its phase. That of
/// the watch is held with no other.
pub(crate) struct Job<R> {
    jobs: Arc<Jobs<R>>,
    context: Arc<Context>,
    phase: Mutex<Phase<R>>,
    news: Mutex<News>,
    /// Whether it asks the caller for credentials.
    asks: bool,
    /// The hosts that its last call was for.
    hosts: Mutex<Vec<String>>,
    /// Of the hosts that it has asked about and got an answer.
    answers: Mutex<Vec<AnswerShare<R>>>,
    /// The caller's name for it, and what the event said that the caller was given last.
    pub(crate) mark: OnceLock<usize>,
    pub(crate) said: Mutex<CString>,
}

impl<R: Send + Sync + 'static> Job<R> {
    pub(crate) fn new(jobs: Arc<Jobs<R>>, options: &JobOptions) -> Arc<Job<R>> {
        let job = Job {
            jobs,
            context: Arc::new(Context::new()),
            phase: Mutex::new(Phase::Free),
            news: Mutex::default(),
            asks: options.credentials,
            hosts: Mutex::default(),
            answers: Mutex::default(),
            mark: OnceLock::new(),
            said: Mutex::default(),
        };
        let job = Arc::new(job);
        job.listen(options);
        job
    }

    /// What its calls must use.
    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// Begins a call, which concerns these registry hosts, and returns at once.
    pub(crate) fn start(self: &Arc<Self>, call: CallOfJob<R>, hosts: CallHosts, progress: CallProgress) -> Result<()> {
        let queued = Arc::new(QueuedCall { job: Arc::downgrade(self), is_begun: AtomicBool::new(false) });
        let before = self.publish(call, queued.clone(), progress)?;
        if self.context.cancelled().is_raised() {
            self.make(cancelled());
            return Ok(());
        }
        let waits = Arc::downgrade(&queued);
        let queued: Arc<dyn Work> = queued;
        let (work, hosts) = (Arc::downgrade(&queued), self.hosts_of(hosts, progress));
        drop(queued);
        self.jobs.pool.add(Waiting::Wanted { work, hosts }).inspect_err(|_| drop(self.withdraw(before)))?;
        if waits.upgrade().is_some_and(|call| !call.is_begun.load(Ordering::Relaxed)) {
            self.jobs.watch(waits, self.context.clone());
        }
        Ok(())
    }

    /// The hosts of a call: one that goes on is for those of the call before.
    fn hosts_of(&self, call: CallHosts, progress: CallProgress) -> CallHosts {
        let mut last = lock(&self.hosts);
        if progress == CallProgress::FromNothing {
            // All that concern no registry are for one that has no name.
            *last = if call.all.is_empty() { vec![String::new()] } else { call.all };
        }
        CallHosts { all: last.clone(), may_ask: if self.asks { call.may_ask } else { Vec::new() } }
    }

    /// From here on it may be made, or cancelled. What was before is dropped by the caller, without a lock.
    fn publish(&self, call: CallOfJob<R>, queued: Arc<QueuedCall<R>>, progress: CallProgress) -> Result<Phase<R>> {
        let mut news = lock(&self.news);
        let mut phase = lock(&self.phase);
        if news.is_retired() {
            return Err(Error::new(Code::Closed, "the job was freed"));
        }
        if matches!(*phase, Phase::Waiting(..) | Phase::Running) {
            return Err(Error::new(Code::Busy, "the job is in a call; it makes one at a time"));
        }
        news.restart();
        if progress == CallProgress::FromNothing {
            self.context.restart();
        }
        self.jobs.busy.fetch_add(1, Ordering::SeqCst);
        Ok(std::mem::replace(&mut *phase, Phase::Waiting(call, queued)))
    }

    /// A call that waits is never made; the job is as it was before.
    fn withdraw(&self, before: Phase<R>) -> Option<Phase<R>> {
        let mut phase = lock(&self.phase);
        matches!(*phase, Phase::Waiting(..)).then(|| {
            self.jobs.busy.fetch_sub(1, Ordering::SeqCst);
            std::mem::replace(&mut *phase, before)
        })
    }

    /// Ends its call; one that waits for a thread ends here.
    pub(crate) fn cancel(self: &Arc<Self>) {
        self.context.cancel();
        self.make(cancelled());
    }

    /// Whether its call waits for a thread.
    #[cfg(test)]
    fn is_waiting(&self) -> bool {
        matches!(*lock(&self.phase), Phase::Waiting(..))
    }

    /// The result of its last call; None until that has ended.
    pub(crate) fn result(&self) -> Option<Arc<R>> {
        match &*lock(&self.phase) {
            Phase::Ended(result) => Some(result.clone()),
            _ => None,
        }
    }

    /// Answers the question for credentials that was told first. Whether there was one.
    pub(crate) fn answer(&self, credentials: Credentials) -> bool {
        let question = lock(&self.news).answered();
        question.is_some_and(|question| question.answer.send(credentials).is_ok())
    }

    /// The caller wants nothing more of it.
    pub(crate) fn abandon(&self) {
        self.context.cancel();
        self.jobs.events.retire(self);
        drop(self.withdraw(Phase::Free));
    }

    /// Makes the call that waits, if there is one, or only its result.
    fn make(self: &Arc<Self>, go: Result<()>) {
        self.make_if(|_| true, go);
    }

    fn make_if(self: &Arc<Self>, is_meant: impl FnOnce(&QueuedCall<R>) -> bool, go: Result<()>) {
        let call = {
            let mut phase = lock(&self.phase);
            match std::mem::replace(&mut *phase, Phase::Running) {
                Phase::Waiting(call, queued) if is_meant(&queued) => {
                    queued.is_begun.store(true, Ordering::Relaxed);
                    call
                }
                other => {
                    *phase = other;
                    return;
                }
            }
        };
        let result = Arc::new(call(go));
        lock(&self.answers).clear();
        // Before the end is told: the caller that hears of it may want the threads gone.
        self.jobs.busy.fetch_sub(1, Ordering::SeqCst);
        // Both at once: a caller that hears of the end finds the result, and no result shows an end that was not told.
        self.jobs.events.post(self, |news| {
            *lock(&self.phase) = Phase::Ended(result);
            news.end();
        });
    }

    fn listen(self: &Arc<Self>, options: &JobOptions) {
        let tell = |told: Tell<R>| {
            let job = Arc::downgrade(self);
            move |event: &Value| {
                if let Some(job) = job.upgrade() {
                    told(&job, json::text(event).unwrap_or_default());
                }
                Ok(())
            }
        };
        if options.log {
            self.context.set_log(Some(Arc::new(tell(|job, text| job.tell(Event::Log(text))))));
        }
        if options.blob_progress {
            self.context.set_blob_progress(Some(Arc::new(tell(|job, text| job.tell(Event::Blob(text))))));
        }
        if options.progress {
            let job = Arc::downgrade(self);
            self.context.set_progress(Some(Arc::new(move |_, _| {
                if let Some(job) = job.upgrade() {
                    job.jobs.events.post(&job, News::moved);
                }
                Ok(())
            })));
        }
        if options.credentials {
            let job = Arc::downgrade(self);
            let refuser = job.clone();
            self.context.set_credentials(Some(Arc::new(move |call, host| ask(&job, call, host))));
            self.context.set_refused(Arc::new(move |host, credentials| refuse(&refuser, host, credentials)));
        }
    }

    fn tell(self: &Arc<Self>, event: Event) {
        self.jobs.events.post(self, |news| news.text(event));
    }
}

type Tell<R> = fn(&Arc<Job<R>>, String);

/// Work of no job's.
struct Aside(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Work for Aside {
    fn run(self: Arc<Self>) {
        if let Some(work) = lock(&self.0).take() {
            work();
        }
    }
}

/// A call's place in the queue: the job has it while that call waits, and no longer.
struct QueuedCall<R> {
    job: Weak<Job<R>>,
    /// It waits no more, though the thread that makes it still has it.
    is_begun: AtomicBool,
}

impl<R: Send + Sync + 'static> Work for QueuedCall<R> {
    fn run(self: Arc<Self>) {
        if let Some(job) = self.job.upgrade() {
            job.make_if(|queued| std::ptr::eq(queued, &raw const *self), Ok(()));
        }
    }
}

fn cancelled() -> Result<()> {
    Err(Error::new(Code::Cancelled, "the call was cancelled"))
}
