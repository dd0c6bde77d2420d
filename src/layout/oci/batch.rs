//! Names of many images that come to one layout: `index.json` is not written anew for each of them, but for a share of what is in it.
//!
//! Other processes may set names meanwhile. What they set stays: an image whose name they took is not brought.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{OciLayout, SeenNames};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::lock::Lock;
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::store::condition::{NameCondition, UnsetName};

/// The share: so many times the whole is written while it doubles, instead of once for each name.
const SHARE: usize = 64;
/// Names that have waited so long are written with the next thing that is done in the layout.
const LONGEST: Duration = Duration::from_secs(15);
/// About what an entry needs in `index.json`, besides its name, which it may have in two annotations.
const ENTRY: u64 = 400;

/// Names that are still to be written to a layout. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct IndexBatch(Arc<Mutex<WaitingNames>>);

/// An entry that waits.
#[derive(Debug)]
pub(super) struct WaitingName {
    /// What reports call the image that it is of.
    pub(super) image: String,
    pub(super) entry: Descriptor,
    /// If it does not hold by then, the name stays as it is.
    pub(super) condition: NameCondition,
    /// What the name may still refer to by then; None: anything.
    pub(super) seen: Option<Vec<Digest>>,
}

#[derive(Debug, Default)]
struct WaitingNames {
    names: Vec<WaitingName>,
    /// Since when the first of them has waited, or when they could last not be written.
    since: Option<Instant>,
    /// How many entries there were when the index was last written.
    written: usize,
    /// Against clean-ups: nothing names yet what waits.
    held: Option<Lock>,
    /// What was not set, until it is told.
    unset: Vec<UnsetName>,
}

impl IndexBatch {
    /// Adds the entries of an image; if there are many by now, they are written. If that fails, these do not wait any more.
    pub(super) fn add(&self, call: &Call, layout: &OciLayout, image: &str, new: Vec<WaitingName>) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let mut waiting = lock(&self.0);
        if waiting.held.is_none() {
            waiting.held = Some(Lock::shared(call, &layout.root.join("oci-layout"))?);
        }
        let before = waiting.names.len();
        waiting.names.extend(new);
        waiting.since.get_or_insert_with(Instant::now);
        if waiting.names.len() <= waiting.written / SHARE && !waiting.is_late() {
            return Ok(());
        }
        if let Err(error) = waiting.write(call, layout) {
            waiting.names.truncate(before);
            return Err(error);
        }
        let is_ours = |unset: &UnsetName| unset.image == image && unset.why.is_some();
        match waiting.unset.iter().position(is_ours) {
            Some(at) => waiting.unset.remove(at).why.map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    /// Refuses another image while nothing of it has been moved, if its name could not be written. None: the index has it already.
    pub(super) fn check_room(&self, layout: &OciLayout, name: Option<&str>) -> Result<()> {
        let now = fs::metadata(layout.root.join("index.json")).map_or(0, |found| found.len());
        let (waiting, entries) = {
            let all = lock(&self.0);
            let new = all.names.iter().map(WaitingName::growth).filter(|growth| *growth > 0).count();
            (all.names.iter().map(WaitingName::growth).sum::<u64>(), all.written + new + usize::from(name.is_some()))
        };
        let new = name.map_or(0, |name| ENTRY + 2 * name.len() as u64);
        layout.check_index(entries, now + waiting + new)
    }

    /// Writes what has waited too long. A failure is for later.
    pub(super) fn write_late(&self, call: &Call, layout: &OciLayout) {
        let mut waiting = lock(&self.0);
        if waiting.is_late() && waiting.write(call, layout).is_err() {
            waiting.since = Some(Instant::now());
        }
    }

    /// Writes what waits, for the last time, unless the call is over. Gives what was not set.
    pub(crate) fn settle(&self, call: &Call, layout: &OciLayout) -> Result<Vec<UnsetName>> {
        let mut waiting = lock(&self.0);
        if let Err(error) = waiting.write(call, layout) {
            if error.ends_call() || call.check_quietly().is_err() {
                return Err(error);
            }
            waiting.give_up(&error);
        }
        Ok(std::mem::take(&mut waiting.unset))
    }
}

impl WaitingName {
    /// How much longer it makes the index, at most.
    fn growth(&self) -> u64 {
        match &self.seen {
            Some(seen) if !seen.is_empty() => 0,
            _ => serde_json::to_vec(&self.entry).map_or(ENTRY, |text| text.len() as u64 + 1),
        }
    }

    /// Whether its name may be set; else what becomes of it.
    fn look(&self, there: &SeenNames) -> std::result::Result<(), UnsetName> {
        let Some(name) = index::name_of(&self.entry) else { return Ok(()) };
        let now = there.of_name(name);
        let Some(last) = now.last() else { return Ok(()) };
        let unset = |why| UnsetName { image: self.image.clone(), why };
        if self.condition != NameCondition::None {
            return Err(unset(None));
        }
        let is_known = |seen: &Vec<Digest>| now.iter().any(|now| *now == self.entry.digest || seen.contains(now));
        if self.seen.as_ref().is_none_or(is_known) {
            return Ok(());
        }
        let message = format!("'{name}' was changed by another process since it was looked up, and stays as it is");
        let error = Error::new(Code::DigestMismatch, message).with_conflict(name, Some(last.as_str()));
        Err(unset(Some(error.with_hint("sync again: then it is looked up again"))))
    }
}

impl WaitingNames {
    fn is_late(&self) -> bool {
        !self.names.is_empty() && self.since.is_some_and(|since| since.elapsed() > LONGEST)
    }

    fn write(&mut self, call: &Call, layout: &OciLayout) -> Result<()> {
        if self.names.is_empty() {
            return Ok(());
        }
        let (mut written, mut unset) = (0, Vec::new());
        layout.change_index(call, |entries| {
            let there = SeenNames::of(entries);
            let (mut new, mut left) = (Vec::new(), Vec::new());
            for waiting in &self.names {
                match waiting.look(&there) {
                    Ok(()) => new.push(waiting.entry.clone()),
                    Err(one) => left.push(one),
                }
            }
            index::add_all(entries, new.clone());
            // Of two that wait for one name, the first may be about another manifest.
            layout.keep_referrers(call, &new, entries)?;
            (written, unset) = (entries.len(), left);
            Ok(())
        })?;
        self.unset.append(&mut unset);
        *self = WaitingNames { written, unset: std::mem::take(&mut self.unset), ..WaitingNames::default() };
        Ok(())
    }

    /// No image whose name could not be written was brought.
    fn give_up(&mut self, error: &Error) {
        self.names.dedup_by(|one, other| one.image == other.image);
        let why = |name: &str| Error::new(error.code(), format!("{name} is not set: {}", error.message()));
        let unset = self.names.drain(..).map(|name| UnsetName { why: Some(why(&name.image)), image: name.image });
        self.unset.extend(unset);
        (self.held, self.since) = (None, None);
    }
}
