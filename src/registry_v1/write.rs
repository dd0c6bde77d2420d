//! Writing as docker-registry expects it: an image's JSON, then its layer, then the checksum over both, which completes
//! the image; then its tag. Parents come before their children.

use std::fs::File;
use std::path::Path;

use ::http::header::{HeaderName, HeaderValue, CONTENT_TYPE};
use ::http::Method;
use bytes::Bytes;
use serde::Serialize;
use serde_json::{json, Map, Value};

use super::id::ImageId;
use super::index_session::Access;
use super::path::V1Path;
use super::read::check_tag;
use super::{V1Repository, LARGEST};
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result, Side};
use crate::http::response::Response;
use crate::http::retry::{self, Backoff};
use crate::http::upload::Body;
use crate::http::{Repeat, Request};
use crate::options::options;
use crate::os::special_file::open_regular;
use crate::statuses;
use crate::stream::replay::HashedSource;
use crate::stream::source::{read_piece, Source, PIECE};
use crate::text::shorten;

/// An image that was put.
#[derive(Debug, Serialize)]
pub struct StoredImage {
    /// The id in its JSON.
    pub id: ImageId,
    /// Whether it was put now; false when the registry already has the complete image with this ID.
    pub uploaded: bool,
}

/// A layer that was put.
#[derive(Debug, Serialize)]
pub struct StoredLayer {
    /// The image whose layer it is.
    pub id: ImageId,
    /// The layer's size.
    pub size: u64,
    /// sha256 over the JSON, a newline and the layer.
    pub checksum: Digest,
    /// Whether it was put now.
    pub uploaded: bool,
}

options! {
    /// Options of the put of a layer.
    #[derive(Debug, Clone)]
    pub struct PutLayerOptions {
        /// put the checksum
        pub finish: bool = true,
    }
}

/// A layer to put. It is opened again if it has to be sent again.
pub(crate) struct LayerSource<'a> {
    /// Opens it; its size.
    pub(crate) open: &'a dyn Fn() -> Result<(Box<dyn Source + 'a>, u64)>,
    /// The bytes already sent of the transfer that it is part of; None if it is a separate transfer.
    pub(crate) done: Option<u64>,
}

/// The id in an image's JSON, which is checked before it is sent anywhere.
fn id_of(image: &[u8]) -> Result<ImageId> {
    let invalid = |why: String| Error::new(Code::InvalidManifest, format!("the image's JSON {why}"));
    if image.len() as u64 > LARGEST {
        return Err(Error::new(Code::LimitExceeded, format!("the image's JSON is larger than {LARGEST} bytes")));
    }
    let document: Map<String, Value> = match crate::json::parse(image) {
        Ok(Value::Object(document)) => document,
        Ok(_) => return Err(invalid("is not an object".to_owned())),
        Err(error) => return Err(invalid(error.verdict())),
    };
    let id = |key: &str, text: &Value| {
        let text = text.as_str().unwrap_or_default();
        text.parse::<ImageId>().map_err(|error| invalid(format!("has a bad {key}: {}", error.message())))
    };
    if let Some(parent) = document.get("parent").filter(|parent| !parent.is_null() && *parent != "") {
        id("parent", parent)?;
    }
    id("id", document.get("id").ok_or_else(|| invalid("has no id".to_owned()))?)
}

impl V1Repository {
    /// Puts an image's JSON, its bytes unchanged. Its parent must be there.
    pub fn put_image(&self, image: &[u8]) -> Result<StoredImage> {
        let id = id_of(image)?;
        let body = Bytes::copy_from_slice(image);
        let response = self.put(V1Path::Json(&id), Some(&id), body, None)?;
        let uploaded = self.put_or_there(response, &format!("put the image {id}"))?;
        Ok(StoredImage { id, uploaded })
    }

    /// Puts the layer of an image whose JSON was put, from memory.
    pub fn put_layer(&self, image: &[u8], layer: &[u8], options: &PutLayerOptions) -> Result<StoredLayer> {
        let open = || Ok((Box::new(layer) as Box<dyn Source + '_>, layer.len() as u64));
        self.put_layer_of(image, &LayerSource { open: &open, done: None }, options.finish)
    }

    /// Puts the layer of an image whose JSON was put, from a file.
    pub fn put_layer_file(&self, image: &[u8], path: &Path, options: &PutLayerOptions) -> Result<StoredLayer> {
        let open = || {
            let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
            let file = open_regular(path).map_err(what)?;
            let facts = file.metadata().map_err(what)?;
            Ok((Box::new(FileSource(file, path)) as Box<dyn Source + '_>, facts.len()))
        };
        self.put_layer_of(image, &LayerSource { open: &open, done: None }, options.finish)
    }

    /// Puts the layer of an image whose JSON was put, and with `finish` its checksum.
    pub(crate) fn put_layer_of(&self, image: &[u8], layer: &LayerSource<'_>, finish: bool) -> Result<StoredLayer> {
        let id = id_of(image)?;
        if layer.done.is_none() {
            self.place.call.begin("v1 put layer", Some((layer.open)()?.1))?;
        }
        let (mut failures, mut backoff) = (0, Backoff::new());
        let stored = loop {
            let error = match self.put_layer_once(&id, image, layer) {
                Ok(stored) => break stored,
                Err(error) => error,
            };
            failures += 1;
            let helps = error.retryable() && error.code() != Code::Timeout && error.side() != Some(Side::Source);
            let goes_on = helps && failures <= self.place.client.retries();
            match retry::after_failure(&error, backoff.delay(failures)).filter(|_| goes_on) {
                Some(wait) => self.place.call.sleep(wait)?,
                None => return Err(error),
            }
        };
        if stored.uploaded && finish {
            self.put_checksum(&id, stored.checksum.as_str())?;
        }
        Ok(stored)
    }

    fn put_layer_once(&self, id: &ImageId, image: &[u8], layer: &LayerSource<'_>) -> Result<StoredLayer> {
        let mut sent = None;
        let response = self.send_for(Access::Write, Some(id), &mut |session| {
            let (source, size) = (layer.open)()?;
            let mut hasher = Hasher::new(Algorithm::Sha256);
            hasher.update(image);
            hasher.update(b"\n");
            let mut hashing = HashedSource { source, hasher };
            let mut request = Request::new(Method::PUT)
                .header(CONTENT_TYPE, "application/octet-stream")?
                .body(Body::Stream { source: &mut hashing, size, done: layer.done.unwrap_or(0) });
            let response = self.send_to(session, V1Path::Layer(id), &mut request)?;
            drop(request);
            sent = Some((hashing, size));
            Ok(response)
        })?;
        let uploaded = self.put_or_there(response, &format!("put the layer of image {id}"))?;
        let (mut hashing, size) = sent.ok_or_else(|| Error::new(Code::Internal, "no layer was sent"))?;
        // A registry that reports early that it has the image does not read to the end.
        while !uploaded && !hashing.piece(PIECE)?.is_empty() {}
        Ok(StoredLayer { id: id.clone(), size, checksum: hashing.hasher.finish(), uploaded })
    }

    /// Puts the checksum of an image. The registry compares it, which completes the image.
    pub fn put_checksum(&self, id: &ImageId, checksum: &str) -> Result<u16> {
        let known = checksum.starts_with("tarsum") || checksum.parse::<Digest>().is_ok();
        if !known {
            let message = format!("'{}' is not a checksum: sha256:… or tarsum…", shorten(checksum));
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let value = HeaderValue::from_str(checksum).map_err(|_| {
            Error::new(Code::InvalidArgument, "the checksum contains characters that are not allowed in a header")
        })?;
        let name = match checksum.starts_with("tarsum") {
            true => "x-docker-checksum",
            false => "x-docker-checksum-payload",
        };
        let header = Some((HeaderName::from_static(name), value));
        let response = self.put(V1Path::Checksum(id), Some(id), Bytes::new(), header)?;
        let what = format!("put the checksum of image {id}");
        if statuses::is_a_wrong_checksum(response.status.as_u16()) {
            return Err(self.place.failure(response, &what).with_code(Code::DigestMismatch));
        }
        self.done(response, &what)
    }

    /// Lets a tag refer to an image. Returns the status of the response.
    pub fn put_tag(&self, tag: &str, id: &ImageId) -> Result<u16> {
        check_tag(tag)?;
        let body = Bytes::from(json!(id).to_string());
        let response = self.put(V1Path::Tag(&self.name, tag), Some(id), body, None)?;
        self.done(response, &format!("put the tag {tag} of {}", self.place_name()))
    }

    /// Takes a tag away; the image stays. Returns the status of the response.
    pub fn delete_tag(&self, tag: &str) -> Result<u16> {
        check_tag(tag)?;
        let what = format!("delete the tag {tag} of {}", self.place_name());
        self.delete(V1Path::Tag(&self.name, tag), &what)
    }

    /// Deletes a repository with all its tags: at the registry, and then, where that is another server, at the index,
    /// without which the registry would not accept a token.
    pub fn delete_repository(&self) -> Result<u16> {
        let what = format!("delete the repository {}", self.place_name());
        let path = V1Path::Repository(&self.name);
        let status = self.delete(path, &what)?;
        let (session, _) = self.session(Access::Delete, None)?;
        for access in [Access::Read, Access::Write, Access::Delete] {
            self.forget(access);
        }
        if session.is_at_index() {
            return Ok(status);
        }
        let response = self.place.ask(&path.into(), &mut Request::new(Method::DELETE))?;
        match statuses::keeps_no_list(response.status.as_u16()) {
            true => Ok(status),
            false => self.done(response, &format!("{what} at the index")).map(|_| status),
        }
    }

    /// Announces all images to the index that will be put: otherwise each is announced in turn.
    pub fn announce(&self, images: &[ImageId]) -> Result<()> {
        let (session, _) = self.begin(Access::Write, images, None)?;
        self.remember(Access::Write, session);
        Ok(())
    }

    /// Tells the index the images of the repository once they are complete; the tag belongs to the last one.
    pub(crate) fn put_images(&self, images: &[(ImageId, Option<Digest>)], tag: &str) -> Result<u16> {
        check_tag(tag)?;
        let entry = |(number, (id, checksum)): (usize, &(ImageId, Option<Digest>))| {
            let mut entry = json!({"id": id});
            if let Some(checksum) = checksum {
                entry["checksum"] = json!(checksum);
            }
            if number + 1 == images.len() {
                entry["Tag"] = tag.into();
            }
            entry
        };
        let list: Vec<Value> = images.iter().enumerate().map(entry).collect();
        let (session, _) = self.session(Access::Write, None)?;
        let mut request = Request::new(Method::PUT)
            .header(CONTENT_TYPE, "application/json")?
            .repeat(Repeat::Always)
            .body(Body::Bytes(Bytes::from(json!(list).to_string())));
        session.cookies().put_into(&self.place.account.base, &mut request);
        let response = self.place.ask(&V1Path::Images(&self.name).into(), &mut request)?;
        self.done(response, &format!("put the images of {} at the index", self.place_name()))
    }

    fn put(
        &self,
        path: V1Path,
        image: Option<&ImageId>,
        body: Bytes,
        header: Option<(HeaderName, HeaderValue)>,
    ) -> Result<Response> {
        self.send_for(Access::Write, image, &mut |session| {
            let mut request = Request::new(Method::PUT)
                .header(CONTENT_TYPE, "application/json")?
                .repeat(Repeat::Always)
                .body(if body.is_empty() { Body::Empty } else { Body::Bytes(body.clone()) });
            request.headers.extend(header.clone().map(|(name, value)| (Some(name), value)));
            self.send_to(session, path, &mut request)
        })
    }

    fn delete(&self, path: V1Path, what: &str) -> Result<u16> {
        let response =
            self.send(Access::Delete, &mut |session| self.send_to(session, path, &mut Request::new(Method::DELETE)))?;
        if statuses::is_gone_after_a_repeat(response.status.as_u16(), response.attempts) {
            return Ok(response.status.as_u16());
        }
        self.done(response, what)
    }

    /// Checks that a response is successful, and returns its status.
    fn done(&self, response: Response, what: &str) -> Result<u16> {
        self.place.expect(response, &statuses::CARRIED_OUT, what).map(|response| response.status.as_u16())
    }

    /// Whether it was put, and was not there.
    fn put_or_there(&self, response: Response, what: &str) -> Result<bool> {
        match statuses::has_it_already(response.status.as_u16()) {
            true => Ok(false),
            false => self.done(response, what).map(|_| true),
        }
    }
}

struct FileSource<'a>(File, &'a Path);

impl Source for FileSource<'_> {
    fn piece(&mut self, most: usize) -> Result<Bytes> {
        read_piece(&mut self.0, most).map_err(|error| Error::io(format!("cannot read {}", self.1.display()), &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_checked_before_it_is_sent() {
        let id = "ab".repeat(32);
        assert_eq!(id_of(format!(r#"{{"id":"{id}"}}"#).as_bytes()).unwrap().as_str(), id);
        assert!(id_of(format!(r#"{{"id":"{id}","parent":""}}"#).as_bytes()).is_ok());
        for (bad, reason) in [
            ("".to_owned(), "not valid JSON"),
            ("[]".to_owned(), "not an object"),
            ("{}".to_owned(), "no id"),
            (r#"{"id":"../x"}"#.to_owned(), "bad id"),
            (r#"{"id":1}"#.to_owned(), "bad id"),
            (format!(r#"{{"id":"{id}","parent":"x"}}"#), "bad parent"),
            (format!(r#"{{"id":"{id}","id":"{id}"}}"#), "twice"),
        ] {
            let error = id_of(bad.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::InvalidManifest, "{bad}");
            assert!(error.message().contains(reason), "{error}");
        }
    }
}
