//! A response: status and headers, and a body that is read piece by piece under the call's limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use ::http::header::{HeaderMap, CONTENT_ENCODING, CONTENT_LENGTH};
use ::http::{Method, StatusCode};
use base64::Engine as _;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use url::Url;

use super::body_speed::Speed;
use super::byte_rates::Pace as Limit;
use super::decode::{self, Decoded, Decoder};
use super::endpoint_settings::EndpointSettings;
use super::host_trust::HostTrust;
use super::lanes::LaneInUse;
use super::read_ahead::{ReadAhead, ReceiveError, LARGE};
use super::route::Route;
use super::settings::Slowest;
use super::transport_error;
use crate::call::{Call, WaitLimit};
use crate::error::{Code, Error, Result};
use crate::rate_limit::RateLimit;

/// The limits of a body that is read at once.
#[derive(Debug, Clone, Copy)]
pub struct WholeBody {
    /// The largest size accepted, in bytes.
    pub limit: u64,
    /// The name of the body for error messages.
    pub what: &'static str,
    /// Its headers describe its bytes correctly: Content-Encoding and Content-MD5.
    pub labelled: bool,
}

/// How long the bytes of a response may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// The longest wait for the next bytes.
    pub(crate) idle: WaitLimit,
    /// The slowest rate that is accepted.
    pub(crate) slowest: Slowest,
    /// When the last byte must have arrived.
    pub(crate) end: Option<Instant>,
}

/// What holds for the bytes of a response.
pub(crate) struct BodyTerms {
    pub(crate) patience: Patience,
    /// How fast they may come.
    pub(crate) limit: Limit,
}

/// One redirect on the way to a response.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The status that redirected.
    pub status: u16,
    /// The URL that it led to.
    pub url: Url,
}

pub struct Response {
    pub method: Method,
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The URL that responded, after redirects.
    pub url: Url,
    /// The address that responded; None when unknown.
    pub remote: Option<IpAddr>,
    /// Where the URL came from.
    pub trust: HostTrust,
    /// How it was reached.
    pub endpoint_settings: Option<Arc<EndpointSettings>>,
    /// The redirects that were followed.
    pub hops: Vec<Hop>,
    /// The headers of the first response, if there were redirects.
    pub first_headers: Option<HeaderMap>,
    /// How often the request was sent.
    pub attempts: u32,
    body: BodyReader,
    whole: Vec<u8>,
}

impl Response {
    pub(crate) fn new(
        method: Method,
        response: reqwest::Response,
        url: Url,
        route: &Route,
        (terms, lane): (BodyTerms, Option<LaneInUse>),
    ) -> Response {
        Response {
            method,
            status: response.status(),
            headers: response.headers().clone(),
            url: url.clone(),
            remote: route.remote(&url, response.remote_addr()),
            trust: HostTrust::Caller,
            endpoint_settings: None,
            hops: Vec::new(),
            first_headers: None,
            attempts: 1,
            body: BodyReader::new(response, url, terms, lane),
            whole: Vec::new(),
        }
    }

    /// A header as text; None when it is absent or not text.
    pub fn header(&self, name: impl ::http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Content-Length, if it is a number and the body is not encoded; for an encoded body it is meaningless.
    pub fn content_length(&self) -> Option<u64> {
        match self.is_encoded() {
            true => None,
            false => self.header(CONTENT_LENGTH)?.parse().ok(),
        }
    }

    /// Whether the body is encoded, although no encoding was requested.
    pub fn is_encoded(&self) -> bool {
        self.body.encoding.is_some()
    }

    /// The rate limit that the headers describe.
    pub fn rate_limit(&self) -> Option<RateLimit> {
        // Most registries have none, and to look for each of its names takes longer.
        let has_some = self.headers.keys().any(|name| RateLimit::is_about_one(name.as_str()));
        has_some.then(|| RateLimit::read(|name| self.header(name))).flatten()
    }

    /// The body, to be read piece by piece.
    pub fn into_body(self) -> BodyReader {
        self.body
    }

    /// The body, if the request asked to read it immediately.
    pub fn take_whole(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.whole)
    }

    /// From now on, what the headers say of the body counts only if its bytes agree.
    pub(super) fn distrust_labels(&mut self) {
        self.body.unlabelled = true;
    }

    /// Reads the whole body, unless it is larger than the limit.
    pub(super) fn read_whole(&mut self, call: &Call, WholeBody { limit, what, .. }: WholeBody) -> Result<()> {
        let too_large = || {
            let message = format!("{what} is larger than the limit of {limit} bytes");
            Error::new(Code::LimitExceeded, message).with_url(&self.url)
        };
        if self.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.body.piece(call)? {
            if (bytes.len() + piece.len()) as u64 > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        self.whole = bytes;
        Ok(())
    }

    /// The beginning of the body, whatever its size, for error messages. Failures do not matter.
    pub fn beginning(&mut self, call: &Call, limit: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.whole);
        while bytes.len() < limit {
            match self.body.piece(call) {
                Ok(Some(piece)) => bytes.extend_from_slice(&piece[..piece.len().min(limit - bytes.len())]),
                _ => break,
            }
        }
        bytes
    }
}

pub struct BodyReader {
    bytes: Receiving,
    /// Where they are received, if not by the network thread.
    lane: Option<LaneInUse>,
    sized: bool,
    url: Url,
    terms: BodyTerms,
    speed: Speed,
    checksum: Option<(Md5, Vec<u8>)>,
    encoding: Option<String>,
    decoder: Option<Decoder>,
    /// Nothing was read yet, and the headers may be wrong.
    unlabelled: bool,
}

enum Receiving {
    Piecemeal(Option<reqwest::Response>),
    Ahead(ReadAhead),
}

impl Receiving {
    async fn piece(&mut self) -> std::result::Result<Option<Bytes>, ReceiveError> {
        match self {
            Receiving::Piecemeal(Some(response)) => response.chunk().await.map_err(ReceiveError::Http),
            Receiving::Piecemeal(None) => Ok(None),
            Receiving::Ahead(ahead) => ahead.piece().await,
        }
    }

    /// A large body is received ahead, from the first read on.
    fn begin(&mut self, call: &Call) {
        if let Receiving::Piecemeal(response) = self {
            let large = |response: &mut reqwest::Response| response.content_length().is_some_and(|size| size > LARGE);
            if let Some(response) = response.take_if(large) {
                *self = Receiving::Ahead(ReadAhead::start(call.engine(), response));
            }
        }
    }
}

impl BodyReader {
    fn new(response: reqwest::Response, url: Url, terms: BodyTerms, lane: Option<LaneInUse>) -> BodyReader {
        let checksum = content_md5(&response).map(|expected| (Md5::new(), expected));
        let encoding = response
            .headers()
            .get(CONTENT_ENCODING)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let encoding = encoding.filter(|encoding| Decoder::is_coding(encoding));
        let decoder = encoding.as_deref().and_then(Decoder::of);
        let sized = response.content_length().is_some();
        let is_empty = response.content_length() == Some(0);
        let bytes = Receiving::Piecemeal(Some(response));
        let (speed, unlabelled) = (Speed::default(), false);
        let mut body = BodyReader { bytes, lane, sized, url, terms, speed, checksum, encoding, decoder, unlabelled };
        if is_empty {
            body.has_ended();
        }
        body
    }

    /// The URL that responded.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The next piece, decoded; None is the end as the server framed it.
    pub fn piece(&mut self, call: &Call) -> Result<Option<Bytes>> {
        if std::mem::take(&mut self.unlabelled) {
            return self.unlabelled_piece(call);
        }
        let Some(encoding) = &self.encoding else { return self.wire_piece(call) };
        let Some(mut decoder) = self.decoder.take() else {
            let message = format!("the body has the encoding {encoding:?} although none was requested");
            return Err(Error::new(Code::Protocol, message).with_url(&self.url));
        };
        let outcome = self.decoded(call, &mut decoder);
        self.decoder = Some(decoder);
        outcome
    }

    fn unlabelled_piece(&mut self, call: &Call) -> Result<Option<Bytes>> {
        self.checksum = None;
        if self.encoding.is_none() {
            return self.wire_piece(call);
        }
        let first = self.wire_piece(call)?;
        match (&mut self.decoder, first) {
            (Some(decoder), Some(first)) if decode::looks_like_gzip(&first) => {
                decoder.feed(Some(first));
                self.piece(call)
            }
            (_, first) => {
                self.encoding = None;
                Ok(first)
            }
        }
    }

    fn decoded(&mut self, call: &Call, decoder: &mut Decoder) -> Result<Option<Bytes>> {
        loop {
            match decoder.step().map_err(|error| error.with_url(&self.url))? {
                Decoded::Bytes(bytes) => return Ok(Some(bytes)),
                Decoded::End => return Ok(None),
                Decoded::Hungry => decoder.feed(self.wire_piece(call)?),
            }
        }
    }

    /// The next piece as received.
    fn wire_piece(&mut self, call: &Call) -> Result<Option<Bytes>> {
        let begun = Instant::now();
        let piece = self.receive(call).map_err(|error| error.with_url(&self.url))?;
        match &piece {
            Some(piece) => {
                self.speed
                    .count(begun.elapsed(), piece.len() as u64, self.terms.patience.slowest)
                    .map_err(|e| e.with_url(&self.url))?;
                // Not counted above: the server is not slow because of that.
                self.terms.limit.wait(call, piece.len())?;
                if let Some((md5, _)) = &mut self.checksum {
                    md5.update(piece);
                }
            }
            None => self.check_md5()?,
        }
        Ok(piece)
    }

    fn receive(&mut self, call: &Call) -> Result<Option<Bytes>> {
        let idle = self.terms.patience.idle;
        let left = self.terms.patience.end.map(|end| end.saturating_duration_since(Instant::now()));
        let limit = WaitLimit { time: left.map_or(idle.time, |left| left.min(idle.time)), ..idle };
        let waited = match &mut self.lane {
            Some(lane) => lane.wait(call, limit, self.bytes.piece()),
            None => {
                self.bytes.begin(call);
                call.wait(Some(limit), self.bytes.piece())
            }
        };
        let piece = waited.map_err(|error| match left {
            Some(left) if error.is_stall() && left <= idle.time => {
                Error::new(Code::Timeout, "the answer takes too long").into_stall()
            }
            _ => error,
        })?;
        if matches!(piece, Ok(None)) {
            self.has_ended();
        }
        piece.map_err(|broken| match broken {
            ReceiveError::Http(error) => transport_error::broke(error, &self.url),
            ReceiveError::Lost => Error::new(Code::Internal, "the response is no longer being received"),
        })
    }

    /// Nothing more comes: its lane is free for the next request.
    fn has_ended(&mut self) {
        if let Some(lane) = self.lane.take() {
            self.bytes = Receiving::Piecemeal(None);
            lane.give_back();
        }
    }

    /// After the last byte that was wanted: checks the end of the body, if the server sends it without more data.
    pub fn end(&mut self, call: &Call) -> Result<()> {
        match self.sized {
            true => self.piece(call).map(drop),
            false => Ok(()),
        }
    }

    // RFC 1864; obsolete in HTTP, but checked if a server still sends it.
    fn check_md5(&mut self) -> Result<()> {
        match self.checksum.take() {
            Some((md5, expected)) if md5.clone().finalize().as_slice() != expected => {
                let message = "the body does not match its Content-MD5 header";
                Err(Error::new(Code::DigestMismatch, message).with_url(&self.url))
            }
            _ => Ok(()),
        }
    }
}

fn content_md5(response: &reqwest::Response) -> Option<Vec<u8>> {
    if response.status() != StatusCode::OK {
        return None;
    }
    let value = response.headers().get("content-md5")?.as_bytes();
    base64::engine::general_purpose::STANDARD.decode(value).ok().filter(|md5| md5.len() == 16)
}
