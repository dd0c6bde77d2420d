//! The places on this machine: OCI image layouts and the archives.

pub mod lock;
pub mod oci;
