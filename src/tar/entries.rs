//! The entries of a tar archive, one at a time. Everything in it is untrusted: names are cleaned, extended headers
//! bounded, and what other readers interpret differently is refused.

use tar::{EntryType, Header};

use super::names::{clean, shown, LONGEST_PATH};
use super::pax::Pax;
use super::size_field;
use super::sparse::{is_unaligned, of_header, SparseContent, SparsePart, SparsePiece, TextMap, TWO_WAYS};
use super::TarSource;
use crate::error::{Code, Error, Result};

/// The most bytes of an extended header or a long name.
const LONGEST_HEADER: u64 = 1 << 20;
/// More entries than any image has in practice.
const MOST: u64 = 10_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub(crate) enum EntryKind {
    File,
    Directory,
    /// A symbolic link with its target.
    Symlink(Vec<u8>),
    /// A hard link with the name of the file it links to.
    HardLink(Vec<u8>),
    Character,
    Block,
    Fifo,
}

/// An entry. Its content is read from the [`Entries`].
#[derive(Debug, Clone)]
pub(crate) struct TarEntry {
    /// The path from the root, without `/` at its ends; empty for the root.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: EntryKind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// Modification time, in seconds since 1970.
    pub(crate) mtime: i64,
    pub(crate) size: u64,
    /// Major and minor number of a device.
    pub(crate) device: (u32, u32),
}

pub(crate) struct Entries<S> {
    source: S,
    position: u64,
    left: u64,
    padding: u64,
    count: u64,
    ended: bool,
    attributes: Vec<u8>,
    /// What the current entry is made of, if the archive has not all of it.
    sparse: Option<SparseContent>,
}

impl<S: TarSource> Entries<S> {
    pub(crate) fn new(source: S) -> Entries<S> {
        let (attributes, sparse) = (Vec::new(), None);
        Entries { source, position: 0, left: 0, padding: 0, count: 0, ended: false, attributes, sparse }
    }

    /// The source, for reading what follows the archive.
    pub(crate) fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// The position of the rest of the current entry's content.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether the archive has only pieces of the current entry.
    pub(crate) fn is_sparse(&self) -> bool {
        self.sparse.is_some()
    }

    /// What the current entry has besides: records of an extended header, for a header that is written.
    pub(crate) fn attributes(&self) -> &[u8] {
        &self.attributes
    }

    /// The next entry; the rest of the previous one is skipped.
    pub(crate) fn advance(&mut self) -> Result<Option<TarEntry>> {
        let (mut long_name, mut long_link, mut pax) = (None, None, Pax::default());
        loop {
            self.skip()?;
            let Some(block) = self.block()? else {
                return match long_name.is_some() || long_link.is_some() || pax.some {
                    true => Err(self.bad("it ends after an extended header")),
                    false => Ok(None),
                };
            };
            let header = Header::from_byte_slice(&block);
            if !has_its_sum(header, &block) {
                return Err(self.bad("a header has a wrong checksum, or it is not a tar archive"));
            }
            let size = size_field::size(&header.as_old().size, header.entry_size());
            let size = size.map_err(|error| self.bad(format!("a size: {error}")))?;
            match header.entry_type() {
                EntryType::GNULongName => long_name = Some(self.small(size)?),
                EntryType::GNULongLink => long_link = Some(self.small(size)?),
                EntryType::XHeader => pax = Pax::parse(&self.small(size)?).map_err(|why| self.bad(why))?,
                EntryType::XGlobalHeader => drop(self.small(size)?),
                kind => {
                    let name = pax
                        .sparse
                        .name()
                        .or(pax.path.take())
                        .or(long_name.take())
                        .unwrap_or_else(|| header.path_bytes().into_owned());
                    let link = pax.link.take().or(long_link.take());
                    let link = link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
                    return match self.entry(header, kind, size, name, link.unwrap_or_default(), &pax)? {
                        Some(entry) => {
                            self.attributes = pax.attributes;
                            Ok(Some(entry))
                        }
                        None => {
                            (long_name, long_link, pax) = (None, None, Pax::default());
                            continue;
                        }
                    };
                }
            }
        }
    }

    /// None for an entry that is only metadata.
    fn entry(
        &mut self,
        header: &Header,
        kind: EntryType,
        size: u64,
        name: Vec<u8>,
        link: Vec<u8>,
        pax: &Pax,
    ) -> Result<Option<TarEntry>> {
        // Other types have no content, whatever their size says; unknown types may have content.
        let size = match (pax.size.unwrap_or(size), kind) {
            (_, EntryType::Link | EntryType::Symlink | EntryType::Directory) => 0,
            (_, EntryType::Char | EntryType::Block | EntryType::Fifo) => 0,
            (size, _) => size,
        };
        let path = self.clean(&name)?;
        let map = match kind {
            EntryType::GNUSparse => Some(self.header_map(header, pax)?),
            _ if pax.sparse.is_empty() => None,
            _ => Some(pax.sparse.map().map_err(|why| self.bad(why))?),
        };
        self.left = size;
        self.padding = size.wrapping_neg() % 512;
        let Some(kind) = self.kind(kind, &name, link, &path)? else { return Ok(None) };
        let size = match map {
            Some(_) if kind != EntryKind::File => {
                return Err(self.bad(format!("'{}' is sparse, and not a file", shown(&path))));
            }
            Some((size, pieces)) => self.sparse(size, pieces)?,
            None => size,
        };
        let number = |pax: Option<u64>, header: std::io::Result<u64>| pax.unwrap_or(header.unwrap_or(0));
        Ok(Some(TarEntry {
            kind,
            mode: header.mode().unwrap_or(0) & 0o7777,
            uid: number(pax.uid, header.uid()),
            gid: number(pax.gid, header.gid()),
            mtime: pax.mtime.unwrap_or_else(|| i64::try_from(header.mtime().unwrap_or(0)).unwrap_or(0)),
            size,
            device: (
                header.device_major().ok().flatten().unwrap_or(0),
                header.device_minor().ok().flatten().unwrap_or(0),
            ),
            path,
        }))
    }

    /// None for an entry that is only metadata.
    fn kind(&self, kind: EntryType, name: &[u8], link: Vec<u8>, path: &[u8]) -> Result<Option<EntryKind>> {
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        Ok(Some(match kind {
            _ if is_file && name.ends_with(b"/") => EntryKind::Directory,
            _ if is_file => EntryKind::File,
            EntryType::Directory => EntryKind::Directory,
            EntryType::Symlink if link.is_empty() || link.len() > LONGEST_PATH || link.contains(&0) => {
                return Err(self.bad(format!("the symbolic link '{}' has no target", shown(path))));
            }
            EntryType::Symlink => EntryKind::Symlink(link),
            EntryType::Link => EntryKind::HardLink(self.clean(&link)?),
            EntryType::Char => EntryKind::Character,
            EntryType::Block => EntryKind::Block,
            EntryType::Fifo => EntryKind::Fifo,
            EntryType::GNUSparse => EntryKind::File,
            _ => return Ok(None),
        }))
    }

    /// The map of a sparse file, as GNU's own header has it.
    fn header_map(&mut self, header: &Header, pax: &Pax) -> Result<(u64, Option<Vec<SparsePiece>>)> {
        if !pax.sparse.is_empty() {
            return Err(self.bad(TWO_WAYS));
        }
        let (code, name) = (self.source.code(), self.source.name());
        let refuse = |why: &str| Error::new(code, format!("{name} is not a valid tar archive: {why}"));
        let (size, pieces) = of_header(header, refuse, || self.whole_block())?;
        Ok((size, Some(pieces)))
    }

    /// A block that belongs to what was read.
    fn whole_block(&mut self) -> Result<[u8; 512]> {
        let mut block = [0; 512];
        match self.fill(&mut block)? {
            512 => Ok(block),
            _ => Err(self.bad("it is cut short within the map of a sparse file")),
        }
    }

    /// Begins a sparse file; without pieces, its content begins with their map. Returns its size.
    fn sparse(&mut self, size: u64, pieces: Option<Vec<SparsePiece>>) -> Result<u64> {
        let pieces = match pieces {
            Some(pieces) => pieces,
            None => {
                let mut map = TextMap::default();
                loop {
                    self.left =
                        self.left.checked_sub(512).ok_or_else(|| self.bad("the map of a sparse file has no end"))?;
                    let block = self.whole_block()?;
                    if let Some(pieces) = map.take(&block).map_err(|why| self.bad(why))? {
                        break pieces;
                    }
                }
            }
        };
        if is_unaligned(&pieces) {
            let message = format!("{} has a sparse file of which a piece ends within a block", self.source.name());
            return Err(Error::new(Code::Unsupported, message));
        }
        self.sparse = Some(SparseContent::new(size, pieces, self.left).map_err(|why| self.bad(why))?);
        Ok(size)
    }

    /// Reads the next bytes of the entry's content; 0 is its end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(sparse) = &mut self.sparse else { return self.stored(buffer) };
        match sparse.take_holes() {
            0 => {}
            holes => self.source.count_zeros(holes)?,
        }
        let count = match sparse.next(buffer.len() as u64) {
            SparsePart::End => 0,
            SparsePart::Stored(most) => self.stored(&mut buffer[..most as usize])?,
            SparsePart::Zeros(most) => {
                buffer[..most as usize].fill(0);
                most as usize
            }
        };
        if let Some(sparse) = &mut self.sparse {
            sparse.passed(count as u64);
        }
        Ok(count)
    }

    /// Reads the next bytes that the archive has of the entry.
    fn stored(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.source.read(&mut buffer[..most])? {
            0 => Err(self.bad("it is cut short within a file")),
            count => {
                self.left -= count as u64;
                self.position += count as u64;
                Ok(count)
            }
        }
    }

    fn skip(&mut self) -> Result<()> {
        self.sparse = None;
        let left = std::mem::take(&mut self.left);
        if self.source.skip(left)? < left {
            return Err(self.bad("it is cut short within a file"));
        }
        // Some writers omit the padding at the very end.
        let padding = self.source.skip(std::mem::take(&mut self.padding))?;
        self.position = self.position.saturating_add(left).saturating_add(padding);
        Ok(())
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.source.fill(buffer)?;
        self.position += count as u64;
        Ok(count)
    }

    /// Reads the next header; None at the end.
    fn block(&mut self) -> Result<Option<[u8; 512]>> {
        let mut block = [0; 512];
        if self.ended {
            return Ok(None);
        }
        self.count += 1;
        if self.count > MOST {
            return Err(Error::new(
                Code::LimitExceeded,
                format!("{} has more than {MOST} entries", self.source.name()),
            ));
        }
        match self.fill(&mut block)? {
            0 => self.ended = true,
            512 if block != [0; 512] => return Ok(Some(block)),
            512 => {
                self.ended = true;
                // A single block of zeros followed by more files: not every reader sees those.
                if self.fill(&mut block)? == 512 && block != [0; 512] {
                    return Err(self.bad("it has a single block of zeros in the middle"));
                }
            }
            _ => return Err(self.bad("it is cut short within a header")),
        }
        Ok(None)
    }

    /// The content of an extended header.
    fn small(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > LONGEST_HEADER {
            let message = format!("{} has an extended header of {size} bytes", self.source.name());
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        if self.fill(&mut bytes)? < bytes.len() {
            return Err(self.bad("it is cut short within an extended header"));
        }
        self.padding = size.wrapping_neg() % 512;
        if let Some(end) = bytes.iter().rposition(|byte| *byte != 0) {
            bytes.truncate(end + 1);
        }
        Ok(bytes)
    }

    fn clean(&self, name: &[u8]) -> Result<Vec<u8>> {
        clean(name).map_err(|error| match error.code() {
            Code::LimitExceeded => error.within(self.source.name()),
            _ => self.bad(error.message()),
        })
    }

    fn bad(&self, why: impl std::fmt::Display) -> Error {
        self.source.bad(why)
    }
}

fn has_its_sum(header: &Header, block: &[u8; 512]) -> bool {
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    header.cksum().is_ok_and(|found| found == sum)
}
