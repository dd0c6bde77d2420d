//! Everything that the entries of an index need, in a layout or in an archive of one.
//!
//! A document of an unknown media type may be another kind of manifest: whatever its JSON names counts as needed too. A blob that is
//! neither a manifest nor JSON may need anything, and so may a missing manifest.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::MOST_BYTES;
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::store::RawManifest;

/// The most blobs that are looked at.
const MOST: usize = 1_000_000;

/// Where a walk finds blobs.
pub(super) trait Shelf {
    /// The size of a blob, if it is there.
    fn size(&self, digest: &Digest) -> Option<u64>;
    /// The bytes of a blob that exists and has at most [`MOST_BYTES`]; else NOT_FOUND, MISSING_BLOB or LIMIT_EXCEEDED.
    fn small(&self, digest: &Digest) -> Result<Vec<u8>>;
    /// Returns an error when the walk takes too long.
    fn may_go_on(&self) -> Result<()>;
    /// Whether an error says that a blob is wrong. Otherwise it ends the walk.
    fn is_about_blob(&self, error: &Error) -> bool {
        !error.ends_call()
    }
}

/// The digests by which Docker identifies an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ImageBlobs {
    pub(super) config: Digest,
    /// Its layers, the oldest first.
    pub(super) layers: Vec<Digest>,
}

impl ImageBlobs {
    /// The image that a manifest describes.
    pub(super) fn of(document: &Document) -> Option<ImageBlobs> {
        let layers = document.layers().iter().map(|layer| layer.digest.clone()).collect();
        Some(ImageBlobs { config: document.config()?.digest.clone(), layers })
    }
}

#[derive(Debug, Default)]
pub(super) struct Needed {
    /// Manifests and other documents that name blobs.
    pub(super) manifests: Vec<Descriptor>,
    /// The images among them.
    pub(super) images: Vec<ImageBlobs>,
    /// All other blobs, each once, present or not.
    pub(super) blobs: Vec<Descriptor>,
    /// Manifests that are named but missing, and may need anything.
    pub(super) sparse: Vec<Digest>,
    /// Entries that are there, but in a form that is not known: they may need anything too.
    pub(super) obscure: Vec<Digest>,
    /// Blobs that cannot be right, and why.
    pub(super) problems: Vec<(Digest, Error)>,
    /// What has another size than its descriptor says: what a manifest needs is known anyway.
    pub(super) missized: Vec<(Digest, Error)>,
    /// What is not only mentioned, as a subject is.
    demanded: BTreeSet<Digest>,
}

impl Needed {
    /// Whether some of what is needed is unknown.
    pub(super) fn is_partial(&self) -> bool {
        !self.sparse.is_empty() || !self.obscure.is_empty() || !self.problems.is_empty()
    }

    /// Leaves out what is missing. Also gives what is missing or damaged, each with the reason. A manifest that is there stays.
    pub(super) fn without_missing(mut self, shelf: &dyn Shelf) -> (Needed, Vec<(Digest, String)>) {
        let problems = self.problems.iter().map(|(digest, error)| (digest.clone(), error.message().to_owned()));
        let mut lacking: Vec<(Digest, String)> = problems.collect();
        let mut known: BTreeSet<Digest> = self.all().map(|blob| blob.digest.clone()).collect();
        for (digest, _) in &self.problems {
            if let Some(size) = shelf.size(digest).filter(|_| known.insert(digest.clone())) {
                self.manifests.push(Descriptor::new("", digest.clone(), size));
            }
        }
        self.blobs.retain(|blob| {
            let is_there = shelf.size(&blob.digest).is_some();
            if !is_there && !types::is_foreign(&blob.media_type) {
                lacking.push((blob.digest.clone(), "it is not there".to_owned()));
            }
            is_there
        });
        (self, lacking)
    }

    /// The same, if everything is there and has its size. Layers that are meant to come from elsewhere may be there or not, and those that are not are
    /// left out.
    pub(super) fn whole(mut self, shelf: &dyn Shelf) -> Result<Needed> {
        let demanded = |(digest, _): &&(Digest, Error)| self.demanded.contains(digest);
        if let Some((digest, error)) = self.problems.iter().chain(&self.missized).find(demanded) {
            return Err(Error::new(error.code(), format!("{digest}: {}", error.message())));
        }
        self.blobs.retain(|blob| !types::is_foreign(&blob.media_type) || shelf.size(&blob.digest).is_some());
        match self.blobs.iter().find(|blob| shelf.size(&blob.digest).is_none()) {
            Some(missing) => Err(Error::new(Code::MissingBlob, format!("the blob {} is not there", missing.digest))),
            None => Ok(self),
        }
    }

    /// Whether everything is there and has its size, but for layers that are meant to come from elsewhere.
    pub(super) fn is_complete(&self, shelf: &dyn Shelf) -> bool {
        let is_there = |blob: &Descriptor| match shelf.size(&blob.digest) {
            Some(size) => size == blob.size,
            None => types::is_foreign(&blob.media_type),
        };
        let is_fine = self.sparse.is_empty() && self.problems.is_empty() && self.missized.is_empty();
        is_fine && self.blobs.iter().all(is_there)
    }

    /// Adds blobs that are not on the list yet, each once.
    pub(super) fn add(&mut self, more: Vec<Descriptor>) {
        let mut known: BTreeSet<Digest> = self.all().map(|blob| blob.digest.clone()).collect();
        self.blobs.extend(more.into_iter().filter(|blob| known.insert(blob.digest.clone())));
    }

    /// Whether it is needed, even if it is damaged.
    pub(super) fn names(&self, digest: &Digest) -> bool {
        self.all()
            .map(|blob| &blob.digest)
            .chain(self.problems.iter().map(|(digest, _)| digest))
            .any(|has| has == digest)
    }

    /// Whether it has to be right, and is not only mentioned.
    pub(super) fn demands(&self, digest: &Digest) -> bool {
        self.demanded.contains(digest)
    }

    /// What is not as it should be, as far as that was seen.
    pub(super) fn wrong(&self) -> impl Iterator<Item = &Digest> {
        self.problems.iter().chain(&self.missized).map(|(digest, _)| digest)
    }

    pub(super) fn has_wrong(&self) -> bool {
        self.wrong().next().is_some()
    }

    /// The manifests, then the other blobs.
    pub(super) fn all(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().chain(&self.blobs)
    }
}

/// How something is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NamedAs {
    /// By `index.json` itself: it has to be there.
    Entry,
    /// As a manifest of an index.
    Child,
    /// As a config, a layer or a blob of a manifest.
    Blob,
    /// By a document of a kind that is not known.
    Named,
    /// In passing, as a subject is: it stays where it is there.
    Mentioned,
}

impl NamedAs {
    fn may_be_manifest(self, media_type: &str) -> bool {
        match self {
            NamedAs::Entry | NamedAs::Child => true,
            NamedAs::Blob => types::is_manifest(media_type),
            NamedAs::Named | NamedAs::Mentioned => !types::is_blob(media_type),
        }
    }
}

/// What the bytes of an entry are.
enum EntryContent {
    Manifest(Box<Document>),
    /// A JSON document of another kind.
    Json(Value),
    Obscure,
    /// JSON of too many values, or nested too deep, to be read: it may name anything.
    Unread,
}

/// Walks through entries and everything that they name.
pub(super) fn needed(shelf: &dyn Shelf, entries: &[Descriptor]) -> Result<Needed> {
    needed_after(shelf, entries, HashMap::new()).map(|(needed, _)| needed)
}

/// The same, and through entries that wait for a digest, once that is needed. Gives those too that wait still.
pub(super) fn needed_after(
    shelf: &dyn Shelf,
    entries: &[Descriptor],
    mut after: HashMap<Digest, Vec<Descriptor>>,
) -> Result<(Needed, HashMap<Digest, Vec<Descriptor>>)> {
    let mut walk =
        NeedsWalk { shelf, found: Needed::default(), looked_into: BTreeSet::new(), named: Default::default() };
    let mut waiting: Vec<(Descriptor, NamedAs)> =
        entries.iter().rev().map(|entry| (entry.clone(), NamedAs::Entry)).collect();
    while let Some((entry, how)) = waiting.pop() {
        shelf.may_go_on()?;
        if walk.named.count() > MOST {
            return Err(Error::new(Code::LimitExceeded, format!("there are more than {MOST} blobs")));
        }
        waiting.extend(after.remove(&entry.digest).into_iter().flatten().map(|entry| (entry, NamedAs::Entry)));
        let below = walk.visit(entry, how)?;
        waiting.extend(below.into_iter().rev());
    }
    let NeedsWalk { mut found, named, .. } = walk;
    // A manifest may be a layer of another as well.
    found.blobs.retain(|blob| !named.manifests.contains(&blob.digest));
    Ok((found, after))
}

struct NeedsWalk<'a> {
    shelf: &'a dyn Shelf,
    found: Needed,
    /// As what each was read: the type that it is said to have may differ, and decides.
    looked_into: BTreeSet<(Digest, String, NamedAs)>,
    named: NamedDigests,
}

/// The digests of each list.
#[derive(Default)]
struct NamedDigests {
    manifests: BTreeSet<Digest>,
    blobs: BTreeSet<Digest>,
    missing: BTreeSet<Digest>,
    /// Entries that are not there, each once, however many names they have.
    lacking: BTreeSet<Digest>,
    missized: BTreeSet<Digest>,
}

impl NamedDigests {
    fn count(&self) -> usize {
        self.manifests.len() + self.blobs.len() + self.missing.len()
    }
}

impl NeedsWalk<'_> {
    fn visit(&mut self, entry: Descriptor, how: NamedAs) -> Result<Vec<(Descriptor, NamedAs)>> {
        if how != NamedAs::Mentioned {
            self.found.demanded.insert(entry.digest.clone());
        }
        let Some(size) = self.shelf.size(&entry.digest) else {
            self.miss(entry, how);
            return Ok(Vec::new());
        };
        // A document of an unknown kind may not say its size.
        let is_said = !matches!(how, NamedAs::Named | NamedAs::Mentioned);
        let entry = Descriptor { size: if is_said { entry.size } else { size }, ..entry };
        let is_blob = types::is_blob(&entry.media_type);
        let known_type = Some(types::essence(&entry.media_type)).filter(|name| types::is_manifest(name));
        let key = (entry.digest.clone(), known_type.unwrap_or_default(), how);
        if !how.may_be_manifest(&entry.media_type) || !self.looked_into.insert(key) {
            self.measure(&entry, size);
            self.keep(entry);
            return Ok(Vec::new());
        }
        let must = matches!(how, NamedAs::Entry | NamedAs::Child) && !is_blob;
        let found = self.look_into(&entry, size, must).and_then(|found| Ok((self.below(&found)?, found)));
        let (mut below, found) = match found {
            Err(error) if !self.shelf.is_about_blob(&error) => return Err(error),
            Err(error) => {
                self.found.problems.push((entry.digest, error));
                return Ok(Vec::new());
            }
            Ok(found) => found,
        };
        if how == NamedAs::Mentioned {
            below.iter_mut().for_each(|(_, how)| *how = NamedAs::Mentioned);
        }
        self.measure(&entry, size);
        self.record(entry, size, must, found);
        Ok(below)
    }

    fn measure(&mut self, entry: &Descriptor, size: u64) {
        let is_said = !types::is_foreign(&entry.media_type);
        if is_said && entry.size != size && self.named.missized.insert(entry.digest.clone()) {
            let message = format!("it has {size} bytes, its descriptor says {}", entry.size);
            self.found.missized.push((entry.digest.clone(), Error::new(Code::SizeMismatch, message)));
        }
    }

    /// Puts an entry on the list that its content belongs to.
    fn record(&mut self, entry: Descriptor, size: u64, must: bool, found: EntryContent) {
        match found {
            EntryContent::Obscure | EntryContent::Unread => {
                let may_name_anything = must || matches!(found, EntryContent::Unread);
                self.found.obscure.extend(may_name_anything.then(|| entry.digest.clone()));
                self.keep(entry);
            }
            found if self.named.manifests.insert(entry.digest.clone()) => {
                self.found.manifests.push(Descriptor { size, ..entry });
                if let EntryContent::Manifest(document) = found {
                    self.found.images.extend(
                        Some(document)
                            .filter(|document| document.kind == Kind::Image)
                            .and_then(|document| ImageBlobs::of(&document)),
                    );
                }
            }
            _ => {}
        }
    }

    /// What a document names: what it needs, then what it only mentions.
    fn below(&self, found: &EntryContent) -> Result<Vec<(Descriptor, NamedAs)>> {
        let mut others = Vec::new();
        let document = match found {
            EntryContent::Manifest(document) => document,
            EntryContent::Json(value) => {
                collect(value, NamedAs::Named, &mut others);
                return Ok(others);
            }
            EntryContent::Obscure | EntryContent::Unread => return Ok(others),
        };
        let children = document.manifests().iter().map(|child| (child.clone(), NamedAs::Child));
        let blobs = document.config().into_iter().chain(document.layers()).map(|blob| (blob.clone(), NamedAs::Blob));
        let mut below: Vec<_> = children.chain(blobs).collect();
        for digest in document.fs_layers()? {
            let size = self.shelf.size(&digest).unwrap_or_default();
            below.push((Descriptor::new(types::DOCKER_LAYER, digest, size), NamedAs::Blob));
        }
        let named: BTreeSet<Digest> = below.iter().map(|(entry, _)| entry.digest.clone()).collect();
        collect(&document.value, NamedAs::Mentioned, &mut others);
        below.extend(others.into_iter().filter(|(entry, _)| !named.contains(&entry.digest)));
        Ok(below)
    }

    fn look_into(&self, entry: &Descriptor, size: u64, must: bool) -> Result<EntryContent> {
        let is_known = types::is_manifest(&entry.media_type) && !entry.media_type.is_empty();
        if size > MOST_BYTES && !(must && is_known) {
            return Ok(EntryContent::Obscure);
        }
        let bytes = self.shelf.small(&entry.digest)?;
        let media_type = Some(entry.media_type.as_str()).filter(|_| is_known);
        let error = match RawManifest::parse(bytes.clone(), media_type, Some(&entry.digest)) {
            Ok(content) => return Ok(EntryContent::Manifest(Box::new(content.document))),
            Err(error) => error,
        };
        if must && is_known {
            return Err(error);
        }
        if must && entry.digest.algorithm().digest(&bytes) != entry.digest {
            return Err(Error::new(Code::DigestMismatch, "its bytes have a different digest"));
        }
        match crate::json::parse(&bytes) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(EntryContent::Json(value)),
            Err(error) if error.exceeds_bounds() => Ok(EntryContent::Unread),
            _ => Ok(EntryContent::Obscure),
        }
    }

    fn miss(&mut self, entry: Descriptor, how: NamedAs) {
        match how {
            NamedAs::Entry if !types::is_foreign(&entry.media_type) => {
                if self.named.lacking.insert(entry.digest.clone()) {
                    self.found.problems.push((entry.digest, Error::new(Code::MissingBlob, "it is not there")));
                }
            }
            NamedAs::Entry | NamedAs::Blob => self.keep(entry),
            NamedAs::Child | NamedAs::Named if self.named.missing.insert(entry.digest.clone()) => {
                self.found.sparse.push(entry.digest);
            }
            NamedAs::Child | NamedAs::Named | NamedAs::Mentioned => {}
        }
    }

    fn keep(&mut self, blob: Descriptor) {
        if self.named.blobs.insert(blob.digest.clone()) {
            self.found.blobs.push(blob);
        }
    }
}

/// Whatever looks like a descriptor, and every other digest.
fn collect(value: &Value, how: NamedAs, found: &mut Vec<(Descriptor, NamedAs)>) {
    match value {
        Value::String(text) => {
            found.extend(text.parse().ok().map(|digest| (Descriptor::new("", digest, 0), NamedAs::Mentioned)));
        }
        Value::Array(list) => list.iter().for_each(|member| collect(member, how, found)),
        Value::Object(members) => {
            let text = |key: &str| members.get(key).and_then(Value::as_str);
            let digest = text("digest").and_then(|text| text.parse::<Digest>().ok());
            let size = members.get("size").and_then(Value::as_u64).unwrap_or_default();
            let media_type = text("mediaType").unwrap_or_default();
            let is_one = digest.is_some();
            found.extend(digest.map(|digest| (Descriptor::new(media_type, digest, size), how)));
            for (key, member) in members.iter().filter(|(key, _)| !(is_one && key.as_str() == "digest")) {
                let how = match (key.as_str(), how) {
                    (_, NamedAs::Mentioned) | ("subject" | "annotations", _) => NamedAs::Mentioned,
                    ("manifests", _) => NamedAs::Child,
                    (_, how) => how,
                };
                collect(member, how, found);
            }
        }
        _ => {}
    }
}
