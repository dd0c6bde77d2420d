//! A bucket of tokens: how many bytes may pass in a second. Arithmetic only: the caller says what time it is.
//!
//! A sender takes the bytes at once, and waits until the bucket has made up for them. So senders that share a bucket go in
//! the order in which they came, each with one portion at a time: a fair share, however large their pieces are.

use std::time::{Duration, Instant};

/// The largest portion, and so the most that passes at once.
const MOST_AT_ONCE: u64 = 32 << 10;

#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// Bytes a second.
    rate: u64,
    /// The bytes that may pass; below 0, those that others have taken before they are there.
    level: f64,
    /// When that was so.
    at: Option<Instant>,
}

impl Bucket {
    /// A bucket for that many bytes a second.
    pub(crate) fn new(rate: u64) -> Bucket {
        Bucket { rate, level: 0.0, at: None }
    }

    /// How many bytes are taken at once: what comes in an eighth of a second, so that no transfer waits for long.
    pub(crate) fn portion(&self) -> u64 {
        (self.rate / 8).clamp(1, MOST_AT_ONCE)
    }

    /// Takes bytes; returns how long to wait for them.
    pub(crate) fn take(&mut self, bytes: u64, now: Instant) -> Duration {
        self.fill(now);
        self.level -= bytes as f64;
        match self.level < 0.0 {
            true => Duration::try_from_secs_f64(-self.level / self.rate.max(1) as f64).unwrap_or(Duration::MAX / 4),
            false => Duration::ZERO,
        }
    }

    /// From now on that many bytes a second pass. What others have taken before stays taken.
    pub(crate) fn set_rate(&mut self, rate: u64, now: Instant) {
        self.fill(now);
        self.rate = rate;
    }

    /// Whether a new one would be the same.
    pub(crate) fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.level >= self.most()
    }

    /// What was not used in an eighth of a second is gone.
    fn most(&self) -> f64 {
        (self.rate / 8).max(1) as f64
    }

    fn fill(&mut self, now: Instant) {
        let since = self.at.map(|at| now.saturating_duration_since(at).as_secs_f64());
        let come = since.map_or(self.most(), |seconds| seconds * self.rate as f64);
        // Clocks of several threads: what is older than the last look counts from there.
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        self.level = (self.level + come).min(self.most());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Several that take turns until `end`, each with portions of its own; how many bytes each got.
    fn share(rate: u64, portions: &[u64], end: Duration) -> Vec<u64> {
        let begin = Instant::now();
        let mut bucket = Bucket::new(rate);
        let mut ready = vec![Duration::ZERO; portions.len()];
        let mut got = vec![0; portions.len()];
        loop {
            let next = (0..portions.len()).min_by_key(|who| ready[*who]).unwrap();
            let now = ready[next];
            if now >= end {
                return got;
            }
            ready[next] = now + bucket.take(portions[next], begin + now).max(Duration::from_nanos(1));
            got[next] += portions[next];
        }
    }

    #[test]
    fn no_more_passes_than_the_rate_and_an_eighth_of_a_second() {
        for rate in [1, 100, 1000, 10_000, 2 << 20, 1 << 30] {
            let portion = Bucket::new(rate).portion();
            let seconds = Duration::from_secs(20);
            let got = share(rate, &[portion], seconds)[0];
            let (due, more) = (rate * 20, rate / 8 + 3 * portion);
            assert!(got <= due + more && got + more >= due, "{rate}: {got} of {due}");
        }
    }

    #[test]
    fn who_shares_a_bucket_has_a_fair_share_of_it() {
        let portion = Bucket::new(1 << 20).portion();
        let got = share(1 << 20, &[portion; 4], Duration::from_secs(10));
        let (least, most) = (got.iter().min().unwrap(), got.iter().max().unwrap());
        assert!(most - least <= 2 * portion, "{got:?}");
        assert!(got.iter().sum::<u64>() <= (10 << 20) + (1 << 17) + 5 * portion);
    }

    #[test]
    fn time_without_transfers_is_not_saved_up() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(8000);
        assert!(bucket.take(1000, begin).is_zero());
        assert_eq!(bucket.take(1000, begin), Duration::from_millis(125));
        // A day later an eighth of a second is there, and no more.
        let later = begin + Duration::from_secs(86_400);
        assert!(bucket.take(1000, later).is_zero());
        assert_eq!(bucket.take(2000, later), Duration::from_millis(250));
        // A clock that another thread read earlier changes nothing.
        assert_eq!(bucket.take(1000, begin), Duration::from_millis(375));
    }

    #[test]
    fn another_rate_forgets_nothing_that_was_taken() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(8000);
        bucket.take(9000, begin);
        bucket.set_rate(16_000, begin);
        assert_eq!(bucket.take(0, begin), Duration::from_millis(500));
        assert!(!bucket.is_full(begin + Duration::from_millis(500)) && bucket.is_full(begin + Duration::from_secs(1)));
    }

    #[test]
    fn a_portion_takes_an_eighth_of_a_second_at_most() {
        let portions = [0, 1, 7, 8, 800, 1 << 40].map(|rate| Bucket::new(rate).portion());
        assert_eq!(portions, [1, 1, 1, 1, 100, MOST_AT_ONCE]);
        let begin = Instant::now();
        assert!(Bucket::new(u64::MAX).take(u64::MAX, begin) <= Duration::from_secs(2));
    }
}
