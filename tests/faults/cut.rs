//! Copies and changes that end at any step: each file operation of a local destination is the last thing that the process does, or goes
//! wrong in one of the ways of a disk; each request to a registry is the last. Whatever the destination names afterwards is complete:
//! the old image or the new one.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::Arc;

use ocireg::call::Call;
use ocireg::digest::Digest;
use ocireg::error::Error;
use ocireg::layout::check::{check, clean};
use ocireg::layout::oci::OciLayout;
use ocireg::place::{self, Place};
use ocireg::store::ReadStore;
use ocireg::transfer::copy::{copy, CopyOptions};

use crate::common::*;
use crate::flushed::hidden;
use crate::memory::Memory;
use crate::own_process::preload;
use crate::registry::*;
use crate::shelf::*;

/// The copy in a separate process: this test, in a process whose environment names source and destination.
#[test]
fn the_process_that_is_cut() {
    let (Ok(from), Ok(to)) = (std::env::var("OCIREG_TEST_FROM"), std::env::var("OCIREG_TEST_TO")) else { return };
    let client = client();
    let folder = to.trim_start_matches("oci:").to_owned();
    if std::env::var("OCIREG_TEST_CHANGE").as_deref() == Ok("sync") {
        return drop(crate::synced::synced_by(&client, &from, &to, serde_json::json!({})).unwrap());
    }
    let (from, to) = (Place::parse(&from).unwrap(), Place::parse(&to).unwrap());
    let call = call(&client);
    let outcome = match std::env::var("OCIREG_TEST_CHANGE").as_deref() {
        Ok("untag") => place::delete_tag(&client, &call, &to, &Default::default()).map(drop),
        Ok("blob") => place::put_blob(&client, &call, &to, b"a blob", &Default::default()).map(drop),
        Ok("manifest") => place::get_manifest(&client, &call, &from, &Default::default())
            .and_then(|found| place::put_manifest(&client, &call, &to, &found.bytes, &Default::default()).map(drop)),
        Ok("tag") => place::tag(&client, &call, &from, "a/b:3", &Default::default()).map(drop),
        Ok("delete") => place::delete_manifest(&client, &call, &to, &Default::default()).map(drop),
        Ok("clean" | "orphans") => cleaned(&call, &folder),
        _ => place::copy(&client, &call, &from, &to, &CopyOptions::default()).map(drop),
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
        std::process::exit(7);
    }
}

fn cleaned(call: &Call, layout: &str) -> Result<(), Error> {
    clean(call, &OciLayout::open(Path::new(layout), None)?, &Default::default()).map(drop)
}

pub fn start(from: &str, to: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "cut::the_process_that_is_cut", "--nocapture", "--test-threads=1"]);
    child.env("OCIREG_TEST_FROM", from).env("OCIREG_TEST_TO", to).stdout(Stdio::null()).stderr(Stdio::piped());
    child
}

fn said(child: &mut Child) -> String {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    said
}

/// How a step ends: it is the process's last, it fails with EIO, reading does, the disk is full from then on, or it has no descriptor left.
const WAYS: [&str; 5] = ["kill", "once", "read", "full", "many"];

/// Counts the operations on files, in all threads, and fails some of them or ends the process there.
pub const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int count;

enum { CHANGES = 1, TAKES_ROOM = 2, OPENS = 4, READS = 8, NEEDS_ROOM = CHANGES | TAKES_ROOM };

/* Which calls are steps, and which of them go wrong. */
static int fails(const char *how, int at, int kinds) {
    int number, wanted = *how == 'r' ? READS : *how == 'm' ? OPENS : *how == 'f' ? TAKES_ROOM : CHANGES;
    if (!(kinds & wanted)) return 0;
    number = atomic_fetch_add(&count, 1);
    return number == at || (*how == 'f' && number > at);
}
static int here(int kinds) {
    const char *at = getenv("CUT_AT"), *how = getenv("CUT_HOW"), *mark = getenv("CUT_MARK");
    if (!at || !fails(how, atoi(at), kinds)) return 0;
    syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, mark, O_CREAT | O_WRONLY, 0600));
    if (*how == 'k') kill(getpid(), SIGKILL);
    errno = *how == 'f' ? ENOSPC : *how == 'm' ? EMFILE : EIO;
    return 1;
}
static int is_file(int fd) { struct stat facts; return fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode); }
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPENED(name, first, pass) \
    int name first { \
        va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
        if (here(OPENS | ((flags & O_ACCMODE) == O_RDONLY ? 0 : flags & O_CREAT ? NEEDS_ROOM : CHANGES))) return -1; \
        return REAL(name) pass; }
OPENED(open, (const char *path, int flags, ...), (path, flags, mode))
OPENED(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENED(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPENED(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
ssize_t read(int fd, void *bytes, size_t size) { return is_file(fd) && here(READS) ? -1 : REAL(read)(fd, bytes, size); }
ssize_t pread64(int fd, void *bytes, size_t size, off64_t at) { return is_file(fd) && here(READS) ? -1 : REAL(pread64)(fd, bytes, size, at); }
ssize_t write(int fd, const void *bytes, size_t size) { return is_file(fd) && here(NEEDS_ROOM) ? -1 : REAL(write)(fd, bytes, size); }
int rename(const char *from, const char *to) { return here(CHANGES) ? -1 : REAL(rename)(from, to); }
int renameat(int a, const char *from, int b, const char *to) { return here(CHANGES) ? -1 : REAL(renameat)(a, from, b, to); }
int link(const char *from, const char *to) { return here(NEEDS_ROOM) ? -1 : REAL(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) { return here(NEEDS_ROOM) ? -1 : REAL(linkat)(a, from, b, to, flags); }
int mkdir(const char *path, mode_t mode) { return here(NEEDS_ROOM) ? -1 : REAL(mkdir)(path, mode); }
int fsync(int fd) { return here(CHANGES) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return here(CHANGES) ? -1 : REAL(fdatasync)(fd); }
int flock(int fd, int how) { return here(CHANGES) ? -1 : REAL(flock)(fd, how); }
int ftruncate64(int fd, off64_t size) { return here(NEEDS_ROOM) ? -1 : REAL(ftruncate64)(fd, size); }
int rmdir(const char *path) { return here(CHANGES) ? -1 : REAL(rmdir)(path); }
int unlink(const char *path) { return here(CHANGES) ? -1 : REAL(unlink)(path); }
int unlinkat(int at, const char *path, int flags) { return here(CHANGES) ? -1 : REAL(unlinkat)(at, path, flags); }
"#;

/// The digest of the image that a place names, after reading all its blobs. None when it names none.
pub fn named(name: &str) -> Option<Digest> {
    let client = client();
    let (call, place) = (call(&client), Place::parse(name).unwrap());
    let store: Box<dyn ReadStore> = place.source(&client).ok()?;
    let root = store.root(&call).ok()?;
    for blob in root.document.config().into_iter().chain(root.document.layers()) {
        let mut open = store.open(&call, blob, None).unwrap_or_else(|error| panic!("{name}: {error}"));
        while open.piece().unwrap_or_else(|error| panic!("{name}: {error}")).is_some() {}
    }
    Some(root.digest().clone())
}

pub fn image(from: &Memory) -> Digest {
    from.root(&call(&client())).unwrap().digest().clone()
}

pub fn put(from: &Memory, to: &str) {
    let client = client();
    let to = Place::parse(to).unwrap().destination(&client).unwrap();
    copy(&call(&client), from, to.as_ref(), &CopyOptions::default()).unwrap();
}

/// The place in a folder, with the name of an image if it has names.
pub fn target(kind: &str, room: &Path) -> String {
    match kind {
        "docker-archive" => format!("{kind}:{}/place:a/b:v1", room.display()),
        "dir" => format!("{kind}:{}/place", room.display()),
        _ => format!("{kind}:{}/place:v1", room.display()),
    }
}

/// A destination that is interrupted, what goes there, and how.
struct Interruption<'a> {
    kind: &'a str,
    how: &'a str,
    folder: &'a Path,
    shim: &'a Path,
    source: &'a str,
    old: Memory,
    new: Memory,
}

impl Interruption<'_> {
    /// Interrupts it at one step, and copies again. Whether there was that step.
    fn cut_at(&self, at: usize, with_old: bool) -> bool {
        let room = self.folder.join(format!("{with_old}-{at}"));
        std::fs::create_dir(&room).unwrap();
        let target = target(self.kind, &room);
        if with_old {
            put(&self.old, &target);
        }
        let (before, mark) = (named(&target), room.join("mark"));
        assert_eq!(before, with_old.then(|| image(&self.old)));
        let mut child = start(self.source, &target);
        child.env("LD_PRELOAD", self.shim).env("CUT_AT", at.to_string());
        let mut child = child.env("CUT_HOW", self.how).env("CUT_MARK", &mark).spawn().unwrap();
        let said = said(&mut child);
        let status = child.wait().unwrap();
        let (kind, how, new) = (self.kind, self.how, Some(image(&self.new)));
        let where_ = format!("{kind}, {how} at step {at}, with an old image: {with_old}; {status}: {said}");
        let (cut, after) = (mark.exists(), named(&target));
        let killed = cut && how == "kill";
        assert_eq!(status.signal(), killed.then_some(9), "{where_}");
        assert!(after == before || after == new, "{where_}: it names {after:?}");
        if !killed {
            assert!(matches!(status.code(), Some(0 | 7)), "{where_}");
            assert!(status.code() != Some(0) || after == new, "{where_}");
        }
        if kind == "oci" && room.join("place/oci-layout").exists() {
            let layout = OciLayout::open(&room.join("place"), None).unwrap();
            let checked = check(&call(&client()), &layout).unwrap();
            assert!(checked.ok, "{where_}: {checked:?}");
        }
        put(&self.new, &target);
        assert_eq!(named(&target), new, "{where_}");
        let left = std::fs::read_dir(&room).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "mark" && name != "place").collect();
        assert!(left.is_empty(), "{where_}: {left:?}");
        std::fs::remove_dir_all(&room).unwrap();
        cut
    }
}

/// One destination, interrupted at every step in one way.
fn cut_everywhere(kind: &str, how: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (folder, shim) = (folder.path(), preload(folder.path(), SHIM));
    // The layers of an archive for Docker must match the diff_ids in the config.
    let (old, new) = (Memory::new(&[vec![1; 3000]]), Memory::new(&[vec![2; 3000], vec![3; 3000]]));
    let source = format!("oci:{}:v1", folder.join("source").display());
    put(&new, &source);
    let interruption = Interruption { kind, how, folder, shim: &shim, source: &source, old, new };
    for with_old in [false, true] {
        let steps = (0..).find(|at| !interruption.cut_at(*at, with_old)).unwrap();
        println!("{kind}, {how}: {steps} steps");
        assert!(steps > 3, "{kind}, {how}: the steps are not seen");
    }
}

/// What an archive is, or which blobs and names a layout has.
pub fn state(place: &Path) -> Vec<u8> {
    if place.is_file() {
        return std::fs::read(place).unwrap();
    }
    let blobs = std::fs::read_dir(place.join("blobs/sha256")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut blobs: Vec<String> =
        blobs.map(|name| name.into_string().unwrap()).filter(|name| !name.starts_with('.')).collect();
    blobs.sort();
    [std::fs::read(place.join("index.json")).unwrap(), blobs.join(" ").into_bytes()].concat()
}

/// Where a change is made that has an image under two names, and in a layout another one and a blob that nothing names.
pub fn before_change(kind: &str, change: &str, place: &Path, old: &Memory, other: &Memory) -> String {
    let whole = format!("{kind}:{}", place.display());
    let name = |name: &str| format!("{whole}:a/b:{name}");
    ["1", "2"].iter().for_each(|tag| put(old, &name(tag)));
    if kind == "oci" {
        put(other, &name("4"));
    }
    if change == "clean" {
        let client = client();
        let holder = Place::parse(&whole).unwrap();
        place::put_blob(&client, &call(&client), &holder, b"garbage", &Default::default()).unwrap();
    }
    if change == "orphans" {
        // What refers without a name to what no name refers to any more.
        let (client, holder) = (client(), Place::parse(&name("4")).unwrap());
        let root = other.root(&call(&client)).unwrap();
        let mut about = root.document.value.clone();
        about["subject"] = serde_json::json!(root.descriptor());
        let about = about.to_string().into_bytes();
        let by_digest = Place::parse(&format!("{whole}@{}", digest(&about))).unwrap();
        place::put_manifest(&client, &call(&client), &by_digest, &about, &Default::default()).unwrap();
        place::delete_tag(&client, &call(&client), &holder, &Default::default()).unwrap();
    }
    match change {
        "blob" | "clean" | "orphans" => whole,
        "untag" => name("2"),
        "delete" => format!("{whole}@{}", image(other)),
        _ => name("3"),
    }
}

/// One change, interrupted at every step in one way.
fn cut_change(kind: &str, change: &str, how: &str) {
    let folder = tempfile::tempdir().unwrap();
    let shim = preload(folder.path(), SHIM);
    let (old, other) = (Memory::new(&[vec![1; 3000]]), Memory::new(&[vec![2; 3000]]));
    for at in 0.. {
        let room = folder.path().join(at.to_string());
        std::fs::create_dir(&room).unwrap();
        let to = before_change(kind, change, &room.join("place"), &old, &other);
        let name = |name: &str| format!("{kind}:{}/place:a/b:{name}", room.display());
        let (before, mark) = (state(&room.join("place")), room.join("mark"));
        let run = |cut: bool| {
            let mut child = start(&name("1"), &to);
            child.env("OCIREG_TEST_CHANGE", change);
            if cut {
                child.env("LD_PRELOAD", &shim).env("CUT_AT", at.to_string()).env("CUT_HOW", how).env("CUT_MARK", &mark);
            }
            let mut child = child.spawn().unwrap();
            let said = said(&mut child);
            (child.wait().unwrap(), said)
        };
        let (status, said) = run(true);
        let where_ = format!("{kind}, {change}, {how} at step {at}; {status}: {said}");
        let (cut, after) = (mark.exists(), state(&room.join("place")));
        assert_eq!(status.signal(), (cut && how == "kill").then_some(9), "{where_}");
        assert_eq!(named(&name("1")), Some(image(&old)), "{where_}");
        let is_changed = match change {
            "untag" => named(&name("2")).is_none(),
            "manifest" | "tag" => named(&name("3")).is_some(),
            "delete" => named(&name("4")).is_none(),
            _ => after != before,
        };
        assert!(is_changed || after == before, "{where_}: neither the old one nor the new one");
        assert!(status.code() != Some(0) || is_changed, "{where_}");
        let (again, said) = run(false);
        let is_gone = matches!(change, "untag" | "delete") && is_changed;
        assert!(again.success() || is_gone, "{where_}, then {said}");
        assert_eq!(named(&name("2")), (change != "untag").then(|| image(&old)), "{where_}");
        if kind == "oci" {
            assert_eq!(named(&name("4")), (change != "delete").then(|| image(&other)), "{where_}");
            let layout = OciLayout::open(&room.join("place"), None).unwrap();
            assert!(check(&call(&client()), &layout).unwrap().ok, "{where_}");
        }
        let left = std::fs::read_dir(&room).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "mark" && name != "place").collect();
        let is_killed = cut && how == "kill";
        assert!(left.is_empty() || is_killed && left[0].to_str().unwrap().starts_with('.'), "{where_}: {left:?}");
        if kind == "oci" {
            cleaned(&call(&client()), &room.join("place").display().to_string()).unwrap();
            assert_eq!(hidden(&room.join("place")), [""; 0], "{where_}");
        }
        std::fs::remove_dir_all(&room).unwrap();
        if !cut {
            let least = if how == "full" {
                0
            } else if kind == "oci" {
                2
            } else {
                6
            };
            assert!(at >= least, "{where_}: the steps are not seen");
            return;
        }
    }
}

#[test]
fn archives_that_are_changed() {
    let changes = [
        ("oci-archive", "untag"),
        ("docker-archive", "untag"),
        ("oci-archive", "blob"),
        ("docker-archive", "manifest"),
    ];
    for (kind, change) in changes {
        WAYS.iter().for_each(|how| cut_change(kind, change, how));
    }
}

/// All that changes a layout but a copy.
pub const CHANGES: [&str; 6] = ["blob", "manifest", "tag", "untag", "delete", "clean"];

#[test]
fn layouts_that_are_changed() {
    for change in CHANGES {
        WAYS.iter().for_each(|how| cut_change("oci", change, how));
    }
}

#[test]
fn layouts() {
    WAYS.iter().for_each(|how| cut_everywhere("oci", how));
}

#[test]
fn archives_of_layouts() {
    WAYS.iter().for_each(|how| cut_everywhere("oci-archive", how));
}

#[test]
fn archives_for_docker() {
    WAYS.iter().for_each(|how| cut_everywhere("docker-archive", how));
}

#[test]
fn directories() {
    WAYS.iter().for_each(|how| cut_everywhere("dir", how));
}

/// The process ends when it sends a request, each in turn: the tag keeps its old manifest until everything is there.
#[test]
fn registries() {
    let source = Shelf::start(Abilities { referrers: true, ..Abilities::default() });
    let entries = [source.image("amd64"), source.image("arm64")];
    source.manifest("v1", &serde_json::json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}));
    let from = format!("{}/a/b:v1", source.host());
    let mut at = 0;
    loop {
        let (pid, count) = (Arc::<AtomicI32>::default(), Arc::<AtomicUsize>::default());
        let (of, seen) = (pid.clone(), count.clone());
        let to = Shelf::with(Abilities { referrers: true, ..Abilities::default() }, move |_| {
            if seen.fetch_add(1, Ordering::SeqCst) != at {
                return;
            }
            while of.load(Ordering::SeqCst) == 0 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            // Below zero it has ended, and this is the next copy.
            let pid = of.load(Ordering::SeqCst);
            if pid > 0 {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL).unwrap();
            }
        });
        let before = to.image("before");
        to.manifest("v9", &to.registry.json(before["digest"].as_str().unwrap()).unwrap());
        let target = format!("{}/c/d:v9", to.host());
        let mut child = start(&from, &target).spawn().unwrap();
        pid.store(i32::try_from(child.id()).unwrap(), Ordering::SeqCst);
        let said = said(&mut child);
        let status = child.wait().unwrap();
        pid.store(-1, Ordering::SeqCst);
        let (old, new) = (before["digest"].as_str().unwrap().to_owned(), source.tag("v1").unwrap());
        let names = to.tag("v9").unwrap();
        // The last request, the tag's own, may have taken effect even if no call waited for its response.
        let last = to.names().last().is_some_and(|name| name == "v9");
        assert!(names == old || names == new && (last || status.success()), "request {at}: {names}: {said}");
        let client = client();
        let (from, target) = (Place::parse(&from).unwrap(), Place::parse(&target).unwrap());
        place::copy(&client, &call(&client), &from, &target, &CopyOptions::default()).unwrap();
        assert_eq!(to.tag("v9"), Some(new));
        if status.success() {
            assert!(at > 10, "only {at} requests");
            break;
        }
        assert_eq!(status.signal(), Some(9), "{said}");
        at += 1;
    }
}
