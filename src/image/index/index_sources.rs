//! The places that the entries of an index come from, as one place to copy from: each manifest and blob is looked for where it was named.

use std::collections::HashMap;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::mutex::lock;
use crate::reference::Repository;
use crate::store::platform_descent::check_entry;
use crate::store::{read_whole, RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};

/// More places than one index is made of.
pub(super) const MOST_PLACES: usize = 1_000;
/// The places of more manifests and blobs than these are not remembered: a copy of 100,000 manifests is refused.
const MOST_ORIGINS: usize = 1_000_000;
/// Of the manifests and configs that were read, no more bytes than these wait for the copy; the others are read again.
const MOST_HELD: usize = 64 << 20;
/// No config of an image has more.
const MOST_CONFIG: u64 = 4 << 20;

/// The places, in the order of the references.
pub(crate) struct IndexSources {
    places: Vec<Box<dyn ReadStore>>,
    known: Mutex<KnownParts>,
}

#[derive(Default)]
struct KnownParts {
    /// The places that led to it, in the order of the references.
    origins: HashMap<Digest, Vec<usize>>,
    origin_count: usize,
    manifests: HashMap<Digest, RawManifest>,
    configs: HashMap<Digest, Arc<[u8]>>,
    held: usize,
}

impl KnownParts {
    /// Remembers that a place leads to it.
    fn leads_to(&mut self, place: usize, digest: &Digest) -> Result<()> {
        let places = self.origins.entry(digest.clone()).or_default();
        // The order is that of the references, whichever answered first.
        if let Err(at) = places.binary_search(&place) {
            places.insert(at, place);
            self.origin_count += 1;
        }
        match self.origin_count > MOST_ORIGINS {
            true => {
                let message = format!("the references lead to more than {MOST_ORIGINS} manifests and blobs");
                Err(Error::new(Code::LimitExceeded, message))
            }
            false => Ok(()),
        }
    }

    fn has_room_for(&mut self, size: usize) -> bool {
        let fits = self.held.saturating_add(size) <= MOST_HELD;
        self.held += if fits { size } else { 0 };
        fits
    }
}

impl IndexSources {
    /// Places that are open.
    pub(crate) fn new(places: Vec<Box<dyn ReadStore>>) -> Result<IndexSources> {
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
    pub(super) fn learn(&self, place: usize, content: &RawManifest) -> Result<()> {
        let document = &content.document;
        let named = document.config().into_iter().chain(document.layers()).chain(document.manifests());
        let layers = document.fs_layers().unwrap_or_default();
        let mut known = self.known();
        for digest in named.map(|one| &one.digest).chain(&layers).chain([content.digest()]) {
            known.leads_to(place, digest)?;
        }
        if !known.manifests.contains_key(content.digest()) && known.has_room_for(content.bytes.len()) {
            known.manifests.insert(content.digest().clone(), content.clone());
        }
        Ok(())
    }

    fn origins(&self, digest: &Digest) -> Vec<usize> {
        self.known().origins.get(digest).cloned().unwrap_or_default()
    }

    /// Asks the places that lead to it one after the other, a reference's own first, until one has it.
    fn at_one<T>(
        &self,
        digest: &Digest,
        home: Option<usize>,
        ask: &mut dyn FnMut(usize, &dyn ReadStore) -> Result<T>,
    ) -> Result<T> {
        let mut origins = self.origins(digest);
        origins.sort_by_key(|origin| Some(*origin) != home);
        let mut missing = None;
        for (origin, place) in origins.iter().filter_map(|origin| Some((*origin, self.places.get(*origin)?))) {
            match ask(origin, place.as_ref()) {
                Err(error) if has_not(&error) => missing = missing.or(Some(error)),
                outcome => return outcome,
            }
        }
        let unknown = || Error::new(Code::NotFound, format!("none of the references leads to {digest}"));
        Err(missing.unwrap_or_else(unknown))
    }

    /// The config of an image, which is read for its platform, and then copied.
    fn config(&self, call: &Call, wanted: &Descriptor, home: Option<usize>) -> Result<Arc<[u8]>> {
        if let Some(bytes) = self.known().configs.get(&wanted.digest) {
            return Ok(bytes.clone());
        }
        let mut read = |_: usize, place: &dyn ReadStore| read_whole(call, place, wanted, MOST_CONFIG);
        let bytes: Arc<[u8]> = self.at_one(&wanted.digest, home, &mut read)?.into();
        let mut known = self.known();
        if known.has_room_for(bytes.len()) {
            known.configs.insert(wanted.digest.clone(), bytes.clone());
        }
        Ok(bytes)
    }
}

/// Whether a place does not have what it leads to, or does not give it.
fn has_not(error: &Error) -> bool {
    matches!(error.code(), Code::NotFound | Code::MissingBlob | Code::Forbidden | Code::Unauthenticated)
}

/// All the places, with a manifest that is their root.
pub(super) struct IndexStore<'a> {
    pub(super) sources: &'a IndexSources,
    pub(super) root: RawManifest,
    /// The reference that is looked into, which is asked first.
    pub(super) home: Option<usize>,
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
                let mut read = |origin, place: &dyn ReadStore| Ok((origin, place.manifest(call, wanted)?));
                let (origin, content) = self.sources.at_one(&wanted.digest, self.home, &mut read)?;
                self.sources.learn(origin, &content)?;
                content
            }
        };
        // What is wrong in one index is not written into another.
        check_entry(wanted, &content.document)?;
        Ok(content)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        if !types::is_image_config(&wanted.media_type) || wanted.size > MOST_CONFIG {
            let mut open = |_: usize, place: &dyn ReadStore| place.open(call, wanted, hashed.clone());
            return self.sources.at_one(&wanted.digest, self.home, &mut open);
        }
        let mut reader = Cursor::new(self.sources.config(call, wanted, self.home)?);
        reader.set_position(hashed.as_ref().map_or(0, |(_, length)| *length));
        Ok(Box::new(VerifiedBlob::new(reader, call, format!("the config {}", wanted.digest), wanted, hashed)))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.sources.at_one(digest, self.home, &mut |_, place| place.size(call, digest))
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        // Nothing can refer to the index that is being made.
        if self.sources.origins(subject).is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = |origin, place: &dyn ReadStore| Ok((origin, place.referrers(call, subject)?));
        let (origin, found) = self.sources.at_one(subject, self.home, &mut ask)?;
        let mut known = self.sources.known();
        found.iter().try_for_each(|entry| known.leads_to(origin, &entry.digest))?;
        Ok(found)
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        if self.sources.origins(subject).is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = |origin, place: &dyn ReadStore| Ok((origin, place.digest_tags(call, subject)?));
        let (origin, found) = self.sources.at_one(subject, self.home, &mut ask)?;
        let mut known = self.sources.known();
        found.iter().try_for_each(|(_, entry)| known.leads_to(origin, &entry.digest))?;
        Ok(found)
    }

    fn repository_of(&self, blob: &Digest) -> Option<&Repository> {
        let first = *self.sources.origins(blob).first()?;
        self.sources.places.get(first)?.repository_of(blob)
    }
}
