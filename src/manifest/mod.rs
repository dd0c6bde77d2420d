//! Manifests and indexes (OCI image-spec manifest.md, image-index.md; Docker's schema 1 and 2): determining and
//! checking what bytes are.
//!
//! One document must mean one thing to every reader: its media type, the type it was served as and its structure must
//! agree (CVE-2021-41190).

mod media_type;

use serde::Serialize;
use serde_json::Value;

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
    /// The kind of document.
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

    /// The result in the documented JSON shape.
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
        Ok(_) => Err(invalid("the manifest is not a JSON object")),
        Err(_) if start.is_none() => Err(invalid("the manifest is empty")),
        Err(error) => Err(invalid(format!("the manifest is not valid JSON: {error}"))),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::MOST_DESCRIPTORS;
    use crate::error::Code;
    use base64::Engine as _;
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
            (with(image(), "mediaType", json!("image/png")), "not a known manifest type"),
            (with(image(), "mediaType", json!(7)), "not a string"),
            (with(image(), "schemaVersion", json!(3)), "schemaVersion"),
            (with(image(), "schemaVersion", json!("2")), "schemaVersion"),
            (with(image(), "Layers", json!([])), "wrong case"),
            (with(image(), "layers", json!({})), "layers is not a list"),
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
            (json!([]), "not a JSON object"),
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

    /// Go programs write an empty list as null, or leave it out.
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
        // A document served as an index without any of its members is an error message, or from a proxy.
        assert!(parse(&json!({"errors": []}), Some(types::OCI_INDEX)).is_err());
    }

    #[test]
    fn what_is_no_json_is_named() {
        for (bytes, reason) in [
            (&b" <!DOCTYPE html><p>"[..], "HTML"),
            (b"", "empty"),
            (b"not found", "not valid JSON"),
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
        // The tail contains the whole signed document, and the bytes around it another one.
        let other = payload.replace("e3b0", "0000");
        let more = payload.replacen('{', "{\"x\":1,", 1);
        for (body, length) in [(&other, 1), (&more, 1)] {
            let error = Document::parse(&sign(&payload, body, length), None, Algorithm::Sha256).unwrap_err();
            assert_eq!(error.code(), Code::Signature);
            assert!(error.message().contains("something other"), "{error}");
        }
        let broken = with(schema1(), "signatures", json!(1));
        assert_eq!(parse(&broken, None).unwrap_err().code(), Code::Signature);
    }
}
