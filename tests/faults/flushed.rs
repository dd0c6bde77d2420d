//! In which order a layout that is changed call by call gets to the disk: no name before its bytes, no entry in `index.json` before the
//! names of the blobs, and nothing is removed before the `index.json` that does not need it is there for good. After a power cut a layout
//! is whole only then, which no kill of a process shows.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use ocireg::place::{self, Place};

use crate::common::*;
use crate::cut::{before_change, start, CHANGES};
use crate::memory::Memory;
use crate::own_process::preload;

/// Writes down each flush and each removal, and what the layout holds at that moment.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static void list(FILE *out, const char *root, const char *below) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s", root, below);
    DIR *folder = opendir(path);
    if (!folder) return;
    for (struct dirent *one; (one = readdir(folder));) {
        struct stat facts;
        if (one->d_name[0] == '.' || fstatat(dirfd(folder), one->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
        fprintf(out, "has %llu %s/%s\n", (unsigned long long)facts.st_ino, below, one->d_name);
    }
    closedir(folder);
}
static void note(const char *what, unsigned long long number) {
    const char *root = getenv("FLUSH_ROOT"), *log = getenv("FLUSH_LOG");
    if (!root || !log) return;
    FILE *out = fopen(log, "a");
    fprintf(out, "%s %llu\n", what, number);
    list(out, root, ""), list(out, root, "/blobs"), list(out, root, "/blobs/sha256");
    fclose(out);
}
int fsync(int fd) {
    struct stat facts;
    note("sync", fstat(fd, &facts) == 0 ? facts.st_ino : 0);
    return REAL(fsync)(fd);
}
int unlink(const char *path) {
    struct stat facts;
    int is_blob = strstr(path, "/blobs/") && *(strrchr(path, '/') + 1) != '.';
    if (is_blob) note("gone", lstat(path, &facts) == 0 ? facts.st_ino : 0);
    return REAL(unlink)(path);
}
"#;

type Held = BTreeSet<(u64, String)>;

/// What a layout holds, but for hidden files.
fn held(root: &Path) -> Held {
    let mut found = Held::new();
    for below in ["", "/blobs", "/blobs/sha256"] {
        let Ok(entries) = std::fs::read_dir(format!("{}{below}", root.display())) else { continue };
        for entry in entries.map(|entry| entry.unwrap()) {
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with('.') {
                found.insert((entry.metadata().unwrap().ino(), format!("{below}/{name}")));
            }
        }
    }
    found
}

/// The hidden files of a layout.
pub fn hidden(layout: &Path) -> Vec<String> {
    let entries = ["", "blobs", "blobs/sha256"].into_iter().flat_map(|folder| {
        std::fs::read_dir(layout.join(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap())
    });
    entries.filter(|name| name.starts_with('.')).collect()
}

/// What is on the disk for good.
struct Disk {
    files: BTreeSet<u64>,
    names: Held,
}

impl Disk {
    /// Everything has bytes that are there; and if the index names it, or this is the end, all names are.
    fn check(&self, now: &Held, is_settled: bool, why: &str) {
        for (number, path) in now {
            let is_folder = matches!(path.as_str(), "/blobs" | "/blobs/sha256" | "/blobs/sha512");
            assert!(is_folder || self.files.contains(number), "{why}: {path} has its name before its bytes");
            let is_named = self.names.contains(&(*number, path.clone()));
            assert!(!is_settled || is_named, "{why}: {path} is not sure to have its name");
        }
    }

    /// A new file may have the number of one that is gone.
    fn forget(&mut self, before: &Held, now: &Held) {
        let there: BTreeSet<u64> = now.iter().map(|(number, _)| *number).collect();
        self.files.retain(|number| there.contains(number) || !before.iter().any(|(old, _)| old == number));
    }

    fn flushed(&mut self, number: u64, root: u64, now: &Held) {
        let folder = now.iter().find(|(one, _)| *one == number).map(|(_, path)| path.as_str());
        match folder {
            Some(folder @ ("/blobs" | "/blobs/sha256" | "/blobs/sha512")) => self.names_in(folder, now),
            _ if number == root => self.names_in("", now),
            _ => drop(self.files.insert(number)),
        }
    }

    fn names_in(&mut self, folder: &str, now: &Held) {
        let is_in = |path: &str| path.rsplit_once('/').is_some_and(|(parent, _)| parent == folder);
        self.names.retain(|(_, path)| !is_in(path));
        self.names.extend(now.iter().filter(|(_, path)| is_in(path)).cloned());
    }
}

/// A manifest of the same blobs, which no other layout has yet.
fn another_manifest(layout: &Path) -> String {
    let client = client();
    let call = call(&client);
    let at = |tag: &str| Place::parse(&format!("oci:{}:a/b:{tag}", layout.display())).unwrap();
    let found = place::get_manifest(&client, &call, &at("1"), &Default::default()).unwrap();
    let mut value = found.document.value;
    value["annotations"] = serde_json::json!({"a": "b"});
    place::put_manifest(&client, &call, &at("9"), value.to_string().as_bytes(), &Default::default()).unwrap();
    format!("oci:{}:a/b:9", layout.display())
}

/// Makes one change, and goes through what it did. Gives how often it flushed and removed something.
fn follow(change: &str, is_new: bool) -> (usize, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (shim, place, log) = (preload(folder.path(), SHIM), folder.path().join("place"), folder.path().join("log"));
    let (old, other) = (Memory::new(&[vec![1; 3000]]), Memory::new(&[vec![2; 3000]]));
    let from = folder.path().join("from");
    before_change("oci", "blob", &from, &old, &other);
    let to = match is_new {
        true => format!("oci:{}", place.display()),
        false => before_change("oci", change, &place, &old, &other),
    };
    let before = held(&place);
    let source = match (is_new, change) {
        (_, "manifest") => another_manifest(&from),
        (true, _) => format!("oci:{}:a/b:1", from.display()),
        (false, _) => format!("oci:{}:a/b:1", place.display()),
    };
    let mut child = start(&source, &to);
    child.env("OCIREG_TEST_CHANGE", change).env("LD_PRELOAD", &shim);
    let done = child.env("FLUSH_ROOT", &place).env("FLUSH_LOG", &log).output().unwrap();
    assert!(done.status.success(), "{change}: {}", String::from_utf8_lossy(&done.stderr));
    let after = held(&place);
    assert_ne!(after, before, "{change}");
    let root = std::fs::metadata(&place).unwrap().ino();
    let mut disk = Disk { files: before.iter().map(|(number, _)| *number).collect(), names: before.clone() };
    let index = |held: &Held| held.iter().find(|(_, path)| path == "/index.json").cloned();
    let log = std::fs::read_to_string(&log).unwrap();
    let mut lines = log.lines().peekable();
    let (mut flushes, mut removals, mut last) = (0, 0, before.clone());
    while let Some(line) = lines.next() {
        let mut now = Held::new();
        while let Some(facts) = lines.next_if(|line| line.starts_with("has ")) {
            let (number, path) = facts["has ".len()..].split_once(' ').unwrap();
            now.insert((number.parse().unwrap(), path.to_owned()));
        }
        let (what, number) = line.split_once(' ').unwrap();
        let why = format!("{change}, at flush {flushes}");
        disk.forget(&last, &now);
        last.clone_from(&now);
        let blobs: Held = now.iter().filter(|(_, path)| path.starts_with("/blobs")).cloned().collect();
        disk.check(&now, false, &why);
        // The index of a new layout names nothing.
        disk.check(&blobs, !is_new && index(&now) != index(&before), &why);
        if what == "gone" {
            removals += 1;
            assert!(
                index(&now).is_some_and(|index| disk.names.contains(&index)),
                "{why}: something is removed too early"
            );
        } else {
            flushes += 1;
            disk.flushed(number.parse().unwrap(), root, &now);
        }
    }
    // The names of what is removed may come back, and are then garbage as before.
    disk.check(&after, true, &format!("{change}, at its end"));
    (flushes, removals)
}

#[test]
fn layouts_are_changed_in_an_order_that_survives_a_power_cut() {
    for change in CHANGES {
        let (flushes, removals) = follow(change, false);
        assert_eq!((flushes == 0, removals > 0), (change == "clean", change == "clean"), "{change}: {flushes}");
    }
    // This one takes something out of the index first.
    let (flushes, removals) = follow("orphans", false);
    assert!(flushes >= 2 && removals >= 4, "{flushes} {removals}");
    assert!(follow("blob", true).0 >= 4);
}
