//! Each allocation of a small request fails in turn. As ocireg.h says: the process is aborted with a message, as Rust programs are, or the
//! call goes on or ends with an error. It never runs on with what it did not get.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use ocireg::registry::manifest::GetOptions;

use crate::common::*;
use crate::own_process::preload;
use crate::server::*;

/// Lets one allocation fail, or all from one on. Signal 0 to the process itself begins and ends that, and says how many there were.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
static atomic_int armed, count;
static int at, all;

static int fails(void) {
    if (!armed) return 0;
    int number = atomic_fetch_add(&count, 1);
    if (number < at || (number > at && !all)) return 0;
    errno = ENOMEM;
    return 1;
}
int kill(pid_t pid, int sig) {
    if (sig != 0) return syscall(SYS_kill, pid, sig);
    if (armed) {
        armed = 0;
        dprintf(2, "\nallocations: %d\n", (int)count);
        return 0;
    }
    at = atoi(getenv("MEMORY_AT")), all = strcmp(getenv("MEMORY_HOW"), "all") == 0;
    armed = 1;
    return 0;
}
void *malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void *calloc(size_t number, size_t size) { return fails() ? NULL : __libc_calloc(number, size); }
void *realloc(void *bytes, size_t size) { return fails() ? NULL : __libc_realloc(bytes, size); }
void *memalign(size_t unit, size_t size) { return fails() ? NULL : __libc_memalign(unit, size); }
void *aligned_alloc(size_t unit, size_t size) { return memalign(unit, size); }
int posix_memalign(void **bytes, size_t unit, size_t size) {
    void *found = memalign(unit, size);
    return found ? (*bytes = found, 0) : ENOMEM;
}
"#;

fn mark() {
    nix::sys::signal::kill(nix::unistd::getpid(), None).unwrap();
}

/// A request by a client that has made one, or by a new one.
#[test]
fn the_process_without_memory() {
    let Ok(host) = std::env::var("OCIREG_TEST_HOST") else { return };
    let get = |client: &ocireg::registry::Client| {
        client.get_manifest(&client.call(None)?, &tag(&host), &GetOptions::default()).map(drop)
    };
    let is_new = std::env::var("OCIREG_TEST_NEW").is_ok();
    let known = (!is_new).then(|| {
        let known = client();
        get(&known).unwrap();
        known
    });
    mark();
    let outcome = match &known {
        Some(client) => get(client),
        None => ocireg::registry::Client::new(options()).and_then(|client| get(&client)),
    };
    mark();
    std::process::exit(if outcome.is_ok() { 0 } else { 7 });
}

/// The number of allocations, unless the process was aborted before.
fn run(shim: &Path, host: &str, is_new: bool, how: &str, at: usize) -> Option<usize> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "out_of_memory::the_process_without_memory", "--nocapture", "--test-threads=1"]);
    child.env("OCIREG_TEST_HOST", host).env("LD_PRELOAD", shim).env("MEMORY_AT", at.to_string());
    child.env("MEMORY_HOW", how).env("RUST_BACKTRACE", "0").stdout(Stdio::null());
    if is_new {
        child.env("OCIREG_TEST_NEW", "1");
    }
    let done = child.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    let where_ = format!("allocation {at} ({how}), new client: {is_new}; {}: {said}", done.status);
    if done.status.signal() == Some(6) {
        // Rust's words, or those of the C library.
        assert!(said.contains("memory allocation of ") || said.contains("out of memory"), "{where_}");
        return None;
    }
    assert!(matches!(done.status.code(), Some(0 | 7)), "{where_}");
    let count = said.rsplit("allocations: ").next().and_then(|count| count.trim().parse().ok());
    Some(count.unwrap_or_else(|| panic!("{where_}")))
}

/// As many as tell something in a short time, or each.
fn each_allocation(is_new: bool) {
    const MOST: usize = 60;
    let (folder, server) = (tempfile::tempdir().unwrap(), Server::start(healthy_manifest));
    let (shim, host) = (preload(folder.path(), SHIM), &server.host);
    let count = run(&shim, host, is_new, "one", usize::MAX >> 40).unwrap();
    assert!(count > 50, "only {count} allocations are seen");
    let step = if std::env::var("OCIREG_TEST_EACH_STEP").is_ok() { 1 } else { count.div_ceil(MOST) };
    let mut ended = 0;
    for at in (0..count).step_by(step) {
        for how in ["one", "all"] {
            ended += usize::from(run(&shim, host, is_new, how, at).is_some());
        }
    }
    println!("new client: {is_new}: {count} allocations, {ended} failures of them were no end of the process");
}

fn healthy_manifest(_: &Seen) -> Reply {
    reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
}

#[test]
fn of_a_client_that_is_in_use() {
    each_allocation(false);
}

#[test]
fn of_a_new_client() {
    each_allocation(true);
}
