//! Origins: what credentials are bound to (RFC 6454).

use std::fmt;

use url::Url;

/// Scheme, host and port of an http or https URL. Two URLs share credentials only when these are all equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// The scheme, `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The host in lower case; an IPv6 address in brackets.
    pub(crate) host: String,
    /// The port, also when it is the scheme's default.
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of a URL; None for other schemes.
    pub(crate) fn of(url: &Url) -> Option<Origin> {
        let (scheme, default) = match url.scheme() {
            "https" => ("https", 443),
            "http" => ("http", 80),
            _ => return None,
        };
        let host = url.host_str()?.to_ascii_lowercase();
        Some(Origin { scheme, host, port: url.port().unwrap_or(default) })
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == "https"
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme, self.host)?;
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => Ok(()),
            (_, port) => write!(out, ":{port}"),
        }
    }
}

/// The host and port of a URL, for messages.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Origin> {
        Origin::of(&Url::parse(text).unwrap())
    }

    #[test]
    fn default_ports_and_case_make_no_difference() {
        assert_eq!(of("https://Reg.Example/v2/"), of("https://reg.example:443/other?x=1"));
        assert_eq!(of("http://h/"), of("http://h:80/"));
        assert_eq!(of("https://H:5000").unwrap().to_string(), "https://h:5000");
        assert_eq!(of("https://h:443").unwrap().to_string(), "https://h");
        assert_eq!(of("http://[::1]:443").unwrap().to_string(), "http://[::1]:443");
        assert!(of("https://h").unwrap().is_https());
        assert!(!of("http://h").unwrap().is_https());
    }

    #[test]
    fn scheme_host_and_port_each_make_another_origin() {
        let home = of("https://h:5000");
        for other in ["http://h:5000", "https://h", "https://h:5001", "https://h.example:5000", "https://h.:5000"] {
            assert_ne!(of(other), home, "{other}");
        }
        assert_ne!(of("http://h:443"), of("https://h"));
        assert_eq!(of("ftp://h/"), None);
        assert_eq!(of("data:,x"), None);
    }
}
