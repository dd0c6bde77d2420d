//! Layers on top of an image (OCI image-spec config.md, manifest.md). What is new is laid over the place that has the image,
//! and the copy engine does the rest: so it works from any place to any other.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::{json, Value};

use super::config::ImageConfig;
use super::layer::{Packing, UnpackLimits, UnpackedLayer};
use super::tar::LayerEntries;
use super::Image;
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::json::list_mut;
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::options::options;
use crate::os::special::open_regular;
use crate::reference::Repository;
use crate::store::condition::{NameOptions, SeenTo};
use crate::store::descend;
use crate::store::{RawManifest, ReadStore, WriteStore};
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::stream::pack::{Compression, CompressionSettings};
use crate::stream::spool::{SpoolItem, TemporarySpace};
use crate::sync::lock;
use crate::transfer::copy::{copy, CopyOptions};
use crate::transfer::workers::in_parallel;

/// How many layers are packed at once.
const WIDTH: usize = 4;

options! {
    /// Options of [`append`].
    #[derive(Debug, Clone)]
    pub struct AppendOptions {
        /// the layers' files, the oldest first; without any the call is OCIREG_INVALID_ARGUMENT
        pub layers: Vec<String>,
        /// the place for the result; without it the image's own name gets it, which then needs a tag
        pub to: Option<String>,
        /// of an index, the image for this platform, instead of this machine's: the result is that image alone
        pub platform: Option<String>,
        /// every image of an index, and a new index of them, without attestations
        pub all: bool,
        /// on a new image without layers, an OCI one for the platform, instead of what `image` names, which need not be there
        pub scratch: bool,
        /// of the new layers, instead of what they and the manifest are; the files stay as they are then, unless compression
        /// says otherwise
        pub media_type: Option<String>,
        /// "gzip", "zstd" or "none": for layers that are plain tars; without it gzip when the result goes to a registry, else
        /// none; also for those of an image in a docker-archive
        pub compression: Option<Compression>,
        /// 1 to 9 with gzip, 6 without it; 1 with zstd
        pub compression_level: Option<u64>,
    } and {
        /// The result's name, which is looked at before anything else, and once more when it is set
        pub names: NameOptions,
    }
}

/// The result of [`append`].
#[derive(Debug, Serialize)]
pub struct Appended {
    /// Where the result is.
    pub destination: String,
    /// Its digest: of the image, or of the index with all of them.
    pub digest: Digest,
    /// Its media type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// The digest of what the layers were put on; none with `scratch`.
    pub base: Option<Digest>,
    /// The new images: `{digest, config, platform?}`.
    pub images: Vec<Value>,
    /// The new layers.
    pub layers: Vec<Value>,
    /// The names that were left as they are, because they refer to something.
    pub skipped: Vec<String>,
    /// Who saw to it that the name could be set; None without a condition.
    pub condition: Option<SeenTo>,
}

struct NewLayer {
    path: PathBuf,
    /// The compressed bytes, if the file's own are not used.
    item: Option<SpoolItem>,
    packing: Packing,
    digest: Digest,
    size: u64,
    diff_id: Digest,
}

impl NewLayer {
    /// Reads a file to its end: it must be a tar.
    fn read(call: &Call, path: &Path) -> Result<NewLayer> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let mut file = open_regular(path).map_err(what)?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let (mut size, mut head, mut buffer) = (0, Vec::new(), vec![0; 256 << 10]);
        loop {
            call.check()?;
            let count = file.read(&mut buffer).map_err(what)?;
            if count == 0 {
                break;
            }
            if head.len() < Packing::HEAD {
                head.extend_from_slice(&buffer[..count.min(Packing::HEAD)]);
            }
            hasher.update(&buffer[..count]);
            size += count as u64;
        }
        let within = |error: Error| error.within(path.display());
        let packing = Packing::of(&head);
        let digest = hasher.finish();
        let blob = open(call, path, &Descriptor::new("", digest.clone(), size))?;
        let call = call.without_progress();
        let mut entries =
            LayerEntries::new(UnpackedLayer::of(&call, blob, &digest, 0, UnpackLimits::default()).map_err(within)?);
        while let Some(entry) = entries.advance().map_err(within)? {
            entry.mark().map_err(within)?;
        }
        let diff_id = entries.source().finish().map_err(within)?;
        Ok(NewLayer { path: path.to_owned(), item: None, packing, digest, size, diff_id })
    }

    /// Compresses the layer if it is a plain tar.
    fn packed(self, call: &Call, how: CompressionSettings, space: &TemporarySpace) -> Result<NewLayer> {
        if self.packing != Packing::Plain {
            return Ok(self);
        }
        let mut blob = open(call, &self.path, &Descriptor::new("", self.digest.clone(), self.size))?;
        let packed = how.pack(call, blob.as_mut(), space.spool()?.writer())?;
        let packing = if how.zstd { Packing::Zstd } else { Packing::Gzip };
        Ok(NewLayer { packing, digest: packed.digest, size: packed.item.size(), item: Some(packed.item), ..self })
    }

    fn media_type(&self, manifest: &str, chosen: Option<&str>) -> String {
        let name = match (chosen, manifest == types::DOCKER_MANIFEST, self.packing) {
            (Some(chosen), _, _) => chosen,
            (None, true, Packing::Gzip) => types::DOCKER_LAYER,
            (None, true, Packing::Zstd) => types::DOCKER_LAYER_ZSTD,
            (None, true, _) => types::DOCKER_LAYER_PLAIN,
            (None, false, Packing::Gzip) => types::OCI_LAYER_GZIP,
            (None, false, Packing::Zstd) => types::OCI_LAYER_ZSTD,
            (None, false, _) => types::OCI_LAYER,
        };
        name.to_owned()
    }
}

fn open(call: &Call, path: &Path, wanted: &Descriptor) -> Result<Box<dyn Blob>> {
    let file = open_regular(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
    Ok(Box::new(VerifiedBlob::new(file, call, path.display().to_string(), wanted, None)))
}

/// Puts layers on an image; with `scratch` that is a [`super::scratch::Scratch`].
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
    let invalid = |why: &str| Err(Error::new(Code::InvalidArgument, why));
    if options.layers.is_empty() {
        return invalid("the option layers is missing: there is nothing to append");
    }
    if options.all && options.platform.is_some() {
        return invalid("the options all and platform exclude each other");
    }
    if options.all && options.scratch {
        return invalid("the options all and scratch exclude each other");
    }
    if let Some(now) = options.names.condition()?.look(call, to)? {
        return Ok(Appended {
            destination: to.place(),
            digest: now.digest,
            media_type: now.media_type,
            base: None,
            images: Vec::new(),
            layers: Vec::new(),
            skipped: vec![to.name()?],
            condition: None,
        });
    }
    let layers = fresh(call, to, options, space)?;
    let root = from.root(call).or_else(|error| match error.code() {
        // Several images with one name: the platform decides.
        Code::InvalidReference if !options.all => {
            Image::find(call, from, options.platform.as_deref()).map(|image| image.content).map_err(|_| error)
        }
        _ => Err(error),
    })?;
    let base = (!options.scratch).then(|| root.digest().clone());
    let mut over = AppendedStore::new(from, root.clone(), &layers);
    let (content, images) = match options.all && root.document.kind == Kind::Index {
        true => over.index(call, &Image { content: root, platform: None }, 0, &layers, options)?,
        false => {
            let image = Image::find(call, from, options.platform.as_deref())?;
            over.image(call, &image, &layers, options).map(|(content, shown)| (content, vec![shown]))?
        }
    };
    over.root = content;
    let names = options.names.clone();
    let copied = copy(call, &over, to, &CopyOptions { names, ..CopyOptions::default() })?;
    Ok(Appended {
        destination: copied.destination,
        digest: copied.digest,
        media_type: copied.media_type,
        base,
        images,
        layers: layers
            .iter()
            .map(|layer| json!({"digest": layer.digest, "size": layer.size, "diff_id": layer.diff_id}))
            .collect(),
        skipped: copied.skipped,
        condition: copied.condition,
    })
}

/// The new layers, compressed if the destination expects that.
fn fresh(call: &Call, to: &dyn WriteStore, options: &AppendOptions, space: &TemporarySpace) -> Result<Vec<NewLayer>> {
    // A caller that names the media type wants the files unchanged.
    let usual = if to.takes_packed() && options.media_type.is_none() { Compression::Gzip } else { Compression::None };
    let how = CompressionSettings::of(options.compression, options.compression_level, usual)?;
    let found = Mutex::new(BTreeMap::new());
    let jobs = options.layers.iter().enumerate().collect();
    // On other threads, because compression needs more stack than the caller's thread may have.
    in_parallel(call, WIDTH, &Arc::default(), jobs, |call, _, (at, path)| {
        let fresh = NewLayer::read(call, Path::new(path))?;
        let fresh = match how {
            Some(how) => fresh.packed(call, how, space)?,
            None => fresh,
        };
        lock(&found).insert(at, fresh);
        Ok(())
    })?;
    Ok(crate::sync::into_inner(found).into_values().collect())
}

/// A store with manifests and blobs added to it.
struct AppendedStore<'a> {
    below: &'a dyn ReadStore,
    root: RawManifest,
    files: HashMap<Digest, PathBuf>,
    items: HashMap<Digest, SpoolItem>,
    configs: HashMap<Digest, Vec<u8>>,
    manifests: HashMap<Digest, RawManifest>,
}

impl AppendedStore<'_> {
    fn new<'a>(below: &'a dyn ReadStore, root: RawManifest, layers: &[NewLayer]) -> AppendedStore<'a> {
        let files = layers.iter().map(|layer| (layer.digest.clone(), layer.path.clone())).collect();
        let items = layers.iter().filter_map(|layer| Some((layer.digest.clone(), layer.item.clone()?))).collect();
        AppendedStore { below, root, files, items, configs: HashMap::new(), manifests: HashMap::new() }
    }

    /// The manifest of an image with the new layers.
    fn image(
        &mut self,
        call: &Call,
        image: &Image,
        layers: &[NewLayer],
        options: &AppendOptions,
    ) -> Result<(RawManifest, Value)> {
        let document = &image.content.document;
        if document.config().is_none_or(|config| !types::is_image_config(&config.media_type)) {
            let message = format!("{} is not an image to which layers can be appended", document.digest);
            return Err(Error::new(Code::Unsupported, message));
        }
        let config = ImageConfig::read(call, self.below, image)?;
        let bytes = extended(&config, document.layers().len(), layers)?;
        let config =
            Descriptor::new(&config.descriptor.media_type, Algorithm::Sha256.digest(&bytes), bytes.len() as u64);
        let added = layers.iter().map(|layer| {
            let media_type = layer.media_type(&document.media_type, options.media_type.as_deref());
            json!(Descriptor::new(&media_type, layer.digest.clone(), layer.size))
        });
        let mut manifest = document.value.clone();
        manifest["config"] = json!(config);
        match list_mut(&mut manifest, "layers") {
            Some(list) => list.extend(added),
            None => return Err(Error::new(Code::InvalidManifest, "the image has no list of layers")),
        }
        let content = RawManifest::parse(manifest.to_string().into_bytes(), Some(&document.media_type), None)?;
        let mut shown = json!({"digest": content.digest(), "config": config.digest});
        if let Some(platform) = &image.platform {
            shown["platform"] = json!(platform);
        }
        self.configs.insert(config.digest, bytes);
        self.manifests.insert(content.digest().clone(), content.clone());
        Ok((content, shown))
    }

    /// The index with the layers on each image of it, and of the indexes in it. What speaks of the images as they were, such as
    /// attestations, is left out.
    fn index(
        &mut self,
        call: &Call,
        index: &Image,
        depth: usize,
        layers: &[NewLayer],
        options: &AppendOptions,
    ) -> Result<(RawManifest, Vec<Value>)> {
        if depth >= descend::DEPTH {
            return Err(descend::too_deep());
        }
        let document = &index.content.document;
        let (mut entries, mut images) = (Vec::new(), Vec::new());
        let raw = document.value.get("manifests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (entry, raw) in document.manifests().iter().zip(raw).filter(|(entry, _)| !descend::is_attestation(entry)) {
            let content = self.below.manifest(call, entry)?;
            let image =
                Image { content, platform: entry.platform.as_deref().cloned().or_else(|| index.platform.clone()) };
            let (content, shown) = match image.content.document.kind {
                Kind::Index => self.index(call, &image, depth + 1, layers, options)?,
                _ => self.image(call, &image, layers, options).map(|(content, shown)| (content, vec![shown]))?,
            };
            let mut raw = raw.clone();
            raw["digest"] = json!(content.digest());
            raw["size"] = json!(content.bytes.len());
            if let Some(members) = raw.as_object_mut() {
                members.remove("data");
            }
            entries.push(raw);
            images.extend(shown);
        }
        let mut value = document.value.clone();
        value["manifests"] = Value::Array(entries);
        let content = RawManifest::parse(value.to_string().into_bytes(), Some(&document.media_type), None)?;
        self.manifests.insert(content.digest().clone(), content.clone());
        Ok((content, images))
    }
}

/// The config with the new layers in it. No clock: the same layers on the same image give the same image.
fn extended(config: &ImageConfig, count: usize, layers: &[NewLayer]) -> Result<Vec<u8>> {
    let invalid =
        |why: &str| Err(Error::new(Code::InvalidManifest, format!("the config {} {why}", config.descriptor.digest)));
    let mut value = config.value.clone();
    // An image without layers may have no rootfs either.
    if let Some(members) = value.as_object_mut().filter(|_| count == 0) {
        let rootfs = members.entry("rootfs").or_insert(Value::Null);
        if rootfs.is_null() {
            *rootfs = json!({"type": "layers", "diff_ids": []});
        }
    }
    let Some(ids) = value.get_mut("rootfs").and_then(|rootfs| list_mut(rootfs, "diff_ids")) else {
        return invalid("has no diff_ids");
    };
    if ids.len() != count {
        return invalid("has not one diff_id for each layer");
    }
    ids.extend(layers.iter().map(|layer| json!(layer.diff_id)));
    // A history that does not describe every layer would be assigned to the wrong ones.
    if let Some(history) = value.get_mut("history").and_then(Value::as_array_mut) {
        let is_layer = |step: &&Value| step.get("empty_layer").and_then(Value::as_bool) != Some(true);
        if history.iter().filter(is_layer).count() == count {
            history.extend(layers.iter().map(|_| json!({"created_by": "ocireg append"})));
        }
    }
    Ok(value.to_string().into_bytes())
}

impl ReadStore for AppendedStore<'_> {
    fn place(&self) -> String {
        self.below.place()
    }

    fn root(&self, _: &Call) -> Result<RawManifest> {
        Ok(self.root.clone())
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        match self.manifests.get(&wanted.digest) {
            Some(content) => Ok(content.clone()),
            None => self.below.manifest(call, wanted),
        }
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        if let Some(bytes) = self.configs.get(&wanted.digest) {
            let mut reader = std::io::Cursor::new(bytes.clone());
            reader.set_position(begin);
            return Ok(Box::new(VerifiedBlob::new(reader, call, "the new config".to_owned(), wanted, hashed)));
        }
        if let Some(item) = self.items.get(&wanted.digest) {
            let name = "the packed layer".to_owned();
            return Ok(Box::new(VerifiedBlob::new(item.read_from(begin), call, name, wanted, hashed)));
        }
        let Some(path) = self.files.get(&wanted.digest) else { return self.below.open(call, wanted, hashed) };
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let mut file = open_regular(path).map_err(what)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(begin)).map_err(what)?;
        Ok(Box::new(VerifiedBlob::new(file, call, path.display().to_string(), wanted, hashed)))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        self.below.size(call, digest)
    }

    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }

    fn repository(&self) -> Option<&Repository> {
        self.below.repository()
    }
}
