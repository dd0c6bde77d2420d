//! Follows the system calls of a process and its threads (ptrace), as they are about to be made and once they are done.

#![allow(unsafe_code)] // Unions of the kernel's, and what a child does before its program starts.

use std::collections::HashMap;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{killpg, Signal};
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

const ENTRY: u8 = libc::PTRACE_SYSCALL_INFO_ENTRY;

/// A system call, and the thread that makes it.
#[derive(Clone)]
pub struct SystemCall {
    pub thread: Pid,
    pub number: i64,
    pub arguments: [u64; 6],
}

/// What is told of each call.
pub trait Watcher {
    /// A call is about to be made. False: the process is killed instead.
    fn begins(&mut self, call: &SystemCall) -> bool;
    /// A call that was begun has succeeded.
    fn is_done(&mut self, call: &SystemCall);
}

/// How a process ended: with which status of its own, or killed.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Exit(i32),
    Killed,
}

/// Runs a command under the eyes of a watcher. How it ended, and what it wrote to its standard error.
#[expect(clippy::zombie_processes, reason = "what follows the process learns of its end")]
pub fn follow(command: &mut Command, watcher: &mut dyn Watcher) -> (End, String) {
    // SAFETY: the child makes one system call, which needs no memory and no lock.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let mut child = command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let (main, mut end) = (Pid::from_raw(i32::try_from(child.id()).unwrap()), End::Killed);
    assert!(matches!(waitpid(main, None).unwrap(), WaitStatus::Stopped(_, Signal::SIGTRAP)));
    ptrace::setoptions(
        main,
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL,
    )
    .unwrap();
    // A thread that another one has killed may be gone.
    let go_on = |thread: Pid, signal: Option<Signal>| {
        let _ = ptrace::syscall(thread, signal);
    };
    go_on(main, None);
    let mut pending = HashMap::new();
    while let Ok(status) = waitpid(Pid::from_raw(-main.as_raw()), Some(WaitPidFlag::__WALL)) {
        match status {
            WaitStatus::PtraceSyscall(thread) => {
                if !at_call(thread, &mut pending, watcher) {
                    killpg(main, Signal::SIGKILL).unwrap();
                }
                go_on(thread, None);
            }
            WaitStatus::Stopped(thread, signal) => go_on(thread, Some(signal).filter(|it| *it != Signal::SIGSTOP)),
            WaitStatus::PtraceEvent(thread, ..) => go_on(thread, None),
            WaitStatus::Exited(thread, code) if thread == main => end = End::Exit(code),
            _ => {}
        }
    }
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (end, said)
}

/// A thread is at the beginning or at the end of a call. False: the process is to be killed.
fn at_call(thread: Pid, pending: &mut HashMap<Pid, SystemCall>, watcher: &mut dyn Watcher) -> bool {
    let Ok(info) = ptrace::syscall_info(thread) else { return true };
    if info.op == ENTRY {
        // SAFETY: the kernel has filled in this member.
        let entry = unsafe { info.u.entry };
        let call = SystemCall { thread, number: i64::try_from(entry.nr).unwrap(), arguments: entry.args };
        let goes_on = watcher.begins(&call);
        pending.insert(thread, call);
        return goes_on;
    }
    // SAFETY: as above.
    let has_failed = unsafe { info.u.exit }.is_error != 0;
    if let Some(call) = pending.remove(&thread).filter(|_| !has_failed) {
        watcher.is_done(&call);
    }
    true
}

impl SystemCall {
    /// An argument that is a descriptor or a flag.
    #[expect(clippy::cast_possible_truncation, reason = "the kernel takes as many bits")]
    pub fn int(&self, at: usize) -> i32 {
        self.arguments[at] as i32
    }

    /// What stands for a descriptor in the file system.
    pub fn descriptor(&self, at: usize) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", self.thread, self.int(at)))
    }

    /// The path of an open file.
    pub fn opened(&self, at: usize) -> Option<PathBuf> {
        std::fs::read_link(self.descriptor(at)).ok()
    }

    /// The path of two arguments, a folder and a name below it, or of one.
    pub fn path(&self, folder: Option<usize>, name: usize) -> Option<PathBuf> {
        let base = match folder {
            Some(folder) if self.int(folder) != libc::AT_FDCWD => self.opened(folder)?,
            _ => std::fs::read_link(format!("/proc/{}/cwd", self.thread)).ok()?,
        };
        Some(base.join(self.text(self.arguments[name])?))
    }

    /// A text in the memory of the process.
    fn text(&self, at: u64) -> Option<PathBuf> {
        let memory = std::fs::File::open(format!("/proc/{}/mem", self.thread)).ok()?;
        let mut bytes = [0; libc::PATH_MAX as usize];
        let count = memory.read_at(&mut bytes, at).ok()?;
        let end = bytes[..count].iter().position(|byte| *byte == 0)?;
        Some(Path::new(std::str::from_utf8(&bytes[..end]).ok()?).to_owned())
    }
}
