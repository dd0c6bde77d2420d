//! Blobs of other places, into files.

use std::path::Path;

use super::helps_again;
use super::partial::{is_wrong, OnContention, Partial};
use crate::call::Call;
use crate::error::Result;
use crate::manifest::Descriptor;
use crate::store::ReadStore;

/// A blob of another place, whole but without its name, and how many of its bytes were there before. None when another writer
/// brought it.
pub(crate) fn fetch(
    call: &Call,
    target: &Path,
    wanted: &Descriptor,
    from: &dyn ReadStore,
    contention: OnContention,
) -> Result<Option<(Partial, u64)>> {
    let mut count = 0;
    loop {
        count += 1;
        let opened = Partial::open(call, target, &wanted.digest, Some(wanted.size), contention)?;
        let Some(mut partial) = opened else { return Ok(None) };
        let before = partial.length();
        let error = match fill(call, &mut partial, wanted, from) {
            Ok(resumed) => return Ok(Some((partial, resumed))),
            Err(error) => error,
        };
        // It may be what was there before: the power went off while it was not on the disk. That goes now. Or a cache on the way
        // gave it.
        let again = (count == 1 && before > 0 && is_wrong(&error)) || helps_again(&error, count);
        match partial.settle(Err(error), target) {
            Err(_) if again => {}
            outcome => return outcome,
        }
    }
}

/// Adds the missing bytes. Returns how many were there before.
fn fill(call: &Call, partial: &mut Partial, wanted: &Descriptor, from: &dyn ReadStore) -> Result<u64> {
    call.begin("blob", Some(wanted.size))?;
    call.moved_to(partial.length())?;
    let mut blob = from.open(call, wanted, partial.hashed())?;
    partial.receive(call, blob.as_mut())
}
