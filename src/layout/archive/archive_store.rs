//! An archive as a place to write to.

use std::path::PathBuf;
use std::sync::Arc;

use super::contents::UnnamedBlobs;
use super::existing_archive::ExistingArchive;
use super::size_limit::ArchiveRoom;
use super::staging_folder::StagingFolder;
use super::write::{ArchiveWriter, Destination};
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::reachable_blobs::ImageBlobs;
use crate::manifest::{Descriptor, Kind};
use crate::mutex::lock;
use crate::store::condition::{no_name, NameCondition, NameFate};
use crate::store::{Moved, PromisedBlob, RawManifest, ReadStore, Role, TakenBlob, WriteStore};
use crate::stream::source::Source;

impl ArchiveWriter {
    /// Refuses what it cannot hold.
    pub(super) fn check_kind(&self, root: &RawManifest) -> Result<()> {
        if self.form == ArchiveFormat::Docker && root.document.kind != Kind::Image {
            let message = format!("a docker-archive holds images, but this is of type {}", root.document.media_type);
            return Err(Error::new(Code::InvalidManifest, message));
        }
        Ok(())
    }

    /// Puts an image onto Docker's list, when the archive is written.
    pub(super) fn list_image(&self, image: Option<ImageBlobs>, name: Option<String>) -> Result<()> {
        lock(&self.work()?.new).images.extend(image.map(|image| (image, name)));
        Ok(())
    }

    /// Whether the file has a blob. A damaged one is not there: no archive can be written with it.
    fn has_kept(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        let before = lock(&self.before).clone();
        before.map_or(Ok(false), |kept| kept.has(call, wanted))
    }
}

impl WriteStore for ArchiveWriter {
    fn place(&self) -> String {
        self.shown.clone()
    }

    fn look(&self, call: &Call, root: &RawManifest) -> Result<bool> {
        self.check_kind(root)?;
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

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        let left = |path: &PathBuf| StagingFolder::left(path, &wanted.digest, wanted.size);
        let is_left = matches!(&self.destination, Destination::Replace(path) if left(path));
        // Where something was begun, what is there is read when it is written, and is then damaged, and not missing.
        let is_begun = lock(&self.work).is_some();
        let kept = lock(&self.before).clone();
        let has_size = kept.is_some_and(|kept| kept.size(&wanted.digest) == Some(wanted.size));
        Ok(is_left || has_size && (is_begun || self.has_kept(call, wanted)?))
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        if self.has_kept(call, wanted)? {
            if self.unnamed == UnnamedBlobs::Kept {
                self.keep_blob(wanted.clone(), false)?;
            }
            return Ok(Moved::Present);
        }
        let work = self.work()?;
        let moved = work.staging.put_blob(call, wanted, from)?;
        let mut new = lock(&work.new);
        new.staged.insert(wanted.digest.clone());
        if moved != Moved::Present {
            new.room.add_blob();
        }
        if self.unnamed == UnnamedBlobs::Kept {
            new.blobs.push(wanted.clone());
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
        let image = if *role == Role::Root { self.docker_image(call, content)? } else { None };
        self.put_under(call, content, role, self.name.as_deref())?;
        self.list_image(image, self.name.clone())
    }

    fn put_named(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        self.put_under_names(call, content, names, condition)
    }

    fn take_blob(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.take(call, source, promised)
    }

    fn finish(&self, call: &Call) -> Result<()> {
        self.finish_with(call, None).map(drop)
    }

    fn one_platform(&self) -> bool {
        self.form == ArchiveFormat::Docker
    }
}
