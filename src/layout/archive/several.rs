//! Several images for one archive, which is written once, when all of them are there.

use std::path::Path;
use std::sync::Arc;

use super::write::ArchiveWriter;
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::oci::check_new_name;
use crate::manifest::Descriptor;
use crate::os::target::Target;
use crate::store::condition::no_name;
use crate::store::{Moved, RawManifest, ReadStore, Role, WriteStore};
use crate::stream::spool::TemporarySpace;

/// An oci-archive that gets several images. A clone is the same archive.
#[derive(Debug, Clone)]
pub struct ArchiveOfSeveral {
    writer: Arc<ArchiveWriter>,
    identity: Arc<str>,
}

impl ArchiveOfSeveral {
    /// Nothing is created before the first image is put.
    pub fn planned(path: &Path, space: TemporarySpace) -> Result<ArchiveOfSeveral> {
        let identity = match Target::of(path)? {
            Target::Replace(path) => path.display().to_string(),
            Target::Through(_) => path.display().to_string(),
        };
        let writer = ArchiveWriter::planned(path, None, ArchiveFormat::Oci, None, space)?;
        Ok(ArchiveOfSeveral { writer: Arc::new(writer), identity: identity.into() })
    }

    /// The entries of the file as it is.
    pub fn entries(&self, call: &Call) -> Result<Vec<Descriptor>> {
        let Some(kept) = self.writer.kept(call)? else { return Ok(Vec::new()) };
        if kept.saved.is_some() {
            let message = format!("{} has a manifest.json of Docker too, where names are in two places", self.place());
            return Err(Error::new(Code::Unsupported, message).with_hint("write to another file"));
        }
        Ok(kept.entries())
    }

    /// The place for an image of it.
    pub fn part(&self, name: Option<&str>) -> Result<ArchivePart> {
        name.map_or(Ok(()), check_new_name)?;
        Ok(ArchivePart { archive: self.clone(), name: name.map(str::to_owned) })
    }

    /// Takes a name away.
    pub fn remove(&self, call: &Call, name: &str) -> Result<()> {
        self.writer.begin(call)?;
        self.writer.remove_name(name)
    }

    /// Writes the archive, if there is anything new.
    pub fn finish(&self, call: &Call) -> Result<()> {
        match self.writer.is_begun() {
            true => self.writer.finish(call),
            false => Ok(()),
        }
    }

    /// What it is, however it is spelled: two that are one have one.
    pub fn identity(&self) -> String {
        self.identity.to_string()
    }

    /// What messages call it.
    pub fn place(&self) -> String {
        WriteStore::place(self.writer.as_ref())
    }
}

/// One of the images of an archive.
#[derive(Debug)]
pub struct ArchivePart {
    archive: ArchiveOfSeveral,
    name: Option<String>,
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
    fn look(&self, _: &Call, _: &RawManifest) -> Result<bool> {
        Ok(false)
    }

    fn begin(&self, call: &Call) -> Result<()> {
        self.writer().begin(call)
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
        self.writer().put_under(call, content, role, self.name.as_deref())
    }

    // The archive is written when all images are there.
    fn finish(&self, _: &Call) -> Result<()> {
        Ok(())
    }
}
