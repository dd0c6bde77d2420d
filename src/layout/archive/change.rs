//! Changes of an archive other than a copy: a caller's blob comes in, names and manifests come and go. The archive is written anew for
//! each of them, while no other process can.

use std::cell::RefCell;

use super::contents::ArchiveLists;
use super::existing_archive::ExistingArchive;
use super::write::ArchiveWriter;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::index_change::TakenName;
use crate::layout::index_entry::named;
use crate::layout::reachable_blobs::Shelf;
use crate::layout::received_blob::repeated;
use crate::manifest::Descriptor;
use crate::store::condition::{NameCondition, NameFate};
use crate::store::{ChangeStore, PromisedBlob, RawManifest, RemovedName, TakenBlob, WriteStore};
use crate::stream::source::Source;

impl ArchiveWriter {
    pub(super) fn take(&self, call: &Call, source: &mut dyn Source, promised: PromisedBlob) -> Result<TakenBlob> {
        let kept = self.kept(call)?;
        // What is there may be damaged, and is replaced then.
        let is_there = |digest: &Digest, size: u64| match &kept {
            Some(kept) => kept.has(call, &Descriptor::new("", digest.clone(), size)),
            None => Ok(false),
        };
        if let PromisedBlob { digest: Some(digest), size: Some(size) } = promised {
            if is_there(digest, size)? {
                self.keep_blob(Descriptor::new("", digest.clone(), size), false)?;
                return repeated(call, source, promised);
            }
        }
        let taken = self.stage(call, source, promised)?;
        let is_new = !is_there(&taken.digest, taken.size)?;
        self.keep_blob(Descriptor::new("", taken.digest.clone(), taken.size), is_new)?;
        if !is_new {
            self.forget_blob(taken.digest.clone())?;
        }
        Ok(TakenBlob { is_new, ..taken })
    }

    /// Puts a manifest under names, or without any by its digest alone, and writes the archive.
    pub(super) fn put_under_names(
        &self,
        call: &Call,
        content: &RawManifest,
        names: &[String],
        condition: &NameCondition,
    ) -> Result<Vec<NameFate>> {
        let names = names.iter().map(|name| self.full_name(name)).collect::<Result<Vec<_>>>()?;
        let image = self.docker_image(call, content)?;
        self.stage_manifest(call, content)?;
        let fates = RefCell::new(Vec::new());
        self.finish_with(
            call,
            Some(&|lists, _| {
                *fates.borrow_mut() = lists.put(content, &names, condition, image.as_ref())?;
                Ok(())
            }),
        )?;
        Ok(fates.into_inner())
    }

    /// What is there; it must be.
    fn existing(&self, call: &Call) -> Result<std::sync::Arc<ExistingArchive>> {
        let missing = || Error::new(Code::NotFound, format!("there is no {}", self.file()));
        self.kept(call)?.ok_or_else(missing)
    }

    /// Begins, makes a change of what is there, and writes the archive. Gives the blobs that it has then.
    fn changed(
        &self,
        call: &Call,
        change: &dyn Fn(&mut ArchiveLists, &dyn Shelf) -> Result<()>,
    ) -> Result<Vec<Descriptor>> {
        self.existing(call)?;
        self.begin(call)?;
        self.finish_with(call, Some(change))
    }
}

impl ChangeStore for ArchiveWriter {
    fn names(&self, call: &Call) -> Result<Vec<String>> {
        Ok(self.existing(call)?.entries().into_iter().flat_map(|entry| named(entry).names).collect())
    }

    fn unname(&self, call: &Call, expected: Option<&Digest>) -> Result<RemovedName> {
        let (name, place, taken) = (WriteStore::name(self)?, self.file(), RefCell::new(None));
        let blobs = self.changed(call, &|lists, _| {
            *taken.borrow_mut() = Some(lists.take_name(&name, expected, &place)?);
            Ok(())
        })?;
        let TakenName { digest, others } =
            taken.into_inner().ok_or_else(|| Error::new(Code::Internal, "the archive was not changed"))?;
        let is_kept = blobs.iter().any(|blob| blob.digest == digest);
        Ok(RemovedName { digest, others, is_kept })
    }

    fn remove(&self, call: &Call, digest: &Digest) -> Result<bool> {
        let place = self.file();
        let change = |lists: &mut ArchiveLists, there: &dyn Shelf| match lists.take_manifest(digest) {
            true => Ok(()),
            false if there.size(digest).is_none() => {
                Err(Error::new(Code::NotFound, format!("{place} has no manifest {digest}")))
            }
            false => {
                let message = format!("index.json of {place} does not list {digest} itself");
                Err(Error::new(Code::Unsupported, message)
                    .with_hint("delete the index that lists it, or the manifest that refers to it"))
            }
        };
        let blobs = self.changed(call, &change)?;
        Ok(blobs.iter().any(|blob| blob.digest == *digest))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::call::context::Context;
    use crate::layout::archive::staging::Staging;
    use crate::layout::archive::staging_folder::StagingFolder;
    use crate::layout::archive::ArchiveFormat;
    use crate::stream::spool::TemporarySpace;

    fn manifest(number: usize) -> RawManifest {
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"artifactType":"a/{number}"}}"#
        );
        RawManifest::parse(text.into_bytes(), None, None).unwrap()
    }

    fn archive(path: &Path) -> ArchiveWriter {
        let space = TemporarySpace::default();
        ArchiveWriter::planned(path, None, ArchiveFormat::Oci, None, space).unwrap().for_puts().unwrap()
    }

    fn put(path: &Path, number: usize) {
        let (call, archive) = (Call::alone(None), archive(path));
        archive.begin(&call).unwrap();
        let names = [format!("v{number}")];
        archive.put_under_names(&call, &manifest(number), &names, &NameCondition::None).unwrap();
    }

    /// One that shares neither lock: of another user, or another program.
    #[test]
    fn what_another_process_wrote_meanwhile_stays() {
        let (folder, call) = (tempfile::tempdir().unwrap(), Call::alone(None));
        let (path, other) = (folder.path().join("x.tar"), folder.path().join("other.tar"));
        put(&path, 1);
        fs::copy(&path, &other).unwrap();
        put(&other, 2);
        let (archive, rounds) = (archive(&path), RefCell::new(0));
        archive.begin(&call).unwrap();
        archive.stage_manifest(&call, &manifest(3)).unwrap();
        let change = |lists: &mut ArchiveLists, _: &dyn Shelf| {
            *rounds.borrow_mut() += 1;
            if *rounds.borrow() == 1 {
                fs::rename(&other, &path).unwrap();
            }
            lists.put(&manifest(3), &["v3".to_owned()], &NameCondition::None, None).map(drop)
        };
        archive.finish_with(&call, Some(&change)).unwrap();
        assert_eq!(*rounds.borrow(), 2);
        assert_eq!(archive.names(&call).unwrap(), ["v1", "v2", "v3"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// It was damaged in the file before: in the next one it may be right.
    #[test]
    fn what_another_process_has_mended_meanwhile_stays() {
        let (folder, call) = (tempfile::tempdir().unwrap(), Call::alone(None));
        let (path, other) = (folder.path().join("x.tar"), folder.path().join("other.tar"));
        let first = archive(&path);
        first.begin(&call).unwrap();
        let taken = first.take(&call, &mut &b"something for later"[..], PromisedBlob::default()).unwrap();
        first.finish(&call).unwrap();
        put(&path, 1);
        fs::copy(&path, &other).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(9).position(|part| part == b"something").unwrap();
        bytes[at] = b'!';
        fs::write(&path, bytes).unwrap();
        let (archive, rounds) = (archive(&path), RefCell::new(0));
        archive.begin(&call).unwrap();
        archive.stage_manifest(&call, &manifest(3)).unwrap();
        let change = |lists: &mut ArchiveLists, _: &dyn Shelf| {
            *rounds.borrow_mut() += 1;
            // It was found in the first round.
            if *rounds.borrow() == 2 {
                fs::rename(&other, &path).unwrap();
            }
            lists.put(&manifest(3), &["v3".to_owned()], &NameCondition::None, None).map(drop)
        };
        archive.finish_with(&call, Some(&change)).unwrap();
        let there = archive.existing(&call).unwrap();
        assert_eq!(*rounds.borrow(), 3);
        assert!(there.is_right(&call, &taken.digest).unwrap() && there.size(&taken.digest).is_some());
    }

    #[test]
    fn what_cannot_be_tidied_up_is_no_failure_of_what_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let context = std::sync::Arc::new(Context::new());
        let call = Call::alone(Some(context.clone()));
        let staging = StagingFolder::beside(&call, &folder.path().join("x.tar")).unwrap();
        fs::remove_dir_all(folder.path().join(".x.tar.partial.d")).unwrap();
        Staging::StagingFolder(staging).finish(&call, "oci-archive:x.tar");
        let warned = context.warnings();
        assert!(warned.len() == 1 && warned[0].text.contains("it is written, but cannot remove"), "{warned:?}");
    }
}
