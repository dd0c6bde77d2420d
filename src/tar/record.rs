//! A record of an extended header (POSIX pax).

/// Adds `LENGTH KEY=VALUE\n`, the length over all of it.
pub(super) fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    for part in [b" ", key, b"=", value, b"\n"] {
        records.extend_from_slice(part);
    }
}

/// The key and the value of the first record, and what follows it.
pub(super) fn first_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = bytes[..space].first()? != &b'0' && bytes[..space].iter().all(u8::is_ascii_digit);
    let length: usize = std::str::from_utf8(&bytes[..space]).ok().filter(|_| digits)?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_its_own_digits() {
        for size in 80..120 {
            let mut records = Vec::new();
            record(&mut records, b"k", &vec![b'v'; size]);
            let digits = records.iter().position(|byte| *byte == b' ').unwrap();
            let length: usize = std::str::from_utf8(&records[..digits]).unwrap().parse().unwrap();
            assert_eq!(length, records.len());
        }
    }

    #[test]
    fn a_length_is_read_in_one_way() {
        assert_eq!(first_record(b"8 uid=1\nx"), Some((&b"uid"[..], &b"1"[..], &b"x"[..])));
        for wrong in ["7 uid=1\n", "+8 uid=1\n", "08 uid=1\n", " 8 uid=1\n", "-8 uid=1\n", "0 uid=1\n", "9 uid=1\n"] {
            assert_eq!(first_record(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
