//! Several images for one archive, which is written once, when all of them are there.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::write::{ArchiveWriter, PartEntries};
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::manifest::Descriptor;
use crate::os::output_target::Target;
use crate::store::condition::no_name;
use crate::store::{Moved, RawManifest, ReadStore, Role, WriteStore};
use crate::stream::spool::TemporarySpace;

/// An archive that gets several images. A clone is the same archive.
#[derive(Debug, Clone)]
pub(crate) struct ArchiveOfSeveral {
    writer: Arc<ArchiveWriter>,
    identity: Arc<str>,
    /// Whether anything is new.
    is_changed: Arc<AtomicBool>,
    /// What is there is read, and not only measured.
    is_read: Arc<AtomicBool>,
}

impl ArchiveOfSeveral {
    /// Nothing is created before the first image is put.
    pub(crate) fn planned(path: &Path, form: ArchiveFormat, space: TemporarySpace) -> Result<ArchiveOfSeveral> {
        let identity = match Target::of(path)? {
            Target::Replace(path) => path.display().to_string(),
            Target::Through(_) => path.display().to_string(),
        };
        let writer = ArchiveWriter::planned(path, None, form, None, space)?;
        let (writer, identity, is_changed) = (Arc::new(writer), identity.into(), Arc::default());
        Ok(ArchiveOfSeveral { writer, identity, is_changed, is_read: Arc::default() })
    }

    /// Waits until no other process writes to the file, and locks it, even if nothing has to be written. A pipe is not opened for that.
    pub(crate) fn reserve(&self, call: &Call) -> Result<()> {
        match self.writer.is_replaced() {
            true => self.writer.begin(call),
            false => Ok(()),
        }
    }

    /// Ends that. What was put and not written stays for the next time.
    pub(crate) fn let_go(&self) {
        self.writer.let_go();
    }

    /// The entries of the file as it is, or as it was when it was reserved.
    pub(crate) fn entries(&self, call: &Call) -> Result<Vec<Descriptor>> {
        let Some(kept) = self.writer.kept(call)? else { return Ok(Vec::new()) };
        if self.form() == ArchiveFormat::Oci && kept.saved.is_some() {
            let message = format!(
                "{} also has a manifest.json as Docker writes it, so that names are in two places",
                self.place()
            );
            return Err(Error::new(Code::Unsupported, message).with_hint("write to another file"));
        }
        Ok(kept.entries())
    }

    /// Whether everything that an entry of the file needs is there, as far as sizes tell until something had to be read.
    pub(crate) fn is_complete(&self, call: &Call, entry: &Descriptor) -> Result<bool> {
        let is_read = self.is_read.load(Ordering::Relaxed);
        self.writer.seen(call)?.map_or(Ok(false), |kept| kept.is_complete(call, entry, is_read))
    }

    /// The same, with all bytes read, now and from now on.
    pub(crate) fn is_sound(&self, call: &Call, entry: &Descriptor) -> Result<bool> {
        self.is_read.store(true, Ordering::Relaxed);
        self.is_complete(call, entry)
    }

    /// Whether it will be written.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed.load(Ordering::Relaxed)
    }

    /// The place for an image of it.
    pub(crate) fn part(&self, name: Option<&str>) -> Result<ArchivePart> {
        name.map_or(Ok(()), |name| self.form().full_name(name).map(drop))?;
        let entries = Mutex::new(PartEntries::waiting());
        Ok(ArchivePart { archive: self.clone(), name: name.map(str::to_owned), entries })
    }

    /// Takes a name away.
    pub(crate) fn remove(&self, call: &Call, name: &str) -> Result<()> {
        self.writer.begin(call)?;
        self.changed();
        self.writer.remove_name(name)
    }

    fn changed(&self) {
        self.is_changed.store(true, Ordering::Relaxed);
    }

    /// Writes the archive, if there is anything new.
    pub(crate) fn finish(&self, call: &Call) -> Result<()> {
        match self.is_changed() {
            true => self.writer.finish(call),
            false => self.writer.clear_staged(call),
        }
    }

    /// What it is, however it is spelled: two that are one have one.
    pub(crate) fn identity(&self) -> String {
        self.identity.to_string()
    }

    pub(crate) fn form(&self) -> ArchiveFormat {
        self.writer.form
    }

    /// What messages call it.
    pub(crate) fn place(&self) -> String {
        WriteStore::place(self.writer.as_ref())
    }
}

/// One of the images of an archive.
#[derive(Debug)]
pub(crate) struct ArchivePart {
    archive: ArchiveOfSeveral,
    name: Option<String>,
    entries: Mutex<PartEntries>,
}

impl ArchivePart {
    fn writer(&self) -> &ArchiveWriter {
        &self.archive.writer
    }
}

impl WriteStore for ArchivePart {
    fn place(&self) -> String {
        let suffix = self.name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        format!("{}{suffix}", self.archive.place())
    }

    // What the file holds was read once, for all of them.
    fn look(&self, _: &Call, root: &RawManifest) -> Result<bool> {
        self.writer().check_kind(root).map(|()| false)
    }

    fn begin(&self, call: &Call) -> Result<()> {
        self.writer().begin(call)?;
        self.writer().check_room(self.name.as_deref())
    }

    fn has_manifest(&self, call: &Call, digest: &Digest) -> Result<bool> {
        self.writer().has_manifest(call, digest)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        self.writer().has_blob(call, wanted)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        self.writer().put_blob(call, wanted, from)
    }

    fn name(&self) -> Result<String> {
        self.name.clone().ok_or_else(|| no_name(&WriteStore::place(self)))
    }

    fn named(&self, call: &Call) -> Result<Option<Descriptor>> {
        Ok(index::find(&self.archive.entries(call)?, self.name.as_deref()).cloned())
    }

    fn put_manifest(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<()> {
        let (entry, is_root) = (index::entry(content, role, self.name.as_deref()), *role == Role::Root);
        let image = if is_root { self.writer().docker_image(call, content)? } else { None };
        self.writer().put_part(call, content, entry, is_root, &self.entries)?;
        if is_root {
            // Of an image that fails before, nothing is listed: for such ones alone nothing is written.
            self.archive.changed();
        }
        self.writer().list_image(image, self.name.clone())
    }

    fn one_platform(&self) -> bool {
        self.writer().one_platform()
    }

    // The archive is written when all images are there.
    fn finish(&self, _: &Call) -> Result<()> {
        if self.writer().list_waiting(&self.entries)? {
            self.archive.changed();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::condition::NameCondition;

    fn archive(path: &Path) -> ArchiveOfSeveral {
        ArchiveOfSeveral::planned(path, ArchiveFormat::Oci, TemporarySpace::default()).unwrap()
    }

    #[test]
    fn what_is_reserved_is_read_once() {
        let (folder, call) = (tempfile::tempdir().unwrap(), Call::alone(None));
        let path = folder.path().join("x.tar");
        let index = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;
        let content = RawManifest::parse(index.to_vec(), None, None).unwrap();
        let first = archive(&path);
        let part = first.part(Some("v1")).unwrap();
        part.begin(&call).unwrap();
        part.put_root(&call, &content, &NameCondition::None).unwrap();
        first.finish(&call).unwrap();
        let again = archive(&path);
        again.reserve(&call).unwrap();
        // No process that keeps to the lock does this; it shows that the file is not read for each of many names.
        std::fs::write(&path, "no archive").unwrap();
        let named = again.part(Some("v1")).unwrap().named(&call).unwrap();
        assert_eq!(named.map(|named| named.digest), Some(content.digest().clone()));
        assert!(again.part(Some("v2")).unwrap().named(&call).unwrap().is_none());
        again.finish(&call).unwrap();
        again.let_go();
        assert!(again.entries(&call).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// A copy that was killed when the file was in its place has left what is in it.
    #[test]
    fn what_is_in_the_file_does_not_stay_beside_it() {
        let (folder, call) = (tempfile::tempdir().unwrap(), Call::alone(None));
        let path = folder.path().join("x.tar");
        let index = |kind: &str| {
            let text = format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"artifactType":"a/{kind}"}}"#
            );
            RawManifest::parse(text.into_bytes(), None, None).unwrap()
        };
        let stage = |content: &RawManifest| {
            let archive = archive(&path);
            let part = archive.part(Some("v1")).unwrap();
            part.begin(&call).unwrap();
            part.put_root(&call, content, &NameCondition::None).unwrap();
            archive
        };
        stage(&index("old")).finish(&call).unwrap();
        let before = std::fs::read(&path).unwrap();
        for (left, stays) in [(index("old"), 1), (index("new"), 2)] {
            // As if it were killed.
            stage(&left).let_go();
            let again = archive(&path);
            again.reserve(&call).unwrap();
            again.finish(&call).unwrap();
            again.let_go();
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), stays);
        }
        assert!(std::fs::read(&path).unwrap() == before);
    }

    #[test]
    fn what_could_not_be_read_again_does_not_come_in() {
        let (folder, call) = (tempfile::tempdir().unwrap(), Call::alone(None));
        let path = folder.path().join("x.tar");
        let manifest = |number: usize, length: usize| {
            let text = format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],
                     "artifactType":"a/{number}{}"}}"#,
                "x".repeat(length)
            );
            RawManifest::parse(text.into_bytes(), None, None).unwrap()
        };
        let first = archive(&path);
        let part = first.part(Some("v1")).unwrap();
        part.begin(&call).unwrap();
        part.put_root(&call, &manifest(0, 1), &NameCondition::None).unwrap();
        first.finish(&call).unwrap();
        let before = std::fs::read(&path).unwrap();
        let again = archive(&path);
        let part = again.part(Some("v2")).unwrap();
        part.begin(&call).unwrap();
        let put = |part: &ArchivePart, number| part.put_manifest(&call, &manifest(number, 4 << 20), &Role::Referrer);
        (1..8).for_each(|number| put(&part, number).unwrap());
        // They began side by side, when there was room for each.
        let side_by_side = again.part(Some("v3")).unwrap();
        side_by_side.begin(&call).unwrap();
        let error = put(&part, 8).unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded, "{error}");
        assert!(error.message().contains("in its index.json, and could not be read again"), "{error}");
        side_by_side.put_root(&call, &manifest(9, 1), &NameCondition::None).unwrap();
        // What was refused takes no room, and of two that only fit alone, it is the second one.
        let (fits, comes_late) = (again.part(Some("v4")).unwrap(), again.part(Some("v5")).unwrap());
        for (number, part) in [(10, &fits), (20, &comes_late)] {
            part.begin(&call).unwrap();
            (number..number + 4).for_each(|number| put(part, number).unwrap());
        }
        fits.put_root(&call, &manifest(14, 1), &NameCondition::None).unwrap();
        let error = comes_late.put_root(&call, &manifest(24, 1), &NameCondition::None).unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded, "{error}");
        assert!(std::fs::read(&path).unwrap() == before);
        again.finish(&call).unwrap();
        let names: Vec<_> = archive(&path)
            .entries(&call)
            .unwrap()
            .iter()
            .filter_map(|entry| index::name_of(entry).map(str::to_owned))
            .collect();
        assert_eq!(names, ["v1", "v3", "v4"]);
        assert_eq!(archive(&path).entries(&call).unwrap().len(), 3 + 4, "and the four that belong to v4");
    }
}
