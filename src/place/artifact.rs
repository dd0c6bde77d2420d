//! Artifacts at places that are named.

use std::path::Path;

use super::{kinds, Place};
use crate::artifact::pull::{self, ArtifactPullOptions, PulledArtifact};
use crate::artifact::push::{self, ArtifactAttachOptions, ArtifactPushOptions, PushedArtifact};
use crate::artifact::Artifact;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result, Side};
use crate::image::Image;
use crate::manifest::Descriptor;
use crate::registry::Client;
use crate::text::shorten;

/// Makes an artifact and puts it where a name says.
pub fn push_artifact(
    client: &Client,
    call: &Call,
    artifact: &Artifact,
    to: &Place,
    options: &ArtifactPushOptions,
) -> Result<PushedArtifact> {
    to.takes("an artifact")?;
    let store = to.destination(client)?;
    if let Some(now) = options.names.condition()?.look(call, store.as_ref())? {
        return push::left(call, store.as_ref(), now);
    }
    let subject = match options.subject.as_deref() {
        Some(name) => Some(subject(client, call, &to.neighbour(client, name)?, None)?),
        None => None,
    };
    let made = push::make(call, artifact, subject.as_ref(), options, &client.temporary_space())?;
    push::push(call, &made, store.as_ref(), options)
}

/// Makes an artifact about what a name refers to, and puts it beside that, under its digest alone.
pub fn attach_artifact(
    client: &Client,
    call: &Call,
    artifact: &Artifact,
    to: &Place,
    options: &ArtifactAttachOptions,
) -> Result<PushedArtifact> {
    to.takes("an artifact")?;
    if matches!(to, Place::Local(at) if !at.has_names()) {
        return Err(Error::new(Code::Unsupported, "nothing can be attached in a dir:, which holds one manifest only"));
    }
    if artifact.is_empty() && options.artifact.annotations.is_empty() {
        let message = "nothing is attached: the artifact has no files, no annotations and no config";
        return Err(Error::new(Code::InvalidArgument, message));
    }
    let subject = subject(client, call, to, options.platform.as_deref())?;
    let options = ArtifactPushOptions { artifact: options.artifact.clone(), ..ArtifactPushOptions::default() };
    let made = push::make(call, artifact, Some(&subject), &options, &client.temporary_space())?;
    let store = to.beside(made.digest()).destination(client)?;
    push::push(call, &made, store.as_ref(), &options)
}

/// Pulls the files of an artifact into a folder.
pub fn pull_artifact(
    client: &Client,
    call: &Call,
    from: &Place,
    folder: &Path,
    options: &ArtifactPullOptions,
) -> Result<PulledArtifact> {
    pull::pull(call, from.source(client)?.as_ref(), folder, options)
}

/// The descriptor of what an artifact or an index is about.
pub(super) fn subject(client: &Client, call: &Call, place: &Place, platform: Option<&str>) -> Result<Descriptor> {
    let found = place.source_for(client, place).and_then(|store| match platform {
        None => store.root(call),
        platform => Image::find(call, store.as_ref(), platform).map(|image| image.content),
    });
    found.map(|content| content.descriptor()).map_err(|error| error.with_side(Side::Source).within("the subject"))
}

impl Place {
    /// Refuses places that hold images only.
    pub(super) fn takes(&self, what: &str) -> Result<()> {
        match self {
            Place::Registry(_) => Ok(()),
            Place::Local(at) if at.kind.holds_anything => Ok(()),
            Place::Local(_) | Place::RegistryV1(_) => {
                let places = kinds::list("a registry", |kind| kind.holds_anything);
                Err(Error::new(Code::Unsupported, format!("{what} can only be put into {places}")))
            }
        }
    }

    /// The place of a subject, which has to be where the artifact goes.
    pub(super) fn neighbour(&self, client: &Client, name: &str) -> Result<Place> {
        if let Ok(digest) = name.parse::<Digest>() {
            return self.at(&digest);
        }
        let other = Place::named(client, name)?;
        let is_near = match (self, &other) {
            (Place::Registry(one), Place::Registry(two)) => {
                one.repository().canonical_name() == two.repository().canonical_name()
            }
            (Place::Local(one), Place::Local(two)) => one.has_digests() && one.shown() == two.shown(),
            _ => false,
        };
        match is_near {
            true => Ok(other),
            false => {
                let message = format!(
                    "the subject '{}' is not in the same repository or layout as what refers to it",
                    shorten(name)
                );
                let hint = "it is named PLACE:TAG or PLACE@DIGEST, or by its digest alone";
                Err(Error::new(Code::InvalidArgument, message).with_hint(hint))
            }
        }
    }

    /// A manifest of the same repository or layout, by its digest.
    pub(super) fn at(&self, digest: &Digest) -> Result<Place> {
        match self {
            Place::Registry(reference) => Ok(Place::Registry(reference.repository().with_digest(digest))),
            Place::Local(at) if at.has_digests() && !at.is_stream() => {
                Ok(Place::Local(at.renamed(Some(&format!("@{digest}")))))
            }
            _ => {
                let message = format!("{digest} alone cannot be looked up here: give a place with a name");
                Err(Error::new(Code::InvalidReference, message))
            }
        }
    }

    /// The place of what is put beside what it names, under its digest alone.
    fn beside(&self, digest: &Digest) -> Place {
        match self {
            Place::Registry(reference) | Place::RegistryV1(reference) => {
                Place::Registry(reference.repository().with_digest(digest))
            }
            Place::Local(at) => Place::Local(at.renamed(None)),
        }
    }
}
