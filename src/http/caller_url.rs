//! URLs that the caller decides on: of hosts that it names, and those that it gives or has kept. They are trusted as the caller is
//! ([`super::host_trust::HostTrust::Caller`]); what servers name becomes a location in `location.rs`.

use url::{Host, Url};

use super::location::Location;

impl Location {
    /// A host's root, `SCHEME://HOST[:PORT]/`; None where that is not a host's name.
    pub(crate) fn of_host(scheme: &str, host: &str) -> Option<Location> {
        Url::parse(&format!("{scheme}://{host}")).ok().map(Location::of_caller)
    }

    /// A URL that an earlier call has given to the caller.
    pub(crate) fn of_kept(text: &str) -> Result<Location, String> {
        Url::parse(text).map(Location::of_caller).map_err(|error| format!("is not a URL: {error}"))
    }

    /// The base of an API, as an option has it. It ends with a slash, so that paths are below all of it.
    pub(crate) fn of_base(text: &str) -> Result<Location, String> {
        let mut url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("must begin with https:// or http:// and a host".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err("must not have userinfo, query or fragment".to_owned());
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Location::of_caller(url))
    }
}

/// Whether a URL leads to this machine by its own words.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_several_names() {
        for (text, is) in [
            ("http://localhost/", true),
            ("http://a.localhost/", true),
            ("http://127.1.2.3/", true),
            ("http://[::1]/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://[::ffff:10.0.0.1]/", false),
            ("http://example.org/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(text).unwrap()), is, "{text}");
        }
    }

    #[test]
    fn bases_are_urls_with_a_path_prefix() {
        assert_eq!(Location::of_base("https://h/dockerproxy").unwrap().url.as_str(), "https://h/dockerproxy/");
        for bad in ["h", "ftp://h", "https://u:p@h/", "https://h/?q", "https://h/#f", "file:///x"] {
            assert!(Location::of_base(bad).is_err(), "{bad}");
        }
    }
}
