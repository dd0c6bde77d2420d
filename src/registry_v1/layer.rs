//! Reading the layer of an image: continued where it broke off, and checked against the image's checksum where that can be done.
//!
//! docker-registry, the server that was in use everywhere, has unusual ranges: Content-Range without its unit, and a range to the
//! open end that is one byte too long, in Content-Length too. It sends a 416 for a single byte and for a layer without bytes.

use std::cell::RefCell;
use std::io::Write;
use std::path::Path;

use ::http::Method;
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::id::ImageId;
use super::index_session::Access;
use super::path::V1Path;
use super::read::{Checksums, V1Image};
use super::V1Repository;
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::download::deliver::{self, Delivery, ExistingFile};
use crate::download::{
    narrowed, BlobLimit, BodyRules, Download, Downloadable, ExpectedDigest, Pieces, RangeRequest, ReadOptions,
    SaveOptions,
};
use crate::error::{Code, Error, Result};
use crate::http::range::{self, ContentRange};
use crate::http::response::Response;
use crate::http::Request;
use crate::stream::blob::Blob;

/// What is known about an open layer.
#[derive(Debug, Clone, Serialize)]
pub struct LayerInfo {
    /// The image whose layer it is.
    pub id: ImageId,
    /// The checksum that the registry has for the image; None when it has none.
    pub checksum: Option<String>,
    /// The size of the whole layer: from X-Docker-Size, until the registry sends it.
    pub size: Option<u64>,
    /// The first byte that is read.
    pub offset: u64,
    /// Whether the end will have been checked against the checksum.
    pub verifiable: bool,
}

/// What was delivered.
#[derive(Debug, Serialize)]
pub struct DeliveredLayer {
    /// The image whose layer it is.
    pub id: ImageId,
    /// The checksum that the registry has for the image; None when it has none.
    pub checksum: Option<String>,
    /// Whether the bytes were checked against it.
    pub verified: bool,
    /// The size of the whole layer.
    pub size: Option<u64>,
    /// The first byte delivered.
    pub offset: u64,
    /// How many bytes were delivered.
    pub length: u64,
    /// How many of the bytes were there from an earlier call.
    pub resumed: u64,
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether that was there already, whole and right, and the layer was not requested; None when it is not a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<bool>,
}

/// Reads one layer.
pub struct LayerReader(Download<RemoteLayer>);

/// A layer at a registry of protocol v1.
pub(crate) struct RemoteLayer {
    repo: V1Repository,
    id: ImageId,
    checksums: Checksums,
    /// The size from the image's response, which need not be right.
    hint: Option<u64>,
    /// The bytes before the layer that the checksum also covers.
    before: Hasher,
}

impl Downloadable for RemoteLayer {
    const KIND: &'static str = "layer";
    const WORK: &'static str = "v1 layer";
    const RULES: BodyRules = BodyRules {
        whole_replaces: false,
        bodies_are_exact: false,
        refusals_last: true,
        too_few: Code::DigestMismatch,
    };
    type Reply = Response;

    fn call(&self) -> &Call {
        &self.repo.place.call
    }

    fn retries(&self) -> u32 {
        self.repo.place.client.retries()
    }

    fn limit(&self) -> &BlobLimit {
        &self.repo.place.client.options().blobs
    }

    fn name(&self) -> String {
        format!("the layer of image {} of {}", self.id, self.repo.place_name())
    }

    fn expected(&self) -> Option<ExpectedDigest> {
        let payload = &self.checksums.payload;
        let digest = payload.iter().find(|sum| sum.algorithm() == Algorithm::Sha256)?.clone();
        Some(ExpectedDigest { before: self.before.clone(), digest, others: payload.clone() })
    }

    fn mismatch(&self, found: &Digest) -> String {
        let said = self.checksums.shown().unwrap_or_default();
        let place = self.repo.place_name();
        format!("the image {} of {place} has the checksum {found}, the registry says {said}", self.id)
    }

    fn ask(&self, range: Option<&RangeRequest>) -> Result<Response> {
        self.repo.send(Access::Read, &mut |session| {
            self.repo.send_to(session, V1Path::Layer(&self.id), &mut narrowed(Request::new(Method::GET), range)?)
        })
    }

    fn failure(&self, response: Response, what: &str) -> Error {
        self.repo.place.failure(response, what)
    }

    fn content_range(&self, text: &str) -> Option<ContentRange> {
        content_range(text)
    }

    fn size_hint(&self) -> Option<u64> {
        self.hint
    }
}

/// `100-5000/5000` is docker-registry's "to the end".
fn content_range(text: &str) -> Option<ContentRange> {
    if let Some(range) = range::parse_content_range(text) {
        return Some(range);
    }
    let (range, size) = text.trim().trim_start_matches("bytes ").split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (start, end, size) = (number(start)?, number(end)?, number(size)?);
    (start < size && end >= size).then(|| ContentRange { start, end: size - 1, size: Some(size) })
}

impl AsRef<Response> for Response {
    fn as_ref(&self) -> &Response {
        self
    }
}

impl LayerReader {
    /// The next bytes; None is the end, which has been checked if it can be. After an error it stays that error.
    pub fn piece(&mut self) -> Result<Option<Bytes>> {
        self.0.piece()
    }

    /// What is known about the layer.
    pub fn info(&self) -> LayerInfo {
        info(&self.0)
    }
}

fn info(download: &Download<RemoteLayer>) -> LayerInfo {
    let layer = download.item();
    LayerInfo {
        id: layer.id.clone(),
        checksum: layer.checksums.shown(),
        size: download.size().or(layer.hint),
        offset: download.offset(),
        verifiable: download.is_verifiable(),
    }
}

impl Pieces for LayerReader {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.0.piece()
    }

    fn report(&self, delivered: u64) -> Result<()> {
        self.0.report(delivered)
    }

    fn info(&self) -> Value {
        serde_json::to_value(LayerReader::info(self)).unwrap_or_default()
    }
}

impl V1Repository {
    fn remote_layer(&self, image: &V1Image) -> RemoteLayer {
        let mut before = Hasher::new(Algorithm::Sha256);
        before.update(&image.bytes);
        before.update(b"\n");
        let (id, checksums, hint) = (image.id.clone(), image.checksums.clone(), image.size);
        RemoteLayer { repo: self.clone(), id, checksums, hint, before }
    }

    fn find_layer(&self, id: &ImageId) -> Result<RemoteLayer> {
        Ok(self.remote_layer(&self.image(id)?))
    }

    /// Opens the layer of an image whose JSON is available.
    pub(crate) fn open_layer(&self, image: &V1Image) -> Result<Download<RemoteLayer>> {
        Download::open(self.remote_layer(image), &ReadOptions::default(), None)
    }

    /// Gets an image's JSON and opens its layer.
    pub fn open(&self, id: &ImageId, options: &ReadOptions) -> Result<LayerReader> {
        options.without_limit()?;
        check(options)?;
        deliver::open(self.find_layer(id)?, options).map(LayerReader)
    }

    /// Gets a layer into memory.
    pub fn layer(&self, id: &ImageId, options: &ReadOptions) -> Result<(DeliveredLayer, Vec<u8>)> {
        check(options)?;
        let (delivery, bytes) = deliver::to_memory(options, || self.find_layer(id))?;
        Ok((DeliveredLayer::of(delivery), bytes))
    }

    /// Gets a layer and writes it to `out`. What was written before an error cannot be undone.
    pub fn layer_to(&self, id: &ImageId, out: &mut dyn Write, options: &ReadOptions) -> Result<DeliveredLayer> {
        options.without_limit()?;
        check(options)?;
        let delivery = deliver::to_writer(self.find_layer(id)?, out, options)?;
        Ok(DeliveredLayer::of(delivery))
    }

    /// Gets a layer into a file, which appears under its name only when complete, and verified where possible. What a
    /// broken call left of a layer that can be verified is continued by the next.
    pub fn layer_file(&self, id: &ImageId, path: &Path, options: &SaveOptions) -> Result<DeliveredLayer> {
        options.check()?;
        check(&options.read)?;
        let call = &self.place.call;
        let layer = self.find_layer(id)?;
        if let Some(expected) = layer.expected() {
            if let Some(found) = deliver::existing(call, RemoteLayer::WORK, path, options, expected)? {
                return Ok(DeliveredLayer::skipped(layer, found));
            }
        }
        let first = RefCell::new(Some(layer));
        let delivery = deliver::to_file(call, path, options, || first.take().map_or_else(|| self.find_layer(id), Ok))?;
        Ok(DeliveredLayer::of(delivery))
    }
}

fn check(options: &ReadOptions) -> Result<()> {
    match options.size {
        Some(_) => Err(Error::new(Code::InvalidArgument, "the option size is for blobs: v1 has no descriptors")),
        None => Ok(()),
    }
}

impl DeliveredLayer {
    fn of(delivery: Delivery<RemoteLayer>) -> DeliveredLayer {
        let Delivery { download, resumed, path } = delivery;
        let length = download.delivered();
        let LayerInfo { id, checksum, size, offset, verifiable } = info(&download);
        let skipped = path.is_some().then_some(false);
        DeliveredLayer { id, checksum, verified: verifiable, size, offset, length, resumed, path, skipped }
    }

    fn skipped(layer: RemoteLayer, found: ExistingFile) -> DeliveredLayer {
        let ExistingFile { size, path } = found;
        let (length, resumed, checksum) = (size, size, layer.checksums.shown());
        let (size, path, skipped) = (Some(size), Some(path), Some(true));
        DeliveredLayer { id: layer.id, checksum, verified: true, size, offset: 0, length, resumed, path, skipped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_docker_registry_writes_them() {
        for (text, expected) in [
            ("bytes 100-4999/5000", Some((100, 4999, Some(5000)))),
            ("100-4999/5000", Some((100, 4999, Some(5000)))),
            ("100-5000/5000", Some((100, 4999, Some(5000)))),
            ("bytes 100-9999/5000", Some((100, 4999, Some(5000)))),
            ("bytes 100-4999/*", Some((100, 4999, None))),
            ("5000-5000/5000", None),
            ("100-50/5000", None),
            ("-1-5000/5000", None),
            ("+1-5000/5000", None),
            ("junk", None),
            ("", None),
        ] {
            let expected = expected.map(|(start, end, size)| ContentRange { start, end, size });
            assert_eq!(content_range(text), expected, "{text}");
        }
    }
}
