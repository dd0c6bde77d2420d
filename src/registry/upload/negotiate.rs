//! What is tried to get a blob into a repository, in order: whether it exists, whether it can be mounted, then sending its bytes.
//! They go in one request or in chunks, continued in the same session where that works, otherwise in a new one.

use serde_json::json;

use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::http::retry::{self, Backoff};
use crate::http::Repeat;
use crate::registry::blob::has_all;
use crate::registry::repository::Remote;
use crate::registry::upload::attempt::{give_up, put_chunks, put_stream, rest, ChunkPlan, UploadFailure};
use crate::registry::upload::mount::{mount, Mounted};
use crate::registry::upload::session::{may_be_done, UploadSession};
use crate::registry::upload::{StoredBlob, CHUNK};
use crate::statuses;
use crate::stream::replay::Replay;

/// How the bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadWay {
    /// POST, then PUT with all of them.
    Single,
    /// One POST with all of them.
    Post,
    /// POST, PATCH for each chunk, PUT. `forced`: the caller requires it.
    Chunks {
        size: u64,
        /// The caller has chosen this way; no other is tried.
        forced: bool,
    },
}

/// The ways to upload a blob, tried one after the other.
pub(crate) struct Negotiation<'a> {
    pub(crate) remote: &'a Remote,
    /// The digest of the bytes.
    pub(crate) digest: &'a Digest,
    /// The first way to try.
    pub(crate) way: UploadWay,
    /// Repositories of this registry that may have the blob.
    pub(crate) sources: Vec<String>,
    /// Those of which it turned out that these credentials may not mount from there.
    pub(crate) refused: Vec<String>,
    /// Chunks are used only because a connection broke.
    cautious: bool,
    /// The whole was refused as too large: it is not tried in one piece again.
    too_large: bool,
}

impl<'a> Negotiation<'a> {
    pub(crate) fn new(remote: &'a Remote, digest: &'a Digest, way: UploadWay, sources: Vec<String>) -> Negotiation<'a> {
        Negotiation { remote, digest, way, sources, refused: Vec::new(), cautious: false, too_large: false }
    }

    /// Puts the blob, unless it exists. A failure is retried in a new session.
    pub(crate) fn put(&mut self, source: &mut dyn Replay) -> Result<StoredBlob> {
        if has_all(self.remote, self.digest, source.size())? {
            return Ok(self.stored(source, false));
        }
        let mut session = None;
        for name in std::mem::take(&mut self.sources) {
            match mount(self.remote, self.digest, Some(&name), Some(source.size()), Repeat::Never) {
                Ok(Mounted::Done(location)) => {
                    let stored = self.stored(source, false);
                    return Ok(StoredBlob { location, mounted: true, ..stored });
                }
                Ok(Mounted::Declined(opened)) => {
                    // A session that a declined mount opened is the one to go on with.
                    if let Some(unused) = std::mem::replace(&mut session, opened) {
                        let _ = unused.cancel();
                    }
                }
                Err(error) if ends_the_call(&error) => return Err(error),
                // A mount is only an attempt: whatever the result, the blob may still be uploaded.
                Err(error) => {
                    self.remote.call.check()?;
                    if matches!(error.code(), Code::Unauthenticated | Code::Forbidden) {
                        self.refused.push(name);
                    }
                }
            }
        }
        self.upload(source, session)
    }

    fn upload(&mut self, source: &mut dyn Replay, mut session: Option<Box<UploadSession>>) -> Result<StoredBlob> {
        let retries = self.remote.client.retries();
        let mut failures = 0;
        let mut backoff = Backoff::new();
        let mut broken: Option<Box<UploadSession>> = None;
        loop {
            let outcome = match broken.take() {
                Some(session) => self.go_on(source, *session),
                None => self.anew(source, session.take()),
            };
            let error = match outcome {
                Ok(stored) => return Ok(stored),
                Err(UploadFailure::Final(error)) => return Err(error),
                Err(UploadFailure::OnTheWay(error)) => error,
                Err(UploadFailure::Broken(error, session)) => {
                    broken = Some(session);
                    error
                }
            };
            if self.other_way(&error) {
                continue;
            }
            failures += 1;
            if may_be_done(&error) && has_all(self.remote, self.digest, source.size())? {
                return Ok(self.stored(source, true));
            }
            let expired = error.code() == Code::Unauthenticated
                && error.http_status().is_some_and(statuses::is_about_a_token_that_expired);
            let lost = expired || error.http_status().is_some_and(statuses::has_lost_the_session);
            let ours = error.side() != Some(Side::Source);
            let helps = (lost && ours) || (error.retryable() && error.code() != Code::Timeout);
            let wait = retry::after_failure(&error, backoff.delay(failures)).filter(|_| helps && failures <= retries);
            let Some(wait) = wait else {
                if let Some(session) = broken {
                    give_up(*session, &error);
                }
                return Err(error.with_attempts(failures));
            };
            let event = || json!({"event": "retry", "reason": error.message(), "wait_ms": wait.as_millis() as u64});
            self.remote.call.log(event)?;
            self.remote.call.sleep(wait)?;
        }
    }

    fn anew(
        &self,
        source: &mut dyn Replay,
        session: Option<Box<UploadSession>>,
    ) -> std::result::Result<StoredBlob, UploadFailure> {
        source.rewind_to(0)?;
        self.once(source, session)
    }

    /// Continues in a session whose connection broke, if the registry has kept what it received (distribution-spec
    /// "Pushing a blob in chunks": the status tells how much). Otherwise the blob is sent again, in chunks, so that the
    /// next break costs less.
    fn go_on(
        &mut self,
        source: &mut dyn Replay,
        mut session: UploadSession,
    ) -> std::result::Result<StoredBlob, UploadFailure> {
        let size = source.size();
        let known = session.status();
        self.remote.call.check()?;
        // "0-0" means one byte or none.
        let offset = session.offset;
        let mut takes_chunks = true;
        if known.is_ok() && (2..=size).contains(&offset) {
            self.say(|| format!("the upload continues at byte {offset} of {size}"))?;
            match rest(self.remote, source, size, self.digest, &mut session) {
                Ok(stored) => return Ok(stored),
                Err(UploadFailure::OnTheWay(error)) if cannot_be_continued(&error) => takes_chunks = !no_chunks(&error),
                Err(trouble) => {
                    give_up(session, trouble.error());
                    return Err(trouble);
                }
            }
        }
        session.remote.call = session.remote.call.farewell();
        let _ = session.cancel();
        if self.way == UploadWay::Single && takes_chunks {
            (self.way, self.cautious) = (UploadWay::Chunks { size: CHUNK, forced: false }, true);
        }
        self.anew(source, None)
    }

    fn say(&self, what: impl FnOnce() -> String) -> Result<()> {
        self.remote.call.log(|| json!({"event": "retry", "reason": what(), "wait_ms": 0}))
    }

    fn once(
        &self,
        source: &mut dyn Replay,
        session: Option<Box<UploadSession>>,
    ) -> std::result::Result<StoredBlob, UploadFailure> {
        let size = source.size();
        match self.way {
            UploadWay::Chunks { size: chunk, .. } => {
                let known = ChunkPlan { chunk, digest: Some(self.digest), size: Some(size) };
                put_chunks(self.remote, source, known, session)
            }
            way => put_stream(self.remote, source, size, self.digest, way == UploadWay::Post, session),
        }
    }

    /// Whether refused bytes may be accepted in another form: a large body in chunks, and chunks as one body.
    fn other_way(&mut self, error: &Error) -> bool {
        match (self.way, error.http_status()) {
            // The registry does not keep chunks, or loses their order.
            (UploadWay::Chunks { .. }, status)
                if error.code() == Code::Protocol
                    && status.is_none_or(statuses::keeps_no_chunks)
                    && !self.too_large =>
            {
                (self.way, self.cautious) = (UploadWay::Single, false);
                true
            }
            (UploadWay::Single, Some(status)) if statuses::is_too_large(status) && !self.too_large => {
                self.too_large = true;
                self.way = UploadWay::Chunks { size: CHUNK, forced: false };
                true
            }
            (UploadWay::Chunks { .. }, Some(status)) if self.cautious && statuses::refuses_patch(status) => {
                (self.way, self.cautious) = (UploadWay::Single, false);
                true
            }
            (UploadWay::Chunks { forced: true, size }, Some(status)) if statuses::has_no_patch(status) => {
                // Not every registry knows PATCH; the caller's size was a wish.
                self.way = UploadWay::Single;
                let _ = self.remote.call.log(
                    || json!({"event": "retry", "reason": format!("the registry does not accept chunks of {size} bytes"), "wait_ms": 0}),
                );
                true
            }
            _ => false,
        }
    }

    fn stored(&self, source: &dyn Replay, uploaded: bool) -> StoredBlob {
        StoredBlob { digest: self.digest.clone(), size: source.size(), location: None, uploaded, mounted: false }
    }
}

/// Errors that no other way of sending can solve.
fn ends_the_call(error: &Error) -> bool {
    matches!(error.code(), Code::Cancelled | Code::Closed | Code::Callback | Code::Internal)
}

/// What was sent before is lost, is still arriving, or cannot be continued: another session can help.
fn cannot_be_continued(error: &Error) -> bool {
    let refused = error.http_status().is_some_and(statuses::cannot_be_continued);
    error.side() != Some(Side::Source) && (refused || error.code() == Code::Protocol)
}

/// The way that a registry, or a proxy before it, refuses PATCH.
fn no_chunks(error: &Error) -> bool {
    error.http_status().is_some_and(statuses::refuses_patch)
}
