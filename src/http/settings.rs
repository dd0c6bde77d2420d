//! How requests are made: what belongs to the client, and what belongs to one host.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::Deserialize;

use super::headers::Headers;
use super::proxy::Choice;
use super::response::Slowest;
use super::route::{Address, Identity};
use super::throttle::Limits;
use crate::error::{Code, Error, Result};
use crate::manifest::MOST_BYTES as MOST_MANIFEST_BYTES;

/// Options of a client. Every member has the default that the C header documents.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientOptions {
    /// The User-Agent header.
    pub user_agent: String,
    /// Name resolution, TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// No byte from or to the server for that long.
    pub idle_timeout_ms: u64,
    /// The fewest bytes a second that an answer's body may come at, over the idle limit; 0 is any.
    pub min_speed: Option<u64>,
    /// From the end of an upload to its answer.
    pub answer_timeout_ms: u64,
    /// Tries after the first one.
    pub retries: u32,
    /// Redirects followed for one request.
    pub max_redirects: usize,
    /// The largest manifest taken.
    pub max_manifest_bytes: u64,
    /// The largest page of a list taken.
    pub max_list_bytes: u64,
    /// The largest blob taken; without it any whose size is known.
    pub max_blob_bytes: Option<u64>,
    /// Every host by plain http.
    pub plain_http: bool,
    /// No TLS verification for any host.
    pub insecure: bool,
    /// PEM files of certificate authorities for every host.
    pub ca_file: Texts,
    /// Those instead of the platform's.
    pub ca_only: bool,
    /// PEM file of a client certificate for the hosts that the caller names.
    pub client_cert_file: Option<String>,
    /// PEM file of its key, when that is another.
    pub client_key_file: Option<String>,
    /// The proxy for every host.
    pub proxy: Option<Choice>,
    /// The hosts that it is not for.
    pub no_proxy: Texts,
    /// Take both from the environment instead.
    pub proxy_from_environment: bool,
    /// Headers for the hosts that the caller names.
    pub headers: Headers,
    /// Folders of certificates by host.
    pub certs_dir: Texts,
    /// Also the usual ones of this machine.
    pub certs_d: bool,
    /// Requests that wait for one host's answers at once.
    pub max_connections_per_host: u32,
    /// Requests to one host that begin in a second; 0 is any number.
    pub requests_per_second: f64,
    /// Stored credentials: this file of Docker's or podman's form.
    pub credentials_file: Option<String>,
    /// Stored credentials: the config.json of this folder.
    pub docker_config: Option<String>,
    /// Stored credentials: wherever the environment says that they usually are.
    pub stored_credentials: bool,
    /// Stored credentials: also files of other users, and those that others may write.
    pub foreign_credentials: bool,
    /// Stored credentials: the limit for one run of a helper.
    pub helper_timeout_ms: u64,
    /// Stored credentials: the folders of the helpers, instead of PATH.
    pub helper_path: Option<String>,
    /// The folder for bytes that must wait on the disk.
    pub temporary_dir: Option<String>,
    /// How many may wait there for one call.
    pub max_temporary_bytes: u64,
    /// Tests of the panic guard only; refused by the shipped library.
    #[cfg(feature = "force-panic")]
    pub force_panic: bool,
}

/// The most that is taken of a blob whose size nobody says, where `max_blob_bytes` does not.
const UNSAID_BLOB: u64 = 8 << 30;

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        ClientOptions {
            user_agent: concat!("ocireg/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout_ms: 10_000,
            idle_timeout_ms: 30_000,
            min_speed: None,
            answer_timeout_ms: 300_000,
            retries: 4,
            max_redirects: 10,
            max_manifest_bytes: 4 << 20,
            max_list_bytes: 32 << 20,
            plain_http: false,
            insecure: false,
            ca_file: Texts::default(),
            ca_only: false,
            client_cert_file: None,
            client_key_file: None,
            proxy: None,
            no_proxy: Texts::default(),
            proxy_from_environment: false,
            headers: Headers::default(),
            certs_dir: Texts::default(),
            certs_d: false,
            max_connections_per_host: 8,
            requests_per_second: 0.0,
            credentials_file: None,
            docker_config: None,
            stored_credentials: false,
            foreign_credentials: false,
            max_blob_bytes: None,
            helper_timeout_ms: 60_000,
            helper_path: None,
            temporary_dir: None,
            max_temporary_bytes: 64 << 30,
            #[cfg(feature = "force-panic")]
            force_panic: false,
        }
    }
}

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

/// A string or a list of strings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts(pub Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Texts, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Texts;

            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("a string or a list of strings")
            }

            fn visit_str<E>(self, text: &str) -> std::result::Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Reader)
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
    fn one_text_is_a_list_of_one() {
        let read = |json| serde_json::from_value::<ClientOptions>(json).map(|options| options.ca_file.0);
        assert_eq!(read(serde_json::json!({"ca_file": "a"})).unwrap(), ["a"]);
        assert_eq!(read(serde_json::json!({"ca_file": ["a", "b"]})).unwrap(), ["a", "b"]);
        assert!(read(serde_json::json!({"ca_file": 1})).unwrap_err().to_string().contains("list of strings"));
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
