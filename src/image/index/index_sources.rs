//! The places that the entries of an index come from, as one place to copy from: each manifest and blob is looked for where it was named.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::reference::Repository;
use crate::store::descend::check_entry;
use crate::store::{read_whole, RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::sync::lock;

/// More places than one index is made of.
pub(super) const MOST_PLACES: usize = 1_000;
/// Of the manifests and configs that were read, no more bytes than these wait for the copy; the others are read again.
const MOST_HELD: usize = 64 << 20;
/// No config of an image has more.
const MOST_CONFIG: u64 = 4 << 20;

/// The places, in the order of the references.
pub struct IndexSources {
    places: Vec<Box<dyn ReadStore>>,
    known: Mutex<KnownParts>,
}

#[derive(Default)]
struct KnownParts {
    /// Which place led to it first.
    origins: HashMap<Digest, usize>,
    manifests: HashMap<Digest, RawManifest>,
    configs: HashMap<Digest, Arc<[u8]>>,
    held: usize,
}

impl KnownParts {
    fn has_room_for(&mut self, size: usize) -> bool {
        let fits = self.held.saturating_add(size) <= MOST_HELD;
        self.held += if fits { size } else { 0 };
        fits
    }
}

impl IndexSources {
    /// Places that are open.
    pub fn new(places: Vec<Box<dyn ReadStore>>) -> Result<IndexSources> {
        match places.len() > MOST_PLACES {
            true => {
                Err(Error::new(Code::LimitExceeded, format!("an index is made of {MOST_PLACES} references at most")))
            }
            false => Ok(IndexSources { places, known: Mutex::default() }),
        }
    }

    pub(super) fn places(&self) -> &[Box<dyn ReadStore>] {
        &self.places
    }

    fn known(&self) -> MutexGuard<'_, KnownParts> {
        lock(&self.known)
    }

    /// Remembers a manifest, and that everything that it names is where it is.
    pub(super) fn learn(&self, place: usize, content: &RawManifest) {
        let document = &content.document;
        let named = document.config().into_iter().chain(document.layers()).chain(document.manifests());
        let layers = document.fs_layers().unwrap_or_default();
        let mut known = self.known();
        for digest in named.map(|one| &one.digest).chain(&layers).chain([content.digest()]) {
            known.origins.entry(digest.clone()).or_insert(place);
        }
        if !known.manifests.contains_key(content.digest()) && known.has_room_for(content.bytes.len()) {
            known.manifests.insert(content.digest().clone(), content.clone());
        }
    }

    fn origin(&self, digest: &Digest) -> Result<usize> {
        let origin = self.known().origins.get(digest).copied();
        origin.ok_or_else(|| Error::new(Code::NotFound, format!("none of the references leads to {digest}")))
    }

    fn place_of(&self, digest: &Digest) -> Result<&dyn ReadStore> {
        let origin = self.origin(digest)?;
        let place = self.places.get(origin).map(Box::as_ref);
        place.ok_or_else(|| Error::new(Code::Internal, "a reference has gone"))
    }

    /// The config of an image, which is read for its platform, and then copied.
    fn config(&self, call: &Call, wanted: &Descriptor) -> Result<Arc<[u8]>> {
        if let Some(bytes) = self.known().configs.get(&wanted.digest) {
            return Ok(bytes.clone());
        }
        let bytes: Arc<[u8]> = read_whole(call, self.place_of(&wanted.digest)?, wanted, MOST_CONFIG)?.into();
        let mut known = self.known();
        if known.has_room_for(bytes.len()) {
            known.configs.insert(wanted.digest.clone(), bytes.clone());
        }
        Ok(bytes)
    }
}

/// All the places, with a manifest that is their root.
pub(super) struct IndexStore<'a> {
    pub(super) sources: &'a IndexSources,
    pub(super) root: RawManifest,
}

impl ReadStore for IndexStore<'_> {
    fn place(&self) -> String {
        match self.sources.places() {
            [only] => only.place(),
            places => format!("{} references", places.len()),
        }
    }

    fn root(&self, _: &Call) -> Result<RawManifest> {
        Ok(self.root.clone())
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        let known = self.sources.known().manifests.get(&wanted.digest).cloned();
        let content = match known {
            Some(content) => content,
            None => {
                let origin = self.sources.origin(&wanted.digest)?;
                let content = self.sources.place_of(&wanted.digest)?.manifest(call, wanted)?;
                self.sources.learn(origin, &content);
                content
            }
        };
        // What is wrong in one index is not written into another.
        check_entry(wanted, &content.document)?;
        Ok(content)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        if !types::is_image_config(&wanted.media_type) || wanted.size > MOST_CONFIG {
            return self.sources.place_of(&wanted.digest)?.open(call, wanted, hashed);
        }
        let mut reader = Cursor::new(self.sources.config(call, wanted)?);
        reader.set_position(hashed.as_ref().map_or(0, |(_, length)| *length));
        Ok(Box::new(VerifiedBlob::new(reader, call, format!("the config {}", wanted.digest), wanted, hashed)))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.sources.place_of(digest)?.size(call, digest)
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        // Nobody can refer to the index that is being made.
        let Ok(origin) = self.sources.origin(subject) else { return Ok(Vec::new()) };
        let found = self.sources.place_of(subject)?.referrers(call, subject)?;
        let mut known = self.sources.known();
        found.iter().for_each(|entry| {
            known.origins.entry(entry.digest.clone()).or_insert(origin);
        });
        Ok(found)
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        let Ok(origin) = self.sources.origin(subject) else { return Ok(Vec::new()) };
        let found = self.sources.place_of(subject)?.digest_tags(call, subject)?;
        let mut known = self.sources.known();
        found.iter().for_each(|(_, entry)| {
            known.origins.entry(entry.digest.clone()).or_insert(origin);
        });
        Ok(found)
    }

    fn repository_of(&self, blob: &Digest) -> Option<&Repository> {
        self.sources.place_of(blob).ok()?.repository_of(blob)
    }
}
