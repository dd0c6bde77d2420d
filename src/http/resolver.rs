//! Name resolution behind a guard. The check is on the addresses that are then connected to, so a name cannot pass it and change
//! afterwards.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};

use super::host_trust::{HostTrust, RefusedHost};
use crate::call::thread::{self, Outliving};
use crate::os::resource_shortage::check_descriptors;

/// How many names are looked up at once for a route.
const AT_ONCE: usize = 8;

/// A host name without an address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the host {host}: {why}")]
pub(crate) struct UnresolvedHost {
    pub(crate) host: String,
    why: String,
}

/// The system's resolver behind a guard.
pub(crate) struct GuardedResolver {
    trust: HostTrust,
    /// The caller's fixed address.
    fixed: Option<IpAddr>,
    /// The caller's proxy, which is allowed whatever its address.
    proxy: Option<String>,
    /// Limits how many threads a hanging resolver can block.
    threads: Arc<Semaphore>,
}

impl GuardedResolver {
    /// A resolver for one route, with its fixed address and the host of its proxy, if it has them.
    pub(crate) fn new(trust: HostTrust, fixed: Option<IpAddr>, proxy: Option<&str>) -> GuardedResolver {
        GuardedResolver { trust, fixed, proxy: proxy.map(str::to_owned), threads: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// A thread that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a thread: {0}")]
pub(crate) struct NoThread(pub(crate) std::io::Error);

/// Asks the system's resolver on a separate thread, because it may take arbitrarily long. It is an error if no thread
/// can be started.
async fn look_up(
    host: &str,
    one_of_them: Option<OwnedSemaphorePermit>,
) -> Result<std::io::Result<Vec<SocketAddr>>, Box<dyn std::error::Error + Send + Sync>> {
    let (done, waiting) = oneshot::channel();
    let name = host.to_owned();
    let outliving = Outliving::new();
    let thread = thread::start("ocireg-dns", move || {
        let _outliving = outliving;
        // The caller may have left meanwhile; the thread lives until the system has answered.
        let _one_of_them = one_of_them;
        let found = (name.as_str(), 0).to_socket_addrs();
        drop(done.send(found.map(Iterator::collect)));
    })
    .map_err(NoThread)?;
    let found = waiting.await.map_err(std::io::Error::other)?;
    // The thread has finished: nothing of it is left when the call ends.
    let _ = thread.join();
    Ok(found)
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        if let Some(ip) = self.fixed {
            return Box::pin(async move { Ok(Box::new(std::iter::once(SocketAddr::new(ip, 0))) as Addrs) });
        }
        let trust = match self.proxy.as_deref() == Some(name.as_str()) {
            true => HostTrust::Caller,
            false => self.trust,
        };
        let threads = self.threads.clone();
        Box::pin(async move {
            // Addresses for a SOCKS proxy arrive here with their brackets.
            let host = name.as_str().trim_start_matches('[').trim_end_matches(']').to_owned();
            let unknown = |why: String| UnresolvedHost { host: host.clone(), why };
            let found = match look_up(&host, threads.acquire_owned().await.ok()).await? {
                Ok(found) => found,
                Err(error) => {
                    // The system's resolver reports "try again" when it cannot get a descriptor.
                    check_descriptors()?;
                    return Err(unknown(error.to_string()).into());
                }
            };
            if found.is_empty() {
                return Err(unknown("it has no address".to_owned()).into());
            }
            if let Some((ip, reason)) = found.iter().find_map(|a| trust.refuses(a.ip()).map(|reason| (a.ip(), reason)))
            {
                return Err(RefusedHost::address(&host, reason, ip).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
