//! A folder as it was unpacked, before it gets its name. It is this pull's alone.

use super::file_title::stays_within;
use super::folder_level::FolderLevel;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::image::open_folders::failed;
use crate::os::open_folder::{self, OpenFolder, OpenedEntry, Permissions};
use crate::tar::names::{shown, split, DEEPEST};

/// The folder that an archive was unpacked into.
pub(super) fn open(room: &OpenFolder, tree: &str) -> Result<OpenFolder> {
    match failed(room.enter(tree.as_bytes()), "open", || tree.as_bytes().to_vec())? {
        OpenedEntry::Folder(folder) => Ok(folder),
        _ => failed(Err(open_folder::not_a_folder()), "open", || tree.as_bytes().to_vec()),
    }
}

/// The folder at a path in an unpacked one.
fn descend(from: &OpenFolder, path: &[u8]) -> Result<OpenFolder> {
    let mut here = failed(from.reopen(), "open", || path.to_vec())?;
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        here = failed(here.enter_freely(part), "open", || path.to_vec())?.0;
    }
    Ok(here)
}

/// Refuses a symbolic link that leads out of the folder that it came in: a later user of the files would follow it.
pub(super) fn check_links(call: &Call, whole: &OpenFolder, root: &[u8]) -> Result<()> {
    walk(call, whole, root, &mut |found| {
        let path = if root.is_empty() { found.path } else { found.path.get(root.len() + 1..).unwrap_or_default() };
        let depth = path.iter().filter(|byte| **byte == b'/').count();
        match found.folder.read_link(found.name) {
            Ok(target) if !found.is_folder && !stays_within(depth, &target) => {
                let message = format!("the symbolic link '{}' leads out of its folder", shown(path));
                Err(Error::new(Code::InvalidManifest, message))
            }
            _ => Ok(Descent::Into),
        }
    })
}

/// A name in an unpacked folder, and its path.
pub(super) struct UnpackedName<'a> {
    pub(super) folder: &'a OpenFolder,
    pub(super) name: &'a [u8],
    pub(super) path: &'a [u8],
    pub(super) is_folder: bool,
}

/// Where a walk goes after a folder: what is in it is next, or is left out.
pub(super) enum Descent {
    Into,
    Over,
}

/// A folder on the walk.
struct WalkedFolder {
    names: FolderLevel,
    /// The permissions that it gets back, if it had to be opened up.
    closed: Option<Permissions>,
}

/// Calls `each` with a path in an unpacked folder and every name below it; a folder comes before what is in it. While the walk is in a
/// folder its owner may do everything there, whatever its permissions say.
pub(super) fn walk(
    call: &Call,
    whole: &OpenFolder,
    root: &[u8],
    each: &mut dyn FnMut(UnpackedName) -> Result<Descent>,
) -> Result<()> {
    let (above, name) = split(root);
    let first = match name.is_empty() {
        true => listed(descend(whole, root)?, Vec::new())?,
        false => FolderLevel::only(descend(whole, above)?, above.to_vec(), name),
    };
    let mut levels = vec![WalkedFolder { names: first, closed: None }];
    while let Some(WalkedFolder { names: level, closed }) = levels.last_mut() {
        call.check()?;
        let Some((name, path)) = level.next() else {
            if let Some(own) = *closed {
                failed(open_folder::set_permissions(&level.folder, own), "close", || root.to_vec())?;
            }
            levels.pop();
            continue;
        };
        let is_folder = failed(level.folder.status_of(&name), "read", || path.clone())?.is_folder;
        let descent = each(UnpackedName { folder: &level.folder, name: &name, path: &path, is_folder })?;
        if is_folder && matches!(descent, Descent::Into) {
            let (below, closed) = failed(level.folder.enter_freely(&name), "open", || path.clone())?;
            levels.push(WalkedFolder { names: listed(below, path)?, closed });
        }
        if levels.len() > DEEPEST + 1 {
            return Err(Error::new(Code::LimitExceeded, format!("a folder is more than {DEEPEST} folders deep")));
        }
    }
    Ok(())
}

fn listed(folder: OpenFolder, path: Vec<u8>) -> Result<FolderLevel> {
    failed(FolderLevel::list(folder, path.clone(), usize::MAX), "read", || path)
}
