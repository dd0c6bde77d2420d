//! Reading a layer: continued where it broke off, and checked against the image's checksum where that can be done.
//!
//! docker-registry, the server that everybody ran, has ranges of its own: Content-Range without its unit; a range to the
//! open end that is one byte too long, in Content-Length too; a 416 for a single byte and for a layer without bytes.

use ::http::header::{HeaderValue, RANGE};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::id::ImageId;
use super::read::{Checksums, Image};
use super::session::Access;
use super::{wrong, Repo};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::download::failures::{is_about_the_answer, went_wrong, Failures};
use crate::error::{Code, Error, Result};
use crate::http::range;
use crate::http::response::{Answer, BodyReader};
use crate::registry::blob::reader::{Pieces, ReadOptions};
use crate::text::shorten;

/// What is known of an open layer.
#[derive(Debug, Clone, Serialize)]
pub struct LayerInfo {
    /// The image.
    pub id: ImageId,
    /// The checksum that the registry gives for the image.
    pub checksum: Option<String>,
    /// The size of the whole layer: what X-Docker-Size says, until the registry sends it.
    pub size: Option<u64>,
    /// The first byte that is read.
    pub offset: u64,
    /// Whether the end will have been checked against the checksum.
    pub verifiable: bool,
}

/// Reads one layer.
pub struct LayerReader {
    repo: Repo,
    info: LayerInfo,
    checksums: Checksums,
    hasher: Option<Hasher>,
    /// The next byte that comes.
    position: u64,
    /// The first that this call reads.
    begun: u64,
    /// Where the caller wants to stop.
    wanted: Option<u64>,
    /// The size of the layer, once the registry has shown it.
    size: Option<u64>,
    body: Option<BodyReader>,
    /// Bytes to drop because the answer began before the position.
    surplus: u64,
    /// Ask for no ranges.
    whole: bool,
    failures: Failures,
    failure: Option<Error>,
    done: bool,
}

/// What the checksum of an image is over before its layer.
pub fn before_layer(image: &Image) -> Hasher {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    hasher.update(&image.bytes);
    hasher.update(b"\n");
    hasher
}

/// The checksum by which the layer of an image can be checked, if there is one.
pub fn checkable(image: &Image) -> Option<&Digest> {
    image.checksums.payload.iter().find(|sum| sum.algorithm() == Algorithm::Sha256)
}

impl Repo {
    /// Opens the layer of an image, behind the bytes that the caller has hashed already, behind [`before_layer`]. A piece of it
    /// cannot be verified.
    pub fn open_layer(
        &self,
        image: &Image,
        options: &ReadOptions,
        hashed: Option<(Hasher, u64)>,
    ) -> Result<LayerReader> {
        let verifiable = !options.is_piece() && checkable(image).is_some();
        let (hasher, position) = hashed.unwrap_or_else(|| (before_layer(image), options.offset));
        let mut reader = LayerReader {
            info: LayerInfo {
                id: image.id.clone(),
                checksum: image.checksums.shown(),
                size: image.size,
                offset: options.offset,
                verifiable,
            },
            checksums: image.checksums.clone(),
            hasher: verifiable.then_some(hasher),
            position,
            begun: position,
            wanted: options.length.map(|length| options.offset.saturating_add(length)),
            size: None,
            body: None,
            surplus: 0,
            whole: false,
            failures: Failures::new(self.place.client.http.options().retries),
            repo: self.clone(),
            failure: None,
            done: options.length == Some(0),
        };
        if !reader.done {
            reader.connect()?;
        }
        Ok(reader)
    }
}

impl LayerReader {
    /// What is known of the layer.
    pub fn info(&self) -> &LayerInfo {
        &self.info
    }

    /// The number of the next byte.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes there are to read, as far as is known: for progress.
    pub fn expected(&self) -> Option<u64> {
        let end = self.end().or(self.info.size);
        end.map(|end| end.saturating_sub(self.info.offset))
    }

    fn end(&self) -> Option<u64> {
        match (self.wanted, self.size) {
            (Some(wanted), Some(size)) => Some(wanted.min(size)),
            (None, size) => size,
            (wanted, None) => wanted,
        }
    }

    /// The next bytes; None is the end, which has been checked if it can be. After an error it stays that error.
    pub fn next_piece(&mut self) -> Result<Option<Bytes>> {
        if let Some(failure) = &self.failure {
            return Err(failure.duplicate());
        }
        let outcome = self.read();
        if let Err(error) = &outcome {
            self.failure = Some(error.duplicate());
            self.body = None;
        }
        outcome
    }

    fn read(&mut self) -> Result<Option<Bytes>> {
        while !self.done {
            // Its Content-Length may promise a byte that never comes: what is enough is the end.
            if self.end() == Some(self.position) {
                return self.finish();
            }
            let outcome = match &mut self.body {
                Some(body) => body.piece(&self.repo.place.call),
                None => {
                    self.connect()?;
                    continue;
                }
            };
            match outcome {
                Ok(Some(bytes)) => {
                    if let Some(bytes) = self.take(bytes)? {
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) if self.surplus == 0 && self.size.is_none() => return self.finish(),
                Ok(None) if self.size.is_none() && self.position == self.begun => return Err(self.too_much()),
                Ok(None) => self.failed(self.short_end())?,
                Err(error) => self.failed(error)?,
            }
        }
        Ok(None)
    }

    fn take(&mut self, mut bytes: Bytes) -> Result<Option<Bytes>> {
        let drop = usize::try_from(self.surplus).unwrap_or(usize::MAX).min(bytes.len());
        self.surplus -= drop as u64;
        let _ = bytes.split_to(drop);
        if let Some(end) = self.end() {
            bytes.truncate(usize::try_from(end - self.position).unwrap_or(usize::MAX));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.position += bytes.len() as u64;
        if self.end().is_none() {
            self.check_size(self.position)?;
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes);
        }
        Ok(Some(bytes))
    }

    /// Whether so much of it may be taken.
    fn check_size(&self, end: u64) -> Result<()> {
        let taken = end.saturating_sub(self.info.offset);
        let what = || format!("the layer of image {} of {}", self.info.id, self.repo.place_name());
        self.repo.place.client.http.options().check_blob(taken, self.end().is_some(), what)
    }

    fn finish(&mut self) -> Result<Option<Bytes>> {
        self.done = true;
        self.body = None;
        if self.wanted.is_none() {
            self.info.size = Some(self.position);
        }
        let Some(hasher) = self.hasher.take() else { return Ok(None) };
        let found = hasher.finish();
        if self.checksums.payload.contains(&found) {
            return Ok(None);
        }
        let message = format!(
            "the image {} of {} has the checksum {found}, the registry says {}",
            self.info.id,
            self.repo.place_name(),
            self.info.checksum.as_deref().unwrap_or_default()
        );
        Err(Error::new(Code::DigestMismatch, message))
    }

    fn failed(&mut self, error: Error) -> Result<()> {
        self.body = None;
        let wait = match error.code() {
            Code::Network | Code::Timeout => self.failures.count(self.position, error.code()),
            _ => None,
        };
        match wait {
            Some(wait) => self.repo.place.call.sleep(wait),
            None => Err(error),
        }
    }

    fn connect(&mut self) -> Result<()> {
        let mut refused = None;
        loop {
            let range = self.range();
            let answer = match self.ask(range.as_deref()) {
                Ok(answer) => answer,
                Err(error) if range.is_some() && is_about_the_answer(&error) => {
                    self.repo.place.call.check()?;
                    (self.whole, refused) = (true, Some(error));
                    continue;
                }
                Err(error) => return Err(refused.filter(|_| went_wrong(&error)).unwrap_or(error)),
            };
            let outcome = match answer.status {
                StatusCode::OK => self.begins_at_zero(&answer),
                StatusCode::PARTIAL_CONTENT if range.is_some() => self.begins_at_position(&answer),
                StatusCode::PARTIAL_CONTENT if refused.is_some() => return refused.map_or(Ok(()), Err),
                StatusCode::RANGE_NOT_SATISFIABLE if range.is_none() && self.info.size == Some(0) => {
                    self.size = Some(0);
                    return Ok(());
                }
                _ if range.is_some() => {
                    self.whole = true;
                    continue;
                }
                _ => return Err(self.repo.place.failure(answer, &self.what())),
            };
            match outcome {
                // Ranges are a wish: whatever is wrong with one, all of it may still be had.
                Err(error) if range.is_some() => {
                    (self.whole, refused) = (true, Some(error));
                    continue;
                }
                outcome => outcome?,
            }
            if let Some(end) = self.end() {
                self.check_size(end)?;
            }
            self.body = Some(answer.into_body());
            return Ok(());
        }
    }

    /// What to ask for. The last byte is named where it is known: an open range comes back one too long.
    fn range(&self) -> Option<String> {
        if self.whole || (self.position == 0 && self.wanted.is_none()) {
            return None;
        }
        let last = self.end().map(|end| end.saturating_sub(1).to_string()).unwrap_or_default();
        Some(format!("bytes={}-{last}", self.position))
    }

    fn ask(&self, range: Option<&str>) -> Result<Answer> {
        let path = format!("v1/images/{}/layer", self.info.id);
        self.repo.send(Access::Read, &mut |session| {
            let mut request = self.repo.request(session, Method::GET, &path)?;
            if let Some(Ok(range)) = range.map(HeaderValue::from_str) {
                request.headers.insert(RANGE, range);
            }
            self.repo.place.send(&mut request)
        })
    }

    fn begins_at_zero(&mut self, answer: &Answer) -> Result<()> {
        self.surplus = self.position;
        answer.content_length().map_or(Ok(()), |size| self.learn_size(size, answer))
    }

    fn begins_at_position(&mut self, answer: &Answer) -> Result<()> {
        self.surplus = 0;
        let text = answer.header("content-range").unwrap_or_default();
        let (start, size) = part(text).ok_or_else(|| {
            let text = shorten(text);
            wrong(answer, format!("the Content-Range '{text}' of a partial answer cannot be read"))
        })?;
        if start != self.position {
            let message = format!("asked for bytes from {}, the registry sends from {start}", self.position);
            return Err(wrong(answer, message));
        }
        size.map_or(Ok(()), |size| self.learn_size(size, answer))
    }

    fn learn_size(&mut self, size: u64, answer: &Answer) -> Result<()> {
        let layer = format!("the layer of image {}", self.info.id);
        if let Some(known) = self.size.filter(|known| *known != size) {
            let message = format!("{layer} had {known} bytes, the registry now sends one of {size}");
            return Err(Error::new(Code::SizeMismatch, message).with_url(&answer.url));
        }
        if self.info.offset > size {
            let message = format!("the option offset {} lies behind the {size} bytes of {layer}", self.info.offset);
            return Err(Error::new(Code::InvalidArgument, message));
        }
        if self.position > size {
            return Err(self.too_much().with_url(&answer.url));
        }
        self.size = Some(size);
        self.info.size = Some(size);
        Ok(())
    }

    fn what(&self) -> String {
        format!("get the layer of image {} of {}", self.info.id, self.repo.place_name())
    }

    /// What an earlier call left is the beginning of something else.
    fn too_much(&self) -> Error {
        let message =
            format!("the layer of image {} has fewer bytes than the {} that are there", self.info.id, self.begun);
        Error::new(Code::DigestMismatch, message)
    }

    fn short_end(&self) -> Error {
        let end = self.end().unwrap_or(0);
        let message = format!("the layer of image {} ended after {} bytes of {end}", self.info.id, self.position);
        Error::new(Code::Network, message)
    }
}

/// The first byte of a partial answer, and the size of the whole. `100-5000/5000` is docker-registry's "to the end".
fn part(text: &str) -> Option<(u64, Option<u64>)> {
    if let Some(part) = range::parse_content_range(text) {
        return Some((part.start, part.size));
    }
    let (range, size) = text.trim().trim_start_matches("bytes ").split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (start, end, size) = (number(start)?, number(end)?, number(size)?);
    (start < size && end >= size).then_some((start, Some(size)))
}

impl Pieces for LayerReader {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.next_piece()
    }

    fn report(&self, delivered: u64) -> Result<()> {
        self.repo.place.call.moved_to(delivered)
    }

    fn info(&self) -> Value {
        serde_json::to_value(&self.info).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_docker_registry_writes_them() {
        for (text, expected) in [
            ("bytes 100-4999/5000", Some((100, Some(5000)))),
            ("100-4999/5000", Some((100, Some(5000)))),
            ("100-5000/5000", Some((100, Some(5000)))),
            ("bytes 100-9999/5000", Some((100, Some(5000)))),
            ("bytes 100-4999/*", Some((100, None))),
            ("5000-5000/5000", None),
            ("100-50/5000", None),
            ("-1-5000/5000", None),
            ("+1-5000/5000", None),
            ("junk", None),
            ("", None),
        ] {
            assert_eq!(part(text), expected, "{text}");
        }
    }
}
