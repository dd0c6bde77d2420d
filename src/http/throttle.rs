//! The limits of one host, shared by all threads of a client: how many requests may wait for a response at once, how
//! many may start per second, how many bytes may pass, and until when the host asked for a pause.
//!
//! A request holds a permit until its headers arrive, and until its body has arrived if that is read immediately. The
//! bytes of a blob need no permit, in either direction: their transfer may depend on another request of the same
//! program (a copy reads one blob while it writes another), and holders that wait for permits would deadlock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::byte_rates::{ByteLimits, ByteRates};
use super::retry;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;
use crate::options::options;

options! {
    /// How much of a host is asked of at once.
    #[derive(Debug, Clone)]
    pub struct ThrottleOptions {
        /// how many requests of all threads wait for one host's responses at once
        ///
        /// a request counts until its response has come, up to the end of the body if that is read whole. The bytes of blobs are
        /// not counted in either direction, so that a transfer never waits for itself, nor are transfers that wait for a limit of
        /// bytes a second
        pub max_connections_per_host: u32 = 8,
        /// requests to one host that begin in a second, over all threads; 0 is any
        pub requests_per_second: f64 = 0.0,
        /// bytes of bodies that come from all hosts together in a second; 0 is any
        ///
        /// all transfers of the client share the limit fairly. Responses with tokens are not counted, nor are headers
        pub download_bytes_per_second: u64 = 0,
        /// the same for the bytes that are sent
        pub upload_bytes_per_second: u64 = 0,
    }
}

/// Requests that waited together are spread over a tenth of their wait, at most over this.
const SPREAD: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostLimits {
    pub at_once: usize,
    pub per_second: f64,
    pub bytes: ByteLimits,
}

pub(crate) struct Throttle {
    limits: HostLimits,
    permits: Arc<Semaphore>,
    rates: ByteRates,
    times: Mutex<HostTimes>,
    small: Mutex<SmallRequests>,
}

/// Requests for something small that came close together.
#[derive(Default)]
struct SmallRequests {
    count: u32,
    last: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default)]
struct HostTimes {
    /// When the next request may start, according to the rate.
    next: Option<Instant>,
    /// When a request may start again, according to the server.
    pause: Option<Pause>,
    /// When it last left a request without an answer that others can give.
    silent: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    /// The end of the pause that the server asked for.
    asked: Instant,
    /// The end of the actual pause: after a minute one request tries again.
    until: Instant,
}

/// When a call's own deadline left a throttle's host too little time.
#[derive(Default)]
struct Silences(Mutex<HashMap<usize, Instant>>);

/// Permission for one request to a host, until its response has arrived; it is returned when dropped.
pub(crate) struct Permit(Option<OwnedSemaphorePermit>);

impl Permit {
    /// Releases it for the next request, while this one continues.
    pub(crate) fn give_back(&mut self) {
        self.0 = None;
    }
}

impl SmallRequests {
    fn add(&mut self, many: u32, at_most: Duration, now: Instant) -> bool {
        if self.last.is_none_or(|last| now.saturating_duration_since(last) > at_most) {
            self.count = 0;
        }
        self.last = Some(now);
        let before = self.count;
        self.count = before.saturating_add(1);
        before >= many
    }
}

impl Throttle {
    pub(crate) fn new(limits: HostLimits) -> Throttle {
        let rates = ByteRates::new(limits.bytes);
        Throttle { limits, permits: permits(limits.at_once), rates, times: Mutex::default(), small: Mutex::default() }
    }

    /// The same host with other limits: a pause that the server asked for still applies, and what was taken stays taken.
    pub(crate) fn with_limits(&self, limits: HostLimits) -> Throttle {
        let same = limits.at_once == self.limits.at_once;
        let permits = if same { self.permits.clone() } else { permits(limits.at_once) };
        let (rates, times) = (self.rates.with_limits(limits.bytes), Mutex::new(*self.times()));
        Throttle { limits, permits, rates, times, small: Mutex::default() }
    }

    pub(crate) fn limits(&self) -> HostLimits {
        self.limits
    }

    /// Counts another request for something small; whether there were that many before, none this long after the one before.
    pub(crate) fn is_asked_often(&self, many: u32, at_most: Duration) -> bool {
        lock(&self.small).add(many, at_most, Instant::now())
    }

    /// The requests before count no more: another connection to it could not be had.
    pub(crate) fn has_no_more_connections(&self) {
        *lock(&self.small) = SmallRequests::default();
    }

    /// How fast bodies may pass.
    pub(crate) fn rates(&self) -> &ByteRates {
        &self.rates
    }

    /// Waits until a request may start. RATE_LIMITED when the server asks for a longer pause than the call can wait; one with an alternative
    /// waits for none.
    pub(crate) fn enter(&self, call: &Call, has_alternative: bool) -> Result<Permit> {
        let begun = Instant::now();
        loop {
            while let Some(wait) = self.pause(if has_alternative { Some(Duration::ZERO) } else { call.remaining() })? {
                call.sleep(wait)?;
            }
            let permit = self.permit(call)?;
            if has_alternative {
                self.was_not_silent_since(begun, call)?;
            }
            let wait = self.reserve();
            if !wait.is_zero() {
                call.sleep(wait)?;
            }
            // Another request may have been told to wait in the meantime.
            if self.pause(call.remaining())?.is_none() {
                return Ok(Permit(permit));
            }
        }
    }

    fn permit(&self, call: &Call) -> Result<Option<OwnedSemaphorePermit>> {
        call.check()?;
        match self.permits.clone().try_acquire_owned() {
            Ok(permit) => Ok(Some(permit)),
            Err(_) => Ok(call.wait(None, self.permits.clone().acquire_owned())?.ok()),
        }
    }

    /// The server asked for a pause of that length.
    pub(crate) fn told_to_wait(&self, after: Duration) {
        let now = Instant::now();
        let after = after.min(retry::LONGEST);
        let pause = Pause { asked: now + after, until: now + after.min(retry::PATIENCE) };
        let mut times = self.times();
        if times.pause.is_none_or(|known| known.until < pause.until) {
            times.pause = Some(pause);
        }
    }

    /// It did not answer one of those that others can be asked instead of: those that wait for a permit need not find out too. Of a
    /// request with less time than usual only those of the same call.
    pub(crate) fn was_silent(&self, call: &Call, hurried: bool) {
        match hurried {
            true => drop(lock(&call.memory::<Silences>().0).insert(self.key(), Instant::now())),
            false => self.times().silent = Some(Instant::now()),
        }
    }

    fn was_not_silent_since(&self, begun: Instant, call: &Call) -> Result<()> {
        let for_all = self.times().silent;
        let for_call = || lock(&call.memory::<Silences>().0).get(&self.key()).copied();
        let is_since = |at: Instant| at >= begun;
        let error =
            || Error::new(Code::Timeout, "no answer from the server to the requests before this one").into_stall();
        match for_all.is_some_and(is_since) {
            true => Err(error()),
            false if for_call().is_some_and(is_since) => Err(error().with_hurry(true)),
            false => Ok(()),
        }
    }

    /// Which one it is, as long as it is used.
    fn key(&self) -> usize {
        Arc::as_ptr(&self.permits).addr()
    }

    /// Whether it can be dropped: a new one would have the same state.
    pub(crate) fn is_idle(&self) -> bool {
        let times = self.times();
        let now = Instant::now();
        let has_passed =
            times.next.is_none_or(|next| next <= now) && times.pause.is_none_or(|pause| pause.until <= now);
        has_passed && self.rates.are_idle()
    }

    fn pause(&self, remaining: Option<Duration>) -> Result<Option<Duration>> {
        let mut times = self.times();
        let now = Instant::now();
        let Some(pause) = times.pause.filter(|pause| pause.until > now) else {
            times.pause = None;
            return Ok(None);
        };
        drop(times);
        let left = pause.asked.saturating_duration_since(now);
        if left > remaining.map_or(retry::PATIENCE, |remaining| remaining.min(retry::PATIENCE)) {
            let seconds = retry::whole_seconds(left);
            let message =
                format!("the server asks for the next request after {seconds} s, longer than this call can wait");
            return Err(Error::new(Code::RateLimited, message).with_retry_after(Some(seconds)));
        }
        let wait = pause.until.saturating_duration_since(now);
        Ok(Some(wait + jitter((wait / 10).min(SPREAD))))
    }

    /// Reserves the next time at which a request may start according to the rate; returns the time until then.
    fn reserve(&self) -> Duration {
        if self.limits.per_second <= 0.0 {
            return Duration::ZERO;
        }
        let interval = Duration::try_from_secs_f64(1.0 / self.limits.per_second).unwrap_or(Duration::MAX / 4);
        let mut times = self.times();
        let now = Instant::now();
        let at = times.next.map_or(now, |next| next.max(now));
        times.next = at.checked_add(interval).or(Some(at));
        at.saturating_duration_since(now)
    }

    fn times(&self) -> MutexGuard<'_, HostTimes> {
        lock(&self.times)
    }
}

fn permits(most: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))
}

fn jitter(most: Duration) -> Duration {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(retry::random() % most.saturating_add(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(per_second: f64) -> Throttle {
        Throttle::new(HostLimits { at_once: 2, per_second, bytes: ByteLimits::default() })
    }

    #[test]
    fn the_rate_spaces_what_begins() {
        let waits: Vec<Duration> = (0..4).map(|_| throttle(0.0).reserve()).collect();
        assert!(waits.iter().all(Duration::is_zero));
        let four = throttle(4.0);
        let waits: Vec<Duration> = (0..4).map(|_| four.reserve()).collect();
        assert!(waits[0].is_zero());
        for (index, wait) in waits.iter().enumerate().skip(1) {
            let due = Duration::from_millis(250) * index as u32;
            assert!(*wait <= due && *wait > due - Duration::from_millis(100), "{wait:?}");
        }
        assert!(!four.is_idle());
    }

    #[test]
    fn only_requests_that_come_close_together_are_many() {
        let (mut small, second, begun) = (SmallRequests::default(), Duration::from_secs(1), Instant::now());
        let answers: Vec<bool> = (0..5).map(|number| small.add(3, second, begun + second * number)).collect();
        assert_eq!(answers, [false, false, false, true, true]);
        assert!(!small.add(3, second, begun + second * 6), "too late");
        let throttle = throttle(0.0);
        assert!(!throttle.is_asked_often(1, second) && throttle.is_asked_often(1, second));
        throttle.has_no_more_connections();
        assert!(!throttle.is_asked_often(1, second));
    }

    #[test]
    fn a_pause_is_for_everybody_and_no_longer_than_a_minute() {
        let throttle = throttle(0.0);
        assert!(throttle.pause(None).unwrap().is_none() && throttle.is_idle());
        throttle.told_to_wait(Duration::from_secs(20));
        let wait = throttle.pause(None).unwrap().unwrap();
        assert!(wait > Duration::from_secs(19) && wait <= Duration::from_millis(20_500), "{wait:?}");
        let error = throttle.pause(Some(Duration::from_secs(5))).unwrap_err();
        assert_eq!((error.code(), error.retry_after()), (Code::RateLimited, Some(20)));
        // A shorter one changes nothing.
        throttle.told_to_wait(Duration::ZERO);
        assert!(throttle.pause(None).unwrap().is_some());
        throttle.told_to_wait(Duration::MAX);
        assert_eq!(throttle.pause(None).unwrap_err().code(), Code::RateLimited);
        let kept = throttle.times().pause.unwrap();
        assert!(kept.until <= Instant::now() + retry::PATIENCE);
        assert!(throttle.with_limits(throttle.limits()).pause(None).is_err());
    }
}
