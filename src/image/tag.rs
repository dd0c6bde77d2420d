//! Another tag for an existing image, byte for byte.

use serde::Serialize;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::options::options;
use crate::store::{ReadStore, Role, WriteStore};
use crate::transfer::copy::{copy, CopyOptions};

options! {
    /// Options of [`tag`].
    #[derive(Debug, Clone)]
    pub struct TagOptions {
        /// into another repository, also signatures, SBOMs and whatever else names it as its subject
        pub referrers: bool,
    }
}

/// The result of [`tag`].
#[derive(Debug, Serialize)]
pub struct ImageTagged {
    /// The reference that was tagged.
    pub source: String,
    /// The new reference.
    pub destination: String,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
}

/// Tags what `from` names as `to` says. Where both are one repository (`near`) that is one manifest; else what it needs
/// is copied before, by mounts where the registry can.
pub fn tag(
    call: &Call,
    from: &dyn ReadStore,
    to: &dyn WriteStore,
    near: bool,
    options: &TagOptions,
) -> Result<ImageTagged> {
    let (source, destination) = (from.place(), to.place());
    if !near {
        let options = CopyOptions { referrers: options.referrers, ..CopyOptions::default() };
        let copied = copy(call, from, to, &options)?;
        return Ok(ImageTagged { source, destination, digest: copied.digest, media_type: copied.media_type });
    }
    let content = from.root(call)?;
    to.put_manifest(call, &content, &Role::Root)?;
    Ok(ImageTagged { source, destination, digest: content.digest().clone(), media_type: content.document.media_type })
}
