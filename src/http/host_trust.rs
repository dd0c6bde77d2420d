//! Where the name of a host came from, and which hosts that lets us connect to. One that a server named (a redirect, a token realm,
//! an upload location) may not lead to this machine or to the cloud's metadata service, whatever its DNS says.

use std::net::IpAddr;

use super::address;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostTrust {
    /// The caller: any address is allowed.
    Caller,
    /// A server. `from` is its own address if that is a local one, which it may then name too.
    Server {
        /// The server's address, if it is one that other servers may not name.
        from: Option<IpAddr>,
    },
}

impl HostTrust {
    /// The trust of URLs from a server at this address.
    pub fn said_by(remote: Option<IpAddr>) -> HostTrust {
        HostTrust::Server { from: remote.filter(|ip| address::refused(*ip).is_some()) }
    }

    /// The reason why an address is refused; None if it is allowed.
    pub fn refuses(self, ip: IpAddr) -> Option<&'static str> {
        match self {
            HostTrust::Caller => None,
            HostTrust::Server { from } if address::allowed(ip, from) => None,
            HostTrust::Server { .. } => address::refused(ip),
        }
    }
}

/// A host that is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}, to which a server must not redirect")]
pub(crate) struct RefusedHost(String);

impl RefusedHost {
    pub(crate) fn address(host: &str, reason: &str, ip: IpAddr) -> RefusedHost {
        RefusedHost(format!("the host {host} has the {reason} address {ip}"))
    }

    pub(crate) fn proxy(host: &str) -> RefusedHost {
        RefusedHost(format!("the host {host} is the proxy itself"))
    }

    /// Checks a host that is itself an address: those never reach the resolver.
    pub(crate) fn check(url: &url::Url, trust: HostTrust) -> Result<(), RefusedHost> {
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip),
            _ => return Ok(()),
        };
        match trust.refuses(ip) {
            Some(reason) => Err(RefusedHost::address(&ip.to_string(), reason, ip)),
            None => Ok(()),
        }
    }

    /// Checks a name that a proxy resolves.
    pub(crate) fn check_name(name: &str, trust: HostTrust) -> Result<(), RefusedHost> {
        let HostTrust::Server { from } = trust else { return Ok(()) };
        match address::refused_name(name) {
            Some("loopback") if from.is_some_and(|ip| ip.to_canonical().is_loopback()) => Ok(()),
            Some(reason) => Err(RefusedHost(format!("the host {name} is a {reason} name"))),
            None => Ok(()),
        }
    }
}
