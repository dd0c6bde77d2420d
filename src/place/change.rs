//! Manifests and names at places that are named, put and taken away.

use super::Place;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::image::complete;
use crate::image::tag::{tag as tag_image, ImageTagged, TagOptions};
use crate::registry::delete_tag::{DeleteTagOptions, DeletedTag, ManifestFate};
use crate::registry::manifest::{read_put, DeleteOptions, DeletedManifest, PutManifest, PutOptions};
use crate::registry::referrers::ReferrersSource;
use crate::registry::store::RegistryStore;
use crate::registry::Client;
use crate::store::condition::NameFate;
use crate::store::{unchangeable, ReadStore, WriteStore};

/// Puts a manifest, its bytes unchanged, under a name or its digest.
pub fn put_manifest(
    client: &Client,
    call: &Call,
    place: &Place,
    bytes: &[u8],
    options: &PutOptions,
) -> Result<PutManifest> {
    if let Place::Registry(reference) = place {
        return client.put_manifest(call, reference, bytes, options);
    }
    let algorithm = place.digest().as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let content = read_put(bytes, options.media_type.as_deref(), algorithm)?;
    let targets = place.targets(client, content.digest(), &options.tags)?;
    let condition = options.names.condition()?;
    let (mut free, mut skipped) = (Vec::new(), Vec::new());
    for target in targets {
        match condition.look(call, target.as_ref())? {
            Some(_) => skipped.push(target.name()?),
            None => free.push(target),
        }
    }
    if free.is_empty() {
        return Ok(PutManifest::skipped(&content, skipped));
    }
    let look = |store: Option<&dyn ReadStore>| match free.first().filter(|_| !options.allow_missing) {
        Some(target) => complete::check(call, store, target.as_ref(), &content),
        None => Ok(()),
    };
    // Nothing is made for what cannot be put.
    if place.source(client).is_err() {
        look(None)?;
    }
    let (mut tags, mut seen_to) = (Vec::new(), None);
    for (number, target) in free.iter().enumerate() {
        target.begin(call)?;
        if number == 0 {
            // From here on nobody cleans the place.
            look(Some(place.source(client)?.as_ref()))?;
        }
        let name = target.name().ok().filter(|_| place.has_names());
        match target.put_root(call, &content, &condition)? {
            NameFate::Set(seen) => {
                seen_to = seen;
                tags.extend(name);
            }
            NameFate::Skipped => skipped.extend(name),
        }
        target.finish(call)?;
    }
    let subject = content.document.subject().map(|subject| subject.digest.clone());
    let referrers = subject.as_ref().map(|_| ReferrersSource::Index);
    let condition = seen_to;
    Ok(PutManifest { tags, condition, subject, referrers, ..PutManifest::skipped(&content, skipped) })
}

/// Deletes a manifest by its digest, with its names, or a name alone.
pub fn delete_manifest(
    client: &Client,
    call: &Call,
    place: &Place,
    options: &DeleteOptions,
) -> Result<DeletedManifest> {
    if let Place::Registry(reference) = place {
        return client.delete_manifest(call, reference, options);
    }
    match place.digest() {
        Some(digest) => place.changed(client)?.remove(call, &digest)?,
        None => {
            place.tag()?;
            place.changed(client)?.unname(call, None)?;
        }
    }
    Ok(DeletedManifest { status: None, subject: None, referrers: None })
}

/// Deletes one name and nothing else.
pub fn delete_tag(client: &Client, call: &Call, place: &Place, options: &DeleteTagOptions) -> Result<DeletedTag> {
    if let Place::Registry(reference) = place {
        return client.delete_tag(call, reference, options);
    }
    let named = place.source(client)?.images(call)?;
    let has = |name: &str| named.iter().any(|image| image.names.iter().any(|has| has == name));
    // A name may end with a digest: then it is not meant as a condition.
    let (place, expected) = match place.name().filter(|name| !has(name)).and_then(split) {
        Some((name, digest)) => (place.renamed(Some(name)), Some(digest)),
        None => (place.renamed(place.name()), None),
    };
    let tag = place.tag()?.to_owned();
    let digest = place.changed(client)?.unname(call, expected.as_ref())?.digest;
    let others = || named.iter().filter(|image| image.descriptor.digest == digest).flat_map(|image| &image.names);
    let other_tags = options.list_others.then(|| others().filter(|other| **other != tag).cloned().collect());
    Ok(DeletedTag { tag, digest, status: None, manifest: ManifestFate::Kept, replaced: false, other_tags })
}

/// Gives what a name refers to another name: in the same repository, layout or archive, or in another repository of the registry.
pub fn tag(client: &Client, call: &Call, from: &Place, to: &str, options: &TagOptions) -> Result<ImageTagged> {
    if let Place::Registry(reference) = from {
        let to = reference.renamed(to)?;
        let near = reference.repository().canonical_name() == to.repository().canonical_name();
        let (from, to) = (RegistryStore::new(client, reference.clone()), RegistryStore::new(client, to));
        return tag_image(call, &from, &to, near, options);
    }
    if !from.has_names() {
        let message = format!("{} has no names: what it holds cannot be tagged", from.shown());
        return Err(Error::new(Code::Unsupported, message));
    }
    let (source, to) = (from.source(client)?, from.renamed(Some(to)).destination(client)?);
    // An archive is written anew, which is a copy.
    tag_image(call, source.as_ref(), to.as_ref(), matches!(from, Place::Oci(..)), options)
}

/// `NAME@DIGEST`.
fn split(name: &str) -> Option<(&str, Digest)> {
    let (name, digest) = name.rsplit_once('@').filter(|(name, _)| !name.is_empty())?;
    Some((name, digest.parse().ok()?))
}

impl Place {
    /// Refuses what is no tag for it, before anything is asked.
    pub fn check_tag(&self, tag: &str) -> Result<()> {
        match self {
            Place::Registry(reference) => reference.renamed(tag).map(drop),
            _ => Ok(()),
        }
    }

    /// The name of an image there.
    fn name(&self) -> Option<&str> {
        match self {
            Place::Oci(_, name) | Place::OciArchive(_, name) | Place::DockerArchive(_, name) => name.as_deref(),
            Place::Registry(_) | Place::RegistryV1(_) | Place::Directory(_) => None,
        }
    }

    fn has_names(&self) -> bool {
        matches!(self, Place::Oci(..) | Place::OciArchive(..) | Place::DockerArchive(..))
    }

    /// The same place by another name.
    fn renamed(&self, name: Option<&str>) -> Place {
        let (path, name) = (|path: &String| path.clone(), name.map(str::to_owned));
        match self {
            Place::Oci(at, _) => Place::Oci(path(at), name),
            Place::OciArchive(at, _) => Place::OciArchive(path(at), name),
            Place::DockerArchive(at, _) => Place::DockerArchive(path(at), name),
            Place::Directory(at) => Place::Directory(path(at)),
            Place::Registry(reference) => Place::Registry(reference.clone()),
            Place::RegistryV1(reference) => Place::RegistryV1(reference.clone()),
        }
    }

    /// The digest that it names a manifest by.
    fn digest(&self) -> Option<Digest> {
        self.name()?.strip_prefix('@')?.parse().ok()
    }

    /// The name that may be given and taken.
    fn tag(&self) -> Result<&str> {
        let name = self.name().filter(|name| !name.starts_with('@'));
        name.ok_or_else(|| {
            let message = format!("{} has no name that is a tag", self.shown());
            Error::new(Code::InvalidReference, message)
        })
    }

    /// Where something is changed that is there already.
    fn changed(&self, client: &Client) -> Result<Box<dyn WriteStore>> {
        self.source(client)?;
        self.renamed(self.name().filter(|name| !name.starts_with('@'))).writable(client)
    }

    /// Where something can be put without making all anew.
    pub(super) fn writable(&self, client: &Client) -> Result<Box<dyn WriteStore>> {
        match self {
            Place::OciArchive(..) | Place::DockerArchive(..) => Err(unchangeable(&self.shown())),
            _ => self.destination(client),
        }
    }

    /// The names that a manifest is put under: its own, and those of an option; without any, its digest.
    fn targets(&self, client: &Client, digest: &Digest, tags: &[String]) -> Result<Vec<Box<dyn WriteStore>>> {
        if let Some(expected) = self.digest().filter(|expected| expected != digest) {
            let message = format!("the manifest has the digest {digest}, not {expected}");
            return Err(Error::new(Code::DigestMismatch, message));
        }
        let own = self.name().filter(|_| self.digest().is_none());
        if !tags.is_empty() && !self.has_names() {
            return Err(Error::new(Code::InvalidArgument, format!("{} has no names: the option tags", self.shown())));
        }
        let mut names: Vec<&str> = own.into_iter().collect();
        for tag in tags.iter().map(String::as_str) {
            if !names.contains(&tag) {
                names.push(tag);
            }
        }
        match names.is_empty() {
            true => Ok(vec![self.renamed(None).writable(client)?]),
            false => names.into_iter().map(|name| self.renamed(Some(name)).writable(client)).collect(),
        }
    }

    /// The place without the name of an image.
    pub(super) fn unnamed(&self) -> Place {
        self.renamed(None)
    }

    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        let (transport, path) = match self {
            Place::Registry(reference) => return format!("docker://{reference}"),
            Place::RegistryV1(reference) => return format!("docker-v1://{reference}"),
            Place::Oci(path, _) => ("oci", path),
            Place::OciArchive(path, _) => ("oci-archive", path),
            Place::DockerArchive(path, _) => ("docker-archive", path),
            Place::Directory(path) => ("dir", path),
        };
        format!("{transport}:{path}")
    }
}
