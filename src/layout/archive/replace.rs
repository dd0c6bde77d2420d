//! The complete archive, written in the place of the one before: that stands there until then, whatever happens.

use std::collections::BTreeSet;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::contents::{ArchiveChange, ArchiveContents, ArchiveLists, UnnamedBlobs};
use super::existing_archive::ExistingArchive;
use super::saved_images::blob_file;
use super::size_limit;
use super::staged_and_kept::StagedAndKept;
use super::staging::Staging;
use super::staging_folder::{is_wrong, StagingFolder};
use super::write::{ArchiveWriter, Destination, StagedCopy};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::lock::Lock;
use crate::layout::oci::VERSION;
use crate::layout::tarball::write::{Contents, NewMember, TarWriter};
use crate::manifest::Descriptor;
use crate::mutex::lock;
use crate::os::file_version::FileVersion;
use crate::os::{flush, temporary};

/// The bytes of one write.
const AT_ONCE: usize = 256 << 10;

/// What is damaged in the file does not have to stop every change.
#[derive(Default)]
struct DamagedBlobs {
    /// In which file that is so: another process may put one in its place in which the same is right.
    of: Option<FileVersion>,
    /// What nothing names, and nobody could use.
    left_out: BTreeSet<Digest>,
    /// What images need that were there before.
    carried: BTreeSet<Digest>,
}

impl DamagedBlobs {
    fn mark(&self, kept: &mut ExistingArchive) {
        kept.leave_out(&self.left_out);
        kept.carry(&self.carried);
    }

    /// Adds what is damaged. Nothing is written that a new name would need and is not right.
    fn find(&mut self, both: &StagedAndKept, whole: &ArchiveContents, error: Error) -> Result<()> {
        let (named, others) = whole.blobs.split_at_checked(whole.named).unwrap_or((&whole.blobs, &[]));
        let others = both.damaged(others)?;
        if !others.is_empty() {
            self.left_out.extend(others);
            return Ok(());
        }
        let (found, new) = (both.damaged(named)?, whole.needed_anew(both)?);
        if found.is_empty() || found.iter().any(|blob| new.demands(blob) || self.carried.contains(blob)) {
            return Err(error.with_hint("a copy of an image that has the right bytes replaces what is damaged"));
        }
        self.carried.extend(found);
        Ok(())
    }
}

impl ArchiveWriter {
    /// Writes the archive, with a change that is made when no other process can write to it any more. Gives the blobs that it has, if
    /// anything was new.
    pub(super) fn finish_with(&self, call: &Call, change: Option<&ArchiveChange>) -> Result<Vec<Descriptor>> {
        let work = lock(&self.work).take().ok_or_else(|| Error::new(Code::Internal, "the archive was not begun"))?;
        let written = self.write(call, &work, change);
        let busy = || Error::new(Code::Internal, "the archive is still being written");
        let work = Arc::try_unwrap(work).map_err(|_| busy());
        match written {
            Ok(Some(blobs)) => work.map(|work| work.staging.finish(call, &self.shown)).map(|()| blobs),
            // What a broken copy has left stays for the next one.
            Ok(None) => work.map(StagedCopy::leave).map(|()| Vec::new()),
            Err(error) => {
                work.into_iter().for_each(StagedCopy::leave);
                Err(error)
            }
        }
    }

    /// The blobs that it has then; None if nothing was new.
    fn write(&self, call: &Call, work: &StagedCopy, change: Option<&ArchiveChange>) -> Result<Option<Vec<Descriptor>>> {
        work.staging.settle(call)?;
        match (&self.destination, &work.staging, &work.out) {
            (Destination::Replace(path), Staging::StagingFolder(folder), _) => {
                self.replace(call, path, work, folder, change)
            }
            (_, _, Some(file)) => {
                let both = work.with(call, None);
                let Some(whole) = self.whole(work, &both, change)? else { return Ok(None) };
                let out = BufWriter::with_capacity(AT_ONCE, call.output(file)?);
                self.write_entries(&both, &whole, TarWriter::new(out, self.shown.clone()))?;
                Ok(Some(whole.blobs))
            }
            _ => Err(Error::new(Code::Internal, "the archive has nowhere to go")),
        }
    }

    /// Replaces the file by the complete archive, which includes the previous contents. Other processes that replace it wait, and if one
    /// does not, its archive is read.
    fn replace(
        &self,
        call: &Call,
        path: &Path,
        work: &StagedCopy,
        folder: &StagingFolder,
        change: Option<&ArchiveChange>,
    ) -> Result<Option<Vec<Descriptor>>> {
        let cannot = |error: std::io::Error| Error::io(format!("cannot write {}", path.display()), &error);
        let mut damaged = DamagedBlobs::default();
        loop {
            // Writers that share the staging folder wait for its lock: any user who may read the file could lock that.
            let held = if folder.is_shared() { None } else { hold(call, path)? };
            let before = version(path);
            if damaged.of != before {
                damaged = DamagedBlobs { of: before, ..DamagedBlobs::default() };
            }
            let is_there = held.is_some() || before.is_some();
            let mut kept = ExistingArchive::open(call, path, self.form)?;
            kept.iter_mut().for_each(|kept| damaged.mark(kept));
            let both = work.with(call, kept.as_ref());
            let Some(whole) = self.whole(work, &both, change)? else { return Ok(None) };
            let tar = BufWriter::with_capacity(AT_ONCE, folder.file()?);
            let out = match self.write_entries(&both, &whole, TarWriter::new(tar, path.display().to_string())) {
                Err(error) if is_wrong(&error) => {
                    damaged.find(&both, &whole, error)?;
                    continue;
                }
                out => out?.into_inner().map_err(|error| cannot(error.into_error()))?,
            };
            if is_there { temporary::ready(&out, path) } else { flush::file(out.as_file()) }.map_err(cannot)?;
            call.check()?;
            let named = match is_there {
                true if version(path) != before => Ok(false),
                true => temporary::settle(out, path).map(|()| true),
                false => temporary::settle_new(out, path),
            };
            // Else another process was faster: its images are kept too.
            if named.map_err(cannot)? {
                self.warn_of_damaged(call, &damaged, &whole.lacking);
                return Ok(Some(whole.blobs));
            }
        }
    }

    fn warn_of_damaged(&self, call: &Call, damaged: &DamagedBlobs, lacking: &[(Digest, String)]) {
        let left_out = damaged
            .left_out
            .iter()
            .map(|blob| format!("the blob {blob}, which nothing named, was damaged and is left out"));
        let carried = damaged.carried.iter().map(|blob| {
            format!(
                "the blob {blob} is damaged, and stays as it is: a copy of an image that has the right bytes mends it"
            )
        });
        let lacking = lacking.iter().filter(|(digest, _)| !damaged.carried.contains(digest)).map(|(digest, why)| {
            format!(
                "an image there needs {digest}, but {why}. The image is kept as it is: copy the right one here to mend it"
            )
        });
        for text in left_out.chain(carried).chain(lacking) {
            // The archive is written.
            let _ = call.warn_of(&self.file(), &text);
        }
    }

    /// The old and the new contents together, changed; None if that is what is there.
    fn whole(
        &self,
        work: &StagedCopy,
        both: &StagedAndKept,
        change: Option<&ArchiveChange>,
    ) -> Result<Option<ArchiveContents>> {
        let new = lock(&work.new);
        let before = ArchiveLists::of(self.form, both.kept);
        let mut lists = before.clone();
        lists.add(&new);
        change.map_or(Ok(()), |change| change(&mut lists, both))?;
        lists.keep_referrers(&before, &new, both)?;
        lists.agree(&before, both)?;
        let is_there = |blob: &Descriptor| both.keeper(&blob.digest).is_some();
        let is_same = self.unnamed == UnnamedBlobs::Kept && new.blobs.iter().all(is_there) && lists == before;
        if is_same && !both.mends_any()? {
            return Ok(None);
        }
        // What is new stands before what is there, which may have another size.
        let mut more = new.blobs.clone();
        more.extend(self.unnamed.stay(&before, both)?);
        lists.unlist_orphans(both, &more)?;
        lists.contents(both, more).map(Some)
    }

    /// Writes everything, the small files that a reader wants first at the front.
    fn write_entries<W: std::io::Write>(
        &self,
        both: &StagedAndKept,
        whole: &ArchiveContents,
        mut tar: TarWriter<W>,
    ) -> Result<W> {
        let call = both.call;
        let mut small = vec![("oci-layout", VERSION.to_owned()), ("index.json", whole.index.to_string())];
        small.extend(whole.saved.as_ref().map(|list| ("manifest.json", Value::from(list.as_slice()).to_string())));
        size_limit::check(&self.shown, &small, &whole.blobs)?;
        for (name, text) in small {
            tar.add(call, NewMember { name: name.to_owned(), bytes: Contents::Bytes(text.into()) })?;
        }
        for blob in &whole.blobs {
            let bytes = Contents::Blob(both.open(blob)?, blob.size);
            if let Err(error) = tar.add(call, NewMember { name: blob_file(&blob.digest), bytes }) {
                if both.keeper(&blob.digest).is_none() && is_wrong(&error) {
                    both.staging.remove_wrong(call, &blob.digest)?;
                }
                return Err(error);
            }
        }
        tar.finish()
    }
}

/// By what one sees that another process has replaced the file; None if there is none.
fn version(path: &Path) -> Option<FileVersion> {
    path.metadata().ok().map(|found| FileVersion::of(&found))
}

/// Locks the file against other processes that would replace it, and makes sure that it still has its name; None if there is no file.
fn hold(call: &Call, path: &Path) -> Result<Option<Lock>> {
    loop {
        match Lock::exclusive_if_there(call, path) {
            Ok(Some(held)) if held.is_of(path) => return Ok(Some(held)),
            Ok(Some(_)) => call.sleep(Duration::from_millis(10))?,
            _ if !path.exists() => return Ok(None),
            // It came just now.
            Ok(None) => call.check()?,
            Err(error) => return Err(error),
        }
    }
}
