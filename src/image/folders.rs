//! The open folders from the root of an image to where it is being worked on. Every step down is one `openat` that follows no
//! link, a step up leaves a folder; links are followed here, within the root, as a process would whose root it is. What a
//! folder shall have in the end it gets when it is left, and what it has is kept by the file system alone: so memory does not
//! grow with the image.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::rc::Rc;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{openat, readlinkat, AtFlags, OFlag};
use nix::sys::stat::{fchmod, fchmodat, fstat, fstatat, futimens, mkdirat, FchmodatFlags, FileStat, Mode, SFlag};
use nix::sys::time::TimeSpec;

use super::own::FolderId;
use super::tar::{shown, DEEPEST};
use super::walk::Budget;
use crate::error::{Code, Error, Result};

/// More folders and files than any image has, with those that are only named in the paths of others.
const MOST: u64 = 10_000_000;
const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// A folder that was entered.
struct Level {
    name: Vec<u8>,
    fd: Rc<OwnedFd>,
    id: FolderId,
    /// What it gets when it is left, unless it has that.
    mode: Option<Mode>,
    time: Option<TimeSpec>,
    changed: bool,
}

/// What became of a step down.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is a folder, and here we are.
    Entered,
    /// Nothing has that name.
    Missing,
    /// Something else has.
    NoFolder,
}

/// The open folders.
pub(crate) struct Folders {
    root: Rc<OwnedFd>,
    root_id: FolderId,
    levels: Vec<Level>,
    /// The path that led here, which may have led through links.
    asked: Option<Vec<u8>>,
    budget: Budget,
    made: u64,
}

/// The outcome of a system call on a name here.
pub(crate) fn failed<T>(outcome: nix::Result<T>, what: &str, path: impl FnOnce() -> Vec<u8>) -> Result<T> {
    outcome.map_err(|errno| Error::io(format!("cannot {what} '{}'", shown(&path())), &std::io::Error::from(errno)))
}

/// Whether something is a folder itself.
pub(crate) fn is_folder(stat: &FileStat) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits()
}

fn id(stat: &FileStat) -> FolderId {
    #[allow(clippy::useless_conversion)] // Their types differ by system.
    FolderId(stat.st_dev.into(), stat.st_ino.into())
}

impl Folders {
    pub(crate) fn new(root: OwnedFd, budget: Budget) -> Result<Folders> {
        let root_id = id(&failed(fstat(&root), "read", Vec::new)?);
        Ok(Folders { root: Rc::new(root), root_id, levels: Vec::new(), asked: None, budget, made: 0 })
    }

    /// The folder where we are.
    pub(crate) fn here(&self) -> &Rc<OwnedFd> {
        self.levels.last().map_or(&self.root, |level| &level.fd)
    }

    /// Its number.
    pub(crate) fn id(&self) -> FolderId {
        self.levels.last().map_or(self.root_id, |level| level.id)
    }

    /// The names and the numbers of the folders above each of them, the deepest first.
    pub(crate) fn above(&self) -> impl Iterator<Item = (FolderId, &[u8])> {
        let parent = |at: usize| at.checked_sub(1).map_or(self.root_id, |at| self.levels[at].id);
        self.levels.iter().enumerate().rev().map(move |(at, level)| (parent(at), level.name.as_slice()))
    }

    /// The true path of a name here.
    pub(crate) fn path(&self, name: &[u8]) -> Vec<u8> {
        let names = self.levels.iter().map(|level| level.name.as_slice()).chain((!name.is_empty()).then_some(name));
        names.collect::<Vec<_>>().join(&b'/')
    }

    /// An error when the call must not go on.
    pub(crate) fn check(&self) -> Result<()> {
        self.budget.check()
    }

    /// One name more is there: of these too there is an end.
    pub(crate) fn count(&mut self) -> Result<()> {
        self.made += 1;
        match self.made > MOST {
            true => Err(Error::new(Code::LimitExceeded, format!("the image has more than {MOST} files and folders"))),
            false => Ok(()),
        }
    }

    /// Something in the folder changes: its time will be what it was.
    pub(crate) fn touch(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.changed = true;
        }
    }

    /// Something is taken away: a path may lead elsewhere now.
    pub(crate) fn forget(&mut self) {
        self.touch();
        self.asked = None;
    }

    /// What the folder where we are gets when it is left.
    pub(crate) fn dress(&mut self, mode: Mode, time: TimeSpec) {
        if let Some(level) = self.levels.last_mut() {
            (level.mode, level.time, level.changed) = (Some(mode), Some(time), true);
        }
    }

    /// Goes to the folder of a clean path, and makes those on the way to it. False when it is not there and shall not be made;
    /// then we may be anywhere.
    pub(crate) fn walk(&mut self, path: &[u8], make: bool) -> Result<bool> {
        if self.asked.as_deref() == Some(path) {
            return Ok(true);
        }
        let parts = path.split(|byte| *byte == b'/');
        let shared = parts.zip(&self.levels).take_while(|(part, level)| *part == level.name).count();
        self.leave_to(shared)?;
        let mut walk = self.budget.walk(path, shared);
        while let Some(part) = walk.next(&mut self.budget)? {
            if part == b".." {
                self.leave()?;
                continue;
            }
            match self.enter(&part)? {
                Step::Entered => {}
                Step::Missing if make => self.make(&part, Mode::from_bits_truncate(0o755))?,
                Step::Missing => return Ok(false),
                Step::NoFolder => match readlinkat(self.here(), part.as_slice()) {
                    Ok(target) => {
                        let target = target.into_vec();
                        walk.follow(&target)?;
                        if target.starts_with(b"/") {
                            self.leave_to(0)?;
                        }
                    }
                    Err(_) if !make => return Ok(false),
                    Err(_) => {
                        let message = format!("'{}' is no folder, but has a file in it", shown(&self.path(&part)));
                        return Err(Error::new(Code::InvalidManifest, message));
                    }
                },
            }
        }
        self.asked = Some(path.to_vec());
        Ok(true)
    }

    /// Makes a folder and enters it.
    pub(crate) fn make(&mut self, name: &[u8], mode: Mode) -> Result<()> {
        self.room()?;
        self.count()?;
        failed(mkdirat(self.here(), name, mode), "make", || self.path(name))?;
        self.touch();
        match (self.enter(name)?, self.levels.last_mut()) {
            (Step::Entered, Some(level)) => {
                // It has no time yet that should stay.
                level.time = None;
                Ok(())
            }
            _ => Err(Error::new(Code::Io, format!("'{}' was taken away meanwhile", shown(&self.path(name))))),
        }
    }

    fn room(&self) -> Result<()> {
        match self.levels.len() >= DEEPEST {
            true => {
                let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&self.path(b"")));
                Err(Error::new(Code::LimitExceeded, message))
            }
            false => Ok(()),
        }
    }

    /// Goes one step down.
    pub(crate) fn enter(&mut self, name: &[u8]) -> Result<Step> {
        self.room()?;
        let (fd, closed) = match openat(self.here(), name, FOLDER, Mode::empty()) {
            Ok(fd) => (fd, None),
            Err(Errno::ENOENT) => return Ok(Step::Missing),
            Err(Errno::ENOTDIR | Errno::ELOOP) => return Ok(Step::NoFolder),
            Err(Errno::EACCES) => self.unlock(name)?,
            Err(errno) => return failed(Err(errno), "open", || self.path(name)),
        };
        let stat = failed(fstat(&fd), "read", || self.path(name))?;
        let mut mode = closed;
        let open = Mode::from_bits_truncate(stat.st_mode) | Mode::S_IRWXU;
        if mode.is_none() && open.bits() != stat.st_mode & 0o7777 {
            failed(fchmod(&fd, open), "open", || self.path(name))?;
            mode = Some(Mode::from_bits_truncate(stat.st_mode));
        }
        let time = Some(TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec));
        let level = Level { name: name.to_vec(), fd: Rc::new(fd), id: id(&stat), mode, time, changed: false };
        self.levels.push(level);
        self.asked = None;
        Ok(Step::Entered)
    }

    /// A folder that even its owner cannot look into. Gives what it had.
    fn unlock(&self, name: &[u8]) -> Result<(OwnedFd, Option<Mode>)> {
        let path = || self.path(name);
        let stat = failed(fstatat(self.here(), name, AtFlags::AT_SYMLINK_NOFOLLOW), "open", path)?;
        if !is_folder(&stat) {
            return failed(Err(Errno::EACCES), "open", path);
        }
        let opened = fchmodat(self.here(), name, Mode::S_IRWXU, FchmodatFlags::NoFollowSymlink)
            .and_then(|()| openat(self.here(), name, FOLDER, Mode::empty()));
        Ok((failed(opened, "open", path)?, Some(Mode::from_bits_truncate(stat.st_mode))))
    }

    /// Goes one step up; at the root there is none.
    pub(crate) fn leave(&mut self) -> Result<()> {
        let Some(level) = self.drop_level() else { return Ok(()) };
        let path = || self.path(&level.name);
        if let Some(mode) = level.mode {
            failed(fchmod(&level.fd, mode), "give its permissions to", path)?;
        }
        if let Some(time) = level.time.filter(|_| level.changed) {
            failed(futimens(&level.fd, &TimeSpec::UTIME_OMIT, &time), "give its time to", path)?;
        }
        Ok(())
    }

    /// Goes up as it is, for it will be taken away. Gives its name.
    pub(crate) fn abandon(&mut self) -> Option<Vec<u8>> {
        self.drop_level().map(|level| level.name)
    }

    fn drop_level(&mut self) -> Option<Level> {
        self.asked = None;
        self.levels.pop()
    }

    /// Goes up to a depth.
    pub(crate) fn leave_to(&mut self, depth: usize) -> Result<()> {
        while self.levels.len() > depth {
            self.leave()?;
        }
        Ok(())
    }

    /// Gives each name in the folder where we are to `each`, and whether it may be that of a folder, until that says false.
    pub(crate) fn names(&mut self, mut each: impl FnMut(&mut Folders, &[u8], bool) -> Result<bool>) -> Result<()> {
        let again = openat(self.here().as_fd(), c".", FOLDER, Mode::empty());
        let mut dir = failed(again.and_then(Dir::from_fd), "read", || self.path(b""))?;
        for entry in dir.iter() {
            self.check()?;
            let entry = failed(entry, "read", || self.path(b""))?;
            let name = entry.file_name().to_bytes();
            let maybe = !matches!(entry.file_type(), Some(kind) if kind != Type::Directory);
            if name != b"." && name != b".." && !each(self, name, maybe)? {
                break;
            }
        }
        Ok(())
    }
}
