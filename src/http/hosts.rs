//! What a client knows about its hosts: the caller's settings for each, the resulting route, and its throttle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{json, Value};
use url::Url;

use super::byte_rates::{ByteRates, Paces};
use super::certs_d::CertificateSearch;
use super::headers::Headers;
use super::location::Location;
use super::proxy::{Lookup, Proxies, Proxy, ProxyChoice};
use super::route::{Route, TlsTrust};
use super::settings::{HttpOptions, Network};
use super::throttle::Throttle;
use crate::error::{Code, Error, Result};
use crate::mutex::lock;
use crate::os::home;

/// How many throttles are kept before idle ones are dropped: servers choose the hosts that they redirect to.
const KEPT: usize = 1000;

type HostKey = (String, u16);

pub(crate) struct Hosts {
    general: Network,
    proxies: Proxies,
    certificates: CertificateSearch,
    named: Mutex<HashMap<HostKey, Network>>,
    throttles: Mutex<HashMap<HostKey, Arc<Throttle>>>,
    /// How fast bodies may pass, of all hosts together.
    rates: ByteRates,
}

impl Hosts {
    /// Created from the client's options; the environment is read now, if at all.
    pub(crate) fn new(options: &HttpOptions) -> Result<Hosts> {
        let proxies = Proxies::new(
            options.proxies.proxy.clone(),
            &options.proxies.no_proxy.0,
            options.proxies.proxy_from_environment.then_some(&home::text as Lookup),
        )?;
        let home = options.certificates.certs_d.then(|| home::home(&home::environment)).flatten();
        Ok(Hosts {
            general: options.network()?,
            proxies,
            certificates: CertificateSearch::new(&options.certificates.certs_dir.0, options.certificates.certs_d, home),
            named: Mutex::default(),
            throttles: Mutex::default(),
            rates: ByteRates::new(options.bytes()),
        })
    }

    /// Sets the caller's settings for a host.
    pub(crate) fn set(&self, url: &Url, network: Network) -> Result<()> {
        if network.address.is_some() && !matches!(url.host(), Some(url::Host::Domain(_))) {
            let message =
                format!("the option address is only for a host with a name, but {} is an address", key(url).0);
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let key = key(url);
        let limits = network.limits(&self.general);
        if let Some(throttle) = lock(&self.throttles).get_mut(&key) {
            if throttle.limits() != limits {
                *throttle = Arc::new(throttle.with_limits(limits));
            }
        }
        lock(&self.named).insert(key, network);
        Ok(())
    }

    /// The route to a URL's host. Settings for all hosts apply to the hosts that the caller names: a host
    /// that a server names (`is_ours` false) never sees the client certificate, unless it was set for exactly that
    /// host.
    pub(crate) fn route(&self, at: &Location, is_ours: bool) -> Result<Route> {
        let (url, network) = (&at.url, self.network(at));
        let found = self.certificates.of(url)?;
        let general = self.general.identity.as_ref().filter(|_| is_ours && !is_only_in_files(at));
        let identity = network.identity.as_ref().or(found.identity.as_ref()).or(general).cloned();
        let proxy = self.proxy(url, &network);
        if let (Some(proxy), "https", Some(url::Host::Ipv6(address))) = (&proxy, url.scheme(), url.host()) {
            // The HTTP crate would look for the brackets in the certificate.
            let message = format!("https to the address [{address}] cannot go through the proxy {}", proxy.shown());
            return Err(Error::new(Code::InvalidArgument, message)
                .with_hint("give the host by its name, or list the address in no_proxy"));
        }
        let proxy_trust = match &proxy {
            Some(proxy) if proxy.is_https() => self.trust(&Network::default()),
            _ => TlsTrust::default(),
        };
        if let (Some(proxy), Some(identity)) = (proxy.as_ref().filter(|proxy| proxy.is_https()), &identity) {
            let message = format!(
                "the client certificate {} cannot be used through the proxy {}, which could ask for it itself",
                identity.cert_file,
                proxy.shown()
            );
            return Err(Error::new(Code::InvalidArgument, message)
                .with_hint("it is never sent to an http:// or socks5h:// proxy"));
        }
        let mut trust = self.trust(&network);
        trust.ca_files.extend_from_slice(&found.ca_files);
        let (unix_socket, address) = (network.unix_socket, network.address);
        let connect = at.endpoint_settings.as_ref().and_then(|settings| settings.connect);
        Ok(Route { trust, identity, proxy, proxy_trust, unix_socket, address, connect })
    }

    fn trust(&self, network: &Network) -> TlsTrust {
        let of = match network.ca_files.is_empty() {
            true => &self.general,
            false => network,
        };
        let insecure = network.insecure || self.general.insecure;
        TlsTrust { insecure, ca_files: of.ca_files.clone(), ca_only: of.ca_only }
    }

    fn proxy(&self, url: &Url, network: &Network) -> Option<Proxy> {
        match &network.proxy {
            Some(ProxyChoice::Direct) => None,
            Some(ProxyChoice::Through(proxy)) => Some(proxy.clone()),
            None if network.unix_socket.is_some() || network.address.is_some() => None,
            None => self.proxies.of(url).cloned(),
        }
    }

    /// The headers that the caller adds to requests to a location.
    pub(crate) fn headers(&self, at: &Location) -> Headers {
        match is_only_in_files(at) {
            true => self.network(at).headers,
            false => self.network(at).headers.over(&self.general.headers),
        }
    }

    /// The throttle of a location: one for its host, however it is reached, because what it limits is one server.
    pub(crate) fn throttle(&self, at: &Location) -> Arc<Throttle> {
        let limits = self.network(at).limits(&self.general);
        let mut throttles = lock(&self.throttles);
        if throttles.len() >= KEPT {
            throttles.retain(|_, throttle| Arc::strong_count(throttle) > 1 || !throttle.is_idle());
        }
        throttles.entry(key(&at.url)).or_insert_with(|| Arc::new(Throttle::new(limits))).clone()
    }

    /// The pace of bodies that count for a location.
    pub(crate) fn paces(&self, at: &Location) -> Paces {
        self.throttle(at).rates().with(&self.rates)
    }

    /// The route to a host that the caller names, for display. It contains no secrets.
    pub(crate) fn explain(&self, at: &Location) -> Result<Value> {
        let route = self.route(at, true)?;
        let limits = self.throttle(at).limits();
        let identity = route.identity.as_ref();
        Ok(json!({
            "proxy": route.proxy.as_ref().map(Proxy::shown),
            "unix_socket": route.unix_socket,
            "address": route.address.map(|address| address.to_string()),
            "insecure": route.trust.insecure,
            "ca_files": route.trust.ca_files,
            "ca_only": route.trust.ca_only,
            "client_cert_file": identity.map(|identity| &identity.cert_file),
            "client_key_file": identity.map(|identity| &identity.key_file),
            "headers": self.headers(at).names(),
            "max_connections_per_host": limits.at_once,
            "requests_per_second": limits.per_second,
            "download_bytes_per_second": limits.bytes.down,
            "upload_bytes_per_second": limits.bytes.up,
        }))
    }

    fn network(&self, at: &Location) -> Network {
        match at.endpoint_settings.as_ref().and_then(|settings| settings.network.as_ref()) {
            Some(network) => network.clone(),
            None => lock(&self.named).get(&key(&at.url)).cloned().unwrap_or_default(),
        }
    }
}

/// Whether only files of the machine name the host that this reaches: then what the caller sets for all hosts is not for it.
fn is_only_in_files(at: &Location) -> bool {
    at.endpoint_settings.as_ref().is_some_and(|settings| settings.only_in_files)
}

fn key(url: &Url) -> HostKey {
    (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::byte_rates::ByteLimits;
    use super::*;
    use std::time::Duration;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn at(text: &str) -> Location {
        Location::of_caller(url(text))
    }

    fn hosts(options: Value) -> Hosts {
        Hosts::new(&serde_json::from_value(options).unwrap()).unwrap()
    }

    fn proxy(text: &str) -> Option<ProxyChoice> {
        ProxyChoice::parse(text).ok()
    }

    #[test]
    fn what_a_host_says_wins_and_holds_for_its_port_only() {
        let hosts =
            hosts(json!({"proxy": "http://u:p@general:1", "no_proxy": "inside.example", "ca_file": "general.pem"}));
        let home = url("https://reg.example:5000/");
        let own = Network {
            proxy: proxy("http://own:1"),
            ca_files: vec!["own.pem".into()],
            ca_only: true,
            ..Network::default()
        };
        hosts.set(&home, own).unwrap();
        let shown = |text: &str| hosts.explain(&at(text)).unwrap();
        let own = shown("https://reg.example:5000/v2/");
        assert_eq!(
            (&own["proxy"], &own["ca_files"], &own["ca_only"]),
            (&json!("http://own:1"), &json!(["own.pem"]), &json!(true))
        );
        let other = shown("https://reg.example/");
        assert_eq!((&other["proxy"], &other["ca_files"]), (&json!("http://general:1"), &json!(["general.pem"])));
        assert_eq!(shown("https://a.inside.example/")["proxy"], Value::Null);
        hosts
            .set(&home, Network { address: super::super::route::Address::parse("10.0.0.1"), ..Network::default() })
            .unwrap();
        let fixed = shown("https://reg.example:5000/");
        assert_eq!((&fixed["proxy"], &fixed["address"]), (&Value::Null, &json!("10.0.0.1")));
    }

    #[test]
    fn the_clients_certificate_is_for_hosts_that_the_caller_names() {
        let hosts = hosts(json!({"client_cert_file": "c.pem", "client_key_file": "k.pem"}));
        assert!(hosts.route(&at("https://h/"), true).unwrap().identity.is_some());
        assert!(hosts.route(&at("https://h/"), false).unwrap().identity.is_none());
        let own = Network { proxy: proxy("https://p"), ..Network::default() };
        hosts.set(&url("https://h/"), own).unwrap();
        let error = hosts.route(&at("https://h/"), true).unwrap_err();
        assert!(error.message().contains("c.pem") && error.message().contains("https://p"));
    }

    #[test]
    fn an_address_is_for_a_name() {
        let hosts = hosts(json!({}));
        let network = Network { address: super::super::route::Address::parse("10.0.0.1"), ..Network::default() };
        let error = hosts.set(&url("https://10.0.0.2"), network).unwrap_err();
        assert!(error.message().contains("10.0.0.2"));
    }

    #[test]
    fn a_host_has_one_throttle_and_keeps_its_pause_when_its_limits_change() {
        let hosts = hosts(json!({}));
        let home = url("https://h/");
        assert!(Arc::ptr_eq(&hosts.throttle(&at("https://h/")), &hosts.throttle(&at("https://h:443/x"))));
        hosts.throttle(&at("https://h/")).told_to_wait(Duration::from_secs(30));
        hosts.set(&home, Network { max_connections: Some(1), ..Network::default() }).unwrap();
        assert_eq!(hosts.throttle(&at("https://h/")).limits().at_once, 1);
        assert!(!hosts.throttle(&at("https://h/")).is_idle());
        many(&hosts);
        assert!(!hosts.throttle(&at("https://h/")).is_idle());
    }

    /// So many hosts that those of no more use are forgotten.
    fn many(hosts: &Hosts) {
        for number in 0..3 * KEPT {
            hosts.throttle(&at(&format!("https://h{number}/")));
        }
        assert!(lock(&hosts.throttles).len() <= KEPT);
    }

    #[test]
    fn what_was_taken_stays_taken_when_the_limits_change_and_others_come() {
        let hosts = hosts(json!({}));
        let (home, rate) = (url("https://h/"), |down| ByteLimits { down, up: 0 });
        let set = |down| hosts.set(&home, Network { bytes: rate(down), ..Network::default() }).unwrap();
        let wait = || hosts.paces(&at("https://h/")).down.take(0);
        set(1000);
        let before = hosts.paces(&at("https://h/")).down;
        before.take(1_000_000);
        set(2000);
        assert!(wait() > Duration::from_secs(400) && wait() < Duration::from_secs(500));
        assert!(before.take(0) < Duration::from_secs(500), "what is under way has the new limit");
        drop(before);
        many(&hosts);
        assert!(wait() > Duration::from_secs(400));
        // One that is used is kept, though nothing waits for it.
        set(0);
        set(1000);
        let used = hosts.paces(&at("https://h/")).down;
        many(&hosts);
        used.take(1_000_000);
        assert!(wait() > Duration::from_secs(900));
    }

    #[test]
    fn what_is_for_all_hosts_is_not_for_one_that_the_caller_does_not_know() {
        let options = json!({"client_cert_file": "c.pem", "client_key_file": "k.pem", "headers": ["X-All: s"]});
        let hosts = hosts(options);
        for only_in_files in [false, true] {
            let settings = Some(Arc::new(super::super::endpoint_settings::EndpointSettings {
                only_in_files,
                ..Default::default()
            }));
            let location = Location { endpoint_settings: settings, ..at("https://h/") };
            assert_eq!(hosts.route(&location, true).unwrap().identity.is_none(), only_in_files);
            assert_eq!(hosts.headers(&location).names().is_empty(), only_in_files);
            // Where it leads is not known better.
            let beyond = Location { endpoint_settings: location.beyond(), ..location };
            assert_eq!(hosts.headers(&beyond).names().is_empty(), only_in_files);
        }
    }
}
