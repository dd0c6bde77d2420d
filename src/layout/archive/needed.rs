//! Everything that the entries of an index need.

use std::collections::BTreeSet;

use super::saved::Image;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::store::Content;

/// More than any archive of images has.
const MOST: usize = 200_000;

/// What entries need.
#[derive(Debug, Default)]
pub struct Needed {
    /// The blobs, manifests first, each once.
    pub blobs: Vec<Descriptor>,
    /// The images among them.
    pub images: Vec<Image>,
}

/// Goes through entries and what they name. `read` reads a manifest, `size` tells a blob's size; what is not there is None.
pub fn needed(
    call: &Call,
    entries: &[Descriptor],
    read: &dyn Fn(&Descriptor) -> Result<Option<Content>>,
    size: &dyn Fn(&Digest) -> Option<u64>,
) -> Result<Needed> {
    let (mut found, mut blobs, mut seen) = (Needed::default(), Vec::new(), BTreeSet::new());
    let mut waiting: Vec<(Descriptor, bool)> = entries.iter().rev().map(|entry| (entry.clone(), true)).collect();
    while let Some((entry, must)) = waiting.pop() {
        call.check()?;
        if seen.len() > MOST {
            return Err(Error::new(Code::LimitExceeded, format!("there are more than {MOST} blobs")));
        }
        if !seen.insert(entry.digest.clone()) {
            continue;
        }
        if !types::is_manifest(&entry.media_type) && !entry.media_type.is_empty() {
            blobs.push(entry);
            continue;
        }
        let Some(content) = read(&entry)? else {
            // A sparse index has entries that are not there.
            if must {
                return Err(Error::new(Code::MissingBlob, format!("the manifest {} is not there", entry.digest)));
            }
            continue;
        };
        let document = &content.document;
        waiting.extend(document.manifests().iter().rev().map(|entry| (entry.clone(), false)));
        let named = document.config().into_iter().chain(document.layers());
        blobs.extend(named.filter(|blob| seen.insert(blob.digest.clone())).cloned());
        for digest in document.fs_layers()? {
            if seen.insert(digest.clone()) {
                let size = size(&digest).unwrap_or_default();
                blobs.push(Descriptor {
                    media_type: types::DOCKER_LAYER.to_owned(),
                    digest,
                    size,
                    ..content.descriptor()
                });
            }
        }
        if document.kind == Kind::Image {
            found.images.extend(Image::of(document));
        }
        found.blobs.push(content.descriptor());
    }
    // Layers that are meant to come from elsewhere may be there or not.
    let there = |blob: &Descriptor| !types::is_foreign(&blob.media_type) || size(&blob.digest).is_some();
    found.blobs.extend(blobs.into_iter().filter(there));
    if let Some(missing) = found.blobs.iter().find(|blob| size(&blob.digest).is_none()) {
        return Err(Error::new(Code::MissingBlob, format!("the blob {} is not there", missing.digest)));
    }
    Ok(found)
}
