//! Archives: a layout in a tar, and what `docker save` writes.
//!
//! What is written is both: a layout, and `manifest.json` for Docker when that is asked for. It is collected in a
//! hidden layout beside the target, so that a broken copy goes on where it was; the tar appears only whole.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

use super::lock::Lock;
use super::oci::{images, name_of, tagged, OciLayout};
use super::tarball::{self, Piece, Tarball};
use crate::digest::{shorten, Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::http::settings::MANIFEST_CEILING;
use crate::manifest::{Descriptor, Document, Kind};
use crate::media_type as types;
use crate::store::{Blob, Content, Moved, ReadStore, Role, Verified, WriteStore};

/// Which archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A tar of an OCI layout.
    Oci,
    /// What `docker load` reads.
    Docker,
}

impl Form {
    fn transport(self) -> &'static str {
        match self {
            Form::Oci => "oci-archive",
            Form::Docker => "docker-archive",
        }
    }
}

/// The annotation by which containerd and Docker name an image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// An entry of Docker's `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

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

/// `alpine` and `docker.io/library/alpine:latest` are one.
fn same_image(one: &str, other: &str) -> bool {
    let full = |text: &str| crate::reference::Reference::parse(text, None).map(|reference| reference.canonical_ref());
    one == other || matches!((full(one), full(other)), (Ok(one), Ok(other)) if one == other)
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

/// An archive to copy to.
#[derive(Debug)]
pub struct ArchiveWriter {
    target: PathBuf,
    staging: PathBuf,
    form: Form,
    name: Option<String>,
    layout: OciLayout,
    alone: std::sync::Mutex<Option<Lock>>,
}

impl ArchiveWriter {
    /// Begins, or goes on with what an earlier try collected.
    pub fn create(path: &Path, form: Form, name: Option<&str>) -> Result<ArchiveWriter> {
        let file = path
            .file_name()
            .ok_or_else(|| Error::new(Code::InvalidArgument, format!("'{}' is no file name", path.display())))?;
        if path.is_dir() {
            return Err(Error::new(Code::Io, format!("{} is a directory", path.display())));
        }
        if let (Form::Docker, Some(name)) = (form, name) {
            crate::reference::Reference::parse(name, None)?;
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(file);
        hidden.push(".partial.d");
        let staging = path.with_file_name(hidden);
        let layout = OciLayout::create(&staging, name)?;
        Ok(ArchiveWriter {
            target: path.to_owned(),
            staging,
            form,
            name: name.map(str::to_owned),
            layout,
            alone: std::sync::Mutex::default(),
        })
    }

    /// Waits for another copy to the same archive, which takes the folder away when it is done.
    fn wait(&self, call: &Call) -> Result<Lock> {
        let blobs = self.staging.join("blobs");
        loop {
            let lock = Lock::exclusive(call, &blobs)?;
            if lock.is_of(&blobs) {
                return Ok(lock);
            }
            OciLayout::create(&self.staging, self.name.as_deref())?;
        }
    }

    /// The files of the archive, the small ones that a reader wants first at the front.
    fn files(&self) -> Result<Vec<(String, Piece)>> {
        let mut files = vec![
            ("oci-layout".to_owned(), Piece::File(self.staging.join("oci-layout"))),
            ("index.json".to_owned(), Piece::File(self.staging.join("index.json"))),
        ];
        if self.form == Form::Docker {
            files.push(("manifest.json".to_owned(), Piece::Bytes(self.docker_manifest()?)));
        }
        let needed = super::check::reachable(&self.layout)?;
        for digest in needed {
            let name = format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
            files.push((name, Piece::File(self.layout.blob_path(&digest))));
        }
        Ok(files)
    }

    fn docker_manifest(&self) -> Result<Vec<u8>> {
        let place = |digest: &Digest| format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
        let mut list = Vec::new();
        // What is about the image is for those who read the layout: Docker would take it for another image.
        for entry in images(self.layout.entries()?) {
            let content = super::check::content(&self.layout, &entry)?;
            let Some(config) = content.document.config() else { continue };
            list.push(Saved {
                config: place(&config.digest),
                repo_tags: Some(self.name.iter().cloned().collect()),
                layers: content.document.layers().iter().map(|layer| place(&layer.digest)).collect(),
            });
        }
        serde_json::to_vec(&list).map_err(|error| Error::new(Code::Internal, error.to_string()))
    }
}

impl WriteStore for ArchiveWriter {
    fn place(&self) -> String {
        let suffix = self.name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        format!("{}:{}{suffix}", self.form.transport(), self.target.display())
    }

    fn begin(&self, call: &Call, root: &Content) -> Result<bool> {
        if self.form == Form::Docker && root.document.kind != Kind::Image {
            let message = format!("a docker-archive holds images, this is of the type {}", root.document.media_type);
            return Err(Error::new(Code::InvalidManifest, message));
        }
        let mut alone = self.alone.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if alone.is_none() {
            *alone = Some(self.wait(call)?);
            // An archive is written anew: of an earlier try the blobs are of use, not what they were for.
            self.layout.change_index(call, Vec::clear)?;
        }
        Ok(false)
    }

    fn has_manifest(&self, _: &Call, _: &Digest) -> Result<bool> {
        Ok(false)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        self.layout.has_blob(call, wanted)
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        self.layout.put_blob(call, wanted, from)
    }

    fn put_manifest(&self, call: &Call, content: &Content, role: &Role) -> Result<()> {
        self.layout.put_manifest(call, content, role)
    }

    fn finish(&self, call: &Call) -> Result<()> {
        self.layout.finish(call)?;
        tarball::write(call, &self.target, &self.files()?)?;
        let gone = fs::remove_dir_all(&self.staging);
        gone.map_err(|error| Error::io(format!("cannot remove {}", self.staging.display()), &error))
    }

    fn one_platform(&self) -> bool {
        self.form == Form::Docker
    }
}
