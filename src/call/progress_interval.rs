//! The regular calls of the progress hook while nothing moves: when the next one is due.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::sync::lock;

/// How long the hook is left without news. A wait looks every 50 ms, so that it is called at least every 250 ms.
const SILENCE: Duration = Duration::from_millis(150);

/// What the hook was told last.
#[derive(Debug)]
pub(super) struct ProgressInterval(Mutex<Last>);

#[derive(Debug)]
struct Last {
    at: Instant,
    /// A transfer of this call has begun: what the context says is about it.
    begun: bool,
}

impl ProgressInterval {
    pub(super) fn new() -> ProgressInterval {
        ProgressInterval(Mutex::new(Last { at: Instant::now(), begun: false }))
    }

    /// The call's own transfer begins.
    pub(super) fn begin(&self) {
        lock(&self.0).begun = true;
    }

    /// The hook is called now, for whatever reason.
    pub(super) fn strike(&self) {
        lock(&self.0).at = Instant::now();
    }

    /// Whether it should be called although nothing has moved.
    pub(super) fn is_due(&self) -> bool {
        lock(&self.0).at.elapsed() >= SILENCE
    }

    /// Whether a transfer of this call has begun.
    pub(super) fn has_begun(&self) -> bool {
        lock(&self.0).begun
    }
}
