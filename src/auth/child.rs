//! A credential helper as a process: bytes to its standard input, bytes from its standard output and error, and an end to it
//! when the call ends.
//!
//! Neither std nor the caller's thread will do: std gives a child the signal mask of the thread, on which SIGPIPE is
//! blocked, and a blocking wait could not be left.

use std::ffi::{CString, OsStr};
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{fcntl, FcntlArg, OFlag};
use nix::spawn::{posix_spawn, PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags};
use nix::sys::signal::{kill, SigSet, Signal};
use nix::sys::wait::{waitpid, WaitPidFlag, WaitStatus};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use crate::call::Call;
use crate::error::{Code, Error, Result};

/// The most that a helper may say.
const MOST_OUTPUT: usize = 1 << 20;
/// So much of its standard error is kept: its first line is wanted.
const KEPT_ERRORS: usize = 4 << 10;
/// How often a helper that is silent is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// How long one is left alone that says more on its standard error than is kept.
const FLOODED: Duration = Duration::from_millis(1);
/// How long a killed one is waited for.
const REAP: Duration = Duration::from_millis(100);

/// By what a helper ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its exit status.
    Status(i32),
    Signal(Signal),
    /// Unknown: the host program itself reaps every child.
    Unknown,
}

/// How a helper ended.
pub(super) struct Ended {
    pub by: End,
    /// What it said.
    pub output: Zeroizing<Vec<u8>>,
    /// What it said on its standard error, or the beginning of that.
    pub errors: Zeroizing<Vec<u8>>,
}

pub(super) fn run(call: &Call, program: &Path, action: &str, input: &[u8], limit: Duration) -> Result<Ended> {
    call.check()?;
    let begun = Instant::now();
    let (mut child, pipes) = Child::start(program, action).map_err(|error| cannot_start(program, &error))?;
    let (mut stdin, mut stdout, mut stderr) = (Some(pipes.stdin), pipes.stdout, pipes.stderr);
    let mut rest = input;
    let mut output = Zeroizing::new(Vec::with_capacity(16 << 10));
    let mut errors = Zeroizing::new(Vec::with_capacity(16 << 10));
    loop {
        // Looked at before the pipes are read: what it said before its end is there then.
        let over = child.is_over();
        let wrote = feed(&mut stdin, &mut rest);
        let (read, at_end) = drain(&mut stdout, &mut output);
        let (read_errors, errors_at_end) = drain(&mut stderr, &mut errors);
        errors.truncate(KEPT_ERRORS);
        if output.len() > MOST_OUTPUT {
            let message = format!("the credential helper says more than {MOST_OUTPUT} bytes");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        // A grandchild may hold the pipes open for ever.
        let said_all = (at_end || !read) && (errors_at_end || !read_errors || errors.len() == KEPT_ERRORS);
        if over && said_all {
            return Ok(Ended { by: child.by, output, errors });
        }
        if begun.elapsed() > limit {
            let message = format!("the credential helper did not answer within {} s", limit.as_secs_f64());
            return Err(Error::new(Code::Timeout, message));
        }
        match wrote || read || read_errors {
            // What floods us with what nobody keeps is read without haste.
            true if errors.len() == KEPT_ERRORS && !wrote && !read => call.sleep(FLOODED)?,
            true => call.check()?,
            false => call.sleep(PAUSE)?,
        }
    }
}

fn cannot_start(program: &Path, error: &std::io::Error) -> Error {
    let program = program.display();
    match error.kind() {
        // It was there a moment ago.
        ErrorKind::NotFound => Error::io(format!("cannot start {program}, or what its first line says to run"), error),
        _ => Error::io(format!("cannot start {program}"), error),
    }
}

/// Whether something was written. The pipe is closed at the end, or when nobody reads it.
fn feed(stdin: &mut Option<PipeWriter>, rest: &mut &[u8]) -> bool {
    let Some(pipe) = stdin else { return false };
    let moved = match pipe.write(rest) {
        Ok(count) => {
            *rest = &rest[count..];
            count > 0
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return false,
        Err(_) => {
            *rest = &[];
            false
        }
    };
    if rest.is_empty() {
        *stdin = None;
    }
    moved
}

/// Whether something was read, and whether that was all.
fn drain(pipe: &mut PipeReader, output: &mut Vec<u8>) -> (bool, bool) {
    let mut buffer = Zeroizing::new([0; 8 << 10]);
    match pipe.read(buffer.as_mut()) {
        Ok(0) => (false, true),
        Ok(count) => {
            // Growing would leave a copy of the secret behind.
            if output.capacity() - output.len() < count {
                let mut larger = Vec::with_capacity(output.capacity() * 2 + count);
                larger.extend_from_slice(output);
                zeroize::Zeroize::zeroize(output);
                *output = larger;
            }
            output.extend_from_slice(&buffer[..count]);
            (true, false)
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => (false, false),
        Err(_) => (false, true),
    }
}

/// A running process, killed and reaped when it is dropped.
struct Child {
    pid: Option<Pid>,
    by: End,
}

/// Our ends of a process's pipes.
struct Pipes {
    stdin: PipeWriter,
    stdout: PipeReader,
    stderr: PipeReader,
}

impl Child {
    fn start(program: &Path, action: &str) -> std::io::Result<(Child, Pipes)> {
        let (their_in, stdin) = std::io::pipe()?;
        let (stdout, their_out) = std::io::pipe()?;
        let (stderr, their_errors) = std::io::pipe()?;
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
        let arguments = [c_string(program.as_os_str())?, c_string(OsStr::new(action))?];
        let pid = posix_spawn(program, &actions, &attributes, &arguments, &environment())?;
        Ok((Child { pid: Some(pid), by: End::Unknown }, Pipes { stdin, stdout, stderr }))
    }

    /// Whether it has ended.
    fn is_over(&mut self) -> bool {
        let Some(pid) = self.pid else { return true };
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::EINTR) => return false,
            Ok(WaitStatus::Exited(_, status)) => self.by = End::Status(status),
            Ok(WaitStatus::Signaled(_, signal, _)) => self.by = End::Signal(signal),
            // The host program ignores SIGCHLD, or waits for every child there is.
            _ => self.by = End::Unknown,
        }
        self.pid = None;
        true
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.is_over() {
            return;
        }
        if let Some(pid) = self.pid {
            let _ = kill(pid, Signal::SIGKILL);
        }
        let begun = Instant::now();
        while !self.is_over() && begun.elapsed() < REAP {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn unblock(pipe: impl AsFd) -> nix::Result<()> {
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map(drop)
}

fn c_string(text: &OsStr) -> std::io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}

fn environment() -> Vec<CString> {
    std::env::vars_os()
        .filter_map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok())
        .collect()
}
