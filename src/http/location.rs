//! A URL together with who named it: what may be connected to there, and what may go along, follows from that.

use url::Url;

use super::guard::Guard;
use super::origin::Origin;

/// A URL, and who named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    pub url: Url,
    pub guard: Guard,
}

impl Location {
    /// Whether a URL has its origin: the same scheme, host and port.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        Origin::of(&self.url).is_some_and(|home| Origin::of(url) == Some(home))
    }
}
