//! When the progress hook is called: regularly while nothing moves, and while bytes do, no more than it can take.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::mutex::lock;

/// How long the hook is left without news. A wait looks every 50 ms, so that it is called at least every 250 ms.
const SILENCE: Duration = Duration::from_millis(150);

/// What the hook was told last.
#[derive(Debug)]
pub(super) struct ProgressInterval(Mutex<Last>);

#[derive(Debug)]
struct Last {
    /// When it was called, then when it returned.
    at: Instant,
    /// How long it took.
    took: Duration,
    /// A transfer of this call has begun: what the context says is about it.
    begun: bool,
    /// It was not told of what has moved since.
    untold: bool,
}

impl ProgressInterval {
    pub(super) fn new() -> ProgressInterval {
        ProgressInterval(Mutex::new(Last { at: Instant::now(), took: Duration::ZERO, begun: false, untold: false }))
    }

    /// The call's own transfer begins.
    pub(super) fn begin(&self) {
        lock(&self.0).begun = true;
    }

    /// Calls the hook, for whatever reason.
    pub(super) fn strike<T>(&self, hook: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        // What the hook itself asks meanwhile is not told again.
        lock(&self.0).at = start;
        let answer = hook();
        let mut last = lock(&self.0);
        last.at = Instant::now();
        last.took = last.at.saturating_duration_since(start);
        last.untold = false;
        answer
    }

    /// Whether it should be left alone although bytes have moved, of which it is not told then: it has had half of the time.
    pub(super) fn is_slow(&self) -> bool {
        let mut last = lock(&self.0);
        last.untold = last.at.elapsed() < last.took;
        last.untold
    }

    /// Whether it has not heard of what moved last.
    pub(super) fn is_owed(&self) -> bool {
        lock(&self.0).untold
    }

    /// Whether it should be called although nothing has moved.
    pub(super) fn is_due(&self) -> bool {
        let last = lock(&self.0);
        last.at.elapsed() >= SILENCE.max(last.took)
    }

    /// Whether a transfer of this call has begun.
    pub(super) fn has_begun(&self) -> bool {
        lock(&self.0).begun
    }
}
