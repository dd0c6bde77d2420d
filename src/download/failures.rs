//! How many failures of a body that is read are too many, and which of them another request may not have.

use std::time::{Duration, Instant};

use crate::error::{Code, Error};
use crate::http::retry::Backoff;

/// After this much progress, or this much time, failures are counted from one again.
const PROGRESS: u64 = 1 << 20;
const CALM: Duration = Duration::from_secs(60);

/// How many failures are too many: those without progress between them.
pub(crate) struct Failures {
    limit: u32,
    backoff: Backoff,
    row: u32,
    total: u32,
    position: u64,
    at: Option<Instant>,
}

impl Failures {
    pub(crate) fn new(limit: u32) -> Failures {
        Failures { limit, backoff: Backoff::new(), row: 0, total: 1, position: 0, at: None }
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    /// How long to wait before going on; None when it is one too many.
    pub(crate) fn count(&mut self, position: u64, code: Code) -> Option<Duration> {
        let progressed = position >= self.position.saturating_add(PROGRESS);
        let calm = self.at.is_some_and(|at| at.elapsed() >= CALM) && position > self.position;
        self.row = if progressed || calm { 1 } else { self.row + 1 };
        self.total += 1;
        self.position = position;
        self.at = Some(Instant::now());
        // A stall costs the whole idle limit, so one more attempt is enough.
        let limit = if code == Code::Timeout { self.limit.min(1) } else { self.limit };
        (self.row <= limit).then(|| self.backoff.delay(self.row))
    }
}

/// Whether there was no response, or something other than one.
pub(crate) fn went_wrong(error: &Error) -> bool {
    matches!(error.code(), Code::Network | Code::Protocol | Code::Redirect) || error.is_stall()
}

/// Whether the same request in another form may succeed.
pub(crate) fn is_about_the_answer(error: &Error) -> bool {
    let refused = matches!(error.code(), Code::SizeMismatch | Code::InvalidArgument | Code::Unauthenticated);
    went_wrong(error) || refused || error.http_status().is_some()
}
