//! The sizes and offsets in a header: a number that readers would understand in different ways is none.

/// The largest that every reader can hold.
pub(super) const LARGEST: u64 = i64::MAX as u64;

/// The number in a field, of which the low 64 bits were read.
pub(super) fn size(field: &[u8; 12], read: std::io::Result<u64>) -> Result<u64, String> {
    // In base 256 it may be negative, or have more bits.
    let is_whole = field[0] & 0x80 == 0 || field[..4] == [0x80, 0, 0, 0];
    match read {
        Err(error) => Err(error.to_string()),
        Ok(size) if is_whole && size <= LARGEST => Ok(size),
        Ok(_) => Err("it is negative, or beyond 2^63-1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_all_readers_take_it_for() {
        let base256 = |high: [u8; 4], low: u64| {
            let mut field = [0; 12];
            field[..4].copy_from_slice(&high);
            field[4..].copy_from_slice(&low.to_be_bytes());
            size(&field, Ok(low))
        };
        assert_eq!(size(b"00000000017\0", Ok(15)), Ok(15));
        assert_eq!(base256([0x80, 0, 0, 0], LARGEST), Ok(LARGEST));
        for (high, low) in [
            ([0x80, 0, 0, 0], LARGEST + 1),
            ([0x80, 0, 0, 1], 1),
            ([0x81, 0, 0, 0], 1),
            ([0xff, 0xff, 0xff, 0xff], u64::MAX),
            ([0xff, 0, 0, 0], 1),
        ] {
            base256(high, low).unwrap_err();
        }
        size(b"zzzzzzzzzzz\0", Err(std::io::Error::other("no number"))).unwrap_err();
    }
}
