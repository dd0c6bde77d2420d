//! Whole repositories at places that are named: one, or those of a list.

mod list;
mod local;
mod local_destination;
mod names;
mod registry;

pub use list::{SyncList, SyncListOptions};
pub use names::{SyncDestination, SyncSource};

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::layout::archive::{ArchiveFormat, ArchiveOfSeveral};
use crate::layout::oci::{IndexBatch, OciLayout};
use crate::reference::Repository;
use crate::registry::Client;
use crate::repositories::run;
use crate::repositories::selection::TagFilter;
use crate::repositories::{DestinationRepository, Pair, SourceRepository, UnopenedPair, Wanted};
use local::{LocalPlace, LocalSource};
use local_destination::{LocalDestination, LocalTarget};
use registry::RegistryRepository;

pub use crate::repositories::report::{ImageState, Synced, SyncedImage, TagCounts};
pub use crate::repositories::selection::TagSelection;
pub use crate::repositories::sync_options::SyncOptions;

/// Brings what is meant of one place to another.
pub fn sync(
    client: &Client,
    call: &Call,
    source: &SyncSource,
    destination: &SyncDestination,
    options: &SyncOptions,
) -> Result<Synced> {
    let filter = options.filter()?;
    let mut pairing = Pairing::new(client, call, options);
    let pairs = pairing.pairs(client, source, destination, &filter)?;
    let (source, destination) = (source.to_string(), destination.to_string());
    let synced = run::sync(call, (pairs, pairing.unopened), (Some(source.clone()), Some(destination)), options)?;
    tell_of_nothing(call, &synced, &source, NOTHING_SELECTED)?;
    Ok(synced)
}

const NOTHING_SELECTED: &str = "no tag is selected, so nothing is brought";

/// A call that brings nothing must not look like one that did what was meant.
fn tell_of_nothing(call: &Call, synced: &Synced, place: &str, why: &str) -> Result<()> {
    match (synced.tags.selected, synced.tags.failed) {
        (0, 0) => call.warn_of(place, why),
        _ => Ok(()),
    }
}

/// Brings what a list says to where it says, or below one place.
pub fn sync_list(client: &Client, call: &Call, list: &SyncList, options: &SyncListOptions) -> Result<Synced> {
    let filter = options.sync.filter()?;
    if !options.sync.scoped {
        list.check_last_words()?;
    }
    let mut pairing = Pairing::new(client, call, &options.sync);
    let mut pairs = Vec::new();
    for item in &list.items {
        let filter = item.filter(&filter)?;
        let from = item.client.as_ref().unwrap_or(client);
        pairing.is_below = !item.has_destination();
        let destination = item.destination(list)?;
        match pairing.pairs(from, &item.source, destination, &filter) {
            Ok(found) => pairs.extend(found),
            Err(error) if error.ends_call() => return Err(error),
            Err(error) => pairing.leave(item.source.to_string(), destination, item.about(error)),
        }
    }
    let synced = run::sync(call, (pairs, pairing.unopened), (None, list.destination()), &options.sync)?;
    let why = if list.items.is_empty() { "it names nothing" } else { NOTHING_SELECTED };
    tell_of_nothing(call, &synced, "the list", why)?;
    Ok(synced)
}

/// Opens what is synced.
struct Pairing<'a> {
    client: &'a Client,
    call: &'a Call,
    scoped: bool,
    /// What comes is below the place for a whole list: then names in a layout or an archive say of which repository they are.
    is_below: bool,
    /// Each is written once.
    archives: HashMap<String, ArchiveOfSeveral>,
    /// By their layouts.
    batches: HashMap<String, IndexBatch>,
    /// By their places: what is found out about one counts for all that goes there.
    destinations: HashMap<String, Arc<dyn DestinationRepository>>,
    /// What is below a registry or a path under its last word alone, and which repository it is of.
    by_last_word: HashMap<String, String>,
    unopened: Vec<UnopenedPair>,
}

impl<'a> Pairing<'a> {
    fn new(client: &'a Client, call: &'a Call, options: &SyncOptions) -> Pairing<'a> {
        Pairing {
            client,
            call,
            scoped: options.scoped,
            is_below: false,
            archives: HashMap::new(),
            batches: HashMap::new(),
            destinations: HashMap::new(),
            by_last_word: HashMap::new(),
            unopened: Vec::new(),
        }
    }

    /// Leaves out what cannot be opened.
    fn leave(&mut self, source: String, destination: &SyncDestination, error: Error) {
        self.unopened.push(UnopenedPair { source, destination: destination.to_string(), error });
    }

    fn pairs(
        &mut self,
        from: &Client,
        source: &SyncSource,
        destination: &SyncDestination,
        filter: &TagFilter,
    ) -> Result<Vec<Pair>> {
        let all = || Wanted::Tags(filter.clone());
        let (repository, wanted) = match source {
            SyncSource::Repository(repository) => (repository, all()),
            SyncSource::Image(reference) => {
                let digest = reference.digest().map(Digest::to_string);
                let name = digest.or(reference.tag().map(str::to_owned)).unwrap_or_default();
                (reference.repository(), Wanted::Exactly(vec![name]))
            }
            SyncSource::Layout(path, name) => {
                let place = LocalPlace::layout(path).map_err(|error| error.with_side(Side::Source))?;
                return self.local_pairs(&place, name.as_deref(), destination, filter);
            }
            SyncSource::Archive(format, path, name) => {
                let place = LocalPlace::archive(from, path, *format);
                return self.local_pairs(&place, name.as_deref(), destination, filter);
            }
        };
        let destination = self.destination(destination, Some(repository)).map(|place| self.known(place))?;
        let source = RegistryRepository::new(from.clone(), repository.clone());
        let source = source.for_destination(&destination.place());
        Ok(vec![Pair { source: Arc::new(source), destination, wanted }])
    }

    fn known(&mut self, destination: Arc<dyn DestinationRepository>) -> Arc<dyn DestinationRepository> {
        self.destinations.entry(destination.place()).or_insert(destination).clone()
    }

    fn local_pairs(
        &mut self,
        place: &LocalPlace,
        name: Option<&str>,
        destination: &SyncDestination,
        filter: &TagFilter,
    ) -> Result<Vec<Pair>> {
        let (mut pairs, mut found) = (Vec::new(), false);
        let all = place.repositories(self.call, name.is_none()).map_err(|error| error.with_side(Side::Source))?;
        for source in all {
            let wanted = match name.map(|name| source.tag_of(name)) {
                None => Wanted::Tags(filter.clone()),
                Some(Some(tag)) => Wanted::Exactly(vec![tag]),
                Some(None) => continue,
            };
            found = true;
            match self.local_destination(&source, destination) {
                Ok(place) => pairs.push(Pair { source: Arc::new(source), destination: self.known(place), wanted }),
                Err(error) => self.leave(SourceRepository::place(&source), destination, error),
            }
        }
        match name {
            Some(name) if !found => {
                let message = format!("there is no image '{}' to sync", crate::text::shorten(name));
                Err(Error::new(Code::NotFound, message))
            }
            _ => Ok(pairs),
        }
    }

    /// Where a repository of a layout or an archive goes: what is called by tags alone to the destination itself, and what has the
    /// name of a repository below it.
    fn local_destination(
        &mut self,
        source: &LocalSource,
        destination: &SyncDestination,
    ) -> Result<Arc<dyn DestinationRepository>> {
        let named = source.repository.as_deref().map(|name| Repository::parse(name, None)).transpose()?;
        match (&named, destination) {
            (Some(repository), SyncDestination::Repository(below)) => {
                self.destination(&SyncDestination::Below(below.full_name()), Some(repository))
            }
            (None, SyncDestination::Below(text)) => {
                let message = format!(
                    "{} has tags without a repository: it needs a destination of its own, not '{}'",
                    SourceRepository::place(source),
                    crate::text::shorten(text)
                );
                Err(Error::new(Code::InvalidArgument, message))
            }
            (_, SyncDestination::Layout(_) | SyncDestination::Archive(..)) => {
                let name = self.local_name(source, named.as_ref(), destination)?;
                Ok(Arc::new(LocalDestination::new(self.target(destination)?, name)))
            }
            (_, destination) => self.destination(destination, named.as_ref()),
        }
    }

    /// The repository that the images of a local source are in at a local destination.
    fn local_name(
        &mut self,
        source: &LocalSource,
        named: Option<&Repository>,
        destination: &SyncDestination,
    ) -> Result<Option<String>> {
        match (named, destination) {
            (Some(repository), SyncDestination::Archive(_, _, Some(below))) => {
                self.below(&below.full_name(), repository).map(|found| Some(found.full_name()))
            }
            (None, SyncDestination::Archive(_, _, Some(of))) => Ok(Some(of.full_name())),
            (None, SyncDestination::Archive(ArchiveFormat::Docker, ..)) => {
                let (source, to) = (SourceRepository::place(source), destination.to_string());
                let message =
                    format!("{source} has tags without a repository, and docker knows no image by its tag alone");
                Err(Error::new(Code::InvalidArgument, message).with_hint(format!("name one: {to}:REPOSITORY")))
            }
            _ => Ok(source.repository.clone()),
        }
    }

    fn target(&mut self, destination: &SyncDestination) -> Result<LocalTarget> {
        match destination {
            SyncDestination::Archive(format, path, _) => self.archive(*format, path).map(LocalTarget::Archive),
            SyncDestination::Layout(path) => {
                let batch = self.batches.entry(OciLayout::identity(Path::new(path))).or_default();
                Ok(LocalTarget::Layout(path.clone(), batch.clone()))
            }
            SyncDestination::Repository(_) | SyncDestination::Below(_) => {
                Err(Error::new(Code::Internal, "a registry is not a local destination"))
            }
        }
    }

    fn archive(&mut self, format: ArchiveFormat, path: &str) -> Result<ArchiveOfSeveral> {
        let archive = match self.archives.get(path) {
            Some(archive) => archive.clone(),
            None => {
                let archive = ArchiveOfSeveral::planned(Path::new(path), format, self.client.temporary_space())?;
                // Two paths of one file are one archive, which must not wait for its own lock.
                let known = self.archives.values().find(|known| known.identity() == archive.identity()).cloned();
                let archive = known.unwrap_or(archive);
                self.archives.entry(path.to_owned()).or_insert(archive).clone()
            }
        };
        match archive.form() == format {
            true => Ok(archive),
            false => {
                let (one, other) = (archive.form().transport(), format.transport());
                let message = format!("{} would be written both as {one}: and as {other}:", crate::text::shorten(path));
                Err(Error::new(Code::InvalidArgument, message))
            }
        }
    }

    /// Where the images of a repository go.
    fn destination(
        &mut self,
        destination: &SyncDestination,
        of: Option<&Repository>,
    ) -> Result<Arc<dyn DestinationRepository>> {
        let repository = match (destination, of) {
            (SyncDestination::Repository(repository), _) => repository.clone(),
            (SyncDestination::Below(prefix), Some(of)) => self.below(prefix, of)?,
            (SyncDestination::Below(_), None) => {
                return Err(Error::new(
                    Code::Internal,
                    "an image without a repository has no name below the destination",
                ))
            }
            (SyncDestination::Archive(ArchiveFormat::Docker, _, name), of) => {
                let name = name.as_ref().or(of).map(Repository::full_name);
                return Ok(Arc::new(LocalDestination::new(self.target(destination)?, name)));
            }
            (local, of) => {
                let name = of.filter(|_| self.is_below).map(Repository::full_name);
                return Ok(Arc::new(LocalDestination::new(self.target(local)?, name)));
            }
        };
        Ok(Arc::new(RegistryRepository::new(self.client.clone(), repository)))
    }

    /// The repository below a registry or a path, which is that of one source.
    fn below(&mut self, prefix: &str, of: &Repository) -> Result<Repository> {
        let found = SyncDestination::repository_below(prefix, of, self.scoped)?;
        let (place, source) = (found.full_name(), of.full_name());
        let first = self.by_last_word.entry(place.clone()).or_insert_with(|| source.clone());
        match *first == source {
            true => Ok(found),
            false => Err(names::both_below(&place, first, &source)),
        }
    }
}
