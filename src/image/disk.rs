//! A folder that files are written into and out of which nothing leads: [`super::folders`] goes where an entry belongs, and
//! it is made there by its last name alone.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::{openat, AtFlags, OFlag};
use nix::sys::stat::{fchmod, fstatat, futimens, mknodat, utimensat, Mode, SFlag, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{fchown, fchownat, linkat, symlinkat, Gid, Uid};

use super::folders::{failed, is_folder, Folders, Step};
use super::own::Own;
use super::sweep;
use super::tar::{is_within, shown, split, Entry, Kind};
use super::walk::Budget;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::os::folder;

/// What is kept of an entry besides its content.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Keep {
    /// The owner; only root may.
    pub owner: bool,
    /// Set-user-ID and set-group-ID.
    pub setuid: bool,
    /// Devices and pipes.
    pub devices: bool,
}

/// The folder.
pub(crate) struct Tree {
    folders: Folders,
    keep: Keep,
    own: Own,
    /// Whether there may be anything that a whiteout of the layer at hand is for.
    lower: bool,
}

/// Something that is there, for a hard link.
struct Source {
    folder: Rc<OwnedFd>,
    name: Vec<u8>,
    path: Vec<u8>,
    is_folder: bool,
}

impl Tree {
    /// A folder, made if it is not there, and empty unless `filled` is right.
    pub(crate) fn open(call: &Call, path: &Path, filled: bool, keep: Keep) -> Result<Tree> {
        let what = |error: std::io::Error| Error::io(format!("cannot use the folder {}", path.display()), &error);
        if keep.owner && !nix::unistd::geteuid().is_root() {
            return Err(Error::new(Code::InvalidArgument, "only root can keep the owners of files"));
        }
        folder::make(path).map_err(what)?;
        let lower = std::fs::read_dir(path).map_err(what)?.next().is_some();
        if !filled && lower {
            return Err(Error::new(Code::Io, format!("the folder {} is not empty", path.display()))
                .with_hint("the option overwrite extracts into what is there"));
        }
        let fd = nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let root = fd.map_err(|errno| what(errno.into()))?;
        Ok(Tree { folders: Folders::new(root, Budget::new(call))?, keep, own: Own::default(), lower })
    }

    /// Another layer begins, and what is there is lower ones'.
    pub(crate) fn end_layer(&mut self) {
        self.own.clear();
        self.lower = true;
    }

    /// Takes away what lower layers have under a name.
    pub(crate) fn whiteout(&mut self, path: &[u8]) -> Result<()> {
        let (folder, name) = split(path);
        match self.folders.walk(folder, false)? && self.lower {
            true => sweep::remove(&mut self.folders, name, Some(&mut self.own)),
            false => Ok(()),
        }
    }

    /// Takes away what lower layers have in a folder.
    pub(crate) fn opaque(&mut self, path: &[u8]) -> Result<()> {
        match self.folders.walk(path, false)? && self.lower {
            true => sweep::clear(&mut self.folders, &mut self.own),
            false => Ok(()),
        }
    }

    /// Makes an entry, in the place of whatever is there; `content` reads a file's bytes. False when it was left out.
    pub(crate) fn make(&mut self, entry: &Entry, content: &mut dyn FnMut(&mut [u8]) -> Result<usize>) -> Result<bool> {
        if entry.path.is_empty() {
            // The folder itself is the caller's.
            return match entry.kind {
                Kind::Directory => Ok(true),
                _ => Err(Error::new(Code::InvalidManifest, "the layer has a root that is no folder")),
            };
        }
        let device = matches!(entry.kind, Kind::Character | Kind::Block | Kind::Fifo);
        if device && !self.keep.devices {
            return Ok(false);
        }
        let source = match &entry.kind {
            Kind::HardLink(target) => Some(self.source(entry, target)?),
            _ => None,
        };
        let (folder, name) = split(&entry.path);
        if !self.folders.walk(folder, true)? {
            return Err(Error::new(Code::Internal, format!("'{}' has no folder", shown(&entry.path))));
        }
        self.own_from_here(name);
        self.place(entry, name, source, content).map(|()| true)
    }

    /// The layer has a name here, and so the folders above.
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
        entry: &Entry,
        name: &[u8],
        source: Option<Source>,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<()> {
        let there = fstatat(self.folders.here(), name, AtFlags::AT_SYMLINK_NOFOLLOW).ok();
        if let Some(source) = &source {
            let path = self.folders.path(name);
            if source.path == path {
                return Ok(());
            }
            if source.is_folder || is_within(&source.path, &path) {
                return Err(missing(entry));
            }
        }
        if entry.kind == Kind::Directory && there.as_ref().is_some_and(is_folder) {
            return match self.folders.enter(name)? {
                Step::Entered => self.dress_folder(entry),
                _ => failed(Err(Errno::ENOTDIR), "open", || self.folders.path(name)),
            };
        }
        if there.is_some() {
            sweep::remove(&mut self.folders, name, None)?;
        }
        if entry.kind == Kind::Directory {
            self.folders.make(name, Mode::S_IRWXU)?;
            return self.dress_folder(entry);
        }
        self.folders.count()?;
        self.folders.touch();
        match (&entry.kind, source) {
            (_, Some(source)) => {
                let (from, to) = (&source.folder, self.folders.here());
                let linked = linkat(from, source.name.as_slice(), to, name, AtFlags::empty());
                failed(linked, "link", || entry.path.clone())
            }
            (Kind::File, _) => self.file(entry, name, content),
            (Kind::Symlink(target), _) => {
                let made = symlinkat(target.as_slice(), self.folders.here(), name);
                failed(made, "make", || self.folders.path(name))?;
                self.dress_name(entry, name)
            }
            _ => self.device(entry, name),
        }
    }

    /// What a hard link is to: it must be there.
    fn source(&mut self, entry: &Entry, target: &[u8]) -> Result<Source> {
        let (folder, name) = split(target);
        if !self.folders.walk(folder, false)? {
            return Err(missing(entry));
        }
        let folder = self.folders.here().clone();
        let found = fstatat(&folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(|_| missing(entry))?;
        Ok(Source { folder, name: name.to_vec(), path: self.folders.path(name), is_folder: is_folder(&found) })
    }

    fn file(&self, entry: &Entry, name: &[u8], content: &mut dyn FnMut(&mut [u8]) -> Result<usize>) -> Result<()> {
        use std::io::Write as _;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(self.folders.here(), name, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let mut file = File::from(failed(fd, "make", || entry.path.clone())?);
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

    fn device(&self, entry: &Entry, name: &[u8]) -> Result<()> {
        let kind = match entry.kind {
            Kind::Character => SFlag::S_IFCHR,
            Kind::Block => SFlag::S_IFBLK,
            _ => SFlag::S_IFIFO,
        };
        let number = nix::sys::stat::makedev(u64::from(entry.device.0), u64::from(entry.device.1));
        let made = mknodat(self.folders.here(), name, kind, self.mode(entry), number);
        failed(made, "make", || entry.path.clone())?;
        self.dress_name(entry, name)
    }

    fn mode(&self, entry: &Entry) -> Mode {
        let kept = if self.keep.setuid { 0o7777 } else { 0o1777 };
        Mode::from_bits_truncate((entry.mode & kept) as nix::sys::stat::mode_t)
    }

    /// Owner first: a change of owner takes the set-user-ID bit away.
    fn dress(&self, fd: &impl AsFd, entry: &Entry) -> Result<()> {
        let path = || entry.path.clone();
        if self.keep.owner {
            let (uid, gid) = owner(entry);
            failed(fchown(fd, Some(uid), Some(gid)), "give its owner to", path)?;
        }
        failed(fchmod(fd, self.mode(entry)), "give its permissions to", path)?;
        failed(futimens(fd, &TimeSpec::UTIME_OMIT, &time(entry)), "give its time to", path)
    }

    fn dress_name(&self, entry: &Entry, name: &[u8]) -> Result<()> {
        let (folder, path) = (self.folders.here(), || entry.path.clone());
        if self.keep.owner {
            let (uid, gid) = owner(entry);
            let given = fchownat(folder, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW);
            failed(given, "give its owner to", path)?;
        }
        let given = utimensat(folder, name, &TimeSpec::UTIME_OMIT, &time(entry), UtimensatFlags::NoFollowSymlink);
        failed(given, "give its time to", path)
    }

    /// The folder where we are is the entry's. It must be open to us as long as we are in it.
    fn dress_folder(&mut self, entry: &Entry) -> Result<()> {
        if self.keep.owner {
            let (uid, gid) = owner(entry);
            let given = fchown(self.folders.here(), Some(uid), Some(gid));
            failed(given, "give its owner to", || entry.path.clone())?;
        }
        self.folders.dress(self.mode(entry), time(entry));
        Ok(())
    }

    /// Everything was made: the folders that are still open get what they shall have.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.folders.leave_to(0)
    }
}

fn missing(entry: &Entry) -> Error {
    let target = match &entry.kind {
        Kind::HardLink(target) => shown(target),
        _ => String::new(),
    };
    let message = format!("'{}' is a link to '{target}', which is not there", shown(&entry.path));
    Error::new(Code::InvalidManifest, message)
}

fn owner(entry: &Entry) -> (Uid, Gid) {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX - 1);
    (Uid::from_raw(number(entry.uid)), Gid::from_raw(number(entry.gid)))
}

fn time(entry: &Entry) -> TimeSpec {
    // Years 1 to 9999: beyond them file systems differ.
    TimeSpec::new(entry.mtime.clamp(-62_135_596_800, 253_402_300_799), 0)
}
