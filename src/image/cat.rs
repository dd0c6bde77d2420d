//! One file of an image, without unpacking the rest: the layers are read from the newest on, until one has it.

use std::io::Write;

use serde::Serialize;

use super::extract::{check_diff_id, diff_ids};
use super::layer::{UnpackLimits, UnpackedLayer};
use super::layer_entries::{has_name, KnownLayers};
use super::marks::{LayerEntries, Mark};
use super::path_walk::MOST_LINKS;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::options::options;
use crate::platform::Platform;
use crate::store::served_by::Senders;
use crate::store::ReadStore;
use crate::tar::names::{clean, is_within, join, shown, split};
use crate::tar::{EntryKind, TarEntry};

options! {
    /// Options of [`cat`].
    #[derive(Debug, Clone)]
    pub struct CatOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// read the layer that has the file to its end, so that its digest is known to be right
        ///
        /// with false, reading ends where the file ends
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
    /// The permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The layer that has it.
    pub layer: Digest,
    /// Whether the digest of that layer was verified.
    pub verified: bool,
    /// The endpoints that sent manifests and blobs of it, `HOST[:PORT]` each: the registry or its mirrors.
    pub served_by: Vec<String>,
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
    call.begin("cat", None)?;
    let known = KnownLayers::new(layers.len());
    let (layers, ids) = (layers.as_slice(), ids.as_deref());
    let mut search = LayerSearch {
        call,
        store,
        layers,
        ids,
        verify: options.verify,
        known,
        limits: UnpackLimits::default(),
        done: 0,
    };
    let (at, entry, verified) = search.find(path, out).map_err(|error| image.layers_error(error))?;
    call.ended()?;
    Ok(CatFile {
        digest: image.content.digest().clone(),
        platform: image.platform,
        path: format!("/{}", String::from_utf8_lossy(&entry.path)),
        size: entry.size,
        mode: entry.mode,
        layer: layers[at].digest.clone(),
        verified,
        served_by: Senders::of(call),
    })
}

/// The layers of an image, in which one file is looked for.
struct LayerSearch<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    layers: &'a [Descriptor],
    ids: Option<&'a [Digest]>,
    verify: bool,
    /// Those that were read to their ends: behind a link all are searched again.
    known: KnownLayers,
    limits: UnpackLimits,
    /// How many bytes the layers that were read have, again for each time.
    done: u64,
}

impl LayerSearch<'_> {
    /// Writes the file. Returns its layer, and whether that was verified.
    fn find(&mut self, path: &str, out: &mut dyn Write) -> Result<(usize, TarEntry, bool)> {
        let mut wanted = clean(path.as_bytes()).map_err(|error| error.with_code(Code::InvalidArgument))?;
        let newest = self.layers.len();
        let (mut links, mut below, mut depth) = (0, newest, 0);
        while let Some(at) = below.checked_sub(1) {
            let search = FileSearch {
                call: self.call,
                store: self.store,
                wanted: &wanted,
                depth,
                verify: self.verify,
                done: self.done,
            };
            match self.layer(at, &search, out)? {
                LayerLookup::File(entry, verified) => return Ok((at, entry, verified)),
                LayerLookup::Folder(known) => (below, depth) = (at, known),
                LayerLookup::Hidden => break,
                LayerLookup::Elsewhere(other, from) => {
                    links += 1;
                    if links > MOST_LINKS {
                        let message = format!("'{path}' leads through more than {MOST_LINKS} links");
                        return Err(Error::new(Code::LimitExceeded, message));
                    }
                    (wanted, depth) = (other, 0);
                    below = match from {
                        SearchFrom::Newest => newest,
                        SearchFrom::SameLayer => at + 1,
                        SearchFrom::Below => at,
                    };
                }
            }
        }
        Err(Error::new(Code::NotFound, format!("the image has no file '{}'", shown(&wanted))))
    }

    /// Searches a layer, which is read unless its entries are known and it does not have the file.
    fn layer(&mut self, at: usize, search: &FileSearch, out: &mut dyn Write) -> Result<LayerLookup> {
        let again = self.known.get(at).map(|entries| search.again(entries));
        if let Some(found) = again.transpose()?.flatten() {
            return Ok(found);
        }
        let id = self.ids.and_then(|ids| ids.get(at));
        let found = search.layer((&self.layers[at], id), &mut self.limits, out, &mut self.known)?;
        self.done = self.done.saturating_add(self.layers[at].size);
        match &found {
            LayerLookup::File(..) => self.known.forget(),
            _ => self.known.keep(at),
        }
        Ok(found)
    }
}

/// What a layer says about a path.
enum LayerLookup {
    /// It is a file, and has been written out.
    File(TarEntry, bool),
    /// Nothing; this many names at its beginning are known to be folders.
    Folder(usize),
    /// It is not in this layer, which hides those of lower ones.
    Hidden,
    /// It is another path.
    Elsewhere(Vec<u8>, SearchFrom),
}

/// Where the search for the path that a link names begins.
#[derive(PartialEq)]
enum SearchFrom {
    /// A symbolic link's is what the image has there.
    Newest,
    /// A hard link's is what its layer had there before, or else what an older one has.
    SameLayer,
    Below,
}

struct FileSearch<'a> {
    call: &'a Call,
    store: &'a dyn ReadStore,
    wanted: &'a [u8],
    depth: usize,
    verify: bool,
    /// How many bytes the caller's progress counts already.
    done: u64,
}

/// What the entries of a layer have shown so far.
#[derive(Default)]
struct Findings {
    file: Option<TarEntry>,
    /// The path that a symbolic link leads to.
    link: Option<Vec<u8>>,
    /// What a hard link names, and how many entries come before the link.
    hard_link: Option<(Vec<u8>, usize)>,
    /// How many entries there were.
    count: usize,
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

    /// Reads a layer. `limits` are for everything that is unpacked: behind a link layers may be read again.
    fn layer(
        &self,
        (layer, id): (&Descriptor, Option<&Digest>),
        limits: &mut UnpackLimits,
        out: &mut dyn Write,
        known: &mut KnownLayers,
    ) -> Result<LayerLookup> {
        let mut entries = LayerEntries::new(UnpackedLayer::open(self.call, self.store, layer, self.done, *limits)?);
        let mut seen = Findings { depth: self.depth, ..Findings::default() };
        while let Some(entry) = entries.advance()? {
            self.call.check()?;
            known.note(&entry);
            if entry.path == self.wanted && entry.mark()? == Mark::None {
                if seen.file.is_some() {
                    let message = format!("the layer {} has '{}' twice", layer.digest, shown(self.wanted));
                    return Err(Error::new(Code::InvalidManifest, message));
                }
                if matches!(entry.kind, EntryKind::File) {
                    copy_out(&mut entries, out)?;
                }
            }
            if let Some(found) = self.take(entry, &mut seen)? {
                return Ok(found);
            }
        }
        let diff_id = entries.source().finish()?;
        *limits = limits.after(entries.source().unpacked());
        check_diff_id(layer, &diff_id, id)?;
        self.conclude(seen, |target, count| known.may_have(target, count))
    }

    /// Searches a layer of which all entries are known. None if it has the file, which has to be read.
    fn again(&self, entries: &[TarEntry]) -> Result<Option<LayerLookup>> {
        let is_it = |entry: &TarEntry| entry.path == self.wanted && entry.kind == EntryKind::File;
        if entries.iter().any(is_it) {
            return Ok(None);
        }
        let mut seen = Findings { depth: self.depth, ..Findings::default() };
        for entry in entries {
            self.call.check()?;
            if let Some(found) = self.take(entry.clone(), &mut seen)? {
                return Ok(Some(found));
            }
        }
        self.conclude(seen, |target, count| has_name(&entries[..count], target)).map(Some)
    }

    /// What an entry shows. Returns the result, unless the layer has to be read to its end.
    fn take(&self, entry: TarEntry, seen: &mut Findings) -> Result<Option<LayerLookup>> {
        seen.count += 1;
        match entry.mark()? {
            Mark::None => {}
            mark => {
                seen.is_hidden |= self.is_hidden_by(&mark);
                return Ok(None);
            }
        }
        if entry.path == self.wanted {
            return self.take_wanted(entry, seen);
        }
        if is_within(&entry.path, self.wanted) {
            // There may be no other sign of this folder.
            seen.is_folder = true;
        } else if is_within(self.wanted, &entry.path) && !entry.path.is_empty() {
            self.take_parent(&entry, seen)?;
        }
        Ok(None)
    }

    /// What a layer has said when all of it was seen: of several entries with the name the last one. `may_have` tells whether some of the
    /// first entries have a name.
    fn conclude(&self, seen: Findings, may_have: impl Fn(&[u8], usize) -> bool) -> Result<LayerLookup> {
        if let Some(entry) = seen.file {
            return Ok(LayerLookup::File(entry, true));
        }
        if let Some((target, count)) = seen.hard_link {
            let from = if may_have(&target, count) { SearchFrom::SameLayer } else { SearchFrom::Below };
            return Ok(LayerLookup::Elsewhere(target, from));
        }
        Ok(match seen.link {
            Some(path) => LayerLookup::Elsewhere(path, SearchFrom::Newest),
            None if seen.is_folder => return Err(self.no_file()),
            None if seen.is_hidden => LayerLookup::Hidden,
            None => LayerLookup::Folder(seen.depth),
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
            EntryKind::HardLink(target) => seen.hard_link = Some((target.clone(), seen.count - 1)),
            EntryKind::Symlink(target) => {
                (seen.link, seen.hard_link) = (Some(resolve(split(&entry.path).0, target, b"")?), None);
            }
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
