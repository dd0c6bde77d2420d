//! What a failure says of the endpoint that had it.

use std::time::Duration;

use super::endpoint_memory::REMEMBERED;
use crate::call::Call;
use crate::error::{Code, Error};
use crate::statuses;

pub(super) enum Verdict {
    /// Nothing: the caller or this machine ended the call.
    Ours,
    /// It does not have this.
    Lacks,
    /// It does not give this repository.
    Refuses,
    /// Nothing that other calls need to know: this one had less time for it than it usually has.
    Hurried,
    /// It is of no use for that long.
    Fails(Duration),
}

impl Verdict {
    pub(super) fn of(call: &Call, error: &Error) -> Verdict {
        use Code as C;
        let answered = error.http_status().is_some() || error.url().is_some();
        let about_this = error.http_status().is_some_and(statuses::is_about_what_was_asked_for);
        match error.code() {
            // A deadline that has passed, too.
            _ if call.check().is_err() => Verdict::Ours,
            _ if error.is_hurried() => Verdict::Hurried,
            C::Cancelled | C::Callback | C::Closed | C::Forked | C::Busy | C::Internal | C::Io => Verdict::Ours,
            C::InvalidArgument | C::InvalidReference if !answered => Verdict::Ours,
            C::NotFound | C::MissingBlob | C::LimitExceeded | C::SizeMismatch => Verdict::Lacks,
            C::Unsupported | C::InvalidArgument | C::InvalidReference => Verdict::Lacks,
            C::Http if about_this => Verdict::Lacks,
            C::Unauthenticated | C::Forbidden => Verdict::Refuses,
            _ => Verdict::Fails(error.retry_after().map_or(REMEMBERED, Duration::from_secs)),
        }
    }
}
