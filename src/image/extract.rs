//! The files of an image in a folder, layer by layer, the oldest first (OCI image-spec layer.md).

use std::path::Path;

use super::flat::FlatLayers;
use super::layer::{UnpackLimits, UnpackedLayer};
use super::marks::LayerEntries;
use super::unpacking::Unpacking;
pub(crate) use super::unpacking::{check_diff_id, diff_ids};
pub use super::unpacking::{ExtractOptions, Extracted, ExtractedLayer};
use super::{picked_files, Image};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::Descriptor;
use crate::store::ReadStore;
use crate::stream::spool::TemporarySpace;

/// Extracts an image into a folder.
pub fn extract(call: &Call, store: &dyn ReadStore, path: &Path, options: &ExtractOptions) -> Result<Extracted> {
    extract_through(call, store, path, options, &TemporarySpace::default())
}

/// Extracts an image, with a place for files that have to wait.
pub(crate) fn extract_through(
    call: &Call,
    store: &dyn ReadStore,
    path: &Path,
    options: &ExtractOptions,
    space: &TemporarySpace,
) -> Result<Extracted> {
    let image = Image::find(call, store, options.platform.as_deref())?;
    let layers = image.layers(call, store)?;
    let ids = diff_ids(call, store, &image, layers.len())?;
    let limits = UnpackLimits::new(options.max_bytes, options.max_ratio);
    call.begin("extract", Some(layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size))))?;
    if let Some(paths) = &options.paths {
        let source = FlatLayers::new(call, store, (&layers, ids.as_deref()), limits);
        let extracted = picked_files::extract(&image, source, (path, paths), options, space);
        return extracted.map_err(|error| image.layers_error(error));
    }
    let mut job = Extraction { call, store, unpacking: Unpacking::new(call, &image, path, options)?, limits, done: 0 };
    for (at, layer) in layers.iter().enumerate() {
        let expected = ids.as_ref().and_then(|ids| ids.get(at));
        job.layer(layer, expected).map_err(|error| image.layers_error(error))?;
    }
    job.unpacking.finish(call)
}

struct Extraction<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    unpacking: Unpacking,
    limits: UnpackLimits,
    done: u64,
}

impl Extraction<'_> {
    fn layer(&mut self, wanted: &Descriptor, expected: Option<&Digest>) -> Result<()> {
        let mut entries =
            LayerEntries::new(UnpackedLayer::open(self.call, self.store, wanted, self.done, self.limits)?);
        while self.unpacking.entry(&mut entries)? {
            self.call.check()?;
        }
        self.unpacking.tree.end_layer();
        let diff_id = entries.source().finish()?;
        let diff_id_checked = check_diff_id(wanted, &diff_id, expected)?;
        self.limits = self.limits.after(entries.source().unpacked());
        self.done = self.done.saturating_add(wanted.size);
        let layer = ExtractedLayer { digest: wanted.digest.clone(), diff_id, diff_id_checked };
        self.unpacking.result.layers.push(layer);
        Ok(())
    }
}
