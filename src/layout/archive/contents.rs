//! What an archive will contain: what it had, and what is new or taken away.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::existing_archive::ExistingArchive;
use super::size_limit::ArchiveRoom;
use super::staged_and_kept::StagedAndKept;
use super::written_manifest_json;
use super::ArchiveFormat;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::index_change::{self, TakenName};
use crate::layout::kept_referrers;
use crate::layout::reachable_blobs::{needed, ImageBlobs, Needed, Shelf};
use crate::layout::weak_referrers::{kept_images, unlist};
use crate::manifest::Descriptor;
use crate::store::condition::{NameCondition, NameFate};
use crate::store::RawManifest;

/// What comes to an archive.
#[derive(Debug, Default)]
pub(super) struct Additions {
    pub(super) entries: Vec<Descriptor>,
    /// For Docker's list, each under its name.
    pub(super) images: Vec<(ImageBlobs, Option<String>)>,
    /// The names that are taken away.
    pub(super) removed: Vec<String>,
    /// Blobs that stay though nothing names them.
    pub(super) blobs: Vec<Descriptor>,
    /// What this call put into the staging folder, where an earlier one may have left more.
    pub(super) staged: BTreeSet<Digest>,
    /// What is of no use to a later copy, if the archive cannot be written.
    pub(super) fleeting: Vec<Digest>,
    pub(super) room: ArchiveRoom,
}

/// Everything that an archive will contain.
pub(super) struct ArchiveContents {
    pub(super) index: Value,
    pub(super) entries: Vec<Descriptor>,
    pub(super) saved: Option<Vec<Value>>,
    /// Each of the size that it has, whatever a manifest says.
    pub(super) blobs: Vec<Descriptor>,
    /// So many of them are named, or may be, and come first.
    pub(super) named: usize,
    /// What is not there or cannot be read, as it was before, each with the reason.
    pub(super) lacking: Vec<(Digest, String)>,
}

impl ArchiveContents {
    /// What a name needs that was not in the file, or that leads elsewhere now.
    pub(super) fn needed_anew(&self, both: &StagedAndKept) -> Result<Needed> {
        needed_anew(&self.entries, both)
    }
}

fn needed_anew(entries: &[Descriptor], both: &StagedAndKept) -> Result<Needed> {
    let before = both.kept.map(ExistingArchive::entries).unwrap_or_default();
    let key = |entry: &Descriptor| (entry.digest.clone(), index::key_of(entry));
    // What has only lost its name is not new.
    let unnamed = before.iter().map(|entry| (entry.digest.clone(), None));
    let before: BTreeSet<_> = before.iter().map(key).chain(unnamed).collect();
    let new: Vec<Descriptor> = entries.iter().filter(|entry| !before.contains(&key(entry))).cloned().collect();
    needed(both, &new)
}

/// A change of the lists of an archive, which is made while no other process can replace that.
pub(super) type ArchiveChange<'a> = dyn Fn(&mut ArchiveLists, &dyn Shelf) -> Result<()> + 'a;

/// The two lists of images that an archive may have.
#[derive(Clone, PartialEq)]
pub(super) struct ArchiveLists {
    form: ArchiveFormat,
    entries: Vec<Descriptor>,
    saved: Option<Vec<Value>>,
    /// The manifest that was taken out.
    deleted: Option<Digest>,
}

impl ArchiveLists {
    /// Those of what is there.
    pub(super) fn of(form: ArchiveFormat, kept: Option<&ExistingArchive>) -> ArchiveLists {
        let entries = kept.map(ExistingArchive::entries).unwrap_or_default();
        ArchiveLists { form, entries, saved: kept.and_then(|kept| kept.saved.clone()), deleted: None }
    }

    /// Adds what is new.
    pub(super) fn add(&mut self, new: &Additions) {
        index::add_all(&mut self.entries, new.entries.clone());
        self.entries.retain(|entry| !new.removed.iter().any(|name| index::has_name(entry, name)));
        self.save(&new.images);
    }

    /// Puts images onto Docker's list, if there has to be one.
    fn save(&mut self, images: &[(ImageBlobs, Option<String>)]) {
        if !images.is_empty() && (self.form == ArchiveFormat::Docker || self.saved.is_some()) {
            let named =
                |(image, name): &(ImageBlobs, Option<String>)| (image.clone(), name.as_deref().and_then(docker_name));
            let images: Vec<_> = images.iter().map(named).collect();
            written_manifest_json::add(self.saved.get_or_insert_default(), &images);
        }
    }

    /// Puts a manifest under names, or without any.
    pub(super) fn put(
        &mut self,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
        image: Option<&ImageBlobs>,
    ) -> Result<Vec<NameFate>> {
        let fates = index_change::put(&mut self.entries, content, names, condition)?;
        let set = names.iter().zip(&fates).filter(|(_, fate)| **fate != NameFate::Skipped);
        let mut under: Vec<Option<String>> = set.map(|(name, _)| Some(name.clone())).collect();
        under.extend(names.is_empty().then_some(None));
        self.save(&image.map_or(Vec::new(), |image| under.into_iter().map(|name| (image.clone(), name)).collect()));
        Ok(fates)
    }

    /// Takes a name away.
    pub(super) fn take_name(&mut self, name: &str, expected: Option<&Digest>, place: &str) -> Result<TakenName> {
        if let (None, Some(list)) = (index::find(&self.entries, Some(name)), &self.saved) {
            if docker_name(name).is_some_and(|name| written_manifest_json::has_name(list, &name)) {
                let message = format!("manifest.json of {place} has the name '{name}', but index.json has not");
                return Err(Error::new(Code::InvalidManifest, message));
            }
        }
        index_change::take_name(&mut self.entries, name, expected, place)
    }

    /// Takes a manifest out, with all its names; false if no entry is about it.
    pub(super) fn take_manifest(&mut self, digest: &Digest) -> bool {
        self.deleted = Some(digest.clone());
        index_change::take_manifest(&mut self.entries, digest)
    }

    /// After a change: lists again, without a name, what refers to another manifest and has no name any more.
    pub(super) fn keep_referrers(&mut self, before: &ArchiveLists, new: &Additions, shelf: &dyn Shelf) -> Result<()> {
        let known = before.entries.iter().chain(&new.entries);
        let known = known.filter(|entry| self.deleted.as_ref() != Some(&entry.digest));
        kept_referrers::keep(known, &mut self.entries, shelf)
    }

    /// After a change: takes out what refers without a name to what goes. `more` stays whatever is named.
    pub(super) fn unlist_orphans(&mut self, both: &StagedAndKept, more: &[Descriptor]) -> Result<()> {
        let more: BTreeSet<&Digest> = more.iter().map(|blob| &blob.digest).collect();
        let kept = kept_images(both, &self.entries, &|subject| more.contains(subject) || !both.has(subject))?;
        // Whatever is missing, or of an unknown kind, may need what they refer to.
        if !kept.needed.is_partial() {
            unlist(&mut self.entries, &kept.orphans);
        }
        Ok(())
    }

    /// After a change: a name that leads elsewhere than before is taken from the images of Docker's list that it does not lead to.
    pub(super) fn agree(&mut self, before: &ArchiveLists, shelf: &dyn Shelf) -> Result<()> {
        let Some(list) = &mut self.saved else { return Ok(()) };
        let (then, now) = (by_image(&before.entries), by_image(&self.entries));
        let moved: BTreeSet<&String> =
            then.keys().chain(now.keys()).filter(|name| then.get(*name) != now.get(*name)).collect();
        let mut images = BTreeMap::new();
        for name in moved {
            let entries = now.get(name).map(Vec::as_slice).unwrap_or_default();
            images.insert(name.clone(), needed(shelf, entries)?.images);
        }
        written_manifest_json::leave_to(list, &images);
        Ok(())
    }

    /// Those lists, and their blobs.
    pub(super) fn contents(mut self, both: &StagedAndKept, more: Vec<Descriptor>) -> Result<ArchiveContents> {
        let mut found = needed(both, &self.entries)?;
        if found.has_wrong() {
            both.forget_wrong(found.wrong())?;
            found = needed(both, &self.entries)?;
        }
        needed_anew(&self.entries, both)?.whole(both)?;
        let (mut needed, lacking) = found.without_missing(both);
        let is_known = needed.problems.is_empty();
        let mut named = needed.all().count();
        if needed.is_partial() {
            needed.add(both.kept.map(ExistingArchive::blobs).unwrap_or_default());
        }
        if !is_known {
            named = needed.all().count();
        }
        needed.add(more);
        if self.form == ArchiveFormat::Docker {
            self.saved.get_or_insert_default();
        }
        if let Some(list) = &mut self.saved {
            // An image whose last name has moved is not in the archive any more. One whose manifest cannot be read stays.
            let mut known: BTreeSet<ImageBlobs> = needed.images.iter().cloned().collect();
            known.extend(both.kept.filter(|_| !is_known).map(ExistingArchive::unknown_images).unwrap_or_default());
            list.retain(|entry| written_manifest_json::image(entry).is_ok_and(|image| known.contains(&image)));
        }
        let index = index::written(both.kept.map(ExistingArchive::index), &self.entries);
        let measured = |blob: Descriptor| Descriptor { size: both.size(&blob.digest).unwrap_or(blob.size), ..blob };
        let blobs = needed.manifests.into_iter().chain(needed.blobs).map(measured).collect();
        Ok(ArchiveContents { index, entries: self.entries, saved: self.saved, blobs, named, lacking })
    }

    /// What these lists do not need, of what is there.
    fn unneeded(&self, both: &StagedAndKept) -> Result<Vec<Descriptor>> {
        let needed = needed(both, &self.entries)?;
        let named = needed.problems.iter().map(|(digest, _)| digest);
        let needed: BTreeSet<&Digest> = needed.all().map(|blob| &blob.digest).chain(named).collect();
        let there = both.kept.map(ExistingArchive::blobs).unwrap_or_default();
        Ok(there.into_iter().filter(|blob| !needed.contains(&blob.digest)).collect())
    }
}

/// A name as Docker's list has it; a tag alone, which an oci-archive may have as a name, is not the name of an image.
fn docker_name(name: &str) -> Option<String> {
    index::image_name(name)?;
    ArchiveFormat::Docker.full_name(name).ok()
}

/// The entries that each name of an image leads to.
fn by_image(entries: &[Descriptor]) -> BTreeMap<String, Vec<Descriptor>> {
    let mut found: BTreeMap<String, Vec<Descriptor>> = BTreeMap::new();
    for entry in entries {
        if let Some(name) = index::image_key(entry) {
            found.entry(name).or_default().push(entry.clone());
        }
    }
    found
}

/// Which blobs stay that nothing in an archive names: what names them may come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnnamedBlobs {
    /// All.
    Kept,
    /// Those that nothing named before; not what only a name needed that moves or goes.
    KeptIfBefore,
}

impl UnnamedBlobs {
    /// Those that stay, of what is there.
    pub(super) fn stay(self, before: &ArchiveLists, both: &StagedAndKept) -> Result<Vec<Descriptor>> {
        match self {
            UnnamedBlobs::Kept => Ok(both.kept.map(ExistingArchive::blobs).unwrap_or_default()),
            UnnamedBlobs::KeptIfBefore => before.unneeded(both),
        }
    }
}
