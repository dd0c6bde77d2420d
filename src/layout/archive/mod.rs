//! Archives: a layout in a tar, and what `docker save` writes.

mod archive_of_several;
mod archive_reader;
mod archive_store;
mod change;
mod config_name;
mod contents;
mod existing_archive;
mod image_check;
mod list_agreement;
mod list_names;
mod read;
mod replace;
mod saved_images;
mod size_limit;
mod spooled_blobs;
mod staged_and_kept;
mod staging;
mod staging_folder;
mod staging_removal;
mod write;
mod written_manifest_json;

pub(crate) use archive_of_several::ArchiveOfSeveral;
pub use archive_reader::ArchiveReader;
pub(crate) use archive_reader::ListedAs;
pub use write::ArchiveWriter;

use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::layout::oci::check_new_name;
use crate::reference::Reference;

/// The formats of archives that are read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A tar of an OCI layout.
    Oci,
    /// An archive for `docker load`.
    Docker,
}

impl ArchiveFormat {
    pub(crate) fn transport(self) -> &'static str {
        match self {
            ArchiveFormat::Oci => "oci-archive",
            ArchiveFormat::Docker => "docker-archive",
        }
    }

    /// An archive for Docker names images with repository and tag: `docker load` refuses another name.
    fn full_name(self, name: &str) -> Result<String> {
        if self == ArchiveFormat::Oci {
            return check_new_name(name).map(|()| name.to_owned());
        }
        let reference = Reference::parse(name, None)?;
        let short = name.strip_suffix(&format!(":{}", reference.tag().unwrap_or_default())).unwrap_or(name);
        let short = short.strip_prefix("docker.io/").unwrap_or(short);
        let short = short.strip_prefix("library/").unwrap_or(short);
        if format!("sha256:{short}").parse::<Digest>().is_ok() || short == "sha256" {
            let message =
                format!("'{name}' is not an image name for docker load, which would take it for an image's ID");
            return Err(Error::new(Code::InvalidReference, message));
        }
        match (reference.digest(), reference.tag()) {
            (Some(_), _) => {
                let message = format!("'{name}' has a digest; an image in a docker-archive has a name and a tag");
                Err(Error::new(Code::InvalidReference, message))
            }
            (None, Some(tag)) if name.ends_with(&format!(":{tag}")) => Ok(name.to_owned()),
            _ => Ok(format!("{name}:latest")),
        }
    }
}
