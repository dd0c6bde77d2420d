//! Whether a file that has its name already is what is wanted.

use std::path::Path;

use crate::call::Call;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::os::owner;
use crate::os::special_file::open_regular;
use crate::stream::blob::{is_right, VerifiedBlob};

/// A file up to this size is read to verify it: that takes no time.
const SMALL: u64 = 1 << 20;

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
