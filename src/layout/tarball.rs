//! A tar file as a set of named pieces: read in place by offset, written in one step.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use crate::digest::shorten;
use crate::error::{Code, Error, Result};
use crate::http::call::Call;

/// More entries than any archive of images needs.
const MOST: usize = 200_000;

/// Where each file of an archive is.
#[derive(Debug)]
pub struct Tarball {
    path: PathBuf,
    files: HashMap<String, (u64, u64)>,
}

impl Tarball {
    /// Reads the table of contents. Links are followed within the archive; anything else that is no file is left out.
    pub fn open(path: &Path) -> Result<Tarball> {
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", path.display()), &error);
        let mut file = File::open(path).map_err(what)?;
        let length = file.metadata().map_err(what)?.len();
        check_form(path, &mut file)?;
        let bad = |why: String| Error::new(Code::Io, format!("{} is no good archive: {why}", path.display()));
        let mut archive = tar::Archive::new(BufReader::with_capacity(4096, file));
        let (mut files, mut links) = (HashMap::new(), Vec::new());
        for entry in archive.entries_with_seek().map_err(what)? {
            let entry = entry.map_err(|error| bad(format!("it is cut short or damaged: {error}")))?;
            let name = entry.path().map_err(|error| bad(error.to_string()))?.into_owned();
            let name = plain(&name).ok_or_else(|| bad(format!("the name '{}'", shorten(&name.to_string_lossy()))))?;
            let kind = entry.header().entry_type();
            if kind.is_file() {
                let (begin, size) = (entry.raw_file_position(), entry.size());
                if begin.checked_add(size).is_none_or(|end| end > length) {
                    return Err(bad(format!("it is cut short within '{}'", shorten(&name))));
                }
                files.insert(name, (begin, size));
            } else if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name().ok().flatten().unwrap_or_default().into_owned();
                let base = Path::new(&name).parent().filter(|_| kind.is_symlink()).unwrap_or(Path::new(""));
                links.push((name.clone(), resolve(base, &target)));
            }
            if files.len() + links.len() > MOST {
                return Err(bad(format!("it has more than {MOST} entries")));
            }
        }
        for (name, target) in links {
            if let Some(place) = target.and_then(|target| files.get(&target).copied()) {
                files.insert(name, place);
            }
        }
        Ok(Tarball { path: path.to_owned(), files })
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// A file's size.
    pub fn size(&self, name: &str) -> Option<u64> {
        self.files.get(name).map(|(_, size)| *size)
    }

    /// A file's bytes from an offset.
    pub fn read(&self, name: &str, offset: u64) -> Result<Option<impl Read + use<>>> {
        let Some((begin, size)) = self.files.get(name) else { return Ok(None) };
        let what = |error: std::io::Error| Error::io(format!("cannot read {}", self.path.display()), &error);
        let mut file = File::open(&self.path).map_err(what)?;
        file.seek(SeekFrom::Start(begin + offset.min(*size))).map_err(what)?;
        Ok(Some(file.take(size.saturating_sub(offset))))
    }

    /// A small file.
    pub fn small(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(mut reader) = self.read(name, 0)? else { return Ok(None) };
        if self.size(name).is_some_and(|size| size > limit) {
            let message = format!("{} in {} has more than {limit} bytes", shorten(name), self.path.display());
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(format!("cannot read {}", self.path.display()), &error))?;
        Ok(Some(bytes))
    }
}

fn check_form(path: &Path, file: &mut File) -> Result<()> {
    let mut magic = [0; 4];
    let found = file.read(&mut magic).and_then(|count| file.seek(SeekFrom::Start(0)).map(|_| count));
    let count = found.map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
    let packed = match &magic[..count] {
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "zstd",
        [b'B', b'Z', b'h', _] => "bzip2",
        _ => return Ok(()),
    };
    Err(Error::new(Code::Unsupported, format!("{} is a {packed} file", path.display()))
        .with_hint(format!("unpack it with {packed} -d first")))
}

/// A name without `./`; None for one that leads out of the archive.
fn plain(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?.to_owned()),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

fn resolve(base: &Path, target: &Path) -> Option<String> {
    let mut parts: Vec<String> = base.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    for part in target.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?.to_owned()),
            Component::CurDir => {}
            Component::ParentDir => drop(parts.pop()?),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

/// Writes an archive of these files, in this order. It appears only whole.
pub fn write(call: &Call, target: &Path, files: &[(String, Piece)]) -> Result<()> {
    let what = |error: std::io::Error| Error::io(format!("cannot write {}", target.display()), &error);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::Builder::new()
        .prefix(".")
        .suffix(".partial")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(what)?;
    let mut builder = tar::Builder::new(std::io::BufWriter::with_capacity(256 << 10, temporary));
    for (name, piece) in files {
        call.check()?;
        match piece {
            Piece::Bytes(bytes) => {
                let mut header = header(bytes.len() as u64);
                builder.append_data(&mut header, name, bytes.as_slice()).map_err(what)?;
            }
            Piece::File(path) => {
                let file =
                    File::open(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), &error))?;
                let size = file.metadata().map_err(what)?.len();
                builder.append_data(&mut header(size), name, Interruptible(file.take(size), call)).map_err(
                    |error| {
                        // What was asked for comes back as itself.
                        call.check().err().unwrap_or_else(|| what(error))
                    },
                )?;
            }
        }
    }
    let mut buffered = builder.into_inner().map_err(what)?;
    buffered.flush().map_err(what)?;
    let temporary = buffered.into_inner().map_err(|error| what(error.into_error()))?;
    temporary.as_file().sync_all().map_err(what)?;
    temporary.persist(target).map(drop).map_err(|error| what(error.error))
}

/// A file of an archive that is written.
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The bytes of this file.
    File(PathBuf),
}

// The same files give the same archive: no clock, no user.
fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

struct Interruptible<'a, R>(R, &'a Call);

impl<R: Read> Read for Interruptible<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1.check().map_err(std::io::Error::other)?;
        self.0.read(buffer)
    }
}
