//! How far a copy is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{json, Value};

use crate::store::Moved;

/// Counters that the workers write and the caller's thread reads.
#[derive(Debug, Default)]
pub struct Meter {
    /// Bytes of all blobs.
    pub bytes: u64,
    /// All blobs.
    pub blobs: u64,
    settled: AtomicU64,
    under_way: Vec<AtomicU64>,
    copied: AtomicU64,
    mounted: AtomicU64,
    present: AtomicU64,
    moved: AtomicU64,
    resumed: AtomicU64,
}

impl Meter {
    /// For so many workers.
    pub fn new(workers: usize, blobs: u64, bytes: u64) -> Meter {
        Meter { bytes, blobs, under_way: (0..workers).map(|_| AtomicU64::new(0)).collect(), ..Meter::default() }
    }

    /// A worker has come this far with its blob.
    pub fn moved_to(&self, worker: usize, done: u64) {
        if let Some(under_way) = self.under_way.get(worker) {
            under_way.store(done, Relaxed);
        }
    }

    /// A worker's blob is there.
    pub fn settle(&self, worker: usize, size: u64, moved: Moved) {
        match moved {
            Moved::Copied { resumed } => {
                self.copied.fetch_add(1, Relaxed);
                self.moved.fetch_add(size.saturating_sub(resumed), Relaxed);
                self.resumed.fetch_add(resumed, Relaxed)
            }
            Moved::Mounted => self.mounted.fetch_add(1, Relaxed),
            Moved::Present => self.present.fetch_add(1, Relaxed),
        };
        self.settled.fetch_add(size, Relaxed);
        self.moved_to(worker, 0);
    }

    /// Bytes that are there.
    pub fn done(&self) -> u64 {
        let under_way: u64 = self.under_way.iter().map(|done| done.load(Relaxed)).sum();
        (self.settled.load(Relaxed) + under_way).min(self.bytes)
    }

    /// `{total, copied, mounted, skipped, bytes_moved, bytes_resumed}`.
    pub fn to_json(&self) -> Value {
        json!({
            "total": self.blobs,
            "copied": self.copied.load(Relaxed),
            "mounted": self.mounted.load(Relaxed),
            "skipped": self.present.load(Relaxed),
            "bytes": self.bytes,
            "bytes_copied": self.moved.load(Relaxed),
            "bytes_resumed": self.resumed.load(Relaxed),
        })
    }
}
