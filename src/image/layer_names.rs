//! What a layer has itself: its whiteouts are for lower layers. A name is known by its folder's number and itself, so that its
//! depth costs nothing; and of both only a hash is kept, with a key that no image knows.

use std::collections::hash_map::RandomState;
use std::collections::HashSet;
use std::hash::BuildHasher;

use crate::os::open_folder::FolderId;

/// The names that a layer has made, and the folders that contain nothing of lower layers any more.
#[derive(Debug, Default)]
pub(crate) struct LayerNames {
    key: RandomState,
    names: HashSet<u64>,
}

impl LayerNames {
    pub(crate) fn clear(&mut self) {
        self.names = HashSet::new();
    }

    /// Adds a name; returns whether it is new.
    pub(crate) fn add(&mut self, folder: FolderId, name: &[u8]) -> bool {
        self.names.insert(self.key.hash_one((folder, name)))
    }

    /// Whether the layer has made this name.
    pub(crate) fn has(&self, folder: FolderId, name: &[u8]) -> bool {
        self.names.contains(&self.key.hash_one((folder, name)))
    }

    /// Records that everything in a folder belongs to this layer from now on; returns whether that is new.
    pub(crate) fn add_all(&mut self, folder: FolderId) -> bool {
        // No file has that name.
        self.add(folder, b"")
    }
}
