//! Changes of a layout that are no copy: a caller's blob comes in, names and manifests go. What nothing names any more stays until the
//! layout is cleaned.

use super::{flush_names, OciLayout};
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::layout::index_entry::{image_name, name_of};
use crate::layout::names;
use crate::layout::received::{present, receive};
use crate::manifest::Descriptor;
use crate::store::{PromisedBlob, TakenBlob, WriteStore};
use crate::stream::source::Source;

impl OciLayout {
    pub(super) fn take(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.hold(call)?;
        if let Some(there) = present(call, self, promised)? {
            return Ok(there);
        }
        let algorithm = promised.digest.map_or(Algorithm::Sha256, Digest::algorithm);
        let folder = self.root.join("blobs").join(algorithm.name());
        let (partial, found) = receive(call, &folder, source, promised)?;
        let is_new = !self.has(call, &found)?;
        if is_new {
            partial.settle_at(&self.blob_path(&found.digest))?;
            flush_names(&folder)?;
        }
        Ok(TakenBlob { digest: found.digest, size: found.size, is_new })
    }

    pub(super) fn unname_entry(&self, call: &Call, expected: Option<&Digest>) -> Result<Descriptor> {
        let (name, place) = (WriteStore::name(self)?, format!("oci:{}", self.root.display()));
        let mut unnamed = None;
        self.change_index(call, |entries| {
            let entry = names::choose(entries, Some(&name), &place)?;
            if let Some(expected) = expected.filter(|expected| **expected != entry.digest) {
                let message = format!("the name '{name}' of {place} refers to {}, not {expected}", entry.digest);
                return Err(Error::new(Code::DigestMismatch, message));
            }
            entries.retain(|other| {
                let is_same = (&other.digest, name_of(other), image_name(other))
                    == (&entry.digest, name_of(&entry), image_name(&entry));
                !is_same
            });
            unnamed = Some(entry);
            Ok(())
        })?;
        unnamed.ok_or_else(|| Error::new(Code::Internal, "the index was not changed"))
    }

    pub(super) fn remove_entries(&self, call: &Call, digest: &Digest) -> Result<()> {
        self.change_index(call, |entries| {
            let before = entries.len();
            entries.retain(|entry| entry.digest != *digest);
            match entries.len() < before {
                true => Ok(()),
                false => Err(self.no_entry(digest)),
            }
        })
    }

    fn no_entry(&self, digest: &Digest) -> Error {
        let place = format!("oci:{}", self.root.display());
        match self.blob_path(digest).is_file() {
            false => Error::new(Code::NotFound, format!("{place} has no manifest {digest}")),
            true => Error::new(Code::Unsupported, format!("index.json of {place} does not list {digest} itself")).with_hint(
                "what an index in the layout names goes with that index; what nothing names goes when the layout is cleaned",
            ),
        }
    }
}
