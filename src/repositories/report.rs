//! What became of the images of a sync.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;

use crate::digest::{Algorithm, Digest};
use crate::error::Error;

/// How many images a report lists: of those that were brought or removed, and of those that failed.
const MOST_LISTED: usize = 10_000;
const MOST_FAILURES: usize = 1_000;
/// How many contents are told apart.
const MOST_CONTENTS: usize = 4_000_000;

/// What became of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageState {
    /// It was brought, or as a rehearsal would be.
    Copied,
    /// The destination has it, or a name that stays.
    Skipped,
    /// The destination's tag was taken away, or would be.
    Pruned,
    /// It was not brought.
    Failed,
}

/// An image of a sync.
#[derive(Debug, Serialize)]
pub struct SyncedImage {
    /// Its name at the source; None of a tag that was taken away, whatever it was.
    pub source: Option<String>,
    /// Its name at the destination.
    pub destination: String,
    /// Whether it was brought, skipped, taken away or failed.
    pub state: ImageState,
    /// What was copied, or is there; None where it was not looked up.
    pub digest: Option<Digest>,
    /// The bytes of its blobs, those that were there too.
    pub bytes: u64,
    /// Those of them that were moved, or would be.
    pub bytes_copied: u64,
    /// Why it was not brought, as in `ocireg_error_json`.
    pub error: Option<Value>,
}

impl SyncedImage {
    /// One that was not brought.
    pub(crate) fn failed(source: Option<String>, destination: String, error: &Error) -> SyncedImage {
        let error = Some(error.to_json());
        SyncedImage { source, destination, state: ImageState::Failed, digest: None, bytes: 0, bytes_copied: 0, error }
    }

    /// One that nothing was moved for.
    pub(crate) fn unmoved(source: Option<String>, destination: String, state: ImageState) -> SyncedImage {
        SyncedImage { source, destination, state, digest: None, bytes: 0, bytes_copied: 0, error: None }
    }
}

/// What became of the tags of a sync, in numbers.
#[derive(Debug, Default, Clone, Serialize)]
pub struct TagCounts {
    /// Those of the source that were meant, and digests that were named.
    pub selected: u64,
    /// Those that were brought.
    pub copied: u64,
    /// Those that the destination had.
    pub skipped: u64,
    /// Those that were taken away there.
    pub pruned: u64,
    /// Those that were not brought or taken away, and repositories whose tags could not be listed.
    pub failed: u64,
}

/// The result of a sync.
#[derive(Debug, Serialize)]
pub struct Synced {
    /// From where; None of a list.
    pub source: Option<String>,
    /// To where; None where the list says it.
    pub destination: Option<String>,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
    /// The counts over all repositories of the sync.
    pub tags: TagCounts,
    /// Counts of blobs, as in a copy.
    pub blobs: Value,
    /// What was brought, taken away, or failed.
    pub images: Vec<SyncedImage>,
    /// How many of these are not listed, because there are too many.
    pub images_left_out: u64,
    /// The first failure.
    pub error: Option<Value>,
    /// The endpoints that sent manifests and blobs, `HOST[:PORT]` each: registries or their mirrors.
    pub served_by: Vec<String>,
}

/// What is known so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) tags: TagCounts,
    pub(crate) images: Vec<SyncedImage>,
    pub(crate) left_out: u64,
    pub(crate) error: Option<Value>,
    listed_failures: usize,
}

impl Report {
    pub(crate) fn add(&mut self, image: SyncedImage) {
        let tags = &mut self.tags;
        *match image.state {
            ImageState::Copied => &mut tags.copied,
            ImageState::Skipped => &mut tags.skipped,
            ImageState::Pruned => &mut tags.pruned,
            ImageState::Failed => &mut tags.failed,
        } += 1;
        let is_failure = image.state == ImageState::Failed;
        if is_failure && self.error.is_none() {
            self.error.clone_from(&image.error);
        }
        match image.state {
            ImageState::Skipped => {}
            ImageState::Failed if self.listed_failures < MOST_FAILURES => {
                self.listed_failures += 1;
                self.images.push(image);
            }
            ImageState::Copied | ImageState::Pruned if self.images.len() - self.listed_failures < MOST_LISTED => {
                self.images.push(image);
            }
            _ => self.left_out += 1,
        }
    }
}

impl Report {
    /// Takes back what was said of an image that was brought, and did not get its name in the end. Gives its name at the source.
    pub(crate) fn take_back(&mut self, destination: &str) -> Option<String> {
        let is_it = |image: &SyncedImage| image.state == ImageState::Copied && image.destination == destination;
        let at = self.images.iter().rposition(is_it);
        let tags = &mut self.tags;
        let count = match (at, self.left_out) {
            (None, 0) => &mut tags.skipped,
            (None, _) => {
                self.left_out -= 1;
                &mut tags.copied
            }
            (Some(_), _) => &mut tags.copied,
        };
        *count = count.saturating_sub(1);
        at.and_then(|at| self.images.remove(at).source)
    }
}

/// Contents of one kind, of which each counts once. A digest in a manifest is only claimed: all of it must be compared.
#[derive(Debug, Default)]
pub(crate) struct CountedContents<T = ()>(HashMap<(u32, [u8; 32]), T>);

impl<T> CountedContents<T> {
    /// What is known of it at a destination, if it is there.
    pub(crate) fn get(&self, destination: u32, digest: &Digest) -> Option<&T> {
        self.0.get(&(destination, short(digest)))
    }

    /// Adds one with what is known of it; false if it was there. What is too much to be told apart is as new.
    pub(crate) fn set(&mut self, destination: u32, digest: &Digest, known: T) -> bool {
        self.0.len() >= MOST_CONTENTS || self.0.insert((destination, short(digest)), known).is_none()
    }
}

impl CountedContents {
    /// Whether it is there at a destination.
    pub(crate) fn has(&self, destination: u32, digest: &Digest) -> bool {
        self.get(destination, digest).is_some()
    }

    /// Adds one; false if it was there.
    pub(crate) fn add(&mut self, destination: u32, digest: &Digest) -> bool {
        self.set(destination, digest, ())
    }
}

/// A digest, whichever algorithm it is of, in few bytes: those of its SHA-256.
fn short(digest: &Digest) -> [u8; 32] {
    let hashed = Algorithm::Sha256.digest(digest.as_str().as_bytes());
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(hashed.hex().as_bytes().chunks_exact(2)) {
        *byte =
            pair.iter().fold(0, |value, digit| value << 4 | (*digit as char).to_digit(16).unwrap_or_default() as u8);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn a_report_is_bounded_and_counts_everything() {
        let mut report = Report::default();
        let failure = |number: usize| Error::new(Code::Network, format!("broken {number}"));
        for number in 0..MOST_LISTED + 5 {
            report.add(SyncedImage::unmoved(None, "d".to_owned(), ImageState::Skipped));
            report.add(SyncedImage::unmoved(None, "d".to_owned(), ImageState::Copied));
            report.add(SyncedImage::failed(None, "d".to_owned(), &failure(number)));
        }
        let all = MOST_LISTED as u64 + 5;
        assert_eq!((report.tags.copied, report.tags.skipped, report.tags.failed), (all, all, all));
        assert_eq!(report.images.len(), MOST_LISTED + MOST_FAILURES);
        assert_eq!(report.left_out, 2 * all - report.images.len() as u64);
        assert_eq!(report.error.unwrap()["message"], "broken 0");
    }

    #[test]
    fn what_is_taken_back_is_counted_once() {
        let mut report = Report::default();
        let copied = |name: &str| SyncedImage::unmoved(Some("s".to_owned()), name.to_owned(), ImageState::Copied);
        ["a", "b"].into_iter().for_each(|name| report.add(copied(name)));
        assert_eq!(report.take_back("a").as_deref(), Some("s"));
        report.add(SyncedImage::failed(None, "a".to_owned(), &Error::new(Code::Io, "full")));
        assert_eq!((report.tags.copied, report.tags.failed, report.images.len()), (1, 1, 2));
        // Of those that are there already only the number is known.
        report.add(SyncedImage::unmoved(None, "c".to_owned(), ImageState::Skipped));
        assert_eq!(report.take_back("c"), None);
        assert_eq!((report.tags.copied, report.tags.skipped), (1, 0));
    }

    #[test]
    fn a_blob_is_known_where_it_is() {
        let (mut known, digest) = (CountedContents::default(), Algorithm::Sha256.digest(b""));
        assert!(!known.has(0, &digest) && known.add(0, &digest) && !known.add(0, &digest));
        assert!(known.has(0, &digest) && !known.has(1, &digest) && !known.has(0, &Algorithm::Sha256.digest(b"x")));
    }

    #[test]
    fn digests_that_begin_alike_are_not_one() {
        let mut known = CountedContents::default();
        let half = "0123456789abcdef".repeat(4);
        let claimed = |algorithm: &str, rest: &str| format!("{algorithm}:{}{rest}", &half).parse::<Digest>().unwrap();
        let short = |rest: &str| format!("sha256:{}{rest}", &half[..32]).parse::<Digest>().unwrap();
        known.add(0, &short(&"0".repeat(32)));
        known.add(0, &claimed("sha512", &half));
        assert!(known.has(0, &short(&"0".repeat(32))) && known.has(0, &claimed("sha512", &half)));
        assert!(!known.has(0, &short(&"1".repeat(32))) && !known.has(0, &claimed("sha512", &"1".repeat(64))));
        assert!(!known.has(0, &claimed("sha256", "")));
    }
}
