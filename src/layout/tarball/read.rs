//! A tar file as a set of named pieces, read in place by offset.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use crate::digest::shorten;
use crate::error::{Code, Error, Result};

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
