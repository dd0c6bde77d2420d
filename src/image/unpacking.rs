//! Entries of layers made into files, and what is told of them: for whole images and for some of their paths.

use std::path::Path;

use serde::Serialize;

use super::config::ImageConfig;
use super::disk_tree::{DiskTree, PreservedAttributes};
use super::marks::Mark;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::platform::Platform;
use crate::store::served_by::Senders;
use crate::store::ReadStore;
use crate::tar::{Entries, TarSource};
use crate::tar::{EntryKind, TarEntry};

options! {
    /// Options of [`super::extract::extract`].
    #[derive(Debug, Clone)]
    pub struct ExtractOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// into a folder that is not empty, in the place of what is there
        ///
        /// what none of the image's layers names stays: whiteouts are for what lower layers have, and a folder with files in it does not
        /// become a link or a file (OCIREG_IO). What came before that is written by then, as layers are read once, one after another; with
        /// paths nothing is. What a layer names takes the place of what is there even if a higher layer removes it; with paths only what
        /// the image has in the end does
        pub overwrite: bool,
        /// keep the owners of files, as root only
        pub owner: bool,
        /// keep set-user-ID and set-group-ID
        pub setuid: bool,
        /// make devices and pipes too
        pub devices: bool,
        /// the most bytes to unpack
        pub max_bytes: u64 = 68_719_476_736,
        /// the most bytes of a layer for each packed one, from the first GiB on
        pub max_ratio: u64 = 250,
        /// only these paths of the image, each with everything below it and the folders above it
        ///
        /// in patterns `*` is any part of a name, `?` one byte, `[a-z]` one of several, and `**` any number of names; after a
        /// backslash each of these stands for itself. An empty list is OCIREG_INVALID_ARGUMENT
        pub paths: Option<Vec<String>>,
    }
}

/// What was extracted.
#[derive(Debug, Serialize)]
pub struct Extracted {
    /// The image's digest.
    pub digest: Digest,
    /// The platform in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The folder, as the caller named it.
    pub path: String,
    /// The layers that were read, the oldest first.
    pub layers: Vec<ExtractedLayer>,
    /// Regular files made.
    pub files: u64,
    /// Folders made, and existing ones.
    pub directories: u64,
    /// Symbolic links made.
    pub symlinks: u64,
    /// Hard links made.
    pub hard_links: u64,
    /// Devices and pipes made.
    pub devices: u64,
    /// Devices and pipes left out.
    pub skipped: u64,
    /// Names that were removed again.
    pub whiteouts: u64,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
}

/// A layer that was extracted.
#[derive(Debug, Serialize)]
pub struct ExtractedLayer {
    /// The digest of the layer as it is stored, which may be compressed.
    pub digest: Digest,
    /// The digest of its unpacked bytes.
    pub diff_id: Digest,
    /// Whether the digest was compared with the one in the config.
    pub diff_id_checked: bool,
}

/// The digests that the unpacked layers must have, if the config has them.
pub(crate) fn diff_ids(
    call: &Call,
    store: &dyn ReadStore,
    image: &Image,
    layers: usize,
) -> Result<Option<Vec<Digest>>> {
    let told =
        image.content.document.config().is_some_and(|config| crate::media_type::is_image_config(&config.media_type));
    let ids = if told { ImageConfig::read(call, store, image)?.diff_ids()? } else { None };
    // Some tools write none; a different number means another image.
    match ids.filter(|ids| !ids.is_empty()) {
        Some(ids) if ids.len() != layers => {
            let message = format!("the image has {layers} layers, its config has {} diff_ids", ids.len());
            Err(Error::new(Code::InvalidManifest, message))
        }
        ids => Ok(ids),
    }
}

/// Compares a layer's unpacked bytes with what the config says.
pub(crate) fn check_diff_id(layer: &Descriptor, found: &Digest, expected: Option<&Digest>) -> Result<bool> {
    match expected {
        // The computed digest is sha256; another algorithm cannot be compared.
        Some(expected) if expected.algorithm() != found.algorithm() => Ok(false),
        Some(expected) if expected != found => {
            let message = format!("the layer {} unpacks to {found}, the config says {expected}", layer.digest);
            Err(Error::new(Code::DigestMismatch, message))
        }
        expected => Ok(expected.is_some()),
    }
}

/// Entries made into files, and their numbers.
pub(super) struct Unpacking {
    pub(super) tree: DiskTree,
    pub(super) result: Extracted,
}

impl Unpacking {
    pub(super) fn new(call: &Call, image: &Image, path: &Path, options: &ExtractOptions) -> Result<Unpacking> {
        let ExtractOptions { owner, setuid, devices, .. } = *options;
        let result = Extracted {
            digest: image.content.digest().clone(),
            platform: image.platform.clone(),
            path: path.display().to_string(),
            layers: Vec::new(),
            files: 0,
            directories: 0,
            symlinks: 0,
            hard_links: 0,
            devices: 0,
            skipped: 0,
            whiteouts: 0,
            bytes: 0,
            served_by: Vec::new(),
        };
        let keep = PreservedAttributes { owner, setuid, devices };
        Ok(Unpacking { tree: DiskTree::open(call, path, options.overwrite, keep)?, result })
    }

    /// Reads one entry; false at the end.
    pub(super) fn entry<S: TarSource>(&mut self, entries: &mut Entries<S>) -> Result<bool> {
        let Some(entry) = entries.advance()? else { return Ok(false) };
        match entry.mark()? {
            Mark::None => {}
            Mark::Private => return Ok(true),
            Mark::Whiteout(path) => {
                self.result.whiteouts += 1;
                return self.tree.whiteout(&path).map(|()| true);
            }
            Mark::Opaque(folder) => {
                self.result.whiteouts += 1;
                return self.tree.opaque(folder).map(|()| true);
            }
        }
        self.file(entry, entries).map(|()| true)
    }

    /// Makes one entry.
    pub(super) fn file<S: TarSource>(&mut self, entry: TarEntry, entries: &mut Entries<S>) -> Result<()> {
        if !self.tree.make(&entry, &mut |buffer| entries.read(buffer))? {
            self.result.skipped += 1;
            return Ok(());
        }
        let result = &mut self.result;
        match entry.kind {
            EntryKind::File => {
                result.files += 1;
                result.bytes += entry.size;
            }
            EntryKind::Directory => result.directories += 1,
            EntryKind::Symlink(_) => result.symlinks += 1,
            EntryKind::HardLink(_) => result.hard_links += 1,
            EntryKind::Character | EntryKind::Block | EntryKind::Fifo => result.devices += 1,
        }
        Ok(())
    }

    pub(super) fn finish(mut self, call: &Call) -> Result<Extracted> {
        self.tree.finish()?;
        Ok(Extracted { served_by: Senders::of(call), ..self.result })
    }
}
