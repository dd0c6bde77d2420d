//! The manifest of an entry of an `index.json`, as far as it says what the entry refers to: only the manifest has its subject.

use serde_json::Value;

use super::reachable_blobs::Shelf;
use crate::digest::Digest;
use crate::error::{Code, Result};
use crate::manifest::Descriptor;

pub(super) enum ListedManifest {
    /// Its bytes, which are those of its digest, and what they say.
    Read(Vec<u8>, Value),
    /// Missing or damaged: nothing of it can be lost any more.
    Gone,
    /// It cannot be read now, and may say anything.
    Unreadable,
}

impl ListedManifest {
    pub(super) fn of(entry: &Descriptor, shelf: &dyn Shelf) -> Result<ListedManifest> {
        let bytes = match shelf.small(&entry.digest) {
            Ok(bytes) => bytes,
            Err(error) if error.ends_call() => return Err(error),
            Err(error) if matches!(error.code(), Code::NotFound | Code::MissingBlob | Code::LimitExceeded) => {
                return Ok(ListedManifest::Gone)
            }
            Err(_) => return Ok(ListedManifest::Unreadable),
        };
        if entry.digest.algorithm().digest(&bytes) != entry.digest {
            return Ok(ListedManifest::Gone);
        }
        Ok(crate::json::parse(&bytes).map_or(ListedManifest::Gone, |value| ListedManifest::Read(bytes, value)))
    }

    /// What it refers to, if that is known.
    pub(super) fn subject(&self) -> Option<Digest> {
        match self {
            ListedManifest::Read(_, value) => value.get("subject")?.get("digest")?.as_str()?.parse().ok(),
            _ => None,
        }
    }
}
