//! Blobs: head, put, delete (distribution-spec end-2, end-4a, end-4b, end-6, end-10).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{json, Map, Value};

use super::manifest::{delete, has_reason, Deleted};
use super::remote::{headers_json, Remote};
use super::save::blob_digest;
use super::upload::{location_text, may_be_done, stored, with_digest, Session, Stored, Upload, CHUNK};
use super::Client;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::answer::Answer;
use crate::http::call::Call;
use crate::http::retry::{self, Backoff};
use crate::http::upload::{Body, Source, PIECE};
use crate::http::{redact, Request};
use crate::media_type;
use crate::reference::{Reference, Repository};

/// What a registry says of a blob.
#[derive(Debug, Serialize)]
pub struct BlobHead {
    /// Whether it is there.
    pub exists: bool,
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size: Option<u64>,
    /// The media type that the registry gives.
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
    /// The redirects to the server that has it.
    pub redirects: Vec<Value>,
    /// The headers of the last answer.
    pub headers: Map<String, Value>,
    /// The headers of the registry's own answer, when that was a redirect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_headers: Option<Map<String, Value>>,
}

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
}

impl Client {
    /// What a registry says of a blob. A missing one is no error.
    pub fn head_blob(&self, call: &Call, reference: &Reference) -> Result<BlobHead> {
        let digest = blob_digest(reference)?;
        let remote = Remote::repository(self, call, reference.repository())?;
        let url = remote.url(&format!("blobs/{digest}"))?;
        let scopes = remote.scopes(&["pull"]);
        let mut reply = remote.send(&mut Request::new(Method::HEAD, url.clone()), &scopes)?;
        let status = reply.answer.status;
        // A refusal of HEAD gives no reason; and that a blob is not there needs none.
        if matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED)
            || (has_reason(status) && status != StatusCode::NOT_FOUND)
        {
            reply = remote.send(&mut Request::new(Method::GET, url), &scopes)?;
        }
        let what = format!("head of the blob {reference}");
        let answer = remote.expect(reply, &[StatusCode::OK, StatusCode::NOT_FOUND], &what)?;
        let exists = answer.status == StatusCode::OK;
        let redirects =
            answer.hops.iter().map(|hop| json!({"status": hop.status, "url": without_query(&hop.url)})).collect();
        Ok(BlobHead {
            exists,
            digest: digest.clone(),
            size: answer.content_length().filter(|_| exists),
            media_type: answer.header(CONTENT_TYPE).filter(|_| exists).map(media_type::essence),
            redirects,
            first_headers: answer.first_headers.as_ref().map(headers_json),
            headers: headers_json(&answer.headers),
        })
    }

    /// Deletes a blob.
    pub fn delete_blob(&self, call: &Call, reference: &Reference) -> Result<Deleted> {
        let digest = blob_digest(reference)?;
        let remote = Remote::repository(self, call, reference.repository())?;
        delete(&remote, remote.url(&format!("blobs/{digest}"))?, &format!("delete the blob {reference}"))
    }

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
            (Some(size), Some(digest), None) => {
                Ok(put_stream_once(&remote, source, size, digest, options.single_post)?)
            }
            _ => Ok(put_chunks(&remote, source, options)?),
        }
    }
}

/// Whether a repository has a blob.
pub(super) fn has(remote: &Remote, digest: &Digest) -> Result<bool> {
    let mut request = Request::new(Method::HEAD, remote.url(&format!("blobs/{digest}"))?);
    let reply = remote.send(&mut request, &remote.scopes(&["pull", "push"]))?;
    match reply.answer.status {
        // Asking on would only show the same credentials again.
        StatusCode::UNAUTHORIZED => {
            Err(remote.failure(reply, &format!("head of the blob {digest} of {}", remote.place())))
        }
        status => Ok(status == StatusCode::OK),
    }
}

// What follows the question mark is often a signature.
fn without_query(url: &url::Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    redact::url(&url)
}

/// A source that can begin again.
trait Replay: Source {
    fn rewind(&mut self) -> Result<()>;
    fn size(&self) -> u64;
}

struct Memory<'a>(&'a [u8], &'a [u8]);

impl Source for Memory<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Source::read(&mut self.1, buffer)
    }
}

impl Replay for Memory<'_> {
    fn rewind(&mut self) -> Result<()> {
        self.1 = self.0;
        Ok(())
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

struct Opened {
    file: File,
    name: String,
    size: u64,
}

impl Opened {
    fn open(path: &Path) -> Result<Opened> {
        let name = path.display().to_string();
        let what = |error: std::io::Error| Error::io(format!("cannot read {name}"), &error);
        let file = File::open(path).map_err(what)?;
        let facts = file.metadata().map_err(what)?;
        if !facts.is_file() {
            return Err(Error::new(Code::Io, format!("{name} is not a regular file")));
        }
        Ok(Opened { file, size: facts.len(), name })
    }
}

impl Source for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.file.read(buffer).map_err(|error| Error::io(format!("cannot read {}", self.name), &error))
    }
}

impl Replay for Opened {
    fn rewind(&mut self) -> Result<()> {
        self.file
            .seek(SeekFrom::Start(0))
            .map(drop)
            .map_err(|error| Error::io(format!("cannot read {}", self.name), &error))
    }

    fn size(&self) -> u64 {
        self.size
    }
}

/// Hashes while it passes bytes on, so that a blob whose digest was promised is checked on the way.
struct Hashing<'a> {
    source: &'a mut dyn Source,
    hasher: Hasher,
}

impl Source for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.source.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

impl PutOptions {
    fn check(&self) -> Result<()> {
        match self.chunk_size {
            Some(0) => Err(Error::new(Code::InvalidArgument, "the option chunk_size must be more than 0")),
            _ => Ok(()),
        }
    }
}

/// Puts a source that can begin again: a failure on the way is tried anew, in a new session.
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
    let size = source.size();
    if has(remote, &digest)? {
        return Ok(Stored { digest, size, location: None, uploaded: false });
    }
    let retries = remote.client.http.options().retries;
    let mut failures = 0;
    let mut backoff = Backoff::new(crate::http::seed());
    loop {
        source.rewind()?;
        let outcome = match options.chunk_size {
            Some(_) => put_chunks(remote, source, &PutOptions { digest: Some(digest.clone()), ..options.clone() }),
            None => put_stream_once(remote, source, size, &digest, options.single_post),
        };
        let error = match outcome {
            Err(Trouble::OnTheWay(error)) => error,
            Err(Trouble::Final(error)) => return Err(error),
            Ok(stored) => return Ok(stored),
        };
        failures += 1;
        if may_be_done(&error) && has(remote, &digest)? {
            return Ok(Stored { digest, size, location: None, uploaded: true });
        }
        // A 401: the token ran out while the body was on its way. 404: the session was lost.
        let lost = matches!((error.http_status(), error.code()), (Some(401), Code::Unauthenticated) | (Some(404), _));
        let helps = lost || (error.retryable() && error.code() != Code::Timeout);
        let wait = retry::after_failure(&error, backoff.delay(failures)).filter(|_| helps && failures <= retries);
        let Some(wait) = wait else { return Err(error.with_attempts(failures)) };
        remote.call.log(|| json!({"event": "retry", "reason": error.message(), "wait_ms": wait.as_millis() as u64}))?;
        remote.call.sleep(wait)?;
    }
}

/// Why an upload did not end well.
enum Trouble {
    /// Beginning again would not help, or has been tried.
    Final(Error),
    /// It broke while the bytes were on their way.
    OnTheWay(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Final(error)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Error {
        match trouble {
            Trouble::Final(error) | Trouble::OnTheWay(error) => error,
        }
    }
}

fn hash(call: &Call, source: &mut dyn Replay, algorithm: Algorithm) -> Result<Digest> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; PIECE];
    let mut total = 0u64;
    loop {
        call.check()?;
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        total += count as u64;
    }
    if total != source.size() {
        return Err(Error::new(Code::Io, "the file changed while it was read"));
    }
    Ok(hasher.finish())
}

fn put_stream_once(
    remote: &Remote,
    source: &mut dyn Source,
    size: u64,
    digest: &Digest,
    single_post: bool,
) -> std::result::Result<Stored, Trouble> {
    let mut hashing = Hashing { source, hasher: Hasher::new(digest.algorithm()) };
    let answer = match single_post {
        true => post_once(remote, &mut hashing, size, digest).map_err(Trouble::OnTheWay)?,
        false => {
            let mut session = Session::start(remote.clone())?;
            remote.call.begin("blob put", Some(size))?;
            let outcome = session.finish(digest, Body::Stream { source: &mut hashing, size, done: 0 });
            if let Err(error) = &outcome {
                // After a network failure the session may be in use; a registry lets it expire.
                if error.code() != Code::Network {
                    session.remote.call = session.remote.call.farewell();
                    let _ = session.cancel();
                }
            }
            outcome.map_err(Trouble::OnTheWay)?
        }
    };
    let found = hashing.hasher.finish();
    if found != *digest {
        return Err(Error::new(Code::DigestMismatch, format!("the bytes have the digest {found}, not {digest}")).into());
    }
    Ok(Stored { digest: digest.clone(), size, location: location_text(remote, &answer), uploaded: true })
}

/// One POST with the digest (end-4b). A registry that does not know it answers 202 and waits for a PUT.
fn post_once(remote: &Remote, source: &mut Hashing, size: u64, digest: &Digest) -> Result<Answer> {
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

fn put_chunks(remote: &Remote, source: &mut dyn Source, options: &PutOptions) -> std::result::Result<Stored, Trouble> {
    let algorithm = options.digest.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let mut upload = Upload::start(remote.clone(), options.chunk_size.unwrap_or(CHUNK), algorithm, options.size)?;
    let mut buffer = vec![0; PIECE];
    let mut size = 0u64;
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        upload.write(&buffer[..count]).map_err(Trouble::OnTheWay)?;
    }
    if let Some(expected) = options.size.filter(|expected| *expected != size) {
        return Err(Error::new(Code::SizeMismatch, format!("the source gave {size} bytes, not {expected}")).into());
    }
    upload.finish(options.digest.as_ref()).map_err(Trouble::OnTheWay)
}
