//! Where targets may write: one folder for this process, which is also its current folder, so that a path of random bytes stays in it.
//! It is removed by the next process that finds that nobody holds its lock: a process in another container has another list of processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::error::Error;
use ocireg::registry::Client;
use tempfile::TempDir;

const PREFIX: &str = "ocireg-fuzz-";

struct Sandbox {
    folder: TempDir,
    /// Where the process was before.
    started_in: PathBuf,
    _lock: File,
}

fn sandbox() -> &'static Sandbox {
    static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
    SANDBOX.get_or_init(|| {
        let above = std::env::var_os("OCIREG_FUZZ_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        let above = std::path::absolute(above).unwrap();
        remove_left(&above);
        let (folder, lock) = locked(&above);
        let (current, started_in) = (folder.path().join("current"), std::env::current_dir().unwrap());
        std::fs::create_dir(&current).unwrap();
        std::env::set_current_dir(current).unwrap();
        Sandbox { folder, started_in, _lock: lock }
    })
}

/// A folder with a lock, which others see only when it is held.
fn locked(above: &Path) -> (TempDir, File) {
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(above).unwrap();
    let unseen = folder.path().join("new");
    let lock = File::create(&unseen).unwrap();
    lock.lock().unwrap();
    std::fs::rename(unseen, folder.path().join("lock")).unwrap();
    (folder, lock)
}

fn remove_left(above: &Path) {
    for entry in std::fs::read_dir(above).unwrap().flatten() {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let Ok(lock) = File::open(entry.path().join("lock")) else { continue };
        if is_one && lock.try_lock().is_ok() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The folder, and in it the current folder.
pub fn folder() -> &'static Path {
    sandbox().folder.path()
}

/// A path that was given from where the process was started.
pub fn given(path: &Path) -> PathBuf {
    sandbox().started_in.join(path)
}

#[cfg(test)]
#[test]
fn only_a_folder_that_nobody_holds_is_removed() {
    let above = tempfile::tempdir().unwrap();
    let ((held, _lock), (left, lock)) = (locked(above.path()), locked(above.path()));
    let (left, other) = (left.keep(), above.path().join("ocireg-other"));
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("lock"), "").unwrap();
    drop(lock);
    remove_left(above.path());
    assert!(held.path().exists() && other.exists() && !left.exists());
}

/// An empty folder below it for a target.
pub fn fresh(name: &str) -> PathBuf {
    let path = folder().join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A client that reaches nobody: its proxy refuses every connection.
pub fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(crate::common::client)
}

pub fn call() -> Call {
    client().call(None).unwrap()
}

/// A call that has to end in time.
pub fn call_within(milliseconds: u64) -> Call {
    let context = Context::new();
    context.set_deadline(Some(std::time::Duration::from_millis(milliseconds)));
    client().call(Some(std::sync::Arc::new(context))).unwrap()
}

/// What every error promises: it is one line without control characters, of a bounded length, and its JSON can be read.
#[track_caller]
pub fn is_fit(error: &Error) {
    assert!(!error.message().is_empty() && error.message().len() < 8 << 10, "{:?}", error.message());
    assert!(!error.message().contains(ocireg::inside::is_obeyed), "{:?}", error.message());
    let json = error.to_json().to_string();
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
}

/// A result whose error is as it must be.
#[track_caller]
pub fn fit<T>(outcome: Result<T, Error>) -> Option<T> {
    outcome.inspect_err(is_fit).ok()
}

/// Bytes up to the first line's end, and the rest.
pub fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, b""),
    }
}

/// Text of any bytes.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
