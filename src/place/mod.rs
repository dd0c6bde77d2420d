//! The names of places to copy from and to, in the form that skopeo gave them: `docker://REF`, `oci:DIR[:NAME]`,
//! `oci-archive:FILE[:NAME]`, `docker-archive:FILE[:REF]`, `dir:DIR`; and `docker-v1://REF`, which skopeo never had. A bare
//! name is a reference.

mod artifact;
mod blob;
mod blob_put;
mod change;
mod copy;
mod index;
mod kinds;
mod lists;
mod manifest;
mod names;
mod repositories;

pub use artifact::{attach_artifact, pull_artifact, push_artifact};
pub(crate) use blob::open_blob;
pub use blob::{get_blob, get_blob_file, get_blob_to, head_blob};
pub use blob_put::{copy_blob, put_blob, put_blob_file, put_blob_stream, BlobCopyOptions, CopiedBlob};
pub use change::{delete_manifest, delete_tag, put_manifest, tag};
pub use copy::{append, copy};
pub(crate) use copy::{copy_through, Descriptors};
pub use index::{append_to_index, create_index, remove_from_index};
pub use kinds::LocalName;
pub use lists::{referrers, tags};
pub use manifest::{get_manifest, head_manifest, manifest_digest};
pub use names::BlobName;
pub use repositories::{
    sync, sync_list, ImageState, SyncDestination, SyncList, SyncListOptions, SyncOptions, SyncSource, Synced,
    SyncedImage, TagCounts, TagSelection,
};

pub use crate::layout::archive::ArchiveFormat;

use std::fs::File;

use serde_json::json;

use crate::convert::v1::V1Store;
use crate::error::{Code, Error, Result, Side};
use crate::reference::{check_length, Reference};
use crate::registry::store::RegistryStore;
use crate::registry::Client;
use crate::registry_v1::tag_of;
use crate::store::{ReadStore, WriteStore};
use crate::text::shorten;

/// The transports of skopeo, regctl, buildx and others, as far as no well-known repository has their name (`registry:2` is one).
const OTHER_TRANSPORTS: [&str; 11] = [
    "atomic",
    "containerd",
    "containers-storage",
    "file",
    "ocidir",
    "ocifile",
    "ostree",
    "sif",
    "singularity",
    "tar",
    "tarball",
];
/// The prefixes of many transports, known, unknown and misspelt; no official image has such a name.
const FAMILIES: [&str; 3] = ["docker-", "oci-", "containers-"];

/// A place, by its name.
#[derive(Debug)]
pub enum Place {
    /// A repository's tag or digest.
    Registry(Reference),
    /// A tag at a registry that speaks protocol v1: only to copy from.
    RegistryV1(Reference),
    /// On this machine.
    Local(LocalName),
}

impl Place {
    /// Takes a name apart.
    pub fn parse(text: &str) -> Result<Place> {
        Place::read(text, &|text| Reference::parse(text, None))
    }

    /// The same, with names in registries as a client reads them.
    pub fn named(client: &Client, text: &str) -> Result<Place> {
        Place::read(text, &|text| client.reference(text))
    }

    fn read(text: &str, in_registry: &dyn Fn(&str) -> Result<Reference>) -> Result<Place> {
        check_length(text)?;
        let invalid = |why: &str| Error::new(Code::InvalidReference, format!("'{}' {why}", shorten(text)));
        let Some((transport, rest)) = text.split_once(':') else {
            return Ok(Place::Registry(in_registry(text)?));
        };
        if let Some(kind) = kinds::of_transport(transport) {
            return LocalName::parse(kind, rest).map(Place::Local).map_err(invalid);
        }
        match transport {
            "http" | "https" if rest.starts_with("//") => Ok(Place::Registry(in_registry(text)?)),
            "docker" => match rest.strip_prefix("//") {
                Some(reference) => Ok(Place::Registry(in_registry(reference)?)),
                None if is_transport(transport, rest) => Err(unknown(transport, text)),
                // `docker:5000/a` is a host with a port and `docker:27` an image, as any bare name.
                None => Ok(Place::Registry(in_registry(text)?)),
            },
            "docker-v1" => match rest.strip_prefix("//") {
                Some(reference) => {
                    let reference = in_registry(reference)?;
                    tag_of(&reference)?;
                    Ok(Place::RegistryV1(reference))
                }
                None if is_transport(transport, rest) => Err(unknown(transport, text)),
                None => Ok(Place::Registry(in_registry(text)?)),
            },
            _ if is_transport(transport, rest) => Err(unknown(transport, text)),
            _ => Ok(Place::Registry(in_registry(text)?)),
        }
    }

    /// The documented JSON shape.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Place::Registry(reference) | Place::RegistryV1(reference) => {
                let transport = if matches!(self, Place::Registry(_)) { "docker" } else { "docker-v1" };
                let repository = reference.repository();
                let index = repository.index();
                let registry = if index.is_http_without_port() { index.written() } else { index.name.clone() };
                json!({"transport": transport, "registry": registry, "reference": reference.to_string(),
                       "repository": repository.full_name(), "path": null, "name": null})
            }
            Place::Local(at) => json!({"transport": at.kind.transport, "registry": null, "reference": null,
                                       "repository": null, "path": at.path, "name": at.name}),
        }
    }

    /// Opens both ends of a copy; an error says which one it is about.
    pub fn pair(client: &Client, from: &Place, to: &Place) -> Result<(Box<dyn ReadStore>, Box<dyn WriteStore>)> {
        let source = from.source_for(client, to).map_err(|error| error.with_side(Side::Source))?;
        let destination = to.destination(client).map_err(|error| error.with_side(Side::Destination))?;
        Ok((source, destination))
    }

    /// A place that is open already, and the destination of a copy from it.
    pub fn onto(
        client: &Client,
        from: Box<dyn ReadStore>,
        to: &Place,
    ) -> Result<(Box<dyn ReadStore>, Box<dyn WriteStore>)> {
        Ok((from, to.destination(client).map_err(|error| error.with_side(Side::Destination))?))
    }

    /// Opens it for reading.
    pub fn source(&self, client: &Client) -> Result<Box<dyn ReadStore>> {
        self.source_from(client, None)
    }

    /// Opens it to write what it names, or something about that, to another place: in one registry the tag is read where it is written to.
    pub(crate) fn source_for(&self, client: &Client, to: &Place) -> Result<Box<dyn ReadStore>> {
        match (self, to) {
            (Place::Registry(reference), Place::Registry(other)) => {
                Ok(Box::new(RegistryStore::new(client, reference.clone()).written_to(other.repository())))
            }
            _ => self.source(client),
        }
    }

    /// The same; an archive named `-` comes from the descriptor.
    fn source_from(&self, client: &Client, descriptor: Option<File>) -> Result<Box<dyn ReadStore>> {
        self.only_open(descriptor.as_ref(), "source")?;
        Ok(match self {
            Place::Registry(reference) => Box::new(RegistryStore::new(client, reference.clone())),
            Place::RegistryV1(reference) => Box::new(V1Store::new(client, reference.clone())?),
            Place::Local(at) => at.source(client, descriptor)?,
        })
    }

    /// Refuses a descriptor for anything but an archive that is named `-`.
    fn only_open(&self, descriptor: Option<&File>, end: &str) -> Result<()> {
        if descriptor.is_some() && !matches!(self, Place::Local(at) if at.is_stream()) {
            let message = format!("the option {end}_fd needs {} as the {end}", kinds::streams());
            return Err(Error::new(Code::InvalidArgument, message));
        }
        Ok(())
    }

    /// Whether it is what `docker save` writes, with layers that are plain tars.
    pub(crate) fn is_saved(&self) -> bool {
        matches!(self, Place::Local(at) if at.kind.has_plain_layers)
    }

    /// A place to copy to; it is made only when a copy begins.
    pub fn destination(&self, client: &Client) -> Result<Box<dyn WriteStore>> {
        self.destination_through(client, None)
    }

    /// The same; an archive named `-` goes through the descriptor.
    fn destination_through(&self, client: &Client, descriptor: Option<File>) -> Result<Box<dyn WriteStore>> {
        self.only_open(descriptor.as_ref(), "destination")?;
        Ok(match self {
            Place::Registry(reference) => Box::new(RegistryStore::new(client, reference.clone())),
            Place::RegistryV1(reference) => {
                let message = format!("docker-v1://{reference} can only be copied from; 'v1 push' makes a v1 image");
                return Err(Error::new(Code::Unsupported, message));
            }
            Place::Local(at) => at.destination(client, descriptor)?,
        })
    }
}

/// A name in a registry as calls take it that know of no other place.
pub(crate) fn without_transport(text: &str) -> &str {
    text.strip_prefix("docker://").unwrap_or(text)
}

/// Whether what stands before the first colon is meant as a transport, though as none that is known here, and not as a host or a
/// repository: another program has a transport of that name, or it can be neither of the two.
fn is_transport(word: &str, rest: &str) -> bool {
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let host = rest.split_once('/').is_some_and(|(port, _)| is_port(port));
    if host || word.contains(['/', '@', '.', '[']) {
        return rest.starts_with("//");
    }
    let plain = word.to_ascii_lowercase().replace('_', "-");
    let ours = plain == "docker-v1" || kinds::of_transport(&plain).is_some();
    let used =
        ours || OTHER_TRANSPORTS.contains(&plain.as_str()) || FAMILIES.iter().any(|family| plain.starts_with(family));
    // A tag holds no slash, and a repository has no capitals.
    used || rest.contains('/') || word.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Only the transport is shown: what follows may hold a password.
fn unknown(transport: &str, text: &str) -> Error {
    let known = format!("docker://REF or a bare REF, docker-v1://REF, {}", kinds::forms());
    let message = format!("the transport '{}:' is not known: a place is {known}", shorten(transport));
    let error = Error::new(Code::InvalidReference, message);
    match Reference::parse(text, None) {
        Ok(reference) => error.with_hint(format!("the repository of that name is docker://{reference}")),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_are_skopeos() {
        let shown = |text: &str| Place::parse(text).unwrap().to_json()["transport"].as_str().unwrap().to_owned();
        assert_eq!(shown("docker://h:5000/a:t"), "docker");
        assert_eq!(shown("h:5000/a:t"), "docker");
        assert_eq!(shown("alpine"), "docker");
        assert_eq!(shown("docker-v1://h:5000/a:t"), "docker-v1");
        assert_eq!(shown("docker-v1:5000/a"), "docker");
        let old = Place::parse("docker-v1://h:5000/a").unwrap().to_json();
        assert_eq!((&old["transport"], &old["registry"]), (&json!("docker-v1"), &json!("h:5000")));
        assert_eq!(shown("oci:/x/y"), "oci");
        assert_eq!(shown("oci-archive:x.tar:v1"), "oci-archive");
        assert_eq!(shown("docker-archive:x.tar:h:5000/a:t"), "docker-archive");
        assert_eq!(shown("dir:/x"), "dir");
        let named = Place::parse("oci:/x:h/a:1").unwrap().to_json();
        assert_eq!((&named["path"], &named["name"]), (&json!("/x"), &json!("h/a:1")));
    }

    #[test]
    fn an_image_of_a_layout_is_picked_by_its_digest() {
        let digest = format!("@sha256:{}", "0".repeat(64));
        let named = format!("v1{digest}");
        for (text, path, name) in [
            (format!("oci:/x/y{digest}"), "/x/y", &digest),
            (format!("oci:/x/y:{digest}"), "/x/y", &digest),
            (format!("oci:/x@y{digest}"), "/x@y", &digest),
            (format!("oci-archive:x.tar{digest}"), "x.tar", &digest),
            (format!("oci:x:{named}"), "x", &named),
        ] {
            let found = Place::parse(&text).unwrap().to_json();
            assert_eq!((&found["path"], &found["name"]), (&json!(path), &json!(name)), "{text}");
        }
        assert_eq!(Place::parse("oci:x@y").unwrap().to_json()["path"], "x@y");
        assert!(Place::parse(&format!("oci:{digest}")).is_ok_and(|place| place.to_json()["name"] != digest));
        let client = Client::new(Default::default()).unwrap();
        let place = Place::parse(&format!("oci:/no/such{digest}")).unwrap();
        assert_eq!(place.destination(&client).err().unwrap().code(), Code::InvalidReference);
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
            assert_eq!(Place::parse(bad).unwrap_err().code(), Code::InvalidReference, "{bad}");
        }
    }

    #[test]
    fn a_transport_that_is_not_known_is_no_name_at_docker_hub() {
        for bad in [
            "tarball:x",
            "OCI:x",
            "Oci:/x/y",
            "OCI-Archive:x.tar",
            "DIR:x",
            "Docker:x",
            "DOCKER://h/a",
            "docker-daemon:alpine:3",
            "docker-v1:a",
            "docker_archive:x.tar",
            "oci-archiv:x.tar",
            "oci-layout://x",
            "containers-storage:alpine",
            "containers-storage:[overlay@/x]alpine",
            "ostree:x@/y",
            "sif:x.sif",
            "atomic:h/a:t",
            "ocidir://x",
            "ftp://x",
            "docker:/x",
            "other:/x/y",
            "other:./x",
            "C:\\x",
        ] {
            let error = Place::parse(bad).unwrap_err();
            assert_eq!(error.code(), Code::InvalidReference, "{bad}");
            for known in ["docker://", "docker-v1://", " oci:", "oci-archive:", "docker-archive:", " dir:"] {
                assert!(error.message().contains(known), "{bad}: {error}");
            }
        }
        let error = Place::parse("tarball:x").unwrap_err();
        assert_eq!(error.to_json()["hint"], "the repository of that name is docker://docker.io/library/tarball:x");
        assert!(!Place::parse("user:secret@h/a").unwrap_err().to_string().contains("secret"));
    }

    #[test]
    fn names_with_a_colon_stay_names() {
        for (text, wanted) in [
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("registry:2", "docker.io/library/registry:2"),
            ("docker:27-dind", "docker.io/library/docker:27-dind"),
            ("my_image:Tag", "docker.io/library/my_image:Tag"),
            ("a/b:t", "docker.io/a/b:t"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("localhost:5000/x:y", "localhost:5000/x:y"),
            ("host:5000/a", "host:5000/a:latest"),
            ("docker:5000/a", "docker:5000/a:latest"),
            ("tarball:5000/a", "tarball:5000/a:latest"),
            ("docker-archive.example.com/a:t", "docker-archive.example.com/a:t"),
            ("[::1]:5000/a:t", "[::1]:5000/a:t"),
        ] {
            match Place::parse(text).unwrap() {
                Place::Registry(reference) => assert_eq!(reference.to_string(), wanted),
                other => panic!("{text}: {other:?}"),
            }
        }
        let pinned = format!("alpine@sha256:{}", "0".repeat(64));
        assert!(matches!(Place::parse(&pinned).unwrap(), Place::Registry(_)));
    }
}
