//! Blobs that are whole but wait for the disk before they get their names: all are flushed together before a manifest names them,
//! one wait instead of one for each.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::partial::Partial;

/// So many wait at most: each keeps a file open.
const MOST: usize = 64;

/// The blobs, and the names that they get.
#[derive(Default)]
pub struct Unnamed(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: Vec<(Partial, PathBuf)>,
    failure: Option<Error>,
}

impl Unnamed {
    /// One more, which the kernel is told to write now.
    pub fn add(&self, mut partial: Partial, target: PathBuf) -> Result<()> {
        partial.start_writing_back();
        let full = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.waiting.push((partial, target));
            state.waiting.len() >= MOST
        };
        if full {
            self.settle()?;
        }
        Ok(())
    }

    /// Gives all their names, when they are on the disk. What failed once is the answer ever after.
    pub fn settle(&self) -> Result<()> {
        // Held until all is done: who comes next must not find nothing to do while this goes on.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (partial, target) in std::mem::take(&mut state.waiting) {
            if let Err(error) = partial.settle(Ok(()), &target) {
                state.failure.get_or_insert(error);
            }
        }
        state.failure.as_ref().map_or(Ok(()), |failure| Err(failure.duplicate()))
    }
}

impl Drop for Unnamed {
    /// After a failure too: the next copy has less to do.
    fn drop(&mut self) {
        let _ = self.settle();
    }
}

impl std::fmt::Debug for Unnamed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Unnamed")
    }
}
