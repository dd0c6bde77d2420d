//! Manifests and indexes (OCI image-spec manifest.md, image-index.md; Docker's schema 1 and 2): what bytes are, checked.
//!
//! One document must mean one thing to every reader: its media type, the type it was served as and its structure have
//! to agree (CVE-2021-41190).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::digest::{shorten, Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::media_type as types;
use crate::platform::Platform;
use crate::{json, schema1};

/// More descriptors than any document that fits the size limit should hold.
const MOST_DESCRIPTORS: usize = 100_000;

/// What a manifest names (OCI image-spec descriptor.md).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's media type.
    #[serde(default)]
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// Where else it may be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Map<String, Value>>,
    /// The content itself, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

// A size is int64 in the specification; larger ones are hostile.
fn size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    match i64::try_from(size) {
        Ok(_) => Ok(size),
        Err(_) => Err(serde::de::Error::custom(format!("the size {size} is out of range"))),
    }
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An image for one platform.
    Image,
    /// A list of manifests.
    Index,
    /// Something else in the form of an image.
    Artifact,
    /// The old form.
    Schema1,
}

/// A manifest or index, checked.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its media type.
    pub media_type: String,
    /// What it is.
    pub kind: Kind,
    /// 1 or 2.
    pub schema_version: u64,
    /// Its digest: over the bytes, or over the payload of a signed schema-1 manifest.
    pub digest: Digest,
    /// Its bytes' number.
    pub size: u64,
    /// The document.
    pub value: Value,
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidManifest, message)
}

impl Document {
    /// What bytes are that were served, or are said to be, of a type.
    pub fn parse(bytes: &[u8], content_type: Option<&str>, algorithm: Algorithm) -> Result<Document> {
        let value = parse_object(bytes)?;
        let media_type = media_type_of(&value, content_type)?;
        let mut document = Document {
            kind: Kind::Image,
            schema_version: if types::is_schema1(&media_type) { 1 } else { 2 },
            digest: algorithm.digest(bytes),
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
                self.digest = algorithm.digest(&schema1::payload(bytes)?);
            }
            Kind::Schema1
        } else if types::is_index(&self.media_type) {
            if !self.value.get("manifests").is_some_and(Value::is_array) {
                return Err(invalid("the index has no list of manifests"));
            }
            Kind::Index
        } else if self.media_type == types::OCI_ARTIFACT {
            Kind::Artifact
        } else if types::is_image(&self.media_type) {
            if self.config.is_none() || !self.value.get("layers").is_some_and(Value::is_array) {
                return Err(invalid("the image manifest has no config or no list of layers"));
            }
            if self.is_artifact() {
                Kind::Artifact
            } else {
                Kind::Image
            }
        } else {
            return Err(invalid(format!("'{}' is no manifest type that is known", shorten(&self.media_type))));
        };
        Ok(())
    }

    fn is_artifact(&self) -> bool {
        let config = self.config.as_ref().map_or("", |config| config.media_type.as_str());
        self.value.get("artifactType").is_some_and(Value::is_string)
            || !matches!(config, types::OCI_CONFIG | types::DOCKER_CONFIG)
    }

    /// The config of an image.
    pub fn config(&self) -> Option<&Descriptor> {
        self.config.as_ref()
    }

    /// The layers of an image, or the blobs of an artifact.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The manifests of an index.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// What it refers to.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// Of an index, the manifest for a platform.
    pub fn choose(&self, platform: &Platform) -> Result<&Descriptor> {
        let chosen = platform.choose(self.manifests.iter().map(|entry| entry.platform.as_ref()));
        chosen.and_then(|at| self.manifests.get(at)).ok_or_else(|| {
            let known = self.manifests.iter().filter_map(|entry| entry.platform.as_ref());
            let known: Vec<String> =
                known.filter(|platform| platform.os != "unknown").map(Platform::to_string).take(50).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Error::new(
                Code::NotFound,
                format!("the index has no manifest for {platform}; it has {}", shorten_list(&known)),
            )
        })
    }

    /// The documented JSON shape.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.size,
            "schema_version": self.schema_version,
            "kind": self.kind,
            "manifest": self.value,
        })
    }
}

fn shorten_list(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(1000).collect()
}

fn parse_object(bytes: &[u8]) -> Result<Value> {
    let start = bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace());
    if start == Some(b'<') {
        return Err(invalid("the manifest is an HTML or XML page"));
    }
    match json::parse(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(invalid("the manifest is no JSON object")),
        Err(_) if start.is_none() => Err(invalid("the manifest is empty")),
        Err(error) => Err(invalid(format!("the manifest is no good JSON: {error}"))),
    }
}

/// The type that the document names, that it was served as, and that its structure has: they must agree.
fn media_type_of(value: &Value, content_type: Option<&str>) -> Result<String> {
    let has = |key: &str| value.get(key).is_some_and(|member| !member.is_null());
    if has("manifests") && (has("layers") || has("config")) || has("fsLayers") && (has("layers") || has("manifests")) {
        return Err(invalid("the manifest is ambiguous: it is an index and an image at once"));
    }
    let named = match value.get("mediaType") {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(types::essence(name)).filter(|name| !name.is_empty()),
        Some(_) => return Err(invalid("the mediaType is no string")),
    };
    let served = content_type.map(types::essence).filter(|served| {
        !matches!(
            served.as_str(),
            "" | "application/json" | "text/plain" | "application/octet-stream" | "binary/octet-stream"
        )
    });
    if let (Some(named), Some(served)) = (&named, &served) {
        let both_schema1 = types::is_schema1(named) && types::is_schema1(served);
        if named != served && !both_schema1 {
            return Err(invalid(format!(
                "the manifest says it is {}, but it came as {}",
                shorten(named),
                shorten(served)
            )));
        }
    }
    let version = value.get("schemaVersion").and_then(Value::as_u64);
    let built = match version {
        Some(1) if schema1::is_signed(value) => types::SCHEMA1_SIGNED,
        Some(1) => types::SCHEMA1,
        _ if has("manifests") => types::OCI_INDEX,
        _ if has("blobs") && !has("layers") => types::OCI_ARTIFACT,
        Some(2) if has("config") || has("layers") => built_image(value),
        _ => "",
    };
    let chosen = named.or(served).unwrap_or_else(|| built.to_owned());
    if chosen.is_empty() {
        return Err(invalid("the manifest has neither a media type nor the members of one"));
    }
    let same_kind =
        types::is_index(&chosen) == types::is_index(built) && types::is_schema1(&chosen) == types::is_schema1(built);
    // An empty artifact manifest has no member that tells.
    if !same_kind && !(built.is_empty() && types::is_image(&chosen)) {
        return Err(invalid(format!("the manifest says it is {}, but is not built like one", shorten(&chosen))));
    }
    Ok(if types::is_schema1(&chosen) { built.to_owned() } else { chosen })
}

fn built_image(value: &Value) -> &'static str {
    match value.pointer("/config/mediaType").and_then(Value::as_str) {
        Some(types::DOCKER_CONFIG) => types::DOCKER_MANIFEST,
        _ => types::OCI_MANIFEST,
    }
}

fn descriptor(value: &Value, key: &str) -> Result<Option<Descriptor>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(member) => one(member, key).map(Some),
    }
}

fn descriptors(value: &Value, key: &str) -> Result<Vec<Descriptor>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > MOST_DESCRIPTORS => {
            Err(Error::new(Code::LimitExceeded, format!("the manifest has more than {MOST_DESCRIPTORS} {key}")))
        }
        Some(Value::Array(list)) => {
            list.iter().enumerate().map(|(at, member)| one(member, &format!("{key}[{at}]"))).collect()
        }
        Some(_) => Err(invalid(format!("the manifest's {key} is no list"))),
    }
}

fn one(value: &Value, key: &str) -> Result<Descriptor> {
    let error = |error| invalid(format!("the manifest's {key} is no descriptor: {error}"));
    Descriptor::deserialize(value).map_err(error)
}

/// Layers and history must be there, and be of one length (CVE-2014-8179 lived in the difference).
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
