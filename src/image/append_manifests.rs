//! A place that has an image, with more layers laid over it: new configs, manifests and indexes, and the layers' bytes.

use serde_json::{json, Value};

use super::config::ImageConfig;
use super::new_layer::NewLayer;
use super::Image;
use crate::call::Call;
use crate::digest::Algorithm;
use crate::error::{Code, Error, Result};
use crate::json::list_mut;
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::store::local_store::LocalStore;
use crate::store::platform_descent;
use crate::store::{RawManifest, ReadStore};
use crate::stream::local_bytes::LocalBytes;

/// Images with new layers on them, and what is new of them as a place to copy from.
pub(super) struct AppendedImages<'a> {
    below: &'a dyn ReadStore,
    layers: &'a [NewLayer],
    /// What the caller wants the layers to be called.
    media_type: Option<&'a str>,
    pub(super) store: LocalStore<'a>,
}

impl<'a> AppendedImages<'a> {
    pub(super) fn new(
        below: &'a dyn ReadStore,
        root: RawManifest,
        layers: &'a [NewLayer],
        media_type: Option<&'a str>,
    ) -> AppendedImages<'a> {
        let mut store = LocalStore::over(below, root);
        layers.iter().for_each(|layer| store.add_blob(layer.digest.clone(), layer.bytes.clone()));
        AppendedImages { below, layers, media_type, store }
    }

    /// The manifest of an image with the new layers, and what the result says of it.
    pub(super) fn image(&mut self, call: &Call, image: &Image) -> Result<(RawManifest, Vec<Value>)> {
        let document = &image.content.document;
        if document.config().is_none_or(|config| !types::is_image_config(&config.media_type)) {
            let message = format!("{} is not an image to which layers can be appended", document.digest);
            return Err(Error::new(Code::Unsupported, message));
        }
        let config = ImageConfig::read(call, self.below, image)?;
        let bytes = extended(&config, document.layers().len(), self.layers)?;
        let config =
            Descriptor::new(&config.descriptor.media_type, Algorithm::Sha256.digest(&bytes), bytes.len() as u64);
        let added = self.layers.iter().map(|layer| {
            let media_type = layer.media_type(&document.media_type, self.media_type);
            json!(Descriptor::new(&media_type, layer.digest.clone(), layer.size))
        });
        let mut manifest = document.value.clone();
        manifest["config"] = json!(config);
        match list_mut(&mut manifest, "layers") {
            Some(list) => list.extend(added),
            None => return Err(Error::new(Code::InvalidManifest, "the image has no list of layers")),
        }
        let content = RawManifest::parse(manifest.to_string().into_bytes(), Some(&document.media_type), None)?;
        let mut shown = json!({"digest": content.digest(), "config": config.digest});
        if let Some(platform) = &image.platform {
            shown["platform"] = json!(platform);
        }
        self.store.add_blob(config.digest, LocalBytes::Memory(bytes.into(), "the new config"));
        self.store.add_manifest(content.clone());
        Ok((content, vec![shown]))
    }

    /// The index with the layers on each image of it, and of the indexes in it. What speaks of the images as they were, such as
    /// attestations, is left out.
    pub(super) fn index(&mut self, call: &Call, index: &Image, depth: usize) -> Result<(RawManifest, Vec<Value>)> {
        if depth >= platform_descent::DEPTH {
            return Err(platform_descent::too_deep());
        }
        let document = &index.content.document;
        let (mut entries, mut images) = (Vec::new(), Vec::new());
        let raw = document.value.get("manifests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (entry, raw) in document.manifests().iter().zip(raw).filter(|(entry, _)| !entry.is_attestation()) {
            let content = self.below.manifest(call, entry)?;
            let image =
                Image { content, platform: entry.platform.as_deref().cloned().or_else(|| index.platform.clone()) };
            let (content, shown) = match image.content.document.kind {
                Kind::Index => self.index(call, &image, depth + 1)?,
                _ => self.image(call, &image)?,
            };
            let mut raw = raw.clone();
            raw["digest"] = json!(content.digest());
            raw["size"] = json!(content.bytes.len());
            if let Some(members) = raw.as_object_mut() {
                members.remove("data");
            }
            entries.push(raw);
            images.extend(shown);
        }
        let mut value = document.value.clone();
        value["manifests"] = Value::Array(entries);
        let content = RawManifest::parse(value.to_string().into_bytes(), Some(&document.media_type), None)?;
        self.store.add_manifest(content.clone());
        Ok((content, images))
    }
}

/// The config with the new layers in it. No clock: the same layers on the same image give the same image.
fn extended(config: &ImageConfig, count: usize, layers: &[NewLayer]) -> Result<Vec<u8>> {
    let invalid =
        |why: &str| Err(Error::new(Code::InvalidManifest, format!("the config {} {why}", config.descriptor.digest)));
    let mut value = config.value.clone();
    // An image without layers may have no rootfs either.
    if let Some(members) = value.as_object_mut().filter(|_| count == 0) {
        let rootfs = members.entry("rootfs").or_insert(Value::Null);
        if rootfs.is_null() {
            *rootfs = json!({"type": "layers", "diff_ids": []});
        }
    }
    let Some(ids) = value.get_mut("rootfs").and_then(|rootfs| list_mut(rootfs, "diff_ids")) else {
        return invalid("has no diff_ids");
    };
    if ids.len() != count {
        return invalid("does not have one diff_id for each layer");
    }
    ids.extend(layers.iter().map(|layer| json!(layer.diff_id)));
    // A history that does not describe every layer would be assigned to the wrong ones.
    if let Some(history) = value.get_mut("history").and_then(Value::as_array_mut) {
        let is_layer = |step: &&Value| step.get("empty_layer").and_then(Value::as_bool) != Some(true);
        if history.iter().filter(is_layer).count() == count {
            history.extend(layers.iter().map(|_| json!({"created_by": "ocireg append"})));
        }
    }
    Ok(value.to_string().into_bytes())
}
