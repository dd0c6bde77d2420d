//! Where the bytes of a blob are that was made here, or is the caller's own: opened, they are a blob like one from anywhere else, and
//! verified as they pass.

use std::io::{Cursor, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::Bytes;

use super::blob::{Blob, VerifiedBlob};
use super::replay::OpenedFile;
use super::spool::SpoolItem;
use crate::call::Call;
use crate::descriptor::Descriptor;
use crate::digest::Hasher;
use crate::error::{Error, Result};
use crate::os::file_version::FileVersion;
use crate::os::special_file::open_regular;

/// Bytes at hand. Those without a path have a name for messages.
#[derive(Debug, Clone)]
pub(crate) enum LocalBytes {
    /// A file of the caller's, and what it was when it was hashed; None where only its digest tells whether it has changed.
    File(PathBuf, Option<FileVersion>),
    Memory(Bytes, &'static str),
    Spooled(SpoolItem, &'static str),
}

impl LocalBytes {
    /// From their beginning, or after what the caller has hashed already.
    pub(crate) fn open(
        &self,
        call: &Call,
        wanted: &Descriptor,
        hashed: Option<(Hasher, u64)>,
    ) -> Result<Box<dyn Blob>> {
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        Ok(match self {
            LocalBytes::Memory(bytes, name) => {
                let mut reader = Cursor::new(bytes.clone());
                reader.set_position(begin);
                Box::new(VerifiedBlob::new(reader, call, (*name).to_owned(), wanted, hashed))
            }
            LocalBytes::Spooled(item, name) => {
                Box::new(VerifiedBlob::new(item.read_from(begin), call, (*name).to_owned(), wanted, hashed))
            }
            LocalBytes::File(path, version) => {
                let shown = path.display().to_string();
                let what = |error: std::io::Error| Error::io(format!("cannot read {shown}"), &error);
                let mut file = open_regular(path).map_err(what)?;
                let now = FileVersion::of(&file.metadata().map_err(what)?);
                if version.is_some_and(|version| version != now) {
                    return Err(OpenedFile::changed(&shown));
                }
                file.seek(SeekFrom::Start(begin)).map_err(what)?;
                Box::new(VerifiedBlob::new(file, call, shown, wanted, hashed))
            }
        })
    }
}
