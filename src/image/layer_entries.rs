//! The entries of layers that were read, so that a layer need not be fetched again to be searched for another name.

use std::rc::Rc;

use crate::tar::{EntryKind, TarEntry};

/// The most memory for them, and what each costs besides its names. What does not fit is read again.
const MOST_MEMORY: usize = 64 << 20;
const OVERHEAD: usize = 200;

pub(super) struct KnownLayers {
    layers: Vec<Option<Rc<Vec<TarEntry>>>>,
    /// Those of the layer that is being read; None if they are too many.
    now: Option<Vec<TarEntry>>,
    memory: usize,
}

impl KnownLayers {
    pub(super) fn new(count: usize) -> KnownLayers {
        KnownLayers { layers: vec![None; count], now: Some(Vec::new()), memory: 0 }
    }

    /// The entries of a layer, where all of them are known.
    pub(super) fn get(&self, layer: usize) -> Option<Rc<Vec<TarEntry>>> {
        self.layers.get(layer)?.clone()
    }

    /// Adds an entry to those of the layer that is being read.
    pub(super) fn note(&mut self, entry: &TarEntry) {
        let cost = cost(entry);
        match &mut self.now {
            Some(entries) if self.memory + cost <= MOST_MEMORY => {
                self.memory += cost;
                entries.push(entry.clone());
            }
            _ => {
                let noted = self.now.take().unwrap_or_default();
                self.memory -= noted.iter().map(self::cost).sum::<usize>();
            }
        }
    }

    /// Keeps the entries of the layer, which was read to its end.
    pub(super) fn keep(&mut self, layer: usize) {
        let entries = self.now.replace(Vec::new());
        if let Some(place) = self.layers.get_mut(layer) {
            *place = entries.map(Rc::new);
        }
    }
}

fn cost(entry: &TarEntry) -> usize {
    let link = match &entry.kind {
        EntryKind::Symlink(target) | EntryKind::HardLink(target) => target.len(),
        _ => 0,
    };
    OVERHEAD + entry.path.len() + link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_not_known() {
        let entry = |path: &str| {
            let (mode, uid, gid, mtime, size, device) = (0o644, 0, 0, 0, 0, (0, 0));
            TarEntry { path: path.into(), kind: EntryKind::File, mode, uid, gid, mtime, size, device }
        };
        let mut known = KnownLayers::new(3);
        known.note(&entry("a"));
        known.keep(0);
        assert_eq!((known.get(0).map(|entries| entries.len()), known.memory), (Some(1), OVERHEAD + 1));
        known.note(&entry("c"));
        known.memory = MOST_MEMORY;
        known.note(&entry("d"));
        known.note(&entry("e"));
        known.keep(1);
        assert_eq!((known.get(1).is_some(), known.memory), (false, MOST_MEMORY - OVERHEAD - 1));
        known.memory = 0;
        known.keep(2);
        assert!(known.get(2).is_some(), "the next layer is another");
    }
}
