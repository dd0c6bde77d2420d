//! When a request is worth retrying, and after how long (RFC 9110 10.2.3 for Retry-After).

use std::time::{Duration, SystemTime};

use ::http::header::{HeaderMap, RETRY_AFTER};
use ::http::StatusCode;

use crate::error::{Code, Error, Result};
use crate::statuses;

const BASE: Duration = Duration::from_millis(200);
const CEILING: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask for; beyond it, the caller gets an error instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether a status means that the same request may succeed later.
pub(crate) fn retry_status(status: StatusCode) -> bool {
    statuses::may_pass(status.as_u16())
}

/// Exponential waits with full jitter, so that clients that failed together do not retry together.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    state: u64,
}

impl Backoff {
    pub(crate) fn new() -> Backoff {
        Backoff::seeded(random())
    }

    fn seeded(seed: u64) -> Backoff {
        // Xorshift never leaves zero.
        Backoff { state: if seed == 0 { 0x9e37_79b9_7f4a_7c15 } else { seed } }
    }

    /// The wait after the given attempt, counted from 1: between 0 and 200 ms, doubled with each attempt, up to 30 s.
    pub(crate) fn delay(&mut self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let most = (BASE * (1 << doublings)).min(CEILING).as_micros() as u64;
        Duration::from_micros(self.random() % (most + 1))
    }

    /// Xorshift64* (Marsaglia, Vigna): jitter needs no secrecy.
    fn random(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}

/// A number that no two processes and threads share: jitter and names need difference, not secrecy.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// What a longer wait counts as, so that no clock and no language overflows: HTTP's own word for ever (RFC 9111 1.2.2).
pub(crate) const LONGEST: Duration = Duration::from_secs(1 << 31);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// From the moment of the response.
    Wait(Duration),
    /// By the server's clock.
    Until(SystemTime),
}

impl RetryAfter {
    /// Parses the header; negative numbers and anything else that is neither seconds nor a date count as absent.
    pub(crate) fn parse(headers: &HeaderMap) -> Option<RetryAfter> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More digits than fit are a long time, not garbage.
            return Some(RetryAfter::Wait(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(LONGEST)));
        }
        httpdate::parse_http_date(text).ok().map(RetryAfter::Until)
    }

    /// The wait counted from now; None for a date that has passed.
    pub(crate) fn from(self, now: SystemTime) -> Option<Duration> {
        match self {
            RetryAfter::Wait(wait) => Some(wait),
            RetryAfter::Until(time) => time.duration_since(now).ok().map(|wait| wait.min(LONGEST)),
        }
    }
}

/// How long the server asks to wait, if the header can be parsed.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    RetryAfter::parse(headers)?.from(now)
}

/// How long to wait before the next attempt: what the server asks for, otherwise the backoff. If it asks for more than
/// 60 s, or more than the call has left, there is no wait: the result is RATE_LIMITED with the requested wait.
pub(crate) fn wait_for(after: Option<Duration>, backoff: Duration, remaining: Option<Duration>) -> Result<Duration> {
    let Some(after) = after else { return Ok(backoff) };
    let limit = remaining.map_or(PATIENCE, |remaining| remaining.min(PATIENCE));
    if after > limit {
        let seconds = whole_seconds(after);
        let message = format!("the server asks to retry after {seconds} s, longer than this call can wait");
        return Err(Error::new(Code::RateLimited, message).with_retry_after(Some(seconds)));
    }
    Ok(after.max(backoff).min(limit))
}

/// How long to wait after a failure before the work is restarted; None when the server asks for too long a wait.
pub(crate) fn after_failure(error: &Error, backoff: Duration) -> Option<Duration> {
    match error.retry_after().map(Duration::from_secs) {
        Some(after) if after > PATIENCE => None,
        after => Some(after.unwrap_or_default().max(backoff)),
    }
}

/// Rounded up: an attempt before that time would fail.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::header::HeaderValue;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn asked(value: &str, now: SystemTime) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        retry_after(&headers, now)
    }

    #[test]
    fn work_is_begun_again_when_the_server_says_so() {
        let error = |after| Error::new(Code::RateLimited, "x").with_retry_after(after);
        assert_eq!(after_failure(&error(None), seconds(2)), Some(seconds(2)));
        assert_eq!(after_failure(&error(Some(5)), seconds(2)), Some(seconds(5)));
        assert_eq!(after_failure(&error(Some(61)), seconds(2)), None);
    }

    #[test]
    fn only_transient_statuses_are_retried() {
        let retried: Vec<u16> = (100..600).filter(|n| StatusCode::from_u16(*n).is_ok_and(retry_status)).collect();
        assert_eq!(retried, [408, 425, 429, 499, 500, 502, 503, 504, 522]);
    }

    #[test]
    fn waits_double_up_to_the_ceiling_and_use_the_whole_span() {
        for (attempt, most) in
            [(0, 200), (1, 200), (2, 400), (3, 800), (5, 3200), (8, 25_600), (9, 30_000), (u32::MAX, 30_000)]
        {
            let most = Duration::from_millis(most);
            let mut backoff = Backoff::seeded(7);
            let waits: Vec<Duration> = (0..500).map(|_| backoff.delay(attempt)).collect();
            assert!(waits.iter().all(|wait| *wait <= most), "{attempt}");
            assert!(waits.iter().any(|wait| *wait > most * 9 / 10), "{attempt}");
            assert!(waits.iter().any(|wait| *wait < most / 10), "{attempt}");
        }
    }

    #[test]
    fn the_seed_decides_the_jitter() {
        let waits = |seed| {
            let mut backoff = Backoff::seeded(seed);
            (1..6).map(|attempt| backoff.delay(attempt)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        assert!(waits(0).iter().any(|wait| !wait.is_zero()));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, expected) in [
            ("0", Some(seconds(0))),
            (" 120 ", Some(seconds(120))),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(seconds(30))),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(seconds(30))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(seconds(0))),
            ("Sun, 06 Nov 1994 08:49:36 GMT", None),
            ("99999999999999999999999", Some(LONGEST)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST)),
            ("-5", None),
            ("+5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("5, 6", None),
            ("caf\u{e9}", None),
        ] {
            assert_eq!(asked(value, now), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_wait_that_is_too_long_gives_up_with_its_length() {
        let wait = |after: u64, remaining| wait_for(Some(seconds(after)), seconds(1), remaining);
        assert_eq!(wait_for(None, seconds(3), Some(seconds(1))).unwrap(), seconds(3));
        assert_eq!(wait(0, None).unwrap(), seconds(1));
        assert_eq!(wait(60, None).unwrap(), seconds(60));
        assert_eq!(wait(9, Some(seconds(9))).unwrap(), seconds(9));
        assert_eq!(wait_for(Some(seconds(1)), seconds(30), Some(seconds(5))).unwrap(), seconds(5));
        for (after, remaining) in [(61, None), (61, Some(seconds(500))), (10, Some(seconds(9))), (u64::MAX, None)] {
            let error = wait(after, remaining).unwrap_err();
            assert_eq!((error.code(), error.retry_after()), (Code::RateLimited, Some(after)));
        }
        let error = wait_for(Some(Duration::from_millis(60_001)), seconds(1), None).unwrap_err();
        assert_eq!(error.retry_after(), Some(61));
    }
}
