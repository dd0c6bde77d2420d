//! Manifests and indexes (OCI image-spec manifest.md, image-index.md; Docker's schema 1 and 2): determining and
//! checking what bytes are.
//!
//! One document must mean one thing to every reader: its media type, the type it was served as and its structure must
//! agree (CVE-2021-41190).

pub(crate) mod build;
pub(crate) mod index_entries;
mod media_type;
#[cfg(test)]
mod tests;

use serde::ser::{SerializeMap, Serializer};
use serde::Serialize;
use serde_json::Value;

pub use crate::annotations::Annotations;
pub use crate::descriptor::Descriptor;
use crate::descriptor::{descriptor, descriptors, invalid};
use crate::digest::{Algorithm, Digest};
use crate::error::Result;
use crate::media_type as types;
use crate::schema1::jws::{self, RequiredSigners, Signature};
use crate::text::shorten;
use crate::{json, schema1};
use media_type::media_type_of;

/// The most bytes that a manifest may have, whatever a caller allows.
pub const MOST_BYTES: u64 = 32 << 20;

/// The kind of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An image manifest, for one platform.
    Image,
    /// An image index or manifest list.
    Index,
    /// An artifact: another use of the image manifest, or an artifact manifest.
    Artifact,
    /// A schema-1 manifest.
    Schema1,
}

/// A checked manifest or index.
#[derive(Debug, Clone)]
pub struct Document {
    /// The media type, in lower case, without parameters.
    pub media_type: String,
    /// What it lists: an image's parts, manifests, or the parts of an old signed image.
    pub kind: Kind,
    /// The schema version, 1 or 2.
    pub schema_version: u64,
    /// The digest of the bytes, or of the payload of a signed schema-1 manifest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// The document as JSON.
    pub value: Value,
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
}

impl Document {
    /// Parses and checks bytes. `content_type` is the type with which they were served; None if unknown.
    pub fn parse(bytes: &[u8], content_type: Option<&str>, algorithm: Algorithm) -> Result<Document> {
        Document::parse_hashed(bytes, content_type, algorithm.digest(bytes))
    }

    /// The same of bytes whose digest is known.
    pub(crate) fn parse_hashed(bytes: &[u8], content_type: Option<&str>, digest: Digest) -> Result<Document> {
        let value = parse_object(bytes)?;
        let algorithm = digest.algorithm();
        let media_type = media_type_of(&value, content_type)?;
        let mut document = Document {
            kind: Kind::Image,
            schema_version: if types::is_schema1(&media_type) { 1 } else { 2 },
            digest,
            size: bytes.len() as u64,
            config: descriptor(&value, "config")?,
            layers: descriptors(&value, if media_type == types::OCI_ARTIFACT { "blobs" } else { "layers" })?,
            manifests: descriptors(&value, "manifests")?,
            subject: descriptor(&value, "subject")?,
            media_type,
            value,
        };
        document.settle(bytes, algorithm)?;
        Ok(document)
    }

    fn settle(&mut self, bytes: &[u8], algorithm: Algorithm) -> Result<()> {
        self.kind = if types::is_schema1(&self.media_type) {
            check_schema1(&self.value)?;
            if schema1::is_signed(&self.value) {
                let payload = schema1::payload(bytes)?;
                self.digest = algorithm.digest(&payload);
            }
            Kind::Schema1
        } else if types::is_index(&self.media_type) {
            Kind::Index
        } else if self.media_type == types::OCI_ARTIFACT {
            Kind::Artifact
        } else if types::is_image(&self.media_type) {
            if self.config.is_none() {
                return Err(invalid("the image manifest has no config"));
            }
            if self.is_artifact() {
                Kind::Artifact
            } else {
                Kind::Image
            }
        } else {
            return Err(invalid(format!("'{}' is not a known manifest type", shorten(&self.media_type))));
        };
        Ok(())
    }

    fn is_artifact(&self) -> bool {
        let config = self.config.as_ref().map_or("", |config| config.media_type.as_str());
        self.value.get("artifactType").and_then(Value::as_str).is_some_and(|name| !name.is_empty())
            || !matches!(config, types::OCI_CONFIG | types::DOCKER_CONFIG)
    }

    /// The signatures of a signed schema-1 manifest, verified; an invalid one is an error. Whether the signers are
    /// trusted is for the caller to decide. Any other document has none.
    pub fn verify_signatures(&self, bytes: &[u8]) -> Result<Vec<Signature>> {
        match self.media_type == types::SCHEMA1_SIGNED {
            true => Ok(jws::verify(bytes, &RequiredSigners::default())?.signatures),
            false => Ok(Vec::new()),
        }
    }

    /// The config of an image; None for other kinds.
    pub fn config(&self) -> Option<&Descriptor> {
        self.config.as_ref()
    }

    /// The layers of an image, or the blobs of an artifact; empty for other kinds.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The manifests of an index; empty for other kinds.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// The layers of a schema-1 manifest, as it orders them: the newest first.
    pub fn fs_layers(&self) -> Result<Vec<Digest>> {
        let list = self.value.get("fsLayers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let digest = |entry: &Value| entry.get("blobSum").and_then(Value::as_str).unwrap_or_default().parse::<Digest>();
        list.iter()
            .map(|entry| digest(entry).map_err(|error| invalid(format!("a layer of fsLayers: {error}"))))
            .collect()
    }

    /// The manifest it refers to; None when it has no subject.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// Its descriptor as it stands in a list of referrers (distribution-spec "Pushing Manifests with Subject"): with the type of
    /// artifact, or that of its config, and its annotations.
    pub(crate) fn listed(&self) -> Descriptor {
        let named = self.value.get("artifactType").and_then(Value::as_str).filter(|name| !name.is_empty());
        let config = self.config().map(|config| config.media_type.as_str());
        let mut listed = Descriptor::new(&self.media_type, self.digest.clone(), self.size);
        listed.annotations = self.value.get("annotations").and_then(Value::as_object).map(Annotations::from);
        listed.artifact_type = named.or(config).map(str::to_owned);
        listed
    }

    /// The result in the documented JSON shape.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The members of that, for results that have others too.
    pub(crate) fn write_members<M: SerializeMap>(&self, json: &mut M) -> std::result::Result<(), M::Error> {
        json.serialize_entry("mediaType", &self.media_type)?;
        json.serialize_entry("digest", &self.digest)?;
        json.serialize_entry("size", &self.size)?;
        json.serialize_entry("schema_version", &self.schema_version)?;
        json.serialize_entry("kind", &self.kind)?;
        json.serialize_entry("manifest", &self.value)
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_map(None)?;
        self.write_members(&mut json)?;
        json.end()
    }
}

fn parse_object(bytes: &[u8]) -> Result<Value> {
    let start = bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    if start == Some(b'<') {
        return Err(invalid("the manifest is an HTML or XML page"));
    }
    match json::parse(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(invalid("the manifest is not a JSON object")),
        Err(_) if start.is_none() => Err(invalid("the manifest is empty")),
        Err(error) => Err(invalid(format!("the manifest {}", error.verdict()))),
    }
}

/// Layers and history must be present and have the same length (CVE-2014-8179 exploited a difference).
fn check_schema1(value: &Value) -> Result<()> {
    let list = |key: &str| value.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
    let layers = list("fsLayers").ok_or_else(|| invalid("the schema-1 manifest has no layers"))?;
    let history = list("history").ok_or_else(|| invalid("the schema-1 manifest has no history"))?;
    if layers.len() != history.len() {
        let message =
            format!("the schema-1 manifest has {} layers and {} entries of history", layers.len(), history.len());
        return Err(invalid(message));
    }
    for layer in layers {
        let digest = layer.get("blobSum").and_then(Value::as_str).unwrap_or_default();
        digest.parse::<Digest>().map_err(|error| invalid(format!("a layer of the schema-1 manifest: {error}")))?;
    }
    Ok(())
}
