//! The folders of the result, each after everything in it: so a program that unpacks it as it comes can write into folders whose permissions
//! do not allow that, and their times stay.

use super::names::{HeldFolder, NameNode, NameTree, NodeId, ROOT};
use super::output::FlatOutput;
use super::wanted_names::Picks;
use crate::error::Result;
use crate::tar::names::join;
use crate::tar::{EntryKind, TarEntry};

/// The permissions of a folder that is only named in the paths of others.
const USUAL: u32 = 0o755;

impl NameTree {
    /// Writes the folders that were picked, and those above anything that was.
    pub(super) fn write_folders(&self, picks: &mut Picks, output: &mut dyn FlatOutput) -> Result<()> {
        self.below(ROOT, b"", picks, output).map(drop)
    }

    /// No path is deeper than a limit. Returns whether anything is there.
    fn below(&self, id: NodeId, path: &[u8], picks: &mut Picks, output: &mut dyn FlatOutput) -> Result<bool> {
        self.call.check()?;
        let mut some = false;
        for (name, child) in self.nodes[id].children.iter().filter(|(name, _)| !name.starts_with(b".wh.")) {
            let (node, path) = (&self.nodes[*child], join(path, name));
            let inside = self.below(*child, &path, picks, output)?;
            let is_folder = node.exists && (picks.take(&path) || inside);
            if is_folder {
                write_folder(node, path, output)?;
            }
            some |= is_folder || inside || node.serial != 0;
        }
        Ok(some)
    }
}

fn write_folder(node: &NameNode, path: Vec<u8>, output: &mut dyn FlatOutput) -> Result<()> {
    let implied = HeldFolder { mode: USUAL, ..HeldFolder::default() };
    let HeldFolder { mode, uid, gid, mtime, attributes } = node.folder.as_deref().unwrap_or(&implied);
    let (mode, uid, gid, mtime) = (*mode, *uid, *gid, *mtime);
    let entry = TarEntry { path, kind: EntryKind::Directory, mode, uid, gid, mtime, size: 0, device: (0, 0) };
    output.entry(&entry, attributes, node.layer(), &mut |_| Ok(0))
}
