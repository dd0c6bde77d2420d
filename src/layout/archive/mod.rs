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
pub enum Form {
    /// A tar of an OCI layout.
    Oci,
    /// What `docker load` reads.
    Docker,
}

impl Form {
    fn transport(self) -> &'static str {
        match self {
            Form::Oci => "oci-archive",
            Form::Docker => "docker-archive",
        }
    }
}
