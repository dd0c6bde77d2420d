//! The entries of an index (OCI image-spec image-index.md), added and taken away. What others wrote into an index and its entries stays
//! as it is, in its order, though not its white space and escapes: it is written as Go's programs write JSON.
//!
//! What attests something about an image is an entry of its own beside it, for the platform unknown/unknown, with the image's digest as
//! an annotation (buildkit, docs/attestations/attestation-storage.md): it comes and goes with the image.

use std::collections::HashSet;

use serde_json::{json, Map, Value};

use super::build::{check_kinds, refuse_for_docker, settle, written_like_go, BuiltManifest};
use super::{Descriptor, Document, MOST_BYTES};
use crate::descriptor::invalid;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::media_type as types;
use crate::platform::Platform;
use crate::text::shorten;

/// One manifest that an index lists, with what the index says of it.
#[derive(Debug, Clone)]
pub(crate) struct IndexEntry {
    /// The members that are understood here.
    pub(crate) descriptor: Descriptor,
    /// The same with all members, as it was written.
    raw: Value,
    /// What the config of its image says that it runs on, if it was read.
    config: Option<Platform>,
}

/// The entries of an index after a change, and the change.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChangedEntries {
    pub(crate) all: Vec<IndexEntry>,
    pub(crate) added: Vec<Descriptor>,
    /// Those that were to be added, and were there.
    pub(crate) known: Vec<Descriptor>,
    pub(crate) removed: Vec<Descriptor>,
}

impl IndexEntry {
    /// A new entry, with its members in the order of Go's programs.
    pub(crate) fn new(descriptor: Descriptor) -> Result<IndexEntry> {
        let mut raw = json!(descriptor);
        settle(&mut raw, "manifests")?;
        Ok(IndexEntry::written(descriptor, raw))
    }

    /// An entry as it stands in another index.
    pub(crate) fn written(descriptor: Descriptor, raw: Value) -> IndexEntry {
        IndexEntry { descriptor, raw, config: None }
    }

    /// The entries of an index, in their order.
    pub(crate) fn all(index: &Document) -> Vec<IndexEntry> {
        let raw = index.value.get("manifests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let both = index.manifests().iter().zip(raw);
        both.map(|(entry, raw)| IndexEntry::written(entry.clone(), raw.clone())).collect()
    }

    pub(crate) fn into_raw(self) -> Value {
        self.raw
    }

    /// Whether it says what it runs on.
    pub(crate) fn says_platform(&self) -> bool {
        self.descriptor.platform.as_ref().is_some_and(|platform| platform.is_complete())
    }

    /// The same entry for a platform that it did not say.
    pub(crate) fn on(mut self, platform: Platform) -> Result<IndexEntry> {
        let mut ordered = json!({"mediaType": types::OCI_MANIFEST, "digest": self.descriptor.digest, "size": 0,
                                 "platform": platform});
        settle(&mut ordered, "manifests")?;
        self.raw["platform"] = ordered["platform"].take();
        self.descriptor.platform = Some(Box::new(platform.clone()));
        Ok(self.found_on(platform))
    }

    /// The same entry with annotations, over those that it has.
    pub(crate) fn annotated(mut self, annotations: &Map<String, Value>) -> IndexEntry {
        if !annotations.is_empty() && !self.descriptor.is_attestation() {
            annotate(&mut self.raw, annotations);
            self.descriptor.annotations = self.raw["annotations"].as_object().map(Into::into);
        }
        self
    }

    /// The same entry, which goes on not saying its platform.
    pub(crate) fn found_on(mut self, platform: Platform) -> IndexEntry {
        self.config = Some(platform);
        self
    }

    /// What it runs on, as far as it says that or its config was read.
    fn platform(&self) -> Option<&Platform> {
        self.descriptor.platform.as_deref().filter(|_| self.says_platform()).or(self.config.as_ref())
    }

    /// The platform of an image that can be run.
    fn runs_on(&self) -> Option<&Platform> {
        self.platform().filter(|platform| !platform.is_unknown() && !self.descriptor.is_attestation())
    }
}

/// Which entries there are, found without comparing each with each.
#[derive(Default)]
struct ListedEntries(HashSet<ListedEntry>);

#[derive(PartialEq, Eq, Hash)]
enum ListedEntry {
    /// An image, for whatever platform.
    Image(Digest),
    /// An image, and its entry does not say for which platform.
    Silent(Digest),
    /// An image for a platform.
    On(Digest, Platform),
    /// The same without the variant, which configs often leave out.
    Nearly(Digest, String, String),
}

impl ListedEntries {
    fn of(entries: &[IndexEntry]) -> ListedEntries {
        let mut listed = ListedEntries::default();
        entries.iter().for_each(|entry| listed.add(entry));
        listed
    }

    fn add(&mut self, entry: &IndexEntry) {
        let digest = || entry.descriptor.digest.clone();
        self.0.insert(ListedEntry::Image(digest()));
        match entry.platform().map(Platform::normal) {
            None => self.0.insert(ListedEntry::Silent(digest())),
            Some(platform) => {
                let (os, architecture) = (platform.os.clone(), platform.architecture.clone());
                self.0.insert(ListedEntry::Nearly(digest(), os, architecture));
                self.0.insert(ListedEntry::On(digest(), platform))
            }
        };
    }

    /// Whether an entry is there. One image may have several for different platforms, if an index says so.
    fn has(&self, entry: &IndexEntry) -> bool {
        let digest = || entry.descriptor.digest.clone();
        let Some(platform) = entry.platform().map(Platform::normal) else {
            return self.0.contains(&ListedEntry::Image(digest()));
        };
        let nearly = ListedEntry::Nearly(digest(), platform.os.clone(), platform.architecture.clone());
        self.0.contains(&ListedEntry::Silent(digest()))
            || self.0.contains(&ListedEntry::On(digest(), platform))
            || entry.config.is_some() && self.0.contains(&nearly)
    }
}

/// Adds entries behind those that are there. An image has one entry for a platform, the first. Two images for one platform are two
/// entries, as all other tools have it; with `replace` the new ones take the place of those that were there before, and of what attests
/// something about those.
pub(crate) fn added(before: Vec<IndexEntry>, new: Vec<IndexEntry>, replace: bool) -> ChangedEntries {
    let coming = ListedEntries::of(&new);
    let taken: HashSet<Platform> = new.iter().filter_map(IndexEntry::runs_on).map(Platform::purpose).collect();
    let is_replaced = |old: &IndexEntry| {
        replace && !coming.has(old) && old.runs_on().is_some_and(|platform| taken.contains(&platform.purpose()))
    };
    let gone: Vec<bool> = before.iter().map(is_replaced).collect();
    let mut changed = without(before, &gone, &new);
    let mut there = ListedEntries::of(&changed.all);
    for entry in new {
        match there.has(&entry) {
            true => changed.known.push(entry.descriptor),
            false => {
                there.add(&entry);
                changed.added.push(entry.descriptor.clone());
                changed.all.push(entry);
            }
        }
    }
    changed
}

/// Takes entries away, by their digests and by their platforms, with what attests something about them. What is not there cannot be taken
/// away, unless it is known to have been there.
pub(crate) fn removed(
    before: Vec<IndexEntry>,
    digests: &[Digest],
    platforms: &[Platform],
    may_have_gone: bool,
) -> Result<ChangedEntries> {
    let mut gone = vec![false; before.len()];
    let mut mark = |what: String, is_meant: &dyn Fn(&IndexEntry) -> bool| {
        let mut found = may_have_gone;
        for (_, gone) in before.iter().zip(&mut gone).filter(|(entry, _)| is_meant(entry)) {
            (found, *gone) = (true, true);
        }
        match found {
            true => Ok(()),
            false => Err(Error::new(Code::NotFound, format!("the index has no entry {what}"))),
        }
    };
    for digest in digests {
        mark(digest.to_string(), &|entry| entry.descriptor.digest == *digest)?;
    }
    for platform in platforms {
        mark(format!("for {platform}"), &|entry| entry.platform().is_some_and(|said| platform.names(said)))?;
    }
    Ok(without(before, &gone, &[]))
}

/// Takes away what is gone, and what attests something about images of which nothing is left, unless it comes again.
fn without(before: Vec<IndexEntry>, gone: &[bool], coming: &[IndexEntry]) -> ChangedEntries {
    let digests = |of_gone: bool| {
        let these = before.iter().zip(gone).filter(move |(_, gone)| **gone == of_gone);
        these.map(|(entry, _)| entry.descriptor.digest.as_str())
    };
    let coming: HashSet<&str> = coming.iter().map(|entry| entry.descriptor.digest.as_str()).collect();
    let left: HashSet<&str> = digests(false).chain(coming.iter().copied()).collect();
    let names: HashSet<String> = digests(true).filter(|digest| !left.contains(digest)).map(str::to_owned).collect();
    let mut changed = ChangedEntries::default();
    let goes = |entry: &IndexEntry| {
        entry.descriptor.attests().is_some_and(|of| names.contains(of))
            && !coming.contains(entry.descriptor.digest.as_str())
    };
    let gone: Vec<bool> = before.iter().zip(gone).map(|(entry, gone)| *gone || goes(entry)).collect();
    for (entry, gone) in before.into_iter().zip(gone) {
        match gone {
            true => changed.removed.push(entry.descriptor),
            false => changed.all.push(entry),
        }
    }
    changed
}

/// The type that a new index has by default: Docker's, if all of its entries are Docker's, and there is nothing but them to say.
pub(crate) fn usual_type(index: &Document, entries: &[IndexEntry]) -> &'static str {
    let is_docker = |entry: &IndexEntry| {
        matches!(entry.descriptor.media_type.as_str(), types::DOCKER_MANIFEST | types::DOCKER_LIST)
            && entry.raw.get("annotations").is_none()
    };
    let is_plain = ["annotations", "artifactType", "subject"].iter().all(|member| index.value.get(member).is_none());
    match is_plain && !entries.is_empty() && entries.iter().all(is_docker) {
        true => types::DOCKER_LIST,
        false => types::OCI_INDEX,
    }
}

/// Adds annotations to those of an index or an entry, in the order of their names, as Go writes a map.
fn annotate(value: &mut Value, annotations: &Map<String, Value>) {
    let mut all = value["annotations"].as_object().cloned().unwrap_or_default();
    all.extend(annotations.clone());
    all.sort_keys();
    value["annotations"] = all.into();
}

/// The same index with annotations, over those that it has.
pub(crate) fn annotated(index: &Document, annotations: &Map<String, Value>) -> Document {
    let mut index = index.clone();
    if !annotations.is_empty() {
        annotate(&mut index.value, annotations);
    }
    index
}

/// The index with these entries, and of this type, which is its own: its entries keep theirs. Everything else is as in `index`.
pub(crate) fn written(index: &Document, media_type: &str, entries: &[IndexEntry]) -> Result<BuiltManifest> {
    let mut value = index.value.clone();
    let Some(members) = value.as_object_mut() else { return Err(invalid("the index is not a JSON object")) };
    members.insert("manifests".to_owned(), entries.iter().map(|entry| entry.raw.clone()).collect());
    if media_type != index.media_type {
        members.insert("mediaType".to_owned(), media_type.into());
    }
    let fits = refuse_for_docker(members, media_type).and_then(|()| check_kinds(members, media_type));
    fits.map_err(|error| error.with_hint("an OCI index may list both: media_type \"oci\""))?;
    let bytes = written_like_go(&value)?;
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("the index would have {} bytes, more than {MOST_BYTES}", bytes.len());
        return Err(Error::new(Code::LimitExceeded, message));
    }
    let document = Document::parse(&bytes, Some(media_type), Algorithm::Sha256)?;
    Ok(BuiltManifest { bytes, document })
}

/// The media type of an index by its short name.
pub(crate) fn type_named(name: &str) -> Result<&'static str> {
    match name {
        "oci" | types::OCI_INDEX => Ok(types::OCI_INDEX),
        "docker" | types::DOCKER_LIST => Ok(types::DOCKER_LIST),
        other => {
            let message = format!("the option media_type is '{}', not \"oci\" or \"docker\"", shorten(other));
            Err(Error::new(Code::InvalidArgument, message))
        }
    }
}

#[cfg(test)]
mod tests;
