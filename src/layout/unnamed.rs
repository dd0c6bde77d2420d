//! Blobs that are whole but get their names only when they are on the disk. A thread of the layout's own sees to that, so that
//! nobody waits for the disk before a manifest is to name them.

use std::path::PathBuf;
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Code, Error, Result};
use crate::http::thread;
use crate::partial::Partial;

/// So many wait at most: each keeps a file open.
const MOST: usize = 64;

/// A whole file, and the name that it gets.
type Blob = (Partial, PathBuf);

/// The blobs, and what went wrong with one of them.
#[derive(Default)]
pub struct Unnamed(Mutex<State>);

#[derive(Default)]
struct State {
    flusher: Option<Flusher>,
    failure: Option<Error>,
}

/// The thread ends when nobody can bring it blobs any more.
struct Flusher {
    blobs: SyncSender<Blob>,
    thread: JoinHandle<Result<()>>,
}

impl Unnamed {
    /// One more, which the kernel is told to write now.
    pub fn add(&self, mut partial: Partial, target: PathBuf) -> Result<()> {
        partial.start_writing_back();
        let blob = (partial, target);
        let refused = match self.blobs() {
            Ok(blobs) => blobs.send(blob).err().map(|refused| refused.0),
            Err(_) => Some(blob),
        };
        refused.map_or(Ok(()), |(partial, target)| partial.settle(Ok(()), &target))
    }

    /// Waits until all have their names. What failed once is the answer ever after.
    pub fn settle(&self) -> Result<()> {
        let mut state = self.state();
        if let Some(Flusher { blobs, thread }) = state.flusher.take() {
            drop(blobs);
            let ended = || Error::new(Code::Internal, "the thread that flushes blobs has ended");
            if let Err(error) = thread.join().unwrap_or_else(|_| Err(ended())) {
                state.failure.get_or_insert(error);
            }
        }
        state.failure.as_ref().map_or(Ok(()), |failure| Err(failure.duplicate()))
    }

    /// The way to the thread.
    fn blobs(&self) -> Result<SyncSender<Blob>> {
        let mut state = self.state();
        if let Some(flusher) = &state.flusher {
            return Ok(flusher.blobs.clone());
        }
        let (blobs, arriving) = sync_channel(MOST);
        let thread = thread::spawn("ocireg-flush", move || flush(&arriving))?;
        state.flusher = Some(Flusher { blobs: blobs.clone(), thread });
        Ok(blobs)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn flush(blobs: &Receiver<Blob>) -> Result<()> {
    let mut outcome = Ok(());
    for (partial, target) in blobs {
        outcome = outcome.and(partial.settle(Ok(()), &target));
    }
    outcome
}

impl Drop for Unnamed {
    /// After a failure too they get their names: the next copy has less to do.
    fn drop(&mut self) {
        let _ = self.settle();
    }
}

impl std::fmt::Debug for Unnamed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Unnamed")
    }
}
