//! The paths of protocol v1. No other file writes one; the base that they are below is the index's or a registry's.

use std::fmt;

use super::id::ImageId;
use crate::http::location::RequestTarget;

/// What of a server of protocol v1 a request is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum V1Path<'a> {
    Ping,
    Search,
    /// Accounts, for a login.
    Users,
    /// A repository by its name.
    Repository(&'a str),
    Images(&'a str),
    Tags(&'a str),
    /// A tag of a repository.
    Tag(&'a str, &'a str),
    /// An image and its ancestors.
    Ancestry(&'a ImageId),
    /// An image's JSON.
    Json(&'a ImageId),
    Layer(&'a ImageId),
    Checksum(&'a ImageId),
}

impl fmt::Display for V1Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("v1/")?;
        match self {
            V1Path::Ping => out.write_str("_ping"),
            V1Path::Search => out.write_str("search"),
            V1Path::Users => out.write_str("users/"),
            V1Path::Repository(name) => write!(out, "repositories/{name}/"),
            V1Path::Images(name) => write!(out, "repositories/{name}/images"),
            V1Path::Tags(name) => write!(out, "repositories/{name}/tags"),
            V1Path::Tag(name, tag) => write!(out, "repositories/{name}/tags/{tag}"),
            V1Path::Ancestry(id) => write!(out, "images/{id}/ancestry"),
            V1Path::Json(id) => write!(out, "images/{id}/json"),
            V1Path::Layer(id) => write!(out, "images/{id}/layer"),
            V1Path::Checksum(id) => write!(out, "images/{id}/checksum"),
        }
    }
}

impl From<V1Path<'_>> for RequestTarget {
    fn from(path: V1Path<'_>) -> RequestTarget {
        RequestTarget::Path(path.to_string())
    }
}
