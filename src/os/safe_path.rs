//! The path of a folder that is written to or cleaned. Links in it are followed by the kernel's rules of protected_symlinks (proc(5)):
//! these are not enabled everywhere, and never apply in a folder that all users may write to if it has no sticky bit.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::unistd::geteuid;

use super::flush;
use super::open_folder::{FileStatus, OpenFolder};
use super::owner;
use super::special_file::name_of;

/// As many links as the kernel follows.
pub(crate) const MOST_LINKS: usize = 40;
/// A folder in which all users may create files, such as /tmp.
const SHARED: u32 = 0o002;
const IN_SHARED: &str = " in a folder that all users may write to";

/// Resolves the links of a path. Parts that do not exist yet are left unchanged.
pub(crate) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let names = |path: &Path| path.components().rev().map(own).collect::<Vec<_>>();
    let mut here = if path.is_absolute() { PathBuf::from("/") } else { std::env::current_dir()? };
    let (mut waiting, mut links) = (names(path), 0);
    while let Some(name) = waiting.pop() {
        match name.as_os_str().as_encoded_bytes() {
            b"/" => here = PathBuf::from("/"),
            b"." => {}
            b".." => drop(here.pop()),
            _ => {
                let full = here.join(&name);
                let found = match fs::symlink_metadata(&full) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        let rest = waiting.into_iter().rev();
                        return match rest.clone().any(|name| name == Path::new("..")) {
                            true => Err(error),
                            false => Ok(rest.fold(full, |path, name| path.join(name))),
                        };
                    }
                    found => found?,
                };
                if !found.is_symlink() {
                    here = full;
                    continue;
                }
                refuse_trap(&fs::metadata(&here)?, &found)?;
                links += 1;
                if links > MOST_LINKS {
                    return Err(io::Error::other(format!("it leads through more than {MOST_LINKS} links")));
                }
                match here.starts_with("/proc") {
                    // Their text is not always the name of where they lead.
                    true => here = full.canonicalize()?,
                    false => waiting.extend(names(&fs::read_link(&full)?)),
                }
            }
        }
    }
    Ok(here)
}

/// Makes a folder and those above it, if they are missing, and brings their names to the disk. Links are checked again afterwards: once
/// the folder exists, no other user can replace it by a link.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let real = resolve(path)?;
    let missing = real.ancestors().take_while(|folder| !folder.exists()).count();
    fs::create_dir_all(&real)?;
    resolve(path)?;
    // Its own name too where it is there: a process that was killed may have made it just now.
    real.ancestors().take(missing.max(1)).try_for_each(|made| flush::names(owner::folder_of(made)))
}

fn own(part: Component<'_>) -> PathBuf {
    PathBuf::from(part.as_os_str())
}

/// In a shared folder a stranger's link or pipe is a trap.
pub(crate) fn refuse_trap(folder: &Metadata, found: &Metadata) -> io::Result<()> {
    let ours = [geteuid().as_raw(), folder.uid()];
    match folder.mode() & SHARED != 0 && !ours.contains(&found.uid()) {
        true => Err(trap(found, IN_SHARED)),
        false => Ok(()),
    }
}

/// The same of a link in an open folder.
pub(crate) fn refuse_trap_in(folder: &OpenFolder, link: &FileStatus) -> io::Result<()> {
    let above = folder.status()?;
    if above.permissions & SHARED == 0 {
        return Ok(());
    }
    match [geteuid().as_raw(), above.owner.0].contains(&link.owner.0) {
        true => Ok(()),
        false => Err(strangers("a symbolic link", IN_SHARED)),
    }
}

/// Refuses a link of another user in the place of something that this user changes.
pub(crate) fn refuse_strangers_link(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() && ![geteuid().as_raw(), 0].contains(&found.uid()) => Err(trap(&found, "")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn trap(found: &Metadata, place: &str) -> io::Error {
    strangers(name_of(found.file_type()), place)
}

fn strangers(what: &str, place: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("it is {what} of another user{place}"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{lchown, symlink, PermissionsExt};

    use super::*;

    #[test]
    fn links_lead_where_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for (link, to) in [("up", "a/b/.."), ("a/out", "../a/b"), ("on", "up"), ("new", "a/none/yet"), ("loop", "loop")]
        {
            symlink(to, root.join(link)).unwrap();
        }
        symlink(root.join("a"), root.join("whole")).unwrap();
        for (path, wanted) in [
            ("a/b", "a/b"),
            ("up/b", "a/b"),
            ("on/out/./x/y", "a/b/x/y"),
            ("new", "a/none/yet"),
            ("new/more", "a/none/yet/more"),
            ("whole/b/../../z", "z"),
        ] {
            assert_eq!(resolve(&root.join(path)).unwrap(), root.join(wanted), "{path}");
        }
        assert!(resolve(&root.join("loop/x")).unwrap_err().to_string().contains("links"));
        assert_eq!(resolve(&root.join("none/../a")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(resolve(Path::new("x")).unwrap(), std::env::current_dir().unwrap().join("x"));
        assert_eq!(
            resolve(Path::new("/proc/self/cwd")).unwrap(),
            std::env::current_dir().unwrap().canonicalize().unwrap()
        );
    }

    #[test]
    fn strangers_links_are_not_followed_where_everybody_may_put_them() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let (shared, link) = (folder.path().join("shared"), folder.path().join("shared/link"));
        fs::create_dir(&shared).unwrap();
        fs::create_dir(folder.path().join("victim")).unwrap();
        symlink("../victim", &link).unwrap();
        let mode = |mode: u32| fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
        for (owner, bits, good) in [
            (0, 0o1777, true),
            (12345, 0o1777, false),
            (12345, 0o777, false),
            (12345, 0o1755, true),
            (12345, 0o775, true),
        ] {
            lchown(&link, Some(owner), None).unwrap();
            mode(bits);
            for path in [link.clone(), link.join("x/y")] {
                let found = resolve(&path);
                assert_eq!(found.is_ok(), good, "{owner} {bits:o} {found:?}");
                assert!(good || found.unwrap_err().to_string().contains("a symbolic link of another user"));
            }
            assert_eq!(refuse_strangers_link(&link).is_ok(), owner == 0);
        }
    }
}
