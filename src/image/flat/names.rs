//! All names of the layers that were read so far, the newest layer first, and what each says about older layers: a name that a newer
//! layer has, removes or makes anything but a folder hides those of older ones.

use std::collections::BTreeMap;

use super::block_list::Blocks;
use super::inodes::{Inode, WaitingLink};
pub(super) use super::{LayerNumber, NodeId};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::image::path_walk::WalkBudget;
use crate::tar::names::{join, shown, split};

/// The most memory for the names.
const MOST_MEMORY: usize = 512 << 20;
/// What an allocation costs besides its bytes.
pub(super) const ALLOCATION: usize = 24;
/// What a name costs besides its bytes: its node, and its part of a leaf that is half full. The first in a folder has all of the leaf.
const NAME: usize = size_of::<NameNode>() + ALLOCATION + LEAF / 5;
const LEAF: usize = 11 * size_of::<(Box<[u8]>, NodeId)>() + ALLOCATION;

/// What one more costs in a list, which takes twice the space when it is full, and then has it three times for a while.
pub(super) const fn in_list<T>(count: usize) -> usize {
    match count {
        0 => 4 * size_of::<T>() + ALLOCATION,
        _ => 3 * size_of::<T>(),
    }
}

pub(super) const ROOT: NodeId = 0;

/// What the layer that is being read has under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    Folder,
    /// A folder that is only named in the paths of others.
    Implied,
    /// Anything else: the number of its inode.
    Other(usize),
}

/// The oldest layer that takes a name for that of a folder, without an entry that says so, and the oldest of those before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assumption {
    layer: LayerNumber,
    newer: Option<LayerNumber>,
}

impl Assumption {
    pub(super) fn add(assumption: &mut Option<Assumption>, layer: LayerNumber) {
        let newer = assumption.and_then(|there| there.before(layer));
        *assumption = Some(Assumption { layer, newer });
    }

    /// The oldest one.
    pub(super) fn layer(self) -> LayerNumber {
        self.layer
    }

    /// The oldest one that is newer than this layer.
    fn before(self, layer: LayerNumber) -> Option<LayerNumber> {
        if self.layer == layer {
            self.newer
        } else {
            Some(self.layer)
        }
    }

    /// For newer layers there was a folder.
    fn fulfil(assumption: &mut Option<Assumption>, layer: LayerNumber) {
        let own = assumption.filter(|there| there.layer == layer);
        *assumption = own.map(|there| Assumption { newer: None, ..there });
    }
}

/// A folder of the result, which is written when everything in it has been.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldFolder {
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: i64,
    pub(super) attributes: Box<[u8]>,
}

#[derive(Debug, Default)]
pub(super) struct NameNode {
    pub(super) children: BTreeMap<Box<[u8]>, NodeId>,
    /// Of the last layer that has the name.
    pub(super) own: Option<(LayerNumber, Own)>,
    /// The newest layer that has an entry with this name.
    pub(super) taken: Option<LayerNumber>,
    /// The layers that remove the name of older ones, and those that remove what is below it; the newest first.
    pub(super) gone: Vec<LayerNumber>,
    pub(super) closed: Vec<LayerNumber>,
    /// By anything, and by files there, not only whiteouts or targets of links.
    pub(super) assumed: Option<Assumption>,
    pub(super) filled: Option<Assumption>,
    /// The last layer of which the result has this name.
    pub(super) seen: Option<LayerNumber>,
    /// The last layer that has an entry below this name.
    pub(super) below: Option<LayerNumber>,
    pub(super) folder: Option<Box<HeldFolder>>,
    /// It is a folder of the result, if only by the paths of others.
    pub(super) exists: bool,
    /// Not 0: something else than a folder of the result; a new number each time that it is written.
    pub(super) serial: u64,
    /// Hard links of newer layers to it.
    pub(super) waits: Vec<usize>,
}

impl NameNode {
    /// The layer that it is from: of a folder without an entry, the oldest that has something in it and is not hidden.
    pub(super) fn layer(&self) -> LayerNumber {
        self.seen.or(self.taken).unwrap_or_default()
    }
}

/// A name with the folders above it, and what hides it by them: as far as that, so that no depth costs more than its length.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) ids: Vec<NodeId>,
    pub(super) path: Vec<u8>,
    /// Of each, the newest layer that hides what is below the folders above it, and the oldest.
    above: Vec<Option<(LayerNumber, LayerNumber)>>,
}

impl Spot {
    pub(super) fn root() -> Spot {
        Spot { ids: vec![ROOT], path: Vec::new(), above: vec![None] }
    }

    fn hidden_by(&self) -> Option<(LayerNumber, LayerNumber)> {
        self.above.last().copied().flatten()
    }

    /// Goes one step up; at the root there is none.
    pub(super) fn leave(&mut self) {
        if self.ids.len() > 1 {
            self.ids.pop();
            self.above.pop();
            self.path.truncate(split(&self.path).0.len());
        }
    }

    pub(super) fn node(&self) -> NodeId {
        self.ids.last().copied().unwrap_or(ROOT)
    }

    pub(super) fn above(&self) -> &[NodeId] {
        &self.ids[..self.ids.len().saturating_sub(1)]
    }
}

pub(super) struct NameTree {
    pub(super) call: Call,
    pub(super) nodes: Blocks<NameNode>,
    /// What the layer that is being read has besides folders.
    pub(super) inodes: Vec<Inode>,
    pub(super) waits: Vec<WaitingLink>,
    pub(super) linked_folders: Vec<NodeId>,
    pub(super) budget: WalkBudget,
    pub(super) serial: u64,
    memory: usize,
}

impl NameTree {
    pub(super) fn new(call: &Call) -> NameTree {
        let mut nodes = Blocks::new();
        nodes.push(NameNode::default());
        NameTree {
            call: call.clone(),
            nodes,
            inodes: Vec::new(),
            waits: Vec::new(),
            linked_folders: Vec::new(),
            budget: WalkBudget::new(call),
            serial: 0,
            memory: 0,
        }
    }

    /// Counts memory, which is limited.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<()> {
        self.memory = self.memory.saturating_add(bytes);
        match self.memory > MOST_MEMORY {
            true => {
                let message = format!("the names of the image's files need more than {} MiB", MOST_MEMORY >> 20);
                Err(Error::new(Code::LimitExceeded, message))
            }
            false => Ok(()),
        }
    }

    pub(super) fn give_back(&mut self, bytes: usize) {
        self.memory = self.memory.saturating_sub(bytes);
    }

    pub(super) fn child(&mut self, parent: NodeId, name: &[u8]) -> Result<NodeId> {
        if let Some(id) = self.nodes[parent].children.get(name) {
            return Ok(*id);
        }
        let leaf = if self.nodes[parent].children.is_empty() { LEAF } else { 0 };
        self.spend(NAME + leaf + name.len())?;
        let id = self.nodes.push(NameNode::default());
        self.nodes[parent].children.insert(name.into(), id);
        Ok(id)
    }

    /// What the layer that is being read has there.
    pub(super) fn own(&self, id: NodeId, layer: LayerNumber) -> Option<Own> {
        self.nodes[id].own.filter(|(by, _)| *by == layer).map(|(_, own)| own)
    }

    /// Goes to a name in a folder.
    pub(super) fn enter(&mut self, spot: &mut Spot, name: &[u8]) -> Result<()> {
        let (folder, mut above) = (&self.nodes[spot.node()], spot.hidden_by());
        for list in [&folder.gone, &folder.closed] {
            if let (Some(newest), Some(oldest)) = (list.first(), list.last()) {
                let (first, last) = above.unwrap_or((*newest, *oldest));
                above = Some((first.max(*newest), last.min(*oldest)));
            }
        }
        let id = self.child(spot.node(), name)?;
        spot.ids.push(id);
        spot.above.push(above);
        spot.path = join(&spot.path, name);
        Ok(())
    }

    /// Whether a newer layer hides what this one has there.
    pub(super) fn hidden(&self, spot: &Spot, layer: LayerNumber) -> bool {
        spot.hidden_by().is_some_and(|(newest, _)| newest > layer)
            || self.nodes[spot.node()].gone.first().is_some_and(|by| *by > layer)
    }

    /// Whether a layer between two hides from the newer one what the older one has there.
    pub(super) fn cut(&self, spot: &Spot, older: LayerNumber, newer: LayerNumber) -> bool {
        let between = |list: &[LayerNumber]| {
            let at = list.partition_point(|by| *by >= newer);
            list.get(at).is_some_and(|by| *by > older)
        };
        let above = |id: &NodeId| between(&self.nodes[*id].gone) || between(&self.nodes[*id].closed);
        between(&self.nodes[spot.node()].gone) || spot.above().iter().any(above)
    }

    /// Whether the layer itself has removed already what older ones have there. No older layer has been seen.
    pub(super) fn removed(&self, spot: &Spot, layer: LayerNumber) -> bool {
        spot.hidden_by().is_some_and(|(_, oldest)| oldest == layer)
            || self.nodes[spot.node()].gone.last() == Some(&layer)
    }

    /// Whether what this layer has there is in the result.
    pub(super) fn visible(&self, spot: &Spot, layer: LayerNumber) -> bool {
        self.nodes[spot.node()].taken.is_none_or(|by| by == layer) && !self.hidden(spot, layer)
    }

    pub(super) fn close(&mut self, id: NodeId, layer: LayerNumber) -> Result<()> {
        match self.nodes[id].closed.last() == Some(&layer) {
            true => Ok(()),
            false => {
                self.spend(in_list::<LayerNumber>(self.nodes[id].closed.len()))?;
                self.nodes[id].closed.push(layer);
                Ok(())
            }
        }
    }

    fn remove(&mut self, id: NodeId, layer: LayerNumber) -> Result<()> {
        match self.nodes[id].gone.last() == Some(&layer) {
            true => Ok(()),
            false => {
                self.spend(in_list::<LayerNumber>(self.nodes[id].gone.len()))?;
                self.nodes[id].gone.push(layer);
                Ok(())
            }
        }
    }

    /// The layer removes what older ones have under a name.
    pub(super) fn whiteout(&mut self, path: &[u8], layer: LayerNumber) -> Result<()> {
        let Some(spot) = self.spot(path, layer, false)? else { return Ok(()) };
        match self.own(spot.node(), layer) {
            // The folder stays: it is the layer's too.
            Some(_) => self.close(spot.node(), layer),
            None => self.remove(spot.node(), layer),
        }
    }

    /// The layer removes what older ones have in a folder.
    pub(super) fn opaque(&mut self, path: &[u8], layer: LayerNumber) -> Result<()> {
        match self.folder(path, layer, false)? {
            Some(spot) => self.close(spot.node(), layer),
            None => Ok(()),
        }
    }

    /// A layer has a folder where newer ones may have hard links to.
    pub(super) fn note_folder(&mut self, id: NodeId) -> Result<()> {
        if self.nodes[id].waits.is_empty() {
            return Ok(());
        }
        self.linked_folders.push(id);
        self.spend(in_list::<NodeId>(1))
    }

    /// Adds a folder that has an entry. Returns whether it has to be written at once, because it replaces a file of the result.
    pub(super) fn add_folder(&mut self, spot: &Spot, layer: LayerNumber, held: HeldFolder) -> Result<bool> {
        self.note_folder(spot.node())?;
        let visible = self.visible(spot, layer);
        self.mark_above(spot, layer);
        let node = &mut self.nodes[spot.node()];
        Assumption::fulfil(&mut node.assumed, layer);
        Assumption::fulfil(&mut node.filled, layer);
        node.own = Some((layer, Own::Folder));
        node.taken.get_or_insert(layer);
        if !visible {
            return Ok(false);
        }
        (node.exists, node.seen) = (true, Some(layer));
        let at_once = std::mem::take(&mut node.serial) != 0;
        self.hold(spot.node(), Some(held))?;
        Ok(at_once)
    }

    /// Adds anything else. Returns whether it is in the result.
    pub(super) fn add_other(&mut self, spot: &Spot, layer: LayerNumber, inode: usize) -> Result<bool> {
        self.refuse_turned_folder(spot, layer, inode)?;
        let visible = self.visible(spot, layer);
        self.mark_above(spot, layer);
        self.close(spot.node(), layer)?;
        let node = &mut self.nodes[spot.node()];
        node.own = Some((layer, Own::Other(inode)));
        node.taken.get_or_insert(layer);
        if visible {
            (node.exists, node.seen) = (false, Some(layer));
            self.hold(spot.node(), None)?;
        }
        Ok(visible)
    }

    /// What is told of a folder of the result, in the place of what was told.
    fn hold(&mut self, id: NodeId, held: Option<HeldFolder>) -> Result<()> {
        let cost = |held: &HeldFolder| size_of::<HeldFolder>() + 2 * ALLOCATION + held.attributes.len();
        let before = self.nodes[id].folder.take();
        self.give_back(before.as_deref().map_or(0, cost));
        self.spend(held.as_ref().map_or(0, cost))?;
        self.nodes[id].folder = held.map(Box::new);
        Ok(())
    }

    fn mark_above(&mut self, spot: &Spot, layer: LayerNumber) {
        for id in spot.above() {
            self.nodes[*id].below = Some(layer);
        }
    }

    /// What would be known only after everything below it has been written.
    fn refuse_turned_folder(&self, spot: &Spot, layer: LayerNumber, inode: usize) -> Result<()> {
        let node = &self.nodes[spot.node()];
        let name = shown(&spot.path);
        if node.below == Some(layer) {
            let message = format!("a layer has files in '{name}', and later an entry '{name}' that is not a folder");
            return Err(in_one_pass(message));
        }
        let holds = |assumption: Option<Assumption>| {
            let by = assumption.and_then(|there| there.before(layer));
            by.is_some_and(|by| !self.cut(spot, layer, by))
        };
        match self.inodes[inode].may_be_symlink() {
            true if holds(node.assumed) => {
                Err(in_one_pass(format!("a layer has files in '{name}', which is a link in an older layer")))
            }
            false if holds(node.filled) => {
                let message = format!("'{name}' is not a folder, but has a file in it");
                Err(Error::new(Code::InvalidManifest, message))
            }
            _ => Ok(()),
        }
    }
}

/// What extracting layer by layer can do.
pub(in crate::image) fn in_one_pass(message: String) -> Error {
    Error::new(Code::Unsupported, format!("{message}: this cannot be resolved while reading the newest layer first"))
        .with_hint("extract the whole image into a folder instead".to_owned())
}
