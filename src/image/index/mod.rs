//! Indexes made of what references name, wherever that is, and changed afterwards: the entries are in [`crate::manifest::index_entries`], what
//! they need is brought by the copy engine, children first, and the index comes last.

mod change_index;
mod change_until_in;
mod index_before;
mod index_sources;
mod referenced_entries;

use std::time::Duration;

use serde::Serialize;
use serde_json::{json, Map, Value};

pub(crate) use change_index::{append, remove};
pub use change_index::{IndexAppendOptions, IndexRemoveOptions};
pub(crate) use change_until_in::OpenedPlace;
pub(crate) use index_sources::IndexSources;

use crate::annotations::pairs;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::manifest::build::{build, BuiltManifest};
use crate::manifest::index_entries::{self as entries, ChangedEntries, IndexEntry};
use crate::manifest::{Descriptor, Document};
use crate::options::options;
use crate::platform::Platform;
use crate::store::condition::{ConditionCheck, NameFate, NameOptions};
use crate::store::{RawManifest, WriteStore};
use crate::transfer::copy::{copy_made_index, skipped, Copied, CopyOptions};
use crate::transfer::workers::width_of;
use index_sources::IndexStore;

/// An index that would have more entries is not written.
const MOST_ENTRIES: usize = 10_000;

options! {
    /// What is put into an index.
    #[derive(Debug, Clone)]
    pub struct IndexSourceOptions {
        /// what is put in, in this order: names of places, or digests of manifests
        ///
        /// places are named as ocireg_endpoint_parse tells, and digests are of manifests that are in the repository or layout of
        /// the index. Without any reference the call is OCIREG_INVALID_ARGUMENT
        pub references: Vec<String>,
        /// OS/ARCH[/VARIANT][:OS.VERSION] each: of references that are indexes only these
        ///
        /// the images are chosen as ocireg_copy does it, with their attestations. An image that is not in an index must be for one
        /// of the platforms, and each platform must be found
        pub platform: Vec<String>,
        /// "oci" or "docker": of the index itself, its entries stay what they are; a Docker list can hold Docker's images only
        pub media_type: Option<String>,
        /// KEY=VALUE each, of each new entry that attests nothing
        pub entry_annotations: Vec<String>,
        /// also signatures, SBOMs and whatever else names what is put in as its subject, as in ocireg_copy
        pub referrers: bool,
        /// other tags that the index gets, or other names in its layout or archive
        pub tags: Vec<String>,
        /// only say what would be written: nothing is changed, and the result has the index's bytes
        pub dry_run: bool,
        /// 1 to 64: transfers at once
        pub concurrency: u64 = 4,
    }
}

options! {
    /// Options of [`crate::place::create_index`].
    #[derive(Debug, Clone)]
    pub struct IndexCreateOptions {
        /// KEY=VALUE each, of the index; org.opencontainers.image.created is there only when it is given here
        pub annotations: Vec<String>,
        /// what the index is, a media type, if it does not list images
        pub artifact_type: Option<String>,
        /// the place of what it is about, in the same repository or layout, or its digest alone
        pub subject: Option<String>,
    } and {
        /// What is put into it
        pub sources: IndexSourceOptions,
        /// The index's name, which is looked at before anything else, and once more when it is set
        pub names: NameOptions,
    }
}

impl IndexSourceOptions {
    /// Refuses to put in nothing.
    pub(crate) fn check(&self) -> Result<()> {
        match self.references.is_empty() {
            true => {
                Err(Error::new(Code::InvalidArgument, "the option references is missing: there is nothing to put in"))
            }
            false => Ok(()),
        }
    }

    fn platforms(&self) -> Result<Vec<Platform>> {
        CopyOptions { platform: self.platform.clone(), ..CopyOptions::default() }.platforms()
    }

    fn media_type(&self) -> Result<Option<&'static str>> {
        self.media_type.as_deref().map(entries::type_named).transpose()
    }

    /// What brings the entries to their place. Nothing of them is left out for its media type but what a copy leaves out too.
    fn copy(&self, names: NameOptions) -> CopyOptions {
        let Self { referrers, concurrency, dry_run, .. } = *self;
        CopyOptions { referrers, concurrency, dry_run, names, ..CopyOptions::default() }
    }

    fn gather(&self, call: &Call, sources: &IndexSources) -> Result<Vec<IndexEntry>> {
        let annotations = pairs(&self.entry_annotations)?;
        let found = referenced_entries::gather(call, sources, &self.platforms()?, width_of(self.concurrency)?)?;
        Ok(found.into_iter().map(|entry| entry.annotated(&annotations)).collect())
    }
}

/// An index that was made or changed.
#[derive(Debug, Serialize)]
pub struct WrittenIndex {
    /// The place and name of the index.
    pub destination: String,
    /// The digest of the index; of the one that is there, when the name was left as it is.
    pub digest: Digest,
    /// An OCI index, or a Docker manifest list.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Its bytes; None, as its entries, when the name was left as it is.
    pub size: Option<u64>,
    /// The index that the name referred to before the change; None when it was made.
    pub before: Option<Digest>,
    /// The index's entries after the change.
    pub manifests: Vec<Descriptor>,
    /// The entries that the change brought.
    pub added: Vec<Descriptor>,
    /// The entries that the change took away.
    pub removed: Vec<Descriptor>,
    /// The descriptor of what it is about.
    pub subject: Option<Descriptor>,
    /// What was moved: counts of manifests and blobs, as in a copy.
    pub copied: Value,
    /// How often it was tried, because others changed the index too.
    pub attempts: u32,
    /// The names that were left as they are, because they refer to something.
    pub skipped: Vec<String>,
    /// What made sure that the name could be set; None without a condition.
    pub condition: Option<ConditionCheck>,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: registries and their mirrors.
    pub served_by: Vec<String>,
    /// The other names that it was given.
    pub tags: Vec<String>,
    /// The exact bytes, where nothing was to be changed.
    pub manifest: Option<String>,
    /// What was put, for other names.
    #[serde(skip)]
    content: Option<RawManifest>,
    /// How long it took to put it under its name.
    #[serde(skip)]
    root_took: Duration,
}

impl WrittenIndex {
    fn told(copied: Copied, document: Option<&Document>, changed: ChangedEntries) -> WrittenIndex {
        WrittenIndex {
            destination: copied.destination,
            digest: copied.digest,
            media_type: copied.media_type,
            size: document.map(|document| document.size),
            before: None,
            manifests: document.map(|document| document.manifests().to_vec()).unwrap_or_default(),
            added: changed.added,
            removed: changed.removed,
            subject: document.and_then(|document| document.subject().cloned()),
            copied: json!({"manifests": copied.manifests, "blobs": copied.blobs}),
            attempts: 1,
            skipped: copied.skipped,
            condition: copied.condition,
            served_by: copied.served_by,
            tags: Vec::new(),
            manifest: None,
            content: None,
            root_took: copied.root_took,
        }
    }

    /// The same, with what was put, or would be.
    fn of(self, content: RawManifest, dry_run: bool) -> WrittenIndex {
        let manifest = dry_run.then(|| String::from_utf8_lossy(&content.bytes).into_owned());
        WrittenIndex { manifest, content: Some(content), ..self }
    }

    /// Gives the index other names, on the condition that counts for its own.
    pub(crate) fn give_names(
        &mut self,
        call: &Call,
        others: &[Box<dyn WriteStore>],
        names: &NameOptions,
    ) -> Result<()> {
        let (Some(content), condition) = (self.content.as_ref(), names.condition()?) else { return Ok(()) };
        for other in others {
            let name = other.name()?;
            if self.manifest.is_none() {
                other.begin(call)?;
                let fate = other.put_root(call, content, &condition).map_err(|error| error.within(&name))?;
                other.finish(call)?;
                if fate == NameFate::Skipped {
                    self.skipped.push(name);
                    continue;
                }
            }
            self.tags.push(name);
        }
        Ok(())
    }

    /// The result of the same change that was put already, and lost again: what was new then, and is there now, is new still.
    fn after(self, earlier: Option<WrittenIndex>) -> WrittenIndex {
        let Some(earlier) = earlier else { return self };
        let is_new = |entry: &&Descriptor| earlier.added.contains(entry) || self.added.contains(entry);
        let added = self.manifests.iter().filter(is_new).cloned().collect();
        let (condition, copied) = (self.condition.or(earlier.condition), earlier.copied);
        WrittenIndex { added, condition, copied, ..self }.without(earlier.removed)
    }

    /// The same, with what earlier tries took away.
    fn without(mut self, removed: Vec<Descriptor>) -> WrittenIndex {
        let later = std::mem::take(&mut self.removed);
        for entry in removed.into_iter().chain(later) {
            if !self.removed.contains(&entry) && !self.manifests.contains(&entry) {
                self.removed.push(entry);
            }
        }
        self
    }
}

/// Refuses what would make an index too large; one that was already may shrink.
fn check_count(changed: &ChangedEntries) -> Result<()> {
    match !changed.added.is_empty() && changed.all.len() > MOST_ENTRIES {
        true => {
            let message = format!("the index would have {} entries, more than {MOST_ENTRIES}", changed.all.len());
            Err(Error::new(Code::LimitExceeded, message))
        }
        false => Ok(()),
    }
}

/// Makes an index of what references name, and puts it where `to` says, with everything that it needs.
pub(crate) fn create(
    call: &Call,
    sources: &IndexSources,
    to: &dyn WriteStore,
    subject: Option<&Descriptor>,
    options: &IndexCreateOptions,
) -> Result<WrittenIndex> {
    options.sources.check()?;
    let (frame, chosen) = (frame(subject, options)?, options.sources.media_type()?);
    let changed = entries::added(Vec::new(), options.sources.gather(call, sources)?, false);
    check_count(&changed)?;
    let usual = entries::usual_type(&frame, &changed.all);
    let root = raw(entries::written(&frame, chosen.unwrap_or(usual), &changed.all)?);
    let content = root.clone();
    let store = IndexStore { sources, root, home: None };
    let copied = copy_made_index(call, &store, to, &options.sources.copy(options.names.clone()))?;
    Ok(match copied.skipped.is_empty() {
        true => WrittenIndex::told(copied, Some(&content.document), changed).of(content, options.sources.dry_run),
        false => WrittenIndex::told(copied, None, ChangedEntries::default()),
    })
}

/// The result when the condition on the name leaves it as it is; None when it may be set.
pub(crate) fn left_as_it_is(call: &Call, to: &dyn WriteStore, names: &NameOptions) -> Result<Option<WrittenIndex>> {
    let Some(now) = names.condition()?.look(call, to)? else { return Ok(None) };
    let copied = skipped(call, "the references".to_owned(), to, now)?;
    Ok(Some(WrittenIndex::told(copied, None, ChangedEntries::default())))
}

/// The index without its entries.
fn frame(subject: Option<&Descriptor>, options: &IndexCreateOptions) -> Result<Document> {
    let mut parts = Map::new();
    parts.insert("manifests".to_owned(), json!([]));
    let annotations = pairs(&options.annotations)?;
    if !annotations.is_empty() {
        parts.insert("annotations".to_owned(), annotations.into());
    }
    if let Some(kind) = &options.artifact_type {
        parts.insert("artifactType".to_owned(), kind.as_str().into());
    }
    if let Some(subject) = subject {
        parts.insert("subject".to_owned(), subject_member(subject));
    }
    Ok(build(Value::from(parts).to_string().as_bytes(), Algorithm::Sha256)?.document)
}

/// What an index says of what it is about.
fn subject_member(subject: &Descriptor) -> Value {
    json!({"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size})
}

fn raw(built: BuiltManifest) -> RawManifest {
    RawManifest { document: built.document, bytes: built.bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_of_the_index_and_not_of_the_references() {
        let entry = |at: usize| {
            let digest = Algorithm::Sha256.digest(at.to_string().as_bytes());
            IndexEntry::new(Descriptor::new(crate::media_type::OCI_MANIFEST, digest, 7)).unwrap()
        };
        let large: Vec<IndexEntry> = (0..MOST_ENTRIES + 2).map(entry).collect();
        let (all, more) = large.split_at(MOST_ENTRIES);
        check_count(&entries::added(all.to_vec(), all.to_vec(), false)).unwrap();
        let one_more = entries::added(all.to_vec(), more.to_vec(), false);
        assert_eq!(check_count(&one_more).unwrap_err().code(), Code::LimitExceeded);
        // What is too large already may get smaller.
        let gone = large[0].descriptor.digest.clone();
        check_count(&entries::removed(large, &[gone], &[], false).unwrap()).unwrap();
    }
}
