//! For how long the failure of a credential helper is the answer to the same question.

use std::time::{Duration, Instant};

use crate::error::{Code, Error};

/// As long as the requests take that a call makes at once; after it the helper may have recovered (a keychain is unlocked, the network is
/// back), and a call may go on for hours.
const BELIEVED: Duration = Duration::from_secs(10);
/// One that did not answer in its time would cost that again each time.
const BELIEVED_SILENT: Duration = Duration::from_secs(300);

/// How a helper failed, and when.
pub(super) struct HelperFailure {
    ended: Instant,
    error: Error,
}

impl HelperFailure {
    pub(super) fn new(ended: Instant, error: &Error) -> HelperFailure {
        HelperFailure { ended, error: error.duplicate() }
    }

    /// The same error, for a call that had begun to look for credentials before it, as long as it is believed: a later call asks anew.
    pub(super) fn at(&self, now: Instant, begun: Instant) -> Option<Error> {
        let believed = if self.error.code() == Code::Timeout { BELIEVED_SILENT } else { BELIEVED };
        let is_new = now.saturating_duration_since(self.ended) < believed;
        (is_new && self.ended >= begun).then(|| self.error.duplicate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_not_that_of_a_call_of_hours() {
        let begun = Instant::now();
        let after = |seconds: u64| begun + Duration::from_secs(seconds);
        for (code, last) in [(Code::Io, 10), (Code::Timeout, 300)] {
            let failure = HelperFailure::new(after(60), &Error::new(code, "locked").with_hint("unlock it"));
            let same = failure.at(after(60 + last - 1), begun).unwrap();
            assert_eq!((same.code(), same.message(), same.hint()), (code, "locked", Some("unlock it")));
            assert!(failure.at(after(60 + last), begun).is_none(), "it is asked again");
            assert!(failure.at(after(62), after(61)).is_none(), "a later call asks anew");
        }
    }
}
