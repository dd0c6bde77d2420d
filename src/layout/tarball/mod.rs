//! Tar files that hold images.

pub(crate) mod bytes;
pub(crate) mod read;
pub(crate) mod write;
