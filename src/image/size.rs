//! How many bytes an image has.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{json, Value};

use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::platform::Platform;
use crate::store::served_by::Senders;
use crate::store::ReadStore;

options! {
    /// Options of [`size`].
    #[derive(Debug, Clone)]
    pub struct SizeOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// every image of an index
        pub all: bool,
    }
}

/// The bytes of one image, as they are stored.
#[derive(Debug, Serialize)]
pub struct ImageSize {
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's media type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The platform in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The manifest's bytes.
    pub manifest: u64,
    /// The config's bytes.
    pub config: u64,
    /// `{digest, size, mediaType}` of each layer, the oldest first.
    pub layers: Vec<Value>,
    /// The layers' bytes, as listed.
    pub layers_total: u64,
    /// The bytes of config and layers, each blob once.
    pub total: u64,
    #[serde(skip)]
    blobs: HashMap<Digest, u64>,
}

/// The size of an image, or with `all` of every image of an index, in the documented JSON shape.
pub fn size(call: &Call, store: &dyn ReadStore, options: &SizeOptions) -> Result<Value> {
    let shown = |value: &ImageSize| {
        serde_json::to_value(value).map_err(|error| Error::new(Code::Internal, format!("the sizes: {error}")))
    };
    let told = |mut value: Value| {
        value["served_by"] = Senders::of(call).into();
        value
    };
    if !options.all {
        return shown(&of(call, store, Image::find(call, store, options.platform.as_deref())?)?).map(told);
    }
    if options.platform.is_some() {
        return Err(Error::new(Code::InvalidArgument, "the options all and platform exclude each other"));
    }
    let (mut images, mut blobs) = (Vec::new(), HashMap::new());
    for image in Image::all(call, store)? {
        let size = of(call, store, image)?;
        images.push(shown(&size)?);
        blobs.extend(size.blobs);
    }
    Ok(told(json!({"images": images, "total": sum(blobs.values())})))
}

fn of(call: &Call, store: &dyn ReadStore, image: Image) -> Result<ImageSize> {
    let layers = image.layers(call, store)?;
    let document = &image.content.document;
    let named = document.config().into_iter().chain(&layers);
    let blobs: HashMap<Digest, u64> = named.map(|blob| (blob.digest.clone(), blob.size)).collect();
    Ok(ImageSize {
        digest: document.digest.clone(),
        media_type: document.media_type.clone(),
        manifest: document.size,
        config: document.config().map_or(0, |config| config.size),
        layers_total: sum(layers.iter().map(|layer| &layer.size)),
        total: sum(blobs.values()),
        layers: layers
            .iter()
            .map(|layer| json!({"digest": layer.digest, "size": layer.size, "mediaType": layer.media_type}))
            .collect(),
        platform: image.platform,
        blobs,
    })
}

// The sizes come from an untrusted manifest.
fn sum<'a>(sizes: impl IntoIterator<Item = &'a u64>) -> u64 {
    sizes.into_iter().fold(0, |sum, size| sum.saturating_add(*size))
}
