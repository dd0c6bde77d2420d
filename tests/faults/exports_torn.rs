//! How the archive of an image is handed on: in pieces of a limited size, and after an error so that no reader takes it for whole.

use std::io::{Read as _, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use ocireg::error::{Code, Error};
use ocireg::image::export::{export, export_file_from, export_from, ExportOptions, Exported};

use crate::common::*;
use crate::images::*;
use crate::memory::Memory;

/// Records how much comes at once, and fails after a number of bytes.
struct Pieces {
    sizes: Vec<usize>,
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.sizes.push(bytes.len());
        if self.bytes.len() + bytes.len() > self.most {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn exported(store: &Memory, most: usize) -> (Result<Exported, Error>, Pieces) {
    let (client, mut out) = (client(), Pieces { sizes: Vec::new(), bytes: Vec::new(), most });
    (export(&call(&client), store, &mut out, &ExportOptions::default()), out)
}

/// A caller has a buffer for what the header promises, whatever the image has.
#[test]
fn no_piece_is_larger_than_promised() {
    let long = "x".repeat(1_000_000);
    let attribute = |name: &str| [pax(&[("SCHILY.xattr.user.x", &long)]), file(name, "1")].concat();
    let store = Memory::new(&[layer(&[file("a", &"y".repeat(300_000)), attribute("b"), attribute("c")])]);
    let (outcome, pieces) = exported(&store, usize::MAX);
    assert_eq!(outcome.unwrap().size, pieces.bytes.len() as u64);
    let largest = pieces.sizes.iter().max();
    assert!(largest.is_some_and(|size| *size <= 256 << 10), "{largest:?}");
}

/// Readers in a pipe, which are not told that the writer failed.
const READERS: [(&str, &[&str]); 3] = [
    ("tar", &["-xf", "-", "--no-same-owner"]),
    ("tar", &["-tf", "-"]),
    ("python3", &["-c", "import sys, tarfile\nfor entry in tarfile.open(fileobj=sys.stdin.buffer, mode='r|'): pass"]),
];

/// Whether a reader takes it.
fn takes((program, arguments): (&str, &[&str]), bytes: &[u8], folder: &Path) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut reader = command.spawn().unwrap();
    // It may leave before the end.
    let _ = reader.stdin.take().unwrap().write_all(bytes);
    reader.wait().unwrap().success()
}

/// Small files, whose archive could end after each of them; larger ones, within which it ends; and a layer that gives nothing.
#[test]
fn no_reader_takes_what_is_not_whole() {
    let small: Vec<_> = (0..2000).map(|number| file(&format!("f{number}"), "small")).collect();
    let there = |(program, _): &(&str, &[&str])| Command::new(program).arg("--version").output().is_ok();
    let readers: Vec<_> = READERS.into_iter().filter(there).collect();
    assert!(!readers.is_empty());
    let (few, none) = (vec![file("a", "1"), symlink("l", "a")], vec![file(".wh.a", "")]);
    let large = vec![file("large", &"z".repeat(700_000)), file("after", "1")];
    for entries in [small, few, none, large] {
        let bytes = [layer(&entries), vec![0; 512]].concat();
        let mut store = Memory::new(&[layer(&[file("old", "1")]), bytes.clone()]);
        let folder = tempfile::tempdir().unwrap();
        let whole = exported(&store, usize::MAX).1.bytes;
        for reader in readers.clone() {
            assert!(takes(reader, &whole, folder.path()), "{reader:?} takes what is whole");
        }
        // Wrong only behind its end, where the digest alone tells; and a layer that ends in the middle.
        let mut wrong = bytes.clone();
        wrong[bytes.len() - 1] = 1;
        for wrong in [wrong, bytes[..bytes.len() / 2].to_vec()] {
            store.blobs.insert(digest(&bytes), wrong);
            let (outcome, pieces) = exported(&store, usize::MAX);
            assert!(outcome.is_err());
            for reader in readers.clone() {
                assert!(!takes(reader, &pieces.bytes, folder.path()), "{reader:?}");
            }
        }
    }
}

/// What has failed gets no more.
#[test]
fn a_writer_that_failed_gets_nothing_more() {
    let store = Memory::new(&[layer(&[file("a", &"x".repeat(900_000))])]);
    let (outcome, pieces) = exported(&store, 600_000);
    fails(outcome, Code::Io, "archive");
    let (last, before) = pieces.sizes.split_last().unwrap();
    assert_eq!((before.iter().sum::<usize>(), *last > 0), (pieces.bytes.len(), true));
}

/// Nothing at all is a whole archive for tar, so something is written also where there is nothing to read.
#[test]
fn no_reader_takes_a_place_that_cannot_be_opened_for_one_without_files() {
    let (client, mut out) = (client(), Vec::new());
    let open = || Err(Error::new(Code::NotFound, "no such layout"));
    let outcome = export_from(&call(&client), open, &mut out, &ExportOptions::default());
    fails(outcome, Code::NotFound, "no such layout");
    let folder = tempfile::tempdir().unwrap();
    for reader in READERS.into_iter().filter(|(program, _)| Command::new(program).arg("--version").output().is_ok()) {
        assert!(!takes(reader, &out, folder.path()), "{reader:?}");
    }
}

/// A process that reads from a named pipe waits until somebody opens it to write.
#[test]
fn the_reader_of_a_named_pipe_is_told_of_a_place_that_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let mut reader = Command::new("timeout").arg("20").arg("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let client = client();
    let open = || Err(Error::new(Code::NotFound, "no such layout"));
    let outcome = export_file_from(&call(&client), open, &pipe, &ExportOptions::default());
    fails(outcome, Code::NotFound, "no such layout");
    let mut read = Vec::new();
    reader.stdout.take().unwrap().read_to_end(&mut read).unwrap();
    assert!(reader.wait().unwrap().success(), "it waited for the end in vain");
    assert!(!takes(READERS[0], &read, folder.path()));
    let file = folder.path().join("new.tar");
    let open = || Err(Error::new(Code::NotFound, "no such layout"));
    fails(export_file_from(&call(&client), open, &file, &ExportOptions::default()), Code::NotFound, "");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing but the pipe");
}
