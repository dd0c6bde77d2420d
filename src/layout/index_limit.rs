//! How much an `index.json` may hold, so that it can be read again. No I/O.

use crate::descriptor::MOST_DESCRIPTORS;
use crate::manifest::MOST_BYTES;

/// What it would have too much of; None if that can be read.
pub(crate) fn excess(entries: usize, bytes: u64) -> Option<String> {
    if entries > MOST_DESCRIPTORS {
        return Some(format!("more than {MOST_DESCRIPTORS} entries"));
    }
    (bytes > MOST_BYTES).then(|| format!("more than {MOST_BYTES} bytes"))
}
