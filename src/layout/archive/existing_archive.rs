//! The contents of an archive, which are kept when another image is written to it.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use serde_json::Value;

use super::saved_images::blob_file;
use super::written_manifest_json;
use super::ArchiveFormat;
use crate::call::Call;
use crate::digest::{Algorithm, Digest};
use crate::error::{Code, Error, Result};
use crate::layout::index;
use crate::layout::reachable_blobs::{needed, ImageBlobs, Shelf};
use crate::layout::tarball::bytes::ArchiveBytes;
use crate::layout::tarball::read::Tarball;
use crate::manifest::MOST_BYTES;
use crate::manifest::{Descriptor, Document};
use crate::media_type as types;
use crate::mutex::lock;
use crate::os::special_file::open_regular;
use crate::os::{offset, owner};
use crate::stream::blob::{is_right, Blob, VerifiedBlob};
use crate::stream::source::{read_piece, PIECE};
use crate::stream::unpack::Packing;

/// An archive that another image can be added to.
#[derive(Debug)]
pub(super) struct ExistingArchive {
    path: PathBuf,
    tar: Tarball,
    index: Document,
    /// The images of its `manifest.json` whose manifests cannot be read.
    unknown: Vec<ImageBlobs>,
    /// The entries of its `manifest.json`, if it has one.
    pub(super) saved: Option<Vec<Value>>,
    /// Blobs that are as if they were not there.
    left_out: BTreeSet<Digest>,
    /// Damaged ones that stay as they are.
    carried: BTreeSet<Digest>,
    /// Blobs that were read, and are right: many images may need the same one.
    right: Mutex<BTreeSet<Digest>>,
}

impl ExistingArchive {
    /// Reads an archive; None if there is none. One that nothing can be added to is refused.
    pub(super) fn open(call: &Call, path: &Path, form: ArchiveFormat) -> Result<Option<ExistingArchive>> {
        let cannot = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let file = match open_regular(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(cannot)?,
        };
        let mut head = [0; Packing::HEAD];
        let count = offset::read_at(&file, &mut head, 0).map_err(cannot)?;
        if count == 0 {
            return Ok(None);
        }
        let facts = file.metadata().map_err(cannot)?;
        let stranger = owner::stranger(&facts);
        let read = match Packing::of(&head[..count]) {
            // Its contents would be published under this user's name.
            _ if stranger.is_some() => Err(Error::new(Code::Io, stranger.unwrap_or_default())),
            Packing::Plain => ExistingArchive::read(call, path, ArchiveBytes::File(file, facts.len()), form),
            packing => Err(Error::new(Code::Unsupported, format!("it is compressed with {}", packing.name()))),
        };
        read.map(Some).map_err(|error| match error.ends_call() {
            true => error,
            false => {
                let message = format!("{} cannot be changed: {}", path.display(), error.message());
                let hint = "write to another file, or remove this one first".to_owned();
                Error::new(error.code(), message).with_hint(hint)
            }
        })
    }

    fn read(call: &Call, path: &Path, bytes: ArchiveBytes, form: ArchiveFormat) -> Result<ExistingArchive> {
        let foreign = |why: &str| Error::new(Code::Unsupported, why);
        let tar = Tarball::of(call, bytes, path.display().to_string())?;
        if let Some(lacking) = ["index.json", "oci-layout"].into_iter().find(|file| !tar.has(file)) {
            return Err(foreign(&format!(
                "it has no {lacking}, unlike the archives of this library, of Docker from 25 on and of containerd"
            )));
        }
        if form == ArchiveFormat::Docker && !tar.has("manifest.json") {
            return Err(foreign(
                "it is an oci-archive, which docker load may not be able to read; use oci-archive: to add to it",
            ));
        }
        let index = tar.small("index.json", MOST_BYTES)?.unwrap_or_default();
        let index = Document::parse(&index, Some(types::OCI_INDEX), Algorithm::Sha256)
            .map_err(|error| error.within("index.json"))?;
        let list = tar.small("manifest.json", MOST_BYTES)?;
        let saved = list.map(|list| written_manifest_json::parse(&list)).transpose()?;
        let (left_out, carried, right) = (BTreeSet::new(), BTreeSet::new(), Mutex::default());
        let unknown = Vec::new();
        let mut kept = ExistingArchive { path: path.to_owned(), tar, index, unknown, saved, left_out, carried, right };
        kept.unknown = kept.check_agreement(call)?;
        Ok(kept)
    }

    /// Both lists must describe the same images: otherwise it is ambiguous which one is meant. Gives those of which the manifest that has
    /// their names cannot be read.
    fn check_agreement(&self, call: &Call) -> Result<Vec<ImageBlobs>> {
        let held = ExistingArchiveShelf { call, kept: self };
        let found = needed(&held, self.index.manifests())?;
        let known: BTreeSet<&ImageBlobs> = found.images.iter().collect();
        let damaged = if found.problems.is_empty() { None } else { Some(self.damaged_keys(&held)?) };
        let mut unknown = Vec::new();
        for entry in self.saved.iter().flatten() {
            let image = written_manifest_json::image(entry)?;
            if known.contains(&image) {
                continue;
            }
            // One without a name may be any: of a name that is a tag alone, and of an index, that list says nothing.
            let is_damaged =
                |name| index::keys_of(name).iter().any(|key| damaged.iter().any(|keys| keys.contains(key)));
            if damaged.is_none() || !written_manifest_json::names(entry).all(is_damaged) {
                let why = "its manifest.json and its index.json list different images";
                return Err(Error::new(Code::InvalidManifest, why));
            }
            unknown.push(image);
        }
        Ok(unknown)
    }

    /// The names that lead to what cannot be read.
    fn damaged_keys(&self, held: &ExistingArchiveShelf) -> Result<BTreeSet<String>> {
        let (mut keys, mut looked) = (BTreeSet::new(), HashMap::new());
        for entry in self.index.manifests() {
            // One may have very many names.
            let of_entry = (&entry.digest, entry.media_type.as_str());
            let is_damaged = match looked.get(&of_entry) {
                Some(known) => *known,
                None => !needed(held, std::slice::from_ref(entry))?.problems.is_empty(),
            };
            looked.insert(of_entry, is_damaged);
            keys.extend(index::key_of(entry).filter(|_| is_damaged));
        }
        Ok(keys)
    }

    /// The images of its `manifest.json` whose manifests cannot be read.
    pub(super) fn unknown_images(&self) -> Vec<ImageBlobs> {
        self.unknown.clone()
    }

    /// Whether everything that an entry needs is there, and right if all is read: an index may be there without all of its images.
    pub(super) fn is_complete(&self, call: &Call, entry: &Descriptor, is_read: bool) -> Result<bool> {
        let held = ExistingArchiveShelf { call, kept: self };
        let needed = needed(&held, std::slice::from_ref(entry))?;
        if !needed.is_complete(&held) {
            return Ok(false);
        }
        for blob in needed.all().filter(|blob| is_read && self.size(&blob.digest).is_some()) {
            if !self.is_right(call, &blob.digest)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The entries of its `index.json`.
    pub(super) fn entries(&self) -> Vec<Descriptor> {
        self.index.manifests().to_vec()
    }

    /// Its `index.json`.
    pub(super) fn index(&self) -> &Document {
        &self.index
    }

    /// How many files and links it has.
    pub(super) fn file_count(&self) -> usize {
        self.tar.names().count()
    }

    /// The bytes of its `index.json`.
    pub(super) fn index_size(&self) -> u64 {
        self.tar.find("index.json").map_or(0, |place| place.size)
    }

    /// Reads a small blob.
    pub(super) fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        let bytes = self.tar.small(&blob_file(digest), MOST_BYTES)?;
        bytes.ok_or_else(|| Error::new(Code::MissingBlob, format!("the blob {digest} is not there")))
    }

    /// The first bytes of a blob that is there, as they are.
    pub(super) fn head(&self, digest: &Digest) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let place = self.tar.find(&blob_file(digest));
        let read = place.map(|place| self.tar.read(place, 0).take(Packing::HEAD as u64).read_to_end(&mut head));
        read.transpose().map_err(|error| Error::io(format!("cannot read {}", self.path.display()), &error))?;
        Ok(head)
    }

    /// Every blob, needed or not.
    pub(super) fn blobs(&self) -> Vec<Descriptor> {
        let digest = |name: &[u8]| {
            let name = std::str::from_utf8(name).ok()?.strip_prefix("blobs/")?;
            name.replacen('/', ":", 1).parse::<Digest>().ok()
        };
        let found = self.tar.names().filter_map(digest);
        let mut found: Vec<_> =
            found.filter_map(|digest| Some(Descriptor::new("", digest.clone(), self.size(&digest)?))).collect();
        found.sort_by(|one, other| one.digest.cmp(&other.digest));
        found
    }

    /// The size of a blob, if it is there.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        self.tar.find(&blob_file(digest)).filter(|_| !self.left_out.contains(digest)).map(|place| place.size)
    }

    /// From now on these are as if they were not there.
    pub(super) fn leave_out(&mut self, blobs: &BTreeSet<Digest>) {
        self.left_out.extend(blobs.iter().cloned());
    }

    /// From now on these are given as they are, though their bytes are wrong.
    pub(super) fn carry(&mut self, blobs: &BTreeSet<Digest>) {
        self.carried.extend(blobs.iter().cloned());
    }

    /// Opens a blob to be written again: one that is damaged and stays is not verified.
    pub(super) fn open_to_write(&self, call: &Call, wanted: &Descriptor) -> Result<Box<dyn Blob>> {
        let place = self.tar.find(&blob_file(&wanted.digest)).filter(|_| self.carried.contains(&wanted.digest));
        match place {
            Some(place) => Ok(Box::new(UnverifiedBlob { call: call.clone(), reader: self.tar.read(place, 0) })),
            None => self.open_blob(call, wanted),
        }
    }

    /// Whether it has a blob, with the bytes that it should have.
    pub(super) fn has(&self, call: &Call, blob: &Descriptor) -> Result<bool> {
        Ok(self.size(&blob.digest) == Some(blob.size) && self.is_right(call, &blob.digest)?)
    }

    /// Whether a blob that is there has its digest, whatever size a manifest says: all of it is read, once.
    pub(super) fn is_right(&self, call: &Call, digest: &Digest) -> Result<bool> {
        if lock(&self.right).contains(digest) {
            return Ok(true);
        }
        let itself = Descriptor::new("", digest.clone(), self.size(digest).unwrap_or_default());
        let is_right = is_right(self.open_blob(call, &itself)?.as_mut())?;
        if is_right {
            lock(&self.right).insert(digest.clone());
        }
        Ok(is_right)
    }

    /// Opens a blob, which is verified as it is read.
    pub(super) fn open_blob(&self, call: &Call, wanted: &Descriptor) -> Result<Box<dyn Blob>> {
        let missing = || {
            let message =
                format!("{} no longer has the blob {}: it was changed meanwhile", self.path.display(), wanted.digest);
            Error::new(Code::MissingBlob, message)
        };
        let place = self.tar.find(&blob_file(&wanted.digest)).ok_or_else(missing)?;
        let reader = self.tar.read(place, 0);
        let mut blob = VerifiedBlob::new(reader, call, self.path.display().to_string(), wanted, None);
        blob.hash_aside();
        Ok(Box::new(blob))
    }
}

/// Whether an error says that a blob is wrong. One that cannot be read now may be as right as any: what is written without it would never
/// have it.
pub(super) fn tells_of_blob(error: &Error) -> bool {
    !error.ends_call() && error.code() != Code::Io
}

/// Bytes as they are.
struct UnverifiedBlob<R> {
    call: Call,
    reader: R,
}

impl<R: std::io::Read + Send> Blob for UnverifiedBlob<R> {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        self.call.check()?;
        let piece =
            read_piece(&mut self.reader, PIECE).map_err(|error| Error::io("cannot read the archive", &error))?;
        Ok((!piece.is_empty()).then_some(piece))
    }
}

/// The archive, for a walk.
struct ExistingArchiveShelf<'a> {
    call: &'a Call,
    kept: &'a ExistingArchive,
}

impl Shelf for ExistingArchiveShelf<'_> {
    fn size(&self, digest: &Digest) -> Option<u64> {
        self.kept.size(digest)
    }

    fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        self.kept.small(digest)
    }

    fn may_go_on(&self) -> Result<()> {
        self.call.check()
    }

    fn is_about_blob(&self, error: &Error) -> bool {
        tells_of_blob(error)
    }
}
