//! One request done right: retry, redirect, limits, deadlines, trace. It does not know about registries.

pub(crate) mod address;
mod body_speed;
pub(crate) mod byte_rates;
pub(crate) mod caller_url;
pub(crate) mod certs_d;
mod decode;
pub(crate) mod endpoint_settings;
mod exchange;
pub(crate) mod handshake;
pub(crate) mod headers;
pub(crate) mod host_trust;
pub(crate) mod hosts;
mod lane;
pub(crate) mod lanes;
pub(crate) mod link;
pub(crate) mod location;
mod no_proxy;
pub(crate) mod origin;
pub(crate) mod pem;
mod pinned_certificate;
pub(crate) mod pool;
pub(crate) mod proxy;
pub(crate) mod range;
pub(crate) mod read_ahead;
pub(crate) mod redact;
pub(crate) mod redirect;
pub(crate) mod request;
pub(crate) mod resolver;
pub(crate) mod response;
pub(crate) mod retry;
pub(crate) mod route;
mod send;
pub(crate) mod settings;
pub(crate) mod signed_url;
pub(crate) mod throttle;
pub(crate) mod tls;
mod token_bucket;
pub(crate) mod transport_error;
pub(crate) mod upload;
pub(crate) mod warning;

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::Value;

/// Other rooms hold URLs and compare them, but make none: see [`location::Location`].
pub(crate) use url::Url;

use crate::error::{Code, Error, Result};
use crate::mirrors::ForbiddenHosts;
use crate::mutex::lock;
use host_trust::{HostTrust, RefusedHost};
use hosts::Hosts;
use lanes::Lanes;
use location::Location;
use pool::Pools;
pub(crate) use request::Repeat;
pub use request::Request;
use route::Route;
use settings::{HttpOptions, Network};
use throttle::Throttle;

/// The HTTP of one client: its connections, and the routes to its hosts.
pub struct Http {
    pools: Pools,
    lanes: Lanes,
    hosts: Hosts,
    forbidden: Mutex<ForbiddenHosts>,
}

impl Http {
    /// Creates the HTTP of a client; the environment is read now, if the options ask for it.
    pub fn new(options: HttpOptions) -> Result<Http> {
        let (hosts, pools) = (Hosts::new(&options)?, Pools::new(options));
        Ok(Http { hosts, pools, lanes: Lanes::default(), forbidden: Mutex::default() })
    }

    /// The options that it was created with.
    pub fn options(&self) -> &HttpOptions {
        self.pools.options()
    }

    /// Sets the caller's network settings for a URL's host; never inherited by hosts that it names.
    pub fn set_network(&self, url: &Url, network: Network) -> Result<()> {
        self.hosts.set(url, network)
    }

    /// What must not be asked, whatever leads there.
    pub(crate) fn forbidden_hosts(&self) -> MutexGuard<'_, ForbiddenHosts> {
        lock(&self.forbidden)
    }

    /// The route to a location. `is_ours`: the caller names it, or trusts it like its own hosts.
    pub(crate) fn route(&self, at: &Location, is_ours: bool) -> Result<Route> {
        self.hosts.route(at, is_ours).map_err(|error| error.with_url(&at.url))
    }

    /// Refuses a location that this client would not ask, as far as that is known without resolving its name.
    pub(crate) fn check(&self, at: &Location) -> Result<()> {
        self.route(at, at.trust == HostTrust::Caller)?.check(&at.url, at.trust)?;
        self.not_blocked(at)?;
        let Some(url::Host::Domain(name)) = at.url.host() else { return Ok(()) };
        RefusedHost::check_name(name, at.trust)
            .map_err(|refused| Error::new(Code::Redirect, refused.to_string()).with_url(&at.url))
    }

    /// The headers that the caller adds for a location.
    pub(crate) fn headers(&self, at: &Location) -> headers::Headers {
        self.hosts.headers(at)
    }

    fn throttle(&self, at: &Location) -> Arc<Throttle> {
        self.hosts.throttle(at)
    }

    /// The pace of the bodies of a request that counts for this location; None counts for none.
    fn paces(&self, counted_for: Option<&Location>) -> byte_rates::Paces {
        counted_for.map(|at| self.hosts.paces(at)).unwrap_or_default()
    }

    /// How a location is reached, for display: `proxy` (string or null, without credentials), `unix_socket`
    /// (string or null), `address` (string or null), `insecure` (bool), `ca_files` (list of strings), `ca_only` (bool),
    /// `client_cert_file` and `client_key_file` (string or null), `headers` (list of names), `max_connections_per_host`,
    /// `requests_per_second`, `download_bytes_per_second` and `upload_bytes_per_second` (numbers). It contains no secrets.
    pub(crate) fn explain_route(&self, at: &Location) -> Result<Value> {
        self.hosts.explain(at)
    }

    /// Closes the pooled connections.
    pub fn close(&self) {
        self.pools.close();
        self.lanes.close();
    }
}
