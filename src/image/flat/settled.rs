//! What older layers, which were not read, can still change.

use super::names::{LayerNumber, NameTree, NodeId, ROOT};

impl NameTree {
    /// Whether nothing that older layers have could change what is at a path, or the folders above it; with `inside`, in a folder there either.
    pub(super) fn is_settled(&self, path: &[u8], inside: bool) -> bool {
        let (mut here, mut cut) = (&self.nodes[ROOT], !self.nodes[ROOT].closed.is_empty());
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        while let Some(part) = parts.next() {
            let Some(id) = here.children.get(part) else { return cut };
            here = &self.nodes[*id];
            cut |= !here.gone.is_empty();
            if here.serial != 0 {
                return true;
            }
            if parts.peek().is_none() {
                return cut && !here.exists || !inside && here.folder.is_some();
            }
            if here.folder.is_none() && !cut {
                return false;
            }
            cut |= !here.closed.is_empty();
        }
        false
    }

    /// Whether an older layer may have a link where a newer one takes a name for that of a folder: what that layer has behind the link
    /// is somewhere else then, which may be anywhere.
    pub(super) fn may_lead_elsewhere(&self) -> bool {
        self.assumes(ROOT, None)
    }

    /// Below a name of which this is the oldest layer that hides it from newer ones. No path is deeper than a limit.
    fn assumes(&self, id: NodeId, hidden: Option<LayerNumber>) -> bool {
        let oldest = |list: &[LayerNumber], above| list.last().copied().into_iter().chain(above).min();
        let (node, hidden) = (&self.nodes[id], oldest(&self.nodes[id].gone, hidden));
        if node.assumed.is_some_and(|there| hidden.is_none_or(|by| by >= there.layer())) {
            return true;
        }
        let hidden = oldest(&node.closed, hidden);
        node.children.values().any(|child| self.assumes(*child, hidden))
    }
}
