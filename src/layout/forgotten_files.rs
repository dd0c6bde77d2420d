//! What writers of a layout that were killed have left in it, and nobody goes on with: hidden files, known by the names that this library
//! gives. What has another name may be another program's, whatever it looks like.

use std::fs::Metadata;
use std::time::{Duration, SystemTime};

use super::oci::INDEX_MARK;
use crate::download::is_partial_of_blob;
use crate::os::temporary::is_hidden;

/// What a broken copy has brought is not gone on with any more when it is older than this, and nothing is written more slowly.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// Among the blobs, while the lock on `oci-layout` is held alone: all who write there hold it too. The next copy goes on with a part of a
/// blob that is not old.
pub(super) fn is_forgotten_blob(name: &str, facts: &Metadata) -> bool {
    is_hidden(name, "") || is_partial_of_blob(name) && is_stale(facts)
}

/// Beside `index.json`, while the lock on the folder is held alone. Only a call that replaces the index holds that too: others make a new layout,
/// or write a file of the caller's here.
pub(super) fn is_forgotten_in_root(name: &str, facts: &Metadata) -> bool {
    is_hidden(name, INDEX_MARK) || is_hidden(name, "") && is_stale(facts)
}

fn is_stale(facts: &Metadata) -> bool {
    facts.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > STALE)
}
