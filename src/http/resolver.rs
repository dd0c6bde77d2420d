//! Name resolution that remembers who sent us: a host that a server named (a redirect, a token realm, an upload
//! location) may not lead to this machine or to the cloud's metadata service, whatever its DNS says. The check is
//! on the addresses that are then connected to, so a name cannot pass it and change afterwards.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};

use super::address;
use super::route::Route;
use crate::call::thread;

/// So many names are looked up at once for a route.
const AT_ONCE: usize = 8;

/// Who chose the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// The caller: any address.
    Caller,
    /// A server. `from` is its own address when that is a local one, which it may then name again.
    Server {
        /// The server's address, when it is one that a stranger may not name.
        from: Option<IpAddr>,
    },
}

impl Guard {
    /// The guard for what a server at this address says.
    pub fn said_by(remote: Option<IpAddr>) -> Guard {
        Guard::Server { from: remote.filter(|ip| address::refused(*ip).is_some()) }
    }

    /// The reason why an address is refused, if it is.
    pub fn refuses(self, ip: IpAddr) -> Option<&'static str> {
        match self {
            Guard::Caller => None,
            Guard::Server { from } if address::allowed(ip, from) => None,
            Guard::Server { .. } => address::refused(ip),
        }
    }
}

/// A name that has no address.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the host {host}: {why}")]
pub(crate) struct Unknown {
    /// The name.
    pub host: String,
    why: String,
}

/// A host that the guard refuses.
#[derive(Debug, thiserror::Error)]
#[error("{0}, which a server may not send us to")]
pub(crate) struct Refused(String);

impl Refused {
    fn address(host: &str, reason: &str, ip: IpAddr) -> Refused {
        Refused(format!("the host {host} has the {reason} address {ip}"))
    }

    /// The proxy itself.
    pub(crate) fn proxy(host: &str) -> Refused {
        Refused(format!("the host {host} is the proxy itself"))
    }

    /// Checks a host that is an address itself: those never come to the resolver.
    pub(crate) fn check(url: &url::Url, guard: Guard) -> Result<(), Refused> {
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip),
            _ => return Ok(()),
        };
        match guard.refuses(ip) {
            Some(reason) => Err(Refused::address(&ip.to_string(), reason, ip)),
            None => Ok(()),
        }
    }

    /// Checks a name that somebody else resolves.
    pub(crate) fn check_name(name: &str, guard: Guard) -> Result<(), Refused> {
        let Guard::Server { from } = guard else { return Ok(()) };
        match address::refused_name(name) {
            Some("loopback") if from.is_some_and(|ip| ip.to_canonical().is_loopback()) => Ok(()),
            Some(reason) => Err(Refused(format!("the host {name} is a {reason} name"))),
            None => Ok(()),
        }
    }
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
    /// For the hosts of a route.
    pub(crate) fn new(guard: Guard, route: &Route) -> Guarded {
        let proxy = route.proxy.as_ref().map(|proxy| proxy.host().to_owned());
        let threads = Arc::new(Semaphore::new(AT_ONCE));
        Guarded { guard, fixed: route.address.map(|address| address.ip), proxy, threads }
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
                    rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
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
