//! What has several names. A hard link shares the bytes of another name as they were in its own layer: those of an older one, or those
//! that a newer layer has hidden under the other name.

use std::collections::BTreeMap;

use super::inodes::{missing, Inode, InodeKind, InodeName, WaitingLink};
use super::names::{in_list, in_one_pass, LayerNumber, NameTree, NodeId, Own, Spot};
use crate::error::Result;
use crate::tar::names::shown;
use crate::tar::{EntryKind, TarEntry};

/// What an inode, and a name that it is known by, cost besides their bytes.
const COST: usize = 200;

/// What an inode costs, which it gives back at the end of its layer.
fn cost_of(kind: &InodeKind) -> usize {
    match kind {
        InodeKind::Made(made) => {
            let (entry, attributes) = made.as_ref();
            let target = if let EntryKind::Symlink(target) = &entry.kind { target.len() } else { 0 };
            2 * COST + entry.path.len() + target + attributes.len()
        }
        _ => COST,
    }
}

impl NameTree {
    pub(super) fn new_inode(&mut self, kind: InodeKind) -> Result<usize> {
        self.spend(cost_of(&kind))?;
        self.inodes.push(Inode { kind, aliases: Vec::new(), late: Vec::new() });
        Ok(self.inodes.len() - 1)
    }

    /// Gives a name of the result to something that is about to be written.
    pub(super) fn claim(&mut self, id: NodeId, path: &[u8]) -> InodeName {
        self.serial += 1;
        self.nodes[id].serial = self.serial;
        InodeName { id, serial: self.serial, path: path.to_vec() }
    }

    pub(super) fn is_valid(&self, name: &InodeName) -> bool {
        self.nodes[name.id].serial == name.serial
    }

    /// A name was written.
    pub(super) fn written(&mut self, inode: usize, name: InodeName) -> Result<()> {
        self.spend(COST + name.path.len())?;
        self.inodes[inode].aliases.push(name);
        Ok(())
    }

    /// A name that an inode has in the result.
    pub(super) fn alias(&mut self, inode: usize) -> Option<Vec<u8>> {
        while let Some(name) = self.inodes[inode].aliases.last() {
            if self.is_valid(name) {
                return Some(name.path.clone());
            }
            let cost = COST + name.path.len();
            self.inodes[inode].aliases.pop();
            self.give_back(cost);
        }
        None
    }

    /// A name has to wait for the inode's content.
    pub(super) fn wait(&mut self, inode: usize, name: InodeName) -> Result<()> {
        self.spend(COST + name.path.len())?;
        match self.inodes[inode].kind {
            InodeKind::Below(wait) => self.waits[wait].names.push(name),
            _ => self.inodes[inode].late.push(name),
        }
        Ok(())
    }

    /// What a hard link shares. None if it is its own target.
    pub(super) fn linked(
        &mut self,
        entry: &TarEntry,
        (own, target): (&Spot, Option<Spot>),
        layer: LayerNumber,
    ) -> Result<Option<usize>> {
        let EntryKind::HardLink(name) = &entry.kind else { return Ok(None) };
        let (link, name) = (shown(&entry.path), shown(name));
        let target = target.ok_or_else(|| missing(&link, &name))?;
        if target.node() == own.node() {
            return match self.own(own.node(), layer) {
                Some(_) => Ok(None),
                None => {
                    Err(in_one_pass(format!("'{link}' is a hard link to the file of the same name in an older layer")))
                }
            };
        }
        if target.above().contains(&own.node()) {
            return Err(missing(&link, &name));
        }
        match self.own(target.node(), layer) {
            Some(Own::Other(inode)) => return Ok(Some(inode)),
            Some(_) => return Err(missing(&link, &name)),
            None if self.removed(&target, layer) => return Err(missing(&link, &name)),
            None => {}
        }
        if let Some(wait) = self.nodes[target.node()].waits.last().map(|wait| &self.waits[*wait]) {
            if wait.from == layer {
                return Ok(Some(wait.inode));
            }
        }
        let wait = self.waits.len();
        let inode = self.new_inode(InodeKind::Below(wait))?;
        self.spend(in_list::<WaitingLink>(1) + in_list::<usize>(0) + link.len() + name.len())?;
        self.waits.push(WaitingLink { from: layer, found: None, names: Vec::new(), inode, link, target: name });
        self.nodes[target.node()].waits.push(wait);
        Ok(Some(inode))
    }

    /// The names of newer layers that get what this layer has here.
    pub(super) fn arrived(&mut self, spot: &Spot, layer: LayerNumber) -> Result<Vec<InodeName>> {
        let mut names = Vec::new();
        for wait in std::mem::take(&mut self.nodes[spot.node()].waits) {
            if self.waits[wait].from == layer {
                // This is the layer's own link, made before the name was.
                self.nodes[spot.node()].waits.push(wait);
                continue;
            }
            if self.waits[wait].found.is_some_and(|by| by != layer) {
                continue;
            }
            if self.cut(spot, layer, self.waits[wait].from) {
                return Err(self.waits[wait].missing());
            }
            self.waits[wait].found = Some(layer);
            let mut waiting = std::mem::take(&mut self.waits[wait].names);
            waiting.retain(|name| self.is_valid(name));
            for name in &mut waiting {
                *name = self.claim(name.id, &name.path);
            }
            names.extend(waiting.iter().cloned());
            self.waits[wait].names = waiting;
            self.nodes[spot.node()].waits.push(wait);
        }
        Ok(names)
    }

    /// No hard link leads to a folder, if it is one at the end of its layer.
    pub(super) fn refuse_links_to_folders(&self, layer: LayerNumber) -> Result<()> {
        let is_folder = |id: &NodeId| matches!(self.own(*id, layer), Some(Own::Folder | Own::Implied));
        for id in self.linked_folders.iter().filter(|id| is_folder(id)) {
            for wait in self.nodes[*id].waits.iter().map(|wait| &self.waits[*wait]) {
                if wait.from != layer && wait.found.is_none_or(|by| by == layer) {
                    return Err(wait.missing());
                }
            }
        }
        Ok(())
    }

    /// The names that get their content when the layer is read again, by the number of the entry that has it.
    pub(super) fn late(&mut self) -> BTreeMap<u64, (usize, Vec<InodeName>)> {
        let mut late = BTreeMap::new();
        for inode in 0..self.inodes.len() {
            let InodeKind::Content(number) = self.inodes[inode].kind else { continue };
            let mut names = std::mem::take(&mut self.inodes[inode].late);
            names.retain(|name| self.is_valid(name));
            if !names.is_empty() {
                late.insert(number, (inode, names));
            }
        }
        late
    }

    /// The names of what has no content, which wait for the end of the layer: only then is it known which of those with one name is the
    /// last.
    pub(super) fn made(&mut self, inode: usize) -> Option<(TarEntry, Vec<u8>, Vec<InodeName>)> {
        let InodeKind::Made(made) = &self.inodes[inode].kind else { return None };
        let (entry, attributes) = made.as_ref().clone();
        let mut names = std::mem::take(&mut self.inodes[inode].late);
        names.retain(|name| self.is_valid(name));
        Some((entry, attributes, names)).filter(|(.., names)| !names.is_empty())
    }

    /// The next layer has inodes of its own.
    pub(super) fn end_layer(&mut self) {
        let folders = std::mem::take(&mut self.linked_folders);
        self.give_back(folders.len() * in_list::<NodeId>(1));
        let cost = |name: &InodeName| COST + name.path.len();
        for inode in std::mem::take(&mut self.inodes) {
            self.give_back(cost_of(&inode.kind) + inode.aliases.iter().chain(&inode.late).map(cost).sum::<usize>());
        }
    }

    /// Whether any name waits for an older layer.
    pub(super) fn waits(&self) -> bool {
        self.waits.iter().any(|wait| wait.found.is_none() && wait.names.iter().any(|name| self.is_valid(name)))
    }

    /// After the oldest layer nothing is found any more.
    pub(super) fn refuse_missing(&self) -> Result<()> {
        match self.waits.iter().find(|wait| wait.found.is_none()) {
            Some(wait) => Err(wait.missing()),
            None => Ok(()),
        }
    }
}
