//! Putting a blob (distribution-spec end-4a, end-4b, end-6, end-11): what the registry has is not sent, what another
//! repository of it has is mounted, the rest goes in one request, or in chunks where one is refused.

use std::path::Path;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::blob::has;
use super::mount::{mount, same_registry, Mounted};
use super::remote::Remote;
use super::session::{location_text, may_be_done, stored, with_digest, Session};
use super::source::{hash, Hashing, Memory, Opened, Replay};
use super::upload::{Stored, Upload, CHUNK};
use super::Client;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::retry::{self, Backoff};
use crate::http::upload::{Body, Source, PIECE};
use crate::http::Request;
use crate::reference::Repository;

/// From this size on it is worth asking how much of a broken upload arrived.
const LARGE: u64 = 2 * CHUNK;

/// Options of the puts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PutOptions {
    /// The digest that the bytes must have; saves a pass over them.
    pub digest: Option<Digest>,
    /// The size of a stream, when known.
    pub size: Option<u64>,
    /// Send it in chunks of this many bytes.
    pub chunk_size: Option<u64>,
    /// Send it in one POST.
    pub single_post: bool,
    /// Repositories of the same registry that may have it.
    pub mount_from: Vec<String>,
}

impl Client {
    /// Puts bytes in memory.
    pub fn put_blob(&self, call: &Call, repository: &Repository, bytes: &[u8], options: &PutOptions) -> Result<Stored> {
        put(&Remote::repository(self, call, repository)?, &mut Memory(bytes, bytes), options)
    }

    /// Puts a file.
    pub fn put_blob_file(
        &self,
        call: &Call,
        repository: &Repository,
        path: &Path,
        options: &PutOptions,
    ) -> Result<Stored> {
        put(&Remote::repository(self, call, repository)?, &mut Opened::open(path)?, options)
    }

    /// Puts what a source gives: in one request when size and digest are known, else in chunks.
    pub fn put_blob_stream(
        &self,
        call: &Call,
        repository: &Repository,
        source: &mut dyn Source,
        options: &PutOptions,
    ) -> Result<Stored> {
        let remote = Remote::repository(self, call, repository)?;
        match (options.size, &options.digest, options.chunk_size) {
            (Some(size), Some(digest), None) => put_promised(&remote, source, size, digest, options.single_post),
            _ => Ok(put_chunks(&remote, source, options, None)?),
        }
    }
}

impl PutOptions {
    fn check(&self) -> Result<()> {
        if self.chunk_size == Some(0) {
            return Err(Error::new(Code::InvalidArgument, "the option chunk_size must be more than 0"));
        }
        if self.chunk_size.is_some() && self.single_post {
            return Err(Error::new(Code::InvalidArgument, "the options chunk_size and single_post exclude each other"));
        }
        Ok(())
    }

    /// The repositories to mount from, as the registry calls them.
    fn sources(&self, remote: &Remote) -> Result<Vec<String>> {
        let index = crate::reference::Index::parse(&remote.account.host)?;
        let name = |text: &String| {
            let repository = Repository::parse(text, Some(&index))?;
            same_registry(repository.index(), &index)?;
            Ok(repository.remote_name().to_owned())
        };
        self.mount_from.iter().map(name).collect()
    }
}

/// Puts a source that can begin again.
fn put(remote: &Remote, source: &mut dyn Replay, options: &PutOptions) -> Result<Stored> {
    options.check()?;
    if options.size.is_some_and(|size| size != source.size()) {
        let message =
            format!("the option size says {:?} bytes, there are {}", options.size.unwrap_or(0), source.size());
        return Err(Error::new(Code::SizeMismatch, message));
    }
    let algorithm = options.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let digest = hash(&remote.call, source, algorithm)?;
    if let Some(expected) = options.digest.as_ref().filter(|expected| **expected != digest) {
        return Err(Error::new(Code::DigestMismatch, format!("the bytes have the digest {digest}, not {expected}")));
    }
    let way = match options.chunk_size {
        _ if options.single_post => Way::Post,
        Some(size) => Way::Chunks { size, forced: true },
        None => Way::Single,
    };
    Ladder::new(remote, &digest, way, options.sources(remote)?).put(source)
}

/// How the bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// POST, then PUT with all of them.
    Single,
    /// One POST with all of them.
    Post,
    /// POST, PATCH for each chunk, PUT. `forced`: the caller wants it so.
    Chunks {
        /// Bytes in one request.
        size: u64,
        /// Nothing else may be tried.
        forced: bool,
    },
}

/// What is tried, one after the other.
pub struct Ladder<'a> {
    /// The repository.
    pub remote: &'a Remote,
    /// The digest that the bytes have.
    pub digest: &'a Digest,
    /// How to begin.
    pub way: Way,
    /// Repositories of this registry that may have the blob.
    pub sources: Vec<String>,
    /// It goes in chunks only because a connection broke.
    cautious: bool,
}

impl<'a> Ladder<'a> {
    /// The blob with this digest, for a repository.
    pub fn new(remote: &'a Remote, digest: &'a Digest, way: Way, sources: Vec<String>) -> Ladder<'a> {
        Ladder { remote, digest, way, sources, cautious: false }
    }

    /// Puts the blob, unless it is there. A failure on the way is tried anew, in a new session.
    pub fn put(&mut self, source: &mut dyn Replay) -> Result<Stored> {
        if has(self.remote, self.digest)? {
            return Ok(self.stored(source, false));
        }
        let mut session = None;
        for name in std::mem::take(&mut self.sources) {
            match mount(self.remote, self.digest, Some(&name)) {
                Ok(Mounted::Done(location)) => {
                    let stored = self.stored(source, false);
                    return Ok(Stored { location, mounted: true, ..stored });
                }
                Ok(Mounted::Declined(opened)) => {
                    // A session that a declined mount opened is the one to go on with.
                    if let Some(unused) = std::mem::replace(&mut session, opened) {
                        let _ = unused.cancel();
                    }
                }
                // Who may not mount may still upload.
                Err(error) if matches!(error.code(), Code::Unauthenticated | Code::Forbidden) => {}
                Err(error) => return Err(error),
            }
        }
        self.upload(source, session)
    }

    fn upload(&mut self, source: &mut dyn Replay, mut session: Option<Box<Session>>) -> Result<Stored> {
        let retries = self.remote.client.retries();
        let mut failures = 0;
        let mut backoff = Backoff::new(crate::http::seed());
        let mut broken: Option<Box<Session>> = None;
        loop {
            let outcome = match broken.take() {
                Some(session) => self.go_on(source, *session),
                None => self.anew(source, session.take()),
            };
            let error = match outcome {
                Ok(stored) => return Ok(stored),
                Err(Trouble::Final(error)) => return Err(error),
                Err(Trouble::OnTheWay(error)) => error,
                Err(Trouble::Broken(error, session)) => {
                    broken = Some(session);
                    error
                }
            };
            if self.other_way(&error) {
                continue;
            }
            failures += 1;
            if may_be_done(&error) && has(self.remote, self.digest)? {
                return Ok(self.stored(source, true));
            }
            // A 401: the token ran out while the body was on its way. 404: the session was lost.
            let lost =
                matches!((error.http_status(), error.code()), (Some(401), Code::Unauthenticated) | (Some(404), _));
            let ours = error.side() != Some(crate::error::Side::Source);
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

    fn anew(&self, source: &mut dyn Replay, session: Option<Box<Session>>) -> std::result::Result<Stored, Trouble> {
        source.rewind_to(0)?;
        self.once(source, session)
    }

    /// Goes on in a session whose connection broke, where the registry has kept what it got (distribution-spec "Pushing a
    /// blob in chunks": the status tells how much). Elsewhere the blob goes anew, in chunks, so that the next break costs less.
    fn go_on(&mut self, source: &mut dyn Replay, mut session: Session) -> std::result::Result<Stored, Trouble> {
        let size = source.size();
        let known = session.status();
        self.remote.call.check()?;
        // "0-0" stands for one byte and for none.
        let offset = session.offset;
        let mut takes_chunks = true;
        if known.is_ok() && (2..=size).contains(&offset) {
            self.say(|| format!("the upload goes on at byte {offset} of {size}"))?;
            match rest(self.remote, source, size, self.digest, &mut session) {
                Ok(stored) => return Ok(stored),
                Err(Trouble::OnTheWay(error)) if goes_not_on(&error) => takes_chunks = !no_chunks(&error),
                Err(trouble) => {
                    give_up(session, trouble.error());
                    return Err(trouble);
                }
            }
        }
        session.remote.call = session.remote.call.farewell();
        let _ = session.cancel();
        if self.way == Way::Single && takes_chunks {
            (self.way, self.cautious) = (Way::Chunks { size: CHUNK, forced: false }, true);
        }
        self.anew(source, None)
    }

    fn say(&self, what: impl FnOnce() -> String) -> Result<()> {
        self.remote.call.log(|| json!({"event": "retry", "reason": what(), "wait_ms": 0}))
    }

    fn once(&self, source: &mut dyn Replay, session: Option<Box<Session>>) -> std::result::Result<Stored, Trouble> {
        let size = source.size();
        match self.way {
            Way::Chunks { size: chunk, .. } => {
                let options = PutOptions {
                    digest: Some(self.digest.clone()),
                    chunk_size: Some(chunk),
                    size: Some(size),
                    ..PutOptions::default()
                };
                put_chunks(self.remote, source, &options, session)
            }
            way => put_stream_once(self.remote, source, size, self.digest, way == Way::Post, session),
        }
    }

    /// Whether what was refused may be taken in another form: too much at once in chunks, and chunks at once.
    fn other_way(&mut self, error: &Error) -> bool {
        match (self.way, error.http_status()) {
            (Way::Single, Some(413)) => {
                self.way = Way::Chunks { size: CHUNK, forced: false };
                true
            }
            (Way::Chunks { .. }, Some(403 | 405 | 501)) if self.cautious => {
                (self.way, self.cautious) = (Way::Single, false);
                true
            }
            (Way::Chunks { forced: true, size }, Some(405 | 501)) => {
                // Not every registry knows PATCH; the caller's size was a wish.
                self.way = Way::Single;
                let _ = self.remote.call.log(
                    || json!({"event": "retry", "reason": format!("no chunks of {size} bytes here"), "wait_ms": 0}),
                );
                true
            }
            _ => false,
        }
    }

    fn stored(&self, source: &dyn Replay, uploaded: bool) -> Stored {
        Stored { digest: self.digest.clone(), size: source.size(), location: None, uploaded, mounted: false }
    }
}

/// Why an upload did not end well.
pub enum Trouble {
    /// Beginning again would not help, or has been tried.
    Final(Error),
    /// It broke while the bytes were on their way.
    OnTheWay(Error),
    /// The same, and the session may know how many arrived.
    Broken(Error, Box<Session>),
}

impl Trouble {
    fn error(&self) -> &Error {
        match self {
            Trouble::Final(error) | Trouble::OnTheWay(error) | Trouble::Broken(error, _) => error,
        }
    }

    /// When nothing more is tried.
    fn given_up(self) -> Error {
        match self {
            Trouble::Broken(error, session) => {
                give_up(*session, &error);
                error
            }
            other => other.into(),
        }
    }
}

/// Cancels a session that nobody will go on with. After a network failure it may be in use; a registry lets it expire.
fn give_up(mut session: Session, error: &Error) {
    if error.code() != Code::Network {
        session.remote.call = session.remote.call.farewell();
        let _ = session.cancel();
    }
}

/// What was sent before is not there after all, is still arriving, or may not be gone on with: another session can help.
fn goes_not_on(error: &Error) -> bool {
    let refused = matches!(error.http_status(), Some(400 | 403 | 404 | 405 | 409 | 412 | 413 | 416 | 501));
    error.side() != Some(crate::error::Side::Source) && (refused || error.code() == Code::Protocol)
}

/// The way that a registry, or a proxy before it, refuses PATCH.
fn no_chunks(error: &Error) -> bool {
    matches!(error.http_status(), Some(403 | 405 | 501))
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Final(error)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Error {
        match trouble {
            Trouble::Final(error) | Trouble::OnTheWay(error) | Trouble::Broken(error, _) => error,
        }
    }
}

/// Bytes whose digest the caller has promised.
fn put_promised(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    single_post: bool,
) -> Result<Stored> {
    let mut hashing = Hashing { source, hasher: Hasher::new(digest.algorithm()) };
    let stored = put_stream_once(remote, &mut hashing, size, digest, single_post, None).map_err(Trouble::given_up)?;
    let found = hashing.hasher.finish();
    if found != *digest {
        return Err(Error::new(Code::DigestMismatch, format!("the bytes have the digest {found}, not {digest}")));
    }
    Ok(stored)
}

/// All bytes in one request. That they have the digest is seen to by whoever gives them, and by the registry.
fn put_stream_once(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    single_post: bool,
    session: Option<Box<Session>>,
) -> std::result::Result<Stored, Trouble> {
    let answer = match single_post {
        true => post_once(remote, source, size, digest).map_err(Trouble::OnTheWay)?,
        false => put_once(remote, source, size, digest, session)?,
    };
    let location = location_text(remote, &answer);
    Ok(Stored { digest: digest.clone(), size, location, uploaded: true, mounted: false })
}

/// A session, and a PUT with all bytes.
fn put_once(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    session: Option<Box<Session>>,
) -> std::result::Result<Answer, Trouble> {
    let mut session = match session {
        Some(session) => *session,
        None => Session::start(remote.clone(), digest.algorithm())?,
    };
    remote.call.begin("blob put", Some(size))?;
    let error = match session.finish(digest, Body::Stream { source, size, done: 0 }) {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let passes = (error.retryable() && error.code() != Code::Timeout) || error.http_status() == Some(401);
    if size >= LARGE && passes && error.side() != Some(crate::error::Side::Source) {
        return Err(Trouble::Broken(error, Box::new(session)));
    }
    give_up(session, &error);
    Err(Trouble::OnTheWay(error))
}

/// What is left of a blob, in chunks, each of which survives a break by itself.
fn rest(
    remote: &Remote,
    source: &mut dyn Replay,
    size: u64,
    digest: &Digest,
    session: &mut Session,
) -> std::result::Result<Stored, Trouble> {
    source.rewind_to(session.offset)?;
    while session.offset < size {
        remote.call.moved_to(session.offset)?;
        let length = CHUNK.max(session.min_chunk).min(size - session.offset);
        let length = usize::try_from(length).unwrap_or(0);
        let mut chunk = Vec::with_capacity(length);
        while chunk.len() < length {
            let piece = source.piece(length - chunk.len())?;
            if piece.is_empty() {
                return Err(Error::new(Code::SizeMismatch, "the source of the upload ended early").into());
            }
            chunk.extend_from_slice(&piece);
        }
        session.chunk(&chunk.into()).map_err(Trouble::OnTheWay)?;
    }
    remote.call.moved_to(size)?;
    let answer = session.finish(digest, Body::Empty).map_err(Trouble::OnTheWay)?;
    let location = location_text(remote, &answer);
    Ok(Stored { digest: digest.clone(), size, location, uploaded: true, mounted: false })
}

/// One POST with the digest (end-4b). A registry that does not know it answers 202 and waits for a PUT.
fn post_once(remote: &Remote, source: &mut dyn Source, size: u64, digest: &Digest) -> Result<Answer> {
    let scopes = remote.scopes(&["pull", "push"]);
    remote.client.auth.prepare(&remote.call, &remote.account, &scopes)?;
    remote.call.begin("blob put", Some(size))?;
    let url = with_digest(remote.url("blobs/uploads/")?, digest);
    let body = Body::Stream { source, size, done: 0 };
    let mut request = Request::new(Method::POST, url).header(CONTENT_TYPE, "application/octet-stream")?.body(body);
    let reply = remote.send(&mut request, &scopes)?;
    if reply.answer.status == StatusCode::ACCEPTED && !has(remote, digest)? {
        if let Ok(session) = Session::at(remote.clone(), &reply.answer) {
            let _ = session.cancel();
        }
        let message = format!("{} does not take a blob in one POST", remote.place());
        return Err(Error::new(Code::Unsupported, message).with_http_status(202).with_hint("leave out single_post"));
    }
    stored(remote, reply, digest, "put the blob in one POST")
}

fn put_chunks(
    remote: &Remote,
    source: &mut dyn Source,
    options: &PutOptions,
    session: Option<Box<Session>>,
) -> std::result::Result<Stored, Trouble> {
    let algorithm = options.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let session = session.map(|session| *session);
    let chunk = options.chunk_size.unwrap_or(CHUNK);
    let mut upload = Upload::start(remote.clone(), session, chunk, algorithm, options.size)?;
    let mut size = 0u64;
    loop {
        let piece = source.piece(PIECE)?;
        if piece.is_empty() {
            break;
        }
        size += piece.len() as u64;
        upload.write(&piece).map_err(Trouble::OnTheWay)?;
    }
    if let Some(expected) = options.size.filter(|expected| *expected != size) {
        return Err(Error::new(Code::SizeMismatch, format!("the source gave {size} bytes, not {expected}")).into());
    }
    upload.finish(options.digest.as_ref()).map_err(Trouble::OnTheWay)
}
