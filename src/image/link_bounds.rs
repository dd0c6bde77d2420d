//! Where the links in a folder may lead: for an image the folder is the root; a folder of the caller's is one among others.

use std::path::{Path, PathBuf};

use crate::os::open_folder::path_of;

pub(crate) enum LinkBounds {
    /// As if the folder were the root.
    Root,
    /// Into the folder, which has these absolute paths (the one behind all links, and the caller's), and not out of it.
    Within(Vec<PathBuf>),
}

impl LinkBounds {
    /// An absolute target from the folder on; None if it is elsewhere.
    pub(crate) fn after_root<'a>(&self, target: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            LinkBounds::Root => Some(target),
            LinkBounds::Within(paths) => paths.iter().find_map(|path| below(path, target)),
        }
    }

    /// Whether there is nothing above the folder.
    pub(crate) fn has_nothing_above(&self) -> bool {
        self.after_root(b"/").is_some()
    }
}

/// What follows the folder's path in a target, which may be written with more slashes and single dots.
fn below<'a>(folder: &Path, target: &'a [u8]) -> Option<&'a [u8]> {
    path_of(target).strip_prefix(folder).ok().map(|rest| rest.as_os_str().as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_targets_are_elsewhere_or_below_the_folder() {
        let bounds = LinkBounds::Within(vec!["/a/b".into(), "/home/x".into()]);
        for (target, inside) in [
            ("/a/b/c", Some("c")),
            ("/a/b", Some("")),
            ("//a/./b//c/..", Some("c/..")),
            ("/home/x/c", Some("c")),
            ("/a/../a/b/c", None),
            ("/home/a/b", None),
            ("/a/bc", None),
            ("/a", None),
            ("/", None),
        ] {
            assert_eq!(bounds.after_root(target.as_bytes()), inside.map(str::as_bytes), "{target}");
        }
        assert!(!bounds.has_nothing_above());
        for (bounds, rest) in [(LinkBounds::Root, "/x"), (LinkBounds::Within(vec!["/".into()]), "x")] {
            assert!(bounds.has_nothing_above() && bounds.after_root(b"/x") == Some(rest.as_bytes()));
        }
    }
}
