//! What an archive holds, to copy from.

use std::sync::Arc;

use super::archive_reader::{Archive, ArchiveReader, ListedAs};
use super::existing_archive::tells_of_blob;
use super::saved_images::{self, SavedImage, LIST};
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::layout::index_entry::{named, tagged};
use crate::layout::names;
use crate::layout::referrers::referring;
use crate::manifest::Descriptor;
use crate::manifest::MOST_BYTES;
use crate::mutex::lock;
use crate::platform::Platform;
use crate::store::platform_descent;
use crate::store::{names_of, NamedImage, RawManifest, ReadStore};
use crate::stream::blob::{Blob, VerifiedBlob};

#[derive(Debug)]
pub(super) struct ListedImage {
    pub(super) content: RawManifest,
    pub(super) names: Vec<String>,
}

impl ArchiveReader {
    /// The images of `manifest.json`, if it is that which says what is in the archive.
    pub(crate) fn saved(&self, call: &Call) -> Result<Option<Vec<Arc<SavedImage>>>> {
        let archive = self.archive(call)?;
        match (self.form, &archive.saved, &archive.index) {
            (ArchiveFormat::Docker, Some(saved), _) => Ok(Some(saved.clone())),
            // The error says what it lacks.
            (ArchiveFormat::Docker, None, None) => self.root(call).map(|_| None),
            _ => Ok(None),
        }
    }

    /// Every image of a docker-archive.
    fn saved_images(&self, call: &Call) -> Result<Vec<ListedImage>> {
        let archive = self.archive(call)?;
        let image = |saved: &Arc<SavedImage>| {
            Ok(ListedImage { content: self.image(call, &archive, saved)?, names: saved.repo_tags.clone() })
        };
        archive.saved.iter().flatten().map(image).collect()
    }

    /// The manifest of an image of `manifest.json`, which is looked for once, however many names it has.
    fn image(&self, call: &Call, archive: &Archive, saved: &Arc<SavedImage>) -> Result<RawManifest> {
        call.check()?;
        // As long as the archive is open no other image is there.
        let number = Arc::as_ptr(saved).addr();
        let known =
            lock(&self.images.manifests).get(&number).map(|known| known.as_ref().map_err(Error::duplicate).cloned());
        if let Some(known) = known {
            let known = known?;
            return self.made(&known).map_or_else(|| self.content(archive, &known), Ok);
        }
        let found = self.find_image(call, archive, saved);
        let known = match &found {
            Ok(content) => Ok(content.descriptor()),
            Err(error) if tells_of_blob(error) => Err(error.duplicate()),
            Err(_) => return found,
        };
        lock(&self.images.manifests).insert(number, known);
        found
    }

    /// A manifest that was generated.
    fn made(&self, wanted: &Descriptor) -> Option<RawManifest> {
        lock(&self.images.made).get(&wanted.digest).cloned()
    }

    /// The archive's own manifest if it describes the same files, otherwise one that is generated from them. An image whose layers do not
    /// match its config is refused.
    fn find_image(&self, call: &Call, archive: &Archive, saved: &SavedImage) -> Result<RawManifest> {
        let shown = self.shown();
        let reader = self.images_of(call, &archive.tar, &shown, LIST);
        let config = reader.small(&saved.config)?;
        let ids = reader.diff_ids(saved, &config)?;
        let digest = Algorithm::Sha256.digest(&config);
        let known = self.with_config(call, archive, &config)?;
        self.warn_of_others(call, archive, saved, &config)?;
        for content in &known {
            if reader.agrees(saved, content.document.layers())? {
                reader.check(saved, &ids, content.document.layers())?;
                return Ok(content.clone());
            }
        }
        let layers = reader.layers(saved, &ids)?;
        if !known.is_empty() {
            let text = format!(
                "index.json names other layers for the image {digest} than manifest.json, whose layers are used"
            );
            call.warn_of(&self.shown(), &text)?;
        }
        let content = reader.made(&config, &layers)?;
        lock(&self.images.made).insert(content.digest().clone(), content.clone());
        let mut files = lock(&self.images.files);
        files.insert(digest, saved.config.clone());
        files.extend(layers.into_iter().zip(&saved.layers).map(|(layer, file)| (layer.digest, file.clone())));
        Ok(content)
    }

    /// The manifest of a name that is the digest of no entry, but of what an index in the archive names.
    fn by_digest(&self, archive: &Archive) -> Result<Option<Descriptor>> {
        let Some(digest) = names::digest_in(self.name.as_deref()) else { return Ok(None) };
        let Some(bytes) = archive.tar.small(&self.file_of(&digest), MOST_BYTES)? else { return Ok(None) };
        let content = RawManifest::parse(bytes, None, Some(&digest)).map_err(|error| error.within(self.shown()))?;
        Ok(Some(content.descriptor()))
    }
}

impl ReadStore for ArchiveReader {
    fn place(&self) -> String {
        self.shown()
    }

    fn root(&self, call: &Call) -> Result<RawManifest> {
        let archive = self.archive(call)?;
        let missing = |what: &str| Error::new(Code::NotFound, format!("{} has no {what}", self.file()));
        match (self.form, &archive.saved, &archive.index) {
            // Archives of newer Docker versions are layouts too, but some versions write wrong ones.
            (ArchiveFormat::Docker, Some(saved), _) => match &self.listed {
                Some(ListedAs::Saved(image)) => self.image(call, &archive, image),
                _ => self.image(call, &archive, saved_images::choose(saved, self.name.as_deref(), &self.file())?),
            },
            (ArchiveFormat::Docker, None, None) if archive.tar.has("repositories") => {
                let message = format!("{} was saved by a Docker before 1.10, without manifest.json", self.file());
                Err(Error::new(Code::Unsupported, message).with_hint("load it with docker, and save it again"))
            }
            (ArchiveFormat::Docker, None, None) => Err(missing("manifest.json")),
            (_, _, Some(index)) => {
                let entry = match &self.listed {
                    Some(ListedAs::Entry(entry)) => Ok(entry.clone()),
                    _ => names::choose(index, self.name.as_deref(), &self.file()),
                };
                let entry = match entry {
                    Err(error) if error.code() == Code::NotFound => {
                        return self.manifest(call, &self.by_digest(&archive)?.ok_or(error)?);
                    }
                    entry => entry?,
                };
                self.check_names(call, &archive, &entry)?;
                self.manifest(call, &entry)
            }
            (ArchiveFormat::Oci, _, None) => Err(missing("index.json")),
        }
    }

    fn root_for(&self, call: &Call, platforms: &[Platform]) -> Result<RawManifest> {
        let archive = self.archive(call)?;
        let name = self.name.as_deref();
        let alike = match (self.form, &archive.saved, &archive.index) {
            _ if self.listed.is_some() => Vec::new(),
            (ArchiveFormat::Docker, Some(saved), _) => saved_images::alike(saved, name)
                .into_iter()
                .map(|saved| self.image(call, &archive, saved).map(|content| content.descriptor()))
                .collect::<Result<Vec<_>>>()?,
            (_, _, Some(index)) => names::alike(index, name),
            _ => Vec::new(),
        };
        if alike.is_empty() || platforms.is_empty() {
            return self.root(call);
        }
        if self.form == ArchiveFormat::Oci {
            alike.iter().try_for_each(|entry| self.check_names(call, &archive, entry))?;
        }
        platform_descent::among(call, self, &alike, platforms)?.map_or_else(|| self.root(call), Ok)
    }

    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        call.check()?;
        if let Some(made) = self.made(wanted) {
            return Ok(made);
        }
        let archive = self.archive(call)?;
        let content = self.content(&archive, wanted)?;
        self.check_agreement(call, &archive, &content)?;
        if self.form == ArchiveFormat::Docker && archive.saved.is_none() {
            self.check_layers(call, &archive, &content.document)?;
        }
        Ok(content)
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let begin = hashed.as_ref().map_or(0, |(_, length)| *length);
        let archive = self.archive(call)?;
        let place = archive.tar.find(&self.file_of(&wanted.digest)).ok_or_else(|| self.missing(&wanted.digest))?;
        let reader = archive.tar.read(place, begin);
        Ok(Box::new(VerifiedBlob::new(reader, call, self.shown(), wanted, hashed)))
    }

    fn size(&self, call: &Call, digest: &Digest) -> Result<u64> {
        let place = self.archive(call)?.tar.find(&self.file_of(digest));
        place.map(|place| place.size).ok_or_else(|| self.missing(digest))
    }

    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        let archive = self.archive(call)?;
        referring(archive.index.as_deref().unwrap_or_default(), subject, &|entry| {
            call.check()?;
            self.content(&archive, entry)
        })
    }

    fn images(&self, call: &Call) -> Result<Vec<NamedImage>> {
        let archive = self.archive(call)?;
        match (self.form, &archive.saved, &archive.index) {
            (ArchiveFormat::Docker, Some(_), _) => {
                let saved = self.saved_images(call)?.into_iter();
                Ok(saved
                    .map(|image| NamedImage { names: image.names, descriptor: image.content.descriptor() })
                    .collect())
            }
            (_, _, Some(index)) => Ok(index.iter().cloned().map(named).collect()),
            // The error says what it lacks.
            _ => self.root(call).map(|_| Vec::new()),
        }
    }

    /// Docker's list has the names; what they lead to is known when the files were read, of which some may be damaged.
    fn listed_names(&self, call: &Call, digests: bool) -> Result<Vec<(String, Option<Digest>)>> {
        let archive = self.archive(call)?;
        let mut names = Vec::new();
        let Some(saved) = archive.saved.as_ref().filter(|_| self.form == ArchiveFormat::Docker) else {
            return self.images(call).map(names_of);
        };
        for saved in saved {
            let digest = match digests.then(|| self.image(call, &archive, saved)).transpose() {
                Err(error) if error.ends_call() => return Err(error),
                Err(error) => {
                    call.warn_of(&self.file(), &format!("the digest of an image cannot be told: {}", error.message()))?;
                    None
                }
                Ok(content) => content.map(|content| content.digest().clone()),
            };
            names.extend(saved.repo_tags.iter().map(|name| (name.clone(), digest.clone())));
        }
        Ok(names)
    }

    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        let archive = self.archive(call)?;
        Ok(archive.index.as_ref().map(|entries| tagged(entries, subject)).unwrap_or_default())
    }
}
