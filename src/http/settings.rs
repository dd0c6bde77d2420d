//! How requests are made: what belongs to the client, and what belongs to one host.

use std::time::Duration;

use super::headers::Headers;
use super::proxy::Choice;
use super::response::Slowest;
use super::route::{Address, Identity};
use super::throttle::Limits;
use crate::error::{Code, Error, Result};
use crate::manifest::MOST_BYTES as MOST_MANIFEST_BYTES;
use crate::options::{options, Texts};

options! {
    /// Options of a client. Every member has the default that the C header documents.
    #[derive(Debug, Clone)]
    pub struct ClientOptions {
        /// "ocireg/VERSION" without it
        pub user_agent: String = concat!("ocireg/", env!("CARGO_PKG_VERSION")).to_owned(),
        /// name, TCP and TLS together
        pub connect_timeout_ms: u64 = 10_000,
        /// no byte for that long; of an upload, no 32 KiB
        pub idle_timeout_ms: u64 = 30_000,
        /// bytes a second of an answer's body, counted over idle_timeout_ms; fewer are OCIREG_TIMEOUT, 0 is any; without it
        /// 1024, counted over 30 s or idle_timeout_ms, whichever is longer
        pub min_speed: Option<u64>,
        /// from the end of an upload to its answer
        pub answer_timeout_ms: u64 = 300_000,
        /// tries after the first one
        pub retries: u32 = 4,
        /// redirects followed for one request
        pub max_redirects: usize = 10,
        /// the largest manifest taken; at most 33554432
        pub max_manifest_bytes: u64 = 4_194_304,
        /// the largest page of a list taken
        pub max_list_bytes: u64 = 33_554_432,
        /// the largest blob or layer taken, by copies too; without it any whose size is known, and 8589934592 bytes of one
        /// whose size neither the registry nor the caller says
        pub max_blob_bytes: Option<u64>,
        /// every host by http
        pub plain_http: bool,
        /// no host's TLS is verified
        pub insecure: bool,
        /// PEM files of certificate authorities for every host, and of servers' own certificates, which are taken as they are,
        /// for their names and days, as one among the platform's is
        pub ca_file: Texts,
        /// those instead of the platform's
        pub ca_only: bool,
        /// PEM file of a client certificate with its chain, for the hosts that the caller names and their own token servers,
        /// never for hosts that a server names
        pub client_cert_file: Option<String>,
        /// PEM file of its key in PKCS #8, SEC 1 or PKCS #1 without passphrase; the same file when left out
        pub client_key_file: Option<String>,
        /// "http://", "https://", "socks5://" (names are resolved here) or "socks5h://" (by the proxy), with "USER:PASSWORD@"
        /// if need be, or "direct" for none
        pub proxy: Option<Choice>,
        /// hosts that it is not for, as Go reads them: "*", "name" with all names below it, ".name" without itself, addresses,
        /// "ADDRESS/BITS", each but the last with ":PORT" if wanted
        pub no_proxy: Texts,
        /// without the option proxy, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY in either case, read now; never for this
        /// machine's own names and addresses, and no HTTP_PROXY in a CGI program
        pub proxy_from_environment: bool,
        /// "Name: value" each, or in JSON an object: added to requests to the hosts that the caller names and their own token
        /// servers; not to redirects elsewhere. Refused are headers that are the library's own (Authorization, Host, Cookie,
        /// User-Agent, Range, Accept, Content-…, If-…, connection and framing headers)
        pub headers: Headers,
        /// folders as Docker has them: DIR/HOST[:PORT]/ with *.crt for authorities and NAME.cert with NAME.key for a client
        /// certificate; the first that has the host's folder counts
        pub certs_dir: Texts,
        /// also the usual ones, ~/.config/containers/certs.d, ~/.config/docker/certs.d, /etc/containers/certs.d and
        /// /etc/docker/certs.d
        pub certs_d: bool,
        /// requests of all threads that wait for one host's answers at once, to the end of bodies that are read whole; the
        /// bytes of blobs are not counted in either direction, so that a transfer never waits for itself
        pub max_connections_per_host: u32 = 8,
        /// requests to one host that begin in a second, over all threads; 0 is any
        pub requests_per_second: f64 = 0.0,
        /// a file of Docker's or podman's form, which must be there
        pub credentials_file: Option<String>,
        /// a folder, whose config.json is read if it is there
        pub docker_config: Option<String>,
        /// the usual places, by the environment at this moment: the text in DOCKER_AUTH_CONFIG, the file REGISTRY_AUTH_FILE,
        /// config.json in DOCKER_CONFIG or in ~/.docker, containers/auth.json in XDG_RUNTIME_DIR, and in XDG_CONFIG_HOME or
        /// ~/.config, and ~/.dockercfg
        pub stored_credentials: bool,
        /// also files of other users but root, and those that others may write, as a container needs whose user is not the one
        /// outside
        pub foreign_credentials: bool,
        /// for one run of a credential helper, which is killed then
        pub helper_timeout_ms: u64 = 60_000,
        /// the folders of the helpers, with ':' between, instead of PATH
        pub helper_path: Option<String>,
        /// the folder for bytes that have to wait on the disk; without it /var/tmp, or /tmp where there is none; no environment
        /// is read
        pub temporary_dir: Option<String>,
        /// the most that may wait there for one call
        pub max_temporary_bytes: u64 = 68_719_476_736,
    }
}

/// The most that is taken of a blob whose size nobody says, where `max_blob_bytes` does not.
const UNSAID_BLOB: u64 = 8 << 30;

impl ClientOptions {
    /// Refuses what nobody can have meant.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(Code::InvalidArgument, message));
        if self.max_manifest_bytes > MOST_MANIFEST_BYTES {
            return invalid(format!("the option max_manifest_bytes is at most {MOST_MANIFEST_BYTES}"));
        }
        if self.user_agent.is_empty() || self.user_agent.chars().any(char::is_control) {
            return invalid("the option user_agent must be text without control characters".to_owned());
        }
        let amounts = [
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms),
            ("max_manifest_bytes", self.max_manifest_bytes),
            ("max_list_bytes", self.max_list_bytes),
            ("max_blob_bytes", self.max_blob_bytes.unwrap_or(1)),
            ("helper_timeout_ms", self.helper_timeout_ms),
            ("max_temporary_bytes", self.max_temporary_bytes),
        ];
        if let Some((name, _)) = amounts.iter().find(|(_, amount)| *amount == 0) {
            return invalid(format!("the option {name} must be more than 0"));
        }
        self.network()?.check()
    }

    /// What they say about every host.
    pub fn network(&self) -> Result<Network> {
        Ok(Network {
            insecure: self.insecure,
            ca_files: self.ca_file.0.clone(),
            ca_only: self.ca_only,
            identity: Identity::of(self.client_cert_file.as_deref(), self.client_key_file.as_deref())?,
            headers: self.headers.clone(),
            max_connections: Some(self.max_connections_per_host),
            requests_per_second: Some(self.requests_per_second),
            ..Network::default()
        })
    }

    /// How slow a server may send. What the caller asks for holds over the idle limit, as it says; what nobody asked for is
    /// counted for longer, so that a short idle limit means silence and nothing else.
    pub fn slowest(&self) -> Slowest {
        match self.min_speed {
            Some(rate) => Slowest { rate, window: self.idle() },
            None => Slowest { rate: 1024, window: self.idle().max(Duration::from_secs(30)) },
        }
    }

    /// Refuses more of a blob than may be taken: it has `size` bytes or, where nobody says its size, so many so far.
    pub fn check_blob(&self, size: u64, is_said: bool, what: impl FnOnce() -> String) -> Result<()> {
        let most = self.max_blob_bytes.unwrap_or(if is_said { u64::MAX } else { UNSAID_BLOB });
        if size <= most {
            return Ok(());
        }
        let message = match is_said {
            true => format!("{} has {size} bytes, more than max_blob_bytes, {most}", what()),
            false => format!("{} has more than max_blob_bytes, {most}, and nobody says how many", what()),
        };
        Err(Error::new(Code::LimitExceeded, message))
    }

    /// The idle limit.
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    /// The connect limit.
    pub fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_timeout_ms)
    }

    /// The limit for the answer to an upload.
    pub fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }
}

/// What options say about the network of one host, or of every one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Network {
    /// Do not verify TLS.
    pub insecure: bool,
    /// PEM files of certificate authorities.
    pub ca_files: Vec<String>,
    /// Those instead of the platform's.
    pub ca_only: bool,
    /// A client certificate.
    pub identity: Option<Identity>,
    /// A proxy, or none at all.
    pub proxy: Option<Choice>,
    /// A socket of this machine that leads to the host.
    pub unix_socket: Option<String>,
    /// The host's address.
    pub address: Option<Address>,
    /// Headers for every request.
    pub headers: Headers,
    /// Requests that wait for answers at once.
    pub max_connections: Option<u32>,
    /// Requests that begin in a second; 0 is any number.
    pub requests_per_second: Option<f64>,
}

/// Linux's room for the path of a socket, less the zero behind it.
const SOCKET_PATH: usize = 107;

impl Network {
    /// Refuses what contradicts itself or makes no sense.
    pub fn check(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(Code::InvalidArgument, message));
        let ways = [
            ("unix_socket", self.unix_socket.is_some()),
            ("address", self.address.is_some()),
            ("proxy", matches!(self.proxy, Some(Choice::Through(_)))),
        ];
        let mut given = ways.iter().filter(|(_, given)| *given);
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
        // NaN is in no range.
        if self.requests_per_second.is_some_and(|rate| rate != 0.0 && !(0.001..=1e6).contains(&rate)) {
            return invalid("the option requests_per_second must be 0, or from 0.001 to 1000000".to_owned());
        }
        Ok(())
    }

    /// The limits of a host, where this is what is said about it, and `general` about every host.
    pub fn limits(&self, general: &Network) -> Limits {
        let at_once = self.max_connections.or(general.max_connections).unwrap_or(u32::MAX);
        let per_second = self.requests_per_second.or(general.requests_per_second).unwrap_or(0.0);
        Limits { at_once: usize::try_from(at_once).unwrap_or(usize::MAX), per_second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let refused = |options: ClientOptions| options.check().unwrap_err().message().to_owned();
        assert!(ClientOptions::default().check().is_ok());
        assert!(refused(ClientOptions { idle_timeout_ms: 0, ..Default::default() }).contains("idle_timeout_ms"));
        assert!(refused(ClientOptions { user_agent: "a\r\nb".to_owned(), ..Default::default() }).contains("user_agent"));
        let large = ClientOptions { max_manifest_bytes: MOST_MANIFEST_BYTES + 1, ..Default::default() };
        assert!(refused(large).contains("max_manifest_bytes"));
    }

    #[test]
    fn a_blob_is_bounded_where_its_size_is_not_known() {
        let check = |most, size, is_said| {
            let options = ClientOptions { max_blob_bytes: most, ..ClientOptions::default() };
            options.check_blob(size, is_said, || "the blob".to_owned()).is_ok()
        };
        assert!(check(None, u64::MAX, true) && check(None, 8 << 30, false) && !check(None, (8 << 30) + 1, false));
        for is_said in [true, false] {
            assert!(check(Some(10), 10, is_said) && !check(Some(10), 11, is_said));
        }
        assert!(check(Some(9 << 30), 9 << 30, false), "more than the default, too");
    }

    #[test]
    fn networks_that_make_no_sense_are_named() {
        let refused = |network: Network| network.check().unwrap_err().message().to_owned();
        let proxy = Choice::parse("http://p").ok();
        let socket = Some("/s".to_owned());
        let address = Address::parse("10.0.0.1");
        assert!(Network { unix_socket: socket.clone(), proxy: Some(Choice::Direct), ..Network::default() }
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
        let general = ClientOptions::default().network().unwrap();
        assert_eq!(Network::default().limits(&general), Limits { at_once: 8, per_second: 0.0 });
        let own = Network { max_connections: Some(2), requests_per_second: Some(0.5), ..Network::default() };
        assert_eq!(own.limits(&general), Limits { at_once: 2, per_second: 0.5 });
    }
}
