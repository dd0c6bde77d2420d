//! Whether a place has what a manifest names.

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::store::{RawManifest, ReadStore, WriteStore};

/// More of what is missing than a message should list.
const MOST_LISTED: usize = 10;

/// Refuses a manifest of which something is missing at the place `to`, or all while that is not there: then it has no `place`. What is to
/// be fetched from elsewhere may be missing, and so may the subject (distribution-spec "Pushing Manifests with Subject").
pub(crate) fn check(
    call: &Call,
    place: Option<&dyn ReadStore>,
    to: &dyn WriteStore,
    content: &RawManifest,
) -> Result<()> {
    let document = &content.document;
    let (manifests, others): (Vec<_>, Vec<_>) =
        document.manifests().iter().partition(|entry| types::is_manifest(&entry.media_type));
    let blobs = document.config().into_iter().chain(document.layers()).chain(others);
    let mut missing = Vec::new();
    for entry in manifests {
        if !has_manifest(call, place, entry)? {
            missing.push(entry.digest.to_string());
        }
    }
    for blob in blobs.filter(|blob| !types::is_foreign(&blob.media_type)) {
        call.check()?;
        // As a copy looks for it: what others may have written is read.
        if !to.has_blob(call, blob)? {
            missing.push(lacking(call, place, blob));
        }
    }
    for digest in document.fs_layers()? {
        if !has_layer(call, place, &digest)? {
            missing.push(digest.to_string());
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(incomplete(content.digest(), &missing)),
    }
}

fn has_manifest(call: &Call, place: Option<&dyn ReadStore>, entry: &Descriptor) -> Result<bool> {
    let Some(place) = place else { return Ok(false) };
    match place.manifest(call, entry) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.code(), Code::NotFound | Code::MissingBlob) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a layer is there of which only the digest is known (schema 1).
fn has_layer(call: &Call, place: Option<&dyn ReadStore>, digest: &Digest) -> Result<bool> {
    call.check()?;
    let Some(place) = place else { return Ok(false) };
    match place.size(call, digest) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Code::MissingBlob => Ok(false),
        Err(error) => Err(error),
    }
}

/// A blob that is not there. One of another size is damaged, or the manifest is wrong about it.
fn lacking(call: &Call, place: Option<&dyn ReadStore>, blob: &Descriptor) -> String {
    match place.map(|place| place.size(call, &blob.digest)) {
        Some(Ok(size)) if size != blob.size => {
            format!("{} (it has {size} bytes there, the manifest says {})", blob.digest, blob.size)
        }
        _ => blob.digest.to_string(),
    }
}

fn incomplete(manifest: &Digest, missing: &[String]) -> Error {
    let listed = missing[..missing.len().min(MOST_LISTED)].join(", ");
    let more = match missing.len().saturating_sub(MOST_LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("the manifest {manifest} refers to what is missing: {listed}{more}");
    let error = Error::new(Code::MissingBlob, message);
    match missing.iter().all(|missing| missing.ends_with(')')) {
        // To put the same bytes again changes nothing.
        true => error.with_hint("what has another size is damaged there, or the manifest is wrong about it"),
        false => error.with_hint("put that first, or put the manifest anyway with the option allow_missing"),
    }
}
