//! Descriptors (OCI image-spec descriptor.md): how a manifest names other content.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::invalid::invalid;
use crate::annotations::Annotations;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::json;
use crate::platform::Platform;

/// More descriptors than any document that fits the size limit should hold.
pub(super) const MOST_DESCRIPTORS: usize = 100_000;

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

pub(super) fn descriptor(value: &Value, key: &str) -> Result<Option<Descriptor>> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(member) => Descriptor::read(member, key).map(Some),
    }
}

pub(super) fn descriptors(value: &Value, key: &str) -> Result<Vec<Descriptor>> {
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
