//! Which mirrors said what nothing can verify (what a tag refers to, which tags or referrers there are): what is wrong with that is wrong
//! there, and an error about it says so.

use std::sync::Mutex;

use crate::call::Call;
use crate::error::{Code, Error, Side};
use crate::mutex::lock;

/// The mirrors that a call has believed, each with the registry that it answered for.
#[derive(Default)]
pub(super) struct UnverifiedAnswers(Mutex<Vec<(String, String)>>);

impl UnverifiedAnswers {
    pub(super) fn add(&self, mirror: &str, registry: &str) {
        let (mut all, answer) = (lock(&self.0), (mirror.to_owned(), registry.to_owned()));
        if !all.contains(&answer) {
            all.push(answer);
        }
    }
}

/// The error of a call; with the mirrors that it rests on, if it is about what was said.
pub(crate) fn with_mirrors(call: &Call, error: Error) -> Error {
    if !is_about_content(&error) {
        return error;
    }
    let answers = call.memory::<UnverifiedAnswers>();
    let own = error.hint().map(str::to_owned);
    let is_named = |mirror: &str| own.as_ref().is_some_and(|hint| hint.contains(mirror));
    let told = lock(&answers.0)
        .iter()
        .filter(|(mirror, _)| !is_named(mirror))
        .map(|(mirror, registry)| format!("{mirror} answered for {registry}, which may have something else"))
        .collect::<Vec<_>>();
    match told.is_empty() {
        true => error,
        false => error.with_hint(own.into_iter().chain(told).collect::<Vec<_>>().join("; ")),
    }
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
    use crate::registry::Client;

    #[test]
    fn errors_about_content_name_those_who_said_it() {
        let client = Client::new(Default::default()).unwrap();
        let call = client.call(None).unwrap();
        let hint = |error: Error| with_mirrors(&call, error).hint().map(str::to_owned);
        assert_eq!(hint(Error::new(Code::NotFound, "x")), None);
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example");
        call.memory::<UnverifiedAnswers>().add("m:1", "reg.example");
        let told = "m:1 answered for reg.example, which may have something else";
        assert_eq!(hint(Error::new(Code::SizeMismatch, "x")).as_deref(), Some(told));
        assert_eq!(hint(Error::new(Code::NotFound, "x").with_hint("y")), Some(format!("y; {told}")));
        assert_eq!(hint(Error::new(Code::NotFound, "x").with_hint("m:1 it is")).as_deref(), Some("m:1 it is"));
        assert_eq!(hint(Error::new(Code::Connect, "x")), None);
        assert_eq!(hint(Error::new(Code::NotFound, "x").with_side(Side::Destination)), None);
        assert_eq!(hint(Error::new(Code::DigestMismatch, "x").with_conflict("t", None)), None);
    }
}
