//! The names of what is synced: whole repositories, single images, layouts and archives; and registries and paths below which many
//! repositories go.

use std::fmt;

use super::super::kinds::{self, LocalName, ManyImages};
use super::super::{without_transport, Place};
use crate::error::{Code, Error, Result};
use crate::layout::archive::ArchiveFormat;
use crate::reference::index::looks_like_host;
use crate::reference::{Index, Reference, Repository};
use crate::registry::Client;
use crate::text::shorten;

/// What is synced: each form that a source may be written in.
#[derive(Debug, Clone)]
pub enum SyncSource {
    /// A whole repository.
    Repository(Repository),
    /// One image, by a tag or a digest that was written.
    Image(Reference),
    /// A layout, or one name in it.
    Layout(String, Option<String>),
    /// A tar of a layout, or what `docker save` writes, likewise.
    Archive(ArchiveFormat, String, Option<String>),
}

/// Where images are synced to: each form that a destination may be written in.
#[derive(Debug, Clone)]
pub enum SyncDestination {
    /// One repository, which gets the tags of the source.
    Repository(Repository),
    /// `HOST[:PORT][/PATH]`, below which repositories are.
    Below(String),
    /// The path of a layout, whose names are made of repositories and tags.
    Layout(String),
    /// An archive, perhaps with the repository that is the name of what has only tags.
    Archive(ArchiveFormat, String, Option<Repository>),
}

impl fmt::Display for SyncSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |name: &Option<String>| name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        match self {
            SyncSource::Repository(repository) => write!(out, "docker://{}", repository.full_name()),
            SyncSource::Image(reference) => write!(out, "docker://{reference}"),
            SyncSource::Layout(path, of) => write!(out, "oci:{path}{}", name(of)),
            SyncSource::Archive(format, path, of) => write!(out, "{}:{path}{}", format.transport(), name(of)),
        }
    }
}

impl fmt::Display for SyncDestination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SyncDestination::Repository(repository) => write!(out, "docker://{}", repository.full_name()),
            SyncDestination::Below(text) => write!(out, "docker://{text}"),
            SyncDestination::Layout(path) => write!(out, "oci:{path}"),
            SyncDestination::Archive(format, path, of) => {
                let of = of.as_ref().map(|of| format!(":{}", of.full_name())).unwrap_or_default();
                write!(out, "{}:{path}{of}", format.transport())
            }
        }
    }
}

fn has_name(reference: &Reference) -> bool {
    reference.written_tag().is_some() || reference.digest().is_some()
}

fn unsupported(text: &str) -> Error {
    let message = format!("'{}' cannot be the source or the destination of a sync", shorten(text));
    let can = kinds::list("a repository", |kind| kind.many.is_some());
    let hint = match text.starts_with("dir:") {
        true => format!("a dir: holds one image and has no names for more: copy it; {can} can be"),
        false => format!("{can} can be"),
    };
    Error::new(Code::Unsupported, message).with_hint(hint)
}

impl SyncSource {
    /// Takes the name of a source apart, as a client reads it.
    pub fn named(client: &Client, text: &str) -> Result<SyncSource> {
        match Place::named(client, text)? {
            Place::Registry(reference) => Ok(match client.repository(without_transport(text)) {
                Ok(repository) => SyncSource::Repository(repository),
                // It names a tag or a digest.
                Err(error) if error.code() == Code::InvalidReference && has_name(&reference) => {
                    SyncSource::Image(reference)
                }
                Err(error) => return Err(error),
            }),
            Place::Local(LocalName { kind, path, name }) => match kind.many {
                Some(ManyImages::Layout) => Ok(SyncSource::Layout(path, name)),
                Some(ManyImages::Archive(format)) => Ok(SyncSource::Archive(format, path, name)),
                None => Err(unsupported(text)),
            },
            Place::RegistryV1(_) => Err(unsupported(text)),
        }
    }

    /// The repository that it is or is in.
    pub(super) fn repository(&self) -> Option<&Repository> {
        match self {
            SyncSource::Repository(repository) => Some(repository),
            SyncSource::Image(reference) => Some(reference.repository()),
            SyncSource::Layout(..) | SyncSource::Archive(..) => None,
        }
    }

    /// The registry that it is at.
    pub(crate) fn index(&self) -> Option<&Index> {
        self.repository().map(Repository::index)
    }
}

impl SyncDestination {
    /// The name of a place for one repository, or for many in a layout or an archive.
    pub fn named(client: &Client, text: &str) -> Result<SyncDestination> {
        match SyncDestination::local(text)? {
            Some(place) => Ok(place),
            None => {
                let bare = without_transport(text);
                if is_registry(bare) {
                    let message = format!("'{}' is a registry: name a repository in it", shorten(bare));
                    let hint =
                        "the destination of a list may be a registry or a path, below which its repositories are put";
                    return Err(Error::new(Code::InvalidReference, message).with_hint(hint));
                }
                client.repository(bare).map(SyncDestination::Repository)
            }
        }
    }

    /// The name of a place below which many repositories go.
    pub fn below(text: &str) -> Result<SyncDestination> {
        let text = text.trim_end_matches('/');
        if let Some(place) = SyncDestination::local(text)? {
            return Ok(place);
        }
        let bare = without_transport(text);
        match is_registry(bare) {
            true => drop(Index::parse(bare)?),
            false => drop(Repository::parse(bare, None)?),
        }
        Ok(SyncDestination::Below(bare.to_owned()))
    }

    fn local(text: &str) -> Result<Option<SyncDestination>> {
        let bare = without_transport(text);
        if is_registry(bare) {
            return Ok(None);
        }
        match Place::parse(text)? {
            Place::Registry(_) => Ok(None),
            Place::Local(LocalName { kind, path, name }) => match (kind.many, name) {
                (Some(ManyImages::Layout), None) => Ok(Some(SyncDestination::Layout(path))),
                (Some(ManyImages::Archive(format)), None) => Ok(Some(SyncDestination::Archive(format, path, None))),
                (Some(ManyImages::Archive(ArchiveFormat::Docker)), Some(name)) => {
                    let of = Repository::parse(&name, None)?;
                    Ok(Some(SyncDestination::Archive(ArchiveFormat::Docker, path, Some(of))))
                }
                (Some(_), Some(name)) => {
                    let message =
                        format!("a destination of several images must have no name of its own: '{}'", shorten(&name));
                    Err(Error::new(Code::InvalidReference, message))
                }
                (None, _) => Err(unsupported(text)),
            },
            Place::RegistryV1(_) => Err(unsupported(text)),
        }
    }

    /// The registry that it is at.
    pub(crate) fn host(&self) -> Option<String> {
        match self {
            SyncDestination::Repository(repository) => Some(repository.index().name.clone()),
            SyncDestination::Below(text) => {
                let first = text.split('/').next().unwrap_or_default();
                match is_registry(first) {
                    true => Index::parse(first).ok().map(|index| index.name),
                    false => Repository::parse(text, None).ok().map(|repository| repository.index().name.clone()),
                }
            }
            SyncDestination::Layout(_) | SyncDestination::Archive(..) => None,
        }
    }

    /// Where a repository goes below it: under its last word, as skopeo has it, or with its registry and path.
    pub(crate) fn repository_below(prefix: &str, repository: &Repository, scoped: bool) -> Result<Repository> {
        let name = repository.remote_name();
        let suffix = match scoped {
            // A path holds no colon, and a host no underscore.
            true => repository.full_name().replacen(':', "_", 1),
            false => name.rsplit('/').next().unwrap_or(name).to_owned(),
        };
        Repository::parse(&format!("{prefix}/{suffix}"), None)
    }
}

/// The error when two repositories would be one.
pub(super) fn both_below(place: &str, first: &str, second: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{place} would be a copy of both {first} and {second}"))
        .with_hint("with the option scoped the names keep their registry and path")
}

/// Whether it is a host alone: `h:5000` is not an image of Docker Hub with the tag 5000.
fn is_registry(text: &str) -> bool {
    let port = text.rsplit_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    !text.contains('/') && looks_like_host(text) && (port || text.starts_with('['))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<String> {
        let client = Client::new(Default::default()).unwrap();
        Ok(match SyncSource::named(&client, text)? {
            SyncSource::Repository(repository) => repository.full_name(),
            SyncSource::Image(reference) => format!("image {reference}"),
            SyncSource::Layout(path, name) => format!("layout {path} {name:?}"),
            SyncSource::Archive(format, path, name) => format!("{format:?} {path} {name:?}"),
        })
    }

    #[test]
    fn a_source_is_a_repository_unless_it_has_a_tag() {
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, wanted) in [
            ("h:5000/a/b", "h:5000/a/b"),
            ("docker://h.io/a", "h.io/a"),
            ("alpine", "docker.io/library/alpine"),
            ("alpine:3.20", "image docker.io/library/alpine:3.20"),
            ("h.io/a:latest", "image h.io/a:latest"),
            (&format!("h.io/a@{digest}"), &format!("image h.io/a@{digest}")),
            ("oci:/x", "layout /x None"),
            ("oci:/x:v1", "layout /x Some(\"v1\")"),
            ("oci-archive:x.tar", "Oci x.tar None"),
            ("docker-archive:x.tar:h:5000/a:v1", "Docker x.tar Some(\"h:5000/a:v1\")"),
        ] {
            assert_eq!(source(text).unwrap(), wanted);
        }
        for bad in ["dir:/x", "docker-v1://h.io/a"] {
            assert_eq!(source(bad).unwrap_err().code(), Code::Unsupported, "{bad}");
        }
        assert_eq!(source("tarball:/x").unwrap_err().code(), Code::InvalidReference);
    }

    #[test]
    fn a_destination_is_one_repository_or_many_below() {
        let client = Client::new(Default::default()).unwrap();
        let named = |text: &str| {
            SyncDestination::named(&client, text)
                .map(|place| format!("{place:?}").split('(').next().unwrap().to_owned())
        };
        for (text, wanted) in
            [("h:5000/a", "Repository"), ("alpine", "Repository"), ("oci:/x", "Layout"), ("oci-archive:x", "Archive")]
        {
            assert_eq!(named(text).unwrap(), wanted, "{text}");
        }
        for (bad, code) in [
            ("h:5000", Code::InvalidReference),
            ("h.io", Code::InvalidReference),
            ("h.io/a:v1", Code::InvalidReference),
            ("oci:/x:v1", Code::InvalidReference),
            ("docker-archive:x:a:v1", Code::InvalidReference),
            ("dir:/x", Code::Unsupported),
        ] {
            assert_eq!(named(bad).unwrap_err().code(), code, "{bad}");
        }
        let below = |prefix: &str, name: &str, scoped: bool| {
            let SyncDestination::Below(prefix) = SyncDestination::below(prefix).unwrap() else { panic!("{prefix}") };
            let repository = Repository::parse(name, None).unwrap();
            SyncDestination::repository_below(&prefix, &repository, scoped).map(|found| found.full_name())
        };
        assert_eq!(below("h:5000", "quay.io/coreos/etcd", false).unwrap(), "h:5000/etcd");
        assert_eq!(below("docker://h:5000/m/", "quay.io/coreos/etcd", true).unwrap(), "h:5000/m/quay.io/coreos/etcd");
        assert_eq!(below("h.io/m", "alpine", false).unwrap(), "h.io/m/alpine");
        assert_eq!(below("h.io", "localhost:5000/a", true).unwrap(), "h.io/localhost_5000/a");
        assert!(below("h.io", "[::1]:5000/a", true).is_err());
        assert_eq!(SyncDestination::below("h:5000/m").unwrap().host().as_deref(), Some("h:5000"));
        assert_eq!(SyncDestination::below("h:5000").unwrap().host().as_deref(), Some("h:5000"));
    }
}
