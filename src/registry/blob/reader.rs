//! Reading a blob (distribution-spec end-2): verified as it passes, continued where it broke off.
//!
//! A continued read always starts at the registry's own URL: the signed URL of the first time may be too old. Ranges are a
//! wish: where the rest alone cannot be had, all of the blob is asked for, and what is here already is dropped from it.

use std::time::Duration;

use ::http::header::{HeaderValue, ETAG, IF_RANGE, RANGE};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use url::Url;

use crate::auth::Reply;
use crate::digest::{Digest, Hasher};
use crate::download::failures::{is_about_the_answer, went_wrong, Failures};
pub use crate::download::options::{Info, Pieces, ReadOptions};
use crate::error::{Code, Error, Result};
use crate::hashing::{Hashing, LARGE};
use crate::http::origin::Origin;
use crate::http::response::{Answer, BodyReader};
use crate::http::{range, Request};
use crate::registry::repository::Remote;

impl Pieces for Reader {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        Reader::piece(self)
    }

    fn report(&self, delivered: u64) -> Result<()> {
        Reader::report(self, delivered)
    }

    fn info(&self) -> serde_json::Value {
        serde_json::to_value(&self.info).unwrap_or_default()
    }
}

/// Reads one blob.
pub struct Reader {
    remote: Remote,
    digest: Digest,
    info: Info,
    /// The next byte that comes.
    position: u64,
    /// Where the caller wants to stop, and where to stop, once known.
    wanted: Option<u64>,
    end: Option<u64>,
    /// That the size is known from a part only, which knows less of it than an answer that holds all.
    sized_by_part: bool,
    hasher: Option<Hashing>,
    body: Option<BodyReader>,
    /// Bytes to drop because the answer begins at the blob's first byte.
    surplus: u64,
    /// The server encodes the body: ranges would be of the encoded bytes.
    encoded: bool,
    /// What is here is of an earlier call: its caller can still begin anew.
    replaceable: bool,
    begins_anew: bool,
    /// The answer is to a range; and whether anything has come of it.
    ranged: bool,
    gained: bool,
    /// The next request is for all of the blob, though the rest would do.
    unranged: bool,
    /// How far the read was when that was asked last: without progress it is not asked again.
    whole_at: Option<u64>,
    /// The last break: what an end over a refused continuation is told as.
    broken: Option<Error>,
    etag: Option<HeaderValue>,
    failures: Failures,
    failure: Option<Error>,
    done: bool,
}

impl Reader {
    /// Opens a blob. `hashed` are bytes that the caller has already, from offset 0.
    pub fn open(
        remote: Remote,
        digest: &Digest,
        options: &ReadOptions,
        hashed: Option<(Hasher, u64)>,
    ) -> Result<Reader> {
        let piece = options.is_piece();
        if options.size.is_some_and(|size| options.offset > size) {
            let message = format!(
                "the option offset {} lies behind the blob's size {}",
                options.offset,
                options.size.unwrap_or(0)
            );
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let (hasher, position) = hashed.unwrap_or((Hasher::new(digest.algorithm()), options.offset));
        let wanted = options.length.map(|length| options.offset.saturating_add(length));
        let end = wanted.into_iter().chain(options.size).min();
        let info = Info { digest: digest.clone(), size: options.size, offset: options.offset, media_type: None };
        let mut reader = Reader {
            failures: Failures::new(remote.client.http.options().retries),
            remote,
            digest: digest.clone(),
            info,
            position,
            wanted,
            end,
            sized_by_part: false,
            hasher: (!piece).then(|| Hashing::new(hasher)),
            body: None,
            surplus: 0,
            encoded: false,
            replaceable: !piece && position > 0,
            begins_anew: false,
            ranged: false,
            gained: false,
            unranged: false,
            whole_at: None,
            broken: None,
            etag: None,
            failure: None,
            done: false,
        };
        if reader.end != Some(reader.position) || reader.position == 0 {
            reader.connect()?;
        }
        reader.replaceable = false;
        Ok(reader)
    }

    /// Whether it was opened behind bytes of an earlier call and begins at the blob's first byte all the same, because the
    /// registry does not give the rest alone.
    pub fn begins_anew(&self) -> bool {
        self.begins_anew
    }

    /// What is known of the blob.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The number of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Tells the caller's context how many bytes he has.
    pub fn report(&self, delivered: u64) -> Result<()> {
        self.remote.call.moved_to(delivered)
    }

    /// How many bytes there are in all, when known: for progress.
    pub fn expected(&self) -> Option<u64> {
        self.end.map(|end| end.saturating_sub(self.info.offset))
    }

    /// What it has hashed so far, of a blob that is read whole.
    pub fn hashed(&self) -> Option<(Hasher, u64)> {
        let hasher = self.hasher.as_ref()?.state()?.clone();
        Some((hasher, self.position))
    }

    /// Hashes on a thread of its own from now on, when much is to come; what is hashed is not told any more then.
    pub fn hash_aside(&mut self) {
        let large = self.end.is_some_and(|end| end.saturating_sub(self.position) >= LARGE);
        if let Some(hasher) = self.hasher.as_mut().filter(|_| large) {
            hasher.move_aside();
        }
    }

    /// The next bytes. None is the end, and then the digest has been checked. After an error it stays that error: what
    /// comes behind a hole must never look like the rest.
    pub fn piece(&mut self) -> Result<Option<Bytes>> {
        if let Some(failure) = &self.failure {
            return Err(failure.duplicate());
        }
        let outcome = self.read();
        if let Err(error) = &outcome {
            self.failure = Some(error.duplicate());
            self.body = None;
        }
        outcome
    }

    fn read(&mut self) -> Result<Option<Bytes>> {
        while !self.done {
            let outcome = match &mut self.body {
                Some(body) if self.end == Some(self.position) => body.end(&self.remote.call).map(|()| None),
                None if self.end == Some(self.position) && self.position > 0 => Ok(None),
                Some(body) => body.piece(&self.remote.call),
                // What can be done about an answer that does not come has been done there.
                None => {
                    self.connect().map_err(|error| self.first_cause(error))?;
                    continue;
                }
            };
            match outcome {
                Ok(Some(bytes)) => {
                    if let Some(bytes) = self.take(bytes)? {
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) if self.is_complete() => return self.finish(),
                Ok(None) => self.failed(self.short_end(), true)?,
                Err(error) => self.failed(error, false)?,
            }
        }
        Ok(None)
    }

    fn is_complete(&self) -> bool {
        // Without any size the digest decides; a piece to the unknown end is complete when the server says so.
        self.end.map_or(self.surplus == 0, |end| end == self.position)
    }

    fn take(&mut self, mut bytes: Bytes) -> Result<Option<Bytes>> {
        let drop = self.surplus.min(bytes.len() as u64);
        self.surplus -= drop;
        let _ = bytes.split_to(usize::try_from(drop).unwrap_or(bytes.len()));
        if let Some(end) = self.end {
            let room = end.saturating_sub(self.position);
            if bytes.len() as u64 > room {
                if self.info.offset == 0 && self.hasher.is_some() {
                    return Err(self.too_long(end));
                }
                // A server that ignored the end of the range.
                bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.position += bytes.len() as u64;
        self.gained = true;
        if self.end.is_none() {
            self.check_size(self.position)?;
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes);
        }
        Ok(Some(bytes))
    }

    /// Whether so much of it may be taken.
    fn check_size(&self, end: u64) -> Result<()> {
        let taken = end.saturating_sub(self.info.offset);
        let what = || format!("the blob {} of {}", self.digest, self.remote.place());
        self.remote.client.http.options().check_blob(taken, self.end.is_some(), what)
    }

    fn finish(&mut self) -> Result<Option<Bytes>> {
        self.done = true;
        self.body = None;
        if let Some(hasher) = self.hasher.take() {
            let found = hasher.finish()?;
            if found != self.digest {
                let message = format!("the blob {} of {} has the digest {found}", self.digest, self.remote.place());
                return Err(Error::new(Code::DigestMismatch, message));
            }
            self.info.size = Some(self.position);
        }
        Ok(None)
    }

    /// Counts a failure; an error when it is one too many, or one that no repetition helps. `ended`: the server did not break
    /// off, it had no more to say.
    fn failed(&mut self, error: Error, ended: bool) -> Result<()> {
        self.body = None;
        let may_pass = matches!(error.code(), Code::Network | Code::Timeout);
        let other_way = self.ranged && is_about_the_answer(&error) && self.may_ask_for_all();
        // A part that holds nothing, or not what it should, is as good as a refusal.
        if other_way && !(self.gained && may_pass) {
            return self.ask_for_all_after(error);
        }
        let wait = may_pass.then(|| self.failures.count(self.position, error.code())).flatten();
        if other_way && ended && wait.is_none() {
            return self.ask_for_all_after(error);
        }
        let enough = |wait: &Duration| self.remote.call.remaining().is_none_or(|left| left > *wait);
        let Some(wait) = wait.filter(enough) else {
            return Err(error.with_attempts(self.failures.total()));
        };
        self.remote.call.check()?;
        self.say(error.message(), wait)?;
        self.broken = Some(error);
        self.remote.call.sleep(wait)
    }

    fn ask_for_all_after(&mut self, error: Error) -> Result<()> {
        self.unranged = true;
        self.broken.get_or_insert(error);
        self.remote.call.check()
    }

    fn say(&self, reason: &str, wait: Duration) -> Result<()> {
        let event = || serde_json::json!({"event": "retry", "reason": reason, "wait_ms": wait.as_millis() as u64});
        self.remote.call.log(event)
    }

    /// What ends a read that broke and that the registry does not continue: the break.
    fn first_cause(&mut self, error: Error) -> Error {
        let refused = error.http_status().is_some()
            || error.is_stall()
            || matches!(error.code(), Code::Protocol | Code::SizeMismatch | Code::Redirect);
        let about_who = matches!(error.code(), Code::Unauthenticated | Code::RateLimited);
        match self.broken.take().filter(|_| refused && !about_who) {
            Some(broken) => broken
                .with_hint(format!("it could not be continued: {}", error.message()))
                .with_attempts(self.failures.total()),
            None => error,
        }
    }

    /// Asks for what is missing, or else, once for each place that was reached, for all of the blob.
    fn connect(&mut self) -> Result<()> {
        self.surplus = 0;
        let wants_range = self.wants_range();
        let mut refused = None;
        if wants_range && !std::mem::take(&mut self.unranged) {
            let Some(refusal) = self.ask(true)? else { return Ok(()) };
            if !self.may_ask_for_all() {
                return Err(refusal);
            }
            self.say(&format!("no range of it can be had: {}", refusal.message()), Duration::ZERO)?;
            refused = Some(refusal);
        }
        self.whole_at = wants_range.then_some(self.position);
        match self.ask(false) {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(match refused {
                // It says no more than that it went wrong again: what was wrong with the first answer says more.
                Some(first) if went_wrong(&error) => {
                    first.with_hint(format!("all of it could not be had either: {}", error.message()))
                }
                _ => error,
            }),
        }
    }

    fn wants_range(&self) -> bool {
        !self.encoded && (self.position > 0 || (self.info.offset, self.end) != (0, self.info.size))
    }

    fn may_ask_for_all(&self) -> bool {
        self.whole_at.is_none_or(|at| self.position > at)
    }

    /// Sends the request. What comes back is why a range brought nothing.
    fn ask(&mut self, ranged: bool) -> Result<Option<Error>> {
        let url = self.remote.url(&format!("blobs/{}", self.digest))?;
        let mut request = Request::new(Method::GET, url);
        if ranged {
            let last = self.end.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
            request = request.header(RANGE, &format!("bytes={}-{last}", self.position))?;
            if let Some(etag) = &self.etag {
                request.headers.insert(IF_RANGE, etag.clone());
            }
        }
        let reply = match self.remote.send(&mut request, &self.remote.scopes(&["pull"])) {
            // There are firewalls that hang up on a range, and gateways that send it in circles.
            Err(error) if ranged && (is_about_the_answer(&error) || self.led_astray(&error)) => {
                self.remote.call.check()?;
                return Ok(Some(error));
            }
            reply => reply?,
        };
        let outcome = match reply.answer.status {
            // It is a part, whatever its status.
            StatusCode::OK if ranged && has_range(&reply.answer) => self.part(&reply.answer),
            StatusCode::OK => self.whole(&reply.answer, ranged),
            StatusCode::PARTIAL_CONTENT if ranged => self.part(&reply.answer),
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => return self.beyond(reply),
            _ => {
                let what = format!("get the blob {} of {}", self.digest, self.remote.place());
                let error = self.remote.failure(reply, &what);
                return if ranged { Ok(Some(error)) } else { Err(error) };
            }
        };
        if let Err(error) = outcome {
            return if ranged { Ok(Some(error)) } else { Err(error) };
        }
        let answer = reply.answer;
        (self.ranged, self.gained) = (ranged, false);
        if let Some(end) = self.end {
            self.check_size(end)?;
        }
        self.info.media_type =
            answer.header("content-type").map(crate::media_type::essence).or(self.info.media_type.take());
        self.etag = answer.headers.get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\"")).cloned();
        self.body = Some(answer.into_body());
        Ok(None)
    }

    /// Whether a redirect led to where nobody answers.
    fn led_astray(&self, error: &Error) -> bool {
        let url = error.url().and_then(|url| Url::parse(url).ok());
        matches!(error.code(), Code::Connect | Code::Resolve | Code::Tls | Code::Timeout)
            && url.is_some_and(|url| Origin::of(&url) != Origin::of(&self.remote.account.base))
    }

    /// The answer holds the blob from its first byte.
    fn whole(&mut self, answer: &Answer, ranged: bool) -> Result<()> {
        // Not with what is here, which may be right: asked for all of it, the registry says so again, or it was no answer.
        if let Some(length) = answer.content_length().filter(|length| ranged && *length < self.position) {
            return Err(self.too_short(length).with_url(&answer.url));
        }
        if self.replaceable {
            (self.position, self.begins_anew) = (0, true);
            self.hasher = Some(Hashing::new(Hasher::new(self.digest.algorithm())));
        }
        if std::mem::take(&mut self.sized_by_part) {
            (self.info.size, self.end) = (None, self.wanted);
        }
        self.surplus = self.position;
        self.encoded = answer.is_encoded();
        match answer.content_length() {
            Some(length) if self.hasher.is_none() && length < self.position => {
                Err(self.outside().with_url(&answer.url))
            }
            Some(length) => self.learn_size(length, answer),
            None => Ok(()),
        }
    }

    /// The answer holds a part.
    fn part(&mut self, answer: &Answer) -> Result<()> {
        let wrong = |why: String| Error::new(Code::Protocol, why).with_url(&answer.url);
        if answer.is_encoded() {
            return Err(wrong("the registry sends a part of an encoded body, which cannot be decoded".to_owned()));
        }
        let text = answer.header("content-range").unwrap_or_default();
        let part = range::parse_content_range(text).ok_or_else(|| {
            wrong(format!("the Content-Range '{}' of a partial answer cannot be read", crate::text::shorten(text)))
        })?;
        if part.start != self.position {
            return Err(wrong(format!(
                "asked for bytes from {}, the registry sends from {}",
                self.position, part.start
            )));
        }
        if let Some(length) = answer.content_length().filter(|length| *length != part.length()) {
            return Err(wrong(format!("a partial answer of {length} bytes says that it is '{text}'")));
        }
        let Some(size) = part.size else { return Ok(()) };
        let first = self.info.size.is_none();
        self.learn_size(size, answer)?;
        self.sized_by_part |= first;
        Ok(())
    }

    /// 416: there is nothing behind the position, or there are no ranges.
    fn beyond(&mut self, reply: Reply) -> Result<Option<Error>> {
        let text = reply.answer.header("content-range").unwrap_or_default();
        let size = text.rsplit_once('/').and_then(|(_, size)| size.trim().parse::<u64>().ok());
        let ends_here = size.or(self.end).is_none_or(|end| end == self.position);
        let hashed = self.hasher.as_ref().and_then(Hashing::state).filter(|_| ends_here);
        if hashed.is_some_and(|hasher| hasher.clone().finish() == self.digest) {
            self.end = Some(self.position);
            return Ok(None);
        }
        let error = self.remote.failure(reply, self.outside().message());
        match self.hasher {
            // The caller's own range.
            None if size.is_some_and(|size| size <= self.position) => Err(error.with_code(Code::InvalidArgument)),
            _ => Ok(Some(error)),
        }
    }

    fn outside(&self) -> Error {
        let message = format!("the range from byte {} lies outside the blob {}", self.position, self.digest);
        Error::new(Code::InvalidArgument, message)
    }

    fn learn_size(&mut self, size: u64, answer: &Answer) -> Result<()> {
        if let Some(known) = self.info.size.filter(|known| *known != size) {
            let message = format!("the blob {} has {known} bytes, the registry sends one of {size}", self.digest);
            return Err(Error::new(Code::SizeMismatch, message).with_url(&answer.url));
        }
        if size < self.position {
            return Err(self.too_short(size).with_url(&answer.url));
        }
        self.info.size = Some(size);
        self.end = Some(self.end.map_or(size, |end| end.min(size)));
        Ok(())
    }

    fn too_short(&self, size: u64) -> Error {
        let message =
            format!("the blob {} has {size} bytes, fewer than the {} that are here", self.digest, self.position);
        Error::new(Code::SizeMismatch, message)
    }

    fn short_end(&self) -> Error {
        let end = self.end.unwrap_or(0);
        Error::new(Code::Network, format!("the blob {} ended after {} bytes of {end}", self.digest, self.position))
    }

    fn too_long(&self, end: u64) -> Error {
        Error::new(Code::SizeMismatch, format!("the blob {} is longer than its {end} bytes", self.digest))
    }
}

fn has_range(answer: &Answer) -> bool {
    answer
        .header("content-range")
        .and_then(range::parse_content_range)
        .is_some_and(|part| part.start > 0 || part.size.is_some_and(|size| part.length() < size))
}
