//! What refers to a manifest in a layout or an archive: entries of `index.json`, as oras writes them too, and what an index lists that is
//! named by the digest, as in a registry without the referrers API. Layouts of regctl have only that index, and so has a layout that all
//! tags of such a registry were brought to.

use std::collections::{HashMap, HashSet};

use super::index_entry::name_of;
use crate::digest::Digest;
use crate::error::{Code, Result};
use crate::manifest::Descriptor;
use crate::store::{is_referrers_tag, referrers_tag, RawManifest};

/// Which entries of an `index.json` refer to what.
#[derive(Debug, Default)]
pub(crate) struct Referring {
    /// By what their manifests say that they are about.
    by_subject: HashMap<Digest, Vec<Descriptor>>,
    /// Indexes that list what refers to something, by the names that are made of its digest.
    lists: HashMap<String, Vec<Descriptor>>,
}

impl Referring {
    /// Reads the manifest of each entry.
    pub(crate) fn of(entries: &[Descriptor], read: &dyn Fn(&Descriptor) -> Result<RawManifest>) -> Result<Referring> {
        let mut referring = Referring::default();
        for entry in entries {
            if let Some(subject) = read(entry)?.document.subject() {
                referring.by_subject.entry(subject.digest.clone()).or_default().push(entry.clone());
            }
            if let Some(name) = name_of(entry).filter(|name| is_referrers_tag(name)) {
                referring.lists.entry(name.to_owned()).or_default().push(entry.clone());
            }
        }
        Ok(referring)
    }

    /// Those that are about a manifest.
    pub(crate) fn to(
        &self,
        subject: &Digest,
        read: &dyn Fn(&Descriptor) -> Result<RawManifest>,
    ) -> Result<Vec<Descriptor>> {
        let is_about = |content: &RawManifest| content.document.subject().is_some_and(|named| named.digest == *subject);
        let mut found = self.by_subject.get(subject).cloned().unwrap_or_default();
        let mut seen: HashSet<Digest> = found.iter().map(|one| one.digest.clone()).collect();
        for index in self.lists.get(&referrers_tag(subject)).into_iter().flatten() {
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
}

/// Those that are about a manifest, of entries that are looked at once.
pub(crate) fn referring(
    entries: &[Descriptor],
    subject: &Digest,
    read: &dyn Fn(&Descriptor) -> Result<RawManifest>,
) -> Result<Vec<Descriptor>> {
    Referring::of(entries, read)?.to(subject, read)
}
