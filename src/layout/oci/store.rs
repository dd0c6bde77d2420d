//! A layout as a place to copy from and to.

use std::fs;
use std::io::{Seek, SeekFrom};
use std::sync::atomic::Ordering;

use super::{cannot, flush_names, write_whole, OciLayout};
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::download::fetch_to_file::fetch;
use crate::download::partial::OnContention;
use crate::error::{Code, Error, Result};
use crate::layout::index_entry::{named, tagged};
use crate::layout::referrers::referring;
use crate::layout::{index, names};
use crate::manifest::Descriptor;
use crate::os::special_file::open_regular;
use crate::platform::Platform;
use crate::store::condition::{no_name, ConditionCheck, NameCondition, NameFate};
use crate::store::{
    platform_descent, Moved, NamedImage, PromisedBlob, RawManifest, ReadStore, Role, TakenBlob, WriteStore,
};
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::stream::source::Source;

impl ReadStore for OciLayout {
    fn place(&self) -> String {
        self.show()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        match self.entry() {
            Err(error) if error.code() == Code::NotFound => self.by_digest(call)?.ok_or(error),
            entry => self.manifest(call, &entry?),
        }
    }

    fn root_for(&self, call: &Call, platforms: &[Platform]) -> Result<RawManifest> {
        let alike = names::alike(&self.entries()?, self.name.as_deref());
        match alike.is_empty() {
            true => self.root(call),
            false => platform_descent::among(call, self, &alike, platforms)?.map_or_else(|| self.root(call), Ok),
        }
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        call.check()?;
        self.content(wanted)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let path = self.blob_path(&wanted.digest);
        let mut file = open_regular(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Code::MissingBlob, format!("{} has no blob {}", self.show(), wanted.digest))
            }
            _ => cannot("read", &path, &error),
        })?;
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        file.seek(SeekFrom::Start(begin)).map_err(|error| cannot("read", &path, &error))?;
        Ok(Box::new(VerifiedBlob::new(file, call, path.display().to_string(), wanted, hashed)))
    }

    fn size(&self, _: &Call, digest: &Digest) -> Result<u64> {
        let found = fs::metadata(self.blob_path(digest)).ok().filter(fs::Metadata::is_file);
        found
            .map(|found| found.len())
            .ok_or_else(|| Error::new(Code::MissingBlob, format!("{} has no blob {digest}", self.show())))
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        referring(&self.entries()?, subject, &|entry| self.manifest(call, entry))
    }

    fn images(&self, _: &Call) -> Result<Vec<NamedImage>> {
        Ok(self.entries()?.into_iter().map(named).collect())
    }

    fn digest_tags(&self, _: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        Ok(tagged(&self.entries()?, subject))
    }
}

impl WriteStore for OciLayout {
    fn place(&self) -> String {
        self.show()
    }

    // Blobs are looked at one by one, which costs nothing here, and heals what another program left half done.
    fn look(&self, _: &Call, _: &RawManifest) -> Result<bool> {
        self.check_links()?;
        match self.root.join("oci-layout").exists() {
            true => self.check_version()?,
            false => self.check_free()?,
        }
        Ok(false)
    }

    fn begin(&self, call: &Call) -> Result<()> {
        self.make()?;
        if let Some(batch) = self.batch.as_deref() {
            batch.begin(call, self)?;
        }
        self.hold(call)
    }

    fn has_manifest(&self, _: &Call, _: &Digest) -> Result<bool> {
        Ok(false)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        self.has(call, wanted)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        self.hold(call)?;
        self.flush_queue.check()?;
        if let Some(batch) = self.batch.as_deref() {
            batch.write_late(call, self);
        }
        let target = self.blob_path(&wanted.digest);
        if self.has(call, wanted)? {
            return Ok(Moved::Present);
        }
        // A file of the wrong size, left by a program that was killed, stays until the complete one replaces it.
        let Some((partial, resumed)) = fetch(call, &target, wanted, from, OnContention::Wait)? else {
            return Ok(Moved::Present);
        };
        self.flush_queue.add(call, partial, target)?;
        self.has_new_names.store(true, Ordering::Relaxed);
        Ok(Moved::Copied { resumed })
    }

    fn take_blob(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.take(call, source, promised)
    }

    fn name(&self) -> Result<String> {
        self.name.clone().ok_or_else(|| no_name(&self.show()))
    }

    fn named(&self, _: &Call) -> Result<Option<Descriptor>> {
        if let Some(batch) = self.batch.as_deref() {
            return Ok(batch.named().cloned());
        }
        self.check_links()?;
        Ok(index::find(&self.entries()?, self.name.as_deref()).cloned())
    }

    fn put_root(&self, call: &Call, content: &RawManifest, condition: &NameCondition) -> Result<NameFate> {
        let seen_to = (*condition != NameCondition::None).then_some(ConditionCheck::Locked);
        let waits = matches!(condition, NameCondition::None | NameCondition::Free { skip: true });
        if let Some(batch) = self.batch.as_deref().filter(|_| waits) {
            if let Some(entry) = self.store(call, content, &Role::Root)? {
                batch.put_root(entry, condition);
            }
            return Ok(NameFate::Set(seen_to));
        }
        let Some(entry) = self.store(call, content, &Role::Root)? else { return Ok(NameFate::Set(seen_to)) };
        let mut free = true;
        self.change_index(call, |entries| {
            let now = index::find(entries, self.name.as_deref());
            free = *condition == NameCondition::None || condition.allows(&self.name()?, now.map(|now| &now.digest))?;
            if free {
                index::add(entries, entry);
            }
            Ok(())
        })?;
        Ok(if free { NameFate::Set(seen_to) } else { NameFate::Skipped })
    }

    fn put_manifest(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<()> {
        let Some(entry) = self.store(call, content, role)? else { return Ok(()) };
        match self.batch.as_deref() {
            Some(batch) => {
                batch.put(entry);
                Ok(())
            }
            None => self.change_index(call, |entries| {
                index::add(entries, entry);
                Ok(())
            }),
        }
    }

    fn put_named(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        let fates = self.put_under(call, content, names, condition)?;
        self.finish(call).map(|()| fates)
    }

    fn finish(&self, call: &Call) -> Result<()> {
        self.flush_queue.settle(call)?;
        if self.has_new_names.load(Ordering::Relaxed) {
            self.flush_folders()?;
        }
        if let Some(batch) = self.batch.as_deref() {
            batch.finish(call, self)?;
        }
        // Without index.json it is not a layout, whatever made it.
        match self.root.join("index.json").exists() {
            true => Ok(()),
            false => self.change_index(call, |_| Ok(())),
        }
    }
}

impl OciLayout {
    /// Brings the names of all blobs to the disk, and those of their folders.
    pub(super) fn flush_folders(&self) -> Result<()> {
        let folders = ["blobs/sha256", "blobs/sha512", "blobs", ""].map(|folder| self.root.join(folder));
        folders.iter().try_for_each(|folder| flush_names(folder))?;
        self.has_new_names.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until all blobs that have come have their names.
    pub(in crate::layout) fn settle_blobs(&self, call: &Call) -> Result<()> {
        self.flush_queue.settle(call)
    }

    fn write_manifest(&self, call: &Call, content: &RawManifest) -> Result<()> {
        self.hold(call)?;
        self.flush_queue.settle(call)?;
        match self.has(call, &content.descriptor())? {
            true => Ok(()),
            false => write_whole(&self.blob_path(content.digest()), &content.bytes),
        }
    }

    /// A manifest that is on the disk, with all that it names, and that no entry names yet.
    pub(super) fn put_content(&self, call: &Call, content: &RawManifest) -> Result<()> {
        self.write_manifest(call, content)?;
        // Not every file system keeps the order of names in two folders: what the index names must have its name before.
        self.flush_folders()
    }

    /// Puts the bytes of a manifest. Returns its entry, if it gets one.
    fn store(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<Option<Descriptor>> {
        let entry = index::entry(content, role, self.name.as_deref());
        match entry {
            Some(_) => self.put_content(call, content)?,
            None => self.write_manifest(call, content)?,
        }
        Ok(entry)
    }
}
