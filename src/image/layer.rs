//! A layer unpacked as it comes: verified below by its digest, bounded, and hashed again for its diff_id.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Cursor, Read};
use std::rc::Rc;

use bytes::Bytes;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::manifest::Descriptor;
use crate::store::{Blob, ReadStore};
use crate::tar::Source;

/// Below so many bytes any ratio is good: a file of zeros is no attack.
const HARMLESS: u64 = 1 << 30;

/// How much may come out of a layer.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes unpacked.
    pub bytes: u64,
    /// Bytes unpacked for each byte packed, once there are many.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 64 << 30, ratio: 250 }
    }
}

/// A layer that is being read.
pub struct Layer {
    call: Call,
    reader: Box<dyn Read>,
    hasher: Option<Hasher>,
    unpacked: u64,
    packed: Rc<Cell<u64>>,
    limits: Limits,
    fault: Fault,
    digest: Digest,
}

/// The true error behind one that a decoder has wrapped.
type Fault = Rc<RefCell<Option<Error>>>;

impl Layer {
    /// Opens a layer. `done` is how many bytes the caller's progress has from layers before.
    pub fn open(call: &Call, store: &dyn ReadStore, wanted: &Descriptor, done: u64, limits: Limits) -> Result<Layer> {
        Layer::of(call, store.open(call, wanted, None)?, &wanted.digest, done, limits)
    }

    /// A layer from its blob.
    pub fn of(call: &Call, blob: Box<dyn Blob>, digest: &Digest, done: u64, limits: Limits) -> Result<Layer> {
        let (fault, packed) = (Fault::default(), Rc::<Cell<u64>>::default());
        let (call, bytes) = (call.clone(), Bytes::new());
        let feed = Feed { call: call.clone(), blob, now: bytes, done, packed: packed.clone(), fault: fault.clone() };
        let reader = unpacked(feed).map_err(|error| fault.take().unwrap_or_else(|| damaged(digest, &error)))?;
        let hasher = Some(Hasher::new(Algorithm::Sha256));
        Ok(Layer { call, reader, hasher, unpacked: 0, packed, limits, fault, digest: digest.clone() })
    }

    /// The next bytes; 0 is the end, and then the layer has the digest that it should have.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // A few packed bytes may be gigabytes: the caller need not wait for the next piece.
        self.call.check()?;
        let count = loop {
            match self.reader.read(buffer) {
                Ok(count) => break count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault.take().unwrap_or_else(|| damaged(&self.digest, &error))),
            }
        };
        self.unpacked += count as u64;
        self.check()?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }

    fn check(&self) -> Result<()> {
        let limits = self.limits;
        let most = if self.unpacked > limits.bytes {
            format!("{} bytes", limits.bytes)
        } else if self.unpacked > HARMLESS && self.unpacked / limits.ratio.max(1) > self.packed.get() {
            format!("{} times its {} bytes", limits.ratio, self.packed.get())
        } else {
            return Ok(());
        };
        let message = format!("the layer {} unpacks to more than {most}", self.digest);
        Err(Error::new(Code::LimitExceeded, message))
    }

    /// Bytes unpacked so far.
    pub fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Reads to the end, so that all of the layer is verified. Gives the digest of its unpacked bytes.
    pub fn finish(&mut self) -> Result<Digest> {
        let mut buffer = vec![0; 64 << 10];
        while self.read(&mut buffer)? > 0 {}
        match self.hasher.take() {
            Some(hasher) => Ok(hasher.finish()),
            None => Err(Error::new(Code::Internal, "the layer was finished twice")),
        }
    }
}

impl Source for Layer {
    fn name(&self) -> String {
        "the layer".to_owned()
    }

    fn code(&self) -> Code {
        Code::InvalidManifest
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Layer::read(self, buffer)
    }
}

fn damaged(digest: &Digest, error: &std::io::Error) -> Error {
    let code = if error.kind() == std::io::ErrorKind::Unsupported { Code::Unsupported } else { Code::InvalidManifest };
    Error::new(code, format!("the layer {digest} cannot be unpacked: {error}"))
}

/// The blob as a reader.
struct Feed {
    call: Call,
    blob: Box<dyn Blob>,
    now: Bytes,
    done: u64,
    packed: Rc<Cell<u64>>,
    fault: Fault,
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

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.now.is_empty() {
            match self.next() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    let shown = std::io::Error::other(error.to_string());
                    *self.fault.borrow_mut() = Some(error);
                    return Err(shown);
                }
            }
        }
        let count = self.now.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.now.split_to(count));
        Ok(count)
    }
}

/// How bytes are packed is seen in the bytes: media types are often wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Packing {
    /// What the first bytes say.
    pub fn of(head: &[u8]) -> std::result::Result<Packing, &'static str> {
        match head {
            [0x1f, 0x8b, ..] => Ok(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Packing::Zstd),
            [b'B', b'Z', b'h', ..] => Err("bzip2"),
            [0xfd, b'7', b'z', b'X', ..] => Err("xz"),
            _ => Ok(Packing::Plain),
        }
    }
}

fn unpacked(mut feed: Feed) -> std::io::Result<Box<dyn Read>> {
    let mut head = Vec::new();
    (&mut feed).take(4).read_to_end(&mut head)?;
    let packing = Packing::of(&head)
        .map_err(|name| std::io::Error::new(std::io::ErrorKind::Unsupported, format!("it is packed by {name}")))?;
    let whole = Cursor::new(head).chain(BufReader::with_capacity(64 << 10, feed));
    Ok(match packing {
        Packing::Plain => Box::new(whole),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        Packing::Zstd => Box::new(Zstd { source: Shared(Rc::new(RefCell::new(whole))), frame: None }),
    })
}

/// Zstd: any number of frames, and skippable ones between them.
struct Zstd<R: BufRead> {
    source: Shared<R>,
    frame: Option<StreamingDecoder<Shared<R>, FrameDecoder>>,
}

/// A decoder takes its source, and loses it when it fails.
struct Shared<R>(Rc<RefCell<R>>);

impl<R: Read> Read for Shared<R> {
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
            match StreamingDecoder::new(Shared(self.source.0.clone())) {
                Ok(frame) => self.frame = Some(frame),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let mut skipped = (&mut self.source).take(u64::from(length));
                    std::io::copy(&mut skipped, &mut std::io::sink())?;
                }
                Err(error) => return Err(std::io::Error::other(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::context::Context;
    use crate::http::settings::ClientOptions;
    use crate::registry::Client;

    struct Once(Option<Bytes>);

    impl Blob for Once {
        fn piece(&mut self) -> Result<Option<Bytes>> {
            Ok(self.0.take())
        }
    }

    #[test]
    fn cancel_is_heeded_within_a_piece() {
        // One block of zstd: a byte that is there 128 KiB times.
        let block = (128u32 << 13) | 0b011;
        let packed = [&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58][..], &block.to_le_bytes()[..3], b"x"].concat();
        let context = std::sync::Arc::new(Context::new());
        let client = Client::new(ClientOptions::default()).unwrap();
        let call = client.call(Some(context.clone())).unwrap();
        let digest = Algorithm::Sha256.digest(&packed);
        let mut layer = Layer::of(&call, Box::new(Once(Some(packed.into()))), &digest, 0, Limits::default()).unwrap();
        let mut buffer = [0; 16];
        assert!(layer.read(&mut buffer).unwrap() > 0);
        context.cancel();
        assert_eq!(layer.read(&mut buffer).unwrap_err().code(), Code::Cancelled);
    }
}
