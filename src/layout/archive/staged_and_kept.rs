//! What an archive will be made of, as a walk through its images sees it.

use super::existing_archive::ExistingArchive;
use super::staging::Staging;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::layout::reachable_blobs::Shelf;

/// The staging folder and what was there before, as a walk sees them.
pub(super) struct StagedAndKept<'a> {
    pub(super) call: &'a Call,
    pub(super) staging: &'a Staging,
    pub(super) kept: Option<&'a ExistingArchive>,
}

impl Shelf for StagedAndKept<'_> {
    fn size(&self, digest: &Digest) -> Option<u64> {
        self.staging.size(digest).or_else(|| self.kept?.size(digest))
    }

    fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        match (self.staging.size(digest), self.kept) {
            (None, Some(kept)) => kept.small(digest),
            _ => self.staging.small(digest),
        }
    }

    fn may_go_on(&self) -> Result<()> {
        self.call.check()
    }
}
