//! Reading small files and folders of configuration. Both may be what a stranger has put there: only regular files are read, nothing
//! is waited for, and there is an end to how much.

use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::error::{Code, Error, Result};
use crate::os::special_file::open_regular;

const LARGEST: usize = 1 << 20;

/// All files together.
const ALL: usize = 16 << 20;

/// How many entries a folder may have.
const ENTRIES: usize = 1000;

/// What may still be read.
#[derive(Debug)]
pub(crate) struct Files {
    left: usize,
}

impl Default for Files {
    fn default() -> Files {
        Files { left: ALL }
    }
}

impl Files {
    /// A file that must exist.
    pub(crate) fn named(&mut self, path: &Path) -> Result<String> {
        self.usual(path)?.ok_or_else(|| wrong(path, "it does not exist"))
    }

    /// A file that need not exist. Links are followed.
    pub(crate) fn usual(&mut self, path: &Path) -> Result<Option<String>> {
        // The usual way to say that there is none, also by a link that hides a file of another folder.
        if path.canonicalize().is_ok_and(|led| led == Path::new("/dev/null")) {
            return Ok(Some(String::new()));
        }
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if is_nothing(error.kind()) => return Ok(None),
            Err(error) => return Err(Error::io(path.display(), &error)),
        };
        let mut bytes = Vec::new();
        let most = LARGEST.min(self.left);
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| Error::io(path.display(), &error))?;
        if bytes.len() > most {
            let what = match most == LARGEST {
                true => format!("it is larger than {LARGEST} bytes"),
                false => format!("with it there are more than {ALL} bytes of configuration"),
            };
            return Err(wrong(path, &what).with_code(Code::LimitExceeded));
        }
        self.left -= bytes.len();
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let line =
                error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Error::new(Code::Io, format!("{}, line {line}: it is not UTF-8", path.display()))
        })
    }

    /// A folder that must exist: without one that is misspelt nothing would be forbidden.
    pub(crate) fn named_folder<'a>(&self, folder: &'a Path) -> Result<&'a Path> {
        match std::fs::metadata(folder) {
            Ok(found) if found.is_dir() => Ok(folder),
            Ok(_) => Err(wrong(folder, "it is not a folder")),
            Err(error) => Err(Error::io(folder.display(), &error)),
        }
    }

    /// The names in a folder, sorted; none when there is no folder. A name that is not UTF-8 is not one of ours.
    pub(crate) fn names(&self, folder: &Path) -> Result<Vec<String>> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if is_nothing(error.kind()) => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(folder.display(), &error)),
        };
        let mut names = Vec::new();
        for (position, entry) in entries.enumerate() {
            let entry = entry.map_err(|error| Error::io(folder.display(), &error))?;
            if position >= ENTRIES {
                let what = format!("the folder has more than {ENTRIES} entries");
                return Err(wrong(folder, &what).with_code(Code::LimitExceeded));
            }
            names.extend(entry.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }
}

fn is_nothing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::new(Code::Io, format!("{}: {what}", path.display()))
}
