//! Reading a blob (distribution-spec end-2): verified as it passes, continued where it broke off.
//!
//! A continued read always starts at the registry's own URL: the signed URL of the first time may be too old.

use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{HeaderValue, ETAG, IF_RANGE, RANGE};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::remote::Remote;
use crate::auth::Reply;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::hashing::{Hashing, LARGE};
use crate::http::answer::{Answer, BodyReader};
use crate::http::retry::Backoff;
use crate::http::{range, Request};

/// So much progress, or so much time, makes a new failure a first one.
const PROGRESS: u64 = 1 << 20;
const CALM: Duration = Duration::from_secs(60);

/// Which bytes of a blob, and what is known of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadOptions {
    /// The first byte.
    pub offset: u64,
    /// How many; without it all that follow.
    pub length: Option<u64>,
    /// The blob's size, from its descriptor.
    pub size: Option<u64>,
    /// The most that a read into memory may take.
    pub limit: Option<u64>,
}

impl ReadOptions {
    /// Refuses what only a read into memory has.
    pub fn without_limit(&self) -> Result<()> {
        match self.limit {
            Some(_) => Err(Error::new(Code::InvalidArgument, "the option limit is for reads into memory only")),
            None => Ok(()),
        }
    }

    /// Whether only a piece is wanted; a piece cannot be verified.
    pub fn is_piece(&self) -> bool {
        self.offset > 0 || self.length.is_some()
    }
}

/// What is known of an open blob.
#[derive(Debug, Clone, Serialize)]
pub struct Info {
    /// Its digest.
    pub digest: Digest,
    /// The size of the whole blob, once known.
    pub size: Option<u64>,
    /// The first byte that is read.
    pub offset: u64,
    /// The media type that the registry gives.
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
}

/// What a caller reads piece by piece: a blob, or a layer of protocol v1.
pub trait Pieces: Send {
    /// The next bytes. None is the end, and then what can be checked has been checked.
    fn piece(&mut self) -> Result<Option<Bytes>>;
    /// Tells the caller's context how many bytes he has.
    fn report(&self, delivered: u64) -> Result<()>;
    /// What is known of it, as a result.
    fn info(&self) -> serde_json::Value;
}

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
    /// Where to stop, once known.
    end: Option<u64>,
    hasher: Option<Hashing>,
    body: Option<BodyReader>,
    /// Bytes to drop because a server ignored the range.
    surplus: u64,
    /// The server encodes the body: ranges would be of the encoded bytes.
    encoded: bool,
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
        let end = match (options.length, options.size) {
            (Some(length), size) => Some(options.offset.saturating_add(length).min(size.unwrap_or(u64::MAX))),
            (None, size) => size,
        };
        let info = Info { digest: digest.clone(), size: options.size, offset: options.offset, media_type: None };
        let mut reader = Reader {
            failures: Failures::new(remote.client.http.options().retries),
            remote,
            digest: digest.clone(),
            info,
            position,
            end,
            hasher: (!piece).then(|| Hashing::new(hasher)),
            body: None,
            surplus: 0,
            encoded: false,
            etag: None,
            failure: None,
            done: false,
        };
        if reader.end != Some(reader.position) || reader.position == 0 {
            reader.connect()?;
        }
        Ok(reader)
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
                    self.connect()?;
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
                Ok(None) => self.failed(self.short_end())?,
                Err(error) => self.failed(error)?,
            }
        }
        Ok(None)
    }

    fn is_complete(&self) -> bool {
        // Without any size the digest decides; a piece to the unknown end is complete when the server says so.
        self.surplus == 0 && self.end.is_none_or(|end| end == self.position)
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
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes);
        }
        Ok(Some(bytes))
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

    /// Counts a failure; an error when it is one too many, or one that no repetition helps.
    fn failed(&mut self, error: Error) -> Result<()> {
        self.body = None;
        let wait = match error.code() {
            Code::Network | Code::Timeout => self.failures.count(self.position, error.code()),
            _ => None,
        };
        let enough = |wait: &Duration| self.remote.call.remaining().is_none_or(|left| left > *wait);
        let Some(wait) = wait.filter(enough) else {
            return Err(error.with_attempts(self.failures.total));
        };
        self.remote.call.check()?;
        let reason = error.message().to_owned();
        self.remote
            .call
            .log(|| serde_json::json!({"event": "retry", "reason": reason, "wait_ms": wait.as_millis() as u64}))?;
        self.remote.call.sleep(wait)
    }

    fn connect(&mut self) -> Result<()> {
        let url = self.remote.url(&format!("blobs/{}", self.digest))?;
        let mut request = Request::new(Method::GET, url);
        let ranged = !self.encoded && (self.position > 0 || (self.info.offset, self.end) != (0, self.info.size));
        if ranged {
            let last = self.end.map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
            request = request.header(RANGE, &format!("bytes={}-{last}", self.position))?;
            if let Some(etag) = &self.etag {
                request.headers.insert(IF_RANGE, etag.clone());
            }
        }
        let reply = self.remote.send(&mut request, &self.remote.scopes(&["pull"]))?;
        match reply.answer.status {
            StatusCode::OK => self.whole(&reply.answer)?,
            StatusCode::PARTIAL_CONTENT if ranged => self.part(&reply.answer)?,
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => return self.beyond(reply),
            _ => {
                return Err(self
                    .remote
                    .failure(reply, &format!("get the blob {} of {}", self.digest, self.remote.place())))
            }
        }
        let answer = reply.answer;
        self.info.media_type =
            answer.header("content-type").map(crate::media_type::essence).or(self.info.media_type.take());
        self.etag = answer.headers.get(ETAG).filter(|etag| etag.as_bytes().starts_with(b"\"")).cloned();
        self.body = Some(answer.into_body());
        Ok(())
    }

    /// The answer holds the blob from its first byte.
    fn whole(&mut self, answer: &Answer) -> Result<()> {
        self.surplus = self.position;
        self.encoded = answer.is_encoded();
        if let Some(length) = answer.content_length() {
            self.learn_size(length, answer)?;
        }
        Ok(())
    }

    /// The answer holds a part.
    fn part(&mut self, answer: &Answer) -> Result<()> {
        self.surplus = 0;
        let wrong = |why: String| Error::new(Code::Protocol, why).with_url(&answer.url);
        if answer.is_encoded() {
            return Err(wrong("the registry sends a part of an encoded body, which cannot be decoded".to_owned()));
        }
        let text = answer.header("content-range").unwrap_or_default();
        let part = range::parse_content_range(text).ok_or_else(|| {
            wrong(format!("the Content-Range '{}' of a partial answer cannot be read", crate::digest::shorten(text)))
        })?;
        if part.start != self.position {
            return Err(wrong(format!(
                "asked for bytes from {}, the registry sends from {}",
                self.position, part.start
            )));
        }
        match part.size {
            Some(size) => self.learn_size(size, answer),
            None => Ok(()),
        }
    }

    /// 416: there is nothing behind the position.
    fn beyond(&mut self, reply: Reply) -> Result<()> {
        let text = reply.answer.header("content-range").unwrap_or_default();
        let size = text.rsplit_once('/').and_then(|(_, size)| size.trim().parse::<u64>().ok());
        if self.hasher.is_some() && size.is_none_or(|size| size == self.position) {
            // All of it was here already; the digest tells.
            self.end = Some(self.position);
            return Ok(());
        }
        let message = format!("the range from byte {} lies outside the blob {}", self.position, self.digest);
        // Of a whole blob it is not the caller's range: more is here than there is.
        let code = if self.hasher.is_some() { Code::SizeMismatch } else { Code::InvalidArgument };
        Err(self.remote.failure(reply, &message).with_code(code))
    }

    fn learn_size(&mut self, size: u64, answer: &Answer) -> Result<()> {
        if let Some(known) = self.info.size.filter(|known| *known != size) {
            let message = format!("the blob {} has {known} bytes, the registry sends one of {size}", self.digest);
            return Err(Error::new(Code::SizeMismatch, message).with_url(&answer.url));
        }
        if size < self.position {
            let message =
                format!("the blob {} has {size} bytes, fewer than the {} that are here", self.digest, self.position);
            return Err(Error::new(Code::SizeMismatch, message).with_url(&answer.url));
        }
        self.info.size = Some(size);
        self.end = Some(self.end.map_or(size, |end| end.min(size)));
        Ok(())
    }

    fn short_end(&self) -> Error {
        let end = self.end.unwrap_or(0);
        Error::new(Code::Network, format!("the blob {} ended after {} bytes of {end}", self.digest, self.position))
    }

    fn too_long(&self, end: u64) -> Error {
        Error::new(Code::SizeMismatch, format!("the blob {} is longer than its {end} bytes", self.digest))
    }
}

/// How many failures are too many: those without progress between them.
pub(crate) struct Failures {
    limit: u32,
    backoff: Backoff,
    row: u32,
    total: u32,
    position: u64,
    at: Option<Instant>,
}

impl Failures {
    pub(crate) fn new(limit: u32) -> Failures {
        Failures { limit, backoff: Backoff::new(crate::http::seed()), row: 0, total: 1, position: 0, at: None }
    }

    /// How long to wait before going on; None when it is one too many.
    pub(crate) fn count(&mut self, position: u64, code: Code) -> Option<Duration> {
        let progressed = position >= self.position.saturating_add(PROGRESS);
        let calm = self.at.is_some_and(|at| at.elapsed() >= CALM) && position > self.position;
        self.row = if progressed || calm { 1 } else { self.row + 1 };
        self.total += 1;
        self.position = position;
        self.at = Some(Instant::now());
        // A stall costs the whole idle limit, so one more try is enough.
        let limit = if code == Code::Timeout { self.limit.min(1) } else { self.limit };
        (self.row <= limit).then(|| self.backoff.delay(self.row))
    }
}
