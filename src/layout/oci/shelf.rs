//! What the images of a layout need.

use std::fs;

use super::OciLayout;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::layout::needed::{needed, Needed, Shelf};

/// A layout, for a walk.
struct LayoutShelf<'a> {
    call: &'a Call,
    layout: &'a OciLayout,
}

impl Shelf for LayoutShelf<'_> {
    fn size(&self, digest: &Digest) -> Option<u64> {
        // A dangling link exists, and is a problem for whoever reads it.
        let path = self.layout.blob_path(digest);
        let found = fs::metadata(&path).or_else(|_| fs::symlink_metadata(&path));
        found.ok().map(|found| found.len())
    }

    fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        self.layout.small(digest)
    }

    fn may_go_on(&self) -> Result<()> {
        self.call.check()
    }
}

impl OciLayout {
    pub(in crate::layout) fn needed(&self, call: &Call) -> Result<Needed> {
        needed(&LayoutShelf { call, layout: self }, &self.entries()?)
    }
}
