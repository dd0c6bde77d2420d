//! The HTTP crate behind a narrow interface: everything that is enabled or disabled in it is decided here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ClientConfig;

use super::host_trust::HostTrust;
use super::proxy::Proxy;
use super::resolver::GuardedResolver;
use super::route::Route;
use super::settings::HttpOptions;
use super::tls::Roots;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;

/// The connection pools of one client: one for each route and trust, created when first needed.
pub(crate) struct Pools {
    options: HttpOptions,
    roots: Roots,
    pools: Mutex<HashMap<(Route, HostTrust), RoutePool>>,
}

struct RoutePool {
    client: reqwest::Client,
    common: Common,
}

/// What all connections of a route have in common, wherever they are driven.
#[derive(Clone)]
struct Common {
    /// With the sessions that its connections have begun.
    tls: ClientConfig,
    /// With the limit of threads that it can block.
    resolver: Arc<GuardedResolver>,
}

impl Pools {
    pub(crate) fn new(options: HttpOptions) -> Pools {
        Pools { options, roots: Roots::default(), pools: Mutex::default() }
    }

    pub(crate) fn options(&self) -> &HttpOptions {
        &self.options
    }

    /// The connections that go by a route, and that lead only where the trust allows; made when first wanted.
    pub(crate) fn get(&self, route: &Route, trust: HostTrust) -> Result<reqwest::Client> {
        self.with(route, trust, |pool| Ok(pool.client.clone()))
    }

    /// Another pool for the same: for connections that are driven elsewhere.
    pub(crate) fn another(&self, route: &Route, trust: HostTrust) -> Result<reqwest::Client> {
        let common = self.with(route, trust, |pool| Ok(pool.common.clone()))?;
        self.builder(route, common)?.build().map_err(set_up)
    }

    fn with<T>(&self, route: &Route, trust: HostTrust, work: impl FnOnce(&RoutePool) -> Result<T>) -> Result<T> {
        let mut pools = lock(&self.pools);
        let key = (route.clone(), trust);
        if let Some(pool) = pools.get(&key) {
            return work(pool);
        }
        let fixed = route.address.map(|address| address.ip);
        let resolver = Arc::new(GuardedResolver::new(trust, fixed, route.proxy.as_ref().map(Proxy::host)));
        let common = Common { tls: self.roots.config(route)?, resolver };
        let client = self.builder(route, common.clone())?.build().map_err(set_up)?;
        work(pools.entry(key).or_insert(RoutePool { client, common }))
    }

    /// Drops all pooled connections; those in use end with their responses.
    pub(crate) fn close(&self) {
        lock(&self.pools).clear();
    }

    fn builder(&self, route: &Route, common: Common) -> Result<reqwest::ClientBuilder> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(common.tls)
            .dns_resolver(common.resolver)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_pools_of_a_route_share_the_limit_of_threads_that_look_up_names() {
        let pools = Pools::new(HttpOptions::default());
        let (route, trust) = (Route::default(), HostTrust::Caller);
        let users = || pools.with(&route, trust, |pool| Ok(Arc::strong_count(&pool.common.resolver))).unwrap();
        let before = users();
        let all: Vec<_> = (0..3).map(|_| pools.another(&route, trust).unwrap()).collect();
        assert!(users() >= before + all.len(), "each has a limit of its own");
        drop(all);
        assert_eq!(users(), before);
    }
}
