//! Tar files that hold images.

pub mod bytes;
pub mod read;
pub mod write;
