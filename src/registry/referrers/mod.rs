//! The referrers of a manifest: signatures, attestations and everything else that names it as its subject
//! (distribution-spec end-12a, end-12b, "Listing Referrers"), from the API or, where there is none, from the referrers
//! tag.

pub mod fallback_tag;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ::http::header::{HeaderMap, HeaderValue, ACCEPT, CONTENT_TYPE};
use ::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::auth::Reply;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::http::location::RequestTarget;
use crate::manifest::{Descriptor, Document};
use crate::media_type;
use crate::options::options;
use crate::reference::Reference;
use crate::registry::list::cursor::{AskedPage, Cursor, Finder, List, Passage};
use crate::registry::list::name_list::NameSet;
use crate::registry::list::page;
use crate::registry::list::pages;
use crate::registry::list::pages::{FetchedPage, Walk};
use crate::registry::lock;
use crate::registry::manifest::HeadOptions;
use crate::registry::referrers::fallback_tag::Tagged;
use crate::registry::repository::Remote;
use crate::registry::Client;
use crate::resource::Resource;
use crate::statuses;

/// More referrers than any manifest should have.
const MOST_REFERRERS: usize = 100_000;
/// How long a repository is believed to have the API, or not: registries are upgraded while clients run.
const BELIEVED: Duration = Duration::from_secs(600);
/// How many repositories that is remembered of.
const MOST_REMEMBERED: usize = 10_000;

options! {
    /// Options of [`Client::referrers`].
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

/// Where a list of referrers is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The registry's own list.
    Api,
    /// An index under the referrers tag.
    Tag,
    /// Nowhere.
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
    pub source: Source,
    /// The filters that the registry applied; the others are applied here.
    pub filters_applied: Vec<String>,
    /// Whether there are more than `max`.
    pub truncated: bool,
    /// Where the next call continues, if there are more.
    pub next: Option<String>,
}

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

impl Client {
    /// The referrers of a manifest. A tag is resolved first.
    pub fn referrers(&self, call: &Call, reference: &Reference, options: &ReferrersOptions) -> Result<Referrers> {
        let filter = Filter::new(options)?;
        let subject = match reference.digest() {
            Some(digest) => digest.clone(),
            None => self.head_manifest(call, reference, &HeadOptions::default())?.digest,
        };
        let remote = Remote::repository(self, call, reference.repository())?;
        let api = api_of(&remote, &subject, &filter)?;
        let tag = List::of(&remote, Resource::Manifest(&fallback_tag::tag_of(&subject)), "")?;
        let cursor = options.next.as_deref().map(|text| Cursor::parse(text, &[&api, &tag])).transpose()?;
        let is_api = match &cursor {
            Some(cursor) => cursor.list == api.id,
            None => recall(&remote) != Some(false),
        };
        if is_api {
            if let Some(found) = by_api(&remote, &subject, filter.clone(), &api, cursor.as_ref())? {
                return Ok(found);
            }
        }
        by_tag(&remote, &subject, filter, &tag, cursor.as_ref())
    }
}

fn api_of(remote: &Remote, subject: &Digest, filter: &Filter) -> Result<List> {
    List::of(remote, Resource::Referrers(subject), filter.artifact_type.as_deref().unwrap_or_default())
}

/// Whether the registry lists referrers itself. Asks only when that is not known yet.
pub fn has_api(remote: &Remote, subject: &Digest) -> Result<bool> {
    match recall(remote) {
        Some(known) => Ok(known),
        None => {
            let one = Filter { max: Some(1), ..Filter::default() };
            let list = api_of(remote, subject, &one)?;
            Ok(by_api(remote, subject, one, &list, None)?.is_some())
        }
    }
}

/// None when the registry has no referrers API.
fn by_api(
    remote: &Remote,
    subject: &Digest,
    filter: Filter,
    list: &List,
    cursor: Option<&Cursor>,
) -> Result<Option<Referrers>> {
    let what = format!("list the referrers of {}@{subject}", remote.place());
    let first = first_page(list, &filter, cursor)?;
    let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX))]);
    let (mut found, mut filters_applied) = (FoundReferrers::new(filter, cursor), Vec::new());
    // A call that continues from a page knows that there is an API.
    let (mut has_api, mut pages) = (None, usize::from(cursor.is_some()));
    let mut finder = cursor.and_then(Finder::new);
    let mut is_other = false;
    let open = |reply: Reply| match reply.answer.status.as_u16() {
        status if pages == 0 && statuses::has_no_referrers_api(status) => {
            let error = remote.failure(reply, &what);
            has_api = Some(false);
            if !is_about_name(&error) {
                remember(remote, false);
            }
            Ok(None)
        }
        _ => {
            pages += 1;
            remote.expect(reply, &[StatusCode::OK], &what).map(Some)
        }
    };
    let walk = Walk { remote, scopes: &remote.scopes(&["pull"]), what: &what, headers: accept };
    walk.begin(first, open, |page| {
        // Something that answers every path with 200, with a web page or other content, does not support this API.
        if cursor.is_none() && page.is_first && !is_index(page) {
            is_other = true;
            // Something truncated may have been an index.
            if is_html(page) || serde_json::from_slice::<serde::de::IgnoredAny>(page.bytes).is_ok() {
                remember(remote, false);
            }
            return Ok(ControlFlow::Break(()));
        }
        let (answer, applied) = (page.answer, applied(&page.answer.headers));
        let has_type = applied.iter().any(|name| name.eq_ignore_ascii_case("artifactType"));
        found.passage.begin_page(match finder.take() {
            Some(mut finder) => {
                pages::elements(remote, page, &what, "manifests", &mut |element| {
                    finder.look(element["digest"].as_str().unwrap_or_default());
                    Ok(())
                })?;
                finder.skip()
            }
            None => 0,
        });
        let mut count = 0;
        let rest = pages::elements(remote, page, &what, "manifests", &mut |element| {
            let entry = Descriptor::read(&element, &format!("manifests[{count}]"))
                .map_err(|error| no_index(error.message()))?;
            count += 1;
            check(&entry)?;
            found.take(entry, has_type)
        })?;
        check_index(rest, answer.header(CONTENT_TYPE)).map_err(|error| error.within(&what).with_url(&answer.url))?;
        for name in applied {
            if !filters_applied.contains(&name) {
                filters_applied.push(name);
            }
        }
        if !found.is_full() {
            return Ok(ControlFlow::Continue(()));
        }
        let place = found.passage.cursor(list, page.asked, page.next);
        found.next = place.map_err(|error| error.within(&what).with_url(&answer.url))?;
        Ok(ControlFlow::Break(()))
    })?;
    if has_api == Some(false) {
        return Ok(None);
    }
    if is_other {
        return Ok(None);
    }
    remember(remote, true);
    found.finish(subject, Source::Api, filters_applied).map(Some)
}

fn first_page(list: &List, filter: &Filter, cursor: Option<&Cursor>) -> Result<RequestTarget> {
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
    let content_type = page.answer.header(CONTENT_TYPE).map(media_type::essence);
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
    page.answer.header(CONTENT_TYPE).is_some_and(|name| media_type::essence(name) == "text/html")
}

/// The filters that the registry says it applied (`OCI-Filters-Applied`).
fn applied(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all("oci-filters-applied").iter().filter_map(|value| value.to_str().ok());
    let names = values.flat_map(|value| value.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.take(16).map(crate::text::shorten).collect()
}

fn by_tag(
    remote: &Remote,
    subject: &Digest,
    filter: Filter,
    list: &List,
    cursor: Option<&Cursor>,
) -> Result<Referrers> {
    let mut found = FoundReferrers::new(filter, cursor);
    // Something other than a list lists nothing.
    let Tagged::List(tagged) = fallback_tag::tagged(remote, subject, &["pull"])? else {
        return found.finish(subject, Source::None, Vec::new());
    };
    if let Some(mut finder) = cursor.and_then(Finder::new) {
        tagged.entries.iter().for_each(|entry| finder.look(entry.digest.as_str()));
        found.passage.begin_page(finder.skip());
    }
    for entry in tagged.entries {
        check(&entry)?;
        found.take(entry, false)?;
    }
    found.next = found.passage.cursor(list, AskedPage::at(&list.url), None)?;
    found.finish(subject, Source::Tag, Vec::new())
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

fn check(entry: &Descriptor) -> Result<()> {
    if entry.media_type.is_empty() {
        return Err(Error::new(Code::Protocol, format!("the referrer {} has no media type", entry.digest)));
    }
    let is_text = |value: &Value| value.is_string() || value.is_null();
    match entry.annotations.as_ref().is_none_or(|annotations| annotations.values().all(is_text)) {
        true => Ok(()),
        false => {
            let message = format!("the referrer {} has an annotation that is not a string", entry.digest);
            Err(Error::new(Code::Protocol, message))
        }
    }
}

/// The caller's filter.
#[derive(Debug, Clone, Default)]
struct Filter {
    artifact_type: Option<String>,
    annotations: Vec<(String, Option<String>)>,
    max: Option<usize>,
}

impl Filter {
    fn new(options: &ReferrersOptions) -> Result<Filter> {
        let invalid = |message: &str| Err(Error::new(Code::InvalidArgument, message));
        if options.max == Some(0) {
            return invalid("the option max must be more than 0");
        }
        if options.artifact_type.as_deref() == Some("") {
            return invalid("the option artifact_type is empty");
        }
        let pairs = options.annotations.iter().map(|text| match text.split_once('=') {
            Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
            None => (text.clone(), None),
        });
        let annotations: Vec<_> = pairs.collect();
        if annotations.iter().any(|(key, _)| key.is_empty()) {
            return invalid("the option annotations contains one without a name");
        }
        let max = options.max.map(|max| usize::try_from(max).unwrap_or(usize::MAX));
        Ok(Filter { artifact_type: options.artifact_type.clone(), annotations, max })
    }

    fn lets_pass(&self, entry: &Descriptor, has_type: bool) -> bool {
        let typed = has_type || self.artifact_type.is_none() || entry.artifact_type == self.artifact_type;
        let value = |key: &String| entry.annotations.as_ref().and_then(|annotations| annotations.get(key));
        typed
            && self.annotations.iter().all(|(key, wanted)| match (value(key), wanted) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(found), Some(wanted)) => found == wanted.as_str(),
            })
    }
}

/// What has been found so far.
struct FoundReferrers {
    filter: Filter,
    passage: Passage,
    seen: NameSet,
    referrers: Vec<Descriptor>,
    next: Option<Cursor>,
}

impl FoundReferrers {
    fn new(filter: Filter, cursor: Option<&Cursor>) -> FoundReferrers {
        let passage = Passage::new(cursor);
        FoundReferrers { filter, passage, seen: NameSet::default(), referrers: Vec::new(), next: None }
    }

    /// Takes one that passes; `has_type` means that the registry has filtered by artifact type.
    fn take(&mut self, entry: Descriptor, has_type: bool) -> Result<()> {
        let FoundReferrers { filter, passage, seen, referrers, .. } = self;
        let digest = entry.digest.clone();
        passage.pass(digest.as_str(), || {
            if !filter.lets_pass(&entry, has_type) || seen.has(digest.as_str()) {
                return Ok(true);
            }
            if filter.max.is_some_and(|max| referrers.len() >= max) {
                return Ok(false);
            }
            if referrers.len() >= MOST_REFERRERS {
                let message = format!("the manifest has more than {MOST_REFERRERS} referrers");
                return Err(Error::new(Code::LimitExceeded, message));
            }
            seen.add(digest.as_str())?;
            referrers.push(entry);
            Ok(true)
        })
    }

    fn is_full(&self) -> bool {
        self.filter.max.is_some_and(|max| self.referrers.len() >= max)
    }

    fn finish(self, subject: &Digest, source: Source, filters_applied: Vec<String>) -> Result<Referrers> {
        Ok(Referrers {
            subject: subject.clone(),
            referrers: self.referrers,
            source,
            filters_applied,
            truncated: self.next.is_some(),
            next: self.next.map(|next| next.text()).transpose()?,
        })
    }
}
