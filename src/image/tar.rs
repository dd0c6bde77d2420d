//! The entries of a layer's tar (POSIX ustar and pax, GNU long names), one at a time. Everything in it is hostile: names
//! are cleaned, extended headers bounded, and what is read differently by others is refused.

use tar::{EntryType, Header};

use super::layer::Layer;
use crate::digest::shorten;
use crate::error::{Code, Error, Result};

/// The most bytes of an extended header or a long name.
const LONGEST_HEADER: u64 = 1 << 20;
/// The most bytes of a name.
pub const LONGEST_PATH: usize = 4096;
/// The most names in a name.
pub const DEEPEST: usize = 256;
/// More entries than any image has.
const MOST: u64 = 10_000_000;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    File,
    Directory,
    /// With what it says.
    Symlink(Vec<u8>),
    /// With the name that it is another one of.
    HardLink(Vec<u8>),
    Character,
    Block,
    Fifo,
}

/// An entry. Its content is read from the [`Entries`].
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name from the image's root, without `/` at its ends; empty for the root.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permissions.
    pub mode: u32,
    /// The owner's number.
    pub uid: u64,
    /// The group's number.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Bytes of a file.
    pub size: u64,
    /// Numbers of a device.
    pub device: (u32, u32),
}

/// What a name of a layer says about the layers below.
#[derive(Debug, PartialEq, Eq)]
pub enum Mark<'a> {
    /// It is a file like any other.
    None,
    /// This name is not there any more.
    Whiteout(Vec<u8>),
    /// Nothing below is in this folder any more.
    Opaque(&'a [u8]),
    /// It is for the tool that wrote the layer.
    Private,
}

impl Entry {
    /// What its name says about the layers below (image-spec layer.md, "Whiteouts").
    pub fn mark(&self) -> Result<Mark<'_>> {
        let (folder, name) = split(&self.path);
        let Some(hidden) = name.strip_prefix(b".wh.") else { return Ok(Mark::None) };
        if hidden == b".wh..opq" {
            return Ok(Mark::Opaque(folder));
        }
        if hidden.starts_with(b".wh.") {
            return Ok(Mark::Private);
        }
        if matches!(hidden, b"" | b"." | b"..") {
            return Err(bad(format!("the whiteout '{}' hides nothing that can be", shown(&self.path))));
        }
        Ok(Mark::Whiteout(join(folder, hidden)))
    }
}

/// A layer's entries.
pub struct Entries {
    layer: Layer,
    left: u64,
    padding: u64,
    count: u64,
    ended: bool,
}

impl Entries {
    /// The entries of a layer.
    pub fn new(layer: Layer) -> Entries {
        Entries { layer, left: 0, padding: 0, count: 0, ended: false }
    }

    /// The layer, whose rest can be read.
    pub fn layer(&mut self) -> &mut Layer {
        &mut self.layer
    }

    /// The next entry; what is left of the one before is skipped.
    pub fn advance(&mut self) -> Result<Option<Entry>> {
        let (mut long_name, mut long_link, mut pax) = (None, None, Pax::default());
        loop {
            self.skip()?;
            let Some(block) = self.block()? else {
                return match long_name.is_some() || long_link.is_some() || pax.some {
                    true => Err(bad("it ends behind an extended header")),
                    false => Ok(None),
                };
            };
            let header = Header::from_byte_slice(&block);
            check_sum(header, &block)?;
            let size = header.entry_size().map_err(|error| bad(format!("a size: {error}")))?;
            match header.entry_type() {
                EntryType::GNULongName => long_name = Some(self.small(size)?),
                EntryType::GNULongLink => long_link = Some(self.small(size)?),
                EntryType::XHeader => pax = Pax::parse(&self.small(size)?)?,
                EntryType::XGlobalHeader => drop(self.small(size)?),
                kind => {
                    let name = pax.path.take().or(long_name.take()).unwrap_or_else(|| header.path_bytes().into_owned());
                    let link = pax.link.take().or(long_link.take());
                    let link = link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
                    return match self.entry(header, kind, size, name, link.unwrap_or_default(), &pax)? {
                        Some(entry) => Ok(Some(entry)),
                        None => {
                            (long_name, long_link, pax) = (None, None, Pax::default());
                            continue;
                        }
                    };
                }
            }
        }
    }

    /// None for an entry that says nothing to us.
    fn entry(
        &mut self,
        header: &Header,
        kind: EntryType,
        size: u64,
        name: Vec<u8>,
        link: Vec<u8>,
        pax: &Pax,
    ) -> Result<Option<Entry>> {
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
        // Other types have no content, whatever their size says; those that nobody knows may have.
        let size = match (pax.size.unwrap_or(size), kind) {
            (_, EntryType::Link | EntryType::Symlink | EntryType::Directory) => 0,
            (_, EntryType::Char | EntryType::Block | EntryType::Fifo) => 0,
            (size, _) => size,
        };
        self.left = size;
        self.padding = size.wrapping_neg() % 512;
        let path = clean(&name)?;
        let kind = match kind {
            _ if is_file && name.ends_with(b"/") => Kind::Directory,
            _ if is_file => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink if link.is_empty() || link.len() > LONGEST_PATH || link.contains(&0) => {
                return Err(bad(format!("the symbolic link '{}' leads nowhere", shown(&path))));
            }
            EntryType::Symlink => Kind::Symlink(link),
            EntryType::Link => Kind::HardLink(clean(&link)?),
            EntryType::Char => Kind::Character,
            EntryType::Block => Kind::Block,
            EntryType::Fifo => Kind::Fifo,
            EntryType::GNUSparse => return Err(sparse(&path)),
            _ => return Ok(None),
        };
        if pax.sparse {
            return Err(sparse(&path));
        }
        let number = |pax: Option<u64>, header: std::io::Result<u64>| pax.unwrap_or(header.unwrap_or(0));
        Ok(Some(Entry {
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

    /// The next bytes of the entry's content; 0 is its end.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.layer.read(&mut buffer[..most])? {
            0 => Err(bad("it is cut short within a file")),
            count => {
                self.left -= count as u64;
                Ok(count)
            }
        }
    }

    fn skip(&mut self) -> Result<()> {
        let mut buffer = vec![0; 16 << 10];
        while self.read(&mut buffer)? > 0 {}
        let padding = usize::try_from(std::mem::take(&mut self.padding)).unwrap_or(0);
        // Some writers leave out the padding at the very end.
        self.layer.fill(&mut buffer[..padding]).map(drop)
    }

    /// The next header; None at the end.
    fn block(&mut self) -> Result<Option<[u8; 512]>> {
        let mut block = [0; 512];
        if self.ended {
            return Ok(None);
        }
        self.count += 1;
        if self.count > MOST {
            return Err(Error::new(Code::LimitExceeded, format!("the layer has more than {MOST} entries")));
        }
        match self.layer.fill(&mut block)? {
            0 => self.ended = true,
            512 if block != [0; 512] => return Ok(Some(block)),
            512 => {
                self.ended = true;
                // One block of zeros, and then more files: not every reader sees those.
                if self.layer.fill(&mut block)? == 512 && block != [0; 512] {
                    return Err(bad("it has one block of zeros within"));
                }
            }
            _ => return Err(bad("it is cut short within a header")),
        }
        Ok(None)
    }

    /// The content of an extended header.
    fn small(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > LONGEST_HEADER {
            let message = format!("the layer has an extended header of {size} bytes");
            return Err(Error::new(Code::LimitExceeded, message));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        if self.layer.fill(&mut bytes)? < bytes.len() {
            return Err(bad("it is cut short within an extended header"));
        }
        self.padding = size.wrapping_neg() % 512;
        if let Some(end) = bytes.iter().rposition(|byte| *byte != 0) {
            bytes.truncate(end + 1);
        }
        Ok(bytes)
    }
}

/// What an extended header of pax says.
#[derive(Default)]
struct Pax {
    some: bool,
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    mtime: Option<i64>,
    sparse: bool,
}

impl Pax {
    fn parse(mut bytes: &[u8]) -> Result<Pax> {
        let mut pax = Pax { some: true, ..Pax::default() };
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or_else(|| bad("an extended header is damaged"))?;
            bytes = rest;
            let text = std::str::from_utf8(value).unwrap_or_default();
            let number = || text.parse::<u64>().map_err(|_| bad("a number of an extended header is none"));
            match key {
                b"path" if !value.is_empty() => pax.path = Some(value.to_vec()),
                b"linkpath" if !value.is_empty() => pax.link = Some(value.to_vec()),
                b"size" => pax.size = Some(number()?),
                b"uid" => pax.uid = Some(number()?),
                b"gid" => pax.gid = Some(number()?),
                b"mtime" => pax.mtime = text.split('.').next().and_then(|seconds| seconds.parse().ok()),
                key if key.starts_with(b"GNU.sparse.") => pax.sparse = true,
                _ => {}
            }
        }
        Ok(pax)
    }
}

/// `LENGTH KEY=VALUE\n`, the length over all of it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..space]).ok()?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

fn check_sum(header: &Header, block: &[u8; 512]) -> Result<()> {
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    match header.cksum() {
        Ok(found) if found == sum => Ok(()),
        _ => Err(bad("a header has a wrong checksum, or it is no tar")),
    }
}

/// A name from the image's root: no `.`, no `..`, no `/` at its ends. One that leads out is refused.
pub fn clean(name: &[u8]) -> Result<Vec<u8>> {
    let wrong = |why: &str| Err(bad(format!("the name '{}' {why}", shown(name))));
    if name.contains(&0) {
        return wrong("holds a zero byte");
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.pop().is_none() => return wrong("leads out of the image"),
            b".." => {}
            part if part.len() > 255 => return wrong("has a part of more than 255 bytes"),
            part => parts.push(part),
        }
    }
    let path = parts.join(&b'/');
    if path.len() > LONGEST_PATH || parts.len() > DEEPEST {
        let message = format!("a name in the layer has {} bytes and {} parts", path.len(), parts.len());
        return Err(Error::new(Code::LimitExceeded, message));
    }
    Ok(path)
}

/// A path's folder and its last name.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

/// A name in a folder.
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    match folder {
        b"" => name.to_vec(),
        folder => [folder, b"/", name].concat(),
    }
}

/// Whether a path is in a folder.
pub fn is_within(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// A hostile name for a message.
pub fn shown(path: &[u8]) -> String {
    shorten(&String::from_utf8_lossy(path)).to_string()
}

fn bad(why: impl std::fmt::Display) -> Error {
    Error::new(Code::InvalidManifest, format!("the layer is no good tar: {why}"))
}

fn sparse(path: &[u8]) -> Error {
    Error::new(Code::Unsupported, format!("the layer has the sparse file '{}'", shown(path)))
}
