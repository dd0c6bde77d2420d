//! Artifacts: files under titles, with a type, at any place (OCI image-spec manifest.md, "Guidelines for Artifact Usage"), in the way of
//! oras. It does not know any kind of place: the copy engine moves what is made here.

mod artifact_parts;
mod destination;
mod disk_copy;
mod file_choice;
mod file_title;
mod folder_level;
mod folder_tar;
mod other_disk;
pub mod pull;
mod pull_staging;
pub mod push;
mod unpack_folder;
mod unpacked_folder;

pub(crate) use artifact_parts::waiting;
pub use artifact_parts::{Artifact, PartOptions, StreamPartOptions};
pub use file_choice::SkippedFile;

/// The annotations of a folder's layer: that it is to be unpacked, and the digest of its tar (oras).
const UNPACK: &str = "io.deis.oras.content.unpack";
const TAR_DIGEST: &str = "io.deis.oras.content.digest";
