//! Hostile layers: whatever they contain, nothing is written outside the folder, and one file is never
//! taken for another.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use ocireg::error::{Code, Error};
use ocireg::image::cat::{cat, CatFile, CatOptions};
use ocireg::image::extract::{extract, ExtractOptions, Extracted};
use tar::EntryType;

use crate::common::*;
use crate::memory::Memory;

/// A header with any name, then the content.
pub fn raw(name: &[u8], kind: EntryType, link: &[u8], mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    let fields = header.as_gnu_mut().unwrap();
    fields.name[..name.len()].copy_from_slice(name);
    fields.linkname[..link.len()].copy_from_slice(link);
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(1_000_000);
    header.set_size(content.len() as u64);
    header.set_uid(0);
    header.set_gid(0);
    if kind.is_character_special() || kind.is_block_special() {
        header.set_device_major(1).unwrap();
        header.set_device_minor(3).unwrap();
    }
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().div_ceil(512) * 512, 0);
    bytes
}

pub fn file(name: &str, content: &str) -> Vec<u8> {
    raw(name.as_bytes(), EntryType::Regular, b"", 0o644, content.as_bytes())
}

pub fn folder(name: &str) -> Vec<u8> {
    raw(name.as_bytes(), EntryType::Directory, b"", 0o755, b"")
}

pub fn symlink(name: &str, target: &str) -> Vec<u8> {
    raw(name.as_bytes(), EntryType::Symlink, target.as_bytes(), 0o777, b"")
}

pub fn hard(name: &str, target: &str) -> Vec<u8> {
    raw(name.as_bytes(), EntryType::Link, target.as_bytes(), 0o644, b"")
}

/// A pax header, for example for a name that does not fit into a tar header.
pub fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length =
            (1..).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length).unwrap();
        body.push_str(&format!("{length} {key}={value}\n"));
    }
    raw(b"pax", EntryType::XHeader, b"", 0o644, body.as_bytes())
}

pub fn layer(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

// Whatever is extracted is listed too, by the same names, and is in the archive.
fn unpack_with(store: &Memory, into: &Path, options: ExtractOptions) -> Result<Extracted, Error> {
    let (client, anew, devices) = (client(), !into.exists(), options.devices);
    let outcome = extract(&call(&client), store, into, &options);
    if anew {
        crate::files::compare(store, into, outcome.as_ref().err(), devices);
        crate::exports::compare(store, into, outcome.as_ref().err(), devices);
    }
    outcome
}

pub fn unpack(layers: &[Vec<u8>], into: &Path) -> Result<Extracted, Error> {
    unpack_with(&Memory::new(layers), into, ExtractOptions::default())
}

fn read(store: &Memory, path: &str, verify: bool) -> Result<(CatFile, String), Error> {
    let (client, mut out) = (client(), Vec::new());
    let found = cat(&call(&client), store, path, &mut out, &CatOptions { platform: None, verify })?;
    Ok((found, String::from_utf8(out).unwrap()))
}

/// A folder with a secret beside the place to extract to.
fn place() -> (tempfile::TempDir, std::path::PathBuf) {
    let outer = tempfile::tempdir().unwrap();
    std::fs::create_dir(outer.path().join("outside")).unwrap();
    std::fs::write(outer.path().join("outside/secret"), "secret").unwrap();
    let inner = outer.path().join("image");
    (outer, inner)
}

/// Everything outside the image is unchanged.
#[track_caller]
fn unharmed(outer: &Path, what: &str) {
    let mut names: Vec<_> = std::fs::read_dir(outer).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.retain(|name| name != "image");
    assert_eq!(names, ["outside"], "{what}");
    let names: Vec<_> =
        std::fs::read_dir(outer.join("outside")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["secret"], "{what}");
    assert_eq!(std::fs::read_to_string(outer.join("outside/secret")).unwrap(), "secret", "{what}");
    let found = std::fs::metadata(outer.join("outside/secret")).unwrap();
    assert_eq!(found.nlink(), 1, "{what}");
    assert_ne!(found.mtime(), 1_000_000, "{what}");
    assert_ne!(std::fs::metadata(outer.join("outside")).unwrap().mtime(), 1_000_000, "{what}");
}

fn absolute(outer: &Path) -> String {
    outer.join("outside").display().to_string()
}

/// Layers that know where they will be extracted.
type Layers = Box<dyn Fn(&Path) -> Vec<Vec<u8>>>;

const EVIL: &str = "evil";
const OUTSIDE: &str = "../outside";
const BAD: Option<Code> = Some(Code::InvalidManifest);

fn one(entries: Vec<Vec<u8>>) -> Layers {
    Box::new(move |_| vec![layer(&entries)])
}

fn stay_inside(cases: Vec<(&str, Layers, Option<Code>)>) {
    for (what, layers, code) in cases {
        let (outer, inner) = place();
        let outcome = unpack(&layers(outer.path()), &inner);
        assert_eq!(outcome.as_ref().err().map(Error::code), code, "{what}: {outcome:?}");
        unharmed(outer.path(), what);
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    stay_inside(vec![
        ("dots", one(vec![file("../outside/evil", EVIL)]), BAD),
        ("dots within", one(vec![file("a/../../outside/evil", EVIL)]), BAD),
        ("dots after a slash", one(vec![file("/../outside/evil", EVIL)]), BAD),
        ("dots by pax", one(vec![pax(&[("path", "../outside/evil")]), file("x", EVIL)]), BAD),
        (
            "dots by a long name",
            one(vec![raw(b"l", EntryType::GNULongName, b"", 0, b"../outside/evil\0"), file("x", EVIL)]),
            BAD,
        ),
        ("a folder of dots", one(vec![folder("..")]), BAD),
        ("absolute", Box::new(|outer| vec![layer(&[file(&format!("{}/evil", absolute(outer)), EVIL)])]), None),
        (
            "links in a circle",
            one(vec![symlink("a", "b"), symlink("b", "a"), file("a/evil", EVIL)]),
            Some(Code::LimitExceeded),
        ),
        ("a root that is a link", one(vec![symlink("./", OUTSIDE), file("evil", EVIL)]), BAD),
        ("a file with a file within", one(vec![file("a", ""), file("a/evil", EVIL)]), BAD),
        ("a zero byte", one(vec![pax(&[("path", "a\0b")]), file("x", EVIL)]), BAD),
    ]);
}

#[test]
fn no_link_leads_out_of_the_folder() {
    stay_inside(vec![
        ("a link above", one(vec![symlink("a", OUTSIDE), file("a/evil", EVIL)]), None),
        (
            "an absolute link",
            Box::new(|outer| vec![layer(&[symlink("a", &absolute(outer)), file("a/evil", EVIL)])]),
            None,
        ),
        (
            "a link of a lower layer",
            Box::new(|_| vec![layer(&[symlink("a", OUTSIDE)]), layer(&[file("a/evil", EVIL)])]),
            None,
        ),
        ("links in a chain", one(vec![symlink("a", "b"), symlink("b", ".."), file("a/outside/evil", EVIL)]), None),
        (
            "a link below a folder",
            one(vec![folder("d"), symlink("d/a", "../../outside"), file("d/a/evil", EVIL)]),
            None,
        ),
        (
            "a file through a link",
            Box::new(|outer| vec![layer(&[symlink("a", &format!("{}/secret", absolute(outer))), file("a", EVIL)])]),
            None,
        ),
        ("a folder through a link", one(vec![symlink("a", OUTSIDE), folder("a")]), None),
        ("permissions through a link", one(vec![symlink("a", OUTSIDE), folder("a/b/..")]), None),
    ]);
}

#[test]
fn no_hard_link_leads_out_of_the_folder() {
    stay_inside(vec![
        ("a hard link out", one(vec![hard("a", "../outside/secret")]), BAD),
        (
            "an absolute hard link",
            Box::new(|outer| vec![layer(&[hard("a", &format!("{}/secret", absolute(outer)))])]),
            BAD,
        ),
        ("a hard link through a link", one(vec![symlink("l", OUTSIDE), hard("a", "l/secret")]), BAD),
        ("a hard link to a link", one(vec![symlink("l", "../outside/secret"), hard("a", "l"), file("a", EVIL)]), None),
        ("a hard link to a folder", one(vec![folder("d"), hard("a", "d")]), BAD),
        ("a hard link to the root", one(vec![hard("a", "/")]), BAD),
    ]);
}

#[test]
fn no_whiteout_leads_out_of_the_folder() {
    stay_inside(vec![
        (
            "a whiteout through a link",
            Box::new(|_| vec![layer(&[symlink("a", OUTSIDE)]), layer(&[file("a/.wh.secret", "")])]),
            None,
        ),
        (
            "an opaque folder through a link",
            Box::new(|_| vec![layer(&[symlink("a", OUTSIDE)]), layer(&[file("a/.wh..wh..opq", "")])]),
            None,
        ),
        ("a whiteout of dots", one(vec![file("a/.wh...", "")]), BAD),
        ("a whiteout of a dot", one(vec![file("a/.wh..", "")]), BAD),
        ("a whiteout of nothing", one(vec![file(".wh.", "")]), BAD),
        ("a whiteout of what is above", one(vec![file("../.wh.outside", "")]), BAD),
    ]);
}

/// The same in a folder that already has links leading out.
#[test]
fn what_is_there_already_leads_nowhere_either() {
    let (outer, inner) = place();
    std::fs::create_dir(&inner).unwrap();
    std::os::unix::fs::symlink("../outside", inner.join("out")).unwrap();
    std::os::unix::fs::symlink("../outside/secret", inner.join("f")).unwrap();
    let image = Memory::new(&[layer(&[file("out/secret", "evil"), file("f", "evil"), file("out/.wh.x", "")])]);
    fails(unpack_with(&image, &inner, ExtractOptions::default()), Code::Io, "not empty");
    unpack_with(&image, &inner, ExtractOptions { overwrite: true, ..Default::default() }).unwrap();
    unharmed(outer.path(), "overwrite");
    assert_eq!(std::fs::read_to_string(inner.join("f")).unwrap(), "evil");
    assert_eq!(std::fs::read_to_string(inner.join("out/secret")).unwrap(), "evil");
}

/// Two layers, of which the upper one takes away, replaces and covers. `long` is a name in the lower one.
fn lower_and_upper(long: &str) -> [Vec<u8>; 2] {
    let lower = layer(&[
        folder("d"),
        folder("d/sub"),
        file("d/old", "1"),
        file("d/sub/old", "1"),
        file("gone", "1"),
        folder("o"),
        file("o/old", "1"),
        file("o/kept", "1"),
        file("f", "1"),
        symlink("s", "f"),
        hard("h", "f"),
        folder("to-file"),
        file("to-file/x", "1"),
        file("to-folder", "1"),
        raw(b"su", EntryType::Regular, b"", 0o4755, b"x"),
        raw(b"null", EntryType::Char, b"", 0o666, b""),
        raw(b"closed", EntryType::Directory, b"", 0o500, b""),
        file("closed/in", "1"),
        pax(&[("path", long)]),
        file("x", "long"),
    ]);
    let upper = layer(&[
        file(".wh.gone", ""),
        file("o/new", "2"),
        file("o/.wh..wh..opq", ""),
        file("o/kept", "2"),
        file("d/.wh.sub", ""),
        file("f", "2"),
        file("to-file", "2"),
        folder("to-folder"),
        file("to-folder/x", "2"),
        file(".wh..wh.plnk", ""),
    ]);
    [lower, upper]
}

#[test]
fn layers_become_one_tree() {
    let (_outer, inner) = place();
    let long = "n".repeat(200);
    let found = unpack(&lower_and_upper(&long), &inner).unwrap();
    let text = |name: &str| std::fs::read_to_string(inner.join(name)).ok();
    for (name, wanted) in [
        ("d/old", Some("1")),
        ("d/sub/old", None),
        ("gone", None),
        ("o/old", None),
        ("o/kept", Some("2")),
        ("o/new", Some("2")),
        ("f", Some("2")),
        ("h", Some("1")),
        ("s", Some("2")),
        ("to-file", Some("2")),
        ("to-folder/x", Some("2")),
        ("closed/in", Some("1")),
        (&long, Some("long")),
        ("null", None),
        (".wh..wh.plnk", None),
    ] {
        assert_eq!(text(name).as_deref(), wanted, "{name}");
    }
    let meta = |name: &str| std::fs::symlink_metadata(inner.join(name)).unwrap();
    assert_eq!(
        (meta("su").permissions().mode() & 0o7777, meta("closed").permissions().mode() & 0o7777),
        (0o755, 0o500)
    );
    for name in ["su", "closed", "d", "s"] {
        assert_eq!(meta(name).mtime(), 1_000_000, "{name}");
    }
    assert_eq!((found.skipped, found.whiteouts, found.hard_links, found.layers.len()), (1, 3, 1, 2));
    assert!(found.layers.iter().all(|layer| layer.diff_id_checked));
}

fn packed(bytes: &[u8]) -> [Vec<u8>; 4] {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let skipped = [
        &[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..],
        &zstd(first),
        &[0x51, 0x2a, 0x4d, 0x18, 0, 0, 0, 0],
        &zstd(second),
    ]
    .concat();
    [bytes.to_vec(), gzip.finish().unwrap(), zstd(bytes), skipped]
}

#[test]
fn packing_is_seen_in_the_bytes_and_verified() {
    let plain = layer(&[file("a", "content")]);
    for bytes in packed(&plain) {
        let (_outer, inner) = place();
        let image = Memory::with_ids(std::slice::from_ref(&bytes), &[digest(&plain)]);
        unpack_with(&image, &inner, ExtractOptions::default()).unwrap();
        assert_eq!(std::fs::read_to_string(inner.join("a")).unwrap(), "content");
        assert_eq!(read(&image, "a", true).unwrap().1, "content");
        let (_outer, inner) = place();
        let other = Memory::with_ids(std::slice::from_ref(&bytes), &[digest(b"other")]);
        fails(unpack_with(&other, &inner, ExtractOptions::default()), Code::DigestMismatch, "the config says");
        fails(read(&other, "a", true), Code::DigestMismatch, "the config says");
        let (_outer, inner) = place();
        let none = Memory::with_ids(std::slice::from_ref(&bytes), &[digest(&plain), digest(&plain)]);
        fails(unpack_with(&none, &inner, ExtractOptions::default()), Code::InvalidManifest, "diff_ids");
        // A blob with other content.
        let mut wrong = Memory::with_ids(std::slice::from_ref(&bytes), &[digest(&plain)]);
        let stored = wrong.blobs.get_mut(&digest(&bytes)).unwrap();
        let last = stored.len() - 1;
        stored[last] ^= 1;
        let (_outer, inner) = place();
        assert!(unpack_with(&wrong, &inner, ExtractOptions::default()).is_err());
        assert!(read(&wrong, "a", true).is_err());
    }
}

#[test]
fn what_is_damaged_or_too_large_is_refused() {
    let plain = layer(&[file("a", &"x".repeat(100_000))]);
    for cut in [100, 600, 50_000] {
        let (_outer, inner) = place();
        fails(unpack(&[plain[..cut].to_vec()], &inner), Code::InvalidManifest, "cut short");
    }
    for bytes in &packed(&plain)[1..3] {
        let (_outer, inner) = place();
        fails(unpack(&[bytes[..bytes.len() / 2].to_vec()], &inner), Code::InvalidManifest, "cannot be decompressed");
    }
    let (_outer, inner) = place();
    fails(unpack(&[b"BZh91AY".to_vec()], &inner), Code::Unsupported, "bzip2");
    let (_outer, inner) = place();
    fails(unpack(&[vec![7; 4096]], &inner), Code::InvalidManifest, "checksum");
    let huge = raw(b"l", EntryType::GNULongName, b"", 0, &vec![b'a'; 2 << 20]);
    let (_outer, inner) = place();
    fails(unpack(&[layer(&[huge, file("x", "")])], &inner), Code::LimitExceeded, "extended header");
    let deep = "d/".repeat(300);
    let (_outer, inner) = place();
    fails(unpack(&[layer(&[pax(&[("path", &deep)]), folder("x")])], &inner), Code::LimitExceeded, "parts");
    // Bytes on which two readers could disagree about what is a file and what is its content.
    let (_outer, inner) = place();
    let hidden = file("hidden", "");
    unpack(&[layer(&[pax(&[("size", "512")]), raw(b"a", EntryType::Regular, b"", 0o644, b""), hidden])], &inner)
        .unwrap();
    assert!(!inner.join("hidden").exists() && inner.join("a").metadata().unwrap().len() == 512);
    let (_outer, inner) = place();
    let apart = [file("a", ""), vec![0; 512], file("b", "")];
    fails(unpack(&[layer(&apart)], &inner), Code::InvalidManifest, "zeros");
    let sparse = [pax(&[("GNU.sparse.major", "1")]), file("a", "")];
    let (_outer, inner) = place();
    fails(unpack(&[layer(&sparse)], &inner), Code::InvalidManifest, "sparse");
    let (_outer, inner) = place();
    let options = ExtractOptions { max_bytes: 50_000, ..Default::default() };
    fails(unpack_with(&Memory::new(std::slice::from_ref(&plain)), &inner, options), Code::LimitExceeded, "50000");
    // Together they exceed the limit.
    let (_outer, inner) = place();
    let options = ExtractOptions { max_bytes: 150_000, ..Default::default() };
    let other = layer(&[file("b", &"x".repeat(100_000))]);
    fails(unpack_with(&Memory::new(&[plain, other]), &inner, options), Code::LimitExceeded, "unpacks");
}

/// Two layers with links of all kinds, folders that nothing lists, and what the upper one takes away.
fn with_links() -> Memory {
    let lower = layer(&[
        folder("etc"),
        file("etc/a", "1"),
        file("etc/b", "1"),
        folder("usr"),
        folder("usr/lib"),
        file("usr/lib/os", "os"),
        symlink("etc/os", "../usr/lib/os"),
        symlink("lib", "usr/lib"),
        symlink("up", "../../etc/a"),
        symlink("abs", "/etc/a"),
        symlink("loop", "loop"),
        folder("o"),
        file("o/x", "1"),
        hard("hard", "etc/a"),
        file("t", "1"),
        folder("swap"),
        file("swap/x", "old"),
        symlink("dir", "etc"),
        file("usr/share/doc/x", "1"),
        file("usr/lib/deep/x", "1"),
        file("gone/x", "1"),
    ]);
    let upper = layer(&[
        folder("etc"),
        file("etc/a", "2"),
        file("etc/.wh.b", ""),
        folder("o"),
        file("o/.wh..wh..opq", ""),
        file("o/y", "2"),
        file(".wh.t", ""),
        file(".wh.gone", ""),
        file("swap", "now a file"),
        folder("dir"),
    ]);
    Memory::new(&[lower, upper])
}

#[test]
fn one_file_is_found_as_it_would_be_extracted() {
    let image = with_links();
    for (path, wanted) in [
        ("etc/a", "2"),
        ("/etc/a", "2"),
        ("./etc//a", "2"),
        ("etc/os", "os"),
        ("lib/os", "os"),
        ("up", "2"),
        ("abs", "2"),
        ("hard", "1"),
        ("o/y", "2"),
        ("swap", "now a file"),
        ("usr/../etc/a", "2"),
    ] {
        let (found, content) = read(&image, path, true).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!((content.as_str(), found.size, found.verified), (wanted, wanted.len() as u64, true), "{path}");
        assert!(!read(&image, path, false).unwrap().0.verified);
    }
}

#[test]
fn what_is_no_file_that_would_be_extracted_is_refused() {
    let image = with_links();
    for (path, code) in [
        ("etc/b", Code::NotFound),
        ("o/x", Code::NotFound),
        ("t", Code::NotFound),
        ("swap/x", Code::NotFound),
        ("none", Code::NotFound),
        ("dir/a", Code::NotFound),
        ("etc", Code::InvalidArgument),
        ("usr/share", Code::InvalidArgument),
        ("lib/deep", Code::InvalidArgument),
        ("usr/share/none", Code::NotFound),
        ("gone", Code::NotFound),
        ("/", Code::InvalidArgument),
        ("loop", Code::LimitExceeded),
        ("../x", Code::InvalidArgument),
    ] {
        assert_eq!(read(&image, path, true).unwrap_err().code(), code, "{path}");
    }
    let twice = Memory::new(&[layer(&[file("a", "1"), file("a", "2")])]);
    fails(read(&twice, "a", true), Code::Unsupported, "twice");
}

/// What is behind a link belongs to the file that it leads to, whichever layer has the link: it is given, or it is said that this cannot
/// be told from the newest layer on.
#[test]
fn what_a_layer_has_behind_a_link_is_seen() {
    let old = [folder("usr"), file("usr/f", "OLD"), symlink("lnk", "usr")];
    let with = |more: &[Vec<u8>]| layer(&[&old[..], more].concat());
    for (layers, path, wanted) in [
        (vec![with(&[file("lnk/f", "NEW")])], "usr/f", Err(Code::Unsupported)),
        (vec![with(&[file("lnk/x", "NEW")])], "usr/x", Ok("NEW")),
        (vec![with(&[file("lnk/x", "NEW")])], "lnk/x", Ok("NEW")),
        (vec![with(&[]), layer(&[file("lnk/f", "NEW")])], "usr/f", Err(Code::Unsupported)),
        (vec![with(&[]), layer(&[file("lnk/new", "NEW")])], "usr/new", Err(Code::Unsupported)),
        (vec![with(&[]), layer(&[file("lnk/.wh.f", "")])], "usr/f", Err(Code::Unsupported)),
        (vec![with(&[]), layer(&[file("lnk/.wh..wh..opq", "")])], "usr/f", Err(Code::Unsupported)),
        // The link is in a layer that is older than the one that has the file.
        (vec![layer(&old[2..]), layer(&old[..2]), layer(&[file("lnk/f", "NEW")])], "usr/f", Err(Code::Unsupported)),
        (vec![layer(&old[2..]), layer(&old[..2]), layer(&[file("lnk/.wh.f", "")])], "usr/f", Err(Code::Unsupported)),
        (vec![layer(&[]), layer(&old[..2]), layer(&[file("lnk/f", "NEW")])], "usr/f", Ok("OLD")),
    ] {
        let store = Memory::new(&layers);
        // This also reads each name that is there.
        let (_outer, inner) = place();
        unpack_with(&store, &inner.join("image"), ExtractOptions::default()).unwrap();
        match (read(&store, path, true), wanted) {
            (Ok((found, content)), Ok(wanted)) => assert_eq!((content.as_str(), found.verified), (wanted, true)),
            (Err(error), Err(wanted)) => assert_eq!(error.code(), wanted, "{path}: {error}"),
            (outcome, wanted) => panic!("{path}: {outcome:?}, not {wanted:?}"),
        }
        // What one file is told by is the rule of some files too.
        let options = ExtractOptions { paths: Some(vec![path.to_owned()]), ..ExtractOptions::default() };
        match (extract(&call(&client()), &store, &inner.join("some"), &options), layers.len() > 1) {
            (Err(error), true) => assert_eq!(Err(error.code()), wanted, "{path}: {error}"),
            (Ok(_), true) => assert!(wanted.is_ok(), "{path}"),
            (outcome, false) => drop(outcome.map_err(|error| assert_eq!(error.code(), Code::NotFound))),
        }
    }
}

/// The way of a link goes up from where another link leads.
#[test]
fn a_link_goes_up_from_where_it_has_come() {
    let image = Memory::new(&[layer(&[
        folder("a"),
        folder("a/b"),
        file("a/f", "above b"),
        file("f", "at the root"),
        symlink("d", "a/b"),
        symlink("to", "d/../f"),
        symlink("a/b/up", "../../f"),
        symlink("far", "../../a/./b/../..//f"),
        symlink("no", "f/../f"),
        symlink("gone", "none/../f"),
    ])]);
    for (path, wanted) in [("to", "above b"), ("d/up", "at the root"), ("far", "at the root")] {
        assert_eq!(read(&image, path, true).unwrap().1, wanted, "{path}");
    }
    for path in ["no", "gone"] {
        fails(read(&image, path, true), Code::NotFound, "no file");
    }
    let (_outer, inner) = place();
    unpack_with(&image, &inner.join("image"), ExtractOptions::default()).unwrap();
}

/// A name that a layer has more than once: one file is written and no other after it, the same that extracting leaves.
#[test]
fn one_name_gives_one_file() {
    let (older, other) = (layer(&[file("a", "one"), symlink("way", "a")]), hard("w", "a"));
    for (newer, wanted) in [
        (vec![other.clone(), file("w", "two")], Some("two")),
        (vec![file("w", "two"), other.clone()], None),
        (vec![file("a", "x"), other.clone(), file("w", "two")], Some("two")),
        (vec![file("a", "x"), file("w", "two"), other.clone()], None),
        (vec![other.clone(), file("a", "x"), file("w", "two")], Some("two")),
        (vec![other.clone(), file("a", "x")], Some("one")),
        (vec![file("a", "x"), other.clone()], Some("x")),
        (vec![other.clone(), symlink("w", "way")], Some("one")),
        (vec![symlink("w", "way"), other.clone()], Some("one")),
        (vec![other.clone(), other.clone(), hard("w", "w")], Some("one")),
        (vec![symlink("to", "w"), other.clone(), file("w", "two")], Some("two")),
        (vec![folder("d"), file("d/x", "three"), symlink("l", "d"), hard("w", "l/x")], Some("three")),
    ] {
        let image = Memory::new(&[older.clone(), layer(&newer)]);
        let (_outer, inner) = place();
        // Links between layers are missing from some of these images: then extracting fails.
        let left = unpack_with(&image, &inner, ExtractOptions::default()).ok().map(|_| inner.join("w"));
        for path in ["w", "to"].iter().take(if newer[0] == symlink("to", "w") { 2 } else { 1 }) {
            match (read(&image, path, true), wanted) {
                (Ok((found, content)), Some(wanted)) => {
                    assert_eq!((content.as_str(), found.size), (wanted, wanted.len() as u64));
                    let left = left.as_ref().map(|left| std::fs::read_to_string(left).unwrap());
                    assert!(left.is_none_or(|left| left == wanted));
                }
                (outcome, None) => drop(fails(outcome, Code::Unsupported, "twice")),
                (Err(error), Some(wanted)) => panic!("{wanted}: {error}"),
            }
        }
    }
}

/// The message names the limit of a window and the size of this one: 256 MiB, 2 TiB, and the content size of a frame.
#[test]
fn great_windows_of_zstd_are_refused_by_their_numbers() {
    let head = [0x28, 0xb5, 0x2f, 0xfd];
    let whole = [&head[..], &[0xe0], &(1u64 << 62).to_le_bytes()].concat();
    for (frame, size) in [
        ([&head[..], &[0, 18 << 3]].concat(), 1u64 << 28),
        ([&head[..], &[0, 31 << 3]].concat(), 1 << 41),
        (whole, 1 << 62),
    ] {
        let image = Memory::with_ids(&[[frame, vec![1, 0, 0]].concat()], &[]);
        let (_outer, inner) = place();
        let error = unpack_with(&image, &inner, ExtractOptions::default()).unwrap_err();
        assert!(error.message().contains(&format!("{size} bytes, more than the 134217728")), "{error}");
    }
}
