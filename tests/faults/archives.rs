//! Archives that another copy is writing, or left unfinished.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{symlink, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use ocireg::call::Call;
use ocireg::digest::{Digest, Hasher};
use ocireg::error::{Code, Error};
use ocireg::inside::{ArchiveFormat, ArchiveReader, ArchiveWriter, TemporarySpace};
use ocireg::layout::oci::OciLayout;
use ocireg::manifest::Descriptor;
use ocireg::store::{RawManifest, ReadStore};
use ocireg::stream::blob::Blob;
use ocireg::transfer::copy::{copy, Copied, CopyOptions};

use crate::common::*;
use crate::memory::{Memory, Watched};

fn planned(target: &Path, form: ArchiveFormat, name: Option<&str>) -> Result<ArchiveWriter, Error> {
    ArchiveWriter::planned(target, None, form, name, TemporarySpace::default())
}

fn archive(target: &Path, form: ArchiveFormat, name: Option<&str>) -> ArchiveWriter {
    planned(target, form, name).unwrap()
}

/// Copies to an archive.
fn put(from: &dyn ReadStore, target: &Path, form: ArchiveFormat, name: Option<&str>) -> Result<Copied, Error> {
    put_with(&call(&client()), from, target, form, name)
}

fn put_with(
    call: &Call,
    from: &dyn ReadStore,
    target: &Path,
    form: ArchiveFormat,
    name: Option<&str>,
) -> Result<Copied, Error> {
    let platform = if form == ArchiveFormat::Docker { vec!["linux/amd64".to_owned()] } else { vec![] };
    copy(call, from, &planned(target, form, name)?, &CopyOptions { platform, ..CopyOptions::default() })
}

/// The digest of an image in an archive, read completely.
fn got(target: &Path, form: ArchiveFormat, name: Option<&str>) -> Result<Digest, Error> {
    let folder = tempfile::tempdir().unwrap();
    let to = OciLayout::create(folder.path(), None).unwrap();
    let from = ArchiveReader::new(target, None, form, name, TemporarySpace::default());
    copy(&call(&client()), &from, &to, &CopyOptions::default()).map(|done| done.digest)
}

/// The names in an archive, in order.
fn listed(target: &Path) -> Vec<String> {
    let names = Command::new("tar").arg("-tf").arg(target).output().unwrap();
    assert!(names.status.success());
    String::from_utf8(names.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A JSON file in an archive.
fn member(target: &Path, name: &str) -> serde_json::Value {
    let found = Command::new("tar").arg("-xOf").arg(target).arg(name).output().unwrap();
    serde_json::from_slice(&found.stdout).unwrap()
}

/// The names of each image in `manifest.json`.
fn tags(target: &Path) -> Vec<Vec<String>> {
    let list = member(target, "manifest.json");
    list.as_array().unwrap().iter().map(|one| serde_json::from_value(one["RepoTags"].clone()).unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn image(number: u8) -> Memory {
    Memory::new(&[vec![number; 1000], vec![200; 5000]])
}

fn digest_of(image: &Memory) -> Digest {
    image.root(&call(&client())).unwrap().digest().clone()
}

/// An image in memory with another as its signature; while it is read, a folder appears in the place of the target.
struct Signed(Memory, Memory, PathBuf);

impl ReadStore for Signed {
    fn place(&self) -> String {
        self.0.place()
    }
    fn root(&self, call: &Call) -> Result<RawManifest, Error> {
        self.0.root(call)
    }
    fn manifest(&self, call: &Call, _: &Descriptor) -> Result<RawManifest, Error> {
        self.1.root(call)
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        let _ = std::fs::create_dir(&self.2);
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

/// The remains of an archive that could not be written are reused by the next one, but never become part of it.
#[test]
fn an_archive_has_nothing_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    let call = call(&client());
    let write = |from: &dyn ReadStore, referrers: bool| {
        let to = archive(&target, ArchiveFormat::Oci, Some("1"));
        copy(&call, from, &to, &CopyOptions { referrers, ..CopyOptions::default() })
    };
    let (first, second) = (vec![1; 1000], vec![2; 1000]);
    let signed = Signed(Memory::new(std::slice::from_ref(&first)), Memory::new(&[vec![3; 1000]]), target.clone());
    fails(write(&signed, true), Code::Io, "a.tar");
    std::fs::remove_dir(&target).unwrap();
    let left = folder.path().join(".a.tar.partial.d/blobs/sha256").join(digest(&[3; 1000]).hex());
    assert!(left.exists(), "the test wants a part of a signature to be left");
    assert_eq!(mode(&folder.path().join(".a.tar.partial.d")), 0o700);

    let done = write(&Memory::new(&[first, second]), false).unwrap();
    assert_eq!((&done.blobs["skipped"], &done.blobs["copied"]), (&1.into(), &2.into()), "what was there is used");
    let blobs = listed(&target).iter().filter(|name| name.starts_with("blobs/sha256/")).count();
    assert_eq!(blobs, 4, "a manifest, a config and two layers");
    let index = member(&target, "index.json");
    assert_eq!(index["manifests"].as_array().unwrap().len(), 1, "{index}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

/// As long as a file's name can be.
#[test]
fn an_archive_with_a_long_name() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join(format!("{}.tar", "a".repeat(251)));
    let image = Memory::new(&[vec![1; 1000]]);
    for name in ["1", "2"] {
        put(&image, &target, ArchiveFormat::Oci, Some(name)).unwrap();
        got(&target, ArchiveFormat::Oci, Some(name)).unwrap();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

/// Two copies to one archive at once: the second waits, and then replaces the archive.
#[test]
fn two_copies_to_one_archive() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    let write = |from: &dyn ReadStore| {
        let to = archive(&target, ArchiveFormat::Oci, Some("1"));
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
    let index = member(&target, "index.json").to_string();
    assert!(index.contains(wanted.hex()), "the one that waited came last");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

/// Several images and several names in one archive: each can be read, and nothing is lost.
#[test]
fn an_archive_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    let (one, two, three) = (image(1), image(2), image(3));
    let docker = |from: &Memory, name: &str| put(from, &target, ArchiveFormat::Docker, Some(name)).unwrap();
    let names = |wanted: &[(&str, &Memory)]| {
        for (name, image) in wanted {
            assert_eq!(got(&target, ArchiveFormat::Docker, Some(name)).unwrap(), digest_of(image), "{name}");
        }
    };
    docker(&one, "x/y:1");
    let second = docker(&two, "x/y:2");
    assert_eq!((&second.blobs["skipped"], &second.blobs["copied"]), (&1.into(), &2.into()), "one layer is in it");
    assert_eq!(tags(&target), [["x/y:1"], ["x/y:2"]]);
    names(&[("x/y:1", &one), ("docker.io/x/y:2", &two)]);
    docker(&one, "z");
    assert_eq!(tags(&target), [vec!["x/y:1", "z:latest"], vec!["x/y:2"]]);
    // The same once more changes nothing.
    let before = fs::read(&target).unwrap();
    docker(&one, "z");
    assert_eq!(tags(&target), [vec!["x/y:1", "z:latest"], vec!["x/y:2"]]);
    assert_eq!(fs::read(&target).unwrap().len(), before.len());
    // A name moves to the new image; an image without names is removed.
    docker(&three, "docker.io/x/y:2");
    assert_eq!(tags(&target), [vec!["x/y:1", "z:latest"], vec!["docker.io/x/y:2"]]);
    names(&[("x/y:1", &one), ("z", &one), ("x/y:2", &three)]);
    assert!(!listed(&target).iter().any(|name| name.contains(digest_of(&two).hex())), "nobody needs it any more");
    assert_eq!(&listed(&target)[..3], ["oci-layout", "index.json", "manifest.json"]);
    // A name from a layout is kept too, but is not a name for Docker.
    put(&two, &target, ArchiveFormat::Oci, Some("v1")).unwrap();
    assert_eq!(got(&target, ArchiveFormat::Oci, Some("v1")).unwrap(), digest_of(&two));
    names(&[("x/y:1", &one), ("x/y:2", &three)]);
    assert_eq!(tags(&target).len(), 3);

    let target = folder.path().join("b.tar");
    for (number, name) in [(1, Some("t1")), (2, Some("t2")), (3, None), (4, Some("t2")), (5, None)] {
        put(&image(number), &target, ArchiveFormat::Oci, name).unwrap();
    }
    assert_eq!(got(&target, ArchiveFormat::Oci, Some("t1")).unwrap(), digest_of(&one));
    assert_eq!(got(&target, ArchiveFormat::Oci, Some("t2")).unwrap(), digest_of(&image(4)));
    assert_eq!(member(&target, "index.json")["manifests"].as_array().unwrap().len(), 4, "t1, t2 and two without names");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
}

/// Several copies at once, even if they cannot wait for each other until the end: all images are in the archive, and
/// nothing else is left.
#[test]
fn copies_at_once_lose_nothing() {
    for round in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        if round < 10 {
            // Another folder has the name of the lock by which they would find each other.
            symlink("/tmp", folder.path().join(".a.tar.partial.d")).unwrap();
        }
        copies_at_once(round, &folder.path().join("a.tar"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), if round < 10 { 2 } else { 1 });
    }
}

fn copies_at_once(round: usize, target: &Path) {
    let names: Vec<String> = (0..6).map(|number| format!("x:{number}")).collect();
    let step = Barrier::new(names.len());
    std::thread::scope(|scope| {
        for (number, name) in names.iter().enumerate() {
            let step = &step;
            scope.spawn(move || {
                step.wait();
                put(&image(number as u8), target, ArchiveFormat::Docker, Some(name)).unwrap();
            });
        }
    });
    for (number, name) in names.iter().enumerate() {
        let found =
            got(target, ArchiveFormat::Docker, Some(name)).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(found, digest_of(&image(number as u8)), "{name}");
    }
}

/// An archive that cannot be added to is refused before anything is written.
#[test]
fn what_is_no_archive_of_ours_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    put(&image(1), &path("good.tar"), ArchiveFormat::Docker, Some("x:1")).unwrap();
    put(&image(1), &path("oci.tar"), ArchiveFormat::Oci, Some("1")).unwrap();
    fs::write(path("text"), "what somebody wrote").unwrap();
    let run = |script: &str| {
        let done = Command::new("sh").arg("-ec").arg(script).current_dir(folder.path()).status().unwrap();
        assert!(done.success());
    };
    run("gzip -k good.tar; mkdir in; tar -xf good.tar -C in; cd in; rm index.json; tar -cf ../old.tar *");
    run("cd in; tar -xf ../good.tar; echo '[]' > manifest.json; tar -cf ../empty.tar *");
    run(
        r#"cd in; tar -xf ../good.tar; sed -i 's/"Layers":."[^"]*",/"Layers":[/' manifest.json; tar -cf ../other.tar *"#,
    );
    run("rm -r in; : > nothing.tar");
    put(&image(2), &path("empty.tar"), ArchiveFormat::Docker, Some("x:2")).unwrap();
    for (name, form, part) in [
        ("text", ArchiveFormat::Docker, "text"),
        ("text", ArchiveFormat::Oci, "text"),
        ("good.tar.gz", ArchiveFormat::Docker, "gzip"),
        ("old.tar", ArchiveFormat::Docker, "index.json"),
        ("oci.tar", ArchiveFormat::Docker, "oci-archive"),
        ("other.tar", ArchiveFormat::Docker, "different images"),
    ] {
        let before = (fs::read(path(name)).unwrap(), fs::read_dir(folder.path()).unwrap().count());
        for dry_run in [true, false] {
            let options = CopyOptions { dry_run, ..CopyOptions::default() };
            let error = copy(&call(&client()), &image(2), &archive(&path(name), form, Some("x:2")), &options);
            let error = error.err().unwrap_or_else(|| panic!("{name} was written"));
            assert!(error.message().contains(part) && error.message().contains(name), "{error}");
        }
        assert_eq!((fs::read(path(name)).unwrap(), fs::read_dir(folder.path()).unwrap().count()), before, "{name}");
    }
    // An empty file counts as absent: mktemp creates such files.
    put(&image(2), &path("nothing.tar"), ArchiveFormat::Docker, Some("x:2")).unwrap();
}

#[test]
fn names_in_archives_for_docker_have_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    for (name, tag, image_name) in [
        ("x/y", "x/y:latest", "docker.io/x/y:latest"),
        ("x", "x:latest", "docker.io/library/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        ("ghcr.io/o/x:1", "ghcr.io/o/x:1", "ghcr.io/o/x:1"),
    ] {
        put(&image(1), &target, ArchiveFormat::Docker, Some(name)).unwrap();
        assert_eq!(tags(&target), [[tag]]);
        let index = member(&target, "index.json");
        let annotations = &index["manifests"][0]["annotations"];
        assert_eq!(annotations["org.opencontainers.image.ref.name"], tag);
        assert_eq!(annotations["io.containerd.image.name"], image_name);
        assert_eq!(got(&target, ArchiveFormat::Oci, Some(image_name)).unwrap(), digest_of(&image(1)));
        fs::remove_file(&target).unwrap();
    }
    // `docker load` takes these for IDs, and refuses the archive.
    let hex = "0".repeat(64);
    for name in [&hex, &format!("{hex}:1"), &format!("docker.io/library/{hex}"), "sha256", "sha256:1"] {
        fails(planned(&target, ArchiveFormat::Docker, Some(name)), Code::InvalidReference, "docker load");
    }
    for name in [format!("x/y@{}", digest(b"")), format!("x/y:1@{}", digest(b"")), "X/y:1".to_owned()] {
        fails(planned(&target, ArchiveFormat::Docker, Some(&name)), Code::InvalidReference, "");
    }
    fails(planned(&target, ArchiveFormat::Oci, Some("a b")), Code::InvalidReference, "a b");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A link stays a link, and its target is replaced atomically or created.
#[test]
fn archives_behind_links() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("inner")).unwrap();
    for (link, to) in [("link", "inner/a.tar"), ("second", "link"), ("loop", "loop"), ("inner/dir", ".")] {
        symlink(to, path(link)).unwrap();
    }
    for (number, name) in ["link", "second", "inner/a.tar"].into_iter().enumerate() {
        put(&image(1), &path(name), ArchiveFormat::Docker, Some(&format!("x:{number}"))).unwrap();
        assert_eq!(tags(&path("inner/a.tar"))[0].len(), number + 1, "{name}");
    }
    assert!(path("link").is_symlink() && path("second").is_symlink());
    fails(planned(&path("loop"), ArchiveFormat::Docker, None), Code::Io, "links");
    fails(planned(&path("inner/dir"), ArchiveFormat::Docker, None), Code::Io, "a directory");
    let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    fails(planned(&path("socket"), ArchiveFormat::Docker, None), Code::Io, "a socket");
    let plain = path("inner/plain");
    fs::write(&plain, "").unwrap();
    assert_eq!(mode(&path("inner/a.tar")), mode(&plain), "the caller's umask");
}

fn pipe(folder: &Path) -> PathBuf {
    let path = folder.join("pipe");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path
}

/// A pipe gets the archive in one pass, and still exists afterwards; so does a descriptor, at any position.
#[test]
fn pipes_and_descriptors_are_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let (fifo, copied) = (pipe(folder.path()), folder.path().join("copied.tar"));
    symlink(&fifo, folder.path().join("link")).unwrap();
    let large = Memory::new(&[noise(3 << 20), vec![1; 1000]]);
    for form in [ArchiveFormat::Docker, ArchiveFormat::Oci] {
        std::thread::scope(|scope| {
            scope
                .spawn(|| std::io::copy(&mut File::open(&fifo).unwrap(), &mut File::create(&copied).unwrap()).unwrap());
            put(&large, &folder.path().join("link"), form, Some("x:1")).unwrap();
        });
        assert_eq!(got(&copied, form, Some("x:1")).unwrap(), digest_of(&large));
    }
    assert!(std::os::unix::fs::FileTypeExt::is_fifo(&fs::symlink_metadata(&fifo).unwrap().file_type()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left");

    let mut file = File::options().read(true).write(true).create_new(true).open(folder.path().join("file")).unwrap();
    std::io::Write::write_all(&mut file, b"before").unwrap();
    let room = |max_temporary_bytes: u64| {
        let temporary_dir = Some(folder.path().display().to_string());
        TemporarySpace::new(temporary_dir.as_deref(), max_temporary_bytes)
    };
    let given = Some(file.try_clone().unwrap());
    let to = ArchiveWriter::planned(Path::new("-"), given, ArchiveFormat::Oci, Some("1"), room(5 << 20)).unwrap();
    let before = folder.path().to_owned();
    // The temporary file has no name, which would remain if the process were killed.
    let watched = Watched::doing(&[noise(3 << 20), vec![1; 1000]], move |_| {
        assert_eq!(fs::read_dir(&before).unwrap().count(), 4);
    });
    copy(&call(&client()), &watched, &to, &CopyOptions::default()).unwrap();
    let mut bytes = Vec::new();
    File::open(folder.path().join("file")).unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes.starts_with(b"before"));
    fs::write(&copied, &bytes[6..]).unwrap();
    assert_eq!(got(&copied, ArchiveFormat::Oci, Some("1")).unwrap(), digest_of(&large));

    let to = ArchiveWriter::planned(Path::new("-"), Some(file), ArchiveFormat::Oci, Some("1"), room(1 << 20)).unwrap();
    fails(copy(&call(&client()), &large, &to, &CopyOptions::default()), Code::LimitExceeded, "max_temporary_bytes");
    drop(to);
    put(&large, Path::new("/dev/null"), ArchiveFormat::Docker, None).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing else is left");
}

/// Nothing reads, or the reader stops reading or goes away, or the source fails: the copy ends, and in the last case no
/// byte was written.
#[test]
fn pipes_that_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = pipe(folder.path());
    let large = Memory::new(&[noise(3 << 20)]);
    let cancelled = || {
        let (context, call) = with_context(&client());
        std::thread::scope(|scope| {
            let copying = scope.spawn(|| put_with(&call, &large, &fifo, ArchiveFormat::Docker, None));
            std::thread::sleep(Duration::from_millis(400));
            context.cancel();
            within(Duration::from_millis(300), || drop(fails(copying.join().unwrap(), Code::Cancelled, "")));
        });
    };
    cancelled();
    let open = || File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(&fifo).unwrap();
    let mut reader = open();
    cancelled();
    let (context, call) = with_context(&client());
    context.set_deadline(Some(Duration::from_millis(300)));
    within(Duration::from_secs(2), || {
        fails(put_with(&call, &large, &fifo, ArchiveFormat::Docker, None), Code::Timeout, "");
    });
    let mut buffer = [0; 512];
    reader.read_exact(&mut buffer).unwrap();
    drop(reader);

    let mut bad = Memory::new(&[noise(3 << 20)]);
    bad.spoil(&noise(3 << 20));
    let mut reader = open();
    fails(put(&bad, &fifo, ArchiveFormat::Docker, None), Code::DigestMismatch, "");
    assert_eq!(reader.read(&mut buffer).unwrap(), 0, "not a byte");

    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut reader = File::open(&fifo).unwrap();
            drop(open());
            reader.read_exact(&mut buffer).unwrap();
        });
        drop(reader);
        fails(put(&large, &fifo, ArchiveFormat::Docker, None), Code::Io, "pipe");
    });
}

/// In a folder where others may write, nothing that they prepared becomes part of an archive.
#[test]
fn what_others_prepared_is_left_alone() {
    let wrong = |staging: &Path| {
        let blobs = staging.join("blobs/sha256");
        fs::create_dir_all(&blobs).unwrap();
        fs::write(staging.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        fs::write(blobs.join(digest(&[1; 1000]).hex()), vec![6; 1000]).unwrap();
        fs::write(blobs.join(digest_of(&image(1)).hex()), "{}").unwrap();
    };
    let root = nix::unistd::geteuid().is_root();
    for case in ["ours", "writable", "a link", "another's", "another's inside"] {
        if case.starts_with("another's") && !root {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (target, staging) = (folder.path().join("a.tar"), folder.path().join(".a.tar.partial.d"));
        let prepared = if case == "a link" { folder.path().join("elsewhere") } else { staging.clone() };
        wrong(&prepared);
        let permit = |mode: u32| fs::set_permissions(&prepared, fs::Permissions::from_mode(mode)).unwrap();
        permit(0o700);
        match case {
            "writable" => permit(0o777),
            "a link" => symlink(&prepared, &staging).unwrap(),
            "another's" => std::os::unix::fs::chown(&prepared, Some(12345), None).unwrap(),
            "another's inside" => {
                std::os::unix::fs::chown(prepared.join("blobs/sha256"), Some(12345), None).unwrap();
            }
            _ => {}
        }
        put(&image(1), &target, ArchiveFormat::Docker, Some("x:1")).unwrap();
        assert_eq!(got(&target, ArchiveFormat::Docker, Some("x:1")).unwrap(), digest_of(&image(1)), "{case}");
        let untouched = prepared.join("blobs/sha256").join(digest(&[1; 1000]).hex());
        assert_eq!(untouched.exists(), case != "ours", "{case}");
        let others = if case == "ours" {
            1
        } else if case == "a link" {
            3
        } else {
            2
        };
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), others, "{case}");
    }
}

/// Damage in the staging folder of an archive is found when the tar is written; what is in the archive that is added to stays as it is.
#[test]
fn damage_gets_into_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("a.tar");
    let blob = folder.path().join(".a.tar.partial.d/blobs/sha256").join(digest(&[1; 1000]).hex());
    let damaging = blob.clone();
    let slow = Watched::doing(&[vec![2; 1000], vec![1; 1000]], move |_| {
        if damaging.exists() {
            fs::write(&damaging, vec![6; 1000]).unwrap();
        }
    });
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::set_permissions(folder.path().join(".a.tar.partial.d"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&blob, vec![1; 1000]).unwrap();
    let options = CopyOptions { concurrency: 1, ..CopyOptions::default() };
    let write = || copy(&call(&client()), &slow, &archive(&target, ArchiveFormat::Oci, Some("1")), &options);
    if let Err(error) = write() {
        assert_eq!(error.code(), Code::DigestMismatch, "{error}");
        assert!(!target.exists());
        write().unwrap();
    }
    assert_eq!(got(&target, ArchiveFormat::Oci, Some("1")).unwrap(), digest_of(&slow.image));

    let mut bytes = fs::read(&target).unwrap();
    let at = bytes.windows(1000).position(|window| window == [1; 1000]).unwrap();
    bytes[at] = 9;
    fs::write(&target, &bytes).unwrap();
    put(&image(3), &target, ArchiveFormat::Oci, Some("3")).unwrap();
    assert_eq!(got(&target, ArchiveFormat::Oci, Some("3")).unwrap(), digest_of(&image(3)));
    let (damaged, now) = (&bytes[at..at + 1000], fs::read(&target).unwrap());
    assert!(now.windows(1000).any(|window| window == damaged), "the other image is as it was");
    assert!(got(&target, ArchiveFormat::Oci, Some("1")).is_err());
}
