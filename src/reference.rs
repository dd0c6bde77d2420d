//! Names (distribution's reference grammar, and the index and repository forms of the older clients).

use std::fmt;

use serde::Serialize;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::text::shorten;

/// The registry of names that have none.
pub const DEFAULT_INDEX: &str = "docker.io";
/// The tag of names that have neither tag nor digest.
pub const DEFAULT_TAG: &str = "latest";

/// How a registry is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// A registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Index {
    /// Host and port.
    pub name: String,
    /// Whether it is Docker Hub.
    pub official: bool,
    /// The scheme, when the name had one.
    pub scheme: Option<Scheme>,
}

/// Far longer than any name; what is longer is not looked at.
const LONGEST: usize = 64 << 10;

/// Refuses what can be no name by its length alone.
pub(crate) fn check_length(text: &str) -> Result<()> {
    match text.len() > LONGEST {
        true => Err(invalid(format!("a name of {} bytes: none is longer than {LONGEST}", text.len()))),
        false => Ok(()),
    }
}

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidReference, message)
}

/// For messages: what stands before an '@' may be a user and a password.
fn quoted(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) if may_be_userinfo(before, after) => format!("…@{}", shorten(after)),
        _ => shorten(text),
    }
}

fn may_be_userinfo(before: &str, after: &str) -> bool {
    let (scheme, name) = before.split_once("://").map_or((false, before), |(_, name)| (true, name));
    let is_digest = ["sha256:", "sha512:"].iter().any(|algorithm| after.starts_with(algorithm));
    let bare = !name.contains('/') && (scheme || after.contains('/'));
    !is_digest && (name.contains(':') || bare)
}

impl Index {
    /// `[SCHEME://]HOST[:PORT][/]`; nothing is Docker Hub.
    pub fn parse(text: &str) -> Result<Index> {
        check_length(text)?;
        if text.is_empty() || text == "https://index.docker.io/v1/" {
            return Ok(Index { name: DEFAULT_INDEX.to_owned(), official: true, scheme: None });
        }
        if text.contains('@') {
            return Err(invalid("the registry's name holds an '@': users and passwords are no part of it".to_owned()));
        }
        let (scheme, rest) = split_scheme(text)?;
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.is_empty() {
            return Err(invalid(format!("the registry '{}' has an empty host", quoted(text))));
        }
        if host.contains('/') {
            return Err(invalid(format!("the registry '{}' has an invalid trailing repository", quoted(text))));
        }
        if !looks_like_host(host) {
            let message =
                format!("'{}' does not look like a registry: no '.', no ':' and not 'localhost'", quoted(text));
            return Err(invalid(message));
        }
        check_host(host)?;
        let name = if host == "index.docker.io" { DEFAULT_INDEX } else { host }.to_owned();
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

fn looks_like_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

fn check_host(host: &str) -> Result<()> {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                return check_port(host, after.strip_prefix(':'), !after.is_empty() && !after.starts_with(':'));
            }
            _ => return Err(invalid(format!("the host '{}' is no IPv6 address in brackets", quoted(host)))),
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
        return Err(invalid(format!("'{}' is no host name", quoted(host))));
    }
    check_port(host, port, false)
}

// URL parsers read such a name as an IPv4 address of one of its odd forms: 127.1 and 0x7f.1 are 127.0.0.1.
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

/// A repository at a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    index: Index,
    remote_name: String,
}

impl Repository {
    /// `[[SCHEME://]HOST[:PORT]/]NAME`; without a host it is at the default index, or at Docker Hub.
    pub fn parse(text: &str, default_index: Option<&Index>) -> Result<Repository> {
        check_length(text)?;
        let (index, remote) = match text.contains("://") {
            true => {
                let start = text.find("://").unwrap_or(0) + 3;
                let slash = text[start..].find('/').map(|at| at + start);
                let slash = slash
                    .ok_or_else(|| invalid(format!("'{}' has no \"/REPOSITORY\" after the host", quoted(text))))?;
                (Index::parse(&text[..slash])?, &text[slash + 1..])
            }
            false => match text.split_once('/') {
                Some((first, rest)) if looks_like_host(first) => (Index::parse(first)?, rest),
                _ => (default_index.cloned().map_or_else(|| Index::parse(""), Ok)?, text),
            },
        };
        let remote_name = match index.official && !remote.contains('/') {
            true => format!("library/{remote}"),
            false => remote.to_owned(),
        };
        check_name(text, remote, &index)?;
        if remote_name.len() > 255 {
            return Err(invalid(format!(
                "the repository name '{}' is longer than 255 characters",
                shorten(&remote_name)
            )));
        }
        Ok(Repository { index, remote_name })
    }

    /// The registry.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Whether it is one of Docker Hub's own.
    pub fn official(&self) -> bool {
        self.short_name().is_some()
    }

    /// What the registry calls it.
    pub fn remote_name(&self) -> &str {
        &self.remote_name
    }

    /// The shortest name.
    pub fn local_name(&self) -> String {
        match (self.index.official, self.short_name()) {
            (true, Some(name)) => name.to_owned(),
            (true, None) => self.remote_name.clone(),
            (false, _) => format!("{}/{}", self.index.name, self.remote_name),
        }
    }

    // Only one component stands for library/: library/a/b and a/b are two repositories.
    fn short_name(&self) -> Option<&str> {
        let name = self.remote_name.strip_prefix("library/").filter(|name| !name.contains('/'));
        name.filter(|_| self.index.official)
    }

    /// The name with the registry, `library/` left out.
    pub fn canonical_name(&self) -> String {
        match self.index.official {
            true => format!("{DEFAULT_INDEX}/{}", self.local_name()),
            false => self.local_name(),
        }
    }

    /// A tag in it.
    pub fn with_tag(&self, tag: &str) -> Result<Reference> {
        check_tag(tag)?;
        Ok(Reference { repository: self.clone(), tag: Some(tag.to_owned()), digest: None })
    }

    /// What has this digest in it.
    pub fn with_digest(&self, digest: &Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest.clone()) }
    }
}

fn check_name(text: &str, remote: &str, index: &Index) -> Result<()> {
    if remote.is_empty() {
        return Err(invalid(format!("'{}' has an empty repository name", quoted(text))));
    }
    for (position, component) in remote.split('/').enumerate() {
        let what = if position == 0 && remote.contains('/') { "namespace" } else { "name" };
        let bad = |why: &str| {
            Err(invalid(format!("invalid repository {what} '{}' in '{}': {why}", quoted(component), quoted(text))))
        };
        if component.is_empty() {
            return bad("it is empty");
        }
        if !component.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')) {
            return bad("only a-z, 0-9, '.', '_' and '-' are allowed");
        }
        let end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        if !end(component.bytes().next()) || !end(component.bytes().last()) {
            return bad("it must begin and end with a letter or digit");
        }
        // Docker Hub's rule; other registries follow the grammar, which allows it.
        if index.official && what == "namespace" && component.contains("--") {
            return bad("two hyphens in a row are not allowed");
        }
        let separators = component.split(|c: char| c.is_ascii_alphanumeric()).filter(|between| !between.is_empty());
        for between in separators {
            if !matches!(between, "." | "_" | "__") && !between.bytes().all(|byte| byte == b'-') {
                return bad(&format!("'{between}' is no separator"));
            }
        }
    }
    Ok(())
}

/// Whether a text is a tag (distribution-spec, "Pulling manifests").
pub fn is_tag(text: &str) -> bool {
    let mut bytes = text.bytes();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

fn check_tag(tag: &str) -> Result<()> {
    match (tag.is_empty(), is_tag(tag)) {
        (true, _) => Err(invalid("the tag is empty".to_owned())),
        (_, true) => Ok(()),
        _ => Err(invalid(format!(
            "'{}' is no tag: up to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -",
            shorten(tag)
        ))),
    }
}

/// A repository with a tag, a digest, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    repository: Repository,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// `REPOSITORY[:TAG][@DIGEST]`; with neither, the tag is `latest`.
    pub fn parse(text: &str, default_index: Option<&Index>) -> Result<Reference> {
        check_length(text)?;
        let within = |error: Error| error.within(format!("the reference '{}'", quoted(text)));
        if text.is_empty() {
            return Err(invalid("the reference is empty".to_owned()));
        }
        let (rest, digest) = match text.rsplit_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse::<Digest>().map_err(|error| within(error.into()))?)),
            None => (text, None),
        };
        let name_end = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[name_end..].rsplit_once(':') {
            Some((last, tag)) => (&rest[..name_end + last.len()], Some(tag)),
            None => (rest, None),
        };
        tag.map(check_tag).transpose().map_err(within)?;
        let repository = Repository::parse(name, default_index)?;
        let tag = tag.or(if digest.is_none() { Some(DEFAULT_TAG) } else { None }).map(str::to_owned);
        Ok(Reference { repository, tag, digest })
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Another tag of the repository, or another name on the same registry.
    pub fn renamed(&self, text: &str) -> Result<Reference> {
        if is_tag(text) {
            return self.repository.with_tag(text);
        }
        let other = Reference::parse(text, None)?;
        if other.repository.index.name != self.repository.index.name {
            let message = format!("'{other}' is not on the registry {}", self.repository.index.name);
            return Err(Error::new(Code::InvalidArgument, message).with_hint("a copy goes to another registry"));
        }
        match other.digest {
            Some(_) => Err(Error::new(Code::InvalidReference, format!("'{other}' is no tag"))),
            None => Ok(other),
        }
    }

    /// `registry/name@digest` when it has one, else the whole reference.
    pub fn pinned(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}/{}@{digest}", self.repository.index.name, self.repository.remote_name),
            None => self.to_string(),
        }
    }

    /// The canonical name with tag and digest.
    pub fn canonical_ref(&self) -> String {
        self.suffixed(self.repository.canonical_name())
    }

    fn suffixed(&self, mut name: String) -> String {
        if let Some(tag) = &self.tag {
            name.push(':');
            name.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            name.push('@');
            name.push_str(digest.as_str());
        }
        name
    }

    /// The documented JSON shape.
    pub fn to_json(&self) -> serde_json::Value {
        let repository = &self.repository;
        serde_json::json!({
            "index": repository.index,
            "official": repository.official(),
            "remote_name": repository.remote_name,
            "local_name": repository.local_name(),
            "canonical_name": repository.canonical_name(),
            "tag": self.tag,
            "digest": self.digest,
            "canonical_ref": self.canonical_ref(),
            "reference": self.to_string(),
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{}/{}", self.repository.index.name, self.repository.remote_name);
        out.write_str(&self.suffixed(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

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
        assert_eq!(json, r#"{"name":"quay.io","official":false,"scheme":"https"}"#);
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
            ("quay.io\r\nHost: x", "no host name"),
            ("quay\r\n.io", "no host name"),
            ("-a.io", "no host name"),
            ("a..io", "no host name"),
            ("é.io", "no host name"),
            ("127.1", "no host name"),
            ("0x7f.0.0.0x1:5000", "no host name"),
            ("256.0.0.1", "no host name"),
            ("2130706433:80", "no host name"),
            ("quay.io?x", "no host name"),
            ("user@quay.io", "'@'"),
        ] {
            let found = message(Index::parse(text).unwrap_err());
            assert!(found.contains(reason), "{text}: {found}");
        }
    }

    #[test]
    fn repositories() {
        let gitlab = "registry.gitlab.com/user.name/repo-a/repo-b";
        for (text, default, index, official, remote, local, canonical) in [
            ("mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("docker.io/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("index.docker.io/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("docker.io/library/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("library/mongo", "", "docker.io", true, "library/mongo", "mongo", "docker.io/mongo"),
            ("google/python", "", "docker.io", false, "google/python", "google/python", "docker.io/google/python"),
            ("foo/bar/baz", "", "docker.io", false, "foo/bar/baz", "foo/bar/baz", "docker.io/foo/bar/baz"),
            ("library/a/b", "", "docker.io", false, "library/a/b", "library/a/b", "docker.io/library/a/b"),
            ("a/b", "", "docker.io", false, "a/b", "a/b", "docker.io/a/b"),
            ("gcr.io/a/b", "", "gcr.io", false, "a/b", "gcr.io/a/b", "gcr.io/a/b"),
            (
                "localhost:5000/blarg",
                "",
                "localhost:5000",
                false,
                "blarg",
                "localhost:5000/blarg",
                "localhost:5000/blarg",
            ),
            ("localhost/foo/bar", "", "localhost", false, "foo/bar", "localhost/foo/bar", "localhost/foo/bar"),
            ("[::1]:5000/x", "", "[::1]:5000", false, "x", "[::1]:5000/x", "[::1]:5000/x"),
            (
                "r.example.com:5000/b",
                "",
                "r.example.com:5000",
                false,
                "b",
                "r.example.com:5000/b",
                "r.example.com:5000/b",
            ),
            (
                "https://quay.io/trentm/foo",
                "",
                "quay.io",
                false,
                "trentm/foo",
                "quay.io/trentm/foo",
                "quay.io/trentm/foo",
            ),
            (gitlab, "", "registry.gitlab.com", false, "user.name/repo-a/repo-b", gitlab, gitlab),
            ("quay.io/library/x", "", "quay.io", false, "library/x", "quay.io/library/x", "quay.io/library/x"),
            ("quay.io/a--b/c__d", "", "quay.io", false, "a--b/c__d", "quay.io/a--b/c__d", "quay.io/a--b/c__d"),
            ("foo/bar", "docker.io", "docker.io", false, "foo/bar", "foo/bar", "docker.io/foo/bar"),
            ("foo/bar", "https://m.io:1234", "m.io:1234", false, "foo/bar", "m.io:1234/foo/bar", "m.io:1234/foo/bar"),
            ("foo", "https://m.io:1234", "m.io:1234", false, "foo", "m.io:1234/foo", "m.io:1234/foo"),
            ("quay.io/foo/bar", "https://m.io:1234", "quay.io", false, "foo/bar", "quay.io/foo/bar", "quay.io/foo/bar"),
        ] {
            let found = Repository::parse(text, Some(&Index::parse(default).unwrap())).unwrap();
            let names = (found.remote_name().to_owned(), found.local_name(), found.canonical_name());
            assert_eq!((found.index().name.as_str(), found.official()), (index, official), "{text}");
            assert_eq!(names, (remote.to_owned(), local.to_owned(), canonical.to_owned()), "{text}");
            // The canonical name means the same repository.
            let again = Repository::parse(canonical, None).unwrap();
            assert_eq!((again.index().name.as_str(), again.remote_name()), (index, remote), "{text}");
        }
        let scheme = |text: &str| Repository::parse(text, None).unwrap().index().scheme;
        assert_eq!(scheme("https://quay.io/trentm/foo"), Some(Scheme::Https));
        assert_eq!(scheme("quay.io/trentm/foo"), None);
        let default = Index::parse("https://m.io:1234").unwrap();
        assert_eq!(Repository::parse("foo", Some(&default)).unwrap().index(), &default);
    }

    #[test]
    fn no_repositories() {
        let long = "a".repeat(256);
        for (text, reason) in [
            ("registry.gitlab.com/user@name/repo-a/repo-b", "invalid repository namespace"),
            ("UPPER/foo", "invalid repository namespace"),
            ("ns/UPPER", "invalid repository name"),
            ("user@name", "invalid repository name"),
            ("repo name", "invalid repository name"),
            ("quay.io//x", "it is empty"),
            ("foo--bar/baz", "two hyphens"),
            ("-foo-/bar", "begin and end"),
            ("-foo/bar", "begin and end"),
            ("foo-/bar", "begin and end"),
            ("a/b...c", "no separator"),
            ("a/b___c", "no separator"),
            ("a/b._c", "no separator"),
            ("https://quay.io", "/REPOSITORY"),
            ("http://docker.io/foo", "disallowed"),
            ("ftp://quay.io/foo", "scheme"),
            ("https://foo/bar", "look"),
            ("", "empty"),
            ("quay.io/", "empty"),
            ("foo/", "empty"),
            ("..", "begin and end"),
            ("foo/..", "begin and end"),
            ("foo/../bar", "begin and end"),
            ("foo\n", "only a-z"),
            (&long, "longer than 255"),
        ] {
            let found = message(Repository::parse(text, None).unwrap_err());
            assert!(found.contains(reason), "{text}: {found}");
        }
        assert!(Repository::parse(&format!("quay.io/{}", "a".repeat(255)), None).is_ok());
    }

    #[test]
    fn references() {
        for (text, tag, digest, canonical, whole) in [
            ("busybox", Some("latest"), "", "docker.io/busybox:latest", "docker.io/library/busybox:latest"),
            ("docker.io/ubuntu", Some("latest"), "", "docker.io/ubuntu:latest", "docker.io/library/ubuntu:latest"),
            ("google/python", Some("latest"), "", "docker.io/google/python:latest", "docker.io/google/python:latest"),
            ("localhost:5000/blarg", Some("latest"), "", "localhost:5000/blarg:latest", "localhost:5000/blarg:latest"),
            ("https://quay.io/t/foo", Some("latest"), "", "quay.io/t/foo:latest", "quay.io/t/foo:latest"),
            (
                "localhost:5000/blarg:mytag",
                Some("mytag"),
                "",
                "localhost:5000/blarg:mytag",
                "localhost:5000/blarg:mytag",
            ),
            (
                "http://localhost:5000/b:latest",
                Some("latest"),
                "",
                "localhost:5000/b:latest",
                "localhost:5000/b:latest",
            ),
            ("localhost:5000/blarg@", None, DIGEST, "localhost:5000/blarg@", "localhost:5000/blarg@"),
            ("alpine@", None, DIGEST, "docker.io/alpine@", "docker.io/library/alpine@"),
            ("localhost:5000/blarg:my@", Some("my"), DIGEST, "localhost:5000/blarg:my@", "localhost:5000/blarg:my@"),
            ("google/python:3.3@", Some("3.3"), DIGEST, "docker.io/google/python:3.3@", "docker.io/google/python:3.3@"),
            // A known ambiguity: it is a name and a tag, not a host and a port.
            ("localhost:5000", Some("5000"), "", "docker.io/localhost:5000", "docker.io/library/localhost:5000"),
        ] {
            let found = Reference::parse(&format!("{text}{digest}"), None).unwrap();
            assert_eq!(found.tag(), tag, "{text}");
            assert_eq!(found.digest().map_or("", Digest::as_str), digest, "{text}");
            assert_eq!(found.canonical_ref(), format!("{canonical}{digest}"), "{text}");
            assert_eq!(found.to_string(), format!("{whole}{digest}"), "{text}");
            let again = Reference::parse(&found.to_string(), None).unwrap();
            assert_eq!(again.to_string(), found.to_string(), "{text}");
        }
    }

    #[test]
    fn no_references() {
        let digest = DIGEST.replace('e', "E");
        let long_tag = format!("busybox:{}", "a".repeat(129));
        for (text, reason) in [
            ("", "empty"),
            ("busybox:", "the tag is empty"),
            ("busybox@", "no 'algorithm:'"),
            ("busybox@notadigest", "no 'algorithm:'"),
            ("busybox@sha256:cafebabe", "64 hexadecimal digits, not 8"),
            ("google/python:3.3@sha256:fb9f", "64 hexadecimal digits, not 4"),
            (&format!("busybox@{digest}"), "other than 0-9"),
            ("user@name/foo", "no 'algorithm:'"),
            ("busybox:BAD TAG", "no tag"),
            ("busybox:-x", "no tag"),
            ("busybox:.x", "no tag"),
            (&long_tag, "no tag"),
            ("localhost:5000/a:b/c", "invalid repository namespace"),
            ("quay.io/", "empty"),
            ("foo/", "empty"),
            ("..", "begin and end"),
            ("foo/..", "begin and end"),
            (&format!("@{DIGEST}"), "empty"),
            (":tag", "empty"),
        ] {
            let found = message(Reference::parse(text, None).unwrap_err());
            assert!(found.contains(reason), "{text}: {found}");
        }
        assert!(Reference::parse(&long_tag[..long_tag.len() - 1], None).is_ok());
        assert!(is_tag("_a.B-9") && !is_tag("é"));
    }

    #[test]
    fn no_message_holds_a_password() {
        for text in [
            "https://user:s3cret@quay.io/foo",
            "https://s3cret@quay.io/foo",
            "https://user:s3/cret@quay.io/s3",
            "user:s3cret@quay.io/foo:tag",
            "user:s3@cret@quay.io/foo",
            "s3cret@quay.io/foo",
            "user:s3cret@quay.io",
            "ftp://user:s3cret@quay.io/foo",
        ] {
            let messages = [
                message(Index::parse(text).unwrap_err()),
                message(Repository::parse(text, None).unwrap_err()),
                message(Reference::parse(text, None).unwrap_err()),
            ];
            for found in messages {
                assert!(!found.contains("s3cret") && !found.contains("cret@"), "{text}: {found}");
            }
        }
    }

    #[test]
    fn the_documented_json() {
        let name = format!("mongo@{DIGEST}");
        let wanted = serde_json::json!({
            "index": {"name": "docker.io", "official": true, "scheme": null},
            "official": true,
            "remote_name": "library/mongo",
            "local_name": "mongo",
            "canonical_name": "docker.io/mongo",
            "tag": null,
            "digest": DIGEST,
            "canonical_ref": format!("docker.io/mongo@{DIGEST}"),
            "reference": format!("docker.io/library/mongo@{DIGEST}"),
        });
        assert_eq!(Reference::parse(&name, None).unwrap().to_json(), wanted);
    }

    #[test]
    fn pins_and_tags() {
        let digest: Digest = DIGEST.parse().unwrap();
        let tagged = Reference::parse("quay.io/a/b:1", None).unwrap();
        assert_eq!(tagged.pinned(), "quay.io/a/b:1");
        let both = Reference::parse(&format!("quay.io/a/b:1@{DIGEST}"), None).unwrap();
        assert_eq!(both.pinned(), format!("quay.io/a/b@{DIGEST}"));
        assert_eq!(both.repository().with_digest(&digest).to_string(), format!("quay.io/a/b@{DIGEST}"));
        assert_eq!(tagged.repository().with_tag("2").unwrap().to_string(), "quay.io/a/b:2");
        assert_eq!(message(tagged.repository().with_tag("").unwrap_err()), "the tag is empty");
    }
}
