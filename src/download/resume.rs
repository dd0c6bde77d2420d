//! Reading a range to its end: continued where it broke off.

use bytes::Bytes;

use super::failures::{is_about_the_answer, Failures};
use super::range_read::{LeftoverBytes, NextStep, RangeRead, RangeSupport};
use super::verifier::DigestVerifier;
use super::Downloadable;
use crate::error::{Code, Error, Result};

impl<T: Downloadable> RangeRead<T> {
    /// Requests the first bytes, if any are missing. `hashed`: what comes before them.
    pub(super) fn open(&mut self, hashed: Option<&DigestVerifier>) -> Result<()> {
        if !matches!(self.next, NextStep::NothingFollows) {
            while let Err(error) = self.connect(hashed) {
                self.pass_over(error)?;
            }
        }
        if self.left == LeftoverBytes::Replaceable {
            self.left = LeftoverBytes::Kept;
        }
        Ok(())
    }

    /// The next bytes, at the position; None is the end.
    pub(super) fn read(&mut self, hashed: Option<&DigestVerifier>) -> Result<Option<Bytes>> {
        loop {
            let at_end = self.extent.end() == Some(self.position);
            let call = self.item.call();
            let outcome = match &mut self.next {
                NextStep::NothingFollows => return Ok(None),
                // It broke after the last byte.
                NextStep::Ask | NextStep::AskForAll if at_end && self.position > 0 => return Ok(None),
                // A missing response was already handled there.
                NextStep::Ask | NextStep::AskForAll => {
                    if let Err(error) = self.connect(hashed) {
                        let cause = self.first_cause(error);
                        self.pass_over(cause)?;
                    }
                    continue;
                }
                NextStep::Read(connection) if !at_end => connection.piece(call),
                NextStep::Read(connection) if T::RULES.bodies_are_exact => connection.end(call).map(|()| None),
                NextStep::Read(_) => Ok(None),
            };
            match outcome {
                Ok(Some(bytes)) => match self.take(bytes) {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(error) => self.pass_over(error)?,
                },
                Ok(None) if self.is_complete() => return Ok(None),
                Ok(None) if self.never_begins() => self.pass_over(self.never_began())?,
                Ok(None) => self.failed(self.extent.short_end(self.position), true).or_else(|e| self.pass_over(e))?,
                Err(error) => self.failed(error, false).or_else(|error| self.pass_over(error))?,
            }
        }
    }

    /// The server that is asked failed: another is asked for the rest, if there is one.
    fn pass_over(&mut self, error: Error) -> Result<()> {
        // What is here is not of it, or the last one lies.
        let wrong = error.code() == Code::SizeMismatch && self.is_verified && self.position > 0;
        if let Err(error) = self.item.pass_over(error) {
            return Err(if wrong { error.asks_another(self.item.lied(self.begun == 0)?) } else { error });
        }
        self.extent.asked_anew(self.item.name());
        (self.ranges, self.failures) = (RangeSupport::default(), Failures::new(self.item.retries()));
        (self.next, self.broken) = (NextStep::Ask, None);
        Ok(())
    }

    /// Whether the end of a response is the end of the download. If the size is unknown, it is for a response that contains everything;
    /// what follows a part matters, unless the caller takes whatever comes.
    fn is_complete(&self) -> bool {
        let NextStep::Read(connection) = &self.next else { return true };
        let is_last = connection.has_begun() && (connection.holds_all() || self.extent.is_open());
        self.extent.end() == Some(self.position) || (self.extent.size.is_none() && is_last)
    }

    /// Whether a response with everything, of unknown size, ended before the first byte that this call wants.
    fn never_begins(&self) -> bool {
        let NextStep::Read(connection) = &self.next else { return false };
        !connection.has_begun() && self.extent.size.is_none() && self.position == self.begun
    }

    fn never_began(&self) -> Error {
        let error = self.extent.too_few(None, self.position);
        match &self.next {
            // It is what was answered, and not what the caller asked for.
            NextStep::Read(connection) => error.with_url(connection.url()),
            _ => error,
        }
    }

    fn take(&mut self, mut bytes: Bytes) -> Result<Bytes> {
        if let Some(end) = self.extent.end() {
            let room = usize::try_from(end.saturating_sub(self.position)).unwrap_or(usize::MAX);
            if bytes.len() > room && self.is_verified && T::RULES.bodies_are_exact {
                return Err(self.extent.too_long(end));
            }
            // A server that ignored the end of the range.
            bytes.truncate(room);
        }
        if let NextStep::Read(connection) = &mut self.next {
            if !std::mem::replace(&mut connection.gained, true) {
                self.item.gained(self.is_verified)?;
            }
        }
        let end = self.position + bytes.len() as u64;
        if self.extent.end().is_none() {
            self.check_size(end)?;
        }
        self.position = end;
        Ok(bytes)
    }

    /// Counts a failure; an error when it is one too many, or one that no repetition helps. `ended`: the server did not break
    /// off, it had no more to say.
    fn failed(&mut self, error: Error, ended: bool) -> Result<()> {
        let (ranged, gained) = match std::mem::replace(&mut self.next, NextStep::Ask) {
            NextStep::Read(was) => (was.ranged, was.gained),
            _ => (false, false),
        };
        // Waiting again would cost the whole limit again.
        let is_slow = error.code() == Code::Timeout && self.item.has_others();
        let may_pass = matches!(error.code(), Code::Network | Code::Timeout) && !is_slow;
        let other_way = ranged && is_about_the_answer(&error) && self.may_ask_for_all();
        // A part that contains nothing, or not what it should, counts as a refusal.
        if other_way && !(gained && may_pass) {
            return self.ask_for_all_after(error);
        }
        let wait = may_pass.then(|| self.failures.count(self.position, error.code())).flatten();
        if other_way && ended && wait.is_none() {
            return self.ask_for_all_after(error);
        }
        let Some(wait) = wait else { return Err(error.with_attempts(self.failures.total())) };
        let call = self.item.call();
        call.check().map_err(|error| error.with_attempts(self.failures.total()))?;
        // As everywhere, there is no wait that the deadline would end.
        if call.remaining().is_some_and(|left| left <= wait) {
            let hint = error.hint().unwrap_or("no time was left for another try before the deadline").to_owned();
            return Err(error.with_hint(hint).with_attempts(self.failures.total()));
        }
        self.say(error.message(), wait)?;
        self.broken = Some(error);
        self.item.call().sleep(wait)
    }

    fn ask_for_all_after(&mut self, error: Error) -> Result<()> {
        self.next = NextStep::AskForAll;
        self.broken.get_or_insert(error);
        self.item.call().check()
    }

    /// The error of a read that broke and that the registry does not continue: the break.
    fn first_cause(&mut self, error: Error) -> Error {
        let about_who = matches!(error.code(), Code::Unauthenticated | Code::RateLimited);
        match self.broken.take().filter(|_| self.item.is_reported_as_break(&error) && !about_who) {
            Some(broken) => broken
                .with_hint(format!("it could not be continued: {}", error.message()))
                .with_attempts(self.failures.total()),
            None => error,
        }
    }
}
