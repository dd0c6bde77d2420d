//! Small images that demand much: the time and memory needed to read them is printed and bounded. Each runs in a
//! separate process, so that its memory can be measured.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::write::GzEncoder;
use flate2::Compression;
use ocireg::error::{Code, Error};
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::export::{export, ExportOptions};
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::image::files::{files, FilesOptions};

use crate::common::*;
use crate::images::{file, folder as directory, pax, symlink};
use crate::memory::Memory;

/// Names the case to the child process.
const CASE: &str = "OCIREG_TEST_BOUND";

/// A layer that is compressed while it is generated.
pub fn packed(entries: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    entries.into_iter().for_each(|entry| gzip.write_all(&entry).unwrap());
    gzip.write_all(&[0; 1024]).unwrap();
    gzip.finish().unwrap()
}

/// An entry whose name may be long.
fn long(name: &str, entry: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    [pax(&[("path", name)]), entry("x")].concat()
}

/// A deep folder in which `a/..` leads back to it, links that go there and back many times, and their target.
fn links(links: usize, entries: usize) -> Vec<u8> {
    let deep = ["d"; 250].join("/");
    let (first, mut all) = ("a/../".repeat(400), vec![long(&format!("{deep}/a/"), directory)]);
    for number in 0..links {
        let target = if number == 0 { first.clone() } else { format!("l{}/{}", number - 1, &first[..1900]) };
        let records = [("path", format!("{deep}/l{number}")), ("linkpath", target)];
        all.push(pax(&records.each_ref().map(|(key, value)| (*key, value.as_str()))));
        all.push(symlink("x", "y"));
    }
    let through = (0..entries).map(|number| long(&format!("{deep}/l{}/f{number}/x", links - 1), |name| file(name, "")));
    packed(all.into_iter().chain(through))
}

/// Folders that exist only in the paths of others, each named once.
fn deep(count: usize) -> Vec<u8> {
    packed((0..count).map(|number| {
        long(&format!("{number:06}/{}", ["x".repeat(14).as_str(); 250].join("/")), |name| file(name, ""))
    }))
}

/// Files, and the same whiteouts again and again.
fn whiteouts(count: usize, times: usize) -> Vec<Vec<u8>> {
    let made = |below: &str| (0..count).map(|number| file(&format!("d/{below}{number}"), "")).collect::<Vec<_>>();
    let marks = ["d/.wh..wh..opq", "d/e/.wh..wh..opq", ".wh..wh..opq", ".wh.d", "d/.wh.e", "d/.wh.e7"];
    let marks = (0..times).flat_map(|_| marks.map(|name| file(name, "")));
    let lower = packed(made("").into_iter().chain(made("e/")));
    vec![lower, packed(made("n").into_iter().chain(made("e/n")).chain(marks))]
}

/// A folder for each entry, with the longest possible name.
fn long_names(count: usize) -> Vec<u8> {
    let way = ["y".repeat(200).as_str(); 19].join("/");
    packed((0..count).map(|number| long(&format!("{way}/{number}"), directory)))
}

struct Case {
    name: &'static str,
    layers: fn() -> Vec<Vec<u8>>,
    /// How extracting, exporting and looking for one file, and how listing ends.
    ends: [Option<Code>; 2],
}

const TOO_MUCH: Option<Code> = Some(Code::LimitExceeded);
const CASES: [Case; 7] = [
    Case { name: "a chain of long links", layers: || vec![links(38, 2000)], ends: [TOO_MUCH; 2] },
    Case { name: "one long link, often", layers: || vec![links(1, 8_000)], ends: [TOO_MUCH; 2] },
    Case { name: "400 deep paths", layers: || vec![deep(400)], ends: [None, TOO_MUCH] },
    Case { name: "one deep path, often", layers: || vec![long_names(2_000)], ends: [None; 2] },
    Case { name: "many opaque markers", layers: || whiteouts(5_000, 300), ends: [None; 2] },
    Case { name: "markers in one layer", layers: || whiteouts(5_000, 300).split_off(1), ends: [None; 2] },
    Case {
        name: "a deep tree that goes",
        layers: || vec![deep(25), packed([file(".wh.000007", ""), file(".wh..wh..opq", "")])],
        ends: [None; 2],
    },
];
/// For a debug build on a busy machine, in addition to what the test itself needs.
const TIME: Duration = Duration::from_secs(30);
const MEMORY: u64 = 96 << 20;

fn run(case: &Case, what: &str) -> (Option<Code>, Duration) {
    let image = Memory::with_ids(&(case.layers)(), &[]);
    let (client, folder) = (client(), folder());
    let (call, begun) = (call(&client), Instant::now());
    let outcome: Result<(), Error> = match what {
        "extract" => extract(&call, &image, &folder.path().join("image"), &ExtractOptions::default()).map(drop),
        "files" => files(&call, &image, &FilesOptions::default()).map(drop),
        "export" => export(&call, &image, &mut std::io::sink(), &ExportOptions::default()).map(drop),
        _ => cat(&call, &image, "none", &mut std::io::sink(), &CatOptions::default()).map(drop),
    };
    (outcome.err().map(|error| error.code()), begun.elapsed())
}

/// In memory where possible: these tests should not measure a disk that is shared with others.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The peak memory of this process, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn small_images_cost_little() {
    if let Ok(wanted) = std::env::var(CASE) {
        let (what, name) = wanted.split_once(' ').unwrap();
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let (code, taken) = run(case, what);
        let wanted = match what {
            "extract" | "export" => case.ends[0],
            "files" => case.ends[1],
            _ => case.ends[0].or(Some(Code::NotFound)),
        };
        println!("{what}: {name}: {taken:.2?}, {} MiB", peak() >> 20);
        assert_eq!(code, wanted, "{name}");
        assert!(taken < TIME && peak() < MEMORY);
        return;
    }
    for case in &CASES {
        for what in ["extract", "files", "cat", "export"] {
            let this = std::env::current_exe().unwrap();
            let child = Command::new(this)
                .args(["--exact", "bounds::small_images_cost_little", "--nocapture"])
                .env(CASE, format!("{what} {}", case.name))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&child.stdout).into_owned();
            said.lines().filter(|line| line.starts_with(what)).for_each(|line| println!("{line}"));
            assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
        }
    }
}

/// What the names of an export may need, and what reading and unpacking need besides in a debug build.
const NAMES: u64 = (512 + 96) << 20;

/// Images whose names need more than that: it is counted as it is needed.
type ManyNames = (&'static str, fn() -> Vec<u8>);
const TOO_MANY: [ManyNames; 2] = [
    ("folders with one name each", || deep(5_500)),
    ("links with long targets", || {
        let target = "t".repeat(4000);
        packed((0..140_000).map(|number| [pax(&[("linkpath", &target)]), symlink(&number.to_string(), "x")].concat()))
    }),
];

#[test]
fn the_memory_for_names_is_bounded() {
    if let Ok(wanted) = std::env::var(CASE) {
        let (name, make) = TOO_MANY.iter().find(|(name, _)| *name == wanted).unwrap();
        let (client, image) = (client(), Memory::with_ids(&[make()], &[]));
        let outcome = export(&call(&client), &image, &mut std::io::sink(), &ExportOptions::default());
        println!("{name}: {} MiB", peak() >> 20);
        fails(outcome, Code::LimitExceeded, "512 MiB");
        assert!(peak() < NAMES, "{name}: {} MiB", peak() >> 20);
        return;
    }
    for (name, _) in &TOO_MANY {
        let this = std::env::current_exe().unwrap();
        let child = Command::new(this)
            .args(["--exact", "bounds::the_memory_for_names_is_bounded", "--nocapture"])
            .env(CASE, name)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        said.lines().filter(|line| line.starts_with(name)).for_each(|line| println!("{line}"));
        assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    }
}
