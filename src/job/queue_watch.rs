//! Calls that wait for a thread end there when they were cancelled or their deadline has passed. Nothing tells of either: a context may be
//! cancelled in a signal handler, where nothing can be woken, and a deadline may be set at any time. So somebody looks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::{cancelled, Job, Jobs};
use crate::call::engine::Engine;
use crate::error::{Code, Error};
use crate::mutex::lock;

/// How often, as long as anything waits.
const LOOK: Duration = Duration::from_millis(50);

/// The calls of a client's jobs that wait for a thread, and the task that looks at them.
pub(super) struct QueueWatch<R>(Mutex<Watched<R>>);

struct Watched<R> {
    waiting: Vec<Weak<Job<R>>>,
    /// Where the task runs.
    engine: Weak<Engine>,
    /// There is one at most.
    task: Option<AbortHandle>,
}

impl<R> Default for QueueWatch<R> {
    fn default() -> QueueWatch<R> {
        QueueWatch(Mutex::new(Watched { waiting: Vec::new(), engine: Weak::new(), task: None }))
    }
}

/// Whether a job is watched. It changes only under the lock of the watch.
#[derive(Default)]
pub(super) struct IsWatched(AtomicBool);

impl<R: Send + Sync + 'static> Jobs<R> {
    /// Where calls that wait for a thread are looked at.
    pub(crate) fn wait_with(&self, engine: &Arc<Engine>) {
        lock(&self.watch.0).engine = Arc::downgrade(engine);
    }

    /// Looks at a job's call until it waits no more.
    pub(super) fn watch(self: &Arc<Self>, job: &Arc<Job<R>>) {
        let mut watched = lock(&self.watch.0);
        if !job.is_watched.0.swap(true, Ordering::Relaxed) {
            watched.waiting.push(Arc::downgrade(job));
        }
        let Some(engine) = watched.engine.upgrade() else { return };
        // Its engine may have ended before it.
        if watched.task.as_ref().is_none_or(AbortHandle::is_finished) {
            watched.task = Some(engine.spawn(look_after(Arc::downgrade(self))));
        }
    }

    /// Whether anything still waits.
    fn look(&self) -> bool {
        let waiting: Vec<_> = lock(&self.watch.0).waiting.iter().filter_map(Weak::upgrade).collect();
        waiting.iter().for_each(|job| job.end_if_over());
        let mut watched = lock(&self.watch.0);
        watched.waiting.retain(|job| {
            let Some(job) = job.upgrade() else { return false };
            let is_waiting = job.is_waiting();
            job.is_watched.0.store(is_waiting, Ordering::Relaxed);
            is_waiting
        });
        if watched.waiting.is_empty() {
            watched.task = None;
        }
        !watched.waiting.is_empty()
    }
}

impl<R: Send + Sync + 'static> Job<R> {
    fn end_if_over(self: &Arc<Self>) {
        if self.context.cancelled().is_raised() {
            self.make(cancelled());
        } else if self.context.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.make(Err(Error::new(Code::Timeout, "the call's deadline has passed; it was waiting for a thread")));
        }
    }
}

async fn look_after<R: Send + Sync + 'static>(jobs: Weak<Jobs<R>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if !jobs.upgrade().is_some_and(|jobs| jobs.look()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::job::pool::CallHosts;
    use crate::job::{CallProgress, JobOptions};
    use std::sync::mpsc::{channel, Sender};

    type TestJob = Arc<Job<Result<()>>>;

    /// A job whose call waits: the only thread is at work for another until what is beside it is dropped.
    fn waiting(engine: &Arc<Engine>) -> (TestJob, (Sender<()>, TestJob)) {
        let jobs = Arc::new(Jobs::<Result<()>>::new(1).unwrap());
        jobs.wait_with(engine);
        let (release, held) = channel::<()>();
        let busy = Job::new(jobs.clone(), &JobOptions::default());
        let hold = move |go: Result<()>| held.recv().map_or(go, |()| Ok(()));
        busy.start(Box::new(hold), CallHosts::default(), CallProgress::FromNothing).unwrap();
        let job = Job::new(jobs, &JobOptions::default());
        begin(&job);
        (job, (release, busy))
    }

    fn begin(job: &TestJob) {
        job.start(Box::new(|go| go), CallHosts::default(), CallProgress::FromNothing).unwrap();
        assert!(job.is_waiting());
    }

    fn end(job: &Job<Result<()>>) -> Code {
        let begun = Instant::now();
        while job.result().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
        (*job.result().unwrap()).as_ref().unwrap_err().code()
    }

    #[test]
    fn it_ends_at_a_deadline_that_is_set_meanwhile_and_so_does_the_next_one() {
        let engine = Arc::new(Engine::start().unwrap());
        let (job, _held) = waiting(&engine);
        job.context().set_deadline(Some(Duration::from_secs(3600)));
        std::thread::sleep(LOOK * 2);
        assert!(job.is_waiting());
        job.context().set_deadline(Some(Duration::from_millis(20)));
        assert_eq!(end(&job), Code::Timeout);
        // Nothing is watched any more, or still is: the next one is in either case.
        job.context().set_deadline(None);
        begin(&job);
        job.context().set_deadline(Some(Duration::from_millis(1)));
        assert_eq!(end(&job), Code::Timeout);
    }

    #[test]
    fn it_ends_when_it_is_cancelled_where_nothing_can_be_woken() {
        let engine = Arc::new(Engine::start().unwrap());
        let (job, _held) = waiting(&engine);
        job.context().cancel_from_signal();
        assert_eq!(end(&job), Code::Cancelled);
    }

    /// A program may end the threads of a client and go on.
    #[test]
    fn it_is_watched_after_an_engine_has_ended() {
        let (job, _held) = waiting(&Arc::new(Engine::start().unwrap()));
        job.cancel();
        let engine = Arc::new(Engine::start().unwrap());
        let jobs = job.jobs.clone();
        jobs.wait_with(&engine);
        let another = Job::new(jobs, &JobOptions::default());
        begin(&another);
        another.context().set_deadline(Some(Duration::from_millis(1)));
        assert_eq!(end(&another), Code::Timeout);
    }
}
