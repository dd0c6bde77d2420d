//! Images in memory, to copy from.

use std::collections::HashMap;
use std::sync::{Arc, Barrier, Mutex};

use bytes::Bytes;
use ocireg::call::Call;
use ocireg::digest::{Digest, Hasher};
use ocireg::error::Error;
use ocireg::manifest::Descriptor;
use ocireg::store::{RawManifest, ReadStore};
use ocireg::stream::blob::{Blob, VerifiedBlob};
use serde_json::json;

use crate::common::*;

/// An image in memory.
pub struct Memory {
    root: RawManifest,
    pub blobs: HashMap<Digest, Vec<u8>>,
}

impl Memory {
    pub fn new(layers: &[Vec<u8>]) -> Memory {
        Memory::with_ids(layers, &layers.iter().map(|layer| digest(layer)).collect::<Vec<_>>())
    }

    pub fn with_ids(layers: &[Vec<u8>], ids: &[Digest]) -> Memory {
        let config =
            json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ids}}).to_string();
        let entry = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest(bytes), "size": bytes.len()});
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": entry("config.v1+json", config.as_bytes()),
            "layers": layers.iter().map(|layer| entry("layer.v1.tar", layer)).collect::<Vec<_>>()});
        let mut blobs: HashMap<_, _> = layers.iter().map(|layer| (digest(layer), layer.clone())).collect();
        blobs.insert(digest(config.as_bytes()), config.into_bytes());
        Memory { root: RawManifest::parse(manifest.to_string().into_bytes(), None, None).unwrap(), blobs }
    }

    /// Of any manifest.
    pub fn of(manifest: &serde_json::Value, blobs: impl Iterator<Item = Vec<u8>>) -> Memory {
        let root = RawManifest::parse(manifest.to_string().into_bytes(), None, None).unwrap();
        Memory { root, blobs: blobs.map(|blob| (digest(&blob), blob)).collect() }
    }

    /// Replaces a layer by other bytes of the same length.
    pub fn spoil(&mut self, layer: &[u8]) {
        self.blobs.insert(digest(layer), vec![0; layer.len()]);
    }

    /// Whether the image has this blob.
    pub fn has(&self, digest: &Digest) -> bool {
        self.blobs.contains_key(digest)
    }

    /// The bytes of the config.
    pub fn config(&self) -> &[u8] {
        self.blobs.values().find(|blob| blob.starts_with(b"{")).unwrap()
    }
}

impl ReadStore for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }
    fn root(&self, _: &Call) -> Result<RawManifest, Error> {
        Ok(self.root.clone())
    }
    fn manifest(&self, _: &Call, _: &Descriptor) -> Result<RawManifest, Error> {
        unreachable!()
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        let mut bytes = std::io::Cursor::new(Bytes::from(self.blobs[&wanted.digest].clone()));
        bytes.set_position(hashed.as_ref().map_or(0, |(_, length)| *length));
        Ok(Box::new(VerifiedBlob::new(bytes, call, self.place(), wanted, hashed)))
    }
    fn size(&self, _: &Call, _: &Digest) -> Result<u64, Error> {
        unreachable!()
    }
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(vec![])
    }
}

/// An image in memory that records where its first layer was opened, with an action to run before a blob is opened.
pub struct Watched {
    pub image: Memory,
    first: Digest,
    pub opened: Mutex<Vec<u64>>,
    before: Box<dyn Fn(&Digest) + Send + Sync>,
}

impl Watched {
    pub fn new(layer: &[u8]) -> Watched {
        Watched::doing(&[layer.to_vec()], |_| ())
    }

    pub fn doing(layers: &[Vec<u8>], before: impl Fn(&Digest) + Send + Sync + 'static) -> Watched {
        let (image, first) = (Memory::new(layers), digest(&layers[0]));
        Watched { image, first, opened: Mutex::default(), before: Box::new(before) }
    }

    /// The first layer is opened only when another copy opens one too.
    pub fn in_step(layers: &[Vec<u8>], step: &Arc<Barrier>) -> Watched {
        let (step, first) = (step.clone(), digest(&layers[0]));
        Watched::doing(layers, move |digest| {
            if *digest == first {
                step.wait();
            }
        })
    }
}

impl ReadStore for Watched {
    fn place(&self) -> String {
        self.image.place()
    }
    fn root(&self, call: &Call) -> Result<RawManifest, Error> {
        self.image.root(call)
    }
    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest, Error> {
        self.image.manifest(call, wanted)
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        if wanted.digest == self.first {
            self.opened.lock().unwrap().push(hashed.as_ref().map_or(0, |(_, length)| *length));
        }
        (self.before)(&wanted.digest);
        self.image.open(call, wanted, hashed)
    }
    fn size(&self, call: &Call, digest: &Digest) -> Result<u64, Error> {
        self.image.size(call, digest)
    }
    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        self.image.referrers(call, subject)
    }
}
