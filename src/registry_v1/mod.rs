//! Protocol v1, which registries spoke until 2015: an index that knows what an account may do, and registries that store
//! images. Source: docker-registry 0.9.1, its last server, and Docker's "Registry API" and "Hub API" of that time.
//!
//! Nothing here is addressed by content. An image's ID is a name that its author chose, so what a server sends under it
//! can be checked only against a checksum from the same server: results say what was verified. IDs and names are
//! checked before they become part of a URL.

mod cookies;
pub mod detect;
pub mod id;
pub mod index;
mod index_server;
mod index_session;
pub mod layer;
pub mod login;
mod path;
pub mod read;
mod repo;
pub mod write;

pub use repo::V1Repository;

use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::http::response::Response;

/// The most that is read of a document: an image's JSON, an ancestry, a list.
const LARGEST: u64 = 4 << 20;
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// Parses the body of a response as JSON.
fn json(bytes: &[u8], response: &Response, what: &str) -> Result<Value> {
    crate::json::parse(bytes)
        .map_err(|error| Error::new(Code::Protocol, format!("{what} {}", error.verdict())).with_url(&response.url))
}

/// The error for a response that violates the protocol.
fn wrong(response: &Response, what: impl Into<String>) -> Error {
    Error::new(Code::Protocol, what).with_url(&response.url)
}

/// The tag of a reference, which must have no digest: v1 has none.
pub(crate) fn tag_of(reference: &crate::reference::Reference) -> Result<&str> {
    match (reference.tag(), reference.digest()) {
        (Some(tag), None) => Ok(tag),
        _ => Err(Error::new(
            Code::InvalidReference,
            format!("'{reference}' is not HOST/REPOSITORY:TAG; protocol v1 has no digests"),
        )),
    }
}
