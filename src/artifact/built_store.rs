//! An artifact that was made here, as a place that the copy engine reads.

use std::collections::HashMap;
use std::io::{Cursor, Seek, SeekFrom};

use super::part::{PartBytes, ReadyPart};
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::os::file_version::FileVersion;
use crate::os::special::open_regular;
use crate::store::{RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::stream::replay::OpenedFile;

/// A manifest, and where the bytes that it names are.
pub(super) struct BuiltArtifact {
    root: RawManifest,
    bytes: HashMap<Digest, PartBytes>,
}

impl BuiltArtifact {
    pub(super) fn new(root: RawManifest, parts: impl Iterator<Item = ReadyPart>) -> BuiltArtifact {
        BuiltArtifact { root, bytes: parts.map(|part| (part.digest, part.bytes)).collect() }
    }
}

fn missing(digest: &Digest) -> Error {
    Error::new(Code::MissingBlob, format!("the artifact has no {digest}"))
}

impl ReadStore for BuiltArtifact {
    fn place(&self) -> String {
        "the artifact".to_owned()
    }

    fn root(&self, _: &Call) -> Result<RawManifest> {
        Ok(self.root.clone())
    }

    fn manifest(&self, _: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        Err(missing(&wanted.digest))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        match self.bytes.get(&wanted.digest).ok_or_else(|| missing(&wanted.digest))? {
            PartBytes::Memory(bytes) => {
                let mut reader = Cursor::new(bytes.clone());
                reader.set_position(begin);
                Ok(Box::new(VerifiedBlob::new(reader, call, "the artifact".to_owned(), wanted, hashed)))
            }
            PartBytes::Spooled(item) => {
                let name = "a temporary file".to_owned();
                Ok(Box::new(VerifiedBlob::new(item.read_from(begin), call, name, wanted, hashed)))
            }
            PartBytes::File(path, stamp) => {
                let shown = path.display().to_string();
                let what = |error: std::io::Error| Error::io(format!("cannot read {shown}"), &error);
                let mut file = open_regular(path).map_err(what)?;
                if FileVersion::of(&file.metadata().map_err(what)?) != *stamp {
                    return Err(OpenedFile::changed(&shown));
                }
                file.seek(SeekFrom::Start(begin)).map_err(what)?;
                Ok(Box::new(VerifiedBlob::new(file, call, shown, wanted, hashed)))
            }
        }
    }

    fn size(&self, _: &Call, digest: &Digest) -> Result<u64> {
        Err(missing(digest))
    }

    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }
}
