//! What the images of a layout need.

use std::collections::{BTreeSet, HashSet};
use std::fs;

use super::OciLayout;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::layout::kept_referrers;
use crate::layout::reachable_blobs::{needed, Needed, Shelf};
use crate::layout::weak_referrers::{kept_images, unlist, KeptImages};
use crate::manifest::Descriptor;
use crate::media_type::{essence, is_index};

/// A layout, for a walk.
struct LayoutShelf<'a> {
    call: &'a Call,
    layout: &'a OciLayout,
}

impl Shelf for LayoutShelf<'_> {
    fn size(&self, digest: &Digest) -> Option<u64> {
        // A dangling link exists, and is a problem when it is read.
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

    /// What is needed when the layout is cleaned, and the entries that go then.
    pub(in crate::layout) fn kept_images(&self, call: &Call) -> Result<KeptImages> {
        let shelf = LayoutShelf { call, layout: self };
        kept_images(&shelf, &self.entries()?, &|subject| shelf.size(subject).is_none())
    }

    /// Takes those entries out.
    pub(in crate::layout) fn unlist(&self, call: &Call, orphans: &BTreeSet<Digest>) -> Result<()> {
        if orphans.is_empty() {
            return Ok(());
        }
        self.rewrite_index(call, |_, entries| {
            unlist(entries, orphans);
            Ok(())
        })
    }

    /// Whether everything that an entry needs is there, as far as sizes tell; its manifests are read.
    pub(crate) fn is_complete(&self, call: &Call, entry: &Descriptor) -> Result<bool> {
        let shelf = LayoutShelf { call, layout: self };
        Ok(needed(&shelf, std::slice::from_ref(entry))?.is_complete(&shelf))
    }

    /// After a change of names: lists again, without a name, what refers to another manifest and is not listed any more.
    pub(super) fn keep_referrers(
        &self,
        call: &Call,
        before: &[Descriptor],
        entries: &mut Vec<Descriptor>,
    ) -> Result<()> {
        kept_referrers::keep(before, entries, &LayoutShelf { call, layout: self })
    }

    /// Whether an index among the entries lists a manifest, or one that such an index lists: so most are found, without a look at
    /// everything that the layout needs. An index that cannot be read lists nothing.
    pub(super) fn lists(&self, call: &Call, wanted: &Digest) -> Result<bool> {
        let (mut waiting, mut seen) = (self.entries()?, HashSet::new());
        while let Some(entry) = waiting.pop() {
            call.check()?;
            if entry.digest == *wanted {
                return Ok(true);
            }
            if !is_index(&essence(&entry.media_type)) || !seen.insert(entry.digest.clone()) {
                continue;
            }
            if let Ok(content) = self.content(&entry) {
                waiting.extend(content.document.manifests().iter().cloned());
            }
        }
        Ok(false)
    }
}
