//! Which repositories have which blobs, remembered in a file for the next process (skopeo calls it a blob-info cache): blobs may be
//! mounted from there.
//!
//! What is in the file is a hint, never a fact: a wrong one costs a request. So nothing about the file is an error. It is read and
//! written only if nobody but this user can have written it, and if it begins as such a file does; a line is appended under a lock, and
//! when the file has grown too large it is replaced by its newer half, in one step. It holds names of repositories and no secrets, and
//! only its owner may read it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::places::Places;
use crate::call::Call;
use crate::digest::Digest;
use crate::options::options;
use crate::os::lock::{self as os_lock, LockKind};
use crate::os::owner::folder_of;
use crate::os::{mode, offset, owner, temporary, walk};
use crate::sync::lock;

options! {
    /// Where it is remembered what is where.
    #[derive(Debug, Clone)]
    pub struct BlobInfoOptions {
        /// a file in which processes remember which repositories have which blobs, made if it is missing: a copy to a registry mounts
        /// what another repository of it had. Only hints are in it, no secrets, at most 4194304 bytes, the oldest go; a file that
        /// others may read or write, or of another kind, is not used, which is a warning and no error
        pub blob_info_cache: Option<String>,
    }
}

const MAGIC: &[u8] = b"ocireg blob-info-cache 1\n";
/// The largest file.
const MOST_BYTES: u64 = 4 << 20;
/// How long another process is waited for. A hint is not worth more.
const PATIENCE: Duration = Duration::from_millis(300);

/// What a client knows of the file.
#[derive(Debug, Default)]
pub(crate) struct BlobInfoCache(Mutex<KnownBlobs>);

#[derive(Debug, Default)]
struct KnownBlobs {
    places: Places,
    /// The file as it was read.
    seen: Option<Metadata>,
}

impl BlobInfoCache {
    /// A repository of a host that had a blob.
    pub(crate) fn find(&self, call: &Call, path: &str, host: &str, digest: &Digest) -> Option<String> {
        let mut known = lock(&self.0);
        let read = known.refresh(Path::new(path));
        let found = known.places.repository_of(host, digest).map(str::to_owned);
        drop(known);
        told(call, path, read);
        found
    }

    /// Remembers that a repository of a host has a blob.
    pub(crate) fn learn(&self, call: &Call, path: &str, host: &str, digest: &Digest, repository: &str) {
        let mut known = lock(&self.0);
        let read = known.refresh(Path::new(path));
        if known.places.repository_of(host, digest) == Some(repository) || !known.places.add(host, digest, repository) {
            return;
        }
        // Threads of this client take turns: only other processes are waited for in vain.
        let line = Places::line(host, digest, repository);
        let written = read.and_then(|()| append(call, Path::new(path), &line));
        drop(known);
        told(call, path, written);
    }
}

impl KnownBlobs {
    /// Reads the file, if it is another than before.
    fn refresh(&mut self, path: &Path) -> io::Result<()> {
        let now = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        if self.seen.as_ref().is_some_and(|seen| os_lock::is_same(seen, &now) && seen.len() == now.len()) {
            return Ok(());
        }
        self.seen = Some(now);
        let mut file = open(path)?.1;
        self.places.read(&content(&mut file)?);
        Ok(())
    }
}

/// What was wrong with the file is told, and no more: it holds hints.
fn told(call: &Call, path: &str, outcome: io::Result<()>) {
    if let Err(error) = outcome {
        let text = format!("the blob-info cache is not used: {error}");
        // A hook that stops the call does so at the next look.
        let _ = call.warn_of(path, &text);
    }
}

/// Opens the file, or makes it, at its real place: only if nobody else can have written it.
fn open(path: &Path) -> io::Result<(PathBuf, File)> {
    let refused = |why: &str| Err(io::Error::other(why.to_owned()));
    let Some(name) = path.file_name() else { return refused("it is not the name of a file") };
    // In a shared folder a stranger's link leads nowhere.
    let path = walk::real(folder_of(path))?.join(name);
    let (file, _) = mode::open_or_make_private(&path)?;
    let found = file.metadata()?;
    match () {
        () if !found.is_file() => refused("it is not a regular file"),
        () if !owner::is_own(&found) => refused("it belongs to another user"),
        () if owner::others_may_do_something(&found) => refused("others may read or write it"),
        () if !mode::has_one_name(&found) => refused("it has another name, a hard link"),
        () => Ok((path, file)),
    }
}

/// The lines of the file; none of one that is far too large, which is replaced by the next write.
fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(2 * MOST_BYTES).read_to_end(&mut bytes)?;
    match bytes.strip_prefix(MAGIC) {
        Some(_) if size > 2 * MOST_BYTES => Ok(Vec::new()),
        Some(lines) => Ok(lines.to_vec()),
        None if bytes.is_empty() => Ok(bytes),
        None => Err(io::Error::other("it is another kind of file")),
    }
}

/// Adds a line; where another process is slow, none.
fn append(call: &Call, path: &Path, line: &str) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (path, mut file) = open(path)?;
        while !os_lock::attempt(&file, LockKind::Exclusive)? {
            if Instant::now() >= end || call.check_quietly().is_err() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // Who had the lock before may have replaced the file.
        if os_lock::is_of(&file, path.symlink_metadata()) {
            return write(&path, &mut file, line);
        }
        if Instant::now() >= end {
            return Ok(());
        }
    }
}

fn write(path: &Path, file: &mut File, line: &str) -> io::Result<()> {
    let size = file.metadata()?.len();
    if size + line.len() as u64 > MOST_BYTES {
        return replace(path, file, line);
    }
    let mut head = [0; MAGIC.len()];
    let whole = offset::read_at(file, &mut head, 0)? == MAGIC.len() && head == *MAGIC;
    let mut last = [b'\n'];
    if whole {
        offset::read_at(file, &mut last, size - 1)?;
    } else if size > 0 {
        return Err(io::Error::other("it is another kind of file"));
    }
    // A process that was killed may have left half a line.
    let between: &[u8] = if last == *b"\n" { b"" } else { b"\n" };
    let begin = if size == 0 { MAGIC } else { b"" };
    file.seek(SeekFrom::Start(size))?;
    file.write_all(&[begin, between, line.as_bytes()].concat())
}

/// The newer half, and the line.
fn replace(path: &Path, file: &mut File, line: &str) -> io::Result<()> {
    let mut places = Places::default();
    places.read(&content(file)?);
    let kept = places.newest(MOST_BYTES / 2);
    let mut new = temporary::hidden(folder_of(path))?;
    new.write_all(&[MAGIC, kept.as_bytes(), line.as_bytes()].concat())?;
    new.persist(path).map(drop).map_err(|error| error.error)
}
