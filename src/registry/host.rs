//! The hosts of a client: what the caller said about each, and the URL that follows from it.

use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::auth::Account;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::context::Credentials;
use crate::http::settings::Trust;
use crate::http::Http;
use crate::reference::{Index, Scheme};

/// Docker Hub's registry does not live at the name that its references carry.
const HUB: &str = "https://registry-1.docker.io/";

/// Options of one host.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostOptions {
    /// With `password`: for Basic and for the token server.
    pub username: Option<String>,
    /// With `username`.
    pub password: Option<Zeroizing<String>>,
    /// A bearer token used as it is.
    pub token: Option<Zeroizing<String>>,
    /// Never send credentials.
    pub anonymous: bool,
    /// true: http; false: https; unset: https, or for a loopback host whichever it speaks.
    pub plain_http: Option<bool>,
    /// Do not verify TLS.
    pub insecure: bool,
    /// PEM file of certificate authorities.
    pub ca_file: Option<String>,
    /// Those instead of the platform's.
    pub ca_only: bool,
    /// Where this host's API really is: scheme, host, port and path prefix.
    pub endpoint: Option<String>,
    /// Further hosts that may get this host's credentials as token servers.
    pub trusted_realms: Vec<String>,
}

impl HostOptions {
    /// Refuses what contradicts itself.
    pub fn check(&self) -> Result<()> {
        self.secrets().check()?;
        if let Some(endpoint) = &self.endpoint {
            parse_endpoint(endpoint)?;
        }
        Ok(())
    }

    fn trust(&self) -> Trust {
        Trust { insecure: self.insecure, ca_file: self.ca_file.clone(), ca_only: self.ca_only }
    }

    fn secrets(&self) -> Secrets {
        Secrets { username: self.username.clone(), password: self.password.clone(), token: self.token.clone() }
    }

    fn credentials(&self) -> Option<Credentials> {
        self.secrets().credentials().ok().filter(|credentials| *credentials != Credentials::Anonymous)
    }
}

/// Credentials as options and callbacks give them.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// With `password`.
    pub username: Option<String>,
    /// With `username`.
    pub password: Option<Zeroizing<String>>,
    /// A bearer token used as it is.
    pub token: Option<Zeroizing<String>>,
}

impl Secrets {
    fn check(&self) -> Result<()> {
        let invalid = |message: &str| Err(Error::new(Code::InvalidArgument, message));
        if self.username.is_some() != self.password.is_some() {
            return invalid("username and password go together");
        }
        if self.token.is_some() && self.username.is_some() {
            return invalid("a host has either a token or a username and password");
        }
        if self.username.as_deref().is_some_and(|name| name.contains(':')) {
            return invalid("a username cannot hold a colon (RFC 7617)");
        }
        let secrets = [self.username.as_deref(), self.token.as_deref().map(String::as_str)];
        if secrets.iter().flatten().any(|text| text.chars().any(char::is_control)) {
            return invalid("a username and a token cannot hold control characters");
        }
        // RFC 7617 forbids them here too, but Google's password is a key file with lines. Sent in base64 they do no harm.
        if self.password.as_deref().is_some_and(|password| password.contains('\0')) {
            return invalid("a password cannot hold a zero byte");
        }
        Ok(())
    }

    /// What they are; nothing is anonymous.
    pub fn credentials(self) -> Result<Credentials> {
        self.check()?;
        Ok(match (self.token, self.username, self.password) {
            (Some(token), ..) => Credentials::Token(token),
            (None, Some(username), Some(password)) => Credentials::Password { username, password },
            _ => Credentials::Anonymous,
        })
    }
}

/// The name under which a host's options are kept: Docker Hub's names are one host, case does not matter, and 443
/// is the port that https has anyway.
pub fn key(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        _ => host.strip_suffix(":443").map(str::to_owned).unwrap_or(host),
    }
}

/// The URL of a host's API, and who asks there.
pub fn account(http: &Http, call: &Call, index: &Index, options: &HostOptions) -> Result<Account> {
    let base = match (&options.endpoint, index.official) {
        (Some(endpoint), _) => parse_endpoint(endpoint)?,
        (None, true) if options.plain_http != Some(true) && !http.options().plain_http => {
            base_url("https", HUB.trim_start_matches("https://"))?
        }
        (None, _) => base_of_name(http, call, index, options)?,
    };
    set_trust(http, &base, options);
    Ok(Account {
        host: index.name.clone(),
        base,
        credentials: options.credentials(),
        anonymous: options.anonymous,
        trusted_realms: options.trusted_realms.clone(),
    })
}

fn base_of_name(http: &Http, call: &Call, index: &Index, options: &HostOptions) -> Result<Url> {
    let plain = base_url("http", &index.name)?;
    let secure = base_url("https", &index.name)?;
    let chosen = match (options.plain_http, index.scheme) {
        (Some(plain), _) => Some(plain),
        (None, Some(scheme)) => Some(scheme == Scheme::Http),
        (None, None) => http.options().plain_http.then_some(true),
    };
    match chosen {
        Some(true) => Ok(plain),
        Some(false) => Ok(secure),
        None if is_loopback(&secure) => {
            set_trust(http, &secure, options);
            let ping = secure.join("v2/").map_err(|_| bad_host(&index.name))?;
            Ok(if http.speaks_tls(call, &ping)? { secure } else { plain })
        }
        None => Ok(secure),
    }
}

/// Says how a host is to be trusted, whoever leads to it.
pub fn set_trust_of_name(http: &Http, index: &Index, options: &HostOptions) -> Result<()> {
    set_trust(http, &base_url("https", &index.name)?, options);
    Ok(())
}

fn set_trust(http: &Http, base: &Url, options: &HostOptions) {
    let host = base.host_str().unwrap_or_default().to_owned();
    http.set_trust(host, base.port_or_known_default().unwrap_or(443), options.trust());
}

fn base_url(scheme: &str, host: &str) -> Result<Url> {
    Url::parse(&format!("{scheme}://{host}")).map_err(|_| bad_host(host))
}

fn bad_host(host: &str) -> Error {
    Error::new(Code::InvalidReference, format!("'{}' is no host name", crate::digest::shorten(host)))
}

fn parse_endpoint(text: &str) -> Result<Url> {
    let invalid = |why: &str| Error::new(Code::InvalidArgument, format!("the option endpoint {why}"));
    let mut url = Url::parse(text).map_err(|error| invalid(&format!("is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(invalid("must begin with https:// or http:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("takes no userinfo, query or fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hub_has_one_key() {
        for name in ["docker.io", "index.docker.io", "registry-1.docker.io", "Docker.IO"] {
            assert_eq!(key(name), "docker.io");
        }
        assert_eq!(key("Example.com:443"), "example.com");
        assert_eq!(key("example.com:5000"), "example.com:5000");
    }

    #[test]
    fn endpoints_are_urls_with_a_path_prefix() {
        assert_eq!(parse_endpoint("https://h/dockerproxy").unwrap().as_str(), "https://h/dockerproxy/");
        for bad in ["h", "ftp://h", "https://u:p@h/", "https://h/?q", "https://h/#f", "file:///x"] {
            assert_eq!(parse_endpoint(bad).unwrap_err().code(), Code::InvalidArgument, "{bad}");
        }
    }

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
