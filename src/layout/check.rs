//! Checks a layout for missing and damaged blobs, and removes those that no image needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde::Serialize;

use super::forgotten_files::{is_forgotten_blob, is_forgotten_in_root};
use super::lock::Lock;
use super::oci::OciLayout;
use super::reachable_blobs::Needed;
use super::weak_referrers::KeptImages;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::os::owner::is_kept_for_its_owner;
use crate::os::special_file::open_regular;
use crate::stream::blob::{Blob, VerifiedBlob};

/// What was read of a layout, and what is missing or wrong there.
#[derive(Debug, Serialize)]
pub struct CheckResult {
    /// Whether nothing is missing or wrong, manifests included.
    pub ok: bool,
    /// Entries of `index.json`.
    pub images: u64,
    /// Manifests and blobs that were read.
    pub blobs: u64,
    /// The bytes of these manifests and blobs.
    pub bytes: u64,
    /// The problems: `{digest, problem}`.
    pub problems: Vec<LayoutProblem>,
    /// Missing manifests that are named by an index, or by a document of an unknown kind.
    pub sparse: Vec<Digest>,
}

/// A blob that is missing or damaged.
#[derive(Debug, Serialize)]
pub struct LayoutProblem {
    /// The digest in the name of the blob, which its bytes need not have.
    pub digest: Digest,
    /// What is wrong with it, in words.
    pub problem: String,
}

/// The result of a clean-up.
#[derive(Debug, Serialize)]
pub struct CleanResult {
    /// The blobs that nothing names.
    pub removed: Vec<Digest>,
    /// Their bytes, and those of forgotten partial files.
    pub bytes: u64,
    /// Missing manifests that are named by an index, or by a document of an unknown kind.
    pub sparse: Vec<Digest>,
}

options! {
    /// Options of [`clean`].
    #[derive(Debug, Clone)]
    pub struct CleanOptions {
        /// also remove blobs that only a missing manifest may need, or an entry that cannot be read
        pub prune_sparse: bool,
    }
}

/// Reads everything and compares it with its digest. It keeps clean-ups away, but waits for none: whoever may read the layout can lock it.
pub fn check(call: &Call, layout: &OciLayout) -> Result<CheckResult> {
    let marker = layout.root_path().join("oci-layout");
    let held = Lock::shared_if_free(&marker)?;
    if held.is_none() {
        call.warn_of(&marker.display().to_string(), "another process has locked it, and may change what is checked")?;
    }
    let found = layout.needed(call)?;
    let problem =
        |digest: &Digest, error: &Error| LayoutProblem { digest: digest.clone(), problem: error.message().to_owned() };
    let known = found.problems.iter().chain(&found.missized);
    let mut problems: Vec<LayoutProblem> = known.map(|(digest, error)| problem(digest, error)).collect();
    let missized: BTreeSet<&Digest> = found.missized.iter().map(|(digest, _)| digest).collect();
    let (mut blobs, mut bytes) = (0, 0u64);
    for wanted in found.all() {
        blobs += 1;
        let path = layout.blob_path(&wanted.digest);
        let outcome = match open_regular(&path) {
            Ok(file) => read_through(VerifiedBlob::new(file, call, path.display().to_string(), wanted, None)),
            Err(_) if crate::media_type::is_foreign(&wanted.media_type) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::new(Code::MissingBlob, "it is not there"))
            }
            Err(error) => Err(Error::io("it cannot be read", &error)),
        };
        match outcome {
            Ok(()) => bytes = bytes.saturating_add(wanted.size),
            Err(error) if error.ends_call() => return Err(error),
            // It is among the problems already.
            Err(error) if error.code() == Code::SizeMismatch && missized.contains(&wanted.digest) => {}
            Err(error) => problems.push(problem(&wanted.digest, &error)),
        }
    }
    let images = layout.entries()?.len() as u64;
    let ok = problems.is_empty() && found.sparse.is_empty();
    Ok(CheckResult { ok, images, blobs, bytes, problems, sparse: found.sparse })
}

fn read_through(mut blob: impl Blob) -> Result<()> {
    while blob.piece()?.is_some() {}
    Ok(())
}

/// Removes what no image needs. It waits until no copy is at work in the layout. A manifest that is missing may need any blob: then
/// none is removed, unless the caller wants what is known to be needed and nothing more. What refers without a name to what goes goes
/// with it, and is not listed any more.
pub fn clean(call: &Call, layout: &OciLayout, options: &CleanOptions) -> Result<CleanResult> {
    layout.check_links()?;
    let _alone = Lock::exclusive(call, &layout.root_path().join("oci-layout"))?;
    let KeptImages { needed: found, orphans } = layout.kept_images(call)?;
    refuse_unknown(&found, options)?;
    let keep_all = !found.sparse.is_empty() && !options.prune_sparse;
    if !keep_all {
        // Before the blobs: what has lost its subject could not be told later from what is of something elsewhere.
        layout.unlist(call, &orphans)?;
    }
    // Before anything is removed: no lock is waited for any more when something is gone.
    let _index = Lock::exclusive(call, layout.root_path())?;
    let needed: BTreeSet<&Digest> = found.all().map(|found| &found.digest).collect();
    let mut cleaned = CleanResult { removed: Vec::new(), bytes: 0, sparse: found.sparse.clone() };
    for algorithm in ["sha256", "sha512"] {
        let folder = layout.root_path().join("blobs").join(algorithm);
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(|entry| entry.ok()) {
            call.check()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let digest = format!("{algorithm}:{name}").parse::<Digest>().ok();
            let Ok(facts) = entry.metadata() else { continue };
            let useless = match &digest {
                Some(digest) => !keep_all && !needed.contains(digest),
                None => is_forgotten_blob(&name, &facts),
            };
            if useless && facts.is_file() {
                let Some(bytes) = remove(call, &entry, &facts)? else { continue };
                cleaned.bytes += bytes;
                cleaned.removed.extend(digest);
            }
        }
    }
    cleaned.bytes += remove_forgotten_indexes(call, layout.root_path())?;
    cleaned.removed.sort();
    Ok(cleaned)
}

/// Gives its size; None if it stays, because it is another user's in a folder with the sticky bit.
fn remove(call: &Call, entry: &fs::DirEntry, facts: &fs::Metadata) -> Result<Option<u64>> {
    let path = entry.path();
    match fs::remove_file(&path) {
        Ok(()) => Ok(Some(facts.len())),
        Err(error) if is_kept_for_its_owner(&error, facts) => {
            call.warn_of(&path.display().to_string(), "it is another user's, and cannot be removed")?;
            Ok(None)
        }
        Err(error) => Err(Error::io(format!("cannot remove {}", path.display()), &error)),
    }
}

/// Removes what writers in the folder itself have left that were killed. Gives how many bytes that were.
fn remove_forgotten_indexes(call: &Call, root: &Path) -> Result<u64> {
    let Ok(entries) = fs::read_dir(root) else { return Ok(0) };
    let mut bytes = 0;
    for entry in entries.filter_map(|entry| entry.ok()) {
        let Ok(facts) = entry.metadata() else { continue };
        if facts.is_file() && is_forgotten_in_root(&entry.file_name().to_string_lossy(), &facts) {
            bytes += remove(call, &entry, &facts)?.unwrap_or_default();
        }
    }
    Ok(bytes)
}

fn refuse_unknown(found: &Needed, options: &CleanOptions) -> Result<()> {
    if let Some((digest, error)) = found.problems.first() {
        return Err(Error::new(Code::MissingBlob, format!("{digest}: {}", error.message())));
    }
    if let Some(digest) = found.obscure.first().filter(|_| !options.prune_sparse) {
        let message = format!("{digest} is not a known kind of manifest, or cannot be read for its size or depth: what it needs is unknown");
        return Err(Error::new(Code::Unsupported, message)
            .with_hint("the option prune_sparse keeps what is known to be needed, and removes the rest".to_owned()));
    }
    Ok(())
}
