//! Where something is, as configuration files write it: `HOST[:PORT][/PATH]`, or a URL of that. Each function says what is wrong in words
//! that do not repeat a password.

use crate::reference::index::{host, looks_like_host};
use crate::reference::{is_repository, Scheme};
use crate::text::shorten;

/// A host and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostPath {
    /// `HOST[:PORT]`, in lower case.
    pub(crate) host: String,
    /// Without slashes around it; may be empty.
    pub(crate) path: String,
}

type Said<T> = std::result::Result<T, String>;

impl HostPath {
    /// A registry and the beginning of repositories' names, `HOST[:PORT][/COMPONENT…]`, as containers-registries.conf(5) has them.
    pub(crate) fn of_names(text: &str) -> Said<HostPath> {
        if text.contains("://") {
            return Err("it is a URL, but must be HOST[:PORT][/PATH] without https://".into());
        }
        refuse_userinfo(text)?;
        let first = text.split('/').next().unwrap_or_default();
        if !looks_like_host(first) {
            return Err(format!("'{}' is not a registry: no '.', no ':' and not 'localhost'", shorten(first)));
        }
        HostPath::of_host(text)
    }

    /// The same of any host, which may be a single word.
    fn of_host(text: &str) -> Said<HostPath> {
        let text = text.trim_end_matches('/');
        refuse_userinfo(text)?;
        let (first, path) = text.split_once('/').unwrap_or((text, ""));
        if !path.is_empty() && !is_repository(path) {
            return Err(format!("'{}' is not a repository's name", shorten(path)));
        }
        Ok(HostPath { host: checked_host(first)?, path: path.to_owned() })
    }

    /// `[SCHEME://]HOST[:PORT][/COMPONENT…]`.
    pub(crate) fn of_mirror(text: &str) -> Said<(Option<Scheme>, HostPath)> {
        match text.split_once("://") {
            Some((scheme, rest)) => Ok((Some(known_scheme(scheme)?), HostPath::of_host(rest)?)),
            None => Ok((None, HostPath::of_host(text)?)),
        }
    }

    /// The URL of an API, `SCHEME://HOST[:PORT][/PATH]`.
    pub(crate) fn of_url(text: &str) -> Said<(Scheme, HostPath)> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err("it is not a URL: it must begin with https:// or http://".into());
        };
        let scheme = known_scheme(scheme)?;
        refuse_userinfo(rest)?;
        if rest.contains(['?', '#']) {
            return Err("it must have no query and no fragment".into());
        }
        let (first, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok((scheme, HostPath { host: checked_host(first)?, path: clean_path(path)? }))
    }
}

fn known_scheme(text: &str) -> Said<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
        _ => Err("its scheme must be https or http".into()),
    }
}

// Also behind the host: what is meant as a password should not be sent either.
fn refuse_userinfo(text: &str) -> Said<()> {
    match text.contains('@') {
        true => Err("it contains an '@': user names, passwords and digests are not part of it".into()),
        false => Ok(()),
    }
}

fn checked_host(text: &str) -> Said<String> {
    match text {
        "" => Err("it has no host".into()),
        text => host(text).map_err(|error| error.message().to_owned()),
    }
}

fn clean_path(path: &str) -> Said<String> {
    let mut clean = Vec::new();
    for segment in path.split('/').filter(|segment| !matches!(*segment, "" | ".")) {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:".contains(&byte);
        if segment == ".." || !segment.bytes().all(allowed) {
            return Err(format!("its path has the part '{}', which is refused", shorten(segment)));
        }
        clean.push(segment);
    }
    Ok(clean.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_registry_and_components() {
        let wanted = |host: &str, path: &str| Ok(HostPath { host: host.into(), path: path.into() });
        for (text, wanted) in [
            ("example.com", wanted("example.com", "")),
            ("Example.com:5000/a/b/", wanted("example.com:5000", "a/b")),
            ("localhost/a", wanted("localhost", "a")),
            ("[::1]:5000", wanted("[::1]:5000", "")),
        ] {
            assert_eq!(HostPath::of_names(text), wanted, "{text}");
        }
        for (text, why) in [
            ("", "not a registry"),
            ("https://example.com", "URL"),
            ("user:password@example.com", "'@'"),
            ("registry/a", "not a registry"),
            ("example.com/../a", "not a repository's name"),
            ("example.com/A", "not a repository's name"),
            ("example.com/a b", "not a repository's name"),
            ("exa\nmple.com", "host name"),
            ("example.com:99999", "port"),
            ("example.com?x=/a", "host name"),
        ] {
            let said = HostPath::of_names(text).unwrap_err();
            assert!(said.contains(why) && !said.contains("password@"), "{text}: {said}");
        }
    }

    #[test]
    fn urls_have_a_host_and_a_harmless_path() {
        let good = |text: &str| HostPath::of_url(text).map(|(scheme, at)| (scheme, at.host, at.path)).unwrap();
        let wanted = |scheme, host: &str, path: &str| (scheme, host.to_owned(), path.to_owned());
        assert_eq!(good("https://mirror"), wanted(Scheme::Https, "mirror", ""));
        assert_eq!(good("HTTP://M:5000/"), wanted(Scheme::Http, "m:5000", ""));
        assert_eq!(good("https://h//v2/./Docker-Remote/"), wanted(Scheme::Https, "h", "v2/Docker-Remote"));
        for (text, why) in [
            ("mirror:5000", "not a URL"),
            ("ftp://h", "scheme"),
            ("https://", "no host"),
            ("https:///v2", "no host"),
            ("https://user:secret@h", "'@'"),
            ("https://h/v2@x", "'@'"),
            ("https://h/?ns=x", "query"),
            ("https://h/#x", "fragment"),
            ("https://h/a/../b", "refused"),
            ("https://h/%2e%2e/b", "refused"),
            ("https://h/a\\b", "refused"),
            ("https://h/a\r\nX: y", "refused"),
            ("https://h\\x/a", "host name"),
            ("https://127.1/", "host name"),
        ] {
            let said = HostPath::of_url(text).unwrap_err();
            assert!(said.contains(why) && !said.contains("secret"), "{text}: {said}");
        }
    }
}
