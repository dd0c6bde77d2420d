//! The empty image: what layers are put on when there is no image yet (OCI image-spec config.md, manifest.md).

use serde_json::json;

use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::media_type as types;
use crate::platform::Platform;
use crate::store::{RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};

/// A store with an image without layers.
#[derive(Debug)]
pub struct Scratch {
    root: RawManifest,
    config: Vec<u8>,
}

impl Scratch {
    /// An image for a platform; for this machine's, if none is named.
    pub fn new(platform: Option<&str>) -> Result<Scratch> {
        let platform = platform.map_or_else(|| Ok(Platform::host()), str::parse::<Platform>)?;
        let mut config = json!(platform);
        config["rootfs"] = json!({"type": "layers", "diff_ids": []});
        config["history"] = json!([]);
        let config = config.to_string().into_bytes();
        let named = Descriptor::new(types::OCI_CONFIG, Algorithm::Sha256.digest(&config), config.len() as u64);
        let manifest =
            json!({"schemaVersion": 2, "mediaType": types::OCI_MANIFEST, "config": named, "layers": []}).to_string();
        Ok(Scratch { root: RawManifest::parse(manifest.into_bytes(), None, None)?, config })
    }
}

fn missing(digest: &Digest) -> Error {
    Error::new(Code::MissingBlob, format!("the empty image has no {digest}"))
}

impl ReadStore for Scratch {
    fn place(&self) -> String {
        "scratch".to_owned()
    }

    fn root(&self, _: &Call) -> Result<RawManifest> {
        Ok(self.root.clone())
    }

    fn manifest(&self, _: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        Err(missing(&wanted.digest))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let mut reader = std::io::Cursor::new(self.config.clone());
        reader.set_position(hashed.as_ref().map_or(0, |(_, length)| *length));
        Ok(Box::new(VerifiedBlob::new(reader, call, "the empty config".to_owned(), wanted, hashed)))
    }

    fn size(&self, _: &Call, digest: &Digest) -> Result<u64> {
        Err(missing(digest))
    }

    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>> {
        Ok(Vec::new())
    }
}
