//! The places on this machine: OCI image layouts and the archives.

pub(crate) mod archive;
pub mod check;
pub mod directory;
mod flush_queue;
mod forgotten_files;
pub(crate) mod index;
mod index_change;
mod index_entry;
mod index_limit;
mod kept_referrers;
mod listed_manifest;
pub(crate) mod lock;
pub(crate) mod names;
pub mod oci;
mod reachable_blobs;
mod received_blob;
mod referrers;
pub(crate) mod tarball;
mod weak_referrers;

pub(crate) use index_entry::whole_name;
