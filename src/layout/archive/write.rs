//! Archives to copy to.
//!
//! An archive is a layout, with a `manifest.json` for Docker if that is asked for. Its contents are collected in a staging layout
//! first. A file then appears complete, and keeps its previous contents; a pipe gets everything in one pass.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::existing_archive::ExistingArchive;
use super::saved_images::blob_file;
use super::size_limit::{self, ArchiveRoom};
use super::spooled_blobs::SpooledBlobs;
use super::staged_and_kept::StagedAndKept;
use super::staging::Staging;
use super::staging_folder::{is_wrong, StagingFolder};
use super::written_manifest_json;
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::lock::Lock;
use crate::layout::oci::VERSION;
use crate::layout::reachable_blobs::{needed, ImageBlobs};
use crate::layout::tarball::write::{Contents, NewMember, TarWriter};
use crate::manifest::{Descriptor, Kind};
use crate::os::output_target::{DirectOutput, Target};
use crate::os::{flush, temporary};
use crate::store::condition::no_name;
use crate::store::{Moved, RawManifest, ReadStore, Role, WriteStore};
use crate::stream::spool::TemporarySpace;
use crate::sync::lock;

/// The bytes of one write.
const AT_ONCE: usize = 256 << 10;

/// An archive to copy to.
#[derive(Debug)]
pub struct ArchiveWriter {
    shown: String,
    form: ArchiveFormat,
    name: Option<String>,
    destination: Destination,
    space: TemporarySpace,
    /// The version of the file whose contents were read.
    before: Mutex<Option<Arc<ExistingArchive>>>,
    work: Mutex<Option<Arc<StagedCopy>>>,
}

#[derive(Debug)]
enum Destination {
    Replace(PathBuf),
    Through(Mutex<Option<DirectOutput>>),
}

/// A copy in progress.
#[derive(Debug)]
struct StagedCopy {
    staging: Staging,
    /// The pipe or device that is written to, if it is not a file.
    out: Option<File>,
    new: Mutex<Additions>,
}

#[derive(Debug, Default)]
struct Additions {
    entries: Vec<Descriptor>,
    image: Option<ImageBlobs>,
    /// The names that are taken away.
    removed: Vec<String>,
    room: ArchiveRoom,
}

/// Everything that an archive will contain.
struct ArchiveContents {
    index: Value,
    saved: Option<Vec<Value>>,
    blobs: Vec<Descriptor>,
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
        let suffix = name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        let shown = format!("{}:{}{suffix}", form.transport(), path.display());
        let target = match descriptor {
            Some(file) => Target::open(file, path.display().to_string()),
            None => Target::of(path)?,
        };
        let destination = match target {
            Target::Replace(path) => Destination::Replace(path),
            Target::Through(through) => Destination::Through(Mutex::new(Some(through))),
        };
        Ok(ArchiveWriter { shown, form, name, destination, space, before: Mutex::default(), work: Mutex::default() })
    }

    fn start(&self, call: &Call) -> Result<StagedCopy> {
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
        let work = self.work()?;
        work.staging.put_manifest(call, content)?;
        let entry = index::entry(content, role, name);
        let mut new = lock(&work.new);
        new.room.add_manifest(content.digest(), entry.as_ref());
        new.entries.extend(entry);
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
            work.staging.leave();
        }
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
        match lock(&self.before).clone() {
            Some(before) => Ok(Some(before)),
            None => self.kept(call),
        }
    }

    fn work(&self) -> Result<Arc<StagedCopy>> {
        lock(&self.work).clone().ok_or_else(|| Error::new(Code::Internal, "the archive was not begun"))
    }

    /// Replaces the file by the complete archive, which includes the previous contents. Other processes that replace it wait.
    fn replace(&self, call: &Call, path: &Path, work: &StagedCopy, folder: &StagingFolder) -> Result<()> {
        let cannot = |error: std::io::Error| Error::io(format!("cannot write {}", path.display()), &error);
        loop {
            // Writers that share the staging folder wait for its lock: any user who may read the file could lock that.
            let held = if folder.is_shared() { None } else { hold(call, path)? };
            let is_there = held.is_some() || folder.is_shared() && path.exists();
            let kept = ExistingArchive::open(call, path, self.form)?;
            let out = BufWriter::with_capacity(AT_ONCE, folder.file()?);
            let out = self.write_entries(call, work, kept.as_ref(), TarWriter::new(out, path.display().to_string()))?;
            let whole = out.into_inner().map_err(|error| cannot(error.into_error()))?;
            if is_there { temporary::ready(&whole, path) } else { flush::file(whole.as_file()) }.map_err(cannot)?;
            call.check()?;
            let named = match is_there {
                true => temporary::settle(whole, path).map(|()| true),
                false => temporary::settle_new(whole, path),
            };
            // Else another process was faster: its images are kept too.
            if named.map_err(cannot)? {
                return Ok(());
            }
        }
    }

    /// Writes everything, the small files that a reader wants first at the front.
    fn write_entries<W: std::io::Write>(
        &self,
        call: &Call,
        work: &StagedCopy,
        kept: Option<&ExistingArchive>,
        mut tar: TarWriter<W>,
    ) -> Result<W> {
        let whole = self.whole(call, work, kept)?;
        let mut small = vec![("oci-layout", VERSION.to_owned()), ("index.json", whole.index.to_string())];
        small.extend(whole.saved.map(|list| ("manifest.json", Value::from(list).to_string())));
        size_limit::check(&self.shown, &small, &whole.blobs)?;
        for (name, text) in small {
            tar.add(
                call,
                NewMember { name: name.to_owned(), size: text.len() as u64, bytes: Contents::Bytes(text.into()) },
            )?;
        }
        for blob in &whole.blobs {
            let staged = work.staging.size(&blob.digest).is_some();
            let bytes = match (staged, kept) {
                (false, Some(kept)) => kept.open_blob(call, blob)?,
                _ => work.staging.open_blob(call, blob)?,
            };
            let piece = NewMember { name: blob_file(&blob.digest), size: blob.size, bytes: Contents::Blob(bytes) };
            if let Err(error) = tar.add(call, piece) {
                if staged && is_wrong(&error) {
                    work.staging.remove(&blob.digest)?;
                }
                return Err(error);
            }
        }
        tar.finish()
    }

    /// The old and the new contents together.
    fn whole(&self, call: &Call, work: &StagedCopy, kept: Option<&ExistingArchive>) -> Result<ArchiveContents> {
        let new = lock(&work.new);
        let mut entries = kept.map(ExistingArchive::entries).unwrap_or_default();
        index::add_all(&mut entries, new.entries.clone());
        entries.retain(|entry| !new.removed.iter().any(|name| index::has_name(entry, name)));
        let both = StagedAndKept { call, staging: &work.staging, kept };
        let mut needed = needed(&both, &entries)?.whole(&both)?;
        if let Some(kept) = kept.filter(|_| needed.is_partial()) {
            needed.add(kept.blobs());
        }
        let mut saved = kept.and_then(|kept| kept.saved.clone());
        if self.form == ArchiveFormat::Docker || saved.is_some() {
            let list = saved.get_or_insert_default();
            // A tag alone, which an oci-archive may have as a name, is not the name of an image.
            let name = self
                .name
                .as_deref()
                .filter(|name| self.form == ArchiveFormat::Docker || index::image_name(name).is_some());
            let name = name.and_then(|name| ArchiveFormat::Docker.full_name(name).ok());
            if let Some(image) = &new.image {
                written_manifest_json::add(list, image, name.as_deref());
            }
            // An image whose last name has moved is not in the archive any more.
            let known: BTreeSet<&ImageBlobs> = needed.images.iter().collect();
            list.retain(|entry| written_manifest_json::image(entry).is_ok_and(|image| known.contains(&image)));
        }
        let index = index::written(kept.map(ExistingArchive::index), &entries);
        Ok(ArchiveContents { index, saved, blobs: needed.manifests.into_iter().chain(needed.blobs).collect() })
    }
}

/// Locks the file against other processes that would replace it, and makes sure that it still has its name; None if there is no file.
fn hold(call: &Call, path: &Path) -> Result<Option<Lock>> {
    loop {
        match Lock::exclusive_if_there(call, path) {
            Ok(Some(held)) if held.is_of(path) => return Ok(Some(held)),
            Ok(Some(_)) => call.sleep(Duration::from_millis(10))?,
            _ if !path.exists() => return Ok(None),
            // It came just now.
            Ok(None) => call.check()?,
            Err(error) => return Err(error),
        }
    }
}

impl WriteStore for ArchiveWriter {
    fn place(&self) -> String {
        self.shown.clone()
    }

    fn look(&self, call: &Call, root: &RawManifest) -> Result<bool> {
        if self.form == ArchiveFormat::Docker && root.document.kind != Kind::Image {
            let message = format!("a docker-archive holds images, but this is of type {}", root.document.media_type);
            return Err(Error::new(Code::InvalidManifest, message));
        }
        if let Destination::Replace(path) = &self.destination {
            *lock(&self.before) = ExistingArchive::open(call, path, self.form)?.map(Arc::new);
        }
        Ok(false)
    }

    fn begin(&self, call: &Call) -> Result<()> {
        let mut work = lock(&self.work);
        if work.is_some() {
            return Ok(());
        }
        let new = self.start(call)?;
        if let Destination::Replace(path) = &self.destination {
            match ExistingArchive::open(call, path, self.form) {
                Ok(kept) => {
                    lock(&new.new).room = ArchiveRoom::of(kept.as_ref());
                    *lock(&self.before) = kept.map(Arc::new);
                }
                Err(error) => {
                    new.staging.leave();
                    return Err(error);
                }
            }
        }
        *work = Some(Arc::new(new));
        Ok(())
    }

    fn has_manifest(&self, _: &Call, _: &Digest) -> Result<bool> {
        Ok(false)
    }

    fn has_blob(&self, _: &Call, wanted: &Descriptor) -> Result<bool> {
        let kept = lock(&self.before).as_ref().and_then(|kept| kept.size(&wanted.digest));
        let left = |path: &PathBuf| StagingFolder::left(path, &wanted.digest, wanted.size);
        Ok(kept == Some(wanted.size) || matches!(&self.destination, Destination::Replace(path) if left(path)))
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        let kept = lock(&self.before).as_ref().and_then(|kept| kept.size(&wanted.digest));
        if kept == Some(wanted.size) {
            return Ok(Moved::Present);
        }
        let work = self.work()?;
        let moved = work.staging.put_blob(call, wanted, from)?;
        if moved != Moved::Present {
            lock(&work.new).room.add_blob();
        }
        Ok(moved)
    }

    fn name(&self) -> Result<String> {
        self.name.clone().ok_or_else(|| no_name(&self.shown))
    }

    fn named(&self, call: &Call) -> Result<Option<Descriptor>> {
        let Destination::Replace(path) = &self.destination else { return Ok(None) };
        let kept = ExistingArchive::open(call, path, self.form)?;
        Ok(kept.and_then(|kept| index::find(&kept.entries(), self.name.as_deref()).cloned()))
    }

    fn put_manifest(&self, call: &Call, content: &RawManifest, role: &Role) -> Result<()> {
        self.put_under(call, content, role, self.name.as_deref())?;
        if *role == Role::Root && content.document.kind == Kind::Image {
            lock(&self.work()?.new).image = ImageBlobs::of(&content.document);
        }
        Ok(())
    }

    fn finish(&self, call: &Call) -> Result<()> {
        let work = lock(&self.work).take().ok_or_else(|| Error::new(Code::Internal, "the archive was not begun"))?;
        work.staging.settle(call)?;
        match (&self.destination, &work.staging, &work.out) {
            (Destination::Replace(path), Staging::StagingFolder(folder), _) => {
                self.replace(call, path, &work, folder)?
            }
            (_, _, Some(file)) => {
                let out = call.output(file)?;
                let out = BufWriter::with_capacity(AT_ONCE, out);
                self.write_entries(call, &work, None, TarWriter::new(out, self.shown.clone()))?;
            }
            _ => return Err(Error::new(Code::Internal, "the archive has nowhere to go")),
        }
        match Arc::try_unwrap(work) {
            Ok(work) => work.staging.finish(),
            Err(_) => Err(Error::new(Code::Internal, "the archive is still being written")),
        }
    }

    fn one_platform(&self) -> bool {
        self.form == ArchiveFormat::Docker
    }
}
