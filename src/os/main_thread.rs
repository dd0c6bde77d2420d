//! The main thread of a program that is not Rust's.
//!
//! Rust makes a record of each thread that asks which one it is, as the library's parts do to wait or to pick a random name, and
//! frees it when the thread ends. The main thread of a C program never ends: main() returns, and the process is gone. Rust itself
//! points only into the middle of the record, which a leak checker (valgrind) takes for a coincidence. So a reference to the record
//! is kept here too: it lives as long as the process.

use std::cell::Cell;
use std::sync::OnceLock;
use std::thread::Thread;

static RECORD: OnceLock<Thread> = OnceLock::new();

thread_local! {
    static SEEN: Cell<bool> = const { Cell::new(false) };
}

/// Holds the record of this thread, if it is the main one. Cheap, except the first time.
pub(crate) fn hold_record() {
    if !SEEN.replace(true) && is_main() {
        RECORD.get_or_init(std::thread::current);
    }
}

#[cfg(target_os = "linux")]
fn is_main() -> bool {
    nix::unistd::gettid() == nix::unistd::getpid()
}

/// Only needed for valgrind, which runs on Linux.
#[cfg(not(target_os = "linux"))]
fn is_main() -> bool {
    false
}
