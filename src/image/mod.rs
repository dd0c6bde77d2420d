//! Work on images, wherever they are: config, size, files, layers on top. It knows no kind of place: everything it needs
//! of one is in [`crate::store`].

pub mod append;
pub mod cat;
pub mod config;
pub mod disk;
pub mod extract;
pub mod files;
pub mod folders;
pub mod layer;
pub mod own;
pub mod scratch;
pub mod size;
pub mod sweep;
pub mod tag;
pub mod tar;
pub mod walk;

use serde::Deserialize;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::platform::Platform;
use crate::store::{Content, ReadStore};

/// Deeper than anybody nests indexes.
const DEPTH: usize = 16;

/// Which image of an index.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// The one for this platform, instead of this machine's.
    pub platform: Option<String>,
}

/// One image of a place.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its manifest.
    pub content: Content,
    /// What the index says it runs on, if it is in one.
    pub platform: Option<Platform>,
}

impl Image {
    /// What a place names; of an index, the image for a platform, or for this machine's.
    pub fn find(call: &Call, store: &dyn ReadStore, platform: Option<&str>) -> Result<Image> {
        let platform = platform.map_or_else(|| Ok(Platform::host()), str::parse)?;
        let mut image = Image { content: store.root(call)?, platform: None };
        for _ in 0..DEPTH {
            if image.content.document.kind != Kind::Index {
                return Ok(image);
            }
            let entry = image.content.document.choose(&platform)?.clone();
            image.content = store.manifest(call, &entry)?;
            image.platform = entry.platform.or(image.platform);
        }
        Err(too_deep())
    }

    /// Every image of a place, in the order of its index; an image in two indexes comes once.
    pub fn all(call: &Call, store: &dyn ReadStore) -> Result<Vec<Image>> {
        let (mut found, mut seen) = (Vec::new(), std::collections::HashSet::new());
        let mut level = vec![Image { content: store.root(call)?, platform: None }];
        for _ in 0..DEPTH {
            let mut below = Vec::new();
            for image in level {
                if image.content.document.kind != Kind::Index {
                    found.push(image);
                    continue;
                }
                for entry in image.content.document.manifests() {
                    if types::is_manifest(&entry.media_type) && seen.insert(entry.digest.clone()) {
                        let platform = entry.platform.clone().or_else(|| image.platform.clone());
                        below.push(Image { content: store.manifest(call, entry)?, platform });
                    }
                }
            }
            if below.is_empty() {
                return Ok(found);
            }
            level = below;
        }
        Err(too_deep())
    }

    /// The layers, the oldest first.
    pub fn layers(&self, call: &Call, store: &dyn ReadStore) -> Result<Vec<Descriptor>> {
        let document = &self.content.document;
        if document.kind != Kind::Schema1 {
            return Ok(document.layers().to_vec());
        }
        let mut layers = Vec::new();
        for digest in document.fs_layers()?.into_iter().rev() {
            let size = store.size(call, &digest)?;
            layers.push(descriptor(types::DOCKER_LAYER, digest, size));
        }
        Ok(layers)
    }
}

/// A descriptor of these three.
pub(crate) fn descriptor(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    let media_type = media_type.to_owned();
    Descriptor {
        media_type,
        digest,
        size,
        urls: None,
        annotations: None,
        data: None,
        artifact_type: None,
        platform: None,
    }
}

/// A blob that fits into memory.
fn read_whole(call: &Call, store: &dyn ReadStore, wanted: &Descriptor, limit: u64) -> Result<Vec<u8>> {
    if wanted.size > limit {
        let message = format!("the blob {} has {} bytes, the limit is {limit}", wanted.digest, wanted.size);
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let mut blob = store.open(call, wanted, None)?;
    let mut bytes = Vec::new();
    while let Some(piece) = blob.piece()? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > wanted.size {
            let message = format!("the blob {} has more than {} bytes", wanted.digest, wanted.size);
            return Err(Error::new(Code::SizeMismatch, message));
        }
    }
    Ok(bytes)
}

fn too_deep() -> Error {
    Error::new(Code::LimitExceeded, format!("the index holds indexes more than {DEPTH} deep"))
}
