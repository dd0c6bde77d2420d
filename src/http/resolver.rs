//! Name resolution behind a guard. The check is on the addresses that are then connected to, so a name cannot pass it and change
//! afterwards.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};

use super::guard::{Guard, Refused};
use crate::call::thread;
use crate::os::shortage::check_descriptors;

/// So many names are looked up at once for a route.
const AT_ONCE: usize = 8;

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the host {host}: {why}")]
pub(crate) struct Unknown {
    /// The name.
    pub host: String,
    why: String,
}

/// The platform's resolver behind a guard.
pub(crate) struct Guarded {
    guard: Guard,
    /// The caller's own answer.
    fixed: Option<IpAddr>,
    /// The caller's proxy: he chose it, whatever its address.
    proxy: Option<String>,
    /// A resolver that hangs holds up so many threads, not more.
    threads: Arc<Semaphore>,
}

impl Guarded {
    /// For the hosts of one route: its fixed address and the host of its proxy, where it has them.
    pub(crate) fn new(guard: Guard, fixed: Option<IpAddr>, proxy: Option<&str>) -> Guarded {
        Guarded { guard, fixed, proxy: proxy.map(str::to_owned), threads: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// A thread that could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start a thread: {0}")]
pub(crate) struct NoThread(pub std::io::Error);

/// Asks the system on a thread of its own: it may take as long as it likes. A thread that cannot be had is an error.
async fn look_up(
    host: &str,
    one_of_them: Option<OwnedSemaphorePermit>,
) -> Result<std::io::Result<Vec<SocketAddr>>, Box<dyn std::error::Error + Send + Sync>> {
    let (done, waiting) = oneshot::channel();
    let name = host.to_owned();
    let thread = thread::start("ocireg-dns", move || {
        // Who asked may have gone meanwhile; the thread is there until the system has answered.
        let _one_of_them = one_of_them;
        let found = (name.as_str(), 0).to_socket_addrs();
        drop(done.send(found.map(Iterator::collect)));
    })
    .map_err(NoThread)?;
    let found = waiting.await.map_err(std::io::Error::other)?;
    // It has said all: nothing of it is left when the call ends.
    let _ = thread.join();
    Ok(found)
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        if let Some(ip) = self.fixed {
            return Box::pin(async move { Ok(Box::new(std::iter::once(SocketAddr::new(ip, 0))) as Addrs) });
        }
        let guard = match self.proxy.as_deref() == Some(name.as_str()) {
            true => Guard::Caller,
            false => self.guard,
        };
        let threads = self.threads.clone();
        Box::pin(async move {
            // What goes through a SOCKS proxy comes here with its brackets.
            let host = name.as_str().trim_start_matches('[').trim_end_matches(']').to_owned();
            let unknown = |why: String| Unknown { host: host.clone(), why };
            let found = match look_up(&host, threads.acquire_owned().await.ok()).await? {
                Ok(found) => found,
                Err(error) => {
                    // The system's resolver says "try again" when it gets no descriptor.
                    check_descriptors()?;
                    return Err(unknown(error.to_string()).into());
                }
            };
            if found.is_empty() {
                return Err(unknown("it has no address".to_owned()).into());
            }
            if let Some((ip, reason)) = found.iter().find_map(|a| guard.refuses(a.ip()).map(|reason| (a.ip(), reason)))
            {
                return Err(Refused::address(&host, reason, ip).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
