//! Decompresses a stream, within limits. The compression is detected from the bytes.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use bytes::Bytes;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::stream::blob::Blob;
use crate::stream::gunzip::{gunzip, Gunzip};

/// Below this many bytes any ratio is acceptable: a file of zeros is not an attack.
const HARMLESS: u64 = 1 << 30;
/// The most memory that xz may request, in KiB: more than its strongest level needs.
const XZ_MEMORY: u32 = 129 << 10;

/// How much a compressed stream may expand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnpackLimits {
    /// The most uncompressed bytes.
    pub(crate) bytes: u64,
    /// The most uncompressed bytes per compressed byte, once there are many.
    pub(crate) ratio: u64,
    /// How many zeros may be that are not even compressed, of whatever ratio.
    zeros: u64,
}

impl UnpackLimits {
    /// The limits of everything that a call unpacks.
    pub(crate) fn new(bytes: u64, ratio: u64) -> UnpackLimits {
        UnpackLimits { bytes, ratio, zeros: HARMLESS }
    }

    /// What is left of them after a part.
    pub(crate) fn after(self, unpacked: UnpackedAmount) -> UnpackLimits {
        let (bytes, zeros) = (self.bytes.saturating_sub(unpacked.bytes), self.zeros.saturating_sub(unpacked.zeros));
        UnpackLimits { bytes, zeros, ..self }
    }
}

/// How much was unpacked.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnpackedAmount {
    pub(crate) bytes: u64,
    /// Those of them that are zeros of sparse files, which the stream has not, and that its ratio does not allow.
    zeros: u64,
}

impl Default for UnpackLimits {
    fn default() -> UnpackLimits {
        UnpackLimits::new(64 << 30, 250)
    }
}

/// The compression, detected from the bytes: media types are often wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    /// How many bytes are needed to detect it.
    pub(crate) const HEAD: usize = 6;

    /// Detects the compression from the first bytes.
    pub(crate) fn of(head: &[u8]) -> Packing {
        match head {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Packing::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Xz,
            _ => Packing::Plain,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Packing::Plain => "nothing",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Xz => "xz",
            Packing::Bzip2 => "bzip2",
        }
    }
}

/// The original error of the source, which a decoder wraps.
type SharedError = Rc<RefCell<Option<Error>>>;

pub(crate) struct Unpacker {
    call: Call,
    name: String,
    reader: Box<dyn Read>,
    packing: Packing,
    unpacked: UnpackedAmount,
    packed: Rc<Cell<u64>>,
    limits: UnpackLimits,
    fault: SharedError,
    failed: bool,
}

impl Unpacker {
    /// Decompresses a blob, which messages call `name`. `done` is how many bytes the caller's progress already counts
    /// from other blobs.
    pub(crate) fn new(
        call: &Call,
        blob: Box<dyn Blob>,
        name: String,
        done: u64,
        limits: UnpackLimits,
    ) -> Result<Unpacker> {
        let (fault, packed) = (SharedError::default(), Rc::<Cell<u64>>::default());
        let (call, bytes) = (call.clone(), Bytes::new());
        let feed = Feed { call: call.clone(), blob, now: bytes, done, packed: packed.clone(), fault: fault.clone() };
        let (packing, reader) =
            unpacked(feed).map_err(|error| fault.take().unwrap_or_else(|| damaged(&name, &error)))?;
        Ok(Unpacker {
            call,
            name,
            reader,
            packing,
            unpacked: UnpackedAmount::default(),
            packed,
            limits,
            fault,
            failed: false,
        })
    }

    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads the next bytes; 0 is the end, after the blob was verified.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // A few compressed bytes may expand to gigabytes, so cancel is checked here too, not only at the next piece.
        self.call.check()?;
        let count = loop {
            match if self.failed { Err(std::io::ErrorKind::InvalidData.into()) } else { self.reader.read(buffer) } {
                Ok(count) => break count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // A decoder's behaviour after an error is undefined.
                    self.failed = true;
                    return Err(self.fault.take().unwrap_or_else(|| damaged(&self.name, &error)));
                }
            }
        };
        self.count(count as u64)?;
        Ok(count)
    }

    /// Counts zeros that what was unpacked stands for.
    pub(crate) fn count_zeros(&mut self, count: u64) -> Result<()> {
        self.unpacked.zeros = self.unpacked.zeros.saturating_add(count);
        self.count(count)
    }

    fn count(&mut self, bytes: u64) -> Result<()> {
        self.call.check()?;
        self.unpacked.bytes = self.unpacked.bytes.saturating_add(bytes);
        self.check()
    }

    fn check(&self) -> Result<()> {
        let (limits, UnpackedAmount { bytes, zeros }) = (self.limits, self.unpacked);
        let most = if bytes > limits.bytes {
            format!("{} bytes", limits.bytes)
        } else if (bytes > HARMLESS || zeros > limits.zeros) && bytes / limits.ratio.max(1) > self.packed.get() {
            format!("{} times its {} bytes", limits.ratio, self.packed.get())
        } else {
            return Ok(());
        };
        Err(Error::new(Code::LimitExceeded, format!("{} unpacks to more than {most}", self.name))
            .with_hint("the options max_bytes and max_ratio, where a call has them, allow more"))
    }

    /// How much it was. What the ratio allows one part is not missing for the next.
    pub(crate) fn unpacked(&self) -> UnpackedAmount {
        let UnpackedAmount { bytes, zeros } = self.unpacked;
        let allowed = self.packed.get().saturating_mul(self.limits.ratio.max(1));
        UnpackedAmount { bytes, zeros: zeros.min(bytes.saturating_sub(allowed)) }
    }
}

fn damaged(name: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::OutOfMemory => {
            let message = format!("{name} needs more than {} MiB of memory to be decompressed", XZ_MEMORY >> 10);
            Error::new(Code::LimitExceeded, message)
        }
        std::io::ErrorKind::FileTooLarge => {
            Error::new(Code::LimitExceeded, format!("{name} cannot be decompressed: {error}"))
        }
        _ => Error::new(Code::InvalidManifest, format!("{name} cannot be decompressed: {error}")),
    }
}

struct Feed {
    call: Call,
    blob: Box<dyn Blob>,
    now: Bytes,
    done: u64,
    packed: Rc<Cell<u64>>,
    fault: SharedError,
}

impl Feed {
    fn next(&mut self) -> Result<bool> {
        self.call.check()?;
        let Some(piece) = self.blob.piece()? else { return Ok(false) };
        self.packed.set(self.packed.get() + piece.len() as u64);
        self.call.moved_to(self.done.saturating_add(self.packed.get()))?;
        self.now = piece;
        Ok(true)
    }
}

/// Passes an error through a decoder.
fn through(fault: &SharedError, error: Error) -> std::io::Error {
    let shown = std::io::Error::other(error.to_string());
    *fault.borrow_mut() = Some(error);
    shown
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        // A piece may be ten thousand empty gzip members, which a decoder skips without returning.
        self.call.check().map_err(|error| through(&self.fault, error))?;
        while self.now.is_empty() {
            match self.next() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => return Err(through(&self.fault, error)),
            }
        }
        let count = self.now.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.now.split_to(count));
        Ok(count)
    }
}

fn unpacked(mut feed: Feed) -> std::io::Result<(Packing, Box<dyn Read>)> {
    let mut head = Vec::new();
    (&mut feed).take(Packing::HEAD as u64).read_to_end(&mut head)?;
    let packing = Packing::of(&head);
    let (call, fault) = (feed.call.clone(), feed.fault.clone());
    let whole = Cursor::new(head).chain(BufReader::with_capacity(16 << 10, feed));
    let reader: Box<dyn Read> = match packing {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => Box::new(Gzip { decoder: gunzip(), source: whole, call, fault }),
        Packing::Zstd => {
            Box::new(Zstd { source: SharedReader(Rc::new(RefCell::new(whole))), frame: None, call, fault })
        }
        Packing::Xz => Box::new(XzReader::new_mem_limit(whole, true, XZ_MEMORY)),
        Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(whole)),
    };
    Ok((packing, reader))
}

/// Gzip: any number of members. Its decoder is fed the bytes, and reports when it needs more.
struct Gzip<R> {
    call: Call,
    fault: SharedError,
    source: R,
    decoder: Gunzip,
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.decoder.read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.call.check().map_err(|error| through(&self.fault, error))?;
            let more = Bytes::copy_from_slice(self.source.fill_buf()?);
            self.source.consume(more.len());
            self.decoder.get_mut().put(Some(more).filter(|more| !more.is_empty()));
        }
    }
}

/// Zstd: any number of frames, and skippable ones between them.
struct Zstd<R: BufRead> {
    call: Call,
    fault: SharedError,
    source: SharedReader<R>,
    frame: Option<StreamingDecoder<SharedReader<R>, FrameDecoder>>,
}

/// A decoder owns its source, and drops it when it fails.
struct SharedReader<R>(Rc<RefCell<R>>);

impl<R: Read> Read for SharedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                self.frame = None;
            }
            if self.source.0.borrow_mut().fill_buf()?.is_empty() {
                return Ok(0);
            }
            // A frame may be empty, and then costs more than its bytes suggest.
            self.call.check().map_err(|error| through(&self.fault, error))?;
            match StreamingDecoder::new(SharedReader(self.source.0.clone())) {
                Ok(frame) => self.frame = Some(frame),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let mut skipped = (&mut self.source).take(u64::from(length));
                    std::io::copy(&mut skipped, &mut std::io::sink())?;
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, max }) => {
                    let why = format!("its zstd window has {requested} bytes, more than the {max} that are read");
                    return Err(std::io::Error::other(why));
                }
                Err(error) => return Err(std::io::Error::other(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::blob::MemoryBlob;

    /// What is left after a part of so many bytes, with so many zeros that it does not have.
    fn left(limits: UnpackLimits, bytes: usize, zeros: u64) -> Result<UnpackLimits> {
        let call = Call::alone(None);
        let blob = Box::new(MemoryBlob::new(vec![b'x'; bytes].into()));
        let mut unpacker = Unpacker::new(&call, blob, "a part".to_owned(), 0, limits)?;
        while unpacker.read(&mut [0; 4096])? > 0 {}
        unpacker.count_zeros(zeros)?;
        Ok(limits.after(unpacker.unpacked()))
    }

    #[test]
    fn zeros_that_a_part_is_entitled_to_are_not_missing_for_the_next() {
        let limits = UnpackLimits::new(64 << 30, 2000);
        // 1 GiB is less than 2000 times a MiB.
        let left_by_large = left(limits, 1 << 20, HARMLESS).unwrap();
        assert_eq!((left_by_large.zeros, left_by_large.bytes), (HARMLESS, limits.bytes - HARMLESS - (1 << 20)));
        let left_by_small = left(left_by_large, 500, 2_000_000).unwrap();
        assert_eq!(HARMLESS - left_by_small.zeros, 1_000_500, "what is more than 2000 times 500 bytes");
        // They count together where no ratio allows them.
        let once = left(limits, 500, 600 << 20).unwrap();
        let error = left(once, 500, 600 << 20).map(drop).unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded, "{error}");
    }
}
