//! One file of an image, without unpacking the rest: the layers are read from the newest on, as far as it takes, by the rules of an image as
//! one archive. What is behind a symbolic link is looked for again.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;

use serde::Serialize;

use super::extract::diff_ids;
use super::flat::{in_one_pass, look, Content, FlatLayers, FlatOutput, LayerNumber};
use super::layer::UnpackLimits;
use super::path_walk::MOST_LINKS;
use super::Image;
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::options::options;
use crate::platform::Platform;
use crate::store::served_by::Senders;
use crate::store::ReadStore;
use crate::tar::names::{clean, shown};
use crate::tar::{EntryKind, TarEntry};

options! {
    /// Options of [`cat`].
    #[derive(Debug, Clone)]
    pub struct CatOptions {
        /// of an index, the image for this platform, OS/ARCH[/VARIANT][:OS.VERSION], instead of this machine's
        pub platform: Option<String>,
        /// read the layer that has the file to its end, so that its digest is known to be right
        ///
        /// with false, reading ends where the file ends: that the layer has another one of the name after it is not seen
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
    /// The path of the file after all symbolic links were followed.
    pub path: String,
    /// The size in bytes.
    pub size: u64,
    /// The permission bits, with set-user-ID, set-group-ID and sticky.
    pub mode: u32,
    /// The layer that has its bytes.
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
    let source = FlatLayers::new(call, store, (&layers, ids.as_deref()), UnpackLimits::default()).remembered();
    let mut search = LayerSearch { source, out, verify: options.verify };
    let (entry, layer, verified) = search.find(path).map_err(|error| image.layers_error(error))?;
    call.ended()?;
    Ok(CatFile {
        digest: image.content.digest().clone(),
        platform: image.platform,
        path: format!("/{}", String::from_utf8_lossy(&entry.path)),
        size: entry.size,
        mode: entry.mode,
        layer: layers[layer as usize].digest.clone(),
        verified,
        served_by: Senders::of(call),
    })
}

/// The layers of an image, in which one file is looked for.
struct LayerSearch<'a> {
    source: FlatLayers<'a>,
    out: &'a mut dyn Write,
    verify: bool,
}

impl LayerSearch<'_> {
    /// Writes the file. Returns its entry, the layer that has its bytes, and whether that was verified.
    fn find(&mut self, path: &str) -> Result<(TarEntry, LayerNumber, bool)> {
        let wanted = clean(path.as_bytes()).map_err(|error| error.with_code(Code::InvalidArgument))?;
        let mut way = Way { here: Vec::new(), waiting: parts(&wanted).collect() };
        for _ in 0..=MOST_LINKS {
            let (end, is_last) = way.next()?;
            if end.is_empty() {
                return Err(no_file(&end));
            }
            let out: Option<&mut dyn Write> = if is_last { Some(&mut *self.out) } else { None };
            let mut seen = NamesOnTheWay::new(&end, out, self.verify);
            let verified = look(&mut self.source, &end, &mut seen)?;
            match seen.decisive() {
                Some((entry, layer)) if is_last && entry.path == end => match &entry.kind {
                    EntryKind::File => return Ok((entry, layer, verified)),
                    EntryKind::Symlink(target) => way.follow(&end, target),
                    _ => return Err(no_file(&end)),
                },
                Some((TarEntry { path, kind: EntryKind::Symlink(target), .. }, _)) => way.follow(&path, &target),
                Some((TarEntry { kind: EntryKind::Directory, .. }, _)) => way.enter(&end),
                _ => return Err(Error::new(Code::NotFound, format!("the image has no file '{}'", shown(&end)))),
            }
        }
        let message = format!("'{}' leads through more than {MOST_LINKS} links", shown(&wanted));
        Err(Error::new(Code::LimitExceeded, message))
    }
}

fn no_file(path: &[u8]) -> Error {
    Error::new(Code::InvalidArgument, format!("'{}' is not a regular file", shown(path)))
}

/// How a path goes on, of which the beginning is known to be a folder.
struct Way {
    here: Vec<Vec<u8>>,
    waiting: VecDeque<Vec<u8>>,
}

impl Way {
    /// The path to look at, and whether it is the last one: it ends where the way goes up again, since that may be behind a link.
    fn next(&mut self) -> Result<(Vec<u8>, bool)> {
        while self.waiting.front().is_some_and(|part| part == b"..") {
            self.waiting.pop_front();
            // The root has nothing above it.
            self.here.pop();
        }
        let down = self.waiting.iter().take_while(|part| *part != b"..");
        let parts: Vec<Vec<u8>> = self.here.iter().chain(down).cloned().collect();
        Ok((clean(&parts.join(&b'/'))?, parts.len() == self.here.len() + self.waiting.len()))
    }

    /// A name on the way is a link.
    fn follow(&mut self, link: &[u8], target: &[u8]) {
        self.enter(link);
        self.here.pop();
        if target.starts_with(b"/") {
            self.here.clear();
        }
        let more: Vec<Vec<u8>> = parts(target).collect();
        more.into_iter().rev().for_each(|part| self.waiting.push_front(part));
    }

    /// What is at a path on the way is passed.
    fn enter(&mut self, path: &[u8]) {
        let before = self.here.len();
        self.here = parts(path).collect();
        self.waiting.drain(..self.here.len().saturating_sub(before).min(self.waiting.len()));
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = Vec<u8>> + use<'_> {
    path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).map(<[u8]>::to_vec)
}

/// What is at a path and at the names above it; a file at the path is written out.
struct NamesOnTheWay<'a> {
    wanted: &'a [u8],
    out: Option<&'a mut dyn Write>,
    verify: bool,
    written: bool,
    reading: LayerNumber,
    /// With the layers that have the bytes.
    names: BTreeMap<Vec<u8>, (TarEntry, LayerNumber)>,
}

impl<'a> NamesOnTheWay<'a> {
    fn new(wanted: &'a [u8], out: Option<&'a mut dyn Write>, verify: bool) -> NamesOnTheWay<'a> {
        NamesOnTheWay { wanted, out, verify, written: false, reading: 0, names: BTreeMap::new() }
    }

    /// The first name that is not a folder, or the last one.
    fn decisive(mut self) -> Option<(TarEntry, LayerNumber)> {
        let last = self.names.remove(self.wanted);
        let above = self.names.into_values().find(|(entry, _)| entry.kind != EntryKind::Directory);
        above.or(last)
    }
}

impl FlatOutput for NamesOnTheWay<'_> {
    fn entry(&mut self, entry: &TarEntry, _: &[u8], _: LayerNumber, content: Content) -> Result<()> {
        if entry.path == self.wanted {
            if self.written {
                // What was written cannot be taken back.
                return Err(in_one_pass(format!("a layer has '{}' twice, if only behind a link", shown(self.wanted))));
            }
            if let (EntryKind::File, Some(out)) = (&entry.kind, &mut self.out) {
                self.written = true;
                copy_out(content, &mut **out)?;
            }
        }
        self.names.insert(entry.path.clone(), (entry.clone(), self.reading));
        Ok(())
    }

    fn begin_layer(&mut self, layer: LayerNumber) {
        self.reading = layer;
    }

    fn has_enough(&self) -> bool {
        self.written && !self.verify
    }
}

fn copy_out(content: Content, out: &mut dyn Write) -> Result<()> {
    let what = |error: std::io::Error| Error::io("cannot write the file", &error);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content(&mut buffer)? {
            0 => return out.flush().map_err(what),
            count => out.write_all(&buffer[..count]).map_err(what)?,
        }
    }
}
