//! The names in a layer that are marks: what they say about the layers below (OCI image-spec layer.md, "Whiteouts").

use super::layer::UnpackedLayer;
use crate::error::{Code, Error, Result};
use crate::tar::names::{join, shown, split};
use crate::tar::{Entries, TarEntry};

pub(crate) type LayerEntries = Entries<UnpackedLayer>;

/// What a name of a layer says about the layers below.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// It is an ordinary file.
    None,
    /// This name is removed.
    Whiteout(Vec<u8>),
    /// Everything below is removed from this folder.
    Opaque(&'a [u8]),
    /// It is for the tool that wrote the layer.
    Private,
}

/// Whether a name is in a folder that is for the tool that wrote the layer.
pub(crate) fn is_private(path: &[u8]) -> bool {
    split(path).0.split(|byte| *byte == b'/').any(|part| part.starts_with(b".wh..wh."))
}

/// A name in a folder that has the name of a whiteout: in no layer that something reads can there be such a folder.
pub(crate) fn refuse_in_whiteout(path: &[u8]) -> Result<()> {
    let is_whiteout = |part: &[u8]| part.starts_with(b".wh.") && !part.starts_with(b".wh..wh.");
    match split(path).0.split(|byte| *byte == b'/').any(is_whiteout) {
        true => {
            let message = format!("'{}' is in a folder with the name of a whiteout", shown(path));
            Err(Error::new(Code::InvalidManifest, message))
        }
        false => Ok(()),
    }
}

impl TarEntry {
    /// What the entry's name says about the layers below.
    pub(crate) fn mark(&self) -> Result<Mark<'_>> {
        refuse_in_whiteout(&self.path)?;
        let (folder, name) = split(&self.path);
        let Some(hidden) = name.strip_prefix(b".wh.") else { return Ok(Mark::None) };
        if hidden == b".wh..opq" {
            return Ok(Mark::Opaque(folder));
        }
        if hidden.starts_with(b".wh.") {
            return Ok(Mark::Private);
        }
        if matches!(hidden, b"" | b"." | b"..") {
            let message = format!("the whiteout '{}' does not name a file", shown(&self.path));
            return Err(Error::new(Code::InvalidManifest, message));
        }
        Ok(Mark::Whiteout(join(folder, hidden)))
    }
}
