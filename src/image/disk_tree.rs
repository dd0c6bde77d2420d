//! A folder that files are written into and out of which nothing leads: [`super::open_folders`] goes where an entry belongs, and
//! it is made there by its last name alone.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use super::layer_names::LayerNames;
use super::open_folders::{failed, Folders, StepDown, PRIVATE};
use super::path_walk::WalkBudget;
use super::whiteout;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::os::open_folder::{self, OpenFolder, Owner, Permissions, SpecialFile, Time};
use crate::os::{owner, safe_path};
use crate::tar::names::{is_within, shown, split};
use crate::tar::{EntryKind, TarEntry};

/// Which attributes of entries are kept, besides the content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PreservedAttributes {
    /// The owner; only root can set it.
    pub(crate) owner: bool,
    /// Set-user-ID and set-group-ID.
    pub(crate) setuid: bool,
    /// Devices and pipes.
    pub(crate) devices: bool,
}

pub(crate) struct DiskTree {
    folders: Folders,
    keep: PreservedAttributes,
    own: LayerNames,
    /// Whether there may be files of lower layers, which whiteouts of this layer could remove.
    lower: bool,
}

/// An existing entry, as the target of a hard link.
struct LinkedTo {
    folder: Rc<OpenFolder>,
    name: Vec<u8>,
    path: Vec<u8>,
    is_folder: bool,
}

impl DiskTree {
    /// Opens a folder, or creates it; it must be empty unless `filled` is set.
    pub(crate) fn open(call: &Call, path: &Path, filled: bool, keep: PreservedAttributes) -> Result<DiskTree> {
        let what = |error: std::io::Error| Error::io(format!("cannot use the folder {}", path.display()), &error);
        if keep.owner && !owner::is_root() {
            return Err(Error::new(Code::InvalidArgument, "only root can keep the owners of files"));
        }
        safe_path::create_folder(path).map_err(what)?;
        let lower = std::fs::read_dir(path).map_err(what)?.next().is_some();
        if !filled && lower {
            return Err(Error::new(Code::Io, format!("the folder {} is not empty", path.display()))
                .with_hint("the option overwrite extracts into what is there"));
        }
        let root = OpenFolder::open(path).map_err(what)?;
        let mut folders = Folders::new(root, WalkBudget::new(call))?;
        // What has another owner is known by what it is, not by whose it is.
        if lower {
            folders.obstacles.spare_the_callers();
        } else if keep.owner {
            folders.obstacles.none_is_ours();
        }
        Ok(DiskTree { folders, keep, own: LayerNames::default(), lower })
    }

    /// Begins another layer: everything in the folder belongs to lower ones now.
    pub(crate) fn end_layer(&mut self) {
        self.own.clear();
        self.folders.obstacles.end_layer();
        self.lower = true;
    }

    /// Removes what lower layers have under a name. The caller's own files are in no layer.
    pub(crate) fn whiteout(&mut self, path: &[u8]) -> Result<()> {
        let (folder, name) = split(path);
        match self.folders.walk(folder, false)? && self.lower {
            true => whiteout::remove(&mut self.folders, name, Some(&mut self.own)),
            false => Ok(()),
        }
    }

    /// Removes what lower layers have in a folder.
    pub(crate) fn opaque(&mut self, path: &[u8]) -> Result<()> {
        match self.folders.walk(path, false)? && self.lower {
            true => whiteout::clear(&mut self.folders, &mut self.own),
            false => Ok(()),
        }
    }

    /// Makes an entry, and replaces what had its name; `content` reads the bytes of a file. False if the entry was left out.
    pub(crate) fn make(
        &mut self,
        entry: &TarEntry,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<bool> {
        if entry.path.is_empty() {
            // The folder itself belongs to the caller.
            return match entry.kind {
                EntryKind::Directory => Ok(true),
                _ => Err(Error::new(Code::InvalidManifest, "the root of the layer is not a folder")),
            };
        }
        let device = matches!(entry.kind, EntryKind::Character | EntryKind::Block | EntryKind::Fifo);
        if device && !self.keep.devices {
            return Ok(false);
        }
        let source = match &entry.kind {
            EntryKind::HardLink(target) => Some(self.source(entry, target)?),
            _ => None,
        };
        let (folder, name) = split(&entry.path);
        if !self.folders.walk(folder, true)? {
            return Err(Error::new(Code::Internal, format!("'{}' has no folder", shown(&entry.path))));
        }
        if entry.kind == EntryKind::Directory && self.is_written_through(name) {
            return Ok(true);
        }
        self.own_from_here(name);
        self.place(entry, name, source, content).map(|()| true)
    }

    /// Whether a link of a lower layer stands here for a folder, and this layer has files behind it.
    fn is_written_through(&self, name: &[u8]) -> bool {
        let here = self.folders.id();
        self.lower
            && self.folders.obstacles.is_followed(here, name)
            && !self.own.has(here, name)
            && self.folders.here().read_link(name).is_ok()
    }

    /// Records that this layer has a name here, and the folders above it.
    fn own_from_here(&mut self, name: &[u8]) {
        if self.lower && self.own.add(self.folders.id(), name) {
            for (folder, name) in self.folders.above() {
                if !self.own.add(folder, name) {
                    break;
                }
            }
        }
    }

    fn place(
        &mut self,
        entry: &TarEntry,
        name: &[u8],
        source: Option<LinkedTo>,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let there = self.folders.here().status_of(name).ok();
        if let Some(source) = &source {
            let path = self.folders.path(name);
            if source.path == path {
                return Ok(());
            }
            if source.is_folder || is_within(&source.path, &path) {
                return Err(missing(entry));
            }
        }
        if entry.kind == EntryKind::Directory && there.is_some_and(|there| there.is_folder) {
            return match self.folders.enter(name)? {
                StepDown::Entered => self.dress_folder(entry),
                _ => failed(Err(open_folder::not_a_folder()), "open", || self.folders.path(name)),
            };
        }
        match there {
            Some(there) if there.is_folder && self.folders.obstacles.is_callers(there.id) => {
                self.clear_callers_folder(name)?
            }
            Some(_) => whiteout::remove(&mut self.folders, name, None)?,
            None => {}
        }
        if entry.kind == EntryKind::Directory {
            self.folders.make(name, PRIVATE)?;
            return self.dress_folder(entry);
        }
        self.folders.count()?;
        self.folders.touch();
        self.make_new(entry, name, source, content)?;
        self.folders.keep_made(name)
    }

    /// Removes a folder that the caller had, if only lower layers have anything in it.
    fn clear_callers_folder(&mut self, name: &[u8]) -> Result<()> {
        whiteout::remove(&mut self.folders, name, Some(&mut self.own))?;
        self.folders.touch();
        let path = self.folders.path(name);
        if failed(self.folders.here().remove_folder(name), "remove", || path.clone())? {
            return Ok(());
        }
        Err(full_folder(&path))
    }

    /// Makes anything but a folder.
    fn make_new(
        &self,
        entry: &TarEntry,
        name: &[u8],
        source: Option<LinkedTo>,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        match (&entry.kind, source) {
            (_, Some(source)) => {
                let linked = self.folders.here().make_hard_link(name, &source.folder, &source.name);
                failed(linked, "link", || entry.path.clone())
            }
            (EntryKind::File, _) => self.file(entry, name, content),
            (EntryKind::Symlink(target), _) => {
                let made = self.folders.here().make_link(name, target);
                failed(made, "make", || self.folders.path(name))?;
                self.dress_name(entry, name)
            }
            _ => self.special(entry, name),
        }
    }

    /// The target of a hard link, which must exist.
    fn source(&mut self, entry: &TarEntry, target: &[u8]) -> Result<LinkedTo> {
        let (folder, name) = split(target);
        if !self.folders.walk(folder, false)? {
            return Err(missing(entry));
        }
        let folder = self.folders.here().clone();
        let found = folder.status_of(name).map_err(|_| missing(entry))?;
        // A file of the caller's is none of the image's.
        if self.folders.obstacles.is_callers(found.id) {
            return Err(missing(entry));
        }
        Ok(LinkedTo { folder, name: name.to_vec(), path: self.folders.path(name), is_folder: found.is_folder })
    }

    fn file(&self, entry: &TarEntry, name: &[u8], content: &mut dyn FnMut(&mut [u8]) -> Result<usize>) -> Result<()> {
        let mut file = failed(self.folders.here().make_file(name), "make", || entry.path.clone())?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = content(&mut buffer)?;
            if count == 0 {
                break;
            }
            file.write_all(&buffer[..count])
                .map_err(|error| Error::io(format!("cannot write '{}'", shown(&entry.path)), &error))?;
        }
        self.dress(&file, entry)
    }

    fn special(&self, entry: &TarEntry, name: &[u8]) -> Result<()> {
        let (major, minor) = entry.device;
        let what = match entry.kind {
            EntryKind::Character => SpecialFile::Character(major, minor),
            EntryKind::Block => SpecialFile::Block(major, minor),
            _ => SpecialFile::Pipe,
        };
        let made = self.folders.here().make_special(name, what, self.permissions(entry));
        failed(made, "make", || entry.path.clone())?;
        self.dress_name(entry, name)
    }

    fn permissions(&self, entry: &TarEntry) -> Permissions {
        entry.mode & if self.keep.setuid { 0o7777 } else { 0o1777 }
    }

    fn dress(&self, file: &File, entry: &TarEntry) -> Result<()> {
        let path = || entry.path.clone();
        if self.keep.owner {
            failed(open_folder::set_owner(file, owner_of(entry)), "give its owner to", path)?;
        }
        failed(open_folder::set_permissions(file, self.permissions(entry)), "give its permissions to", path)?;
        failed(open_folder::set_time(file, Time::of(entry.mtime)), "give its time to", path)
    }

    fn dress_name(&self, entry: &TarEntry, name: &[u8]) -> Result<()> {
        let (folder, path) = (self.folders.here(), || entry.path.clone());
        if self.keep.owner {
            failed(folder.set_owner_of(name, owner_of(entry)), "give its owner to", path)?;
        }
        failed(folder.set_time_of(name, Time::of(entry.mtime)), "give its time to", path)
    }

    /// The current folder is the entry's. Its owner must be able to work in it until it is left.
    fn dress_folder(&mut self, entry: &TarEntry) -> Result<()> {
        if self.keep.owner {
            let given = open_folder::set_owner(self.folders.here(), owner_of(entry));
            failed(given, "give its owner to", || entry.path.clone())?;
        }
        self.folders.dress(self.permissions(entry), Time::of(entry.mtime));
        Ok(())
    }

    /// Called when everything has been extracted: sets the permissions and times of the folders that are still open.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.folders.leave_to(0)
    }
}

/// The error when files of the caller's would have to go for something that is not a folder.
pub(super) fn full_folder(path: &[u8]) -> Error {
    let message =
        format!("'{}' is a folder with files that were there before, and no folder in the image", shown(path));
    Error::new(Code::Io, message).with_hint("move it away, or extract into another folder")
}

fn missing(entry: &TarEntry) -> Error {
    let target = match &entry.kind {
        EntryKind::HardLink(target) => shown(target),
        _ => String::new(),
    };
    let message = format!("'{}' is a link to '{target}', which is not there", shown(&entry.path));
    Error::new(Code::InvalidManifest, message)
}

fn owner_of(entry: &TarEntry) -> Owner {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (number(entry.uid), number(entry.gid))
}

#[cfg(test)]
mod tests {
    use super::super::listed_tree::implied;
    use super::*;

    /// In a folder that all users may write to, one may appear while an image is extracted.
    #[test]
    fn a_link_that_another_user_puts_there_is_not_followed() {
        if !owner::is_root() {
            return;
        }
        for (shared, other, good) in [(true, true, false), (true, false, true), (false, true, true)] {
            let folder = tempfile::tempdir().unwrap();
            let mut tree = DiskTree::open(&Call::alone(None), folder.path(), false, Default::default()).unwrap();
            let root = OpenFolder::open(folder.path()).unwrap();
            root.make_folder(b"real", PRIVATE).unwrap();
            root.make_link(b"link", b"real").unwrap();
            if other {
                root.set_owner_of(b"link", (65_534, 65_534)).unwrap();
            }
            open_folder::set_permissions(&root, if shared { 0o777 } else { 0o755 }).unwrap();
            let entry = TarEntry { kind: EntryKind::File, ..implied(b"link/file") };
            let made = tree.make(&entry, &mut |_| Ok(0));
            assert_eq!(made.is_ok(), good, "{shared} {other} {made:?}");
            assert!(good || made.unwrap_err().message().contains("'link': it is a symbolic link of another user"));
            assert_eq!(folder.path().join("real/file").exists(), good);
        }
    }
}
