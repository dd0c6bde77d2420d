//! What the name of a file to write to means: a file that appears complete and replaces an existing one, or something that takes
//! bytes in order and must never be replaced by a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::safe_path::{self, refuse_trap, MOST_LINKS};
use super::special_file::name_of;
use crate::error::{Code, Error, Result};

#[derive(Debug)]
pub(crate) enum Target {
    /// Behind all links: a regular file, or none yet. It is replaced whole.
    Replace(PathBuf),
    /// Something that takes bytes in order, and cannot be replaced.
    Through(DirectOutput),
}

/// A pipe, a terminal, any other character device, or a descriptor that is open already.
#[derive(Debug)]
pub(crate) struct DirectOutput {
    shown: String,
    way: Opening,
}

#[derive(Debug)]
enum Opening {
    Open(File),
    Named(PathBuf),
}

impl Target {
    /// What a name refers to; `-` is standard output. Names of this process's own descriptors, such as /dev/stdout and /dev/fd/3, mean
    /// the descriptors, whatever they are open for.
    pub(crate) fn of(path: &Path) -> Result<Target> {
        let shown = path.display().to_string();
        let cannot = |error: io::Error| Error::io(format!("cannot write {shown}"), &error);
        if path == Path::new("-") {
            let file = standard(1).unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())).map_err(cannot)?;
            return Ok(Target::open(file, shown));
        }
        let mut path = path.to_owned();
        for _ in 0..=MOST_LINKS {
            let (folder, name) = parts(&path)?;
            let folder = safe_path::resolve(folder).map_err(cannot)?;
            let around = fs::metadata(&folder).map_err(cannot)?;
            let full = folder.join(name);
            if let Some(number) = own_descriptor(&folder, name) {
                return Ok(Target::open(descriptor(&full, number).map_err(cannot)?, shown));
            }
            // The links there are names of what is open elsewhere, and nothing to follow by their text.
            let found = if folder.starts_with("/proc") { fs::metadata(&full) } else { fs::symlink_metadata(&full) };
            let found = match found {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Target::Replace(full)),
                found => found.map_err(cannot)?,
            };
            let kind = found.file_type();
            if kind.is_file() && folder.starts_with("/proc") {
                let message = format!("cannot write {shown}: a file in /proc cannot be replaced");
                return Err(Error::new(Code::Io, message).with_hint("use the name that the file has outside of /proc"));
            }
            if kind.is_file() {
                return Ok(Target::Replace(full));
            }
            refuse_trap(&around, &found).map_err(cannot)?;
            if kind.is_fifo() || kind.is_char_device() {
                return Ok(Target::Through(DirectOutput { shown, way: Opening::Named(full) }));
            }
            if !kind.is_symlink() {
                let message = format!("cannot write {shown}: it is {}, not a file", name_of(kind));
                return Err(Error::new(Code::Io, message));
            }
            path = folder.join(fs::read_link(&full).map_err(cannot)?);
        }
        Err(Error::new(Code::Io, format!("cannot write {shown}: it leads through more than {MOST_LINKS} links")))
    }

    /// A descriptor that the caller has opened.
    pub(crate) fn open(file: File, shown: String) -> Target {
        Target::Through(DirectOutput { shown, way: Opening::Open(file) })
    }
}

impl DirectOutput {
    /// Opens it, once a process reads from the other end of a named pipe. `pause` waits a little, or ends the waiting.
    pub(crate) fn open(self, pause: &dyn Fn() -> Result<()>) -> Result<File> {
        let path = match self.way {
            Opening::Open(file) => return Ok(file),
            Opening::Named(path) => path,
        };
        let cannot = |error: &io::Error| Error::io(format!("cannot write {}", self.shown), error);
        loop {
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW;
            match OpenOptions::new().write(true).custom_flags(flags).open(&path) {
                Ok(file) => {
                    let kind = file.metadata().map_err(|error| cannot(&error))?.file_type();
                    return match kind.is_fifo() || kind.is_char_device() {
                        true => Ok(file),
                        false => Err(Error::new(Code::Io, format!("{} was replaced meanwhile", self.shown))),
                    };
                }
                Err(error) if error.raw_os_error() == Some(libc::ENXIO) && is_pipe(&path) => pause()?,
                Err(error) => return Err(cannot(&error)),
            }
        }
    }
}

fn parts(path: &Path) -> Result<(&Path, &std::ffi::OsStr)> {
    let name = path.file_name();
    let name =
        name.ok_or_else(|| Error::new(Code::InvalidArgument, format!("'{}' is not a file name", path.display())))?;
    Ok((path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")), name))
}

fn is_pipe(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_fifo())
}

/// The number of a descriptor of this process that a file is the name of.
fn own_descriptor(folder: &Path, name: &std::ffi::OsStr) -> Option<i32> {
    let ours = ["/proc/self/fd", "/proc/thread-self/fd"].iter().filter_map(|name| fs::canonicalize(name).ok());
    let is_ours = folder.starts_with("/proc") && ours.into_iter().any(|ours| ours == folder);
    name.to_str().filter(|_| is_ours)?.parse().ok()
}

/// A standard descriptor itself. Any other is opened again, which is the same for a pipe or a device; writing to a file continues at
/// the descriptor's position.
fn descriptor(path: &Path, number: i32) -> io::Result<File> {
    if let Some(file) = standard(number) {
        return file;
    }
    let mut file = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        file.seek(SeekFrom::Start(position(number)?))?;
    } else if !kind.is_fifo() && !kind.is_char_device() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}", name_of(kind))));
    }
    Ok(file)
}

fn standard(number: i32) -> Option<io::Result<File>> {
    let duplicate = |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map(File::from);
    match number {
        0 => Some(duplicate(io::stdin().as_fd())),
        1 => Some(duplicate(io::stdout().as_fd())),
        2 => Some(duplicate(io::stderr().as_fd())),
        _ => None,
    }
}

/// The position of an open descriptor (proc(5), fdinfo).
fn position(number: i32) -> io::Result<u64> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}"))?;
    let position = info.lines().find_map(|line| line.strip_prefix("pos:")).and_then(|text| text.trim().parse().ok());
    position.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::{symlink, PermissionsExt};
    use std::os::unix::net::UnixListener;

    use nix::sys::stat::Mode;

    use super::*;

    fn never() -> Result<()> {
        Err(Error::new(Code::Cancelled, "nobody reads"))
    }

    fn replaces(path: &Path) -> PathBuf {
        match Target::of(path).unwrap() {
            Target::Replace(path) => path,
            other => panic!("{other:?}"),
        }
    }

    fn through(path: &Path) -> DirectOutput {
        match Target::of(path).unwrap() {
            Target::Through(through) => through,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn links_are_followed_to_where_they_lead() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let path = |name: &str| root.join(name);
        std::fs::create_dir(path("inner")).unwrap();
        std::fs::write(path("inner/file"), "").unwrap();
        for (link, to) in [
            ("to-file", "inner/file"),
            ("to-link", "to-file"),
            ("dangling", "inner/new"),
            ("inner/up", "../inner/file"),
            ("folder", "inner"),
            ("loop", "loop"),
            ("nowhere", "no/folder/x"),
        ] {
            symlink(to, path(link)).unwrap();
        }
        symlink(path("inner/file"), path("absolute")).unwrap();
        for name in ["inner/file", "to-file", "to-link", "inner/up", "folder/up", "absolute"] {
            assert_eq!(replaces(&path(name)), path("inner/file"), "{name}");
        }
        for (name, file) in [("dangling", "inner/new"), ("new", "new"), ("folder/new", "inner/new")] {
            assert_eq!(replaces(&path(name)), path(file), "{name}");
        }
        let fails = |name: &str, part: &str| {
            let error = Target::of(&path(name)).unwrap_err();
            assert_eq!(error.code(), Code::Io, "{error}");
            assert!(error.message().contains(part), "{error}");
        };
        fails("loop", "links");
        fails("nowhere", "nowhere");
        fails("inner", "a directory");
        assert_eq!(Target::of(Path::new("/")).unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(Target::of(&path("..")).unwrap_err().code(), Code::InvalidArgument);
    }

    #[test]
    fn pipes_and_devices_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        symlink("pipe", path("link")).unwrap();
        let _listener = UnixListener::bind(path("socket")).unwrap();
        assert_eq!(through(&path("pipe")).open(&never).unwrap_err().code(), Code::Cancelled);
        let reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path("pipe")).unwrap();
        through(&path("link")).open(&never).unwrap().write_all(b"text").unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "text");
        through(Path::new("/dev/null")).open(&never).unwrap().write_all(b"text").unwrap();
        assert!(Target::of(&path("socket")).unwrap_err().message().contains("a socket"));
    }

    #[test]
    fn names_of_descriptors_are_those() {
        let folder = tempfile::tempdir().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut file = File::create(folder.path().join("file")).unwrap();
        file.write_all(b"before ").unwrap();
        let link = folder.path().join("link");
        symlink(format!("/dev/fd/{}", file.as_raw_fd()), &link).unwrap();
        for prefix in ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"] {
            let path = PathBuf::from(format!("{prefix}/{}", writer.as_raw_fd()));
            through(&path).open(&never).unwrap().write_all(b"text").unwrap();
        }
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "texttexttext");
        through(&link).open(&never).unwrap().write_all(b"text").unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("file")).unwrap(), "before text");
        for name in ["-", "/dev/stdout", "/dev/stderr", "/proc/self/fd/1"] {
            through(Path::new(name)).open(&never).unwrap();
        }
        assert_eq!(Target::of(Path::new("/dev/fd/999")).unwrap_err().code(), Code::Io);
        // A descriptor of another process is refused, with a hint.
        let mut other = std::process::Command::new("sleep").arg("60").stdin(file).spawn().unwrap();
        let error = Target::of(Path::new(&format!("/proc/{}/fd/0", other.id()))).unwrap_err();
        other.kill().and_then(|()| other.wait()).unwrap();
        assert!(error.message().contains("in /proc") && error.to_json()["hint"].is_string(), "{error}");
    }

    #[test]
    fn strangers_links_in_shared_folders_are_left_alone() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mode = |mode: u32| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        symlink("victim", path("link")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        for name in ["link", "pipe"] {
            std::os::unix::fs::lchown(path(name), Some(12345), None).unwrap();
            for everybodys in [0o1777, 0o777] {
                mode(everybodys);
                assert!(Target::of(&path(name)).unwrap_err().message().contains("another user"), "{name}");
            }
            mode(0o755);
            Target::of(&path(name)).unwrap();
        }
    }
}
