//! Another tag for an existing image, byte for byte.

use serde::Serialize;

use crate::call::Call;
use crate::digest::Digest;
use crate::error::Result;
use crate::options::options;
use crate::store::condition::{ConditionCheck, NameOptions};
use crate::store::served_by::Senders;
use crate::store::{ReadStore, WriteStore};
use crate::transfer::copy::{copy, Copied, CopyOptions};

options! {
    /// Options of [`tag`].
    #[derive(Debug, Clone)]
    pub struct TagOptions {
        /// into another repository, also signatures, SBOMs and whatever else names it as its subject
        pub referrers: bool,
    } and {
        /// The new tag, which is looked at before anything is read or written, and once more when it is set
        pub names: NameOptions,
    }
}

/// The result of [`tag`].
#[derive(Debug, Serialize)]
pub struct ImageTagged {
    /// The reference that was tagged.
    pub source: String,
    /// The new reference.
    pub destination: String,
    /// The digest of the manifest that the new name refers to.
    pub digest: Digest,
    /// The media type of that manifest.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The tag, if it was left as it is because it refers to something.
    pub skipped: Vec<String>,
    /// What made sure that the tag could be set; None without a condition.
    pub condition: Option<ConditionCheck>,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
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
        let names = options.names.clone();
        let options = CopyOptions { referrers: options.referrers, names, ..CopyOptions::default() };
        let Copied { digest, media_type, skipped, condition, served_by, .. } = copy(call, from, to, &options)?;
        return Ok(ImageTagged { source, destination, digest, media_type, skipped, condition, served_by });
    }
    let condition = options.names.condition()?;
    if let Some(now) = condition.look(call, to)? {
        let (digest, media_type) = (now.digest, now.media_type);
        let (skipped, condition, served_by) = (vec![to.name()?], None, Senders::of(call));
        return Ok(ImageTagged { source, destination, digest, media_type, skipped, condition, served_by });
    }
    // From here on the place, which then has the manifest, is not cleaned.
    to.begin(call)?;
    let content = from.root(call)?;
    let (skipped, condition) = to.put_root(call, &content, &condition)?.told(|| to.name())?;
    to.finish(call)?;
    let (digest, media_type) = (content.digest().clone(), content.document.media_type);
    let served_by = Senders::of(call);
    Ok(ImageTagged { source, destination, digest, media_type, skipped, condition, served_by })
}
