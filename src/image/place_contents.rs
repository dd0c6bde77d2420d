//! What a place holds: the manifest that its name stands for, everything it lists, and what refers to that manifest.

use std::collections::HashSet;

use serde_json::{json, Value};

use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::store::referrers_filter::ReferrersFilter;
use crate::store::served_by::Senders;
use crate::store::ReadStore;

/// More referrers than are looked at in one place.
const MOST_REFERRERS: usize = 10_000;

options! {
    /// Which manifest of a place.
    #[derive(Debug, Clone)]
    pub(crate) struct PlaceManifestOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of the index itself
        pub(crate) platform: Option<String>,
    }
}

options! {
    /// Which referrers.
    #[derive(Debug, Clone)]
    pub(crate) struct PlaceReferrersOptions {
        /// only those of this type
        pub(crate) artifact_type: Option<String>,
    }
}

/// The manifest that a place names, an index itself unless a platform is wanted: the documented JSON, and its bytes.
pub(crate) fn manifest(call: &Call, store: &dyn ReadStore, options: &PlaceManifestOptions) -> Result<(Value, Vec<u8>)> {
    let image = match options.platform.as_deref() {
        None => Image { content: store.root(call)?, platform: None },
        platform => Image::find(call, store, platform)?,
    };
    let mut json = image.content.document.to_json();
    json["place"] = store.place().into();
    json["served_by"] = Senders::of(call).into();
    if let Some(platform) = &image.platform {
        json["platform"] = serde_json::to_value(platform).unwrap_or_default();
    }
    Ok((json, image.content.bytes))
}

/// Everything that a place holds, in the documented JSON.
pub(crate) fn list(call: &Call, store: &dyn ReadStore) -> Result<Value> {
    let images = store.images(call)?;
    let tags: Vec<&String> = images.iter().flat_map(|image| &image.names).collect();
    Ok(json!({"place": store.place(), "tags": tags, "images": images}))
}

/// What refers to the manifest that a place names, in the documented JSON. A registry's list says what each is (distribution-spec
/// "Listing Referrers"); that of a layout may not, and their manifests are at hand.
pub(crate) fn referrers(call: &Call, store: &dyn ReadStore, options: &PlaceReferrersOptions) -> Result<Value> {
    let filter = ReferrersFilter::of_type(options.artifact_type.as_deref())?;
    let (subject, mut listed) = referring(call, store)?;
    listed.retain(|entry| filter.lets_pass(entry, false));
    Ok(json!({"place": store.place(), "subject": subject, "referrers": listed, "served_by": Senders::of(call)}))
}

/// The digest of the manifest that a place names, and what refers to it.
pub(crate) fn referring(call: &Call, store: &dyn ReadStore) -> Result<(Digest, Vec<Descriptor>)> {
    let subject = store.root(call)?.digest().clone();
    let mut listed = store.referrers(call, &subject)?;
    // One that has several names counts once.
    let mut seen = HashSet::new();
    listed.retain(|entry| seen.insert(entry.digest.clone()));
    if listed.len() > MOST_REFERRERS {
        let message = format!("more than {MOST_REFERRERS} manifests refer to {subject}");
        return Err(Error::new(Code::LimitExceeded, message));
    }
    for entry in listed.iter_mut().filter(|_| store.repository().is_none()) {
        call.check()?;
        let own = store.manifest(call, entry)?.document.listed();
        entry.artifact_type = entry.artifact_type.take().or(own.artifact_type);
        entry.annotations = entry.annotations.take().or(own.annotations);
    }
    Ok((subject, listed))
}
