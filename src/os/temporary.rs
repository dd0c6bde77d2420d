//! Files that are there for a while, and those that get their name when they are whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{accessat, Access, AtFlags, CWD};
use rustix::io::Errno;
use tempfile::{Builder, PersistError};
pub(crate) use tempfile::{NamedTempFile, TempDir};

use super::hidden_name::HIDDEN;
use super::owner::{self, folder_of};
use super::{creation_mode, flush};

/// The folder for large temporary files, and the one for any.
const USUAL: [&str; 2] = ["/var/tmp", "/tmp"];

/// The first usual folder in which files can be made.
pub(crate) fn folder() -> PathBuf {
    let can_write =
        |folder: &&str| can_write(|flags| accessat(CWD, *folder, Access::WRITE_OK | Access::EXEC_OK, flags));
    USUAL.into_iter().find(can_write).unwrap_or(USUAL[1]).into()
}

/// Asks for the effective user; where the kernel or a container filter does not support that, for the real one.
fn can_write(ask: impl Fn(AtFlags) -> Result<(), Errno>) -> bool {
    let asked = ask(AtFlags::EACCESS).or_else(|error| match error {
        Errno::PERM | Errno::NOSYS => ask(AtFlags::empty()),
        error => Err(error),
    });
    asked.is_ok()
}

/// A file without a name: it disappears when its last descriptor is closed, even if the process is killed.
pub(crate) fn nameless(folder: &Path) -> io::Result<File> {
    tempfile::tempfile_in(folder)
}

/// A hidden file for this user only, which is removed unless it gets a final name.
pub(crate) fn hidden(folder: &Path) -> io::Result<NamedTempFile> {
    Builder::new().prefix(HIDDEN.0).suffix(HIDDEN.1).tempfile_in(folder)
}

/// Whether a file has the name of a hidden one: with this mark, that of [`write_marked`].
pub(crate) fn is_hidden(name: &str, mark: &str) -> bool {
    let rest = name.strip_prefix(HIDDEN.0).and_then(|name| name.strip_prefix(mark));
    let chance = rest.and_then(|name| name.strip_suffix(HIDDEN.1));
    chance.is_some_and(|chance| chance.len() == 6 && chance.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// A hidden file with the permissions of other new ones.
fn hidden_like_others(folder: &Path, mark: &str) -> io::Result<NamedTempFile> {
    let prefix = format!("{}{mark}", HIDDEN.0);
    Builder::new().prefix(&prefix).suffix(HIDDEN.1).permissions(creation_mode::usual()).tempfile_in(folder)
}

/// Makes a file with exactly this name, readable by all users.
pub(crate) fn named(folder: &Path, name: &str) -> io::Result<NamedTempFile> {
    Builder::new().prefix(name).rand_bytes(0).permissions(creation_mode::usual()).tempfile_in(folder)
}

/// Makes a temporary folder for this user only.
pub(crate) fn private_folder(folder: &Path, prefix: &std::ffi::OsStr) -> io::Result<TempDir> {
    Builder::new().prefix(prefix).permissions(creation_mode::private_folder()).tempdir_in(folder)
}

/// Removes a folder of this user's and everything in it, also folders without write permission for their owner.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
        removed => return removed,
    }
    let mut waiting = vec![path.to_owned()];
    while let Some(folder) = waiting.pop() {
        fs::set_permissions(&folder, creation_mode::private_folder())?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            waiting.extend(entry.file_type()?.is_dir().then(|| entry.path()));
        }
    }
    fs::remove_dir_all(path)
}

/// Why a file could not be written: a new one cannot be created beside it, or cannot be written or renamed.
#[derive(Debug)]
pub(crate) enum NotWritten<'a> {
    Beside(&'a Path, io::Error),
    Write(io::Error),
    Name(io::Error),
}

/// Writes a file in one step: whole and on the disk, or not at all.
pub(crate) fn write_whole<'a>(path: &'a Path, bytes: &[u8]) -> Result<(), NotWritten<'a>> {
    write_marked(path, "", bytes)
}

/// The same. Until it has its name, its own has this mark.
pub(crate) fn write_marked<'a>(path: &'a Path, mark: &str, bytes: &[u8]) -> Result<(), NotWritten<'a>> {
    let folder = folder_of(path);
    let mut file = hidden_like_others(folder, mark).map_err(|error| NotWritten::Beside(folder, error))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(NotWritten::Write)?;
    file.persist(path).map(drop).map_err(|error| NotWritten::Name(error.error))
}

/// The same for this user only. Until it has its name, its own begins with the prefix.
pub(crate) fn write_private(path: &Path, prefix: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    // Mode 0600 from the start.
    let mut file = Builder::new().prefix(prefix).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name must survive a crash too; but a folder that cannot be synced is not a reason to fail.
    let _ = flush::names(folder);
    Ok(())
}

/// Writes a file in one step, unless the name exists by then: that file stays as it is.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = hidden_like_others(folder_of(path), "")?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    match persist_new(file, path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        named => named.map(drop).map_err(|error| error.error),
    }
}

/// Makes a file ready for its name: it is on the disk, and others may do with it what they may with the file that it replaces.
pub(crate) fn ready(file: &NamedTempFile, path: &Path) -> io::Result<()> {
    owner::share(file.as_file(), path)?;
    flush::file(file.as_file())
}

/// Gives it the name, in the place of what had that, and brings the name to the disk.
pub(crate) fn settle(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map_err(|error| error.error)?;
    flush::names(folder_of(path))
}

/// The same, unless the name exists by now: false.
pub(crate) fn settle_new(file: NamedTempFile, path: &Path) -> io::Result<bool> {
    match persist_new(file, path) {
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        named => named.map_err(|error| error.error)?,
    };
    flush::names(folder_of(path)).map(|()| true)
}

/// Renames a file, unless the name exists by now. Some file systems do not support that.
fn persist_new(temporary: NamedTempFile, path: &Path) -> Result<File, PersistError> {
    const NO_LINKS: [i32; 5] = [libc::EPERM, libc::ENOSYS, libc::EOPNOTSUPP, libc::EINVAL, libc::EMLINK];
    temporary.persist_noclobber(path).or_else(|error| match error.error.raw_os_error() {
        Some(code) if NO_LINKS.contains(&code) && !path.exists() => error.file.persist(path),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By another user, where this one may do everything: in a process of its own.
    #[test]
    fn folders_without_write_permission_are_removed() {
        use std::os::unix::fs::{chown, MetadataExt as _, PermissionsExt as _};
        use std::os::unix::process::CommandExt as _;
        if let Some(tree) = std::env::var_os("OCIREG_TEST_REMOVE") {
            return remove_folder(Path::new(&tree)).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        let tree = folder.path().join("tree");
        fs::create_dir_all(tree.join("deep/er")).unwrap();
        fs::write(tree.join("deep/er/file"), "x").unwrap();
        std::os::unix::fs::symlink("/", tree.join("deep/link")).unwrap();
        let modes =
            [("tree/deep/er/file", 0o444), ("tree/deep/er", 0o555), ("tree/deep", 0o000), ("tree", 0o555), ("", 0o755)];
        for (path, mode) in modes.map(|(path, mode)| (folder.path().join(path), mode)) {
            if is_root {
                chown(&path, Some(65534), None).unwrap();
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let mut other = std::process::Command::new(std::env::current_exe().unwrap());
        let test = "os::temporary::tests::folders_without_write_permission_are_removed";
        other.args(["--exact", test]).env("OCIREG_TEST_REMOVE", &tree);
        if is_root {
            other.uid(65534);
        }
        let done = other.output().unwrap();
        assert!(done.status.success() && !tree.exists(), "{}", String::from_utf8_lossy(&done.stdout));
    }

    #[test]
    fn hidden_files_are_known_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let name = |file: &NamedTempFile| file.path().file_name().unwrap().to_str().unwrap().to_owned();
        let (plain, marked) = (hidden(folder.path()).unwrap(), hidden_like_others(folder.path(), "mark-").unwrap());
        assert!(is_hidden(&name(&plain), "") && !is_hidden(&name(&plain), "mark-"));
        assert!(is_hidden(&name(&marked), "mark-") && !is_hidden(&name(&marked), ""));
        for other in [".backup.partial", ".ocireg-Ab3dE.partial", ".ocireg-Ab3d-9.partial", "ocireg-Ab3dE9.partial"] {
            assert!(!is_hidden(other, ""), "{other}");
        }
    }

    #[test]
    fn a_filter_that_knows_the_plain_question_only_does_not_make_a_folder_unwritable() {
        let answers = |acting: Errno, plain: Result<(), Errno>| {
            can_write(|flags| if flags == AtFlags::EACCESS { Err(acting) } else { plain })
        };
        for refused in [Errno::PERM, Errno::NOSYS] {
            assert!(answers(refused, Ok(())));
            assert!(!answers(refused, Err(Errno::ACCESS)));
        }
        for no in [Errno::ACCESS, Errno::ROFS, Errno::NOENT] {
            assert!(!answers(no, Ok(())), "{no}");
        }
    }
}
