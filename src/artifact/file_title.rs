//! The titles of an artifact's files: the names under which they are pulled, and so paths of strangers (OCI image-spec annotations.md,
//! `org.opencontainers.image.title`). Pure.

use std::path::{Component, Path, PathBuf};

use crate::error::{Code, Error, Result};
use crate::tar::names::{clean, is_within, DEEPEST};
use crate::text::{is_obeyed, shorten};

/// The annotation that holds a title.
pub(super) const TITLE: &str = "org.opencontainers.image.title";
/// Under a name that begins so, files wait in the folder that they are pulled into.
pub(super) const WAITING: &str = ".ocireg-pull";

/// Why no file may have a title.
type BadTitle = String;

/// The path of a title, from the folder on and clean; empty for `.`, the folder itself.
pub(super) fn path_of(title: &str) -> std::result::Result<String, BadTitle> {
    let why = |why: &str| Err(why.to_owned());
    match title {
        "" => return why("is empty"),
        title if title.contains(is_obeyed) => return why("contains control characters"),
        title if title.starts_with('/') => return why("is an absolute path"),
        title if title.split('/').any(|part| part == "..") => return why("leads out of its folder"),
        _ => {}
    }
    let Ok(path) = clean(title.as_bytes()) else {
        return Err(format!("has a part of more than 255 bytes, or more than {DEEPEST} parts"));
    };
    let path = String::from_utf8_lossy(&path).into_owned();
    match is_where_files_wait(path.as_bytes()) {
        true => Err(format!("begins with {WAITING}, which is reserved for temporary files")),
        false => Ok(path),
    }
}

/// Whether a clean path is in the folder in which files wait, or may be where letters of either case are the same.
pub(super) fn is_where_files_wait(path: &[u8]) -> bool {
    path.get(..WAITING.len()).is_some_and(|first| first.eq_ignore_ascii_case(WAITING.as_bytes()))
}

/// Why two of the paths of one artifact cannot both be made: they are the same, or one is in the other.
pub(super) fn clash<'a>(paths: impl Iterator<Item = &'a str>) -> Option<BadTitle> {
    let mut sorted: Vec<&str> = paths.collect();
    // A folder comes just before what is in it.
    sorted.sort_by(|one, other| one.split('/').cmp(other.split('/')));
    sorted.windows(2).find_map(|pair| match (pair[0], pair[1]) {
        (one, other) if one == other => Some(format!("two files have the title '{}'", shorten(one))),
        (one, other) if is_within(other.as_bytes(), one.as_bytes()) => {
            Some(format!("the title '{}' is in '{}', which is a title too", shorten(other), shorten(one)))
        }
        _ => None,
    })
}

/// Paths that are one name where a file system takes letters of either case for the same.
pub(super) fn alike<'a>(paths: impl Iterator<Item = &'a str>) -> Option<(&'a str, &'a str)> {
    let mut sorted: Vec<(String, &str)> = paths.map(|path| (path.to_lowercase(), path)).collect();
    sorted.sort();
    sorted.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1))
}

/// Whether a symbolic link leads nowhere out of a folder, in which it is so many folders deep: only at its beginning does it go up, where
/// folders are real ones.
pub(super) fn stays_within(depth: usize, target: &[u8]) -> bool {
    if target.is_empty() || target.starts_with(b"/") {
        return false;
    }
    let parts = || target.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b"."));
    let ups = parts().take_while(|part| *part == b"..").count();
    ups <= depth && parts().skip(ups).all(|part| part != b"..")
}

/// The title of a file that was given no other: its path, as far as others can have it too.
pub(super) fn usual(path: &Path) -> Result<String> {
    let within = within(path);
    let shown = match &within {
        Some(within) => Some(within.as_path()),
        None => path.file_name().map(Path::new),
    };
    let title = shown.and_then(Path::to_str).ok_or_else(|| untitled(path, "does not end with a name in UTF-8"))?;
    match path_of(title) {
        Ok(path) if path.is_empty() => Ok(".".to_owned()),
        Ok(path) => Ok(path),
        Err(why) => Err(untitled(path, &why)),
    }
}

/// The path without what leads up within it, by its text; None if it is absolute or leads further up.
fn within(path: &Path) -> Option<PathBuf> {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => found.push(name),
            Component::ParentDir if found.pop() => {}
            _ => return None,
        }
    }
    Some(if found.as_os_str().is_empty() { PathBuf::from(".") } else { found })
}

fn untitled(path: &Path, why: &str) -> Error {
    let message = format!("'{}' needs the option title: its path {why}", shorten(&path.to_string_lossy()));
    Error::new(Code::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_lead_nowhere_else() {
        for (title, path) in [
            ("a", "a"),
            ("a/b.txt", "a/b.txt"),
            ("./a//b/.", "a/b"),
            (".", ""),
            ("..a/b..", "..a/b.."),
            ("é/日", "é/日"),
            ("a:b", "a:b"),
        ] {
            assert_eq!(path_of(title).unwrap(), path, "{title}");
        }
        let deep = "a/".repeat(300);
        let long = "a".repeat(256);
        for (title, why) in [
            ("", "empty"),
            ("/etc/passwd", "absolute"),
            ("..", "leads out"),
            ("a/../../b", "leads out"),
            ("a/../b", "leads out"),
            ("a\0b", "control"),
            ("a\nb", "control"),
            ("a\u{1b}[2J", "control"),
            ("a\u{202e}b", "control"),
            (".ocireg-pull/x", "reserved"),
            ("./.ocireg-pull.x", "reserved"),
            (".OCIREG-Pull/x", "reserved"),
            (&deep, "parts"),
            (&long, "255"),
        ] {
            assert!(path_of(title).unwrap_err().contains(why), "{title:?}");
        }
    }

    #[test]
    fn titles_that_cannot_both_be_are_found() {
        let found = |paths: &[&str]| clash(paths.iter().copied());
        assert_eq!(found(&["a", "b/c", "b/d", "a.b", "ab"]), None);
        assert!(found(&["a", "x", "a"]).unwrap().contains("two files"));
        assert!(found(&["b/c/d", "b-x", "b.y", "b"]).unwrap().contains("'b/c/d' is in 'b'"));
        assert!(found(&["", "x"]).unwrap().contains("is in"));
        assert_eq!(alike(["a", "b", "A"].into_iter()), Some(("A", "a")));
        assert_eq!(alike(["a", "b"].into_iter()), None);
    }

    #[test]
    fn links_go_up_at_their_beginning_only() {
        for (depth, target, stays) in [
            (0, "a/b", true),
            (0, "./a", true),
            (0, "..", false),
            (1, "..", true),
            (1, "../a", true),
            (1, "../../a", false),
            // Where x is a link itself, x/.. is not what it looks like.
            (1, "x/../a", false),
            (3, "/a", false),
            (3, "", false),
        ] {
            assert_eq!(stays_within(depth, target.as_bytes()), stays, "{depth} {target}");
        }
    }

    #[test]
    fn a_path_is_a_title_as_far_as_others_can_have_it() {
        for (path, title) in [
            ("a/b", "a/b"),
            ("./a", "a"),
            ("/x/y/z", "z"),
            ("../up/z", "z"),
            (".", "."),
            ("a//b/", "a/b"),
            ("d//sub/../x", "d/x"),
            ("a/../../z", "z"),
            ("a/..", "."),
            ("./a/../b", "b"),
        ] {
            assert_eq!(usual(Path::new(path)).unwrap(), title, "{path}");
        }
        for path in ["/", "..", "a\nb", ".ocireg-pull"] {
            assert_eq!(usual(Path::new(path)).unwrap_err().code(), Code::InvalidArgument, "{path:?}");
        }
    }
}
