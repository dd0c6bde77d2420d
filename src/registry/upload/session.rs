//! Upload sessions (distribution-spec "Pushing a blob in chunks", end-4a, end-5, end-6, end-13): one at a time, step by
//! step, and in another process too.

use ::http::header::{HeaderValue, CONTENT_TYPE, LOCATION, RANGE};
use ::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::auth::Reply;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::location::Location;
use crate::http::origin::host_of;
use crate::http::response::Response;
use crate::http::retry::Backoff;
use crate::http::upload::Body;
use crate::http::{range, redact, Repeat, Request};
use crate::reference::Repository;
use crate::registry::repository::Remote;
use crate::registry::upload::chunk_sizes;
use crate::registry::upload::confirm::UnconfirmedBlob;
use crate::registry::Client;
use crate::resource::Resource;
use crate::statuses;
use crate::text::shorten;

/// The largest minimum chunk size that is accepted from a registry.
const LARGEST_MINIMUM: u64 = 64 << 20;
pub(crate) const OCTETS: &str = "application/octet-stream";

/// A session as it is kept between calls, in this process or another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedSession {
    /// Where the next request goes. It is all that is needed to write to the session: keep it as a secret.
    pub url: String,
    /// The repository that the blob is for.
    pub repository: String,
    /// Bytes that the registry has.
    #[serde(default)]
    pub offset: u64,
    /// The smallest chunk that it accepts, except the last one; 0 for any.
    #[serde(default)]
    pub min_chunk_size: u64,
}

impl SavedSession {
    /// Parses what a caller stored: the JSON of an earlier call, or only the URL of a session.
    pub fn parse(text: &str) -> Result<SavedSession> {
        let invalid = |why: String| Error::new(Code::InvalidArgument, format!("the upload session {why}"));
        if text.trim_start().starts_with('{') {
            let value = crate::json::parse(text.as_bytes()).map_err(|error| invalid(error.verdict()))?;
            return SavedSession::deserialize(&value)
                .map_err(|error| invalid(format!("is incomplete or not valid: {error}")));
        }
        let url = Location::of_kept(text).map_err(|why| invalid(format!("'{}' {why}", shorten(text))))?.url;
        let name = url.path().split_once("/v2/").and_then(|(_, path)| path.rsplit_once("/blobs/uploads/"));
        let Some((name, _)) = name.filter(|_| url.has_host()) else {
            let shown = redact::url(&url);
            return Err(invalid(format!(
                "'{shown}' is not at HOST/v2/REPOSITORY/blobs/uploads/: give its JSON instead"
            )));
        };
        let repository = format!("{}://{}/{name}", url.scheme(), host_of(&url));
        Ok(SavedSession { url: text.to_owned(), repository, offset: 0, min_chunk_size: 0 })
    }
}

/// The offset after bytes that start at `offset`, which a caller stored and may have corrupted.
pub(crate) fn behind(offset: u64, length: usize) -> Result<u64> {
    offset.checked_add(length as u64).ok_or_else(|| {
        let message = format!("the upload session's offset {offset} is larger than a blob can be");
        Error::new(Code::InvalidArgument, message)
    })
}

/// An open upload session at a registry.
pub(crate) struct UploadSession {
    /// Where the session was opened: no other endpoint knows it.
    pub(crate) remote: Remote,
    /// Where the next request goes: it changes with every response.
    pub(crate) at: Location,
    /// Bytes that the registry has.
    pub(crate) offset: u64,
    /// The smallest chunk that it accepts, except the last one.
    pub(crate) min_chunk: u64,
    /// The largest that it is known to accept.
    pub(crate) max_chunk: u64,
    /// Its reported offset was wrong, or cannot be compared with what was sent.
    pub(crate) doubtful: bool,
}

impl UploadSession {
    /// Opens a session. The push token is fetched here, before any body is sent.
    pub(crate) fn start(remote: Remote, algorithm: Algorithm) -> Result<UploadSession> {
        let mut target = remote.target(Resource::Uploads);
        // Only for an algorithm other than sha256: a registry that hashes during the upload must know it
        // (distribution-spec end-4c).
        if algorithm != Algorithm::Sha256 {
            target = target.with_query(&format!("digest-algorithm={}", algorithm.name()));
        }
        let mut request = Request::new(Method::POST).repeat(Repeat::Always);
        let mut what = format!("start an upload to {}", remote.full_name());
        let mut backoff = Backoff::new();
        let mut attempt = 1;
        loop {
            let reply = remote.send(&target, &mut request, &remote.scopes(&["pull", "push"]))?;
            let status = reply.response.status;
            let is_success = statuses::is_success(status.as_u16());
            let from_the_front = statuses::may_come_from_the_front(status.as_u16());
            if is_success && (!from_the_front || reply.response.headers.contains_key(LOCATION)) {
                return UploadSession::at(remote, &reply.response)
                    .map_err(|error| error.within(&what).with_http_status(status.as_u16()).with_attempts(attempt));
            }
            let wait = backoff.delay(attempt);
            let enough = remote.call.remaining().is_none_or(|left| left > wait);
            if !is_success || attempt > remote.client.retries() || !enough {
                if is_success {
                    what = format!("{what}: a response with status {} does not open one", status.as_u16());
                }
                return Err(remote.failure(reply, &what).with_attempts(attempt));
            }
            // Something in front of the registry responded: a health check, a login page.
            let reason = format!("status {}", status.as_u16());
            remote.call.log(|| json!({"event": "retry", "reason": reason, "wait_ms": wait.as_millis() as u64}))?;
            remote.call.sleep(wait)?;
            attempt += 1;
        }
    }

    /// The session that a response opened.
    pub(crate) fn at(remote: Remote, response: &Response) -> Result<UploadSession> {
        let at = remote.location(response)?;
        let told = response.header("oci-chunk-min-length").and_then(|length| length.trim().parse::<u64>().ok());
        let min_chunk = told.unwrap_or(0);
        if min_chunk > LARGEST_MINIMUM {
            let message = format!("the registry requires chunks of {min_chunk} bytes, more than {LARGEST_MINIMUM}");
            return Err(Error::new(Code::LimitExceeded, message).with_url(&response.url));
        }
        let max_chunk = chunk_sizes::largest(&remote.client, &remote.account.host);
        Ok(UploadSession { remote, at, offset: 0, min_chunk, max_chunk, doubtful: false })
    }

    /// The session that a caller kept.
    pub(crate) fn resume(client: &Client, call: &Call, saved: &SavedSession) -> Result<UploadSession> {
        let remote = Remote::to_write(client, call, &Repository::parse(&saved.repository, None)?)?;
        let kept = HeaderValue::from_str(&saved.url)
            .map_err(|_| Error::new(Code::InvalidArgument, "the upload session's URL contains control characters"))?;
        // It came from a file or another process: it is trusted no more than a server's Location.
        let base = &remote.account.base;
        let at = base.named(Some(&kept), &base.url, None)?;
        let max_chunk = chunk_sizes::largest(client, &remote.account.host);
        Ok(UploadSession {
            remote,
            at,
            offset: saved.offset,
            min_chunk: saved.min_chunk_size,
            max_chunk,
            doubtful: false,
        })
    }

    /// The state to store.
    pub(crate) fn saved(&self) -> SavedSession {
        SavedSession {
            url: self.at.url.to_string(),
            repository: self.remote.meant.to_string(),
            offset: self.offset,
            min_chunk_size: self.min_chunk,
        }
    }

    /// Asks the registry how far the upload is.
    pub(crate) fn status(&mut self) -> Result<()> {
        self.offset = self.told_offset()?.unwrap_or(0);
        Ok(())
    }

    /// The offset that the registry reports; None when it reports none.
    pub(crate) fn told_offset(&mut self) -> Result<Option<u64>> {
        let reply = self.send(self.at.clone(), &mut Request::new(Method::GET))?;
        let what = format!("status of the upload to {}", self.remote.full_name());
        let response = self.remote.expect(reply, &statuses::SHOWS_A_SESSION, &what)?;
        self.follow(&response)?;
        Ok(response.header(RANGE).and_then(range::parse_upload_range))
    }

    /// Ends the upload: the blob exists, under its digest.
    pub(crate) fn finish(&mut self, digest: &Digest, body: Body) -> Result<Response> {
        let size = Some(self.offset + body.size()).filter(|size| *size > 0);
        let at = self.at.with_member("digest", digest.as_str());
        let mut request = Request::new(Method::PUT).header(CONTENT_TYPE, OCTETS)?.body(body);
        if request.body.is_empty() {
            request.repeat = Repeat::WhenRefused;
        }
        let reply = self.send(at, &mut request)?;
        let (in_chunks, doubtful) = (self.offset > 0, self.doubtful);
        let what = format!("finish the upload of {digest} to {}", self.remote.full_name());
        let outcome = UnconfirmedBlob { remote: &self.remote, digest, size, in_chunks, doubtful }.confirm(reply, &what);
        outcome.map_err(|error| match doubtful && refuses_the_bytes(&error) {
            true => error
                .with_code(Code::Protocol)
                .with_hint("the registry did not say that it kept all chunks: send it in one request"),
            false => error,
        })
    }

    /// Cancels the session. A registry that cannot cancel lets it expire.
    pub(crate) fn cancel(&self) -> Result<()> {
        let reply = self.send(self.at.clone(), &mut Request::new(Method::DELETE).repeat(Repeat::Never))?;
        match statuses::lets_go_of_a_session(reply.response.status.as_u16()) {
            true => Ok(()),
            false => Err(self.remote.failure(reply, &format!("cancel the upload to {}", self.remote.full_name()))),
        }
    }

    pub(crate) fn send(&self, to: Location, request: &mut Request) -> Result<Reply> {
        self.remote.send(&to.into(), request, &self.remote.scopes(&["pull", "push"]))
    }

    pub(crate) fn follow(&mut self, response: &Response) -> Result<()> {
        if response.headers.contains_key(LOCATION) {
            self.at = self.remote.location(response)?;
        }
        Ok(())
    }
}

/// Whether the request that completes a blob may have been carried out although it failed: its response was lost, or a
/// gateway gave up before the registry did, or it was repeated and its session is over.
pub(crate) fn may_be_done(error: &Error) -> bool {
    error.code() == Code::Network || error.http_status().is_some_and(statuses::may_be_done)
}

/// Whether a registry found that its bytes do not match the digest.
fn refuses_the_bytes(error: &Error) -> bool {
    matches!(error.code(), Code::DigestMismatch | Code::SizeMismatch | Code::Http)
        && error.http_status().is_some_and(statuses::refuses_the_bytes)
}

/// The URL of a blob, for results.
pub(crate) fn location_text(remote: &Remote, response: &Response) -> Option<String> {
    remote.location(response).ok().map(|at| redact::url(&at.url))
}
