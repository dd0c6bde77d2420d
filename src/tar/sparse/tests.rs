use super::*;

fn content(size: u64, pieces: &[SparsePiece], stored: u64) -> Result<Vec<SparsePart>, Refused> {
    let mut content = SparseContent::new(size, pieces.to_vec(), stored)?;
    let mut parts = Vec::new();
    loop {
        match content.next(4096) {
            SparsePart::End => return Ok(parts),
            part => {
                content.passed(if let SparsePart::Zeros(count) | SparsePart::Stored(count) = part { count } else { 0 });
                parts.push(part);
            }
        }
    }
}

#[test]
fn pieces_and_holes_are_all_of_a_file() {
    use SparsePart::{Stored, Zeros};
    for (size, pieces, stored, expected) in [
        (0, &[][..], 0, vec![]),
        (5000, &[], 0, vec![Zeros(4096), Zeros(904)]),
        (5000, &[(5000, 0)], 0, vec![Zeros(4096), Zeros(904)]),
        (5000, &[(0, 512), (1024, 100)], 612, vec![Stored(512), Zeros(512), Stored(100), Zeros(3876)]),
        (1024, &[(512, 512)], 512, vec![Zeros(512), Stored(512)]),
        (1024, &[(0, 512), (512, 512)], 1024, vec![Stored(512), Stored(512)]),
        (700, &[(512, 188), (700, 0)], 188, vec![Zeros(512), Stored(188)]),
    ] {
        assert_eq!(content(size, pieces, stored).unwrap(), expected, "{size} {pieces:?}");
    }
}

#[test]
fn hostile_maps_are_refused() {
    for (size, pieces, stored) in [
        (1000, &[(0, 512), (256, 256)][..], 768),
        (1000, &[(512, 512), (0, 0)], 512),
        (1000, &[(512, 512)], 512),
        (1000, &[(u64::MAX, 2)], 2),
        (u64::MAX, &[(u64::MAX, 1)], 1),
        (1000, &[(0, 512)], 511),
        (1000, &[(0, 0), (512, 100)], 100),
    ] {
        content(size, pieces, stored).unwrap_err();
    }
    assert!(is_unaligned(&[(0, 100), (512, 100)]) && is_unaligned(&[(0, 100), (512, 512), (2000, 0)]));
    assert!(!is_unaligned(&[(0, 512), (1024, 100), (2000, 0)]) && !is_unaligned(&[]));
}

#[test]
fn records_are_those_of_gnu_tar() {
    let mut records = SparseRecords::default();
    records.take(b"offset", b"1").unwrap();
    records.take(b"offset", b"1").unwrap_err();
    for (records, is_good) in [
        (&[("numblocks", "1"), ("size", "5"), ("map", "0,5")][..], true),
        (&[("numblocks", "1"), ("size", "5"), ("realsize", "5"), ("map", "0,5")], true),
        (&[("numblocks", "1"), ("size", "5"), ("realsize", "6"), ("map", "0,5")], false),
        (&[("numblocks", "1"), ("realsize", "5"), ("offset", "0"), ("numbytes", "5")], true),
        (&[("size", "5"), ("map", "0,5")], false),
        (&[("size", "5"), ("offset", "0"), ("numbytes", "5")], false),
        (&[("numblocks", "0"), ("size", "5")], false),
        (&[("numblocks", "0"), ("size", "5"), ("map", "")], false),
        (&[("numblocks", "2"), ("size", "5"), ("map", "0,5")], false),
        (&[("numblocks", "1"), ("size", "5"), ("map", "0,5,")], false),
        (&[("numblocks", "1"), ("size", "5"), ("map", "0,+5")], false),
        (&[("numblocks", "1"), ("size", "5"), ("map", "0")], false),
        (&[("numblocks", "1"), ("size", "9223372036854775807"), ("map", "0,5")], true),
        (&[("numblocks", "1"), ("size", "9223372036854775808"), ("map", "0,5")], false),
        (&[("numblocks", "1"), ("size", "18446744073709551615"), ("map", "0,5")], false),
        (&[("numblocks", "1"), ("map", "0,5")], false),
        (&[("numblocks", "1"), ("size", "5"), ("map", "0,5"), ("offset", "0"), ("numbytes", "5")], false),
        (&[("major", "0"), ("minor", "1"), ("numblocks", "1"), ("size", "5"), ("map", "0,5")], true),
        (&[("major", "0"), ("minor", "7"), ("numblocks", "1"), ("size", "5"), ("map", "0,5")], false),
        (&[("major", "0"), ("numblocks", "1"), ("size", "5"), ("map", "0,5")], false),
        (&[("minor", "1"), ("numblocks", "1"), ("size", "5"), ("map", "0,5")], false),
        (&[("major", "1"), ("minor", "0"), ("realsize", "5")], true),
        (&[("major", "1"), ("minor", "0"), ("numblocks", "1"), ("realsize", "5")], false),
        (&[("major", "1"), ("minor", "1"), ("realsize", "5")], false),
        (&[("major", "1"), ("realsize", "5")], false),
        (&[("major", "1"), ("minor", "0"), ("realsize", "5"), ("map", "0,5")], false),
        (&[("major", "2"), ("realsize", "5")], false),
    ] {
        let mut read = SparseRecords::default();
        records.iter().for_each(|(key, value)| read.take(key.as_bytes(), value.as_bytes()).unwrap());
        assert_eq!(read.map().is_ok(), is_good, "{records:?}");
    }
}

#[test]
fn a_map_in_a_header_ends_where_all_readers_end_it() {
    let piece = |offset: &[u8], numbytes: &[u8]| {
        let mut piece = GnuExtSparseHeader::new().sparse.into_iter().next().unwrap();
        piece.offset[..offset.len()].copy_from_slice(offset);
        piece.numbytes[..numbytes.len()].copy_from_slice(numbytes);
        piece
    };
    let good = || piece(b"00000000000", b"00000001000");
    let blank = || piece(b"", b"");
    for (block, wanted) in [
        (vec![good(), blank(), blank()], Some((true, vec![(0, 512)]))),
        (vec![good(), good(), good()], Some((false, vec![(0, 512); 3]))),
        (vec![good(), blank(), good()], None),
        (vec![good(), piece(b"", b"00000001000"), blank()], None),
        (vec![good(), piece(b"00000001000", b""), blank()], None),
    ] {
        let mut pieces = Vec::new();
        assert_eq!(take(&mut pieces, &block).ok().map(|is_whole| (is_whole, pieces)), wanted);
    }
}

#[test]
fn a_map_of_lines_ends_where_it_says() {
    let block = |text: &str| {
        let mut block = [0; 512];
        block[..text.len()].copy_from_slice(text.as_bytes());
        block
    };
    assert_eq!(TextMap::default().take(&block("0\n")).unwrap(), Some(vec![]));
    assert_eq!(TextMap::default().take(&block("1\n0\n5\n7\n")).unwrap(), Some(vec![(0, 5)]));
    let mut long = TextMap::default();
    let text = format!("256\n{}", "1\n".repeat(254));
    assert_eq!(long.take(&block(&text)).unwrap(), None);
    assert_eq!(long.take(&block(&"1\n".repeat(256))).unwrap(), None);
    assert_eq!(long.take(&block("1\n1\n")).unwrap().map(|pieces| pieces.len()), Some(256));
    for wrong in ["x\n", "\n", "1\n0\n\n", "99999999\n", "123456789012345678901\n", "-1\n", "1\n0x\n5\n"] {
        TextMap::default().take(&block(wrong)).unwrap_err();
    }
}
