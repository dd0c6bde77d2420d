//! What one registry is, and whose settings are for which: one rule, by host and port. HOST without a scheme and a port is what it is asked by:
//! https at port 443, unless an option, a file or the host itself says that it is asked by http, at port 80.
//!
//! Names do not tell what the host itself says: HOST on this machine is asked by http only if it is found not to speak TLS, and may do so later. So
//! HOST and http://HOST may be one registry ([`Index::may_be`]), but have two keys, and whoever counts registries by their names counts two.

use super::host_spelling;
use super::index::{Index, Scheme};

const HTTP: u16 = 80;
const HTTPS: u16 = 443;

impl Index {
    /// The port that its name says, or its scheme.
    pub(crate) fn port_said(&self) -> Option<u16> {
        match (host_spelling::port(&self.name), self.scheme) {
            (Some(port), _) => port.parse().ok(),
            (None, scheme) => scheme.map(|scheme| if scheme == Scheme::Http { HTTP } else { HTTPS }),
        }
    }

    /// What all names of one registry have in common, as far as names tell: HOST, with its port unless that is 443 or not said.
    pub(crate) fn key(&self) -> String {
        let key = host_spelling::key(&self.name);
        if self.is_http_without_port() {
            format!("{key}:{HTTP}")
        } else {
            key
        }
    }

    /// Whether another one may be the same registry: it is, unless only one of them says its port, and the other one is asked at another.
    pub(crate) fn may_be(&self, other: &Index) -> bool {
        match (self.port_said(), other.port_said()) {
            (Some(one), Some(other)) if one != other => false,
            _ => without_http_port(&self.key()) == without_http_port(&other.key()),
        }
    }

    /// By what is kept what is said of it: of HOST for both ports, of HOST:443 and https://HOST for that one, and so of HOST:80 and http://HOST.
    pub(crate) fn keys_told(&self) -> Vec<String> {
        let key = self.key();
        match self.port_said() {
            None => vec![of_http(&key), key],
            Some(_) => vec![key],
        }
    }

    /// By what that is found again: by the first of these that there is.
    pub(crate) fn keys_asked(&self) -> Vec<String> {
        let key = self.key();
        match self.is_http_without_port() {
            true => vec![key.clone(), of_http(without_http_port(&key))],
            false => vec![key],
        }
    }

    /// Whether its name says http, and no port.
    pub(crate) fn is_http_without_port(&self) -> bool {
        self.scheme == Some(Scheme::Http) && host_spelling::port(&self.name).is_none()
    }

    /// It as it was written.
    pub(crate) fn written(&self) -> String {
        match self.scheme {
            Some(scheme) => format!("{}://{}", scheme.as_str(), self.name),
            None => self.name.clone(),
        }
    }

    /// The same, asked by http at its usual port.
    pub(crate) fn by_http(&self) -> Index {
        Index { scheme: Some(Scheme::Http), ..self.clone() }
    }
}

/// A key without the port of http: what two names have in common that may be one registry.
pub(crate) fn without_http_port(key: &str) -> &str {
    key.strip_suffix(":80").unwrap_or(key)
}

/// What is said of HOST is said of http://HOST too, but not of the name HOST:80.
fn of_http(key: &str) -> String {
    format!("http://{key}")
}
