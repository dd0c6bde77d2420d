//! What the requests of protocol v2 are about, and its path (distribution-spec "Endpoints"). No other file writes such a path
//! (`registry_v1/path.rs` has those of protocol v1); the base that it is below is the registry's.

use std::fmt;

use crate::digest::Digest;

/// What of a repository, or of a registry, a request is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource<'a> {
    /// The API itself, for a ping (end-1).
    Api,
    /// The list of repositories, which is distribution's and no part of the specification.
    Catalog,
    /// The list of tags (end-8).
    Tags,
    /// A manifest by its tag or digest (end-3, end-7, end-9).
    Manifest(&'a str),
    /// A blob (end-2, end-10).
    Blob(&'a Digest),
    /// Where upload sessions begin, and mounts (end-4, end-11).
    Uploads,
    /// An upload session that does not exist: whether writes need an authorization is asked there, and nothing comes of it.
    NoUpload,
    /// The list of a manifest's referrers (end-12).
    Referrers(&'a Digest),
}

/// What each path begins with.
pub(crate) const VERSION: &str = "v2/";

impl Resource<'_> {
    /// Its path below the registry's base; `repository` is empty for the registry itself.
    pub(crate) fn path(self, repository: &str) -> String {
        match repository {
            "" => format!("{VERSION}{self}"),
            name => format!("{VERSION}{name}/{self}"),
        }
    }
}

/// The path below that of the repository.
impl fmt::Display for Resource<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::Api => Ok(()),
            Resource::Catalog => out.write_str("_catalog"),
            Resource::Tags => out.write_str("tags/list"),
            Resource::Manifest(name) => write!(out, "manifests/{name}"),
            Resource::Blob(digest) => write!(out, "blobs/{digest}"),
            Resource::Uploads => out.write_str("blobs/uploads/"),
            Resource::NoUpload => out.write_str("blobs/uploads/00000000-0000-0000-0000-000000000000"),
            Resource::Referrers(digest) => write!(out, "referrers/{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    /// Mirrors, prefixes and schemes are chosen where paths become URLs: a path written elsewhere would miss that.
    #[test]
    fn nobody_else_writes_paths() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // Layouts have blobs too.
                if path.is_dir() && !path.ends_with("layout") {
                    folders.push(path);
                    continue;
                }
                let theirs = ["src/resource.rs", "registry_v1/path.rs"].iter().any(|file| path.ends_with(file));
                if path.is_dir() || theirs || path.ends_with("tests.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let v2 = ["\"v2/", "manifests/{", "blobs/{", "\"blobs/uploads/\"", "referrers/{", "\"tags/list\""];
                for written in v2.into_iter().chain(["\"v1/", "repositories/{", "images/{"]) {
                    assert!(!code.contains(written), "{} writes {written}: use Resource or V1Path", path.display());
                }
            }
        }
    }

    #[test]
    fn paths_are_those_of_the_specification() {
        let digest = Algorithm::Sha256.digest(b"");
        for (resource, repository, path) in [
            (Resource::Api, "", "v2/".to_owned()),
            (Resource::Catalog, "", "v2/_catalog".to_owned()),
            (Resource::Tags, "a/b", "v2/a/b/tags/list".to_owned()),
            (Resource::Manifest("v1"), "a", "v2/a/manifests/v1".to_owned()),
            (Resource::Manifest(digest.as_str()), "a", format!("v2/a/manifests/{digest}")),
            (Resource::Blob(&digest), "a", format!("v2/a/blobs/{digest}")),
            (Resource::Uploads, "a", "v2/a/blobs/uploads/".to_owned()),
            (Resource::Referrers(&digest), "a", format!("v2/a/referrers/{digest}")),
        ] {
            assert_eq!(resource.path(repository), path);
        }
    }
}
