//! Changes of a layout that are no copy: a caller's blob comes in, names and manifests go. What nothing names any more stays until the
//! layout is cleaned.

use super::OciLayout;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::layout::index_entry::named;
use crate::layout::received_blob::{present, receive};
use crate::layout::{index, names};
use crate::manifest::Descriptor;
use crate::store::condition::{ConditionCheck, NameCondition, NameFate};
use crate::store::{PromisedBlob, RawManifest, Role, TakenBlob, WriteStore};
use crate::stream::source::Source;

/// A name that was taken away.
#[derive(Debug)]
pub(crate) struct RemovedName {
    /// What it referred to; of several images, the first.
    pub(crate) digest: Digest,
    /// The names that this has still.
    pub(crate) others: Vec<String>,
    /// Whether an entry or an index in the layout names it still.
    pub(crate) is_kept: bool,
}

impl OciLayout {
    pub(super) fn take(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.hold(call)?;
        if let Some(there) = present(call, self, source, promised)? {
            return Ok(there);
        }
        let algorithm = promised.digest.map_or(Algorithm::Sha256, Digest::algorithm);
        let folder = self.root.join("blobs").join(algorithm.name());
        let (partial, found) = receive(call, &folder, source, promised)?;
        let is_new = !self.has(call, &found)?;
        if is_new {
            partial.settle_at(&self.blob_path(&found.digest))?;
            self.flush_folders()?;
        }
        Ok(TakenBlob { digest: found.digest, size: found.size, is_new })
    }

    /// Takes the name away from what it refers to, which may have to be this manifest. That lies there until the layout is cleaned.
    pub(crate) fn unname(&self, call: &Call, expected: Option<&Digest>) -> Result<RemovedName> {
        let (name, place) = (WriteStore::name(self)?, format!("oci:{}", self.root.display()));
        let mut unnamed = None;
        self.change_index(call, |entries| {
            // The name as it is set: a reader takes also the last part of an image's name for it, and that is another.
            let (taken, left): (Vec<_>, Vec<_>) = entries.drain(..).partition(|entry| index::has_name(entry, &name));
            let Some(first) = taken.first() else { return Err(names::no_image(&left, &name, &place)) };
            let is_other = |entry: &&Descriptor| expected.is_some_and(|expected| *expected != entry.digest);
            if let (Some(other), Some(expected)) = (taken.iter().find(is_other), expected) {
                let message = format!("the name '{name}' of {place} refers to {}, not {expected}", other.digest);
                return Err(Error::new(Code::DigestMismatch, message));
            }
            let same = left.iter().filter(|entry| entry.digest == first.digest);
            let others = same.flat_map(|entry| named(entry.clone()).names).collect();
            unnamed = Some((first.digest.clone(), others));
            *entries = left;
            Ok(())
        })?;
        let (digest, others) = unnamed.ok_or_else(|| Error::new(Code::Internal, "the index was not changed"))?;
        Ok(RemovedName { is_kept: self.lists(call, &digest)?, digest, others })
    }

    /// Takes a manifest out of the layout, and all its names away.
    pub(crate) fn remove(&self, call: &Call, digest: &Digest) -> Result<()> {
        self.change_index(call, |entries| {
            let before = entries.len();
            entries.retain(|entry| entry.digest != *digest);
            match entries.len() < before {
                true => Ok(()),
                false => Err(self.no_entry(digest)),
            }
        })
    }

    /// Puts a manifest under names, or without any by its digest alone, all in one change: a condition that does not hold for one of
    /// them is seen before any is set. What an index lists that was put by itself is not an image of its own any more: it was put
    /// before only because it has to be there.
    pub(crate) fn put_named(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        self.put_content(call, content)?;
        let mut fates = Vec::new();
        self.change_index(call, |entries| {
            let fate = |name: &String| {
                let now = index::find(entries, Some(name)).map(|now| &now.digest);
                Ok(match *condition == NameCondition::None || condition.allows(name, now)? {
                    true => NameFate::Set((*condition != NameCondition::None).then_some(ConditionCheck::Locked)),
                    false => NameFate::Skipped,
                })
            };
            fates = names.iter().map(fate).collect::<Result<Vec<_>>>()?;
            let is_set = |(name, fate): (_, &NameFate)| matches!(fate, NameFate::Set(_)).then_some(Some(name));
            let mut set: Vec<Option<&String>> = names.iter().zip(&fates).filter_map(is_set).collect();
            set.extend(names.is_empty().then_some(None));
            let new = set.into_iter().filter_map(|name| index::entry(content, &Role::Root, name.map(String::as_str)));
            new.for_each(|entry| index::add(entries, entry));
            index::take_in(entries, &content.document);
            Ok(())
        })?;
        Ok(fates)
    }

    fn no_entry(&self, digest: &Digest) -> Error {
        let place = format!("oci:{}", self.root.display());
        match self.blob_path(digest).is_file() {
            false => Error::new(Code::NotFound, format!("{place} has no manifest {digest}")),
            true => Error::new(Code::Unsupported, format!("index.json of {place} does not list {digest} itself")).with_hint(
                "what an index in the layout lists is deleted with that index; what nothing lists is removed when the layout is cleaned",
            ),
        }
    }
}
