//! A chunk of an upload session (end-5): in pieces as large as the registry accepts, each from the registry's offset.

use ::http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use serde_json::json;

use crate::error::{Code, Error, Result};
use crate::http::response::Response;
use crate::http::retry::{self, Backoff};
use crate::http::upload::Body;
use crate::http::{range, Request};
use crate::registry::upload::chunk_sizes;
use crate::registry::upload::session::{behind, UploadSession, OCTETS};
use crate::statuses;

/// The smallest chunk that is tried, whatever is refused.
const SMALLEST_CHUNK: u64 = 64 << 10;

impl UploadSession {
    /// Sends the next chunk, in pieces when the registry finds it too large. After a failure the registry is asked how far
    /// it got, and the rest is sent.
    pub fn chunk(&mut self, bytes: &Bytes) -> Result<()> {
        let begin = self.offset;
        let end = behind(begin, bytes.len())?;
        let retries = self.remote.client.retries();
        let mut failures = 0;
        // Once it may get no further than before; a registry that goes to and fro would never be done.
        let (mut farthest, mut stands_still) = (begin, false);
        let mut backoff = Backoff::new();
        while self.offset < end {
            let size = (end - self.offset).min(self.max_chunk.max(self.min_chunk).max(1));
            let at = usize::try_from(self.offset - begin).unwrap_or(usize::MAX).min(bytes.len());
            let piece = bytes.slice(at..at + usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len() - at));
            let before = self.offset;
            let error = match self.patch(piece) {
                Ok(()) => {
                    let again = self.offset <= farthest;
                    farthest = farthest.max(self.offset);
                    if (again && stands_still) || !(begin..=end).contains(&self.offset) {
                        return Err(self.out_of_step(before + size));
                    }
                    stands_still |= again;
                    continue;
                }
                Err(error) => error,
            };
            let status = error.http_status();
            if status == Some(413) && self.shrink(size) {
                continue;
            }
            let helps = error.retryable() || matches!(status, Some(200..=299 | 416));
            failures += 1;
            let wait = retry::after_failure(&error, backoff.delay(failures)).filter(|_| helps && failures <= retries);
            let Some(wait) = wait else { return Err(error.with_attempts(failures)) };
            if status != Some(416) {
                self.remote.call.sleep(wait)?;
            }
            match self.status() {
                // A registry that cannot say how far it got: the break is the error.
                Err(unknown)
                    if error.retryable() && unknown.http_status().is_some_and(statuses::has_no_session_status) =>
                {
                    return Err(error.with_attempts(failures));
                }
                known => known?,
            }
            // "0-0" means one byte or none; none only if the registry refused the first byte.
            if begin == 0 && self.offset == 1 && status != Some(416) {
                self.offset = 0;
            }
            if self.offset < begin || self.offset > end {
                let message =
                    format!("the registry has {} bytes of the upload, the chunk is {begin} to {end}", self.offset);
                return Err(Error::new(Code::Protocol, message));
            }
            // The offset was right, so the 416 is about the length: GHCR answers this for more than 4 MiB.
            if status == Some(416) && self.offset <= before.max(1) {
                self.offset = before;
                if self.shrink(size) {
                    failures -= 1;
                }
            }
        }
        Ok(())
    }

    /// Halves the chunks; false when they are as small as they may be. The client remembers it for the host.
    fn shrink(&mut self, refused: u64) -> bool {
        let smallest = SMALLEST_CHUNK.max(self.min_chunk);
        if refused <= smallest {
            return false;
        }
        self.max_chunk = (refused / 2).max(smallest);
        chunk_sizes::learn(&self.remote.client, &self.remote.account.host, self.max_chunk);
        let size = self.max_chunk;
        let _ = self.remote.call.log(
            || json!({"event": "retry", "reason": format!("the chunk was too large; now {size} bytes"), "wait_ms": 0}),
        );
        true
    }

    fn patch(&mut self, bytes: Bytes) -> Result<()> {
        let sent = self.offset + bytes.len() as u64;
        let mut request = Request::new(Method::PATCH)
            .header(CONTENT_TYPE, OCTETS)?
            .header(CONTENT_RANGE, &format!("{}-{}", self.offset, sent - 1))?
            .body(Body::Bytes(bytes));
        let reply = self.send(self.at.clone(), &mut request)?;
        let wanted = [StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::NO_CONTENT, StatusCode::OK];
        let what = format!("send the chunk of bytes {} to {} to {}", self.offset, sent - 1, self.remote.place());
        let status = reply.response.status;
        if status.is_success() && status != StatusCode::ACCEPTED && !speaks_of_uploads(&reply.response) {
            // Something in front of the registry answered: a health check, a login page.
            let what = format!("{what}: a response with status {} does not accept one", status.as_u16());
            return Err(self.remote.failure(reply, &what));
        }
        let response = self.remote.expect(reply, &wanted, &what)?;
        self.follow(&response)?;
        self.offset = match response.header(RANGE).and_then(range::parse_upload_range) {
            Some(told) if told != sent => self.settle(told, sent)?,
            told => {
                self.doubtful |= told.is_none();
                sent
            }
        };
        Ok(())
    }

    /// The registry's offset when its response to a chunk names another one than what was sent: some count only the
    /// chunk, some always say "0-0", some did not keep everything. The status of the session is more reliable.
    fn settle(&mut self, told: u64, sent: u64) -> Result<u64> {
        self.doubtful = true;
        if told == sent + 1 {
            // It counts bytes where it should name the last one.
            return Ok(sent);
        }
        let known = match self.told_offset() {
            Err(error) if error.http_status().is_none_or(|status| status == 401) => return Err(error),
            known => known.ok().flatten(),
        };
        // "0-0" stands for one byte and for none.
        Ok(match known.filter(|known| *known != 1) {
            Some(known) => known,
            None if told > self.offset.max(1) => told,
            // It makes no progress although it has the bytes, or it does not have them: the end will tell.
            None => sent,
        })
    }

    fn out_of_step(&self, sent: u64) -> Error {
        let message = format!("the registry has {} bytes of the upload after it took {sent}", self.offset);
        Error::new(Code::Protocol, message).with_url(&self.at.url)
    }
}

/// Whether a response is about an upload session, as every registry's response to a chunk is.
fn speaks_of_uploads(response: &Response) -> bool {
    response.headers.contains_key(LOCATION)
        || response.headers.contains_key(RANGE)
        || response.headers.contains_key("docker-upload-uuid")
}
