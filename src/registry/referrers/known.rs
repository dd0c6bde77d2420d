//! Which registries have the referrers API, as far as a client knows.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::registry::repository::Remote;
use crate::sync::lock;

/// How long a repository is believed to have the API, or not: registries are upgraded while clients run.
const BELIEVED: Duration = Duration::from_secs(600);
/// How many repositories that is remembered of.
const MOST_REMEMBERED: usize = 10_000;

/// Which repositories' registries have the referrers API, and since when that is known.
#[derive(Default)]
struct KnownApis(Mutex<HashMap<String, (bool, Instant)>>);

/// Remembers whether a repository's registry has the referrers API.
pub(crate) fn remember(remote: &Remote, has_api: bool) {
    let known = remote.client.memory::<KnownApis>();
    let mut known = lock(&known.0);
    if known.len() >= MOST_REMEMBERED {
        known.clear();
    }
    known.insert(key(remote), (has_api, Instant::now()));
}

/// Whether a repository's registry has the referrers API, if that is known.
pub(crate) fn recall(remote: &Remote) -> Option<bool> {
    let known = lock(&remote.client.memory::<KnownApis>().0).get(&key(remote)).copied();
    known.filter(|(_, since)| since.elapsed() < BELIEVED).map(|(has_api, _)| has_api)
}

// A registry may differ by repository: a proxy for several registries may have the API only for some.
fn key(remote: &Remote) -> String {
    format!("{} {}", remote.account.base.url, remote.name)
}
