//! Where a path of a layer leads: through links that the layer itself has. Whether older layers have links there is not known yet: a
//! name without an entry is taken for a folder, and an older layer that has a link there ends it.

use super::names::{in_one_pass, Assumption, LayerNumber, NameTree, Own, Spot};
use crate::error::{Code, Error, Result};
use crate::image::marks::refuse_in_whiteout;
use crate::tar::names::{shown, split, DEEPEST};

impl NameTree {
    /// The spot of a folder. With `make`, names in it are the layer's own. None if it cannot exist.
    pub(super) fn folder(&mut self, path: &[u8], layer: LayerNumber, make: bool) -> Result<Option<Spot>> {
        let mut walk = self.budget.walk(path, 0);
        let mut spot = Spot::root();
        while let Some(part) = walk.next(&mut self.budget)? {
            if part == b".." {
                spot.leave();
                continue;
            }
            if spot.ids.len() > DEEPEST {
                let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&spot.path));
                return Err(Error::new(Code::LimitExceeded, message));
            }
            self.enter(&mut spot, &part)?;
            match self.own(spot.node(), layer) {
                Some(Own::Folder | Own::Implied) => {}
                None => self.assume(&spot, layer, make)?,
                Some(Own::Other(inode)) => match self.inodes[inode].symlink() {
                    Some(target) => {
                        walk.follow(target)?;
                        match target.starts_with(b"/") {
                            true => spot = Spot::root(),
                            false => spot.leave(),
                        }
                    }
                    None if self.inodes[inode].may_be_symlink() => {
                        let message =
                            format!("'{}' is a hard link to a file that may be a symbolic link", shown(&spot.path));
                        return Err(in_one_pass(message));
                    }
                    None if make => {
                        let message = format!("'{}' is not a folder, but has a file in it", shown(&spot.path));
                        return Err(Error::new(Code::InvalidManifest, message));
                    }
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(spot))
    }

    /// The spot of a name; a link as its last part is not followed.
    pub(super) fn spot(&mut self, path: &[u8], layer: LayerNumber, make: bool) -> Result<Option<Spot>> {
        let (folder, name) = split(path);
        let Some(mut spot) = self.folder(folder, layer, make)? else { return Ok(None) };
        self.enter(&mut spot, name)?;
        Ok(Some(spot))
    }

    /// The spot of a name that the layer has.
    pub(super) fn own_spot(&mut self, path: &[u8], layer: LayerNumber) -> Result<Spot> {
        let lost = || Error::new(Code::Internal, format!("'{}' has no folder", shown(path)));
        let spot = self.spot(path, layer, true)?.ok_or_else(lost)?;
        refuse_in_whiteout(&spot.path)?;
        Ok(spot)
    }

    fn assume(&mut self, spot: &Spot, layer: LayerNumber, make: bool) -> Result<()> {
        let (visible, removed) = (make && self.visible(spot, layer), self.removed(spot, layer));
        let node = &mut self.nodes[spot.node()];
        if make {
            node.own = Some((layer, Own::Implied));
            if visible {
                (node.exists, node.seen) = (true, Some(layer));
            }
            self.note_folder(spot.node())?;
        }
        let node = &mut self.nodes[spot.node()];
        if !removed {
            Assumption::add(&mut node.assumed, layer);
            if make {
                Assumption::add(&mut node.filled, layer);
            }
        }
        Ok(())
    }
}
