//! Changes of a layout that are no copy: a caller's blob comes in, names and manifests go. What nothing names any more stays until the
//! layout is cleaned.

use super::OciLayout;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::layout::index_entry::named;
use crate::layout::received::{present, receive};
use crate::layout::{index, names};
use crate::manifest::{Descriptor, Document};
use crate::store::{PromisedBlob, TakenBlob, WriteStore};
use crate::stream::source::Source;

/// A name that was taken away.
#[derive(Debug)]
pub struct Unnamed {
    /// What it referred to; of several images, the first.
    pub digest: Digest,
    /// The names that this has still.
    pub others: Vec<String>,
}

impl OciLayout {
    pub(super) fn take(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        self.hold(call)?;
        if let Some(there) = present(call, self, source, promised)? {
            return Ok(there);
        }
        let algorithm = promised.digest.map_or(Algorithm::Sha256, Digest::algorithm);
        let folder = self.root.join("blobs").join(algorithm.name());
        let (partial, found) = receive(call, &folder, source, promised)?;
        let is_new = !self.has(call, &found)?;
        if is_new {
            partial.settle_at(&self.blob_path(&found.digest))?;
            self.flush_folders()?;
        }
        Ok(TakenBlob { digest: found.digest, size: found.size, is_new })
    }

    /// Takes the name away from what it refers to, which may have to be this manifest: that stays.
    pub fn unname(&self, call: &Call, expected: Option<&Digest>) -> Result<Unnamed> {
        let (name, place) = (WriteStore::name(self)?, format!("oci:{}", self.root.display()));
        let mut unnamed = None;
        self.change_index(call, |entries| {
            // The name as it is set: a reader takes also the last part of an image's name for it, and that is another.
            let (taken, left): (Vec<_>, Vec<_>) = entries.drain(..).partition(|entry| index::has_name(entry, &name));
            let Some(first) = taken.first() else { return Err(names::no_image(&left, &name, &place)) };
            let is_other = |entry: &&Descriptor| expected.is_some_and(|expected| *expected != entry.digest);
            if let (Some(other), Some(expected)) = (taken.iter().find(is_other), expected) {
                let message = format!("the name '{name}' of {place} refers to {}, not {expected}", other.digest);
                return Err(Error::new(Code::DigestMismatch, message));
            }
            let same = left.iter().filter(|entry| entry.digest == first.digest);
            let others = same.flat_map(|entry| named(entry.clone()).names).collect();
            unnamed = Some(Unnamed { digest: first.digest.clone(), others });
            *entries = left;
            Ok(())
        })?;
        unnamed.ok_or_else(|| Error::new(Code::Internal, "the index was not changed"))
    }

    /// Takes a manifest out of the layout, and all its names away.
    pub fn remove(&self, call: &Call, digest: &Digest) -> Result<()> {
        self.change_index(call, |entries| {
            let before = entries.len();
            entries.retain(|entry| entry.digest != *digest);
            match entries.len() < before {
                true => Ok(()),
                false => Err(self.no_entry(digest)),
            }
        })
    }

    /// What an index lists that was put by itself is no image of its own any more: it was put before only because it has to be there.
    pub fn take_in(&self, call: &Call, index: &Document) -> Result<()> {
        self.change_index(call, |entries| {
            index::take_in(entries, index);
            Ok(())
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
