//! Manifests and indexes (OCI image-spec manifest.md, image-index.md; Docker's schema 1 and 2): what bytes are, checked.
//!
//! One document must mean one thing to every reader: its media type, the type it was served as and its structure have
//! to agree (CVE-2021-41190).

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::annotations::Annotations;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::media_type as types;
use crate::platform::Platform;
use crate::schema1::jws::{self, Demand, Signature};
use crate::text::shorten;
use crate::{json, schema1};

/// The most bytes that a manifest may have, whatever a caller allows.
pub const MOST_BYTES: u64 = 32 << 20;
/// More descriptors than any document that fits the size limit should hold.
const MOST_DESCRIPTORS: usize = 100_000;

/// The members that decide what a document is.
const MEMBERS: [&str; 10] = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "subject",
    "artifactType",
    "blobs",
    "fsLayers",
    "history",
];

/// What a manifest names (OCI image-spec descriptor.md).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's media type.
    #[serde(default, deserialize_with = "json::or_default")]
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
    pub annotations: Option<Annotations>,
    /// The content itself, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What kind of artifact it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Box<Platform>>,
}

impl Descriptor {
    /// One that says no more than this.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: None,
            annotations: None,
            data: None,
            artifact_type: None,
            platform: None,
        }
    }

    /// The text of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.text(name)
    }

    /// What a member of a manifest holds.
    pub fn read(value: &Value, member: &str) -> Result<Descriptor> {
        let error = |error| invalid(format!("the manifest's {member} is no descriptor: {error}"));
        let found = Descriptor::deserialize(value).map_err(error)?;
        found.check_data().map_err(|why| invalid(format!("the manifest's {member} {why}")))?;
        Ok(found)
    }

    /// The content that it holds itself must be the content that it names, for readers that take the one or the other.
    fn check_data(&self) -> std::result::Result<(), &'static str> {
        let Some(data) = self.data.as_ref().filter(|data| !data.is_empty()) else { return Ok(()) };
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| "has data that is no base64")?;
        match self.digest.algorithm().digest(&bytes) == self.digest && bytes.len() as u64 == self.size {
            true => Ok(()),
            false => Err("has data of another digest or size"),
        }
    }
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
            return Err(invalid(format!("'{}' is no manifest type that is known", shorten(&self.media_type))));
        };
        Ok(())
    }

    fn is_artifact(&self) -> bool {
        let config = self.config.as_ref().map_or("", |config| config.media_type.as_str());
        self.value.get("artifactType").and_then(Value::as_str).is_some_and(|name| !name.is_empty())
            || !matches!(config, types::OCI_CONFIG | types::DOCKER_CONFIG)
    }

    /// The signatures of a signed schema-1 manifest. They are verified, and a bad one is the end of it; whose they are is
    /// the caller's question. Any other document has none.
    pub fn verify_signatures(&self, bytes: &[u8]) -> Result<Vec<Signature>> {
        match self.media_type == types::SCHEMA1_SIGNED {
            true => Ok(jws::verify(bytes, &Demand::default())?.signatures),
            false => Ok(Vec::new()),
        }
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

    /// The layers of a schema-1 manifest, as it orders them: the newest first.
    pub fn fs_layers(&self) -> Result<Vec<Digest>> {
        let list = self.value.get("fsLayers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let digest = |entry: &Value| entry.get("blobSum").and_then(Value::as_str).unwrap_or_default().parse::<Digest>();
        list.iter()
            .map(|entry| digest(entry).map_err(|error| invalid(format!("a layer of fsLayers: {error}"))))
            .collect()
    }

    /// What it refers to.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
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

/// The type that the document names, that it was served as, and that its structure has: they must agree. A list that is absent or
/// null is an empty one.
fn media_type_of(value: &Value, content_type: Option<&str>) -> Result<String> {
    let has = |key: &str| value.get(key).is_some_and(|member| !member.is_null());
    check_spelling(value)?;
    let image = has("layers") || has("config");
    if has("manifests") && image || has("fsLayers") && (image || has("manifests")) {
        return Err(invalid("the manifest is ambiguous: it has the members of two kinds, index, image or schema 1"));
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
        _ if value.get("manifests").is_some() && !image => types::OCI_INDEX,
        _ => "",
    };
    let says_what_it_is = named.is_some() || version == Some(2);
    let chosen = named.or(served).unwrap_or_else(|| built.to_owned());
    if chosen.is_empty() {
        return Err(invalid("the manifest has neither a media type nor the members of one"));
    }
    let same_kind =
        types::is_index(&chosen) == types::is_index(built) && types::is_schema1(&chosen) == types::is_schema1(built);
    // An empty artifact manifest or index has no member that tells.
    let is_bare = built.is_empty() && (types::is_image(&chosen) || types::is_index(&chosen) && says_what_it_is);
    if !(same_kind || is_bare) {
        return Err(invalid(format!("the manifest says it is {}, but is not built like one", shorten(&chosen))));
    }
    if chosen == types::OCI_ARTIFACT && image {
        return Err(invalid("the manifest is ambiguous: it has the members of an artifact manifest and of an image"));
    }
    let schema_version = if types::is_schema1(&chosen) { 1 } else { 2 };
    if has("schemaVersion") && version != Some(schema_version) {
        let message = format!("the schemaVersion of the manifest is not {schema_version}, as in {}", shorten(&chosen));
        return Err(invalid(message));
    }
    Ok(if types::is_schema1(&chosen) { built.to_owned() } else { chosen })
}

/// Some readers take `Layers` for `layers`, and would see another image, unless there is nothing in either.
fn check_spelling(value: &Value) -> Result<()> {
    let is_nothing = |member: &str| value.get(member).is_none_or(Value::is_null);
    let odd = |(key, found): &(&String, &Value)| {
        let mut members = MEMBERS.iter().filter(|member| *member != key && member.eq_ignore_ascii_case(key));
        members.any(|member| !(found.is_null() && is_nothing(member)))
    };
    match value.as_object().and_then(|members| members.iter().find(odd)) {
        Some((key, _)) => Err(invalid(format!("the manifest's member '{}' has the wrong case", shorten(key)))),
        None => Ok(()),
    }
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
        Some(member) => Descriptor::read(member, key).map(Some),
    }
}

fn descriptors(value: &Value, key: &str) -> Result<Vec<Descriptor>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > MOST_DESCRIPTORS => {
            Err(Error::new(Code::LimitExceeded, format!("the manifest has more than {MOST_DESCRIPTORS} {key}")))
        }
        Some(Value::Array(list)) => {
            list.iter().enumerate().map(|(at, member)| Descriptor::read(member, &format!("{key}[{at}]"))).collect()
        }
        Some(_) => Err(invalid(format!("the manifest's {key} is no list"))),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn entry(media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": format!("sha256:{HEX}"), "size": 3, "x-unknown": [1]})
    }

    fn image(media_type: &str, config: &str) -> Value {
        json!({"schemaVersion": 2, "mediaType": media_type, "config": entry(config), "layers": [entry(types::OCI_LAYER)]})
    }

    fn index(platforms: &[&str]) -> Value {
        let entries = platforms.iter().map(|platform| {
            let mut entry = entry(types::OCI_MANIFEST);
            let parts: Vec<&str> = platform.split('/').collect();
            entry["platform"] = json!({"os": parts[0], "architecture": parts[1]});
            entry["annotations"] = json!({"was": platform});
            entry
        });
        json!({"schemaVersion": 2, "mediaType": types::OCI_INDEX, "manifests": entries.collect::<Vec<_>>()})
    }

    fn schema1() -> Value {
        json!({"schemaVersion": 1, "name": "a/b", "fsLayers": [{"blobSum": format!("sha256:{HEX}")}],
            "history": [{"v1Compatibility": "{}"}]})
    }

    fn with(mut value: Value, key: &str, member: Value) -> Value {
        value[key] = member;
        value
    }

    fn parse(value: &Value, content_type: Option<&str>) -> Result<Document> {
        Document::parse(value.to_string().as_bytes(), content_type, Algorithm::Sha256)
    }

    /// Signed as libtrust does, with the payload cut after `length` bytes.
    fn sign(payload: &str, body: &str, length: usize) -> Vec<u8> {
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let protected = json!({"formatLength": length, "formatTail": engine.encode(&payload[length..])}).to_string();
        let signature = json!([{"header": {}, "signature": "x", "protected": engine.encode(protected)}]);
        format!("{},\"signatures\":{signature}}}", body.strip_suffix('}').unwrap()).into_bytes()
    }

    #[test]
    fn every_kind_is_told_with_and_without_its_type() {
        let cases = [
            (image(types::OCI_MANIFEST, types::OCI_CONFIG), types::OCI_MANIFEST, Kind::Image, 2),
            (image(types::DOCKER_MANIFEST, types::DOCKER_CONFIG), types::DOCKER_MANIFEST, Kind::Image, 2),
            (image(types::OCI_MANIFEST, types::OCI_EMPTY), types::OCI_MANIFEST, Kind::Artifact, 2),
            (index(&["linux/amd64"]), types::OCI_INDEX, Kind::Index, 2),
            (index(&[]), types::OCI_INDEX, Kind::Index, 2),
            (schema1(), types::SCHEMA1, Kind::Schema1, 1),
        ];
        for (value, media_type, kind, version) in cases {
            let mut bare = value.clone();
            bare.as_object_mut().unwrap().remove("mediaType");
            for content_type in [None, Some(""), Some("text/plain; charset=utf-8"), Some("application/octet-stream")] {
                for value in [&value, &bare] {
                    let document = parse(value, content_type).unwrap();
                    let found = (document.media_type.as_str(), document.kind, document.schema_version);
                    assert_eq!(found, (media_type, kind, version), "{value}");
                }
            }
            let upper = format!("{} ; charset=utf-8", media_type.to_uppercase());
            assert_eq!(parse(&bare, Some(&upper)).unwrap().media_type, media_type);
        }
        let list = with(index(&[]), "mediaType", json!(types::DOCKER_LIST));
        assert_eq!(parse(&list, None).unwrap().media_type, types::DOCKER_LIST);
        let artifact = with(image(types::OCI_MANIFEST, types::OCI_CONFIG), "artifactType", json!("application/x"));
        assert_eq!(parse(&artifact, None).unwrap().kind, Kind::Artifact);
        let old = json!({"mediaType": types::OCI_ARTIFACT, "artifactType": "a/b", "blobs": [entry("c/d")]});
        let old = parse(&old, None).unwrap();
        assert_eq!((old.kind, old.layers().len()), (Kind::Artifact, 1));
    }

    #[test]
    fn what_a_document_holds_is_read() {
        let value = with(image(types::OCI_MANIFEST, types::OCI_CONFIG), "subject", entry(types::OCI_MANIFEST));
        let document = parse(&value, None).unwrap();
        assert_eq!(document.config().unwrap().size, 3);
        assert_eq!(document.layers()[0].media_type, types::OCI_LAYER);
        assert_eq!(document.subject().unwrap().digest.hex(), HEX);
        assert!(document.manifests().is_empty());
        let bytes = value.to_string();
        let json = document.to_json();
        assert_eq!((&json["kind"], &json["schema_version"], &json["manifest"]), (&json!("image"), &json!(2), &value));
        assert_eq!((&json["mediaType"], &json["size"]), (&json!(types::OCI_MANIFEST), &json!(bytes.len())));
        assert_eq!(json["digest"], json!(Algorithm::Sha256.digest(bytes.as_bytes())));
        let long = Document::parse(bytes.as_bytes(), None, Algorithm::Sha512).unwrap();
        assert_eq!(long.digest, Algorithm::Sha512.digest(bytes.as_bytes()));
    }

    #[test]
    fn what_is_not_one_thing_is_refused() {
        let image = || image(types::OCI_MANIFEST, types::OCI_CONFIG);
        let layer = |member: &str, value: Value| with(image(), "layers", json!([with(entry("a/b"), member, value)]));
        for (value, reason) in [
            (with(index(&[]), "layers", json!([])), "ambiguous"),
            (with(index(&[]), "config", entry(types::OCI_CONFIG)), "ambiguous"),
            (with(schema1(), "layers", json!([])), "ambiguous"),
            (with(schema1(), "config", entry(types::OCI_CONFIG)), "ambiguous"),
            (with(image(), "mediaType", json!(types::OCI_ARTIFACT)), "ambiguous"),
            (with(image(), "mediaType", json!(types::OCI_INDEX)), "not built like one"),
            (with(schema1(), "mediaType", json!(types::OCI_MANIFEST)), "not built like one"),
            (with(image(), "mediaType", json!("image/png")), "no manifest type"),
            (with(image(), "mediaType", json!(7)), "no string"),
            (with(image(), "schemaVersion", json!(3)), "schemaVersion"),
            (with(image(), "schemaVersion", json!("2")), "schemaVersion"),
            (with(image(), "Layers", json!([])), "wrong case"),
            (with(image(), "layers", json!({})), "layers is no list"),
            (with(image(), "Layers", Value::Null), "wrong case"),
            (with(image(), "config", Value::Null), "no config"),
            (with(index(&[]), "manifests", json!([7])), "manifests[0]"),
            (layer("size", json!(-1)), "layers[0]"),
            (layer("size", json!(1.5)), "layers[0]"),
            (layer("size", json!(9_223_372_036_854_775_808_u64)), "out of range"),
            (layer("digest", json!("sha256:../../etc/passwd")), "layers[0]"),
            (with(schema1(), "fsLayers", json!([])), "no layers"),
            (with(schema1(), "history", json!([])), "no history"),
            (with(schema1(), "history", json!([{}, {}])), "1 layers and 2"),
            (with(schema1(), "fsLayers", json!([{"blobSum": "x"}])), "a layer of the schema-1"),
            (json!({}), "neither a media type"),
            (json!([]), "no JSON object"),
        ] {
            let error = parse(&value, None).unwrap_err();
            assert_eq!(error.code(), Code::InvalidManifest, "{value}");
            assert!(error.message().contains(reason), "{value}: {error}");
        }
        assert!(parse(&layer("size", json!(i64::MAX)), None).is_ok());
        for served in [types::OCI_INDEX, types::DOCKER_MANIFEST, types::SCHEMA1, "text/html"] {
            assert_eq!(parse(&image(), Some(served)).unwrap_err().code(), Code::InvalidManifest, "{served}");
        }
        let too_many = with(index(&[]), "manifests", Value::Array(vec![json!("0".repeat(60)); MOST_DESCRIPTORS + 1]));
        assert_eq!(parse(&too_many, None).unwrap_err().code(), Code::LimitExceeded);
    }

    /// Go writes an empty list as null, or leaves it out.
    #[test]
    fn an_absent_list_is_an_empty_one() {
        let image = || image(types::OCI_MANIFEST, types::OCI_CONFIG);
        let without = |mut value: Value, key: &str| {
            value.as_object_mut().unwrap().remove(key);
            value
        };
        let empty = [
            (with(image(), "layers", Value::Null), None),
            (without(image(), "layers"), None),
            (with(without(image(), "layers"), "Layers", Value::Null), None),
            (with(image(), "layers", Value::Null), Some(types::OCI_MANIFEST)),
            (with(index(&[]), "manifests", Value::Null), None),
            (without(index(&[]), "manifests"), None),
            (without(with(index(&[]), "manifests", Value::Null), "mediaType"), None),
            (without(with(index(&[]), "manifests", Value::Null), "mediaType"), Some(types::DOCKER_LIST)),
            (json!({"schemaVersion": 2}), Some(types::OCI_INDEX)),
            (json!({"manifests": null, "layers": null, "config": null}), Some("application/json")),
        ];
        for (value, served) in empty {
            let document = parse(&value, served).unwrap_or_else(|error| panic!("{value}: {error}"));
            assert!(document.layers().is_empty() && document.manifests().is_empty(), "{value}");
            let is_image = value.get("config").is_some_and(Value::is_object);
            assert_eq!(document.kind, if is_image { Kind::Image } else { Kind::Index }, "{value}");
        }
        let nothing = json!({"mediaType": null, "urls": null, "annotations": null, "data": null, "artifactType": null,
            "platform": {"os": null, "architecture": null, "variant": null, "os.version": null, "os.features": null}});
        let mut entry = entry("");
        entry.as_object_mut().unwrap().extend(nothing.as_object().unwrap().clone());
        for entry in [entry.clone(), with(entry.clone(), "data", json!("")), with(entry, "platform", Value::Null)] {
            let index = parse(&with(index(&[]), "manifests", json!([entry])), None).unwrap();
            assert_eq!(index.manifests()[0].media_type, "");
            let image = with(with(image(), "layers", json!([entry])), "config", entry.clone());
            let image = ["annotations", "subject", "artifactType", "mediaType"]
                .into_iter()
                .fold(image, |image, key| with(image, key, Value::Null));
            assert_eq!(parse(&image, Some(types::DOCKER_MANIFEST)).unwrap().layers()[0].urls, None);
        }
        // What came as an index and says nothing of one is an error's text, or a proxy's.
        assert!(parse(&json!({"errors": []}), Some(types::OCI_INDEX)).is_err());
    }

    #[test]
    fn what_is_no_json_is_named() {
        for (bytes, reason) in [
            (&b" <!DOCTYPE html><p>"[..], "HTML"),
            (b"", "empty"),
            (b"not found", "no good JSON"),
            (b"{\"schemaVersion\":2,\"schemaVersion\":2}", "twice"),
        ] {
            let error = Document::parse(bytes, None, Algorithm::Sha256).unwrap_err();
            assert_eq!(error.code(), Code::InvalidManifest);
            assert!(error.message().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_signed_manifest_has_its_payloads_digest_and_says_nothing_more() {
        let payload = schema1().to_string();
        let end = payload.len() - 1;
        let good = Document::parse(&sign(&payload, &payload, end), Some(types::SCHEMA1), Algorithm::Sha256).unwrap();
        assert_eq!(good.media_type, types::SCHEMA1_SIGNED);
        assert_eq!(good.digest, Algorithm::Sha256.digest(payload.as_bytes()));
        // The tail holds the whole of the signed document, and the bytes around it another one.
        let other = payload.replace("e3b0", "0000");
        let more = payload.replacen('{', "{\"x\":1,", 1);
        for (body, length) in [(&other, 1), (&more, 1)] {
            let error = Document::parse(&sign(&payload, body, length), None, Algorithm::Sha256).unwrap_err();
            assert_eq!(error.code(), Code::Signature);
            assert!(error.message().contains("something else"), "{error}");
        }
        let broken = with(schema1(), "signatures", json!(1));
        assert_eq!(parse(&broken, None).unwrap_err().code(), Code::Signature);
    }
}
