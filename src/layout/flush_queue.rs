//! Complete blobs get their final names only when they are on the disk. A thread of the layout flushes them, so that a copy waits for
//! the disk only before it writes a manifest that names them, when the queue is full, and at its end.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::call::thread;
use crate::call::Call;
use crate::download::partial::Partial;
use crate::error::{Code, Error, Result};
use crate::mutex::{self, lock};

/// So many wait at most: each keeps a file open.
const MOST: usize = 64;
/// How often a call that waits looks whether it still may.
const STEP: Duration = Duration::from_millis(20);

#[derive(Default)]
pub(super) struct FlushQueue {
    shared: Arc<SharedQueue>,
    thread: OnceLock<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct SharedQueue {
    state: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// Complete files, and the paths to move them to.
    waiting: VecDeque<(Partial, PathBuf)>,
    /// A file is being flushed.
    busy: bool,
    /// The rest is not wanted any more.
    over: bool,
    /// The first error.
    failure: Option<Error>,
}

impl Queue {
    fn check(&self) -> Result<()> {
        self.failure.as_ref().map_or(Ok(()), |failure| Err(failure.duplicate()))
    }
}

impl FlushQueue {
    /// Adds a blob, and makes the kernel start writing it. Returns the error of an earlier one.
    pub(super) fn add(&self, call: &Call, mut partial: Partial, target: PathBuf) -> Result<()> {
        partial.start_writing_back();
        let mut state = self.wait(call, |state| state.waiting.len() < MOST)?;
        if self.thread.get_or_init(|| self.start()).is_none() {
            // Without a thread, here and now.
            drop(state);
            return partial.settle(Ok(()), &target);
        }
        state.waiting.push_back((partial, target));
        self.shared.changed.notify_all();
        Ok(())
    }

    /// The error of one of them, if there was any: then fetching more is pointless.
    pub(super) fn check(&self) -> Result<()> {
        lock(&self.shared.state).check()
    }

    /// Waits until all have their names. After an error, every call returns it.
    pub(super) fn settle(&self, call: &Call) -> Result<()> {
        drop(self.wait(call, |state| state.waiting.is_empty() && !state.busy)?);
        call.check()
    }

    fn wait(&self, call: &Call, enough: impl Fn(&Queue) -> bool) -> Result<MutexGuard<'_, Queue>> {
        loop {
            call.check()?;
            let mut state = lock(&self.shared.state);
            if state.failure.is_none() && !enough(&state) {
                state = mutex::wait(&self.shared.changed, state, STEP).0;
            }
            state.check()?;
            if enough(&state) {
                return Ok(state);
            }
        }
    }

    fn start(&self) -> Option<JoinHandle<()>> {
        let shared = self.shared.clone();
        let work = move || {
            if catch_unwind(AssertUnwindSafe(|| shared.flush())).is_err() {
                lock(&shared.state).waiting.clear();
                drop(shared.done(Err(Error::new(Code::Internal, "the thread that flushes blobs has ended"))));
            }
        };
        thread::spawn("ocireg-flush", work).ok()
    }
}

impl SharedQueue {
    /// Flushes files until the queue ends; runs on a thread of its own.
    fn flush(&self) {
        let mut state = lock(&self.state);
        while !state.over {
            let Some((partial, target)) = state.waiting.pop_front() else {
                state = mutex::wait_told(&self.changed, state);
                continue;
            };
            state.busy = true;
            drop(state);
            state = self.done(partial.settle(Ok(()), &target));
        }
    }

    /// Records the result of one flush.
    fn done(&self, outcome: Result<()>) -> MutexGuard<'_, Queue> {
        let mut state = lock(&self.state);
        state.busy = false;
        if let Err(error) = outcome {
            state.failure.get_or_insert(error);
        }
        self.changed.notify_all();
        state
    }
}

impl Drop for FlushQueue {
    /// Files that still wait after a failure stay complete and hidden: the next copy only has to verify them.
    fn drop(&mut self) {
        lock(&self.shared.state).over = true;
        self.shared.changed.notify_all();
        if let Some(Some(thread)) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for FlushQueue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("FlushQueue")
    }
}
