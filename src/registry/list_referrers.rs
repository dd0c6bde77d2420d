//! Listing the referrers of a manifest, from wherever the list is.

use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::reference::Reference;
use crate::registry::endpoints::{EndpointUse, Turn};
use crate::registry::list::cursor::{AskedPage, Cursor, PageFinder, RegistryList};
use crate::registry::manifest::HeadOptions;
use crate::registry::referrers::api::{api_of, by_api};
use crate::registry::referrers::collected::FoundReferrers;
use crate::registry::referrers::fallback_tag::{self, UnderTag};
use crate::registry::referrers::known_support;
use crate::registry::referrers::{Referrers, ReferrersOptions, ReferrersSource};
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::store::referrers_filter::ReferrersFilter;

impl Client {
    /// The referrers of a manifest. A tag is resolved first.
    pub fn referrers(&self, call: &Call, reference: &Reference, options: &ReferrersOptions) -> Result<Referrers> {
        let filter = options.filter()?;
        let (subject, resolved_by) = match reference.digest() {
            Some(digest) => (digest.clone(), None),
            None => {
                let head = self.head_manifest(call, reference, &HeadOptions::default())?;
                (head.digest, head.served_by)
            }
        };
        let turn = Turn::new(self, call, reference.repository(), EndpointUse::Referrers)?;
        let next = options.next.as_deref();
        let list = |remote: &Remote| list(remote, &subject, &filter, next);
        let found = match next {
            Some(text) => list(&turn.at_beginner(Cursor::beginner(text).as_deref())?),
            // A mirror that has the manifest need not know what refers to it: that it knows nothing says nothing.
            None => turn.first(list, |found| found.referrers.is_empty()),
        }?;
        Ok(Referrers { resolved_by: resolved_by.into_iter().collect(), ..found })
    }
}

impl Remote {
    /// The referrers of a manifest, as this endpoint lists them, whatever others do.
    pub(crate) fn referrers(&self, subject: &Digest, options: &ReferrersOptions) -> Result<Referrers> {
        list(self, subject, &options.filter()?, options.next.as_deref())
    }
}

/// The referrers at one endpoint.
fn list(remote: &Remote, subject: &Digest, filter: &ReferrersFilter, next: Option<&str>) -> Result<Referrers> {
    let api = api_of(remote, subject, filter)?;
    let tag = RegistryList::of(remote, Resource::Manifest(&fallback_tag::tag_of(subject)), "")?;
    let cursor = next.map(|text| Cursor::parse(text, &[&api, &tag])).transpose()?;
    let is_api = match &cursor {
        Some(cursor) => cursor.list == api.id,
        None => known_support(remote) != Some(false),
    };
    if is_api {
        if let Some(found) = by_api(remote, subject, filter.clone(), &api, cursor.as_ref())? {
            return Ok(found);
        }
    }
    if !remote.by_tag {
        return FoundReferrers::new(filter.clone(), None).finish(remote, subject, ReferrersSource::None, Vec::new());
    }
    by_tag(remote, subject, filter.clone(), &tag, cursor.as_ref())
}

fn by_tag(
    remote: &Remote,
    subject: &Digest,
    filter: ReferrersFilter,
    list: &RegistryList,
    cursor: Option<&Cursor>,
) -> Result<Referrers> {
    let mut found = FoundReferrers::new(filter, cursor);
    // Anything other than a list contains no referrers.
    let UnderTag::List(tagged) = fallback_tag::tagged(remote, subject, &["pull"])? else {
        return found.finish(remote, subject, ReferrersSource::None, Vec::new());
    };
    if let Some(mut finder) = cursor.and_then(PageFinder::new) {
        tagged.entries.iter().for_each(|entry| finder.look(entry.digest.as_str()));
        found.passage.begin_page(finder.skip());
    }
    for entry in tagged.entries {
        found.take(entry, false)?;
    }
    found.next = found.passage.cursor(list, AskedPage::at(&list.url), None)?;
    found.finish(remote, subject, ReferrersSource::Tag, Vec::new())
}
