//! The files of an image, without unpacking them: what is there after the last layer, as extracting would leave it (OCI
//! image-spec layer.md). Only names and headers are kept, and not any number of them.

use serde::Serialize;

use super::extract::{check_diff_id, diff_ids, ExtractedLayer};
use super::flat::FlatLayers;
use super::layer::{UnpackLimits, UnpackedLayer};
use super::listed_tree::{ListedNode, ListedNodes, ListedTree};
use super::marks::LayerEntries;
use super::picked_list;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::platform::Platform;
use crate::store::served_by::Senders;
use crate::store::ReadStore;
use crate::tar::{EntryKind, TarEntry};

options! {
    /// Options of [`files`].
    #[derive(Debug, Clone)]
    pub struct FilesOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// the most bytes to unpack
        pub max_bytes: u64 = 68_719_476_736,
        /// the most bytes of a layer for each packed one, from the first GiB on
        pub max_ratio: u64 = 250,
        /// only these paths of the image, with all below and the folders above them, or patterns
        ///
        /// patterns are those of ocireg_image_extract
        pub paths: Option<Vec<String>>,
    }
}

/// What an image's layers contain together, as an extracted image would have it.
#[derive(Debug, Serialize)]
pub struct ImageFiles {
    /// The image's digest.
    pub digest: Digest,
    /// The platform in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The layers, the oldest first.
    pub layers: Vec<ExtractedLayer>,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// The files, by path.
    pub files: Vec<ListedFile>,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
}

/// One file of the list.
#[derive(Debug, Serialize)]
pub struct ListedFile {
    /// The path, which begins with `/`.
    pub path: String,
    /// `file`, `directory`, `symlink`, `hardlink`, `character`, `block` or `fifo`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The size of a file, or of a hard link's target.
    pub size: u64,
    /// The permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// The target of a symbolic or hard link.
    pub link: Option<String>,
    /// The major and minor number; None of what is not a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceNumbers>,
    /// The layer that has it.
    pub layer: Digest,
}

/// A device's numbers.
#[derive(Debug, Serialize)]
pub struct DeviceNumbers {
    /// The number of the driver.
    pub major: u32,
    /// The number of the driver's device.
    pub minor: u32,
}

/// Lists the files of an image. Every layer is read to its end and verified; for some paths, from the newest on, as far as it takes.
pub fn files(call: &Call, store: &dyn ReadStore, options: &FilesOptions) -> Result<ImageFiles> {
    let image = Image::find(call, store, options.platform.as_deref())?;
    let layers = image.layers(call, store)?;
    let ids = diff_ids(call, store, &image, layers.len())?;
    let limits = UnpackLimits::new(options.max_bytes, options.max_ratio);
    call.begin("files", Some(layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size))))?;
    let source = FlatLayers::new(call, store, (&layers, ids.as_deref()), limits);
    let listed = match &options.paths {
        Some(paths) => picked_list::list(source, paths),
        None => all(source),
    };
    let (unpacked, found) = listed.map_err(|error| image.layers_error(error))?;
    let mut sizes = found.values().filter(|node| node.entry.kind == EntryKind::File).map(|node| node.entry.size);
    // Sparse files may say any size, of which nothing is read.
    let bytes = sizes.try_fold(0, u64::checked_add).filter(|bytes| i64::try_from(*bytes).is_ok());
    let bytes = bytes.ok_or_else(|| Error::new(Code::LimitExceeded, "the files have more than 2^63-1 bytes"))?;
    Ok(ImageFiles {
        digest: image.content.digest().clone(),
        platform: image.platform,
        layers: unpacked,
        bytes,
        files: found.into_iter().map(|(path, node)| node.listed(&path, &layers)).collect(),
        served_by: Senders::of(call),
    })
}

/// All names, with the layers, the oldest first.
fn all(source: FlatLayers) -> Result<(Vec<ExtractedLayer>, ListedNodes)> {
    let FlatLayers { call, store, layers, ids, mut limits, .. } = source;
    let (mut tree, mut unpacked, mut done) = (ListedTree::new(call), Vec::new(), 0u64);
    for (at, layer) in layers.iter().enumerate() {
        let mut entries = LayerEntries::new(UnpackedLayer::open(call, store, layer, done, limits)?);
        tree.layer(&mut entries, at)?;
        let diff_id = entries.source().finish()?;
        let diff_id_checked = check_diff_id(layer, &diff_id, ids.and_then(|ids| ids.get(at)))?;
        limits = limits.after(entries.source().unpacked());
        done = done.saturating_add(layer.size);
        unpacked.push(ExtractedLayer { digest: layer.digest.clone(), diff_id, diff_id_checked });
    }
    Ok((unpacked, tree.lower))
}

impl ListedNode {
    fn listed(self, path: &[u8], layers: &[Descriptor]) -> ListedFile {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let TarEntry { kind, mode, uid, gid, mtime, size, device, .. } = self.entry;
        let (name, link) = match kind {
            EntryKind::File => ("file", None),
            EntryKind::Directory => ("directory", None),
            EntryKind::Symlink(target) => ("symlink", Some(text(&target))),
            EntryKind::HardLink(target) => ("hardlink", Some(format!("/{}", text(&target)))),
            EntryKind::Character => ("character", None),
            EntryKind::Block => ("block", None),
            EntryKind::Fifo => ("fifo", None),
        };
        let device =
            matches!(name, "character" | "block").then_some(DeviceNumbers { major: device.0, minor: device.1 });
        let layer = layers[self.layer].digest.clone();
        ListedFile { path: format!("/{}", text(path)), kind: name, size, mode, uid, gid, mtime, link, device, layer }
    }
}
