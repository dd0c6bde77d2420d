//! Writing to a descriptor of the caller's: a file, a pipe, a socket, a terminal, blocking or not. It may be that nothing reads at the
//! other end, so a write never blocks: it waits for room, and checks in between whether it should go on. The flags of the
//! descriptor stay as they are, for other processes may share them.

use std::io::{self, Write};
use std::os::fd::BorrowedFd;

use rustix::event::{poll, PollFd, PollFlags, Timespec};
use rustix::fs::{fcntl_getfl, fstat, FileType, OFlags};
use rustix::io::Errno;
use rustix::net::SendFlags;

use crate::error::Result;

/// For a socket: a peer that has gone is an error, without a signal.
#[cfg(not(target_vendor = "apple"))]
const AT_ONCE: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
/// On Apple systems the signal is only blocked while a call runs.
#[cfg(target_vendor = "apple")]
const AT_ONCE: SendFlags = SendFlags::DONTWAIT;
/// How long to wait for a full pipe between two checks whether the call has to end.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// A writable pipe has room for at least this much.
const PAGE: usize = 4096;
/// A writable terminal has room for at least this much, although a newline becomes two bytes there.
const LINE: usize = 128;
/// How much is written to a file between two checks.
const MOST: usize = 1 << 20;

/// A descriptor that is written to. An error of `go_on` is inside the [`io::Error`], and [`crate::error::Error::io`] takes it out.
pub(crate) struct Output<'a> {
    fd: BorrowedFd<'a>,
    go_on: Box<dyn Fn() -> Result<()> + 'a>,
    way: Writing,
}

/// How to write without blocking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    /// It never holds anybody for long, or nothing can be done about it.
    File,
    /// By a flag of each call.
    Socket,
    /// By a flag of the one call, which Linux knows for pipes and some devices.
    Flagged,
    /// By pieces that fit whenever the descriptor is writable at all.
    Pieces(usize),
    /// The descriptor is non-blocking already.
    NonBlocking,
}

impl<'a> Output<'a> {
    /// Chooses by the kind of descriptor.
    pub(crate) fn new(fd: BorrowedFd<'a>, go_on: impl Fn() -> Result<()> + 'a) -> io::Result<Output<'a>> {
        let way = match FileType::from_raw_mode(fstat(fd)?.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => Writing::File,
            FileType::Socket => Writing::Socket,
            _ => Writing::Flagged,
        };
        Ok(Output { fd, go_on: Box::new(go_on), way })
    }

    /// For kernels and devices that do not know the flag.
    fn without_flag(&self) -> io::Result<Writing> {
        Ok(match FileType::from_raw_mode(fstat(self.fd)?.st_mode) {
            _ if fcntl_getfl(self.fd)?.contains(OFlags::NONBLOCK) => Writing::NonBlocking,
            FileType::CharacterDevice => Writing::Pieces(LINE),
            _ => Writing::Pieces(PAGE),
        })
    }

    fn wait(&self) -> io::Result<()> {
        loop {
            (self.go_on)().map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.fd, PollFlags::OUT)], Some(&GLANCE)) {
                Ok(0) | Err(Errno::INTR) => {}
                // A reader that has gone is an error of the write.
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn attempt(&self, bytes: &[u8]) -> rustix::io::Result<usize> {
        match self.way {
            Writing::File => rustix::io::write(self.fd, &bytes[..bytes.len().min(MOST)]),
            Writing::Socket => rustix::net::send(self.fd, bytes, AT_ONCE),
            Writing::Flagged => write_flagged(self.fd, bytes),
            Writing::Pieces(most) => rustix::io::write(self.fd, &bytes[..bytes.len().min(most)]),
            Writing::NonBlocking => rustix::io::write(self.fd, bytes),
        }
    }
}

#[cfg(target_os = "linux")]
fn write_flagged(fd: BorrowedFd<'_>, bytes: &[u8]) -> rustix::io::Result<usize> {
    // This offset means the current position.
    rustix::io::pwritev2(fd, &[io::IoSlice::new(bytes)], u64::MAX, rustix::io::ReadWriteFlags::NOWAIT)
}

#[cfg(not(target_os = "linux"))]
fn write_flagged(_: BorrowedFd<'_>, _: &[u8]) -> rustix::io::Result<usize> {
    Err(Errno::NOSYS)
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.go_on)().map_err(io::Error::other)?;
        if matches!(self.way, Writing::Pieces(_)) {
            self.wait()?;
        }
        loop {
            match self.attempt(bytes) {
                Ok(count) => return Ok(count),
                Err(Errno::AGAIN) => self.wait()?,
                Err(Errno::INTR) => (self.go_on)().map_err(io::Error::other)?,
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) if self.way == Writing::Flagged => {
                    self.way = self.without_flag()?;
                    return self.write(bytes);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek};
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::UnixStream;
    use std::time::{Duration, Instant};

    fn write_all(fd: BorrowedFd<'_>, bytes: &[u8], go_on: impl Fn() -> Result<()>) -> io::Result<()> {
        Output::new(fd, go_on)?.write_all(bytes)
    }

    use super::*;
    use crate::error::{Code, Error};

    fn always() -> Result<()> {
        Ok(())
    }

    fn pipe() -> (File, File) {
        let (reader, writer) = std::io::pipe().unwrap();
        (File::from(OwnedFd::from(reader)), File::from(OwnedFd::from(writer)))
    }

    fn terminal() -> (OwnedFd, OwnedFd) {
        let both = nix::pty::openpty(None, None).unwrap();
        (both.master, both.slave)
    }

    /// Every way that a descriptor may be written, with what reads it.
    fn ways() -> Vec<(&'static str, OwnedFd, OwnedFd, Option<Writing>)> {
        let mut ways = Vec::new();
        for (name, way) in [("pipe", None), ("pipe of an old kernel", Some(Writing::Pieces(PAGE)))] {
            let (reader, writer) = pipe();
            ways.push((name, reader.into(), writer.into(), way));
        }
        for (name, way) in
            [("non-blocking pipe", None), ("non-blocking pipe of an old kernel", Some(Writing::NonBlocking))]
        {
            let (reader, writer) = pipe();
            rustix::io::ioctl_fionbio(&writer, true).unwrap();
            ways.push((name, reader.into(), writer.into(), way));
        }
        for nonblocking in [false, true] {
            let (reader, writer) = UnixStream::pair().unwrap();
            writer.set_nonblocking(nonblocking).unwrap();
            ways.push(("socket", reader.into(), writer.into(), None));
        }
        let (master, slave) = terminal();
        ways.push(("terminal", master, slave, None));
        ways
    }

    fn output<'a>(fd: &'a OwnedFd, way: Option<Writing>, go_on: impl Fn() -> Result<()> + 'a) -> Output<'a> {
        let mut output = Output::new(fd.as_fd(), go_on).unwrap();
        output.way = way.unwrap_or(output.way);
        output
    }

    #[test]
    fn all_bytes_arrive_in_order() {
        for (name, reader, writer, way) in ways() {
            let lines: Vec<u8> = (0..300_000_u32).flat_map(|n| format!("{n}\n").into_bytes()).collect();
            let copy = lines.clone();
            let writing = std::thread::spawn(move || output(&writer, way, always).write_all(&copy).unwrap());
            let mut got: Vec<u8> = Vec::new();
            let mut reader = File::from(reader);
            let mut buffer = [0; 7001];
            // A terminal says EIO at its end.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                got.extend(buffer[..count].iter().filter(|byte| **byte != b'\r'));
            }
            writing.join().unwrap();
            assert!(got == lines, "{name}");
        }
    }

    #[test]
    fn a_reader_that_does_not_read_is_left() {
        for (name, _reader, writer, way) in ways() {
            let begun = Instant::now();
            let soon = || match begun.elapsed() > Duration::from_millis(200) {
                true => Err(Error::new(Code::Cancelled, "enough")),
                false => Ok(()),
            };
            let error = output(&writer, way, soon).write_all(&vec![b'x'; 10 << 20]).unwrap_err();
            assert_eq!(Error::io("writing", &error).code(), Code::Cancelled, "{name}: {error}");
            assert!(begun.elapsed() < Duration::from_millis(400), "{name}: {:?}", begun.elapsed());
        }
    }

    #[test]
    fn a_reader_that_went_away_is_an_error() {
        for (name, reader, writer, way) in ways().into_iter().filter(|way| way.0 != "terminal") {
            let going = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(50));
                drop(reader);
            });
            let error = output(&writer, way, always).write_all(&vec![b'x'; 10 << 20]).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(Errno::PIPE.raw_os_error()), "{name}");
            going.join().unwrap();
        }
    }

    #[test]
    fn files_are_written_where_they_are() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before ").unwrap();
        write_all(file.as_fd(), &vec![b'x'; 3 << 20], always).unwrap();
        file.rewind().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!((text.len(), &text[..8]), (7 + (3 << 20), "before x"));

        let full = File::options().write(true).open("/dev/full").unwrap();
        let error = write_all(full.as_fd(), b"x", always).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
        write_all(File::options().write(true).open("/dev/null").unwrap().as_fd(), b"x", always).unwrap();
        let read_only = File::open("/dev/null").unwrap();
        let error = write_all(read_only.as_fd(), b"x", always).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::BADF.raw_os_error()));
    }
}
