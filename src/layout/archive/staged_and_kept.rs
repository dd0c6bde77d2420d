//! What an archive will be made of, as a walk through its images sees it.

use std::collections::BTreeSet;

use super::existing_archive::{tells_of_blob, ExistingArchive};
use super::staging::Staging;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::layout::reachable_blobs::Shelf;
use crate::manifest::Descriptor;
use crate::stream::blob::{is_right, Blob};

/// The staging folder and what was there before. What an earlier call has left in that folder counts only where nothing else is there:
/// nobody has verified it.
pub(super) struct StagedAndKept<'a> {
    pub(super) call: &'a Call,
    pub(super) staging: &'a Staging,
    /// What this call put into the staging folder.
    pub(super) staged: BTreeSet<Digest>,
    pub(super) kept: Option<&'a ExistingArchive>,
}

impl<'a> StagedAndKept<'a> {
    /// The same, and what was there before.
    pub(super) fn over(self, kept: Option<&'a ExistingArchive>) -> StagedAndKept<'a> {
        StagedAndKept { kept, ..self }
    }

    /// The first bytes of a blob, as they are.
    pub(super) fn head(&self, digest: &Digest) -> Result<Vec<u8>> {
        match self.keeper(digest) {
            Some(kept) => kept.head(digest),
            None => self.staging.head(digest),
        }
    }

    /// Whether a blob that is there has its digest: all of it is read.
    pub(super) fn is_right(&self, digest: &Digest) -> Result<bool> {
        let itself = Descriptor::new("", digest.clone(), self.size(digest).unwrap_or_default());
        match self.keeper(digest) {
            Some(kept) => kept.is_right(self.call, digest),
            None => is_right(self.staging.open_blob(self.call, &itself)?.as_mut()),
        }
    }

    /// The archive that has it, if it is not taken from the staging folder.
    pub(super) fn keeper(&self, digest: &Digest) -> Option<&ExistingArchive> {
        let is_staged = self.staged.contains(digest) && self.staging.size(digest).is_some();
        self.kept.filter(|kept| !is_staged && kept.size(digest).is_some())
    }

    /// Whether it is there, and not only left by an earlier call.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.keeper(digest).is_some() || self.staged.contains(digest)
    }

    /// Whether something was staged that the archive has not, or not right.
    pub(super) fn mends_any(&self) -> Result<bool> {
        for digest in &self.staged {
            let kept = self.kept.filter(|kept| kept.size(digest).is_some());
            if !kept.map_or(Ok(false), |kept| kept.is_right(self.call, digest))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Opens a blob, which is verified as it is read.
    pub(super) fn open(&self, blob: &Descriptor) -> Result<Box<dyn Blob>> {
        match (self.keeper(&blob.digest), self.kept) {
            (Some(kept), _) => kept.open_to_write(self.call, blob),
            // The error says that it was there.
            (None, Some(kept)) if self.staging.size(&blob.digest).is_none() => kept.open_blob(self.call, blob),
            _ => self.staging.open_blob(self.call, blob),
        }
    }

    /// Removes what an earlier call left and what is wrong, so that the next one does not find it again.
    pub(super) fn forget_wrong<'b>(&self, wrong: impl Iterator<Item = &'b Digest>) -> Result<()> {
        let left = wrong.filter(|digest| !self.staged.contains(*digest));
        left.filter(|digest| self.keeper(digest).is_none())
            .try_for_each(|digest| self.staging.remove_wrong(self.call, digest))
    }

    /// Those of these blobs of the archive whose bytes are wrong.
    pub(super) fn damaged(&self, blobs: &[Descriptor]) -> Result<Vec<Digest>> {
        let mut found = Vec::new();
        for blob in blobs {
            if let Some(kept) = self.keeper(&blob.digest) {
                if !kept.is_right(self.call, &blob.digest)? {
                    found.push(blob.digest.clone());
                }
            }
        }
        Ok(found)
    }
}

impl Shelf for StagedAndKept<'_> {
    fn size(&self, digest: &Digest) -> Option<u64> {
        match self.keeper(digest) {
            Some(kept) => kept.size(digest),
            None => self.staging.size(digest),
        }
    }

    fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        match self.keeper(digest) {
            Some(kept) => kept.small(digest),
            None => self.staging.small(digest),
        }
    }

    fn may_go_on(&self) -> Result<()> {
        self.call.check()
    }

    fn is_about_blob(&self, error: &Error) -> bool {
        tells_of_blob(error)
    }
}
