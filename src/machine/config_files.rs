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

/// Returns an error once the call for which files are read must stop.
pub(crate) type GoesOn<'a> = &'a dyn Fn() -> Result<()>;

/// What may still be read.
pub(crate) struct Files<'a> {
    left: usize,
    goes_on: GoesOn<'a>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(goes_on: GoesOn<'a>) -> Files<'a> {
        Files { left: ALL, goes_on }
    }

    /// Whether the call goes on.
    pub(crate) fn check(&self) -> Result<()> {
        (self.goes_on)()
    }

    /// A file of a folder, which may have been removed since the folder was read. A link to nothing is wrong: what it was to forbid would not be.
    pub(crate) fn listed(&mut self, path: &Path) -> Result<Option<String>> {
        let text = self.usual(path)?;
        match text.is_none() && path.is_symlink() {
            true => Err(wrong(path, "it is a symbolic link to something that does not exist")),
            false => Ok(text),
        }
    }

    /// A file that must exist.
    pub(crate) fn named(&mut self, path: &Path) -> Result<String> {
        self.usual(path)?.ok_or_else(|| wrong(path, "it does not exist"))
    }

    /// A file that need not exist. Links are followed.
    pub(crate) fn usual(&mut self, path: &Path) -> Result<Option<String>> {
        self.check()?;
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
    pub(crate) fn named_folder<'b>(&self, folder: &'b Path) -> Result<&'b Path> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{MachineFiles, MachineOptions};
    use crate::reference::Reference;

    #[test]
    fn reading_ends_with_the_call() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["hosts/a.io", "hosts/b.io", "conf", "d"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for name in ["hosts/a.io/hosts.toml", "hosts/b.io/hosts.toml", "conf/1.conf", "conf/2.conf", "d/1.yaml"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let mut options = MachineOptions::default();
        options.registries_conf_dir.0 = vec![folder.path().join("conf").to_string_lossy().into_owned()];
        options.containerd_certs_dir.0 = vec![folder.path().join("hosts").to_string_lossy().into_owned()];
        options.registries_d.0 = vec![folder.path().join("d").to_string_lossy().into_owned()];
        let files = MachineFiles::with(&options, &|_| None);
        let (mut ends, asked) = (0, std::cell::Cell::new(0));
        let after = |most: usize| {
            asked.set(0);
            let goes_on = || {
                asked.set(asked.get() + 1);
                if asked.get() > most {
                    Err(Error::new(Code::Cancelled, "enough"))
                } else {
                    Ok(())
                }
            };
            files.read(&goes_on)
        };
        while let Err(error) = after(ends) {
            assert!(error.code() == Code::Cancelled && asked.get() > ends, "{error}");
            ends += 1;
        }
        assert!(ends >= 4, "each file is looked for after a look at the call: {ends}");
        let image = Reference::parse("a.io/x", None).unwrap();
        let error = files.signatures(&|| Err(Error::new(Code::Cancelled, "enough")), &image).unwrap_err();
        assert_eq!(error.code(), Code::Cancelled);
    }

    /// What it was to forbid would not be forbidden.
    #[test]
    fn a_drop_in_that_leads_nowhere_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let link =
            std::process::Command::new("ln").args(["-s", "/no/such/file", "1.conf"]).current_dir(&folder).status();
        assert!(link.unwrap().success());
        let mut options = MachineOptions::default();
        options.registries_conf_dir.0 = vec![folder.path().to_string_lossy().into_owned()];
        let error = MachineFiles::with(&options, &|_| None).read(&|| Ok(())).unwrap_err();
        assert!(error.code() == Code::Io && error.message().contains("1.conf: it is a symbolic link"), "{error}");
    }
}
