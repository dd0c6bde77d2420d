//! Changes of a layout other than a copy: a caller's blob comes in, names and manifests go. What nothing names any more stays until the
//! layout is cleaned.

use super::OciLayout;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::layout::index_change::{self, TakenName};
use crate::layout::index_entry::named;
use crate::layout::received_blob::{present, receive};
use crate::manifest::Descriptor;
use crate::store::condition::{NameCondition, NameFate};
use crate::store::{ChangeStore, PromisedBlob, RawManifest, RemovedName, TakenBlob, WriteStore};
use crate::stream::source::Source;

impl OciLayout {
    pub(super) fn take(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.take_where(call, source, promised, |found| Ok(!self.has(call, found)?))
    }

    /// The same where nobody has verified what is there: what comes replaces it, unless the caller's digest says that it is right.
    pub(in crate::layout) fn take_anew(
        &self,
        call: &Call,
        source: &mut dyn Source,
        promised: PromisedBlob,
    ) -> Result<TakenBlob> {
        self.take_where(call, source, promised, |_| Ok(true))
    }

    fn take_where(
        &self,
        call: &Call,
        source: &mut dyn Source,
        promised: PromisedBlob,
        is_new: impl FnOnce(&Descriptor) -> Result<bool>,
    ) -> Result<TakenBlob> {
        self.hold(call)?;
        if let Some(there) = present(call, self, source, promised)? {
            return Ok(there);
        }
        let algorithm = promised.digest.map_or(Algorithm::Sha256, Digest::algorithm);
        let folder = self.root.join("blobs").join(algorithm.name());
        let (partial, found) = receive(call, &folder, source, promised)?;
        let is_new = is_new(&found)?;
        if is_new {
            partial.settle_at(&self.blob_path(&found.digest))?;
            self.flush_folders()?;
        }
        Ok(TakenBlob { digest: found.digest, size: found.size, is_new })
    }

    /// Puts a manifest under names, or without any by its digest alone, all in one change.
    pub(super) fn put_under(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        self.put_content(call, content)?;
        let mut fates = Vec::new();
        self.change_index(call, |entries| {
            fates = index_change::put(entries, content, names, condition)?;
            Ok(())
        })?;
        Ok(fates)
    }

    fn no_entry(&self, digest: &Digest) -> Error {
        let place = format!("oci:{}", self.root.display());
        match self.blob_path(digest).is_file() {
            false => Error::new(Code::NotFound, format!("{place} has no manifest {digest}")),
            true => Error::new(Code::Unsupported, format!("index.json of {place} does not list {digest} itself")).with_hint(
                "delete the index that lists it, or the manifest that refers to it; other blobs are removed when the layout is cleaned",
            ),
        }
    }
}

impl ChangeStore for OciLayout {
    fn names(&self, _: &Call) -> Result<Vec<String>> {
        Ok(self.entries()?.into_iter().flat_map(|entry| named(entry).names).collect())
    }

    // What the name referred to lies there until the layout is cleaned.
    fn unname(&self, call: &Call, expected: Option<&Digest>) -> Result<RemovedName> {
        let (name, place) = (WriteStore::name(self)?, format!("oci:{}", self.root.display()));
        let mut taken = None;
        self.change_index(call, |entries| {
            taken = Some(index_change::take_name(entries, &name, expected, &place)?);
            Ok(())
        })?;
        let TakenName { digest, others } =
            taken.ok_or_else(|| Error::new(Code::Internal, "the index was not changed"))?;
        Ok(RemovedName { is_kept: self.lists(call, &digest)?, digest, others })
    }

    fn remove(&self, call: &Call, digest: &Digest) -> Result<bool> {
        self.rewrite_index(call, |_, entries| match index_change::take_manifest(entries, digest) {
            true => Ok(()),
            false => Err(self.no_entry(digest)),
        })?;
        // It is done: what cannot be found out about the rest does not make it fail.
        Ok(self.kept_images(call).is_ok_and(|kept| kept.needed.names(digest)))
    }
}
