//! One blob of what is validated, and the layers that it is.

use super::{or_finding, or_finding_of, ValidationProblem};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::image::extract::check_diff_id;
use crate::image::layer::{Packing, UnpackLimits, UnpackedLayer};
use crate::image::marks::LayerEntries;
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::store::ReadStore;

/// A blob that one or more manifests name.
pub(super) struct BlobUse {
    pub(super) descriptor: Descriptor,
    /// The first manifest that names it.
    pub(super) manifest: Digest,
    /// The layers that it is.
    pub(super) layers: Vec<LayerUse>,
    /// Whether it was read with the manifests.
    pub(super) is_read: bool,
}

/// A layer of an image.
pub(super) struct LayerUse {
    pub(super) manifest: Digest,
    /// What its media type says.
    pub(super) packing: Packing,
    /// What it unpacks to, if its config says that.
    pub(super) diff_id: Option<Digest>,
}

/// What a layer turned out to be.
struct Unpacked {
    packing: Packing,
    diff_id: Digest,
    /// Why it is not a valid tar archive.
    wrong: Option<Error>,
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

    /// Reads and verifies it; a layer is unpacked as well, to its last entry.
    pub(super) fn read(
        &self,
        call: &Call,
        store: &dyn ReadStore,
        limits: UnpackLimits,
    ) -> Result<Vec<ValidationProblem>> {
        if self.layers.is_empty() {
            let read = or_finding_of(call, store, &self.descriptor.digest, self.read_through(call, store))?;
            return Ok(read.err().map(|error| self.problem(&error)).into_iter().collect());
        }
        match or_finding_of(call, store, &self.descriptor.digest, self.unpack(call, store, limits))? {
            Ok(unpacked) => Ok(self.layers.iter().flat_map(|layer| self.layer_problems(layer, &unpacked)).collect()),
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
        match UnpackedLayer::open(call, store, &self.descriptor, 0, limits).and_then(Unpacked::read) {
            // Damaged bytes are seldom a valid archive: it is their digest that tells.
            Err(error) if matches!(error.code(), Code::InvalidManifest | Code::Unsupported) => {
                self.read_through(call, store).and(Err(error))
            }
            outcome => outcome,
        }
    }

    fn layer_problems(&self, layer: &LayerUse, unpacked: &Unpacked) -> Vec<ValidationProblem> {
        let packing = packing_error(layer.packing, unpacked.packing);
        let diff_id = check_diff_id(&self.descriptor, &unpacked.diff_id, layer.diff_id.as_ref()).err();
        let errors = packing.iter().chain(&unpacked.wrong).chain(&diff_id);
        errors.map(|error| ValidationProblem::new(&self.descriptor.digest, Some(&layer.manifest), error)).collect()
    }

    fn problem(&self, error: &Error) -> ValidationProblem {
        ValidationProblem::new(&self.descriptor.digest, Some(&self.manifest), error)
    }
}

impl Unpacked {
    fn read(layer: UnpackedLayer) -> Result<Unpacked> {
        let (packing, mut entries) = (layer.packing(), LayerEntries::new(layer));
        let wrong = read_entries(&mut entries).err();
        match entries.source().finish() {
            Ok(diff_id) => Ok(Unpacked { packing, diff_id, wrong }),
            // After an error of unpacking itself it says no more than that.
            Err(error) if error.code() == Code::InvalidManifest => Err(wrong.unwrap_or(error)),
            Err(error) => Err(error),
        }
    }
}

/// Reads what extracting reads, but the contents of files.
fn read_entries(entries: &mut LayerEntries) -> Result<()> {
    while let Some(entry) = entries.advance()? {
        entry.mark()?;
    }
    Ok(())
}

/// How a layer of this type is packed; none for types that do not say it, or are packed in more than one way, such as encrypted ones.
pub(super) fn packing_of(media_type: &str) -> Option<Packing> {
    match types::essence(media_type).as_str() {
        types::OCI_LAYER | types::DOCKER_LAYER_PLAIN => Some(Packing::Plain),
        types::OCI_LAYER_GZIP | types::DOCKER_LAYER => Some(Packing::Gzip),
        types::OCI_LAYER_ZSTD | types::DOCKER_LAYER_ZSTD => Some(Packing::Zstd),
        _ => None,
    }
}

fn packing_error(said: Packing, found: Packing) -> Option<Error> {
    let message = format!("its media type says that its compression is {}, but it is {}", said.name(), found.name());
    (said != found).then(|| Error::new(Code::InvalidManifest, message))
}
