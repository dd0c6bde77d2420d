//! Work on images, wherever they are: config, size, files, layers on top. It does not know any kind of
//! place: everything it needs of one is in [`crate::store`].

pub mod append;
mod append_manifests;
pub mod cat;
pub(crate) mod completeness;
pub mod config;
pub(crate) mod disk_tree;
pub(crate) mod empty_image;
pub mod export;
pub mod extract;
pub mod files;
mod flat;
pub(crate) mod index;
pub(crate) mod layer;
mod layer_entries;
pub(crate) mod layer_names;
mod link_bounds;
pub(crate) mod listed_tree;
pub(crate) mod marks;
mod new_layer;
mod obstacles;
pub(crate) mod open_folders;
pub(crate) mod path_walk;
mod picked_files;
mod picked_list;
pub(crate) mod place_contents;
pub mod size;
pub mod tag;
mod unpacking;
pub mod validate;
pub(crate) mod whiteout;

pub use empty_image::Scratch;
pub use index::{IndexAppendOptions, IndexCreateOptions, IndexRemoveOptions, IndexSourceOptions, WrittenIndex};

use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::options::options;
use crate::platform::Platform;
use crate::store::platform_descent;
use crate::store::{RawManifest, ReadStore};

/// More manifests than any index leads to.
const MOST: usize = 100_000;

options! {
    /// Which image of an index is meant.
    #[derive(Debug, Clone)]
    pub struct Selection {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        ///
        /// an image that is in no index is taken as it is
        pub platform: Option<String>,
    }
}

/// One image of a store.
#[derive(Debug, Clone)]
pub struct Image {
    /// The image's manifest with its exact bytes.
    pub content: RawManifest,
    /// The platform, if it is in an index that gives it or leaves it to the image's config.
    pub platform: Option<Platform>,
}

impl Image {
    /// The image that a store names; of an index, the one for a platform, or for this machine's.
    pub fn find(call: &Call, store: &dyn ReadStore, platform: Option<&str>) -> Result<Image> {
        let asked: Option<Platform> = platform.map(str::parse).transpose()?;
        let platform = asked.clone().unwrap_or_else(Platform::host);
        let root = platform_descent::root(call, store, std::slice::from_ref(&platform), asked.as_slice())?;
        if root.document.kind != Kind::Index {
            return Ok(Image { content: root, platform: None });
        }
        let chosen = platform_descent::choose(call, store, &root.document, &platform)?;
        let platform = Some(chosen.platform.clone());
        Ok(Image { content: chosen.content(call, store)?, platform })
    }

    /// Every image of a store, in the order of its index; an image that is in two indexes is returned once.
    pub fn all(call: &Call, store: &dyn ReadStore) -> Result<Vec<Image>> {
        let (mut found, mut seen) = (Vec::new(), std::collections::HashSet::new());
        let mut level = vec![Image { content: store.root(call)?, platform: None }];
        for _ in 0..=platform_descent::DEPTH {
            let mut below = Vec::new();
            for image in level {
                if image.content.document.kind != Kind::Index {
                    found.push(image);
                    continue;
                }
                for entry in image.content.document.manifests() {
                    if types::is_manifest(&entry.media_type) && seen.insert(entry.digest.clone()) {
                        call.check()?;
                        if seen.len() > MOST {
                            let message = format!("the index leads to more than {MOST} manifests");
                            return Err(Error::new(Code::LimitExceeded, message));
                        }
                        let platform = entry.platform.as_deref().cloned().or_else(|| image.platform.clone());
                        below.push(Image { content: store.manifest(call, entry)?, platform });
                    }
                }
            }
            if below.is_empty() {
                return Ok(found);
            }
            level = below;
        }
        Err(platform_descent::too_deep())
    }

    /// Why its layers cannot be read as files: those of an artifact may be anything.
    pub(crate) fn layers_error(&self, error: Error) -> Error {
        let document = &self.content.document;
        let Some(config) = document.config().filter(|_| error.code() == Code::InvalidManifest) else { return error };
        if types::is_image_config(&config.media_type) {
            return error;
        }
        let named = document.value.get("artifactType").and_then(|name| name.as_str());
        let kind = crate::text::shorten(named.unwrap_or(&config.media_type)).to_string();
        let error = error.within(format!("it is an artifact of the type {kind}, and no image"));
        error.with_hint("artifact pull (ocireg_artifact_pull) fetches the files of an artifact")
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
            layers.push(Descriptor::new(types::DOCKER_LAYER, digest, size));
        }
        Ok(layers)
    }
}
