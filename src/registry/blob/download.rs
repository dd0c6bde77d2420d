//! Whole blobs to a file, a descriptor or memory.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;

use serde::Serialize;

use crate::call::Call;
use crate::digest::Digest;
use crate::download::partial::{Partial, Rival};
use crate::error::{Code, Error, Result};
use crate::os::target::Target;
use crate::reference::Reference;
use crate::registry::blob::reader::{ReadOptions, Reader};
use crate::registry::repository::Remote;
use crate::registry::Client;

/// The most that a read into memory takes unless told otherwise.
const MEMORY_LIMIT: u64 = 64 << 20;

/// What was delivered.
#[derive(Debug, Serialize)]
pub struct Delivered {
    /// The blob's digest.
    pub digest: Digest,
    /// The size of the whole blob.
    pub size: Option<u64>,
    /// The first byte delivered.
    pub offset: u64,
    /// How many bytes were delivered.
    pub length: u64,
    /// Whether the digest was checked; a piece of a blob has none.
    pub verified: bool,
    /// How many of the bytes were there from an earlier call.
    pub resumed: u64,
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Client {
    /// Opens a blob for reading.
    pub fn open_blob(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<Reader> {
        options.without_limit()?;
        self.begin_read(call, reference, options)
    }

    fn begin_read(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<Reader> {
        let digest = blob_digest(reference)?;
        let reader = Reader::open(Remote::repository(self, call, reference.repository())?, digest, options, None)?;
        call.begin("blob get", reader.expected())?;
        Ok(reader)
    }

    /// Gets a blob into memory.
    pub fn get_blob(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<(Delivered, Vec<u8>)> {
        let limit = options.limit.unwrap_or(MEMORY_LIMIT);
        once_more_if_wrong(|| {
            let mut bytes = Vec::new();
            let delivered = self.stream_blob(call, reference, options, |piece| {
                if bytes.len() as u64 + piece.len() as u64 > limit {
                    let message = format!("the blob is larger than the limit of {limit} bytes for memory");
                    return Err(Error::new(Code::LimitExceeded, message));
                }
                bytes.extend_from_slice(piece);
                Ok(())
            })?;
            Ok((delivered, bytes))
        })
    }

    /// Gets a blob and writes it to `out`. What was written before an error cannot be taken back.
    pub fn get_blob_to(
        &self,
        call: &Call,
        reference: &Reference,
        out: &mut dyn Write,
        options: &ReadOptions,
    ) -> Result<Delivered> {
        options.without_limit()?;
        let delivered = self.stream_blob(call, reference, options, |piece| {
            out.write_all(piece).map_err(|error| Error::io("cannot write the blob", &error))
        })?;
        out.flush().map_err(|error| Error::io("cannot write the blob", &error))?;
        Ok(delivered)
    }

    /// Gets a blob into a file, or through what is none and takes bytes as they come.
    pub fn get_blob_file(
        &self,
        call: &Call,
        reference: &Reference,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<Delivered> {
        let digest = blob_digest(reference)?.clone();
        options.without_limit()?;
        let shown = path.to_string_lossy().into_owned();
        let path = &match Target::of(path)? {
            Target::Replace(path) => path,
            Target::Through(through) => {
                let file = call.open_through(through)?;
                let delivered = self.get_blob_to(call, reference, &mut call.output(file.as_fd())?, options)?;
                return Ok(Delivered { path: Some(shown), ..delivered });
            }
        };
        let delivered = once_more_if_wrong(|| {
            let continued = match options.is_piece() {
                true => None,
                false => Partial::open(call, path, &digest, options.size, Rival::Ignore)?,
            };
            let mut partial = continued.map_or_else(|| Partial::private(path), Ok)?;
            let outcome = self.fill(call, reference, options, &mut partial);
            partial.settle(outcome, path)
        })?;
        Ok(Delivered { path: Some(shown), ..delivered })
    }

    fn fill(
        &self,
        call: &Call,
        reference: &Reference,
        options: &ReadOptions,
        partial: &mut Partial,
    ) -> Result<Delivered> {
        let digest = blob_digest(reference)?;
        let hashed = partial.hashed();
        let mut reader =
            Reader::open(Remote::repository(self, call, reference.repository())?, digest, options, hashed)?;
        if reader.begins_anew() {
            partial.restart()?;
        }
        let resumed = partial.length();
        call.begin("blob get", reader.expected())?;
        call.moved_to(resumed)?;
        reader.hash_aside();
        while let Some(piece) = reader.piece()? {
            partial.write(&piece)?;
            call.moved_to(partial.length())?;
        }
        Ok(delivered(&reader, options, resumed))
    }

    fn stream_blob(
        &self,
        call: &Call,
        reference: &Reference,
        options: &ReadOptions,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<Delivered> {
        let mut reader = self.begin_read(call, reference, options)?;
        while let Some(piece) = reader.piece()? {
            take(&piece)?;
            call.moved_to(reader.position() - options.offset)?;
        }
        Ok(delivered(&reader, options, 0))
    }
}

/// The digest of a blob's reference.
pub fn blob_digest(reference: &Reference) -> Result<&Digest> {
    reference.digest().ok_or_else(|| {
        Error::new(
            Code::InvalidReference,
            format!("a blob is named HOST/REPOSITORY@DIGEST; '{reference}' has no digest"),
        )
    })
}

fn delivered(reader: &Reader, options: &ReadOptions, resumed: u64) -> Delivered {
    let info = reader.info();
    Delivered {
        digest: info.digest.clone(),
        size: info.size,
        offset: options.offset,
        length: reader.position() - options.offset,
        verified: !options.is_piece(),
        resumed,
        path: None,
    }
}

/// Once more after bytes of another digest: a cache on the way may have given them, or an earlier try left them. Twice is no
/// accident.
pub fn once_more_if_wrong<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    match work() {
        Err(error) if error.code() == Code::DigestMismatch => work(),
        outcome => outcome,
    }
}
