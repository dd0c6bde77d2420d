//! The kinds of places on this machine, a row for each: how one is named, opened and made, and what can be done with it. What else a
//! new kind takes is its store, in `layout`, its line in the documentation (`ocireg_endpoint_parse`), and its row in the command's table
//! (bindings/c/place_kinds.c).

use std::fmt;
use std::fs::{self, File};
use std::path::Path;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::archive::{ArchiveFormat, ArchiveReader, ArchiveWriter};
use crate::layout::directory::Directory;
use crate::layout::oci::OciLayout;
use crate::registry::Client;
use crate::store::{unchangeable, ChangeStore, ReadStore, WriteStore};
use crate::text::shorten;

/// What may follow the path in the name of such a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// Nothing: it holds one image, without a name.
    Nothing,
    /// `:NAME`.
    Name,
    /// `:NAME` or `@DIGEST`.
    NameOrDigest,
}

/// What whole repositories are synced with.
#[derive(Clone, Copy)]
pub(super) enum ManyImages {
    Layout,
    Archive(ArchiveFormat),
}

/// A stream comes from the descriptor, or goes through it, if one is given.
type Opens<Store> = fn(&Client, &LocalName, Option<File>) -> Result<Box<Store>>;

/// What names and manifests are taken away from.
type OpensChanged = fn(&Client, &LocalName) -> Result<Box<dyn ChangeStore>>;

/// How places of one transport are named, opened and made, and what can be done with them.
pub(super) struct PlaceKind {
    /// What its names begin with, without the colon.
    pub(super) transport: &'static str,
    /// What its path is, in messages.
    path: &'static str,
    /// What a list of kinds calls it.
    called: &'static str,
    pub(super) naming: Naming,
    /// It is written as a whole, and may be a stream, which is called `-`.
    pub(super) is_archive: bool,
    /// It holds artifacts and indexes, and not only images.
    pub(super) holds_anything: bool,
    /// Its layers are plain tars, as `docker save` writes them.
    pub(super) has_plain_layers: bool,
    /// Whether it holds the images of whole repositories, and how they are reached.
    pub(super) many: Option<ManyImages>,
    source: Opens<dyn ReadStore>,
    destination: Opens<dyn WriteStore>,
    /// For single blobs and manifests, where that is different.
    for_puts: Option<Opens<dyn WriteStore>>,
    /// Where names and manifests can be taken away.
    changed: Option<OpensChanged>,
    /// Whether nothing can be read at a path yet, because nothing was written there.
    is_missing: fn(&Path) -> bool,
}

const KINDS: [&PlaceKind; 4] = [
    &PlaceKind {
        transport: "oci",
        path: "DIR",
        called: "an oci: layout",
        naming: Naming::NameOrDigest,
        is_archive: false,
        holds_anything: true,
        has_plain_layers: false,
        many: Some(ManyImages::Layout),
        source: |_, at, _| Ok(Box::new(OciLayout::open(at.path(), at.name())?)),
        destination: |_, at, _| Ok(Box::new(OciLayout::planned(at.path(), at.new_name()?)?)),
        for_puts: None,
        changed: Some(|_, at| Ok(Box::new(OciLayout::open(at.path(), at.name())?))),
        is_missing: |path| !path.join("oci-layout").exists(),
    },
    &PlaceKind {
        transport: "oci-archive",
        path: "FILE",
        called: "an oci-archive:",
        naming: Naming::NameOrDigest,
        is_archive: true,
        holds_anything: true,
        has_plain_layers: false,
        many: Some(ManyImages::Archive(ArchiveFormat::Oci)),
        source: |client, at, descriptor| Ok(at.reader(client, descriptor, ArchiveFormat::Oci)),
        destination: |client, at, descriptor| {
            Ok(Box::new(at.writer(client, descriptor, (ArchiveFormat::Oci, at.new_name()?))?))
        },
        for_puts: Some(|client, at, _| {
            Ok(Box::new(at.writer(client, None, (ArchiveFormat::Oci, at.new_name()?))?.for_puts()?))
        }),
        changed: Some(|client, at| at.changed_archive(client, ArchiveFormat::Oci)),
        is_missing: is_absent,
    },
    &PlaceKind {
        transport: "docker-archive",
        path: "FILE",
        called: "a docker-archive:",
        naming: Naming::Name,
        is_archive: true,
        holds_anything: false,
        has_plain_layers: true,
        many: Some(ManyImages::Archive(ArchiveFormat::Docker)),
        source: |client, at, descriptor| Ok(at.reader(client, descriptor, ArchiveFormat::Docker)),
        destination: |client, at, descriptor| {
            Ok(Box::new(at.writer(client, descriptor, (ArchiveFormat::Docker, at.name()))?))
        },
        for_puts: Some(|client, at, _| {
            Ok(Box::new(at.writer(client, None, (ArchiveFormat::Docker, at.name()))?.for_puts()?))
        }),
        changed: Some(|client, at| at.changed_archive(client, ArchiveFormat::Docker)),
        is_missing: is_absent,
    },
    &PlaceKind {
        transport: "dir",
        path: "DIR",
        called: "a dir:",
        naming: Naming::Nothing,
        is_archive: false,
        holds_anything: true,
        has_plain_layers: false,
        many: None,
        source: |_, at, _| Ok(Box::new(Directory::open(at.path())?)),
        destination: |_, at, _| Ok(Box::new(Directory::planned(at.path()))),
        for_puts: None,
        changed: None,
        is_missing: |path| !path.exists(),
    },
];

pub(super) fn of_transport(transport: &str) -> Option<&'static PlaceKind> {
    KINDS.into_iter().find(|kind| kind.transport == transport)
}

/// What names of each look like, for messages: `oci:DIR, dir:DIR`.
pub(super) fn forms() -> String {
    KINDS.map(|kind| format!("{}:{}", kind.transport, kind.path)).join(", ")
}

/// The kinds with a property, after `first`: `a registry, an oci: layout or a dir:`.
pub(super) fn list(first: &str, with: fn(&PlaceKind) -> bool) -> String {
    let found = KINDS.into_iter().filter(|kind| with(kind)).map(|kind| kind.called.to_owned());
    one_of(std::iter::once(first.to_owned()).chain(found).collect())
}

/// The names of those that can be a stream: `oci-archive:- or docker-archive:-`.
pub(super) fn streams() -> String {
    one_of(KINDS.into_iter().filter(|kind| kind.is_archive).map(|kind| format!("{}:-", kind.transport)).collect())
}

fn one_of(names: Vec<String>) -> String {
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

impl fmt::Debug for PlaceKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.transport)
    }
}

/// The name of a place on this machine.
#[derive(Debug, Clone)]
pub struct LocalName {
    pub(super) kind: &'static PlaceKind,
    pub(super) path: String,
    /// Of an image there, as it was given: also `@DIGEST` or `@INDEX`.
    pub(super) name: Option<String>,
}

impl LocalName {
    /// What begins its name: "oci", "oci-archive" and others.
    pub fn transport(&self) -> &'static str {
        self.kind.transport
    }

    /// Where it is, as it was given.
    pub fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    /// The image there, if one is named: also `@DIGEST` or `@INDEX`.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Takes what follows the colon apart; the error says what is wrong with it.
    pub(super) fn parse(kind: &'static PlaceKind, rest: &str) -> std::result::Result<LocalName, &'static str> {
        let made = |path: &str, name: Option<String>| Ok(LocalName { kind, path: path.to_owned(), name });
        if kind.naming == Naming::NameOrDigest {
            if let Some((path, name)) = picked(rest) {
                return made(path, Some(name));
            }
        }
        match rest.split_once(':').filter(|_| kind.naming != Naming::Nothing) {
            Some(("", _)) => Err("has no path"),
            Some((_, "")) => Err("has nothing after its last colon"),
            Some((path, name)) => made(path, Some(name.to_owned())),
            None if rest.is_empty() => Err("has no path"),
            None => made(rest, None),
        }
    }

    /// The same place by another name; one without names has none.
    pub(super) fn renamed(&self, name: Option<&str>) -> LocalName {
        let name = name.filter(|_| self.has_names()).map(str::to_owned);
        LocalName { kind: self.kind, path: self.path.clone(), name }
    }

    pub(super) fn has_names(&self) -> bool {
        self.kind.naming != Naming::Nothing
    }

    /// Whether its manifests can be named by their digests.
    pub(super) fn has_digests(&self) -> bool {
        self.kind.naming == Naming::NameOrDigest
    }

    /// Whether it is standard input or output, or a descriptor.
    pub(super) fn is_stream(&self) -> bool {
        self.kind.is_archive && self.path == "-"
    }

    pub(super) fn is_missing(&self) -> bool {
        (self.kind.is_missing)(self.path())
    }

    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        format!("{}:{}", self.kind.transport, self.path)
    }

    /// Opens it for reading; a stream comes from the descriptor, if one is given.
    pub(super) fn source(&self, client: &Client, descriptor: Option<File>) -> Result<Box<dyn ReadStore>> {
        (self.kind.source)(client, self, descriptor)
    }

    /// Makes it when a copy to it begins; a stream goes through the descriptor, if one is given.
    pub(super) fn destination(&self, client: &Client, descriptor: Option<File>) -> Result<Box<dyn WriteStore>> {
        (self.kind.destination)(client, self, descriptor)
    }

    /// Where single blobs and manifests can be put.
    pub(super) fn writable(&self, client: &Client) -> Result<Box<dyn WriteStore>> {
        self.kind.for_puts.unwrap_or(self.kind.destination)(client, self, None)
    }

    /// What names and manifests are taken away from.
    pub(super) fn changed(&self, client: &Client) -> Result<Box<dyn ChangeStore>> {
        match self.kind.changed {
            Some(changed) => changed(client, self),
            None => Err(unchangeable(&self.shown())),
        }
    }

    /// The name that a new image gets.
    fn new_name(&self) -> Result<Option<&str>> {
        match self.name().filter(|name| name.starts_with('@')) {
            Some(name) => {
                let message = format!("'{}' selects an existing image: a new image needs a name", shorten(name));
                Err(Error::new(Code::InvalidReference, message))
            }
            None => Ok(self.name()),
        }
    }

    fn reader(&self, client: &Client, descriptor: Option<File>, format: ArchiveFormat) -> Box<dyn ReadStore> {
        Box::new(ArchiveReader::new(self.path(), descriptor, format, self.name(), client.temporary_space()))
    }

    fn writer(
        &self,
        client: &Client,
        descriptor: Option<File>,
        (format, name): (ArchiveFormat, Option<&str>),
    ) -> Result<ArchiveWriter> {
        ArchiveWriter::planned(self.path(), descriptor, format, name, client.temporary_space())
    }

    fn changed_archive(&self, client: &Client, format: ArchiveFormat) -> Result<Box<dyn ChangeStore>> {
        let name = self.name().filter(|name| !name.starts_with('@'));
        Ok(Box::new(ArchiveWriter::for_removals(self.path(), format, name, client.temporary_space())?))
    }
}

/// Whether there is no archive yet; an empty file is as good as none.
fn is_absent(path: &Path) -> bool {
    path != Path::new("-") && fs::metadata(path).map_or(true, |found| found.is_file() && found.len() == 0)
}

/// `PATH@DIGEST`, and `PATH:@DIGEST`, which is the same. `PATH:NAME@DIGEST` is a path and a name.
fn picked(rest: &str) -> Option<(&str, String)> {
    let (path, digest) = rest.rsplit_once('@')?;
    let path = path.strip_suffix(':').unwrap_or(path);
    let digest = digest.parse::<Digest>().ok().filter(|_| !path.is_empty() && !path.contains(':'))?;
    Some((path, format!("@{digest}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_list_the_kinds_that_can_do_it() {
        assert_eq!(forms(), "oci:DIR, oci-archive:FILE, docker-archive:FILE, dir:DIR");
        let anything = list("a registry", |kind| kind.holds_anything);
        assert_eq!(anything, "a registry, an oci: layout, an oci-archive: or a dir:");
        assert_eq!(list("a registry", |kind| kind.has_plain_layers), "a registry or a docker-archive:");
        assert_eq!(list("a registry", |_| false), "a registry");
        assert_eq!(streams(), "oci-archive:- or docker-archive:-");
    }
}
