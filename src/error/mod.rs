//! The one error type of the library: a stable code, a message that names what was wrong, and what is known
//! about the exchange that failed. It never holds a secret: URLs are stored without userinfo and query.

mod code;

use std::borrow::Cow;

use serde::Serialize;

pub use crate::rate_limit::RateLimit;
pub use code::Code;

/// The side of a copy that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Side {
    Source,
    Destination,
}

/// One entry of a registry's `errors` list (distribution-spec, "Error codes").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegistryError {
    /// The registry's code, such as `MANIFEST_UNKNOWN`; empty when it sent none.
    pub code: String,
    /// The registry's message; may be empty.
    pub message: String,
    /// The registry's detail, any JSON; null when it sent none.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
}

/// A name that refers to something else than a call allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Without its place: a tag, or the name in a layout.
    pub name: String,
    /// The manifest that it refers to; None when it refers to nothing.
    pub digest: Option<String>,
}

/// An error of the library. Boxed, so that a `Result` stays small.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Box<Facts>);

/// A result with the library's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedFor {
    /// The repository, by what all of its names have in common.
    pub(crate) repository: String,
    pub(crate) by: AskedBy,
}

/// By what it was asked for, and so on whose word it rests that it should be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// By itself: nothing said that there is one.
    List,
    /// By a tag: the caller's, or one of a list.
    Tag,
    /// By a digest: the caller's, or one that a tag or a list led to.
    Digest,
}

#[derive(Debug, Clone)]
struct Facts {
    code: Code,
    message: String,
    hint: Option<String>,
    side: Option<Side>,
    errno: Option<i32>,
    stall: bool,
    another_asked: bool,
    asked_for: Option<AskedFor>,
    hurried: bool,
    http_status: Option<u16>,
    registry_errors: Vec<RegistryError>,
    url: Option<String>,
    attempts: u32,
    retry_after: Option<u64>,
    rate_limit: Option<RateLimit>,
    conflict: Option<Conflict>,
    cause: Vec<String>,
}

impl Error {
    /// An error with its code and a message that names what was wrong.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error(Box::new(Facts {
            code,
            message: plain(message.into()),
            hint: None,
            side: None,
            errno: None,
            stall: false,
            another_asked: false,
            asked_for: None,
            hurried: false,
            http_status: None,
            registry_errors: Vec::new(),
            url: None,
            attempts: 0,
            retry_after: None,
            rate_limit: None,
            conflict: None,
            cause: Vec::new(),
        }))
    }

    /// A failure of a local file or descriptor, or an [`Error`] that was passed through a reader or writer.
    pub fn io(what: impl std::fmt::Display, error: &std::io::Error) -> Error {
        if let Some(ours) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            return ours.duplicate();
        }
        let mut io = Error::new(Code::Io, format!("{what}: {error}"));
        io.0.errno = error.raw_os_error();
        io
    }

    /// A copy, for a result that several callers wait for.
    pub(crate) fn duplicate(&self) -> Error {
        Error(self.0.clone())
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The message, which names what was wrong.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The system's error number for a failed file or descriptor; None for other errors.
    pub fn errno(&self) -> Option<i32> {
        self.0.errno
    }

    /// The HTTP status of the response that made the call fail; None when there was none.
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The errors in the registry's response; empty when there were none.
    pub fn registry_errors(&self) -> &[RegistryError] {
        &self.0.registry_errors
    }

    /// Seconds after which the server asks to retry; None when it did not say.
    pub fn retry_after(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// The URL of the request, without userinfo and query; None when no request failed.
    pub fn url(&self) -> Option<&str> {
        self.0.url.as_deref()
    }

    /// How many times the request was sent; 0 when none was.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the same call may succeed later without a change by the caller.
    pub fn retryable(&self) -> bool {
        matches!(
            self.0.code,
            Code::RateLimited
                | Code::Connect
                | Code::Timeout
                | Code::Server
                | Code::Network
                | Code::Resolve
                | Code::Busy
        )
    }

    /// Prefixes the message with a context, as `what: message`.
    pub fn within(mut self, what: impl std::fmt::Display) -> Error {
        self.0.message = plain(format!("{what}: {}", self.0.message));
        self
    }

    /// Replaces the code.
    pub(crate) fn with_code(mut self, code: Code) -> Error {
        self.0.code = code;
        self
    }

    /// Marks the error as a stall: the peer was silent or too slow, and the same request may succeed when repeated.
    pub(crate) fn into_stall(mut self) -> Error {
        self.0.stall = true;
        self
    }

    /// Marks a stall of a peer that had less time than it usually has, because the call had no more: it need not be slow.
    pub(crate) fn with_hurry(mut self, hurried: bool) -> Error {
        self.0.hurried = hurried;
        self
    }

    /// Whether the peer had less time than it usually has.
    pub(crate) fn is_hurried(&self) -> bool {
        self.0.hurried
    }

    /// Marks that another endpoint is asked for the same.
    pub(crate) fn asks_another(mut self, another: bool) -> Error {
        self.0.another_asked = another;
        self
    }

    /// With what was asked for of the endpoints of a repository.
    pub(crate) fn with_asked_for(mut self, asked_for: AskedFor) -> Error {
        self.0.asked_for.get_or_insert(asked_for);
        self
    }

    /// What was asked for in vain, if that is what it says.
    pub(crate) fn asked_for(&self) -> Option<&AskedFor> {
        self.0.asked_for.as_ref()
    }

    /// Whether another endpoint is asked for the same.
    pub(crate) fn is_another_asked(&self) -> bool {
        self.0.another_asked
    }

    /// Whether the peer was silent, as opposed to a deadline that has passed.
    pub(crate) fn is_stall(&self) -> bool {
        self.0.stall
    }

    /// Whether the whole call is over: the caller has cancelled or closed it, its time is up, or a callback has stopped it. Nothing
    /// else is tried then.
    pub(crate) fn ends_call(&self) -> bool {
        matches!(self.code(), Code::Cancelled | Code::Closed | Code::Timeout | Code::Callback)
    }

    /// What to do about it; None when there is no hint.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Adds a hint what to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(plain(hint.into()));
        self
    }

    /// The side of a copy that failed; None for other calls.
    pub fn side(&self) -> Option<Side> {
        self.0.side
    }

    /// Sets the side of a copy that failed. What the caller has ended has not failed on either.
    pub(crate) fn with_side(mut self, side: Side) -> Error {
        if !matches!(self.code(), Code::Cancelled | Code::Closed | Code::Forked) {
            self.0.side = Some(side);
        }
        self
    }

    /// Sets the HTTP status of the response.
    pub(crate) fn with_http_status(mut self, status: u16) -> Error {
        self.0.http_status = Some(status);
        self
    }

    /// Sets the errors from the registry's response.
    pub(crate) fn with_registry_errors(mut self, errors: Vec<RegistryError>) -> Error {
        self.0.registry_errors =
            errors.into_iter().map(|e| RegistryError { code: plain(e.code), message: plain(e.message), ..e }).collect();
        self
    }

    /// Sets the URL, without userinfo, query and fragment.
    pub(crate) fn with_url(mut self, url: &url::Url) -> Error {
        if self.0.url.is_none() {
            let mut url = url.clone();
            url.set_query(None);
            url.set_fragment(None);
            let _ = url.set_username("");
            let _ = url.set_password(None);
            self.0.url = Some(url.into());
        }
        self
    }

    /// Sets how often the request was sent.
    pub(crate) fn with_attempts(mut self, attempts: u32) -> Error {
        self.0.attempts = self.0.attempts.max(attempts);
        self
    }

    /// Sets the server's Retry-After, in seconds.
    pub(crate) fn with_retry_after(mut self, seconds: Option<u64>) -> Error {
        self.0.retry_after = seconds;
        self
    }

    /// Sets what the registry said about its rate limit.
    pub(crate) fn with_rate_limit(mut self, rate_limit: Option<RateLimit>) -> Error {
        self.0.rate_limit = rate_limit;
        self
    }

    /// What the name refers to that was to be set; None for other errors.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.0.conflict.as_ref()
    }

    /// Sets what the name refers to that was to be set.
    pub(crate) fn with_conflict(mut self, name: &str, digest: Option<&str>) -> Error {
        self.0.conflict = Some(Conflict { name: plain(name.to_owned()), digest: digest.map(str::to_owned) });
        self
    }

    /// Sets the texts of the underlying errors, outermost first.
    pub(crate) fn with_cause(mut self, cause: Vec<String>) -> Error {
        self.0.cause = cause.into_iter().map(plain).collect();
        self
    }

    /// The whole error as JSON, in the shape documented at `ocireg_error_json`.
    pub fn to_json(&self) -> serde_json::Value {
        let facts = &self.0;
        serde_json::json!({
            "code": facts.code.number(),
            "name": facts.code.name(),
            "message": facts.message,
            "hint": facts.hint,
            "side": facts.side,
            "errno": facts.errno,
            "http_status": facts.http_status,
            "registry_errors": facts.registry_errors,
            "url": facts.url,
            "attempts": facts.attempts,
            "retryable": self.retryable(),
            "retry_after": facts.retry_after,
            "rate_limit": facts.rate_limit,
            "conflict": facts.conflict,
            "cause": facts.cause,
        })
    }
}

/// Whatever gets into a message, from whatever source, contains no terminal control characters.
fn plain(text: String) -> String {
    let text = crate::text::cut(text);
    match crate::text::shown(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(shown) => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_in_a_text() {
        let odd = "a\x1b[2J\u{9b}2J\u{202e}\u{2067}b";
        let told = RegistryError { code: odd.into(), message: odd.into(), detail: odd.into() };
        let error = Error::new(Code::Http, odd).within(odd).with_hint(odd).with_registry_errors(vec![told]);
        let error = error.with_cause(vec![odd.to_owned()]);
        assert_eq!(error.message().matches("a\u{fffd}[2J\u{fffd}2J\u{fffd}\u{fffd}b").count(), 2);
        let json = crate::json::text(&error.to_json()).unwrap();
        assert!(!json.contains(crate::text::is_obeyed), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["registry_errors"][0]["detail"], odd);
    }

    #[test]
    fn a_url_loses_its_secrets() {
        let url = url::Url::parse("https://user:pw@h/v2/?sig=secret#f").unwrap();
        let json = Error::new(Code::Http, "x").with_url(&url).to_json();
        assert_eq!(json["url"], "https://h/v2/");
    }
}
