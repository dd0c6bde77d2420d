//! Name resolution that remembers who sent us: a host that a server named (a redirect, a token realm, an upload
//! location) may not lead to this machine or to the cloud's metadata service, whatever its DNS says. The check is
//! on the addresses that are then connected to, so a name cannot pass it and change afterwards.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address;

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
#[error("{0}")]
pub struct Unknown(String);

/// An address that the guard refuses.
#[derive(Debug, thiserror::Error)]
#[error("the host {host} has the {reason} address {ip}, which a server may not send us to")]
pub struct Refused {
    host: String,
    reason: &'static str,
    ip: IpAddr,
}

impl Refused {
    /// Checks a host that is an address itself: those never come to the resolver.
    pub fn check(url: &url::Url, guard: Guard) -> Result<(), Refused> {
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip),
            _ => return Ok(()),
        };
        match guard.refuses(ip) {
            Some(reason) => Err(Refused { host: ip.to_string(), reason, ip }),
            None => Ok(()),
        }
    }
}

/// The platform's resolver behind a guard.
pub struct Guarded(pub Guard);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found: Vec<SocketAddr> =
                found.map_err(|error| Unknown(format!("cannot resolve the host {host}: {error}")))?.collect();
            if found.is_empty() {
                return Err(Unknown(format!("the host {host} has no address")).into());
            }
            if let Some((ip, reason)) = found.iter().find_map(|a| guard.refuses(a.ip()).map(|reason| (a.ip(), reason)))
            {
                return Err(Refused { host, reason, ip }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
