//! One attempt to put a blob, by one request or in chunks; and what can be done if it failed.

use ::http::header::CONTENT_TYPE;
use ::http::{Method, StatusCode};

use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result, Side};
use crate::http::response::Response;
use crate::http::upload::Body;
use crate::http::Request;
use crate::registry::blob::has;
use crate::registry::repository::Remote;
use crate::registry::upload::confirm::UnconfirmedBlob;
use crate::registry::upload::session::{location_text, UploadSession};
use crate::registry::upload::{StoredBlob, Upload, CHUNK};
use crate::resource::Resource;
use crate::statuses;
use crate::stream::replay::Replay;
use crate::stream::source::{Source, PIECE};

/// From this size on it is worth asking how much of a broken upload arrived.
const LARGE: u64 = 2 * CHUNK;

/// How an upload has failed.
pub(crate) enum UploadFailure {
    /// Beginning again would not help, or has been tried.
    Final(Error),
    /// The connection broke while the bytes were being sent.
    OnTheWay(Error),
    /// The same, and the session may know how many arrived.
    Broken(Error, Box<UploadSession>),
}

impl UploadFailure {
    /// For the caller, if nothing else helps.
    pub(crate) fn error(&self) -> &Error {
        match self {
            UploadFailure::Final(error) | UploadFailure::OnTheWay(error) | UploadFailure::Broken(error, _) => error,
        }
    }

    /// The error when nothing more is tried.
    pub(crate) fn given_up(self) -> Error {
        match self {
            UploadFailure::Broken(error, session) => {
                give_up(*session, &error);
                error
            }
            other => other.into(),
        }
    }
}

/// Cancels a session that will not be continued. After a network failure it may be in use; the registry lets it expire.
pub(crate) fn give_up(mut session: UploadSession, error: &Error) {
    if error.code() != Code::Network {
        session.remote.call = session.remote.call.farewell();
        let _ = session.cancel();
    }
}

impl From<Error> for UploadFailure {
    fn from(error: Error) -> UploadFailure {
        UploadFailure::Final(error)
    }
}

impl From<UploadFailure> for Error {
    fn from(trouble: UploadFailure) -> Error {
        match trouble {
            UploadFailure::Final(error) | UploadFailure::OnTheWay(error) | UploadFailure::Broken(error, _) => error,
        }
    }
}

/// All bytes in one request. The source and the registry check the digest.
pub(crate) fn put_stream(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    single_post: bool,
    session: Option<Box<UploadSession>>,
) -> std::result::Result<StoredBlob, UploadFailure> {
    let response = match single_post {
        true => post_once(remote, source, size, digest).map_err(UploadFailure::OnTheWay)?,
        false => put_once(remote, source, size, digest, session)?,
    };
    let location = location_text(remote, &response);
    Ok(StoredBlob { digest: digest.clone(), size, location, uploaded: true, mounted: false })
}

/// Opens a session and sends all bytes by one PUT.
fn put_once(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    session: Option<Box<UploadSession>>,
) -> std::result::Result<Response, UploadFailure> {
    let mut session = match session {
        Some(session) => *session,
        None => UploadSession::start(remote.clone(), digest.algorithm())?,
    };
    remote.call.begin("blob put", Some(size))?;
    let error = match session.finish(digest, Body::Stream { source, size, done: 0 }) {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    let passes = (error.retryable() && error.code() != Code::Timeout)
        || error.http_status().is_some_and(statuses::is_about_a_token_that_expired);
    if size >= LARGE && passes && error.side() != Some(Side::Source) {
        return Err(UploadFailure::Broken(error, Box::new(session)));
    }
    give_up(session, &error);
    Err(UploadFailure::OnTheWay(error))
}

/// The rest of a blob, in chunks, each of which can be resumed after a break.
pub(crate) fn rest(
    remote: &Remote,
    source: &mut dyn Replay,
    size: u64,
    digest: &Digest,
    session: &mut UploadSession,
) -> std::result::Result<StoredBlob, UploadFailure> {
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
        session.chunk(&chunk.into()).map_err(UploadFailure::OnTheWay)?;
    }
    remote.call.moved_to(size)?;
    let response = session.finish(digest, Body::Empty).map_err(UploadFailure::OnTheWay)?;
    let location = location_text(remote, &response);
    Ok(StoredBlob { digest: digest.clone(), size, location, uploaded: true, mounted: false })
}

/// One POST with the digest (end-4b). A registry that does not know it answers 202 and waits for a PUT.
fn post_once(remote: &Remote, source: &mut dyn Source, size: u64, digest: &Digest) -> Result<Response> {
    let scopes = remote.scopes(&["pull", "push"]);
    remote.client.auth.prepare(&remote.call, &remote.account, &scopes)?;
    remote.call.begin("blob put", Some(size))?;
    let target = remote.target(Resource::Uploads).with_query(&format!("digest={digest}"));
    let body = Body::Stream { source, size, done: 0 };
    let mut request = Request::new(Method::POST).header(CONTENT_TYPE, "application/octet-stream")?.body(body);
    let reply = remote.send(&target, &mut request, &scopes)?;
    if reply.response.status == StatusCode::ACCEPTED && !has(remote, digest)? {
        if let Ok(session) = UploadSession::at(remote.clone(), &reply.response) {
            let _ = session.cancel();
        }
        let message = format!("{} does not accept a blob in one POST", remote.full_name());
        return Err(Error::new(Code::Unsupported, message).with_http_status(202).with_hint("leave out single_post"));
    }
    let what = format!("put the blob {digest} in one POST into {}", remote.full_name());
    UnconfirmedBlob::whole(remote, digest, Some(size)).confirm(reply, &what)
}

/// What is known in advance about bytes that are sent in chunks.
pub(crate) struct ChunkPlan<'a> {
    /// The size of one request.
    pub(crate) chunk: u64,
    pub(crate) digest: Option<&'a Digest>,
    /// The size of all bytes.
    pub(crate) size: Option<u64>,
}

/// Sends all bytes in chunks.
pub(crate) fn put_chunks(
    remote: &Remote,
    source: &mut dyn Source,
    known: ChunkPlan,
    session: Option<Box<UploadSession>>,
) -> std::result::Result<StoredBlob, UploadFailure> {
    let algorithm = known.digest.map_or(Algorithm::Sha256, Digest::algorithm);
    let session = session.map(|session| *session);
    let mut upload = Upload::start(remote.clone(), session, known.chunk, algorithm, known.size)?;
    let mut size = 0u64;
    loop {
        let piece = source.piece(PIECE)?;
        if piece.is_empty() {
            break;
        }
        size += piece.len() as u64;
        if known.size.is_some_and(|expected| size > expected) {
            break;
        }
        upload.write(&piece).map_err(UploadFailure::OnTheWay)?;
    }
    if let Some(expected) = known.size.filter(|expected| *expected != size) {
        let at_least = if size > expected { "at least " } else { "" };
        let message = format!("the source has {at_least}{size} bytes, not {expected}");
        return Err(Error::new(Code::SizeMismatch, message).into());
    }
    upload.finish(known.digest).map_err(UploadFailure::OnTheWay)
}
