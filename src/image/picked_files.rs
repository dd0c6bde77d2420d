//! Some files of an image in a folder. They wait in a temporary file, which has no name, until all of them are there and verified:
//! what does not succeed has written nothing.

use std::io::{self, Write};
use std::path::Path;

use super::disk_tree::full_folder;
use super::flat::{write_tar, FlatLayers, Picks};
use super::open_folders::failed;
use super::unpacking::{ExtractOptions, Extracted, Unpacking};
use super::Image;
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::os::open_folder::{set_permissions, OpenFolder, OpenedEntry, Permissions};
use crate::stream::spool::{SpoolItem, SpoolReader, SpoolWriter, TemporarySpace};
use crate::tar::{Entries, EntryKind, TarSource};

/// Without this permission of its owner a folder can be listed, but nothing in it be opened.
const SEARCHABLE: Permissions = 0o100;

/// Extracts what the options name into a folder.
pub(super) fn extract(
    image: &Image,
    source: FlatLayers,
    (path, paths): (&Path, &[String]),
    options: &ExtractOptions,
    space: &TemporarySpace,
) -> Result<Extracted> {
    let (call, picks) = (source.call, Picks::of(paths)?);
    // A folder that cannot be used is better known before anything is fetched; one that is not there is not made yet.
    let there = path.exists().then(|| Unpacking::new(call, image, path, options)).transpose()?;
    let mut waiting = WaitingFiles(space.spool()?.writer());
    let (layers, _) = write_tar(source, picks, &mut waiting)?;
    let waiting = waiting.0.finish();
    if there.is_some() && options.overwrite {
        refuse_full_folders(call, path, &waiting, options)?;
    }
    let mut unpacking = there.map_or_else(|| Unpacking::new(call, image, path, options), Ok)?;
    let mut entries = entries(call, &waiting);
    // What whiteouts removed is not in it: there is nothing to remove in the folder.
    while let Some(entry) = entries.advance()? {
        call.check()?;
        unpacking.file(entry, &mut entries)?;
    }
    let extracted = unpacking.finish(call)?;
    Ok(Extracted { layers, ..extracted })
}

fn entries(call: &Call, waiting: &SpoolItem) -> Entries<WaitingTar> {
    Entries::new(WaitingTar { call: call.clone(), reader: waiting.read_from(0) })
}

/// Refuses, before anything is written, what could not be: a folder with files of the caller's stands where something else is to be.
fn refuse_full_folders(call: &Call, path: &Path, waiting: &SpoolItem, options: &ExtractOptions) -> Result<()> {
    let root = OpenFolder::open(path)
        .map_err(|error| Error::io(format!("cannot use the folder {}", path.display()), &error))?;
    let mut entries = entries(call, waiting);
    while let Some(entry) = entries.advance()? {
        call.check()?;
        let is_other = match entry.kind {
            EntryKind::Directory => false,
            EntryKind::File | EntryKind::Symlink(_) | EntryKind::HardLink(_) => true,
            EntryKind::Character | EntryKind::Block | EntryKind::Fifo => options.devices,
        };
        if is_other && failed(is_full_folder(&root, &entry.path), "look into", || entry.path.clone())? {
            return Err(full_folder(&entry.path));
        }
    }
    Ok(())
}

/// Whether there is a folder with something in it, and no link on the way. One that is closed to its owner is opened for as long as it is
/// looked at: it would be to be written into.
fn is_full_folder(above: &OpenFolder, path: &[u8]) -> io::Result<bool> {
    let (name, below) = match path.iter().position(|byte| *byte == b'/') {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    };
    let (folder, closed) = match above.enter(name)? {
        OpenedEntry::Missing | OpenedEntry::NotAFolder => return Ok(false),
        OpenedEntry::Folder(folder) if below.is_none() || folder.status()?.permissions & SEARCHABLE != 0 => {
            (folder, None)
        }
        OpenedEntry::Folder(_) | OpenedEntry::NoAccess => above.enter_freely(name)?,
    };
    let found = below.map_or_else(|| has_some(&folder), |below| is_full_folder(&folder, below));
    match closed {
        Some(permissions) => set_permissions(&folder, permissions).and(found),
        None => found,
    }
}

fn has_some(folder: &OpenFolder) -> io::Result<bool> {
    let mut has_some = false;
    let listed = folder.names(|_, _| -> io::Result<bool> {
        has_some = true;
        Ok(false)
    });
    listed.map(|()| has_some)
}

struct WaitingFiles(SpoolWriter);

impl Write for WaitingFiles {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct WaitingTar {
    call: Call,
    reader: SpoolReader,
}

impl TarSource for WaitingTar {
    fn name(&self) -> String {
        "the temporary file".to_owned()
    }

    fn code(&self) -> Code {
        Code::Internal
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.call.check()?;
        io::Read::read(&mut self.reader, buffer).map_err(|error| Error::io("cannot read a temporary file", &error))
    }

    fn count_zeros(&mut self, _: u64) -> Result<()> {
        self.call.check()
    }
}
