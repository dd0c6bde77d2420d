//! Names: a registry, a repository in it, and a tag or digest.

pub(crate) mod host_spelling;
pub(crate) mod index;
mod invalid;
pub(crate) mod one_registry;
mod repository;

use std::fmt;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::text::shorten;
pub use index::{Index, Scheme, DEFAULT_INDEX};
pub(crate) use invalid::check_length;
use invalid::invalid;
pub(crate) use invalid::quoted;
pub(crate) use repository::is_repository;
pub use repository::Repository;

/// The tag of names that have neither tag nor digest.
pub const DEFAULT_TAG: &str = "latest";

/// Whether a string is a tag (distribution-spec, "Pulling manifests").
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
            "'{}' is not a tag: up to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -",
            shorten(tag)
        ))),
    }
}

/// A repository with a tag, a digest, or both.
///
/// ```
/// use ocireg::reference::Reference;
///
/// let name = Reference::parse("alpine", None)?;
/// assert_eq!(name.to_string(), "docker.io/library/alpine:latest");
///
/// let name = Reference::parse("localhost:5000/team/app:v1", None)?;
/// assert_eq!((name.repository().full_name().as_str(), name.tag()), ("localhost:5000/team/app", Some("v1")));
/// assert_eq!(name.repository().with_tag("v2")?.to_string(), "localhost:5000/team/app:v2");
///
/// // What another tool would read otherwise is an error that says what is wrong.
/// let error = Reference::parse("localhost:5000/Team/app", None).unwrap_err();
/// assert!(error.message().contains("Team"));
/// # Ok::<(), ocireg::error::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reference {
    repository: Repository,
    tag: Option<String>,
    digest: Option<Digest>,
    /// The tag is the default: the name has neither tag nor digest.
    is_bare: bool,
}

/// Whether they name the same: a tag that is understood counts as one that is written.
impl PartialEq for Reference {
    fn eq(&self, other: &Reference) -> bool {
        (&self.repository, &self.tag, &self.digest) == (&other.repository, &other.tag, &other.digest)
    }
}

impl Eq for Reference {}

impl Reference {
    /// Parses `REPOSITORY[:TAG][@DIGEST]`; with neither, the tag is `latest`.
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
        let name = untagged(rest);
        let tag = rest[name.len()..].strip_prefix(':');
        tag.map(check_tag).transpose().map_err(within)?;
        let repository = Repository::parse(name, default_index)?;
        let is_bare = tag.is_none() && digest.is_none();
        let tag = tag.or(is_bare.then_some(DEFAULT_TAG)).map(str::to_owned);
        Ok(Reference { repository, tag, digest, is_bare })
    }

    /// The name in a text that names no registry, without tag and digest; None: it names one.
    pub(crate) fn short_name(text: &str) -> Option<&str> {
        let name = untagged(text.rsplit_once('@').map_or(text, |(rest, _)| rest));
        Repository::is_short(name).then_some(name)
    }

    /// The same tag and digest in another repository.
    pub(crate) fn moved_to(self, repository: Repository) -> Reference {
        Reference { repository, ..self }
    }

    /// The repository, with its registry.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag; None when there is only a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The tag, if the name has one; the default one does not count.
    pub(crate) fn written_tag(&self) -> Option<&str> {
        self.tag().filter(|_| !self.is_bare)
    }

    /// The digest; None when there is only a tag.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Another tag of the repository, or another name in the same registry.
    pub fn renamed(&self, text: &str) -> Result<Reference> {
        if is_tag(text) {
            return self.repository.with_tag(text);
        }
        if !text.contains(['/', ':', '@']) {
            check_tag(text)?;
        }
        let other = Reference::parse(text, None)?;
        if !other.repository.index().may_be(self.repository.index()) {
            return Err(self.elsewhere(&other));
        }
        match other.digest {
            Some(_) => Err(Error::new(Code::InvalidReference, format!("'{other}' is not a tag"))),
            None => Ok(other),
        }
    }

    /// The error for a new name of it that is in another registry, with both as they were written.
    pub(crate) fn elsewhere(&self, other: &Reference) -> Error {
        let (here, there) = (self.repository.index(), other.repository.index());
        let name = other.to_string().replacen(&there.name, &there.written(), 1);
        let message = format!("'{name}' is not in the registry {}", here.written());
        let port =
            if here.may_be(there) { ": one of the two is asked at port 80, the other one at port 443" } else { "" };
        Error::new(Code::InvalidArgument, message + port)
            .with_hint("the new name is a tag, or a name in this registry with its host; a copy gets to another one")
    }

    /// `registry/name@digest` when it has a digest, otherwise the whole reference.
    pub fn pinned(&self) -> String {
        match &self.digest {
            Some(digest) => format!("{}@{digest}", self.repository.full_name()),
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

    /// The result in the documented JSON shape.
    pub fn to_json(&self) -> serde_json::Value {
        let repository = &self.repository;
        serde_json::json!({
            "index": repository.index(),
            "official": repository.official(),
            "remote_name": repository.remote_name(),
            "local_name": repository.local_name(),
            "canonical_name": repository.canonical_name(),
            "tag": self.tag,
            "digest": self.digest,
            "canonical_ref": self.canonical_ref(),
            "reference": self.to_string(),
            "repository": repository.full_name(),
        })
    }
}

impl Repository {
    /// `registry/name`, as its references begin.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.index().name, self.remote_name())
    }

    /// A reference to a tag in this repository.
    pub fn with_tag(&self, tag: &str) -> Result<Reference> {
        check_tag(tag)?;
        Ok(Reference { repository: self.clone(), tag: Some(tag.to_owned()), digest: None, is_bare: false })
    }

    /// A reference to a digest in this repository.
    pub fn with_digest(&self, digest: &Digest) -> Reference {
        Reference { repository: self.clone(), tag: None, digest: Some(digest.clone()), is_bare: false }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.suffixed(self.repository.full_name()))
    }
}

/// A name with or without a tag, as it is without.
fn untagged(text: &str) -> &str {
    let last = text.rfind('/').map_or(0, |slash| slash + 1);
    text[last..].rsplit_once(':').map_or(text, |(name, _)| &text[..last + name.len()])
}

#[cfg(test)]
mod tests;
