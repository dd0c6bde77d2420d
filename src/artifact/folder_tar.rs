//! A folder as a tar that is made while it is read. The same files give the same bytes: names in order, and no owners and, unless they
//! are wanted, no times. Nothing on the way is followed or waited for: what is put into the folder meanwhile leads nowhere else.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;
use tar::{EntryType, Header};

use super::file_title;
use super::folder_level::FolderLevel;
use crate::call::Call;
use crate::digest::{Algorithm, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::os::open_folder::{self, path_of, OpenFolder, OpenedEntry, Permissions};
use crate::stream::blob::Blob;
use crate::stream::replay::{OpenedFile, Replay};
use crate::stream::source::{Source, PIECE};
use crate::tar::names::{shown, DEEPEST};

const BLOCK: usize = 512;
/// More names than a folder of an artifact has.
const MOST: usize = 10_000_000;

/// A file of which so many bytes are still to come.
struct TarredFile {
    file: OpenedFile,
    name: String,
    left: u64,
}

impl TarredFile {
    /// Its next bytes, and in the end what fills its last block; None after that.
    fn piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.file.piece(PIECE)?;
        if piece.len() as u64 > self.left || (piece.is_empty() && self.left > 0) {
            return Err(OpenedFile::changed(&self.name));
        }
        self.left -= piece.len() as u64;
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    /// What fills its last block.
    fn padding(&self) -> Bytes {
        let over = usize::try_from(self.file.size() % BLOCK as u64).unwrap_or(0);
        vec![0; if over == 0 { 0 } else { BLOCK - over }].into()
    }
}

pub(super) struct FolderTar {
    call: Call,
    shown: String,
    times: bool,
    levels: Vec<FolderLevel>,
    count: usize,
    headers: tar::Builder<Vec<u8>>,
    /// The file whose bytes are next.
    file: Option<TarredFile>,
    hasher: Hasher,
    over: bool,
}

impl FolderTar {
    /// The folder at a path, whose files are below the title in the tar.
    pub(super) fn open(call: &Call, path: &Path, title: &str, times: bool) -> Result<FolderTar> {
        let shown = path.display().to_string();
        let what = |error: std::io::Error| Error::io(format!("cannot read {shown}"), &error);
        let folder = OpenFolder::open(path).map_err(what)?;
        let root =
            file_title::path_of(title).map_err(|why| Error::new(Code::InvalidArgument, format!("the title {why}")))?;
        let mut tar = FolderTar {
            call: call.clone(),
            shown: shown.clone(),
            times,
            levels: Vec::new(),
            count: 0,
            headers: tar::Builder::new(Vec::new()),
            file: None,
            hasher: Hasher::new(Algorithm::Sha256),
            over: false,
        };
        tar.enter(folder, root.into_bytes())?;
        Ok(tar)
    }

    /// The digest of the tar, once it was read.
    pub(super) fn digest(self) -> Digest {
        self.hasher.finish()
    }

    fn enter(&mut self, folder: OpenFolder, path: Vec<u8>) -> Result<()> {
        if self.levels.len() >= DEEPEST {
            let message = format!("'{}' is more than {DEEPEST} folders deep", shown(&path));
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let what = |error: std::io::Error| Error::io(format!("cannot read {}: '{}'", self.shown, shown(&path)), &error);
        let status = folder.status().map_err(what)?;
        let level = FolderLevel::list(folder, path.clone(), MOST).map_err(what)?;
        self.count += level.left();
        if self.count > MOST {
            let message = format!("{} has more than {MOST} files and folders", self.shown);
            return Err(Error::new(Code::LimitExceeded, message));
        }
        // The folder into which it is unpacked has an entry only where it has a name.
        if !path.is_empty() {
            let mut header = self.header(EntryType::Directory, status.permissions, status.changed.seconds());
            self.append(&mut header, &path)?;
        }
        self.levels.push(level);
        Ok(())
    }

    fn header(&self, kind: EntryType, permissions: Permissions, seconds: i64) -> Header {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(permissions & 0o777);
        header.set_mtime(if self.times { u64::try_from(seconds).unwrap_or(0) } else { 0 });
        header.set_size(0);
        header
    }

    /// Writes a header; the bytes that its size announces follow.
    fn append(&mut self, header: &mut Header, path: &[u8]) -> Result<()> {
        let added = self.headers.append_data(header, path_of(path), std::io::empty());
        added.map_err(|error| Error::io(format!("cannot put '{}' into a tar", shown(path)), &error))
    }

    /// Goes to the next name; false after the last one.
    fn advance(&mut self) -> Result<bool> {
        let Some(level) = self.levels.last_mut() else { return Ok(false) };
        let Some((name, path)) = level.next() else {
            self.levels.pop();
            return Ok(true);
        };
        let what = |error: std::io::Error| Error::io(format!("cannot read {}: '{}'", self.shown, shown(&path)), &error);
        match level.folder.enter(&name).map_err(what)? {
            OpenedEntry::Folder(folder) => self.enter(folder, path)?,
            OpenedEntry::NoAccess => return Err(what(open_folder::no_access())),
            OpenedEntry::Missing => return Err(OpenedFile::changed(&self.shown)),
            OpenedEntry::NotAFolder => match level.folder.read_link(&name) {
                Ok(target) => {
                    let seconds = level.folder.status_of(&name).map_err(what)?.changed.seconds();
                    self.link(&path, &target, seconds)?;
                }
                Err(_) => {
                    let file = level.folder.read_file(&name).map_err(what)?;
                    self.begin_file(file, &path)?;
                }
            },
        }
        Ok(true)
    }

    fn begin_file(&mut self, file: File, path: &[u8]) -> Result<()> {
        let name = format!("{}: '{}'", self.shown, shown(path));
        let status = open_folder::status_of(&file).map_err(|error| Error::io(format!("cannot read {name}"), &error))?;
        let file = OpenedFile::of(file, name.clone())?;
        let mut header = self.header(EntryType::Regular, status.permissions, status.changed.seconds());
        header.set_size(file.size());
        self.append(&mut header, path)?;
        self.file = Some(TarredFile { left: file.size(), file, name });
        Ok(())
    }

    /// A symbolic link stays one. One that leads out would not be unpacked.
    fn link(&mut self, path: &[u8], target: &[u8], seconds: i64) -> Result<()> {
        if !file_title::stays_within(self.levels.len() - 1, target) {
            let message = format!("{}: the symbolic link '{}' leads out of the folder", self.shown, shown(path));
            return Err(Error::new(Code::InvalidArgument, message));
        }
        let mut header = self.header(EntryType::Symlink, 0o777, seconds);
        let added = self.headers.append_link(&mut header, path_of(path), path_of(target));
        added.map_err(|error| Error::io(format!("cannot put '{}' into a tar", shown(path)), &error))
    }

    /// The next bytes: headers that were written, the file of the last one, and then the next name.
    fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            self.call.check()?;
            let headers = std::mem::take(self.headers.get_mut());
            if !headers.is_empty() {
                return Ok(Some(headers.into()));
            }
            let Some(mut file) = self.file.take() else {
                match self.advance()? {
                    true => continue,
                    false => return Ok((!std::mem::replace(&mut self.over, true)).then(|| vec![0; 2 * BLOCK].into())),
                }
            };
            match file.piece()? {
                Some(piece) => {
                    self.file = Some(file);
                    return Ok(Some(piece));
                }
                None if file.padding().is_empty() => {}
                None => return Ok(Some(file.padding())),
            }
        }
    }
}

impl Blob for FolderTar {
    fn piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.next()?;
        if let Some(piece) = &piece {
            self.hasher.update(piece);
        }
        Ok(piece)
    }
}
