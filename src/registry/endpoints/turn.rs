//! Asking one endpoint after the other.
//!
//! One that is down, slow, refuses, has not what is wanted or lies is passed over, and the next is asked. What the caller ends, or
//! what is wrong on this machine, ends the call: another endpoint would not change it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::account::{renamed, Circumstances};
use super::memory::{PassedOver, TagSources, Written, REMEMBERED};
use super::rule_book::{blocked_by, AskedEndpoints};
use super::EndpointUse;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::mirrors::{Abilities, RegistryEndpoint};
use crate::reference::Repository;
use crate::registry::repository::Remote;
use crate::registry::Client;

/// The endpoints of a repository that are still to be asked, and what those said that were.
pub(crate) struct Turn {
    client: Client,
    call: Call,
    repository: Repository,
    left: VecDeque<Candidate>,
    /// The one that is asked now. None without a rule.
    at: Option<Candidate>,
    shuns_origin: bool,
    /// It is asked what a tag is.
    is_of_tag: bool,
    /// Where it was asked: the same place under two names is asked once.
    seen: Vec<(Url, String)>,
    passed: Vec<String>,
    /// What the registry itself said, or else the last one.
    own: Option<Error>,
    last: Option<Error>,
}

struct Candidate {
    endpoint: RegistryEndpoint,
    key: String,
    /// If it does not have what is wanted, nobody has.
    is_final: bool,
}

/// What a failure says of the endpoint that had it.
enum Verdict {
    /// Nothing: the caller or this machine ended the call.
    Ours,
    /// It does not have this.
    Lacks,
    /// It does not give this repository.
    Refuses,
    /// It is of no use for that long.
    Fails(Duration),
}

impl Turn {
    /// All that may be asked a question about a repository.
    pub(crate) fn new(client: &Client, call: &Call, repository: &Repository, question: EndpointUse) -> Result<Turn> {
        let mut turn = Turn {
            client: client.clone(),
            call: call.clone(),
            repository: repository.clone(),
            left: VecDeque::new(),
            at: None,
            shuns_origin: false,
            is_of_tag: matches!(question, EndpointUse::Tag(_)),
            seen: Vec::new(),
            passed: Vec::new(),
            own: None,
            last: None,
        };
        if let Some(asked) = client.rule_book()?.of(repository.index(), repository.remote_name())? {
            turn.shuns_origin = asked.shuns_origin;
            turn.left = turn.in_order(&asked, question);
            if turn.left.is_empty() {
                return Err(nobody(repository, question, &asked));
            }
        }
        Ok(turn)
    }

    /// Those that may be asked: first where this client has written what is asked for, last those that failed lately.
    fn in_order(&self, asked: &AskedEndpoints, question: EndpointUse) -> VecDeque<Candidate> {
        let (index, name) = (self.repository.index(), self.repository.remote_name());
        let may: Vec<&RegistryEndpoint> = match question {
            EndpointUse::Write => asked.writer().into_iter().collect(),
            _ => asked.endpoints.iter().filter(|endpoint| self.may(endpoint, question)).collect(),
        };
        let tag = if let EndpointUse::Tag(tag) = question { Some(tag) } else { None };
        let written = match question {
            EndpointUse::Digest | EndpointUse::Write => None,
            _ => self.client.memory::<Written>().to(&self.repository.full_name(), tag),
        };
        let passed = self.client.memory::<PassedOver>();
        let mut candidates: Vec<(u8, Candidate)> = Vec::new();
        for endpoint in may {
            let key = endpoint.key(index);
            let is_written = written.as_ref() == Some(&key);
            let place = match passed.left(&key, name) {
                _ if is_written => 0,
                None => 1,
                Some(failure) if !failure.lied => 2,
                Some(_) => 3,
            };
            let is_final = endpoint.is_registry() || (is_written && tag.is_some());
            candidates.push((place, Candidate { endpoint: endpoint.clone(), key, is_final }));
        }
        candidates.sort_by_key(|(place, _)| *place);
        candidates.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn may(&self, endpoint: &RegistryEndpoint, question: EndpointUse) -> bool {
        let has_named = || {
            let key = endpoint.key(self.repository.index());
            self.client.memory::<TagSources>().has(&self.repository.full_name(), &key)
        };
        may_answer(endpoint.may, question) || (question == EndpointUse::Digest && endpoint.may.by_tag && has_named())
    }

    /// The next place.
    pub(crate) fn next(&mut self) -> Result<Remote> {
        if self.at.is_none() && self.left.is_empty() {
            return Remote::at_origin(&self.client, &self.call, &self.repository);
        }
        loop {
            let Some(candidate) = self.left.pop_front() else {
                let last = self.own.take().or(self.last.take());
                return Err(last.unwrap_or_else(|| Error::new(Code::Internal, "no endpoint is left")));
            };
            let outcome = self.remote(&candidate);
            self.at = Some(candidate);
            match outcome {
                Ok(remote) => {
                    let place = (remote.account.base.url.clone(), remote.name.clone());
                    if !self.seen.contains(&place) {
                        self.seen.push(place);
                        return Ok(remote);
                    }
                }
                Err(error) => self.pass_over(error)?,
            }
        }
    }

    fn remote(&self, candidate: &Candidate) -> Result<Remote> {
        let about =
            Circumstances { index: self.repository.index(), hasty: self.has_more(), shuns_origin: self.shuns_origin };
        let name = renamed(&candidate.endpoint, self.repository.remote_name())?;
        let mut account = self.client.account_of(&self.call, &candidate.endpoint, about)?;
        account.repository = name.clone();
        let (client, call) = (self.client.clone(), self.call.clone());
        let (key, by_tag) = (Some(candidate.key.clone().into()), candidate.endpoint.may.by_tag);
        let meant = self.repository.full_name().into();
        Ok(Remote { client, call, account, name, meant, key, by_tag, rename: candidate.endpoint.rename.clone() })
    }

    /// Whether somebody else can be asked than the one that is asked now.
    pub(crate) fn has_more(&self) -> bool {
        !self.left.is_empty()
    }

    /// The one that is asked now failed. If others are left, it is passed over; else this is the error of the call.
    pub(crate) fn pass_over(&mut self, error: Error) -> Result<()> {
        let Some(at) = &self.at else { return Err(error) };
        let verdict = verdict(&self.call, &error);
        if matches!(verdict, Verdict::Ours) {
            return Err(error);
        }
        let is_last = !self.has_more() || (at.is_final && error.code() == Code::NotFound);
        if !is_last || matches!(verdict, Verdict::Fails(_)) {
            self.remember(&verdict, &error)?;
        }
        if is_last {
            return Err(self.told(error));
        }
        self.passed.push(format!("{} ({})", self.host(), reason(&error)));
        match self.is_at_origin() {
            true => self.own = Some(error),
            false => self.last = Some(error),
        }
        Ok(())
    }

    /// The one that is asked now does not have what is wanted, which is not an error of its own. Whether somebody else is asked.
    fn pass_on(&mut self) -> Result<bool> {
        if !self.has_more() || self.at.as_ref().is_none_or(|at| at.is_final) {
            return Ok(false);
        }
        self.say(self.host(), "it has none", Duration::ZERO)?;
        self.passed.push(format!("{} (it has none)", self.host()));
        Ok(true)
    }

    /// Does it at each in turn, until one has done it with an outcome that lacks nothing.
    pub(crate) fn first<T>(
        mut self,
        mut work: impl FnMut(&Remote) -> Result<T>,
        lacks: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let mut lacking = None;
        loop {
            let remote = match (self.next(), lacking.take()) {
                (Ok(remote), _) => remote,
                // The others were the same place.
                (Err(_), Some(found)) if self.last.is_none() && self.own.is_none() => return Ok(found),
                (Err(error), _) => return Err(error),
            };
            match work(&remote) {
                Ok(found) if lacks(&found) && self.pass_on()? => lacking = Some(found),
                Ok(found) => {
                    self.answered();
                    return Ok(found);
                }
                Err(error) => self.pass_over(error)?,
            }
        }
    }

    /// The place where a list goes on: the one that began it, if it is still among them.
    pub(crate) fn at_place(mut self, place: Option<&str>) -> Result<Remote> {
        let first = self.next()?;
        if place.is_none_or(|place| first.place() == place) {
            return self.alone(first);
        }
        while self.has_more() {
            match self.next() {
                Ok(remote) if Some(remote.place().as_str()) == place => return self.alone(remote),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Ok(first)
    }

    /// The one that is asked now, without anybody else: it has the time that it needs.
    fn alone(mut self, now: Remote) -> Result<Remote> {
        self.left.clear();
        self.at.take().map_or(Ok(now), |at| self.remote(&at))
    }

    /// The one that is asked now has answered as it should.
    pub(crate) fn answered(&self) {
        if let Some(at) = &self.at {
            self.client.memory::<PassedOver>().remove(&at.key, self.repository.remote_name());
            if self.is_of_tag && !at.endpoint.may.by_digest {
                self.client.memory::<TagSources>().add(&self.repository.full_name(), &at.key);
            }
        }
    }

    /// The bytes of an endpoint had a wrong digest. It comes last when they are asked for again.
    pub(crate) fn lied(&self, key: &str) -> Result<()> {
        let reason = "it sent bytes with a wrong digest";
        self.client.memory::<PassedOver>().lied(key, REMEMBERED, reason);
        self.say(key.split(' ').next().unwrap_or_default(), reason, REMEMBERED)
    }

    /// The key of the one that is asked now.
    pub(crate) fn key(&self) -> Option<&str> {
        self.at.as_ref().map(|at| at.key.as_str())
    }

    /// Whether one may be asked again that is not among these, and that has not lied before.
    pub(crate) fn has_others(&self, senders: &[(String, bool)]) -> bool {
        let (index, name) = (self.repository.index(), self.repository.remote_name());
        let Ok(Some(asked)) = self.client.rule_book().and_then(|book| book.of(index, name)) else { return false };
        let passed = self.client.memory::<PassedOver>();
        let one = senders.len() == 1;
        asked.endpoints.iter().filter(|endpoint| endpoint.may.by_digest).any(|endpoint| {
            let key = endpoint.key(index);
            let sent = senders.iter().any(|(sender, is_origin)| *sender == key && (one || !is_origin));
            !sent && passed.left(&key, name).is_none_or(|failure| !failure.lied)
        })
    }

    /// Whether the one that is asked now is the registry itself.
    pub(crate) fn is_at_origin(&self) -> bool {
        self.at.as_ref().is_none_or(|at| at.endpoint.is_registry())
    }

    fn host(&self) -> &str {
        let index = self.repository.index();
        self.at.as_ref().map_or(index.name.as_str(), |at| at.endpoint.host(index))
    }

    fn remember(&self, verdict: &Verdict, error: &Error) -> Result<()> {
        let (key, why) = (self.key().unwrap_or_default(), reason(error));
        let passed = self.client.memory::<PassedOver>();
        let time = match verdict {
            Verdict::Ours | Verdict::Lacks => Duration::ZERO,
            Verdict::Refuses => {
                passed.add(key, Some(self.repository.remote_name()), REMEMBERED, &why);
                REMEMBERED
            }
            Verdict::Fails(time) => {
                passed.add(key, None, *time, &why);
                *time
            }
        };
        match self.has_more() {
            true => self.say(self.host(), &why, time),
            false => Ok(()),
        }
    }

    fn say(&self, host: &str, reason: &str, time: Duration) -> Result<()> {
        self.call.log(|| json!({"event": "passed_over", "host": host, "reason": reason, "seconds": time.as_secs()}))
    }

    /// The error of the call: what the registry itself said, if it was asked; and which others were asked.
    fn told(&mut self, error: Error) -> Error {
        let (error, others) = match self.own.take() {
            Some(own) if !self.is_at_origin() => (own, Some(format!("{} ({})", self.host(), reason(&error)))),
            _ => (error, None),
        };
        self.passed.extend(others);
        if self.passed.is_empty() {
            return error;
        }
        let passed = format!("passed over before: {}", self.passed.join(", "));
        let hint = error.hint().map_or(passed.clone(), |hint| format!("{hint}; {passed}"));
        error.with_hint(hint)
    }
}

fn may_answer(may: Abilities, question: EndpointUse) -> bool {
    match question {
        EndpointUse::Digest | EndpointUse::Referrers => may.by_digest,
        EndpointUse::Tag(_) | EndpointUse::Tags => may.by_tag,
        EndpointUse::Write => may.push,
    }
}

fn nobody(repository: &Repository, question: EndpointUse, asked: &AskedEndpoints) -> Error {
    let what = match question {
        EndpointUse::Digest | EndpointUse::Referrers => "be read",
        EndpointUse::Tag(_) | EndpointUse::Tags => "be asked for its tags",
        EndpointUse::Write => "be written to",
    };
    if let Some(source) = &asked.blocked {
        return blocked_by(&repository.full_name(), source);
    }
    let message = format!("{} cannot {what}: {} names no endpoint for that", repository.full_name(), asked.source);
    Error::new(Code::Forbidden, message)
}

fn verdict(call: &Call, error: &Error) -> Verdict {
    use Code as C;
    let answered = error.http_status().is_some() || error.url().is_some();
    let about_this = error.http_status().is_some_and(|status| (400..500).contains(&status));
    match error.code() {
        // A deadline that has passed, too.
        _ if call.check().is_err() => Verdict::Ours,
        C::Cancelled | C::Callback | C::Closed | C::Forked | C::Busy | C::Internal | C::Io => Verdict::Ours,
        C::InvalidArgument | C::InvalidReference if !answered => Verdict::Ours,
        C::NotFound | C::MissingBlob | C::LimitExceeded | C::SizeMismatch => Verdict::Lacks,
        C::Unsupported | C::InvalidArgument | C::InvalidReference => Verdict::Lacks,
        C::Http if about_this => Verdict::Lacks,
        C::Unauthenticated | C::Forbidden => Verdict::Refuses,
        _ => Verdict::Fails(error.retry_after().map_or(REMEMBERED, Duration::from_secs)),
    }
}

/// In a few words: what an endpoint did.
fn reason(error: &Error) -> String {
    match error.http_status() {
        Some(status) => format!("status {status}"),
        None => error.message().to_owned(),
    }
}
