//! The route to a host: how it is trusted, the client's identity, and what is connected to. Everything that makes two
//! connections different is in it, so that it is also the key of the connection pools.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ::http::header::{HeaderMap, HeaderValue, HOST};
use serde_json::Value;
use url::Url;

use super::address;
use super::host_trust::{HostTrust, RefusedHost};
use super::origin::host_of;
use super::proxy::Proxy;
use crate::error::{Code, Error, Result};
use crate::options::OptionValue;

/// How the peer's certificate is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsTrust {
    /// The certificate is not looked at: anybody may answer.
    pub insecure: bool,
    /// Also trust the authorities in these PEM files.
    pub ca_files: Vec<String>,
    /// Trust only those authorities.
    pub ca_only: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// PEM file of the certificate and its intermediate certificates.
    pub cert_file: String,
    /// PEM file of its key; the same file if it contains both.
    pub key_file: String,
}

impl ClientCertificate {
    /// From two options, of which the second is optional.
    pub fn of(cert_file: Option<&str>, key_file: Option<&str>) -> Result<Option<ClientCertificate>> {
        match (cert_file, key_file) {
            (None, None) => Ok(None),
            (None, Some(_)) => {
                Err(Error::new(Code::InvalidArgument, "the option client_key_file needs client_cert_file"))
            }
            (Some(cert), key) => {
                Ok(Some(ClientCertificate { cert_file: cert.to_owned(), key_file: key.unwrap_or(cert).to_owned() }))
            }
        }
    }
}

/// A fixed address: `IP` or `IP:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address to connect to, whatever the name resolves to.
    pub ip: IpAddr,
    /// The port, if different from the URL's.
    pub port: Option<u16>,
}

impl Address {
    /// Parses an address; an IPv6 address with a port has brackets.
    pub fn parse(text: &str) -> Option<Address> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(ip) = bare.parse() {
            return Some(Address { ip, port: None });
        }
        let both: SocketAddr = text.parse().ok()?;
        (both.port() != 0).then(|| Address { ip: both.ip(), port: Some(both.port()) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(out),
            None => self.ip.fmt(out),
        }
    }
}

impl OptionValue for Address {
    fn read(value: Value) -> std::result::Result<Address, String> {
        let text = String::read(value)?;
        Address::parse(&text).ok_or_else(|| format!("must be IP or IP:PORT, not '{}'", crate::text::shorten(&text)))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Route {
    /// How the certificate of the host is checked.
    pub trust: TlsTrust,
    /// The client certificate, if the server asks for one.
    pub identity: Option<ClientCertificate>,
    /// The proxy that leads to it.
    pub proxy: Option<Proxy>,
    /// How the identity of a proxy is checked: never with the host's own settings.
    pub proxy_trust: TlsTrust,
    /// The unix socket that leads to it.
    pub unix_socket: Option<String>,
    /// Its fixed address, whatever its name resolves to.
    pub address: Option<Address>,
    /// A limit of its own for connecting.
    pub connect: Option<Duration>,
}

impl Route {
    /// Refuses hosts that the trust does not allow, as far as that is known without resolving:
    /// the resolver checks the rest, unless a proxy resolves names. Then the names of this machine and of
    /// clouds' metadata services are refused too, and the proxy is trusted for all others.
    pub fn check(&self, url: &Url, trust: HostTrust) -> Result<()> {
        self.refused(url, trust).map_err(|refused| Error::new(Code::Redirect, refused.to_string()).with_url(url))
    }

    fn refused(&self, url: &Url, trust: HostTrust) -> std::result::Result<(), RefusedHost> {
        // The caller decides where it leads.
        if self.unix_socket.is_some() || self.address.is_some() {
            return Ok(());
        }
        RefusedHost::check(url, trust)?;
        let (Some(proxy), Some(url::Host::Domain(name))) = (&self.proxy, url.host()) else { return Ok(()) };
        if proxy.resolves() {
            RefusedHost::check_name(name, trust)?;
        } else if trust != HostTrust::Caller && name == proxy.host() {
            // The resolver allows the proxy's own name.
            return Err(RefusedHost::proxy(name));
        }
        Ok(())
    }

    /// The URL for the HTTP crate. It contains a fixed port; then the headers get the host's own name.
    pub fn dial_url(&self, url: &Url, headers: &mut HeaderMap) -> Url {
        let mut dialed = url.clone();
        if let Some(port) = self.address.and_then(|address| address.port) {
            if let (Ok(()), Ok(host)) = (dialed.set_port(Some(port)), HeaderValue::from_str(&host_of(url))) {
                headers.insert(HOST, host);
            }
        }
        dialed
    }

    /// The address that answered a request: behind a proxy or a socket, only an address in the URL itself.
    pub fn remote(&self, url: &Url, peer: Option<SocketAddr>) -> Option<IpAddr> {
        match self.proxy.is_some() || self.unix_socket.is_some() {
            true => address::certain(url),
            false => peer.map(|peer| peer.ip()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_may_have_a_port() {
        for (text, shown) in [
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.1:5000", "10.0.0.1:5000"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), shown);
        }
        for text in
            ["", "host", "host:5000", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:70000", "10.0.0.256", "http://10.0.0.1"]
        {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_needs_its_certificate() {
        assert_eq!(ClientCertificate::of(None, None).unwrap(), None);
        let both = ClientCertificate::of(Some("c.pem"), None).unwrap().unwrap();
        assert_eq!((both.cert_file.as_str(), both.key_file.as_str()), ("c.pem", "c.pem"));
        assert!(ClientCertificate::of(None, Some("k")).unwrap_err().message().contains("client_key_file"));
    }

    #[test]
    fn what_a_proxy_resolves_is_checked_by_name() {
        let server = HostTrust::said_by(None);
        let of = |proxy: &str| Route { proxy: Some(Proxy::parse(proxy).unwrap()), ..Route::default() };
        let proxied = of("http://proxy.example:3128");
        for bad in ["http://localhost/", "http://x.localhost", "http://metadata.google.internal/", "http://127.0.0.1/"]
        {
            assert_eq!(proxied.check(&url(bad), server).unwrap_err().code(), Code::Redirect, "{bad}");
            assert!(proxied.check(&url(bad), HostTrust::Caller).is_ok());
        }
        assert!(proxied.check(&url("https://cdn.example/"), server).is_ok());
        // Without a proxy the resolver sees the name.
        assert!(Route::default().check(&url("http://localhost/"), server).is_ok());
        let local = HostTrust::said_by(Some("127.0.0.1".parse().unwrap()));
        assert!(proxied.check(&url("http://localhost/"), local).is_ok());
        assert!(proxied.check(&url("http://metadata.google.internal/"), local).is_err());
        let socks = of("socks5://proxy.example");
        assert!(socks.check(&url("http://proxy.example:22/"), server).is_err());
        assert!(socks.check(&url("http://localhost/"), server).is_ok());
    }

    #[test]
    fn a_fixed_port_keeps_the_hosts_name() {
        let dialed = |address: &str, text: &str| {
            let mut headers = HeaderMap::new();
            let dialed =
                Route { address: Address::parse(address), ..Route::default() }.dial_url(&url(text), &mut headers);
            (dialed.to_string(), headers.get(HOST).map(|host| host.to_str().unwrap().to_owned()))
        };
        let fixed = dialed("127.0.0.1:5001", "https://reg.example/v2/");
        assert_eq!(fixed, ("https://reg.example:5001/v2/".to_owned(), Some("reg.example".to_owned())));
        assert_eq!(dialed("127.0.0.1:5001", "http://reg.example:81/").1.as_deref(), Some("reg.example:81"));
        assert_eq!(dialed("127.0.0.1", "https://reg.example/").1, None);
    }

    #[test]
    fn behind_a_proxy_the_peer_is_not_who_answered() {
        let peer: SocketAddr = "127.0.0.1:3128".parse().unwrap();
        let proxied = Route { proxy: Proxy::parse("http://127.0.0.1:3128").ok(), ..Route::default() };
        assert_eq!(proxied.remote(&url("http://reg.example"), Some(peer)), None);
        assert_eq!(proxied.remote(&url("http://10.0.0.1"), Some(peer)), Some("10.0.0.1".parse().unwrap()));
        assert_eq!(Route::default().remote(&url("http://reg.example"), Some(peer)), Some(peer.ip()));
    }
}
