//! A layer to be put on an image: a tar in a file, read to its end and perhaps compressed.

use std::io::Read;
use std::path::Path;

use super::layer::{Packing, UnpackLimits, UnpackedLayer};
use super::marks::LayerEntries;
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::os::special_file::open_regular;
use crate::stream::local_bytes::LocalBytes;
use crate::stream::pack::CompressionSettings;
use crate::stream::spool::TemporarySpace;

/// A layer to be put on an image.
pub(super) struct NewLayer {
    /// The file's own, or what they were compressed to.
    pub(super) bytes: LocalBytes,
    packing: Packing,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) diff_id: Digest,
}

impl NewLayer {
    /// Reads a file to its end: it must be a tar.
    pub(super) fn read(call: &Call, path: &Path) -> Result<NewLayer> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let mut file = open_regular(path).map_err(what)?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let (mut size, mut head, mut buffer) = (0, Vec::new(), vec![0; 256 << 10]);
        loop {
            call.check()?;
            let count = file.read(&mut buffer).map_err(what)?;
            if count == 0 {
                break;
            }
            if head.len() < Packing::HEAD {
                head.extend_from_slice(&buffer[..count.min(Packing::HEAD)]);
            }
            hasher.update(&buffer[..count]);
            size += count as u64;
        }
        let within = |error: Error| error.within(path.display());
        let packing = Packing::of(&head);
        let digest = hasher.finish();
        let bytes = LocalBytes::File(path.to_owned(), None);
        let blob = bytes.open(call, &Descriptor::new("", digest.clone(), size), None)?;
        let call = call.without_progress();
        let mut entries =
            LayerEntries::new(UnpackedLayer::of(&call, blob, &digest, 0, UnpackLimits::default()).map_err(within)?);
        while let Some(entry) = entries.advance().map_err(within)? {
            entry.mark().map_err(within)?;
        }
        let diff_id = entries.source().finish().map_err(within)?;
        Ok(NewLayer { bytes, packing, digest, size, diff_id })
    }

    /// Compresses the layer if it is a plain tar.
    pub(super) fn packed(self, call: &Call, how: CompressionSettings, space: &TemporarySpace) -> Result<NewLayer> {
        if self.packing != Packing::Plain {
            return Ok(self);
        }
        let mut blob = self.bytes.open(call, &Descriptor::new("", self.digest.clone(), self.size), None)?;
        let packed = how.pack(call, blob.as_mut(), space.spool()?.writer())?;
        let packing = if how.zstd { Packing::Zstd } else { Packing::Gzip };
        let size = packed.item.size();
        let bytes = LocalBytes::Spooled(packed.item, "the packed layer");
        Ok(NewLayer { bytes, packing, digest: packed.digest, size, ..self })
    }

    /// What it is called in a manifest of this media type, unless the caller has chosen.
    pub(super) fn media_type(&self, manifest: &str, chosen: Option<&str>) -> String {
        let name = match (chosen, manifest == types::DOCKER_MANIFEST, self.packing) {
            (Some(chosen), _, _) => chosen,
            (None, true, Packing::Gzip) => types::DOCKER_LAYER,
            (None, true, Packing::Zstd) => types::DOCKER_LAYER_ZSTD,
            (None, true, _) => types::DOCKER_LAYER_PLAIN,
            (None, false, Packing::Gzip) => types::OCI_LAYER_GZIP,
            (None, false, Packing::Zstd) => types::OCI_LAYER_ZSTD,
            (None, false, _) => types::OCI_LAYER,
        };
        name.to_owned()
    }
}
