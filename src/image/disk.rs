//! A folder that files are written into and out of which nothing leads. Every step of a path is one `openat` that follows
//! no link; links of the image are followed here, within the folder, as a process would whose root it is.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::rc::Rc;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{openat, readlinkat, AtFlags, OFlag};
use nix::sys::stat::{fchmod, fstatat, futimens, mkdirat, mknodat, utimensat, Mode, SFlag, UtimensatFlags};
use nix::sys::time::TimeSpec;
use nix::unistd::{fchown, fchownat, linkat, symlinkat, unlinkat, Gid, Uid, UnlinkatFlags};

use super::tar::{is_within, join, shown, split, Entry, Kind, DEEPEST};
use crate::error::{Code, Error, Result};

/// More links in a path than any system follows.
pub const MOST_LINKS: usize = 40;

/// What is kept of an entry besides its content.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep {
    /// The owner; only root may.
    pub owner: bool,
    /// Set-user-ID and set-group-ID.
    pub setuid: bool,
    /// Devices and pipes.
    pub devices: bool,
}

/// The folder.
pub struct Tree {
    root: Rc<OwnedFd>,
    keep: Keep,
    /// The folder of the last entry, by the name it was asked for.
    last: Option<(Vec<u8>, Folder)>,
    /// What folders get at the end: until then they must be open to us, and their times change.
    folders: BTreeMap<Vec<u8>, Entry>,
}

/// A folder within, by its true name.
#[derive(Clone)]
struct Folder {
    fd: Rc<OwnedFd>,
    path: Vec<u8>,
}

/// Where an entry goes.
struct Spot {
    folder: Folder,
    name: Vec<u8>,
}

impl Spot {
    fn path(&self) -> Vec<u8> {
        join(&self.folder.path, &self.name)
    }
}

fn failed<T>(outcome: nix::Result<T>, what: &str, path: &[u8]) -> Result<T> {
    outcome.map_err(|errno| Error::io(format!("cannot {what} '{}'", shown(path)), &std::io::Error::from(errno)))
}

const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

impl Tree {
    /// A folder, made if it is not there, and empty unless `filled` is right.
    pub fn open(path: &Path, filled: bool, keep: Keep) -> Result<Tree> {
        let what = |error: std::io::Error| Error::io(format!("cannot use the folder {}", path.display()), &error);
        if keep.owner && !nix::unistd::geteuid().is_root() {
            return Err(Error::new(Code::InvalidArgument, "only root can keep the owners of files"));
        }
        std::fs::create_dir_all(path).map_err(what)?;
        if !filled && std::fs::read_dir(path).map_err(what)?.next().is_some() {
            return Err(Error::new(Code::Io, format!("the folder {} is not empty", path.display()))
                .with_hint("the option overwrite extracts into what is there"));
        }
        let fd = nix::fcntl::open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let root = Rc::new(fd.map_err(|errno| what(errno.into()))?);
        Ok(Tree { root, keep, last: None, folders: BTreeMap::new() })
    }

    /// The folder of that name, and those on the way to it; None when it is not there and shall not be made.
    fn folder(&mut self, path: &[u8], make: bool) -> Result<Option<Folder>> {
        if let Some((_, folder)) = self.last.as_ref().filter(|(asked, _)| asked == path) {
            return Ok(Some(folder.clone()));
        }
        let found = self.walk(path, make)?;
        if let Some(folder) = &found {
            self.last = Some((path.to_vec(), folder.clone()));
        }
        Ok(found)
    }

    fn walk(&self, path: &[u8], make: bool) -> Result<Option<Folder>> {
        let parts = |path: &[u8]| path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).rev().collect::<Vec<_>>();
        let mut waiting = parts(path);
        let mut here = Folder { fd: self.root.clone(), path: Vec::new() };
        let mut links = 0;
        while let Some(part) = waiting.pop() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    here = self.down(split(&here.path).0)?;
                    continue;
                }
                _ => {}
            }
            let next = join(&here.path, &part);
            if next.iter().filter(|byte| **byte == b'/').count() >= DEEPEST {
                let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&next));
                return Err(Error::new(Code::LimitExceeded, message));
            }
            match openat(&here.fd, part.as_slice(), FOLDER, Mode::empty()) {
                Ok(fd) => here = Folder { fd: Rc::new(fd), path: next },
                Err(Errno::ENOENT) if make => {
                    failed(mkdirat(&here.fd, part.as_slice(), Mode::from_bits_truncate(0o755)), "make", &next)?;
                    let fd = failed(openat(&here.fd, part.as_slice(), FOLDER, Mode::empty()), "open", &next)?;
                    here = Folder { fd: Rc::new(fd), path: next };
                }
                Err(Errno::ENOENT) => return Ok(None),
                Err(Errno::ENOTDIR | Errno::ELOOP) => match readlinkat(&here.fd, part.as_slice()) {
                    Ok(target) => {
                        links += 1;
                        if links > MOST_LINKS {
                            let message = format!("'{}' leads through more than {MOST_LINKS} links", shown(path));
                            return Err(Error::new(Code::LimitExceeded, message));
                        }
                        let target = target.into_vec();
                        if target.starts_with(b"/") {
                            here = Folder { fd: self.root.clone(), path: Vec::new() };
                        }
                        waiting.extend(parts(&target));
                    }
                    Err(_) if !make => return Ok(None),
                    Err(_) => {
                        let message = format!("'{}' is no folder, but has a file in it", shown(&next));
                        return Err(Error::new(Code::InvalidManifest, message));
                    }
                },
                Err(errno) => return failed(Err(errno), "open", &next),
            }
        }
        Ok(Some(here))
    }

    /// A folder by its true name: no link is on the way.
    fn down(&self, path: &[u8]) -> Result<Folder> {
        let mut fd = self.root.clone();
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            fd = Rc::new(failed(openat(&fd, part, FOLDER, Mode::empty()), "open", path)?);
        }
        Ok(Folder { fd, path: path.to_vec() })
    }

    fn spot(&mut self, path: &[u8], make: bool) -> Result<Option<Spot>> {
        let (folder, name) = split(path);
        let name = name.to_vec();
        Ok(self.folder(folder, make)?.map(|folder| Spot { folder, name }))
    }

    /// Takes away what lower layers have under a name, unless this layer has it (`own`).
    pub fn whiteout(&mut self, path: &[u8], own: &HashSet<Vec<u8>>) -> Result<()> {
        let Some(spot) = self.spot(path, false)? else { return Ok(()) };
        self.clear(&spot, own)
    }

    /// Takes away what lower layers have in a folder.
    pub fn opaque(&mut self, path: &[u8], own: &HashSet<Vec<u8>>) -> Result<()> {
        let Some(folder) = self.folder(path, false)? else { return Ok(()) };
        for name in names(&folder)? {
            self.clear(&Spot { folder: folder.clone(), name }, own)?;
        }
        Ok(())
    }

    /// Removes a name with all below it, but for what is the layer's own.
    fn clear(&mut self, spot: &Spot, own: &HashSet<Vec<u8>>) -> Result<()> {
        let path = spot.path();
        if !own.contains(&path) {
            return self.remove(spot);
        }
        if let Ok(fd) = openat(&spot.folder.fd, spot.name.as_slice(), FOLDER, Mode::empty()) {
            let folder = Folder { fd: Rc::new(fd), path };
            for name in names(&folder)? {
                self.clear(&Spot { folder: folder.clone(), name }, own)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, spot: &Spot) -> Result<()> {
        let path = spot.path();
        self.last = None;
        let gone: Vec<Vec<u8>> = self
            .folders
            .range(path.clone()..)
            .map(|(name, _)| name)
            // Names that only begin alike, such as `a-b` for `a`, stand between.
            .take_while(|name| name.starts_with(&path))
            .filter(|name| **name == path || is_within(name, &path))
            .cloned()
            .collect();
        for name in gone {
            self.folders.remove(&name);
        }
        match unlinkat(&spot.folder.fd, spot.name.as_slice(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => return Ok(()),
            // Linux says the one, POSIX the other.
            Err(Errno::EISDIR | Errno::EPERM) => {}
            Err(errno) => return failed(Err(errno), "remove", &path),
        }
        let fd = failed(openat(&spot.folder.fd, spot.name.as_slice(), FOLDER, Mode::empty()), "remove", &path)?;
        let folder = Folder { fd: Rc::new(fd), path: path.clone() };
        for name in names(&folder)? {
            self.remove(&Spot { folder: folder.clone(), name })?;
        }
        failed(unlinkat(&spot.folder.fd, spot.name.as_slice(), UnlinkatFlags::RemoveDir), "remove", &path)
    }

    /// Makes an entry, in the place of whatever is there; `content` reads a file's bytes. Gives its true name, or None when
    /// it was left out.
    pub fn make(
        &mut self,
        entry: &Entry,
        content: &mut dyn FnMut(&mut [u8]) -> Result<usize>,
    ) -> Result<Option<Vec<u8>>> {
        if entry.path.is_empty() {
            // The folder itself is the caller's.
            return match entry.kind {
                Kind::Directory => Ok(Some(Vec::new())),
                _ => Err(Error::new(Code::InvalidManifest, "the layer has a root that is no folder")),
            };
        }
        let device = matches!(entry.kind, Kind::Character | Kind::Block | Kind::Fifo);
        if device && !self.keep.devices {
            return Ok(None);
        }
        let lost = || Error::new(Code::Internal, format!("'{}' has no folder", shown(&entry.path)));
        let spot = self.spot(&entry.path, true)?.ok_or_else(lost)?;
        let path = spot.path();
        let there = fstatat(&spot.folder.fd, spot.name.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW).ok();
        let is_folder = |stat: &nix::sys::stat::FileStat| stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits();
        if let Kind::HardLink(target) = &entry.kind {
            return self.link(entry, target, &spot, there.is_some()).map(|()| Some(path));
        }
        if entry.kind == Kind::Directory && there.as_ref().is_some_and(is_folder) {
            self.folders.insert(path.clone(), entry.clone());
            return Ok(Some(path));
        }
        if there.is_some() {
            self.remove(&spot)?;
        }
        match &entry.kind {
            Kind::Directory => {
                failed(mkdirat(&spot.folder.fd, spot.name.as_slice(), Mode::S_IRWXU), "make", &path)?;
                self.folders.insert(path.clone(), entry.clone());
            }
            Kind::File => self.file(entry, &spot, content)?,
            Kind::Symlink(target) => {
                failed(symlinkat(target.as_slice(), &spot.folder.fd, spot.name.as_slice()), "make", &path)?;
                self.dress_name(entry, &spot)?;
            }
            _ => self.device(entry, &spot)?,
        }
        Ok(Some(path))
    }

    fn file(&self, entry: &Entry, spot: &Spot, content: &mut dyn FnMut(&mut [u8]) -> Result<usize>) -> Result<()> {
        use std::io::Write as _;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&spot.folder.fd, spot.name.as_slice(), flags, Mode::S_IRUSR | Mode::S_IWUSR);
        let mut file = File::from(failed(fd, "make", &entry.path)?);
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

    fn link(&mut self, entry: &Entry, target: &[u8], spot: &Spot, there: bool) -> Result<()> {
        let missing = || {
            let message = format!("'{}' is a link to '{}', which is not there", shown(&entry.path), shown(target));
            Error::new(Code::InvalidManifest, message)
        };
        let from = self.spot(target, false)?.ok_or_else(missing)?;
        let found = fstatat(&from.folder.fd, from.name.as_slice(), AtFlags::AT_SYMLINK_NOFOLLOW);
        let kind = found.map_err(|_| missing())?.st_mode & SFlag::S_IFMT.bits();
        if from.path() == spot.path() {
            return Ok(());
        }
        if kind == SFlag::S_IFDIR.bits() || is_within(&from.path(), &spot.path()) {
            return Err(missing());
        }
        if there {
            self.remove(spot)?;
        }
        let linked =
            linkat(&from.folder.fd, from.name.as_slice(), &spot.folder.fd, spot.name.as_slice(), AtFlags::empty());
        failed(linked, "link", &entry.path)
    }

    fn device(&self, entry: &Entry, spot: &Spot) -> Result<()> {
        let kind = match entry.kind {
            Kind::Character => SFlag::S_IFCHR,
            Kind::Block => SFlag::S_IFBLK,
            _ => SFlag::S_IFIFO,
        };
        let number = nix::sys::stat::makedev(u64::from(entry.device.0), u64::from(entry.device.1));
        let made = mknodat(&spot.folder.fd, spot.name.as_slice(), kind, self.mode(entry), number);
        failed(made, "make", &entry.path)?;
        self.dress_name(entry, spot)
    }

    fn mode(&self, entry: &Entry) -> Mode {
        let kept = if self.keep.setuid { 0o7777 } else { 0o1777 };
        Mode::from_bits_truncate((entry.mode & kept) as nix::sys::stat::mode_t)
    }

    /// Owner first: a change of owner takes the set-user-ID bit away.
    fn dress(&self, fd: &impl AsFd, entry: &Entry) -> Result<()> {
        if self.keep.owner {
            let (uid, gid) = owner(entry);
            failed(fchown(fd, Some(uid), Some(gid)), "give its owner to", &entry.path)?;
        }
        failed(fchmod(fd, self.mode(entry)), "give its permissions to", &entry.path)?;
        failed(futimens(fd, &TimeSpec::UTIME_OMIT, &time(entry)), "give its time to", &entry.path)
    }

    fn dress_name(&self, entry: &Entry, spot: &Spot) -> Result<()> {
        let (folder, name) = (&spot.folder.fd, spot.name.as_slice());
        if self.keep.owner {
            let (uid, gid) = owner(entry);
            let given = fchownat(folder, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW);
            failed(given, "give its owner to", &entry.path)?;
        }
        let given = utimensat(folder, name, &TimeSpec::UTIME_OMIT, &time(entry), UtimensatFlags::NoFollowSymlink);
        failed(given, "give its time to", &entry.path)
    }

    /// Gives the folders their permissions and times, the deepest first.
    pub fn finish(&mut self) -> Result<()> {
        self.last = None;
        for (path, entry) in std::mem::take(&mut self.folders).iter().rev() {
            let folder = self.down(path)?;
            self.dress(&folder.fd, entry)?;
        }
        Ok(())
    }
}

fn names(folder: &Folder) -> Result<Vec<Vec<u8>>> {
    let again = openat(&folder.fd, c".", FOLDER, Mode::empty());
    let mut dir = failed(again.and_then(Dir::from_fd), "read", &folder.path)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        let name = failed(entry, "read", &folder.path)?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    Ok(names)
}

fn owner(entry: &Entry) -> (Uid, Gid) {
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX - 1);
    (Uid::from_raw(number(entry.uid)), Gid::from_raw(number(entry.gid)))
}

fn time(entry: &Entry) -> TimeSpec {
    // Years 1 to 9999: beyond them file systems differ.
    TimeSpec::new(entry.mtime.clamp(-62_135_596_800, 253_402_300_799), 0)
}
