//! The hosts that are reached without a proxy: NO_PROXY and the option of that name, as Go reads it
//! (golang.org/x/net/http/httpproxy).

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

/// The hosts that are reached without a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NoProxy(Vec<Exemption>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Exemption {
    Everything,
    Network(IpNet),
    Address { ip: IpAddr, port: Option<u16> },
    Name { name: String, itself: bool, port: Option<u16> },
}

impl NoProxy {
    /// Adds entries, separated by commas: `*`, an address or `ADDRESS/BITS`, a name (it and every name below it), or
    /// `.name` and `*.name` (only the names below it); all but networks may have a `:PORT`.
    pub(crate) fn add(&mut self, text: &str) {
        self.0.extend(text.split(',').filter_map(|entry| Exemption::parse(&entry.trim().to_ascii_lowercase())));
    }

    /// Whether a host is one of them.
    pub(crate) fn covers(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        let host = match url.host() {
            Some(Host::Domain(name)) => Host::Domain(name.strip_suffix('.').unwrap_or(name)),
            Some(Host::Ipv4(ip)) => Host::Ipv4(ip),
            Some(Host::Ipv6(ip)) => Host::Ipv6(ip),
            None => return false,
        };
        self.0.iter().any(|entry| entry.covers(&host, port))
    }
}

impl Exemption {
    fn parse(text: &str) -> Option<Exemption> {
        if text.is_empty() {
            return None;
        }
        if text == "*" {
            return Some(Exemption::Everything);
        }
        if let Some((address, bits)) = text.split_once('/') {
            return IpNet::new(bare(address).parse().ok()?, bits.parse().ok()?).ok().map(Exemption::Network);
        }
        if let Ok(ip) = bare(text).parse() {
            return Some(Exemption::Address { ip, port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (text, None),
        };
        if let Ok(ip) = bare(host).parse() {
            return Some(Exemption::Address { ip, port });
        }
        let below = host.strip_prefix("*.").or_else(|| host.strip_prefix('.'));
        let name = below.unwrap_or(host).trim_end_matches('.');
        (!name.is_empty()).then(|| Exemption::Name { name: name.to_owned(), itself: below.is_none(), port })
    }

    fn covers(&self, host: &Host<&str>, at: Option<u16>) -> bool {
        let ip = match host {
            Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(*ip).to_canonical()),
            Host::Domain(_) => None,
        };
        match self {
            Exemption::Everything => true,
            Exemption::Network(network) => ip.is_some_and(|ip| network.contains(&ip)),
            Exemption::Address { ip: own, port } => ip == Some(*own) && (port.is_none() || *port == at),
            Exemption::Name { name, itself, port } => {
                let Host::Domain(host) = host else { return false };
                let below = host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                (below || (*itself && host == name)) && (port.is_none() || *port == at)
            }
        }
    }
}

fn bare(address: &str) -> &str {
    address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        let covers = |list: &str, target: &str| {
            let mut except = NoProxy::default();
            except.add(list);
            except.covers(&Url::parse(target).unwrap())
        };
        for (list, target) in [
            ("*", "http://anything/"),
            ("foo.com", "https://foo.com/"),
            ("foo.com", "https://FOO.com./"),
            ("foo.com", "https://bar.foo.com/"),
            (".foo.com", "https://bar.foo.com/"),
            ("*.foo.com", "https://bar.foo.com/"),
            ("a, foo.com:8080 ,b", "http://foo.com:8080/"),
            ("foo.com:443", "https://foo.com/"),
            ("10.0.0.0/8", "http://10.200.3.4/"),
            ("10.1.2.3", "http://10.1.2.3:5000/"),
            ("10.1.2.3:5000", "http://10.1.2.3:5000/"),
            ("fd00::/8", "http://[fd12::1]/"),
            ("[fd12::1]:80", "http://[fd12::1]/"),
            ("fd12::1", "http://[fd12::1]/"),
            ("0.0.0.0/0", "http://1.2.3.4/"),
            ("10.1.2.3", "http://[::ffff:10.1.2.3]/"),
        ] {
            assert!(covers(list, target), "{list} {target}");
        }
        for (list, target) in [
            ("", "http://h/"),
            (",,", "http://h/"),
            ("foo.com", "https://barfoo.com/"),
            (".foo.com", "https://foo.com/"),
            ("*.foo.com", "https://foo.com/"),
            ("foo.com:8080", "https://foo.com/"),
            ("10.0.0.0/8", "http://11.0.0.1/"),
            ("10.0.0.0/33", "http://10.0.0.1/"),
            ("10.0.0.0/8", "http://ten.example/"),
            ("10.1.2.3:5000", "http://10.1.2.3/"),
            ("fd00::/8", "http://10.0.0.1/"),
        ] {
            assert!(!covers(list, target), "{list} {target}");
        }
    }
}
