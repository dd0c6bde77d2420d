//! The folder that an artifact is pulled into: files that wait are given their names in it, each whole, by one rename. Its own links are
//! followed within it, and refused where they lead out of it, even if another process puts links there.

use std::io;
use std::path::Path;

use super::file_title::is_where_files_wait;
use super::other_disk::OtherDisks;
use super::pull_staging::PullStaging;
use super::unpacked_folder::{self, walk, Descent, UnpackedName};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::image::open_folders::{failed, Folders, PRIVATE};
use crate::image::path_walk::WalkBudget;
use crate::os::open_folder::{FileStatus, OpenFolder};
use crate::os::owner;
use crate::tar::names::{shown, split};

pub(super) struct PullDestination {
    call: Call,
    folders: Folders,
    keep_old: bool,
    disks: OtherDisks,
    /// How many names were left as they are.
    pub(super) kept: u64,
}

impl PullDestination {
    /// Opens the folder behind all links. Its links may also name it by the path that the caller gave.
    pub(super) fn open(call: &Call, folder: &Path, named: &Path, keep_old: bool) -> Result<PullDestination> {
        let what = |error: io::Error| Error::io(format!("cannot use the folder {}", folder.display()), &error);
        let root = OpenFolder::open(folder).map_err(what)?;
        let names = vec![folder.to_owned(), std::path::absolute(named).map_err(what)?];
        let folders = Folders::new(root, WalkBudget::new(call))?.within(names);
        Ok(PullDestination { call: call.clone(), folders, keep_old, disks: OtherDisks::new(call), kept: 0 })
    }

    /// Before a file is fetched: whether what has its name is left as it is. Something that no file replaces is refused.
    pub(super) fn keeps(&mut self, path: &str) -> Result<bool> {
        let (folder, name) = split(path.as_bytes());
        if !self.check_way(folder)? {
            return Ok(false);
        }
        match self.folders.here().status_of(name) {
            Ok(_) if self.keep_old => {
                self.kept += 1;
                Ok(true)
            }
            Ok(found) => replaceable(&found, path.as_bytes()).map(|()| false),
            Err(_) => Ok(false),
        }
    }

    /// Refuses anything else in the place of a folder. Whether all of them are there; what is missing will be made.
    pub(super) fn check_way(&mut self, path: &[u8]) -> Result<bool> {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).chain([path.len()]);
        for way in ends.map(|end| &path[..end]) {
            if self.folders.walk(way, false)? {
                continue;
            }
            let (above, name) = split(way);
            self.folders.walk(above, false)?;
            let here = self.folders.here();
            // A link may lead to what is made when it is followed.
            return match here.status_of(name).is_ok_and(|found| !found.is_folder) && here.read_link(name).is_err() {
                true => Err(no_folder(way)),
                false => Ok(false),
            };
        }
        Ok(true)
    }

    /// Before any file gets its name: refuses an unpacked folder of which something has no place here.
    pub(super) fn check_tree(&mut self, staging: &PullStaging, tree: &str, path: &str) -> Result<()> {
        if !self.check_way(path.as_bytes())? {
            return Ok(());
        }
        let (call, whole, root) = (self.call.clone(), unpacked_folder::open(staging.folder(), tree)?, path.as_bytes());
        walk(&call, &whole, root, &mut |found| {
            let (folder, _) = split(found.path);
            if found.path == root {
                return Ok(Descent::Into);
            }
            if !self.folders.walk(folder, false)? {
                return Ok(Descent::Over);
            }
            match self.folders.here().status_of(found.name) {
                Ok(_) if found.is_folder && self.folders.here().read_link(found.name).is_ok() => {
                    Err(is_link(found.path))
                }
                Ok(there) if found.is_folder && !there.is_folder => Err(no_folder(found.path)),
                Ok(there) if !found.is_folder && !self.keep_old => {
                    replaceable(&there, found.path).map(|()| Descent::Into)
                }
                _ => Ok(Descent::Into),
            }
        })
    }

    /// Before any file gets its name: copies a blob that waits to the disk that it belongs on. False if it waits there.
    pub(super) fn bring_blob(&mut self, from: &OpenFolder, name: &[u8], path: &[u8]) -> Result<bool> {
        self.go_near(split(path).0)?;
        self.bring((from, name), path)
    }

    /// The same for what is new here of an unpacked folder.
    pub(super) fn bring_tree(&mut self, staging: &PullStaging, tree: &str, path: &str) -> Result<()> {
        let (call, whole) = (self.call.clone(), unpacked_folder::open(staging.folder(), tree)?);
        walk(&call, &whole, path.as_bytes(), &mut |found| {
            if found.is_folder && self.folders.walk(found.path, false)? {
                return Ok(Descent::Into);
            }
            self.go_near(split(found.path).0)?;
            if found.is_folder || !self.keep_old || self.folders.here().status_of(found.name).is_err() {
                self.bring((found.folder, found.name), found.path)?;
            }
            Ok(Descent::Over)
        })
    }

    /// Once everything was brought: it is on the disks.
    pub(super) fn flush(&self) -> Result<()> {
        self.disks.flush()
    }

    /// Goes to a folder, or to the nearest one above it that is there.
    fn go_near(&mut self, folder: &[u8]) -> Result<()> {
        let mut way = folder;
        while !self.folders.walk(way, false)? && !way.is_empty() {
            way = split(way).0;
        }
        Ok(())
    }

    /// To the disk of the current folder.
    fn bring(&mut self, from: (&OpenFolder, &[u8]), path: &[u8]) -> Result<bool> {
        if failed(from.0.reaches(self.folders.here()), "make", || path.to_vec())? {
            return Ok(false);
        }
        if path.split(|byte| *byte == b'/').any(is_where_files_wait) {
            let message = format!("'{}' has a name that is reserved for temporary files", shown(path));
            return Err(Error::new(Code::InvalidManifest, message));
        }
        failed(self.disks.carry(from, &self.folders, path), "make", || path.to_vec()).map(|()| true)
    }

    /// Gives a blob that waits its name here. The permissions of a file that it replaces are its own then, as far as its owner may choose.
    /// False when the name was left as it is.
    pub(super) fn put_blob(&mut self, from: &OpenFolder, name: &[u8], path: &[u8]) -> Result<bool> {
        let (folder, target) = split(path);
        self.enter(folder)?;
        let (here, copy) = (self.folders.here().clone(), self.disks.copy_for(path));
        let (from, name) = copy.as_ref().map_or((from, name), |(room, name)| (room, name));
        match here.status_of(target) {
            Ok(old) if !self.keep_old && old.is_plain && here.read_link(target).is_err() => {
                failed(owner::share_name(from, name, &old), "make", || path.to_vec())?;
            }
            _ => {}
        }
        self.put(from, name, path)
    }

    /// Gives a file that waits its name here. False when the name was left as it is.
    fn put(&mut self, from: &OpenFolder, name: &[u8], path: &[u8]) -> Result<bool> {
        let (folder, target) = split(path);
        self.enter(folder)?;
        let here = self.folders.here().clone();
        match here.status_of(target) {
            Ok(_) if self.keep_old => {
                self.kept += 1;
                return Ok(false);
            }
            Ok(found) => replaceable(&found, path)?,
            Err(_) if self.keep_old => return self.put_new(from, name, path, target),
            Err(_) => {}
        }
        let renamed = self.give((from, name), path, |(from, name), here| from.rename(name, here, target));
        failed(renamed, "make", || path.to_vec()).map(|()| true)
    }

    /// Gives what waits, or its copy on this disk, a name in the current folder. Where only the rename tells that this is another disk, it
    /// is copied now.
    fn give(
        &mut self,
        from: (&OpenFolder, &[u8]),
        path: &[u8],
        rename: impl Fn((&OpenFolder, &[u8]), &OpenFolder) -> io::Result<()>,
    ) -> io::Result<()> {
        let here = self.folders.here().clone();
        let renamed = match self.disks.copy_for(path) {
            Some((room, copy)) => rename((&room, &copy), &here),
            None => rename(from, &here),
        };
        match renamed {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.disks.carry(from, &self.folders, path)?;
                let (room, copy) = self.disks.copy_for(path).ok_or(error)?;
                rename((&room, &copy), &here)
            }
            renamed => renamed,
        }
    }

    /// Where another process may have created the name first.
    fn put_new(&mut self, from: &OpenFolder, name: &[u8], path: &[u8], target: &[u8]) -> Result<bool> {
        match self.give((from, name), path, |(from, name), here| from.rename_new(name, here, target)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.kept += 1;
                Ok(false)
            }
            outcome => failed(outcome, "make", || path.to_vec()).map(|()| true),
        }
    }

    fn enter(&mut self, folder: &[u8]) -> Result<()> {
        match self.folders.walk(folder, true) {
            Ok(true) => Ok(()),
            Ok(false) => {
                Err(Error::new(Code::Io, format!("'{}' was removed while it was being written", shown(folder))))
            }
            Err(error) if error.code() == Code::InvalidManifest => {
                Err(Error::new(Code::Io, error.message().to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives a folder that was unpacked its name here. What is there already stays, and gets what is new to it.
    pub(super) fn merge(&mut self, staging: &PullStaging, tree: &str, path: &str) -> Result<()> {
        let (call, whole) = (self.call.clone(), unpacked_folder::open(staging.folder(), tree)?);
        walk(&call, &whole, path.as_bytes(), &mut |found| self.merge_one(&found, found.path == path.as_bytes()))
    }

    fn merge_one(&mut self, found: &UnpackedName, is_root: bool) -> Result<Descent> {
        if !found.is_folder {
            return self.put(found.folder, found.name, found.path).map(|_| Descent::Over);
        }
        self.enter(split(found.path).0)?;
        if self.folders.here().status_of(found.name).is_err() {
            let put =
                self.give((found.folder, found.name), found.path, |from, here| put_folder(from, here, found.name));
            return failed(put, "make", || found.path.to_vec()).map(|()| Descent::Over);
        }
        match is_root {
            true => self.enter(found.path),
            false => self.enter_real(found.path),
        }?;
        Ok(Descent::Into)
    }

    /// A folder of one that was unpacked. A link that is in its place would lead its own links elsewhere than where they were looked at.
    fn enter_real(&mut self, path: &[u8]) -> Result<()> {
        let (folder, name) = split(path);
        self.enter(folder)?;
        match self.folders.here().read_link(name) {
            Ok(_) => Err(is_link(path)),
            Err(_) => self.enter(path),
        }
    }

    /// Removes what waited elsewhere, and gives folders on the way their times back.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.disks.leave(&mut self.folders)?;
        self.folders.leave_to(0)
    }
}

/// A whole folder gets its name. Its owner must be able to write to it meanwhile: what is above it is an entry in it.
fn put_folder((from, name): (&OpenFolder, &[u8]), here: &OpenFolder, target: &[u8]) -> io::Result<()> {
    let own = from.status_of(name)?.permissions;
    if own & PRIVATE == PRIVATE {
        return from.rename(name, here, target);
    }
    from.set_permissions_of(name, own | PRIVATE)?;
    match from.rename(name, here, target) {
        Ok(()) => here.set_permissions_of(target, own),
        Err(error) => from.set_permissions_of(name, own).and(Err(error)),
    }
}

fn is_link(path: &[u8]) -> Error {
    Error::new(Code::Io, format!("'{}' is a link where a folder was unpacked", shown(path)))
}

fn no_folder(path: &[u8]) -> Error {
    Error::new(Code::Io, format!("'{}' is not a folder, but the artifact has files in it", shown(path)))
}

/// A file takes the place of a file or a link, and of nothing else.
fn replaceable(found: &FileStatus, path: &[u8]) -> Result<()> {
    match found.is_plain {
        true => Ok(()),
        false => {
            let what = if found.is_folder { "a folder" } else { "a special file" };
            Err(Error::new(Code::Io, format!("'{}' is {what}, which a file does not replace", shown(path))))
        }
    }
}
