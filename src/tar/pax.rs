//! Extended headers (POSIX pax).

#[derive(Default)]
pub(super) struct Pax {
    pub some: bool,
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    /// Modification time, in seconds since 1970.
    pub mtime: Option<i64>,
    /// The content is a sparse file.
    pub sparse: bool,
    /// The records that are kept as they are: what else a file has.
    pub attributes: Vec<u8>,
}

impl Pax {
    /// Parses an extended header; the error says what is wrong.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Pax, &'static str> {
        let mut pax = Pax { some: true, ..Pax::default() };
        while !bytes.is_empty() {
            let (key, value, rest) = record(bytes).ok_or("an extended header is damaged")?;
            let whole = &bytes[..bytes.len() - rest.len()];
            bytes = rest;
            if is_attribute(key, value) {
                pax.attributes.extend_from_slice(whole);
            }
            let text = std::str::from_utf8(value).unwrap_or_default();
            let number = || text.parse::<u64>().map_err(|_| "a number in an extended header is not a number");
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

/// What a file has besides what a header tells: extended attributes and the like, and the part of a second of its time.
fn is_attribute(key: &[u8], value: &[u8]) -> bool {
    const KEPT: [&[u8]; 6] = [
        b"SCHILY.xattr.",
        b"LIBARCHIVE.xattr.",
        b"SCHILY.acl.",
        b"SCHILY.fflags",
        b"RHT.security.selinux",
        b"MSWINDOWS.",
    ];
    match key {
        b"mtime" => {
            let number = |part: &[u8]| !part.is_empty() && part.len() < 20 && part.iter().all(u8::is_ascii_digit);
            let mut parts = value.strip_prefix(b"-").unwrap_or(value).split(|byte| *byte == b'.');
            matches!((parts.next(), parts.next(), parts.next()), (Some(whole), Some(part), None) if number(whole) && number(part))
        }
        key => !key.contains(&0) && KEPT.iter().any(|kept| key.starts_with(kept)),
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
