//! The names of an image's files, layer by layer, as extracting would leave them on a disk.

use std::collections::{BTreeMap, BTreeSet};

use super::marks::{LayerEntries, Mark};
use super::path_walk::WalkBudget;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::tar::names::{is_within, join, shown, split, DEEPEST};
use crate::tar::{EntryKind, TarEntry};

/// The most memory for the names, and what each costs besides its bytes.
const MOST_MEMORY: usize = 512 << 20;
const OVERHEAD: usize = 200;
/// The most of it for folders that are only named in the paths of others: a few bytes can name any number of them.
const MOST_IMPLIED: usize = 64 << 20;
/// How many names are removed between two checks whether the call has to end.
const BATCH: usize = 4096;

/// An entry, and the layer that it comes from.
pub(super) struct ListedNode {
    pub(super) entry: TarEntry,
    pub(super) layer: usize,
}

/// By their true paths.
pub(super) type ListedNodes = BTreeMap<Vec<u8>, ListedNode>;

/// All names, by their true paths: links on the way are followed, as [`super::disk_tree::DiskTree`] does on a disk.
pub(super) struct ListedTree {
    call: Call,
    /// What whiteouts hide.
    pub(super) lower: ListedNodes,
    /// The names of the current layer, and the folders above them. Its whiteouts are for lower layers; the names are kept apart so that
    /// a whiteout looks only at names that it removes, however often it is repeated.
    own: ListedNodes,
    /// The links of lower layers that the current one has written through: an entry of a folder leaves them.
    followed: BTreeSet<Vec<u8>>,
    memory: usize,
    implied: usize,
    budget: WalkBudget,
}

impl ListedTree {
    pub(super) fn new(call: &Call) -> ListedTree {
        let (lower, own) = (BTreeMap::new(), BTreeMap::new());
        let (followed, budget) = (BTreeSet::new(), WalkBudget::new(call));
        ListedTree { call: call.clone(), lower, own, followed, memory: 0, implied: 0, budget }
    }

    pub(super) fn layer(&mut self, entries: &mut LayerEntries, layer: usize) -> Result<()> {
        while let Some(entry) = entries.advance()? {
            self.call.check()?;
            self.entry(entry, layer)?;
        }
        self.end_layer();
        Ok(())
    }

    fn entry(&mut self, entry: TarEntry, layer: usize) -> Result<()> {
        match entry.mark()? {
            Mark::Private => {}
            Mark::Whiteout(path) => {
                if let Some(path) = self.spot(&path, None)? {
                    self.clear_below(&path, false)?;
                    self.forget(&path, false);
                }
            }
            Mark::Opaque(folder) => {
                if let Some(folder) = self.folder(folder, None)? {
                    self.clear_below(&folder, false)?;
                }
            }
            Mark::None => {
                let made = self.make(entry, layer)?;
                let mut above = made.as_slice();
                while !above.is_empty() {
                    // The names of a layer are in folders that belong to it too.
                    let Some(node) = self.lower.remove(above) else { break };
                    self.own.insert(above.to_vec(), node);
                    above = split(above).0;
                }
            }
        }
        Ok(())
    }

    /// For the next layer, this one is a lower one.
    fn end_layer(&mut self) {
        for (path, node) in std::mem::take(&mut self.own) {
            self.lower.insert(path, node);
        }
        self.followed.clear();
    }

    fn get(&self, path: &[u8]) -> Option<&ListedNode> {
        self.own.get(path).or_else(|| self.lower.get(path))
    }

    /// The true path of a folder; missing ones above it are added for `layer`. None if it does not exist.
    fn folder(&mut self, path: &[u8], layer: Option<usize>) -> Result<Option<Vec<u8>>> {
        let (mut walk, mut here, mut depth) = (self.budget.walk(path, 0), Vec::new(), 0usize);
        while let Some(part) = walk.next(&mut self.budget)? {
            if part == b".." {
                here.truncate(split(&here).0.len());
                depth = depth.saturating_sub(1);
                continue;
            }
            let next = join(&here, &part);
            if depth >= DEEPEST {
                let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&next));
                return Err(Error::new(Code::LimitExceeded, message));
            }
            match (self.get(&next).map(|node| &node.entry.kind), layer) {
                (Some(EntryKind::Directory), _) => (here, depth) = (next, depth + 1),
                (Some(EntryKind::Symlink(target)), _) => {
                    walk.follow(target)?;
                    if target.starts_with(b"/") {
                        (here, depth) = (Vec::new(), 0);
                    }
                    if layer.is_some() && !self.own.contains_key(&next) {
                        self.followed.insert(next);
                    }
                }
                (None, Some(layer)) => {
                    self.imply(&next)?;
                    self.insert(next.clone(), ListedNode { entry: implied(&next), layer })?;
                    (here, depth) = (next, depth + 1);
                }
                (_, None) => return Ok(None),
                (Some(_), Some(_)) => {
                    let message = format!("'{}' is not a folder, but has a file in it", shown(&next));
                    return Err(Error::new(Code::InvalidManifest, message));
                }
            }
        }
        Ok(Some(here))
    }

    /// Counts a folder for which no layer has an entry.
    fn imply(&mut self, path: &[u8]) -> Result<()> {
        self.implied += OVERHEAD + path.len();
        match self.implied > MOST_IMPLIED {
            true => {
                let most = MOST_IMPLIED >> 20;
                let message = format!("folders that are only named in the paths of others need more than {most} MiB");
                Err(Error::new(Code::LimitExceeded, message))
            }
            false => Ok(()),
        }
    }

    /// The true path of a name; a link as its last part is not followed.
    fn spot(&mut self, path: &[u8], layer: Option<usize>) -> Result<Option<Vec<u8>>> {
        let (folder, name) = split(path);
        Ok(self.folder(folder, layer)?.map(|folder| join(&folder, name)))
    }

    /// Adds an entry, and replaces what had its name. Returns its true path; that of the root if nothing was added.
    fn make(&mut self, mut entry: TarEntry, layer: usize) -> Result<Vec<u8>> {
        if entry.path.is_empty() {
            return match entry.kind {
                EntryKind::Directory => Ok(Vec::new()),
                _ => Err(Error::new(Code::InvalidManifest, "the root of the layer is not a folder")),
            };
        }
        let lost = || Error::new(Code::Internal, format!("'{}' has no folder", shown(&entry.path)));
        let path = self.spot(&entry.path, Some(layer))?.ok_or_else(lost)?;
        if let EntryKind::HardLink(target) = &entry.kind {
            match self.linked(&entry, target, &path)? {
                Some(linked) => entry = linked,
                None => return Ok(path),
            }
        }
        if entry.kind == EntryKind::Directory && self.is_written_through(&path) {
            return Ok(Vec::new());
        }
        let is_folder = |node: &ListedNode| node.entry.kind == EntryKind::Directory;
        if entry.kind != EntryKind::Directory || !self.get(&path).is_some_and(is_folder) {
            self.clear_below(&path, true)?;
            self.clear_below(&path, false)?;
        }
        self.insert(path.clone(), ListedNode { entry, layer })?;
        Ok(path)
    }

    /// Whether a link of a lower layer stands there for a folder, and this layer has files behind it.
    fn is_written_through(&self, path: &[u8]) -> bool {
        let is_link = |node: &ListedNode| matches!(node.entry.kind, EntryKind::Symlink(_));
        self.followed.contains(path) && self.lower.get(path).is_some_and(is_link)
    }

    /// A hard link has all attributes of its target; None if it is its own target.
    fn linked(&mut self, entry: &TarEntry, target: &[u8], path: &[u8]) -> Result<Option<TarEntry>> {
        let missing = || {
            let message = format!("'{}' is a link to '{}', which is not there", shown(&entry.path), shown(target));
            Error::new(Code::InvalidManifest, message)
        };
        let from = self.spot(target, None)?.ok_or_else(missing)?;
        let found = self.get(&from).ok_or_else(missing)?;
        if from == path {
            return Ok(None);
        }
        if found.entry.kind == EntryKind::Directory || is_within(&from, path) {
            return Err(missing());
        }
        Ok(Some(TarEntry { path: Vec::new(), kind: EntryKind::HardLink(from), ..found.entry.clone() }))
    }

    fn insert(&mut self, path: Vec<u8>, mut node: ListedNode) -> Result<()> {
        node.entry.path = Vec::new();
        self.memory += cost(&path, &node);
        check_memory(self.memory)?;
        self.forget(&path, true);
        self.forget(&path, false);
        self.lower.insert(path, node);
        Ok(())
    }

    /// Removes what is below a name, of this layer or of the lower ones. Each name is visited once, because it is removed then.
    fn clear_below(&mut self, path: &[u8], own: bool) -> Result<()> {
        let below = join(path, b"");
        loop {
            let inside = self.half(own).range(below.clone()..).map(|(name, _)| name);
            let gone: Vec<Vec<u8>> = inside.take_while(|name| name.starts_with(&below)).take(BATCH).cloned().collect();
            for name in &gone {
                self.forget(name, own);
            }
            if gone.len() < BATCH {
                return Ok(());
            }
            self.call.check()?;
        }
    }

    fn forget(&mut self, path: &[u8], own: bool) {
        if let Some(node) = self.half(own).remove(path) {
            self.memory -= cost(path, &node);
        }
    }

    fn half(&mut self, own: bool) -> &mut ListedNodes {
        if own {
            &mut self.own
        } else {
            &mut self.lower
        }
    }
}

/// Refuses names that need more memory than those of any good image.
pub(super) fn check_memory(memory: usize) -> Result<()> {
    match memory > MOST_MEMORY {
        true => {
            let message = format!("the names of the image's files need more than {} MiB", MOST_MEMORY >> 20);
            Err(Error::new(Code::LimitExceeded, message))
        }
        false => Ok(()),
    }
}

pub(super) fn cost(path: &[u8], node: &ListedNode) -> usize {
    let link = match &node.entry.kind {
        EntryKind::Symlink(target) | EntryKind::HardLink(target) => target.len(),
        _ => 0,
    };
    OVERHEAD + path.len() + link
}

/// A folder that layers only name in the paths of other entries.
pub(super) fn implied(path: &[u8]) -> TarEntry {
    let (mode, uid, gid, mtime, size, device) = (0o755, 0, 0, 0, 0, (0, 0));
    TarEntry { path: path.to_vec(), kind: EntryKind::Directory, mode, uid, gid, mtime, size, device }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> ListedTree {
        ListedTree::new(&Call::alone(None))
    }

    fn entry(path: &str, kind: EntryKind) -> TarEntry {
        TarEntry { kind, ..implied(path.as_bytes()) }
    }

    fn names(tree: &ListedTree) -> Vec<String> {
        tree.lower.keys().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn whiteouts_that_come_again_and_again_cost_nothing() {
        const COUNT: usize = 20_000;
        let mut tree = tree();
        for number in 0..COUNT {
            tree.entry(entry(&format!("d/e/{number}"), EntryKind::File), 0).unwrap();
        }
        tree.end_layer();
        let begun = std::time::Instant::now();
        for number in 0..COUNT {
            tree.entry(entry(&format!("d/e/new{number}"), EntryKind::File), 1).unwrap();
        }
        for number in 0..COUNT {
            for name in ["d/.wh..wh..opq", "d/e/.wh..wh..opq", ".wh..wh..opq", ".wh.d", "d/.wh.e"] {
                tree.entry(entry(name, EntryKind::File), 1).unwrap();
            }
            tree.entry(entry(&format!("d/e/.wh.new{number}"), EntryKind::File), 1).unwrap();
        }
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
        tree.end_layer();
        assert_eq!(tree.lower.len(), COUNT + 2);
        assert!(tree.lower.values().all(|node| node.layer == 1 || node.entry.kind == EntryKind::Directory));
    }

    #[test]
    fn what_is_held_is_what_is_counted() {
        let mut tree = tree();
        for number in 0..100 {
            tree.entry(entry("d", EntryKind::Directory), 0).unwrap();
            tree.entry(entry(&format!("d/{}{number}", "n".repeat(200)), EntryKind::File), 0).unwrap();
            tree.entry(entry("d", EntryKind::File), 0).unwrap();
        }
        assert_eq!((tree.own.len(), tree.lower.len(), tree.memory), (1, 0, OVERHEAD + 1));
        tree.memory = MOST_MEMORY - OVERHEAD - 1;
        tree.entry(entry("e", EntryKind::File), 0).unwrap();
        assert_eq!(tree.entry(entry("f", EntryKind::File), 0).unwrap_err().code(), Code::LimitExceeded);
    }

    #[test]
    fn a_whiteout_is_for_lower_layers_only() {
        let mut tree = tree();
        for name in ["a/b/c", "a/d", "e"] {
            tree.entry(entry(name, EntryKind::File), 0).unwrap();
        }
        tree.end_layer();
        for name in ["a/b/new", "a/.wh.b", "e", ".wh.e", "a/.wh..wh..opq"] {
            tree.entry(entry(name, EntryKind::File), 1).unwrap();
        }
        tree.end_layer();
        assert_eq!(names(&tree), ["a", "a/b", "a/b/new", "e"]);
        tree.entry(entry(".wh.a", EntryKind::File), 2).unwrap();
        assert_eq!((names(&tree), tree.memory), (vec!["e".to_owned()], OVERHEAD + 1));
    }

    #[test]
    fn a_great_whiteout_can_be_cancelled() {
        let context = std::sync::Arc::new(crate::call::context::Context::new());
        let mut tree = ListedTree::new(&Call::alone(Some(context.clone())));
        for number in 0..2 * BATCH {
            tree.entry(entry(&format!("d/{number}"), EntryKind::File), 0).unwrap();
        }
        tree.end_layer();
        context.cancel();
        assert_eq!(tree.entry(entry(".wh.d", EntryKind::File), 1).unwrap_err().code(), Code::Cancelled);
    }
}
