//! Whether the file that a caller wants is there already, by each of its bytes.

use std::path::Path;

use super::verifier::{DigestVerifier, ExpectedDigest};
use crate::call::Call;
use crate::error::Result;
use crate::os::lock::is_same;
use crate::os::owner;
use crate::os::special_file::open_regular;
use crate::stream::hashing::LARGE;
use crate::stream::source::{read_piece, PIECE};

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
        verifier.move_aside();
    }
    let mut length = 0;
    // Not longer than it was, for another process may be writing to it.
    while length <= found.len() {
        call.check()?;
        let Ok(piece) = read_piece(&mut file, PIECE) else { return Ok(None) };
        if piece.is_empty() {
            break;
        }
        length += piece.len() as u64;
        verifier.update(&piece);
    }
    let is_right = length == found.len() && verifier.finish()?.is_none();
    let has_its_name = std::fs::symlink_metadata(path).is_ok_and(|named| is_same(&named, &found));
    Ok((is_right && has_its_name).then_some(length))
}
