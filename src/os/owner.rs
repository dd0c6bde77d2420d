//! Whose a file is: what another user wrote, or may write, is not believed as our own is.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use nix::unistd::{fchown, geteuid, Gid, Group, Uid, User};

use super::hidden_name::HIDDEN;
use super::open_folder::{self, FileStatus, OpenFolder};

/// Whether a file belongs to this user.
pub(crate) fn is_own(found: &Metadata) -> bool {
    found.uid() == geteuid().as_raw()
}

/// The number of this user.
pub(crate) fn effective_user() -> u32 {
    geteuid().as_raw()
}

/// Whether this user is root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Whether a file is neither this user's nor root's.
pub(crate) fn is_another_users(found: &Metadata) -> bool {
    !is_own(found) && found.uid() != 0
}

/// Which other users can change a file, as the end of a sentence about it; None if only this user and root can.
pub(crate) fn stranger(found: &Metadata) -> Option<String> {
    if is_another_users(found) {
        return Some(format!("it belongs to another user ({})", found.uid()));
    }
    others_may_write(found).then(|| "other users may write to it".to_owned())
}

/// Whether others than the owner may write. The group does not count where it is the owner's own, as on systems where every user has
/// one and files are made writable for it.
pub(crate) fn others_may_write(found: &Metadata) -> bool {
    let mode = found.mode();
    mode & 0o002 != 0 || mode & 0o020 != 0 && !is_private(found.uid(), found.gid())
}

/// Whether it is open to anybody but the owner, in any way.
pub(crate) fn others_may_do_something(found: &Metadata) -> bool {
    found.mode() & 0o077 != 0
}

/// Whether a group is a user's own: it has the user's name, is the user's primary group, and has no other member. root's is not: in
/// containers any user may be in it.
fn is_private(user: u32, group: u32) -> bool {
    if group == 0 {
        return false;
    }
    match (User::from_uid(Uid::from_raw(user)), Group::from_gid(Gid::from_raw(group))) {
        (Ok(Some(user)), Ok(Some(group))) => {
            user.gid == group.gid && user.name == group.name && group.mem.iter().all(|member| *member == user.name)
        }
        _ => false,
    }
}

/// Whether only this user and root can have written a file and given it its name: a regular file without other hard links, in a
/// folder in which no other user can replace it. Links are not followed.
pub(crate) fn is_ours(path: &Path) -> bool {
    let ours = |found: Metadata| found.is_file() && found.nlink() == 1 && stranger(&found).is_none();
    fs::symlink_metadata(path).is_ok_and(ours)
        && fs::metadata(folder_of(path)).is_ok_and(|found| stranger(&found).is_none())
}

/// Gives a file that was private while it was written the permissions and group of the file that it replaces, or else those of a
/// new file in its folder. The umask or the folder's default ACL decides, and only the kernel knows both. If another user owns the
/// replaced file it gets no more permissions than a new one, and none for a group that it cannot be given to.
pub(crate) fn share(file: &File, target: &Path) -> io::Result<()> {
    let old = fs::symlink_metadata(target).ok().filter(Metadata::is_file);
    let wanted = match &old {
        Some(old) => {
            let gid = file.metadata()?.gid();
            let get_group = || gid == old.gid() || fchown(file, None, Some(Gid::from_raw(old.gid()))).is_ok();
            replacing((old.uid(), old.mode()), get_group, || of_new_files(folder_of(target)))?
        }
        None => of_new_files(folder_of(target))?,
    };
    match file.metadata()?.mode() & 0o777 == wanted {
        true => Ok(()),
        false => file.set_permissions(Permissions::from_mode(wanted)),
    }
}

/// The same for a name in an open folder, of a file that has the permissions of a new one, before it replaces another.
pub(crate) fn share_name(folder: &OpenFolder, name: &[u8], old: &FileStatus) -> io::Result<()> {
    let new = folder.status_of(name)?;
    let get_group = || new.owner.1 == old.owner.1 || folder.set_owner_of(name, (new.owner.0, old.owner.1)).is_ok();
    let wanted = replacing((old.owner.0, old.permissions), get_group, || Ok(new.permissions))?;
    folder.set_permissions_of(name, wanted)
}

/// Gives an open file or folder the group and permissions of what it is a copy of; no permissions for a group that it cannot be given to.
pub(crate) fn share_copy(copy: &impl AsFd, of: &FileStatus) -> io::Result<()> {
    let new = open_folder::status_of(copy)?;
    let has_group = new.owner.1 == of.owner.1 || open_folder::set_owner(copy, (new.owner.0, of.owner.1)).is_ok();
    open_folder::set_permissions(copy, of.permissions & if has_group { 0o7777 } else { 0o5707 })
}

/// The permissions of a file that replaces one of this owner and mode.
fn replacing(
    (owner, mode): (u32, u32),
    get_group: impl FnOnce() -> bool,
    usual: impl FnOnce() -> io::Result<u32>,
) -> io::Result<u32> {
    match owner == geteuid().as_raw() {
        true => Ok(mode & if get_group() { 0o777 } else { 0o707 }),
        // Whose group has a say is not for a stranger to choose.
        false => Ok(mode & usual()? & 0o777),
    }
}

fn of_new_files(folder: &Path) -> io::Result<u32> {
    let like_others = Permissions::from_mode(0o666);
    let new =
        tempfile::Builder::new().prefix(HIDDEN.0).suffix(HIDDEN.1).permissions(like_others).tempfile_in(folder)?;
    Ok(new.as_file().metadata()?.mode() & 0o777)
}

/// Whether a file could not be removed because it is another user's, in a folder with the sticky bit.
pub(crate) fn is_kept_for_its_owner(error: &io::Error, facts: &Metadata) -> bool {
    error.raw_os_error() == Some(libc::EPERM) && !is_own(facts)
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_may_have_written_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        fs::write(&path, "text").unwrap();
        mode(&path, 0o644);
        assert!(is_ours(&path));
        for (bits, why) in [(0o646, true), (0o666, true), (0o604, false), (0o755, false)] {
            mode(&path, bits);
            assert_eq!(stranger(&path.metadata().unwrap()).is_some(), why, "{bits:o}");
            assert_eq!(is_ours(&path), !why, "{bits:o}");
        }
        mode(folder.path(), 0o777);
        assert!(!is_ours(&path), "others can put another in its place");
        mode(folder.path(), 0o700);
        let (link, other) = (folder.path().join("link"), folder.path().join("other"));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(!is_ours(&link));
        fs::hard_link(&path, &other).unwrap();
        assert!(!is_ours(&path) && !is_ours(&other), "it has another name");
        assert!(!is_ours(folder.path()) && !is_ours(Path::new("nothing")));
    }

    #[test]
    fn the_group_counts_unless_it_is_the_owners_own() {
        if !geteuid().is_root() {
            return;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let with = |owner, group| {
            std::os::unix::fs::chown(file.path(), Some(owner), Some(group)).unwrap();
            fs::set_permissions(file.path(), Permissions::from_mode(0o664)).unwrap();
            stranger(&file.path().metadata().unwrap())
        };
        assert!(with(0, 0).unwrap().contains("other users may write"));
        assert!(with(0, 12345).unwrap().contains("other users may write"));
        assert!(with(12345, 0).unwrap().contains("another user (12345)"));
    }

    #[test]
    fn a_shared_file_is_like_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        let file = File::create(&one).unwrap();
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
        share(&file, &folder.path().join("new")).unwrap();
        fs::write(&other, "").unwrap();
        assert_eq!(one.metadata().unwrap().mode(), other.metadata().unwrap().mode());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_replaces_a_file_has_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (one, old) = (folder.path().join("one"), folder.path().join("old"));
        let file = File::create(&one).unwrap();
        fs::write(&old, "").unwrap();
        let shared = |bits: u32, owner: Option<u32>| {
            std::os::unix::fs::chown(&old, owner, None).unwrap();
            fs::set_permissions(&old, Permissions::from_mode(bits)).unwrap();
            share(&file, &old).unwrap();
            file.metadata().unwrap().mode() & 0o7777
        };
        for bits in [0o640, 0o600, 0o666, 0o755] {
            assert_eq!(shared(bits, None), bits, "{bits:o}");
        }
        assert_eq!(shared(0o4755, None), 0o755);
        if geteuid().is_root() {
            std::os::unix::fs::chown(&old, None, Some(4321)).unwrap();
            assert_eq!((shared(0o660, None), file.metadata().unwrap().gid()), (0o660, 4321));
            fchown(&file, None, Some(Gid::from_raw(0))).unwrap();
            assert_eq!((shared(0o640, Some(12345)), file.metadata().unwrap().gid()), (0o640, 0));
            assert_eq!(shared(0o777, Some(12345)), 0o644, "a stranger's file opens nothing");
        }
    }

    /// By another user, in a process of its own: root may give any group.
    #[test]
    fn a_copy_opens_nothing_to_another_group() {
        use std::os::unix::process::CommandExt as _;
        if let Some(folder) = std::env::var_os("OCIREG_TEST_COPY") {
            let folder = Path::new(&folder);
            let copied = |name: &str| {
                let copy = File::create(folder.join("copy")).unwrap();
                let of = open_folder::status_of(&File::open(folder.join(name)).unwrap()).unwrap();
                share_copy(&copy, &of).unwrap();
                let found = copy.metadata().unwrap();
                (found.mode() & 0o7777, found.gid())
            };
            assert_eq!(copied("ours"), (0o2664, 65_534));
            return assert_eq!(copied("theirs"), (0o604, 65_534), "not of that group, and for no other");
        }
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        for (name, group) in [("", 65_534), ("ours", 65_534), ("theirs", 4321)] {
            let path = folder.path().join(name);
            if !name.is_empty() {
                File::create(&path).unwrap();
            }
            std::os::unix::fs::chown(&path, Some(65_534), Some(group)).unwrap();
            let mode = if name.is_empty() { 0o700 } else { 0o2664 };
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        let mut other = std::process::Command::new(std::env::current_exe().unwrap());
        other.args(["--exact", "os::owner::tests::a_copy_opens_nothing_to_another_group"]);
        let done = other.env("OCIREG_TEST_COPY", folder.path()).gid(65_534).uid(65_534).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.contains("1 passed"), "{said}");
    }
}
