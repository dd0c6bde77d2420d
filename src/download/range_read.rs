//! The read of one range, from an offset on: which bytes are next, and the connection that delivers them.

use std::time::Duration;

use ::http::header::HeaderValue;
use serde_json::json;

use super::connection::Connection;
use super::extent::Extent;
use super::failures::Failures;
use super::Downloadable;
use crate::error::{Error, Result};

/// Reads a range of a [`Downloadable`]; goes on where it broke off, and elsewhere. What it reads is neither hashed nor kept here.
pub(super) struct RangeRead<T> {
    pub(super) item: T,
    pub(super) extent: Extent,
    /// Whether a digest tells at the end that the bytes are right.
    pub(super) is_verified: bool,
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
    /// Nothing: the registry has said that there is nothing behind the position, nothing is wanted there, or the last byte was read.
    NothingFollows,
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

impl<T: Downloadable> RangeRead<T> {
    /// Begins at an offset: those before it are here already.
    pub(super) fn new(item: T, extent: Extent, position: u64, is_verified: bool) -> RangeRead<T> {
        let is_all_here = extent.is_nothing() || (position > 0 && extent.end() == Some(position));
        let may_replace = T::RULES.whole_replaces && is_verified && position > 0;
        RangeRead {
            failures: Failures::new(item.retries()),
            left: if may_replace { LeftoverBytes::Replaceable } else { LeftoverBytes::Kept },
            item,
            extent,
            is_verified,
            position,
            begun: position,
            next: if is_all_here { NextStep::NothingFollows } else { NextStep::Ask },
            media_type: None,
            ranges: RangeSupport::default(),
            broken: None,
        }
    }

    /// Nothing more is read: the connection is free.
    pub(super) fn close(&mut self) {
        self.next = NextStep::NothingFollows;
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
