//! A loop of its own with the connections that were made in it, for one request at a time: whoever waits for the response drives them.

use std::future::Future;
use std::time::Instant;

use super::host_trust::HostTrust;
use super::pool::Pools;
use super::route::Route;
use crate::call::own_loop::OwnLoop;
use crate::call::{Call, WaitLimit};
use crate::error::Result;

/// How many routes the connections of one lane have, at most.
const MOST_ROUTES: usize = 4;

pub(crate) struct Lane {
    own_loop: OwnLoop,
    pools: Vec<(Route, HostTrust, reqwest::Client)>,
    /// When it was last used.
    pub(super) rests_since: Instant,
}

impl Lane {
    /// One without connections. None if the system has no more descriptors.
    pub(super) fn new() -> Option<Lane> {
        Some(Lane { own_loop: OwnLoop::new()?, pools: Vec::new(), rests_since: Instant::now() })
    }

    /// Whether it has had connections of that kind.
    pub(super) fn leads(&self, route: &Route, trust: HostTrust) -> bool {
        self.pools.iter().any(|(of, with, _)| *with == trust && of == route)
    }

    /// Its pool for a route and a trust, which knows of the connections that were closed meanwhile.
    pub(super) fn pool(&mut self, pools: &Pools, route: &Route, trust: HostTrust) -> Result<reqwest::Client> {
        if let Some((_, _, pool)) = self.pools.iter().find(|(of, with, _)| *with == trust && of == route) {
            self.own_loop.catch_up();
            return Ok(pool.clone());
        }
        let pool = pools.another(route, trust)?;
        if self.pools.len() == MOST_ROUTES {
            self.pools.remove(0);
        }
        self.pools.push((route.clone(), trust, pool.clone()));
        Ok(pool)
    }

    /// Waits for something that concerns its connections.
    pub(super) fn wait<F: Future>(&mut self, call: &Call, limit: WaitLimit, future: F) -> Result<F::Output> {
        call.wait_in(&mut self.own_loop, Some(limit), future)
    }
}
