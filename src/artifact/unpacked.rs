//! A folder as it was unpacked, before it gets its name. It is this pull's alone.

use super::folder_level::FolderLevel;
use super::title::stays_within;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::image::folders::failed;
use crate::os::open_folder::{self, OpenFolder, OpenedEntry};
use crate::tar::names::{shown, DEEPEST};

/// The folder that an archive was unpacked into.
pub(super) fn open(room: &OpenFolder, tree: &str) -> Result<OpenFolder> {
    match failed(room.enter(tree.as_bytes()), "open", || tree.as_bytes().to_vec())? {
        OpenedEntry::Folder(folder) => Ok(folder),
        _ => failed(Err(open_folder::not_a_folder()), "open", || tree.as_bytes().to_vec()),
    }
}

/// The folder at a path in an unpacked one.
pub(super) fn descend(from: &OpenFolder, path: &[u8]) -> Result<OpenFolder> {
    let mut here = failed(from.reopen(), "open", || path.to_vec())?;
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        here = inner(&here, part, path)?;
    }
    Ok(here)
}

/// An unpacked folder in another; its permissions may exclude its owner.
fn inner(folder: &OpenFolder, name: &[u8], path: &[u8]) -> Result<OpenFolder> {
    let mut entered = failed(folder.enter(name), "open", || path.to_vec())?;
    if let OpenedEntry::NoAccess = entered {
        failed(folder.set_permissions_of(name, 0o700), "open", || path.to_vec())?;
        entered = failed(folder.enter(name), "open", || path.to_vec())?;
    }
    match entered {
        OpenedEntry::Folder(folder) => Ok(folder),
        _ => failed(Err(open_folder::not_a_folder()), "open", || path.to_vec()),
    }
}

/// Refuses a symbolic link that leads out of the folder that it came in: a later user of the files would follow it.
pub(super) fn check_links(call: &Call, folder: OpenFolder) -> Result<()> {
    walk(call, folder, b"", &mut |found| {
        let depth = found.path.iter().filter(|byte| **byte == b'/').count();
        match found.folder.read_link(found.name) {
            Ok(target) if !found.is_folder && !stays_within(depth, &target) => {
                let message = format!("the symbolic link '{}' leads out of its folder", shown(found.path));
                Err(Error::new(Code::InvalidManifest, message))
            }
            _ => Ok(()),
        }
    })
}

/// A name in an unpacked folder, and its path after the root of the walk.
pub(super) struct UnpackedName<'a> {
    pub(super) folder: &'a OpenFolder,
    pub(super) name: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) is_folder: bool,
}

/// Calls `each` with every name in an unpacked folder; a folder comes before what is in it.
pub(super) fn walk(
    call: &Call,
    folder: OpenFolder,
    root: &[u8],
    each: &mut dyn FnMut(UnpackedName) -> Result<()>,
) -> Result<()> {
    let mut levels = vec![listed(folder, root.to_vec())?];
    while let Some(level) = levels.last_mut() {
        call.check()?;
        let Some((name, path)) = level.next() else {
            levels.pop();
            continue;
        };
        let is_folder = failed(level.folder.status_of(&name), "read", || path.clone())?.is_folder;
        each(UnpackedName { folder: &level.folder, name: &name, path: &path, is_folder })?;
        if is_folder {
            let below = inner(&level.folder, &name, &path)?;
            levels.push(listed(below, path)?);
        }
        if levels.len() > DEEPEST {
            return Err(Error::new(Code::LimitExceeded, format!("a folder is more than {DEEPEST} folders deep")));
        }
    }
    Ok(())
}

fn listed(folder: OpenFolder, path: Vec<u8>) -> Result<FolderLevel> {
    failed(FolderLevel::list(folder, path.clone(), usize::MAX), "read", || path)
}
