//! Asking one endpoint after the other.
//!
//! One that is down, slow, refuses, does not have what is wanted or sends wrong bytes is passed over, and the next is asked. What
//! the caller ends, or what is wrong on this machine, ends the call: another endpoint would not change it.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;

use super::account::{renamed, Circumstances};
use super::candidates::{in_order, nobody, Candidate};
use super::endpoint_memory::{reason, PassedOver, TagSources, REMEMBERED};
use super::failure_meaning::Verdict;
use super::EndpointUse;
use crate::auth::Account;
use crate::call::Call;
use crate::error::{AskedBy, AskedFor, Code, Error, Result};
use crate::mirrors::EndpointKey;
use crate::reference::Repository;
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::store::unverified_answers::UnverifiedAnswers;

/// The endpoints of a repository that are still to be asked, and what those said that were.
pub(crate) struct Turn {
    client: Client,
    call: Call,
    repository: Repository,
    left: VecDeque<Candidate>,
    /// Those that did not answer in the short time that they had: if no other does either, they are asked again.
    slow: VecDeque<Candidate>,
    /// The one that is asked now. None without a rule.
    at: Option<Candidate>,
    blocks_origin: bool,
    /// Why the registry itself is not asked.
    forbidden: Option<String>,
    /// By what it is asked: what is answered has a digest to be checked by, or not.
    by: AskedBy,
    /// It is asked which referrers there are.
    is_of_referrers: bool,
    /// The registry has answered that it does not have it: others that are asked anyway get little time.
    is_answered: bool,
    passed: Vec<String>,
    /// What the registry itself said, or else the last one.
    own: Option<Error>,
    last: Option<Error>,
    /// What one said that did not tell whether it has what is wanted.
    failed: Option<Error>,
}

impl Turn {
    /// All that may be asked a question about a repository.
    pub(crate) fn new(client: &Client, call: &Call, repository: &Repository, question: EndpointUse) -> Result<Turn> {
        let mut turn = Turn {
            client: client.clone(),
            call: call.clone(),
            repository: repository.clone(),
            left: VecDeque::new(),
            slow: VecDeque::new(),
            at: None,
            blocks_origin: false,
            forbidden: None,
            by: match question {
                EndpointUse::Tag(_) => AskedBy::Tag,
                EndpointUse::Digest | EndpointUse::Referrers => AskedBy::Digest,
                EndpointUse::Tags | EndpointUse::Write => AskedBy::List,
            },
            is_of_referrers: matches!(question, EndpointUse::Referrers),
            is_answered: false,
            passed: Vec::new(),
            own: None,
            last: None,
            failed: None,
        };
        if let Some(asked) = client.rule_book(Some(call))?.of(repository.index(), repository.remote_name())? {
            turn.blocks_origin = asked.blocks_origin;
            turn.forbidden = asked.forbidden(&repository.index().name);
            turn.left = in_order((client, call), repository, &asked, question).into();
            if turn.left.is_empty() {
                return Err(nobody(repository, question, &asked));
            }
        }
        Ok(turn)
    }

    /// The next endpoint to ask; an error when none is left.
    pub(crate) fn next(&mut self) -> Result<Remote> {
        if self.at.is_none() && self.left.is_empty() {
            return Remote::at_origin(&self.client, &self.call, &self.repository);
        }
        loop {
            let Some(mut candidate) = self.left.pop_front().or_else(|| self.slow.pop_front()) else {
                let last = self.own.take().or(self.failed.take()).or(self.last.take());
                return Err(last.unwrap_or_else(|| Error::new(Code::Internal, "no endpoint is left")));
            };
            let outcome = self.remote_of(&mut candidate);
            self.at = Some(candidate);
            match outcome {
                Ok(remote) => return Ok(remote),
                Err(error) => self.pass_over(error)?,
            }
        }
    }

    /// A candidate to be asked, without those that are the same endpoint: it has the patience that the last one gets.
    fn remote_of(&mut self, candidate: &mut Candidate) -> Result<Remote> {
        let remote = self.remote(candidate)?;
        if !self.has_more() {
            return Ok(remote);
        }
        let left = std::mem::take(&mut self.left);
        let (same, others) = left.into_iter().partition(|other| self.is_same(candidate, &remote, other));
        self.left = others;
        for other in VecDeque::<Candidate>::into_iter(same) {
            candidate.is_registry |= other.is_registry;
            candidate.is_final |= other.is_final;
        }
        if self.has_more() {
            Ok(remote)
        } else {
            self.remote(candidate)
        }
    }

    /// Whether another one is the same endpoint under another name, as far as that is known without asking.
    fn is_same(&self, one: &Candidate, remote: &Remote, other: &Candidate) -> bool {
        let index = self.repository.index();
        let about = Circumstances { index, has_alternative: false, blocks_origin: self.blocks_origin };
        let is_there = |account: &Account| account.base.url == remote.account.base.url;
        one.endpoint.is_reached_as(&other.endpoint, index)
            && other.endpoint.rename.apply(self.repository.remote_name()).as_ref() == Some(&remote.name)
            && self.client.account_shown(&other.endpoint, about).is_ok_and(|account| is_there(&account))
    }

    fn remote(&self, candidate: &Candidate) -> Result<Remote> {
        let about = Circumstances {
            index: self.repository.index(),
            has_alternative: self.has_more() || self.is_answered,
            blocks_origin: self.blocks_origin,
        };
        let name = renamed(&candidate.endpoint, self.repository.remote_name())?;
        let mut account = self.client.account_of(&self.call, &candidate.endpoint, about)?;
        account.repository = name.clone();
        let (client, call) = (self.client.clone(), self.call.clone());
        let (key, by_tag) = (Some(candidate.key.clone()), candidate.endpoint.may.by_tag);
        let meant = self.repository.full_name().into();
        Ok(Remote { client, call, account, name, meant, key, by_tag, rename: candidate.endpoint.rename.clone() })
    }

    /// Whether another endpoint can be asked than the one that is asked now.
    pub(crate) fn has_more(&self) -> bool {
        !self.left.is_empty()
    }

    /// The one that is asked now failed. If others are left, it is passed over; else this is the error of the call.
    pub(crate) fn pass_over(&mut self, error: Error) -> Result<()> {
        self.passed_over(error)
            .map_err(|error| error.with_asked_for(AskedFor { repository: self.repository.key(), by: self.by }))
    }

    fn passed_over(&mut self, error: Error) -> Result<()> {
        let Some(at) = &self.at else { return Err(error) };
        let verdict = Verdict::of(&self.call, &error);
        if matches!(verdict, Verdict::Ours) {
            return Err(error);
        }
        if at.is_final && error.code() == Code::NotFound {
            // But for those that would have been asked before, had nothing gone wrong there a while ago: they may have more.
            let (is_registry, is_written) = (at.is_registry, at.is_written);
            self.left.retain(|other| is_registry && !is_written && other.is_put_back);
            self.slow.clear();
            self.is_answered = true;
        }
        let had_alternative = self.has_more();
        let is_last = !had_alternative && self.slow.is_empty();
        if !is_last || matches!(verdict, Verdict::Fails(_) | Verdict::Hurried) {
            self.remember(&verdict, &error)?;
        }
        if is_last {
            return Err(self.told(error));
        }
        self.passed.push(format!("{} ({})", self.host(), reason(&error)));
        let is_slow = had_alternative && error.is_stall();
        match self.is_at_origin() {
            true => self.own = Some(error),
            false if matches!(verdict, Verdict::Fails(_) | Verdict::Refuses) => self.failed = Some(error),
            false => self.last = Some(error),
        }
        self.slow.extend(self.at.take_if(|_| is_slow));
        Ok(())
    }

    /// The one that is asked now does not have what is wanted, which is not an error of its own. Whether another endpoint is asked.
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
        loop {
            let remote = self.next()?;
            match work(&remote) {
                Ok(found) if lacks(&found) && self.pass_on()? => {}
                Ok(found) => {
                    self.answered();
                    return Ok(found);
                }
                Err(error) => self.pass_over(error)?,
            }
        }
    }

    /// Where a list goes on: at the endpoint that began it, if it is still among them.
    pub(crate) fn at_beginner(mut self, beginner: Option<&str>) -> Result<Remote> {
        let first = self.next()?;
        if beginner.is_none_or(|name| first.full_name() == name) {
            return self.alone(first);
        }
        while self.has_more() {
            match self.next() {
                Ok(remote) if Some(remote.full_name().as_str()) == beginner => return self.alone(remote),
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
            for memory in [self.client.memory::<PassedOver>(), self.call.memory()] {
                memory.remove(&at.key, self.repository.remote_name());
            }
            if (self.is_of_referrers || self.by != AskedBy::Digest) && !self.is_at_origin() {
                let answers = self.call.memory::<UnverifiedAnswers>();
                answers.add(self.host(), &self.repository.index().name, &self.repository.key(), self.by);
            }
            if self.by == AskedBy::Tag && !at.endpoint.may.by_digest {
                self.client.memory::<TagSources>().add(&self.repository.key(), &at.key);
            }
        }
    }

    /// The bytes of an endpoint had a wrong digest. It comes last when they are asked for again.
    pub(crate) fn lied(&self, key: &EndpointKey) -> Result<()> {
        let reason = "it sent bytes with a wrong digest";
        self.client.memory::<PassedOver>().lied(key, REMEMBERED, reason);
        self.say(key.host(), reason, REMEMBERED)
    }

    /// The key of the one that is asked now.
    pub(crate) fn key(&self) -> Option<&EndpointKey> {
        self.at.as_ref().map(|at| &at.key)
    }

    /// Asks these after all others.
    pub(crate) fn put_last(&mut self, endpoints: &[EndpointKey]) {
        self.left.make_contiguous().sort_by_key(|candidate| endpoints.contains(&candidate.key));
    }

    /// Whether one may be asked again that is not among these, and that has not lied before.
    pub(crate) fn has_others(&self, senders: &[EndpointKey]) -> bool {
        let (index, name) = (self.repository.index(), self.repository.remote_name());
        let Ok(Some(asked)) = self.client.rule_book(Some(&self.call)).and_then(|book| book.of(index, name)) else {
            return false;
        };
        let passed = self.client.memory::<PassedOver>();
        asked.endpoints.iter().filter(|endpoint| endpoint.may.by_digest).any(|endpoint| {
            let key = endpoint.key(index);
            !senders.contains(&key) && passed.left(&key, name).is_none_or(|failure| !failure.lied)
        })
    }

    /// Whether the one that is asked now is the registry itself.
    pub(crate) fn is_at_origin(&self) -> bool {
        self.at.as_ref().is_none_or(|at| at.is_registry)
    }

    fn host(&self) -> &str {
        let index = self.repository.index();
        self.at.as_ref().map_or(index.name.as_str(), |at| at.endpoint.host(index))
    }

    fn remember(&self, verdict: &Verdict, error: &Error) -> Result<()> {
        let (Some(key), why) = (self.key(), reason(error)) else { return Ok(()) };
        let passed = self.client.memory::<PassedOver>();
        let time = match verdict {
            Verdict::Ours | Verdict::Lacks => Duration::ZERO,
            Verdict::Hurried => {
                self.call.memory::<PassedOver>().add(key, None, REMEMBERED, error);
                Duration::ZERO
            }
            Verdict::Refuses => {
                passed.add(key, Some(self.repository.remote_name()), REMEMBERED, error);
                REMEMBERED
            }
            Verdict::Fails(time) => {
                passed.add(key, None, *time, error);
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

    /// The error of the call: what the registry itself said, if it was asked; and which others were asked. Without it, what the last one
    /// lacks may be at one that failed.
    fn told(&mut self, error: Error) -> Error {
        let is_of_another = self.own.is_none() && !self.is_at_origin();
        let is_lacking = matches!(error.code(), Code::NotFound | Code::MissingBlob);
        let before = match (self.own.take(), self.failed.take()) {
            (None, Some(failed)) if is_of_another && is_lacking => Some(failed),
            (own, _) => own,
        };
        let (error, others) = match before {
            Some(before) if !self.is_at_origin() => (before, Some(format!("{} ({})", self.host(), reason(&error)))),
            _ => (error, None),
        };
        let is_of_last = others.is_none();
        self.passed.extend(others);
        let own = error.hint().map(str::to_owned);
        let answered = (is_of_another && is_of_last).then(|| format!("it is {} that was asked last", self.host()));
        let passed = (!self.passed.is_empty()).then(|| format!("endpoints tried before: {}", self.passed.join(", ")));
        let all: Vec<String> = [own, answered, passed, self.forbidden.take()].into_iter().flatten().collect();
        match all.is_empty() {
            true => error,
            false => error.with_hint(all.join("; ")),
        }
    }
}
