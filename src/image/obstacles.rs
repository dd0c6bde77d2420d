//! What stands where a folder is needed, and what becomes of it. An image's own links are followed; what was there before it was extracted
//! is not part of it: a folder takes its place, so that neither the order of entries nor what was there changes where a file gets.

use super::layer_names::LayerNames;
use crate::os::open_folder::FolderId;

/// What a path meets where it needs a folder.
pub(crate) enum Obstacle {
    /// A link, and where it leads.
    Link(Vec<u8>),
    /// There is none, and none is wanted.
    Absent,
    /// It was there before, and is gone now.
    Removed,
}

#[derive(Default)]
pub(crate) struct Obstacles {
    /// What this call has made; None where nothing was there before.
    made: Option<LayerNames>,
    /// Whether the caller had files there.
    caller_has_files: bool,
    /// The links that the current layer has written through.
    followed: LayerNames,
}

impl Obstacles {
    /// From now on, what this call has not made is in the way.
    pub(crate) fn none_is_ours(&mut self) {
        self.made = Some(LayerNames::default());
    }

    /// The caller has files there, which no whiteout is for: those are for what lower layers have.
    pub(crate) fn spare_the_callers(&mut self) {
        self.none_is_ours();
        self.caller_has_files = true;
    }

    /// Whether the caller may have files there.
    pub(crate) fn spares_some(&self) -> bool {
        self.caller_has_files
    }

    /// Whether it is the caller's.
    pub(crate) fn is_callers(&self, file: FolderId) -> bool {
        self.caller_has_files && self.was_there(file)
    }

    /// Whether what this call makes has to be told.
    pub(crate) fn asks(&self) -> bool {
        self.made.is_some()
    }

    /// This call has made it.
    pub(crate) fn is_ours(&mut self, file: FolderId) {
        if let Some(made) = &mut self.made {
            made.add(file, b"");
        }
    }

    /// Whether it was there before.
    pub(crate) fn was_there(&self, file: FolderId) -> bool {
        self.made.as_ref().is_some_and(|made| !made.has(file, b""))
    }

    /// A link was followed to write behind it.
    pub(crate) fn follow(&mut self, folder: FolderId, name: &[u8]) {
        self.followed.add(folder, name);
    }

    /// Whether the current layer has written through a link.
    pub(crate) fn is_followed(&self, folder: FolderId, name: &[u8]) -> bool {
        self.followed.has(folder, name)
    }

    /// Each layer decides anew.
    pub(crate) fn end_layer(&mut self) {
        self.followed.clear();
    }
}
