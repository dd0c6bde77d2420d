//! What an index has for the images that were chosen from it: their entries, and those that attest something about them.

use std::collections::HashSet;

use super::platform_descent::Chosen;
use super::ReadStore;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::index_entries::IndexEntry;
use crate::manifest::Document;

/// More than are about some images.
const MOST: usize = 256;

/// The images' entries, in the order in which the index leads to them, with the platforms that it leaves out; and then the others.
pub(crate) fn chosen_entries(
    call: &Call,
    store: &dyn ReadStore,
    index: &Document,
    mut chosen: Vec<Chosen>,
) -> Result<Vec<IndexEntry>> {
    chosen.sort_by(|one, other| one.path.cmp(&other.path));
    // One image may be chosen twice, by entries of their own for two platforms.
    chosen.dedup_by(|one, other| one.path == other.path);
    let mut seen: HashSet<Digest> = chosen.iter().map(|one| one.entry.digest.clone()).collect();
    let images: HashSet<String> = seen.iter().map(|digest| digest.to_string()).collect();
    let (mut looked_through, mut others) = (HashSet::new(), Vec::new());
    for one in &chosen {
        let holder = holder(call, store, index, one)?;
        if looked_through.insert(holder.digest.clone()) {
            let about = |entry: &IndexEntry| entry.descriptor.attests().is_some_and(|of| images.contains(of));
            others.extend(IndexEntry::all(&holder).into_iter().filter(about));
        }
    }
    if others.len() > MOST {
        let message = format!("more than {MOST} entries of the index refer to the chosen images");
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let mut entries = chosen.into_iter().map(entry_of).collect::<Result<Vec<_>>>()?;
    for entry in others.into_iter().filter(|entry| seen.insert(entry.descriptor.digest.clone())) {
        call.check()?;
        match store.manifest(call, &entry.descriptor) {
            // A store that has only some images of an index may lack what refers to them.
            Err(error) if error.code() == Code::NotFound => {}
            found => {
                found?;
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// The entry of an image, with its platform.
fn entry_of(chosen: Chosen) -> Result<IndexEntry> {
    let entry = IndexEntry::written(chosen.entry, chosen.raw);
    match entry.says_platform() {
        true => Ok(entry),
        false => entry.on(chosen.platform),
    }
}

/// The index that has the entry of an image: the index itself, or one in it.
fn holder(call: &Call, store: &dyn ReadStore, index: &Document, chosen: &Chosen) -> Result<Document> {
    let mut holder = index.clone();
    for (at, _) in chosen.path.iter().take(chosen.path.len().saturating_sub(1)) {
        let Some(entry) = holder.manifests().get(*at) else { break };
        holder = store.manifest(call, entry)?.document;
    }
    Ok(holder)
}
