//! A plain directory, as skopeo's `dir:` writes and reads it: one file for each blob, named by its digest without the algorithm,
//! `manifest.json`, and `version`.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::oci::write_whole;
use super::received_blob::{present, receive};
use crate::call::Call;
use crate::digest::{Digest, Hasher};
use crate::download::fetch_to_file::fetch;
use crate::download::partial::OnContention;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::manifest::MOST_BYTES;
use crate::os::special_file::open_regular;
use crate::os::{flush, safe_path};
use crate::store::{digest_tags, Moved, NamedImage, PromisedBlob, RawManifest, ReadStore, Role, TakenBlob, WriteStore};
use crate::stream::blob::{is_right, Blob, VerifiedBlob};
use crate::stream::source::Source;

/// The content of the file `version` (containers/image, directory).
const VERSION: &str = "Directory Transport Version: 1.1\n";
/// How that of a directory begins that can be written to.
const KNOWN_VERSIONS: &str = "Directory Transport Version: 1.";

/// A folder with one image, as skopeo's `dir:` has it.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    /// A directory that must exist.
    pub fn open(path: &Path) -> Result<Directory> {
        match path.is_dir() {
            true => Ok(Directory(path.to_owned())),
            false => Err(Error::new(Code::Io, format!("{} is not a directory", path.display()))),
        }
    }

    /// A directory that is created if it does not exist.
    pub fn create(path: &Path) -> Result<Directory> {
        let directory = Directory::planned(path);
        directory.make()?;
        Ok(directory)
    }

    /// A directory that is created only when a copy to it begins.
    pub fn planned(path: &Path) -> Directory {
        Directory(path.to_owned())
    }

    /// Refuses a folder that is something else. Whether it is such a directory already.
    fn check_free(&self) -> Result<bool> {
        let is_known = |version: &[u8]| version.starts_with(KNOWN_VERSIONS.as_bytes());
        match self.version()? {
            Some(version) if is_known(&version) => return Ok(true),
            // Or another call has begun to write one between the looks.
            None if self.is_empty()? || self.version()?.is_some_and(|version| is_known(&version)) => return Ok(false),
            _ => {}
        }
        let (folder, why) = (self.0.display(), "it contains files, and no file 'version' that says");
        Err(Error::new(Code::Io, format!("{folder} is not a directory of an image: {why} '{KNOWN_VERSIONS}'")))
    }

    /// The first bytes of the file `version`.
    fn version(&self) -> Result<Option<Vec<u8>>> {
        let (path, mut bytes) = (self.0.join("version"), Vec::new());
        let read = open_regular(&path).and_then(|file| file.take(VERSION.len() as u64).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(format!("cannot read {}", path.display()), &error)),
        }
    }

    /// Whether nothing is there, hidden files aside.
    fn is_empty(&self) -> Result<bool> {
        match fs::read_dir(&self.0) {
            Ok(entries) => Ok(!entries.flatten().any(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(Error::io(format!("cannot read {}", self.0.display()), &error)),
        }
    }

    /// Brings the names of its files to the disk.
    fn flush(&self) -> Result<()> {
        flush::names(&self.0).map_err(|error| Error::io(format!("cannot write {}", self.0.display()), &error))
    }

    fn make(&self) -> Result<()> {
        safe_path::create_folder(&self.0)
            .map_err(|error| Error::io(format!("cannot create {}", self.0.display()), &error))
    }

    /// The path of a blob's file.
    fn target(&self, digest: &Digest) -> PathBuf {
        self.0.join(digest.hex())
    }

    /// A blob's file to read. Earlier versions of this library had the algorithm in the name.
    fn blob(&self, digest: &Digest) -> PathBuf {
        let target = self.target(digest);
        match target.exists() {
            true => target,
            false => Some(self.0.join(digest.as_str())).filter(|old| old.exists()).unwrap_or(target),
        }
    }

    fn content(&self, path: &Path, wanted: Option<&Digest>) -> Result<RawManifest> {
        let mut bytes = Vec::new();
        let file = open_regular(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(Code::NotFound, format!("{} has no {}", self.show(), name_of(path)))
            }
            _ => Error::io(format!("cannot read {}", path.display()), &error),
        })?;
        file.take(MOST_BYTES)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
        RawManifest::parse(bytes, None, wanted).map_err(|error| error.within(path.display()))
    }

    fn manifest_path(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("{}.manifest.json", digest.hex()))
    }

    fn show(&self) -> String {
        format!("dir:{}", self.0.display())
    }

    fn missing(&self, digest: &Digest) -> Error {
        Error::new(Code::MissingBlob, format!("{} has no file for the blob {digest}", self.show()))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl ReadStore for Directory {
    fn place(&self) -> String {
        self.show()
    }

    fn root(&self, _: &Call) -> Result<RawManifest> {
        self.content(&self.0.join("manifest.json"), None)
    }

    fn manifest(&self, _: &Call, wanted: &Descriptor) -> Result<RawManifest> {
        self.content(&self.manifest_path(&wanted.digest), Some(&wanted.digest))
    }

    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>> {
        let path = self.blob(&wanted.digest);
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let mut file = match open_regular(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(self.missing(&wanted.digest)),
            opened => opened.map_err(what)?,
        };
        file.seek(SeekFrom::Start(hashed.as_ref().map_or(0, |(_, length)| *length))).map_err(what)?;
        Ok(Box::new(VerifiedBlob::new(file, call, path.display().to_string(), wanted, hashed)))
    }

    fn size(&self, _: &Call, digest: &Digest) -> Result<u64> {
        let found = fs::metadata(self.blob(digest)).ok().filter(fs::Metadata::is_file);
        found.map(|found| found.len()).ok_or_else(|| self.missing(digest))
    }

    // The files have no index: each manifest is looked at.
    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", self.0.display()), &error);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(what)? {
            call.check()?;
            let path = entry.map_err(what)?.path();
            let name = name_of(&path);
            let Some(hex) = name.strip_suffix(".manifest.json") else { continue };
            let wanted = |algorithm: &str| format!("{algorithm}:{hex}").parse::<Digest>().ok();
            let Some(digest) = wanted("sha256").or_else(|| wanted("sha512")) else { continue };
            let content = self.content(&path, Some(&digest))?;
            if content.document.subject().is_some_and(|named| named.digest == *subject) {
                found.push(content.descriptor());
            }
        }
        found.sort_by(|one, other| one.digest.cmp(&other.digest));
        Ok(found)
    }

    fn images(&self, call: &Call) -> Result<Vec<NamedImage>> {
        Ok(vec![NamedImage { names: Vec::new(), descriptor: self.root(call)?.descriptor() }])
    }

    fn digest_tags(&self, _: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>> {
        let mut found = Vec::new();
        for tag in digest_tags(subject) {
            let path = self.0.join(format!("{tag}.manifest.json"));
            if path.exists() {
                found.push((tag, self.content(&path, None)?.descriptor()));
            }
        }
        Ok(found)
    }
}

impl WriteStore for Directory {
    fn place(&self) -> String {
        self.show()
    }

    fn look(&self, _: &Call, _: &RawManifest) -> Result<bool> {
        safe_path::resolve(&self.0)
            .map_err(|error| Error::io(format!("cannot write to {}", self.0.display()), &error))?;
        match self.0.exists() && !self.0.is_dir() {
            true => Err(Error::new(Code::Io, format!("{} is not a directory", self.0.display()))),
            // Whether the manifest is there already is not looked at.
            false => self.check_free().map(|_| false),
        }
    }

    fn begin(&self, _: &Call) -> Result<()> {
        self.make()?;
        match self.check_free()? {
            true => Ok(()),
            false => {
                write_whole(&self.0.join("version"), VERSION.as_bytes())?;
                // Before any other file has its name: without this one nothing more could be copied to the folder.
                self.flush()
            }
        }
    }

    fn has_manifest(&self, _: &Call, _: &Digest) -> Result<bool> {
        Ok(false)
    }

    fn has_blob(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        // The name is only a claim: other programs write under it from the first byte on.
        let path = self.blob(&wanted.digest);
        let found = fs::metadata(&path).ok().filter(fs::Metadata::is_file);
        if found.is_none_or(|found| found.len() != wanted.size) {
            return Ok(false);
        }
        let file = open_regular(&path).map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
        is_right(&mut VerifiedBlob::new(file, call, path.display().to_string(), wanted, None))
    }

    fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        if self.has_blob(call, wanted)? {
            return Ok(Moved::Present);
        }
        let target = self.target(&wanted.digest);
        let Some((partial, resumed)) = fetch(call, &target, wanted, from, OnContention::WriteOwn)? else {
            return Ok(Moved::Present);
        };
        partial.settle(Ok(()), &target)?;
        Ok(Moved::Copied { resumed })
    }

    fn take_blob(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        if let Some(there) = present(call, self, source, promised)? {
            return Ok(there);
        }
        let (partial, found) = receive(call, &self.0, source, promised)?;
        let is_new = !self.has_blob(call, &found)?;
        if is_new {
            partial.settle_at(&self.target(&found.digest))?;
            self.flush()?;
        }
        Ok(TakenBlob { digest: found.digest, size: found.size, is_new })
    }

    /// It is its own name: it holds one image.
    fn name(&self) -> Result<String> {
        Ok(self.show())
    }

    fn named(&self, call: &Call) -> Result<Option<Descriptor>> {
        match self.0.join("manifest.json").exists() {
            true => Ok(Some(self.root(call)?.descriptor())),
            false => Ok(None),
        }
    }

    fn put_manifest(&self, _: &Call, content: &RawManifest, role: &Role) -> Result<()> {
        if let Role::DigestTag(tag) = role {
            write_whole(&self.0.join(format!("{tag}.manifest.json")), &content.bytes)?;
        }
        let path = match role {
            Role::Root => {
                // Else it might be there after a power failure, and what it names not.
                self.flush()?;
                self.0.join("manifest.json")
            }
            Role::Child | Role::Referrer | Role::DigestTag(_) => self.manifest_path(content.digest()),
        };
        write_whole(&path, &content.bytes)
    }

    fn finish(&self, _: &Call) -> Result<()> {
        self.flush()
    }
}
