//! The files of an image, without unpacking them: what is there after the last layer, as extracting would leave it (OCI
//! image-spec layer.md). Only names and headers are kept, and not any number of them.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::disk::MOST_LINKS;
use super::extract::{check_diff_id, diff_ids, Unpacked};
use super::layer::{Layer, Limits};
use super::tar::{is_within, join, shown, split, Entries, Entry, Kind, Mark, DEEPEST};
use super::Image;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::manifest::Descriptor;
use crate::platform::Platform;
use crate::store::ReadStore;

/// The most memory for the names, and what each costs besides its bytes.
const MOST_MEMORY: usize = 512 << 20;
const OVERHEAD: usize = 200;

/// Options of [`files`].
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilesOptions {
    /// Of an index, the image for this platform, instead of this machine's.
    pub platform: Option<String>,
    /// The most bytes to unpack.
    pub max_bytes: u64,
    /// The most bytes for each packed one.
    pub max_ratio: u64,
}

impl Default for FilesOptions {
    fn default() -> FilesOptions {
        let Limits { bytes: max_bytes, ratio: max_ratio } = Limits::default();
        FilesOptions { platform: None, max_bytes, max_ratio }
    }
}

/// The files of an image.
#[derive(Debug, Serialize)]
pub struct Files {
    /// The image's digest.
    pub digest: Digest,
    /// What it runs on, as the index says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The layers, the oldest first.
    pub layers: Vec<Unpacked>,
    /// Bytes of the regular files.
    pub bytes: u64,
    /// What is there, by path.
    pub files: Vec<Listed>,
}

/// One of them.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its name, from `/` on.
    pub path: String,
    /// `file`, `directory`, `symlink`, `hardlink`, `character`, `block` or `fifo`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Bytes of a file or of what a hard link is.
    pub size: u64,
    /// Permissions.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// What a symbolic link says, or the name that a hard link was made of.
    pub link: Option<String>,
    /// Numbers of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Device>,
    /// The layer that has it.
    pub layer: Digest,
}

/// A device's numbers.
#[derive(Debug, Serialize)]
pub struct Device {
    /// Its driver.
    pub major: u32,
    /// Which of the driver's.
    pub minor: u32,
}

/// Lists the files of an image. Every layer is read to its end and verified.
pub fn files(call: &Call, store: &dyn ReadStore, options: &FilesOptions) -> Result<Files> {
    let image = Image::find(call, store, options.platform.as_deref())?;
    let layers = image.layers(call, store)?;
    let ids = diff_ids(call, store, &image, layers.len())?;
    let mut limits = Limits { bytes: options.max_bytes, ratio: options.max_ratio };
    let (mut tree, mut unpacked, mut done) = (Tree::default(), Vec::new(), 0);
    let total = layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size));
    call.begin("files", Some(total))?;
    for (at, layer) in layers.iter().enumerate() {
        let mut entries = Entries::new(Layer::open(call, store, layer, done, limits)?);
        tree.layer(call, &mut entries, at)?;
        let diff_id = entries.layer().finish()?;
        let diff_id_checked = check_diff_id(layer, &diff_id, ids.as_ref().and_then(|ids| ids.get(at)))?;
        limits.bytes = limits.bytes.saturating_sub(entries.layer().unpacked());
        done += layer.size;
        unpacked.push(Unpacked { digest: layer.digest.clone(), diff_id, diff_id_checked });
    }
    let bytes = tree.nodes.values().filter(|node| node.entry.kind == Kind::File).map(|node| node.entry.size);
    Ok(Files {
        digest: image.content.digest().clone(),
        platform: image.platform,
        layers: unpacked,
        bytes: bytes.fold(0, u64::saturating_add),
        files: tree.nodes.into_iter().map(|(path, node)| node.listed(&path, &layers)).collect(),
    })
}

/// What has a name.
struct Node {
    entry: Entry,
    layer: usize,
}

impl Node {
    fn listed(self, path: &[u8], layers: &[Descriptor]) -> Listed {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let Entry { kind, mode, uid, gid, mtime, size, device, .. } = self.entry;
        let (name, link) = match kind {
            Kind::File => ("file", None),
            Kind::Directory => ("directory", None),
            Kind::Symlink(target) => ("symlink", Some(text(&target))),
            Kind::HardLink(target) => ("hardlink", Some(format!("/{}", text(&target)))),
            Kind::Character => ("character", None),
            Kind::Block => ("block", None),
            Kind::Fifo => ("fifo", None),
        };
        let device = matches!(name, "character" | "block").then_some(Device { major: device.0, minor: device.1 });
        let layer = layers[self.layer].digest.clone();
        Listed { path: format!("/{}", text(path)), kind: name, size, mode, uid, gid, mtime, link, device, layer }
    }
}

/// All names, by their true paths: links on the way are followed, as [`super::disk::Tree`] does on a disk.
#[derive(Default)]
struct Tree {
    nodes: BTreeMap<Vec<u8>, Node>,
    memory: usize,
}

impl Tree {
    fn layer(&mut self, call: &Call, entries: &mut Entries, layer: usize) -> Result<()> {
        // The true names that this layer has: its whiteouts are for lower ones.
        let mut own = HashSet::new();
        while let Some(entry) = entries.advance()? {
            call.check()?;
            match entry.mark()? {
                Mark::Private => {}
                Mark::Whiteout(path) => {
                    if let Some(path) = self.spot(&path, None)? {
                        self.clear(&path, |name| own.contains(name));
                    }
                }
                Mark::Opaque(folder) => {
                    if let Some(folder) = self.folder(folder, None)? {
                        self.clear(&folder, |name| name == folder || own.contains(name));
                    }
                }
                Mark::None => {
                    let made = self.make(entry, layer)?;
                    let mut above = made.as_slice();
                    while !above.is_empty() && own.insert(above.to_vec()) {
                        above = split(above).0;
                    }
                }
            }
        }
        Ok(())
    }

    /// The true name of a folder; those on the way to it are made for `layer`. None when it is not there.
    fn folder(&mut self, path: &[u8], layer: Option<usize>) -> Result<Option<Vec<u8>>> {
        let parts = |path: &[u8]| path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).rev().collect::<Vec<_>>();
        let (mut waiting, mut here, mut links) = (parts(path), Vec::new(), 0);
        while let Some(part) = waiting.pop() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    here = split(&here).0.to_vec();
                    continue;
                }
                _ => {}
            }
            let next = join(&here, &part);
            if next.iter().filter(|byte| **byte == b'/').count() >= DEEPEST {
                let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&next));
                return Err(Error::new(Code::LimitExceeded, message));
            }
            match (self.nodes.get(&next).map(|node| &node.entry.kind), layer) {
                (Some(Kind::Directory), _) => here = next,
                (Some(Kind::Symlink(target)), _) => {
                    links += 1;
                    if links > MOST_LINKS {
                        let message = format!("'{}' leads through more than {MOST_LINKS} links", shown(path));
                        return Err(Error::new(Code::LimitExceeded, message));
                    }
                    if target.starts_with(b"/") {
                        here = Vec::new();
                    }
                    waiting.extend(parts(target));
                }
                (None, Some(layer)) => {
                    self.insert(next.clone(), Node { entry: implied(&next), layer })?;
                    here = next;
                }
                (_, None) => return Ok(None),
                (Some(_), Some(_)) => {
                    let message = format!("'{}' is no folder, but has a file in it", shown(&next));
                    return Err(Error::new(Code::InvalidManifest, message));
                }
            }
        }
        Ok(Some(here))
    }

    /// The true name of what has a path: the last part is not followed.
    fn spot(&mut self, path: &[u8], layer: Option<usize>) -> Result<Option<Vec<u8>>> {
        let (folder, name) = split(path);
        Ok(self.folder(folder, layer)?.map(|folder| join(&folder, name)))
    }

    /// Makes an entry in the place of whatever is there; gives its true name.
    fn make(&mut self, mut entry: Entry, layer: usize) -> Result<Vec<u8>> {
        if entry.path.is_empty() {
            return match entry.kind {
                Kind::Directory => Ok(Vec::new()),
                _ => Err(Error::new(Code::InvalidManifest, "the layer has a root that is no folder")),
            };
        }
        let lost = || Error::new(Code::Internal, format!("'{}' has no folder", shown(&entry.path)));
        let path = self.spot(&entry.path, Some(layer))?.ok_or_else(lost)?;
        if let Kind::HardLink(target) = &entry.kind {
            match self.linked(&entry, target, &path)? {
                Some(linked) => entry = linked,
                None => return Ok(path),
            }
        }
        let is_folder = |node: &Node| node.entry.kind == Kind::Directory;
        if entry.kind != Kind::Directory || !self.nodes.get(&path).is_some_and(is_folder) {
            self.clear(&path, |_| false);
        }
        self.insert(path.clone(), Node { entry, layer })?;
        Ok(path)
    }

    /// A hard link has everything of what it links to; None when that is itself.
    fn linked(&mut self, entry: &Entry, target: &[u8], path: &[u8]) -> Result<Option<Entry>> {
        let missing = || {
            let message = format!("'{}' is a link to '{}', which is not there", shown(&entry.path), shown(target));
            Error::new(Code::InvalidManifest, message)
        };
        let from = self.spot(target, None)?.ok_or_else(missing)?;
        let found = self.nodes.get(&from).ok_or_else(missing)?;
        if from == path {
            return Ok(None);
        }
        if found.entry.kind == Kind::Directory || is_within(&from, path) {
            return Err(missing());
        }
        Ok(Some(Entry { path: Vec::new(), kind: Kind::HardLink(from), ..found.entry.clone() }))
    }

    fn insert(&mut self, path: Vec<u8>, mut node: Node) -> Result<()> {
        node.entry.path = Vec::new();
        self.memory += cost(&path, &node);
        if self.memory > MOST_MEMORY {
            let message = format!("the names of the image's files need more than {} MiB", MOST_MEMORY >> 20);
            return Err(Error::new(Code::LimitExceeded, message));
        }
        if let Some(before) = self.nodes.insert(path.clone(), node) {
            self.memory -= cost(&path, &before);
        }
        Ok(())
    }

    /// Removes a name with all below it, but for what stays.
    fn clear(&mut self, path: &[u8], stays: impl Fn(&[u8]) -> bool) {
        let below = join(path, b"");
        let inside =
            self.nodes.range(below.clone()..).map(|(name, _)| name).take_while(|name| name.starts_with(&below));
        let gone: Vec<Vec<u8>> = inside.filter(|name| !stays(name)).cloned().collect();
        for name in gone.iter().map(Vec::as_slice).chain((!stays(path)).then_some(path)) {
            if let Some(node) = self.nodes.remove(name) {
                self.memory -= cost(name, &node);
            }
        }
    }
}

fn cost(path: &[u8], node: &Node) -> usize {
    let link = match &node.entry.kind {
        Kind::Symlink(target) | Kind::HardLink(target) => target.len(),
        _ => 0,
    };
    OVERHEAD + path.len() + link
}

/// A folder that the layers name only in the paths of others.
fn implied(path: &[u8]) -> Entry {
    let (mode, uid, gid, mtime, size, device) = (0o755, 0, 0, 0, 0, (0, 0));
    Entry { path: path.to_vec(), kind: Kind::Directory, mode, uid, gid, mtime, size, device }
}
