//! The options of a sync, and those of the copy of each of its images.

use super::selection::{TagFilter, TagSelection};
use crate::error::Result;
use crate::options::options;
use crate::store::condition::NameOptions;
use crate::transfer::copy::CopyOptions;

/// How many transfers there are at once, of all images.
const TRANSFERS: u64 = 256;

options! {
    /// Options of a sync.
    #[derive(Debug, Clone)]
    pub struct SyncOptions {
        /// OS/ARCH[/VARIANT] each: of an index, only these, as in ocireg_copy
        pub platform: Vec<String>,
        /// also signatures, SBOMs and whatever else refers to the images, as in ocireg_copy
        ///
        /// with this option images that the destination has already are looked through too
        pub referrers: bool,
        /// also layers that are meant to be fetched from elsewhere
        pub foreign_layers: bool,
        /// tags that the destination has stay as they are
        pub no_clobber: bool,
        /// at the end, remove the destination's selected tags that the source does not have
        ///
        /// tags are removed only if nothing failed, and only those that tags, tags_regex, semver and exclude select. With newest,
        /// which then needs tags, tags_regex or semver, those that are no longer among the newest are removed too. Manifests stay,
        /// and if no tag of the source is selected, nothing is removed
        pub prune: bool,
        /// with prune: if more tags than this would be removed, none is, and that is a failure, which says how many
        pub max_prune: Option<u64>,
        /// the source's registry and path are part of a name below a registry or path
        ///
        /// the name below the destination is HOST[_PORT]/PATH; without this option it is only the last word of the path
        pub scoped: bool,
        /// the first failure ends the call, and is its error
        pub stop_on_error: bool,
        /// only say what would be done: nothing is changed
        pub dry_run: bool,
        /// 1 to 64: images at once; what a host takes at once is its own limit
        pub parallel: u64 = 4,
        /// 1 to 64: transfers at once for each image; 256 of all images
        pub concurrency: u64 = 4,
    } and {
        /// Which tags
        pub selection: TagSelection,
    }
}

impl SyncOptions {
    /// The tags that are meant of a whole repository.
    pub(crate) fn filter(&self) -> Result<TagFilter> {
        TagFilter::of(&self.selection)
    }

    /// How one image is copied.
    pub(super) fn copy(&self) -> CopyOptions {
        let names = NameOptions { if_exists: self.no_clobber.then(|| "skip".to_owned()), if_digest: None };
        CopyOptions {
            platform: self.platform.clone(),
            referrers: self.referrers,
            foreign_layers: self.foreign_layers,
            concurrency: self.concurrency.min(TRANSFERS / self.parallel.clamp(1, 64)),
            dry_run: self.dry_run,
            names,
            ..CopyOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_never_too_many_transfers() {
        for (parallel, concurrency, wanted) in
            [(4, 4, 4), (4, 64, 64), (64, 64, 4), (64, 1, 1), (1, 64, 64), (10, 64, 25)]
        {
            let options = SyncOptions { parallel, concurrency, ..SyncOptions::default() };
            assert_eq!(options.copy().concurrency, wanted, "{parallel} {concurrency}");
        }
    }
}
