//! Archives to copy from.

use std::path::Path;

use serde::Deserialize as _;
use serde_json::{json, Value};

use super::{same_image, Form, Saved, IMAGE_NAME};
use crate::digest::{shorten, Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::settings::MANIFEST_CEILING;
use crate::layout::oci::{images, name_of, tagged};
use crate::layout::tarball::read::Tarball;
use crate::manifest::{Descriptor, Document};
use crate::media_type as types;
use crate::store::{Blob, Content, ReadStore, Verified};

/// An archive to copy from.
#[derive(Debug)]
pub struct ArchiveReader {
    tar: Tarball,
    shown: String,
    form: Form,
    name: Option<String>,
    /// Files of an old archive, which are not named by their digests.
    found: std::sync::Mutex<Vec<(Digest, String)>>,
}

impl ArchiveReader {
    /// Opens an archive.
    pub fn open(path: &Path, form: Form, name: Option<&str>) -> Result<ArchiveReader> {
        let suffix = name.map(|name| format!(":{name}")).unwrap_or_default();
        Ok(ArchiveReader {
            tar: Tarball::open(path)?,
            shown: format!("{}:{}{suffix}", form.transport(), path.display()),
            form,
            name: name.map(str::to_owned),
            found: std::sync::Mutex::default(),
        })
    }

    fn file_of(&self, digest: &Digest) -> String {
        let found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let old = found.iter().find(|(named, _)| named == digest).map(|(_, file)| file.clone());
        old.unwrap_or_else(|| format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()))
    }

    fn small(&self, name: &str) -> Result<Vec<u8>> {
        let missing = || Error::new(Code::NotFound, format!("{} has no {}", self.shown, shorten(name)));
        self.tar.small(name, MANIFEST_CEILING)?.ok_or_else(missing)
    }

    /// The entry of a layout's `index.json`.
    fn entry(&self) -> Result<Descriptor> {
        let index = Document::parse(&self.small("index.json")?, Some(types::OCI_INDEX), Algorithm::Sha256)
            .map_err(|error| error.within(format!("index.json of {}", self.shown)))?;
        let wanted = |entry: &&Descriptor| match &self.name {
            Some(name) => {
                let annotated = entry.annotations.as_ref().and_then(|all| all.get(IMAGE_NAME)).and_then(Value::as_str);
                name_of(entry) == Some(name) || annotated.is_some_and(|image| same_image(image, name))
            }
            None => true,
        };
        let found = index.manifests().iter().filter(wanted).cloned().collect();
        self.only(if self.name.is_none() { images(found) } else { found })
    }

    fn only<T>(&self, mut found: Vec<T>) -> Result<T> {
        match (found.len(), found.pop()) {
            (1, Some(only)) => Ok(only),
            (0, _) => Err(Error::new(Code::NotFound, format!("{} is not there", self.shown))),
            (several, _) => {
                let message = format!("{} holds {several} images; one must be named", self.shown);
                Err(Error::new(Code::InvalidReference, message))
            }
        }
    }

    /// The manifest of an image that an older `docker save` wrote: there is none, so it is made from the files.
    fn saved(&self, call: &Call) -> Result<Content> {
        let bad = |why: String| Error::new(Code::InvalidManifest, format!("manifest.json of {}: {why}", self.shown));
        let list = crate::json::parse(&self.small("manifest.json")?).map_err(|error| bad(error.to_string()))?;
        let list = Vec::<Saved>::deserialize(&list).map_err(|error| bad(error.to_string()))?;
        let wanted = |saved: &Saved| match &self.name {
            Some(name) => saved.repo_tags.iter().flatten().any(|tag| same_image(tag, name)),
            None => true,
        };
        let saved = self.only(list.into_iter().filter(wanted).collect())?;
        let config = self.small(&saved.config)?;
        let mut layers = Vec::new();
        for file in &saved.layers {
            layers.push(self.layer(call, file)?);
        }
        let config_digest = Algorithm::Sha256.digest(&config);
        check_diff_ids(&config, &layers).map_err(bad)?;
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        found.push((config_digest.clone(), saved.config.clone()));
        found.extend(layers.iter().zip(&saved.layers).map(|(layer, file)| (layer.digest.clone(), file.clone())));
        drop(found);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": types::DOCKER_MANIFEST,
            "config": {"mediaType": types::DOCKER_CONFIG, "size": config.len(), "digest": config_digest},
            "layers": layers,
        });
        Content::parse(manifest.to_string().into_bytes(), None, None)
    }

    fn layer(&self, call: &Call, file: &str) -> Result<Descriptor> {
        use std::io::Read as _;
        let missing = || Error::new(Code::MissingBlob, format!("{} has no layer {}", self.shown, shorten(file)));
        let mut reader = self.tar.read(file, 0)?.ok_or_else(missing)?;
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let mut buffer = vec![0; 256 << 10];
        let (mut size, mut media_type) = (0u64, "application/vnd.docker.image.rootfs.diff.tar");
        loop {
            call.check()?;
            let count =
                reader.read(&mut buffer).map_err(|error| Error::io(format!("cannot read {}", self.shown), &error))?;
            if count == 0 {
                break;
            }
            if size == 0 && buffer.starts_with(&[0x1f, 0x8b]) {
                media_type = types::DOCKER_LAYER;
            }
            hasher.update(&buffer[..count]);
            size += count as u64;
        }
        let digest = hasher.finish();
        let layer = json!({"mediaType": media_type, "digest": digest, "size": size});
        Descriptor::deserialize(&layer).map_err(|error| Error::new(Code::Internal, error.to_string()))
    }
}

/// A layer that is no longer what the config says must not become part of an image again.
fn check_diff_ids(config: &[u8], layers: &[Descriptor]) -> std::result::Result<(), String> {
    let config = crate::json::parse(config).map_err(|error| format!("the config is no good JSON: {error}"))?;
    let ids = config.pointer("/rootfs/diff_ids").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if ids.len() != layers.len() {
        return Err(format!("there are {} layers, the config names {}", layers.len(), ids.len()));
    }
    let plain = |layer: &&Descriptor| layer.media_type != types::DOCKER_LAYER;
    let wrong = layers.iter().zip(ids).find(|(layer, id)| plain(layer) && id.as_str() != Some(layer.digest.as_str()));
    match wrong {
        Some((layer, id)) => Err(format!("a layer has the digest {}, the config says {id}", layer.digest)),
        None => Ok(()),
    }
}

impl ReadStore for ArchiveReader {
    fn place(&self) -> String {
        self.shown.clone()
    }

    fn root(&self, call: &Call) -> Result<Content> {
        // What newer versions of Docker write is a layout too, with the true manifest.
        match self.form {
            Form::Docker if !self.tar.has("index.json") => self.saved(call),
            _ => self.manifest(call, &self.entry()?),
        }
    }

    fn manifest(&self, _: &Call, wanted: &Descriptor) -> Result<Content> {
        let bytes = self.small(&self.file_of(&wanted.digest))?;
        let media_type = Some(wanted.media_type.as_str()).filter(|name| !name.is_empty());
        Content::parse(bytes, media_type, Some(&wanted.digest)).map_err(|error| error.within(&self.shown))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        let reader = self
            .tar
            .read(&self.file_of(&wanted.digest), begin)?
            .ok_or_else(|| Error::new(Code::MissingBlob, format!("{} has no blob {}", self.shown, wanted.digest)))?;
        Ok(Box::new(Verified::new(reader, call, self.shown.clone(), wanted, hashed)))
    }

    fn size(&self, _: &Call, digest: &Digest) -> Result<u64> {
        let missing = || Error::new(Code::MissingBlob, format!("{} has no blob {digest}", self.shown));
        self.tar.size(&self.file_of(digest)).ok_or_else(missing)
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        if !self.tar.has("index.json") {
            return Ok(Vec::new());
        }
        let index = Document::parse(&self.small("index.json")?, Some(types::OCI_INDEX), Algorithm::Sha256)?;
        let mut found = Vec::new();
        for entry in index.manifests() {
            if self.manifest(call, entry)?.document.subject().is_some_and(|named| named.digest == *subject) {
                found.push(entry.clone());
            }
        }
        Ok(found)
    }

    fn digest_tags(&self, _: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        if !self.tar.has("index.json") {
            return Ok(Vec::new());
        }
        let index = Document::parse(&self.small("index.json")?, Some(types::OCI_INDEX), Algorithm::Sha256)?;
        Ok(tagged(index.manifests(), subject))
    }
}
