//! A tar file of named pieces, written in one step.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::http::call::Call;

/// Writes an archive of these files, in this order. It appears only whole.
pub fn archive(call: &Call, target: &Path, files: &[(String, Piece)]) -> Result<()> {
    let what = |error: std::io::Error| Error::io(format!("cannot write {}", target.display()), &error);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new()
        .prefix(".")
        .suffix(".partial")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(what)?;
    let mut builder = tar::Builder::new(std::io::BufWriter::with_capacity(256 << 10, temporary));
    for (name, piece) in files {
        call.check()?;
        match piece {
            Piece::Bytes(bytes) => {
                let mut header = header(bytes.len() as u64);
                builder.append_data(&mut header, name, bytes.as_slice()).map_err(what)?;
            }
            Piece::File(path) => {
                let file =
                    File::open(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
                let size = file.metadata().map_err(what)?.len();
                builder.append_data(&mut header(size), name, Interruptible(file.take(size), call)).map_err(
                    |error| {
                        // What was asked for comes back as itself.
                        call.check().err().unwrap_or_else(|| what(error))
                    },
                )?;
            }
        }
    }
    let mut buffered = builder.into_inner().map_err(what)?;
    buffered.flush().map_err(what)?;
    let temporary = buffered.into_inner().map_err(|error| what(error.into_error()))?;
    temporary.as_file().sync_all().map_err(what)?;
    temporary.persist(target).map(drop).map_err(|error| what(error.error))
}

/// A file of an archive that is written.
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of this file.
    File(PathBuf),
}

// The same files give the same archive: no clock, no user.
fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

struct Interruptible<'a, R>(R, &'a Call);

impl<R: Read> Read for Interruptible<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1.check().map_err(std::io::Error::other)?;
        self.0.read(buffer)
    }
}
