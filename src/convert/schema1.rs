//! A source whose schema-1 image is read as an OCI image. Everything else is unchanged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::converted::{read, ConvertedImage, LayerBudget, ReadLayer};
use super::{check_count, WIDTH};
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::error::Result;
use crate::manifest::{Descriptor, Kind};
use crate::media_type as types;
use crate::mutex::lock;
use crate::platform::Platform;
use crate::reference::Repository;
use crate::registry::Client;
use crate::schema1;
use crate::schema1::manifest::Schema1Manifest;
use crate::store::{Moved, RawManifest, ReadStore};
use crate::stream::blob::Blob;
use crate::stream::spool::TemporarySpace;
use crate::transfer::meter::Meter;
use crate::transfer::workers::gather;

/// A source with conversion.
pub struct ConvertingStore {
    below: Box<dyn ReadStore>,
    space: TemporarySpace,
    made: Mutex<Option<Arc<ConvertedImage>>>,
}

impl ConvertingStore {
    /// Converts what a source names, if that is a schema-1 manifest; those in an index are left alone.
    pub fn new(client: &Client, below: Box<dyn ReadStore>) -> ConvertingStore {
        ConvertingStore { below, space: client.temporary_space(), made: Mutex::default() }
    }

    fn made(&self) -> Option<Arc<ConvertedImage>> {
        lock(&self.made).clone()
    }

    fn convert(&self, call: &Call, old: &RawManifest) -> Result<ConvertedImage> {
        // Sources have verified the signatures already; but the converted image no longer carries them, so verify
        // again.
        old.document.verify_signatures(&old.bytes)?;
        let signed = schema1::is_signed(&old.document.value);
        let payload = if signed { schema1::payload(&old.bytes)? } else { old.bytes.clone() };
        let manifest = Schema1Manifest::parse(&payload)?;
        check_count(manifest.history.len())?;
        let layers = self.layers(call, &manifest)?;
        let read = manifest.fs_layers.iter().map(|digest| layers.get(digest).cloned()).collect();
        ConvertedImage::new(manifest.history, manifest.architecture.as_deref(), read)
    }

    /// The layers of all entries that are not throwaway, without duplicates.
    fn layers(&self, call: &Call, manifest: &Schema1Manifest) -> Result<HashMap<Digest, ReadLayer>> {
        let (mut jobs, mut bytes) = (Vec::<Descriptor>::new(), 0u64);
        for digest in manifest.blobs() {
            if jobs.iter().all(|known| known.digest != *digest) {
                let size = self.below.size(call, digest)?;
                bytes = bytes.saturating_add(size);
                jobs.push(Descriptor::new(types::DOCKER_LAYER, digest.clone(), size));
            }
        }
        let (spool, budget) = (self.space.spool()?, LayerBudget::default());
        let meter = Arc::new(Meter::new(WIDTH, jobs.len() as u64, bytes));
        call.begin("schema-1 layers", Some(bytes))?;
        let found = gather(call, WIDTH, &meter, jobs, |call, worker, wanted| {
            meter.begin(worker, &wanted);
            let layer = read(call, &spool, self.below.open(call, &wanted, None)?, &wanted.digest, &budget)?;
            meter.settle(worker, wanted.size, Moved::Copied { resumed: 0 });
            Ok((wanted.digest, layer))
        })?;
        Ok(found.into_iter().collect())
    }
}

impl ReadStore for ConvertingStore {
    fn place(&self) -> String {
        self.below.place()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        self.root_for(call, &[])
    }

    fn root_for(&self, call: &Call, platforms: &[Platform]) -> Result<RawManifest> {
        if let Some(made) = self.made() {
            return Ok(made.content().clone());
        }
        let root = self.below.root_for(call, platforms)?;
        if root.document.kind != Kind::Schema1 {
            return Ok(root);
        }
        let made = Arc::new(self.convert(call, &root).map_err(|error| error.within(self.place()))?);
        *lock(&self.made) = Some(made.clone());
        Ok(made.content().clone())
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        match self.made().and_then(|made| made.manifest(wanted)) {
            Some(content) => Ok(content),
            None => self.below.manifest(call, wanted),
        }
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        if let Some(made) = self.made() {
            if let Some(blob) = made.open(call, wanted, hashed.clone()) {
                return Ok(blob);
            }
        }
        self.below.open(call, wanted, hashed)
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        match self.made().and_then(|made| made.size(digest)) {
            Some(size) => Ok(size),
            None => self.below.size(call, digest),
        }
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
