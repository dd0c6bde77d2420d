//! The config of an image (OCI image-spec config.md).

use serde_json::{json, Value};

use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::manifest::MOST_BYTES;
use crate::media_type::is_image_config;
use crate::store::served_by::Senders;
use crate::store::{read_whole, ReadStore};

/// A config with its exact bytes.
#[derive(Debug, Clone)]
pub struct ImageConfig {
    /// The descriptor in the manifest.
    pub descriptor: Descriptor,
    /// Exactly the bytes that the descriptor's digest is of.
    pub bytes: Vec<u8>,
    /// The parsed JSON; null if the config is not an image's and not JSON.
    pub value: Value,
}

impl ImageConfig {
    /// Reads an image's config.
    pub fn read(call: &Call, store: &dyn ReadStore, image: &Image) -> Result<ImageConfig> {
        let document = &image.content.document;
        let descriptor = document.config().ok_or_else(|| {
            let message = format!("a manifest of type {} has no config", document.media_type);
            Error::new(Code::Unsupported, message)
        })?;
        let bytes = read_whole(call, store, descriptor, MOST_BYTES)?;
        let value = match crate::json::parse(&bytes) {
            Ok(value) => value,
            Err(_) if !is_image_config(&descriptor.media_type) => Value::Null,
            Err(error) => {
                let message = format!("the config {} {}", descriptor.digest, error.verdict());
                return Err(Error::new(Code::InvalidManifest, message));
            }
        };
        Ok(ImageConfig { descriptor: descriptor.clone(), bytes, value })
    }

    /// The digests of the unpacked layers, oldest first; None if the config does not have them.
    pub fn diff_ids(&self) -> Result<Option<Vec<Digest>>> {
        let Some(list) = self.value.pointer("/rootfs/diff_ids").and_then(Value::as_array) else { return Ok(None) };
        let digest = |entry: &Value| entry.as_str().unwrap_or_default().parse::<Digest>();
        let ids = list.iter().map(digest).collect::<std::result::Result<Vec<_>, _>>();
        ids.map(Some).map_err(|error| {
            Error::new(Code::InvalidManifest, format!("the diff_ids of the config {}: {error}", self.descriptor.digest))
        })
    }

    /// The documented JSON shape.
    pub fn to_json(&self, call: &Call, image: &Image) -> Value {
        let mut json = json!({
            "digest": self.descriptor.digest,
            "size": self.bytes.len(),
            "mediaType": self.descriptor.media_type,
            "manifest": image.content.digest(),
            "config": self.value,
            "served_by": Senders::of(call),
        });
        if let Some(platform) = &image.platform {
            json["platform"] = serde_json::to_value(platform).unwrap_or_default();
        }
        json
    }
}
