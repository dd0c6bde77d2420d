//! An image as one archive: the layers from the newest on, each read once and written as it comes. An entry is written unless a newer
//! layer has its name, removes it, or has something else in the place of a folder above it.

mod block_list;
mod folder_order;
mod inodes;
mod links;
mod names;
mod output;
mod pattern;
mod resolved_paths;
mod settled;
mod wanted_names;

use std::io::Write;

use inodes::{InodeKind, InodeName};
use names::{HeldFolder, NameTree};
use output::TarOutput;

pub(super) use names::in_one_pass;
pub(super) use output::{Content, FlatOutput, WrittenCounts};
pub(super) use wanted_names::Picks;

use super::layer::{UnpackLimits, UnpackedLayer};
use super::layer_entries::KnownLayers;
use super::marks::{is_private, LayerEntries, Mark};
use super::unpacking::{check_diff_id, ExtractedLayer};
use crate::call::Call;
use crate::digest::Digest;
use crate::error::{Code, Error, Result};
use crate::manifest::Descriptor;
use crate::store::ReadStore;
use crate::tar::{EntryKind, TarEntry};

/// A layer's place among the layers; that of a newer one is greater.
pub(super) type LayerNumber = u32;
/// A node's place in the list of names.
type NodeId = usize;

/// What there is to write: the layers, the oldest first, with the digests that they must have unpacked.
pub(super) struct FlatLayers<'a> {
    pub(super) call: &'a Call,
    pub(super) store: &'a dyn ReadStore,
    pub(super) layers: &'a [Descriptor],
    pub(super) ids: Option<&'a [Digest]>,
    pub(super) limits: UnpackLimits,
    /// How many bytes the layers that were read have.
    done: u64,
    /// Those that need not be read again to be searched again.
    known: Option<KnownLayers>,
}

impl<'a> FlatLayers<'a> {
    pub(super) fn new(
        call: &'a Call,
        store: &'a dyn ReadStore,
        (layers, ids): (&'a [Descriptor], Option<&'a [Digest]>),
        limits: UnpackLimits,
    ) -> FlatLayers<'a> {
        FlatLayers { call, store, layers, ids, limits, done: 0, known: None }
    }

    /// For several searches.
    pub(super) fn remembered(self) -> FlatLayers<'a> {
        FlatLayers { known: Some(KnownLayers::new(self.layers.len())), ..self }
    }
}

/// Writes an image, or what was picked of it, as an archive. Returns the layers that were read, the oldest first. After an error no reader
/// takes the archive for whole.
pub(super) fn write_tar(
    source: FlatLayers,
    picks: Picks,
    out: &mut dyn Write,
) -> Result<(Vec<ExtractedLayer>, WrittenCounts)> {
    let mut output = TarOutput::new(out);
    match flatten(source, picks, &mut output).and_then(|read| output.end().map(|()| read)) {
        Ok(read) => Ok((read, output.counts)),
        Err(error) => {
            output.give_up();
            Err(error)
        }
    }
}

/// Gives each entry of an image, or what was picked of it. Returns the layers that were read, the oldest first.
pub(super) fn flatten(
    mut source: FlatLayers,
    picks: Picks,
    output: &mut dyn FlatOutput,
) -> Result<Vec<ExtractedLayer>> {
    let mut flattening = Flattening::new(&mut source, picks, output);
    flattening.image()?;
    flattening.read.reverse();
    Ok(flattening.read)
}

/// Gives what is at a path, and at the names above it. Returns whether each layer was read to its end.
pub(super) fn look(source: &mut FlatLayers, path: &[u8], output: &mut dyn FlatOutput) -> Result<bool> {
    let mut flattening = Flattening::new(source, Picks::Way(path.to_vec()), output);
    flattening.image()?;
    Ok(!flattening.ended_early)
}

/// Writes what no reader takes for an archive, because the archive failed.
pub(super) fn give_up(out: &mut dyn Write) {
    TarOutput::new(out).give_up();
}

struct Flattening<'a, 'b> {
    source: &'a mut FlatLayers<'b>,
    names: NameTree,
    exact: Option<Vec<Vec<u8>>>,
    picks: Picks,
    output: &'a mut dyn FlatOutput,
    /// The newest first.
    read: Vec<ExtractedLayer>,
    /// A layer was not read to its end, since there was enough.
    ended_early: bool,
}

impl<'a, 'b> Flattening<'a, 'b> {
    fn new(source: &'a mut FlatLayers<'b>, picks: Picks, output: &'a mut dyn FlatOutput) -> Flattening<'a, 'b> {
        let (names, exact) = (NameTree::new(source.call), picks.exact());
        Flattening { source, names, exact, picks, output, read: Vec::new(), ended_early: false }
    }

    fn image(&mut self) -> Result<()> {
        let mut whole = true;
        for at in (0..self.source.layers.len()).rev() {
            if self.ended_early || self.is_settled() {
                whole = false;
                break;
            }
            self.layer(at)?;
        }
        if whole && !self.ended_early {
            self.names.refuse_missing()?;
        }
        self.names.write_folders(&mut self.picks, self.output)?;
        self.picks.refuse_unfound()
    }

    fn is_settled(&self) -> bool {
        let Some(paths) = &self.exact else { return false };
        let inside = self.picks.inside();
        let all = !self.names.waits() && paths.iter().all(|path| self.names.is_settled(path, inside));
        all && !self.names.may_lead_elsewhere()
    }

    fn layer(&mut self, at: usize) -> Result<()> {
        let number =
            LayerNumber::try_from(at).map_err(|_| Error::new(Code::LimitExceeded, "the image has too many layers"))?;
        let limits = self.source.limits;
        self.output.begin_layer(number);
        match self.source.known.as_ref().and_then(|known| known.get(at)) {
            Some(entries) => self.again(&entries, number)?,
            None => self.first(at, number)?,
        }
        if self.ended_early {
            return Ok(());
        }
        self.names.refuse_links_to_folders(number)?;
        self.made()?;
        // What is read again counts once.
        let left = std::mem::replace(&mut self.source.limits, limits);
        self.late(&self.source.layers[at])?;
        self.source.limits = left;
        self.names.end_layer();
        Ok(())
    }

    /// Reads a layer.
    fn first(&mut self, at: usize, number: LayerNumber) -> Result<()> {
        let layer = &self.source.layers[at];
        let mut entries = self.open(layer, self.source.call)?;
        let mut count = 0;
        while let Some(entry) = entries.advance()? {
            self.source.call.check()?;
            if let Some(known) = &mut self.source.known {
                known.note(&entry);
            }
            let had_enough = self.output.has_enough();
            self.entry(Some(&mut entries), entry, count, number)?;
            if !had_enough && self.output.has_enough() && self.is_settled() {
                self.ended_early = true;
                return Ok(());
            }
            count += 1;
        }
        let diff_id = self.close(entries)?;
        let diff_id_checked = check_diff_id(layer, &diff_id, self.source.ids.and_then(|ids| ids.get(at)))?;
        self.source.done = self.source.done.saturating_add(layer.size);
        if let Some(known) = &mut self.source.known {
            known.keep(at);
        }
        self.read.push(ExtractedLayer { digest: layer.digest.clone(), diff_id, diff_id_checked });
        Ok(())
    }

    /// Goes through a layer whose entries are known: files wait until it is read for them.
    fn again(&mut self, entries: &[TarEntry], number: LayerNumber) -> Result<()> {
        for (count, entry) in (0..).zip(entries) {
            self.source.call.check()?;
            self.entry(None, entry.clone(), count, number)?;
        }
        Ok(())
    }

    fn open(&self, layer: &Descriptor, call: &Call) -> Result<LayerEntries> {
        let FlatLayers { store, limits, done, .. } = &*self.source;
        Ok(LayerEntries::new(UnpackedLayer::open(call, *store, layer, *done, *limits)?))
    }

    /// Reads a layer to its end, at which it is verified.
    fn close(&mut self, mut entries: LayerEntries) -> Result<Digest> {
        let diff_id = entries.source().finish()?;
        let limits = &mut self.source.limits;
        *limits = limits.after(entries.source().unpacked());
        Ok(diff_id)
    }

    /// Takes an entry; without `entries` its content cannot be read now.
    fn entry(
        &mut self,
        entries: Option<&mut LayerEntries>,
        entry: TarEntry,
        count: u64,
        layer: LayerNumber,
    ) -> Result<()> {
        match entry.mark()? {
            Mark::Private => return Ok(()),
            Mark::Whiteout(path) => return self.names.whiteout(&path, layer),
            Mark::Opaque(folder) => return self.names.opaque(folder, layer),
            Mark::None => {}
        }
        match &entry.kind {
            EntryKind::Directory if entry.path.is_empty() => Ok(()),
            _ if entry.path.is_empty() => {
                Err(Error::new(Code::InvalidManifest, "the root of the layer is not a folder"))
            }
            EntryKind::Directory => self.folder(entry, attributes_of(&entries).into(), layer),
            EntryKind::HardLink(_) => self.hard_link(&entry, layer),
            _ => self.other(entries, entry, count, layer),
        }
    }

    fn folder(&mut self, entry: TarEntry, attributes: Box<[u8]>, layer: LayerNumber) -> Result<()> {
        let spot = self.names.own_spot(&entry.path, layer)?;
        let TarEntry { mode, uid, gid, mtime, .. } = entry;
        let held = HeldFolder { mode, uid, gid, mtime, attributes: attributes.clone() };
        match self.names.add_folder(&spot, layer, held)? {
            true => self.output.entry(&TarEntry { path: spot.path, ..entry }, &attributes, layer, &mut |_| Ok(0)),
            false => Ok(()),
        }
    }

    fn other(
        &mut self,
        entries: Option<&mut LayerEntries>,
        entry: TarEntry,
        count: u64,
        layer: LayerNumber,
    ) -> Result<()> {
        let spot = self.names.own_spot(&entry.path, layer)?;
        let attributes = attributes_of(&entries).to_vec();
        let kind = match entry.kind {
            EntryKind::File => InodeKind::Content(count),
            _ => InodeKind::Made(Box::new((entry.clone(), attributes.clone()))),
        };
        let inode = self.names.new_inode(kind)?;
        let mut named = Vec::new();
        if self.names.add_other(&spot, layer, inode)? && self.wants(&spot.path) {
            named.push(self.names.claim(spot.node(), &spot.path));
        }
        named.extend(self.names.arrived(&spot, layer)?);
        match (&entry.kind, entries) {
            (EntryKind::File, Some(entries)) => {
                self.write(inode, &entry, &attributes, named, &mut |buffer| entries.read(buffer))
            }
            _ => named.into_iter().try_for_each(|name| self.names.wait(inode, name)),
        }
    }

    fn wants(&mut self, path: &[u8]) -> bool {
        !is_private(path) && self.picks.take(path)
    }

    /// Writes something under a name, and as links under more.
    fn write(
        &mut self,
        inode: usize,
        entry: &TarEntry,
        attributes: &[u8],
        named: Vec<InodeName>,
        content: Content,
    ) -> Result<()> {
        let mut named = named.into_iter();
        let Some(first) = named.next() else { return Ok(()) };
        let layer = self.names.nodes[first.id].layer();
        self.output.entry(&TarEntry { path: first.path.clone(), ..entry.clone() }, attributes, layer, content)?;
        self.names.written(inode, first)?;
        named.try_for_each(|name| self.another_name(inode, name, entry))
    }

    fn hard_link(&mut self, entry: &TarEntry, layer: LayerNumber) -> Result<()> {
        let EntryKind::HardLink(target) = &entry.kind else { return Ok(()) };
        let target = self.names.spot(target, layer, false)?;
        let spot = self.names.own_spot(&entry.path, layer)?;
        let Some(inode) = self.names.linked(entry, (&spot, target), layer)? else { return Ok(()) };
        let mut named = Vec::new();
        if self.names.add_other(&spot, layer, inode)? && self.wants(&spot.path) {
            named.push(self.names.claim(spot.node(), &spot.path));
        }
        named.extend(self.names.arrived(&spot, layer)?);
        named.into_iter().try_for_each(|name| self.another_name(inode, name, entry))
    }

    /// Gives something one more name, as soon as that can be.
    fn another_name(&mut self, inode: usize, name: InodeName, entry: &TarEntry) -> Result<()> {
        if let Some(target) = self.names.alias(inode) {
            let (kind, layer) = (EntryKind::HardLink(target), self.names.nodes[name.id].layer());
            let link = TarEntry { path: name.path.clone(), kind, ..entry.clone() };
            self.output.entry(&link, b"", layer, &mut |_| Ok(0))?;
            return self.names.written(inode, name);
        }
        self.names.wait(inode, name)
    }

    /// Writes what has no content, once each name's last entry is known.
    fn made(&mut self) -> Result<()> {
        for inode in 0..self.names.inodes.len() {
            self.source.call.check()?;
            if let Some((entry, attributes, named)) = self.names.made(inode) {
                self.write(inode, &entry, &attributes, named, &mut |_| Ok(0))?;
            }
        }
        Ok(())
    }

    /// Reads a layer again for files that have names in the result, but not the one under which they came.
    fn late(&mut self, layer: &Descriptor) -> Result<()> {
        let mut late = self.names.late();
        if late.is_empty() {
            return Ok(());
        }
        let mut entries = self.open(layer, &self.source.call.without_progress())?;
        let mut count = 0;
        while let Some(entry) = entries.advance()? {
            self.source.call.check()?;
            if let Some((inode, named)) = late.remove(&count) {
                let attributes = entries.attributes().to_vec();
                self.write(inode, &entry, &attributes, named, &mut |buffer| entries.read(buffer))?;
            }
            if late.is_empty() && self.output.has_enough() {
                self.ended_early = true;
                return Ok(());
            }
            count += 1;
        }
        self.close(entries).map(drop)
    }
}

fn attributes_of<'a>(entries: &'a Option<&mut LayerEntries>) -> &'a [u8] {
    entries.as_deref().map_or(b"", |entries| entries.attributes())
}
