//! A program that is started, with pipes to its standard input, output and error that never hold us.
//!
//! std will not do: it gives a child the signal mask of the thread, on which SIGPIPE is blocked.

use std::ffi::{CString, OsStr};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::spawn::{posix_spawn, PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags};
use nix::sys::signal::{kill, SigSet, Signal};
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::unistd::Pid;

use super::descriptor::unblock;

/// How long to wait for a killed process.
const REAP: Duration = Duration::from_millis(100);

/// Why a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitReason {
    Status(i32),
    Signal {
        name: &'static str,
        number: i32,
    },
    /// Unknown, because the host program reaps every child itself.
    Unknown,
}

/// A running process, killed and reaped when it is dropped.
pub(crate) struct Child {
    pid: Option<Pid>,
    by: ExitReason,
}

/// This side's ends of a process's pipes.
pub(crate) struct Pipes {
    pub(crate) stdin: PipeWriter,
    pub(crate) stdout: PipeReader,
    pub(crate) stderr: PipeReader,
}

impl Child {
    /// Starts a program with one argument and our environment.
    pub(crate) fn start(program: &Path, argument: &str) -> io::Result<(Child, Pipes)> {
        let (their_in, stdin) = io::pipe()?;
        let (stdout, their_out) = io::pipe()?;
        let (stderr, their_errors) = io::pipe()?;
        // A copy is never one of the descriptors 0 to 2, which a program may have closed.
        let (their_in, their_out, their_errors) =
            (their_in.try_clone()?, their_out.try_clone()?, their_errors.try_clone()?);
        unblock(&stdin)?;
        unblock(&stdout)?;
        unblock(&stderr)?;
        let mut actions = PosixSpawnFileActions::init()?;
        actions.add_dup2(their_in.as_raw_fd(), 0)?;
        actions.add_dup2(their_out.as_raw_fd(), 1)?;
        actions.add_dup2(their_errors.as_raw_fd(), 2)?;
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF)?;
        attributes.set_sigmask(&SigSet::empty())?;
        attributes.set_sigdefault(&SigSet::from(Signal::SIGPIPE))?;
        let arguments = [c_string(program.as_os_str())?, c_string(OsStr::new(argument))?];
        let pid = posix_spawn(program, &actions, &attributes, &arguments, &environment())?;
        Ok((Child { pid: Some(pid), by: ExitReason::Unknown }, Pipes { stdin, stdout, stderr }))
    }

    /// Why it ended; None while it runs.
    pub(crate) fn end(&mut self) -> Option<ExitReason> {
        if let Some(pid) = self.pid {
            self.by = match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => return None,
                Ok(WaitStatus::Exited(_, status)) => ExitReason::Status(status),
                Ok(WaitStatus::Signaled(_, signal, _)) => {
                    ExitReason::Signal { name: signal.as_str(), number: signal as i32 }
                }
                // The host program ignores SIGCHLD, or waits for every child.
                _ => ExitReason::Unknown,
            };
            self.pid = None;
        }
        Some(self.by)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.end().is_some() {
            return;
        }
        // Not its process group: that is ours, because one of its own could not read from the terminal.
        if let Some(pid) = self.pid {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let begun = Instant::now();
        while self.end().is_none() && begun.elapsed() < REAP {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

fn environment() -> Vec<CString> {
    std::env::vars_os()
        .filter_map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok())
        .collect()
}
