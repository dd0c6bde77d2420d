//! Which registries have the referrers API, as far as a client knows.

use crate::registry::repository::facts::RepositoryFacts;
use crate::registry::repository::Remote;

#[derive(Default)]
struct ApiSupport(RepositoryFacts<bool>);

/// Remembers whether a repository's registry has the referrers API.
pub(crate) fn remember_support(remote: &Remote, has_api: bool) {
    remote.client.memory::<ApiSupport>().0.remember(remote, has_api);
}

/// Whether a repository's registry has the referrers API, if that is known.
pub(crate) fn known_support(remote: &Remote) -> Option<bool> {
    remote.client.memory::<ApiSupport>().0.recall(remote)
}
