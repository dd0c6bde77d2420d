//! The lanes of a client. A host of which many small things are asked is asked by those who wait for them, each on a lane of its own;
//! bodies that are read piece by piece, what is sent, and the first requests to a host go over the connections that all share.
//!
//! A lane is used again only when its request has ended well: else its connections are closed, so that the server hears of it too.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::host_trust::HostTrust;
use super::lane::Lane;
use super::pool::Pools;
use super::route::Route;
use crate::call::own_loop::OwnLoop;
use crate::call::{Call, WaitLimit};
use crate::error::Result;
use crate::mutex::lock;

/// After how many small requests to a host another connection is worth it.
static MANY: AtomicU32 = AtomicU32::new(16);
/// How many lanes there are, at most.
const MOST: usize = 8;
/// How many requests a host must be allowed at once: fewer are meant for one that has so few connections, and it keeps those that all share.
pub(crate) const ENOUGH: usize = 8;
/// How long one rests before it is closed. Nothing notices meanwhile that its server has closed it.
pub(crate) const REST: Duration = Duration::from_secs(15);

pub(crate) fn many() -> u32 {
    MANY.load(Ordering::Relaxed)
}

/// For the tests: lanes for all small requests.
#[cfg(feature = "inside")]
pub fn from_the_first_on() {
    MANY.store(0, Ordering::Relaxed);
}

#[derive(Default)]
pub(crate) struct Lanes(Arc<Mutex<Resting>>);

#[derive(Default)]
struct Resting {
    lanes: Vec<Lane>,
    out: usize,
    /// How often all were closed.
    closed: u64,
    /// Something will close those that rest too long.
    is_watched: bool,
}

/// A lane while one request and its response use it.
pub(crate) struct LaneInUse {
    lane: Option<Lane>,
    home: Weak<Mutex<Resting>>,
    closed: u64,
}

impl Lanes {
    /// A lane for a request, and its pool of connections. None if there should be none, or the thread cannot drive one.
    pub(crate) fn take(
        &self,
        call: &Call,
        pools: &Pools,
        (route, trust): (&Route, HostTrust),
    ) -> Result<Option<(LaneInUse, reqwest::Client)>> {
        if !OwnLoop::can_be_driven() {
            return Ok(None);
        }
        let Some(mut taken) = self.one_of(route, trust) else { return Ok(None) };
        self.watch(call);
        let Some(lane) = taken.lane.as_mut() else { return Ok(None) };
        let pool = lane.pool(pools, route, trust)?;
        Ok(Some((taken, pool)))
    }

    fn one_of(&self, route: &Route, trust: HostTrust) -> Option<LaneInUse> {
        let mut resting = lock(&self.0);
        let lane = match resting.lanes.iter().rposition(|lane| lane.leads(route, trust)) {
            Some(at) => resting.lanes.remove(at),
            None if resting.lanes.len() + resting.out < MOST => Lane::new()?,
            None => resting.lanes.pop()?,
        };
        resting.out += 1;
        Some(LaneInUse { lane: Some(lane), home: Arc::downgrade(&self.0), closed: resting.closed })
    }

    /// Closes those that rest too long, from the network thread.
    fn watch(&self, call: &Call) {
        if !std::mem::replace(&mut lock(&self.0).is_watched, true) {
            call.engine().spawn(close_the_rested(Arc::downgrade(&self.0), REST));
        }
    }

    /// Closes all that rest, and those that are in use when their requests end.
    pub(crate) fn close(&self) {
        let mut resting = lock(&self.0);
        resting.closed += 1;
        resting.is_watched = false;
        let lanes = std::mem::take(&mut resting.lanes);
        drop(resting);
        drop(lanes);
    }
}

/// Ends with the last of them, so that nothing wakes up a process that is idle.
async fn close_the_rested(home: Weak<Mutex<Resting>>, rest: Duration) {
    let mut due = Instant::now() + rest;
    loop {
        tokio::time::sleep_until(due.into()).await;
        let Some(home) = home.upgrade() else { return };
        let mut resting = lock(&home);
        let lanes = std::mem::take(&mut resting.lanes);
        let (rested, others): (Vec<_>, Vec<_>) = lanes.into_iter().partition(|lane| lane.rests_since.elapsed() >= rest);
        resting.lanes = others;
        let oldest = resting.lanes.iter().map(|lane| lane.rests_since).min();
        due = oldest.unwrap_or_else(Instant::now) + rest;
        let is_over = resting.lanes.is_empty() && resting.out == 0;
        resting.is_watched &= !is_over;
        drop(resting);
        drop(rested);
        if is_over {
            return;
        }
    }
}

impl LaneInUse {
    /// Waits for something that concerns its connections.
    pub(crate) fn wait<F: Future>(&mut self, call: &Call, limit: WaitLimit, future: F) -> Result<F::Output> {
        match &mut self.lane {
            Some(lane) => lane.wait(call, limit, future),
            None => call.wait(Some(limit), future),
        }
    }

    /// Its request has ended well: it can be used for the next.
    pub(crate) fn give_back(mut self) {
        let Some(mut lane) = self.lane.take() else { return };
        lane.rests_since = Instant::now();
        if let Some(home) = self.home.upgrade() {
            let mut resting = lock(&home);
            if resting.closed == self.closed {
                resting.lanes.push(lane);
            }
        }
    }
}

impl Drop for LaneInUse {
    fn drop(&mut self) {
        if let Some(home) = self.home.upgrade() {
            lock(&home).out -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_rests_is_closed_when_it_is_due() {
        let rest = Duration::from_millis(400);
        let lanes = Lanes::default();
        let add = || lock(&lanes.0).lanes.extend(Lane::new());
        let count = || lock(&lanes.0).lanes.len();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            add();
            let begun = Instant::now();
            let watcher = tokio::spawn(close_the_rested(Arc::downgrade(&lanes.0), rest));
            tokio::time::sleep(rest / 2).await;
            add();
            tokio::time::sleep(rest * 3 / 4).await;
            assert_eq!(count(), 1);
            watcher.await.unwrap();
            assert_eq!(count(), 0);
            assert!(begun.elapsed() >= rest * 3 / 2 && begun.elapsed() < rest * 2, "{:?}", begun.elapsed());
        });
    }
}
