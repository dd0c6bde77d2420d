//! What writers of a layout that were killed have left in it, and nobody goes on with: hidden files, known by the names that this library
//! gives. What has another name may be another program's, whatever it looks like.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use super::oci::INDEX_MARK;
use crate::digest::Digest;
use crate::os::temporary::is_hidden;

/// What a broken copy has brought is not gone on with any more when it is older than this, and nothing is written more slowly.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// Among the blobs, while the lock on `oci-layout` is held alone: all who write there hold it too.
pub(super) fn is_forgotten_blob(name: &str, facts: &Metadata) -> bool {
    is_hidden(name, "") || is_begun_blob(name) && is_stale(facts)
}

/// Beside `index.json`, while the lock on the folder is held alone. Only who replaces the index holds that too: others make a new layout,
/// or write a file of the caller's here.
pub(super) fn is_forgotten_in_root(name: &str, facts: &Metadata) -> bool {
    is_hidden(name, INDEX_MARK) || is_hidden(name, "") && is_stale(facts)
}

/// What the next copy goes on with: a part of a blob, `.HEX.` and the beginning of that.
fn is_begun_blob(name: &str) -> bool {
    let both = name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial")?.split_once('.'));
    let is_digest =
        |hex: &str| ["sha256", "sha512"].iter().any(|kind| format!("{kind}:{hex}").parse::<Digest>().is_ok());
    both.is_some_and(|(hex, begin)| begin.len() == 12 && hex.starts_with(begin) && is_digest(hex))
}

fn is_stale(facts: &Metadata) -> bool {
    facts.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > STALE)
}
