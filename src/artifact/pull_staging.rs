//! Where files wait until all of them are there, whole and verified: a private folder, hidden in the one that they are pulled into. The
//! next pull into that folder knows its name and goes on with what a broken one has left. If another pull has that name, another one is
//! used for this pull alone.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::file_title::WAITING;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::image::open_folders::Folders;
use crate::image::path_walk::WalkBudget;
use crate::image::whiteout;
use crate::os::lock::{self, LockKind};
use crate::os::open_folder::OpenFolder;
use crate::os::{creation_mode, flush, owner, temporary};

/// What is made anew by each pull ends so, unlike blobs and parts of them.
const TREE: &str = ".tree";
const COPY: &str = ".copy";

/// The name under which an unpacked folder waits.
pub(super) fn tree(number: usize) -> String {
    format!("{number}{TREE}")
}

pub(super) struct PullStaging {
    path: PathBuf,
    open: OpenFolder,
    /// What it holds is not found again once this pull is over.
    is_alone: bool,
    /// Other pulls into the same folder wait for it.
    _held: File,
}

impl Drop for PullStaging {
    fn drop(&mut self) {
        // What it holds is for the next pull.
        let _ = if self.is_alone { temporary::remove_folder(&self.path) } else { fs::remove_dir(&self.path) };
    }
}

impl PullStaging {
    /// In a folder that is there, behind all links. Waits for another pull into it.
    pub(super) fn within(call: &Call, folder: &Path) -> Result<PullStaging> {
        let known = folder.join(WAITING);
        loop {
            call.check()?;
            creation_mode::make_private_folder(&known).map_err(|error| cannot(&known, &error))?;
            if !is_ours(&known) {
                // It may just have been removed.
                if fs::symlink_metadata(&known).is_ok() && !is_ours(&known) {
                    let made = temporary::private_folder(folder, format!("{WAITING}.").as_ref());
                    let path = made.map_err(|error| cannot(&known, &error))?.keep();
                    let mut staging = PullStaging::locked(call, path)?.ok_or_else(|| taken_away(&known))?;
                    staging.is_alone = true;
                    return Ok(staging);
                }
                continue;
            }
            if let Some(staging) = PullStaging::locked(call, known.clone())? {
                return Ok(staging);
            }
        }
    }

    /// None when another pull has removed it meanwhile.
    fn locked(call: &Call, path: PathBuf) -> Result<Option<PullStaging>> {
        let file = match lock::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|error| cannot(&path, &error))?,
        };
        let attempt = || lock::attempt(&file, LockKind::Exclusive).map_err(|error| cannot(&path, &error));
        call.wait_for_lock(&path, attempt)?;
        if !lock::is_of(&file, fs::symlink_metadata(&path)) {
            return Ok(None);
        }
        let open = OpenFolder::open(&path).map_err(|error| cannot(&path, &error))?;
        Ok(Some(PullStaging { path, open, is_alone: false, _held: file }))
    }

    pub(super) fn folder(&self) -> &OpenFolder {
        &self.open
    }

    /// The name of a blob in it.
    pub(super) fn name(digest: &Digest) -> String {
        format!("{}-{}", digest.algorithm().name(), digest.hex())
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes a file or a folder from it, however large that is, until the call ends.
    pub(super) fn remove(&self, call: &Call, name: &str) -> Result<()> {
        let (path, name) = (self.path_of(name), name.as_bytes());
        if self.open.remove(name).map_err(|error| cannot(&path, &error))? {
            return Ok(());
        }
        // As deep as an archive may be, counted from the folder itself.
        let (tree, _) = self.open.enter_freely(name).map_err(|error| cannot(&path, &error))?;
        whiteout::clear_all(&mut Folders::new(tree, WalkBudget::new(call))?)?;
        self.open.remove_folder(name).map(drop).map_err(|error| cannot(&path, &error))
    }

    /// Removes what the next pull would make anew. That one does it where this fails, or has no time: whoever has ended the call does
    /// not wait.
    pub(super) fn discard(&self, call: &Call) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if call.check().is_err() {
                return;
            }
            match entry.file_name().to_str() {
                Some(name) if name.ends_with(TREE) || name.ends_with(COPY) => drop(self.remove(call, name)),
                _ => {}
            }
        }
    }

    /// A second file with the bytes of a blob.
    pub(super) fn copy(&self, call: &Call, name: &str, number: usize) -> Result<String> {
        let copy = format!("{number}{COPY}");
        self.remove(call, &copy)?;
        let (from, to) = (self.path_of(name), self.path_of(&copy));
        let copied = fs::copy(&from, &to).and_then(|_| flush::file(&File::open(&to)?));
        copied.map_err(|error| cannot(&to, &error))?;
        Ok(copy)
    }

    /// Whether a name in other letters is the same name here.
    pub(super) fn is_blind_to_case(&self) -> bool {
        let made = self.open.make_file(b"Case").is_ok();
        let blind = self.open.status_of(b"cASE").is_ok();
        if made {
            let _ = self.open.remove(b"Case");
        }
        blind
    }

    /// Brings everything to the disk: names are given to what is there after a power cut, too.
    pub(super) fn flush(&self) -> Result<()> {
        flush::all(&self.open).map_err(|error| cannot(&self.path, &error))
    }

    /// Removes everything: nothing waits any more.
    pub(super) fn empty(self) -> Result<()> {
        temporary::remove_folder(&self.path).map_err(|error| cannot(&self.path, &error))
    }
}

/// Whether only this user can have put anything there.
fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_dir() && owner::is_own(&found) && !owner::others_may_do_something(&found))
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::io(format!("cannot use {}", path.display()), error)
}

fn taken_away(path: &Path) -> Error {
    cannot(path, &std::io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::call::context::Context;
    use crate::error::Code;
    use crate::os::open_folder;
    use crate::tar::names::DEEPEST;

    #[test]
    fn what_is_discarded_can_be_ended() {
        let folder = tempfile::tempdir().unwrap();
        let context = Arc::new(Context::new());
        let call = Call::alone(Some(context.clone()));
        let staging = PullStaging::within(&call, folder.path()).unwrap();
        let fill = |number| {
            // As deep as an archive may be.
            let deep = staging.path_of(&tree(number)).join(["d"; DEEPEST].join("/"));
            fs::create_dir_all(&deep).unwrap();
            (0..9).for_each(|name| fs::write(deep.join(name.to_string()), "x").unwrap());
            // Not even its owner may write there.
            open_folder::set_permissions(&OpenFolder::open(&deep).unwrap(), 0o555).unwrap();
        };
        fill(0);
        fs::write(staging.path_of("1.copy"), "x").unwrap();
        fs::write(staging.path_of("sha256-0"), "part").unwrap();
        staging.discard(&call);
        let left = || fs::read_dir(&staging.path).unwrap().map(|one| one.unwrap().file_name()).collect::<Vec<_>>();
        assert_eq!(left(), ["sha256-0"]);
        fill(2);
        context.cancel();
        staging.discard(&call);
        assert_eq!(staging.remove(&call, &tree(2)).unwrap_err().code(), Code::Cancelled);
        assert_eq!(left().len(), 2);
        assert!(staging.path_of(&tree(2)).join("d/d").exists());
    }
}
