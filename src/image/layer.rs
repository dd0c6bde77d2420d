//! A layer unpacked as it comes: verified below by its digest, bounded, and hashed again for its diff_id.

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::store::ReadStore;
use crate::stream::blob::Blob;
use crate::stream::unpack::Unpacker;
pub(crate) use crate::stream::unpack::{Packing, UnpackLimits, UnpackedAmount};
use crate::tar::TarSource;

pub(crate) struct UnpackedLayer {
    unpacker: Unpacker,
    hasher: Option<Hasher>,
}

impl UnpackedLayer {
    /// Opens a layer. `done` is how many bytes the caller's progress has from layers before.
    pub(crate) fn open(
        call: &Call,
        store: &dyn ReadStore,
        wanted: &Descriptor,
        done: u64,
        limits: UnpackLimits,
    ) -> Result<UnpackedLayer> {
        UnpackedLayer::of(call, store.open(call, wanted, None)?, &wanted.digest, done, limits)
    }

    pub(crate) fn of(
        call: &Call,
        blob: Box<dyn Blob>,
        digest: &Digest,
        done: u64,
        limits: UnpackLimits,
    ) -> Result<UnpackedLayer> {
        let unpacker = Unpacker::new(call, blob, format!("the layer {digest}"), done, limits)?;
        match unpacker.packing() {
            Packing::Xz | Packing::Bzip2 => {
                let message = format!(
                    "the layer {digest} is compressed with {}, which is not allowed for layers",
                    unpacker.packing().name()
                );
                Err(Error::new(Code::Unsupported, message))
            }
            _ => Ok(UnpackedLayer { unpacker, hasher: Some(Hasher::new(Algorithm::Sha256)) }),
        }
    }

    /// Reads the next bytes; 0 is the end, at which the layer's digest was verified.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.unpacker.read(buffer)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }

    pub(crate) fn packing(&self) -> Packing {
        self.unpacker.packing()
    }

    /// How much was unpacked so far.
    pub(crate) fn unpacked(&self) -> UnpackedAmount {
        self.unpacker.unpacked()
    }

    /// Reads to the end, so that the whole layer is verified. Returns the digest of the unpacked bytes.
    pub(crate) fn finish(&mut self) -> Result<Digest> {
        let mut buffer = vec![0; 64 << 10];
        while self.read(&mut buffer)? > 0 {}
        match self.hasher.take() {
            Some(hasher) => Ok(hasher.finish()),
            None => Err(Error::new(Code::Internal, "the layer was finished twice")),
        }
    }
}

impl TarSource for UnpackedLayer {
    fn name(&self) -> String {
        "the layer".to_owned()
    }

    fn code(&self) -> Code {
        Code::InvalidManifest
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        UnpackedLayer::read(self, buffer)
    }

    fn count_zeros(&mut self, count: u64) -> Result<()> {
        self.unpacker.count_zeros(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::context::Context;
    use crate::stream::blob::MemoryBlob;

    #[test]
    fn cancel_is_heeded_within_a_piece() {
        // One block of zstd: a byte that is there 128 KiB times.
        let block = (128u32 << 13) | 0b011;
        let packed = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58][..], &block.to_le_bytes()[..3], b"x"].concat();
        let context = std::sync::Arc::new(Context::new());
        let call = Call::alone(Some(context.clone()));
        let digest = Algorithm::Sha256.digest(&packed);
        let mut layer =
            UnpackedLayer::of(&call, Box::new(MemoryBlob::new(packed.into())), &digest, 0, UnpackLimits::default())
                .unwrap();
        let mut buffer = [0; 16];
        assert!(layer.read(&mut buffer).unwrap() > 0);
        context.cancel();
        assert_eq!(layer.read(&mut buffer).unwrap_err().code(), Code::Cancelled);
    }
}
