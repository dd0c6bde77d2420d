//! Names in a tar archive: paths from a root, which never lead out of it.

use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// The most bytes in a path.
pub(crate) const LONGEST_PATH: usize = 4096;
/// The most components in a path.
pub(crate) const DEEPEST: usize = 256;

/// A clean path from the root: no `.`, no `..`, no `/` at its ends. One that leads out is refused.
pub(crate) fn clean(name: &[u8]) -> Result<Vec<u8>> {
    let wrong = |why: &str| Err(Error::new(Code::InvalidManifest, format!("the name '{}' {why}", shown(name))));
    if name.contains(&0) {
        return wrong("contains a zero byte");
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.pop().is_none() => return wrong("leads out of the root"),
            b".." => {}
            part if part.len() > 255 => return wrong("has a part of more than 255 bytes"),
            part => parts.push(part),
        }
    }
    let path = parts.join(&b'/');
    if path.len() > LONGEST_PATH || parts.len() > DEEPEST {
        let message = format!("a name has {} bytes and {} parts", path.len(), parts.len());
        return Err(Error::new(Code::LimitExceeded, message));
    }
    Ok(path)
}

pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        b"" => name.to_vec(),
        folder => [folder, b"/", name].concat(),
    }
}

pub(crate) fn is_within(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// An untrusted name for a message.
pub(crate) fn shown(path: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(path)).to_string()
}
