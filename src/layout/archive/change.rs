//! Changes of an archive that are no copy: a caller's blob comes in, names and manifests come and go. The archive is written anew for
//! each of them, while no other process can.

use std::cell::RefCell;

use super::contents::ArchiveLists;
use super::existing_archive::ExistingArchive;
use super::write::ArchiveWriter;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index_change::TakenName;
use crate::layout::index_entry::named;
use crate::layout::reachable_blobs::Shelf;
use crate::layout::received_blob::repeated;
use crate::manifest::Descriptor;
use crate::store::condition::{NameCondition, NameFate};
use crate::store::{ChangeStore, PromisedBlob, RawManifest, RemovedName, TakenBlob, WriteStore};
use crate::stream::source::Source;

impl ArchiveWriter {
    pub(super) fn take(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        let kept = self.kept(call)?;
        let size_of = |digest: &Digest| kept.as_ref().and_then(|kept| kept.size(digest));
        let there = promised.digest.and_then(size_of);
        // What is there may have a wrong size: the bytes show it where nothing is promised.
        if there.is_some() && promised.size == there {
            return repeated(call, source, promised);
        }
        let taken = self.stage(call, source, promised)?;
        let is_new = size_of(&taken.digest) != Some(taken.size);
        match is_new {
            true => self.keep_blob(Descriptor::new("", taken.digest.clone(), taken.size))?,
            false => self.forget_blob(taken.digest.clone())?,
        }
        Ok(TakenBlob { is_new, ..taken })
    }

    /// Puts a manifest under names, or without any by its digest alone, and writes the archive.
    pub(super) fn put_under_names(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        let names = names.iter().map(|name| self.full_name(name)).collect::<Result<Vec<_>>>()?;
        self.stage_manifest(call, content)?;
        let fates = RefCell::new(Vec::new());
        self.finish_with(
            call,
            Some(&|lists, _| {
                *fates.borrow_mut() = lists.put(content, &names, condition)?;
                Ok(())
            }),
        )?;
        Ok(fates.into_inner())
    }

    /// What is there; it must be.
    fn existing(&self, call: &Call) -> Result<std::sync::Arc<ExistingArchive>> {
        let missing = || Error::new(Code::NotFound, format!("there is no {}", self.file()));
        self.kept(call)?.ok_or_else(missing)
    }

    /// Begins, makes a change of what is there, and writes the archive. Gives the blobs that it has then.
    fn changed(
        &self,
        call: &Call,
        change: &dyn Fn(&mut ArchiveLists, &dyn Shelf) -> Result<()>,
    ) -> Result<Vec<Descriptor>> {
        self.existing(call)?;
        self.begin(call)?;
        self.finish_with(call, Some(change))
    }
}

impl ChangeStore for ArchiveWriter {
    fn names(&self, call: &Call) -> Result<Vec<String>> {
        Ok(self.existing(call)?.entries().into_iter().flat_map(|entry| named(entry).names).collect())
    }

    fn unname(&self, call: &Call, expected: Option<&Digest>) -> Result<RemovedName> {
        let (name, place, taken) = (WriteStore::name(self)?, self.file(), RefCell::new(None));
        let blobs = self.changed(call, &|lists, _| {
            *taken.borrow_mut() = Some(lists.take_name(&name, expected, &place)?);
            Ok(())
        })?;
        let TakenName { digest, others } =
            taken.into_inner().ok_or_else(|| Error::new(Code::Internal, "the archive was not changed"))?;
        let is_kept = blobs.iter().any(|blob| blob.digest == digest);
        Ok(RemovedName { digest, others, is_kept })
    }

    fn remove(&self, call: &Call, digest: &Digest) -> Result<()> {
        let place = self.file();
        let change = |lists: &mut ArchiveLists, there: &dyn Shelf| match lists.take_manifest(digest) {
            true => Ok(()),
            false if there.size(digest).is_none() => {
                Err(Error::new(Code::NotFound, format!("{place} has no manifest {digest}")))
            }
            false => {
                let message = format!("index.json of {place} does not list {digest} itself");
                Err(Error::new(Code::Unsupported, message)
                    .with_hint("what an index in the archive lists is deleted with that index"))
            }
        };
        self.changed(call, &change).map(drop)
    }
}
