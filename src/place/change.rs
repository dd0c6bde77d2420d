//! Manifests and names at places that are named, put and taken away.

use super::Place;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::image::completeness;
use crate::image::tag::{tag as tag_image, ImageTagged, TagOptions};
use crate::registry::delete_tag::{DeleteTagOptions, DeletedTag, ManifestFate};
use crate::registry::manifest::{read_put, DeleteOptions, DeletedManifest, PutManifest, PutOptions};
use crate::registry::referrers::ReferrersSource;
use crate::registry::store::RegistryStore;
use crate::registry::Client;
use crate::store::condition::NameFate;
use crate::store::{unchangeable, ChangeStore, RawManifest, ReadStore, RemovedName, Role, WriteStore};
use crate::text::shorten;

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
    let (place, expected) = place.unpinned();
    let algorithm = expected.as_ref().map_or(Algorithm::Sha256, Digest::algorithm);
    let content = read_put(bytes, options.media_type.as_deref(), algorithm)?;
    let targets = place.targets(client, &options.tags)?;
    content.expect(expected.as_ref())?;
    let condition = options.names.condition()?;
    let (mut free, mut skipped) = (Vec::new(), Vec::new());
    for target in targets {
        match condition.look(call, target.as_ref())? {
            Some(_) => skipped.push(target.name()?),
            None => free.push(target),
        }
    }
    let Some(first) = free.first() else { return Ok(PutManifest::skipped(&content, skipped)) };
    place.check_complete(client, call, first.as_ref(), &content, options)?;
    let named = free.iter().filter(|_| place.has_names()).filter_map(|target| target.name().ok());
    let names: Vec<String> = named.collect();
    let fates = first.put_named(call, &content, &names, &condition)?;
    let seen_to = fates.iter().find_map(|fate| if let NameFate::Set(seen) = fate { *seen } else { None });
    let (set, left): (Vec<_>, Vec<_>) = names.into_iter().zip(fates).partition(|(_, fate)| *fate != NameFate::Skipped);
    skipped.extend(left.into_iter().map(|(name, _)| name));
    let tags = set.into_iter().map(|(name, _)| name).collect();
    let subject = content.document.subject().map(|subject| subject.digest.clone());
    let referrers = subject.as_ref().map(|_| ReferrersSource::Index);
    Ok(PutManifest { tags, condition: seen_to, subject, referrers, ..PutManifest::skipped(&content, skipped) })
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
        Some(digest) => {
            if place.changed(client)?.remove(call, &digest)? {
                let why = "an index there lists it, or what stays refers to it";
                call.warn_of(&place.shown(), &format!("{digest} is not listed any more, but stays: {why}"))?;
            }
        }
        None => {
            place.check_named()?;
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
    place.check_named()?;
    let named = place.unnamed().changed(client)?.names(call)?;
    let has = |name: &str| named.iter().any(|has| has == name);
    // Another program may have given it a name that ends with a digest: then that is not meant as a condition.
    let (place, expected) = match place.name().is_some_and(has) {
        true => (place.renamed(place.name()), None),
        false => place.unpinned(),
    };
    let tag = place.tag()?.to_owned();
    let RemovedName { digest, others, is_kept } = place.changed(client)?.unname(call, expected.as_ref())?;
    let other_tags = options.list_others.then_some(others);
    let manifest = if is_kept { ManifestFate::Kept } else { ManifestFate::Unnamed };
    Ok(DeletedTag { tag, digest, status: None, manifest, replaced: false, other_tags })
}

/// Gives what a name refers to another name: in the same repository, layout or archive, or in another repository of the registry.
pub fn tag(client: &Client, call: &Call, from: &Place, to: &str, options: &TagOptions) -> Result<ImageTagged> {
    if let Place::Registry(reference) = from {
        let to = reference.renamed(to)?;
        let (here, there) = (reference.repository(), to.repository());
        if !client.is_one_registry(call, here.index(), there.index())? {
            return Err(reference.elsewhere(&to));
        }
        let near = here.remote_name() == there.remote_name();
        let from = RegistryStore::new(client, reference.clone()).written_to(to.repository());
        let to = RegistryStore::new(client, to);
        return tag_image(call, &from, &to, near, options);
    }
    if !from.has_names() {
        let message = format!("{} has no names: what it holds cannot be tagged", from.shown());
        return Err(Error::new(Code::Unsupported, message));
    }
    from.check_tag(to)?;
    let (source, to) = (from.source(client)?, from.renamed(Some(to)).destination(client)?);
    // An archive is written anew, which is a copy.
    tag_image(call, source.as_ref(), to.as_ref(), !from.is_archive(), options)
}

/// `NAME@DIGEST`.
fn split(name: &str) -> Option<(&str, Digest)> {
    let (name, digest) = name.rsplit_once('@').filter(|(name, _)| !name.is_empty())?;
    Some((name, digest.parse().ok()?))
}

impl Place {
    /// Refuses what is not a tag for it, before anything is asked.
    pub(crate) fn check_tag(&self, tag: &str) -> Result<()> {
        match self {
            Place::Registry(reference) => reference.renamed(tag).map(drop),
            _ if matches!(Place::parse(tag), Ok(Place::Registry(_)) | Err(_)) => Ok(()),
            _ => {
                let message =
                    format!("'{}' is a place, but the new name must be a name in {}", shorten(tag), self.shown());
                Err(Error::new(Code::InvalidReference, message))
            }
        }
    }

    /// The name of an image there.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Place::Local(at) => at.name(),
            Place::Registry(_) | Place::RegistryV1(_) => None,
        }
    }

    fn has_names(&self) -> bool {
        matches!(self, Place::Local(at) if at.has_names())
    }

    fn is_archive(&self) -> bool {
        matches!(self, Place::Local(at) if at.kind.is_archive)
    }

    /// The same place by another name.
    pub(super) fn renamed(&self, name: Option<&str>) -> Place {
        match self {
            Place::Local(at) => Place::Local(at.renamed(name)),
            Place::Registry(reference) => Place::Registry(reference.clone()),
            Place::RegistryV1(reference) => Place::RegistryV1(reference.clone()),
        }
    }

    /// The digest that it names a manifest by.
    fn digest(&self) -> Option<Digest> {
        self.name()?.strip_prefix('@')?.parse().ok()
    }

    /// The place without the digest that its name is or ends with, and that.
    pub(super) fn unpinned(&self) -> (Place, Option<Digest>) {
        match (self.digest(), self.name().and_then(split)) {
            (Some(digest), _) => (self.renamed(None), Some(digest)),
            (None, Some((name, digest))) => (self.renamed(Some(name)), Some(digest)),
            (None, None) => (self.renamed(self.name()), None),
        }
    }

    /// The name that may be given and taken.
    fn tag(&self) -> Result<&str> {
        let name = self.name().filter(|name| !name.starts_with('@') && name.parse::<Digest>().is_err());
        name.ok_or_else(|| {
            let message = format!("{} does not name a tag", self.shown());
            Error::new(Code::InvalidReference, message)
        })
    }

    /// Refuses a place whose names cannot be taken away, and one that says no name: nothing is meant then, whether the place is there
    /// or not.
    fn check_named(&self) -> Result<()> {
        match self.has_names() {
            true => self.tag().map(drop),
            false => Err(unchangeable(&self.shown())),
        }
    }

    /// The place where something is taken away that is there already.
    fn changed(&self, client: &Client) -> Result<Box<dyn ChangeStore>> {
        match self {
            Place::Local(at) => at.changed(client),
            _ => Err(unchangeable(&self.shown())),
        }
    }

    /// Begins, and refuses a manifest of which something is missing there.
    fn check_complete(
        &self,
        client: &Client,
        call: &Call,
        target: &dyn WriteStore,
        content: &RawManifest,
        options: &PutOptions,
    ) -> Result<()> {
        let look = |store: Option<&dyn ReadStore>| match options.allow_missing {
            true => Ok(()),
            false => completeness::check(call, store, target, content),
        };
        // Nothing is made for what cannot be put. What is there and cannot be used does not lack anything.
        target.look(call, content)?;
        if self.is_missing() {
            look(None)?;
        }
        target.begin(call)?;
        // From here on the place is not cleaned.
        if !self.is_missing() {
            look(Some(self.source(client)?.as_ref()))?;
        }
        match self {
            // It has one name: what is put under that next, an index of this for one, takes it away.
            Place::Local(at) if !at.has_names() => target.put_manifest(call, content, &Role::Child),
            _ => Ok(()),
        }
    }

    /// Where single blobs and manifests can be put.
    pub(super) fn writable(&self, client: &Client) -> Result<Box<dyn WriteStore>> {
        match self {
            Place::Local(at) => at.writable(client),
            _ => self.destination(client),
        }
    }

    /// The names that a manifest is put under: its own, and those of an option; without any, its digest.
    fn targets(&self, client: &Client, tags: &[String]) -> Result<Vec<Box<dyn WriteStore>>> {
        if !tags.is_empty() && !self.has_names() {
            return Err(Error::new(
                Code::InvalidArgument,
                format!("the option tags cannot be used: {} has no names", self.shown()),
            ));
        }
        let mut names: Vec<&str> = self.name().into_iter().collect();
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
        match self {
            Place::Registry(reference) => format!("docker://{reference}"),
            Place::RegistryV1(reference) => format!("docker-v1://{reference}"),
            Place::Local(at) => at.shown(),
        }
    }
}
