//! Downloads: pieces of a body from an offset, put in order, verified, and kept in a file until complete.
//!
//! Things that can be downloaded are [`Downloadable`]: a blob of protocol v2, a layer of v1. A [`resume::Download`]
//! reads one: it requests what is missing, again when that breaks off. The wanted bytes and the size are an
//! [`extent::Extent`], the response that delivers bytes is a [`connection::Connection`], the order in which they are
//! hashed is a [`verifier::Verifier`], and what is on disk a [`partial::Partial`]. None of these knows another, so that
//! several ranges can be in flight one day.

mod ask;
mod claim;
mod connection;
mod extent;
mod failures;
pub(crate) mod fetch;
mod options;
pub(crate) mod partial;
pub(crate) mod present;
mod resume;
pub(crate) mod save;
mod verifier;

pub use options::{BlobLimit, ReadOptions};
pub(crate) use resume::Download;
pub(crate) use verifier::Expected;

use ::http::header::{HeaderValue, IF_RANGE, RANGE};
use bytes::Bytes;
use url::Url;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::range::{self, ContentRange};
use crate::http::response::Answer;
use crate::http::Request;

/// Something with a body that can be requested from an offset on.
pub(crate) trait Downloadable: Send {
    /// The name of its kind for messages, and of the operation for progress.
    const KIND: &'static str;
    const WORK: &'static str;
    /// Whether a complete response to a range request replaces what an earlier call left. Otherwise that many bytes of
    /// it are dropped.
    const REPLACES: bool;
    /// A response, with what is needed to make an error of it.
    type Reply: AsRef<Answer> + Into<Answer>;

    fn call(&self) -> &Call;
    fn retries(&self) -> u32;
    fn limit(&self) -> &BlobLimit;
    fn name(&self) -> String;
    /// How the whole can be verified, if at all.
    fn expected(&self) -> Option<Expected>;
    /// The message for bytes of another digest.
    fn mismatch(&self, found: &Digest) -> String;
    /// Requests all bytes, or a part.
    fn ask(&self, part: Option<&PartRequest>) -> Result<Self::Reply>;
    /// The error for an unexpected response.
    fn failure(&self, reply: Self::Reply, what: &str) -> Error;

    /// The part that a response claims to contain.
    fn part(&self, content_range: &str) -> Option<Part> {
        range::parse_content_range(content_range).map(Part::from)
    }

    /// Its size as far as known, which need not be right.
    fn size_hint(&self) -> Option<u64> {
        None
    }

    /// Whether a URL is of another server than the one that is asked.
    fn is_elsewhere(&self, _url: &Url) -> bool {
        false
    }

    /// Whether an error means that a read that broke off is not continued: it is reported as the break.
    fn is_refusal(&self, error: &Error) -> bool {
        error.http_status().is_some() || error.is_stall()
    }
}

/// A part to ask for.
pub(crate) struct PartRequest<'a> {
    first: u64,
    last: Option<u64>,
    /// What it must still be a part of.
    etag: Option<&'a HeaderValue>,
}

/// The request for a part, derived from that for the whole.
pub(crate) fn narrowed<'a>(request: Request<'a>, part: Option<&PartRequest>) -> Result<Request<'a>> {
    let Some(part) = part else { return Ok(request) };
    let last = part.last.map(|last| last.to_string()).unwrap_or_default();
    let mut request = request.header(RANGE, &format!("bytes={}-{last}", part.first))?;
    if let Some(etag) = part.etag {
        request.headers.insert(IF_RANGE, etag.clone());
    }
    Ok(request)
}

/// The part that a response claims to contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) start: u64,
    /// The number of bytes; None if it promises more than it sends.
    pub(crate) length: Option<u64>,
    /// The size of the whole.
    pub(crate) size: Option<u64>,
}

impl From<ContentRange> for Part {
    fn from(range: ContentRange) -> Part {
        Part { start: range.start, length: Some(range.length()), size: range.size }
    }
}

/// A download that a caller reads piece by piece.
pub(crate) trait Pieces: Send {
    /// The next bytes. None is the end, after everything that can be verified was verified.
    fn piece(&mut self) -> Result<Option<Bytes>>;
    /// Reports the progress to the caller's context.
    fn report(&self, delivered: u64) -> Result<()>;
    /// What is known about it, as a result.
    fn info(&self) -> serde_json::Value;
}

/// Fetches once more after a digest mismatch: a cache on the way may have sent the bytes, or an earlier attempt left
/// them. Twice is no accident.
pub(crate) fn once_more_if_wrong<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    match work() {
        Err(error) if error.code() == Code::DigestMismatch => work(),
        outcome => outcome,
    }
}
