//! The bytes of an archive where they can be looked at again: in its own file, or in a temporary one when they come by a pipe
//! or packed.

use std::fs::File;
use std::io::Seek;
use std::path::Path;

use bytes::Bytes;

use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::os::special_file::{is_device, name_of};
use crate::os::{input, offset};
use crate::stream::blob::Blob;
use crate::stream::source::PIECE;
use crate::stream::spool::{SpoolItem, TemporarySpace};
use crate::stream::unpack::{Packing, UnpackLimits, Unpacker};

#[derive(Debug)]
pub(crate) enum ArchiveBytes {
    /// In a file, of this length.
    File(File, u64),
    /// In a temporary file.
    Spooled(SpoolItem),
}

impl ArchiveBytes {
    /// Opens an archive; `-` and `/dev/stdin` are standard input. One that cannot be read in place is copied to a temporary file.
    pub(crate) fn open(call: &Call, path: &Path, space: &TemporarySpace) -> Result<ArchiveBytes> {
        let name = shown(path);
        let file = input::open(path).map_err(|error| Error::io(format!("cannot read {name}"), &error))?;
        ArchiveBytes::of(call, file, name, space)
    }

    /// The same for one that is open: a file that stands at its beginning, or whatever comes from where it stands.
    pub(crate) fn of(call: &Call, mut file: File, name: String, space: &TemporarySpace) -> Result<ArchiveBytes> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {name}"), &error);
        let facts = file.metadata().map_err(what)?;
        let kind = facts.file_type();
        if kind.is_dir() || is_device(kind) {
            return Err(Error::new(Code::Io, format!("{name} is {}, not an archive", name_of(kind))));
        }
        if kind.is_file() && file.stream_position().map_err(what)? == 0 {
            let mut head = [0; Packing::HEAD];
            let count = offset::read_at(&file, &mut head, 0).map_err(what)?;
            if Packing::of(&head[..count]) == Packing::Plain {
                return Ok(ArchiveBytes::File(file, facts.len()));
            }
        }
        spool(call, file, name, space).map(ArchiveBytes::Spooled)
    }

    /// The size in bytes.
    pub(crate) fn length(&self) -> u64 {
        match self {
            ArchiveBytes::File(_, length) => *length,
            ArchiveBytes::Spooled(item) => item.size(),
        }
    }

    /// Reads what is at an offset; 0 is the end.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        match self {
            ArchiveBytes::File(file, _) => offset::read_at(file, buffer, offset),
            ArchiveBytes::Spooled(item) => item.read_at(buffer, offset),
        }
    }
}

/// The name of an archive for messages.
pub(crate) fn shown(path: &Path) -> String {
    match input::is_standard(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    }
}

/// Unpacks all of it into a temporary file.
fn spool(call: &Call, file: File, name: String, space: &TemporarySpace) -> Result<SpoolItem> {
    // A fault of an archive is a fault of a local file.
    let as_file = |error: Error| match error.code() {
        Code::InvalidManifest => error.with_code(Code::Io),
        _ => error,
    };
    let stream = StreamedArchive { file, call: call.clone(), name: name.clone() };
    let mut unpacker =
        Unpacker::new(&call.without_progress(), Box::new(stream), name, 0, UnpackLimits::default()).map_err(as_file)?;
    let mut writer = space.spool()?.writer();
    let mut buffer = vec![0; PIECE];
    loop {
        match unpacker.read(&mut buffer).map_err(as_file)? {
            0 => return Ok(writer.finish()),
            count => writer.write(&buffer[..count])?,
        }
    }
}

/// A file, a pipe or a socket as it comes.
struct StreamedArchive {
    file: File,
    call: Call,
    name: String,
}

impl Blob for StreamedArchive {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        let mut buffer = vec![0; PIECE];
        let count = input::read(&self.file, &mut buffer, || self.call.check()).map_err(|error| {
            // A cancelled call returns its own error.
            self.call.check().err().unwrap_or_else(|| Error::io(format!("cannot read {}", self.name), &error))
        })?;
        buffer.truncate(count);
        Ok((count > 0).then(|| buffer.into()))
    }
}
