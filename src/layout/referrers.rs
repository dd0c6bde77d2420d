//! What refers to a manifest in a layout or an archive: entries of `index.json`, as oras writes them too, and what an index lists that is
//! named by the digest, as in a registry without the referrers API. Layouts of regctl have only that index, and so has a layout that all
//! tags of such a registry were brought to.

use std::collections::HashSet;

use super::index_entry::name_of;
use crate::digest::Digest;
use crate::error::{Code, Result};
use crate::manifest::Descriptor;
use crate::store::{referrers_tag, RawManifest};

/// Those whose manifests say that they are about it.
pub(crate) fn referring(
    entries: &[Descriptor],
    subject: &Digest,
    read: &dyn Fn(&Descriptor) -> Result<RawManifest>,
) -> Result<Vec<Descriptor>> {
    let is_about = |content: &RawManifest| content.document.subject().is_some_and(|named| named.digest == *subject);
    let mut found = Vec::new();
    for entry in entries {
        if is_about(&read(entry)?) {
            found.push(entry.clone());
        }
    }
    let tag = referrers_tag(subject);
    let mut seen: HashSet<Digest> = found.iter().map(|one| one.digest.clone()).collect();
    for index in entries.iter().filter(|entry| name_of(entry) == Some(&tag)) {
        for listed in read(index)?.document.manifests() {
            if !seen.insert(listed.digest.clone()) {
                continue;
            }
            match read(listed) {
                Ok(content) if is_about(&content) => found.push(listed.clone()),
                // Nothing takes what is deleted out of such a list.
                Err(error) if error.code() != Code::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(found)
}
