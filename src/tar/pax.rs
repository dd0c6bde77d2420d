//! Extended headers (POSIX pax).

use std::collections::BTreeMap;

use super::record::{first_record, record};
use super::size_field::LARGEST;
use super::sparse::SparseRecords;

#[derive(Default)]
pub(super) struct Pax {
    pub(super) some: bool,
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    /// Modification time, in seconds since 1970.
    pub(super) mtime: Option<i64>,
    /// What it says of a sparse file.
    pub(super) sparse: SparseRecords,
    /// The records of what else a file has, each key once and written anew: not every reader takes what this one takes.
    pub(super) attributes: Vec<u8>,
}

impl Pax {
    /// Parses an extended header; the error says what is wrong.
    pub(super) fn parse(mut bytes: &[u8]) -> Result<Pax, &'static str> {
        let mut pax = Pax { some: true, ..Pax::default() };
        let mut kept = BTreeMap::new();
        while !bytes.is_empty() {
            let (key, value, rest) = first_record(bytes).ok_or("an extended header is damaged")?;
            bytes = rest;
            if is_attribute(key) {
                kept.insert(key, value);
            }
            let text = std::str::from_utf8(value).unwrap_or_default();
            let number = || text.parse::<u64>().map_err(|_| "a number in an extended header is not a number");
            match key {
                b"path" if !value.is_empty() => pax.path = Some(value.to_vec()),
                b"linkpath" if !value.is_empty() => pax.link = Some(value.to_vec()),
                b"size" if number()? > LARGEST => return Err("a size in an extended header is beyond 2^63-1"),
                b"size" => pax.size = Some(number()?),
                b"uid" => pax.uid = Some(number()?),
                b"gid" => pax.gid = Some(number()?),
                b"mtime" => {
                    pax.mtime = text.split('.').next().and_then(|seconds| seconds.parse().ok());
                    match pax.mtime.is_some() && is_fractional(value) {
                        true => kept.insert(key, value),
                        false => kept.remove(key),
                    };
                }
                key => {
                    if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                        pax.sparse.take(key, value)?;
                    }
                }
            }
        }
        for (key, value) in kept {
            record(&mut pax.attributes, key, value);
        }
        Ok(pax)
    }
}

/// What a file has besides what a header tells: extended attributes and the like.
fn is_attribute(key: &[u8]) -> bool {
    const KEPT: [&[u8]; 6] = [
        b"SCHILY.xattr.",
        b"LIBARCHIVE.xattr.",
        b"SCHILY.acl.",
        b"SCHILY.fflags",
        b"RHT.security.selinux",
        b"MSWINDOWS.",
    ];
    !key.contains(&0) && KEPT.iter().any(|kept| key.starts_with(kept))
}

/// A time with a part of a second, which a header has no place for.
fn is_fractional(time: &[u8]) -> bool {
    let number = |part: &[u8]| !part.is_empty() && part.len() < 20 && part.iter().all(u8::is_ascii_digit);
    let mut parts = time.strip_prefix(b"-").unwrap_or(time).split(|byte| *byte == b'.');
    matches!((parts.next(), parts.next(), parts.next()), (Some(whole), Some(part), None) if number(whole) && number(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is passed on is what was understood.
    #[test]
    fn a_time_is_kept_with_its_part_of_a_second() {
        for (records, mtime, kept) in [
            (&["5.25"][..], Some(5), "14 mtime=5.25\n"),
            (&["5.25", "9"], Some(9), ""),
            (&["9", "-5.25"], Some(-5), "15 mtime=-5.25\n"),
            (&["5.25", "nonsense"], None, ""),
            (&["9999999999999999999.5"], None, ""),
            (&["5.x"], Some(5), ""),
        ] {
            let mut bytes = Vec::new();
            records.iter().for_each(|value| record(&mut bytes, b"mtime", value.as_bytes()));
            let pax = Pax::parse(&bytes).unwrap();
            assert_eq!((pax.mtime, pax.attributes.as_slice()), (mtime, kept.as_bytes()), "{records:?}");
        }
    }
}
