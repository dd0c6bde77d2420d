//! How fast a body comes.

use std::time::Duration;

use super::settings::Slowest;
use crate::error::{Code, Error, Result};

/// Detects a server that sends too slowly. Only the time spent waiting counts: a slow reader is not the server's
/// fault.
#[derive(Default)]
pub(super) struct Speed {
    waited: Duration,
    bytes: u64,
}

impl Speed {
    pub(super) fn count(&mut self, waited: Duration, bytes: u64, slowest: Slowest) -> Result<()> {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < slowest.window {
            return Ok(());
        }
        let slow = (self.bytes as f64) < slowest.rate as f64 * self.waited.as_secs_f64();
        *self = Speed::default();
        if slow {
            let (rate, seconds) = (slowest.rate, slowest.window.as_secs_f64());
            let message = format!("the server sends fewer than {rate} bytes a second over {seconds} s");
            let error = Error::new(Code::Timeout, message).into_stall();
            return Err(error.with_hint("the client's option min_speed sets the limit"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slow_servers_are_slow() {
        let window = Slowest { rate: 1024, window: Duration::from_secs(30) };
        let mut trickle = Speed::default();
        let slow = (0..400).find_map(|_| trickle.count(Duration::from_millis(100), 1, window).err());
        assert_eq!(slow.map(|error| error.code()), Some(Code::Timeout));

        let mut steady = Speed::default();
        assert!((0..4000).all(|_| steady.count(Duration::from_millis(100), 6554, window).is_ok()));

        let mut any = Speed::default();
        let unbounded = Slowest { rate: 0, ..window };
        assert!((0..400).all(|_| any.count(Duration::from_millis(300), 1, unbounded).is_ok()));

        let mut slow_reader = Speed::default();
        assert!((0..10_000).all(|_| slow_reader.count(Duration::from_micros(10), 1, window).is_ok()));
    }
}
