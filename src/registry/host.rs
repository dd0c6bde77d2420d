//! The hosts of a client: the caller's settings for each, and the resulting URL.

use std::sync::Arc;

use crate::http::caller_url::is_loopback;
use crate::http::Url;

use crate::auth::options::HostAuthOptions;
use crate::auth::secrets::Secrets;
use crate::auth::Account;
use crate::credentials::Credentials;
use crate::docker_hub;
use crate::error::{Code, Error, Result};
use crate::http::endpoint_settings::EndpointSettings;
use crate::http::location::Location;
use crate::http::settings::{HostNetworkOptions, Network, TlsOptions};
use crate::http::Http;
use crate::mirrors::Mirrors;
use crate::options::options;
use crate::reference::one_registry::without_http_port;
use crate::reference::{Index, Scheme};
use crate::resource::Resource;

options! {
    /// Options of one host.
    #[derive(Clone)]
    pub struct HostOptions {
        /// true: http; false: https (default: https, or on loopback http if a TLS hello gets any other answer)
        pub plain_http: Option<bool>,
        /// scheme, host, port and path prefix under which the host's API really is, such as "https://h/dockerproxy"
        pub endpoint: Option<String>,
        /// where else to get what is there, before it is asked itself, in this order; see below
        pub mirrors: Mirrors,
        /// only its mirrors are asked: no request is sent to the host itself, and none is led to it by others
        pub mirrors_only: bool,
    } and {
        #[doc = "How the host is reached."]
        pub network: HostNetworkOptions,
        #[doc = "What the host may know of the caller."]
        pub auth: HostAuthOptions,
        /// Credentials
        pub credentials: Secrets,
        /// TLS, instead of what the client's options say (insecure holds if either says so)
        pub tls: TlsOptions,
    }
}

impl HostOptions {
    /// Refuses contradictions.
    pub(crate) fn check(&self) -> Result<()> {
        self.credentials.check()?;
        if let Some(endpoint) = &self.endpoint {
            parse_endpoint(endpoint)?;
        }
        self.network()?.check()
    }

    /// Whether they say where else to ask, or that the host itself is not asked.
    pub(crate) fn has_rule(&self) -> bool {
        self.mirrors_only || !self.mirrors.0.is_empty()
    }

    pub(crate) fn network(&self) -> Result<Network> {
        self.network.with_tls(&self.tls)
    }

    /// The credentials among them.
    pub(crate) fn credentials(&self) -> Option<Credentials> {
        self.credentials.clone().credentials().ok().filter(|credentials| *credentials != Credentials::Anonymous)
    }
}

/// The key of a host as an endpoint, however its registry is named.
pub(crate) fn key(host: &str) -> String {
    crate::auth::credential_key::host(host)
}

/// Whether two hosts are one but for which of the usual ports they are asked at.
pub(crate) fn is_near(one: &str, other: &str) -> bool {
    without_http_port(&key(one)) == without_http_port(&key(other))
}

/// Whether a URL is where a registry is asked by http whose name has no port.
pub(crate) fn is_usual_http(index: &Index, at: &Url) -> bool {
    at.scheme() == "http" && of_host("http", &index.name).is_ok_and(|http| http.url.origin() == at.origin())
}

/// The account at a base, with the caller's options for its host.
pub(crate) fn account_at(host: String, base: Location, options: &HostOptions) -> Account {
    Account {
        host,
        repository: String::new(),
        base,
        credentials: options.credentials(),
        by_rule: None,
        is_unasked: false,
        anonymous: options.auth.anonymous,
        trusted_realms: options.auth.trusted_realms.clone(),
    }
}

/// The base of a host's API. `speaks_tls` is asked where nothing says it: of a loopback host, and of one for which plain http is not a
/// surprise.
pub(crate) fn base(
    http: &Http,
    index: &Index,
    options: &HostOptions,
    settings: Option<(&Arc<EndpointSettings>, bool)>,
    speaks_tls: impl FnOnce(&Location) -> Result<bool>,
) -> Result<Location> {
    let own = |at: Location| at.with_endpoint_settings(settings.map(|(settings, _)| settings.clone()));
    let (at, source) = endpoint(http, index, options)?;
    let or_plain = settings.is_some_and(|(_, or_plain)| or_plain) && matches!(source, "default" | "probe");
    if source != "probe" && !or_plain {
        return Ok(own(at));
    }
    let (at, plain) = (own(at), own(of_host("http", &index.name)?));
    let speaks_tls = speaks_tls(&at.below(&Resource::Api.path(""))?)?;
    Ok(if speaks_tls { at } else { plain })
}

/// Sets how the host of a URL is reached.
pub(crate) fn set_network(http: &Http, base: &Url, options: &HostOptions) -> Result<()> {
    http.set_network(base, options.network()?)
}

/// Sets how a host is reached by its name: without a port by https, unless that says http.
pub(crate) fn set_network_of_name(http: &Http, index: &Index, options: &HostOptions) -> Result<()> {
    let scheme = if index.port_said() == Some(80) { "http" } else { "https" };
    http.set_network(&of_host(scheme, &index.name)?.url, options.network()?)
}

/// Whether plain http was chosen, and by which setting.
fn chosen(http: &Http, index: &Index, options: &HostOptions) -> (Option<bool>, &'static str) {
    match (options.plain_http, index.scheme) {
        (Some(plain), _) => (Some(plain), "host options"),
        (None, Some(scheme)) => (Some(scheme == Scheme::Http), "reference"),
        (None, None) if http.options().plain_http => (Some(true), "client options"),
        (None, None) => (None, "default"),
    }
}

/// The URL of a host's API as far as it is known without a request, and what decided it. A loopback host without a
/// chosen scheme is asked by its first call: until then https is shown, from "probe".
pub(crate) fn endpoint(http: &Http, index: &Index, options: &HostOptions) -> Result<(Location, &'static str)> {
    if let Some(endpoint) = &options.endpoint {
        return Ok((parse_endpoint(endpoint)?, "endpoint"));
    }
    let (plain, source) = chosen(http, index, options);
    if index.official && plain != Some(true) {
        return Ok((of_host("https", docker_hub::REGISTRY)?, source));
    }
    let at = of_host(if plain == Some(true) { "http" } else { "https" }, &index.name)?;
    let source = if plain.is_none() && is_loopback(&at.url) { "probe" } else { source };
    Ok((at, source))
}

fn of_host(scheme: &str, host: &str) -> Result<Location> {
    Location::of_host(scheme, host).ok_or_else(|| bad_host(host))
}

fn bad_host(host: &str) -> Error {
    Error::new(Code::InvalidReference, format!("'{}' is not a host name", crate::text::shorten(host)))
}

fn parse_endpoint(text: &str) -> Result<Location> {
    Location::of_base(text).map_err(|why| Error::new(Code::InvalidArgument, format!("the option endpoint {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_credential_is_refused() {
        let options = |json: serde_json::Value| serde_json::from_value::<HostOptions>(json).unwrap().check().is_ok();
        assert!(options(serde_json::json!({"username": "u", "password": "p:q"})));
        assert!(!options(serde_json::json!({"username": "u"})));
        assert!(!options(serde_json::json!({"username": "u", "password": "p", "token": "t"})));
        assert!(!options(serde_json::json!({"username": "u:v", "password": "p"})));
        assert!(!options(serde_json::json!({"token": "a\r\nb"})));
    }
}
