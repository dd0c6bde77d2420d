//! Bytes of a caller that become a blob: they are hashed as they are written to a hidden file in the folder where the blob goes.

use std::path::Path;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::download::partial::Partial;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::store::{PromisedBlob, ReadStore, TakenBlob, WriteStore};
use crate::stream::hashing::{Hashing, LARGE};
use crate::stream::source::{Source, PIECE};

/// The file, which has no name yet, and what it holds: that is what was promised.
pub(super) fn receive(
    call: &Call,
    folder: &Path,
    source: &mut dyn Source,
    promised: PromisedBlob,
) -> Result<(Partial, Descriptor)> {
    let mut partial = Partial::nameless(folder)?;
    let found = read(call, source, promised, |piece| partial.write(piece))?;
    Ok((partial, found))
}

/// What the bytes are, if that is what was promised. Each piece is given away before it counts.
fn read(
    call: &Call,
    source: &mut dyn Source,
    promised: PromisedBlob,
    mut give: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Descriptor> {
    let mut length = 0;
    let mut hashing = Hashing::new(Hasher::new(promised.digest.map_or(Algorithm::Sha256, Digest::algorithm)));
    if promised.size.is_some_and(|size| size >= LARGE) {
        hashing.move_aside();
    }
    call.begin("blob put", promised.size)?;
    loop {
        call.check()?;
        let piece = source.piece(PIECE)?;
        if piece.is_empty() {
            break;
        }
        hashing.update(&piece);
        give(&piece)?;
        length += piece.len() as u64;
        if promised.size.is_some_and(|size| length > size) {
            return Err(wrong_size(promised, &format!("more than {}", promised.size.unwrap_or_default())));
        }
        call.moved_to(length)?;
    }
    let found = hashing.finish()?;
    if promised.size.is_some_and(|size| length != size) {
        return Err(wrong_size(promised, &length.to_string()));
    }
    if let Some(wanted) = promised.digest.filter(|wanted| **wanted != found) {
        return Err(Error::new(Code::DigestMismatch, format!("the bytes have the digest {found}, not {wanted}")));
    }
    Ok(Descriptor::new("", found, length))
}

fn wrong_size(promised: PromisedBlob, found: &str) -> Error {
    let wanted = promised.size.unwrap_or_default();
    Error::new(Code::SizeMismatch, format!("the source has {found} bytes, but {wanted} were expected"))
}

/// What was promised, if the place has it: then the bytes need not be written, but they have to be those.
pub(super) fn present(
    call: &Call,
    place: &(impl WriteStore + ReadStore),
    source: &mut dyn Source,
    promised: PromisedBlob,
) -> Result<Option<TakenBlob>> {
    let Some(digest) = promised.digest else { return Ok(None) };
    let size = match place.size(call, digest) {
        Err(error) if error.code() == Code::MissingBlob => return Ok(None),
        size => size?,
    };
    let wanted = Descriptor::new("", digest.clone(), size);
    let is_there = promised.size.is_none_or(|said| said == size) && place.has_blob(call, &wanted)?;
    if !is_there {
        return Ok(None);
    }
    repeated(call, source, promised).map(Some)
}

/// Bytes that a place has: they need not be written, but they have to be those.
pub(super) fn repeated(call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
    let found = read(call, source, promised, |_| Ok(()))?;
    Ok(TakenBlob { digest: found.digest, size: found.size, is_new: false })
}
