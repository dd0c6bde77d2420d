//! Bytes on their way: where they come from, where they wait, and what is done to them as they pass. It knows no registry, no layout
//! and no HTTP.

pub mod blob;
pub(crate) mod gunzip;
pub(crate) mod hashing;
pub(crate) mod local_bytes;
pub mod pack;
pub(crate) mod replay;
pub mod source;
pub(crate) mod spool;
pub(crate) mod unpack;
