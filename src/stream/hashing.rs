//! The digest of a stream of bytes: computed on the thread that delivers them, or on a separate one, so that receiving,
//! hashing and writing a large blob overlap.

use std::sync::mpsc::{sync_channel, SyncSender};
use std::thread::JoinHandle;

use bytes::Bytes;

use crate::call::thread;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};

/// From this many bytes on, a separate thread is worth it.
pub(crate) const LARGE: u64 = 8 << 20;
/// How many pieces may wait for that thread, so that memory stays bounded.
const WAITING: usize = 2;

pub(crate) struct Hashing(Worker);

enum Worker {
    Here(Hasher),
    Aside { pieces: SyncSender<Bytes>, thread: JoinHandle<Hasher> },
}

impl Hashing {
    /// Hashes on the caller's thread, continuing after the bytes already hashed.
    pub(crate) fn new(hasher: Hasher) -> Hashing {
        Hashing(Worker::Here(hasher))
    }

    /// Hashes on a separate thread from here on, if one can be started.
    pub(crate) fn move_aside(&mut self) {
        let Worker::Here(hasher) = &self.0 else { return };
        let mut hasher = hasher.clone();
        let (pieces, waiting) = sync_channel::<Bytes>(WAITING);
        let started = thread::spawn("ocireg-hash", move || {
            waiting.iter().for_each(|piece| hasher.update(&piece));
            hasher
        });
        if let Ok(thread) = started {
            self.0 = Worker::Aside { pieces, thread };
        }
    }

    pub(crate) fn update(&mut self, bytes: &Bytes) {
        match &mut self.0 {
            Worker::Here(hasher) => hasher.update(bytes),
            // Fails only when the thread has ended, which `finish` reports.
            Worker::Aside { pieces, .. } => drop(pieces.send(bytes.clone())),
        }
    }

    /// The state after the last byte; None if a separate thread computes it.
    pub(crate) fn state(&self) -> Option<&Hasher> {
        match &self.0 {
            Worker::Here(hasher) => Some(hasher),
            Worker::Aside { .. } => None,
        }
    }

    pub(crate) fn finish(self) -> Result<Digest> {
        match self.0 {
            Worker::Here(hasher) => Ok(hasher.finish()),
            Worker::Aside { pieces, thread } => {
                drop(pieces);
                let hasher = thread.join().map_err(|_| Error::new(Code::Internal, "the hashing thread has ended"))?;
                Ok(hasher.finish())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn the_digest_is_the_same_wherever_it_is_taken() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let all: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
            let mut hashing = Hashing::new(Hasher::new(algorithm));
            let (first, rest) = all.split_at(1001);
            hashing.update(&Bytes::copy_from_slice(first));
            assert_eq!(hashing.state().unwrap().clone().finish(), algorithm.digest(first));
            hashing.move_aside();
            hashing.move_aside();
            assert!(hashing.state().is_none());
            rest.chunks(65_537).for_each(|piece| hashing.update(&Bytes::copy_from_slice(piece)));
            assert_eq!(hashing.finish().unwrap(), algorithm.digest(&all));
        }
    }
}
