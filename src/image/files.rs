//! The files of an image, without unpacking them: what is there after the last layer, as extracting would leave it (OCI
//! image-spec layer.md). Only names and headers are kept, and not any number of them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::extract::{check_diff_id, diff_ids, Unpacked};
use super::layer::{Layer, Limits};
use super::tar::{is_within, join, shown, split, Entries, Entry, Kind, Mark, DEEPEST};
use super::walk::Budget;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::platform::Platform;
use crate::store::ReadStore;

/// The most memory for the names, and what each costs besides its bytes.
const MOST_MEMORY: usize = 512 << 20;
const OVERHEAD: usize = 200;
/// The most of it for folders that are only named in the paths of others: a few bytes can name any number of them.
const MOST_IMPLIED: usize = 64 << 20;
/// How many names are removed before the call is asked whether it may go on.
const BATCH: usize = 4096;

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
    let (mut tree, mut unpacked, mut done) = (Tree::new(call), Vec::new(), 0u64);
    let total = layers.iter().fold(0u64, |sum, layer| sum.saturating_add(layer.size));
    call.begin("files", Some(total))?;
    for (at, layer) in layers.iter().enumerate() {
        let mut entries = Entries::new(Layer::open(call, store, layer, done, limits)?);
        tree.layer(&mut entries, at)?;
        let diff_id = entries.source().finish()?;
        let diff_id_checked = check_diff_id(layer, &diff_id, ids.as_ref().and_then(|ids| ids.get(at)))?;
        limits.bytes = limits.bytes.saturating_sub(entries.source().unpacked());
        done = done.saturating_add(layer.size);
        unpacked.push(Unpacked { digest: layer.digest.clone(), diff_id, diff_id_checked });
    }
    let bytes = tree.lower.values().filter(|node| node.entry.kind == Kind::File).map(|node| node.entry.size);
    Ok(Files {
        digest: image.content.digest().clone(),
        platform: image.platform,
        layers: unpacked,
        bytes: bytes.fold(0, u64::saturating_add),
        files: tree.lower.into_iter().map(|(path, node)| node.listed(&path, &layers)).collect(),
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
struct Tree {
    call: Call,
    /// What whiteouts hide.
    lower: BTreeMap<Vec<u8>, Node>,
    /// What the layer at hand has, and the folders above: its whiteouts are for lower ones. Apart, so that a whiteout looks
    /// at nothing that it does not remove, however often it is there.
    own: BTreeMap<Vec<u8>, Node>,
    memory: usize,
    implied: usize,
    budget: Budget,
}

impl Tree {
    fn new(call: &Call) -> Tree {
        let (lower, own) = (BTreeMap::new(), BTreeMap::new());
        Tree { call: call.clone(), lower, own, memory: 0, implied: 0, budget: Budget::new(call) }
    }

    fn layer(&mut self, entries: &mut Entries, layer: usize) -> Result<()> {
        while let Some(entry) = entries.advance()? {
            self.call.check()?;
            self.entry(entry, layer)?;
        }
        self.end_layer();
        Ok(())
    }

    fn entry(&mut self, entry: Entry, layer: usize) -> Result<()> {
        match entry.mark()? {
            Mark::Private => {}
            Mark::Whiteout(path) => {
                if let Some(path) = self.spot(&path, None)? {
                    self.clear_below(&path, false)?;
                    self.forget(&path, false);
                }
            }
            Mark::Opaque(folder) => {
                if let Some(folder) = self.folder(folder, None)? {
                    self.clear_below(&folder, false)?;
                }
            }
            Mark::None => {
                let made = self.make(entry, layer)?;
                let mut above = made.as_slice();
                while !above.is_empty() {
                    // What the layer has already is in folders that it has.
                    let Some(node) = self.lower.remove(above) else { break };
                    self.own.insert(above.to_vec(), node);
                    above = split(above).0;
                }
            }
        }
        Ok(())
    }

    /// For the next layer, this one is a lower one.
    fn end_layer(&mut self) {
        for (path, node) in std::mem::take(&mut self.own) {
            self.lower.insert(path, node);
        }
    }

    fn get(&self, path: &[u8]) -> Option<&Node> {
        self.own.get(path).or_else(|| self.lower.get(path))
    }

    /// The true name of a folder; those on the way to it are made for `layer`. None when it is not there.
    fn folder(&mut self, path: &[u8], layer: Option<usize>) -> Result<Option<Vec<u8>>> {
        let (mut walk, mut here, mut depth) = (self.budget.walk(path, 0), Vec::new(), 0usize);
        while let Some(part) = walk.next(&mut self.budget)? {
            if part == b".." {
                here.truncate(split(&here).0.len());
                depth = depth.saturating_sub(1);
                continue;
            }
            let next = join(&here, &part);
            if depth >= DEEPEST {
                let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&next));
                return Err(Error::new(Code::LimitExceeded, message));
            }
            match (self.get(&next).map(|node| &node.entry.kind), layer) {
                (Some(Kind::Directory), _) => (here, depth) = (next, depth + 1),
                (Some(Kind::Symlink(target)), _) => {
                    walk.follow(target)?;
                    if target.starts_with(b"/") {
                        (here, depth) = (Vec::new(), 0);
                    }
                }
                (None, Some(layer)) => {
                    self.imply(&next)?;
                    self.insert(next.clone(), Node { entry: implied(&next), layer })?;
                    (here, depth) = (next, depth + 1);
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

    /// A folder is made that no entry has.
    fn imply(&mut self, path: &[u8]) -> Result<()> {
        self.implied += OVERHEAD + path.len();
        match self.implied > MOST_IMPLIED {
            true => {
                let most = MOST_IMPLIED >> 20;
                let message = format!("folders that are only named in the paths of others need more than {most} MiB");
                Err(Error::new(Code::LimitExceeded, message))
            }
            false => Ok(()),
        }
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
        if entry.kind != Kind::Directory || !self.get(&path).is_some_and(is_folder) {
            self.clear_below(&path, true)?;
            self.clear_below(&path, false)?;
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
        let found = self.get(&from).ok_or_else(missing)?;
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
        self.forget(&path, true);
        self.forget(&path, false);
        self.lower.insert(path, node);
        Ok(())
    }

    /// Removes what is below a name: of this layer, or of the lower ones. Each name is looked at once, and then it is gone.
    fn clear_below(&mut self, path: &[u8], own: bool) -> Result<()> {
        let below = join(path, b"");
        loop {
            let inside = self.half(own).range(below.clone()..).map(|(name, _)| name);
            let gone: Vec<Vec<u8>> = inside.take_while(|name| name.starts_with(&below)).take(BATCH).cloned().collect();
            for name in &gone {
                self.forget(name, own);
            }
            if gone.len() < BATCH {
                return Ok(());
            }
            self.call.check()?;
        }
    }

    fn forget(&mut self, path: &[u8], own: bool) {
        if let Some(node) = self.half(own).remove(path) {
            self.memory -= cost(path, &node);
        }
    }

    fn half(&mut self, own: bool) -> &mut BTreeMap<Vec<u8>, Node> {
        if own {
            &mut self.own
        } else {
            &mut self.lower
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        Tree::new(&Call::alone(None))
    }

    fn entry(path: &str, kind: Kind) -> Entry {
        Entry { kind, ..implied(path.as_bytes()) }
    }

    fn names(tree: &Tree) -> Vec<String> {
        tree.lower.keys().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn whiteouts_that_come_again_and_again_cost_nothing() {
        const COUNT: usize = 20_000;
        let mut tree = tree();
        for number in 0..COUNT {
            tree.entry(entry(&format!("d/e/{number}"), Kind::File), 0).unwrap();
        }
        tree.end_layer();
        let begun = std::time::Instant::now();
        for number in 0..COUNT {
            tree.entry(entry(&format!("d/e/new{number}"), Kind::File), 1).unwrap();
        }
        for number in 0..COUNT {
            for name in ["d/.wh..wh..opq", "d/e/.wh..wh..opq", ".wh..wh..opq", ".wh.d", "d/.wh.e"] {
                tree.entry(entry(name, Kind::File), 1).unwrap();
            }
            tree.entry(entry(&format!("d/e/.wh.new{number}"), Kind::File), 1).unwrap();
        }
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
        tree.end_layer();
        assert_eq!(tree.lower.len(), COUNT + 2);
        assert!(tree.lower.values().all(|node| node.layer == 1 || node.entry.kind == Kind::Directory));
    }

    #[test]
    fn what_is_held_is_what_is_counted() {
        let mut tree = tree();
        for number in 0..100 {
            tree.entry(entry("d", Kind::Directory), 0).unwrap();
            tree.entry(entry(&format!("d/{}{number}", "n".repeat(200)), Kind::File), 0).unwrap();
            tree.entry(entry("d", Kind::File), 0).unwrap();
        }
        assert_eq!((tree.own.len(), tree.lower.len(), tree.memory), (1, 0, OVERHEAD + 1));
        tree.memory = MOST_MEMORY - OVERHEAD - 1;
        tree.entry(entry("e", Kind::File), 0).unwrap();
        assert_eq!(tree.entry(entry("f", Kind::File), 0).unwrap_err().code(), Code::LimitExceeded);
    }

    #[test]
    fn a_whiteout_is_for_lower_layers_only() {
        let mut tree = tree();
        for name in ["a/b/c", "a/d", "e"] {
            tree.entry(entry(name, Kind::File), 0).unwrap();
        }
        tree.end_layer();
        for name in ["a/b/new", "a/.wh.b", "e", ".wh.e", "a/.wh..wh..opq"] {
            tree.entry(entry(name, Kind::File), 1).unwrap();
        }
        tree.end_layer();
        assert_eq!(names(&tree), ["a", "a/b", "a/b/new", "e"]);
        tree.entry(entry(".wh.a", Kind::File), 2).unwrap();
        assert_eq!((names(&tree), tree.memory), (vec!["e".to_owned()], OVERHEAD + 1));
    }

    #[test]
    fn a_great_whiteout_can_be_cancelled() {
        let context = std::sync::Arc::new(crate::call::context::Context::new());
        let mut tree = Tree::new(&Call::alone(Some(context.clone())));
        for number in 0..2 * BATCH {
            tree.entry(entry(&format!("d/{number}"), Kind::File), 0).unwrap();
        }
        tree.end_layer();
        context.cancel();
        assert_eq!(tree.entry(entry(".wh.d", Kind::File), 1).unwrap_err().code(), Code::Cancelled);
    }
}
