//! Names of many images that come to one layout: `index.json` is not written anew for each of them, but for a share of what is in it.

use std::collections::HashSet;
use std::fs;
use std::sync::{Arc, Mutex};

use super::OciLayout;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::lock::Lock;
use crate::manifest::{Descriptor, MOST_BYTES};
use crate::store::condition::NameCondition;
use crate::sync::lock;

/// The share: so many times the whole is written while it doubles, instead of once for each name.
const SHARE: usize = 64;
/// About what an entry needs in `index.json`.
const ENTRY: u64 = 600;

/// Names that are still to be written to a layout. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct IndexBatch(Arc<Mutex<WaitingNames>>);

#[derive(Debug, Default)]
struct WaitingNames {
    entries: Vec<(Descriptor, NameCondition)>,
    /// How many entries there were when the index was last written.
    written: usize,
    /// Against clean-ups: nothing names yet what waits.
    held: Option<Lock>,
}

impl IndexBatch {
    /// Adds an entry; if there are many by now, they are written. A condition that does not hold by then leaves the name as it is.
    pub(super) fn add(
        &self,
        call: &Call,
        layout: &OciLayout,
        entry: Descriptor,
        condition: NameCondition,
    ) -> Result<()> {
        let mut waiting = lock(&self.0);
        if waiting.held.is_none() {
            waiting.held = Some(Lock::shared(call, &layout.root.join("oci-layout"))?);
        }
        waiting.entries.push((entry, condition));
        match waiting.entries.len() > waiting.written / SHARE {
            true => waiting.write(call, layout),
            false => Ok(()),
        }
    }

    /// Refuses another image while nothing of it has been moved, if its name could not be written.
    pub(super) fn check_room(&self, layout: &OciLayout) -> Result<()> {
        let now = fs::metadata(layout.root.join("index.json")).map_or(0, |found| found.len());
        let waiting = lock(&self.0).entries.len() as u64;
        match now + (waiting + 1) * ENTRY > MOST_BYTES {
            true => Err(Error::new(
                Code::LimitExceeded,
                format!("the index.json of {} would have more than {MOST_BYTES} bytes", layout.root.display()),
            )),
            false => Ok(()),
        }
    }

    /// Writes what waits.
    pub fn write(&self, call: &Call, layout: &OciLayout) -> Result<()> {
        lock(&self.0).write(call, layout)
    }
}

impl WaitingNames {
    fn write(&mut self, call: &Call, layout: &OciLayout) -> Result<()> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let mut written = 0;
        layout.change_index(call, |entries| {
            let new = self.allowed(entries);
            index::add_all(entries, new);
            written = entries.len();
            Ok(())
        })?;
        *self = WaitingNames { written, ..WaitingNames::default() };
        Ok(())
    }

    fn allowed(&self, entries: &[Descriptor]) -> Vec<Descriptor> {
        let is_free = |condition: &NameCondition| *condition == NameCondition::None;
        let known: HashSet<String> = match self.entries.iter().all(|(_, condition)| is_free(condition)) {
            true => HashSet::new(),
            false => entries.iter().filter_map(index::key_of).collect(),
        };
        let is_there = |entry: &Descriptor| index::key_of(entry).is_some_and(|key| known.contains(&key));
        let allowed = self.entries.iter().filter(|(entry, condition)| is_free(condition) || !is_there(entry));
        allowed.map(|(entry, _)| entry.clone()).collect()
    }
}
