//! When the same goes wrong with one image after another, the rest is not tried: an account that keeps on asking with a wrong password
//! may be locked, and a full disk does not become empty.

use std::sync::Mutex;

use super::Pair;
use crate::error::{Code, Error, Side};
use crate::mutex::lock;

/// So many failures in a row are enough.
const MOST: u32 = 10;

/// What went wrong with the last images of each pair.
#[derive(Debug)]
pub(super) struct PairPatience(Vec<Mutex<Option<LastFailures>>>);

#[derive(Debug)]
struct LastFailures {
    code: Code,
    side: Option<Side>,
    message: String,
    count: u32,
}

impl PairPatience {
    pub(super) fn of(pairs: &[Pair]) -> PairPatience {
        PairPatience(pairs.iter().map(|_| Mutex::default()).collect())
    }

    /// The error for the next image of a pair, if it is not to be tried.
    pub(super) fn end(&self, at: usize) -> Option<Error> {
        let last = lock(&self.0[at]);
        let last = last.as_ref().filter(|last| last.count >= MOST)?;
        let message = format!("not tried, because it failed {MOST} times in a row before: {}", last.message);
        let error = Error::new(last.code, message);
        Some(last.side.into_iter().fold(error, Error::with_side))
    }

    /// Remembers what became of an image that was tried.
    pub(super) fn learn(&self, at: usize, error: Option<&Error>) {
        let mut last = lock(&self.0[at]);
        let Some(error) = error.filter(|error| is_lasting(error.code())) else {
            *last = None;
            return;
        };
        match last.as_mut().filter(|last| last.code == error.code() && last.side == error.side()) {
            Some(last) => last.count += 1,
            None => {
                let (code, side, message) = (error.code(), error.side(), error.message().to_owned());
                *last = Some(LastFailures { code, side, message, count: 1 });
            }
        }
    }
}

/// Whether it is about more than one image.
fn is_lasting(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthenticated
            | Code::Forbidden
            | Code::RateLimited
            | Code::Connect
            | Code::Resolve
            | Code::Tls
            | Code::Io
            | Code::LimitExceeded
    )
}
