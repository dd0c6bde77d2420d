//! What a client remembers of endpoints: which of them are passed over for a while, and where it has written.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::error::{Code, Error};
use crate::http::Url;
use crate::mirrors::EndpointKey;
use crate::mutex::lock;

/// How long an endpoint that failed comes after the others, unless it says itself until when.
pub(super) const REMEMBERED: Duration = Duration::from_secs(60);
/// The most that an endpoint can say.
pub(super) const LONGEST: Duration = Duration::from_secs(3600);
/// More than any client has; above it everything is forgotten.
const MOST: usize = 10_000;

/// What of an endpoint is passed over: all of it, or one of its repositories.
type EndpointPart = (EndpointKey, Option<String>);

/// The endpoints that failed.
#[derive(Default)]
pub(super) struct PassedOver(Mutex<HashMap<EndpointPart, Failure>>);

/// Why an endpoint comes after the others, and until when.
#[derive(Clone)]
pub(super) struct Failure {
    until: Instant,
    pub(super) reason: String,
    /// It sent wrong bytes: it comes after those that only failed.
    pub(super) lied: bool,
    /// It did not answer in its time, and may well not do so now.
    pub(super) silent: bool,
}

impl Failure {
    /// For how much longer.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

impl PassedOver {
    /// It failed, for this reason.
    pub(super) fn add(&self, endpoint: &EndpointKey, repository: Option<&str>, time: Duration, error: &Error) {
        let silent = error.code() == Code::Timeout;
        self.insert(endpoint, repository, time, (&reason(error), false, silent));
    }

    /// It sent wrong bytes. What it does later does not make that good.
    pub(super) fn lied(&self, endpoint: &EndpointKey, time: Duration, reason: &str) {
        self.insert(endpoint, None, time, (reason, true, false));
    }

    fn insert(
        &self,
        endpoint: &EndpointKey,
        repository: Option<&str>,
        time: Duration,
        (reason, lied, silent): (&str, bool, bool),
    ) {
        let now = Instant::now();
        let Some(until) = now.checked_add(time.min(LONGEST)) else { return };
        let mut all = lock(&self.0);
        all.retain(|_, failure| failure.until > now);
        if all.len() >= MOST {
            all.clear();
        }
        let failure = Failure { until, reason: reason.to_owned(), lied, silent };
        let known = all.entry((endpoint.clone(), repository.map(str::to_owned))).or_insert_with(|| failure.clone());
        if lied || !known.lied {
            *known = failure;
        }
    }

    /// Why it comes after the others, if it does.
    pub(super) fn left(&self, endpoint: &EndpointKey, repository: &str) -> Option<Failure> {
        let all = lock(&self.0);
        let of = |repository: Option<&str>| {
            let failure = all.get(&(endpoint.clone(), repository.map(str::to_owned)))?;
            (!failure.left().is_zero()).then(|| failure.clone())
        };
        of(None).into_iter().chain(of(Some(repository))).max_by_key(|failure| (failure.lied, failure.until))
    }

    /// The caller has said something else of a host: how it failed says nothing any more. That it lied still does.
    pub(super) fn forget_host(&self, is_host: impl Fn(&str) -> bool) {
        lock(&self.0).retain(|(at, _), failure| failure.lied || !is_host(at.host()));
    }

    /// It has answered as it should.
    pub(super) fn remove(&self, endpoint: &EndpointKey, repository: &str) {
        let mut all = lock(&self.0);
        if !all.is_empty() {
            all.retain(|(at, of), failure| {
                failure.lied || at != endpoint || of.as_deref().is_some_and(|of| of != repository)
            });
        }
    }
}

/// The endpoints that have said what a tag of a repository is, but may not be asked for digests otherwise (containers'
/// `pull-from-mirror = "tag-only"`): what the tag stands for comes from the same endpoint, for others need not have it.
#[derive(Default)]
pub(super) struct TagSources(Mutex<HashSet<(String, EndpointKey)>>);

impl TagSources {
    pub(super) fn add(&self, repository: &str, endpoint: &EndpointKey) {
        let (mut all, source) = (lock(&self.0), (repository.to_owned(), endpoint.clone()));
        if all.len() >= MOST && !all.contains(&source) {
            all.clear();
        }
        all.insert(source);
    }

    pub(super) fn has(&self, repository: &str, endpoint: &EndpointKey) -> bool {
        let all = lock(&self.0);
        !all.is_empty() && all.contains(&(repository.to_owned(), endpoint.clone()))
    }
}

/// Where a client has written: a mirror does not have it yet.
#[derive(Default)]
pub(crate) struct Written(Mutex<AllWritten>);

#[derive(Default)]
struct AllWritten {
    of: HashMap<String, WrittenTo>,
    /// How many tags were added since the beginning.
    tags: usize,
}

struct WrittenTo {
    endpoint: EndpointKey,
    tags: HashSet<String>,
}

impl Written {
    /// A tag of a repository was set or deleted there.
    pub(crate) fn add(&self, repository: &str, endpoint: &EndpointKey, tags: &[&str]) {
        let mut all = lock(&self.0);
        all.tags += tags.len();
        if all.of.len() >= MOST || all.tags > 10 * MOST {
            *all = AllWritten { tags: tags.len(), ..AllWritten::default() };
        }
        let nothing = || WrittenTo { endpoint: endpoint.clone(), tags: HashSet::new() };
        let to = all.of.entry(repository.to_owned()).or_insert_with(nothing);
        if to.endpoint != *endpoint {
            *to = nothing();
        }
        to.tags.extend(tags.iter().map(|tag| (*tag).to_owned()));
    }

    /// The endpoint that something of the repository was written to, and with a tag, that this was.
    pub(super) fn to(&self, repository: &str, tag: Option<&str>) -> Option<EndpointKey> {
        let all = lock(&self.0);
        let to = all.of.get(repository)?;
        tag.is_none_or(|tag| to.tags.contains(tag)).then(|| to.endpoint.clone())
    }
}

/// Whether hosts without a scheme speak TLS, as far as they were asked.
#[derive(Default)]
pub(crate) struct Probed(Mutex<HashMap<(Url, bool), Probe>>);

struct Probe {
    speaks: bool,
    until: Option<Instant>,
}

impl Probed {
    /// What is known of a URL, asked with a check of its certificate or without one.
    pub(super) fn get(&self, url: &Url, insecure: bool) -> Option<bool> {
        let all = lock(&self.0);
        let probe = all.get(&(url.clone(), insecure))?;
        probe.until.is_none_or(|until| until > Instant::now()).then_some(probe.speaks)
    }

    pub(super) fn add(&self, url: &Url, insecure: bool, speaks: bool, time: Option<Duration>) {
        let mut all = lock(&self.0);
        if all.len() >= MOST {
            all.clear();
        }
        let until = time.and_then(|time| Instant::now().checked_add(time));
        all.insert((url.clone(), insecure), Probe { speaks, until });
    }

    /// The caller has said something else of a host.
    pub(super) fn forget(&self) {
        lock(&self.0).clear();
    }
}

/// In a few words: what an endpoint did.
pub(super) fn reason(error: &Error) -> String {
    match error.http_status() {
        Some(status) => format!("status {status}"),
        None => error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mirrors::{EndpointBase, RegistryEndpoint, RuleSource};
    use crate::reference::Index;

    fn failed() -> Error {
        Error::new(Code::Server, "it fails")
    }

    fn key(host: &str) -> EndpointKey {
        let index = Index::of_host(host).unwrap();
        RegistryEndpoint::new(EndpointBase::Origin, RuleSource::Option("mirrors")).key(&index)
    }

    #[test]
    fn what_was_probed_is_known_for_its_time_and_not_beyond_a_bound() {
        let (probed, url) = (Probed::default(), Url::parse("https://h/").unwrap());
        probed.add(&url, true, false, Some(Duration::from_secs(60)));
        assert_eq!((probed.get(&url, true), probed.get(&url, false)), (Some(false), None));
        probed.add(&url, true, false, Some(Duration::ZERO));
        assert_eq!(probed.get(&url, true), None);
        probed.add(&url, false, true, None);
        assert_eq!(probed.get(&url, false), Some(true));
        for port in 0..MOST {
            probed.add(&Url::parse(&format!("https://h{port}/")).unwrap(), false, true, None);
        }
        assert!(lock(&probed.0).len() <= MOST);
        probed.forget();
        assert!(lock(&probed.0).is_empty());
    }

    /// One entry for all tags of a repository. One that is known already makes nothing forgotten.
    #[test]
    fn sources_of_tags_are_kept_by_repository_and_not_beyond_a_bound() {
        let (sources, m) = (TagSources::default(), key("m"));
        for _tag in 0..2 * MOST {
            sources.add("a", &m);
        }
        assert_eq!(lock(&sources.0).len(), 1);
        for number in 1..MOST {
            sources.add(&format!("a{number}"), &m);
        }
        sources.add("a", &m);
        assert_eq!(lock(&sources.0).len(), MOST);
        sources.add("b", &m);
        assert!(lock(&sources.0).len() == 1 && sources.has("b", &m) && !sources.has("a", &m));
    }

    #[test]
    fn a_failure_is_of_an_endpoint_or_of_one_repository_and_passes() {
        let (passed, m, n) = (PassedOver::default(), key("m"), key("n"));
        passed.add(&m, None, Duration::from_secs(60), &failed());
        passed.add(&n, Some("a"), Duration::MAX, &failed());
        assert!(passed.left(&m, "a").is_some() && passed.left(&m, "b").is_some());
        assert!(passed.left(&n, "a").unwrap().left() <= LONGEST);
        assert!(passed.left(&n, "b").is_none());
        passed.add(&m, None, Duration::ZERO, &failed());
        assert!(passed.left(&m, "a").is_none());
        passed.remove(&n, "a");
        assert!(passed.left(&n, "a").is_none());
    }

    #[test]
    fn a_lie_outlives_other_failures_and_answers() {
        let (passed, m) = (PassedOver::default(), key("m"));
        passed.lied(&m, Duration::MAX, "wrong bytes");
        passed.add(&m, None, Duration::MAX, &failed());
        passed.add(&m, Some("a"), Duration::MAX, &failed());
        passed.remove(&m, "a");
        let left = passed.left(&m, "a").unwrap();
        assert!(left.lied && left.reason == "wrong bytes");
    }

    #[test]
    fn what_was_written_is_known_by_its_tag() {
        let (written, m, n) = (Written::default(), key("m"), key("n"));
        written.add("h/a", &m, &["t"]);
        assert_eq!(written.to("h/a", Some("t")), Some(m));
        assert_eq!((written.to("h/a", Some("u")), written.to("h/b", None)), (None, None));
        written.add("h/a", &n, &["u"]);
        assert_eq!((written.to("h/a", Some("t")), written.to("h/a", None)), (None, Some(n.clone())));
    }

    #[test]
    fn what_is_remembered_of_writes_has_a_bound() {
        let (written, m) = (Written::default(), key("m"));
        for number in 0..20 * MOST {
            let (repository, tag) = (format!("h/{}", number % 7), format!("t{number}"));
            written.add(&repository, &m, &[&tag]);
            assert!(written.to(&repository, Some(&tag)).is_some());
        }
        let kept: usize = lock(&written.0).of.values().map(|to| to.tags.len()).sum();
        assert!(kept <= 10 * MOST);
    }
}
