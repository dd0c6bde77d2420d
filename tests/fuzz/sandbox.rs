//! Where targets may write: one folder for this process, which is also its current folder, so that a path of random bytes stays in it.
//! It is removed by the next process that finds its owner gone.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ocireg::call::context::Context;
use ocireg::call::Call;
use ocireg::error::Error;
use ocireg::registry::Client;

/// The folder, and in it the current folder.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let above = std::env::var_os("OCIREG_FUZZ_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from);
        remove_left(&above);
        let folder = above.join(format!("ocireg-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("current")).unwrap();
        std::env::set_current_dir(folder.join("current")).unwrap();
        folder
    })
}

fn remove_left(above: &Path) {
    for entry in std::fs::read_dir(above).unwrap().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix("ocireg-fuzz-"));
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
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
