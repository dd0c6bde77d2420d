//! One blob of what is validated, and the layers that it is.

use super::{or_finding, ValidationProblem};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::extract::check_diff_id;
use crate::image::layer::{Packing, UnpackLimits, UnpackedLayer};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::store::ReadStore;
use crate::text::shorten;

/// A blob that one or more manifests name.
pub(super) struct BlobUse {
    pub descriptor: Descriptor,
    /// The first manifest that names it.
    pub manifest: Digest,
    /// The layers that it is.
    pub layers: Vec<LayerUse>,
    /// Whether it was read with the manifests.
    pub is_read: bool,
}

/// A layer of an image.
pub(super) struct LayerUse {
    pub manifest: Digest,
    pub media_type: String,
    /// The digest of its unpacked bytes, if the image's config has it.
    pub diff_id: Option<Digest>,
}

/// What a layer turned out to be.
struct Unpacked {
    packing: Packing,
    diff_id: Digest,
}

impl BlobUse {
    /// Only whether it is there, with the right size.
    pub(super) fn look(&self, call: &Call, store: &dyn ReadStore) -> Result<Vec<ValidationProblem>> {
        let Descriptor { digest, size: listed, .. } = &self.descriptor;
        let problem = match or_finding(store, store.size(call, digest))? {
            Ok(size) if size == *listed => return Ok(Vec::new()),
            Ok(size) => {
                let message = format!("the blob has {size} bytes, its descriptor says {listed}");
                Error::new(Code::SizeMismatch, message)
            }
            Err(error) => error,
        };
        Ok(vec![self.problem(&problem)])
    }

    /// Reads and verifies it; a layer is unpacked as well.
    pub(super) fn read(
        &self,
        call: &Call,
        store: &dyn ReadStore,
        limits: UnpackLimits,
    ) -> Result<Vec<ValidationProblem>> {
        if !self.layers.iter().any(|layer| types::is_layer(&layer.media_type)) {
            let read = or_finding(store, self.read_through(call, store))?;
            return Ok(read.err().map(|error| self.problem(&error)).into_iter().collect());
        }
        match or_finding(store, self.unpack(call, store, limits))? {
            Ok(unpacked) => Ok(self.layers.iter().filter_map(|layer| self.layer_problem(layer, &unpacked)).collect()),
            Err(error) => Ok(vec![self.problem(&error)]),
        }
    }

    fn read_through(&self, call: &Call, store: &dyn ReadStore) -> Result<()> {
        let (mut blob, mut done) = (store.open(call, &self.descriptor, None)?, 0u64);
        while let Some(piece) = blob.piece()? {
            done = done.saturating_add(piece.len() as u64);
            call.moved_to(done)?;
        }
        Ok(())
    }

    fn unpack(&self, call: &Call, store: &dyn ReadStore, limits: UnpackLimits) -> Result<Unpacked> {
        let mut layer = UnpackedLayer::open(call, store, &self.descriptor, 0, limits)?;
        let packing = layer.packing();
        match layer.finish() {
            Ok(diff_id) => Ok(Unpacked { packing, diff_id }),
            // Damaged bytes are seldom a valid archive: it is their digest that tells.
            Err(error) if error.code() == Code::InvalidManifest => self.read_through(call, store).and(Err(error)),
            Err(error) => Err(error),
        }
    }

    fn layer_problem(&self, layer: &LayerUse, unpacked: &Unpacked) -> Option<ValidationProblem> {
        let error = packing_error(&layer.media_type, unpacked.packing)
            .or_else(|| check_diff_id(&self.descriptor, &unpacked.diff_id, layer.diff_id.as_ref()).err())?;
        Some(ValidationProblem::new(&self.descriptor.digest, Some(&layer.manifest), &error))
    }

    fn problem(&self, error: &Error) -> ValidationProblem {
        ValidationProblem::new(&self.descriptor.digest, Some(&self.manifest), error)
    }
}

/// Whether a layer is packed in another way than its media type says.
fn packing_error(media_type: &str, packing: Packing) -> Option<Error> {
    let says = match types::essence(media_type).as_str() {
        types::OCI_LAYER | types::DOCKER_LAYER_PLAIN => Packing::Plain,
        types::OCI_LAYER_GZIP | types::DOCKER_LAYER => Packing::Gzip,
        types::OCI_LAYER_ZSTD | types::DOCKER_LAYER_ZSTD => Packing::Zstd,
        _ => return None,
    };
    (says != packing).then(|| {
        let message = format!("its media type {} says {}, it is {}", shorten(media_type), says.name(), packing.name());
        Error::new(Code::InvalidManifest, message)
    })
}
