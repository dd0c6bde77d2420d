//! Copies of what waits, for another disk: a file, a link, or a folder with all that is in it. A copy is for the same users as what it is
//! a copy of, and never for more.

use std::io::{self, Read as _, Write as _};

use super::folder_level::FolderLevel;
use crate::call::Call;
use crate::image::open_folders::PRIVATE;
use crate::os::open_folder::{self, FileStatus, OpenFolder, Permissions};
use crate::os::owner;

/// How much is copied between two looks whether the call has to end.
const PIECE: usize = 1 << 20;

pub(super) type DiskName<'a> = (&'a OpenFolder, &'a [u8]);

/// Copies what has a name to a name that nothing has.
pub(super) fn copy(call: &Call, from: DiskName, to: DiskName) -> io::Result<()> {
    let found = from.0.status_of(from.1)?;
    if !found.is_folder {
        return copy_one(call, from, &found, to);
    }
    let mut levels = vec![CopiedFolder::begin(from, found, to)?];
    while let Some(level) = levels.last_mut() {
        call.check().map_err(io::Error::other)?;
        let Some((name, _)) = level.names.next() else {
            levels.pop().map_or(Ok(()), CopiedFolder::end)?;
            continue;
        };
        let (from, to) = ((&level.names.folder, name.as_slice()), (&level.copy, name.as_slice()));
        let found = from.0.status_of(&name)?;
        if found.is_folder {
            let below = CopiedFolder::begin(from, found, to)?;
            levels.push(below);
        } else {
            copy_one(call, from, &found, to)?;
        }
    }
    Ok(())
}

/// A folder that is being copied.
struct CopiedFolder {
    names: FolderLevel,
    copy: OpenFolder,
    found: FileStatus,
    /// The permissions that it gets back, if it had to be opened up.
    closed: Option<Permissions>,
}

impl CopiedFolder {
    fn begin(from: DiskName, found: FileStatus, to: DiskName) -> io::Result<CopiedFolder> {
        to.0.make_folder(to.1, PRIVATE)?;
        let (copy, _) = to.0.enter_freely(to.1)?;
        let (folder, closed) = from.0.enter_freely(from.1)?;
        let names = FolderLevel::list(folder, Vec::new(), usize::MAX)?;
        Ok(CopiedFolder { names, copy, found, closed })
    }

    /// Once all that is in it was copied: that changes its time, and may need permissions that it does not give.
    fn end(self) -> io::Result<()> {
        owner::share_copy(&self.copy, &self.found)?;
        open_folder::set_time(&self.copy, self.found.changed)?;
        self.closed.map_or(Ok(()), |own| open_folder::set_permissions(&self.names.folder, own))
    }
}

fn copy_one(call: &Call, (from, name): DiskName, found: &FileStatus, (to, new): DiskName) -> io::Result<()> {
    if let Ok(target) = from.read_link(name) {
        to.make_link(new, &target)?;
        return to.set_time_of(new, found.changed);
    }
    if found.permissions & 0o400 == 0 {
        from.set_permissions_of(name, found.permissions | 0o400)?;
    }
    let (mut source, mut copy, mut buffer) = (from.read_file(name)?, to.make_file(new)?, vec![0; PIECE]);
    loop {
        call.check().map_err(io::Error::other)?;
        match source.read(&mut buffer)? {
            0 => break,
            count => copy.write_all(&buffer[..count])?,
        }
    }
    owner::share_copy(&copy, found)?;
    open_folder::set_time(&copy, found.changed)
}

/// Removes everything that is in a folder.
pub(super) fn clear(folder: &OpenFolder) -> io::Result<()> {
    let listed = |folder| FolderLevel::list(folder, Vec::new(), usize::MAX);
    let mut levels = vec![(listed(folder.reopen()?)?, Vec::new())];
    while let Some((level, _)) = levels.last_mut() {
        if let Some((name, _)) = level.next() {
            if !level.folder.remove(&name)? {
                let below = listed(level.folder.enter_freely(&name)?.0)?;
                levels.push((below, name));
            }
            continue;
        }
        if let (Some((_, name)), Some((above, _))) = (levels.pop(), levels.last()) {
            above.folder.remove_folder(&name)?;
        }
    }
    Ok(())
}
