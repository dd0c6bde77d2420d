//! What is done to the entries of an `index.json`, in a layout and in an archive alike: names are set and taken away, manifests too. No I/O.

use super::index_entry::named;
use super::{index, names};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::store::condition::{ConditionCheck, NameCondition, NameFate};
use crate::store::{RawManifest, Role};

/// A name that an index has not any more.
#[derive(Debug)]
pub(crate) struct TakenName {
    /// What it referred to; of several entries, the first.
    pub(crate) digest: Digest,
    /// The names that this has still.
    pub(crate) others: Vec<String>,
}

/// Takes a name away from what it refers to, which may have to be this manifest. `place` is what messages call the whole.
pub(crate) fn take_name(
    entries: &mut Vec<Descriptor>,
    name: &str,
    expected: Option<&Digest>,
    place: &str,
) -> Result<TakenName> {
    // The name as it is set: a reader takes also the last part of an image's name for it, and that is another.
    let (taken, left): (Vec<_>, Vec<_>) = entries.drain(..).partition(|entry| index::has_name(entry, name));
    *entries = left;
    let Some(first) = taken.first() else { return Err(names::no_image(entries, name, place)) };
    let is_other = |entry: &&Descriptor| expected.is_some_and(|expected| *expected != entry.digest);
    if let (Some(other), Some(expected)) = (taken.iter().find(is_other), expected) {
        let message = format!("the name '{name}' of {place} refers to {}, not {expected}", other.digest);
        return Err(Error::new(Code::DigestMismatch, message));
    }
    let same = entries.iter().filter(|entry| entry.digest == first.digest);
    Ok(TakenName { others: same.flat_map(|entry| named(entry.clone()).names).collect(), digest: first.digest.clone() })
}

/// Takes a manifest out with all its names; false if no entry is about it.
pub(crate) fn take_manifest(entries: &mut Vec<Descriptor>, digest: &Digest) -> bool {
    let before = entries.len();
    entries.retain(|entry| entry.digest != *digest);
    entries.len() < before
}

/// Puts a manifest under names, or without any by its digest alone: a condition that does not hold for one of them is seen before any
/// is set. What an index lists that was put by itself is not an image of its own any more: it was put before only because it has
/// to be there.
pub(crate) fn put(
    entries: &mut Vec<Descriptor>,
    content: &RawManifest,
    names: &[String],
    condition: &NameCondition,
) -> Result<Vec<NameFate>> {
    let fate = |name: &String| {
        let now = index::find(entries, Some(name)).map(|now| &now.digest);
        Ok(match *condition == NameCondition::None || condition.allows(name, now)? {
            true => NameFate::Set((*condition != NameCondition::None).then_some(ConditionCheck::Locked)),
            false => NameFate::Skipped,
        })
    };
    let fates = names.iter().map(fate).collect::<Result<Vec<_>>>()?;
    let is_set = |(name, fate): (_, &NameFate)| matches!(fate, NameFate::Set(_)).then_some(Some(name));
    let mut set: Vec<Option<&String>> = names.iter().zip(&fates).filter_map(is_set).collect();
    set.extend(names.is_empty().then_some(None));
    let new = set.into_iter().filter_map(|name| index::entry(content, &Role::Root, name.map(String::as_str)));
    new.for_each(|entry| index::add(entries, entry));
    index::take_in(entries, &content.document);
    Ok(fates)
}
