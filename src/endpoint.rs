//! The names of places to copy from and to, in the form that skopeo gave them: `docker://REF`, `oci:DIR[:NAME]`,
//! `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:REF]`, `dir:DIR`; and `docker-v1://REF`, which skopeo never had. A bare
//! name is a reference.

use std::path::Path;

use serde_json::json;

use crate::convert::schema1::Converting;
use crate::convert::v1::V1Store;
use crate::digest::shorten;
use crate::error::{Code, Error, Result, Side};
use crate::http::call::Call;
use crate::layout::archive::{ArchiveReader, ArchiveWriter, Form};
use crate::layout::directory::Directory;
use crate::layout::oci::OciLayout;
use crate::reference::Reference;
use crate::registry::store::RegistryStore;
use crate::registry::Client;
use crate::registry_v1::tag_of;
use crate::store::{ReadStore, WriteStore};
use crate::transfer::copy::{self, Copied, CopyOptions};

/// A place, by its name.
#[derive(Debug)]
pub enum Endpoint {
    /// A repository's tag or digest.
    Registry(Reference),
    /// A tag at a registry that speaks protocol v1: only to copy from.
    RegistryV1(Reference),
    /// A layout and perhaps a name in it.
    Oci(String, Option<String>),
    /// A tar of a layout.
    OciArchive(String, Option<String>),
    /// What `docker save` writes.
    DockerArchive(String, Option<String>),
    /// A directory with a file for each layer.
    Directory(String),
}

impl Endpoint {
    /// Takes a name apart.
    pub fn parse(text: &str) -> Result<Endpoint> {
        let invalid = |why: &str| Error::new(Code::InvalidReference, format!("'{}' {why}", shorten(text)));
        let Some((transport, rest)) = text.split_once(':') else {
            return Ok(Endpoint::Registry(Reference::parse(text, None)?));
        };
        let path = || match rest.split_once(':') {
            Some(("", _)) => Err(invalid("has no path")),
            Some((_, "")) => Err(invalid("has nothing after its last colon")),
            Some((path, name)) => Ok((path.to_owned(), Some(name.to_owned()))),
            None if rest.is_empty() => Err(invalid("has no path")),
            None => Ok((rest.to_owned(), None)),
        };
        match transport {
            "docker" => match rest.strip_prefix("//") {
                Some(reference) => Ok(Endpoint::Registry(Reference::parse(reference, None)?)),
                // `docker:5000/a` is a host with a port, as any bare name.
                None => Ok(Endpoint::Registry(Reference::parse(text, None)?)),
            },
            "docker-v1" => match rest.strip_prefix("//") {
                Some(reference) => {
                    let reference = Reference::parse(reference, None)?;
                    tag_of(&reference)?;
                    Ok(Endpoint::RegistryV1(reference))
                }
                None => Ok(Endpoint::Registry(Reference::parse(text, None)?)),
            },
            "oci" => path().map(|(path, name)| Endpoint::Oci(path, name)),
            "oci-archive" => path().map(|(path, name)| Endpoint::OciArchive(path, name)),
            "docker-archive" => path().map(|(path, name)| Endpoint::DockerArchive(path, name)),
            "dir" if rest.is_empty() => Err(invalid("has no path")),
            "dir" => Ok(Endpoint::Directory(rest.to_owned())),
            _ if rest.starts_with("//") => Err(invalid("has a transport that is not known")),
            _ => Ok(Endpoint::Registry(Reference::parse(text, None)?)),
        }
    }

    /// The documented JSON shape.
    pub fn to_json(&self) -> serde_json::Value {
        let (transport, path, name) = match self {
            Endpoint::Registry(reference) | Endpoint::RegistryV1(reference) => {
                let transport = if matches!(self, Endpoint::Registry(_)) { "docker" } else { "docker-v1" };
                return json!({"transport": transport, "registry": reference.repository().index().name,
                              "reference": reference.to_string(), "path": null, "name": null});
            }
            Endpoint::Oci(path, name) => ("oci", path, name.as_deref()),
            Endpoint::OciArchive(path, name) => ("oci-archive", path, name.as_deref()),
            Endpoint::DockerArchive(path, name) => ("docker-archive", path, name.as_deref()),
            Endpoint::Directory(path) => ("dir", path, None),
        };
        json!({"transport": transport, "registry": null, "reference": null, "path": path, "name": name})
    }

    /// Opens both ends of a copy; an error says which one it is about.
    pub fn pair(client: &Client, from: &Endpoint, to: &Endpoint) -> Result<(Box<dyn ReadStore>, Box<dyn WriteStore>)> {
        let source = from.source(client).map_err(|error| error.with_side(Side::Source))?;
        let destination = to.destination(client).map_err(|error| error.with_side(Side::Destination))?;
        Ok((source, destination))
    }

    /// A place that is open already, and the destination of a copy from it.
    pub fn onto(
        client: &Client,
        from: Box<dyn ReadStore>,
        to: &Endpoint,
    ) -> Result<(Box<dyn ReadStore>, Box<dyn WriteStore>)> {
        Ok((from, to.destination(client).map_err(|error| error.with_side(Side::Destination))?))
    }

    /// Opens it for reading.
    pub fn source(&self, client: &Client) -> Result<Box<dyn ReadStore>> {
        Ok(match self {
            Endpoint::Registry(reference) => Box::new(RegistryStore::new(client, reference.clone())),
            Endpoint::RegistryV1(reference) => Box::new(V1Store::new(client, reference.clone())?),
            Endpoint::Oci(path, name) => Box::new(OciLayout::open(Path::new(path), name.as_deref())?),
            Endpoint::OciArchive(path, name) => {
                Box::new(ArchiveReader::open(Path::new(path), Form::Oci, name.as_deref())?)
            }
            Endpoint::DockerArchive(path, name) => {
                Box::new(ArchiveReader::open(Path::new(path), Form::Docker, name.as_deref())?)
            }
            Endpoint::Directory(path) => Box::new(Directory::open(Path::new(path))?),
        })
    }

    /// Opens it for writing.
    pub fn destination(&self, client: &Client) -> Result<Box<dyn WriteStore>> {
        Ok(match self {
            Endpoint::Registry(reference) => Box::new(RegistryStore::new(client, reference.clone())),
            Endpoint::RegistryV1(reference) => {
                let message = format!("docker-v1://{reference} is a place to copy from; 'v1 push' makes an old image");
                return Err(Error::new(Code::Unsupported, message));
            }
            Endpoint::Oci(path, name) => Box::new(OciLayout::create(Path::new(path), name.as_deref())?),
            Endpoint::OciArchive(path, name) => {
                Box::new(ArchiveWriter::create(Path::new(path), Form::Oci, name.as_deref())?)
            }
            Endpoint::DockerArchive(path, name) => {
                Box::new(ArchiveWriter::create(Path::new(path), Form::Docker, name.as_deref())?)
            }
            Endpoint::Directory(path) => Box::new(Directory::create(Path::new(path))?),
        })
    }
}

/// Copies what one place names to another.
pub fn copy(client: &Client, call: &Call, from: &Endpoint, to: &Endpoint, options: &CopyOptions) -> Result<Copied> {
    let (mut from, to) = Endpoint::pair(client, from, to)?;
    if options.convert_schema1 {
        from = Box::new(Converting::new(client, from));
    }
    copy::copy(call, from.as_ref(), to.as_ref(), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_skopeos() {
        let shown = |text: &str| format!("{:?}", Endpoint::parse(text).unwrap()).split('(').next().unwrap().to_owned();
        assert_eq!(shown("docker://h:5000/a:t"), "Registry");
        assert_eq!(shown("h:5000/a:t"), "Registry");
        assert_eq!(shown("alpine"), "Registry");
        assert_eq!(shown("docker-v1://h:5000/a:t"), "RegistryV1");
        assert_eq!(shown("docker-v1:5000/a"), "Registry");
        let old = Endpoint::parse("docker-v1://h:5000/a").unwrap().to_json();
        assert_eq!((&old["transport"], &old["registry"]), (&json!("docker-v1"), &json!("h:5000")));
        assert_eq!(shown("oci:/x/y"), "Oci");
        assert_eq!(shown("oci-archive:x.tar:v1"), "OciArchive");
        assert_eq!(shown("docker-archive:x.tar:h:5000/a:t"), "DockerArchive");
        assert_eq!(shown("dir:/x"), "Directory");
        match Endpoint::parse("oci:/x:h/a:1").unwrap() {
            Endpoint::Oci(path, name) => assert_eq!((path.as_str(), name.as_deref()), ("/x", Some("h/a:1"))),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let pinned = format!("docker-v1://h/a@sha256:{}", "0".repeat(64));
        for bad in [
            &pinned,
            "docker-v1://",
            "oci:",
            "oci::x",
            "oci:/x:",
            "dir:",
            "ftp://x",
            "docker://",
            "oci-archive:",
            "docker-archive::a",
        ] {
            assert_eq!(Endpoint::parse(bad).unwrap_err().code(), Code::InvalidReference, "{bad}");
        }
    }
}
