//! What a disk has of the files of a folder at each moment, as far as POSIX promises: bytes once their file was flushed, names once
//! their folder was. Everything else may be gone after a power cut. What was removed is gone at once here, and maps of files, which the
//! library does not write to, are not seen.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::tracer::{SystemCall, Watcher};

/// What is lost of what was not flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Bytes: the files are empty. Names are kept.
    Bytes,
    /// The same, but the files have their sizes.
    Content,
    /// Names too.
    Names,
}

type Number = (u64, u64);

/// A name that the disk may not have.
#[derive(Debug)]
enum NewName {
    Made(PathBuf),
    /// What was there is a copy in another folder.
    Moved {
        from: PathBuf,
        to: PathBuf,
        before: Option<PathBuf>,
    },
}

pub struct Disk<'a> {
    root: &'a Path,
    /// Where things go that are lost.
    trash: &'a Path,
    /// The step before which the power is cut: a call that changes something.
    at: usize,
    steps: usize,
    /// Files with bytes that were not flushed.
    dirty: BTreeMap<Number, File>,
    /// New names, each with the number of its folder.
    names: Vec<(Number, NewName)>,
    /// What calls are about to do.
    begun: Vec<(SystemCall, NewName)>,
}

fn number(path: &Path) -> Option<Number> {
    fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()))
}

/// What a call does to files.
enum Change {
    Writes(usize),
    Flushes(usize),
    FlushesAll,
    Makes(Option<PathBuf>),
    Moves(Option<PathBuf>, Option<PathBuf>),
    Removes(Option<PathBuf>),
}

fn change(call: &SystemCall) -> Option<Change> {
    let is_made = |flags: i32| flags & libc::O_CREAT != 0;
    Some(match call.number {
        libc::SYS_write | libc::SYS_pwrite64 | libc::SYS_writev | libc::SYS_pwritev | libc::SYS_ftruncate => {
            Change::Writes(0)
        }
        libc::SYS_copy_file_range => Change::Writes(2),
        libc::SYS_sendfile => Change::Writes(0),
        libc::SYS_fsync | libc::SYS_fdatasync => Change::Flushes(0),
        libc::SYS_syncfs | libc::SYS_sync => Change::FlushesAll,
        libc::SYS_openat if is_made(call.int(2)) => Change::Makes(call.path(Some(0), 1)),
        libc::SYS_mkdirat => Change::Makes(call.path(Some(0), 1)),
        libc::SYS_linkat => Change::Makes(call.path(Some(2), 3)),
        libc::SYS_symlinkat => Change::Makes(call.path(Some(1), 2)),
        libc::SYS_renameat | libc::SYS_renameat2 => Change::Moves(call.path(Some(0), 1), call.path(Some(2), 3)),
        libc::SYS_unlinkat => Change::Removes(call.path(Some(0), 1)),
        number => return of_older_calls(call, number),
    })
}

/// Calls that only some processors have.
#[cfg(target_arch = "x86_64")]
fn of_older_calls(call: &SystemCall, number: i64) -> Option<Change> {
    Some(match number {
        libc::SYS_open if call.int(1) & libc::O_CREAT != 0 => Change::Makes(call.path(None, 0)),
        libc::SYS_creat | libc::SYS_mkdir => Change::Makes(call.path(None, 0)),
        libc::SYS_link | libc::SYS_symlink => Change::Makes(call.path(None, 1)),
        libc::SYS_rename => Change::Moves(call.path(None, 0), call.path(None, 1)),
        libc::SYS_unlink | libc::SYS_rmdir => Change::Removes(call.path(None, 0)),
        _ => return None,
    })
}

#[cfg(not(target_arch = "x86_64"))]
fn of_older_calls(_: &SystemCall, _: i64) -> Option<Change> {
    None
}

impl<'a> Disk<'a> {
    pub fn new(root: &'a Path, trash: &'a Path, at: usize) -> Disk<'a> {
        let (dirty, names, begun) = (BTreeMap::new(), Vec::new(), Vec::new());
        Disk { root, trash, at, steps: 0, dirty, names, begun }
    }

    /// Whether the power was cut.
    pub fn is_cut(&self) -> bool {
        self.steps > self.at
    }

    fn has(&self, path: &Path) -> bool {
        path.starts_with(self.root)
    }

    /// The process is gone, and what it did not flush is too.
    pub fn lose(self, loss: Loss) {
        for file in self.dirty.values() {
            let size = file.metadata().unwrap().len();
            file.set_len(0).unwrap();
            if loss == Loss::Content {
                file.set_len(size).unwrap();
            }
        }
        let names = self.names.into_iter().rev().filter(|_| loss == Loss::Names);
        for (count, (_, name)) in names.enumerate() {
            // What was removed meanwhile has no name.
            let (lost, to) = (self.trash.join(format!("lost{count}")), &name);
            match to {
                NewName::Made(path) => drop(fs::rename(path, lost)),
                NewName::Moved { from, to, before } => {
                    drop(fs::rename(to, from));
                    before.iter().for_each(|before| drop(fs::copy(before, to)));
                }
            }
        }
    }

    fn begin(&mut self, call: &SystemCall, change: Change) {
        let name = match change {
            Change::Makes(Some(path)) if !path.exists() => NewName::Made(path),
            Change::Moves(Some(from), Some(to)) => {
                let before = self.trash.join(format!("before{}", self.steps));
                let before = fs::copy(&to, &before).ok().map(|_| before);
                NewName::Moved { from, to, before }
            }
            _ => return,
        };
        self.begun.push((call.clone(), name));
    }

    fn written(&mut self, call: &SystemCall, at: usize) {
        let path = call.descriptor(at);
        let (Some(number), Ok(file)) = (number(&path), OpenOptions::new().write(true).open(&path)) else { return };
        self.dirty.entry(number).or_insert(file);
    }

    fn flushed(&mut self, call: &SystemCall) {
        let Some(number) = number(&call.descriptor(0)) else { return };
        self.dirty.remove(&number);
        self.names.retain(|(folder, _)| *folder != number);
    }
}

impl Watcher for Disk<'_> {
    fn begins(&mut self, call: &SystemCall) -> bool {
        // One that failed is forgotten.
        self.begun.retain(|(begun, _)| begun.thread != call.thread);
        let Some(change) = change(call) else { return true };
        let opened = |at| call.opened(at).is_some_and(|path| self.has(&path));
        let named = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| self.has(path));
        let is_ours = match &change {
            Change::Writes(at) | Change::Flushes(at) => opened(*at),
            Change::FlushesAll => true,
            Change::Makes(path) | Change::Removes(path) => named(path),
            Change::Moves(from, to) => named(from) || named(to),
        };
        if !is_ours {
            return true;
        }
        self.steps += 1;
        if self.is_cut() {
            return false;
        }
        self.begin(call, change);
        true
    }

    fn is_done(&mut self, call: &SystemCall) {
        let begun =
            self.begun.iter().position(|(begun, _)| begun.thread == call.thread).map(|at| self.begun.remove(at).1);
        if let Some(name) = begun {
            let (NewName::Made(path) | NewName::Moved { to: path, .. }) = &name;
            self.names.extend(path.parent().and_then(number).map(|folder| (folder, name)));
        }
        match change(call) {
            Some(Change::Writes(at)) if call.opened(at).is_some_and(|path| self.has(&path)) => self.written(call, at),
            Some(Change::Flushes(_)) => self.flushed(call),
            Some(Change::FlushesAll) => {
                self.dirty.clear();
                self.names.clear();
            }
            _ => {}
        }
    }
}
