//! Archives that another copy is at, or left half done.

use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use ocireg::digest::{Digest, Hasher};
use ocireg::error::{Code, Error};
use ocireg::http::call::Call;
use ocireg::layout::archive::{ArchiveWriter, Form};
use ocireg::manifest::Descriptor;
use ocireg::store::{Blob, Content, ReadStore};
use ocireg::transfer::copy::{copy, CopyOptions};

use crate::common::*;
use crate::memory::{Memory, Watched};

/// An image in memory with another as its signature.
struct Signed(Memory, Memory);

impl ReadStore for Signed {
    fn place(&self) -> String {
        self.0.place()
    }
    fn root(&self, call: &Call) -> Result<Content, Error> {
        self.0.root(call)
    }
    fn manifest(&self, call: &Call, _: &Descriptor) -> Result<Content, Error> {
        self.1.root(call)
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        let image = if self.0.has(&wanted.digest) { &self.0 } else { &self.1 };
        image.open(call, wanted, hashed)
    }
    fn size(&self, call: &Call, digest: &Digest) -> Result<u64, Error> {
        self.0.size(call, digest)
    }
    fn referrers(&self, _: &Call, _: &Digest) -> Result<Vec<Descriptor>, Error> {
        Ok(vec![])
    }
    fn digest_tags(&self, call: &Call, subject: &Digest) -> Result<Vec<(String, Descriptor)>, Error> {
        Ok(vec![(format!("sha256-{}.sig", subject.hex()), self.1.root(call)?.descriptor())])
    }
}

/// What is left of an archive that could not be written is of use to the next one, but no part of it.
#[test]
fn an_archive_has_nothing_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    let call = call(&client());
    let write = |from: &dyn ReadStore, referrers: bool, in_the_way: bool| {
        let to = ArchiveWriter::create(&target, Form::Oci, Some("1")).unwrap();
        if in_the_way {
            std::fs::create_dir(&target).unwrap();
        }
        copy(&call, from, &to, &CopyOptions { referrers, ..CopyOptions::default() })
    };
    let (first, second) = (vec![1; 1000], vec![2; 1000]);
    let signed = Signed(Memory::new(std::slice::from_ref(&first)), Memory::new(&[vec![3; 1000]]));
    fails(write(&signed, true, true), Code::Io, "a.tar");
    std::fs::remove_dir(&target).unwrap();
    let left = folder.path().join(".a.tar.partial.d").join("index.json");
    assert!(std::fs::read_to_string(&left).unwrap().contains(".sig"), "the test wants a signature to be left");

    let done = write(&Memory::new(&[first, second]), false, false).unwrap();
    assert_eq!((&done.blobs["skipped"], &done.blobs["copied"]), (&1.into(), &2.into()), "what was there is used");
    let names = Command::new("tar").arg("-tf").arg(&target).output().unwrap();
    let blobs =
        String::from_utf8(names.stdout).unwrap().lines().filter(|name| name.starts_with("blobs/sha256/")).count();
    assert_eq!(blobs, 4, "a manifest, a config and two layers");
    let index = Command::new("tar").arg("-xOf").arg(&target).arg("index.json").output().unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index.stdout).unwrap();
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1, "{index}");
}

/// Two copies to one archive at once: the second waits, and has its own archive then.
#[test]
fn two_copies_to_one_archive() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    let write = |from: &dyn ReadStore| {
        let to = ArchiveWriter::create(&target, Form::Oci, Some("1")).unwrap();
        copy(&call(&client()), from, &to, &CopyOptions::default()).unwrap()
    };
    let begun = Arc::new(Barrier::new(2));
    let shared = begun.clone();
    let first = Watched::doing(&[vec![1; 1000]], move |digest| {
        if *digest == self::digest(&[1; 1000]) {
            shared.wait();
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let second = Memory::new(&[vec![2; 1000]]);
    let wanted = second.root(&call(&client())).unwrap().digest().clone();
    std::thread::scope(|scope| {
        scope.spawn(|| write(&first));
        begun.wait();
        assert_eq!(write(&second).digest, wanted);
    });
    let index = Command::new("tar").arg("-xOf").arg(&target).arg("index.json").output().unwrap();
    assert!(String::from_utf8(index.stdout).unwrap().contains(wanted.hex()), "the one that waited came last");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}
