//! Whether an image can stand on Docker's list: `docker load` refuses one whose layers are not those of its config.

use super::saved_images::unpacked_digests;
use super::staged_and_kept::StagedAndKept;
use super::write::ArchiveWriter;
use super::ArchiveFormat;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::layout::reachable_blobs::{ImageBlobs, Shelf};
use crate::manifest::{Descriptor, Document, Kind};
use crate::mutex::lock;
use crate::store::RawManifest;
use crate::stream::unpack::Packing;

impl ArchiveWriter {
    /// The image that Docker's list gets, if there is one, for a manifest whose blobs are there. One that nobody could load is refused.
    pub(super) fn docker_image(&self, call: &Call, content: &RawManifest) -> Result<Option<ImageBlobs>> {
        let document = &content.document;
        let Some(image) = ImageBlobs::of(document).filter(|_| document.kind == Kind::Image) else { return Ok(None) };
        let (work, before) = (self.work()?, lock(&self.before).clone());
        let has_list = before.as_ref().is_some_and(|kept| kept.saved.is_some());
        if self.form == ArchiveFormat::Oci && !has_list {
            return Ok(None);
        }
        check(&work.with(call, before.as_deref()), document, &image).map(|()| Some(image))
    }
}

/// Compares the layers with the config, as far as that takes no unpacking.
fn check(there: &StagedAndKept, document: &Document, image: &ImageBlobs) -> Result<()> {
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
    if ids.is_empty() {
        return Ok(());
    }
    if ids.len() != image.layers.len() {
        return Err(bad(&format!("it has {} layers, and its config has {} diff_ids", image.layers.len(), ids.len())));
    }
    for (layer, id) in document.layers().iter().zip(ids).filter(|(layer, id)| layer.digest != *id) {
        let Some(size) = there.size(&layer.digest) else { continue };
        let layer = Descriptor { size, ..layer.clone() };
        let head = there.open(&layer)?.piece()?.unwrap_or_default();
        if Packing::of(&head) == Packing::Plain {
            return Err(bad(&format!("its layer {} is not the one that its config says, {id}", layer.digest)));
        }
    }
    Ok(())
}
