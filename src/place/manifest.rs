//! Manifests of places that are named, read.

use super::Place;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::image::Image;
use crate::registry::manifest::{check_wanted, GetOptions, HeadOptions, Manifest, ManifestHead};
use crate::registry::Client;

/// Gets a manifest, verified; with a platform, the one for it.
pub fn get_manifest(client: &Client, call: &Call, place: &Place, options: &GetOptions) -> Result<Manifest> {
    if let Place::Registry(reference) = place {
        return client.get_manifest(call, reference, options);
    }
    let store = place.source(client)?;
    let Image { content, platform } = match options.platform.as_deref() {
        None => Image { content: store.root(call)?, platform: None },
        platform => Image::find(call, store.as_ref(), platform)?,
    };
    check_wanted(&content.document, options).map_err(|error| error.within(store.place()))?;
    Ok(Manifest {
        reference: place.pinned(content.digest(), store.place()),
        repository: None,
        headers: Default::default(),
        rate_limit: None,
        served_by: None,
        resolved_by: Vec::new(),
        platform,
        signatures: content.document.verify_signatures(&content.bytes)?,
        document: content.document,
        bytes: content.bytes,
    })
}

/// The descriptor of a manifest.
pub fn head_manifest(client: &Client, call: &Call, place: &Place, options: &HeadOptions) -> Result<ManifestHead> {
    if let Place::Registry(reference) = place {
        return client.head_manifest(call, reference, options);
    }
    let document = place.source(client)?.root(call)?.document;
    let (media_type, digest, size) = (document.media_type, document.digest, document.size);
    Ok(ManifestHead { media_type, digest, size, headers: Default::default(), rate_limit: None, served_by: None })
}

/// The digest of a manifest; with a platform, of the one for it.
pub fn manifest_digest(client: &Client, call: &Call, place: &Place, options: &GetOptions) -> Result<Digest> {
    match place {
        Place::Registry(reference) => client.manifest_digest(call, reference, options),
        _ => Ok(get_manifest(client, call, place, options)?.document.digest),
    }
}
