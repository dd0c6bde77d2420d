//! Which mirrors said what nothing can verify (what a tag refers to, which tags or referrers there are): what is wrong with that is wrong
//! there, and an error about it says so.

use std::sync::Mutex;

use crate::call::Call;
use crate::error::{AskedBy, AskedFor, Code, Error, Side};
use crate::mutex::lock;
use crate::reference::host_spelling::key;

/// The mirrors that a call has believed, with what they answered.
#[derive(Default)]
pub(crate) struct UnverifiedAnswers(Mutex<Vec<UnverifiedAnswer>>);

#[derive(PartialEq, Eq)]
struct UnverifiedAnswer {
    mirror: String,
    registry: String,
    /// The key of the repository.
    repository: String,
    by: AskedBy,
}

impl UnverifiedAnswers {
    pub(crate) fn add(&self, mirror: &str, registry: &str, repository: &str, by: AskedBy) {
        let [mirror, registry, repository] = [mirror, registry, repository].map(str::to_owned);
        let (mut all, answer) = (lock(&self.0), UnverifiedAnswer { mirror, registry, repository, by });
        if !all.contains(&answer) {
            all.push(answer);
        }
    }
}

impl UnverifiedAnswer {
    /// Whether it may have led to what was asked for: a list to a tag, and all of them to what has a digest.
    fn led_to(&self, asked: &AskedFor) -> bool {
        self.repository == asked.repository
            && match asked.by {
                AskedBy::List => false,
                AskedBy::Tag => self.by == AskedBy::List,
                AskedBy::Digest => true,
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
    let rests_on = |answer: &UnverifiedAnswer| match error.asked_for() {
        Some(asked) => answer.led_to(asked),
        None => is_meant(&answer.registry) || is_meant(&answer.mirror),
    };
    let mut told: Vec<String> = Vec::new();
    for UnverifiedAnswer { mirror, registry, .. } in lock(&answers.0).iter().filter(|answer| rests_on(answer)) {
        let text = format!("{mirror} answered for {registry}, which may have something else");
        if !told.contains(&text) && !own.as_ref().is_some_and(|hint| hint.contains(&text)) {
            told.push(text);
        }
    }
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
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example", "reg.example/a", AskedBy::Tag);
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example", "reg.example/a", AskedBy::Tag);
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
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example:5000", "reg.example:5000/a", AskedBy::Tag);
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

    #[test]
    fn what_a_mirror_said_of_something_else_is_not_meant() {
        let call = Call::alone(None);
        let answers = call.memory::<UnverifiedAnswers>();
        answers.add("tag:1", "reg.example", "reg.example/a", AskedBy::Tag);
        answers.add("list:1", "reg.example", "reg.example/b", AskedBy::List);
        answers.add("list:1", "reg.example", "reg.example/b", AskedBy::Tag);
        for (repository, by, told) in [
            ("reg.example/a", AskedBy::Digest, Some("tag:1")),
            ("reg.example/a", AskedBy::Tag, None),
            ("reg.example/a", AskedBy::List, None),
            ("reg.example/b", AskedBy::Digest, Some("list:1")),
            ("reg.example/b", AskedBy::Tag, Some("list:1")),
            ("reg.example/b", AskedBy::List, None),
            ("reg.example/c", AskedBy::Digest, None),
        ] {
            let error = Error::new(Code::NotFound, "get the manifest reg.example/a:t");
            let error = error.with_asked_for(AskedFor { repository: repository.to_owned(), by });
            let hint = with_mirrors(&call, error).hint().map(str::to_owned);
            let wanted = told.map(|mirror| format!("{mirror} answered for reg.example, which may have something else"));
            assert_eq!(hint, wanted, "{repository} {by:?}");
        }
    }
}
