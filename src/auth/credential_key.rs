//! The keys of stored credentials: a host and a path in it. Compared as parsed names, never as string
//! prefixes: `reg.example` must not match `reg.example.evil.test`, nor `host/team` the repository `team-b/app`.

use crate::docker_hub;
pub(crate) use crate::reference::host_spelling::key as host;
use crate::reference::host_spelling::{self, compared};
use crate::reference::{Index, Scheme};

/// The name of a host in files and for helpers of Docker's tools.
pub(crate) fn server(name: &str) -> String {
    match host(name) {
        name if name == docker_hub::DEFAULT_INDEX => docker_hub::CREDENTIALS.to_owned(),
        name => name,
    }
}

/// By what name the credentials of a login are kept. Those for one port say it, so that they are for no other one; https://HOST stays, which
/// Docker's tools take for HOST.
pub(crate) fn of_login(index: &Index) -> String {
    let key = index.key();
    match (host_spelling::port(&compared(&index.name)), index.scheme) {
        _ if index.official || key == docker_hub::DEFAULT_INDEX => server(&key),
        (Some("443"), _) => format!("{key}:443"),
        (None, Some(Scheme::Https)) => Index { name: key, ..index.clone() }.written(),
        _ => key,
    }
}

/// A host whose credentials are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WantedHost {
    /// As [`host`] normalizes it.
    name: String,
    /// It is asked by http at port 80, though its name has no port: what is for HOST:80 is for it, and nothing that is for HOST:443.
    is_plain: bool,
}

impl WantedHost {
    pub(crate) fn new(name: &str, is_plain: bool) -> WantedHost {
        WantedHost { name: host(name), is_plain }
    }

    /// The one that a login or a logout is for.
    pub(crate) fn of(index: &Index) -> WantedHost {
        WantedHost::new(&index.name, index.is_http_without_port())
    }

    /// All that a login or a logout is for: HOST alone is for both of its usual ports.
    pub(crate) fn all_of(index: &Index) -> Vec<WantedHost> {
        let own = WantedHost::of(index);
        let is_both = index.scheme.is_none() && host_spelling::port(&compared(&index.name)).is_none();
        let plain = is_both.then(|| WantedHost::new(&index.name, true));
        std::iter::once(own).chain(plain).collect()
    }

    /// Any of its names.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a key says the port at which it is asked.
    pub(crate) fn is_exactly(&self, key: &CredentialKey) -> bool {
        match self.is_plain {
            true => key.host.strip_suffix(":80") == Some(&self.name),
            false => key.host == self.name && key.says_port,
        }
    }

    /// How near a key for it, and what is written there, is to it: the very port is nearest, then Docker's own spelling.
    pub(crate) fn distance(&self, key: &CredentialKey, text: &str) -> (bool, bool) {
        (!self.is_exactly(key), server(&self.name) != text)
    }

    /// Whether a key is for it, if not for a part of its repositories only.
    pub(crate) fn is_of(&self, key: &CredentialKey) -> bool {
        self.is_exactly(key) || key.host == self.name && !(self.is_plain && key.is_https)
    }
}

/// A key of an `auths` or `credHelpers` object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CredentialKey {
    /// The host, as [`host`] normalizes it.
    pub(crate) host: String,
    /// It says that it is for https, by its scheme or its port.
    pub(crate) is_https: bool,
    /// It says its port, by a number or as https://HOST: other URLs are an old spelling of HOST.
    pub(crate) says_port: bool,
    /// The path that the credentials are for: `ns` or `ns/repo`; empty for the whole host.
    pub(crate) path: String,
}

impl CredentialKey {
    /// Parses `host`, `host:port`, `https://host`, `https://host/v1/`, `/v2/`, or `host/ns/repo`. None for anything
    /// else.
    pub(crate) fn parse(text: &str) -> Option<CredentialKey> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '?' | '#' | '\\');
        if text.contains(odd) {
            return None;
        }
        let (is_url, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
                (true, rest)
            }
            Some(_) => return None,
            None => (false, text),
        };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_url_of_https = rest.len() + "https://".len() == text.len();
        let is_https = compared(name).ends_with(":443") || is_url_of_https;
        let says_port = host_spelling::port(name).is_some() || is_url_of_https && path.is_empty();
        let host = host(name);
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        // The API's own path; without a scheme or a trailing slash, it is a namespace of that name.
        let is_api = matches!(trimmed, "v1" | "v2")
            && (is_url || path.len() > trimmed.len() || host == docker_hub::DEFAULT_INDEX);
        let path = if is_api { "" } else { trimmed };
        let sound = !host.is_empty() && (path.is_empty() || path.split('/').all(|part| !part.is_empty()));
        sound.then(|| CredentialKey { host, is_https, says_port, path: path.to_owned() })
    }

    /// Whether it applies to a repository; an empty name is the registry itself.
    pub(crate) fn covers(&self, wanted: &WantedHost, repository: &str) -> bool {
        wanted.is_of(self)
            && (self.path.is_empty()
                || repository.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<(String, String)> {
        CredentialKey::parse(text).map(|key| (key.host, key.path))
    }

    #[test]
    fn every_form_is_read() {
        for (text, host, path) in [
            ("reg.example", "reg.example", ""),
            ("Reg.Example:5000", "reg.example:5000", ""),
            ("reg.example:443", "reg.example", ""),
            ("https://reg.example:443/v2/", "reg.example", ""),
            ("https://reg.example", "reg.example", ""),
            ("HTTPS://reg.example/", "reg.example", ""),
            ("http://reg.example:5000/v1/", "reg.example:5000", ""),
            ("https://reg.example/v2", "reg.example", ""),
            ("reg.example/v2/", "reg.example", ""),
            ("reg.example/v2", "reg.example", "v2"),
            ("reg.example/v2/app", "reg.example", "v2/app"),
            ("reg.example/ns", "reg.example", "ns"),
            ("reg.example:5000/ns/repo/", "reg.example:5000", "ns/repo"),
            ("https://reg.example/ns", "reg.example", "ns"),
            ("[::1]:5000", "[::1]:5000", ""),
            ("localhost", "localhost", ""),
            ("https://index.docker.io/v1/", "docker.io", ""),
            ("https://index.docker.io/v1", "docker.io", ""),
            ("index.docker.io/v1", "docker.io", ""),
            ("index.docker.io", "docker.io", ""),
            ("https://registry-1.docker.io/v2/", "docker.io", ""),
            ("docker.io", "docker.io", ""),
            ("docker.io/library/alpine", "docker.io", "library/alpine"),
        ] {
            assert_eq!(key(text), Some((host.to_owned(), path.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in [
            "",
            "/",
            "https://",
            "https:///v1/",
            "ftp://reg.example",
            "user@reg.example",
            "https://u:p@reg.example/",
            "reg.example?x",
            "reg.example#x",
            "reg.example\\evil",
            "reg.example\r\nHost: x",
            "reg.example /ns",
            "reg.example//ns",
            "reg.example/ns//repo",
        ] {
            assert_eq!(key(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_key_covers_whole_parts_of_a_path() {
        for (text, host, repository, covers) in [
            ("reg.example", "reg.example", "", true),
            ("reg.example", "reg.example", "a/b", true),
            ("reg.example", "reg.example:5000", "a/b", false),
            ("reg.example:5000", "reg.example", "a/b", false),
            ("reg.example", "reg.example.evil.test", "a", false),
            ("reg.example.evil.test", "reg.example", "a", false),
            ("reg.example/team", "reg.example", "team", true),
            ("reg.example/team", "reg.example", "team/app", true),
            ("reg.example/team", "reg.example", "team-b/app", false),
            ("reg.example/team", "reg.example", "teams", false),
            ("reg.example/team", "reg.example", "other/team", false),
            ("reg.example/team/app", "reg.example", "team", false),
            ("reg.example/team", "reg.example", "", false),
        ] {
            assert_eq!(
                CredentialKey::parse(text).unwrap().covers(&WantedHost::new(host, false), repository),
                covers,
                "{text} {host} {repository}"
            );
        }
    }

    #[test]
    fn what_is_for_the_port_of_https_is_not_for_that_of_http() {
        for (text, plain, tls) in [
            ("reg.example", true, true),
            ("http://reg.example/v2/", true, true),
            ("reg.example:80", true, false),
            ("http://reg.example:80", true, false),
            ("reg.example:443", false, true),
            ("reg.example.:0443", false, true),
            ("https://reg.example", false, true),
            ("HTTPS://reg.example:443/v1/", false, true),
            ("reg.example:5000", false, false),
        ] {
            let key = CredentialKey::parse(text).unwrap();
            let is = |is_plain| WantedHost::new("reg.example", is_plain).is_of(&key);
            assert_eq!((is(true), is(false)), (plain, tls), "{text}");
        }
        let named = WantedHost::new("reg.example:80", false);
        assert!(named.is_of(&CredentialKey::parse("reg.example:80").unwrap()));
        assert!(!named.is_of(&CredentialKey::parse("reg.example").unwrap()));
    }

    #[test]
    fn a_login_is_kept_by_the_port_that_it_says() {
        for (login, name) in [
            ("reg.example", "reg.example"),
            ("Reg.Example.:0443", "reg.example:443"),
            ("https://reg.example:443", "reg.example:443"),
            ("https://reg.example", "https://reg.example"),
            ("http://reg.example", "reg.example:80"),
            ("http://reg.example:443", "reg.example:443"),
            ("https://reg.example:5000", "reg.example:5000"),
            ("[0::1]:443", "[::1]:443"),
            ("docker.io", docker_hub::CREDENTIALS),
            ("https://docker.io", docker_hub::CREDENTIALS),
            ("registry-1.docker.io:443", docker_hub::CREDENTIALS),
        ] {
            let index = Index::parse(login).unwrap();
            assert_eq!(of_login(&index), name, "{login}");
            let key = CredentialKey::parse(name).unwrap();
            assert!(WantedHost::of(&index).is_of(&key) && key.path.is_empty(), "{login}");
        }
    }

    #[test]
    fn hosts_have_one_form() {
        for name in ["docker.io", "index.docker.io", "registry-1.docker.io", "Docker.IO", "index.docker.io:443"] {
            assert_eq!((host(name).as_str(), server(name).as_str()), ("docker.io", docker_hub::CREDENTIALS));
        }
        assert_eq!(host("Example.com:443"), "example.com");
        assert_eq!(host("example.com:5000"), "example.com:5000");
        assert_eq!(server("Example.com:5000"), "example.com:5000");
    }
}
