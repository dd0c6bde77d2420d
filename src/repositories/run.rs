//! A sync: lists, then each image for itself, several at once, and the removals last.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::{json, Value};

use super::listed_source::ListedSource;
use super::name_room::NameRoom;
use super::patience::PairPatience;
use super::plan::{self, Images, ListedPair};
use super::report::{CountedContents, ImageState, Report, Synced, SyncedImage};
use super::shared_store::{SeenAtDestination, SharedStore, Traffic};
use super::sync_options::SyncOptions;
use super::{DestinationRepository, Pair, UnopenedPair, Wanted};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::store::condition::NameOptions;
use crate::store::served_by::Senders;
use crate::store::unverified_answers::with_mirrors;
use crate::transfer::copy::{copy, Copied, CopyOptions};
use crate::transfer::meter::Meter;
use crate::transfer::workers::{in_parallel, width_of};

/// How many lists are held on their way at once.
const LISTS: usize = 8;
/// Brings every pair's images to their destinations. What cannot be opened is a failure. `names` are those of source and destination
/// for the result.
pub(crate) fn sync(
    call: &Call,
    (pairs, unopened): (Vec<Pair>, Vec<UnopenedPair>),
    (source, destination): (Option<String>, Option<String>),
    options: &SyncOptions,
) -> Result<Synced> {
    let copy = options.copy();
    copy.platforms()?;
    width_of(options.concurrency)?;
    let width = match usize::try_from(options.parallel) {
        Ok(width @ 1..=64) => width,
        _ => return Err(Error::new(Code::InvalidArgument, "the option parallel must be 1 to 64")),
    };
    if options.prune {
        pairs.iter().try_for_each(may_be_pruned)?;
    }
    let is_one = pairs.len() + unopened.len() == 1;
    call.begin("sync", None)?;
    let mut job = SyncJob {
        call,
        pairs: &pairs,
        places: places(&pairs, |destination| destination.identity()),
        holders: places(&pairs, |destination| destination.holder()),
        listed: Vec::new(),
        is_one,
        options,
        copy,
        width,
        meter: Arc::new(Meter::of_copies(width)),
        traffic: Traffic::default(),
        patience: PairPatience::of(&pairs),
        missing: Mutex::default(),
        report: Mutex::default(),
        left: Mutex::default(),
    };
    let outcome = job.run(unopened);
    pairs.iter().for_each(|pair| pair.destination.let_go(call));
    outcome?;
    let Report { tags, images, left_out, error, .. } = crate::mutex::into_inner(job.report);
    let blobs = job.meter.to_json();
    let (dry_run, images_left_out, served_by) = (options.dry_run, left_out, Senders::of(call));
    Ok(Synced { source, destination, dry_run, tags, blobs, images, images_left_out, error, served_by })
}

/// Whether what is meant says which tags may go.
fn may_be_pruned(pair: &Pair) -> Result<()> {
    match &pair.wanted {
        Wanted::Tags(filter) if filter.is_newest_of_all() => {
            let message =
                "prune with newest needs tags, tags_regex or semver as well, because any number counts as a version";
            let error = Error::new(Code::InvalidArgument, message);
            Err(error.with_hint("the options tags, tags_regex and semver select some of them"))
        }
        _ => Ok(()),
    }
}

/// For each pair the number of its destination: those that are one place, by what it is called, have one.
fn places(pairs: &[Pair], called: impl Fn(&dyn DestinationRepository) -> String) -> Vec<u32> {
    let mut numbers = HashMap::new();
    let number = |pair: &Pair| {
        let next = numbers.len() as u32;
        *numbers.entry(called(pair.destination.as_ref())).or_insert(next)
    };
    pairs.iter().map(number).collect()
}

/// An image that the destination has: the positions of its pair, and of its name in the pair's list.
pub(super) type LeftImage = (u32, u32);

pub(super) struct SyncJob<'a> {
    pub(super) call: &'a Call,
    pub(super) pairs: &'a [Pair],
    pub(super) places: Vec<u32>,
    /// The numbers of what has their blobs: of a layout or an archive all that goes there is one.
    holders: Vec<u32>,
    /// None of a pair whose lists cannot be had.
    pub(super) listed: Vec<Option<ListedPair>>,
    /// Whether there is one source alone: without it nothing is left to be done, and its error is that of the call.
    is_one: bool,
    pub(super) options: &'a SyncOptions,
    copy: CopyOptions,
    pub(super) width: usize,
    pub(super) meter: Arc<Meter>,
    traffic: Traffic,
    patience: PairPatience,
    /// The blobs that a rehearsal has found missing.
    missing: Mutex<CountedContents>,
    pub(super) report: Mutex<Report>,
    /// Of wholes that may be written anew.
    pub(super) left: Mutex<Vec<LeftImage>>,
}

/// What became of an image.
struct ImageOutcome {
    state: ImageState,
    digest: Option<Digest>,
    /// Those of its blobs, as in a copy; null where nothing was looked at.
    blobs: Value,
}

/// What a name refers to at the destination.
enum NameAtDestination {
    /// Nothing, or nobody has to know.
    Unknown,
    /// What the source has, or what is not replaced.
    Stays(Digest),
    /// Something else.
    Old(Digest),
}

impl ImageOutcome {
    fn skipped(digest: Option<Digest>) -> ImageOutcome {
        ImageOutcome { state: ImageState::Skipped, digest, blobs: Value::Null }
    }

    fn count(&self, key: &str) -> u64 {
        self.blobs[key].as_u64().unwrap_or_default()
    }
}

impl SyncJob<'_> {
    fn run(&mut self, unopened: Vec<UnopenedPair>) -> Result<()> {
        self.unopened(unopened)?;
        self.reserve()?;
        self.listed = self.lists()?;
        self.images()?;
        self.end()
    }

    /// Of what is written last, another call may write several too, in another order: in one order neither waits for the other for ever.
    fn reserve(&self) -> Result<()> {
        if self.options.dry_run {
            return Ok(());
        }
        let last = self.pairs.iter().filter_map(|pair| Some((pair.destination.written_last()?, &pair.destination)));
        for (_, place) in last.collect::<BTreeMap<_, _>>() {
            match place.reserve(self.call) {
                Err(error) if error.ends_call() => return Err(error.with_side(Side::Destination)),
                // What goes there will say it.
                _ => {}
            }
        }
        Ok(())
    }

    fn unopened(&self, pairs: Vec<UnopenedPair>) -> Result<()> {
        for UnopenedPair { source, destination, error } in pairs {
            match self.is_one {
                true => return Err(error),
                false => self.fail(self.call, Some(source), destination, error)?,
            }
        }
        Ok(())
    }

    fn lists(&self) -> Result<Vec<Option<ListedPair>>> {
        let listed: Mutex<Vec<Option<ListedPair>>> = Mutex::new(self.pairs.iter().map(|_| None).collect());
        let (room, all) = (NameRoom::default(), (0..self.pairs.len()).collect());
        in_parallel(self.call, self.width.min(LISTS), &self.meter, all, |call, _, at| {
            let pair = &self.pairs[at];
            match plan::list(call, pair, self.options.prune, &room) {
                Ok(list) => lock(&listed)[at] = Some(list),
                Err(error) if self.is_one => return Err(error),
                Err(error) => {
                    let (source, destination) = (pair.source.place(), pair.destination.place());
                    self.fail(call, Some(source), destination, error)?;
                }
            }
            Ok(())
        })?;
        Ok(crate::mutex::into_inner(listed))
    }

    fn images(&self) -> Result<()> {
        let Images { wanted, refused } = plan::images(self.pairs, &self.listed)?;
        lock(&self.report).tags.selected = (wanted.len() + refused.len()) as u64;
        for (at, name, error) in refused {
            let Pair { source, destination, .. } = &self.pairs[at];
            self.fail(self.call, Some(source.image(&name)), destination.image(&name), error)?;
        }
        in_parallel(self.call, self.width, &self.meter, wanted, |call, worker, (pair, name)| {
            let Some(list) = &self.listed[pair as usize] else { return Ok(()) };
            let state = self.image(call, worker, pair as usize, list, &list.names[name as usize], None)?;
            let is_left =
                state == ImageState::Skipped && self.pairs[pair as usize].destination.written_last().is_some();
            lock(&self.left).extend(is_left.then_some((pair, name)));
            Ok(())
        })
    }

    /// Brings an image, unless it is there; `exactly`: what is there is brought again.
    pub(super) fn image(
        &self,
        call: &Call,
        worker: usize,
        at: usize,
        list: &ListedPair,
        name: &str,
        exactly: Option<&Digest>,
    ) -> Result<ImageState> {
        let pair = &self.pairs[at];
        let (source, destination) = (Some(pair.source.image(name)), pair.destination.image(name));
        let outcome = match self.patience.end(at) {
            Some(error) => Err(error),
            None => {
                let outcome = self.bring(call, at, list, name, exactly);
                self.patience.learn(at, outcome.as_ref().err());
                outcome
            }
        };
        self.meter.add_copy(worker, outcome.as_ref().ok().map(|brought| &brought.blobs));
        match outcome {
            Ok(brought) => {
                let image = SyncedImage::unmoved(source, destination, brought.state);
                let (bytes, bytes_copied) = (brought.count("bytes"), brought.count("bytes_copied"));
                self.tell(call, SyncedImage { digest: brought.digest, bytes, bytes_copied, ..image })?;
                Ok(brought.state)
            }
            Err(error) => self.fail(call, source, destination, error).map(|()| ImageState::Failed),
        }
    }

    fn bring(
        &self,
        call: &Call,
        at: usize,
        list: &ListedPair,
        name: &str,
        exactly: Option<&Digest>,
    ) -> Result<ImageOutcome> {
        let pair = &self.pairs[at];
        let is_new = list.has(name) == Some(false);
        if self.options.no_clobber && exactly.is_none() && list.has(name) == Some(true) {
            return Ok(ImageOutcome::skipped(None));
        }
        // Only then one digest says it all.
        let is_whole = !self.options.referrers && self.options.platform.is_empty();
        let now = if is_new || !is_whole || exactly.is_some() {
            NameAtDestination::Unknown
        } else {
            self.now(call, pair, name)?
        };
        if let NameAtDestination::Stays(digest) = now {
            return Ok(ImageOutcome::skipped(Some(digest)));
        }
        let named = if pair.destination.is_at_hand() { pair.destination.look(call, name)? } else { None };
        let named = match named {
            Some(named) if pair.destination.is_complete(call, &named)? => Some(named.digest),
            _ => None,
        };
        let from = pair.source.open(name).map_err(|error| error.with_side(Side::Source))?;
        let from = ListedSource { from, exactly, digest_tags: list.digest_tags.as_ref() };
        let to = pair.destination.open(name, is_new).map_err(|error| error.with_side(Side::Destination))?;
        let traffic = pair.destination.puts_at_once().then_some(&self.traffic);
        let seen = self.seen(pair, name, is_new, now).into();
        let to = SharedStore { to, named, seen, destination: self.places[at], traffic };
        let mut options = self.copy.clone();
        if exactly.is_some() || name.parse::<Digest>().is_ok() {
            // A digest never refers to anything else.
            options.names = NameOptions::default();
        }
        let copied = copy(call, &from, &to, &options)?;
        Ok(self.brought(self.holders[at], copied))
    }

    /// With what a name is compared before it is set. A layout compares when it writes its names, for an archive other processes wait, and
    /// a digest never refers to anything else.
    fn seen(&self, pair: &Pair, name: &str, is_new: bool, now: NameAtDestination) -> SeenAtDestination {
        match now {
            NameAtDestination::Old(digest) => SeenAtDestination::Digest(digest),
            _ if pair.destination.is_at_hand() || self.options.dry_run => SeenAtDestination::Unknown,
            // What is there then stays in any case.
            _ if self.options.no_clobber || name.parse::<Digest>().is_ok() => SeenAtDestination::Unknown,
            _ if is_new => SeenAtDestination::Nothing,
            _ => SeenAtDestination::ToLearn,
        }
    }

    /// What the destination has under a name. It is asked first: where it has nothing, the copy finds out what the source has.
    fn now(&self, call: &Call, pair: &Pair, name: &str) -> Result<NameAtDestination> {
        let there = pair.destination.look(call, name).map_err(|error| error.with_side(Side::Destination))?;
        let Some(there) = there else { return Ok(NameAtDestination::Unknown) };
        if self.options.no_clobber {
            return Ok(NameAtDestination::Stays(there.digest));
        }
        let wanted = pair.source.look(call, name).map_err(|error| error.with_side(Side::Source))?;
        if wanted.digest == there.digest && pair.destination.is_complete(call, &there)? {
            return Ok(NameAtDestination::Stays(there.digest));
        }
        // A layout compares when it writes its names, and for an archive other processes wait.
        Ok(if pair.destination.is_at_hand() {
            NameAtDestination::Unknown
        } else {
            NameAtDestination::Old(there.digest)
        })
    }

    fn brought(&self, holder: u32, copied: Copied) -> ImageOutcome {
        // What refers to an image is always put again: it may be there from a call that failed before it was listed.
        let nothing = |counts: &Value, keys: &[&str]| keys.iter().all(|key| counts[*key] == json!(0));
        let is_old = !nothing(&copied.manifests, &["skipped"]) && nothing(&copied.blobs, &["copied", "mounted"]);
        let is_there = nothing(&copied.manifests, &["copied"]) || self.options.referrers && is_old;
        let is_there = is_there || !copied.skipped.is_empty();
        let state = if is_there { ImageState::Skipped } else { ImageState::Copied };
        let mut blobs = copied.blobs;
        if let Some(plan) = copied.plan {
            // What several images need is moved once.
            let missing = serde_json::from_value::<Vec<Descriptor>>(plan["blobs"].clone()).unwrap_or_default();
            let mut known = lock(&self.missing);
            let new: Vec<u64> =
                missing.iter().filter(|blob| known.add(holder, &blob.digest)).map(|blob| blob.size).collect();
            blobs["copied"] = new.len().into();
            blobs["skipped"] = (blobs["total"].as_u64().unwrap_or_default().saturating_sub(new.len() as u64)).into();
            blobs["bytes_copied"] = new.into_iter().fold(0, u64::saturating_add).into();
        }
        ImageOutcome { state, digest: Some(copied.digest), blobs }
    }

    /// Records a failure, unless it ends the call.
    pub(super) fn fail(&self, call: &Call, source: Option<String>, destination: String, error: Error) -> Result<()> {
        if self.is_over(call, &error) {
            return Err(error);
        }
        let error = with_mirrors(call, error);
        if self.options.stop_on_error {
            let name = source.unwrap_or(destination);
            return Err(error.within(name));
        }
        self.tell(call, SyncedImage::failed(source, destination, &error))
    }

    pub(super) fn tell(&self, call: &Call, image: SyncedImage) -> Result<()> {
        call.log(|| {
            json!({"event": "image", "source": image.source, "destination": image.destination, "state": image.state,
                   "digest": image.digest, "bytes": image.bytes, "bytes_copied": image.bytes_copied, "error": image.error})
        })?;
        lock(&self.report).add(image);
        Ok(())
    }
}
