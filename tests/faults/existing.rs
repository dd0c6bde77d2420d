//! A file that is there already and stays, with the option if_exists; and what an earlier call has left, with the option resume.

use std::fs;
use std::os::unix::fs::{lchown, symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ocireg::error::{Code, Error};
use ocireg::registry::blob::{DeliveredBlob, ReadOptions, SaveOptions};

use crate::common::*;
use crate::server::*;
use crate::v1::{checksum, id, image, repo, standalone};

/// A registry with a blob, and a folder to save it in.
struct Case {
    server: Server,
    blob: Vec<u8>,
    folder: tempfile::TempDir,
}

fn case() -> Case {
    let blob = noise(300_000);
    let copy = blob.clone();
    Case { server: Server::start(move |seen| serve(&copy, seen)), blob, folder: tempfile::tempdir().unwrap() }
}

fn skip() -> SaveOptions {
    SaveOptions { if_exists: Some("skip".to_owned()), ..SaveOptions::default() }
}

fn sized(size: usize) -> SaveOptions {
    SaveOptions { read: ReadOptions { size: Some(size as u64), ..ReadOptions::default() }, ..skip() }
}

impl Case {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn get(&self, path: &Path, options: &SaveOptions) -> Result<DeliveredBlob, Error> {
        let client = client();
        client.get_blob_file(&call(&client), &at(&self.server.host, &digest(&self.blob)), path, options)
    }

    fn hidden(&self, name: &str) -> PathBuf {
        self.path(&format!(".{name}.{}.partial", &digest(&self.blob).hex()[..12]))
    }

    fn requests(&self) -> usize {
        self.server.seen().len()
    }

    /// It stays, without a request.
    #[track_caller]
    fn is_skipped(&self, name: &str, options: &SaveOptions) {
        let (before, size) = (self.requests(), self.blob.len() as u64);
        let found = self.get(&self.path(name), options).unwrap();
        assert_eq!((found.skipped, found.verified, found.size), (Some(true), true, Some(size)), "{name}");
        assert_eq!((found.offset, found.length, found.resumed), (0, size, size), "{name}");
        assert_eq!(found.path.as_deref(), self.path(name).to_str());
        assert_eq!(self.requests(), before, "{name}: nothing is requested");
    }

    /// It is replaced by one request.
    #[track_caller]
    fn is_fetched(&self, name: &str, options: &SaveOptions) {
        let before = self.requests();
        let found = self.get(&self.path(name), options).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((found.skipped, found.verified), (Some(false), true), "{name}");
        assert_eq!(self.requests(), before + 1, "{name}");
        assert!(fs::read(self.path(name)).unwrap() == self.blob, "{name}");
    }
}

#[test]
fn an_identical_file_stays_without_a_request() {
    let case = case();
    case.is_fetched("new", &skip());
    let before = fs::metadata(case.path("new")).unwrap();
    case.is_skipped("new", &skip());
    case.is_skipped("new", &sized(case.blob.len()));
    let after = fs::metadata(case.path("new")).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()), "it is not touched");
    // By default it is replaced, and so where that is said.
    case.is_fetched("new", &SaveOptions::default());
    case.is_fetched("new", &SaveOptions { if_exists: Some("replace".to_owned()), ..SaveOptions::default() });
    // Its permissions do not matter, nor do links that lead to it.
    fs::set_permissions(case.path("new"), fs::Permissions::from_mode(0o666)).unwrap();
    symlink("new", case.path("link")).unwrap();
    case.is_skipped("link", &skip());
    assert!(case.path("link").is_symlink());
}

#[test]
fn any_other_file_is_replaced() {
    let case = case();
    let mut changed = case.blob.clone();
    changed[299_999] ^= 1;
    let longer = [&case.blob[..], b"x"].concat();
    for (name, bytes) in [("changed", &changed[..]), ("shorter", &case.blob[1..]), ("longer", &longer), ("empty", b"")]
    {
        for options in [skip(), sized(case.blob.len())] {
            fs::write(case.path(name), bytes).unwrap();
            case.is_fetched(name, &options);
        }
    }
    // The size of a descriptor counts too, and is wrong here.
    fs::write(case.path("wrong"), &case.blob).unwrap();
    fails(case.get(&case.path("wrong"), &sized(299_999)), Code::SizeMismatch, "");
    assert!(fs::read(case.path("wrong")).unwrap() == case.blob);
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let case = case();
    fs::create_dir(case.path("folder")).unwrap();
    symlink("loop", case.path("loop")).unwrap();
    symlink("nowhere", case.path("dangling")).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(case.path("socket")).unwrap();
    for (name, part) in [("folder", "a directory"), ("loop", "links"), ("socket", "a socket"), ("no/where", "no/where")]
    {
        fails(case.get(&case.path(name), &skip()), Code::Io, part);
    }
    assert_eq!(case.requests(), 0);
    case.is_fetched("dangling", &skip());
    case.is_skipped("nowhere", &skip());
    // Pipes and devices hold nothing to compare: they are written to.
    nix::unistd::mkfifo(&case.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| fs::read(case.path("pipe")).unwrap());
        assert_eq!(case.get(&case.path("pipe"), &skip()).unwrap().skipped, Some(false));
        assert!(reader.join().unwrap() == case.blob);
    });
    assert_eq!(case.get(Path::new("/dev/null"), &skip()).unwrap().skipped, Some(false));
}

/// Its owner could change it the moment after.
#[test]
fn another_users_file_does_not_count() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let case = case();
    fs::write(case.path("theirs"), &case.blob).unwrap();
    lchown(case.path("theirs"), Some(12345), None).unwrap();
    symlink("theirs", case.path("link")).unwrap();
    case.is_fetched("link", &skip());
    assert_eq!(fs::metadata(case.path("theirs")).unwrap().uid(), 0);
    case.is_skipped("theirs", &skip());
    // In a folder for everybody, a link of another user is not followed.
    symlink("theirs", case.path("trap")).unwrap();
    lchown(case.path("trap"), Some(12345), None).unwrap();
    fs::set_permissions(case.folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    fails(case.get(&case.path("trap"), &skip()), Code::Io, "another user");
    case.is_skipped("theirs", &skip());
}

#[test]
fn only_whole_blobs_are_compared() {
    let case = case();
    fs::write(case.path("file"), &case.blob).unwrap();
    let read = ReadOptions { offset: 1, ..ReadOptions::default() };
    fails(case.get(&case.path("file"), &SaveOptions { read, ..skip() }), Code::InvalidArgument, "if_exists");
    let odd = SaveOptions { if_exists: Some("Skip".to_owned()), ..SaveOptions::default() };
    fails(case.get(&case.path("file"), &odd), Code::InvalidArgument, "if_exists is 'Skip'");
    let read = ReadOptions { limit: Some(1), ..ReadOptions::default() };
    fails(case.get(&case.path("file"), &SaveOptions { read, ..skip() }), Code::InvalidArgument, "limit");
    assert_eq!(case.requests(), 0);
}

#[test]
fn a_large_file_can_be_left_while_it_is_compared() {
    let case = case();
    fs::File::create(case.path("large")).unwrap().set_len(1 << 40).unwrap();
    crate::cancel::left("a large file", |call| {
        let client = client();
        client.get_blob_file(call, &at(&case.server.host, &digest(b"x")), &case.path("large"), &skip()).map(drop)
    });
    assert_eq!(case.requests(), 0);
}

#[test]
fn what_an_earlier_call_left_goes_on_request() {
    let case = case();
    let anew = SaveOptions { resume: false, ..SaveOptions::default() };
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(case.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // It is continued without the option, and with it neither continued nor left.
    for (options, resumed) in [(SaveOptions::default(), 1000), (anew.clone(), 0)] {
        fs::write(case.hidden("file"), &case.blob[..1000]).unwrap();
        fs::set_permissions(case.hidden("file"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(case.get(&case.path("file"), &options).unwrap().resumed, resumed);
        assert_eq!(case.server.seen().last().unwrap().range_start(), (resumed > 0).then_some(resumed as usize));
        assert_eq!(names(), ["file"]);
    }
    // It goes where the file stays, too.
    fs::write(case.hidden("file"), &case.blob[..1000]).unwrap();
    fs::set_permissions(case.hidden("file"), fs::Permissions::from_mode(0o600)).unwrap();
    case.is_skipped("file", &skip());
    assert!(case.hidden("file").exists());
    case.is_skipped("file", &SaveOptions { resume: false, ..skip() });
    assert_eq!(names(), ["file"]);
    // What is another user's, or not a file, is not removed, and what a link leads to is not either.
    fs::write(case.path("victim"), "precious").unwrap();
    symlink("victim", case.hidden("file")).unwrap();
    case.is_fetched("file", &anew);
    case.is_skipped("file", &SaveOptions { resume: false, ..skip() });
    assert!(case.hidden("file").is_symlink());
    assert_eq!(fs::read(case.path("victim")).unwrap(), b"precious");
}

#[test]
fn a_failure_leaves_nothing_without_resume() {
    let blob = noise(300_000);
    let copy = blob.clone();
    let server = Server::start(move |_| reply(200).body(&copy).cut(1000, Then::Close));
    let folder = tempfile::tempdir().unwrap();
    let client = ocireg::registry::Client::new(changed(options(), |options| options.http.retries = 0)).unwrap();
    for (resume, left) in [(true, 1), (false, 0)] {
        let options = SaveOptions { resume, ..SaveOptions::default() };
        let reference = at(&server.host, &digest(&blob));
        fails(
            client.get_blob_file(&call(&client), &reference, &folder.path().join("file"), &options),
            Code::Network,
            "",
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), left, "resume: {resume}");
    }
}

/// A layer of protocol v1 whose image has a checksum: the image is requested, the layer is not.
#[test]
fn layers_of_protocol_v1_stay_too() {
    let layer = noise(5000);
    for checksum in [Some(checksum(&image('a'), &layer)), None] {
        let (body, said) = (layer.clone(), checksum.clone());
        let server = standalone(move |seen| match (seen.path().ends_with("/json"), &said) {
            (true, Some(sum)) => reply(200).header("X-Docker-Checksum-Payload", sum).body(image('a')),
            (true, None) => reply(200).body(image('a')),
            _ => serve(&body, seen),
        });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer");
        let layers = || server.seen().iter().filter(|seen| seen.path().ends_with("/layer")).count();
        let client = client();
        let get = || repo(&client, &server.host).layer_file(&id('a'), &path, &skip()).unwrap();
        assert_eq!((get().skipped, layers()), (Some(false), 1));
        let images = || server.seen().iter().filter(|seen| seen.path().ends_with("/json")).count();
        let before = images();
        let again = get();
        assert_eq!((again.skipped, again.verified, again.length), (Some(checksum.is_some()), checksum.is_some(), 5000));
        assert_eq!((layers(), images()), (if checksum.is_some() { 1 } else { 2 }, before + 1));
        fs::write(&path, noise(4999)).unwrap();
        assert_eq!(get().skipped, Some(false));
        assert!(fs::read(&path).unwrap() == layer);
    }
}
