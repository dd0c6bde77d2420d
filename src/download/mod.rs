//! Downloads: pieces of a body from an offset, put in order, verified, and kept in a file until complete.
//!
//! Things that can be downloaded are [`Downloadable`]: a blob of protocol v2, a layer of v1; [`BodyRules`] are how the protocols differ.
//! Four things are apart, so that more than one range of a body could be in flight:
//!
//! - [`positions::Positions`]: which bytes are here, on their way, and still wanted; no I/O.
//! - [`range_read::RangeRead`]: reads one range from an offset. It requests what is missing ([`request_range`]), again when that breaks
//!   off ([`resume`]), and elsewhere. Only this knows HTTP: an [`extent::Extent`] (the wanted bytes and the size) and a
//!   [`connection::Connection`] (the response that delivers bytes).
//! - [`hash_order::HashInOrder`]: the hash as far as bytes came in order, and [`verifier::DigestVerifier`], what it must be.
//! - [`partial::Partial`]: the file. What the next call continues is its beginning without a gap ([`partial_state`]).
//!
//! A [`Download`] puts the first three together ([`in_order`]), and [`deliver`] saves it. One range takes all of it; where a second one
//! would be started is said in [`in_order`].

pub(crate) mod blob_of_store;
mod body_rules;
mod connection;
pub(crate) mod deliver;
pub(crate) mod existing_file;
mod extent;
mod failures;
pub(crate) mod fetch_to_file;
mod hash_order;
mod in_order;
mod options;
pub(crate) mod partial;
mod partial_lock;
mod partial_state;
mod positions;
mod range_read;
mod request_range;
mod resume;
mod verifier;

pub(crate) use body_rules::BodyRules;
pub(crate) use in_order::Download;
pub use options::{BlobLimit, ReadOptions, SaveOptions};
pub(crate) use partial_lock::is_partial_of_blob;
pub(crate) use verifier::ExpectedDigest;

use ::http::header::{HeaderValue, IF_RANGE, RANGE};
use bytes::Bytes;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::range::{self, ContentRange};
use crate::http::response::Response;
use crate::http::Request;

/// Something with a body that can be requested from an offset on.
pub(crate) trait Downloadable: Send {
    /// The name of its kind for messages, and of the operation for progress.
    const KIND: &'static str;
    const WORK: &'static str;
    const RULES: BodyRules;
    /// A response, with what is needed to make an error of it.
    type Reply: AsRef<Response> + Into<Response>;

    fn call(&self) -> &Call;
    fn retries(&self) -> u32;
    fn limit(&self) -> &BlobLimit;

    fn name(&self) -> String;
    /// How the whole can be verified, if at all.
    fn expected(&self) -> Option<ExpectedDigest>;
    /// The message for bytes of another digest.
    fn mismatch(&self, found: &Digest) -> String;
    /// Requests all bytes, or a part.
    fn ask(&self, range: Option<&RangeRequest>) -> Result<Self::Reply>;
    /// The error for an unexpected response.
    fn failure(&self, reply: Self::Reply, what: &str) -> Error;

    /// The server that is asked failed. If there is another, that one is asked from now on; otherwise this is the error.
    fn pass_over(&mut self, error: Error) -> Result<()> {
        Err(error)
    }

    /// Whether another endpoint can be asked.
    fn has_others(&self) -> bool {
        false
    }

    /// The server that is asked sends its first bytes. `is_verifiable`: they are checked by a digest at the end.
    fn gained(&mut self, _is_verifiable: bool) -> Result<()> {
        Ok(())
    }

    /// The bytes have a wrong digest; without `all_sent` it may be that of bytes that were here before. Whether another endpoint is asked
    /// when it is fetched again.
    fn lied(&mut self, _all_sent: bool) -> Result<bool> {
        Ok(false)
    }

    /// The bytes have the right digest; without `all_sent` some were here before.
    fn verified(&mut self, _all_sent: bool) -> Result<()> {
        Ok(())
    }

    /// Parses a Content-Range.
    fn content_range(&self, text: &str) -> Option<ContentRange> {
        range::parse_content_range(text)
    }

    /// Its size as far as known, which need not be right.
    fn size_hint(&self) -> Option<u64> {
        None
    }

    /// Whether a URL is of another server than the one that is asked.
    fn is_elsewhere(&self, _url: &str) -> bool {
        false
    }

    /// Whether the break is reported, and not this error of the request that was to continue the read.
    fn is_reported_as_break(&self, _error: &Error) -> bool {
        false
    }
}

/// A part of a body to be requested.
pub(crate) struct RangeRequest<'a> {
    first: u64,
    last: Option<u64>,
    /// The version that the part must belong to.
    etag: Option<&'a HeaderValue>,
}

/// The request for a part, derived from that for the whole.
pub(crate) fn narrowed<'a>(request: Request<'a>, range: Option<&RangeRequest>) -> Result<Request<'a>> {
    let Some(range) = range else { return Ok(request) };
    let last = range.last.map(|last| last.to_string()).unwrap_or_default();
    let mut request = request.header(RANGE, &format!("bytes={}-{last}", range.first))?;
    if let Some(etag) = range.etag {
        request.headers.insert(IF_RANGE, etag.clone());
    }
    Ok(request)
}

/// A download that a caller reads piece by piece.
pub(crate) trait Pieces: Send {
    /// The next bytes. None is the end, after everything that can be verified was verified.
    fn piece(&mut self) -> Result<Option<Bytes>>;
    /// Reports the progress to the caller's context.
    fn report(&self, delivered: u64) -> Result<()>;
    /// What is known about it, for the result.
    fn info(&self) -> serde_json::Value;
}

/// More places than anybody has.
const MOST_PLACES: u32 = 16;

/// Fetches once more after a digest mismatch: a cache on the way may have sent the bytes, or an earlier attempt left
/// them. Twice is not an accident, unless another place is asked now.
pub(crate) fn once_more_if_wrong<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut count = 0;
    loop {
        count += 1;
        match work() {
            Err(error) if helps_again(&error, count) => {}
            outcome => return outcome,
        }
    }
}

/// Does it again after bytes that were wrong only if another place is asked now.
pub(crate) fn from_another_if_wrong<T>(work: &mut dyn FnMut() -> Result<T>) -> Result<T> {
    let mut outcome = work();
    for _ in 1..MOST_PLACES {
        match outcome {
            Err(error) if error.is_another_asked() => outcome = work(),
            done => return done,
        }
    }
    outcome
}

/// Whether what was wrong is fetched again after that many attempts.
pub(crate) fn helps_again(error: &Error, count: u32) -> bool {
    (count == 1 && error.code() == Code::DigestMismatch) || (error.is_another_asked() && count < MOST_PLACES)
}
