//! A credential helper as a process: bytes to its standard input, bytes from its standard output and error, and an end to it
//! when the call ends. So nothing here waits without looking at the call.

use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::os::child_process::{Child, ExitReason};

/// The most that a helper may say.
const MOST_OUTPUT: usize = 1 << 20;
/// How much of its standard error is kept: the first line is wanted.
const KEPT_ERRORS: usize = 4 << 10;
/// How often a helper that is silent is looked at.
const PAUSE: Duration = Duration::from_millis(5);
/// How long one is left alone that says more on its standard error than is kept.
const FLOODED: Duration = Duration::from_millis(1);

/// How a helper ended, and what it wrote.
pub(super) struct ChildOutput {
    pub(super) by: ExitReason,
    /// Its standard output.
    pub(super) output: Zeroizing<Vec<u8>>,
    /// Its standard error, or the beginning of that.
    pub(super) errors: Zeroizing<Vec<u8>>,
}

pub(super) fn run(call: &Call, program: &Path, action: &str, input: &[u8], limit: Duration) -> Result<ChildOutput> {
    call.check()?;
    let begun = Instant::now();
    let (mut child, pipes) = Child::start(program, action).map_err(|error| cannot_start(program, &error))?;
    let (mut stdin, mut stdout, mut stderr) = (Some(pipes.stdin), pipes.stdout, pipes.stderr);
    let mut rest = input;
    let mut output = Zeroizing::new(Vec::with_capacity(16 << 10));
    let mut errors = Zeroizing::new(Vec::with_capacity(16 << 10));
    loop {
        // Looked at before the pipes are read: what it said before its end is there then.
        let end = child.end();
        let wrote = feed(&mut stdin, &mut rest);
        let (read, at_end) = drain(&mut stdout, &mut output);
        let (read_errors, errors_at_end) = drain(&mut stderr, &mut errors);
        errors.truncate(KEPT_ERRORS);
        if output.len() > MOST_OUTPUT {
            let message = format!("the credential helper printed more than {MOST_OUTPUT} bytes");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        // A grandchild may keep the pipes open.
        let said_all = (at_end || !read) && (errors_at_end || !read_errors || errors.len() == KEPT_ERRORS);
        if let Some(by) = end.filter(|_| said_all) {
            return Ok(ChildOutput { by, output, errors });
        }
        if begun.elapsed() > limit {
            let message = format!("the credential helper did not answer within {} s", limit.as_secs_f64());
            return Err(Error::new(Code::Timeout, message));
        }
        match wrote || read || read_errors {
            // Errors beyond what is kept are discarded slowly, so that a flood of them does not use up the processor.
            true if errors.len() == KEPT_ERRORS && !wrote && !read => call.sleep(FLOODED)?,
            true => call.check()?,
            false => call.sleep(PAUSE)?,
        }
    }
}

fn cannot_start(program: &Path, error: &std::io::Error) -> Error {
    let program = program.display();
    match error.kind() {
        // The program existed a moment ago.
        ErrorKind::NotFound => {
            Error::io(format!("cannot start {program}, or the interpreter that its first line names"), error)
        }
        _ => Error::io(format!("cannot start {program}"), error),
    }
}

/// Whether something was written. The pipe is closed at the end, or when its reader is gone.
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
