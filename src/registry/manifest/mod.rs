//! Manifests: get, head, put, delete (distribution-spec end-3, end-7, end-9), by tag, by digest or by both.

mod delete;
mod get;
mod put;
mod untag;

pub(crate) use delete::delete;
pub use delete::{DeleteOptions, Deleted, DeletedManifest};
pub use get::{GetOptions, Head, HeadOptions, Manifest};
pub use put::{Put, PutOptions};
pub use untag::{Fate, UntagOptions, Untagged};

use crate::digest::Digest;
use crate::reference::Reference;
use crate::resource::Resource;

/// What a reference names: by its digest, else by its tag.
fn named(reference: &Reference) -> Resource<'_> {
    Resource::Manifest(reference.digest().map(Digest::as_str).or(reference.tag()).unwrap_or("latest"))
}
