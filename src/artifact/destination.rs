//! The folder that an artifact is pulled into: files that wait are given their names in it, each whole, by one rename. Its own links are
//! followed as if it were the root, so nothing leads out of it, even if another process puts links there.

use std::path::Path;

use super::other_disk::{carry, is_other_disk};
use super::pull_staging::PullStaging;
use super::unpacked::{self, descend, walk};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::image::folders::{failed, Folders, PRIVATE};
use crate::image::path_walk::WalkBudget;
use crate::os::open_folder::{FileStatus, OpenFolder};
use crate::os::owner;
use crate::tar::names::{shown, split};

pub(super) struct PullDestination {
    call: Call,
    folders: Folders,
    keep_old: bool,
    /// How many names were left as they are.
    pub(super) kept: u64,
}

impl PullDestination {
    pub(super) fn open(call: &Call, folder: &Path, keep_old: bool) -> Result<PullDestination> {
        let opened = OpenFolder::open(folder);
        let root = opened.map_err(|error| Error::io(format!("cannot use the folder {}", folder.display()), &error))?;
        let folders = Folders::new(root, WalkBudget::new(call))?;
        Ok(PullDestination { call: call.clone(), folders, keep_old, kept: 0 })
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

    /// Refuses what is no folder in the place of one. Whether all of them are there; what is missing will be made.
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
    pub(super) fn check_tree(&mut self, call: &Call, staging: &PullStaging, tree: &str, path: &str) -> Result<()> {
        if !self.check_way(path.as_bytes())? {
            return Ok(());
        }
        let inner = descend(&unpacked::open(staging.folder(), tree)?, path.as_bytes())?;
        walk(call, inner, path.as_bytes(), &mut |found| {
            let (folder, _) = split(found.path);
            if !self.folders.walk(folder, false)? {
                return Ok(());
            }
            match self.folders.here().status_of(found.name) {
                Ok(_) if found.is_folder && self.folders.here().read_link(found.name).is_ok() => {
                    Err(is_link(found.path))
                }
                Ok(there) if found.is_folder && !there.is_folder => Err(no_folder(found.path)),
                Ok(there) if !found.is_folder && !self.keep_old => replaceable(&there, found.path),
                _ => Ok(()),
            }
        })
    }

    /// Gives a blob that waits its name here. The permissions of a file that it replaces are its own then, as far as its owner may choose.
    /// False when the name was left as it is.
    pub(super) fn put_blob(&mut self, from: &OpenFolder, name: &[u8], path: &[u8]) -> Result<bool> {
        let (folder, target) = split(path);
        self.enter(folder)?;
        let here = self.folders.here().clone();
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
        let mut renamed = from.rename(name, &here, target);
        if is_other_disk(&renamed) {
            renamed = carry(&self.call, (from, name), &here, |hidden| here.rename(hidden, &here, target));
        }
        failed(renamed, "make", || path.to_vec()).map(|()| true)
    }

    /// Where another process may have created the name first.
    fn put_new(&mut self, from: &OpenFolder, name: &[u8], path: &[u8], target: &[u8]) -> Result<bool> {
        let here = self.folders.here().clone();
        let mut renamed = from.rename_new(name, &here, target);
        if is_other_disk(&renamed) {
            renamed = carry(&self.call, (from, name), &here, |hidden| here.rename_new(hidden, &here, target));
        }
        match renamed {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
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

    /// Gives a folder that was unpacked its name here. What is there already stays, and gets the files that are new to it.
    pub(super) fn merge(&mut self, call: &Call, staging: &PullStaging, tree: &str, path: &str) -> Result<()> {
        let whole = unpacked::open(staging.folder(), tree)?;
        let (folder, name) = split(path.as_bytes());
        if !name.is_empty() {
            self.enter(folder)?;
            if self.folders.here().status_of(name).is_err() {
                let inner = descend(&whole, folder)?;
                let renamed = self.put_folder(&inner, name);
                if !is_other_disk(&renamed) {
                    return failed(renamed, "make", || path.as_bytes().to_vec());
                }
            }
        }
        self.enter(path.as_bytes())?;
        let inner = descend(&whole, path.as_bytes())?;
        walk(call, inner, path.as_bytes(), &mut |found| match found.is_folder {
            true => self.enter_real(found.path),
            false => self.put(found.folder, found.name, found.path).map(drop),
        })
    }

    /// A whole folder gets its name. Its owner must be able to write to it meanwhile: what is above it is an entry in it.
    fn put_folder(&self, from: &OpenFolder, name: &[u8]) -> std::io::Result<()> {
        let (here, own) = (self.folders.here(), from.status_of(name)?.permissions);
        if own & PRIVATE == PRIVATE {
            return from.rename(name, here, name);
        }
        from.set_permissions_of(name, own | PRIVATE)?;
        from.rename(name, here, name)?;
        here.set_permissions_of(name, own)
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

    /// Gives folders on the way their times back.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.folders.leave_to(0)
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
