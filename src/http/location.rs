//! Where requests go. Most name a path, and which scheme, host and prefix it is below is decided here, when they are sent. The only
//! URLs that come from outside are those that servers name (redirects, Location, Link, v1's endpoints) or callers have kept: they
//! are made here too. Where a URL came from decides which addresses it may lead to, and which headers it may get.

use std::net::IpAddr;
use std::sync::Arc;

use ::http::header::{HeaderValue, LOCATION};
use url::{form_urlencoded, Url};

use super::endpoint_settings::EndpointSettings;
use super::host_trust::HostTrust;
use super::origin::Origin;
use super::response::Response;
use super::{link, redirect};
use crate::error::{Code, Error, Result};

/// A URL, where it came from, and how it is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    /// With its query, which may be a signature: for requests and not for messages.
    pub url: Url,
    /// How far it is trusted, which is decided by who named it.
    pub(super) trust: HostTrust,
    /// How it is reached, if not as its host is.
    pub(super) endpoint_settings: Option<Arc<EndpointSettings>>,
}

/// Where a request is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RequestTarget {
    /// A path, with its query, below the base URL of the endpoint that is asked.
    Path(String),
    /// A URL that a server named.
    At(Location),
}

impl RequestTarget {
    /// With a query, which is written as it is.
    pub(crate) fn with_query(self, query: &str) -> RequestTarget {
        match self {
            RequestTarget::Path(path) => RequestTarget::Path(format!("{path}?{query}")),
            RequestTarget::At(mut location) => {
                location.url.set_query(Some(query));
                RequestTarget::At(location)
            }
        }
    }

    /// With a query of these names and values, if there are any.
    pub(crate) fn with_pairs<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> RequestTarget {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        match query.as_str() {
            "" => self,
            query => self.with_query(query),
        }
    }
}

impl From<Location> for RequestTarget {
    fn from(location: Location) -> RequestTarget {
        RequestTarget::At(location)
    }
}

/// A URL that a server names without a scheme, as registries of protocol v1 do: it has that of the URL where it was said.
pub(crate) fn with_scheme_of(text: &str, said_at: &Url) -> String {
    match text.contains("://") {
        true => text.to_owned(),
        false => format!("{}://{text}", said_at.scheme()),
    }
}

impl Location {
    /// A URL that the caller has chosen.
    pub fn of_caller(url: Url) -> Location {
        Location { url, trust: HostTrust::Caller, endpoint_settings: None }
    }

    /// Whether the caller named it, and no server.
    pub(crate) fn is_callers(&self) -> bool {
        self.trust == HostTrust::Caller
    }

    /// How it is reached, if not as its host is.
    pub(crate) fn endpoint_settings(&self) -> Option<&Arc<EndpointSettings>> {
        self.endpoint_settings.as_ref()
    }

    pub(crate) fn with_endpoint_settings(self, settings: Option<Arc<EndpointSettings>>) -> Location {
        Location { endpoint_settings: settings, ..self }
    }

    /// The same server's URL with what a request adds to its query.
    pub(crate) fn asking(&self, url: Url) -> Location {
        Location { url, ..self.clone() }
    }

    /// A token server that this endpoint named from an address: where its name leads is trusted as far as who named it.
    pub(crate) fn realm(&self, url: Url, remote: Option<IpAddr>) -> Location {
        Location { url, trust: HostTrust::said_by(remote), endpoint_settings: self.beyond() }
    }

    /// How that token server is reached: as the caller says of its host, and where it is this endpoint itself, as this one is.
    pub(crate) fn realm_with_endpoint_settings(&self, url: &Url) -> Location {
        let own = self.is_origin_of(url).then(|| self.endpoint_settings.clone()).flatten();
        Location::of_caller(url.clone()).with_endpoint_settings(own.or(self.beyond()))
    }

    /// The URL that responded, after redirects.
    pub(crate) fn of(response: &Response) -> Location {
        Location {
            url: response.url.clone(),
            trust: response.trust,
            endpoint_settings: response.endpoint_settings.clone(),
        }
    }

    /// The URL of a target, relative to this base.
    pub(crate) fn find(&self, target: &RequestTarget) -> Result<Location> {
        let mut found = match target {
            RequestTarget::Path(path) => self.below(path)?,
            RequestTarget::At(location) => location.clone(),
        };
        if let Some(settings) = self.endpoint_settings.as_ref().filter(|_| self.is_origin_of(&found.url)) {
            settings.complete(&mut found.url);
        }
        Ok(found)
    }

    /// The URL of a path below this base.
    pub(crate) fn below(&self, path: &str) -> Result<Location> {
        let path = self.endpoint_settings.as_ref().map_or(path, |settings| settings.path(path));
        match self.url.join(path) {
            Ok(url) if self.is_origin_of(&url) => Ok(Location { url, ..self.clone() }),
            _ => Err(Error::new(Code::Internal, format!("no URL for {}", crate::text::shorten(path)))),
        }
    }

    /// Whether a URL has its origin: the same scheme, host and port.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        Origin::of(&self.url).is_some_and(|home| Origin::of(url) == Some(home))
    }

    /// The URL in the Location of a response, relative to this base.
    pub(crate) fn named_by(&self, response: &Response) -> Result<Location> {
        self.named(response.headers.get(LOCATION), &response.url, response.remote)
    }

    /// What a header names, or a text like one, that was said at a URL by a server with this address.
    pub(crate) fn named(&self, value: Option<&HeaderValue>, at: &Url, by: Option<IpAddr>) -> Result<Location> {
        Ok(self.trusts(redirect::location(at, value)?, by))
    }

    /// The page of a list behind a response, if its Link names one.
    pub(crate) fn next_page(&self, response: &Response) -> Result<Option<Location>> {
        let next = link::next_page(&response.headers, &response.url)?;
        Ok(next.map(|url| self.trusts(url, response.remote)))
    }

    /// The rule: what is at the same origin is trusted as this is, wherever it came from; all else is trusted as little as any URL from a server.
    fn trusts(&self, url: Url, named_by: Option<IpAddr>) -> Location {
        match self.is_origin_of(&url) {
            true => Location { url, ..self.clone() },
            false => Location { url, trust: HostTrust::said_by(named_by), endpoint_settings: self.beyond() },
        }
    }

    /// The root of its host, `/`.
    pub(crate) fn root(&self) -> Location {
        self.changed(|url| {
            url.set_path("/");
            url.set_query(None);
        })
    }

    /// With more path, below which everything is then.
    pub(crate) fn with_prefix(self, path: &str) -> Location {
        match path.trim_matches('/') {
            "" => self,
            path => self.changed(|url| url.set_path(&format!("{}/{path}/", url.path().trim_end_matches('/')))),
        }
    }

    /// What was named as the base of an API, without a query, and without the root that some write with it.
    pub(crate) fn base_without(&self, root: &str) -> Location {
        self.changed(|url| {
            let path = url.path().trim_end_matches('/').trim_end_matches(root);
            url.set_path(&format!("{path}/"));
            url.set_query(None);
        })
    }

    /// The same trust at another host's https root; None where that is not a host's name.
    pub(crate) fn moved_to_host(&self, host: &str) -> Option<Location> {
        Location::of_host("https", host).map(|at| Location { url: at.url, ..self.clone() })
    }

    /// With a member of the query, instead of one of that name. The rest stays as a server wrote it.
    pub(crate) fn with_member(&self, name: &str, value: &str) -> Location {
        let (begin, own) = (format!("{name}="), format!("{name}={value}"));
        let kept = self.url.query().unwrap_or_default().split('&').filter(|pair| !pair.starts_with(&begin));
        let query = kept.chain([own.as_str()]).collect::<Vec<_>>().join("&");
        self.changed(|url| url.set_query(Some(query.trim_start_matches('&'))))
    }

    fn changed(&self, change: impl FnOnce(&mut Url)) -> Location {
        let mut changed = self.clone();
        change(&mut changed.url);
        changed
    }

    /// Whether a URL, as an error shows it, is one of another origin.
    pub(crate) fn is_left_by(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| !self.is_origin_of(&url))
    }

    /// The settings for where a server at this location leads.
    pub(crate) fn beyond(&self) -> Option<Arc<EndpointSettings>> {
        self.endpoint_settings.as_ref().map(|settings| Arc::new(settings.beyond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Location {
        Location::of_caller(Url::parse(text).unwrap())
    }

    #[test]
    fn paths_stay_below_their_base() {
        let home = base("https://h:5000/prefix/");
        let at = |target: RequestTarget| home.find(&target).unwrap().url.to_string();
        let path = || RequestTarget::Path("v2/a/tags/list".to_owned());
        assert_eq!(at(path()), "https://h:5000/prefix/v2/a/tags/list");
        assert_eq!(at(path().with_pairs([])), "https://h:5000/prefix/v2/a/tags/list");
        assert_eq!(
            at(path().with_pairs([("last", "a/b c"), ("n", "1")])),
            "https://h:5000/prefix/v2/a/tags/list?last=a%2Fb+c&n=1"
        );
        assert_eq!(
            at(path().with_query("mount=sha256:0&from=a/b")),
            "https://h:5000/prefix/v2/a/tags/list?mount=sha256:0&from=a/b"
        );
        for path in ["https://evil.example/x", "//evil.example/x"] {
            assert_eq!(home.below(path).unwrap_err().code(), Code::Internal, "{path}");
        }
    }

    #[test]
    fn what_is_named_is_trusted_at_home_only() {
        let home = base("http://127.0.0.1:5000/");
        let here = Url::parse("http://127.0.0.1:5000/v2/").unwrap();
        let named = |text: &str, by: Option<&str>| {
            let value = HeaderValue::from_str(text).unwrap();
            home.named(Some(&value), &here, by.map(|ip| ip.parse().unwrap())).unwrap().trust
        };
        assert_eq!(named("/x", None), HostTrust::Caller);
        assert_eq!(named("http://127.0.0.1:5000/y", Some("10.0.0.1")), HostTrust::Caller);
        assert_eq!(named("http://127.0.0.1:5001/y", None), HostTrust::Server { from: None });
        let local = "127.0.0.1".parse().ok();
        assert_eq!(named("http://other/y", Some("127.0.0.1")), HostTrust::Server { from: local });
        assert_eq!(named("http://other/y", Some("8.8.8.8")), HostTrust::Server { from: None });
        // A location is never trusted more than the one that named it.
        let stranger = Location { trust: HostTrust::Server { from: None }, ..home.clone() };
        assert_eq!(stranger.named(Some(&HeaderValue::from_static("/x")), &here, local).unwrap().trust, stranger.trust);
    }
}
