//! The referrers of a manifest: signatures, attestations and everything else that names it as its subject
//! (distribution-spec end-12a, end-12b, "Listing Referrers"), from the API or, where there is none, from the referrers
//! tag.

pub(crate) mod api;
mod api_support;
pub(crate) mod collected;
pub(crate) mod fallback_tag;

pub(crate) use api::has_api;
pub(crate) use api_support::{known_support, remember_support};

use serde::Serialize;

use crate::digest::Digest;
use crate::error::Result;
use crate::manifest::Descriptor;
use crate::options::options;
use crate::store::referrers_filter::ReferrersFilter;

options! {
    /// Options of [`crate::registry::Client::referrers`].
    #[derive(Debug, Clone)]
    pub struct ReferrersOptions {
        /// only those of this type; requested from the registry, and filtered here unless it says that it did
        pub artifact_type: Option<String>,
        /// "KEY" or "KEY=VALUE": only those that have all of them
        pub annotations: Vec<String>,
        /// at most this many
        pub max: Option<u64>,
        /// go on where the call with this `next` stopped, of the same digest and artifact_type
        pub next: Option<String>,
    }
}

impl ReferrersOptions {
    pub(crate) fn filter(&self) -> Result<ReferrersFilter> {
        ReferrersFilter::new(self.artifact_type.as_deref(), &self.annotations, self.max)
    }
}

/// Where a list of referrers is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReferrersSource {
    /// The registry's own list.
    Api,
    /// An index under the referrers tag.
    Tag,
    /// What a layout, an archive or a directory holds.
    Index,
    /// The registry has neither: there are no referrers.
    None,
}

/// The referrers of a manifest.
#[derive(Debug, Serialize)]
pub struct Referrers {
    /// The manifest's digest.
    pub subject: Digest,
    /// The referrers, without duplicates, in the registry's order.
    pub referrers: Vec<Descriptor>,
    /// Where the list comes from.
    pub source: ReferrersSource,
    /// The host that told them, `HOST[:PORT]`: the registry or a mirror; None when they are in no registry.
    pub served_by: Option<String>,
    /// The host that said what the tag refers to, if it was named by one.
    pub resolved_by: Vec<String>,
    /// The filters that the registry applied; the others are applied here.
    pub filters_applied: Vec<String>,
    /// Whether there are more than `max`.
    pub truncated: bool,
    /// Where the next call continues, if there are more.
    pub next: Option<String>,
}
