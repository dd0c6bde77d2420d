//! How much an archive may hold, so that it can be read again. No I/O.

use std::collections::HashSet;

use serde_json::Value;

use super::existing_archive::ExistingArchive;
use super::saved_images::{blob_file, MOST_IMAGES, MOST_TAGS};
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::index_limit::excess;
use crate::layout::tarball::read::{MOST_FILES, MOST_NAMES};
use crate::manifest::{Descriptor, MOST_BYTES};

/// About what an entry needs in `index.json`, besides its name, which it may have in two annotations.
const ENTRY: u64 = 400;

/// What an archive that several images come to will hold, as far as that is certain before it is written.
#[derive(Debug, Default)]
pub(super) struct ArchiveRoom {
    /// The files that are there. They count while no name is taken from any of them: then all of them stay.
    kept: usize,
    new_blobs: usize,
    new_manifests: HashSet<Digest>,
    /// By what the entries with names are known, and what the entries are about.
    keys: HashSet<String>,
    listed: HashSet<Digest>,
    /// The bytes of `index.json`, and its entries.
    index: u64,
    entries: usize,
}

/// What entries add to an archive.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IndexGrowth {
    entries: usize,
    bytes: u64,
    /// At most so many: some may be there.
    files: usize,
    /// Whether one has a name that is there.
    is_known: bool,
}

impl IndexGrowth {
    /// That of others too.
    pub(super) fn joined_with(self, other: IndexGrowth) -> IndexGrowth {
        IndexGrowth {
            entries: self.entries + other.entries,
            bytes: self.bytes + other.bytes,
            files: self.files + other.files,
            is_known: self.is_known || other.is_known,
        }
    }
}

impl ArchiveRoom {
    /// That of what is there.
    pub(super) fn of(kept: Option<&ExistingArchive>) -> ArchiveRoom {
        let Some(kept) = kept else { return ArchiveRoom::default() };
        let (kept, index, entries) = (kept.file_count(), kept.index_size(), kept.entries());
        let keys = entries.iter().filter_map(index::key_of).collect();
        let listed = entries.iter().map(|entry| entry.digest.clone()).collect();
        ArchiveRoom { kept, index, entries: entries.len(), keys, listed, ..ArchiveRoom::default() }
    }

    /// Counts a blob that has come.
    pub(super) fn add_blob(&mut self) {
        self.new_blobs += 1;
    }

    /// Counts a manifest that has come, and its entry. It is refused, and not counted, if the archive could not be read again with it:
    /// of images that come side by side, each began when there was room.
    pub(super) fn add_manifest(&mut self, shown: &str, digest: &Digest, entry: Option<&Descriptor>) -> Result<()> {
        let growth = entry.map(|entry| self.growth(entry)).unwrap_or_default();
        let (entries, index) = (self.entries + growth.entries, self.index + growth.bytes);
        let kept = if growth.is_known { 0 } else { self.kept };
        let is_new = !self.new_manifests.contains(digest);
        check_index(shown, entries, index)?;
        check_files(shown, kept + self.new_blobs + self.new_manifests.len() + usize::from(is_new))?;
        self.new_manifests.insert(digest.clone());
        self.listed.extend(entry.map(|_| digest.clone()));
        self.keys.extend(entry.map(keys).unwrap_or_default());
        (self.kept, self.entries, self.index) = (kept, entries, index);
        Ok(())
    }

    /// Refuses manifests that come with their entries all together, while none of them is counted.
    pub(super) fn check_growth(&self, shown: &str, growth: IndexGrowth) -> Result<()> {
        let kept = if growth.is_known { 0 } else { self.kept };
        check_index(shown, self.entries + growth.entries, self.index + growth.bytes)?;
        check_files(shown, kept + self.new_blobs + self.new_manifests.len() + growth.files)
    }

    /// By how much an entry would let it grow.
    pub(super) fn growth(&self, entry: &Descriptor) -> IndexGrowth {
        let keys = keys(entry);
        let is_known = keys.iter().any(|key| self.keys.contains(key));
        let is_listed = is_known || keys.is_empty() && self.listed.contains(&entry.digest);
        let length = serde_json::to_vec(entry).map_or(ENTRY, |text| text.len() as u64 + 1);
        match is_listed {
            true => IndexGrowth { files: 1, is_known, ..IndexGrowth::default() },
            false => IndexGrowth { entries: 1, bytes: length, files: 1, is_known },
        }
    }

    /// Refuses another image under a name.
    pub(super) fn check(&self, shown: &str, name: Option<&str>) -> Result<()> {
        let is_known = name.is_some_and(|name| index::keys_of(name).iter().any(|key| self.keys.contains(key)));
        let entry = if is_known { 0 } else { ENTRY + 2 * name.map_or(0, str::len) as u64 };
        check_index(shown, self.entries + usize::from(!is_known), self.index + entry)?;
        let kept = if is_known { 0 } else { self.kept };
        check_files(shown, kept + self.new_blobs + self.new_manifests.len() + 1)
    }
}

/// By what the name of an entry is known.
fn keys(entry: &Descriptor) -> Vec<String> {
    index::name_of(entry).map(index::keys_of).unwrap_or_default()
}

/// Refuses an archive that could not be read again: the small files that say what is in it, and its blobs.
pub(super) fn check(shown: &str, small: &[(&str, String)], blobs: &[Descriptor]) -> Result<()> {
    small.iter().try_for_each(|(name, text)| check_list(shown, name, text))?;
    check_files(shown, small.len() + blobs.len())?;
    let names = small.iter().map(|(name, _)| name.len()).chain(blobs.iter().map(|blob| blob_file(&blob.digest).len()));
    match names.sum::<usize>() > MOST_NAMES {
        true => Err(refused(shown, &format!("would have more than {MOST_NAMES} bytes of names"))),
        false => Ok(()),
    }
}

/// What is written is looked at as a reader would.
fn check_list(shown: &str, name: &str, text: &str) -> Result<()> {
    let refused = |excess: &str| Err(refused(shown, &format!("would have {excess} in its {name}")));
    if text.len() as u64 > MOST_BYTES {
        return refused(&format!("more than {MOST_BYTES} bytes"));
    }
    let list = match crate::json::parse(text.as_bytes()) {
        Err(error) if error.exceeds_bounds() => return refused("too many small values"),
        list => list.unwrap_or_default(),
    };
    let entries = list.get("manifests").and_then(Value::as_array).map_or(0, Vec::len);
    match list.as_array() {
        Some(images) if images.len() > MOST_IMAGES => refused(&format!("more than {MOST_IMAGES} images")),
        Some(images) if names(images) > MOST_TAGS => refused(&format!("more than {MOST_TAGS} names")),
        _ => check_index(shown, entries, text.len() as u64),
    }
}

/// How many names the images of Docker's list have.
fn names(images: &[Value]) -> usize {
    images.iter().filter_map(|image| image.get("RepoTags")?.as_array()).map(Vec::len).sum()
}

fn check_index(shown: &str, entries: usize, bytes: u64) -> Result<()> {
    match excess(entries, bytes) {
        Some(excess) => Err(refused(shown, &format!("would have {excess} in its index.json"))),
        None => Ok(()),
    }
}

fn check_files(shown: &str, count: usize) -> Result<()> {
    match count > MOST_FILES {
        true => Err(refused(shown, &format!("would have more than {MOST_FILES} files"))),
        false => Ok(()),
    }
}

fn refused(shown: &str, why: &str) -> Error {
    Error::new(Code::LimitExceeded, format!("{shown} {why}, and could not be read again"))
        .with_hint("write to several archives, or to a layout")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::descriptor::MOST_DESCRIPTORS;
    use crate::digest::Algorithm;
    use crate::store::{RawManifest, Role};

    fn digest(number: usize) -> Digest {
        Algorithm::Sha256.digest(&number.to_le_bytes())
    }

    #[test]
    fn what_could_not_be_read_again_is_refused() {
        let lists = |index: String, images: usize| {
            let saved = Value::from(vec!["an image with some names and files, as many as one has"; images]).to_string();
            [("oci-layout", "{}".to_owned()), ("index.json", index), ("manifest.json", saved)]
        };
        let index =
            |entries: usize| json!({"manifests": vec!["an entry, about as long as they are"; entries]}).to_string();
        let padded = |bytes: u64| format!("{{{}}}", " ".repeat(bytes as usize - 2));
        let blobs = |count: usize| (0..count).map(|number| Descriptor::new("", digest(number), 1)).collect::<Vec<_>>();
        check("x.tar", &lists(index(MOST_DESCRIPTORS), MOST_IMAGES), &blobs(MOST_FILES - 3)).unwrap();
        check("x.tar", &lists(padded(MOST_BYTES), 0), &[]).unwrap();
        for (small, blobs, why) in [
            (lists(padded(MOST_BYTES + 1), 0), blobs(0), "more than 33554432 bytes in its index.json"),
            (lists(index(0), 0), blobs(MOST_FILES - 2), "more than 200000 files"),
            (lists(index(MOST_DESCRIPTORS + 1), 0), blobs(0), "more than 100000 entries in its index.json"),
            (lists(index(0), MOST_IMAGES + 1), blobs(0), "more than 10000 images in its manifest.json"),
            (lists(format!("[{}0]", "[],".repeat(100_000)), 0), blobs(0), "too many small values in its index.json"),
        ] {
            let error = check("x.tar", &small, &blobs).unwrap_err();
            assert!(error.code() == Code::LimitExceeded && error.message().contains(why), "{error}");
        }
    }

    #[test]
    fn it_is_known_before_anything_is_moved() {
        let content = RawManifest::parse(br#"{"schemaVersion":2,"manifests":[]}"#.to_vec(), None, None).unwrap();
        let entry = |name: &str| index::entry(&content, &Role::Root, Some(name));
        let mut room = ArchiveRoom { kept: MOST_FILES - 3, ..ArchiveRoom::default() };
        room.add_manifest("x.tar", content.digest(), entry("x/y:1").as_ref()).unwrap();
        room.add_manifest("x.tar", content.digest(), entry("x/y:2").as_ref()).unwrap();
        room.check("x.tar", Some("x/y:3")).unwrap();
        (0..2).for_each(|_| room.add_blob());
        assert!(room.check("x.tar", Some("x/y:3")).is_err());
        // One that began before that is refused too, and is as if it had not come.
        assert!(room.add_manifest("x.tar", &digest(1), None).is_err());
        room.add_manifest("x.tar", content.digest(), entry("x/y:1").as_ref()).unwrap();
        room.kept = MOST_FILES - 3;
        // What is replaced may make room: only when it is written is that known.
        room.check("x.tar", Some("docker.io/x/y:2")).unwrap();
        let before = room.index;
        room.add_manifest("x.tar", content.digest(), entry("docker.io/x/y:2").as_ref()).unwrap();
        assert_eq!(room.index, before);
        room.check("x.tar", Some("x/y:3")).unwrap();
        room.index = MOST_BYTES;
        assert!(room.check("x.tar", Some("x/y:3")).is_err());
        room.check("x.tar", Some("x/y:1")).unwrap();
        (room.index, room.entries) = (0, MOST_DESCRIPTORS);
        assert!(room.check("x.tar", Some("x/y:3")).is_err());
        room.check("x.tar", Some("x/y:1")).unwrap();
    }
}
