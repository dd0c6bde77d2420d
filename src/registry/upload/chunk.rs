//! A chunk of an upload session (end-5): in pieces as large as the registry accepts, each from the registry's offset.

use ::http::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use ::http::Method;
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

/// How far a chunk, which goes from `begin` to `end`, has been sent.
struct Sending {
    begin: u64,
    end: u64,
    farthest: u64,
    /// A piece was accepted, but did not bring the offset further than before.
    has_stood_still: bool,
    failures: u32,
    backoff: Backoff,
}

impl Sending {
    fn new(begin: u64, end: u64) -> Sending {
        Sending { begin, end, farthest: begin, has_stood_still: false, failures: 0, backoff: Backoff::new() }
    }

    /// Whether the offset after an accepted piece is a plausible one. It may stand still once; a registry that goes to and fro
    /// would never be done.
    fn advances_to(&mut self, offset: u64) -> bool {
        let stands_still = offset <= self.farthest;
        self.farthest = self.farthest.max(offset);
        let is_plausible = !(stands_still && self.has_stood_still) && (self.begin..=self.end).contains(&offset);
        self.has_stood_still |= stands_still;
        is_plausible
    }
}

impl UploadSession {
    /// Sends the next chunk, in pieces when the registry finds it too large. After a failure the registry is asked how far
    /// it got, and the rest is sent.
    pub(crate) fn chunk(&mut self, bytes: &Bytes) -> Result<()> {
        let begin = self.offset;
        let mut sending = Sending::new(begin, behind(begin, bytes.len())?);
        while self.offset < sending.end {
            let size = (sending.end - self.offset).min(self.max_chunk.max(self.min_chunk).max(1));
            let at = usize::try_from(self.offset - begin).unwrap_or(usize::MAX).min(bytes.len());
            let piece = bytes.slice(at..at + usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len() - at));
            let before = self.offset;
            match self.patch(piece) {
                Ok(()) if sending.advances_to(self.offset) => {}
                Ok(()) => return Err(self.out_of_step(before + size)),
                Err(error) if error.http_status().is_some_and(statuses::is_too_large) && self.shrink(size) => {}
                Err(error) => self.recover(error, before, size, &mut sending)?,
            }
        }
        Ok(())
    }

    /// After a failure: waits, and asks the registry how far it got. `before` is the offset of the piece that failed.
    fn recover(&mut self, error: Error, before: u64, size: u64, sending: &mut Sending) -> Result<()> {
        let status = error.http_status();
        let is_range_refused = status.is_some_and(statuses::refuses_the_range);
        let helps = error.retryable() || is_range_refused || status.is_some_and(statuses::may_have_been_taken);
        sending.failures += 1;
        let failures = sending.failures;
        let wait = retry::after_failure(&error, sending.backoff.delay(failures))
            .filter(|_| helps && failures <= self.remote.client.retries());
        let Some(wait) = wait else { return Err(error.with_attempts(failures)) };
        if !is_range_refused {
            self.remote.call.sleep(wait)?;
        }
        match self.status() {
            // A registry that cannot say how far it got: the break is the error.
            Err(unknown) if error.retryable() && unknown.http_status().is_some_and(statuses::has_no_session_status) => {
                return Err(error.with_attempts(failures));
            }
            known => known?,
        }
        let (begin, end) = (sending.begin, sending.end);
        // "0-0" means one byte or none; none only if the registry refused the first byte.
        if begin == 0 && self.offset == 1 && !is_range_refused {
            self.offset = 0;
        }
        if self.offset < begin || self.offset > end {
            let message =
                format!("the registry has {} bytes of the upload, the chunk is {begin} to {end}", self.offset);
            return Err(Error::new(Code::Protocol, message));
        }
        // The offset was right, so the 416 is about the length: GHCR answers this for more than 4 MiB.
        if is_range_refused && self.offset <= before.max(1) {
            self.offset = before;
            if self.shrink(size) {
                sending.failures -= 1;
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
            || json!({"event": "retry", "reason": format!("the chunk was too large; chunks of {size} bytes follow"), "wait_ms": 0}),
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
        let what = format!("send the chunk of bytes {} to {} to {}", self.offset, sent - 1, self.remote.full_name());
        let status = reply.response.status;
        if statuses::may_come_from_the_front(status.as_u16()) && !speaks_of_uploads(&reply.response) {
            let what = format!("{what}: a response with status {} does not accept one", status.as_u16());
            return Err(self.remote.failure(reply, &what));
        }
        let response = self.remote.expect(reply, &statuses::CARRIED_OUT, &what)?;
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
            // It gives the number of bytes instead of the position of the last one.
            return Ok(sent);
        }
        let known = match self.told_offset() {
            Err(error) if error.http_status().is_none_or(statuses::is_unauthorized) => return Err(error),
            known => known.ok().flatten(),
        };
        // "0-0" stands for one byte and for none.
        Ok(match known.filter(|known| *known != 1) {
            Some(known) => known,
            None if told > self.offset.max(1) => told,
            // It does not report the bytes although it has them, or it does not have them: the final PUT will show.
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
