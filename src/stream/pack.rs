//! Compresses a stream of bytes into a spool. Reproducible: the result does not depend on time, names or the number of
//! threads.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::GzBuilder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, FrameCompressor};
use serde_json::Value;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::options::{word, OptionValue};
use crate::stream::blob::Blob;
use crate::stream::spool::{SpoolItem, SpoolWriter};

/// The compression that a caller chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// gzip (RFC 1952).
    Gzip,
    /// zstd (RFC 8878).
    Zstd,
    /// No compression.
    None,
}

impl OptionValue for Compression {
    fn read(value: Value) -> std::result::Result<Compression, String> {
        word(value, &[("gzip", Compression::Gzip), ("zstd", Compression::Zstd), ("none", Compression::None)])
    }
}

/// Compression with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompressionSettings {
    /// zstd; otherwise gzip.
    pub zstd: bool,
    level: u32,
}

impl CompressionSettings {
    /// From a caller's options; None for no compression. `usual` is the default when they choose none.
    pub fn of(
        chosen: Option<Compression>,
        level: Option<u64>,
        usual: Compression,
    ) -> Result<Option<CompressionSettings>> {
        let compression = chosen.unwrap_or(usual);
        let wrong = |why: &str| Err(Error::new(Code::InvalidArgument, format!("the option compression_level {why}")));
        let level = level.map(|level| u32::try_from(level).unwrap_or(u32::MAX));
        match (compression, level) {
            (Compression::None, Some(_)) if chosen.is_some() => wrong("has no effect with compression none"),
            (Compression::None, _) => Ok(None),
            (Compression::Gzip, None) => Ok(Some(CompressionSettings { zstd: false, level: 6 })),
            (Compression::Gzip, Some(level @ 1..=9)) => Ok(Some(CompressionSettings { zstd: false, level })),
            (Compression::Gzip, Some(_)) => wrong("must be 1 to 9 with gzip"),
            (Compression::Zstd, None | Some(1)) => Ok(Some(CompressionSettings { zstd: true, level: 1 })),
            (Compression::Zstd, Some(_)) => wrong("must be 1 with zstd, the only level supported here"),
        }
    }

    /// Compresses a blob.
    pub(crate) fn pack(self, call: &Call, blob: &mut dyn Blob, writer: SpoolWriter) -> Result<Packed> {
        let mut output = PackedOutput { writer, hasher: Hasher::new(Algorithm::Sha256), fault: None };
        let plain = match self.zstd {
            true => Some(zstd(blob, &mut output)?),
            false => {
                self.gzip(blob, &mut output)?;
                None
            }
        };
        if let Some(error) = output.fault {
            return Err(error);
        }
        let packed = Packed { digest: output.hasher.finish(), item: output.writer.finish() };
        plain.map_or(Ok(()), |plain| packed.check(call, &plain))?;
        Ok(packed)
    }

    fn gzip(self, blob: &mut dyn Blob, output: &mut PackedOutput) -> Result<()> {
        let failed = |error: std::io::Error| Error::io("cannot compress with gzip", &error);
        let mut gzip = GzBuilder::new().write(output, flate2::Compression::new(self.level));
        while let Some(piece) = blob.piece()? {
            gzip.write_all(&piece).map_err(failed)?;
            if let Some(error) = gzip.get_mut().fault.take() {
                return Err(error);
            }
        }
        gzip.finish().map(drop).map_err(failed)
    }
}

/// The zstd encoder takes an error of a reader or writer for a bug, and panics, so errors are kept from it. Returns the
/// digest of the uncompressed bytes.
fn zstd(blob: &mut dyn Blob, output: &mut PackedOutput) -> Result<Digest> {
    let mut fault = None;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let input = BlobInput { blob, now: Bytes::new(), over: false, hasher: &mut hasher, fault: &mut fault };
    let mut frame = FrameCompressor::new(CompressionLevel::Fastest);
    frame.set_source(input);
    frame.set_drain(output);
    frame.compress();
    drop(frame);
    match fault {
        Some(error) => Err(error),
        None => Ok(hasher.finish()),
    }
}

/// A compressed blob.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The digest of the compressed bytes.
    pub(crate) digest: Digest,
    /// The compressed bytes.
    pub(crate) item: SpoolItem,
}

impl Packed {
    /// Decompresses it again: the zstd encoder is young, and otherwise nothing would check the result before it is
    /// needed.
    fn check(&self, call: &Call, plain: &Digest) -> Result<()> {
        let wrong = |why: String| {
            Error::new(Code::Internal, format!("the zstd-compressed layer cannot be decompressed: {why}"))
        };
        let mut frame = StreamingDecoder::new(self.item.read_from(0)).map_err(|error| wrong(error.to_string()))?;
        let (mut hasher, mut buffer) = (Hasher::new(Algorithm::Sha256), vec![0; 128 << 10]);
        loop {
            call.check()?;
            match frame.read(&mut buffer).map_err(|error| wrong(error.to_string()))? {
                0 => break,
                count => hasher.update(&buffer[..count]),
            }
        }
        match hasher.finish() {
            found if found == *plain => Ok(()),
            found => Err(wrong(format!("its digest is {found}, not {plain}"))),
        }
    }
}

struct BlobInput<'a> {
    blob: &'a mut dyn Blob,
    now: Bytes,
    over: bool,
    hasher: &'a mut Hasher,
    fault: &'a mut Option<Error>,
}

impl Read for BlobInput<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.now.is_empty() && !self.over {
            match self.blob.piece() {
                Ok(Some(piece)) => self.now = piece,
                Ok(None) => self.over = true,
                Err(error) => {
                    *self.fault = Some(error);
                    self.over = true;
                }
            }
        }
        let count = self.now.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.now.split_to(count));
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// Hashes and stores what is written to it; after an error it ignores the rest.
struct PackedOutput {
    writer: SpoolWriter,
    hasher: Hasher,
    fault: Option<Error>,
}

impl Write for PackedOutput {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.fault.is_none() {
            self.hasher.update(bytes);
            self.fault = self.writer.write(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::spool::TemporarySpace;

    fn call() -> Call {
        Call::alone(None)
    }

    struct BreakingBlob(Vec<Bytes>, Option<Error>);

    impl Blob for BreakingBlob {
        fn piece(&mut self) -> Result<Option<Bytes>> {
            match self.0.pop() {
                Some(piece) => Ok(Some(piece)),
                None => self.1.take().map_or(Ok(None), Err),
            }
        }
    }

    fn how(compression: Compression, level: Option<u64>) -> CompressionSettings {
        CompressionSettings::of(Some(compression), level, Compression::None).unwrap().unwrap()
    }

    fn packed(how: CompressionSettings, bytes: &[u8], piece: usize) -> Vec<u8> {
        let spool = TemporarySpace::default().spool().unwrap();
        let pieces = bytes.chunks(piece).rev().map(Bytes::copy_from_slice).collect();
        let packed = how.pack(&call(), &mut BreakingBlob(pieces, None), spool.writer()).unwrap();
        let mut found = Vec::new();
        packed.item.read_from(0).read_to_end(&mut found).unwrap();
        assert_eq!(packed.digest, Algorithm::Sha256.digest(&found));
        found
    }

    #[test]
    fn the_same_bytes_give_the_same() {
        let bytes: Vec<u8> = (0..700_000u32).map(|at| (at / 3 % 251) as u8 ^ (at >> 13) as u8).collect();
        for (how, head) in [
            (how(Compression::Gzip, None), &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0][..]),
            (how(Compression::Gzip, Some(9)), &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
            (how(Compression::Zstd, None), &[0x28, 0xb5, 0x2f, 0xfd]),
        ] {
            let one = packed(how, &bytes, 1 << 18);
            assert!(one.starts_with(head) && one.len() < bytes.len() / 2, "{}", one.len());
            assert!(one == packed(how, &bytes, 1000), "the result must not depend on the pieces");
            let mut back = Vec::new();
            let count = match how.zstd {
                false => flate2::read::GzDecoder::new(&one[..]).read_to_end(&mut back),
                true => StreamingDecoder::new(&one[..]).unwrap().read_to_end(&mut back),
            };
            assert_eq!(count.unwrap(), bytes.len());
            assert!(back == bytes);
            assert!(!packed(how, b"", 1).is_empty());
        }
    }

    #[test]
    fn faults_are_told() {
        let small = TemporarySpace::new(None, 10);
        for compression in [Compression::Gzip, Compression::Zstd] {
            let how = how(compression, None);
            let mut broken =
                BreakingBlob(vec![Bytes::from_static(b"abc")], Some(Error::new(Code::Network, "it broke")));
            let spool = TemporarySpace::default().spool().unwrap();
            assert_eq!(how.pack(&call(), &mut broken, spool.writer()).unwrap_err().code(), Code::Network);
            let noise: Vec<u8> = (0..100_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as u8).collect();
            let mut large = BreakingBlob(vec![noise.into()], None);
            let error = how.pack(&call(), &mut large, small.spool().unwrap().writer()).unwrap_err();
            assert_eq!(error.code(), Code::LimitExceeded);
        }
    }

    #[test]
    fn levels_are_those_that_there_are() {
        let of = |chosen, level| CompressionSettings::of(chosen, level, Compression::Gzip);
        assert_eq!(of(None, None).unwrap(), Some(CompressionSettings { zstd: false, level: 6 }));
        assert_eq!(of(Some(Compression::None), None).unwrap(), None);
        for (chosen, level) in [
            (None, 0),
            (Some(Compression::Gzip), 10),
            (Some(Compression::Gzip), u64::MAX),
            (Some(Compression::Zstd), 3),
            (Some(Compression::None), 6),
        ] {
            let error = of(chosen, Some(level)).unwrap_err();
            assert!(error.message().contains("compression_level"), "{error}");
        }
    }
}
