//! The end of a sync: what is written last is written, and then tags are taken away, if nothing failed until then.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use super::plan::{self, Doomed, ListedPair};
use super::report::{ImageState, SyncedImage};
use super::run::SyncJob;
use super::{DestinationRepository, Pair, Wanted};
use crate::call::Call;
use crate::error::{Code, Error, Result, Side};
use crate::mutex::{into_inner, lock};
use crate::store::condition::UnsetName;
use crate::transfer::workers::in_parallel;

/// DestinationTags to be taken away, each with the position of a pair.
type DestinationTags = Vec<(usize, String)>;

impl SyncJob<'_> {
    /// Nothing is taken away at a registry before all archives are there; and these are written whatever happens to another place.
    pub(super) fn end(&self) -> Result<()> {
        let Doomed { tags, spared } = match self.options.prune {
            true => plan::doomed(self.pairs, &self.listed),
            false => Doomed::default(),
        };
        self.mend()?;
        let (staying, others) = match self.prepare(tags) {
            Err(error) if self.is_over(self.call, &error) => return Err(error),
            // It ends the call, but not before what was brought is stored.
            Err(error) => return self.finish().and(Err(error)),
            Ok(prepared) => prepared,
        };
        // Of those too of which only names were taken away.
        self.mend()?;
        self.finish()?;
        let staying = staying.into_iter().chain(self.prune(others)?);
        let mut left: BTreeMap<String, usize> = BTreeMap::new();
        staying.for_each(|(at, _)| *left.entry(self.pairs[at].destination.place()).or_default() += 1);
        for (place, left) in left {
            let text = format!("{left} tags are not pruned, because {} failed", lock(&self.report).tags.failed);
            self.call.warn_of(&place, &text)?;
        }
        for at in spared.into_iter().filter(|at| self.listed[*at].is_some()) {
            let Pair { source, destination, .. } = &self.pairs[at];
            let text = format!("nothing is pruned, because no tag of {} is selected", source.place());
            self.call.warn_of(&destination.place(), &text)?;
        }
        self.tell_unpruned()
    }

    /// Everything before what is written last is written. Gives the tags that stay because something failed, and those that go later.
    fn prepare(&self, tags: DestinationTags) -> Result<(DestinationTags, DestinationTags)> {
        self.settle()?;
        let tags = self.few_enough(tags)?;
        let is_last = |(at, _): &(usize, String)| self.pairs[*at].destination.written_last().is_some();
        let (staged, others): (DestinationTags, DestinationTags) = tags.into_iter().partition(is_last);
        Ok((self.prune(staged)?, others))
    }

    /// Whether after an error nothing can be done any more.
    pub(super) fn is_over(&self, call: &Call, error: &Error) -> bool {
        let ends = matches!(error.code(), Code::Cancelled | Code::Closed | Code::Callback | Code::Forked);
        ends || call.check_quietly().is_err()
    }

    /// The tags that are to be taken away, if they are not more than may be.
    fn few_enough(&self, tags: DestinationTags) -> Result<DestinationTags> {
        let count = tags.len() as u64;
        match (self.options.max_prune, tags.first()) {
            (Some(most), Some((at, _))) if count > most => {
                let message =
                    format!("{count} tags would be pruned, and the option max_prune is {most}: nothing is pruned");
                let error = Error::new(Code::LimitExceeded, message).with_side(Side::Destination);
                self.fail(self.call, None, self.pairs[*at].destination.place(), error)?;
                Ok(DestinationTags::new())
            }
            _ => Ok(tags),
        }
    }

    /// Takes tags away, unless something failed. Gives those that stay for that.
    fn prune(&self, doomed: DestinationTags) -> Result<DestinationTags> {
        if lock(&self.report).tags.failed > 0 {
            return Ok(doomed);
        }
        let (harmed, together) = (Mutex::new(HashSet::new()), Mutex::new(Vec::new()));
        let pruned = in_parallel(self.call, self.width, &self.meter, doomed, |call, _, (at, tag)| {
            let to = &self.pairs[at].destination;
            match self.may_go(call, to.as_ref(), &tag) {
                Ok(()) if to.is_at_hand() => lock(&together).push((at, tag)),
                Ok(()) => {
                    let outcome = self.remove(call, at, std::slice::from_ref(&tag));
                    if !self.tell_pruned(call, at, vec![tag], outcome)? {
                        lock(&harmed).insert(to.identity());
                    }
                }
                Err(error) => self.fail(call, None, to.image(&tag), error)?,
            }
            Ok(())
        });
        let pruned = pruned.and_then(|()| self.prune_together(into_inner(together)));
        let restored = self.restore(&into_inner(harmed));
        pruned.and(restored).map(|()| DestinationTags::new())
    }

    /// Takes away what is in an index that is written anew for each change: all tags of a place at once.
    fn prune_together(&self, tags: DestinationTags) -> Result<()> {
        let mut places: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        for (at, tag) in tags {
            let place = self.pairs[at].destination.identity();
            places.entry(place).or_insert_with(|| (at, Vec::new())).1.push(tag);
        }
        for (at, tags) in places.into_values() {
            let outcome = self.remove(self.call, at, &tags);
            self.tell_pruned(self.call, at, tags, outcome)?;
        }
        Ok(())
    }

    /// Whether the sources say that they have nothing under a tag.
    fn may_go(&self, call: &Call, to: &dyn DestinationRepository, tag: &str) -> Result<()> {
        for pair in plan::to_be_asked(self.pairs, &self.listed, &to.identity(), tag) {
            if pair.source.has(call, tag).map_err(|error| error.with_side(Side::Source))? {
                let message = format!("{} has the tag {tag}, but did not list it", pair.source.place());
                return Err(Error::new(Code::Protocol, message).with_side(Side::Source));
            }
        }
        Ok(())
    }

    fn remove(&self, call: &Call, at: usize, tags: &[String]) -> Result<Vec<Result<()>>> {
        match self.options.dry_run {
            true => Ok(tags.iter().map(|_| Ok(())).collect()),
            false => self.pairs[at].destination.remove(call, tags).map_err(|error| error.with_side(Side::Destination)),
        }
    }

    /// Says what became of tags; whether all of them are gone.
    fn tell_pruned(&self, call: &Call, at: usize, tags: Vec<String>, outcome: Result<Vec<Result<()>>>) -> Result<bool> {
        let to = &self.pairs[at].destination;
        let outcomes = match outcome {
            Ok(outcomes) => outcomes,
            // One for all of them.
            Err(error) => return self.fail(call, None, to.place(), error).map(|()| false),
        };
        let mut is_done = true;
        for (tag, outcome) in tags.iter().zip(outcomes) {
            match outcome {
                Ok(()) => self.tell(call, SyncedImage::unmoved(None, to.image(tag), ImageState::Pruned))?,
                Err(error) => {
                    is_done = false;
                    self.fail(call, None, to.image(tag), error.with_side(Side::Destination))?;
                }
            }
        }
        Ok(is_done)
    }

    /// Brings again what is gone from places where something went wrong: a registry may have deleted a manifest with all its tags.
    fn restore(&self, harmed: &HashSet<String>) -> Result<()> {
        for (at, list) in self.listed.iter().enumerate() {
            let destination = &self.pairs[at].destination;
            let is_harmed = !destination.is_at_hand() && harmed.contains(&destination.identity());
            let Some(list) = list.as_ref().filter(|_| is_harmed) else { continue };
            let mut gone: HashSet<&str> = list.names.iter().map(String::as_str).collect();
            let mut is_there = |tag: &str| {
                gone.remove(tag);
            };
            match destination.tags(self.call, &|_| true, &mut is_there) {
                Ok(true) if !self.options.dry_run => {}
                Ok(_) => continue,
                Err(error) => {
                    self.fail(self.call, None, destination.place(), error.with_side(Side::Destination))?;
                    continue;
                }
            }
            let names: Vec<String> = gone.into_iter().filter(|name| !name.contains(':')).map(str::to_owned).collect();
            let again = ListedPair::default();
            in_parallel(self.call, self.width, &self.meter, names, |call, worker, name| {
                self.image(call, worker, at, &again, &name, None).map(drop)
            })?;
        }
        Ok(())
    }

    /// Of a place that does not say which tags it has, nothing can be pruned: the first push may have made it.
    fn tell_unpruned(&self) -> Result<()> {
        for (pair, list) in self.pairs.iter().zip(&self.listed) {
            let is_unknown = list.as_ref().is_some_and(|list| list.there.is_none());
            if !self.options.prune || !is_unknown || matches!(pair.wanted, Wanted::Exactly(_)) {
                continue;
            }
            let place = pair.destination.place();
            let message = format!("{place} does not list its tags: none can be pruned");
            let error = Error::new(Code::Forbidden, message).with_side(Side::Destination);
            self.fail(self.call, None, place, error)?;
        }
        Ok(())
    }

    /// Gives images the names that are written together. One that does not get its name was not brought.
    fn settle(&self) -> Result<()> {
        for pair in self.pairs {
            let unset = match pair.destination.settle(self.call) {
                Ok(unset) => unset,
                Err(error) => {
                    let place = pair.destination.place();
                    self.fail(self.call, None, place, error.with_side(Side::Destination))?;
                    continue;
                }
            };
            for UnsetName { image, why } in unset {
                let source = lock(&self.report).take_back(&image);
                match why {
                    Some(error) => self.fail(self.call, source, image, error.with_side(Side::Destination))?,
                    None => self.tell(self.call, SyncedImage::unmoved(source, image, ImageState::Skipped))?,
                }
            }
        }
        Ok(())
    }

    /// Writes what is written last. One place that cannot be written is a failure, and the others are still written.
    fn finish(&self) -> Result<()> {
        let mut last: HashMap<String, &Pair> = HashMap::new();
        for pair in self.pairs.iter().filter(|_| !self.options.dry_run) {
            if let Some(whole) = pair.destination.written_last() {
                last.entry(whole).or_insert(pair);
            }
        }
        let is_alone = last.len() == 1 && self.pairs.iter().all(|pair| pair.destination.written_last().is_some());
        let mut last: Vec<(String, &Pair)> = last.into_iter().collect();
        last.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (_, pair) in last {
            let finished = pair.destination.finish(self.call).map_err(|error| error.with_side(Side::Destination));
            match finished {
                Err(error) if !is_alone => {
                    let place = pair.destination.place();
                    let error = error.within(format!("none of the images copied to {place} is stored"));
                    self.fail(self.call, None, place, error)?;
                }
                finished => finished?,
            }
        }
        Ok(())
    }
}
