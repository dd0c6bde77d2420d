//! An archive that is opened when something in it is asked for, and its tables.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::list_names::NamesOfLists;
use super::saved_images::{self, blob_file, ImageReader, MeasuredLayers, SavedImage, LIST};
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::layout::tarball::bytes::ArchiveBytes;
use crate::layout::tarball::read::{Span, Tarball};
use crate::manifest::{Descriptor, Document, MOST_BYTES};
use crate::media_type as types;
use crate::mutex::lock;
use crate::store::RawManifest;
use crate::stream::spool::TemporarySpace;

/// An archive to copy from.
#[derive(Debug)]
pub struct ArchiveReader {
    /// The path of the archive.
    pub(crate) path: PathBuf,
    /// The archive itself, where it is open already; taken when it is read.
    pub(super) given: Mutex<Option<File>>,
    pub(super) form: ArchiveFormat,
    pub(super) name: Option<String>,
    /// What has that name, where it is known: then it is not looked for among all.
    pub(super) listed: Option<ListedAs>,
    pub(super) space: TemporarySpace,
    /// Opening may take long, so that it waits for a call.
    pub(super) archive: Mutex<Option<Arc<Archive>>>,
    /// For all names of it.
    pub(super) images: Arc<ImagesFound>,
    measured: Arc<MeasuredLayers>,
}

/// How a place lists an image.
#[derive(Debug, Clone)]
pub(crate) enum ListedAs {
    Entry(Descriptor),
    /// Its digest is known when its files have been read.
    Saved(Arc<SavedImage>),
}

impl ListedAs {
    /// Whether it is one image, whatever its names are.
    pub(crate) fn is_same(&self, other: &ListedAs) -> bool {
        match (self, other) {
            (ListedAs::Entry(one), ListedAs::Entry(other)) => one.digest == other.digest,
            (ListedAs::Saved(one), ListedAs::Saved(other)) => {
                Arc::ptr_eq(one, other) || (&one.config, &one.layers) == (&other.config, &other.layers)
            }
            _ => false,
        }
    }
}

/// What was found out about the images of an archive, so that it is not for each of their names.
#[derive(Debug, Default)]
pub(super) struct ImagesFound {
    /// Files of an old archive, which are not named by their digests.
    pub(super) files: Mutex<HashMap<Digest, String>>,
    /// Manifests that were generated.
    pub(super) made: Mutex<HashMap<Digest, RawManifest>>,
    /// Those of the images, or why there is none, by their numbers.
    pub(super) manifests: Mutex<HashMap<usize, Result<Descriptor>>>,
}

#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) tar: Tarball,
    /// The entries of `index.json`, if it exists.
    pub(crate) index: Option<Vec<Descriptor>>,
    /// The images of `manifest.json`, if it exists.
    pub(crate) saved: Option<Vec<Arc<SavedImage>>>,
    /// The positions of their configs.
    pub(crate) configs: Vec<Option<Span>>,
    /// The manifests of its layout by their configs, once one is looked for.
    pub(super) by_config: OnceLock<HashMap<Digest, Vec<Descriptor>>>,
    /// Which of its lists has which name, once one is looked for.
    by_name: OnceLock<NamesOfLists>,
}

impl Archive {
    /// Which of its lists has which name.
    pub(super) fn names(&self) -> &NamesOfLists {
        let (entries, saved) = (self.index.as_deref().unwrap_or_default(), self.saved.as_deref().unwrap_or_default());
        self.by_name.get_or_init(|| NamesOfLists::of(entries, saved))
    }
}

impl ArchiveReader {
    /// An archive that is opened when something in it is asked for, or the one that is open already.
    pub fn new(
        path: &Path,
        given: Option<File>,
        form: ArchiveFormat,
        name: Option<&str>,
        space: TemporarySpace,
    ) -> ArchiveReader {
        let (path, name, given) = (path.to_owned(), name.map(str::to_owned), Mutex::new(given));
        let (archive, images, measured) = (Mutex::default(), Arc::default(), Arc::default());
        ArchiveReader { path, given, form, name, listed: None, space, archive, images, measured }
    }

    /// The same archive for the name of something that it lists. What is open stays open.
    pub(crate) fn renamed(&self, name: &str, listed: ListedAs) -> ArchiveReader {
        let archive = Mutex::new(lock(&self.archive).clone());
        let (path, space, form, given) = (self.path.clone(), self.space.clone(), self.form, Mutex::default());
        let (name, images, measured) = (Some(name.to_owned()), self.images.clone(), self.measured.clone());
        ArchiveReader { path, given, form, name, listed: Some(listed), space, archive, images, measured }
    }

    /// The name of the archive for messages, without that of the image.
    pub(super) fn file(&self) -> String {
        format!("{}:{}", self.form.transport(), self.path.display())
    }

    /// The same with the image's name.
    pub(super) fn shown(&self) -> String {
        let suffix = self.name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        format!("{}{suffix}", self.file())
    }

    pub(super) fn archive(&self, call: &Call) -> Result<Arc<Archive>> {
        let mut opened = lock(&self.archive);
        if let Some(archive) = opened.as_ref() {
            return Ok(archive.clone());
        }
        let archive = Arc::new(self.read_tables(call)?);
        *opened = Some(archive.clone());
        Ok(archive)
    }

    fn read_tables(&self, call: &Call) -> Result<Archive> {
        let given = lock(&self.given).take();
        let tar = match given {
            Some(file) => {
                let shown = "the source's descriptor".to_owned();
                Tarball::of(call, ArchiveBytes::of(call, file, shown.clone(), &self.space)?, shown)?
            }
            None => Tarball::open(call, &self.path, &self.space)?,
        };
        let file = self.file();
        let reader = self.images_of(call, &tar, &file, LIST);
        let index = |bytes: Vec<u8>| {
            let index = Document::parse(&bytes, Some(types::OCI_INDEX), Algorithm::Sha256);
            index.map(|index| index.manifests().to_vec()).map_err(|error| error.within(self.table("index.json")))
        };
        let images = |bytes: Vec<u8>| {
            let wrong = |why| Error::new(Code::InvalidManifest, format!("{}: {why}", self.table("manifest.json")));
            let images = saved_images::parse(&bytes).map_err(wrong)?;
            Ok(images.into_iter().map(Arc::new).collect::<Vec<_>>())
        };
        let table = |name: &str| if tar.has(name) { reader.small(name).map(Some) } else { Ok(None) };
        let index = table("index.json")?.map(index);
        let saved = table("manifest.json")?.map(images);
        // Each form has its own list; errors in the other one do not matter.
        let (index, saved) = match self.form {
            ArchiveFormat::Oci => (index.transpose()?, saved.and_then(Result::ok)),
            ArchiveFormat::Docker if saved.is_none() => (index.transpose()?, None),
            ArchiveFormat::Docker => (index.and_then(Result::ok), saved.transpose()?),
        };
        let configs = saved.iter().flatten().map(|saved| call.check().map(|()| tar.find(&saved.config)));
        let configs = configs.collect::<Result<_>>()?;
        Ok(Archive { tar, index, saved, configs, by_config: OnceLock::new(), by_name: OnceLock::new() })
    }

    /// Reads the files of images that a list is about.
    pub(super) fn images_of<'a>(
        &'a self,
        call: &'a Call,
        tar: &'a Tarball,
        place: &'a str,
        list: &'static str,
    ) -> ImageReader<'a> {
        ImageReader { call, tar, place, list, measured: &self.measured }
    }

    fn table(&self, name: &str) -> String {
        format!("{name} of {}", self.file())
    }

    /// The entries of `index.json`; none if it does not exist.
    pub fn entries(&self, call: &Call) -> Result<Vec<Descriptor>> {
        Ok(self.archive(call)?.index.clone().unwrap_or_default())
    }

    pub(super) fn file_of(&self, digest: &Digest) -> String {
        let old = lock(&self.images.files).get(digest).cloned();
        old.unwrap_or_else(|| blob_file(digest))
    }

    pub(super) fn missing(&self, digest: &Digest) -> Error {
        Error::new(Code::MissingBlob, format!("{} has no blob {digest}", self.shown()))
    }

    /// A manifest of the layout that the archive is too.
    pub(crate) fn content(&self, archive: &Archive, wanted: &Descriptor) -> Result<RawManifest> {
        let missing = || Error::new(Code::NotFound, format!("{} has no manifest {}", self.shown(), wanted.digest));
        let bytes = archive.tar.small(&self.file_of(&wanted.digest), MOST_BYTES)?.ok_or_else(missing)?;
        RawManifest::described(bytes, wanted).map_err(|error| error.within(self.shown()))
    }
}
