//! Whether a file is there already: one that the caller wants, by each of its bytes, or one that got its name only when it was complete.

use std::path::Path;

use super::verifier::{DigestVerifier, ExpectedDigest};
use crate::call::Call;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::os::lock::is_same;
use crate::os::owner;
use crate::os::special_file::open_regular;
use crate::stream::blob::{is_right, VerifiedBlob};
use crate::stream::hashing::LARGE;
use crate::stream::source::{read_piece, PIECE};

/// A file up to this size is read to verify it: that takes no time.
const SMALL: u64 = 1 << 20;

/// The size of the file at a path, which is behind all links, if it holds what is wanted and belongs to this user or to root: another
/// owner could change it at any time. A file that cannot be read does not count.
pub(super) fn identical(call: &Call, path: &Path, size: Option<u64>, expected: ExpectedDigest) -> Result<Option<u64>> {
    let Ok(mut file) = open_regular(path) else { return Ok(None) };
    let Ok(found) = file.metadata() else { return Ok(None) };
    if owner::is_another_users(&found) || size.is_some_and(|size| size != found.len()) {
        return Ok(None);
    }
    let mut verifier = DigestVerifier::new(expected, None);
    if found.len() >= LARGE {
        verifier.hash().move_aside();
    }
    let mut length = 0;
    // Not longer than it was, for another process may be writing to it.
    while length <= found.len() {
        call.check()?;
        let Ok(piece) = read_piece(&mut file, PIECE) else { return Ok(None) };
        if piece.is_empty() {
            break;
        }
        verifier.hash().take(length, &piece)?;
        length += piece.len() as u64;
    }
    let is_right = length == found.len() && verifier.finish()?.is_none();
    let has_its_name = std::fs::symlink_metadata(path).is_ok_and(|named| is_same(&named, &found));
    Ok((is_right && has_its_name).then_some(length))
}

/// Whether a target exists and is complete. It gets its name only when complete, so the size is enough. It is read if
/// that is cheap, as for manifests and configs, and where another user could have written it. One of another size was
/// left by a program that was killed, or that is still writing it.
pub(crate) fn is_there(call: &Call, target: &Path, wanted: &Descriptor) -> Result<bool> {
    if !std::fs::metadata(target).is_ok_and(|found| found.is_file() && found.len() == wanted.size) {
        return Ok(false);
    }
    if wanted.size > SMALL && owner::is_ours(target) {
        return Ok(true);
    }
    let shown = target.display().to_string();
    let file = open_regular(target).map_err(|error| Error::io(format!("cannot read {shown}"), &error))?;
    is_right(&mut VerifiedBlob::new(file, call, shown, wanted, None))
}
