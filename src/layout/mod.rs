//! The places on this machine: OCI image layouts and the archives.

pub mod archive;
pub mod check;
pub mod directory;
mod entry;
mod flush_queue;
pub(crate) mod index;
pub(crate) mod lock;
pub(crate) mod names;
mod needed;
pub mod oci;
pub(crate) mod tarball;
