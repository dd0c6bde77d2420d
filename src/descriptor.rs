//! Descriptors (OCI image-spec descriptor.md): how a manifest refers to other content.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::annotations::Annotations;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::platform::Platform;

/// More descriptors than any document within the size limit should contain.
pub(crate) const MOST_DESCRIPTORS: usize = 100_000;

/// A reference to content (OCI image-spec descriptor.md).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's media type; empty when the document gives none.
    #[serde(default, deserialize_with = "json::or_default")]
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    #[serde(deserialize_with = "size")]
    pub size: u64,
    /// URLs from which it may also be fetched; None when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    /// Annotations; None when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Annotations>,
    /// The content itself in base64, if embedded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The type of artifact, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The platform it runs on; None when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Box<Platform>>,
}

/// The annotation of an attestation with the digest of what it is about (buildkit, docs/attestations/attestation-storage.md).
pub(crate) const ATTESTED: &str = "vnd.docker.reference.digest";

impl Descriptor {
    /// A descriptor with only the required members.
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

    /// The text of an annotation; None when it is absent.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.as_ref()?.text(name)
    }

    /// Whether it attests something about others, as an entry of an index, and is not an image that can be run.
    pub(crate) fn is_attestation(&self) -> bool {
        let kind = self.annotation("vnd.docker.reference.type");
        kind == Some("attestation-manifest") || self.platform.as_ref().is_some_and(|platform| platform.is_unknown())
    }

    /// The digest of what it attests something about.
    pub(crate) fn attests(&self) -> Option<&str> {
        self.annotation(ATTESTED).filter(|_| self.is_attestation())
    }

    /// Reads the descriptor in a member of a manifest.
    pub(crate) fn read(value: &Value, member: &str) -> Result<Descriptor> {
        let error = |error| invalid(format!("the manifest's {member} is not a descriptor: {error}"));
        let found = Descriptor::deserialize(value).map_err(error)?;
        found.check_data().map_err(|why| invalid(format!("the manifest's {member} {why}")))?;
        Ok(found)
    }

    /// Embedded content must match the digest and size, because readers may use either.
    fn check_data(&self) -> std::result::Result<(), &'static str> {
        let Some(data) = self.data.as_ref().filter(|data| !data.is_empty()) else { return Ok(()) };
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| "has data that is not base64")?;
        match self.digest.algorithm().digest(&bytes) == self.digest && bytes.len() as u64 == self.size {
            true => Ok(()),
            false => Err("has data with a different digest or size"),
        }
    }
}

// A size is an int64 in the specification; larger ones are hostile.
fn size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    match i64::try_from(size) {
        Ok(_) => Ok(size),
        Err(_) => Err(serde::de::Error::custom(format!("the size {size} is out of range"))),
    }
}

pub(crate) fn descriptor(value: &Value, key: &str) -> Result<Option<Descriptor>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(member) => Descriptor::read(member, key).map(Some),
    }
}

pub(crate) fn descriptors(value: &Value, key: &str) -> Result<Vec<Descriptor>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() > MOST_DESCRIPTORS => {
            Err(Error::new(Code::LimitExceeded, format!("the manifest has more than {MOST_DESCRIPTORS} {key}")))
        }
        Some(Value::Array(list)) => {
            list.iter().enumerate().map(|(at, member)| Descriptor::read(member, &format!("{key}[{at}]"))).collect()
        }
        Some(_) => Err(invalid(format!("the manifest's {key} is not a list"))),
    }
}

/// The error for everything that is wrong with a manifest.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidManifest, message)
}
