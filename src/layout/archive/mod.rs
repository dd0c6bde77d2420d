//! Archives: a layout in a tar, and what `docker save` writes.

mod read;
mod write;

use serde::{Deserialize, Serialize};

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

/// The annotation by which containerd and Docker name an image.
const IMAGE_NAME: &str = "io.containerd.image.name";

/// An entry of Docker's `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// `alpine` and `docker.io/library/alpine:latest` are one.
fn same_image(one: &str, other: &str) -> bool {
    let full = |text: &str| crate::reference::Reference::parse(text, None).map(|reference| reference.canonical_ref());
    one == other || matches!((full(one), full(other)), (Ok(one), Ok(other)) if one == other)
}
