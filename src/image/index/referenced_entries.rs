//! What references give to an index: an image itself, for the platform that its config says, and an index its entries, or those for some
//! platforms, with what attests something about them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use super::index_sources::{IndexSources, IndexStore};
use crate::call::Call;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::index_entries::IndexEntry;
use crate::manifest::{Document, Kind};
use crate::media_type as types;
use crate::mutex::lock;
use crate::platform::Platform;
use crate::store::chosen_entries::chosen_entries;
use crate::store::platform_descent;
use crate::store::{RawManifest, ReadStore};
use crate::transfer::workers::in_parallel;

/// More entries than references give, with those that are the same.
const MOST_GIVEN: usize = 100_000;
/// More manifests than are read to learn what an index does not say of its entries.
const MOST_LOOKED_INTO: usize = 256;

/// What one reference gives.
struct FromReference {
    entries: Vec<IndexEntry>,
    /// Which of the wanted platforms it has, by their numbers.
    served: BTreeSet<usize>,
}

/// The entries that all references give, in their order.
pub(super) fn gather(
    call: &Call,
    sources: &IndexSources,
    wanted: &[Platform],
    width: usize,
) -> Result<Vec<IndexEntry>> {
    call.begin("copy", None)?;
    let (found, count) = (Mutex::new(BTreeMap::new()), AtomicUsize::new(0));
    let places = (0..sources.places().len()).collect();
    in_parallel(call, width, &Arc::default(), places, |call, _, at| {
        let given = from_reference(call, sources, at, wanted).map_err(|error| error.with_side(Side::Source))?;
        if count.fetch_add(given.entries.len(), Relaxed) + given.entries.len() > MOST_GIVEN {
            let message = format!("the references have more than {MOST_GIVEN} entries");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        lock(&found).insert(at, given);
        Ok(())
    })?;
    let found = crate::mutex::into_inner(found);
    let served: BTreeSet<usize> = found.values().flat_map(|given| given.served.iter().copied()).collect();
    match wanted.iter().enumerate().find(|(at, _)| !served.contains(at)) {
        Some((_, platform)) => {
            let message = format!("none of the references has an image for {platform}");
            Err(Error::new(Code::NotFound, message).with_side(Side::Source))
        }
        None => Ok(found.into_values().flat_map(|given| given.entries).collect()),
    }
}

fn from_reference(call: &Call, sources: &IndexSources, at: usize, wanted: &[Platform]) -> Result<FromReference> {
    let place = &sources.places()[at];
    let root = place.root_for(call, wanted)?;
    sources.learn(at, &root)?;
    let store = IndexStore { sources, root: root.clone(), home: Some(at) };
    match root.document.kind {
        Kind::Schema1 => {
            let message = format!("{} is a manifest of schema 1, which an index cannot list", place.place());
            let hint = "a copy with convert_schema1 makes an OCI image of it";
            Err(Error::new(Code::Unsupported, message).with_hint(hint))
        }
        Kind::Index if wanted.is_empty() => {
            let entries = with_platforms(call, &store, &root.document).map_err(|error| error.within(place.place()))?;
            Ok(FromReference { entries, served: BTreeSet::new() })
        }
        Kind::Index => of_index(call, &store, wanted, &place.place()),
        Kind::Image | Kind::Artifact => of_image(call, &store, &root, wanted, &place.place()),
    }
}

/// One image, or an artifact.
fn of_image(
    call: &Call,
    store: &IndexStore,
    image: &RawManifest,
    wanted: &[Platform],
    place: &str,
) -> Result<FromReference> {
    let platform = platform_descent::platform_of(call, store, &image.document)?;
    let serves = |found: &Platform| {
        wanted.iter().enumerate().filter_map(|(at, wanted)| wanted.rank(found).map(|_| at)).collect::<BTreeSet<_>>()
    };
    let served = platform.as_ref().map(serves).unwrap_or_default();
    if let Some(found) = platform.as_ref().filter(|_| !wanted.is_empty() && served.is_empty()) {
        let message = format!("{place} is a single image for {found}, which is not one of the wanted platforms");
        return Err(Error::new(Code::NotFound, message));
    }
    let mut descriptor = image.descriptor();
    let named = image.document.value.get("artifactType").and_then(serde_json::Value::as_str);
    descriptor.artifact_type = named.filter(|name| !name.is_empty()).map(str::to_owned);
    descriptor.platform = platform.clone().map(Box::new);
    let entry = IndexEntry::new(descriptor).map_err(|error| error.within(place))?;
    let entry = match platform {
        Some(platform) => entry.found_on(platform),
        None => entry,
    };
    Ok(FromReference { entries: vec![entry], served })
}

/// Of an index the images for the wanted platforms, in its order, and what attests something about them.
fn of_index(call: &Call, store: &IndexStore, wanted: &[Platform], place: &str) -> Result<FromReference> {
    let (mut served, mut chosen, mut nothing) = (BTreeSet::new(), Vec::new(), None);
    for (at, platform) in wanted.iter().enumerate() {
        match platform_descent::choose(call, store, &store.root.document, platform) {
            Ok(found) => {
                served.insert(at);
                chosen.push(found);
            }
            Err(error) if error.code() == Code::NotFound => nothing = Some(error),
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = nothing.filter(|_| chosen.is_empty()) {
        return Err(error.within(place));
    }
    let entries = chosen_entries(call, store, &store.root.document, chosen).map_err(|error| error.within(place))?;
    Ok(FromReference { entries, served })
}

/// The entries of an index. Where it leaves out what an image runs on, that is in the image's config, and then in its new entry.
fn with_platforms(call: &Call, store: &dyn ReadStore, index: &Document) -> Result<Vec<IndexEntry>> {
    let said = |entry: IndexEntry, found: Result<Option<Platform>>| match found {
        Ok(Some(platform)) => entry.on(platform),
        Ok(None) => Ok(entry),
        Err(error) if is_missing(&error) => {
            Err(error.with_hint("the index names manifests that are missing: the option platform takes those present"))
        }
        Err(error) => Err(error),
    };
    looked_into(call, store, index, &said)
}

/// The entries of an index that is changed, which stay as they are, with the platforms of those that do not say them. Those of missing
/// manifests stay unknown.
pub(super) fn with_found_platforms(
    call: &Call,
    place: Option<&dyn ReadStore>,
    index: &Document,
) -> Result<Vec<IndexEntry>> {
    let found = |entry: IndexEntry, found: Result<Option<Platform>>| match found {
        Ok(Some(platform)) => Ok(entry.found_on(platform)),
        Ok(None) => Ok(entry),
        Err(error) if is_missing(&error) => Ok(entry),
        Err(error) => Err(error),
    };
    match place {
        Some(place) => looked_into(call, place, index, &found),
        None => Ok(IndexEntry::all(index)),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error.code(), Code::NotFound | Code::MissingBlob)
}

/// The entries of an index, after those that do not say what they run on were looked into.
fn looked_into(
    call: &Call,
    store: &dyn ReadStore,
    index: &Document,
    found: &dyn Fn(IndexEntry, Result<Option<Platform>>) -> Result<IndexEntry>,
) -> Result<Vec<IndexEntry>> {
    let (mut looked_into, mut entries) = (0, Vec::new());
    for entry in IndexEntry::all(index) {
        let is_image = types::is_image(&entry.descriptor.media_type) && !entry.descriptor.is_attestation();
        if entry.says_platform() || !is_image {
            entries.push(entry);
            continue;
        }
        looked_into += 1;
        if looked_into > MOST_LOOKED_INTO {
            let message = format!("the index does not say the platforms of more than {MOST_LOOKED_INTO} images");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        call.check()?;
        let platform = store.manifest(call, &entry.descriptor).and_then(|content| {
            platform_descent::check_entry(&entry.descriptor, &content.document)?;
            platform_descent::platform_of(call, store, &content.document)
        });
        entries.push(found(entry, platform)?);
    }
    Ok(entries)
}
