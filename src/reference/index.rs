//! Registries by their names.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::host_spelling;
use super::invalid::{check_length, invalid, quoted};
use crate::docker_hub;
pub use crate::docker_hub::DEFAULT_INDEX;
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// The scheme as text, `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// The name of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// `HOST[:PORT]`, in lower case.
    pub name: String,
    /// Whether it is Docker Hub.
    pub official: bool,
    /// The scheme, if the name had one.
    pub scheme: Option<Scheme>,
}

/// With `host`, by which all spellings of a registry are one.
impl Serialize for Index {
    fn serialize<S: Serializer>(&self, out: S) -> std::result::Result<S::Ok, S::Error> {
        let mut fields = out.serialize_struct("Index", 4)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("host", &self.key())?;
        fields.serialize_field("official", &self.official)?;
        fields.serialize_field("scheme", &self.scheme)?;
        fields.end()
    }
}

impl Index {
    /// Parses `[SCHEME://]HOST[:PORT][/]`; an empty string is Docker Hub.
    pub fn parse(text: &str) -> Result<Index> {
        let index = Index::of_host(text)?;
        match looks_like_host(&index.name) {
            true => Ok(index),
            false => Err(invalid(format!(
                "'{}' does not look like a registry: no '.', no ':' and not 'localhost'",
                quoted(text)
            ))),
        }
    }

    /// The same of any host, which may be a single word: such a mirror has settings too.
    pub(crate) fn of_host(text: &str) -> Result<Index> {
        check_length(text)?;
        if text.is_empty() || text == docker_hub::CREDENTIALS {
            return Ok(Index { name: DEFAULT_INDEX.to_owned(), official: true, scheme: None });
        }
        if text.contains('@') {
            return Err(invalid(
                "the registry's name contains an '@': user names and passwords are not part of it".to_owned(),
            ));
        }
        let (scheme, rest) = split_scheme(text)?;
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.is_empty() {
            return Err(invalid(format!("the registry '{}' has an empty host", quoted(text))));
        }
        if host.contains('/') {
            return Err(invalid(format!("the registry '{}' has an invalid trailing repository", quoted(text))));
        }
        check_host(host)?;
        let name = if host == docker_hub::INDEX { DEFAULT_INDEX } else { host }.to_owned();
        let official = name == DEFAULT_INDEX;
        if official && scheme == Some(Scheme::Http) {
            return Err(invalid(format!("plain http is disallowed for Docker Hub: '{}'", quoted(text))));
        }
        Ok(Index { name, official, scheme })
    }
}

fn split_scheme(text: &str) -> Result<(Option<Scheme>, &str)> {
    match text.split_once("://") {
        None => Ok((None, text)),
        Some(("http", rest)) => Ok((Some(Scheme::Http), rest)),
        Some(("https", rest)) => Ok((Some(Scheme::Https), rest)),
        Some((other, _)) => Err(invalid(format!("the scheme '{}' is neither http nor https", quoted(other)))),
    }
}

/// A host `HOST[:PORT]` in its one spelling, which unlike a registry in a reference may be a single word.
pub(crate) fn host(text: &str) -> Result<String> {
    check_length(text)?;
    check_host(text)?;
    Ok(host_spelling::written(text).into_owned())
}

pub(crate) fn looks_like_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

fn check_host(host: &str) -> Result<()> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                return check_port(host, after.strip_prefix(':'), !after.is_empty() && !after.starts_with(':'));
            }
            _ => return Err(invalid(format!("the host '{}' is not an IPv6 address in brackets", quoted(host)))),
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > 253
        || looks_like_a_number(name) && name.parse::<std::net::Ipv4Addr>().is_err()
        || !name.strip_suffix('.').unwrap_or(name).split('.').all(label)
    {
        return Err(invalid(format!("'{}' is not a host name", quoted(host))));
    }
    check_port(host, port, false)
}

// URL parsers read such a name as an IPv4 address in an unusual form: 127.1 and 0x7f.1 are 127.0.0.1.
fn looks_like_a_number(name: &str) -> bool {
    let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or(last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit()) || hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn check_port(host: &str, port: Option<&str>, broken: bool) -> Result<()> {
    let good = |port: &str| {
        port.len() <= 5
            && port.bytes().all(|byte| byte.is_ascii_digit())
            && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    match port {
        None if !broken => Ok(()),
        Some(port) if good(port) => Ok(()),
        _ => Err(invalid(format!("the host '{}' has no valid port", quoted(host)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Error};

    fn message(error: Error) -> String {
        assert_eq!(error.code(), Code::InvalidReference, "{error}");
        error.message().to_owned()
    }

    #[test]
    fn indexes() {
        use Scheme::{Http, Https};
        for (text, name, scheme) in [
            ("", "docker.io", None),
            ("docker.io", "docker.io", None),
            ("index.docker.io", "docker.io", None),
            ("docker.io/", "docker.io", None),
            ("https://index.docker.io/v1/", "docker.io", None),
            ("https://docker.io", "docker.io", Some(Https)),
            ("https://index.docker.io", "docker.io", Some(Https)),
            ("quay.io", "quay.io", None),
            ("https://quay.io", "quay.io", Some(Https)),
            ("http://quay.io", "quay.io", Some(Http)),
            ("localhost", "localhost", None),
            ("localhost/", "localhost", None),
            ("http://localhost/", "localhost", Some(Http)),
            ("http://localhost", "localhost", Some(Http)),
            ("localhost:5000", "localhost:5000", None),
            ("foo:5000", "foo:5000", None),
            ("[::1]:5000", "[::1]:5000", None),
            ("[fd00::1]", "[fd00::1]", None),
            ("127.0.0.1:65535", "127.0.0.1:65535", None),
            ("registry-1.docker.io", "registry-1.docker.io", None),
        ] {
            let wanted = Index { name: name.to_owned(), official: name == "docker.io", scheme };
            assert_eq!(Index::parse(text).unwrap(), wanted, "{text}");
        }
        let json = serde_json::to_string(&Index::parse("https://quay.io").unwrap()).unwrap();
        assert_eq!(json, r#"{"name":"quay.io","host":"quay.io","official":false,"scheme":"https"}"#);
        let host = |text: &str| serde_json::to_value(Index::parse(text).unwrap()).unwrap()["host"].clone();
        for text in ["Reg.Example", "reg.example:443", "reg.example.:0443", "https://REG.example"] {
            assert_eq!(host(text), "reg.example", "{text}");
        }
        assert_eq!((host("registry-1.docker.io"), host("[0::1]:80")), (host(""), "[::1]:80".into()));
        for text in ["http://Reg.Example", "reg.example:80", "http://reg.example.:080"] {
            assert_eq!(host(text), "reg.example:80", "{text}");
        }
    }

    #[test]
    fn no_indexes() {
        for (text, reason) in [
            ("http://docker.io", "disallowed"),
            ("http://index.docker.io", "disallowed"),
            ("https://", "empty"),
            ("foo", "look"),
            ("https://foo", "look"),
            ("docker.io/foo", "invalid trailing repository"),
            ("docker.io//", "invalid trailing repository"),
            ("https://index.docker.io/v1", "invalid trailing repository"),
            ("http://index.docker.io/v1/", "invalid trailing repository"),
            ("ftp://x.io", "scheme"),
            ("HTTP://x.io", "scheme"),
            ("quay.io:0", "port"),
            ("quay.io:65536", "port"),
            ("quay.io:", "port"),
            ("quay.io:+80", "port"),
            ("quay.io:000080", "port"),
            ("[::1]5000", "port"),
            ("[::1]:", "port"),
            ("[::1", "IPv6"),
            ("[fe80::1%25eth0]", "IPv6"),
            ("quay.io\r\nHost: x", "not a host name"),
            ("quay\r\n.io", "not a host name"),
            ("-a.io", "not a host name"),
            ("a..io", "not a host name"),
            ("é.io", "not a host name"),
            ("127.1", "not a host name"),
            ("0x7f.0.0.0x1:5000", "not a host name"),
            ("256.0.0.1", "not a host name"),
            ("2130706433:80", "not a host name"),
            ("quay.io?x", "not a host name"),
            ("user@quay.io", "'@'"),
        ] {
            let found = message(Index::parse(text).unwrap_err());
            assert!(found.contains(reason), "{text}: {found}");
        }
    }
}
