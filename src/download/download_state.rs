//! What is known of a download while it goes on.

use std::time::Duration;

use ::http::header::HeaderValue;
use serde_json::json;

use super::connection::Connection;
use super::extent::Extent;
use super::failures::Failures;
use super::verifier::DigestVerifier;
use super::Downloadable;
use crate::error::{Error, Result};

/// Reads a [`Downloadable`], continuing after breaks.
pub(crate) struct Download<T> {
    pub(super) item: T,
    pub(super) extent: Extent,
    /// None for a piece, and for things without a digest.
    pub(super) verifier: Option<DigestVerifier>,
    /// The offset of the next byte, and the one at which this call started.
    pub(super) position: u64,
    pub(super) begun: u64,
    pub(super) next: NextStep,
    pub(super) media_type: Option<String>,
    pub(super) ranges: RangeSupport,
    pub(super) left: LeftoverBytes,
    /// The last break: the error when the continuation is refused.
    pub(super) broken: Option<Error>,
    pub(super) failures: Failures,
}

pub(super) enum NextStep {
    /// Request the missing bytes.
    Ask,
    /// A request for all of it, though the rest would do.
    AskForAll,
    Read(Box<Connection>),
    /// Nothing: the registry has said that there is nothing behind the position, or nothing is wanted there.
    NothingFollows,
    /// The end, which has been reported.
    Done,
    /// The error that is returned from now on.
    Failed(Error),
}

/// What happens to the bytes of an earlier call when the registry sends everything instead of the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftoverBytes {
    /// The caller can still start again.
    Replaceable,
    /// The caller has to start again.
    Replaced,
    /// They stay, and as many bytes are dropped from what is sent.
    Kept,
}

/// What is known about range support here. Ranges are optional: if the rest alone cannot be fetched, everything is
/// requested, and what is here already is dropped from it.
#[derive(Default)]
pub(super) struct RangeSupport {
    /// The server encodes the body: ranges would be of the encoded bytes.
    pub(super) encoded: bool,
    /// The server has refused one, and need not be asked for another.
    pub(super) refused: bool,
    /// The position at which everything was requested last: without progress it is not requested again.
    pub(super) whole_at: Option<u64>,
    pub(super) etag: Option<HeaderValue>,
}

impl<T: Downloadable> Download<T> {
    pub(crate) fn item(&self) -> &T {
        &self.item
    }

    pub(crate) fn size(&self) -> Option<u64> {
        self.extent.size
    }

    /// The offset of the first wanted byte.
    pub(crate) fn offset(&self) -> u64 {
        self.extent.offset
    }

    /// How many of the wanted bytes have arrived, in this call or an earlier one.
    pub(crate) fn delivered(&self) -> u64 {
        self.position - self.extent.offset
    }

    /// Whether its end is checked against a digest.
    pub(crate) fn is_verifiable(&self) -> bool {
        self.extent.is_whole() && self.item.expected().is_some()
    }

    pub(crate) fn media_type(&self) -> Option<&String> {
        self.media_type.as_ref()
    }

    /// How many bytes are wanted, when known, for progress.
    pub(crate) fn wanted(&self) -> Option<u64> {
        let end = self.extent.end().or(self.item.size_hint());
        end.map(|end| end.saturating_sub(self.extent.offset))
    }

    /// Reports the progress to the caller's context.
    pub(crate) fn report(&self, delivered: u64) -> Result<()> {
        self.item.call().moved_to(delivered)
    }

    /// Whether that many bytes may be accepted.
    pub(super) fn check_size(&self, end: u64) -> Result<()> {
        let taken = end.saturating_sub(self.extent.offset);
        self.item.limit().check(taken, self.extent.end().is_some(), || self.extent.name.clone())
    }

    /// Whether everything may be requested: once for each offset reached.
    pub(super) fn may_ask_for_all(&self) -> bool {
        self.ranges.whole_at.is_none_or(|at| self.position > at)
    }

    /// Tells the caller's log that it is tried again, and why.
    pub(super) fn say(&self, reason: &str, wait: Duration) -> Result<()> {
        self.item.call().log(|| json!({"event": "retry", "reason": reason, "wait_ms": wait.as_millis() as u64}))
    }
}
