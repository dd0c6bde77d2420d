//! Which registries have the referrers API, as far as a client knows.

use crate::registry::known::Known;
use crate::registry::repository::Remote;

#[derive(Default)]
struct KnownApis(Known<bool>);

/// Remembers whether a repository's registry has the referrers API.
pub(crate) fn remember(remote: &Remote, has_api: bool) {
    remote.client.memory::<KnownApis>().0.remember(remote, has_api);
}

/// Whether a repository's registry has the referrers API, if that is known.
pub(crate) fn recall(remote: &Remote) -> Option<bool> {
    remote.client.memory::<KnownApis>().0.recall(remote)
}
