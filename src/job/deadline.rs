//! The deadline of a call that waits for a thread: nothing else watches it until a thread makes the call.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Job;
use crate::call::engine::Engine;
use crate::error::{Code, Error};
use crate::mutex::lock;

/// How often a call that waits for a thread looks whether its deadline is another one.
const LOOK: Duration = Duration::from_secs(1);

/// What watches the deadline of a job's call.
#[derive(Default)]
pub(super) struct DeadlineWatch {
    /// Where that is done.
    engine: Mutex<Weak<Engine>>,
    /// The task that does it; there is one at most.
    task: Mutex<Option<AbortHandle>>,
    /// Tells it that there is another deadline.
    changed: Notify,
}

impl<R: Send + Sync + 'static> Job<R> {
    /// Where deadlines are watched.
    pub(crate) fn wait_with(&self, engine: &Arc<Engine>) {
        *lock(&self.watch.engine) = Arc::downgrade(engine);
    }

    /// Ends a call that waits for a thread when its time has passed, also a time that is set while it waits.
    pub(crate) fn watch_deadline(self: &Arc<Self>) {
        let Some(engine) = lock(&self.watch.engine).upgrade().filter(|_| self.is_waiting()) else { return };
        let mut task = lock(&self.watch.task);
        // Its engine may have ended before it.
        if self.context.deadline().is_some() && task.as_ref().is_none_or(AbortHandle::is_finished) {
            *task = Some(engine.spawn(self.watch.clone().over(Arc::downgrade(self))));
        }
        self.watch.changed.notify_one();
    }

    fn end_if_late(self: &Arc<Self>) {
        if self.context.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.make(Err(Error::new(Code::Timeout, "the call's deadline has passed; it was waiting for a thread")));
        }
    }
}

impl DeadlineWatch {
    async fn over<R: Send + Sync + 'static>(self: Arc<Self>, job: Weak<Job<R>>) {
        while let Some(deadline) = self.next(&job) {
            // It also notices the deadline when nothing tells it that the call has begun.
            let until = deadline.min(Instant::now() + LOOK);
            let _ = tokio::time::timeout_at(until.into(), self.changed.notified()).await;
        }
    }

    /// The deadline that is still to come, or the end of the watch: from then on a deadline that is set begins another one.
    fn next<R: Send + Sync + 'static>(&self, job: &Weak<Job<R>>) -> Option<Instant> {
        let mut task = lock(&self.task);
        let waiting = job.upgrade().filter(|job| job.is_waiting());
        waiting.iter().for_each(|job| job.end_if_late());
        let deadline = waiting.filter(|job| job.is_waiting()).and_then(|job| job.context.deadline());
        if deadline.is_none() {
            *task = None;
        }
        deadline
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Result;
    use crate::job::pool::CallHosts;
    use crate::job::{CallProgress, JobOptions, Jobs};
    use std::sync::mpsc::channel;

    #[test]
    fn a_call_that_waits_for_a_thread_ends_at_a_deadline_that_is_set_meanwhile() {
        let engine = Arc::new(Engine::start().unwrap());
        let jobs = Arc::new(Jobs::<Result<()>>::new(1).unwrap());
        let (release, held) = channel::<()>();
        let busy = Job::new(jobs.clone(), &JobOptions::default());
        let hold = move |go| held.recv().map_or(go, |()| Ok(()));
        busy.start(Box::new(hold), CallHosts::default(), CallProgress::FromNothing).unwrap();
        let late = Job::new(jobs, &JobOptions::default());
        late.wait_with(&engine);
        late.start(Box::new(|go| go), CallHosts::default(), CallProgress::FromNothing).unwrap();
        for time in [3600, 0] {
            late.context().set_deadline(Some(Duration::from_secs(time) + Duration::from_millis(20)));
            assert!(late.is_waiting());
            late.watch_deadline();
        }
        let begun = Instant::now();
        while late.result().is_none() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((*late.result().unwrap()).as_ref().unwrap_err().code(), Code::Timeout);
        release.send(()).unwrap();
    }
}
