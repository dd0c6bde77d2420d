//! The places on this machine: OCI image layouts and the archives.

pub mod archive;
pub mod check;
pub mod directory;
mod flush_queue;
pub mod index;
pub mod lock;
pub mod names;
mod needed;
pub mod oci;
pub mod tarball;
