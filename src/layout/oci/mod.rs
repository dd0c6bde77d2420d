//! An OCI image layout in a directory (OCI image-spec image-layout.md), safe for several processes at once.
//!
//! Blobs appear whole and verified, by rename. `index.json` is replaced in one step under a lock on the directory. A copy holds a
//! shared lock on `oci-layout`, so that a clean-up, which takes an exclusive one, never removes what a copy needs.
//!
//! So a blob with the right size is complete, if only this user can write to the layout. In one that others may write to, each blob
//! is verified before it counts.

mod batch;
mod change;
mod in_batch;
mod layout_needs;
mod listed_layout;
mod seen_names;
mod store;

pub(crate) use batch::IndexBatch;
pub(crate) use in_batch::InBatch;
pub(crate) use listed_layout::ListedLayout;
pub(crate) use seen_names::SeenNames;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::Mutex;

use serde_json::Value;

use crate::call::Call;
use crate::digest::Digest;
use crate::download::existing_file::is_there;
use crate::error::{Code, Error, Result};
use crate::layout::flush_queue::FlushQueue;
use crate::layout::index_limit::excess;
use crate::layout::lock::Lock;
use crate::layout::{index, names};
use crate::manifest::{Descriptor, Document, MOST_BYTES};
use crate::media_type::OCI_INDEX;
use crate::mutex::lock;
use crate::os::special_file::open_regular;
use crate::os::temporary::{self, NotWritten};
use crate::os::{flush, safe_path};
use crate::store::RawManifest;
use crate::text::shorten;

/// The content of the file `oci-layout`.
pub(crate) const VERSION: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

/// What tells the hidden files that become `index.json`, whose writers hold the lock on the folder, from others there.
pub(crate) const INDEX_MARK: &str = "index-";

/// A layout, and the name in it that a copy is about.
///
/// ```
/// use ocireg::image::Scratch;
/// use ocireg::layout::oci::OciLayout;
/// use ocireg::registry::{Client, ClientOptions};
/// use ocireg::store::ReadStore;
/// use ocireg::transfer::copy::{copy, CopyOptions};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("layout");
/// let client = Client::new(ClientOptions::default())?;
/// let call = client.call(None)?;
/// let to = OciLayout::create(&path, Some("v1"))?;
/// let made = copy(&call, &Scratch::new(Some("linux/amd64"))?, &to, &CopyOptions::default())?;
///
/// let layout = OciLayout::open(&path, Some("v1"))?;
/// assert_eq!(layout.root(&call)?.digest(), &made.digest);
/// assert_eq!(layout.entries()?.len(), 1);
/// assert!(layout.blob_path(&made.digest).exists());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct OciLayout {
    root: PathBuf,
    name: Option<String>,
    /// Declared before the lock, so that it is dropped first.
    flush_queue: FlushQueue,
    held: Mutex<Option<Lock>>,
    /// Whether blobs got their names since those were brought to the disk.
    has_new_names: AtomicBool,
    /// Where names wait; None: they are written at once.
    batch: Option<Box<InBatch>>,
}

impl OciLayout {
    /// A layout that must be there.
    pub fn open(root: &Path, name: Option<&str>) -> Result<OciLayout> {
        let layout = OciLayout { root: root.to_owned(), name: name.map(str::to_owned), ..OciLayout::default() };
        layout.check_version()?;
        Ok(layout)
    }

    /// Opens a layout, or creates it. A directory that contains something else is refused.
    pub fn create(root: &Path, name: Option<&str>) -> Result<OciLayout> {
        let layout = OciLayout::planned(root, name)?;
        layout.make()?;
        Ok(layout)
    }

    /// A layout that is made only when a copy to it begins.
    pub fn planned(root: &Path, name: Option<&str>) -> Result<OciLayout> {
        name.map_or(Ok(()), check_new_name)?;
        Ok(OciLayout { root: root.to_owned(), name: name.map(str::to_owned), ..OciLayout::default() })
    }

    /// The same, but names are written together with those of other images.
    pub(crate) fn in_batch(self, batch: InBatch) -> OciLayout {
        OciLayout { batch: Some(Box::new(batch)), ..self }
    }

    /// Makes what is not there.
    pub(crate) fn make(&self) -> Result<()> {
        self.check_links()?;
        let marker = self.root.join("oci-layout");
        if !marker.exists() {
            safe_path::create_folder(&self.root).map_err(|error| cannot("create", &self.root, &error))?;
            self.check_free()?;
            self.make_index()?;
            write_whole(&marker, VERSION.as_bytes())?;
        }
        self.check_version()?;
        for algorithm in ["sha256", "sha512"] {
            let folder = self.root.join("blobs").join(algorithm);
            fs::create_dir_all(&folder).map_err(|error| cannot("create", &folder, &error))?;
        }
        self.check_links()
    }

    /// An index without entries, unless there is one: another process that creates the layout may have written to its own. It comes before
    /// what makes a folder a layout, so that there is none without it, even if a process is killed.
    fn make_index(&self) -> Result<()> {
        let path = self.root.join("index.json");
        let empty = index::written(None, &[]).to_string();
        temporary::write_new(&path, empty.as_bytes()).map_err(|error| cannot("create", &path, &error))
    }

    /// Before something is written or removed: refuses links by which another user could lead elsewhere.
    pub(crate) fn check_links(&self) -> Result<()> {
        safe_path::resolve(&self.root).map_err(|error| cannot("write to", &self.root, &error))?;
        for part in ["oci-layout", "index.json", "blobs", "blobs/sha256", "blobs/sha512"] {
            let path = self.root.join(part);
            safe_path::refuse_strangers_link(&path).map_err(|error| cannot("write to", &path, &error))?;
        }
        Ok(())
    }

    /// Whether it is a layout, or can become one.
    fn check_free(&self) -> Result<()> {
        let mut files = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(|error| cannot("read", &self.root, &error))?.filter_map(|entry| entry.ok()),
        };
        match files.any(|entry| !is_ours(&entry.file_name())) {
            true => {
                Err(Error::new(Code::Io, format!("{} contains files and is not an OCI layout", self.root.display())))
            }
            false => Ok(()),
        }
    }

    fn check_version(&self) -> Result<()> {
        let marker = self.read_small(&self.root.join("oci-layout"), "oci-layout")?;
        let version = crate::json::parse(&marker).ok();
        let version = version.as_ref().and_then(|json| json.get("imageLayoutVersion")).and_then(Value::as_str);
        match version {
            Some(version) if version.starts_with("1.") => Ok(()),
            Some(version) => Err(self.bad(format!("has the layout version '{}', not 1.0.0", shorten(version)))),
            None => Err(self.bad("has no layout version in oci-layout")),
        }
    }

    /// The folder of a layout behind all links, as far as it is there: two ways to one have one.
    pub(crate) fn identity(root: &Path) -> String {
        safe_path::resolve(root).unwrap_or_else(|_| root.to_owned()).display().to_string()
    }

    /// The folder with `oci-layout` in it.
    pub fn root_path(&self) -> &Path {
        &self.root
    }

    /// Where a blob is in the layout, whether it is there or not.
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs").join(digest.algorithm().name()).join(digest.hex())
    }

    /// The entries of `index.json`; none if it does not exist yet.
    pub fn entries(&self) -> Result<Vec<Descriptor>> {
        Ok(self.index()?.map(|index| index.manifests().to_vec()).unwrap_or_default())
    }

    fn index(&self) -> Result<Option<Document>> {
        let path = self.root.join("index.json");
        if !path.exists() {
            return Ok(None);
        }
        let bytes = self.read_small(&path, "index.json")?;
        let index = Document::parse(&bytes, Some(OCI_INDEX), crate::digest::Algorithm::Sha256);
        index.map(Some).map_err(|error| self.bad(format!("has a bad index.json: {}", error.message())))
    }

    /// A manifest among the blobs, verified; NOT_FOUND if it is not there.
    pub(crate) fn content(&self, wanted: &Descriptor) -> Result<RawManifest> {
        let path = self.blob_path(&wanted.digest);
        if !path.exists() {
            return Err(Error::new(Code::NotFound, format!("{} has no manifest {}", self.show(), wanted.digest)));
        }
        let bytes = self.read_small(&path, "manifest")?;
        RawManifest::described(bytes, wanted).map_err(|error| error.within(self.show()))
    }

    /// The bytes of a blob that is small.
    pub(crate) fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        self.read_small(&self.blob_path(digest), "blob")
    }

    /// The manifest of a name that is the digest of no entry, but of what an index in the layout names.
    fn by_digest(&self, call: &Call) -> Result<Option<RawManifest>> {
        let path = names::digest_in(self.name.as_deref()).map(|digest| (self.blob_path(&digest), digest));
        let Some((path, digest)) = path.filter(|(path, _)| path.exists()) else { return Ok(None) };
        // What nothing names is not in the layout any more, though it lies there until a clean-up.
        if !self.lists(call, &digest)? && !self.needed(call)?.names(&digest) {
            return Ok(None);
        }
        let content = RawManifest::parse(self.read_small(&path, "manifest")?, None, Some(&digest));
        content.map(Some).map_err(|error| error.within(self.show()))
    }

    fn entry(&self) -> Result<Descriptor> {
        names::choose(&self.entries()?, self.name.as_deref(), &format!("oci:{}", self.root.display()))
    }

    /// Changes names in `index.json`, alone. What refers to another manifest stays in it when its name moves or goes.
    pub(crate) fn change_index(
        &self,
        call: &Call,
        change: impl FnOnce(&mut Vec<Descriptor>) -> Result<()>,
    ) -> Result<()> {
        self.rewrite_index(call, |before, entries| {
            change(entries)?;
            self.keep_referrers(call, before, entries)
        })
    }

    /// Makes other entries of those of `index.json`, alone.
    fn rewrite_index(
        &self,
        call: &Call,
        change: impl FnOnce(&[Descriptor], &mut Vec<Descriptor>) -> Result<()>,
    ) -> Result<()> {
        self.check_links()?;
        let _alone = Lock::exclusive(call, &self.root)?;
        let index = self.index()?;
        let before = index.as_ref().map(Document::manifests).unwrap_or_default();
        let mut entries = before.to_vec();
        change(before, &mut entries)?;
        if index.is_some() && before == entries {
            return Ok(());
        }
        let text = index::written(index.as_ref(), &entries).to_string();
        self.check_index(entries.len(), text.len() as u64)?;
        let path = self.root.join("index.json");
        let path = match path.is_symlink() {
            // Ours, as was found above.
            true => safe_path::resolve(&path).map_err(|error| cannot("write", &path, &error))?,
            false => path,
        };
        temporary::write_marked(&path, INDEX_MARK, text.as_bytes()).map_err(|error| not_written(&path, error))?;
        flush_names(path.parent().unwrap_or(&self.root))
    }

    /// Refuses an `index.json` that could not be read again.
    fn check_index(&self, entries: usize, bytes: u64) -> Result<()> {
        let refused = |excess| {
            let message = format!("the index.json of {} would have {excess}", self.root.display());
            Err(Error::new(Code::LimitExceeded, message))
        };
        excess(entries, bytes).map_or(Ok(()), refused)
    }

    /// Holds the layout against clean-ups, until it is dropped.
    fn hold(&self, call: &Call) -> Result<()> {
        let mut held = lock(&self.held);
        if held.is_none() {
            *held = Some(Lock::shared(call, &self.root.join("oci-layout"))?);
        }
        Ok(())
    }

    fn has(&self, call: &Call, wanted: &Descriptor) -> Result<bool> {
        is_there(call, &self.blob_path(&wanted.digest), wanted)
    }

    fn lacks(&self, what: &str) -> Error {
        let root = self.root.display().to_string();
        let error = Error::new(Code::NotFound, format!("{root} is not an OCI layout: it has no {what}"));
        let has_transport = ["oci:", "oci-archive:", "docker-archive:", "dir:"].iter().any(|it| root.starts_with(it));
        match has_transport && !self.root.exists() {
            true => error.with_hint("what is wanted here is the path of a folder, without oci: or another transport"),
            false => error,
        }
    }

    fn read_small(&self, path: &Path, what: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = open_regular(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.lacks(what),
            _ => cannot("read", path, &error),
        })?;
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| cannot("read", path, &error))?;
        match bytes.len() as u64 > MOST_BYTES {
            true => {
                Err(Error::new(Code::LimitExceeded, format!("{} has more than {MOST_BYTES} bytes", path.display())))
            }
            false => Ok(bytes),
        }
    }

    fn bad(&self, why: impl std::fmt::Display) -> Error {
        Error::new(Code::InvalidManifest, format!("the layout {} {why}", self.root.display()))
    }

    fn show(&self) -> String {
        let name = self.name.as_ref().map(|name| format!(":{name}")).unwrap_or_default();
        format!("oci:{}{name}", self.root.display())
    }
}

/// Image-spec image-layout.md: the characters of a reference name.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-._:@/+".contains(c))
}

/// Refuses what no new image can be called: also a digest, or a name with one, which would read as the image of that digest.
pub(crate) fn check_new_name(name: &str) -> Result<()> {
    let why = match name.rsplit_once('@').map_or(name, |(_, last)| last).parse::<Digest>() {
        Ok(_) => "is not a valid name for a new image: it is a digest, or ends with one",
        Err(_) if !is_name(name) => "is not a valid name in a layout",
        Err(_) => return Ok(()),
    };
    Err(Error::new(Code::InvalidReference, format!("'{}' {why}", shorten(name))))
}

fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    matches!(name.as_ref(), "blobs" | "index.json" | "oci-layout") || name.starts_with(".")
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::io(format!("cannot {what} {}", path.display()), error)
}

fn flush_names(folder: &Path) -> Result<()> {
    flush::names(folder).map_err(|error| cannot("write", folder, &error))
}

/// Writes a file in one step: whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    temporary::write_whole(path, bytes).map_err(|error| not_written(path, error))
}

fn not_written(path: &Path, error: NotWritten) -> Error {
    match error {
        NotWritten::Beside(folder, error) => cannot("create a file in", folder, &error),
        NotWritten::Write(error) => cannot("write", path, &error),
        NotWritten::Name(error) => cannot("create", path, &error),
    }
}
