//! Requesting the missing bytes, or all of them, and judging the response.
//!
//! A continued read always starts at the registry's own URL: the signed URL of the first time may be too old.

use std::time::Duration;

use ::http::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG};
use ::http::StatusCode;

use super::connection::{Connection, ResponseBytes};
use super::failures::{is_about_the_answer, went_wrong};
use super::range_read::{LeftoverBytes, NextStep, RangeRead};
use super::verifier::DigestVerifier;
use super::{Downloadable, RangeRequest};
use crate::error::{Code, Error, Result};
use crate::http::range;
use crate::http::response::Response;
use crate::media_type;
use crate::text::shorten;

impl<T: Downloadable> RangeRead<T> {
    /// Requests the missing bytes, or else, once for each offset reached, all of them. `hashed`: what comes before them.
    pub(super) fn connect(&mut self, hashed: Option<&DigestVerifier>) -> Result<()> {
        let may_range = !self.ranges.encoded && !self.ranges.refused;
        let wants_range = may_range && self.extent.is_part_from(self.position);
        let mut refused = None;
        if wants_range && !matches!(self.next, NextStep::AskForAll) {
            let Some(refusal) = self.ask(true, hashed)? else { return Ok(()) };
            self.ranges.refused = T::RULES.refusals_last;
            let asks_another = went_wrong(&refusal) && self.item.has_others();
            if asks_another || (!self.ranges.refused && !self.may_ask_for_all()) {
                return Err(refusal);
            }
            self.say(&format!("the server refuses ranges of it: {}", refusal.message()), Duration::ZERO)?;
            refused = Some(refusal);
        }
        self.ranges.whole_at = wants_range.then_some(self.position);
        match self.ask(false, hashed) {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(match refused {
                // This error only means that the request failed again: that of the first response says more.
                Some(first) if went_wrong(&error) => {
                    first.with_hint(format!("and asked for the whole: {}", error.message()))
                }
                _ => error,
            }),
        }
    }

    /// Sends the request. Returns the reason if a range request brought nothing.
    fn ask(&mut self, ranged: bool, hashed: Option<&DigestVerifier>) -> Result<Option<Error>> {
        let last = self.extent.end().map(|end| end.saturating_sub(1));
        let range = RangeRequest { first: self.position, last, etag: self.ranges.etag.as_ref() };
        let reply = match self.item.ask(Some(&range).filter(|_| ranged)) {
            // There are firewalls that hang up on a range, and gateways that send it in circles.
            Err(error) if ranged && (is_about_the_answer(&error) || self.led_astray(&error)) => {
                self.item.call().check()?;
                return Ok(Some(error));
            }
            reply => reply?,
        };
        let response = reply.as_ref();
        let holds = match response.status {
            // It is a part despite its status.
            StatusCode::OK if ranged && has_range(response) => self.rest(response),
            StatusCode::OK => self.all(response, ranged),
            StatusCode::PARTIAL_CONTENT if ranged => self.rest(response),
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => return self.beyond(reply, hashed),
            // An empty blob has no first byte to request.
            StatusCode::RANGE_NOT_SATISFIABLE if self.item.size_hint() == Some(0) => {
                self.extent.sized_by_whole(Some(0), self.position)?;
                self.next = NextStep::NothingFollows;
                return Ok(None);
            }
            _ => {
                let error = self.item.failure(reply, &format!("get {}", self.extent.name));
                return if ranged { Ok(Some(error)) } else { Err(error) };
            }
        };
        match holds {
            Ok(holds) => self.read_from(reply.into(), holds, ranged).map(|()| None),
            Err(error) if ranged => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    fn read_from(&mut self, response: Response, holds: ResponseBytes, ranged: bool) -> Result<()> {
        if let Some(end) = self.extent.end() {
            self.check_size(end)?;
        }
        self.media_type = response.header(CONTENT_TYPE).map(media_type::essence).or(self.media_type.take());
        self.ranges.etag = response.headers.get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\"")).cloned();
        self.next = NextStep::Read(Box::new(Connection::new(response.into_body(), holds, self.position, ranged)));
        Ok(())
    }

    /// Whether a redirect led to a host that does not answer.
    fn led_astray(&self, error: &Error) -> bool {
        matches!(error.code(), Code::Connect | Code::Resolve | Code::Tls | Code::Timeout)
            && error.url().is_some_and(|url| self.item.is_elsewhere(url))
    }

    /// The response contains everything from the first byte.
    fn all(&mut self, response: &Response, ranged: bool) -> Result<ResponseBytes> {
        let size = response.content_length();
        // Do not discard what is here, which may be right: asked for everything, the registry repeats the size, or it
        // was not a real response.
        if let Some(size) = size.filter(|size| ranged && *size < self.position) {
            return Err(self.extent.too_few(Some(size), self.position).with_url(&response.url));
        }
        self.replace_left();
        self.ranges.encoded = response.is_encoded();
        let sized = self.extent.sized_by_whole(size, self.position);
        sized.map(|()| ResponseBytes::All).map_err(|error| error.with_url(&response.url))
    }

    /// Starts again, if the bytes so far are those of an earlier call, which may be dropped.
    fn replace_left(&mut self) {
        if self.left == LeftoverBytes::Replaceable {
            (self.position, self.begun, self.left) = (0, 0, LeftoverBytes::Replaced);
        }
    }

    /// The response contains the missing bytes.
    fn rest(&mut self, response: &Response) -> Result<ResponseBytes> {
        let wrong = |why: String| Error::new(Code::Protocol, why).with_url(&response.url);
        if response.is_encoded() {
            return Err(wrong("the registry sends a part of an encoded body, which cannot be decoded".to_owned()));
        }
        let text = response.header(CONTENT_RANGE).unwrap_or_default();
        let range = self.item.content_range(text).ok_or_else(|| {
            wrong(format!("the Content-Range '{}' of a partial answer cannot be read", shorten(text)))
        })?;
        if range.start != self.position {
            let message = format!("asked for bytes from {}, the registry sends from {}", self.position, range.start);
            return Err(wrong(message));
        }
        let other_length = response.content_length().filter(|length| *length != range.length());
        if let Some(length) = other_length.filter(|_| T::RULES.bodies_are_exact) {
            return Err(wrong(format!("a partial response of {length} bytes claims to be '{text}'")));
        }
        if let Some(size) = range.size {
            self.extent.sized_by_part(size, self.position).map_err(|error| error.with_url(&response.url))?;
        }
        Ok(ResponseBytes::Rest)
    }

    /// 416: there is nothing after the position, or ranges are not supported.
    fn beyond(&mut self, reply: T::Reply, hashed: Option<&DigestVerifier>) -> Result<Option<Error>> {
        let text = reply.as_ref().header(CONTENT_RANGE).unwrap_or_default();
        let size = text.rsplit_once('/').and_then(|(_, size)| size.trim().parse::<u64>().ok());
        let is_end = match hashed {
            Some(verifier) => verifier.may_end() && size.or(self.extent.end()).is_none_or(|end| end == self.position),
            // Only the size shows that this is the end, so it must agree with a known size.
            None => size == Some(self.position) && self.extent.size.is_none_or(|known| known == self.position),
        };
        if is_end {
            self.extent.size = Some(self.position);
            self.next = NextStep::NothingFollows;
            return Ok(None);
        }
        let error = self.item.failure(reply, self.extent.outside(self.position).message());
        match size {
            // The caller's own range.
            Some(size) if size < self.extent.offset => Err(error.with_code(Code::InvalidArgument)),
            _ => Ok(Some(error)),
        }
    }
}

fn has_range(response: &Response) -> bool {
    response
        .header(CONTENT_RANGE)
        .and_then(range::parse_content_range)
        .is_some_and(|part| part.start > 0 || part.size.is_some_and(|size| part.length() < size))
}
