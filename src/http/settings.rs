//! How requests are made: settings of the client, and settings of one host.

use std::time::Duration;

use super::byte_rates::ByteLimits;
use super::certs_d::CertsOptions;
use super::headers::Headers;
use super::proxy::{ProxyChoice, ProxyOptions};
use super::route::{Address, ClientCertificate};
use super::throttle::{HostLimits, ThrottleOptions};
use crate::error::{Code, Error, Result};
use crate::options::{above_zero, options, Texts};

options! {
    /// How requests are made.
    #[derive(Debug, Clone)]
    pub struct HttpOptions {
        /// the User-Agent that is sent (default: "ocireg/VERSION")
        pub user_agent: String = concat!("ocireg/", env!("CARGO_PKG_VERSION")).to_owned(),
        /// name, TCP and TLS together
        pub connect_timeout_ms: u64 = 10_000,
        /// no byte for that long; of an upload, no 32 KiB
        pub idle_timeout_ms: u64 = 30_000,
        /// the fewest bytes a second of a response's body, counted over idle_timeout_ms (default: 1024)
        ///
        /// a slower response is OCIREG_TIMEOUT; 0 allows any speed. The default is counted over 30 s or idle_timeout_ms, whichever
        /// is longer. Time in which the library itself waits, for download_bytes_per_second too, is not counted
        pub min_speed: Option<u64>,
        /// from the end of an upload to its answer
        pub answer_timeout_ms: u64 = 300_000,
        /// tries after the first one
        pub retries: u32 = 4,
        /// redirects followed for one request
        pub max_redirects: usize = 10,
        /// every host by http
        pub plain_http: bool,
        /// "Name: value" each, or in JSON an object: added to requests to the hosts that the caller names
        ///
        /// the headers also go to the own token servers of the hosts that the caller names, and not along with a redirect to
        /// another host. Refused are headers that are the library's own (Authorization, Host, Cookie, User-Agent, Range, Accept,
        /// Content-…, If-…, connection and framing headers)
        pub headers: Headers,
    } and {
        /// TLS
        pub tls: TlsOptions,
        #[doc = "Certificates by host."]
        pub certificates: CertsOptions,
        /// Proxy
        pub proxies: ProxyOptions,
        /// Limits
        pub throttle: ThrottleOptions,
    }
}

options! {
    /// How a host is known, and how it knows the caller.
    #[derive(Debug, Clone)]
    pub struct TlsOptions {
        /// TLS is not verified
        pub insecure: bool,
        /// PEM files of certificate authorities, and of servers' own certificates
        ///
        /// a server's own certificate is trusted as it is, for its names and days, as one among the platform's is
        pub ca_file: Texts,
        /// those instead of the platform's
        pub ca_only: bool,
        /// PEM file of a client certificate with its chain
        ///
        /// the client certificate is for the hosts that the caller names and their own token servers, never for hosts that a server
        /// names
        pub client_cert_file: Option<String>,
        /// PEM file of its key in PKCS #8, SEC 1 or PKCS #1 without passphrase (default: client_cert_file)
        pub client_key_file: Option<String>,
    }
}

options! {
    /// How one host is reached.
    #[derive(Clone)]
    pub struct HostNetworkOptions {
        /// instead of the client's option; "direct": no proxy; no_proxy is ignored
        pub proxy: Option<ProxyChoice>,
        /// path of a unix socket that leads to the host; scheme, Host header and TLS still use the host's name
        pub unix_socket: Option<String>,
        /// "IP" or "IP:PORT" to connect to, whatever the name resolves to
        ///
        /// the Host header and TLS still use the name. A host that is an address itself cannot have this option
        pub address: Option<Address>,
        /// "Name: value" each, or in JSON an object: in addition to the client's with other names
        pub headers: Headers,
        /// instead of the client's option
        pub max_connections_per_host: Option<u32>,
        /// instead of the client's option; 0 is any
        pub requests_per_second: Option<f64>,
        /// bytes of bodies that come from this host in a second; 0 is any
        ///
        /// the client's option of this name holds too. What the host redirects to elsewhere, such as the storage of its blobs,
        /// counts as its own
        pub download_bytes_per_second: u64 = 0,
        /// the same for the bytes that are sent, wherever the host says that an upload goes
        pub upload_bytes_per_second: u64 = 0,
    }
}

impl HostNetworkOptions {
    /// With what is known of its TLS.
    pub(crate) fn with_tls(&self, tls: &TlsOptions) -> Result<Network> {
        Ok(Network {
            insecure: tls.insecure,
            ca_files: tls.ca_file.0.clone(),
            ca_only: tls.ca_only,
            identity: tls.identity()?,
            proxy: self.proxy.clone(),
            unix_socket: self.unix_socket.clone(),
            address: self.address,
            headers: self.headers.clone(),
            max_connections: self.max_connections_per_host,
            requests_per_second: self.requests_per_second,
            bytes: ByteLimits { down: self.download_bytes_per_second, up: self.upload_bytes_per_second },
        })
    }
}

impl TlsOptions {
    pub(crate) fn identity(&self) -> Result<Option<ClientCertificate>> {
        ClientCertificate::of(self.client_cert_file.as_deref(), self.client_key_file.as_deref())
    }
}

impl HttpOptions {
    /// Refuses values that make no sense.
    pub(crate) fn check(&self) -> Result<()> {
        if self.user_agent.is_empty() {
            return Err(Error::new(Code::InvalidArgument, "the option user_agent is empty"));
        }
        if self.user_agent.chars().any(char::is_control) {
            let message = "the option user_agent must be text without control characters";
            return Err(Error::new(Code::InvalidArgument, message));
        }
        above_zero(&[
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms),
        ])?;
        self.network()?.check()
    }

    /// The settings for all hosts.
    pub(crate) fn network(&self) -> Result<Network> {
        Ok(Network {
            insecure: self.tls.insecure,
            ca_files: self.tls.ca_file.0.clone(),
            ca_only: self.tls.ca_only,
            identity: self.tls.identity()?,
            headers: self.headers.clone(),
            max_connections: Some(self.throttle.max_connections_per_host),
            requests_per_second: Some(self.throttle.requests_per_second),
            ..Network::default()
        })
    }

    /// The most bytes a second of all hosts together.
    pub(crate) fn bytes(&self) -> ByteLimits {
        let ThrottleOptions { download_bytes_per_second: down, upload_bytes_per_second: up, .. } = self.throttle;
        ByteLimits { down, up }
    }

    /// The minimum speed. A limit set by the caller is measured over the idle limit, as documented; the default is
    /// measured for longer, so that a short idle limit concerns only silence.
    pub(crate) fn slowest(&self) -> Slowest {
        match self.min_speed {
            Some(rate) => Slowest { rate, window: self.idle() },
            None => Slowest { rate: 1024, window: self.idle().max(Duration::from_secs(30)) },
        }
    }

    /// How long a server may be silent.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// The limit for name resolution, TCP and TLS together.
    pub(crate) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// The time limit for the response to an upload.
    pub(crate) fn response(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }
}

/// The minimum speed of a server: fewer bytes per second over the window count as a stall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slowest {
    /// Bytes per second; 0 means no minimum.
    pub(crate) rate: u64,
    /// The time over which the rate is measured.
    pub(crate) window: Duration,
}

/// The network settings of one host, or of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    pub insecure: bool,
    /// PEM files with certificate authorities.
    pub ca_files: Vec<String>,
    /// Use those instead of the platform's.
    pub ca_only: bool,
    pub identity: Option<ClientCertificate>,
    /// A proxy, or explicitly none.
    pub proxy: Option<ProxyChoice>,
    /// A unix socket that leads to the host.
    pub unix_socket: Option<String>,
    /// The host's fixed address.
    pub address: Option<Address>,
    pub headers: Headers,
    /// The most concurrent requests.
    pub max_connections: Option<u32>,
    /// The most requests per second; 0 means no limit.
    pub requests_per_second: Option<f64>,
    /// The most bytes per second in each direction.
    pub bytes: ByteLimits,
}

/// The longest path of a socket on Linux, without the final NUL.
const SOCKET_PATH: usize = 107;

impl Network {
    /// Refuses contradictions and invalid values.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(Code::InvalidArgument, message));
        let said = [
            ("unix_socket", self.unix_socket.is_some()),
            ("address", self.address.is_some()),
            ("proxy", matches!(self.proxy, Some(ProxyChoice::Through(_)))),
        ];
        let mut given = said.iter().filter(|(_, given)| *given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            return invalid(format!("the options {first} and {second} contradict each other"));
        }
        if let Some(path) = &self.unix_socket {
            if path.is_empty() || path.contains('\0') || path.len() > SOCKET_PATH {
                return invalid(format!("the option unix_socket must be a path of 1 to {SOCKET_PATH} bytes"));
            }
        }
        if self.max_connections == Some(0) {
            return invalid("the option max_connections_per_host must be more than 0".to_owned());
        }
        // NaN is not in any range.
        if self.requests_per_second.is_some_and(|rate| rate != 0.0 && !(0.001..=1e6).contains(&rate)) {
            return invalid("the option requests_per_second must be 0, or from 0.001 to 1000000".to_owned());
        }
        Ok(())
    }

    /// The limits of a host with these settings, where `general` are those for all hosts.
    pub fn limits(&self, general: &Network) -> HostLimits {
        let at_once = self.max_connections.or(general.max_connections).unwrap_or(u32::MAX);
        let per_second = self.requests_per_second.or(general.requests_per_second).unwrap_or(0.0);
        // The client's bytes are those of all hosts together.
        HostLimits { at_once: usize::try_from(at_once).unwrap_or(usize::MAX), per_second, bytes: self.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let refused = |options: HttpOptions| options.check().unwrap_err().message().to_owned();
        assert!(HttpOptions::default().check().is_ok());
        assert!(refused(HttpOptions { idle_timeout_ms: 0, ..Default::default() }).contains("idle_timeout_ms"));
        assert!(refused(HttpOptions { user_agent: "a\r\nb".to_owned(), ..Default::default() }).contains("user_agent"));
    }

    #[test]
    fn networks_that_make_no_sense_are_named() {
        let refused = |network: Network| network.check().unwrap_err().message().to_owned();
        let proxy = ProxyChoice::parse("http://p").ok();
        let socket = Some("/s".to_owned());
        let address = Address::parse("10.0.0.1");
        assert!(Network { unix_socket: socket.clone(), proxy: Some(ProxyChoice::Direct), ..Network::default() }
            .check()
            .is_ok());
        let both = Network { unix_socket: socket.clone(), proxy: proxy.clone(), ..Network::default() };
        assert!(refused(both).contains("unix_socket and proxy"));
        assert!(
            refused(Network { unix_socket: socket, address, ..Network::default() }).contains("unix_socket and address")
        );
        assert!(refused(Network { address, proxy, ..Network::default() }).contains("address and proxy"));
        for path in [String::new(), "x".repeat(108)] {
            assert!(refused(Network { unix_socket: Some(path), ..Network::default() }).contains("unix_socket"));
        }
        assert!(
            refused(Network { max_connections: Some(0), ..Network::default() }).contains("max_connections_per_host")
        );
        for rate in [-1.0, f64::NAN, f64::INFINITY, 1e-9, 2e6] {
            let network = Network { requests_per_second: Some(rate), ..Network::default() };
            assert!(refused(network).contains("requests_per_second"), "{rate}");
        }
    }

    #[test]
    fn a_hosts_own_limits_win() {
        let general = HttpOptions::default().network().unwrap();
        assert_eq!(
            Network::default().limits(&general),
            HostLimits { at_once: 8, per_second: 0.0, bytes: ByteLimits::default() }
        );
        let own = Network { max_connections: Some(2), requests_per_second: Some(0.5), ..Network::default() };
        assert_eq!(own.limits(&general), HostLimits { at_once: 2, per_second: 0.5, bytes: ByteLimits::default() });
    }
}
