//! Temporary bytes on the disk: one file without a name, which disappears when it is closed, even if the process is killed.
//! Several threads write to it at once, each into extents of its own.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::error::{Code, Error, Result};
use crate::mutex::lock;
use crate::options::{above_zero, options};
use crate::os::{offset, temporary};

const EXTENT: u64 = 1 << 20;

options! {
    /// Where temporary files are made.
    #[derive(Debug, Clone)]
    pub struct TemporaryOptions {
        /// the folder for temporary files (default: /var/tmp, or /tmp where there is none)
        ///
        /// no environment variable, such as TMPDIR, changes the default
        pub temporary_dir: Option<String>,
        /// the most that may wait there for one call
        pub max_temporary_bytes: u64 = 68_719_476_736,
    }
}

impl TemporaryOptions {
    pub(crate) fn check(&self) -> Result<()> {
        above_zero(&[("max_temporary_bytes", self.max_temporary_bytes)])
    }

    pub(crate) fn space(&self) -> TemporarySpace {
        TemporarySpace::new(self.temporary_dir.as_deref(), self.max_temporary_bytes)
    }
}

/// The folder for temporary files, and the limit of their size.
#[derive(Debug, Clone)]
pub struct TemporarySpace {
    folder: Option<PathBuf>,
    limit: u64,
}

impl Default for TemporarySpace {
    fn default() -> TemporarySpace {
        TemporaryOptions::default().space()
    }
}

impl TemporarySpace {
    /// In a folder, or where temporary files usually are.
    pub fn new(folder: Option<&str>, limit: u64) -> TemporarySpace {
        TemporarySpace { folder: folder.map(PathBuf::from), limit }
    }

    /// The folder: the caller's, or the first usual one in which files can be made.
    pub fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(temporary::folder)
    }

    /// An empty spool.
    pub fn spool(&self) -> Result<Arc<Spool>> {
        self.counted(Arc::default())
    }

    /// One whose bytes count together with those of others.
    fn counted(&self, written: Arc<AtomicU64>) -> Result<Arc<Spool>> {
        let folder = self.folder();
        let file = temporary::nameless(&folder)
            .map_err(|error| Error::io(format!("cannot create a temporary file in {}", folder.display()), &error))
            .map_err(|error| error.with_hint("the option temporary_dir names another folder".to_owned()))?;
        Ok(Arc::new(Spool { file, folder, next: AtomicU64::new(0), written, limit: self.limit }))
    }
}

/// The spools of a call, made when the first bytes have to wait. All of them count together: so the limit is that of the call.
#[derive(Debug)]
pub(crate) struct CallSpool<'a> {
    space: &'a TemporarySpace,
    written: Arc<AtomicU64>,
    made: Mutex<Option<Arc<Spool>>>,
}

impl<'a> CallSpool<'a> {
    pub(crate) fn new(space: &'a TemporarySpace) -> CallSpool<'a> {
        CallSpool { space, written: Arc::default(), made: Mutex::default() }
    }

    /// For one more item.
    pub(crate) fn writer(&self) -> Result<SpoolWriter> {
        let mut made = lock(&self.made);
        let spool = match &*made {
            Some(spool) => spool.clone(),
            None => made.insert(self.space.counted(self.written.clone())?).clone(),
        };
        Ok(spool.writer())
    }

    /// For an item that stays after the call: in a file of its own, so that it keeps no room but its own.
    pub(crate) fn lasting_writer(&self) -> Result<SpoolWriter> {
        Ok(self.space.counted(self.written.clone())?.writer())
    }
}

#[derive(Debug)]
pub struct Spool {
    file: File,
    folder: PathBuf,
    /// Where the next extent begins.
    next: AtomicU64,
    written: Arc<AtomicU64>,
    limit: u64,
}

impl Spool {
    pub fn writer(self: &Arc<Spool>) -> SpoolWriter {
        SpoolWriter { spool: self.clone(), extents: Vec::new(), size: 0 }
    }
}

#[derive(Debug)]
pub struct SpoolWriter {
    spool: Arc<Spool>,
    extents: Vec<u64>,
    size: u64,
}

impl SpoolWriter {
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let spool = &self.spool;
        let written = spool.written.fetch_add(bytes.len() as u64, Relaxed) + bytes.len() as u64;
        if written > spool.limit {
            let message = format!("temporary files would need more than max_temporary_bytes, {} bytes", spool.limit);
            return Err(Error::new(Code::LimitExceeded, message));
        }
        while !bytes.is_empty() {
            let within = self.size % EXTENT;
            if within == 0 {
                self.extents.push(spool.next.fetch_add(EXTENT, Relaxed));
            }
            let begin = self.extents.last().copied().unwrap_or_default() + within;
            let count = usize::try_from(EXTENT - within).unwrap_or(usize::MAX).min(bytes.len());
            offset::write_all_at(&spool.file, &bytes[..count], begin).map_err(|error| {
                Error::io(format!("cannot write a temporary file in {}", spool.folder.display()), &error)
            })?;
            self.size += count as u64;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// The item, to be read any number of times.
    pub fn finish(self) -> SpoolItem {
        SpoolItem { spool: self.spool, extents: self.extents.into(), size: self.size }
    }
}

/// Bytes in a spool, which exists as long as any of its items.
#[derive(Debug, Clone)]
pub struct SpoolItem {
    spool: Arc<Spool>,
    extents: Arc<[u64]>,
    size: u64,
}

impl SpoolItem {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads what is at an offset; 0 is the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        let within = offset % EXTENT;
        let left = self.size.saturating_sub(offset).min(EXTENT - within);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let extent = usize::try_from(offset / EXTENT).ok().and_then(|number| self.extents.get(number));
        let (Some(begin), true) = (extent, count > 0) else { return Ok(0) };
        offset::read_at(&self.spool.file, &mut buffer[..count], begin + within)
    }

    /// Reads it from a byte on.
    pub fn read_from(&self, begin: u64) -> SpoolReader {
        SpoolReader { item: self.clone(), position: begin }
    }
}

#[derive(Debug)]
pub struct SpoolReader {
    item: SpoolItem,
    position: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.item.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(limit: u64) -> (tempfile::TempDir, TemporarySpace) {
        let folder = tempfile::tempdir().unwrap();
        let space = TemporarySpace { folder: Some(folder.path().to_owned()), limit };
        (folder, space)
    }

    fn bytes(seed: u8, size: usize) -> Vec<u8> {
        (0..size).map(|at| (at / 7) as u8 ^ seed).collect()
    }

    #[test]
    fn items_written_at_the_same_time_stay_apart() {
        let (folder, space) = space(1 << 30);
        let spool = space.spool().unwrap();
        let sizes = [0, 1, EXTENT as usize - 1, EXTENT as usize, EXTENT as usize + 1, 3 * EXTENT as usize + 12345];
        let items: Vec<SpoolItem> = std::thread::scope(|scope| {
            let write = |(seed, size): (usize, &usize)| {
                let (mut writer, bytes) = (spool.writer(), bytes(seed as u8, *size));
                scope.spawn(move || {
                    bytes.chunks(70_001).for_each(|piece| writer.write(piece).unwrap());
                    assert_eq!(writer.size, bytes.len() as u64);
                    writer.finish()
                })
            };
            let threads: Vec<_> = sizes.iter().enumerate().map(write).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (seed, (item, size)) in items.iter().zip(sizes).enumerate() {
            let whole = bytes(seed as u8, size);
            for begin in [0, 1, size / 2, size, size + 1] {
                let mut found = Vec::new();
                item.read_from(begin as u64).read_to_end(&mut found).unwrap();
                assert!(found == whole[begin.min(size)..], "{size} from {begin}");
            }
            assert_eq!(item.size(), size as u64);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn what_stays_after_a_call_keeps_no_other_room() {
        let (_folder, space) = space(10);
        let calls = CallSpool::new(&space);
        let (mut passing, mut lasting) = (calls.writer().unwrap(), calls.lasting_writer().unwrap());
        passing.write(b"12345").unwrap();
        lasting.write(b"1234").unwrap();
        assert_eq!(lasting.write(b"56").unwrap_err().code(), Code::LimitExceeded, "they count together");
        let (shared, lasting) = (Arc::downgrade(&passing.spool), lasting.finish());
        drop((passing, calls));
        assert!(shared.upgrade().is_none(), "the file of the call is closed");
        let mut found = Vec::new();
        lasting.read_from(0).read_to_end(&mut found).unwrap();
        assert_eq!(found, b"1234");
    }

    #[test]
    fn it_is_bounded_and_needs_a_folder() {
        let (_folder, small) = space(10);
        let spool = small.spool().unwrap();
        let (mut one, mut two) = (spool.writer(), spool.writer());
        one.write(b"12345").unwrap();
        two.write(b"12345").unwrap();
        let error = one.write(b"6").unwrap_err();
        assert_eq!(error.code(), Code::LimitExceeded);
        assert!(error.message().contains("max_temporary_bytes"), "{error}");
        let nowhere = TemporarySpace { folder: Some("/no/such/folder".into()), limit: 10 };
        let error = nowhere.spool().unwrap_err();
        assert_eq!(error.code(), Code::Io);
        assert!(error.message().contains("/no/such/folder"), "{error}");
    }
}
