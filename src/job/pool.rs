//! The threads that make the calls of jobs: no more than asked for, started when there is work, parked when there is none, and gone
//! after some time of that.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::call::thread as ours;
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::sync::lock;

/// How long a thread without work stays.
const PARKED: Duration = Duration::from_secs(5);
/// How long a thread may take from the end of its work, which others hear of, to its rest.
const SETTLED: Duration = Duration::from_millis(200);

options! {
    /// How many threads there may be.
    #[derive(Debug, Clone)]
    pub struct PoolOptions {
        /// how many threads may make the calls of jobs; at most 1024
        pub job_threads: usize = 16,
    }
}

impl PoolOptions {
    pub(crate) fn check(&self) -> Result<()> {
        match self.job_threads {
            1..=1024 => Ok(()),
            _ => Err(Error::new(Code::InvalidArgument, "the option job_threads must be from 1 to 1024")),
        }
    }
}

/// What a thread of the pool does. It must not panic.
pub(crate) trait Work: Send + Sync {
    fn run(self: Arc<Self>);
}

pub(crate) struct Pool {
    shared: Arc<Shared>,
    most: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<PoolState>,
    /// There is work, or the threads are to end.
    changed: Condvar,
    /// A thread has done its work.
    rested: Condvar,
}

#[derive(Default)]
struct PoolState {
    waiting: VecDeque<Arc<dyn Work>>,
    /// Threads that look for work, or will next.
    idle: usize,
    /// Threads that are to end as soon as they have nothing to do.
    leaving: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// At most so many threads.
    pub(crate) fn new(most: usize) -> Pool {
        Pool { shared: Arc::default(), most: most.max(1) }
    }

    /// Work for the next free thread. An error when there is none, and none can be had.
    pub(crate) fn add(&self, work: Arc<dyn Work>) -> Result<()> {
        let mut state = lock(&self.shared.state);
        state.waiting.push_back(work);
        if state.waiting.len() <= state.idle {
            self.shared.changed.notify_one();
            return Ok(());
        }
        state.threads.retain(|thread| !thread.is_finished());
        if state.threads.len() < self.most {
            if let Err(error) = self.start(&mut state) {
                if state.threads.is_empty() {
                    state.waiting.pop_back();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn start(&self, state: &mut PoolState) -> Result<()> {
        let shared = self.shared.clone();
        let thread = ours::spawn("ocireg-job", move || shared.work())?;
        state.idle += 1;
        state.threads.push(thread);
        Ok(())
    }

    /// Ends the threads that have nothing to do, and waits for them. Whether none is left.
    pub(crate) fn quiesce(&self) -> bool {
        let state = lock(&self.shared.state);
        let busy = |state: &mut PoolState| state.idle < state.alive() || !state.waiting.is_empty();
        let (mut state, still) =
            self.shared.rested.wait_timeout_while(state, SETTLED, busy).unwrap_or_else(PoisonError::into_inner);
        if still.timed_out() {
            return false;
        }
        state.leaving = true;
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        self.shared.changed.notify_all();
        threads.into_iter().for_each(|thread| drop(thread.join()));
        let mut state = lock(&self.shared.state);
        state.leaving = false;
        state.threads.is_empty()
    }
}

impl Drop for Pool {
    /// Threads at work end when they are done: the last of them may be the one that drops this.
    fn drop(&mut self) {
        let mut state = lock(&self.shared.state);
        state.leaving = true;
        let threads = std::mem::take(&mut state.threads);
        let busy = state.idle < threads.iter().filter(|thread| !thread.is_finished()).count();
        drop(state);
        self.shared.changed.notify_all();
        if !busy {
            threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }
}

impl PoolState {
    fn alive(&self) -> usize {
        self.threads.iter().filter(|thread| !thread.is_finished()).count()
    }
}

impl Shared {
    fn work(&self) {
        while let Some(work) = self.next() {
            work.run();
            lock(&self.state).idle += 1;
            self.rested.notify_all();
        }
    }

    /// The next work; None when this thread is to end.
    fn next(&self) -> Option<Arc<dyn Work>> {
        let mut state = lock(&self.state);
        let mut rested = false;
        loop {
            let work = state.waiting.pop_front();
            if work.is_some() || rested || state.leaving {
                state.idle -= 1;
                return work;
            }
            (state, rested) = self.rest(state);
        }
    }

    fn rest<'a>(&self, state: MutexGuard<'a, PoolState>) -> (MutexGuard<'a, PoolState>, bool) {
        let (state, timeout) = self.changed.wait_timeout(state, PARKED).unwrap_or_else(PoisonError::into_inner);
        (state, timeout.timed_out())
    }
}
