//! The image for a platform in an index: the one way into indexes, for everything that looks for an image in one.
//!
//! An index gives the platforms of its entries, or of some, or of none; an entry may itself be an index. Entries with a
//! platform decide where one of them matches. Otherwise those without are looked into: an index has its own entries, an
//! image has its platform in its config.

use std::cmp::Reverse;

use serde_json::{json, Value};

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::MOST_BYTES;
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::platform::{Platform, Rank};
use crate::store::{read_whole, RawManifest, ReadStore};

/// Deeper than indexes are nested in practice.
pub(crate) const DEPTH: usize = 16;
/// More manifests than need to be read in practice to find one image.
const MOST: usize = 256;
/// More platforms than a message should list.
const MOST_LISTED: usize = 50;

#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// Its entry, preceded by those of the indexes that lead to it: the position of each in its index, and its digest.
    pub(crate) path: Vec<(usize, Digest)>,
    /// Its descriptor in the index that contains it.
    pub(crate) entry: Descriptor,
    /// The same as raw JSON, with all members.
    pub(crate) raw: Value,
    pub(crate) platform: Platform,
    content: Option<RawManifest>,
}

impl Chosen {
    pub(crate) fn content(self, call: &Call, store: &dyn ReadStore) -> Result<RawManifest> {
        match self.content {
            Some(content) => Ok(content),
            None => fetch(call, store, &self.entry),
        }
    }
}

/// The image for a platform, from an index.
pub(crate) fn choose(call: &Call, store: &dyn ReadStore, index: &Document, platform: &Platform) -> Result<Chosen> {
    let mut search = PlatformSearch { call, store, wanted: platform, looked_into: 0, known: Vec::new(), missing: None };
    match search.index(index, &[])? {
        Some((_, chosen)) => Ok(chosen),
        None => Err(search.nothing()),
    }
}

/// Several images under one name, as an index; None if the entries do not differ by platform.
pub(crate) fn among(
    call: &Call,
    store: &dyn ReadStore,
    entries: &[Descriptor],
    platforms: &[Platform],
) -> Result<Option<RawManifest>> {
    let index = |entries: &[&Descriptor]| {
        let index = json!({"schemaVersion": 2, "mediaType": types::OCI_INDEX, "manifests": entries});
        RawManifest::parse(index.to_string().into_bytes(), None, None)
    };
    let whole = index(&entries.iter().collect::<Vec<_>>())?;
    for platform in platforms {
        let chosen = choose(call, store, &whole.document, platform)?;
        let at = chosen.path.first().map(|(at, _)| *at);
        let others: Vec<_> = entries.iter().enumerate().filter(|(other, _)| Some(*other) != at).collect();
        let others: Vec<_> = others.into_iter().map(|(_, entry)| entry).collect();
        match choose(call, store, &index(&others)?.document, platform) {
            Ok(other) if other.platform.is_same(&chosen.platform) => return Ok(None),
            Err(error) if error.code() != Code::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Some(whole).filter(|_| !platforms.is_empty()))
}

/// What a place names, for a caller that wants the image for some platforms. One image in place of an index must be for those of them that
/// were asked for by name.
pub(crate) fn root(
    call: &Call,
    store: &dyn ReadStore,
    platforms: &[Platform],
    asked: &[Platform],
) -> Result<RawManifest> {
    let root = store.root_for(call, platforms)?;
    if root.document.kind != Kind::Index {
        check_image(call, store, &root.document, asked)?;
    }
    Ok(root)
}

/// An image outside any index must be for one of the wanted platforms, as far as its config names a platform.
fn check_image(call: &Call, store: &dyn ReadStore, image: &Document, platforms: &[Platform]) -> Result<()> {
    if platforms.is_empty() {
        return Ok(());
    }
    let Some(found) = platform_of(call, store, image)? else { return Ok(()) };
    match platforms.iter().find(|wanted| wanted.rank(&found).is_none()) {
        Some(wanted) => {
            let message = format!("{} is a single image for {found}, not for {wanted}", store.place());
            Err(Error::new(Code::NotFound, message))
        }
        None => Ok(()),
    }
}

/// Reads the platform from an image's config.
pub(crate) fn platform_of(call: &Call, store: &dyn ReadStore, image: &Document) -> Result<Option<Platform>> {
    let Some(config) = image.config().filter(|config| types::is_image_config(&config.media_type)) else {
        return Ok(None);
    };
    let bytes = read_whole(call, store, config, MOST_BYTES)?;
    match crate::json::parse(&bytes) {
        Ok(value) => Ok(Platform::of_config(&value)),
        // It may well say one, and it may be another than is wanted.
        Err(error) if error.exceeds_bounds() => {
            Err(Error::new(Code::InvalidManifest, format!("the config {} cannot be read: {error}", config.digest)))
        }
        Err(_) => Ok(None),
    }
}

/// A manifest must match its entry in the index.
pub(crate) fn check_entry(entry: &Descriptor, found: &Document) -> Result<()> {
    if entry.size != found.size {
        let message = format!("the manifest {} has {} bytes, its index says {}", entry.digest, found.size, entry.size);
        return Err(Error::new(Code::SizeMismatch, message));
    }
    if !entry.media_type.is_empty() && entry.media_type != found.media_type {
        let message =
            format!("the manifest {} is {}, its index says {}", entry.digest, found.media_type, entry.media_type);
        return Err(Error::new(Code::InvalidManifest, message));
    }
    Ok(())
}

/// The error for indexes that are nested too deep.
pub(crate) fn too_deep() -> Error {
    Error::new(Code::LimitExceeded, format!("indexes are nested more than {DEPTH} deep in the index"))
}

fn fetch(call: &Call, store: &dyn ReadStore, entry: &Descriptor) -> Result<RawManifest> {
    call.check()?;
    let content = store.manifest(call, entry)?;
    check_entry(entry, &content.document)?;
    Ok(content)
}

struct PlatformSearch<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    wanted: &'a Platform,
    looked_into: usize,
    /// Some of the platforms that there are, without duplicates.
    known: Vec<Platform>,
    /// A sparse index has entries that are missing, and others cannot be read.
    missing: Option<Error>,
}

type Best = Option<(Rank, Chosen)>;

impl PlatformSearch<'_> {
    fn index(&mut self, index: &Document, path: &[(usize, Digest)]) -> Result<Best> {
        if path.len() >= DEPTH {
            return Err(too_deep());
        }
        let entries = index.manifests().iter().enumerate();
        let may_run = |entry: &Descriptor| types::is_manifest(&entry.media_type) && !entry.is_attestation();
        let (said, unsaid): (Vec<_>, Vec<_>) =
            entries.filter(|(_, entry)| may_run(entry)).partition(|(_, entry)| says(entry));
        let mut serving = Vec::new();
        for (at, platform) in said.into_iter().filter_map(|(at, entry)| Some((at, entry.platform.as_ref()?))) {
            self.call.check()?;
            self.know(platform);
            serving.extend(self.wanted.rank(platform).map(|rank| (Reverse(rank), at)));
        }
        serving.sort();
        for (_, at) in serving {
            let found = self.entry(index, at, path)?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let mut best: Best = None;
        for (at, _) in unsaid {
            if let Some(found) = self.entry(index, at, path)? {
                if best.as_ref().is_none_or(|(rank, _)| found.0 > *rank) {
                    best = Some(found);
                }
            }
        }
        Ok(best)
    }

    /// Looks at an entry and what is below it.
    fn entry(&mut self, index: &Document, at: usize, path: &[(usize, Digest)]) -> Result<Best> {
        let Some(entry) = index.manifests().get(at) else { return Ok(None) };
        let said = entry.platform.as_deref().cloned().filter(|_| says(entry));
        let path: Vec<_> = path.iter().cloned().chain([(at, entry.digest.clone())]).collect();
        let raw = index.value["manifests"][at].clone();
        let chosen =
            |platform: Platform, content| Chosen { path: path.clone(), entry: entry.clone(), raw, platform, content };
        if let Some(platform) = said.clone().filter(|_| types::is_image(&entry.media_type)) {
            return Ok(self.wanted.rank(&platform).map(|rank| (rank, chosen(platform, None))));
        }
        let content = match self.look_into(entry) {
            Err(error) if said.is_none() && matches!(error.code(), Code::NotFound | Code::MissingBlob) => {
                self.missing.get_or_insert(error);
                return Ok(None);
            }
            outcome => outcome?,
        };
        if content.document.kind == Kind::Index {
            return self.index(&content.document, &path);
        }
        let platform = match said {
            None => match platform_of(self.call, self.store, &content.document) {
                // What it runs on is unknown; another entry may say it.
                Err(error) if error.code() == Code::InvalidManifest => {
                    self.missing.get_or_insert(error);
                    None
                }
                outcome => outcome?,
            },
            said => said,
        };
        let Some(platform) = platform else { return Ok(None) };
        if !says(entry) {
            self.know(&platform);
        }
        Ok(self.wanted.rank(&platform).map(|rank| (rank, chosen(platform, Some(content)))))
    }

    /// Remembers a platform for the message when nothing is found.
    fn know(&mut self, platform: &Platform) {
        if self.known.len() < MOST_LISTED && !self.known.contains(platform) {
            self.known.push(platform.clone());
        }
    }

    fn look_into(&mut self, entry: &Descriptor) -> Result<RawManifest> {
        self.looked_into += 1;
        if self.looked_into > MOST {
            let message = format!("more than {MOST} manifests would have to be read to find {}", self.wanted);
            return Err(Error::new(Code::LimitExceeded, message).with_hint("name the image by its digest"));
        }
        fetch(self.call, self.store, entry)
    }

    fn nothing(self) -> Error {
        let mut known: Vec<String> = Vec::new();
        for platform in self.known.iter().map(Platform::to_string) {
            if !known.contains(&platform) {
                known.push(platform);
            }
        }
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let known = crate::text::shorten_to(&known, 1000);
        let mut message = format!("the index has no manifest for {}; it has {known}", self.wanted);
        if let Some(missing) = &self.missing {
            message = format!("{message}; part of it is missing or cannot be read: {}", missing.message());
        }
        let error = Error::new(Code::NotFound, message);
        match self.known.is_empty() && self.missing.is_none() {
            // Such as one of artifacts.
            true => {
                error.with_hint("none of its manifests is for a platform: name one of them by digest, PLACE@DIGEST")
            }
            false => error,
        }
    }
}

/// Whether the index gives an entry's platform: an incomplete one does not count.
fn says(entry: &Descriptor) -> bool {
    entry.platform.as_ref().is_some_and(|platform| platform.is_complete())
}
