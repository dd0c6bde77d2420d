//! Tests in processes of their own: once more as another user, or with functions of the C library replaced.

use std::os::unix::fs::{chown, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Somebody else than root: nobody's number, usually.
pub const ANOTHER_USER: u32 = 65_534;

/// Runs a test once more, in a process whose environment has the variable; from root as another user.
pub fn run_again(test: &str, variable: &str, value: &Path) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env(variable, value);
    if nix::unistd::geteuid().is_root() {
        child.gid(ANOTHER_USER).uid(ANOTHER_USER);
    }
    let Output { status, stdout, stderr } = child.output().unwrap();
    let said = String::from_utf8_lossy(&stdout);
    assert!(status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&stderr));
}

/// The same with a new folder, which is that user's.
pub fn run_again_in_a_folder(test: &str, variable: &str) {
    let folder = tempfile::tempdir().unwrap();
    if std::fs::metadata(folder.path()).unwrap().uid() == 0 {
        chown(folder.path(), Some(ANOTHER_USER), Some(ANOTHER_USER)).unwrap();
    }
    run_again(test, variable, folder.path());
}

/// A library for LD_PRELOAD, made of its C source.
pub fn preload(folder: &Path, source: &str) -> PathBuf {
    let (code, built) = (folder.join("preload.c"), folder.join("preload.so"));
    std::fs::write(&code, source).unwrap();
    let mut compiler = Command::new("cc");
    let done = compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&built, &code]).arg("-ldl").output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    built
}
