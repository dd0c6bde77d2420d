//! As in `cancel`: places with more content than anybody waits for.

use std::sync::atomic::{AtomicU64, Ordering};

use ocireg::call::Call;
use ocireg::convert::schema1::ConvertingStore;
use ocireg::digest::{Digest, Hasher};
use ocireg::error::{Code, Error};
use ocireg::image::size::{size, SizeOptions};
use ocireg::image::Image;
use ocireg::layout::check::{check, clean, CleanOptions};
use ocireg::layout::oci::OciLayout;
use ocireg::manifest::Descriptor;
use ocireg::place::Place;
use ocireg::store::{RawManifest, ReadStore};
use ocireg::stream::blob::{Blob, VerifiedBlob};
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;
use tar::EntryType;

use crate::bounds::folder as empty_folder;
use crate::cancel::{endless, left};
use crate::common::*;
use crate::images::*;

/// Nested indexes, all different, and beside them images for platforms that do not exist.
struct Tree {
    below: usize,
    beside: usize,
    next: AtomicU64,
}

impl Tree {
    fn index(&self, size: usize) -> String {
        let name = |_| format!("sha256:{:064x}", self.next.fetch_add(1, Ordering::Relaxed));
        let below =
            (0..self.below).map(name).map(|digest| json!({"mediaType": INDEX_TYPE, "digest": digest, "size": size}));
        let beside = (0..self.beside).map(|number| {
            json!({"mediaType": MANIFEST_TYPE, "digest": name(0), "size": 2,
                   "platform": {"os": "linux", "architecture": format!("none{:06}", number)}})
        });
        json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": below.chain(beside).collect::<Vec<_>>()})
            .to_string()
    }

    fn content(&self) -> RawManifest {
        // It contains its own size.
        let size = self.index(100).len();
        let size = self.index(size).len();
        RawManifest::parse(self.index(size).into_bytes(), None, None).unwrap()
    }
}

impl ReadStore for Tree {
    fn place(&self) -> String {
        "a tree".to_owned()
    }
    fn root(&self, _: &Call) -> Result<RawManifest, Error> {
        Ok(self.content())
    }
    fn manifest(&self, _: &Call, _: &Descriptor) -> Result<RawManifest, Error> {
        Ok(self.content())
    }
    fn open(&self, _: &Call, _: &Descriptor, _: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        unreachable!()
    }
    fn size(&self, _: &Call, _: &Digest) -> Result<u64, Error> {
        unreachable!()
    }
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(vec![])
    }
}

/// None of these places checks the call itself: the code that walks through them has to.
#[test]
fn indexes() {
    let (folder, wide) = (empty_folder(), Tree { below: 2, beside: 0, next: AtomicU64::new(0) });
    left("copy: indexes", |call| {
        let to = OciLayout::create(&folder.path().join("layout"), None)?;
        copy(call, &wide, &to, &CopyOptions { dry_run: true, ..CopyOptions::default() }).map(drop)
    });
    left("size: indexes", |call| size(call, &wide, &SizeOptions { all: true, ..SizeOptions::default() }).map(drop));
    let full = Tree { below: 2, beside: 200, next: AtomicU64::new(0) };
    // The number of indexes read is limited: fast machines start again.
    left("config: indexes", |call| loop {
        match Image::find(call, &full, None) {
            Err(error) if error.code() == Code::LimitExceeded => {}
            outcome => return outcome.map(drop),
        }
    });
}

/// A layout of many small images, and of many blobs that no image needs.
#[test]
fn layouts() {
    let folder = empty_folder();
    let blobs = folder.path().join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let put = |kind: &str, bytes: &[u8]| {
        let name = digest(bytes);
        std::fs::write(blobs.join(name.hex()), bytes).unwrap();
        json!({"mediaType": kind, "digest": name, "size": bytes.len()})
    };
    put(MANIFEST_TYPE, b"{}");
    let config = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(b"{}"), "size": 2});
    let image = |number: u32| json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [], "annotations": {"n": number.to_string()}});
    let images: Vec<_> = (0..20_000).map(|number| put(MANIFEST_TYPE, image(number).to_string().as_bytes())).collect();
    std::fs::write(folder.path().join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    let index = |entries: &[serde_json::Value]| {
        let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).to_string();
        std::fs::write(folder.path().join("index.json"), &index).unwrap();
        put(INDEX_TYPE, index.as_bytes())
    };
    // A single document is read at once.
    let indexes: Vec<_> = images.chunks(500).map(&index).collect();
    index(&indexes);
    let layout = || OciLayout::open(folder.path(), None);
    left("layout check", |call| check(call, &layout()?).map(drop));
    left("layout clean: what is needed", |call| clean(call, &layout()?, &CleanOptions::default()).map(drop));
    // One endless blob.
    let large = digest(b"another");
    let file = std::fs::File::create(blobs.join(large.hex())).unwrap();
    file.set_len(50 << 30).unwrap();
    let layer = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": large, "size": 50u64 << 30});
    let mut image = image(0);
    image["layers"] = json!([layer]);
    index(&[put(MANIFEST_TYPE, image.to_string().as_bytes())]);
    left("layout check: a large blob", |call| check(call, &layout()?).map(drop));
}

/// A tar archive with as many files as allowed, without its table.
#[test]
fn archives() {
    let folder = empty_folder();
    let path = folder.path().join("many.tar");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    for number in 0..190_000 {
        let name = format!("{number:06}");
        std::io::Write::write_all(&mut file, &raw(name.as_bytes(), EntryType::Regular, b"", 0, b"")).unwrap();
    }
    drop(file);
    for transport in ["docker-archive", "oci-archive"] {
        left(transport, |call| {
            let client = client();
            // Fast machines read it repeatedly.
            (0..100).try_for_each(|_| {
                let store = Place::parse(&format!("{transport}:{}", path.display()))?.source(&client)?;
                match store.root(call) {
                    Err(error) if error.code() == Code::NotFound => Ok(()),
                    outcome => outcome.map(drop),
                }
            })
        });
    }
}

/// An image of schema 1, and its one layer.
struct Old {
    root: RawManifest,
    layer: Vec<u8>,
}

impl ReadStore for Old {
    fn place(&self) -> String {
        "an old image".to_owned()
    }
    fn root(&self, _: &Call) -> Result<RawManifest, Error> {
        Ok(self.root.clone())
    }
    fn manifest(&self, _: &Call, _: &Descriptor) -> Result<RawManifest, Error> {
        unreachable!()
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        let bytes = std::io::Cursor::new(bytes::Bytes::from(self.layer.clone()));
        Ok(Box::new(VerifiedBlob::new(bytes, call, self.place(), wanted, hashed)))
    }
    fn size(&self, _: &Call, _: &Digest) -> Result<u64, Error> {
        Ok(self.layer.len() as u64)
    }
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(vec![])
    }
}

#[test]
fn conversions() {
    for (name, layer) in endless().into_iter().filter(|(name, _)| name.contains("frames") || name.contains("zeros")) {
        let root = json!({"schemaVersion": 1, "name": "a/b", "tag": "t", "architecture": "amd64",
            "fsLayers": [{"blobSum": digest(&layer)}],
            "history": [{"v1Compatibility": json!({"id": "0".repeat(64), "os": "linux"}).to_string()}]});
        let types = "application/vnd.docker.distribution.manifest.v1+json";
        let root = RawManifest::parse(root.to_string().into_bytes(), Some(types), None).unwrap();
        let client = client();
        let converting = ConvertingStore::new(&client, Box::new(Old { root, layer }));
        left(&format!("schema 1: {name}"), |call| converting.root(call).map(drop));
    }
}
