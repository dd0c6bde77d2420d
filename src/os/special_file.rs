//! Special files: a user who may write to a folder can put a pipe, a socket or a device where a file is expected.

use std::fs::{File, FileType, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// Opens a regular file to read it; links are followed. Anything else is an error at once: [`File::open`] would wait for the
/// writer of a pipe, or wake a device.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    // A regular file does not know O_NONBLOCK.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = opened.map_err(|error| match error.raw_os_error() {
        Some(libc::ENXIO) => not_regular("a socket or a device that is not there"),
        _ => error,
    })?;
    regular(file)
}

/// The file, if it is a regular one.
pub(crate) fn regular(file: File) -> io::Result<File> {
    let kind = file.metadata()?.file_type();
    match kind.is_file() {
        true => Ok(file),
        false => Err(not_regular(name_of(kind))),
    }
}

fn not_regular(kind: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("it is {kind}, not a regular file"))
}

/// Whether its bytes can be read once only, in order.
pub(crate) fn is_stream(kind: FileType) -> bool {
    kind.is_fifo() || kind.is_char_device()
}

pub(crate) fn is_device(kind: FileType) -> bool {
    kind.is_char_device() || kind.is_block_device()
}

/// The name of a kind of file, for messages.
pub(crate) fn name_of(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_file() => "a regular file",
        kind if kind.is_dir() => "a directory",
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() => "a character device",
        kind if kind.is_block_device() => "a block device",
        _ => "of a kind that is not known",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        nix::unistd::mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        let _listener = UnixListener::bind(path("socket")).unwrap();
        for good in ["file", "link"] {
            assert_eq!(io::read_to_string(open_regular(&path(good)).unwrap()).unwrap(), "text");
        }
        let why = |path: &Path| open_regular(path).unwrap_err().to_string();
        assert!(why(&path("pipe")).contains("a named pipe"));
        assert!(why(&path("socket")).contains("a socket"));
        assert!(why(folder.path()).contains("a directory"));
        assert!(why(Path::new("/dev/zero")).contains("a character device"));
        assert_eq!(open_regular(&path("nothing")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
