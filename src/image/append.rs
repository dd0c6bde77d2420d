//! Layers on top of an image (OCI image-spec config.md, manifest.md). What is new is laid over the place that has the image,
//! and the copy engine does the rest: so it works from any place to any other.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{json, Value};

use super::append_manifests::AppendedImages;
use super::new_layer::NewLayer;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Kind;
use crate::options::options;
use crate::store::condition::{ConditionCheck, NameOptions};
use crate::store::served_by::Senders;
use crate::store::{RawManifest, ReadStore, WriteStore};
use crate::stream::pack::{Compression, CompressionSettings};
use crate::stream::spool::TemporarySpace;
use crate::transfer::copy::{copy, CopyOptions};
use crate::transfer::workers::gather;

/// How many layers are packed at once.
const WIDTH: usize = 4;

options! {
    /// Options of [`append`].
    #[derive(Debug, Clone)]
    pub struct AppendOptions {
        /// the layers' files, the oldest first; without any the call is OCIREG_INVALID_ARGUMENT
        pub layers: Vec<String>,
        /// the place for the result (default: the image's own name, which then needs a tag)
        pub to: Option<String>,
        /// of an index, the image for this platform, instead of this machine's: the result is that image alone
        pub platform: Option<String>,
        /// every image of an index, and a new index of them, without attestations
        pub all: bool,
        /// on a new image without layers, an OCI one for the platform, instead of what `image` names
        ///
        /// the place that `image` names need not have an image
        pub scratch: bool,
        /// of the new layers, instead of what they and the manifest are
        ///
        /// when a media type is given, the layers' files stay as they are, unless compression says otherwise. The default is what
        /// the files and the manifest are
        pub media_type: Option<String>,
        /// "gzip", "zstd" or "none": for layers that are plain tars
        ///
        /// the option is for the layers that are added, and for those of an image in a docker-archive. The default is gzip when the
        /// result goes to a registry, else none
        pub compression: Option<Compression>,
        /// 1 to 9 for gzip, 1 for zstd, and refused with "none" (default: 6 for gzip, 1 for zstd)
        pub compression_level: Option<u64>,
    } and {
        /// The result's name, which is looked at before anything else, and once more when it is set
        pub names: NameOptions,
    }
}

impl AppendOptions {
    fn check(&self) -> Result<()> {
        let invalid = |why: &str| Err(Error::new(Code::InvalidArgument, why));
        match () {
            () if self.layers.is_empty() => invalid("the option layers is missing: there is nothing to append"),
            () if self.all && self.platform.is_some() => invalid("the options all and platform exclude each other"),
            () if self.all && self.scratch => invalid("the options all and scratch exclude each other"),
            () => Ok(()),
        }
    }
}

/// The result of [`append`].
#[derive(Debug, Serialize)]
pub struct Appended {
    /// The place and name that the result was put under.
    pub destination: String,
    /// Its digest: of the image, or of the index with all of them.
    pub digest: Digest,
    /// The media type of that image or index.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The digest of what the layers were put on; none with `scratch`.
    pub base: Option<Digest>,
    /// The new images: `{digest, config, platform?}`.
    pub images: Vec<Value>,
    /// The descriptors of the new layers, in the order in which they were put on.
    pub layers: Vec<Value>,
    /// The names that were left as they are, because they refer to something.
    pub skipped: Vec<String>,
    /// What made sure that the name could be set; None without a condition.
    pub condition: Option<ConditionCheck>,
    /// The endpoints that sent manifests and blobs of the base, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
}

/// Puts layers on an image; with `scratch` that is a [`super::empty_image::Scratch`].
pub fn append(call: &Call, from: &dyn ReadStore, to: &dyn WriteStore, options: &AppendOptions) -> Result<Appended> {
    append_through(call, from, to, options, &TemporarySpace::default())
}

/// The same, with a place for compressed layers.
pub(crate) fn append_through(
    call: &Call,
    from: &dyn ReadStore,
    to: &dyn WriteStore,
    options: &AppendOptions,
    space: &TemporarySpace,
) -> Result<Appended> {
    options.check()?;
    if let Some(left) = left_as_it_is(call, to, options)? {
        return Ok(left);
    }
    let layers = fresh(call, to, options, space)?;
    let root = root(call, from, options)?;
    let base = (!options.scratch).then(|| root.digest().clone());
    let mut over = AppendedImages::new(from, root.clone(), &layers, options.media_type.as_deref());
    let (content, images) = lay_over(call, from, root, &mut over, options)?;
    over.store.set_root(content);
    let names = options.names.clone();
    let copied = copy(call, &over.store, to, &CopyOptions { names, ..CopyOptions::default() })?;
    let shown = |layer: &NewLayer| json!({"digest": layer.digest, "size": layer.size, "diff_id": layer.diff_id});
    Ok(Appended {
        destination: copied.destination,
        digest: copied.digest,
        media_type: copied.media_type,
        base,
        images,
        layers: layers.iter().map(shown).collect(),
        skipped: copied.skipped,
        condition: copied.condition,
        served_by: copied.served_by,
    })
}

/// The result when the condition on the name leaves it as it is.
fn left_as_it_is(call: &Call, to: &dyn WriteStore, options: &AppendOptions) -> Result<Option<Appended>> {
    let Some(now) = options.names.condition()?.look(call, to)? else { return Ok(None) };
    Ok(Some(Appended {
        destination: to.place(),
        digest: now.digest,
        media_type: now.media_type,
        base: None,
        images: Vec::new(),
        layers: Vec::new(),
        skipped: vec![to.name()?],
        condition: None,
        served_by: Senders::of(call),
    }))
}

/// What the place's name stands for.
fn root(call: &Call, from: &dyn ReadStore, options: &AppendOptions) -> Result<RawManifest> {
    from.root(call).or_else(|error| match error.code() {
        // Several images with one name: the platform decides.
        Code::InvalidReference if !options.all => {
            Image::find(call, from, options.platform.as_deref()).map(|image| image.content).map_err(|_| error)
        }
        _ => Err(error),
    })
}

/// Lays the layers over all images of an index, or over one: the result, and the new images.
fn lay_over(
    call: &Call,
    from: &dyn ReadStore,
    root: RawManifest,
    over: &mut AppendedImages,
    options: &AppendOptions,
) -> Result<(RawManifest, Vec<Value>)> {
    match options.all && root.document.kind == Kind::Index {
        true => over.index(call, &Image { content: root, platform: None }, 0),
        false => over.image(call, &Image::find(call, from, options.platform.as_deref())?),
    }
}

/// The new layers, compressed if the destination expects that.
fn fresh(call: &Call, to: &dyn WriteStore, options: &AppendOptions, space: &TemporarySpace) -> Result<Vec<NewLayer>> {
    // A caller that names the media type wants the files unchanged.
    let usual = if to.takes_packed() && options.media_type.is_none() { Compression::Gzip } else { Compression::None };
    let how = CompressionSettings::of(options.compression, options.compression_level, usual)?;
    let jobs = options.layers.iter().collect();
    // On other threads, because compression needs more stack than the caller's thread may have.
    gather(call, WIDTH, &Arc::default(), jobs, |call, _, path| {
        let fresh = NewLayer::read(call, Path::new(path))?;
        match how {
            Some(how) => fresh.packed(call, how, space),
            None => Ok(fresh),
        }
    })
}
