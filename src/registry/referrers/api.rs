//! The registry's own list of referrers (distribution-spec end-12a, end-12b).

use std::ops::ControlFlow;

use ::http::header::{HeaderMap, HeaderValue, ACCEPT, CONTENT_TYPE};
use ::http::StatusCode;
use serde_json::{Map, Value};

use super::api_support::{known_support, remember_support};
use super::collected::FoundReferrers;
use super::{Referrers, ReferrersSource};
use crate::auth::Reply;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::manifest::{Descriptor, Document};
use crate::media_type;
use crate::registry::list::cursor::{Cursor, PageFinder, RegistryList};
use crate::registry::list::page;
use crate::registry::list::pages;
use crate::registry::list::pages::{FetchedPage, Walk};
use crate::registry::repository::Remote;
use crate::resource::Resource;
use crate::statuses;
use crate::store::referrers_filter::ReferrersFilter;

pub(crate) fn api_of(remote: &Remote, subject: &Digest, filter: &ReferrersFilter) -> Result<RegistryList> {
    RegistryList::of(remote, Resource::Referrers(subject), filter.artifact_type.as_deref().unwrap_or_default())
}

/// Whether the registry lists referrers itself. Asks only when that is not known yet.
pub(crate) fn has_api(remote: &Remote, subject: &Digest) -> Result<bool> {
    match known_support(remote) {
        Some(known) => Ok(known),
        None => {
            let one = ReferrersFilter { max: Some(1), ..ReferrersFilter::default() };
            let list = api_of(remote, subject, &one)?;
            Ok(by_api(remote, subject, one, &list, None)?.is_some())
        }
    }
}

/// Returns None when the registry has no referrers API.
pub(crate) fn by_api(
    remote: &Remote,
    subject: &Digest,
    filter: ReferrersFilter,
    list: &RegistryList,
    cursor: Option<&Cursor>,
) -> Result<Option<Referrers>> {
    let what = format!("list the referrers of {}@{subject}", remote.full_name());
    let first = first_page(list, &filter, cursor)?;
    let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX))]);
    // A call that continues from a page knows that there is an API.
    let (mut has_api, mut pages) = (true, usize::from(cursor.is_some()));
    let open = |reply: Reply| match reply.response.status.as_u16() {
        status if pages == 0 && statuses::has_no_referrers_api(status) => {
            let error = remote.failure(reply, &what);
            has_api = false;
            if !is_about_name(&error) {
                remember_support(remote, false);
            }
            Ok(None)
        }
        _ => {
            pages += 1;
            remote.expect(reply, &[StatusCode::OK], &what).map(Some)
        }
    };
    let mut collector = Collector::new(remote, &what, list, filter, cursor);
    let walk = Walk { remote, scopes: &remote.scopes(&["pull"]), what: &what, headers: accept };
    walk.begin(first, open, |page| collector.take(page))?;
    if !has_api || collector.is_another_service {
        return Ok(None);
    }
    remember_support(remote, true);
    collector.found.finish(remote, subject, ReferrersSource::Api, collector.filters_applied).map(Some)
}

/// Collects referrers from the pages of the list.
struct Collector<'a> {
    remote: &'a Remote,
    what: &'a str,
    list: &'a RegistryList,
    found: FoundReferrers,
    filters_applied: Vec<String>,
    /// Finds the position on the first page where this call continues.
    finder: Option<PageFinder<'a>>,
    is_continued: bool,
    /// Something that does not support the API has responded with 200.
    is_another_service: bool,
}

impl<'a> Collector<'a> {
    fn new(
        remote: &'a Remote,
        what: &'a str,
        list: &'a RegistryList,
        filter: ReferrersFilter,
        cursor: Option<&'a Cursor>,
    ) -> Collector<'a> {
        Collector {
            remote,
            what,
            list,
            found: FoundReferrers::new(filter, cursor),
            filters_applied: Vec::new(),
            finder: cursor.and_then(PageFinder::new),
            is_continued: cursor.is_some(),
            is_another_service: false,
        }
    }

    /// Takes the wanted referrers of a page.
    fn take(&mut self, page: &FetchedPage) -> Result<ControlFlow<()>> {
        // Something that answers every path with 200, with a web page or other content, does not support this API.
        if !self.is_continued && page.is_first && !is_index(page) {
            self.is_another_service = true;
            // Something truncated may have been an index.
            if is_html(page) || serde_json::from_slice::<serde::de::IgnoredAny>(page.bytes).is_ok() {
                remember_support(self.remote, false);
            }
            return Ok(ControlFlow::Break(()));
        }
        let (what, response) = (self.what, page.response);
        let with_place = |error: Error| error.within(what).with_url(&response.url);
        let applied = applied(&response.headers);
        let skip = self.returned_before(page)?;
        self.found.passage.begin_page(skip);
        let rest = self.take_entries(page, applied.iter().any(|name| name.eq_ignore_ascii_case("artifactType")))?;
        check_index(rest, response.header(CONTENT_TYPE)).map_err(with_place)?;
        for name in applied {
            if !self.filters_applied.contains(&name) {
                self.filters_applied.push(name);
            }
        }
        self.found.end_page().map_err(with_place)?;
        if !self.found.is_full() {
            return Ok(ControlFlow::Continue(()));
        }
        let next = self.found.passage.cursor(self.list, page.asked, page.next);
        self.found.next = next.map_err(with_place)?;
        Ok(ControlFlow::Break(()))
    }

    /// How many elements of the first page an earlier call has returned.
    fn returned_before(&mut self, page: &FetchedPage) -> Result<u64> {
        let Some(mut finder) = self.finder.take() else { return Ok(0) };
        pages::elements(self.remote, page, self.what, "manifests", &mut |element| {
            finder.look(element["digest"].as_str().unwrap_or_default());
            Ok(())
        })?;
        Ok(finder.skip())
    }

    /// Takes the descriptors of a page, and returns the rest of it. `has_type`: the registry has filtered by type.
    fn take_entries(&mut self, page: &FetchedPage, has_type: bool) -> Result<Map<String, Value>> {
        let mut count = 0;
        pages::elements(self.remote, page, self.what, "manifests", &mut |element| {
            let entry = Descriptor::read(&element, &format!("manifests[{count}]"))
                .map_err(|error| no_index(error.message()))?;
            count += 1;
            self.found.take(entry, has_type)
        })
    }
}

fn first_page(list: &RegistryList, filter: &ReferrersFilter, cursor: Option<&Cursor>) -> Result<RequestTarget> {
    match cursor {
        Some(cursor) => cursor.target(list),
        None => Ok(list.target().with_pairs(filter.artifact_type.iter().map(|name| ("artifactType", name.as_str())))),
    }
}

/// Whether a refusal may be about the repository instead of the API: of that nothing follows for later.
fn is_about_name(error: &Error) -> bool {
    let names = ["NAME_UNKNOWN", "NAME_INVALID", "MANIFEST_UNKNOWN", "NOT_FOUND", "UNKNOWN"];
    error.registry_errors().iter().any(|error| names.contains(&error.code.as_str()))
}

/// Whether a page is meant as an index: by its media type, or as JSON with a list of manifests. A fault in it is then
/// an error.
fn is_index(page: &FetchedPage) -> bool {
    let content_type = page.response.header(CONTENT_TYPE).map(media_type::essence);
    if content_type.as_deref() == Some(media_type::OCI_INDEX) {
        return true;
    }
    let mut has_entries = false;
    let rest = page::read(page.bytes, "manifests", &mut |_| {
        has_entries = true;
        Err(no_index("only looked at"))
    });
    // A response that reports an error is not a page either, but an error.
    let says = |rest: &Map<String, Value>| {
        rest.contains_key("manifests")
            || rest.get("errors").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    };
    let has_list = has_entries || rest.is_ok_and(|rest| says(&rest));
    !is_html(page) && has_list
}

fn is_html(page: &FetchedPage) -> bool {
    page.response.header(CONTENT_TYPE).is_some_and(|name| media_type::essence(name) == "text/html")
}

/// The filters that the registry says it applied (`OCI-Filters-Applied`).
fn applied(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("oci-filters-applied").iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.take(16).map(crate::text::shorten).collect()
}

fn no_index(why: &str) -> Error {
    Error::new(Code::Protocol, format!("the response is not an image index: {why}"))
}

/// The rest of a page without its descriptors must be that of an index.
fn check_index(rest: Map<String, Value>, content_type: Option<&str>) -> Result<()> {
    let bytes = Value::Object(rest).to_string();
    let document = Document::parse(bytes.as_bytes(), content_type, Algorithm::Sha256);
    let document = document.map_err(|error| no_index(error.message()))?;
    match document.media_type == media_type::OCI_INDEX {
        true => Ok(()),
        false => Err(no_index(&format!("it is {}", document.media_type))),
    }
}
