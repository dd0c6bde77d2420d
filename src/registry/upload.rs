//! Upload sessions (distribution-spec "Pushing a blob in chunks", end-4a, end-5, end-6, end-13).

use bytes::Bytes;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::remote::{digest_header, Remote};
use super::Client;
use crate::auth::Reply;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::resolver::Guard;
use crate::http::retry::{self, Backoff};
use crate::http::upload::Body;
use crate::http::{range, redact, Repeat, Request};
use crate::reference::Repository;

/// The chunk that every registry takes.
pub const CHUNK: u64 = 4 << 20;
/// The largest chunk, for it is kept in memory until the registry has it.
const LARGEST_CHUNK: u64 = 1 << 30;
/// The largest that a registry may demand.
const LARGEST_MINIMUM: u64 = 64 << 20;
const OCTETS: &str = "application/octet-stream";

/// Options of [`Client::start_upload`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadOptions {
    /// Bytes in one request.
    pub chunk_size: u64,
}

impl Default for UploadOptions {
    fn default() -> UploadOptions {
        UploadOptions { chunk_size: CHUNK }
    }
}

/// What became of a blob that was put.
#[derive(Debug, Serialize)]
pub struct Stored {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// Where the registry says it is.
    pub location: Option<String>,
    /// false when the registry had it already.
    pub uploaded: bool,
}

/// An open upload session at a registry.
pub struct Session {
    /// The repository.
    pub remote: Remote,
    /// The URL for the next request: it changes with every answer.
    pub url: Url,
    /// Who chose it.
    pub guard: Guard,
    /// Bytes that the registry has.
    pub offset: u64,
    /// The smallest chunk that it takes, but for the last one.
    pub min_chunk: u64,
}

impl Session {
    /// Opens a session. The push token is fetched here, before any body is sent.
    pub fn start(remote: Remote) -> Result<Session> {
        let mut request = Request::new(Method::POST, remote.url("blobs/uploads/")?).repeat(Repeat::Always);
        let reply = remote.send(&mut request, &remote.scopes(&["pull", "push"]))?;
        let what = format!("start an upload to {}", remote.place());
        let answer = remote.expect(reply, &[StatusCode::ACCEPTED], &what)?;
        Session::at(remote, &answer)
    }

    /// The session that an answer opened.
    pub fn at(remote: Remote, answer: &Answer) -> Result<Session> {
        let (url, guard) = remote.location(answer)?;
        let told = answer.header("oci-chunk-min-length").and_then(|length| length.trim().parse::<u64>().ok());
        let min_chunk = told.unwrap_or(0);
        if min_chunk > LARGEST_MINIMUM {
            let message = format!("the registry wants chunks of {min_chunk} bytes, more than {LARGEST_MINIMUM}");
            return Err(Error::new(Code::LimitExceeded, message).with_url(&answer.url));
        }
        Ok(Session { remote, url, guard, offset: 0, min_chunk })
    }

    /// Sends the next chunk. After a failure the registry is asked how far it got, and the rest is sent.
    pub fn chunk(&mut self, bytes: &Bytes) -> Result<()> {
        let begin = self.offset;
        let end = begin + bytes.len() as u64;
        let retries = self.remote.client.http.options().retries;
        let mut failures = 0;
        let mut backoff = Backoff::new(crate::http::seed());
        while self.offset < end {
            let rest = bytes.slice(usize::try_from(self.offset - begin).unwrap_or(usize::MAX).min(bytes.len())..);
            let error = match self.patch(rest) {
                Ok(()) => continue,
                Err(error) => error,
            };
            let helps = error.retryable() || matches!(error.http_status(), Some(401 | 416));
            failures += 1;
            let wait = retry::after_failure(&error, backoff.delay(failures)).filter(|_| helps && failures <= retries);
            let Some(wait) = wait else { return Err(error.with_attempts(failures)) };
            self.remote.call.sleep(wait)?;
            self.status()?;
            // "0-0" stands for one byte and for none; only a registry that refused the first byte has it.
            if begin == 0 && self.offset == 1 && error.http_status() != Some(416) {
                self.offset = 0;
            }
            if self.offset < begin || self.offset > end {
                let message =
                    format!("the registry has {} bytes of the upload, the chunk is {begin} to {end}", self.offset);
                return Err(Error::new(Code::Protocol, message));
            }
        }
        Ok(())
    }

    fn patch(&mut self, bytes: Bytes) -> Result<()> {
        let last = self.offset + bytes.len() as u64;
        let mut request = self
            .request(Method::PATCH, self.url.clone())
            .header(CONTENT_TYPE, OCTETS)?
            .header(CONTENT_RANGE, &format!("{}-{}", self.offset, last - 1))?
            .body(Body::Bytes(bytes));
        let reply = self.send(&mut request)?;
        let wanted = [StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::OK];
        let answer = self.remote.expect(reply, &wanted, "send a chunk of the upload")?;
        self.follow(&answer)?;
        // Some registries' Range stands still though the bytes are stored: what was sent counts then.
        let told = answer
            .header(RANGE)
            .and_then(range::parse_upload_range)
            .filter(|told| *told > self.offset.max(1) && *told < last);
        self.offset = told.unwrap_or(last);
        Ok(())
    }

    /// Asks the registry how far the upload is.
    pub fn status(&mut self) -> Result<()> {
        let mut request = self.request(Method::GET, self.url.clone());
        let reply = self.send(&mut request)?;
        let answer = self.remote.expect(
            reply,
            &[StatusCode::NO_CONTENT, StatusCode::OK, StatusCode::ACCEPTED],
            "status of the upload",
        )?;
        self.follow(&answer)?;
        self.offset = answer.header(RANGE).and_then(range::parse_upload_range).unwrap_or(0);
        Ok(())
    }

    /// Ends the upload: the blob exists, under its digest.
    pub fn finish(&mut self, digest: &Digest, body: Body) -> Result<Answer> {
        let url = with_digest(self.url.clone(), digest);
        let mut request = self.request(Method::PUT, url).header(CONTENT_TYPE, OCTETS)?.body(body);
        if request.body.is_empty() {
            request.repeat = Repeat::WhenRefused;
        }
        let reply = self.send(&mut request)?;
        stored(&self.remote, reply, digest, "finish the upload")
    }

    /// Gives the session up. A registry that cannot cancel lets it expire.
    pub fn cancel(&self) -> Result<()> {
        let mut request = self.request(Method::DELETE, self.url.clone()).repeat(Repeat::Never);
        let reply = self.send(&mut request)?;
        // Some registries have no way to cancel (Quay; go-containerregistry answers 400): theirs expire by themselves.
        let wanted = [204, 200, 202, 400, 404, 405, 501].map(|status| StatusCode::from_u16(status).unwrap_or_default());
        self.remote.expect(reply, &wanted, "cancel the upload").map(drop)
    }

    fn request<'b>(&self, method: Method, url: Url) -> Request<'b> {
        Request { guard: self.guard, ..Request::new(method, url) }
    }

    fn send(&self, request: &mut Request) -> Result<Reply> {
        self.remote.send(request, &self.remote.scopes(&["pull", "push"]))
    }

    fn follow(&mut self, answer: &Answer) -> Result<()> {
        if answer.headers.contains_key(reqwest::header::LOCATION) {
            (self.url, self.guard) = self.remote.location(answer)?;
        }
        Ok(())
    }
}

/// Adds the digest to a session's URL, whose query must stay as it is.
pub fn with_digest(mut url: Url, digest: &Digest) -> Url {
    let query = match url.query() {
        Some(query) if !query.is_empty() => format!("{query}&digest={digest}"),
        _ => format!("digest={digest}"),
    };
    url.set_query(Some(&query));
    url
}

/// The answer to the request that completes a blob. Statuses other than 201 are believed after a look.
pub fn stored(remote: &Remote, reply: Reply, digest: &Digest, what: &str) -> Result<Answer> {
    let wanted = [StatusCode::CREATED, StatusCode::OK, StatusCode::ACCEPTED, StatusCode::NO_CONTENT];
    let mut answer = remote.expect(reply, &wanted, what)?;
    let body = answer.beginning(&remote.call, 64 << 10);
    if crate::auth::failure::holds_errors(&body) {
        return Err(crate::auth::failure::error_of(400, &answer.headers, &body, &answer.url, what));
    }
    if let Some(found) =
        digest_header(&answer.headers).filter(|found| found.algorithm() == digest.algorithm() && found != digest)
    {
        let message = format!("{what}: the registry stored it as {found}, its digest is {digest}");
        return Err(Error::new(Code::DigestMismatch, message).with_url(&answer.url));
    }
    if answer.status != StatusCode::CREATED && !super::blob::has(remote, digest)? {
        let message = format!("{what}: the registry answers {} but does not have the blob", answer.status.as_u16());
        return Err(Error::new(Code::Protocol, message).with_url(&answer.url));
    }
    Ok(answer)
}

/// Whether the request that completes a blob may have been carried out although it failed: its answer was lost, or a
/// gateway gave up before the registry did, or it was repeated and its session is over.
pub fn may_be_done(error: &Error) -> bool {
    error.code() == Code::Network || matches!(error.http_status(), Some(404 | 500 | 502 | 503 | 504))
}

/// Where a blob is, as results show it.
pub fn location_text(remote: &Remote, answer: &Answer) -> Option<String> {
    remote.location(answer).ok().map(|(url, _)| redact::url(&url))
}

/// An upload that the caller feeds: bytes are collected into chunks, and a chunk is kept until the registry has it.
pub struct Upload {
    session: Session,
    hasher: Hasher,
    waiting: Vec<u8>,
    chunk: usize,
    size: u64,
    over: bool,
    failure: Option<Error>,
}

impl Client {
    /// Starts an upload of unknown length.
    pub fn start_upload(&self, call: &Call, repository: &Repository, options: &UploadOptions) -> Result<Upload> {
        Upload::start(Remote::repository(self, call, repository)?, options.chunk_size, Algorithm::Sha256, None)
    }
}

impl Upload {
    /// Opens the session.
    pub fn start(remote: Remote, chunk_size: u64, algorithm: Algorithm, total: Option<u64>) -> Result<Upload> {
        if chunk_size == 0 || chunk_size > LARGEST_CHUNK {
            return Err(Error::new(Code::InvalidArgument, format!("chunk_size is 1 to {LARGEST_CHUNK}")));
        }
        let session = Session::start(remote)?;
        session.remote.call.begin("blob put", total)?;
        let chunk = usize::try_from(chunk_size.max(session.min_chunk)).unwrap_or(usize::MAX);
        Ok(Upload {
            session,
            hasher: Hasher::new(algorithm),
            waiting: Vec::new(),
            chunk,
            size: 0,
            over: false,
            failure: None,
        })
    }

    /// Takes more bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.check()?;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.chunk - self.waiting.len()));
            self.hasher.update(now);
            self.waiting.extend_from_slice(now);
            self.size += now.len() as u64;
            bytes = later;
            if self.waiting.len() == self.chunk {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the upload; with a digest, only if the bytes have it.
    pub fn finish(&mut self, expected: Option<&Digest>) -> Result<Stored> {
        self.check()?;
        let found = self.hasher.clone().finish();
        if let Some(expected) = expected.filter(|expected| **expected != found) {
            self.cancel_quietly();
            let message = format!("the uploaded bytes have the digest {found}, not {expected}");
            return Err(Error::new(Code::DigestMismatch, message));
        }
        self.flush()?;
        let answer = match self.session.finish(&found, Body::Empty) {
            Ok(answer) => Some(answer),
            Err(error) if may_be_done(&error) && super::blob::has(&self.session.remote, &found)? => None,
            Err(error) => return Err(error),
        };
        self.over = true;
        let location = answer.and_then(|answer| location_text(&self.session.remote, &answer));
        Ok(Stored { digest: found, size: self.size, location, uploaded: true })
    }

    /// Gives the upload up.
    pub fn cancel(&mut self) -> Result<()> {
        if self.over {
            return Ok(());
        }
        self.over = true;
        self.session.cancel()
    }

    fn flush(&mut self) -> Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.waiting));
        // A chunk that could not be sent is a hole: nothing that comes after it may be taken.
        if let Err(error) = self.session.chunk(&chunk) {
            self.failure = Some(error.duplicate());
            return Err(error);
        }
        // The buffer comes back for the next chunk, unless the connection still holds it.
        if let Ok(mut buffer) = chunk.try_into_mut().map(Vec::from) {
            buffer.clear();
            self.waiting = buffer;
        }
        self.session.remote.call.moved_to(self.session.offset)
    }

    fn check(&self) -> Result<()> {
        match &self.failure {
            _ if self.over => Err(Error::new(Code::Closed, "the upload is over")),
            Some(failure) => Err(failure.duplicate()),
            None => Ok(()),
        }
    }

    fn cancel_quietly(&mut self) {
        self.session.remote.call = self.session.remote.call.farewell();
        let _ = self.cancel();
    }
}

impl Drop for Upload {
    // A session of ours that nobody will finish is cancelled, even if the caller's context was.
    fn drop(&mut self) {
        if !self.over {
            self.cancel_quietly();
        }
    }
}
