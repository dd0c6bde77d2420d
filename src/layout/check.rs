//! Looking after a layout: what its images need, whether it is all there and right, and what nobody needs.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::lock::Lock;
use super::oci::OciLayout;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::settings::MANIFEST_CEILING;
use crate::manifest::Descriptor;
use crate::os::file::open_regular;
use crate::store::{Blob, Content, Verified};

/// Hidden files younger than this may be somebody's work in progress.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// What a check found.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Whether nothing is missing, no manifest either, and nothing is wrong.
    pub ok: bool,
    /// Entries of `index.json`.
    pub images: u64,
    /// Manifests and blobs that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong: `{digest, problem}`.
    pub problems: Vec<Problem>,
    /// Manifests that an index of the layout names and that are not there.
    pub sparse: Vec<Digest>,
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
    /// Manifests that an index of the layout names and that are not there.
    pub sparse: Vec<Digest>,
}

/// Options of [`clean`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CleanOptions {
    /// Also remove what only missing manifests may need.
    pub prune_sparse: bool,
}

/// What the images of a layout need.
#[derive(Default)]
struct Needed {
    /// Manifests first.
    all: Vec<Descriptor>,
    /// Manifests that an index of the layout names and that are not there: what they need nobody knows.
    sparse: Vec<Digest>,
    problems: Vec<Problem>,
}

/// A manifest of a layout.
pub fn content(layout: &OciLayout, entry: &Descriptor) -> Result<Content> {
    layout.content(entry)
}

/// Everything that the images of a layout need and that is known, manifests first. What cannot be read is an error.
pub fn reachable(layout: &OciLayout) -> Result<Vec<Digest>> {
    Ok(whole(walk(layout, &|| Ok(()))?)?.all.into_iter().map(|found| found.digest).collect())
}

fn whole(mut needed: Needed) -> Result<Needed> {
    match needed.problems.pop() {
        Some(problem) => Err(Error::new(Code::MissingBlob, format!("{}: {}", problem.digest, problem.problem))),
        None => Ok(needed),
    }
}

/// `may_go_on` ends a walk that has become too long.
fn walk(layout: &OciLayout, may_go_on: &dyn Fn() -> Result<()>) -> Result<Needed> {
    let mut needed = Needed::default();
    let mut seen = BTreeSet::new();
    let mut blobs = Vec::new();
    let mut waiting: Vec<_> = layout.entries()?.into_iter().rev().map(|entry| (entry, false)).collect();
    while let Some((entry, is_child)) = waiting.pop() {
        may_go_on()?;
        if !seen.insert(entry.digest.clone()) {
            continue;
        }
        if is_child && fs::symlink_metadata(layout.blob_path(&entry.digest)).is_err_and(is_not_found) {
            needed.sparse.push(entry.digest);
            continue;
        }
        let content = match manifest(layout, &entry) {
            Ok(Some(content)) => content,
            Ok(None) => {
                blobs.push(entry);
                continue;
            }
            Err(error) => {
                needed.problems.push(Problem { digest: entry.digest, problem: error.message().to_owned() });
                continue;
            }
        };
        let document = &content.document;
        waiting.extend(document.manifests().iter().rev().map(|child| (child.clone(), true)));
        let named = document.config().into_iter().chain(document.layers());
        blobs.extend(named.filter(|blob| seen.insert(blob.digest.clone())).cloned());
        for digest in document.fs_layers()? {
            if seen.insert(digest.clone()) {
                let size = fs::metadata(layout.blob_path(&digest)).map_or(0, |found| found.len());
                blobs.push(Descriptor { digest, size, ..content.descriptor() });
            }
        }
        needed.all.push(Descriptor { size: content.bytes.len() as u64, ..entry });
    }
    needed.all.extend(blobs);
    Ok(needed)
}

/// The manifest that an entry of an index names; None when it names something else. What has no type that is known may be one
/// all the same.
fn manifest(layout: &OciLayout, entry: &Descriptor) -> Result<Option<Content>> {
    if crate::media_type::is_manifest(&entry.media_type) {
        return content(layout, entry).map(Some);
    }
    let is_small = fs::metadata(layout.blob_path(&entry.digest)).is_ok_and(|found| found.len() <= MANIFEST_CEILING);
    let untyped = Descriptor { media_type: String::new(), ..entry.clone() };
    Ok(is_small.then(|| content(layout, &untyped)).and_then(Result::ok))
}

fn is_not_found(error: std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// Reads everything and compares it with its digest.
pub fn check(call: &Call, layout: &OciLayout) -> Result<Checked> {
    let _held = Lock::shared(call, &layout.root_path().join("oci-layout"))?;
    let Needed { all, sparse, mut problems } = walk(layout, &|| call.check())?;
    let mut bytes = 0u64;
    for wanted in &all {
        let path = layout.blob_path(&wanted.digest);
        let outcome = match open_regular(&path) {
            Ok(file) => read_through(Verified::new(file, call, path.display().to_string(), wanted, None)),
            Err(_) if crate::media_type::is_foreign(&wanted.media_type) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::new(Code::MissingBlob, "it is not there"))
            }
            Err(error) => Err(Error::io("it cannot be read", &error)),
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
    let ok = problems.is_empty() && sparse.is_empty();
    Ok(Checked { ok, images, blobs: all.len() as u64, bytes, problems, sparse })
}

fn read_through(mut blob: impl Blob) -> Result<()> {
    while blob.piece()?.is_some() {}
    Ok(())
}

/// Removes what no image needs. It waits until no copy is at work in the layout. A manifest that is missing may need any blob: then
/// none is removed, unless the caller wants what is known to be needed and nothing more.
pub fn clean(call: &Call, layout: &OciLayout, options: &CleanOptions) -> Result<Cleaned> {
    let _alone = Lock::exclusive(call, &layout.root_path().join("oci-layout"))?;
    let Needed { all, sparse, .. } = whole(walk(layout, &|| call.check())?)?;
    let keep_all = !sparse.is_empty() && !options.prune_sparse;
    let needed: BTreeSet<Digest> = all.into_iter().map(|found| found.digest).collect();
    let mut cleaned = Cleaned { removed: Vec::new(), bytes: 0, sparse };
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
