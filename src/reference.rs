//! Names (distribution's reference grammar, and the index and repository forms of the older clients).

use std::fmt;

use serde::Serialize;

use crate::digest::{shorten, Digest};
use crate::error::{Code, Error, Result};

/// The registry of names that have none.
const DEFAULT_INDEX: &str = "docker.io";
/// The tag of names that have neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

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

fn invalid(message: String) -> Error {
    Error::new(Code::InvalidReference, message)
}

impl Index {
    /// `[SCHEME://]HOST[:PORT][/]`; nothing is Docker Hub.
    pub fn parse(text: &str) -> Result<Index> {
        if text.is_empty() || text == "https://index.docker.io/v1/" {
            return Ok(Index { name: DEFAULT_INDEX.to_owned(), official: true, scheme: None });
        }
        let (scheme, rest) = split_scheme(text)?;
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.is_empty() {
            return Err(invalid(format!("the registry '{}' has an empty host", shorten(text))));
        }
        if host.contains('/') {
            return Err(invalid(format!("the registry '{}' has an invalid trailing repository", shorten(text))));
        }
        if !looks_like_host(host) {
            let message =
                format!("'{}' does not look like a registry: no '.', no ':' and not 'localhost'", shorten(text));
            return Err(invalid(message));
        }
        check_host(host)?;
        let name = if host == "index.docker.io" { DEFAULT_INDEX } else { host }.to_owned();
        let official = name == DEFAULT_INDEX;
        if official && scheme == Some(Scheme::Http) {
            return Err(invalid(format!("plain http is disallowed for Docker Hub: '{}'", shorten(text))));
        }
        Ok(Index { name, official, scheme })
    }
}

fn split_scheme(text: &str) -> Result<(Option<Scheme>, &str)> {
    match text.split_once("://") {
        None => Ok((None, text)),
        Some(("http", rest)) => Ok((Some(Scheme::Http), rest)),
        Some(("https", rest)) => Ok((Some(Scheme::Https), rest)),
        Some((other, _)) => Err(invalid(format!("the scheme '{}' is neither http nor https", shorten(other)))),
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
            _ => return Err(invalid(format!("the host '{}' is no IPv6 address in brackets", shorten(host)))),
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
    if name.len() > 253 || !name.strip_suffix('.').unwrap_or(name).split('.').all(label) {
        return Err(invalid(format!("'{}' is no host name", shorten(host))));
    }
    check_port(host, port, false)
}

fn check_port(host: &str, port: Option<&str>, broken: bool) -> Result<()> {
    let good =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    match port {
        None if !broken => Ok(()),
        Some(port) if good(port) => Ok(()),
        _ => Err(invalid(format!("the host '{}' has no valid port", shorten(host)))),
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
        let (index, remote) = match text.contains("://") {
            true => {
                let start = text.find("://").unwrap_or(0) + 3;
                let slash = text[start..].find('/').map(|at| at + start);
                let slash = slash
                    .ok_or_else(|| invalid(format!("'{}' has no \"/REPOSITORY\" after the host", shorten(text))))?;
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
        self.index.official && self.remote_name.starts_with("library/")
    }

    /// What the registry calls it.
    pub fn remote_name(&self) -> &str {
        &self.remote_name
    }

    /// The shortest name.
    pub fn local_name(&self) -> String {
        match (self.index.official, self.remote_name.strip_prefix("library/")) {
            (true, Some(name)) => name.to_owned(),
            (true, None) => self.remote_name.clone(),
            (false, _) => format!("{}/{}", self.index.name, self.remote_name),
        }
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
}

fn check_name(text: &str, remote: &str, index: &Index) -> Result<()> {
    if remote.is_empty() {
        return Err(invalid(format!("'{}' has an empty repository name", shorten(text))));
    }
    for (position, component) in remote.split('/').enumerate() {
        let what = if position == 0 && remote.contains('/') { "namespace" } else { "name" };
        let bad = |why: &str| {
            Err(invalid(format!("invalid repository {what} '{}' in '{}': {why}", shorten(component), shorten(text))))
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
        let within = |error: Error| error.within(format!("the reference '{}'", shorten(text)));
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

    /// The same repository and tag with this digest.
    pub fn with_digest(&self, digest: &Digest) -> Reference {
        Reference { digest: Some(digest.clone()), ..self.clone() }
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
