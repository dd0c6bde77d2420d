//! Archives to copy to.
//!
//! An archive is a layout, with a `manifest.json` for Docker if that is asked for. Its contents are collected in a staging layout
//! first. A file then appears complete, and keeps its previous contents; a pipe gets everything in one pass.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::contents::{Additions, UnnamedBlobs};
use super::existing_archive::ExistingArchive;
use super::image_check;
use super::size_limit::IndexGrowth;
use super::spooled_blobs::SpooledBlobs;
use super::staged_and_kept::StagedAndKept;
use super::staging::Staging;
use super::staging_folder::StagingFolder;
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::reachable_blobs::ImageBlobs;
use crate::manifest::{Descriptor, Kind};
use crate::mutex::lock;
use crate::os::output_target::{DirectOutput, Target};
use crate::store::{unchangeable, PromisedBlob, RawManifest, Role, TakenBlob};
use crate::stream::source::Source;
use crate::stream::spool::TemporarySpace;

/// An archive to copy to.
#[derive(Debug)]
pub struct ArchiveWriter {
    pub(super) shown: String,
    pub(super) form: ArchiveFormat,
    pub(super) name: Option<String>,
    pub(super) destination: Destination,
    space: TemporarySpace,
    pub(super) unnamed: UnnamedBlobs,
    /// The version of the file whose contents were read.
    pub(super) before: Mutex<Option<Arc<ExistingArchive>>>,
    pub(super) work: Mutex<Option<Arc<StagedCopy>>>,
}

#[derive(Debug)]
pub(super) enum Destination {
    Replace(PathBuf),
    Through(Mutex<Option<DirectOutput>>),
}

/// A copy in progress.
#[derive(Debug)]
pub(super) struct StagedCopy {
    pub(super) staging: Staging,
    /// The pipe or device that is written to, if it is not a file.
    pub(super) out: Option<File>,
    pub(super) new: Mutex<Additions>,
}

/// The entries of an image that comes to an archive.
#[derive(Debug)]
pub(super) enum PartEntries {
    /// Its root has not come yet: those of what belongs to it, and what they add.
    Waiting(Vec<Descriptor>, IndexGrowth),
    /// Its root is listed: what comes is listed at once.
    Listed,
}

impl PartEntries {
    pub(super) fn waiting() -> PartEntries {
        PartEntries::Waiting(Vec::new(), IndexGrowth::default())
    }

    fn growth(&self) -> IndexGrowth {
        match self {
            PartEntries::Waiting(_, growth) => *growth,
            PartEntries::Listed => IndexGrowth::default(),
        }
    }

    /// All that come to the archive with this one. What comes later is listed at once.
    fn take_with(&mut self, entry: Descriptor) -> Vec<Descriptor> {
        let mut entries = self.take();
        entries.push(entry);
        entries
    }

    /// Those that wait.
    fn take(&mut self) -> Vec<Descriptor> {
        match std::mem::replace(self, PartEntries::Listed) {
            PartEntries::Waiting(entries, _) => entries,
            PartEntries::Listed => Vec::new(),
        }
    }
}

impl StagedCopy {
    /// What was put, and what was there before.
    pub(super) fn with<'a>(&'a self, call: &'a Call, kept: Option<&'a ExistingArchive>) -> StagedAndKept<'a> {
        StagedAndKept { call, staging: &self.staging, staged: lock(&self.new).staged.clone(), kept }
    }

    /// What was put of a manifest, without what was there before. Blobs get their names in the staging folder some time after they came.
    fn settled<'a>(&'a self, call: &'a Call, content: &RawManifest) -> Result<StagedAndKept<'a>> {
        self.staging.settle_blobs(call)?;
        // Not all: of very many, a copy of the list takes its time.
        let new = lock(&self.new);
        let named = image_check::named(&content.document).map(|named| &named.digest);
        let staged = named.filter(|blob| new.staged.contains(*blob)).cloned().collect();
        Ok(StagedAndKept { call, staging: &self.staging, staged, kept: None })
    }

    /// Ends it without the archive. What the next copy can use stays.
    pub(super) fn leave(self) {
        for digest in &lock(&self.new).fleeting {
            // A later copy verifies what it finds.
            let _ = self.staging.remove(digest);
        }
        self.staging.leave();
    }
}

impl ArchiveWriter {
    /// An archive that is to be written. Nothing is created, and no earlier try is continued, before a copy to it begins. If there is a
    /// descriptor, the bytes are written to it, and `path` is only for messages.
    pub fn planned(
        path: &Path,
        descriptor: Option<File>,
        form: ArchiveFormat,
        name: Option<&str>,
        space: TemporarySpace,
    ) -> Result<ArchiveWriter> {
        let name = name.map(|name| form.full_name(name)).transpose()?;
        let target = match descriptor {
            Some(file) => Target::open(file, path.display().to_string()),
            None => Target::of(path)?,
        };
        Ok(ArchiveWriter::of(path, target, form, name, space))
    }

    fn of(
        path: &Path,
        target: Target,
        form: ArchiveFormat,
        name: Option<String>,
        space: TemporarySpace,
    ) -> ArchiveWriter {
        let suffix = name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        let shown = format!("{}:{}{suffix}", form.transport(), path.display());
        let destination = match target {
            Target::Replace(path) => Destination::Replace(path),
            Target::Through(through) => Destination::Through(Mutex::new(Some(through))),
        };
        let (unnamed, before, work) = (UnnamedBlobs::KeptIfBefore, Mutex::default(), Mutex::default());
        ArchiveWriter { shown, form, name, destination, space, unnamed, before, work }
    }

    /// A file to which single blobs and manifests are put: what nothing names yet stays in it.
    pub(crate) fn for_puts(self) -> Result<ArchiveWriter> {
        self.changing(UnnamedBlobs::Kept)
    }

    /// A file of which a name or manifests are taken: what only they needed goes with them.
    pub(crate) fn for_removals(
        path: &Path,
        form: ArchiveFormat,
        name: Option<&str>,
        space: TemporarySpace,
    ) -> Result<ArchiveWriter> {
        // Another program may have given it a name that none is given here.
        let name = match form {
            ArchiveFormat::Oci => name.map(str::to_owned),
            ArchiveFormat::Docker => name.map(|name| form.full_name(name)).transpose()?,
        };
        ArchiveWriter::of(path, Target::of(path)?, form, name, space).changing(UnnamedBlobs::KeptIfBefore)
    }

    fn changing(mut self, unnamed: UnnamedBlobs) -> Result<ArchiveWriter> {
        match self.is_replaced() {
            true => {
                self.unnamed = unnamed;
                Ok(self)
            }
            false => Err(unchangeable(&self.shown)),
        }
    }

    pub(super) fn start(&self, call: &Call) -> Result<StagedCopy> {
        let (staging, out) = match &self.destination {
            Destination::Replace(path) => (Staging::StagingFolder(StagingFolder::beside(call, path)?), None),
            Destination::Through(through) => {
                let again = || Error::new(Code::Internal, "an archive cannot be written to a pipe twice");
                let through = lock(through).take().ok_or_else(again)?;
                let out = call.open_through(through)?;
                (Staging::Spooled(SpooledBlobs::new(&self.space)?), Some(out))
            }
        };
        Ok(StagedCopy { staging, out, new: Mutex::default() })
    }

    /// Puts a manifest, and the root under this name.
    pub(super) fn put_under(&self, call: &Call, content: &RawManifest, role: &Role, name: Option<&str>) -> Result<()> {
        let waiting = Mutex::new(PartEntries::Listed);
        self.put_part(call, content, index::entry(content, role, name), *role == Role::Root, &waiting)
    }

    /// Puts a manifest of an image. Its entries wait for that of the root: of one that is refused, the archive lists nothing.
    pub(super) fn put_part(
        &self,
        call: &Call,
        content: &RawManifest,
        entry: Option<Descriptor>,
        is_root: bool,
        part: &Mutex<PartEntries>,
    ) -> Result<()> {
        let work = self.work()?;
        let Some(entry) = entry else { return self.put_child(call, &work, content) };
        let mut part = lock(part);
        let growth = part.growth().joined_with(lock(&work.new).room.growth(&entry));
        lock(&work.new).room.check_growth(&self.shown, growth)?;
        self.put_checked(call, &work, content)?;
        let mut new = lock(&work.new);
        new.staged.insert(content.digest().clone());
        match &mut *part {
            PartEntries::Waiting(waiting, so_far) if !is_root => {
                waiting.push(entry);
                *so_far = growth;
            }
            part => {
                // Others may have come meanwhile.
                new.room.check_growth(&self.shown, growth)?;
                let entries = part.take_with(entry);
                for entry in &entries {
                    new.room.add_manifest(&self.shown, &entry.digest, Some(entry))?;
                }
                new.entries.extend(entries);
            }
        }
        Ok(())
    }

    /// Lists what still waits: it came for a root that the archive had already. Whether there was anything.
    pub(super) fn list_waiting(&self, part: &Mutex<PartEntries>) -> Result<bool> {
        let entries = lock(part).take();
        if entries.is_empty() {
            return Ok(false);
        }
        let work = self.work()?;
        let mut new = lock(&work.new);
        for entry in &entries {
            new.room.add_manifest(&self.shown, &entry.digest, Some(entry))?;
        }
        new.entries.extend(entries);
        Ok(true)
    }

    /// Stages a manifest, unless what it names is there in another size.
    fn put_checked(&self, call: &Call, work: &StagedCopy, content: &RawManifest) -> Result<()> {
        let kept = lock(&self.before).clone();
        image_check::check_sizes(&work.settled(call, content)?.over(kept.as_deref()), &content.document)?;
        work.staging.put_manifest(call, content)
    }

    /// The image that Docker's list gets, if there is one, for a manifest whose blobs are there. One that nobody could load is refused.
    pub(super) fn docker_image(&self, call: &Call, content: &RawManifest) -> Result<Option<ImageBlobs>> {
        let document = &content.document;
        let Some(image) = ImageBlobs::of(document).filter(|_| document.kind == Kind::Image) else { return Ok(None) };
        let (work, kept) = (self.work()?, lock(&self.before).clone());
        let has_list = kept.as_ref().is_some_and(|kept| kept.saved.is_some());
        if self.form == ArchiveFormat::Docker || has_list {
            image_check::check_layers(&work.settled(call, content)?.over(kept.as_deref()), document, &image)?;
        }
        Ok(Some(image))
    }

    fn put_child(&self, call: &Call, work: &StagedCopy, content: &RawManifest) -> Result<()> {
        self.put_checked(call, work, content)?;
        let mut new = lock(&work.new);
        new.staged.insert(content.digest().clone());
        new.room.add_manifest(&self.shown, content.digest(), None)
    }

    /// A name as it stands in the archive.
    pub(super) fn full_name(&self, name: &str) -> Result<String> {
        self.form.full_name(name)
    }

    /// What messages call it, without the name of an image.
    pub(super) fn file(&self) -> String {
        match &self.name {
            Some(name) => self.shown.strip_suffix(&format!(":{name}")).unwrap_or(&self.shown).to_owned(),
            None => self.shown.clone(),
        }
    }

    /// Stages a manifest that no list names yet.
    pub(super) fn stage_manifest(&self, call: &Call, content: &RawManifest) -> Result<()> {
        let work = self.work()?;
        self.put_checked(call, &work, content)?;
        let mut new = lock(&work.new);
        new.staged.insert(content.digest().clone());
        new.fleeting.push(content.digest().clone());
        Ok(())
    }

    /// Stages a caller's blob.
    pub(super) fn stage(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.work()?.staging.take_blob(call, source, promised)
    }

    /// Keeps a blob that is there, or is staged because it is new, though nothing names it.
    pub(super) fn keep_blob(&self, blob: Descriptor, is_new: bool) -> Result<()> {
        let work = self.work()?;
        let mut new = lock(&work.new);
        if is_new {
            new.staged.insert(blob.digest.clone());
        }
        new.blobs.push(blob);
        Ok(())
    }

    /// Lets go of a blob that is staged, and that the archive has.
    pub(super) fn forget_blob(&self, digest: Digest) -> Result<()> {
        lock(&self.work()?.new).fleeting.push(digest);
        Ok(())
    }

    /// Refuses an image under a name while nothing of it has been moved, if the archive could not be read again with it.
    pub(super) fn check_room(&self, name: Option<&str>) -> Result<()> {
        lock(&self.work()?.new).room.check(&self.shown, name)
    }

    /// Takes a name away, when the archive is written.
    pub(super) fn remove_name(&self, name: &str) -> Result<()> {
        lock(&self.work()?.new).removed.push(name.to_owned());
        Ok(())
    }

    /// Whether it is a file, which is replaced, and which others may write to as well.
    pub(super) fn is_replaced(&self) -> bool {
        matches!(self.destination, Destination::Replace(_))
    }

    /// Ends what was begun without writing the archive. What is staged stays, if there is anything.
    pub(super) fn let_go(&self) {
        if let Some(Ok(work)) = lock(&self.work).take().map(Arc::try_unwrap) {
            work.leave();
        }
    }

    /// Removes what is staged and in the file already: a copy that was killed once the file was in its place has left it.
    pub(super) fn clear_staged(&self, call: &Call) -> Result<()> {
        // Not in one statement, which would hold the lock while what is there is read: that takes it too.
        let work = lock(&self.work).clone();
        let (Some(work), Some(there)) = (work, self.seen(call)?) else { return Ok(()) };
        for blob in there.blobs().iter().filter(|blob| work.staging.size(&blob.digest) == Some(blob.size)) {
            // What cannot be removed does no harm.
            let _ = work.staging.remove(&blob.digest);
        }
        Ok(())
    }

    /// What is in the file; None where there is none, or where it is not looked at. While others wait to write to it, it is read once.
    pub(super) fn kept(&self, call: &Call) -> Result<Option<Arc<ExistingArchive>>> {
        let Destination::Replace(path) = &self.destination else { return Ok(None) };
        if lock(&self.work).is_some() {
            return Ok(lock(&self.before).clone());
        }
        let kept = ExistingArchive::open(call, path, self.form)?.map(Arc::new);
        lock(&self.before).clone_from(&kept);
        Ok(kept)
    }

    /// The same as it was when it was last read.
    pub(super) fn seen(&self, call: &Call) -> Result<Option<Arc<ExistingArchive>>> {
        // Not in the match, which would hold the lock: what reads the file takes it too.
        let before = lock(&self.before).clone();
        match before {
            Some(before) => Ok(Some(before)),
            None => self.kept(call),
        }
    }

    pub(super) fn work(&self) -> Result<Arc<StagedCopy>> {
        lock(&self.work).clone().ok_or_else(|| Error::new(Code::Internal, "the archive was not begun"))
    }
}

impl Drop for ArchiveWriter {
    /// What was begun and refused leaves nothing beside the file.
    fn drop(&mut self) {
        self.let_go();
    }
}
