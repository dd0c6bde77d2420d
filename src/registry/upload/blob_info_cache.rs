//! Which repositories have which blobs, remembered in a file for the next process (skopeo calls it a blob-info cache): blobs may be
//! mounted from there.
//!
//! What is in the file is a hint, never a fact: a wrong one costs a request. So nothing about the file is an error. It is read and
//! written only if no other user can have written it, and if it begins as such a file does. A line is appended under a lock, and
//! when the file has grown too large it is replaced by its newer half, in one step. It holds names of repositories and no secrets,
//! and only its owner may read it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::blob_locations::BlobLocations;
use crate::call::Call;
use crate::digest::Digest;
use crate::mutex::lock;
use crate::options::options;
use crate::os::lock::{self as os_lock, LockKind};
use crate::os::owner::folder_of;
use crate::os::{creation_mode, offset, owner, safe_path, temporary};

options! {
    /// Where it is remembered what is where.
    #[derive(Debug, Clone)]
    pub struct BlobInfoOptions {
        /// a file in which processes remember which repositories have which blobs
        ///
        /// the file is made if it is missing. A copy to a registry mounts what another repository of that registry is known to
        /// have. The file has only hints, no secrets, and at most 4194304 bytes; the oldest hints are dropped. A file that other
        /// users may read or write, or that is not a regular file, is not used, which is a warning, not an error
        pub blob_info_cache: Option<String>,
    }
}

const MAGIC: &[u8] = b"ocireg blob-info-cache 1\n";
const MOST_BYTES: u64 = 4 << 20;
/// How long another process is waited for. A hint is not worth more.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long the file is left alone when others have had its lock for longer than that, or something is wrong with it.
const REST: Duration = Duration::from_secs(60);
/// How many bytes of lines wait until then.
const MOST_PENDING: usize = 64 << 10;

/// What a client knows of the file.
#[derive(Debug, Default)]
pub(crate) struct BlobInfoCache(Mutex<KnownBlobs>);

#[derive(Debug, Default)]
struct KnownBlobs {
    places: BlobLocations,
    /// The file as it was read, and how far: to the end of a line.
    seen: Option<(Metadata, u64)>,
    /// Lines to append.
    pending: String,
    /// A thread is appending.
    is_written: bool,
    rests_until: Option<Instant>,
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
        let begun = known.begin(&BlobLocations::line(host, digest, repository));
        drop(known);
        told(call, path, read);
        if begun {
            told(call, path, self.append(call, Path::new(path)));
        }
    }

    /// Appends what there is to append. Only this transfer waits for other processes; what others have meanwhile is appended with it.
    fn append(&self, call: &Call, path: &Path) -> io::Result<()> {
        loop {
            let Some(lines) = lock(&self.0).more() else { return Ok(()) };
            match append(call, path, &lines) {
                Ok(true) => {}
                written => {
                    lock(&self.0).put_back(lines);
                    return written.map(drop);
                }
            }
        }
    }
}

impl KnownBlobs {
    fn rest(&mut self) {
        self.rests_until = Some(Instant::now() + REST);
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|end| Instant::now() < end)
    }

    /// A line to append; whether the caller is to do it now.
    fn begin(&mut self, line: &str) -> bool {
        if self.pending.len() + line.len() <= MOST_PENDING {
            self.pending.push_str(line);
        }
        let begins = !self.is_written && !self.rests();
        self.is_written |= begins;
        begins
    }

    /// The lines to append, for the thread that has begun; None: that is all.
    fn more(&mut self) -> Option<String> {
        let lines = std::mem::take(&mut self.pending);
        self.is_written = !lines.is_empty() && !self.rests();
        match self.is_written {
            true => Some(lines),
            false => {
                self.pending = lines;
                None
            }
        }
    }

    /// They were not appended.
    fn put_back(&mut self, mut lines: String) {
        if lines.len() + self.pending.len() <= MOST_PENDING {
            lines.push_str(&self.pending);
        }
        self.pending = lines;
        // Another thread begins, after a pause.
        self.is_written = false;
        self.rest();
    }

    /// Reads what has been added to the file, or all of it if it is another than before.
    fn refresh(&mut self, path: &Path) -> io::Result<()> {
        if self.rests() {
            return Ok(());
        }
        let read = self.read(path);
        if read.is_err() {
            self.rest();
        }
        read
    }

    fn read(&mut self, path: &Path) -> io::Result<()> {
        let now = match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        if self.read_before(&now) == Some(now.len()) {
            return Ok(());
        }
        let mut file = open(path)?.1;
        let found = file.metadata()?;
        let (lines, end) = content(&mut file, self.read_before(&found).unwrap_or(0))?;
        self.places.read(&lines);
        self.seen = Some((found, end));
        Ok(())
    }

    /// How much of a file is known.
    fn read_before(&self, now: &Metadata) -> Option<u64> {
        let (seen, end) = self.seen.as_ref()?;
        (os_lock::is_same(seen, now) && now.len() >= *end).then_some(*end)
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

/// Opens the file, or makes it, at its real place: only if no other user can have written it.
fn open(path: &Path) -> io::Result<(PathBuf, File)> {
    let refused = |why: &str| Err(io::Error::other(why.to_owned()));
    let Some(name) = path.file_name() else { return refused("it is not the name of a file") };
    // In a shared folder a stranger's link leads nowhere.
    let path = safe_path::resolve(folder_of(path))?.join(name);
    let (file, found) = open_named(&path)?;
    match () {
        () if !found.is_file() => refused("it is not a regular file"),
        () if !owner::is_own(&found) => refused("it belongs to another user"),
        () if owner::others_may_do_something(&found) => refused("other users may read or write it"),
        () if !creation_mode::has_one_name(&found) => refused("it has other hard links"),
        () => Ok((path, file)),
    }
}

/// One that has its name still: another process may replace it at any moment, though not for ever.
fn open_named(path: &Path) -> io::Result<(File, Metadata)> {
    for _ in 0..100 {
        let (file, _) = creation_mode::open_or_make_private(path)?;
        let found = file.metadata()?;
        if !creation_mode::has_no_name(&found) {
            return Ok((file, found));
        }
    }
    Err(io::Error::other("it is being replaced again and again"))
}

/// The whole lines of the file from an offset on, and where they end. Of a file that is far too large there are none: it is replaced by
/// the next write.
fn content(file: &mut File, from: u64) -> io::Result<(Vec<u8>, u64)> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(2 * MOST_BYTES).read_to_end(&mut bytes)?;
    if from == 0 && !bytes.is_empty() && !bytes.starts_with(MAGIC) {
        return Err(io::Error::other("it is another kind of file"));
    }
    if size - from.min(size) > 2 * MOST_BYTES {
        return Ok((Vec::new(), size));
    }
    // One without its end is half of one.
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1));
    let end = from + bytes.len() as u64;
    if from == 0 {
        bytes.drain(..MAGIC.len().min(bytes.len()));
    }
    Ok((bytes, end))
}

/// Adds lines; false where another process has the lock for too long.
fn append(call: &Call, path: &Path, lines: &str) -> io::Result<bool> {
    let end = Instant::now() + PATIENCE;
    loop {
        let (path, mut file) = open(path)?;
        while !os_lock::attempt(&file, LockKind::Exclusive)? {
            if Instant::now() >= end || call.check_quietly().is_err() {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // The process that had the lock before may have replaced the file.
        if os_lock::is_of(&file, path.symlink_metadata()) {
            return write(&path, &mut file, lines).map(|()| true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
    }
}

fn write(path: &Path, file: &mut File, lines: &str) -> io::Result<()> {
    let size = file.metadata()?.len();
    if size + lines.len() as u64 > MOST_BYTES {
        return replace(path, file, lines);
    }
    let mut head = [0; MAGIC.len()];
    let whole = offset::read_at(file, &mut head, 0)? == MAGIC.len() && head == *MAGIC;
    let mut last = [b'\n'];
    if whole {
        offset::read_at(file, &mut last, size - 1)?;
    } else if size > 0 {
        return Err(io::Error::other("it is another kind of file"));
    }
    // A process that was killed may have left half a line, which must not become a whole one: with a fourth word it is not valid.
    let between: &[u8] = if last == *b"\n" { b"" } else { b" \n" };
    let begin = if size == 0 { MAGIC } else { b"" };
    file.seek(SeekFrom::Start(size))?;
    file.write_all(&[begin, between, lines.as_bytes()].concat())
}

/// The newer half, and the lines. Nothing is flushed to the disk: what a crash of the machine leaves of hints is hints, or not such a file.
fn replace(path: &Path, file: &mut File, lines: &str) -> io::Result<()> {
    let mut places = BlobLocations::default();
    places.read(&content(file, 0)?.0);
    let kept = places.newest(MOST_BYTES / 2);
    let mut new = temporary::hidden(folder_of(path))?;
    new.write_all(&[MAGIC, kept.as_bytes(), lines.as_bytes()].concat())?;
    new.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    fn line(blob: &str, repository: &str) -> String {
        BlobLocations::line("h", &Algorithm::Sha256.digest(blob.as_bytes()), repository)
    }

    fn found(known: &KnownBlobs, blob: &str) -> Option<String> {
        known.places.repository_of("h", &Algorithm::Sha256.digest(blob.as_bytes())).map(str::to_owned)
    }

    #[test]
    fn what_was_added_is_read_and_nothing_else_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let add = |lines: &str| {
            let (path, mut file) = open(&path).unwrap();
            write(&path, &mut file, lines).unwrap();
        };
        let mut known = KnownBlobs::default();
        add(&line("1", "one"));
        known.refresh(&path).unwrap();
        assert_eq!(found(&known, "1").as_deref(), Some("one"));
        // What was read before is not read again.
        let file = File::options().write(true).open(&path).unwrap();
        offset::write_all_at(&file, line("2", "two").as_bytes(), MAGIC.len() as u64).unwrap();
        add(&line("3", "three"));
        known.refresh(&path).unwrap();
        assert_eq!((found(&known, "2"), found(&known, "3").as_deref()), (None, Some("three")));
        // Another file is read from its beginning, and a shorter one too.
        std::fs::rename(&path, folder.path().join("old")).unwrap();
        add(&line("4", "four"));
        known.refresh(&path).unwrap();
        assert_eq!(found(&known, "4").as_deref(), Some("four"));
        File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
        add(&line("5", "5"));
        known.refresh(&path).unwrap();
        assert_eq!(found(&known, "5").as_deref(), Some("5"));
    }

    #[test]
    fn half_a_line_is_never_believed() {
        let whole = line("1", "team/app");
        for cut in 1..whole.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("cache");
            let (_, mut file) = open(&path).unwrap();
            file.write_all(&[MAGIC, &whole.as_bytes()[..cut]].concat()).unwrap();
            for _ in 0..2 {
                let mut known = KnownBlobs::default();
                known.refresh(&path).unwrap();
                assert_eq!(found(&known, "1"), None, "{cut}");
                let mut known_on = KnownBlobs::default();
                known_on.refresh(&path).unwrap();
                write(&path, &mut file, &line("2", "two")).unwrap();
                known_on.refresh(&path).unwrap();
                assert_eq!((found(&known_on, "1"), found(&known_on, "2").as_deref()), (None, Some("two")), "{cut}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_left_alone_for_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let mut known = KnownBlobs::default();
        assert!(known.refresh(folder.path()).is_err() && known.refresh(folder.path()).is_ok());
        assert!(!known.begin("a\n") && known.more().is_none());
        known.rests_until = None;
        assert!(known.refresh(folder.path()).is_err());
        known.rests_until = None;
        assert!(known.begin("b\n") && !known.begin("c\n"));
        assert_eq!(known.more().as_deref(), Some("a\nb\nc\n"));
        known.put_back("a\nb\n".to_owned());
        assert!(known.more().is_none() && !known.is_written);
        assert!((0..MOST_PENDING).all(|_| !known.begin("c\n")));
        assert!(known.pending.starts_with("a\nb\nc\n") && known.pending.len() <= MOST_PENDING);
    }

    #[test]
    fn a_failure_ends_the_appends_of_one_transfer_only() {
        let folder = tempfile::tempdir().unwrap();
        let cache = BlobInfoCache::default();
        let nowhere = folder.path().join("none/cache");
        assert!(lock(&cache.0).begin(&line("1", "one")));
        assert!(cache.append(&Call::alone(None), &nowhere).is_err());
        let mut known = lock(&cache.0);
        assert!(known.rests() && !known.begin(&line("2", "two")), "for a while nobody tries");
        known.rests_until = None;
        assert!(known.begin(&line("3", "three")));
        assert_eq!(known.more().unwrap().lines().count(), 3, "and nothing is forgotten meanwhile");
    }
}
