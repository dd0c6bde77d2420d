//! How fast bodies may pass: the caller's limits in bytes a second, for a host and for all of a client, in each direction.
//!
//! The bytes count for the host that was asked, wherever its redirects and upload locations lead: a registry's blobs mostly come from
//! another host's storage. The time that a transfer waits here is not the server's fault: the limits for silent and slow servers do not
//! count it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::token_bucket::Bucket;
use crate::call::Call;
use crate::error::Result;
use crate::mutex::lock;

/// Shorter waits are left to the next portion: a timer is not that exact.
const LEAST_WAIT: Duration = Duration::from_millis(5);

/// Bytes a second in each direction; 0 is any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ByteLimits {
    pub down: u64,
    pub up: u64,
}

/// What all transfers under one limit share, those too that began before it was changed.
type SharedBucket = Mutex<Bucket>;

/// The limits of a host, or of a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByteRates {
    down: Option<Arc<SharedBucket>>,
    up: Option<Arc<SharedBucket>>,
}

impl ByteRates {
    pub(crate) fn new(limits: ByteLimits) -> ByteRates {
        ByteRates::default().with_limits(limits)
    }

    /// The same with other limits: what was taken of one that stays is taken, and the transfers under way have the new one too.
    pub(crate) fn with_limits(&self, limits: ByteLimits) -> ByteRates {
        let shared = |known: &Option<Arc<SharedBucket>>, rate: u64| match known {
            _ if rate == 0 => None,
            Some(bucket) => {
                lock(bucket).set_rate(rate, Instant::now());
                Some(bucket.clone())
            }
            None => Some(Arc::new(Mutex::new(Bucket::new(rate)))),
        };
        ByteRates { down: shared(&self.down, limits.down), up: shared(&self.up, limits.up) }
    }

    /// Whether new ones would be the same: no transfer is under these limits, and nothing is left to wait for.
    pub(crate) fn are_idle(&self) -> bool {
        let now = Instant::now();
        let mut all = self.down.iter().chain(self.up.iter());
        all.all(|bucket| Arc::strong_count(bucket) == 1 && lock(bucket).is_full(now))
    }

    /// The limits of one request's bodies: those of its host and those of the client.
    pub(crate) fn with(&self, other: &ByteRates) -> Paces {
        let both = |one: &Option<Arc<SharedBucket>>, other: &Option<Arc<SharedBucket>>| {
            Pace(one.iter().chain(other.iter()).cloned().collect())
        };
        Paces { down: both(&self.down, &other.down), up: both(&self.up, &other.up) }
    }
}

/// The pace of a request's bodies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paces {
    pub(crate) down: Pace,
    pub(crate) up: Pace,
}

/// The limits that hold for a body, all of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Vec<Arc<SharedBucket>>);

impl Pace {
    /// Whether there is any limit.
    pub(crate) fn is_limited(&self) -> bool {
        !self.0.is_empty()
    }

    /// How many bytes are taken at once.
    pub(crate) fn portion(&self) -> usize {
        let least = self.0.iter().map(|bucket| lock(bucket).portion()).min();
        least.map_or(usize::MAX, |least| usize::try_from(least).unwrap_or(usize::MAX))
    }

    /// Takes bytes, of one portion; returns how long to wait for them.
    pub(crate) fn take(&self, bytes: usize) -> Duration {
        if self.0.is_empty() {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let waits = self.0.iter().map(|shared| lock(shared).take(bytes as u64, now));
        waits.max().filter(|wait| *wait >= LEAST_WAIT).unwrap_or_default()
    }

    /// Waits until that many bytes may have passed, portion by portion, so that other transfers have theirs in between.
    pub(crate) fn wait(&self, call: &Call, mut bytes: usize) -> Result<()> {
        while !self.0.is_empty() && bytes > 0 {
            let portion = bytes.min(self.portion());
            bytes -= portion;
            let wait = self.take(portion);
            if !wait.is_zero() {
                call.sleep(wait)?;
            }
        }
        Ok(())
    }
}
