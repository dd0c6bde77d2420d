//! An OCI image made from an old one, with its layers in a spool: what a store for an old source provides.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::image::layer::{Packing, UnpackLimits, UnpackedLayer};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::mutex::{into_inner, lock};
use crate::schema1::convert::{to_oci, ConvertedLayer};
use crate::schema1::manifest::HistoryEntry;
use crate::store::RawManifest;
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::stream::spool::{Spool, SpoolItem, SpoolWriter};

/// A layer that was read into a spool.
#[derive(Debug, Clone)]
pub(crate) struct ReadLayer {
    layer: ConvertedLayer,
    item: SpoolItem,
    /// It contains no files: no bytes, or only the blocks of zeros that end a tar archive.
    empty: bool,
}

/// The bytes to which all layers of an image may still expand, shared by the threads that read them.
#[derive(Debug)]
pub(crate) struct LayerBudget(AtomicU64);

impl Default for LayerBudget {
    fn default() -> LayerBudget {
        LayerBudget(UnpackLimits::default().bytes.into())
    }
}

impl LayerBudget {
    fn take(&self, bytes: u64) -> Result<()> {
        let taken = self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(bytes));
        taken.map(drop).map_err(|_| {
            let message =
                format!("the layers of the image unpack to more than {} bytes", UnpackLimits::default().bytes);
            Error::new(Code::LimitExceeded, message)
        })
    }
}

/// Reads a layer into a spool, and hashes its uncompressed content on the way. `named` is its descriptor for messages.
pub(crate) fn read(
    call: &Call,
    spool: &Arc<Spool>,
    blob: Box<dyn Blob>,
    named: &Digest,
    budget: &LayerBudget,
) -> Result<ReadLayer> {
    let collected = Arc::new(Mutex::new(Collected {
        writer: spool.writer(),
        hasher: Hasher::new(Algorithm::Sha256),
        head: Vec::new(),
    }));
    let tee = Tee { blob, collected: collected.clone() };
    let mut unpacking = UnpackedLayer::of(call, Box::new(tee), named, 0, UnpackLimits::default())?;
    let (mut buffer, mut empty) = (vec![0; 64 << 10], true);
    loop {
        let count = unpacking.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        budget.take(count as u64)?;
        empty = empty && buffer[..count].iter().all(|byte| *byte == 0);
    }
    let diff_id = unpacking.finish()?;
    drop(unpacking);
    let Some(collected) = Arc::into_inner(collected).map(into_inner) else {
        return Err(Error::new(Code::Internal, "a layer is still being read"));
    };
    let item = collected.writer.finish();
    let media_type = match Packing::of(&collected.head) {
        Packing::Gzip => types::OCI_LAYER_GZIP,
        Packing::Zstd => types::OCI_LAYER_ZSTD,
        _ => types::OCI_LAYER,
    };
    let descriptor = Descriptor::new(media_type, collected.hasher.finish(), item.size());
    Ok(ReadLayer { layer: ConvertedLayer { diff_id, descriptor }, item, empty })
}

struct Collected {
    writer: SpoolWriter,
    hasher: Hasher,
    head: Vec<u8>,
}

/// A blob whose bytes are also stored while they are read.
struct Tee {
    blob: Box<dyn Blob>,
    collected: Arc<Mutex<Collected>>,
}

impl Blob for Tee {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.blob.piece()?;
        if let Some(bytes) = &piece {
            let mut collected = lock(&self.collected);
            let missing = 4usize.saturating_sub(collected.head.len()).min(bytes.len());
            collected.head.extend_from_slice(&bytes[..missing]);
            collected.hasher.update(bytes);
            collected.writer.write(bytes)?;
        }
        Ok(piece)
    }
}

#[derive(Debug)]
pub(crate) struct ConvertedImage {
    content: RawManifest,
    config: Vec<u8>,
    layers: HashMap<Digest, SpoolItem>,
}

impl ConvertedImage {
    /// Makes it of a history, the topmost first, and the layers that were read for its entries, in the same order; a
    /// throwaway entry needs none. A layer without files becomes none of the image.
    pub(crate) fn new(
        mut history: Vec<HistoryEntry>,
        architecture: Option<&str>,
        read: Vec<Option<ReadLayer>>,
    ) -> Result<ConvertedImage> {
        let mut layers = Vec::new();
        let mut items = HashMap::new();
        for (entry, read) in history.iter_mut().zip(read) {
            let Some(read) = read.filter(|_| !entry.throwaway) else { continue };
            entry.throwaway = read.empty;
            if !read.empty {
                items.insert(read.layer.descriptor.digest.clone(), read.item);
                layers.push(read.layer);
            }
        }
        layers.reverse();
        let image = to_oci(&history, architecture, &layers)?;
        let content = RawManifest::parse(image.manifest, Some(types::OCI_MANIFEST), None)?;
        Ok(ConvertedImage { content, config: image.config, layers: items })
    }

    pub(crate) fn content(&self) -> &RawManifest {
        &self.content
    }

    /// The converted manifest, if it is the one requested.
    pub(crate) fn manifest(&self, wanted: &Descriptor) -> Option<RawManifest> {
        (wanted.digest == *self.content.digest()).then(|| self.content.clone())
    }

    /// Opens its config or one of its layers; None when it does not have the blob.
    pub(crate) fn open(
        &self,
        call: &Call,
        wanted: &Descriptor,
        hashed: Option<(Hasher, u64)>,
    ) -> Option<Box<dyn Blob>> {
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        let name = "the converted image".to_owned();
        if let Some(item) = self.layers.get(&wanted.digest) {
            return Some(Box::new(VerifiedBlob::new(item.read_from(begin), call, name, wanted, hashed)));
        }
        if self.content.document.config().is_none_or(|config| config.digest != wanted.digest) {
            return None;
        }
        let mut reader = std::io::Cursor::new(self.config.clone());
        reader.set_position(begin);
        Some(Box::new(VerifiedBlob::new(reader, call, name, wanted, hashed)))
    }

    /// The size of one of its blobs; None when it does not have it.
    pub(crate) fn size(&self, digest: &Digest) -> Option<u64> {
        self.layers.get(digest).map(SpoolItem::size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::blob::MemoryBlob;
    use crate::stream::spool::TemporarySpace;

    #[test]
    fn the_layers_of_an_image_have_one_limit() {
        let (call, spool) = (Call::alone(None), TemporarySpace::default().spool().unwrap());
        let (digest, budget) = (Algorithm::Sha256.digest(b""), LayerBudget(1500.into()));
        let layer = || read(&call, &spool, Box::new(MemoryBlob::new(vec![0; 1000].into())), &digest, &budget);
        assert!(layer().unwrap().empty);
        assert_eq!(layer().unwrap_err().code(), Code::LimitExceeded);
    }
}
