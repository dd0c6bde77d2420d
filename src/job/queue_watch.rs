//! Calls that wait for a thread end there when they were cancelled or their deadline has passed. Nothing tells of either: a context may be
//! cancelled in a signal handler, where nothing can be woken, and a deadline may be set at any time. So somebody looks.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::{cancelled, Jobs, QueuedCall};
use crate::call::context::Context;
use crate::call::engine::Engine;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;

/// How often, as long as anything waits.
const LOOK: Duration = Duration::from_millis(50);

/// The calls of a client's jobs that wait for a thread, and the task that looks at them.
pub(super) struct QueueWatch<R>(Mutex<Watched<R>>);

struct Watched<R> {
    /// As long as a call waits its job has it, so that nobody else keeps it.
    waiting: Vec<(Weak<QueuedCall<R>>, Arc<Context>)>,
    engine: Weak<Engine>,
    /// There is one at most.
    task: Option<AbortHandle>,
}

impl<R> Default for QueueWatch<R> {
    fn default() -> QueueWatch<R> {
        QueueWatch(Mutex::new(Watched { waiting: Vec::new(), engine: Weak::new(), task: None }))
    }
}

impl<R: Send + Sync + 'static> Jobs<R> {
    /// Where calls that wait for a thread are looked at.
    pub(crate) fn wait_with(&self, engine: &Arc<Engine>) {
        lock(&self.watch.0).engine = Arc::downgrade(engine);
    }

    /// Looks at a call until it waits no more.
    pub(super) fn watch(&self, call: Weak<QueuedCall<R>>, context: Arc<Context>) {
        // Let go of after the lock: the last one to have it waits for its thread, which may want that.
        let engine = lock(&self.watch.0).engine.upgrade();
        let mut watched = lock(&self.watch.0);
        watched.waiting.push((call, context));
        let Some(engine) = &engine else { return };
        // Its engine may have ended before it.
        if watched.task.as_ref().is_none_or(AbortHandle::is_finished) {
            watched.task = Some(engine.spawn(look_after(Arc::downgrade(&self.watch))));
        }
    }
}

impl<R: Send + Sync + 'static> QueueWatch<R> {
    /// Whether anything still waits.
    fn look(&self) -> bool {
        for (call, why) in self.over() {
            let Some(call) = call.upgrade() else { continue };
            if let Some(job) = call.job.upgrade() {
                // This call, and not one that the job has begun meanwhile.
                job.make_if(|queued| std::ptr::eq(queued, &raw const *call), Err(why));
            }
        }
        let mut watched = lock(&self.0);
        watched.waiting.retain(|(call, _)| call.upgrade().is_some_and(|call| !call.is_begun.load(Ordering::Relaxed)));
        if watched.waiting.is_empty() {
            watched.task = None;
        }
        !watched.waiting.is_empty()
    }

    /// The calls that are to end, and why.
    fn over(&self) -> Vec<(Weak<QueuedCall<R>>, Error)> {
        let watched = lock(&self.0);
        let over = watched.waiting.iter().filter_map(|(call, context)| Some((call.clone(), may_wait(context).err()?)));
        over.collect()
    }
}

fn may_wait(context: &Context) -> Result<()> {
    if context.cancelled().is_raised() {
        return cancelled();
    }
    match context.deadline() {
        Some(deadline) if deadline <= Instant::now() => {
            Err(Error::new(Code::Timeout, "the call's deadline has passed; it was waiting for a thread"))
        }
        _ => Ok(()),
    }
}

async fn look_after<R: Send + Sync + 'static>(watch: Weak<QueueWatch<R>>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if !watch.upgrade().is_some_and(|watch| watch.look()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::pool::CallHosts;
    use crate::job::{CallProgress, Job, JobOptions};
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
