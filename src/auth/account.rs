//! A registry host with the options and credentials that apply to it.

use super::authorization_header::{basic, Proof};
use super::credential_key::WantedHost;
use crate::credentials::Credentials;
use crate::http::location::{Location, RequestTarget};
use crate::http::origin::Origin;
use crate::http::Url;
use crate::reference::host_spelling;
use crate::resource::Resource;

/// A registry host as the caller configured it.
#[derive(Clone)]
pub(crate) struct Account {
    /// The host as the caller names it, for the credentials hook.
    pub(crate) host: String,
    /// The requested repository; empty for the registry as a whole. Stored credentials may depend on it.
    pub(crate) repository: String,
    /// The base URL of its API, and where that came from. A host that a server named gets nothing of the caller's.
    pub(crate) base: Location,
    /// The credentials from the host's options.
    pub(crate) credentials: Option<Credentials>,
    /// Those of the rule that names it, if there are no others.
    pub(crate) by_rule: Option<Credentials>,
    /// The rule has them as a header of every request: they are not kept until they are asked for.
    pub(crate) is_unasked: bool,
    /// Never send credentials.
    pub(crate) anonymous: bool,
    /// Other hosts that may receive them as token servers.
    pub(crate) trusted_realms: Vec<String>,
}

impl Account {
    /// An anonymous account at the origin of a URL that a server named.
    pub(super) fn stranger(at: &Location) -> Account {
        Account {
            host: Origin::of(&at.url).map(|origin| origin.to_string()).unwrap_or_default(),
            repository: String::new(),
            base: at.root(),
            credentials: None,
            by_rule: None,
            is_unasked: false,
            anonymous: true,
            trusted_realms: Vec::new(),
        }
    }

    /// What every request has by a rule, as long as the server does not refuse it and nobody else has credentials for it.
    pub(super) fn unasked(&self) -> Proof {
        let by_rule =
            self.by_rule.as_ref().filter(|_| self.is_unasked && !self.anonymous && self.credentials.is_none());
        match by_rule {
            Some(Credentials::Token(token)) => Proof::Bearer(token.clone()),
            by_rule => by_rule.and_then(basic).unwrap_or(Proof::Nothing),
        }
    }

    /// The hint for another registry to which this one redirects, and which refuses the request.
    pub(crate) fn sends_on(&self) -> String {
        let host = &self.host;
        format!("{host} redirects there, without credentials: use that registry's own name, with credentials for it")
    }

    /// The URL of its ping.
    pub(super) fn ping(&self) -> RequestTarget {
        RequestTarget::Path(Resource::Api.path(""))
    }

    /// Whose stored credentials it is sent. Which port a name without one stands for depends on how it is asked.
    pub(super) fn wanted_host(&self) -> WantedHost {
        let is_http = self.base.url.scheme() == "http" && self.base.url.port().is_none();
        WantedHost::new(&self.host, is_http && host_spelling::port(&self.host).is_none())
    }

    /// Whether it is not the one that the caller named.
    pub(super) fn is_strange(&self) -> bool {
        !self.base.is_callers()
    }

    /// Whether a URL is of its origin.
    pub(super) fn is_at(&self, url: &Url) -> bool {
        self.base.is_origin_of(url)
    }
}
