//! Manifests: get, head, put, delete (distribution-spec end-3, end-7, end-9), by tag, by digest or by both.

mod conditional_tag;
mod delete;
mod get;
mod put;
mod put_once;

pub(crate) use delete::delete_at;
pub use delete::{DeleteOptions, DeletedManifest};
pub(crate) use get::{accept_header, check_wanted, fetch, head, head_of};
pub use get::{GetOptions, HeadOptions, Manifest, ManifestHead};
pub(crate) use put::read_put;
pub use put::{PutManifest, PutOptions};

use crate::digest::Digest;
use crate::reference::Reference;
use crate::resource::Resource;

/// What a reference names: by its digest, else by its tag.
pub(crate) fn named(reference: &Reference) -> Resource<'_> {
    Resource::Manifest(reference.digest().map(Digest::as_str).or(reference.tag()).unwrap_or("latest"))
}
