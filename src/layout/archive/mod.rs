//! Archives: a layout in a tar, and what `docker save` writes.

mod agree;
mod config_name;
mod docker;
mod folder;
mod kept;
mod read;
mod saved;
mod staging;
mod waiting;
mod write;

pub use read::ArchiveReader;
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
