//! A tar file as a set of named pieces, read in place by offset.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::bytes::{shown, ArchiveBytes};
use crate::call::Call;
use crate::error::{Code, Error, Result};
use crate::stream::spool::TemporarySpace;
use crate::tar::names::{join, shown as shown_name, split, DEEPEST, LONGEST_PATH};
use crate::tar::{Entries, EntryKind, TarSource};
use crate::text::shorten;

/// More files and links than any archive of images needs.
pub(crate) const MOST_FILES: usize = 200_000;
/// The most bytes of their names together.
pub(crate) const MOST_NAMES: usize = 32 << 20;
/// The longest chain of links.
const MOST_LINKS: usize = 40;
/// More steps than the way to a file has, with the links on it.
const MOST_STEPS: usize = 4 * DEEPEST;
/// So much is read for a header: most of what stands between two of them is passed over.
const WINDOW: usize = 4096;

/// What a name in an archive refers to.
#[derive(Debug)]
enum Member {
    File(Span),
    /// Another name, relative to its own folder or to the root.
    Symlink(Vec<u8>),
    /// Another name, relative to the root.
    HardLink(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    begin: u64,
    /// The size in bytes.
    pub(crate) size: u64,
}

/// The positions of the files of an archive.
#[derive(Debug)]
pub(crate) struct Tarball {
    bytes: Arc<ArchiveBytes>,
    shown: String,
    nodes: HashMap<Vec<u8>, Member>,
}

impl Tarball {
    /// Reads the table of contents: files and links only.
    pub(crate) fn open(call: &Call, path: &Path, space: &TemporarySpace) -> Result<Tarball> {
        Tarball::of(call, ArchiveBytes::open(call, path, space)?, shown(path))
    }

    /// The same of bytes that are there; `shown` is what messages call them.
    pub(crate) fn of(call: &Call, bytes: ArchiveBytes, shown: String) -> Result<Tarball> {
        let bytes = Arc::new(bytes);
        let source = Scan { call, bytes: &bytes, name: &shown, position: 0, ahead: Vec::new() };
        let (mut entries, mut nodes, mut names) = (Entries::new(source), HashMap::new(), 0);
        while let Some(entry) = entries.advance()? {
            if entries.is_sparse() {
                // What follows its header is not what it holds.
                let message = format!("{shown} has the sparse file '{}'", shown_name(&entry.path));
                return Err(Error::new(Code::Unsupported, message));
            }
            let node = match entry.kind {
                EntryKind::File => Member::File(Span { begin: entries.position(), size: entry.size }),
                EntryKind::Symlink(target) => Member::Symlink(target),
                EntryKind::HardLink(target) => Member::HardLink(target),
                _ => continue,
            };
            names += entry.path.len()
                + match &node {
                    Member::Symlink(target) | Member::HardLink(target) => target.len(),
                    Member::File(_) => 0,
                };
            nodes.insert(entry.path, node);
            if nodes.len() > MOST_FILES || names > MOST_NAMES {
                let message =
                    format!("{shown} has more than {MOST_FILES} files, or more than {MOST_NAMES} bytes of names");
                return Err(Error::new(Code::LimitExceeded, message));
            }
        }
        Ok(Tarball { bytes, shown, nodes })
    }

    /// The position of a file. Links are followed within the archive, up to a limit.
    pub(crate) fn find(&self, name: &str) -> Option<Span> {
        if name.len() > LONGEST_PATH {
            return None;
        }
        // Some writers let a link name its target from the root.
        self.walk(name.as_bytes(), false).or_else(|| self.walk(name.as_bytes(), true))
    }

    pub(crate) fn is_link(&self, name: &str) -> bool {
        let node = self.nodes.get(name.trim_start_matches("./").as_bytes());
        matches!(node, Some(Member::Symlink(_) | Member::HardLink(_)))
    }

    fn walk(&self, name: &[u8], from_root: bool) -> Option<Span> {
        let parts = |name: &[u8]| name.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (mut waiting, mut here, mut links, mut steps) = (parts(name), Vec::new(), 0, 0);
        while let Some(part) = waiting.pop() {
            steps += 1;
            if steps > MOST_STEPS {
                return None;
            }
            match part.as_slice() {
                b"" | b"." => continue,
                b".." if here.is_empty() => return None,
                b".." => {
                    here = split(&here).0.to_vec();
                    continue;
                }
                _ => {}
            }
            let next = join(&here, &part);
            let target = match self.nodes.get(&next) {
                Some(Member::File(place)) => return waiting.is_empty().then_some(*place),
                Some(Member::Symlink(target)) => {
                    if target.starts_with(b"/") || from_root {
                        here = Vec::new();
                    }
                    target
                }
                Some(Member::HardLink(target)) => {
                    here = Vec::new();
                    target
                }
                None if next.len() > LONGEST_PATH => return None,
                None => {
                    here = next;
                    continue;
                }
            };
            links += 1;
            if links > MOST_LINKS {
                return None;
            }
            waiting.extend(parts(target));
        }
        None
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The names of all files and links, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.nodes.keys().map(Vec::as_slice)
    }

    /// A file's bytes from an offset.
    pub(crate) fn read(&self, place: Span, offset: u64) -> impl Read + use<> {
        let begin = place.begin.saturating_add(offset.min(place.size));
        SpanReader { bytes: self.bytes.clone(), begin, left: place.size.saturating_sub(offset) }
    }

    pub(crate) fn small(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.find(name) else { return Ok(None) };
        if place.size > limit {
            let message = format!("{} in {} has more than {limit} bytes", shorten(name), self.shown);
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let mut bytes = Vec::new();
        self.read(place, 0)
            .read_to_end(&mut bytes)
            .map_err(|error| Error::io(format!("cannot read {}", self.shown), &error))?;
        Ok(Some(bytes))
    }
}

/// Reads a file of the archive.
struct SpanReader {
    bytes: Arc<ArchiveBytes>,
    begin: u64,
    left: u64,
}

impl Read for SpanReader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.bytes.read_at(&mut buffer[..most], self.begin)?;
        self.begin += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Reads the headers of an archive.
struct Scan<'a> {
    call: &'a Call,
    bytes: &'a ArchiveBytes,
    name: &'a str,
    /// The position after the bytes that were read ahead.
    position: u64,
    ahead: Vec<u8>,
}

impl TarSource for Scan<'_> {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn code(&self) -> Code {
        Code::Io
    }

    fn bad(&self, why: impl std::fmt::Display) -> Error {
        Error::new(Code::Io, format!("{} is not a valid archive: {why}", self.name))
    }

    fn count_zeros(&mut self, _: u64) -> Result<()> {
        self.call.check()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.call.check()?;
        if self.ahead.is_empty() {
            self.ahead.resize(WINDOW, 0);
            let count = self.bytes.read_at(&mut self.ahead, self.position);
            let count = count.map_err(|error| Error::io(format!("cannot read {}", self.name), &error))?;
            self.ahead.truncate(count);
            self.position += count as u64;
        }
        let count = buffer.len().min(self.ahead.len());
        buffer[..count].copy_from_slice(&self.ahead[..count]);
        self.ahead.drain(..count);
        Ok(count)
    }

    fn skip(&mut self, count: u64) -> Result<u64> {
        let within = usize::try_from(count).unwrap_or(usize::MAX).min(self.ahead.len());
        self.ahead.drain(..within);
        let further = (count - within as u64).min(self.bytes.length().saturating_sub(self.position));
        self.position += further;
        Ok(within as u64 + further)
    }
}
