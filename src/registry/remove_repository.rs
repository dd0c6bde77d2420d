//! All manifests of a repository, deleted (distribution-spec end-8a, end-9).

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::media_type as types;
use crate::options::options;
use crate::reference::{Reference, Repository};
use crate::registry::list::names::NameWindow;
use crate::registry::manifest::{delete_at, fetch, head, DeleteOptions, GetOptions, HeadOptions, ManifestHead};
use crate::registry::repository::Remote;
use crate::registry::tags::{digests_of, tags_of};
use crate::registry::Client;
use crate::statuses;

/// The most manifests that one call deletes.
const MOST: usize = 100_000;

options! {
    /// Options of [`Client::remove_repository`].
    #[derive(Debug, Clone)]
    pub struct RemoveRepositoryOptions {
        /// only report what would be deleted
        pub dry_run: bool,
    }
}

/// A manifest to delete.
#[derive(Debug, Serialize)]
pub struct RemovedManifest {
    /// The digest by which it is deleted.
    pub digest: Digest,
    /// Its media type; empty when it could not be read.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The tags that referred to it, which go with it.
    pub tags: Vec<String>,
    /// Whether it was deleted.
    pub deleted: bool,
}

impl RemovedManifest {
    fn new(digest: Digest, media_type: &str) -> RemovedManifest {
        RemovedManifest { digest, media_type: media_type.to_owned(), tags: Vec::new(), deleted: false }
    }
}

/// The result of removing a repository.
#[derive(Debug, Serialize)]
pub struct RemovedRepository {
    /// `HOST/REPOSITORY`.
    pub repository: String,
    /// Its manifests, indexes before their children.
    pub manifests: Vec<RemovedManifest>,
    /// How many tags it had.
    pub tags: usize,
    /// How many manifests were deleted.
    pub deleted: usize,
    /// Whether nothing was to be deleted.
    pub dry_run: bool,
}

impl Client {
    /// Deletes every manifest that a tag of the repository leads to.
    pub fn remove_repository(
        &self,
        call: &Call,
        repository: &str,
        options: &RemoveRepositoryOptions,
    ) -> Result<RemovedRepository> {
        let name = self.repository(repository)?;
        // What is deleted is what is there, whatever a mirror has.
        let place = WrittenRepository { remote: Remote::to_write(self, call, &name)?, repository: name };
        let name = &place.repository;
        let (mut manifests, tags) = place.doomed()?;
        let mut deleted = 0;
        if !options.dry_run {
            call.begin("repository remove", None)?;
            for at in 0..manifests.len() {
                place.delete_one(&manifests[at]).map_err(|error| stopped(error, name, &manifests, deleted))?;
                manifests[at].deleted = true;
                deleted += 1;
            }
        }
        Ok(RemovedRepository { repository: name.canonical_name(), manifests, tags, deleted, dry_run: options.dry_run })
    }
}

/// Where the repository is written to.
struct WrittenRepository {
    remote: Remote,
    repository: Repository,
}

impl WrittenRepository {
    /// The manifests of all tags and their children, parents first.
    fn doomed(&self) -> Result<(Vec<RemovedManifest>, usize)> {
        let mut found = self.tagged()?;
        let tags = found.iter().map(|one| one.tags.len()).sum();
        let mut children = Vec::new();
        let mut seen: HashSet<Digest> = found.iter().map(|one| one.digest.clone()).collect();
        let (mut at, mut below) = (0, BTreeSet::new());
        while at < found.len() {
            let parent = found[at].digest.clone();
            match fetch(&self.remote, &self.repository.with_digest(&parent), &GetOptions::default()) {
                Ok(manifest) => {
                    found[at].media_type = manifest.document.media_type.clone();
                    for entry in manifest.document.manifests().iter().filter(|one| types::is_manifest(&one.media_type))
                    {
                        children.push((parent.clone(), entry.digest.clone()));
                        if seen.insert(entry.digest.clone()) {
                            below.insert(found.len());
                            found.push(RemovedManifest::new(entry.digest.clone(), &entry.media_type));
                        }
                    }
                }
                // An index may name missing manifests, and tagged ones may be damaged.
                Err(error) if error.code() == Code::NotFound && below.contains(&at) => {
                    found.remove(at);
                    below = below.iter().map(|place| if *place > at { place - 1 } else { *place }).collect();
                    continue;
                }
                Err(error) if matches!(error.code(), Code::InvalidManifest | Code::DigestMismatch) => {}
                Err(error) => return Err(error),
            }
            if found.len() > MOST {
                let message = format!("there are more than {MOST} manifests to delete");
                return Err(Error::new(Code::LimitExceeded, message));
            }
            at += 1;
        }
        Ok((parents_first(found, &children), tags))
    }

    /// The manifests that have tags, each with all of its tags.
    fn tagged(&self) -> Result<Vec<RemovedManifest>> {
        let listed = tags_of(&self.remote, NameWindow::new(None, false, None, None)?, |_| true)?;
        let digests = digests_of(&self.repository, &listed.tags, |tag| self.head(tag))?;
        let mut found: Vec<RemovedManifest> = Vec::new();
        let mut places = HashMap::new();
        for (tag, digest) in digests {
            // A tag that has disappeared meanwhile has no digest.
            let Some(digest) = digest.as_str() else { continue };
            let at = *places.entry(digest.to_owned()).or_insert(found.len());
            if at == found.len() {
                found.push(RemovedManifest::new(digest.parse()?, ""));
            }
            found[at].tags.push(tag);
        }
        Ok(found)
    }

    fn head(&self, reference: &Reference) -> Result<ManifestHead> {
        head(&self.remote, reference, &HeadOptions::default())
    }

    fn delete_one(&self, doomed: &RemovedManifest) -> Result<()> {
        let reference = self.repository.with_digest(&doomed.digest);
        // Its subject goes too, and with it the list of its referrers.
        let options = DeleteOptions { referrers_tag: false };
        match delete_at(&self.remote, &reference, &options) {
            Ok(_) => {}
            // Another client was faster, or it was deleted with an index.
            Err(error) if error.code() == Code::NotFound => {}
            Err(error) => return Err(error),
        }
        let tags: Vec<&str> = doomed.tags.iter().map(String::as_str).collect();
        self.remote.has_written(&self.repository, &tags);
        // Some registries keep the tags of what they have deleted.
        for tag in &doomed.tags {
            let reference = self.repository.with_tag(tag)?;
            match self.head(&reference) {
                Ok(head) if head.digest == doomed.digest => {
                    delete_at(&self.remote, &reference, &options)?;
                }
                Ok(_) => {}
                Err(error) if error.code() == Code::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// A registry may refuse to delete a child of an index.
fn parents_first(found: Vec<RemovedManifest>, children: &[(Digest, Digest)]) -> Vec<RemovedManifest> {
    let mut waiting = found;
    let mut sorted = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let left: HashSet<&Digest> = waiting.iter().map(|one| &one.digest).collect();
        let held: HashSet<&Digest> =
            children.iter().filter(|(parent, _)| left.contains(parent)).map(|(_, child)| child).collect();
        let held: HashSet<Digest> = held.into_iter().cloned().collect();
        let (later, now): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|one| held.contains(&one.digest));
        // Digests cannot form a circle; were there one, nothing would ever be free.
        if now.is_empty() {
            sorted.extend(later);
            break;
        }
        sorted.extend(now);
        waiting = later;
    }
    sorted
}

fn stopped(error: Error, repository: &Repository, manifests: &[RemovedManifest], deleted: usize) -> Error {
    let name = repository.canonical_name();
    let error = match error.http_status() {
        Some(status) if statuses::has_deletes_disabled(status) => error.with_code(Code::Unsupported),
        _ => error,
    };
    let left: Vec<&str> = manifests.iter().skip(deleted).take(20).map(|one| one.digest.as_str()).collect();
    let hint = format!("{} of {} manifests are left: {}", manifests.len() - deleted, manifests.len(), left.join(", "));
    error.within(format!("{deleted} of {} manifests of {name} are deleted", manifests.len())).with_hint(hint)
}
