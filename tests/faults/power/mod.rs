//! The power is cut at each step of a copy or a change: what was not flushed by then is lost, in each way that a file system may lose it.
//! Whatever the destination names afterwards is complete, the old image or the new one, and what a call has said to be done is there.

mod disk;
mod tracer;

use std::path::{Path, PathBuf};
use std::process::Command;

use ocireg::layout::check::check;
use ocireg::layout::oci::OciLayout;

use crate::common::*;
use crate::cut::{before_change, image, named, put, start, state, target, CHANGES};
use crate::memory::Memory;
use disk::{Disk, Loss};
use tracer::{follow, End};

const LOSSES: [Loss; 3] = [Loss::Bytes, Loss::Content, Loss::Names];

/// A folder whose disk loses power, and one for what is lost.
struct Room {
    path: PathBuf,
    trash: PathBuf,
}

impl Room {
    fn new(folder: &Path) -> Room {
        let [path, trash] = ["room", "trash"].map(|name| folder.join(name));
        for folder in [&path, &trash] {
            let _ = std::fs::remove_dir_all(folder);
            std::fs::create_dir(folder).unwrap();
        }
        Room { path, trash }
    }

    /// Runs a command until a step, or to its end, after which the power is cut too. How it ended, whether by that, and what it said.
    fn run(&self, command: &mut Command, at: usize, loss: Loss) -> (End, bool, String) {
        let mut disk = Disk::new(&self.path, &self.trash, at);
        let (end, said) = follow(command, &mut disk);
        let is_cut = disk.is_cut();
        assert!(is_cut == (end == End::Killed), "{end:?}: {said}");
        disk.lose(loss);
        (end, is_cut, said)
    }
}

/// What is written here is lost or not, as it should be: without that, nothing below would tell anything.
#[test]
fn the_process_that_loses_power() {
    let Ok(folder) = std::env::var("OCIREG_TEST_LOSES") else { return };
    let folder = Path::new(&folder);
    let file = |name: &str| {
        std::fs::write(folder.join(name), name).unwrap();
        std::fs::File::open(folder.join(name)).unwrap()
    };
    file("flushed").sync_all().unwrap();
    std::fs::rename(file("other").sync_all().map(|()| folder.join("other")).unwrap(), folder.join("old")).unwrap();
    std::fs::File::open(folder).unwrap().sync_all().unwrap();
    file("not flushed");
    file("without a name").sync_all().unwrap();
    std::fs::rename(folder.join("without a name"), folder.join("flushed")).unwrap();
    std::fs::create_dir(folder.join("folder")).unwrap();
}

#[test]
fn what_was_not_flushed_is_lost() {
    for loss in LOSSES {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::new(folder.path());
        std::fs::write(room.path.join("old"), "old").unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "power::the_process_that_loses_power", "--test-threads=1"]);
        let (end, _, said) = room.run(child.env("OCIREG_TEST_LOSES", &room.path), usize::MAX, loss);
        assert_eq!(end, End::Exit(0), "{said}");
        let read = |name: &str| std::fs::read_to_string(room.path.join(name)).ok();
        let (keeps_names, bytes) = (loss != Loss::Names, if loss == Loss::Content { 11 } else { 0 });
        assert_eq!(read("old").unwrap(), "other", "{loss:?}");
        let flushed = if keeps_names { "without a name" } else { "flushed" };
        assert_eq!(read("flushed").unwrap(), flushed, "{loss:?}");
        assert_eq!(read("not flushed"), keeps_names.then(|| "\0".repeat(bytes)), "{loss:?}");
        assert_eq!(room.path.join("folder").exists(), keeps_names, "{loss:?}");
    }
}

/// One loss at each step, in turn, and at the end all of them: all at each step take three times as long.
fn at_each_step(mut cut_at: impl FnMut(usize, Loss) -> bool) {
    let all = std::env::var("OCIREG_TEST_EACH_STEP").is_ok();
    let losses = |at: usize| if all { &LOSSES[..] } else { &LOSSES[at % 3..=at % 3] };
    let steps = (0..).find(|at| !losses(*at).iter().all(|loss| cut_at(*at, *loss))).unwrap();
    assert!(steps > 0, "the steps are not seen");
    LOSSES.iter().for_each(|loss| assert!(!cut_at(usize::MAX, *loss)));
}

/// A copy to one kind of place, over an old image or not.
fn copied(kind: &str, with_old: bool) {
    let folder = tempfile::tempdir().unwrap();
    // The layers of an archive for Docker must match the diff_ids in the config.
    let (old, new) = (Memory::new(&[vec![1; 3000]]), Memory::new(&[vec![2; 3000], vec![3; 3000]]));
    let source = format!("oci:{}:v1", folder.path().join("source").display());
    put(&new, &source);
    at_each_step(|at, loss| {
        let room = Room::new(folder.path());
        let to = target(kind, &room.path);
        if with_old {
            put(&old, &to);
        }
        let (end, is_cut, said) = room.run(&mut start(&source, &to), at, loss);
        let where_ = format!("{kind}, {loss:?}, step {at}, with an old image: {with_old}; {end:?}: {said}");
        let (before, after, wanted) = (with_old.then(|| image(&old)), named(&to), Some(image(&new)));
        assert!(after == wanted || is_cut && after == before, "{where_}: it names {after:?}");
        if kind == "oci" {
            is_whole(&room.path.join("place"), &where_);
        }
        put(&new, &to);
        assert_eq!(named(&to), wanted, "{where_}");
        is_cut
    });
}

/// What a layout names is there and right, if it is a layout yet.
fn is_whole(place: &Path, where_: &str) {
    if place.join("oci-layout").metadata().is_ok_and(|facts| facts.len() > 0) {
        let layout = OciLayout::open(place, None).unwrap();
        let checked = check(&call(&client()), &layout).unwrap();
        assert!(checked.ok, "{where_}: {checked:?}");
    }
}

/// One change of a place that has images.
fn changed(kind: &str, change: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (old, other) = (Memory::new(&[vec![1; 3000]]), Memory::new(&[vec![2; 3000]]));
    at_each_step(|at, loss| {
        let room = Room::new(folder.path());
        let place = room.path.join("place");
        let to = before_change(kind, change, &place, &old, &other);
        let name = |name: &str| format!("{kind}:{}:a/b:{name}", place.display());
        let before = state(&place);
        let (end, is_cut, said) = room.run(start(&name("1"), &to).env("OCIREG_TEST_CHANGE", change), at, loss);
        let where_ = format!("{kind}, {change}, {loss:?}, step {at}; {end:?}: {said}");
        assert_eq!(named(&name("1")), Some(image(&old)), "{where_}");
        let after = state(&place);
        let is_changed = match change {
            "untag" => named(&name("2")).is_none(),
            "manifest" | "tag" => named(&name("3")) == Some(image(&old)),
            "delete" => named(&name("4")).is_none(),
            _ => after != before,
        };
        assert!(is_changed || is_cut, "{where_}: it was lost");
        if kind == "oci" {
            is_whole(&place, &where_);
        }
        is_cut
    });
}

#[test]
fn layouts_that_are_copied_to() {
    [false, true].iter().for_each(|with_old| copied("oci", *with_old));
}

#[test]
fn archives_that_are_copied_to() {
    for kind in ["oci-archive", "docker-archive"] {
        [false, true].iter().for_each(|with_old| copied(kind, *with_old));
    }
}

#[test]
fn directories_that_are_copied_to() {
    [false, true].iter().for_each(|with_old| copied("dir", *with_old));
}

#[test]
fn layouts_that_are_changed() {
    CHANGES.iter().for_each(|change| changed("oci", change));
}

#[test]
fn archives_that_are_changed() {
    let changes = [("oci-archive", "untag"), ("oci-archive", "blob"), ("docker-archive", "manifest")];
    changes.iter().for_each(|(kind, change)| changed(kind, change));
}
