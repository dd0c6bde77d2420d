//! The HTTP crate behind a narrow interface: everything that is enabled or disabled in it is decided here.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use rustls::ClientConfig;

use super::host_trust::HostTrust;
use super::proxy::Proxy;
use super::resolver::GuardedResolver;
use super::route::Route;
use super::settings::HttpOptions;
use super::tls::Roots;
use crate::error::{Code, Error, Result};
use crate::sync::lock;

/// The connection pools of one client: one for each route and trust, created when first needed.
pub(crate) struct Pools {
    options: HttpOptions,
    roots: Roots,
    pools: Mutex<HashMap<(Route, HostTrust), RoutePool>>,
}

struct RoutePool {
    client: reqwest::Client,
    /// With the sessions that its connections have begun.
    tls: ClientConfig,
}

impl Pools {
    pub(crate) fn new(options: HttpOptions) -> Pools {
        Pools { options, roots: Roots::default(), pools: Mutex::default() }
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// The pool for a route and a trust.
    pub(crate) fn get(&self, route: &Route, trust: HostTrust) -> Result<reqwest::Client> {
        self.with(route, trust, |pool| Ok(pool.client.clone()))
    }

    /// Another pool for the same, with the same TLS: for connections that are driven elsewhere.
    pub(crate) fn another(&self, route: &Route, trust: HostTrust) -> Result<reqwest::Client> {
        let tls = self.with(route, trust, |pool| Ok(pool.tls.clone()))?;
        self.builder(route, trust, tls)?.build().map_err(set_up)
    }

    fn with<T>(&self, route: &Route, trust: HostTrust, work: impl FnOnce(&RoutePool) -> Result<T>) -> Result<T> {
        let mut pools = lock(&self.pools);
        let key = (route.clone(), trust);
        if let Some(pool) = pools.get(&key) {
            return work(pool);
        }
        let tls = self.roots.config(route)?;
        let client = self.builder(route, trust, tls.clone())?.build().map_err(set_up)?;
        work(pools.entry(key).or_insert(RoutePool { client, tls }))
    }

    /// Drops all pooled connections; those in use end with their responses.
    pub(crate) fn close(&self) {
        lock(&self.pools).clear();
    }

    fn builder(&self, route: &Route, trust: HostTrust, tls: ClientConfig) -> Result<reqwest::ClientBuilder> {
        let fixed = route.address.map(|address| address.ip);
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(GuardedResolver::new(trust, fixed, route.proxy.as_ref().map(Proxy::host)))
            .user_agent(&self.options.user_agent)
            .connect_timeout(route.connect.unwrap_or(Duration::MAX).min(self.options.connect()))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .pool_max_idle_per_host(8);
        if let Some(proxy) = &route.proxy {
            builder = builder.proxy(proxy.to_reqwest()?);
        }
        if let Some(path) = &route.unix_socket {
            builder = builder.unix_socket(path.as_str());
        }
        Ok(builder)
    }
}

fn set_up(error: reqwest::Error) -> Error {
    if error.is_builder() {
        return Error::new(
            Code::InvalidArgument,
            format!("the client's options cannot be used: {}", super::transport_error::text(&error)),
        );
    }
    Error::new(Code::Internal, format!("cannot set up HTTP: {}", super::transport_error::text(&error)))
}
