//! Tar files that hold images.

pub mod read;
pub mod write;
