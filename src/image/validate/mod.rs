//! Whether everything that an image or an index leads to is there and is what it says it is (OCI image-spec manifest.md, config.md,
//! image-index.md): a report of what is wrong, not the first error.

mod blobs;
mod reached;
mod tree;

use std::sync::Arc;

use serde::Serialize;

use super::layer::UnpackLimits;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::os::resource_shortage::is_damage;
use crate::store::served_by::Senders;
use crate::store::{Moved, ReadStore};
use crate::transfer::meter::Meter;
use crate::transfer::workers::{gather, width_of};
use blobs::BlobUse;
use tree::Tree;

options! {
    /// Options of [`validate`].
    #[derive(Debug, Clone)]
    pub struct ValidateOptions {
        /// of an index, only the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION]
        pub platform: Option<String>,
        /// blobs are not read, configs excepted: only whether they are there, with the right size
        pub quick: bool,
        /// also what refers to each manifest, and what refers to that
        pub referrers: bool,
        /// how many blobs are looked at at the same time, 1 to 64
        pub concurrency: u64 = 4,
        /// the most bytes that a layer may unpack to
        pub max_bytes: u64 = 68_719_476_736,
        /// the most bytes of a layer for each packed one, from the first GiB on
        pub max_ratio: u64 = 250,
    }
}

/// What was read, and everything that is wrong: only an answer that cannot be had is an error.
#[derive(Debug, Serialize)]
pub struct Validation {
    /// As messages call it, without credentials.
    pub place: String,
    /// The manifest that was begun with.
    pub digest: Digest,
    /// The media type of that manifest.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Whether nothing was found that is missing or wrong.
    pub valid: bool,
    /// Whether blobs were only looked for.
    pub quick: bool,
    /// Manifests that were read.
    pub manifests: u64,
    /// Blobs that were read, or looked for, each once.
    pub blobs: u64,
    /// Their bytes, as they are listed.
    pub bytes: u64,
    /// Layers that come from elsewhere, and were not looked for.
    pub foreign: Vec<Digest>,
    /// What is wrong, in the order of the manifests.
    pub problems: Vec<ValidationProblem>,
    /// The endpoints that sent what was read, or said that it is there, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
}

/// Something that is missing, damaged or contradicts something else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ValidationProblem {
    /// Of which manifest or blob.
    pub digest: Digest,
    /// The manifest that names it; none for the first one, and for what is wrong in a manifest itself.
    pub manifest: Option<Digest>,
    /// The name of the error that it is: `MISSING_BLOB` for whatever is not there, a manifest too.
    pub code: &'static str,
    /// What is expected and what is there, as the error's message.
    pub problem: String,
}

impl ValidationProblem {
    fn new(digest: &Digest, manifest: Option<&Digest>, error: &Error) -> ValidationProblem {
        // Registries say of a manifest that it is not found, and of a blob, or not; layouts that it is missing.
        let code = if error.code() == Code::NotFound { Code::MissingBlob } else { error.code() };
        let (digest, manifest) = (digest.clone(), manifest.cloned());
        ValidationProblem { digest, manifest, code: code.name(), problem: error.message().to_owned() }
    }
}

/// Validates what a place names.
pub fn validate(call: &Call, store: &dyn ReadStore, options: &ValidateOptions) -> Result<Validation> {
    let width = width_of(options.concurrency)?;
    let image = match options.platform.as_deref() {
        None => Image { content: store.root(call)?, platform: None },
        platform => Image::find(call, store, platform)?,
    };
    let (digest, media_type) = (image.content.digest().clone(), image.content.document.media_type.clone());
    let tree = Tree::walk(call, store, &image, width, options.referrers)?;
    let mut report = Validation {
        place: store.place(),
        digest,
        media_type,
        valid: false,
        quick: options.quick,
        manifests: tree.manifests,
        blobs: tree.blobs.len() as u64,
        bytes: total(tree.blobs.iter()),
        foreign: tree.foreign.into_iter().collect(),
        problems: tree.problems,
        served_by: Vec::new(),
    };
    report.problems.extend(blob_problems(call, store, &tree.blobs, width, options)?);
    report.valid = report.problems.is_empty();
    Ok(Validation { served_by: Senders::of(call), ..report })
}

/// The sizes come from untrusted manifests.
fn total<'a>(blobs: impl Iterator<Item = &'a BlobUse>) -> u64 {
    blobs.fold(0, |sum, blob| sum.saturating_add(blob.descriptor.size))
}

/// What is wrong with the blobs, in their order.
fn blob_problems(
    call: &Call,
    store: &dyn ReadStore,
    blobs: &[BlobUse],
    width: usize,
    options: &ValidateOptions,
) -> Result<Vec<ValidationProblem>> {
    let limits = UnpackLimits::new(options.max_bytes, options.max_ratio);
    let jobs: Vec<&BlobUse> = blobs.iter().filter(|blob| !blob.is_read).collect();
    let bytes = total(jobs.iter().copied());
    call.begin("validate", Some(bytes))?;
    let meter = Arc::new(Meter::new(width, jobs.len() as u64, bytes));
    let found = gather(call, width, &meter, jobs, |call, worker, blob| {
        meter.begin(worker, &blob.descriptor);
        let mut problems = match options.quick {
            true => blob.look(call, store),
            false => blob.read(call, store, limits),
        }?;
        problems.sort();
        meter.settle(worker, blob.descriptor.size, Moved::Present);
        Ok(problems)
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether an error is about what was looked at, so that it belongs into the report; any other ends the call: the answer is not known.
fn is_finding(store: &dyn ReadStore, error: &Error) -> bool {
    match error.code() {
        Code::NotFound
        | Code::MissingBlob
        | Code::DigestMismatch
        | Code::SizeMismatch
        | Code::InvalidManifest
        | Code::Signature
        | Code::Unsupported
        | Code::LimitExceeded => true,
        // A disk that cannot give a file's bytes is what a layout is validated for; a caller who may not read it is not.
        Code::Io => store.repository().is_none() && error.errno().is_some_and(is_damage),
        _ => false,
    }
}

/// The value, or what is wrong with what was looked at; any other error as it is.
fn or_finding<T>(store: &dyn ReadStore, outcome: Result<T>) -> Result<std::result::Result<T, Error>> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(error) if is_finding(store, &error) => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// The same of a manifest or a blob, in whose place there may be something else than a file.
fn or_finding_of<T>(
    call: &Call,
    store: &dyn ReadStore,
    digest: &Digest,
    outcome: Result<T>,
) -> Result<std::result::Result<T, Error>> {
    match outcome {
        // What the system has refused has a number; that a folder or a pipe is not a blob is said without one.
        Err(error) if error.code() == Code::Io && error.errno().is_none() && store.repository().is_none() => {
            match store.size(call, digest) {
                Err(missing) if missing.code() == Code::MissingBlob => {
                    Ok(Err(Error::new(Code::MissingBlob, error.message().to_owned())))
                }
                _ => Err(error),
            }
        }
        outcome => or_finding(store, outcome),
    }
}
