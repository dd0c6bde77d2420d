//! A source whose uncompressed layers are read compressed, as registries expect them. They are compressed once, into a
//! spool, because the manifests that are rewritten contain their digests; configs are unchanged, because they refer to
//! the uncompressed layers. Docker's manifests do not support zstd: with it they become OCI manifests.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use serde_json::{json, Value};

use super::WIDTH;
use crate::call::Call;
use crate::descriptor::ATTESTED;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Result};
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::media_type::is_image_config;
use crate::mutex::lock;
use crate::platform::Platform;
use crate::reference::Repository;
use crate::registry::Client;
use crate::store::platform_descent;
use crate::store::{Moved, RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};
use crate::stream::pack::CompressionSettings;
use crate::stream::spool::{Spool, SpoolItem, TemporarySpace};
use crate::stream::unpack::Packing;
use crate::transfer::meter::Meter;
use crate::transfer::workers::in_parallel;

/// A source with compressed layers.
pub struct CompressingStore {
    below: Box<dyn ReadStore>,
    space: TemporarySpace,
    how: CompressionSettings,
    /// Only the images of an index for these; empty means all.
    platforms: Vec<Platform>,
    made: Mutex<CompressedImages>,
}

/// The replacements for the content of the source.
#[derive(Default)]
struct CompressedImages {
    root: Option<RawManifest>,
    manifests: HashMap<Digest, RawManifest>,
    /// The replacements for the manifests of indexes, by their original digests; None for an unchanged one.
    seen: HashMap<Digest, Option<RawManifest>>,
    layers: HashMap<Digest, SpoolItem>,
    /// The compressed layers, by original digest; None for one that is already compressed, whatever its media type
    /// says.
    packed: HashMap<Digest, Option<(Digest, u64)>>,
    spool: Option<Arc<Spool>>,
}

impl CompressingStore {
    /// Compresses the layers of what a source names.
    pub fn new(
        client: &Client,
        below: Box<dyn ReadStore>,
        how: CompressionSettings,
        platforms: Vec<Platform>,
    ) -> CompressingStore {
        CompressingStore { below, space: client.temporary_space(), how, platforms, made: Mutex::default() }
    }

    fn made(&self) -> MutexGuard<'_, CompressedImages> {
        lock(&self.made)
    }

    fn rewrite(&self, call: &Call, content: RawManifest, depth: usize) -> Result<RawManifest> {
        let document = &content.document;
        let image = document.config().is_some_and(|config| is_image_config(&config.media_type));
        let value = match document.kind {
            Kind::Index if depth == platform_descent::DEPTH => return Err(platform_descent::too_deep()),
            Kind::Index => self.index(call, &content, depth)?,
            _ if image => self.image(call, &content)?,
            _ => None,
        };
        let Some(value) = value else { return Ok(content) };
        let media_type = value["mediaType"].as_str().unwrap_or(&document.media_type).to_owned();
        let content = RawManifest::parse(value.to_string().into_bytes(), Some(&media_type), None)?;
        self.made().manifests.insert(content.digest().clone(), content.clone());
        Ok(content)
    }

    /// Returns None if nothing in it changes.
    fn index(&self, call: &Call, content: &RawManifest, depth: usize) -> Result<Option<Value>> {
        let mut value = content.document.value.clone();
        let mut replaced = HashMap::new();
        for entry in content.document.manifests() {
            call.check()?;
            let wanted = self.platforms.is_empty()
                || entry.platform.as_ref().is_none_or(|has| self.platforms.iter().any(|want| want.rank(has).is_some()));
            if !wanted || !types::is_manifest(&entry.media_type) {
                continue;
            }
            if let Some(child) = self.child(call, entry, depth)? {
                replaced.insert(entry.digest.to_string(), child);
            }
        }
        if replaced.is_empty() {
            return Ok(None);
        }
        let Some(entries) = value.get_mut("manifests").and_then(Value::as_array_mut) else { return Ok(None) };
        let text = |entry: &Value, path: &str| entry.pointer(path).and_then(Value::as_str).map(str::to_owned);
        // Attestations about the original image are not true for the changed one.
        let about = format!("/annotations/{ATTESTED}");
        entries.retain(|entry| text(entry, &about).is_none_or(|digest| !replaced.contains_key(&digest)));
        let mut made_oci = false;
        for entry in entries {
            let Some(child) = text(entry, "/digest").and_then(|digest| replaced.get(&digest)) else { continue };
            entry["digest"] = json!(child.digest());
            entry["size"] = json!(child.bytes.len());
            let (old, new) = (text(entry, "/mediaType").unwrap_or_default(), &child.document.media_type);
            if types::oci_of(&old) == Some(new.as_str()) {
                entry["mediaType"] = json!(new);
                made_oci = true;
            }
            if let Some(members) = entry.as_object_mut() {
                members.remove("data");
            }
        }
        if made_oci {
            value["mediaType"] = json!(types::OCI_INDEX);
        }
        Ok(Some(value))
    }

    /// The replacement for a manifest of an index; None if it is unchanged. One that several indexes name is processed
    /// once.
    fn child(&self, call: &Call, entry: &Descriptor, depth: usize) -> Result<Option<RawManifest>> {
        if let Some(known) = self.made().seen.get(&entry.digest) {
            return Ok(known.clone());
        }
        let child = match self.below.manifest(call, entry) {
            // The copy decides whether it may be missing.
            Err(error) if error.code() == Code::NotFound => return Ok(None),
            child => self.rewrite(call, child?, depth + 1)?,
        };
        let child = Some(child).filter(|child| *child.digest() != entry.digest);
        self.made().seen.insert(entry.digest.clone(), child.clone());
        Ok(child)
    }

    /// Returns None if it has no uncompressed layer.
    fn image(&self, call: &Call, content: &RawManifest) -> Result<Option<Value>> {
        let plain = |layer: &&Descriptor| self.media_type(&layer.media_type).is_some();
        self.pack(call, content.document.layers().iter().filter(plain).collect())?;
        let (mut value, mut changed, made) = (content.document.value.clone(), false, self.made());
        let raw = value.get_mut("layers").and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default();
        for (layer, raw) in content.document.layers().iter().zip(raw) {
            let (Some(media_type), Some(Some((digest, size)))) =
                (self.media_type(&layer.media_type), made.packed.get(&layer.digest))
            else {
                continue;
            };
            (raw["mediaType"], raw["digest"], raw["size"]) = (json!(media_type), json!(digest), json!(size));
            changed = true;
        }
        if changed && self.how.zstd && content.document.media_type == types::DOCKER_MANIFEST {
            make_oci(&mut value);
        }
        Ok(changed.then_some(value))
    }

    /// The media type of an uncompressed layer after compression; None for any other type.
    fn media_type(&self, media_type: &str) -> Option<&'static str> {
        match (media_type, self.how.zstd) {
            (types::OCI_LAYER, false) => Some(types::OCI_LAYER_GZIP),
            (types::OCI_LAYER, true) => Some(types::OCI_LAYER_ZSTD),
            (types::DOCKER_LAYER_PLAIN, false) => Some(types::DOCKER_LAYER),
            (types::DOCKER_LAYER_PLAIN, true) => Some(types::DOCKER_LAYER_ZSTD),
            _ => None,
        }
    }

    /// Compresses layers, each once, several in parallel.
    fn pack(&self, call: &Call, mut layers: Vec<&Descriptor>) -> Result<()> {
        let mut seen = HashSet::new();
        layers.retain(|layer| !self.made().packed.contains_key(&layer.digest) && seen.insert(layer.digest.clone()));
        if layers.is_empty() {
            return Ok(());
        }
        let spool = match &mut self.made().spool {
            Some(spool) => spool.clone(),
            none => none.insert(self.space.spool()?).clone(),
        };
        let bytes = layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size));
        let meter = Arc::new(Meter::new(WIDTH, layers.len() as u64, bytes));
        call.begin("compress", Some(bytes))?;
        in_parallel(call, WIDTH, &meter, layers, |call, worker, layer| {
            meter.begin(worker, layer);
            let mut blob = CountedBlob { blob: self.below.open(call, layer, None)?, call, ahead: None, done: 0 };
            blob.blob.hash_aside();
            let packed = match blob.is_plain()? {
                true => Some(self.how.pack(call, &mut blob, spool.writer())?),
                false => None,
            };
            let mut made = self.made();
            let named = packed.as_ref().map(|packed| (packed.digest.clone(), packed.item.size()));
            made.packed.insert(layer.digest.clone(), named);
            made.layers.extend(packed.map(|packed| (packed.digest, packed.item)));
            meter.settle(worker, layer.size, Moved::Copied { resumed: 0 });
            Ok(())
        })
    }
}

/// Renames the media types of a manifest to OCI's.
fn make_oci(manifest: &mut Value) {
    let rename = |value: &mut Value| {
        if let Some(name) = value["mediaType"].as_str().and_then(types::oci_of) {
            value["mediaType"] = json!(name);
        }
    };
    manifest["mediaType"] = json!(types::OCI_MANIFEST);
    rename(&mut manifest["config"]);
    manifest.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten().for_each(rename);
}

/// A blob whose progress is reported, and whose first bytes can be inspected.
struct CountedBlob<'a> {
    blob: Box<dyn Blob>,
    call: &'a Call,
    ahead: Option<Bytes>,
    done: u64,
}

impl CountedBlob<'_> {
    fn is_plain(&mut self) -> Result<bool> {
        let mut head = Vec::new();
        while head.len() < Packing::HEAD {
            let Some(piece) = self.blob.piece()? else { break };
            head.extend_from_slice(&piece);
        }
        let plain = Packing::of(&head) == Packing::Plain;
        self.ahead = Some(head.into()).filter(|head: &Bytes| !head.is_empty());
        Ok(plain)
    }
}

impl Blob for CountedBlob<'_> {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        let piece = match self.ahead.take() {
            Some(piece) => Some(piece),
            None => self.blob.piece()?,
        };
        self.done += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        self.call.moved_to(self.done)?;
        Ok(piece)
    }
}

impl ReadStore for CompressingStore {
    fn place(&self) -> String {
        self.below.place()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        if let Some(root) = &self.made().root {
            return Ok(root.clone());
        }
        let root = self.rewrite(call, self.below.root_for(call, &self.platforms)?, 0)?;
        self.made().root = Some(root.clone());
        Ok(root)
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        let made = self.made().manifests.get(&wanted.digest).cloned();
        made.map_or_else(|| self.below.manifest(call, wanted), Ok)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let Some(item) = self.made().layers.get(&wanted.digest).cloned() else {
            return self.below.open(call, wanted, hashed);
        };
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        Ok(Box::new(VerifiedBlob::new(item.read_from(begin), call, "the compressed layer".to_owned(), wanted, hashed)))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        let made = self.made().layers.get(digest).map(SpoolItem::size);
        made.map_or_else(|| self.below.size(call, digest), Ok)
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.below.referrers(call, subject)
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        self.below.digest_tags(call, subject)
    }

    fn repository(&self) -> Option<&Repository> {
        self.below.repository()
    }
}
