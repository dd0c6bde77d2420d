//! Whole blobs to a file, a descriptor or memory.
//!
//! A file appears under its name only whole and verified. Until then its bytes are in a hidden file beside it, which
//! stays after a broken transfer, so that the next call continues it, and goes after a wrong digest.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::reader::{ReadOptions, Reader};
use super::remote::Remote;
use super::Client;
use crate::digest::{Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::http::call::Call;
use crate::reference::Reference;

/// The most that a read into memory takes unless told otherwise.
const MEMORY_LIMIT: u64 = 64 << 20;

/// What was delivered.
#[derive(Debug, Serialize)]
pub struct Delivered {
    /// The blob's digest.
    pub digest: Digest,
    /// The size of the whole blob.
    pub size: Option<u64>,
    /// The first byte delivered.
    pub offset: u64,
    /// How many bytes were delivered.
    pub length: u64,
    /// Whether the digest was checked; a piece of a blob has none.
    pub verified: bool,
    /// How many of the bytes were there from an earlier call.
    pub resumed: u64,
    /// The file, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Client {
    /// Opens a blob for reading.
    pub fn open_blob(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<Reader> {
        options.without_limit()?;
        self.begin_read(call, reference, options)
    }

    fn begin_read(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<Reader> {
        let digest = blob_digest(reference)?;
        let reader = Reader::open(Remote::repository(self, call, reference.repository())?, digest, options, None)?;
        call.begin("blob get", reader.expected())?;
        Ok(reader)
    }

    /// Gets a blob into memory.
    pub fn get_blob(&self, call: &Call, reference: &Reference, options: &ReadOptions) -> Result<(Delivered, Vec<u8>)> {
        let limit = options.limit.unwrap_or(MEMORY_LIMIT);
        once_more_if_wrong(|| {
            let mut bytes = Vec::new();
            let delivered = self.stream_blob(call, reference, options, |piece| {
                if bytes.len() as u64 + piece.len() as u64 > limit {
                    let message = format!("the blob is larger than the limit of {limit} bytes for memory");
                    return Err(Error::new(Code::LimitExceeded, message));
                }
                bytes.extend_from_slice(piece);
                Ok(())
            })?;
            Ok((delivered, bytes))
        })
    }

    /// Gets a blob and writes it to `out`. What was written before an error cannot be taken back.
    pub fn get_blob_to(
        &self,
        call: &Call,
        reference: &Reference,
        out: &mut dyn Write,
        options: &ReadOptions,
    ) -> Result<Delivered> {
        options.without_limit()?;
        let delivered = self.stream_blob(call, reference, options, |piece| {
            out.write_all(piece).map_err(|error| Error::io("cannot write the blob", &error))
        })?;
        out.flush().map_err(|error| Error::io("cannot write the blob", &error))?;
        Ok(delivered)
    }

    /// Gets a blob into a file.
    pub fn get_blob_file(
        &self,
        call: &Call,
        reference: &Reference,
        path: &Path,
        options: &ReadOptions,
    ) -> Result<Delivered> {
        let digest = blob_digest(reference)?.clone();
        options.without_limit()?;
        let shown = path.to_string_lossy().into_owned();
        let delivered = once_more_if_wrong(|| {
            let mut partial = Partial::open(call, path, &digest, options)?;
            let outcome = self.fill(call, reference, options, &mut partial);
            partial.settle(outcome, path)
        })?;
        Ok(Delivered { path: Some(shown), ..delivered })
    }

    fn fill(
        &self,
        call: &Call,
        reference: &Reference,
        options: &ReadOptions,
        partial: &mut Partial,
    ) -> Result<Delivered> {
        let digest = blob_digest(reference)?;
        let resumed = partial.length;
        let hashed = partial.hasher.take().map(|hasher| (hasher, resumed));
        let mut reader =
            Reader::open(Remote::repository(self, call, reference.repository())?, digest, options, hashed)?;
        call.begin("blob get", reader.expected())?;
        call.moved_to(resumed)?;
        while let Some(piece) = reader.piece()? {
            partial.write(&piece)?;
            call.moved_to(partial.length)?;
        }
        Ok(delivered(&reader, options, resumed))
    }

    fn stream_blob(
        &self,
        call: &Call,
        reference: &Reference,
        options: &ReadOptions,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<Delivered> {
        let mut reader = self.begin_read(call, reference, options)?;
        while let Some(piece) = reader.piece()? {
            take(&piece)?;
            call.moved_to(reader.position() - options.offset)?;
        }
        Ok(delivered(&reader, options, 0))
    }
}

/// The digest of a blob's reference.
pub fn blob_digest(reference: &Reference) -> Result<&Digest> {
    reference.digest().ok_or_else(|| {
        Error::new(
            Code::InvalidReference,
            format!("a blob is named HOST/REPOSITORY@DIGEST; '{reference}' has no digest"),
        )
    })
}

fn delivered(reader: &Reader, options: &ReadOptions, resumed: u64) -> Delivered {
    let info = reader.info();
    Delivered {
        digest: info.digest.clone(),
        size: info.size,
        offset: options.offset,
        length: reader.position() - options.offset,
        verified: !options.is_piece(),
        resumed,
        path: None,
    }
}

// A cache on the way may have given bad bytes; twice is no accident.
fn once_more_if_wrong<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    match work() {
        Err(error) if error.code() == Code::DigestMismatch => work(),
        outcome => outcome,
    }
}

/// The hidden file beside a target.
struct Partial {
    path: PathBuf,
    file: File,
    length: u64,
    hasher: Option<Hasher>,
    continues: bool,
}

impl Partial {
    /// Continues what an earlier call left, or begins anew.
    fn open(call: &Call, target: &Path, digest: &Digest, options: &ReadOptions) -> Result<Partial> {
        let name = target
            .file_name()
            .ok_or_else(|| Error::new(Code::InvalidArgument, format!("'{}' is no file name", target.display())))?;
        // A rename would put a file in the place of a device, a pipe or a folder.
        if std::fs::metadata(target).is_ok_and(|found| !found.is_file()) {
            return Err(Error::new(Code::Io, format!("{} is there and is not a regular file", target.display())));
        }
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.partial", &digest.hex()[..12]));
        let path = target.with_file_name(hidden);
        let shared = if options.is_piece() { None } else { Partial::claim(&path)? };
        let Some(file) = shared else { return Partial::private(target) };
        let mut partial =
            Partial { path, file, length: 0, hasher: Some(Hasher::new(digest.algorithm())), continues: true };
        partial.take_stock(call, options.size)?;
        Ok(partial)
    }

    /// The hidden file, locked. None when somebody else is writing it, or when what is there is not a file of ours: two
    /// calls for one target must not write into one file, so the second gets a name of its own, and continues nothing.
    fn claim(path: &Path) -> Result<Option<File>> {
        let mut open = OpenOptions::new();
        open.read(true).write(true).create(true).truncate(false);
        open.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        for _ in 0..8 {
            let file = match open.open(path) {
                Ok(file) => file,
                Err(error) if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) => {
                    drop(error);
                    return Ok(None);
                }
                Err(error) => return Err(Error::io(format!("cannot create {}", path.display()), &error)),
            };
            if file.try_lock().is_err() {
                return Ok(None);
            }
            // Whoever had it before may have given it its final name, or removed it, before it was locked here.
            let locked = file.metadata().map_err(|error| Error::io("cannot look at the partial file", &error))?;
            match std::fs::symlink_metadata(path) {
                Ok(named) if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) => {
                    return Ok((locked.is_file() && locked.nlink() == 1).then_some(file));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn private(target: &Path) -> Result<Partial> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // tempfile's are private to the user; a download is like any other file that he makes.
        let like_others = std::fs::Permissions::from_mode(0o666);
        let named =
            tempfile::Builder::new().prefix(".").suffix(".partial").permissions(like_others).tempfile_in(folder);
        let named =
            named.map_err(|error| Error::io(format!("cannot create a file in {}", folder.display()), &error))?;
        let (file, path) = named.keep().map_err(|error| Error::io("cannot keep a temporary file", &error.error))?;
        Ok(Partial { path, file, length: 0, hasher: None, continues: false })
    }

    /// Hashes what is there: the digest is over all bytes, whoever wrote them.
    fn take_stock(&mut self, call: &Call, size: Option<u64>) -> Result<()> {
        let what = |error: std::io::Error| Error::io("cannot read the partial file", &error);
        let mut buffer = vec![0; 256 << 10];
        loop {
            call.check()?;
            match self.file.read(&mut buffer).map_err(what)? {
                0 => break,
                count => {
                    if let Some(hasher) = &mut self.hasher {
                        hasher.update(&buffer[..count]);
                    }
                    self.length += count as u64;
                }
            }
        }
        if size.is_some_and(|size| self.length > size) {
            let algorithm = self.hasher.take().map(Hasher::finish).map(|digest| digest.algorithm());
            self.hasher = algorithm.map(Hasher::new);
            self.length = 0;
            self.file.set_len(0).map_err(what)?;
            self.file.seek(SeekFrom::Start(0)).map_err(what)?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| Error::io(format!("cannot write {}", self.path.display()), &error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its name, or decides what becomes of the bytes.
    fn settle(self, outcome: Result<Delivered>, target: &Path) -> Result<Delivered> {
        let finished = outcome.and_then(|delivered| {
            self.file.sync_all().map_err(|error| Error::io(format!("cannot write {}", self.path.display()), &error))?;
            std::fs::rename(&self.path, target)
                .map_err(|error| Error::io(format!("cannot create {}", target.display()), &error))?;
            Ok(delivered)
        });
        if let Err(error) = &finished {
            // Bytes that are wrong, too many, or have no room. Any other failure may pass, and they are good then.
            let useless = matches!(error.code(), Code::DigestMismatch | Code::SizeMismatch | Code::Io);
            if useless || !self.continues || self.length == 0 {
                let _ = std::fs::remove_file(&self.path);
            }
        }
        finished
    }
}
