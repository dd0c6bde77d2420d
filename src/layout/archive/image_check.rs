//! Whether an image could be read again from the archive that it comes to, as far as that can be told without unpacking it: one that
//! could not be is refused by itself, and not with all others when the archive is written.

use super::saved_images::unpacked_digests;
use super::staged_and_kept::StagedAndKept;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::reachable_blobs::{ImageBlobs, Shelf};
use crate::manifest::{Descriptor, Document};
use crate::media_type as types;
use crate::stream::unpack::Packing;

/// What a manifest names.
pub(super) fn named(document: &Document) -> impl Iterator<Item = &Descriptor> {
    document.config().into_iter().chain(document.layers()).chain(document.manifests())
}

/// Refuses a manifest if what it names is there in another size.
pub(super) fn check_sizes(there: &StagedAndKept, document: &Document) -> Result<()> {
    for named in named(document).filter(|named| !types::is_foreign(&named.media_type)) {
        match there.size(&named.digest) {
            Some(size) if size != named.size => {
                let message = format!(
                    "the manifest {} says that {} has {} bytes, but it has {size}",
                    document.digest, named.digest, named.size
                );
                return Err(Error::new(Code::SizeMismatch, message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses an image whose layers are not those of its config: nobody could load it with Docker.
pub(super) fn check_layers(there: &StagedAndKept, document: &Document, image: &ImageBlobs) -> Result<()> {
    let bad = |why: &str| {
        let message = format!("an archive for docker load cannot hold the image {}: {why}", document.digest);
        Error::new(Code::InvalidManifest, message)
    };
    let config = match there.small(&image.config) {
        Ok(config) if image.config.algorithm().digest(&config) == image.config => config,
        Err(error) if error.ends_call() => return Err(error),
        // It is missing or damaged, which is told when the archive is written.
        _ => return Ok(()),
    };
    let ids = unpacked_digests(&config).map_err(|why| bad(&format!("its config {why}")))?;
    // Some tools write none at all.
    if !ids.is_empty() && ids.len() != image.layers.len() {
        return Err(bad(&format!("it has {} layers, and its config has {} diff_ids", image.layers.len(), ids.len())));
    }
    let differs = |(layer, id): &(&Digest, Digest)| layer.algorithm() == id.algorithm() && *layer != id;
    for (layer, id) in image.layers.iter().zip(ids).filter(differs) {
        let is_there = there.size(layer).is_some();
        // What is damaged is told when the archive is written, too.
        if is_there && Packing::of(&there.head(layer)?) == Packing::Plain && there.is_right(layer)? {
            return Err(bad(&format!("its layer {layer} is not the one that its config says, {id}")));
        }
    }
    Ok(())
}
