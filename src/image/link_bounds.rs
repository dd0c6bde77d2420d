//! Where the links in a folder may lead: for an image the folder is the root; a folder of the caller's is one among others.

pub(crate) enum LinkBounds {
    /// As if the folder were the root.
    Root,
    /// Into the folder, which has this path, and not out of it.
    Within(Vec<u8>),
}

impl LinkBounds {
    /// An absolute target from the folder on; None if it is elsewhere.
    pub(crate) fn after_root<'a>(&self, target: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            LinkBounds::Root => Some(target),
            LinkBounds::Within(path) if path == b"/" => Some(target),
            LinkBounds::Within(path) => {
                target.strip_prefix(path.as_slice()).filter(|rest| rest.is_empty() || rest.starts_with(b"/"))
            }
        }
    }

    /// Whether there is nothing above the folder.
    pub(crate) fn has_nothing_above(&self) -> bool {
        self.after_root(b"/").is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_targets_are_elsewhere_or_below_the_folder() {
        let bounds = LinkBounds::Within(b"/a/b".to_vec());
        for (target, inside) in [("/a/b/c", Some("/c")), ("/a/b", Some("")), ("/a/bc", None), ("/a", None), ("/", None)]
        {
            assert_eq!(bounds.after_root(target.as_bytes()), inside.map(str::as_bytes), "{target}");
        }
        assert!(!bounds.has_nothing_above());
        for bounds in [LinkBounds::Root, LinkBounds::Within(b"/".to_vec())] {
            assert!(bounds.has_nothing_above() && bounds.after_root(b"/x") == Some(b"/x"));
        }
    }
}
