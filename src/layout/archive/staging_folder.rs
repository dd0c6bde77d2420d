//! The contents of an archive are collected in a layout in a private folder, hidden beside the file. The next copy to the file knows the
//! folder's name, so that it continues where a broken copy stopped. If that name is not ours, a random name is used for this copy alone.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::staging_removal::{LockedFolder, NewFolder};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::lock::Lock;
use crate::layout::oci::OciLayout;
use crate::manifest::Descriptor;
use crate::os::hidden_name::hidden_beside;
use crate::os::special_file::open_regular;
use crate::os::temporary::{self, NamedTempFile};
use crate::os::{creation_mode, owner};
use crate::store::{Moved, PromisedBlob, RawManifest, ReadStore, Role, TakenBlob, WriteStore};
use crate::stream::blob::Blob;
use crate::stream::source::Source;
use crate::stream::unpack::Packing;

/// The folders of a layout in which files are made.
const INNER: [&str; 3] = ["blobs", "blobs/sha256", "blobs/sha512"];

/// The file that becomes the archive.
const WHOLE: &str = "archive";

/// A folder that contains a layout.
#[derive(Debug)]
pub(super) struct StagingFolder {
    /// Declared first, so that it is dropped before the folder that it is in.
    layout: OciLayout,
    place: StagingPlace,
}

#[derive(Debug)]
enum StagingPlace {
    /// A folder with a known name: the next copy can continue in it.
    Known(PathBuf, Lock),
    /// A folder with a random name, which is removed with this.
    Alone(NewFolder),
}

impl StagingFolder {
    /// A folder beside a file. Waits for another copy to the same file.
    pub(super) fn beside(call: &Call, target: &Path) -> Result<StagingFolder> {
        let known = hidden(target);
        loop {
            creation_mode::make_private_folder(&known)
                .map_err(|error| Error::io(format!("cannot create {}", known.display()), &error))?;
            if !is_ours(&known) {
                // It may just have been removed; then the next try creates it.
                match fs::symlink_metadata(&known) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        call.check()?;
                        continue;
                    }
                    _ if is_ours(&known) => {}
                    _ => return StagingFolder::alone(&known),
                }
            }
            match StagingFolder::locked(call, &known) {
                Ok(Some(staging)) => return Ok(staging),
                // The process that had it before removes the folder when it is done.
                Ok(None) => {}
                Err(_) if !known.exists() => {}
                Err(error) => return Err(error),
            }
            call.check()?;
        }
    }

    /// The folder of which the next copy knows, once it is this copy's; None when another one has that name by now.
    fn locked(call: &Call, known: &Path) -> Result<Option<StagingFolder>> {
        let blobs = known.join("blobs");
        // Without the folders above it: one that was just removed must not be created again, readable by all users.
        match creation_mode::make_private_folder(&blobs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            made => made.map_err(|error| Error::io(format!("cannot create {}", blobs.display()), &error))?,
        }
        let Some(lock) = Lock::exclusive_if_there(call, &blobs)?.filter(|lock| lock.is_of(&blobs)) else {
            return Ok(None);
        };
        // Other processes do not remove it while it is locked.
        Ok(Some(StagingFolder {
            layout: OciLayout::create(known, None)?,
            place: StagingPlace::Known(known.to_owned(), lock),
        }))
    }

    /// A folder with a random name.
    fn alone(known: &Path) -> Result<StagingFolder> {
        let prefix = hidden_beside(known, ".tmp-");
        let prefix = prefix.file_name().unwrap_or_default();
        let folder = known.parent().unwrap_or(Path::new("."));
        let made = temporary::private_folder(folder, prefix).and_then(NewFolder::of);
        let made =
            made.map_err(|error| Error::io(format!("cannot create a folder in {}", folder.display()), &error))?;
        Ok(StagingFolder { layout: OciLayout::create(made.path(), None)?, place: StagingPlace::Alone(made) })
    }

    /// Whether every copy to the file waits for this one.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self.place, StagingPlace::Known(..))
    }

    /// An empty file, to become the archive. The file of a killed copy is removed.
    pub(super) fn file(&self) -> Result<NamedTempFile> {
        let folder = match &self.place {
            StagingPlace::Known(folder, _) => folder.as_path(),
            StagingPlace::Alone(folder) => folder.path(),
        };
        let cannot = |error| Error::io(format!("cannot create a file in {}", folder.display()), &error);
        match fs::remove_file(folder.join(WHOLE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
        temporary::named(folder, WHOLE).map_err(cannot)
    }

    /// Whether an earlier copy to a file has left a blob.
    pub(super) fn left(target: &Path, digest: &Digest, size: u64) -> bool {
        let known = hidden(target);
        let blob = known.join("blobs").join(digest.algorithm().name()).join(digest.hex());
        is_ours(&known) && fs::symlink_metadata(blob).is_ok_and(|found| found.is_file() && found.len() == size)
    }

    /// Stores a blob. An existing one is kept if its digest is right.
    pub(super) fn put_blob(&self, call: &Call, wanted: &Descriptor, from: &dyn ReadStore) -> Result<Moved> {
        if self.size(&wanted.digest).is_some() {
            self.verify(call, wanted)?;
        }
        self.layout.put_blob(call, wanted, from)
    }

    /// Verifies a blob; removes it if it is wrong.
    fn verify(&self, call: &Call, wanted: &Descriptor) -> Result<()> {
        let read = || {
            let mut blob = self.open_blob(call, wanted)?;
            while blob.piece()?.is_some() {}
            Ok(())
        };
        match read() {
            Err(error) if is_wrong(&error) => self.remove(&wanted.digest),
            outcome => outcome,
        }
    }

    /// Removes a blob if its bytes do not have its digest.
    pub(super) fn remove_wrong(&self, call: &Call, digest: &Digest) -> Result<()> {
        match self.size(digest) {
            Some(size) => self.verify(call, &Descriptor::new("", digest.clone(), size)),
            None => Ok(()),
        }
    }

    /// Stores a manifest.
    pub(super) fn put_manifest(&self, call: &Call, content: &RawManifest) -> Result<()> {
        if self.size(content.digest()).is_some() {
            self.verify(call, &content.descriptor())?;
        }
        self.layout.put_manifest(call, content, &Role::Child)
    }

    /// Takes a blob of a caller, instead of what an earlier call has left that has not its digest.
    pub(super) fn take_blob(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        if let Some(digest) = promised.digest {
            self.remove_wrong(call, digest)?;
        }
        self.layout.take_anew(call, source, promised)
    }

    /// Called when everything has been put.
    pub(super) fn settle(&self, call: &Call) -> Result<()> {
        self.layout.finish(call)
    }

    pub(super) fn settle_blobs(&self, call: &Call) -> Result<()> {
        self.layout.settle_blobs(call)
    }

    /// The first bytes of a blob, as they are.
    pub(super) fn head(&self, digest: &Digest) -> Result<Vec<u8>> {
        let path = self.layout.blob_path(digest);
        let mut head = Vec::new();
        let read = open_regular(&path).and_then(|file| file.take(Packing::HEAD as u64).read_to_end(&mut head));
        read.map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
        Ok(head)
    }

    /// Reads a small blob.
    pub(super) fn small(&self, digest: &Digest) -> Result<Vec<u8>> {
        self.layout.small(digest)
    }

    /// The size of a blob, if it is there.
    pub(super) fn size(&self, digest: &Digest) -> Option<u64> {
        fs::symlink_metadata(self.layout.blob_path(digest))
            .ok()
            .filter(|found| found.is_file())
            .map(|found| found.len())
    }

    /// Opens a blob, which is verified as it is read.
    pub(super) fn open_blob(&self, call: &Call, wanted: &Descriptor) -> Result<Box<dyn Blob>> {
        let mut blob = self.layout.open(call, wanted, None)?;
        blob.hash_aside();
        Ok(blob)
    }

    /// Removes a blob, so that the next copy fetches it again.
    pub(super) fn remove(&self, digest: &Digest) -> Result<()> {
        let path = self.layout.blob_path(digest);
        fs::remove_file(&path).map_err(|error| Error::io(format!("cannot remove {}", path.display()), &error))
    }

    /// Removes the folder, if no blob is in it.
    pub(super) fn leave(self) {
        let root = self.layout.root_path();
        let is_empty = |name: &&str| fs::read_dir(root.join(name)).is_ok_and(|mut inside| inside.next().is_none());
        if INNER[1..].iter().all(is_empty) {
            // It does no harm.
            let _ = self.finish();
        }
    }

    /// Removes the folder.
    pub(super) fn finish(self) -> Result<()> {
        let cannot = |path: &Path, error| Error::io(format!("cannot remove {}", path.display()), &error);
        drop(self.layout);
        match self.place {
            // Under the name that the next copy knows: it finds what a killed one could not remove any more.
            StagingPlace::Known(path, lock) => {
                let removed = LockedFolder::open(&path, &lock).and_then(LockedFolder::remove);
                drop(lock);
                removed.map_err(|error| cannot(&path, error))
            }
            StagingPlace::Alone(mut folder) => folder.remove().map_err(|error| cannot(folder.path(), error)),
        }
    }
}

/// Whether the bytes themselves were wrong.
pub(super) fn is_wrong(error: &Error) -> bool {
    matches!(error.code(), Code::DigestMismatch | Code::SizeMismatch)
}

fn hidden(target: &Path) -> PathBuf {
    hidden_beside(target, ".partial.d")
}

/// Whether a folder belongs to this user, and no other user can read or write it.
fn is_ours(folder: &Path) -> bool {
    let own = |path: &Path| {
        let found = fs::symlink_metadata(path);
        found.ok().filter(|found| found.is_dir() && owner::is_own(found))
    };
    let private = own(folder).is_some_and(|found| !owner::others_may_do_something(&found));
    private && INNER.iter().map(|name| folder.join(name)).all(|inner| own(&inner).is_some() || !inner.exists())
}
