//! Tar files that hold images.

mod bytes;
pub mod read;
pub mod write;
