//! Manifests, indexes, configs and pages of lists.

use bytes::Bytes;
use ocireg::call::Call;
use ocireg::digest::{Algorithm, Digest, Hasher};
use ocireg::error::{Code, Error};
use ocireg::image::config::ImageConfig;
use ocireg::image::{size, Image};
use ocireg::manifest::{Descriptor, Document, Kind};
use ocireg::media_type as types;
use ocireg::store::{RawManifest, ReadStore};
use ocireg::stream::blob::{Blob, VerifiedBlob};
use serde_json::{json, Value};

use crate::sandbox::{call, first_line, fit, text};

const TYPES: [&str; 7] = [
    types::OCI_MANIFEST,
    types::OCI_INDEX,
    types::DOCKER_MANIFEST,
    types::DOCKER_LIST,
    types::OCI_ARTIFACT,
    types::SCHEMA1,
    types::SCHEMA1_SIGNED,
];

/// What a reader goes by.
fn reading(document: &Document) -> (Kind, Vec<Digest>) {
    let all = document.config().into_iter().chain(document.layers()).chain(document.manifests());
    (document.kind, all.map(|descriptor| descriptor.digest.clone()).collect())
}

/// A document is read in one way only, whatever type it is served with (CVE-2021-41190), and its digest is that of its bytes.
fn one_reading(bytes: &[u8], served: Option<&str>) -> Option<Document> {
    let document = fit(Document::parse(bytes, served, Algorithm::Sha256))?;
    assert!(document.kind == Kind::Schema1 || document.digest == Algorithm::Sha256.digest(bytes));
    assert_eq!(document.size, bytes.len() as u64);
    for other in TYPES.map(Some).into_iter().chain([None]) {
        if let Some(same) = fit(Document::parse(bytes, other, Algorithm::Sha256)) {
            let (one, same) = (reading(&document), reading(&same));
            // What has no type and names nothing may be any kind: they all name nothing. And only its own type makes a document of
            // schema 1 a signed one.
            let names_nothing = one.1.is_empty() && same.1.is_empty();
            assert!(one == same || names_nothing || same.0 == Kind::Schema1, "{served:?} {one:?}, {other:?} {same:?}");
        }
    }
    assert!(document.to_json().is_object());
    Some(document)
}

/// The first line may be the type it is served with.
fn served(bytes: &[u8]) -> (Option<String>, &[u8]) {
    match bytes.first() {
        Some(b'{') | None => (None, bytes),
        _ => {
            let (line, rest) = first_line(bytes);
            (Some(text(line)).filter(|line| !line.is_empty()), rest)
        }
    }
}

pub fn manifest(bytes: &[u8]) {
    let (kind, bytes) = served(bytes);
    one_reading(bytes, kind.as_deref());
}

/// Which image of an index is for a platform, and no other.
pub fn index(bytes: &[u8]) {
    let (kind, bytes) = served(bytes);
    let Some(document) = one_reading(bytes, kind.as_deref()).filter(|document| document.kind == Kind::Index) else {
        return;
    };
    let Some(root) = fit(RawManifest::parse(bytes.to_vec(), Some(&document.media_type), None)) else { return };
    let store = Held { root, blobs: Vec::new() };
    for platform in [None, Some("linux/arm64/v8"), Some("windows/amd64:10.0.17763")] {
        // None of its manifests is there.
        if let Some(image) = fit(Image::find(&call(), &store, platform)) {
            panic!("{:?}", image.content.digest());
        }
    }
    fit(size::size(&call(), &store, &size::SizeOptions::default()));
}

/// A config as an image has it.
pub fn config(bytes: &[u8]) {
    let config =
        json!({"mediaType": types::OCI_CONFIG, "digest": Algorithm::Sha256.digest(bytes), "size": bytes.len()});
    let manifest = json!({"schemaVersion": 2, "mediaType": types::OCI_MANIFEST, "config": config, "layers": []});
    let root = RawManifest::parse(manifest.to_string().into_bytes(), None, None).unwrap();
    let (store, call) = (Held { root, blobs: vec![bytes.to_vec()] }, call());
    let image = Image::find(&call, &store, None);
    let Some(image) = fit(image.or_else(|_| Image::find(&call, &store, Some("linux/amd64")))) else { return };
    let Some(read) = fit(ImageConfig::read(&call, &store, &image)) else { return };
    assert_eq!(read.bytes, bytes);
    fit(read.diff_ids());
    assert!(read.to_json(&call, &image).is_object());
}

/// Only a JSON object is a page.
pub fn page(bytes: &[u8]) {
    if let Some(all) = fit(ocireg::inside::page_of(bytes, "tags")) {
        let page: Value = serde_json::from_slice(bytes).unwrap();
        let count = page["tags"].as_array().map_or(0, Vec::len);
        assert!(page.is_object() && all.len() >= count, "{}", text(bytes));
    }
}

/// A manifest with blobs.
struct Held {
    root: RawManifest,
    blobs: Vec<Vec<u8>>,
}

fn absent<T>() -> Result<T, Error> {
    Err(Error::new(Code::NotFound, "it is not there"))
}

impl ReadStore for Held {
    fn place(&self) -> String {
        "memory".to_owned()
    }
    fn root(&self, _: &Call) -> Result<RawManifest, Error> {
        Ok(self.root.clone())
    }
    fn manifest(&self, _: &Call, _: &Descriptor) -> Result<RawManifest, Error> {
        absent()
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        let blob = self.blobs.iter().find(|blob| wanted.digest.algorithm().digest(blob) == wanted.digest);
        let Some(blob) = blob else { return absent() };
        let bytes = std::io::Cursor::new(Bytes::from(blob.clone()));
        Ok(Box::new(VerifiedBlob::new(bytes, call, self.place(), wanted, hashed)))
    }
    fn size(&self, _: &Call, _: &Digest) -> Result<u64, Error> {
        absent()
    }
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(vec![])
    }
}
