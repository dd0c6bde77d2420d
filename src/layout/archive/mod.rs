//! Archives: a layout in a tar, and what `docker save` writes.

mod config_name;
mod docker;
mod existing_archive;
mod list_agreement;
mod read;
mod saved;
mod several;
mod spooled_blobs;
mod staging;
mod staging_folder;
mod write;

pub use read::ArchiveReader;
pub use several::{ArchiveOfSeveral, ArchivePart};
pub use write::ArchiveWriter;

/// Which archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A tar of an OCI layout.
    Oci,
    /// An archive for `docker load`.
    Docker,
}

impl ArchiveFormat {
    fn transport(self) -> &'static str {
        match self {
            ArchiveFormat::Oci => "oci-archive",
            ArchiveFormat::Docker => "docker-archive",
        }
    }
}
