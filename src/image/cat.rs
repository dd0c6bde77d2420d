//! One file of an image, without unpacking the rest: the layers are read from the newest on, until one has it.

use std::io::Write;

use serde::Serialize;

use super::extract::{check_diff_id, diff_ids};
use super::layer::{UnpackLimits, UnpackedLayer};
use super::path_walk::MOST_LINKS;
use super::tar::{clean, is_within, join, shown, split, EntryKind, LayerEntries, Mark, TarEntry};
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::platform::Platform;
use crate::store::ReadStore;

options! {
    /// Options of [`cat`].
    #[derive(Debug, Clone)]
    pub struct CatOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// read the layer that has the file to its end, so that its digest is known to be right; without it, reading ends with
        /// the file
        pub verify: bool = true,
    }
}

/// The file that was found.
#[derive(Debug, Serialize)]
pub struct CatFile {
    /// The image's digest.
    pub digest: Digest,
    /// The platform in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The path of the file after all links were followed.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
    /// The layer that has it.
    pub layer: Digest,
    /// Whether the digest of that layer was verified.
    pub verified: bool,
}

/// Writes a file of an image to `out`. After an error the written bytes must not be trusted.
pub fn cat(
    call: &Call,
    store: &dyn ReadStore,
    path: &str,
    out: &mut dyn Write,
    options: &CatOptions,
) -> Result<CatFile> {
    let image = Image::find(call, store, options.platform.as_deref())?;
    let layers = image.layers(call, store)?;
    let ids = diff_ids(call, store, &image, layers.len())?;
    let mut wanted = clean(path.as_bytes()).map_err(|error| error.with_code(Code::InvalidArgument))?;
    let newest = layers.len();
    let (mut links, mut below, mut depth) = (0, newest, 0);
    let mut limits = UnpackLimits::default();
    call.begin("cat", None)?;
    while let Some(at) = below.checked_sub(1) {
        let (layer, id) = (&layers[at], ids.as_ref().and_then(|ids| ids.get(at)));
        let search = FileSearch { call, store, wanted: &wanted, depth, verify: options.verify };
        match search.layer(layer, id, &mut limits, out)? {
            LayerLookup::File(entry, verified) => {
                return Ok(CatFile {
                    digest: image.content.digest().clone(),
                    platform: image.platform,
                    path: format!("/{}", String::from_utf8_lossy(&entry.path)),
                    size: entry.size,
                    mode: entry.mode,
                    layer: layer.digest.clone(),
                    verified,
                });
            }
            LayerLookup::Folder(known) => (below, depth) = (at, known),
            LayerLookup::Hidden => break,
            LayerLookup::Elsewhere(other, same_layer) => {
                links += 1;
                if links > MOST_LINKS {
                    let message = format!("'{path}' leads through more than {MOST_LINKS} links");
                    return Err(Error::new(Code::LimitExceeded, message));
                }
                // The target of a hard link is in the same layer, or a lower one.
                (wanted, depth) = (other, 0);
                below = if same_layer { at + 1 } else { newest };
            }
        }
    }
    Err(Error::new(Code::NotFound, format!("the image has no file '{}'", shown(&wanted))))
}

/// What a layer says about a path.
enum LayerLookup {
    /// It is a file, and has been written out.
    File(TarEntry, bool),
    /// Nothing; this many names at its beginning are known to be folders.
    Folder(usize),
    /// It is not in this layer, which hides those of lower ones.
    Hidden,
    /// It is another path; a hard link's is in this layer or below.
    Elsewhere(Vec<u8>, bool),
}

struct FileSearch<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    wanted: &'a [u8],
    depth: usize,
    verify: bool,
}

/// What the entries of a layer have shown so far.
#[derive(Default)]
struct Findings {
    file: Option<TarEntry>,
    /// The path that a symbolic link leads to.
    link: Option<Vec<u8>>,
    /// How many names at the beginning of the path are known to be folders.
    depth: usize,
    /// The path itself is a folder.
    is_folder: bool,
    is_hidden: bool,
}

impl FileSearch<'_> {
    fn no_file(&self) -> Error {
        Error::new(Code::InvalidArgument, format!("'{}' is not a regular file", shown(self.wanted)))
    }

    /// For each link, all layers are searched again: `limits` are for everything that is unpacked.
    fn layer(
        &self,
        layer: &Descriptor,
        id: Option<&Digest>,
        limits: &mut UnpackLimits,
        out: &mut dyn Write,
    ) -> Result<LayerLookup> {
        let mut entries = LayerEntries::new(UnpackedLayer::open(self.call, self.store, layer, 0, *limits)?);
        let mut seen = Findings { depth: self.depth, ..Findings::default() };
        while let Some(entry) = entries.advance()? {
            self.call.check()?;
            match entry.mark()? {
                Mark::None => {}
                mark => {
                    seen.is_hidden |= self.is_hidden_by(&mark);
                    continue;
                }
            }
            if entry.path == self.wanted {
                if seen.file.is_some() {
                    let message = format!("the layer {} has '{}' twice", layer.digest, shown(self.wanted));
                    return Err(Error::new(Code::InvalidManifest, message));
                }
                if matches!(entry.kind, EntryKind::File) {
                    copy_out(&mut entries, out)?;
                }
                if let Some(found) = self.take_wanted(entry, &mut seen)? {
                    return Ok(found);
                }
            } else if is_within(&entry.path, self.wanted) {
                // There may be no other sign of this folder.
                seen.is_folder = true;
            } else if is_within(self.wanted, &entry.path) && !entry.path.is_empty() {
                self.take_parent(&entry, &mut seen)?;
            }
        }
        let diff_id = entries.source().finish()?;
        limits.bytes = limits.bytes.saturating_sub(entries.source().unpacked());
        check_diff_id(layer, &diff_id, id)?;
        Ok(match (seen.file, seen.link) {
            (Some(entry), _) => LayerLookup::File(entry, true),
            (None, Some(path)) => LayerLookup::Elsewhere(path, false),
            (None, None) if seen.is_folder => return Err(self.no_file()),
            (None, None) if seen.is_hidden => LayerLookup::Hidden,
            (None, None) => LayerLookup::Folder(seen.depth),
        })
    }

    fn is_hidden_by(&self, mark: &Mark) -> bool {
        match mark {
            Mark::Whiteout(path) => path == self.wanted || is_within(self.wanted, path),
            Mark::Opaque(folder) => is_within(self.wanted, folder),
            Mark::Private | Mark::None => false,
        }
    }

    /// The entry with the wanted path; a file has been written out. Returns the result, unless the layer has to be read to its
    /// end.
    fn take_wanted(&self, entry: TarEntry, seen: &mut Findings) -> Result<Option<LayerLookup>> {
        match &entry.kind {
            EntryKind::File if !self.verify => return Ok(Some(LayerLookup::File(entry, false))),
            EntryKind::File => seen.file = Some(entry),
            EntryKind::HardLink(target) if target == self.wanted => {}
            EntryKind::HardLink(target) => return Ok(Some(LayerLookup::Elsewhere(target.clone(), true))),
            EntryKind::Symlink(target) => seen.link = Some(resolve(split(&entry.path).0, target, b"")?),
            _ => return Err(self.no_file()),
        }
        Ok(None)
    }

    /// An entry whose path is that of a folder above the wanted one.
    fn take_parent(&self, entry: &TarEntry, seen: &mut Findings) -> Result<()> {
        let names = entry.path.split(|byte| *byte == b'/').count();
        match &entry.kind {
            EntryKind::Directory => seen.depth = seen.depth.max(names),
            // A folder of a newer layer stands in its place.
            _ if names <= self.depth => seen.is_hidden = true,
            EntryKind::Symlink(target) => {
                let rest = &self.wanted[entry.path.len() + 1..];
                seen.link = Some(resolve(split(&entry.path).0, target, rest)?);
            }
            _ => seen.is_hidden = true,
        }
        Ok(())
    }
}

/// Where a symbolic link leads, in the image; its root has nothing above it.
fn resolve(folder: &[u8], target: &[u8], rest: &[u8]) -> Result<Vec<u8>> {
    let base = if target.starts_with(b"/") { &b""[..] } else { folder };
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in base.split(|byte| *byte == b'/').chain(target.split(|byte| *byte == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = parts.join(&b'/');
    clean(&if rest.is_empty() { path } else { join(&path, rest) })
}

fn copy_out(entries: &mut LayerEntries, out: &mut dyn Write) -> Result<()> {
    let what = |error: std::io::Error| Error::io("cannot write the file", &error);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match entries.read(&mut buffer)? {
            0 => return out.flush().map_err(what),
            count => out.write_all(&buffer[..count]).map_err(what)?,
        }
    }
}
