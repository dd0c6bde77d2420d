//! Some files of an image, without unpacking them: the layers are read from the newest on, as far as it takes.

use super::flat::{flatten, Content, FlatLayers, FlatOutput, LayerNumber, Picks};
use super::listed_tree::{check_memory, cost, ListedNode, ListedNodes};
use super::unpacking::ExtractedLayer;
use crate::error::{Code, Error, Result};
use crate::tar::{EntryKind, TarEntry};

/// What paths name, with the layers that were read, the oldest first.
pub(super) fn list(source: FlatLayers, paths: &[String]) -> Result<(Vec<ExtractedLayer>, ListedNodes)> {
    let mut found = PickedList::default();
    let read = flatten(source, Picks::of(paths)?, &mut found)?;
    Ok((read, found.nodes))
}

#[derive(Default)]
struct PickedList {
    nodes: ListedNodes,
    memory: usize,
}

impl FlatOutput for PickedList {
    fn entry(&mut self, entry: &TarEntry, _: &[u8], layer: LayerNumber, _: Content) -> Result<()> {
        let layer = usize::try_from(layer).map_err(|_| Error::new(Code::Internal, "a layer has no number"))?;
        let mut told = entry;
        if let EntryKind::HardLink(target) = &entry.kind {
            // A hard link has all attributes of its target, which has come before.
            told = self.nodes.get(target).map_or(entry, |node| &node.entry);
        }
        let told = TarEntry { path: Vec::new(), kind: entry.kind.clone(), ..told.clone() };
        let node = ListedNode { entry: told, layer };
        self.memory += cost(&entry.path, &node);
        check_memory(self.memory)?;
        self.nodes.insert(entry.path.clone(), node);
        Ok(())
    }
}
