//! What a client has found out about registries, and believes for a while: they are upgraded while clients run.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::mutex::lock;
use crate::registry::repository::Remote;

/// How long it is believed.
const BELIEVED: Duration = Duration::from_secs(600);
/// How many repositories that is remembered of.
const MOST_REMEMBERED: usize = 10_000;

/// Facts about repositories, and since when each is known. A registry may differ by repository: a proxy for several registries may
/// have an ability only for some.
#[derive(Debug)]
pub(crate) struct RepositoryFacts<T>(Mutex<HashMap<String, (T, Instant)>>);

impl<T> Default for RepositoryFacts<T> {
    fn default() -> RepositoryFacts<T> {
        RepositoryFacts(Mutex::default())
    }
}

impl<T: Clone> RepositoryFacts<T> {
    pub(crate) fn remember(&self, remote: &Remote, fact: T) {
        let mut known = lock(&self.0);
        if known.len() >= MOST_REMEMBERED {
            known.clear();
        }
        known.insert(key(remote), (fact, Instant::now()));
    }

    pub(crate) fn recall(&self, remote: &Remote) -> Option<T> {
        let known = lock(&self.0).get(&key(remote)).cloned();
        known.filter(|(_, since)| since.elapsed() < BELIEVED).map(|(fact, _)| fact)
    }
}

fn key(remote: &Remote) -> String {
    format!("{} {}", remote.account.base.url, remote.name)
}
