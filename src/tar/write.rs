//! The headers of entries that are written: ustar, with an extended header (POSIX pax) before it where something does not fit.

use tar::{EntryType, Header};

use super::names::{shown, split};
use super::record::record;
use super::{EntryKind, TarEntry};
use crate::error::{Code, Error, Result};

pub(crate) const BLOCK: usize = 512;
/// The most bytes of a name in a header.
const LONGEST: usize = 100;
/// The largest numbers of a header: of 7 and of 11 octal digits.
const SMALL: u64 = 0o777_7777;
const LARGE: u64 = 0o777_7777_7777;

/// The headers of an entry, with the attributes that one has which was read. The bytes that its size announces follow, and
/// [`padding`].
pub(crate) fn headers(entry: &TarEntry, attributes: &[u8]) -> Result<Vec<u8>> {
    let mut path = entry.path.clone();
    let (kind, link) = match &entry.kind {
        EntryKind::File => (EntryType::Regular, &b""[..]),
        EntryKind::Directory => {
            path.push(b'/');
            (EntryType::Directory, &b""[..])
        }
        EntryKind::Symlink(target) => (EntryType::Symlink, target.as_slice()),
        EntryKind::HardLink(target) => (EntryType::Link, target.as_slice()),
        EntryKind::Character => (EntryType::Char, &b""[..]),
        EntryKind::Block => (EntryType::Block, &b""[..]),
        EntryKind::Fifo => (EntryType::Fifo, &b""[..]),
    };
    let size = if entry.kind == EntryKind::File { entry.size } else { 0 };
    let mut records = records(entry, (&path, link), size);
    records.extend_from_slice(attributes);
    let mut bytes = Vec::new();
    if !records.is_empty() {
        extend(&mut bytes, &entry.path, &records);
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(entry.mode);
    header.set_uid(fitting(entry.uid, SMALL));
    header.set_gid(fitting(entry.gid, SMALL));
    header.set_size(fitting(size, LARGE));
    header.set_mtime(fitting(u64::try_from(entry.mtime).unwrap_or(0), LARGE));
    name(&mut header, &path, link);
    device(&mut header, entry)?;
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    Ok(bytes)
}

/// How many bytes of zeros fill the last block of an entry's content.
pub(crate) fn padding(size: u64) -> usize {
    usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or(0)
}

/// What no reader takes for the end of an archive: an extended header that is cut short. Of a header that is, some take it for the end.
pub(crate) fn no_end() -> Vec<u8> {
    let text = b"An error ended this archive: it is not whole, and must not be trusted.\n";
    let (mut bytes, mut records) = (Vec::new(), Vec::new());
    record(&mut records, b"comment", &text.repeat(1 + BLOCK / text.len()));
    extend(&mut bytes, b"not-whole", &records);
    bytes.truncate(BLOCK + 2 * text.len());
    bytes
}

/// What does not fit is in the extended header.
fn fitting(number: u64, most: u64) -> u64 {
    if number > most {
        0
    } else {
        number
    }
}

fn records(entry: &TarEntry, (path, link): (&[u8], &[u8]), size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    let long = |name: &&[u8]| name.len() > LONGEST;
    // Without this record names are UTF-8.
    if [path, link].iter().filter(|name| long(name)).any(|name| std::str::from_utf8(name).is_err()) {
        record(&mut records, b"hdrcharset", b"BINARY");
    }
    for (key, name) in [(&b"path"[..], path), (b"linkpath", link)] {
        if long(&name) {
            record(&mut records, key, name);
        }
    }
    for (key, number, most) in [(&b"size"[..], size, LARGE), (b"uid", entry.uid, SMALL), (b"gid", entry.gid, SMALL)] {
        if number > most {
            record(&mut records, key, number.to_string().as_bytes());
        }
    }
    if u64::try_from(entry.mtime).map_or(true, |seconds| seconds > LARGE) {
        record(&mut records, b"mtime", entry.mtime.to_string().as_bytes());
    }
    records
}

/// The extended header, as an entry of its own.
fn extend(bytes: &mut Vec<u8>, path: &[u8], records: &[u8]) {
    let last = split(path).1;
    let shown = [&b"PaxHeaders/"[..], &last[..last.len().min(LONGEST - 20)]].concat();
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::XHeader);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(records.len() as u64);
    name(&mut header, &shown, b"");
    header.set_cksum();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(records);
    bytes.resize(bytes.len() + padding(records.len() as u64), 0);
}

/// As much of the names as fits.
fn name(header: &mut Header, path: &[u8], link: &[u8]) {
    let fields = header.as_old_mut();
    for (field, name) in [(&mut fields.name, path), (&mut fields.linkname, link)] {
        let name = &name[..name.len().min(LONGEST)];
        field[..name.len()].copy_from_slice(name);
    }
}

fn device(header: &mut Header, entry: &TarEntry) -> Result<()> {
    if !matches!(entry.kind, EntryKind::Character | EntryKind::Block) {
        return Ok(());
    }
    let (major, minor) = entry.device;
    if u64::from(major.max(minor)) > SMALL {
        let message =
            format!("the device '{}' has device numbers that do not fit into a tar archive", shown(&entry.path));
        return Err(Error::new(Code::Unsupported, message));
    }
    header
        .set_device_major(major)
        .and_then(|()| header.set_device_minor(minor))
        .map_err(|error| Error::io(format!("cannot write the device '{}'", shown(&entry.path)), &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::{Entries, TarSource};

    struct TestBytes(std::io::Cursor<Vec<u8>>);

    impl TarSource for TestBytes {
        fn name(&self) -> String {
            "the archive".to_owned()
        }
        fn code(&self) -> Code {
            Code::InvalidManifest
        }
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            Ok(std::io::Read::read(&mut self.0, buffer).unwrap())
        }
        fn count_zeros(&mut self, _: u64) -> Result<()> {
            Ok(())
        }
    }

    fn entry(path: &[u8], kind: EntryKind) -> TarEntry {
        let (mode, uid, gid, mtime, size, device) = (0o4755, 1, 2, 3, 0, (0, 0));
        TarEntry { path: path.to_vec(), kind, mode, uid, gid, mtime, size, device }
    }

    /// What is written is read as it was.
    #[test]
    fn everything_comes_back() {
        let long = [b"f\xff".repeat(40), b"g".repeat(130)].join(&b'/');
        let mut cases = vec![
            entry(b"plain", EntryKind::File),
            entry(&b"n".repeat(100), EntryKind::File),
            entry(&b"n".repeat(101), EntryKind::File),
            entry(&b"d".repeat(100), EntryKind::Directory),
            entry(b"l", EntryKind::Symlink(b"../".repeat(50))),
            entry(b"h", EntryKind::HardLink(long.clone())),
            TarEntry { device: (1, 3), ..entry(b"null", EntryKind::Character) },
            TarEntry { device: (8, 1_048_575), ..entry(b"disk", EntryKind::Block) },
            entry(b"pipe", EntryKind::Fifo),
        ];
        for mtime in [0, -1, i64::MIN, 1 << 33, i64::MAX] {
            cases.push(TarEntry { mtime, ..entry(&long, EntryKind::File) });
        }
        for id in [0o777_7777, 0o1000_0000, u64::from(u32::MAX)] {
            cases.push(TarEntry { uid: id, gid: id, ..entry(b"owned", EntryKind::Directory) });
        }
        cases.push(TarEntry { size: 9 << 30, ..entry(b"huge", EntryKind::File) });
        for case in cases {
            let mut entries = Entries::new(TestBytes(std::io::Cursor::new(headers(&case, b"").unwrap())));
            let found = entries.advance().unwrap().unwrap();
            assert_eq!(format!("{found:?}"), format!("{case:?}"));
        }
    }

    #[test]
    fn attributes_are_passed_on_and_nothing_else() {
        let mut records = Vec::new();
        for (key, value) in [
            (&b"SCHILY.xattr.user.x"[..], &b"old"[..]),
            (b"mtime", b"9.75"),
            (b"SCHILY.xattr.user.x", b"\0\n=\xff"),
            (b"mtime", b"5.25"),
            (b"path", b"other"),
            (b"uname", b"me"),
            (b"atime", b"nonsense"),
            (b"SCHILY.xattr.a\0b", b"1"),
        ] {
            record(&mut records, key, value);
        }
        let mut bytes = Vec::new();
        extend(&mut bytes, b"x", &records);
        bytes.extend_from_slice(&headers(&entry(b"x", EntryKind::File), b"").unwrap());
        let mut entries = Entries::new(TestBytes(std::io::Cursor::new(bytes)));
        let found = entries.advance().unwrap().unwrap();
        assert_eq!((found.path.as_slice(), found.mtime), (&b"other"[..], 5));
        let mut kept = Vec::new();
        record(&mut kept, b"SCHILY.xattr.user.x", b"\0\n=\xff");
        record(&mut kept, b"mtime", b"5.25");
        assert_eq!(entries.attributes(), kept);
        let again = headers(&found, entries.attributes()).unwrap();
        let mut entries = Entries::new(TestBytes(std::io::Cursor::new(again)));
        assert_eq!(entries.advance().unwrap().unwrap().mtime, 5);
        assert_eq!(entries.attributes(), kept);
        assert!(headers(&TarEntry { device: (1 << 30, 0), ..entry(b"x", EntryKind::Block) }, b"").is_err());
    }
}
