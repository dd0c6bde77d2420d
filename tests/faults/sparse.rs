//! Sparse files in layers, in every form that GNU tar writes: their holes are zeros, and what is not such a file is refused.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use ocireg::error::Code;
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::export::{export, ExportOptions};
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::image::files::{files, FilesOptions};
use tar::EntryType;

use crate::common::*;
use crate::images::*;
use crate::memory::Memory;

const FORMS: [&[&str]; 5] = [
    &["--format=gnu"],
    &["--format=oldgnu"],
    &["--format=posix", "--sparse-version=0.0"],
    &["--format=posix", "--sparse-version=0.1"],
    &["--format=posix", "--sparse-version=1.0"],
];

/// A file with pieces of noise; what is between them is a hole.
fn holey(folder: &Path, name: &str, size: u64, pieces: &[(u64, usize)]) {
    let file = std::fs::File::create(folder.join(name)).unwrap();
    file.set_len(size).unwrap();
    pieces.iter().for_each(|(at, length)| file.write_all_at(&noise(*length), *at).unwrap());
}

/// What GNU tar makes of a folder, whose holes it finds by their zeros.
fn packed(folder: &Path, form: &[&str]) -> Vec<u8> {
    packed_as(folder, "raw", form)
}

fn packed_as(folder: &Path, detection: &str, form: &[&str]) -> Vec<u8> {
    let done = Command::new("tar")
        .args(["--sparse", &format!("--hole-detection={detection}"), "--sort=name"])
        .args(form)
        .args(["-cf", "-", "."])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

#[test]
fn sparse_files_of_gnu_tar_are_what_they_were() {
    let long = "n".repeat(140);
    let folder = tempfile::tempdir().unwrap();
    let many: Vec<(u64, usize)> = (0..60).map(|at| (at * 20_480, 4096)).collect();
    holey(folder.path(), "begin", 300_000, &[(0, 5000)]);
    holey(folder.path(), "middle", 500_000, &[(102_400, 512), (307_200, 10_240)]);
    holey(folder.path(), "end", 200_100, &[(190_000, 10_100)]);
    holey(folder.path(), "many", 1_300_000, &many);
    holey(folder.path(), "nothing", 1 << 20, &[]);
    holey(folder.path(), &long, 100_000, &[(51_200, 3)]);
    holey(folder.path(), "whole", 5000, &[(0, 5000)]);
    std::fs::write(folder.path().join("zz after"), "what follows").unwrap();
    for form in FORMS {
        let tar = packed(folder.path(), form);
        assert!(tar.len() < 400_000, "{form:?} is not sparse: {} bytes", tar.len());
        let out = tempfile::tempdir().unwrap();
        // It is compared with the list and the archive of the image, too.
        unpack(std::slice::from_ref(&tar), &out.path().join("root")).unwrap();
        let store = Memory::new(&[tar]);
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let wanted = std::fs::read(folder.path().join(&name)).unwrap();
            let found = std::fs::read(out.path().join("root").join(&name)).unwrap();
            assert!(found == wanted, "{form:?} {name}");
            let (client, mut bytes) = (client(), Vec::new());
            let got = cat(&call(&client), &store, &name, &mut bytes, &CatOptions::default()).unwrap();
            assert!(bytes == wanted && got.size == wanted.len() as u64, "{form:?} {name}");
        }
    }
}

/// As GNU tar does unless told otherwise: holes are where the file system says, which has blocks of its own.
#[test]
fn holes_of_the_file_system_are_read() {
    let folder = tempfile::tempdir().unwrap();
    holey(folder.path(), "s", 1 << 20, &[(100_000, 5), (300_000, 4000), (700_000, 10_001)]);
    holey(folder.path(), "ends", 200_001, &[(190_000, 10_001)]);
    for form in FORMS {
        let out = tempfile::tempdir().unwrap();
        unpack(&[packed_as(folder.path(), "seek", form)], &out.path().join("root")).unwrap();
        for name in ["s", "ends"] {
            let [wanted, found] =
                [folder.path(), &out.path().join("root")].map(|in_| std::fs::read(in_.join(name)).unwrap());
            assert!(found == wanted, "{form:?} {name}");
        }
    }
}

/// Some writers fill each piece up to a whole block, and others do not: where the next one begins is not known.
#[test]
fn a_piece_that_ends_within_a_block_is_not_supported() {
    let records = [("GNU.sparse.numblocks", "2"), ("GNU.sparse.size", "2000"), ("GNU.sparse.map", "0,5,1000,5")];
    let out = tempfile::tempdir().unwrap();
    let outcome = unpack(&[layer(&[pax(&records), file("s", "0123456789")])], &out.path().join("root"));
    fails(outcome, Code::Unsupported, "within a block");
}

/// A kilobyte of each of many layers must not stand for a gigabyte.
#[test]
fn zeros_of_all_layers_count_together() {
    let size = (400u64 << 20).to_string();
    let holes = |name: &str| {
        let records = [("GNU.sparse.numblocks", "1"), ("GNU.sparse.size", &size), ("GNU.sparse.map", "0,1")];
        layer(&[pax(&records), file(name, "x")])
    };
    let client = client();
    let export = |layers: &[Vec<u8>], max_ratio: u64| {
        let options = ExportOptions { max_ratio, ..ExportOptions::default() };
        export(&call(&client), &Memory::new(layers), &mut std::io::sink(), &options)
    };
    export(&[holes("a"), holes("b")], 250).unwrap();
    let error = fails(export(&[holes("a"), holes("b"), holes("c")], 250), Code::LimitExceeded, "250 times its");
    assert!(error.to_json()["hint"].as_str().unwrap().contains("max_ratio"), "{error}");
    export(&[holes("a"), holes("b"), holes("c")], 1_000_000).unwrap();
}

/// A file of GNU's own form, whose header says this.
fn old_gnu(size: u64, pieces: &[(u64, u64)], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    let fields = header.as_gnu_mut().unwrap();
    fields.name[..1].copy_from_slice(b"s");
    for (field, (offset, length)) in fields.sparse.iter_mut().zip(pieces) {
        field.offset.copy_from_slice(format!("{offset:011o}\0").as_bytes());
        field.numbytes.copy_from_slice(format!("{length:011o}\0").as_bytes());
    }
    fields.realsize.copy_from_slice(format!("{size:011o}\0").as_bytes());
    header.set_entry_type(EntryType::GNUSparse);
    header.set_mode(0o644);
    header.set_mtime(1_000_000);
    header.set_size(content.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    bytes
}

#[test]
fn a_map_of_old_is_read() {
    let good = old_gnu(2000, &[(1024, 4)], b"data");
    let out = tempfile::tempdir().unwrap();
    unpack(&[layer(&[good, file("t", "x")])], &out.path().join("root")).unwrap();
    let found = std::fs::read(out.path().join("root/s")).unwrap();
    assert!(
        found.len() == 2000 && &found[1024..1028] == b"data" && found.iter().filter(|byte| **byte != 0).count() == 4
    );
}

#[test]
fn hostile_maps_are_refused_and_nothing_else_is_written() {
    let block = |text: &str| format!("{text}{}", "\0".repeat(512 - text.len()));
    let lines = |map: &str, size: &str| {
        vec![
            pax(&[
                ("GNU.sparse.major", "1"),
                ("GNU.sparse.minor", "0"),
                ("GNU.sparse.realsize", size),
                ("GNU.sparse.name", "s"),
            ]),
            file("x", &block(map)),
        ]
    };
    let listed = |records: &[(&str, &str)], content: &str| vec![pax(records), file("s", content)];
    for (name, entries) in [
        ("beyond its end", vec![old_gnu(1000, &[(1024, 4)], b"data")]),
        ("more than there is", vec![old_gnu(2000, &[(0, 5)], b"data")]),
        ("less than there is", vec![old_gnu(2000, &[(0, 3)], b"data")]),
        ("one above the other", vec![old_gnu(5000, &[(1024, 512), (512, 4)], &[1; 516])]),
        ("no end of the map", lines("5\n1\n", "10")),
        ("no number", lines("x\n", "10")),
        ("too many", lines("99999999\n", "10")),
        (
            "another count",
            listed(&[("GNU.sparse.size", "9"), ("GNU.sparse.numblocks", "2"), ("GNU.sparse.map", "0,1")], "x"),
        ),
        (
            "two maps",
            listed(
                &[
                    ("GNU.sparse.size", "9"),
                    ("GNU.sparse.map", "0,1"),
                    ("GNU.sparse.offset", "0"),
                    ("GNU.sparse.numbytes", "1"),
                ],
                "x",
            ),
        ),
        ("a folder", vec![pax(&[("GNU.sparse.size", "9"), ("GNU.sparse.map", "")]), folder("s")]),
        (
            "out of the root",
            vec![
                pax(&[
                    ("GNU.sparse.numblocks", "1"),
                    ("GNU.sparse.size", "1"),
                    ("GNU.sparse.map", "0,1"),
                    ("GNU.sparse.name", "../s"),
                ]),
                file("s", "x"),
            ],
        ),
    ] {
        let out = tempfile::tempdir().unwrap();
        let error = unpack(&[layer(&entries)], &out.path().join("root")).err();
        assert_eq!(error.map(|error| error.code()), Some(Code::InvalidManifest), "{name}");
        assert!(!out.path().join("s").exists() && !out.path().join("root/s").exists(), "{name}");
    }
}

/// A few bytes that stand for more than a disk has.
#[test]
fn zeros_count_as_what_is_unpacked() {
    let size = (1u64 << 40).to_string();
    let bomb =
        [pax(&[("GNU.sparse.numblocks", "1"), ("GNU.sparse.size", &size), ("GNU.sparse.map", "0,1")]), file("s", "x")];
    let (client, store) = (client(), Memory::new(&[layer(&bomb)]));
    let out = tempfile::tempdir().unwrap();
    let outcome = extract(&call(&client), &store, &out.path().join("root"), &ExtractOptions::default());
    fails(outcome, Code::LimitExceeded, "unpacks to more than");
    let written: u64 =
        std::fs::read_dir(out.path().join("root")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(written < 1 << 20, "{written}");
    let mut bytes = Vec::new();
    fails(cat(&call(&client), &store, "s", &mut bytes, &CatOptions::default()), Code::LimitExceeded, "unpacks");
    assert!(bytes.is_empty());
    // The list has its size, of which nothing is read.
    let listed = files(&call(&client), &store, &FilesOptions::default()).unwrap();
    assert_eq!(listed.files[0].size, 1 << 40);
    let small = [
        pax(&[("GNU.sparse.numblocks", "1"), ("GNU.sparse.size", "60000"), ("GNU.sparse.map", "0,1")]),
        file("s", "x"),
    ];
    let options = ExtractOptions { max_bytes: 50_000, ..ExtractOptions::default() };
    let outcome = extract(&call(&client), &Memory::new(&[layer(&small)]), &out.path().join("other"), &options);
    fails(outcome, Code::LimitExceeded, "50000");
}

/// The same as another header: with this field, and the right sum.
fn with_field(mut tar: Vec<u8>, at: usize, field: [u8; 12]) -> Vec<u8> {
    tar[at..at + 12].copy_from_slice(&field);
    let mut header = tar::Header::from_byte_slice(&tar[..512]).clone();
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    tar
}

/// Sizes that some readers take for others, or cannot hold, are refused where nothing of them is read, too.
#[test]
fn sizes_that_not_all_can_hold_are_refused() {
    let client = client();
    let listed = |entries: &[Vec<u8>]| files(&call(&client), &Memory::new(&[layer(entries)]), &FilesOptions::default());
    let said = |name: &str, size: &str| {
        vec![
            pax(&[("GNU.sparse.numblocks", "1"), ("GNU.sparse.size", size), ("GNU.sparse.map", "0,1")]),
            file(name, "x"),
        ]
    };
    let lines = |size: &str| {
        let records = [
            ("GNU.sparse.major", "1"),
            ("GNU.sparse.minor", "0"),
            ("GNU.sparse.realsize", size),
            ("GNU.sparse.name", "s"),
        ];
        vec![pax(&records), file("x", &format!("0\n{}", "\0".repeat(510)))]
    };
    let base256 = |high: [u8; 4], low: u64| {
        let mut field = [0; 12];
        field[..4].copy_from_slice(&high);
        field[4..].copy_from_slice(&low.to_be_bytes());
        field
    };
    let (good, most) = (|| old_gnu(2000, &[(1024, 4)], b"data"), i64::MAX as u64);
    for entries in [
        said("s", &most.to_string()),
        lines(&most.to_string()),
        vec![with_field(good(), 483, base256([0x80, 0, 0, 0], most))],
    ] {
        let found = listed(&entries).unwrap();
        assert_eq!((found.bytes, found.files[0].size), (most, most));
    }
    for (name, entries) in [
        ("one more", said("s", &(most + 1).to_string())),
        ("all bits", said("s", &u64::MAX.to_string())),
        ("one more, in lines", lines(&(most + 1).to_string())),
        ("one more, in a header", vec![with_field(good(), 483, base256([0x80, 0, 0, 0], most + 1))]),
        ("negative", vec![with_field(good(), 483, [0xff; 12])]),
        ("more than 64 bits", vec![with_field(good(), 483, base256([0x80, 0, 0, 1], 2000))]),
        ("an offset of more than 64 bits", vec![with_field(good(), 386, base256([0x80, 0, 0, 1], 1024))]),
        ("a length of more than 64 bits", vec![with_field(good(), 398, base256([0x80, 0, 0, 1], 4))]),
        ("any file", vec![with_field(file("s", "x"), 124, base256([0x80, 0, 0, 1], 1))]),
    ] {
        let error = listed(&entries).err();
        assert_eq!(error.map(|error| error.code()), Some(Code::InvalidManifest), "{name}");
    }
    let half = (1u64 << 62).to_string();
    fails(listed(&[said("s", &half), said("t", &half)].concat()), Code::LimitExceeded, "more than 2^63-1 bytes");
}
