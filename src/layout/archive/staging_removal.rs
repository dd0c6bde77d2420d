//! The end of a staging folder. What is removed is what was locked, wherever it is by then: another process may have put a link or a folder
//! of others in its place.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use crate::layout::lock::Lock;
use crate::os::open_folder::{not_empty, OpenFolder, OpenedEntry};
use crate::os::owner;
use crate::os::temporary::TempDir;

/// By its `blobs` the folder is locked.
const BLOBS: &[u8] = b"blobs";

/// More folders in one another than there are in a layout.
const DEEPEST: usize = 8;

/// A folder that is locked, and open.
pub(super) struct LockedFolder<'a> {
    above: OpenFolder,
    name: &'a [u8],
    itself: OpenFolder,
    blobs: OpenFolder,
}

impl LockedFolder<'_> {
    /// The folder of a path, if it is this user's alone, and what is locked.
    pub(super) fn open<'a>(known: &'a Path, lock: &Lock) -> io::Result<LockedFolder<'a>> {
        let above = OpenFolder::open(owner::folder_of(known))?;
        let name = name_of(known);
        let itself = entered(&above, name)?.ok_or_else(another)?;
        let found = itself.status()?;
        if found.owner.0 != owner::effective_user() || found.permissions & 0o077 != 0 {
            return Err(another());
        }
        let blobs = entered(&itself, BLOBS)?.ok_or_else(another)?;
        match lock.is_of_folder(&blobs)? {
            true => Ok(LockedFolder { above, name, itself, blobs }),
            false => Err(another()),
        }
    }

    /// Removes it, `blobs` at the end: until then others wait for the lock. A process that comes when that is gone makes the folder again,
    /// and owns it then.
    pub(super) fn remove(self) -> io::Result<()> {
        clear(&self.itself, Some(BLOBS), DEEPEST)?;
        clear(&self.blobs, None, DEEPEST)?;
        match self.itself.remove_folder(BLOBS)? {
            true => self.above.remove_folder(self.name).map(drop),
            false => Err(not_empty()),
        }
    }
}

/// A folder with a name that nobody else knows. It is removed with this.
#[derive(Debug)]
pub(super) struct NewFolder {
    path: PathBuf,
    above: OpenFolder,
    itself: OpenFolder,
    is_removed: bool,
}

impl NewFolder {
    /// One that this process has just made.
    pub(super) fn of(made: TempDir) -> io::Result<NewFolder> {
        let above = OpenFolder::open(owner::folder_of(made.path()))?;
        // Not every file system keeps owners and permissions.
        let itself = entered(&above, name_of(made.path()))?.ok_or_else(another)?;
        Ok(NewFolder { path: made.keep(), above, itself, is_removed: false })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it. What has its name by then stays, unless that is an empty folder.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        self.is_removed = true;
        clear(&self.itself, None, DEEPEST)?;
        self.above.remove_folder(name_of(&self.path)).map(drop)
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.is_removed {
            // What stays does no harm.
            let _ = self.remove();
        }
    }
}

fn name_of(path: &Path) -> &[u8] {
    path.file_name().map_or(&b""[..], OsStr::as_encoded_bytes)
}

fn another() -> io::Error {
    io::Error::other("something else has its name")
}

/// A folder in another; None if it is something else. A link is not followed.
fn entered(above: &OpenFolder, name: &[u8]) -> io::Result<Option<OpenFolder>> {
    match above.enter(name)? {
        OpenedEntry::Folder(folder) => Ok(Some(folder)),
        OpenedEntry::Missing => Err(io::ErrorKind::NotFound.into()),
        OpenedEntry::NotAFolder | OpenedEntry::NoAccess => Ok(None),
    }
}

/// Removes all that is in a folder, but for one name.
fn clear(folder: &OpenFolder, spared: Option<&[u8]>, deepest: usize) -> io::Result<()> {
    let mut names = Vec::new();
    folder.names(|name, _| {
        names.push(name.to_vec());
        Ok::<_, io::Error>(true)
    })?;
    for name in names.iter().filter(|name| spared != Some(name)) {
        if folder.remove(name)? {
            continue;
        }
        if deepest == 0 {
            return Err(not_empty());
        }
        clear(&folder.enter_freely(name)?.0, None, deepest - 1)?;
        folder.remove_folder(name)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::os::temporary;
    use std::fs;

    use super::*;
    use crate::call::Call;
    use crate::os::creation_mode::make_private_folder;

    /// A staging folder with something in it, and its lock.
    fn staged(known: &Path) -> Lock {
        make_private_folder(known).unwrap();
        fill(known);
        Lock::exclusive(&Call::alone(None), &known.join("blobs")).unwrap()
    }

    fn fill(folder: &Path) {
        fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        fs::create_dir_all(folder.join("other/below")).unwrap();
        for file in ["index.json", "blobs/sha256/1", "blobs/2", "other/below/3"] {
            fs::write(folder.join(file), "something").unwrap();
        }
    }

    fn link(target: &Path, path: &Path) {
        let name = path.file_name().unwrap().as_encoded_bytes();
        let above = OpenFolder::open(path.parent().unwrap()).unwrap();
        above.make_link(name, target.as_os_str().as_encoded_bytes()).unwrap();
    }

    fn files(folder: &Path) -> usize {
        ["index.json", "blobs/sha256/1", "blobs/2", "other/below/3"]
            .iter()
            .filter(|file| folder.join(file).exists())
            .count()
    }

    #[test]
    fn all_of_it_goes_but_nothing_that_a_link_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (known, other) = (folder.path().join("known"), folder.path().join("layout"));
        let lock = staged(&known);
        fill(&other);
        for name in ["link", "blobs/sha512"] {
            link(&other, &known.join(name));
        }
        LockedFolder::open(&known, &lock).unwrap().remove().unwrap();
        assert!(!known.exists() && files(&other) == 4);
    }

    fn new_in(folder: &Path) -> TempDir {
        temporary::private_folder(folder, OsStr::new("new-")).unwrap()
    }

    #[test]
    fn what_has_taken_the_place_of_a_new_one_stays() {
        for what in ["link", "folder", "empty", "nothing"] {
            let folder = tempfile::tempdir().unwrap();
            let [moved, other] = ["moved", "layout"].map(|name| folder.path().join(name));
            let made = NewFolder::of(new_in(folder.path())).unwrap();
            let new = made.path().to_owned();
            fill(&new);
            fill(&other);
            fs::rename(&new, &moved).unwrap();
            match what {
                "link" => link(&other, &new),
                "folder" => fs::rename(&other, &new).unwrap(),
                "empty" => make_private_folder(&new).unwrap(),
                _ => {}
            }
            drop(made);
            let stays = if what == "folder" { &new } else { &other };
            assert!(files(stays) == 4 && files(&moved) == 0, "{what}");
        }
        let folder = tempfile::tempdir().unwrap();
        let mut made = NewFolder::of(new_in(folder.path())).unwrap();
        let new = made.path().to_owned();
        fill(&new);
        made.remove().unwrap();
        assert!(!new.exists());
    }

    #[test]
    fn what_has_taken_its_place_stays() {
        for what in ["link", "folder", "private folder", "linked blobs", "nothing"] {
            for is_late in [false, true] {
                let folder = tempfile::tempdir().unwrap();
                let [known, moved, other] = ["known", "moved", "layout"].map(|name| folder.path().join(name));
                let lock = staged(&known);
                fill(&other);
                let early = is_late.then(|| LockedFolder::open(&known, &lock).unwrap());
                fs::rename(&known, &moved).unwrap();
                match what {
                    "link" => link(&other, &known),
                    "folder" => fs::rename(&other, &known).unwrap(),
                    "nothing" => {}
                    _ => make_private_folder(&known).unwrap(),
                }
                match what {
                    "private folder" => fill(&known),
                    "linked blobs" => link(&other.join("blobs"), &known.join("blobs")),
                    _ => {}
                }
                let removed =
                    early.map_or_else(|| LockedFolder::open(&known, &lock), Ok).and_then(LockedFolder::remove);
                assert!(is_late || removed.is_err(), "{what}");
                assert_eq!(files(&moved), if is_late { 0 } else { 4 }, "{what}: what was locked");
                let stays = if what == "folder" { &known } else { &other };
                assert_eq!(files(stays), 4, "{what} {is_late}");
                assert!(what != "private folder" || files(&known) == 4);
            }
        }
    }
}
