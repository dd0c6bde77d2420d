//! The images of Docker's `manifest.json`: which one is meant, and what its files are (moby, image/tarexport).

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{json, Value};

use crate::call::Call;
use crate::descriptor::MOST_DESCRIPTORS;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::layout::names::{list, same_image, several_images};
use crate::layout::tarball::read::{Span, Tarball};
use crate::manifest::Descriptor;
use crate::manifest::MOST_BYTES;
use crate::media_type as types;
use crate::mutex::{into_inner, lock};
use crate::store::RawManifest;
use crate::stream::blob::Blob;
use crate::stream::source::{read_piece, PIECE};
use crate::stream::unpack::{Packing, UnpackLimits, Unpacker};
use crate::text::shorten;

/// More images than anybody saves in one archive.
pub(super) const MOST_IMAGES: usize = 10_000;

/// More names than anybody gives them all together.
pub(super) const MOST_TAGS: usize = MOST_DESCRIPTORS;

/// The list of a docker-archive.
pub(super) const LIST: &str = "manifest.json";

/// An entry of `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SavedImage {
    /// The file of the config.
    pub(crate) config: String,
    /// The names of the image.
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) repo_tags: Vec<String>,
    /// The files of the layers, oldest first.
    #[serde(default, deserialize_with = "or_null")]
    pub(crate) layers: Vec<String>,
}

/// Go writes an empty list as null.
fn or_null<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The images of `manifest.json`.
pub(super) fn parse(bytes: &[u8]) -> std::result::Result<Vec<SavedImage>, String> {
    let list = crate::json::parse(bytes).map_err(|error| error.to_string())?;
    let list = Option::<Vec<SavedImage>>::deserialize(&list).map_err(|error| error.to_string())?.unwrap_or_default();
    let names = list.iter().map(|image| image.repo_tags.len()).sum::<usize>();
    match (list.len() > MOST_IMAGES, names > MOST_TAGS) {
        (true, _) => Err(format!("it has more than {MOST_IMAGES} images")),
        (_, true) => Err(format!("it has more than {MOST_TAGS} names")),
        _ => Ok(list),
    }
}

/// The image of a name, or of `@INDEX`; without a name, the only one. `place` is what messages call the archive, without the name.
pub(super) fn choose<'a>(all: &'a [Arc<SavedImage>], name: Option<&str>, place: &str) -> Result<&'a Arc<SavedImage>> {
    let found = find(all, name);
    match (found.as_slice(), name) {
        ([(_, only)], _) => Ok(*only),
        ([], None) => Err(Error::new(Code::NotFound, format!("{place} holds no image"))),
        ([], Some(name)) => {
            let known = names(&all.iter().enumerate().collect::<Vec<_>>());
            let message = format!("{place} has no image '{}'; it has {known}", shorten(name));
            Err(Error::new(Code::NotFound, message))
        }
        (several, _) => {
            let error = several_images(place, several.len(), &names(several));
            Err(error.with_hint(format!("name one as {place}:NAME, or pick one as {place}:@INDEX")))
        }
    }
}

/// The images of a name, when they are several and all have the same names, or all none: their platforms may differ.
pub(super) fn alike<'a>(all: &'a [Arc<SavedImage>], name: Option<&str>) -> Vec<&'a Arc<SavedImage>> {
    let found: Vec<&Arc<SavedImage>> = find(all, name).into_iter().map(|(_, saved)| saved).collect();
    let is_one = found.windows(2).all(|pair| pair[0].repo_tags == pair[1].repo_tags);
    Some(found).filter(|found| is_one && found.len() > 1).unwrap_or_default()
}

fn find<'a>(all: &'a [Arc<SavedImage>], name: Option<&str>) -> Vec<(usize, &'a Arc<SavedImage>)> {
    let number = name.and_then(|name| name.strip_prefix('@')).map(|number| number.parse::<usize>().ok());
    let is_it = |at: usize, saved: &SavedImage| match (name, number) {
        (None, _) => true,
        (_, Some(number)) => number == Some(at),
        (Some(name), None) => saved.repo_tags.iter().any(|tag| same_image(tag, name)),
    };
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for (at, saved) in all.iter().enumerate().filter(|(at, saved)| is_it(*at, saved)) {
        // Two entries of the same files are one image with the names of both.
        if seen.insert((&saved.config, &saved.layers)) {
            found.push((at, saved));
        }
    }
    found
}

/// How a caller can select each image: by a name that no other has, otherwise by its number.
fn names(images: &[(usize, &Arc<SavedImage>)]) -> String {
    let mut uses: HashMap<&str, usize> = HashMap::new();
    for (_, saved) in images {
        let own: HashSet<&str> = saved.repo_tags.iter().map(String::as_str).collect();
        own.into_iter().for_each(|tag| *uses.entry(tag).or_default() += 1);
    }
    let own = |(at, saved): &(usize, &Arc<SavedImage>)| {
        let sure = saved.repo_tags.iter().filter(|tag| uses.get(tag.as_str()) == Some(&1));
        let sure: Vec<String> = sure.map(|tag| shorten(tag).to_string()).collect();
        if sure.is_empty() {
            vec![format!("@{at}")]
        } else {
            sure
        }
    };
    list(images.iter().flat_map(own).collect::<Vec<_>>().into_iter())
}

/// Reads the files of an image.
pub(super) struct ImageReader<'a> {
    pub(super) call: &'a Call,
    pub(super) tar: &'a Tarball,
    /// The name of the archive for messages.
    pub(super) place: &'a str,
    /// The name of the list that describes its images.
    pub(super) list: &'static str,
    pub(super) measured: &'a MeasuredLayers,
}

/// Layers that were read, by the digest that they unpack to: many images may have the same one.
pub(super) type MeasuredLayers = Mutex<HashMap<(Span, Digest), Descriptor>>;

struct MeasuredLayer {
    packing: Packing,
    digest: Digest,
    diff_id: Digest,
}

impl ImageReader<'_> {
    /// Reads a file that must exist.
    pub(super) fn small(&self, name: &str) -> Result<Vec<u8>> {
        let missing = || Error::new(Code::NotFound, format!("{} has no {}", self.place, shorten(name)));
        self.tar.small(name, MOST_BYTES)?.ok_or_else(missing)
    }

    /// The digests that the config says its layers have when they are unpacked: one for each layer, which must be there. Some
    /// tools write none at all.
    pub(super) fn diff_ids(&self, saved: &SavedImage, config: &[u8]) -> Result<Vec<Digest>> {
        saved.layers.iter().try_for_each(|file| self.place_of(file).map(drop))?;
        let ids = unpacked_digests(config).map_err(|why| self.bad(format!("the config {why}")))?;
        match !ids.is_empty() && ids.len() != saved.layers.len() {
            true => Err(self.wrong_count(saved, ids.len())),
            false => Ok(ids),
        }
    }

    fn wrong_count(&self, saved: &SavedImage, ids: usize) -> Error {
        self.bad(format!("there are {} layers, the config names {ids}", saved.layers.len()))
    }

    /// The layers of an image, each read and found to be what the config says.
    pub(super) fn layers(&self, saved: &SavedImage, ids: &[Digest]) -> Result<Vec<Descriptor>> {
        if ids.len() != saved.layers.len() {
            return Err(self.wrong_count(saved, ids.len()));
        }
        saved.layers.iter().zip(ids).map(|(file, id)| self.layer(file, id)).collect()
    }

    /// Whether the layers of a manifest that [`ImageReader::agrees`] are those of the config. A layer whose digest the config names is
    /// not read here: it is verified whenever its bytes are read. If the config names no digests, the manifest decides.
    pub(super) fn check(&self, saved: &SavedImage, ids: &[Digest], layers: &[Descriptor]) -> Result<()> {
        for ((file, id), layer) in saved.layers.iter().zip(ids).zip(layers) {
            let mut head = Vec::new();
            let place = self.place_of(file)?;
            let read = self.tar.read(place, 0).take(Packing::HEAD as u64).read_to_end(&mut head);
            read.map_err(|error| Error::io(format!("cannot read {}", self.place), &error))?;
            if layer.digest != *id || Packing::of(&head) != Packing::Plain {
                self.layer(file, id)?;
            }
        }
        Ok(())
    }

    fn layer(&self, file: &str, id: &Digest) -> Result<Descriptor> {
        self.call.check()?;
        let place = self.place_of(file)?;
        let known = lock(self.measured).get(&(place, id.clone())).cloned();
        if let Some(layer) = known {
            return Ok(layer);
        }
        let found = self.measure(place, file, id.algorithm())?;
        if found.diff_id != *id {
            let why = format!("the layer {} unpacks to {}, the config says {id}", shorten(file), found.diff_id);
            return Err(self.bad(why));
        }
        let media_type = match found.packing {
            Packing::Gzip => types::DOCKER_LAYER,
            Packing::Zstd => "application/vnd.docker.image.rootfs.diff.tar.zstd",
            _ => "application/vnd.docker.image.rootfs.diff.tar",
        };
        let layer = Descriptor::new(media_type, found.digest, place.size);
        lock(self.measured).insert((place, id.clone()), layer.clone());
        Ok(layer)
    }

    fn place_of(&self, file: &str) -> Result<Span> {
        self.call.check()?;
        let missing = || {
            let (place, file, is_link) = (self.place, shorten(file), self.tar.is_link(file));
            let message = match is_link {
                true => format!("the layer {file} of {place} is a link that leads to no file of the archive"),
                false => format!("{place} has no layer {file}"),
            };
            Error::new(Code::MissingBlob, message)
        };
        self.tar.find(file).ok_or_else(missing)
    }

    fn measure(&self, place: Span, file: &str, algorithm: Algorithm) -> Result<MeasuredLayer> {
        let hasher = Arc::new(Mutex::new(Hasher::new(Algorithm::Sha256)));
        let passing =
            HashingReader { call: self.call.clone(), reader: self.tar.read(place, 0), hasher: hasher.clone() };
        let name = format!("the layer {} of {}", shorten(file), self.place);
        let call = self.call.without_progress();
        let mut unpacker = Unpacker::new(&call, Box::new(passing), name, 0, UnpackLimits::default())?;
        let packing = unpacker.packing();
        if matches!(packing, Packing::Xz | Packing::Bzip2) {
            let message =
                format!("{} is compressed with {}, which is not allowed for layers", unpacker.name(), packing.name());
            return Err(Error::new(Code::Unsupported, message));
        }
        let mut unpacked = Hasher::new(algorithm);
        let mut buffer = vec![0; PIECE];
        loop {
            match unpacker.read(&mut buffer)? {
                0 => break,
                count => unpacked.update(&buffer[..count]),
            }
        }
        drop(unpacker);
        let digest = Arc::into_inner(hasher).map(|hasher| into_inner(hasher).finish());
        let digest = digest.ok_or_else(|| Error::new(Code::Internal, "a layer is still being read"))?;
        Ok(MeasuredLayer { packing, digest, diff_id: unpacked.finish() })
    }

    /// Whether a manifest of the layout in the same archive is about the same files: layer by layer, in this order.
    pub(super) fn agrees(&self, saved: &SavedImage, layers: &[Descriptor]) -> Result<bool> {
        if layers.len() != saved.layers.len() {
            return Ok(false);
        }
        for (layer, file) in layers.iter().zip(&saved.layers) {
            self.call.check()?;
            let place = self.tar.find(&blob_file(&layer.digest));
            if !place.is_some_and(|place| place.size == layer.size && self.tar.find(file) == Some(place)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A manifest for an image that has none, which is made of its files.
    pub(super) fn made(&self, config: &[u8], layers: &[Descriptor]) -> Result<RawManifest> {
        let digest = Algorithm::Sha256.digest(config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": types::DOCKER_MANIFEST,
            "config": {"mediaType": types::DOCKER_CONFIG, "size": config.len(), "digest": digest},
            "layers": layers,
        });
        RawManifest::parse(manifest.to_string().into_bytes(), None, None)
    }

    fn bad(&self, why: String) -> Error {
        Error::new(Code::InvalidManifest, format!("{} of {}: {why}", self.list, self.place))
    }
}

/// The digests that a config says its layers have when they are unpacked; else why it does not say that.
pub(super) fn unpacked_digests(config: &[u8]) -> std::result::Result<Vec<Digest>, String> {
    let config = crate::json::parse(config).map_err(|error| error.verdict())?;
    let ids = config.pointer("/rootfs/diff_ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = |id: &Value| id.as_str().unwrap_or_default().parse::<Digest>();
    ids.iter().map(|id| one(id).map_err(|error| format!("has a diff_id that is not a digest: {error}"))).collect()
}

/// The path of a blob in a layout.
pub(super) fn blob_file(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().name(), digest.hex())
}

/// Hashes bytes as they are read.
struct HashingReader<R> {
    call: Call,
    reader: R,
    hasher: Arc<Mutex<Hasher>>,
}

impl<R: Read + Send> Blob for HashingReader<R> {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.call.check()?;
        let piece =
            read_piece(&mut self.reader, PIECE).map_err(|error| Error::io("cannot read the archive", &error))?;
        lock(&self.hasher).update(&piece);
        Ok((!piece.is_empty()).then_some(piece))
    }
}
