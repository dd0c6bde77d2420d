//! Looking after a layout: what its images need, whether it is all there and right, and what nobody needs.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::lock::Lock;
use super::oci::OciLayout;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::manifest::Descriptor;
use crate::store::{Blob, Content, Verified};

/// Hidden files younger than this may be somebody's work in progress.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Whether nothing is missing and nothing is wrong.
    pub ok: bool,
    /// Entries of `index.json`.
    pub images: u64,
    /// Manifests and blobs that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong: `{digest, problem}`.
    pub problems: Vec<Problem>,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub struct Problem {
    /// Which blob.
    pub digest: Digest,
    /// What is wrong with it.
    pub problem: String,
}

/// What a clean-up removed.
#[derive(Debug, Serialize)]
pub struct Cleaned {
    /// The blobs.
    pub removed: Vec<Digest>,
    /// Their bytes, and those of forgotten partial files.
    pub bytes: u64,
}

/// A manifest of a layout.
pub fn content(layout: &OciLayout, entry: &Descriptor) -> Result<Content> {
    let path = layout.blob_path(&entry.digest);
    let bytes = fs::read(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::NotFound, format!("{} has no manifest {}", layout.root_path().display(), entry.digest))
        }
        _ => Error::io(format!("cannot read {}", path.display()), &error),
    })?;
    Content::parse(bytes, Some(entry.media_type.as_str()).filter(|name| !name.is_empty()), Some(&entry.digest))
}

/// Everything that the images of a layout need, manifests first. What cannot be read is an error.
pub fn reachable(layout: &OciLayout) -> Result<Vec<Digest>> {
    let mut problems = Vec::new();
    let found = walk(layout, &mut problems)?;
    match problems.pop() {
        Some(problem) => Err(Error::new(Code::MissingBlob, format!("{}: {}", problem.digest, problem.problem))),
        None => Ok(found.into_iter().map(|found| found.digest).collect()),
    }
}

fn walk(layout: &OciLayout, problems: &mut Vec<Problem>) -> Result<Vec<Descriptor>> {
    let mut seen = BTreeSet::new();
    let (mut manifests, mut blobs) = (Vec::new(), Vec::new());
    let mut waiting = layout.entries()?;
    waiting.reverse();
    while let Some(entry) = waiting.pop() {
        if !seen.insert(entry.digest.clone()) {
            continue;
        }
        if !crate::media_type::is_manifest(&entry.media_type) {
            blobs.push(entry);
            continue;
        }
        let content = match content(layout, &entry) {
            // A sparse index has entries that are not there.
            Err(error) if error.code() == Code::NotFound && !manifests.is_empty() => continue,
            Err(error) => {
                problems.push(Problem { digest: entry.digest, problem: error.message().to_owned() });
                continue;
            }
            Ok(content) => content,
        };
        let document = &content.document;
        waiting.extend(document.manifests().iter().rev().cloned());
        let named = document.config().into_iter().chain(document.layers());
        blobs.extend(named.filter(|blob| seen.insert(blob.digest.clone())).cloned());
        for digest in document.fs_layers()? {
            if seen.insert(digest.clone()) {
                let size = fs::metadata(layout.blob_path(&digest)).map_or(0, |found| found.len());
                blobs.push(Descriptor { digest, size, ..content.descriptor() });
            }
        }
        manifests.push(Descriptor { size: content.bytes.len() as u64, ..entry });
    }
    manifests.extend(blobs);
    Ok(manifests)
}

/// Reads everything and compares it with its digest.
pub fn check(call: &Call, layout: &OciLayout) -> Result<Checked> {
    let _held = Lock::shared(call, &layout.root_path().join("oci-layout"))?;
    let mut problems = Vec::new();
    let found = walk(layout, &mut problems)?;
    let mut bytes = 0u64;
    for wanted in &found {
        let path = layout.blob_path(&wanted.digest);
        let outcome = match fs::File::open(&path) {
            Ok(file) => read_through(Verified::new(file, call, path.display().to_string(), wanted, None)),
            Err(_) if crate::media_type::is_foreign(&wanted.media_type) => Ok(()),
            Err(error) => Err(Error::new(Code::MissingBlob, format!("it is not there: {error}"))),
        };
        match outcome {
            Ok(()) => bytes = bytes.saturating_add(wanted.size),
            Err(error) if matches!(error.code(), Code::Cancelled | Code::Timeout | Code::Closed) => return Err(error),
            Err(error) => {
                problems.push(Problem { digest: wanted.digest.clone(), problem: error.message().to_owned() });
            }
        }
    }
    let images = layout.entries()?.len() as u64;
    Ok(Checked { ok: problems.is_empty(), images, blobs: found.len() as u64, bytes, problems })
}

fn read_through(mut blob: impl Blob) -> Result<()> {
    while blob.piece()?.is_some() {}
    Ok(())
}

/// Removes what no image needs. It waits until no copy is at work in the layout.
pub fn clean(call: &Call, layout: &OciLayout) -> Result<Cleaned> {
    let _alone = Lock::exclusive(call, &layout.root_path().join("oci-layout"))?;
    let needed: BTreeSet<Digest> = reachable(layout)?.into_iter().collect();
    let mut cleaned = Cleaned { removed: Vec::new(), bytes: 0 };
    for algorithm in ["sha256", "sha512"] {
        let folder = layout.root_path().join("blobs").join(algorithm);
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.filter_map(|entry| entry.ok()) {
            call.check()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let digest = format!("{algorithm}:{name}").parse::<Digest>().ok();
            let Ok(facts) = entry.metadata() else { continue };
            let useless = match &digest {
                Some(digest) => !needed.contains(digest),
                None => name.starts_with('.') && name.ends_with(".partial") && is_stale(&facts),
            };
            if useless && facts.is_file() {
                fs::remove_file(entry.path())
                    .map_err(|error| Error::io(format!("cannot remove {}", entry.path().display()), &error))?;
                cleaned.bytes += facts.len();
                cleaned.removed.extend(digest);
            }
        }
    }
    cleaned.removed.sort();
    Ok(cleaned)
}

fn is_stale(facts: &fs::Metadata) -> bool {
    facts.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > STALE)
}
