//! What names of the result stand for, where that is not a folder, and what waits for an older layer.

use super::{LayerNumber, NodeId};
use crate::error::{Code, Error};
use crate::tar::{EntryKind, TarEntry};

/// What a layer has besides folders, by any number of names.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) kind: InodeKind,
    /// The names of the result that it has.
    pub(super) aliases: Vec<InodeName>,
    /// Names that it is to get when the layer is read again.
    pub(super) late: Vec<InodeName>,
}

#[derive(Debug, Clone)]
pub(super) enum InodeKind {
    /// A file with the content of an entry: its number in the layer.
    Content(u64),
    /// Something without content.
    Made(Box<(TarEntry, Vec<u8>)>),
    /// What an older layer has: the number of the wait for it.
    Below(usize),
}

/// A name of the result; something else has it once the number there is another.
#[derive(Debug, Clone)]
pub(super) struct InodeName {
    pub(super) id: NodeId,
    pub(super) serial: u64,
    pub(super) path: Vec<u8>,
}

/// Names that have what an older layer has under a name.
#[derive(Debug)]
pub(super) struct WaitingLink {
    /// The layer that has the links.
    pub(super) from: LayerNumber,
    pub(super) found: Option<LayerNumber>,
    pub(super) names: Vec<InodeName>,
    pub(super) inode: usize,
    /// The link and its target, for messages.
    pub(super) link: String,
    pub(super) target: String,
}

impl WaitingLink {
    pub(super) fn missing(&self) -> Error {
        missing(&self.link, &self.target)
    }
}

pub(super) fn missing(link: &str, target: &str) -> Error {
    Error::new(Code::InvalidManifest, format!("'{link}' is a link to '{target}', which is not there"))
}

impl Inode {
    pub(super) fn symlink(&self) -> Option<&[u8]> {
        match &self.kind {
            InodeKind::Made(made) => match &made.0.kind {
                EntryKind::Symlink(target) => Some(target),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether it is a symbolic link, as far as is known.
    pub(super) fn may_be_symlink(&self) -> bool {
        self.symlink().is_some() || matches!(self.kind, InodeKind::Below(_))
    }
}
