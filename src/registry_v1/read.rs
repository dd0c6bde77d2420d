//! Reading tags and images from the registry, except layers.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{json, Map, Value};

use super::id::ImageId;
use super::path::V1Path;
use super::{json, wrong, V1Repository};
use crate::digest::Digest;
use crate::error::{Code, Result};
use crate::http::redact::ShownHeaders;
use crate::http::response::Response;

/// More ancestors than any image has: Docker accepted 127 layers.
const MOST_ANCESTORS: usize = 4096;

/// The tags of a repository.
#[derive(Debug, Serialize)]
pub struct V1Tags {
    /// The repository, without its index.
    pub name: String,
    /// The image id of each tag. Docker Hub's list gave only the first digits.
    pub tags: Map<String, Value>,
}

/// The checksums of an image from the registry. They are as trustworthy as the registry.
#[derive(Debug, Clone, Default)]
pub struct Checksums {
    /// sha256 over the JSON, a newline and the layer.
    pub payload: Vec<Digest>,
    /// One that cannot be checked here, such as a tarsum.
    pub other: Option<String>,
}

impl Checksums {
    /// The one that results show: what can be checked, or else what cannot.
    pub fn shown(&self) -> Option<String> {
        self.payload.first().map(Digest::to_string).or_else(|| self.other.clone())
    }

    fn of(response: &Response) -> Checksums {
        let mut sums = Checksums::default();
        for name in ["x-docker-checksum-payload", "x-docker-checksum"] {
            let values = response.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            let words = values.flat_map(|text| text.split([',', ' '])).filter(|word| !word.is_empty());
            for word in words.take(16) {
                match word.parse::<Digest>() {
                    // The older header is computed over something else, whatever it looks like.
                    Ok(digest) if name.ends_with("payload") => sums.payload.push(digest),
                    _ if sums.other.is_none() => sums.other = Some(crate::text::shorten(word)),
                    _ => {}
                }
            }
        }
        sums
    }
}

/// An image: its JSON, and what the registry says about its layer.
#[derive(Debug)]
pub struct V1Image {
    /// The id that was asked for.
    pub id: ImageId,
    /// The exact bytes of its JSON.
    pub bytes: Vec<u8>,
    /// The same, parsed.
    pub document: Map<String, Value>,
    /// The size of its layer, as far as the registry is right about it.
    pub size: Option<u64>,
    /// What the registry says the layer's checksums are.
    pub checksums: Checksums,
    /// The headers of the response.
    pub headers: ShownHeaders,
}

impl V1Image {
    /// As results show it.
    pub fn to_json(&self) -> Value {
        json!({"id": self.id, "size": self.size, "checksum": self.checksums.shown(), "image": self.document,
               "headers": self.headers})
    }

    /// Its parent image; None for a base image.
    pub fn parent(&self) -> Result<Option<ImageId>> {
        match self.document.get("parent").and_then(Value::as_str) {
            None | Some("") => Ok(None),
            Some(id) => ImageId::of_server(id, &format!("the parent of image {}", self.id)).map(Some),
        }
    }
}

impl V1Repository {
    /// The tags and their images.
    pub fn tags(&self) -> Result<V1Tags> {
        let (response, bytes) = self.document(V1Path::Tags(&self.name), "the tags")?;
        let bad = || wrong(&response, "the list of tags is neither {tag: id} nor [{name, layer}]");
        let mut tags = Map::new();
        let mut add = |tag: &str, id: &str| {
            let is_id =
                (1..=64).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            // A tag that occurs twice means two images.
            (is_id && tags.insert(tag.to_owned(), id.into()).is_none()).then_some(())
        };
        match json(&bytes, &response, "the list of tags")? {
            Value::Object(members) => {
                for (tag, id) in &members {
                    id.as_str().and_then(|id| add(tag, id)).ok_or_else(bad)?;
                }
            }
            Value::Array(list) => {
                for one in &list {
                    let text = |key: &str| one.get(key).and_then(Value::as_str);
                    text("name").zip(text("layer")).and_then(|(tag, id)| add(tag, id)).ok_or_else(bad)?;
                }
            }
            _ => return Err(bad()),
        }
        Ok(V1Tags { name: self.name.clone(), tags })
    }

    /// The id of the image that a tag refers to.
    pub fn tag(&self, tag: &str) -> Result<ImageId> {
        check_tag(tag)?;
        let (response, bytes) = self.document(V1Path::Tag(&self.name, tag), "the tag")?;
        let what = format!("the tag {tag} of {}", self.place_name());
        match json(&bytes, &response, &what)? {
            Value::String(id) => ImageId::of_server(&id, &what).map_err(|error| error.with_url(&response.url)),
            _ => Err(wrong(&response, format!("{what} is not a string"))),
        }
    }

    /// An image and its ancestors, itself first.
    pub fn ancestry(&self, id: &ImageId) -> Result<Vec<ImageId>> {
        let (response, bytes) = self.document(V1Path::Ancestry(id), "the ancestry")?;
        let what = format!("the ancestry of image {id}");
        let Value::Array(list) = json(&bytes, &response, &what)? else {
            return Err(wrong(&response, format!("{what} is not a list")));
        };
        if list.len() > MOST_ANCESTORS {
            let message = format!("{what} has {} images, the limit is {MOST_ANCESTORS}", list.len());
            return Err(wrong(&response, message).with_code(Code::LimitExceeded));
        }
        let mut seen = HashSet::new();
        let mut ids = Vec::new();
        for one in &list {
            let one = ImageId::of_server(one.as_str().unwrap_or_default(), &what)
                .map_err(|error| error.with_url(&response.url))?;
            if !seen.insert(one.clone()) {
                return Err(wrong(&response, format!("{what} has the image {one} twice")));
            }
            ids.push(one);
        }
        match ids.first() == Some(id) {
            true => Ok(ids),
            false => Err(wrong(&response, format!("{what} does not begin with it"))),
        }
    }

    /// Gets an image's JSON, and what the registry says about its layer.
    pub fn image(&self, id: &ImageId) -> Result<V1Image> {
        let (response, bytes) = self.document(V1Path::Json(id), "the image's JSON")?;
        let what = format!("the JSON of image {id}");
        let Value::Object(document) = json(&bytes, &response, &what)? else {
            return Err(wrong(&response, format!("{what} is not an object")));
        };
        if document.get("id").is_some_and(|named| named.as_str() != Some(id.as_str())) {
            return Err(wrong(&response, format!("{what} is that of another image")));
        }
        Ok(V1Image {
            id: id.clone(),
            document,
            size: response.header("x-docker-size").and_then(|text| text.trim().parse().ok()),
            checksums: Checksums::of(&response),
            headers: response.headers.into(),
            bytes,
        })
    }
}

/// Checks a tag before it becomes part of a path.
pub(super) fn check_tag(tag: &str) -> Result<()> {
    match crate::reference::is_tag(tag) {
        true => Ok(()),
        false => Err(crate::error::Error::new(
            Code::InvalidReference,
            format!("'{}' is not a tag", crate::text::shorten(tag)),
        )),
    }
}
