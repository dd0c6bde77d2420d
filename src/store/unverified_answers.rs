//! Which mirrors said what nothing can verify (what a tag refers to, which tags or referrers there are): what is wrong with that is wrong
//! there, and an error about it says so.

use std::sync::Mutex;

use crate::call::Call;
use crate::error::{Code, Error, Side};
use crate::mutex::lock;
use crate::reference::host_spelling::key;

/// The mirrors that a call has believed, each with the registry that it answered for.
#[derive(Default)]
pub(crate) struct UnverifiedAnswers(Mutex<Vec<(String, String)>>);

impl UnverifiedAnswers {
    pub(crate) fn add(&self, mirror: &str, registry: &str) {
        let (mut all, answer) = (lock(&self.0), (mirror.to_owned(), registry.to_owned()));
        if !all.contains(&answer) {
            all.push(answer);
        }
    }
}

/// An error; with the mirrors that it rests on, if it is about what was said, and not about another registry.
pub(crate) fn with_mirrors(call: &Call, error: Error) -> Error {
    if !is_about_content(&error) {
        return error;
    }
    let (answers, named) = (call.memory::<UnverifiedAnswers>(), hosts_named(&error));
    let own = error.hint().map(str::to_owned);
    let is_meant = |host: &str| named.is_empty() || named.contains(&key(host));
    let told = lock(&answers.0)
        .iter()
        .filter(|(mirror, registry)| is_meant(registry) || is_meant(mirror))
        .map(|(mirror, registry)| format!("{mirror} answered for {registry}, which may have something else"))
        .filter(|told| !own.as_ref().is_some_and(|hint| hint.contains(told.as_str())))
        .collect::<Vec<_>>();
    match told.is_empty() {
        true => error,
        false => error.with_hint(own.into_iter().chain(told).collect::<Vec<_>>().join("; ")),
    }
}

/// The hosts that an error names, as far as they can be told from other words: in its URL, and in references in its message.
fn hosts_named(error: &Error) -> Vec<String> {
    let words = error.message().split_whitespace().chain(error.url());
    words.filter_map(host_of).map(key).collect()
}

fn host_of(word: &str) -> Option<&str> {
    let word = word.trim_start_matches(['\'', '"', '(']);
    let (host, _) = word.split_once("://").map_or(word, |(_, rest)| rest).split_once('/')?;
    let is_host = match host.rsplit_once(':') {
        Some((name, port)) => !name.is_empty() && port.parse::<u16>().is_ok(),
        None => host == "localhost" || host.trim_matches('.').contains('.'),
    };
    (is_host || host.starts_with('[')).then_some(host)
}

fn is_about_content(error: &Error) -> bool {
    use Code as C;
    let may_be = matches!(
        error.code(),
        C::NotFound
            | C::MissingBlob
            | C::SizeMismatch
            | C::DigestMismatch
            | C::InvalidManifest
            | C::Unsupported
            | C::Protocol
            | C::Signature
            | C::LimitExceeded
    );
    may_be && error.conflict().is_none() && error.side() != Some(Side::Destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_about_content_name_those_who_said_it() {
        let call = Call::alone(None);
        let hint = |error: Error| with_mirrors(&call, error).hint().map(str::to_owned);
        assert_eq!(hint(Error::new(Code::NotFound, "x")), None);
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example");
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example");
        let told = "m:1 answered for reg.example, which may have something else";
        assert_eq!(hint(Error::new(Code::SizeMismatch, "x")).as_deref(), Some(told));
        assert_eq!(hint(Error::new(Code::NotFound, "x").with_hint("y")), Some(format!("y; {told}")));
        let tried = "endpoints tried before: m:1 (status 404)";
        assert_eq!(hint(Error::new(Code::NotFound, "x").with_hint(tried)), Some(format!("{tried}; {told}")));
        let again = Error::new(Code::NotFound, "x").with_hint(told);
        assert_eq!(hint(again).as_deref(), Some(told));
        assert_eq!(hint(Error::new(Code::Connect, "x")), None);
        assert_eq!(hint(Error::new(Code::NotFound, "x").with_side(Side::Destination)), None);
        assert_eq!(hint(Error::new(Code::DigestMismatch, "x").with_conflict("t", None)), None);
    }

    #[test]
    fn what_another_registry_said_is_not_a_mirrors() {
        let call = Call::alone(None);
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example:5000");
        for (message, told) in [
            ("get the manifest other.example/q:nope", false),
            ("'127.0.0.1:5001/q' is not JSON", false),
            ("http://[::1]:5000/v2/q/tags/list: it is not a list", false),
            ("get the blob sha256:0 of Reg.Example:5000/a/b", true),
            ("copy other.example/q to reg.example:5000/a: it is not there", true),
            ("m:1/a/b sends a web page", true),
            ("etc/x of oci:out/x is not application/json", true),
        ] {
            let error = with_mirrors(&call, Error::new(Code::InvalidManifest, message));
            assert_eq!(error.hint().is_some(), told, "{message}");
        }
        let url = url::Url::parse("https://other.example/v2/").unwrap();
        assert_eq!(with_mirrors(&call, Error::new(Code::NotFound, "x").with_url(&url)).hint(), None);
    }
}
