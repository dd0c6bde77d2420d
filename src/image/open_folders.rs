//! The open folders from the root of an image to where it is being worked on. Every step down is one `openat` that follows no
//! link, a step up leaves a folder; links are followed here, within the root, as by a process in a chroot. A folder gets its final
//! permissions and times when it is left, and only the file system stores which names exist: so memory does not grow with the
//! image.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use super::link_bounds::LinkBounds;
use super::obstacles::{Obstacle, Obstacles};
use super::path_walk::{PathWalk, WalkBudget};
use crate::error::{Code, Error, Result};
use crate::os::open_folder::{self, FolderId, OpenFolder, OpenedEntry, Permissions, Time};
use crate::os::safe_path;
use crate::tar::names::{shown, DEEPEST};

/// The most folders and files of an image, including folders that are only named in the paths of others.
const MOST: u64 = 10_000_000;
/// The permissions of a folder without an entry, and of one while it is worked in.
const USUAL: Permissions = 0o755;
pub(crate) const PRIVATE: Permissions = 0o700;

/// A folder on the current path.
struct OpenLevel {
    name: Vec<u8>,
    folder: Rc<OpenFolder>,
    id: FolderId,
    /// The permissions and time that it gets when it is left, if they differ.
    permissions: Option<Permissions>,
    time: Option<Time>,
    changed: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StepDown {
    /// It is a folder, and is the current one now.
    Entered,
    /// There is no such name.
    Missing,
    /// The name is not that of a folder.
    NoFolder,
}

pub(crate) struct Folders {
    root: Rc<OpenFolder>,
    root_id: FolderId,
    levels: Vec<OpenLevel>,
    /// The path by which the folder was reached, possibly through links.
    asked: Option<Vec<u8>>,
    budget: WalkBudget,
    made: u64,
    pub(crate) obstacles: Obstacles,
    bounds: LinkBounds,
}

/// The outcome of a system call on a name here.
pub(crate) fn failed<T>(outcome: io::Result<T>, what: &str, path: impl FnOnce() -> Vec<u8>) -> Result<T> {
    outcome.map_err(|error| Error::io(format!("cannot {what} '{}'", shown(&path())), &error))
}

fn leads_out(link: &[u8]) -> Error {
    Error::new(Code::Io, format!("'{}' is a link that leads out of the folder", shown(link)))
}

impl Folders {
    pub(crate) fn new(root: OpenFolder, budget: WalkBudget) -> Result<Folders> {
        let root_id = failed(root.status(), "read", Vec::new)?.id;
        Ok(Folders {
            root: Rc::new(root),
            root_id,
            levels: Vec::new(),
            asked: None,
            budget,
            made: 0,
            obstacles: Obstacles::default(),
            bounds: LinkBounds::Root,
        })
    }

    /// Links that lead out of the folder, which has these absolute paths, are refused.
    pub(crate) fn within(self, paths: Vec<PathBuf>) -> Folders {
        Folders { bounds: LinkBounds::Within(paths), ..self }
    }

    pub(crate) fn here(&self) -> &Rc<OpenFolder> {
        self.levels.last().map_or(&self.root, |level| &level.folder)
    }

    pub(crate) fn id(&self) -> FolderId {
        self.levels.last().map_or(self.root_id, |level| level.id)
    }

    /// The names and the numbers of the folders above each of them, the deepest first.
    pub(crate) fn above(&self) -> impl Iterator<Item = (FolderId, &[u8])> {
        let parent = |at: usize| at.checked_sub(1).map_or(self.root_id, |at| self.levels[at].id);
        self.levels.iter().enumerate().rev().map(move |(at, level)| (parent(at), level.name.as_slice()))
    }

    /// The true path of a name in the current folder.
    pub(crate) fn path(&self, name: &[u8]) -> Vec<u8> {
        let names = self.levels.iter().map(|level| level.name.as_slice()).chain((!name.is_empty()).then_some(name));
        names.collect::<Vec<_>>().join(&b'/')
    }

    /// Returns an error when the call has to end.
    pub(crate) fn check(&self) -> Result<()> {
        self.budget.check()
    }

    /// Counts one more name; their number is limited.
    pub(crate) fn count(&mut self) -> Result<()> {
        self.made += 1;
        match self.made > MOST {
            true => Err(Error::new(Code::LimitExceeded, format!("the image has more than {MOST} files and folders"))),
            false => Ok(()),
        }
    }

    /// Marks the current folder as changed: its time is restored when it is left.
    pub(crate) fn touch(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.changed = true;
        }
    }

    /// Called when something is removed: a path may lead elsewhere now.
    pub(crate) fn forget(&mut self) {
        self.touch();
        self.asked = None;
    }

    /// Sets the permissions and time that the current folder will get.
    pub(crate) fn dress(&mut self, mode: Permissions, time: Time) {
        if let Some(level) = self.levels.last_mut() {
            (level.permissions, level.time, level.changed) = (Some(mode), Some(time), true);
        }
    }

    /// Goes to the folder of a clean path, and makes the missing ones if `make` is set. False if it does not exist; the current folder is
    /// then any of those above it.
    pub(crate) fn walk(&mut self, path: &[u8], make: bool) -> Result<bool> {
        if self.asked.as_deref() == Some(path) {
            return Ok(true);
        }
        let parts = path.split(|byte| *byte == b'/');
        let shared = parts.zip(&self.levels).take_while(|(part, level)| *part == level.name).count();
        self.leave_to(shared)?;
        let (mut walk, mut last) = (self.budget.walk(path, shared), Vec::new());
        while let Some(part) = walk.next(&mut self.budget)? {
            if part == b".." {
                if self.levels.is_empty() && !self.bounds.has_nothing_above() {
                    return Err(leads_out(&last));
                }
                self.leave()?;
                continue;
            }
            match self.enter(&part)? {
                StepDown::Entered => {}
                StepDown::Missing if make => self.make(&part, USUAL)?,
                StepDown::Missing => return Ok(false),
                StepDown::NoFolder => match self.obstacle(&part, make)? {
                    Obstacle::Link(target) => {
                        last = self.path(&part);
                        self.follow(&mut walk, &last, &target)?;
                    }
                    Obstacle::Removed => self.make(&part, USUAL)?,
                    Obstacle::Absent => return Ok(false),
                },
            }
        }
        self.asked = Some(path.to_vec());
        Ok(true)
    }

    fn follow(&mut self, walk: &mut PathWalk, link: &[u8], target: &[u8]) -> Result<()> {
        if !target.starts_with(b"/") {
            return walk.follow(target);
        }
        walk.follow(self.bounds.after_root(target).ok_or_else(|| leads_out(link))?)?;
        self.leave_to(0)
    }

    /// Something on a path that is not a folder. What was there before the call gives way to a folder, if one is made.
    fn obstacle(&mut self, name: &[u8], make: bool) -> Result<Obstacle> {
        let (asks, link) = (self.obstacles.asks(), self.here().link(name));
        if asks {
            let id = match &link {
                Ok((_, link)) => link.id,
                Err(_) => failed(self.here().status_of(name), "read", || self.path(name))?.id,
            };
            if self.obstacles.was_there(id) {
                return if make { self.give_way(name) } else { Ok(Obstacle::Absent) };
            }
        }
        match link {
            Ok((target, link)) => {
                if !asks {
                    // Another user may have put it there.
                    failed(safe_path::refuse_trap_in(self.here(), &link), "follow", || self.path(name))?;
                }
                if make {
                    self.obstacles.follow(self.id(), name);
                }
                Ok(Obstacle::Link(target))
            }
            // EINVAL, or ENOENT where it was opened, is said of what is not a link.
            Err(error) if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::NotFound) => {
                failed(Err(error), "read", || self.path(name))
            }
            Err(_) if !make => Ok(Obstacle::Absent),
            Err(_) => {
                let message = format!("'{}' is not a folder, but has a file in it", shown(&self.path(name)));
                Err(Error::new(Code::InvalidManifest, message))
            }
        }
    }

    fn give_way(&mut self, name: &[u8]) -> Result<Obstacle> {
        self.forget();
        match failed(self.here().remove(name), "remove", || self.path(name))? {
            true => Ok(Obstacle::Removed),
            false => failed(Err(open_folder::not_permitted()), "remove", || self.path(name)),
        }
    }

    /// Whether the caller had this in the current folder before the call.
    pub(crate) fn is_callers(&self, name: &[u8]) -> Result<bool> {
        if !self.obstacles.spares_some() {
            return Ok(false);
        }
        match self.here().status_of(name) {
            Ok(found) => Ok(self.obstacles.is_callers(found.id)),
            // A layer may take away what is not there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => failed(Err(error), "read", || self.path(name)),
        }
    }

    /// Something but a folder was made here.
    pub(crate) fn keep_made(&mut self, name: &[u8]) -> Result<()> {
        if self.obstacles.asks() {
            let made = failed(self.here().status_of(name), "read", || self.path(name))?;
            self.obstacles.is_ours(made.id);
        }
        Ok(())
    }

    /// Makes a folder and enters it.
    pub(crate) fn make(&mut self, name: &[u8], permissions: Permissions) -> Result<()> {
        self.room()?;
        self.count()?;
        failed(self.here().make_folder(name, permissions), "make", || self.path(name))?;
        self.touch();
        match (self.enter(name)?, self.levels.last_mut()) {
            (StepDown::Entered, Some(level)) => {
                // Its time has not been set yet.
                level.time = None;
                self.obstacles.is_ours(level.id);
                Ok(())
            }
            _ => Err(Error::new(
                Code::Io,
                format!("'{}' was removed while it was being written", shown(&self.path(name))),
            )),
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

    /// Enters a folder in the current one.
    pub(crate) fn enter(&mut self, name: &[u8]) -> Result<StepDown> {
        self.room()?;
        let (folder, closed) = match failed(self.here().enter(name), "open", || self.path(name))? {
            OpenedEntry::Folder(folder) => (folder, None),
            OpenedEntry::Missing => return Ok(StepDown::Missing),
            OpenedEntry::NotAFolder => return Ok(StepDown::NoFolder),
            OpenedEntry::NoAccess => self.unlock(name)?,
        };
        let status = failed(folder.status(), "read", || self.path(name))?;
        let mut permissions = closed;
        let open = status.permissions | PRIVATE;
        if permissions.is_none() && open != status.permissions {
            failed(open_folder::set_permissions(&folder, open), "open", || self.path(name))?;
            permissions = Some(status.permissions);
        }
        let (folder, time) = (Rc::new(folder), Some(status.changed));
        self.levels.push(OpenLevel { name: name.to_vec(), folder, id: status.id, permissions, time, changed: false });
        self.asked = None;
        Ok(StepDown::Entered)
    }

    /// Opens a folder whose permissions exclude even its owner. Returns the permissions that it had.
    fn unlock(&self, name: &[u8]) -> Result<(OpenFolder, Option<Permissions>)> {
        let path = || self.path(name);
        let status = failed(self.here().status_of(name), "open", path)?;
        if !status.is_folder {
            return failed(Err(open_folder::no_access()), "open", path);
        }
        failed(self.here().set_permissions_of(name, PRIVATE), "open", path)?;
        match failed(self.here().enter(name), "open", path)? {
            OpenedEntry::Folder(folder) => Ok((folder, Some(status.permissions))),
            _ => failed(Err(open_folder::no_access()), "open", path),
        }
    }

    /// Goes one step up; at the root there is none.
    pub(crate) fn leave(&mut self) -> Result<()> {
        let Some(level) = self.drop_level() else { return Ok(()) };
        let path = || self.path(&level.name);
        if let Some(permissions) = level.permissions {
            failed(open_folder::set_permissions(&level.folder, permissions), "give its permissions to", path)?;
        }
        if let Some(time) = level.time.filter(|_| level.changed) {
            failed(open_folder::set_time(&level.folder, time), "give its time to", path)?;
        }
        Ok(())
    }

    /// Leaves a folder that will be removed, without a change to it. Returns its name.
    pub(crate) fn abandon(&mut self) -> Option<Vec<u8>> {
        self.drop_level().map(|level| level.name)
    }

    fn drop_level(&mut self) -> Option<OpenLevel> {
        self.asked = None;
        self.levels.pop()
    }

    /// Leaves folders, up to a depth.
    pub(crate) fn leave_to(&mut self, depth: usize) -> Result<()> {
        while self.levels.len() > depth {
            self.leave()?;
        }
        Ok(())
    }

    /// Calls `each` with each name in the current folder, and whether it may be that of a folder, until it returns false.
    pub(crate) fn names(&mut self, mut each: impl FnMut(&mut Folders, &[u8], bool) -> Result<bool>) -> Result<()> {
        let here = self.here().clone();
        let outcome = here.names(|name, maybe| {
            self.check()?;
            each(self, name, maybe).map_err(WalkError::Call)
        });
        match outcome {
            Err(WalkError::Read(error)) => failed(Err(error), "read", || self.path(b"")),
            Err(WalkError::Call(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }
}

/// Why a walk through names ended early.
enum WalkError {
    Read(io::Error),
    Call(Error),
}

impl From<io::Error> for WalkError {
    fn from(error: io::Error) -> WalkError {
        WalkError::Read(error)
    }
}

impl From<Error> for WalkError {
    fn from(error: Error) -> WalkError {
        WalkError::Call(error)
    }
}
