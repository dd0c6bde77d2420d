//! The file system of an image as one tar archive.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use super::extract::{diff_ids, ExtractedLayer};
use super::flat::{give_up, write_tar, FlatLayers, Picks};
use super::layer::UnpackLimits;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::os::output_target::Target;
use crate::os::owner::folder_of;
use crate::os::temporary;
use crate::platform::Platform;
use crate::store::served_by::Senders;
use crate::store::ReadStore;

options! {
    /// Options of [`export`].
    #[derive(Debug, Clone)]
    pub struct ExportOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// the most bytes to unpack
        pub max_bytes: u64 = 68_719_476_736,
        /// the most bytes of a layer for each packed one, from the first GiB on
        pub max_ratio: u64 = 250,
    }
}

/// What was exported.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// The image's digest.
    pub digest: Digest,
    /// The platform in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The layers, the oldest first.
    pub layers: Vec<ExtractedLayer>,
    /// Regular files in the archive.
    pub files: u64,
    /// Folders in the archive.
    pub directories: u64,
    /// Symbolic links in the archive.
    pub symlinks: u64,
    /// Hard links in the archive.
    pub hard_links: u64,
    /// Devices and pipes in the archive.
    pub devices: u64,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// Bytes of the archive.
    pub size: u64,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
}

/// Writes the file system of an image as a tar archive. After an error what was written must not be trusted, and no reader takes it
/// for whole.
pub fn export(call: &Call, store: &dyn ReadStore, out: &mut dyn Write, options: &ExportOptions) -> Result<Exported> {
    let (image, layers, ids) = find(call, store, options).inspect_err(|_| give_up(out))?;
    let limits = UnpackLimits::new(options.max_bytes, options.max_ratio);
    let total = layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size));
    call.begin("export", Some(total)).inspect_err(|_| give_up(out))?;
    let source = FlatLayers::new(call, store, (&layers, ids.as_deref()), limits);
    let (layers, counts) = write_tar(source, Picks::All, out).map_err(|error| image.layers_error(error))?;
    Ok(Exported {
        digest: image.content.digest().clone(),
        platform: image.platform,
        path: None,
        layers,
        files: counts.files,
        directories: counts.directories,
        symlinks: counts.symlinks,
        hard_links: counts.hard_links,
        devices: counts.devices,
        bytes: counts.bytes,
        size: counts.size,
        served_by: Senders::of(call),
    })
}

/// The same of a place that is opened for it: where that fails, no reader takes the nothing that was written for an archive of nothing.
pub fn export_from(
    call: &Call,
    open: impl FnOnce() -> Result<Box<dyn ReadStore>>,
    out: &mut dyn Write,
    options: &ExportOptions,
) -> Result<Exported> {
    let store = open().inspect_err(|_| give_up(out))?;
    export(call, store.as_ref(), out, options)
}

type FoundImage = (Image, Vec<Descriptor>, Option<Vec<Digest>>);

fn find(call: &Call, store: &dyn ReadStore, options: &ExportOptions) -> Result<FoundImage> {
    let image = Image::find(call, store, options.platform.as_deref())?;
    let layers = image.layers(call, store)?;
    let ids = diff_ids(call, store, &image, layers.len())?;
    Ok((image, layers, ids))
}

/// Writes it to a file, which appears under its name only whole and verified; or into a pipe or device, which gets the bytes as they
/// come.
pub fn export_file(call: &Call, store: &dyn ReadStore, path: &Path, options: &ExportOptions) -> Result<Exported> {
    write_to(call, path, |out| export(call, store, out, options))
}

/// The same of a place that is opened for it: where that fails, the reader of a pipe gets something that is not an archive, and its end.
pub fn export_file_from(
    call: &Call,
    open: impl FnOnce() -> Result<Box<dyn ReadStore>>,
    path: &Path,
    options: &ExportOptions,
) -> Result<Exported> {
    write_to(call, path, |out| export_from(call, open, out, options))
}

fn write_to(call: &Call, path: &Path, export: impl FnOnce(&mut dyn Write) -> Result<Exported>) -> Result<Exported> {
    let shown = Some(path.display().to_string());
    let target = match Target::of(path)? {
        Target::Replace(target) => target,
        Target::Through(through) => {
            let file = call.open_through(through)?;
            return Ok(Exported { path: shown, ..export(&mut call.output(&file)?)? });
        }
    };
    let cannot = |error: std::io::Error| Error::io(format!("cannot write {}", path.display()), &error);
    let mut whole = temporary::hidden(folder_of(&target)).map_err(cannot)?;
    let exported = export(whole.as_file_mut())?;
    temporary::ready(&whole, &target).map_err(cannot)?;
    call.check()?;
    temporary::settle(whole, &target).map_err(cannot)?;
    Ok(Exported { path: shown, ..exported })
}
