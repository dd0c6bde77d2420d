//! The progress of a copy.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use std::sync::{Mutex, MutexGuard};

use serde_json::{json, Value};

use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::store::Moved;

/// Counters that the workers write and the caller's thread reads.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Total bytes of all blobs.
    pub(crate) bytes: u64,
    pub(crate) blobs: u64,
    settled: AtomicU64,
    under_way: Vec<AtomicU64>,
    copied: AtomicU64,
    mounted: AtomicU64,
    present: AtomicU64,
    moved: AtomicU64,
    resumed: AtomicU64,
    watched: bool,
    /// Of several copies, which are added when they have ended: how many blobs and bytes there are is not known before.
    sum: Option<[AtomicU64; 2]>,
    current: Mutex<MeterState>,
}

/// Blobs in transfer, and events that have not been reported yet.
#[derive(Debug, Default)]
struct MeterState {
    active: Vec<Option<ActiveBlob>>,
    events: Vec<Value>,
}

/// A blob that a worker is transferring.
#[derive(Debug)]
struct ActiveBlob {
    digest: Digest,
    size: u64,
    told: u64,
}

impl ActiveBlob {
    fn event(&self, state: &str, done: u64) -> Value {
        json!({"state": state, "digest": self.digest, "size": self.size, "done": done})
    }
}

impl Meter {
    pub(crate) fn new(workers: usize, blobs: u64, bytes: u64) -> Meter {
        let current = MeterState { active: (0..workers).map(|_| None).collect(), events: Vec::new() };
        let under_way = (0..workers).map(|_| AtomicU64::new(0)).collect();
        Meter { bytes, blobs, under_way, current: Mutex::new(current), ..Meter::default() }
    }

    /// That of several copies, one at a time for each worker.
    pub(crate) fn of_copies(workers: usize) -> Meter {
        Meter { sum: Some(Default::default()), ..Meter::new(workers, 0, 0) }
    }

    /// Adds the counts of a copy that has ended, which a worker made, or of one that failed.
    pub(crate) fn add_copy(&self, worker: usize, counts: Option<&Value>) {
        let count = |key: &str| counts.and_then(|counts| counts[key].as_u64()).unwrap_or_default();
        for (counter, key) in [
            (&self.copied, "copied"),
            (&self.mounted, "mounted"),
            (&self.present, "skipped"),
            (&self.moved, "bytes_copied"),
            (&self.resumed, "bytes_resumed"),
            (&self.settled, "bytes"),
        ] {
            add(counter, count(key));
        }
        if let Some([blobs, bytes]) = &self.sum {
            add(blobs, count("total"));
            add(bytes, count("bytes"));
        }
        self.moved_to(worker, 0);
    }

    /// Also collects the events of each blob, if requested.
    pub(crate) fn watched(self, watched: bool) -> Meter {
        Meter { watched, ..self }
    }

    /// Records that a worker starts a blob.
    pub(crate) fn begin(&self, worker: usize, blob: &Descriptor) {
        self.moved_to(worker, 0);
        let active = ActiveBlob { digest: blob.digest.clone(), size: blob.size, told: 0 };
        let mut current = self.current();
        if self.watched {
            current.events.push(active.event("begun", 0));
        }
        if let Some(slot) = current.active.get_mut(worker) {
            *slot = Some(active);
        }
    }

    fn current(&self) -> MutexGuard<'_, MeterState> {
        lock(&self.current)
    }

    fn done_by(&self, worker: usize, size: u64) -> u64 {
        self.under_way.get(worker).map_or(0, |done| done.load(Relaxed)).min(size)
    }

    /// The blobs in transfer: `[{digest, size, done}]`.
    pub(crate) fn active(&self) -> Value {
        let current = self.current();
        let shown = current.active.iter().enumerate().filter_map(|(worker, active)| {
            let ActiveBlob { digest, size, .. } = active.as_ref()?;
            Some(json!({"digest": digest, "size": size, "done": self.done_by(worker, *size)}))
        });
        shown.collect()
    }

    /// The events of each blob since the last call: `{state, digest, size, done}`.
    pub(crate) fn events(&self) -> Vec<Value> {
        let mut current = self.current();
        let mut events = std::mem::take(&mut current.events);
        if self.watched {
            for (worker, active) in current.active.iter_mut().enumerate() {
                let Some(active) = active else { continue };
                let done = self.done_by(worker, active.size);
                if done > active.told {
                    active.told = done;
                    events.push(active.event("moving", done));
                }
            }
        }
        events
    }

    /// A worker has transferred this many bytes of its blob.
    pub(crate) fn moved_to(&self, worker: usize, done: u64) {
        if let Some(under_way) = self.under_way.get(worker) {
            under_way.store(done, Relaxed);
        }
    }

    /// Records that a worker's blob is complete.
    pub(crate) fn settle(&self, worker: usize, size: u64, moved: Moved) {
        let mut current = self.current();
        let active = current.active.get_mut(worker).and_then(Option::take);
        if let Some(active) = active.filter(|_| self.watched) {
            let state = match moved {
                Moved::Copied { .. } => "copied",
                Moved::Mounted => "mounted",
                Moved::Present => "skipped",
            };
            current.events.push(active.event(state, active.size));
        }
        drop(current);
        match moved {
            Moved::Copied { resumed } => {
                add(&self.copied, 1);
                add(&self.moved, size.saturating_sub(resumed));
                add(&self.resumed, resumed);
            }
            Moved::Mounted => add(&self.mounted, 1),
            Moved::Present => add(&self.present, 1),
        }
        add(&self.settled, size);
        self.moved_to(worker, 0);
    }

    pub(crate) fn done(&self) -> u64 {
        let under_way = self.under_way.iter().map(|done| done.load(Relaxed));
        let done = under_way.fold(self.settled.load(Relaxed), u64::saturating_add);
        done.min(if self.sum.is_some() { u64::MAX } else { self.bytes })
    }

    /// `{total, copied, mounted, skipped, bytes_moved, bytes_resumed}`.
    pub(crate) fn to_json(&self) -> Value {
        let [blobs, bytes] = match &self.sum {
            Some(sum) => sum.each_ref().map(|count| count.load(Relaxed)),
            None => [self.blobs, self.bytes],
        };
        json!({
            "total": blobs,
            "copied": self.copied.load(Relaxed),
            "mounted": self.mounted.load(Relaxed),
            "skipped": self.present.load(Relaxed),
            "bytes": bytes,
            "bytes_copied": self.moved.load(Relaxed),
            "bytes_resumed": self.resumed.load(Relaxed),
        })
    }
}

/// Sizes are claimed by a server, so their sum saturates.
fn add(counter: &AtomicU64, more: u64) {
    let _ = counter.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_add(more)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;
    use crate::manifest::Descriptor;

    #[test]
    fn each_blob_is_told_of_from_its_beginning_to_its_end() {
        let blob = |size: u64| Descriptor::new("", Algorithm::Sha256.digest(&size.to_le_bytes()), size);
        let meter = Meter::new(2, 2, 15).watched(true);
        meter.begin(0, &blob(10));
        meter.moved_to(0, 4);
        meter.begin(1, &blob(5));
        let states = |meter: &Meter| -> Vec<(String, u64)> {
            let text = |event: &Value| (event["state"].as_str().unwrap().to_owned(), event["done"].as_u64().unwrap());
            meter.events().iter().map(text).collect()
        };
        let told =
            |list: &[(&str, u64)]| list.iter().map(|(state, done)| ((*state).to_owned(), *done)).collect::<Vec<_>>();
        assert_eq!(states(&meter), told(&[("begun", 0), ("begun", 0), ("moving", 4)]));
        assert_eq!((meter.done(), meter.active().as_array().unwrap().len()), (4, 2));
        assert_eq!(states(&meter), told(&[]));
        // A worker may count bytes that are sent again: never report more than there are.
        meter.moved_to(0, 12);
        meter.settle(1, 5, Moved::Present);
        assert_eq!(states(&meter), told(&[("skipped", 5), ("moving", 10)]));
        meter.settle(0, 10, Moved::Copied { resumed: 4 });
        assert_eq!(states(&meter), told(&[("copied", 10)]));
        assert_eq!((meter.done(), meter.active()), (15, json!([])));
    }

    #[test]
    fn copies_are_added_up() {
        let meter = Meter::of_copies(2);
        meter.moved_to(0, 4);
        meter.moved_to(1, 3);
        assert_eq!(meter.done(), 7);
        let counts = json!({"total": 3, "copied": 1, "mounted": 1, "skipped": 1, "bytes": 30, "bytes_copied": 10, "bytes_resumed": 2});
        meter.add_copy(0, Some(&counts));
        meter.add_copy(1, None);
        assert_eq!((meter.done(), meter.to_json()), (30, counts));
    }

    #[test]
    fn sizes_that_a_server_makes_up_do_not_overflow() {
        let meter = Meter::new(2, 3, u64::MAX);
        meter.moved_to(0, u64::MAX);
        meter.moved_to(1, 7);
        assert_eq!(meter.done(), u64::MAX);
        meter.settle(0, u64::MAX, Moved::Copied { resumed: 0 });
        meter.settle(1, 7, Moved::Copied { resumed: 0 });
        assert_eq!((meter.done(), &meter.to_json()["bytes_copied"]), (u64::MAX, &json!(u64::MAX)));
    }
}
