//! One folder on an ordered walk: its names in the order of their bytes, whatever order the file system has, so that the same files give
//! the same bytes and the same messages.

use std::io;

use crate::os::open_folder::OpenFolder;
use crate::tar::names::join;

pub(super) struct FolderLevel {
    pub(super) folder: OpenFolder,
    /// After the root of the walk.
    path: Vec<u8>,
    /// What is still to come, the next one last.
    names: Vec<Vec<u8>>,
}

impl FolderLevel {
    /// Lists a folder; with more names than this it ends, with one more than that.
    pub(super) fn list(folder: OpenFolder, path: Vec<u8>, most: usize) -> io::Result<FolderLevel> {
        let mut names = Vec::new();
        folder.names(|name, _| {
            names.push(name.to_vec());
            Ok::<bool, io::Error>(names.len() <= most)
        })?;
        names.sort_by(|one, other| other.cmp(one));
        Ok(FolderLevel { folder, path, names })
    }

    /// One name of a folder, and no others.
    pub(super) fn only(folder: OpenFolder, path: Vec<u8>, name: &[u8]) -> FolderLevel {
        FolderLevel { folder, path, names: vec![name.to_vec()] }
    }

    /// How many names are still to come.
    pub(super) fn left(&self) -> usize {
        self.names.len()
    }

    /// The next name, and its path.
    pub(super) fn next(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        let name = self.names.pop()?;
        let path = join(&self.path, &name);
        Some((name, path))
    }
}
