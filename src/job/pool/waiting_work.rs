//! The work that waits for a thread, in its order, and for which hosts there is some.

use std::collections::{HashMap, VecDeque};

use super::Waiting;

/// From how many entries on the queue is searched for those that are no longer wanted.
const FEW: usize = 64;

#[derive(Default)]
pub(super) struct WaitingWork {
    entries: VecDeque<Waiting>,
    /// How many entries there are for each set of hosts.
    hosts: HashMap<Vec<String>, usize>,
}

impl WaitingWork {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn enqueue(&mut self, work: Waiting) {
        if self.len() >= FEW && self.len().is_power_of_two() {
            self.drop_unwanted();
        }
        self.count(&work);
        self.entries.push_back(work);
    }

    pub(super) fn enqueue_first(&mut self, work: Waiting) {
        self.count(&work);
        self.entries.push_front(work);
    }

    pub(super) fn dequeue(&mut self) -> Option<Waiting> {
        self.entries.pop_front().inspect(|work| discount(&mut self.hosts, work))
    }

    pub(super) fn withdraw_last(&mut self) {
        self.entries.pop_back().iter().for_each(|work| discount(&mut self.hosts, work));
    }

    /// Whether there is an entry, wanted or not, for hosts only of which this is so.
    pub(super) fn has_for(&self, is_so: impl Fn(&str) -> bool) -> bool {
        self.hosts.keys().any(|hosts| hosts.iter().all(|host| is_so(host)))
    }

    /// The first such entry that is wanted. When there is none, there are none that are not wanted either.
    pub(super) fn dequeue_for(&mut self, is_so: impl Fn(&str) -> bool) -> Option<Waiting> {
        if !self.has_for(&is_so) {
            return None;
        }
        let is_meant = |work: &Waiting| work.hosts().iter().all(|host| is_so(host)) && work.is_wanted();
        let Some(position) = self.entries.iter().position(is_meant) else {
            self.drop_unwanted();
            return None;
        };
        self.entries.remove(position).inspect(|work| discount(&mut self.hosts, work))
    }

    fn drop_unwanted(&mut self) {
        let WaitingWork { entries, hosts } = self;
        entries.retain(|work| {
            let is_wanted = work.is_wanted();
            if !is_wanted {
                discount(hosts, work);
            }
            is_wanted
        });
    }

    fn count(&mut self, work: &Waiting) {
        match self.hosts.get_mut(work.hosts()) {
            Some(count) => *count += 1,
            None => drop(self.hosts.insert(work.hosts().to_vec(), 1)),
        }
    }
}

fn discount(hosts: &mut HashMap<Vec<String>, usize>, work: &Waiting) {
    if let Some(count) = hosts.get_mut(work.hosts()) {
        *count -= 1;
        if *count == 0 {
            hosts.remove(work.hosts());
        }
    }
}
