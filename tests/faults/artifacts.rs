//! Artifacts of strangers: whatever their titles and archives say and whatever is in the folder already, nothing is written outside of it,
//! and nothing is seen before all of it is there.

use std::fs;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ocireg::artifact::pull::{pull, ArtifactPullOptions, PulledArtifact};
use ocireg::call::Call;
use ocireg::digest::{Digest, Hasher};
use ocireg::error::{Code, Error};
use ocireg::manifest::Descriptor;
use ocireg::store::{RawManifest, ReadStore};
use ocireg::stream::blob::Blob;
use serde_json::{json, Value};
use tar::EntryType;

use crate::common::*;
use crate::images::{file, folder, hard, layer, raw, symlink as link};
use crate::memory::Memory;

const TITLE: &str = "org.opencontainers.image.title";
const WAITING: &str = ".ocireg-pull";

/// An artifact of files with these annotations.
fn artifact(files: &[(Value, Vec<u8>)]) -> Memory {
    let entry = |annotations: &Value, bytes: &[u8]| json!({"mediaType": "a/b", "digest": digest(bytes), "size": bytes.len(), "annotations": annotations});
    let layers: Vec<Value> = files.iter().map(|(annotations, bytes)| entry(annotations, bytes)).collect();
    let config = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/b", "config": config, "layers": layers});
    Memory::of(&manifest, files.iter().map(|(_, bytes)| bytes.clone()))
}

fn titled(files: &[(&str, &str)]) -> Memory {
    artifact(&files.iter().map(|(title, text)| (json!({TITLE: title}), text.as_bytes().to_vec())).collect::<Vec<_>>())
}

/// A folder of this title, packed as a plain tar: that of gzip is made the same way.
fn packed(title: &str, entries: &[Vec<u8>]) -> (Value, Vec<u8>) {
    (json!({TITLE: title, "io.deis.oras.content.unpack": "true"}), layer(entries))
}

fn with(store: &dyn ReadStore, into: &Path, options: Value) -> Result<PulledArtifact, Error> {
    let options: ArtifactPullOptions = serde_json::from_value(options).unwrap();
    pull(&call(&client()), store, into, &options)
}

/// A folder to pull into, with a file beside it that must stay as it is.
struct Ground {
    folder: tempfile::TempDir,
}

impl Ground {
    fn new() -> Ground {
        let ground = Ground { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(ground.out()).unwrap();
        fs::create_dir(ground.outside()).unwrap();
        fs::write(ground.outside().join("victim"), "untouched").unwrap();
        ground
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    /// Everything in the folder but what waits, as paths.
    fn names(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.out(), "", &mut found);
        found.retain(|name| !name.starts_with(WAITING));
        found.sort();
        found
    }

    fn is_unharmed(&self) {
        assert_eq!(fs::read_to_string(self.outside().join("victim")).unwrap(), "untouched");
        assert_eq!(fs::read_dir(self.outside()).unwrap().count(), 1, "something was put outside");
        assert_eq!(fs::read_dir(self.folder.path()).unwrap().count(), 2, "something was put outside");
    }
}

fn list(folder: &Path, above: &str, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = format!("{above}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), &format!("{name}/"), into);
        }
        into.push(name);
    }
}

#[test]
fn files_get_their_titles() {
    let ground = Ground::new();
    let store = artifact(&[
        (json!({TITLE: "a.txt"}), b"a".to_vec()),
        (json!({TITLE: "d/e/b"}), b"same".to_vec()),
        (json!({TITLE: "./d/c"}), b"same".to_vec()),
        (json!({TITLE: "empty"}), b"".to_vec()),
        (json!({}), b"untitled".to_vec()),
        packed("tree", &[folder("tree"), file("tree/x", "x"), link("tree/l", "x"), hard("tree/h", "tree/x")]),
        packed("bare", &[]),
    ]);
    let done = with(&store, &ground.out(), json!({})).unwrap();
    assert_eq!((done.files.len(), done.skipped.len(), done.skipped[0].reason, done.kept), (6, 1, "no title", 0));
    let names = ["a.txt", "bare", "d", "d/c", "d/e", "d/e/b", "empty", "tree", "tree/h", "tree/l", "tree/x"];
    assert_eq!(ground.names(), names);
    assert!(!ground.out().join(WAITING).exists());
    // Two files, and not one under two names.
    let (one, other) = (ground.out().join("d/c"), ground.out().join("d/e/b"));
    assert_ne!(one.metadata().unwrap().ino(), other.metadata().unwrap().ino());
    assert_eq!(fs::read(one).unwrap(), fs::read(other).unwrap());
    assert_eq!(ground.out().join("a.txt").metadata().unwrap().mode() & 0o600, 0o600);
    let again = with(&store, &ground.out(), json!({"keep_old": true})).unwrap();
    assert_eq!((again.kept, ground.names().len()), (4 + 3, names.len()), "the files of tree too");
}

#[test]
fn titles_that_are_none_leave_nothing() {
    for titles in [
        &["../x"][..],
        &["/tmp/x"],
        &["a/../../outside/victim"],
        &[""],
        &["."],
        &["a\nb"],
        &["a\0b"],
        &["x\u{1b}[2J"],
        &["a", "a"],
        &["a", "./a"],
        &["a", "a/b"],
        &["a/b/c", "z", "a/b"],
        &[".ocireg-pull/sha256-x"],
        &[".ocireg-pull"],
    ] {
        let ground = Ground::new();
        let mut files: Vec<(&str, &str)> = vec![("good", "good")];
        files.extend(titles.iter().map(|title| (*title, "bad")));
        fails(with(&titled(&files), &ground.out(), json!({})), Code::InvalidManifest, "title");
        assert_eq!(fs::read_dir(ground.out()).unwrap().count(), 0, "{titles:?}");
        ground.is_unharmed();
        // They are none of our business when they are not wanted.
        with(&titled(&files), &ground.out(), json!({"titles": ["good"]})).unwrap();
        assert_eq!(ground.names(), ["good"]);
    }
}

#[test]
fn archives_lead_nowhere_else() {
    let device = raw(b"t/dev", EntryType::Char, b"", 0o666, b"");
    for (entries, why) in [
        (vec![file("../x", "x")], "leads out"),
        (vec![file("other", "x")], "outside of the folder"),
        (vec![file("t2/x", "x")], "outside of the folder"),
        (vec![file("t", "x")], "not a folder"),
        (vec![link("t", "../outside"), file("t/victim", "x")], "not a folder"),
        (vec![link("t/l", "../../outside")], "leads out"),
        (vec![link("t/l", "/etc")], "leads out"),
        (vec![folder("t/d"), link("t/d/l", "../../x")], "leads out"),
        // Each of them alone stays within.
        (vec![link("t/a", "."), link("t/b", "a/..")], "leads out"),
        (vec![link("t/a", "."), link("t/a/b", "..")], "leads out"),
        (vec![hard("t/h", "../outside/victim")], "leads out"),
        (vec![hard("t/h", "outside")], "leads out of the folder"),
        (vec![hard("t/h", "t/none")], "not there"),
    ] {
        let ground = Ground::new();
        let store = artifact(&[(json!({TITLE: "first"}), b"1".to_vec()), packed("t", &entries)]);
        fails(with(&store, &ground.out(), json!({})), Code::InvalidManifest, why);
        assert_eq!(ground.names(), [""; 0], "nothing is seen before everything is right: {why}");
        ground.is_unharmed();
    }
    let ground = Ground::new();
    with(
        &artifact(&[packed("t", &[device, raw(b"t/s", EntryType::Regular, b"", 0o6755, b"x")])]),
        &ground.out(),
        json!({}),
    )
    .unwrap();
    assert_eq!(ground.names(), ["t", "t/s"], "devices are left out");
    assert_eq!(ground.out().join("t/s").metadata().unwrap().mode() & 0o7777, 0o755);
    with(&artifact(&[packed(".", &[file("here", "x"), folder("d"), file("d/there", "y")])]), &ground.out(), json!({}))
        .unwrap();
    assert_eq!(ground.names(), ["d", "d/there", "here", "t", "t/s"]);
}

#[test]
fn archives_are_what_they_are_said_to_be() {
    let ground = Ground::new();
    let (mut annotations, bytes) = packed("t", &[file("t/x", &"x".repeat(5000))]);
    annotations["io.deis.oras.content.digest"] = json!(digest(&bytes));
    with(&artifact(&[(annotations.clone(), bytes.clone())]), &ground.out(), json!({})).unwrap();
    let ground = Ground::new();
    annotations["io.deis.oras.content.digest"] = json!(digest(b"another"));
    let store = artifact(&[(annotations.clone(), bytes.clone())]);
    fails(with(&store, &ground.out(), json!({})), Code::DigestMismatch, "its tar");
    with(&store, &ground.out(), json!({"unpack": false})).unwrap();
    assert_eq!(fs::read(ground.out().join("t")).unwrap(), bytes);
    fs::remove_file(ground.out().join("t")).unwrap();
    annotations["io.deis.oras.content.digest"] = json!(digest(&bytes));
    let store = artifact(&[(annotations.clone(), bytes.clone()), packed("u", &[file("u/x", &"x".repeat(5000))])]);
    fails(with(&store, &ground.out(), json!({"max_bytes": 10_000})), Code::LimitExceeded, "");
    assert_eq!(ground.names(), [""; 0]);
    with(&store, &ground.out(), json!({"max_bytes": 20_000})).unwrap();
}

/// Blobs wait for the next pull; what was unpacked of them does not, and may be without end.
#[test]
fn nothing_that_was_unpacked_is_left_after_a_failure() {
    let unit = "x".repeat(5000);
    let good =
        || packed("g", &[folder("g"), file("g/x", &unit), raw(b"g/closed", EntryType::Directory, b"", 0o000, b"")]);
    let whole = |entries: &[Vec<u8>]| packed("t", entries);
    let mut lying = whole(&[file("t/x", "x")]);
    lying.0["io.deis.oras.content.digest"] = json!(digest(b"another"));
    for (bad, code) in [
        (whole(&[file("t/x", &unit), file("t/y", &unit), file("t/z", &unit)]), Code::LimitExceeded),
        (whole(&[file("t/x", &unit), link("t/l", "../../out")]), Code::InvalidManifest),
        (whole(&[file("t/x", &unit), file("outside", "x")]), Code::InvalidManifest),
        (lying, Code::DigestMismatch),
    ] {
        let (ground, copies) =
            (Ground::new(), [(json!({TITLE: "a"}), b"a".to_vec()), (json!({TITLE: "b"}), b"a".to_vec())]);
        let store = artifact(&[vec![good(), bad], copies.to_vec()].concat());
        fails(with(&store, &ground.out(), json!({"max_bytes": 16_000})), code, "");
        let waiting: Vec<_> = fs::read_dir(ground.out().join(WAITING)).unwrap().map(|entry| entry.unwrap()).collect();
        assert!(waiting.len() == 3 && waiting.iter().all(|entry| entry.file_type().unwrap().is_file()), "{waiting:?}");
        assert_eq!(ground.names(), [""; 0]);
    }
    // Nor where the folder has no place for it.
    let ground = Ground::new();
    fs::create_dir_all(ground.out().join("g/x")).unwrap();
    fails(with(&artifact(&[good()]), &ground.out(), json!({})), Code::Io, "'g/x' is a folder");
    assert_eq!(fs::read_dir(ground.out().join(WAITING)).unwrap().count(), 1);
    fs::remove_dir(ground.out().join("g/x")).unwrap();
    let done = with(&artifact(&[good()]), &ground.out(), json!({})).unwrap();
    assert_eq!((done.bytes_resumed, done.files.len()), (good().1.len() as u64, 1));
}

/// Links that were put into the folder are followed within it, and no file gets where nobody looks for it.
#[test]
fn links_that_lead_out_of_the_folder_are_refused() {
    let outside = |ground: &Ground| ground.outside().display().to_string();
    let beside = |ground: &Ground| format!("{}side", ground.out().display());
    type Target<'a> = &'a dyn Fn(&Ground) -> String;
    let bad: [Target; 6] = [
        &outside,
        &beside,
        &|_| "../outside".to_owned(),
        &|_| "inner/../../out/inner".to_owned(),
        &|_| "/nowhere/else".to_owned(),
        &|_| "out".to_owned(),
    ];
    for (number, target) in bad.iter().enumerate() {
        for title in ["sub/x", "deep/sub/x", "sub"] {
            let ground = Ground::new();
            fs::create_dir_all(ground.out().join("deep/inner")).unwrap();
            fs::create_dir(ground.out().join("inner")).unwrap();
            symlink("/etc", ground.out().join("out")).unwrap();
            symlink("/etc", ground.out().join("deep/out")).unwrap();
            let (path, up) = (title.trim_end_matches("/x"), if title.starts_with("deep") { "../" } else { "" });
            let target = target(&ground);
            let target = if target.starts_with("..") {
                format!("{up}{target}")
            } else {
                target.replace("../../", &format!("../../{up}"))
            };
            symlink(&target, ground.out().join(path)).unwrap();
            let before = ground.names();
            let store = match title {
                "sub" => artifact(&[(json!({TITLE: "a"}), b"a".to_vec()), packed("sub", &[file("sub/victim", "x")])]),
                _ => titled(&[("a", "a"), (title, "x")]),
            };
            let link = if number == 5 { path.replace("sub", "out") } else { path.to_owned() };
            let why = format!("'{link}' is a link that leads out of the folder");
            fails(with(&store, &ground.out(), json!({})), Code::Io, &why);
            assert_eq!(ground.names(), before, "{title} {target}");
            ground.is_unharmed();
        }
    }
}

#[test]
fn links_within_the_folder_are_followed_and_every_path_exists() {
    let ground = Ground::new();
    let out = ground.out();
    fs::create_dir_all(out.join("real/inner")).unwrap();
    for (target, name) in [("real", "a"), ("../real/inner", "real/up"), ("not/yet", "new"), ("a/../real/up", "chain")] {
        symlink(target, out.join(name)).unwrap();
    }
    symlink(out.canonicalize().unwrap().join("real/inner"), out.join("whole")).unwrap();
    symlink(ground.outside().join("victim"), out.join("f")).unwrap();
    let files = ["a/1", "real/up/2", "new/3", "chain/4", "whole/5", "f"];
    let store = titled(&files.map(|title| (title, title)));
    let done = with(&store, &out, json!({})).unwrap();
    for file in &done.files {
        assert_eq!(fs::read_to_string(&file.path).unwrap(), file.title);
    }
    for name in ["real/1", "real/inner/2", "not/yet/3", "real/inner/4", "real/inner/5"] {
        assert!(out.join(name).exists(), "{name}");
    }
    assert!(out.join("f").symlink_metadata().unwrap().is_file(), "the link was replaced, and not followed");
    // By the folder's name as the caller has it, too.
    let alias = out.parent().unwrap().join("alias");
    symlink(&out, &alias).unwrap();
    symlink(alias.join("./real"), out.join("named")).unwrap();
    with(&titled(&[("named/6", "6")]), &alias, json!({})).unwrap();
    assert!(out.join("real/6").exists());
    fails(
        with(&titled(&[("named/7", "7")]), &out, json!({})),
        Code::Io,
        "'named' is a link that leads out of the folder",
    );
    fs::remove_file(alias).unwrap();
    ground.is_unharmed();
}

/// Where all users may write, another one's link may be changed as soon as it was followed.
#[test]
fn links_of_other_users_are_not_followed() {
    use std::os::unix::fs::lchown;
    for (mode, owner, good) in
        [(0o1777, 65_534, false), (0o777, 65_534, false), (0o1777, 0, true), (0o755, 65_534, true)]
    {
        for (deep, store) in [
            ("s", titled(&[("s/b", "new")])),
            ("d/s", titled(&[("d/s/b", "new")])),
            ("s", artifact(&[packed("s", &[file("s/b", "new")])])),
            ("d/s", artifact(&[packed("d/s/t", &[file("d/s/t/b", "new")])])),
        ] {
            let ground = Ground::new();
            let shared = ground.out().join(deep).parent().unwrap().to_path_buf();
            fs::create_dir_all(shared.join("evil")).unwrap();
            symlink("evil", ground.out().join(deep)).unwrap();
            if lchown(ground.out().join(deep), Some(owner), None).is_err() {
                return;
            }
            fs::set_permissions(&shared, fs::Permissions::from_mode(mode)).unwrap();
            let outcome = with(&store, &ground.out(), json!({}));
            assert_eq!(fs::read_dir(shared.join("evil")).unwrap().count(), usize::from(good), "{deep} {mode:o}");
            if !good {
                let why = "it is a symbolic link of another user in a folder that all users may write to";
                let error = fails(outcome, Code::Io, why);
                assert!(error.message().contains(&format!("'{deep}'")), "{error}");
            }
        }
    }
}

#[test]
fn what_no_file_replaces_stays() {
    for keep_old in [false, true] {
        let ground = Ground::new();
        let pipe = ground.out().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        fs::create_dir_all(ground.out().join("folder/inner")).unwrap();
        fs::write(ground.out().join("file"), "old").unwrap();
        for (title, what) in [("pipe", "a special file"), ("folder", "a folder")] {
            let outcome = with(&titled(&[(title, "new")]), &ground.out(), json!({"keep_old": keep_old}));
            match keep_old {
                true => assert_eq!(outcome.unwrap().kept, 1),
                false => drop(fails(outcome, Code::Io, what)),
            }
        }
        fails(
            with(&titled(&[("file/x", "new")]), &ground.out(), json!({"keep_old": keep_old})),
            Code::Io,
            "not a folder",
        );
        let done =
            with(&titled(&[("file", "new"), ("more", "more")]), &ground.out(), json!({"keep_old": keep_old})).unwrap();
        assert_eq!((done.files[0].kept, done.files[1].kept), (keep_old, false));
        assert_eq!(fs::read_to_string(ground.out().join("file")).unwrap(), if keep_old { "old" } else { "new" });
        assert_eq!(ground.names(), ["file", "folder", "folder/inner", "more", "pipe"]);
    }
}

#[test]
fn folders_that_are_there_get_what_is_new() {
    for keep_old in [false, true] {
        let ground = Ground::new();
        let tree = ground.out().join("t");
        fs::create_dir_all(tree.join("d")).unwrap();
        fs::write(tree.join("d/x"), "old").unwrap();
        fs::write(tree.join("mine"), "mine").unwrap();
        let store = artifact(&[packed("t", &[file("t/d/x", "new"), file("t/d/y", "y"), link("t/l", "d")])]);
        let done = with(&store, &ground.out(), json!({"keep_old": keep_old})).unwrap();
        assert_eq!(done.kept, u64::from(keep_old));
        assert_eq!(fs::read_to_string(tree.join("d/x")).unwrap(), if keep_old { "old" } else { "new" });
        assert_eq!(ground.names(), ["t", "t/d", "t/d/x", "t/d/y", "t/l", "t/mine"]);
    }
}

/// A link of an earlier pull would lead those of a later one elsewhere than where they were looked at.
#[test]
fn links_of_two_archives_lead_nowhere_together() {
    let ground = Ground::new();
    let first = artifact(&[packed("t", &[link("t/p", "."), link("t/q", "p")])]);
    with(&first, &ground.out(), json!({})).unwrap();
    for path in ["t/p/q/l", "t/p/l", "t/q/l"] {
        let folders = path.rsplit_once('/').unwrap().0;
        let later = artifact(&[packed("t", &[folder("t/p"), folder(folders), link(path, "..")])]);
        fails(with(&later, &ground.out(), json!({})), Code::Io, "is a link");
    }
    let names = ["t", "t/p", "t/q"];
    assert_eq!(ground.names(), names);
}

#[test]
fn a_folder_named_dot_has_nothing_where_files_wait() {
    for name in [".ocireg-pull/0.tree/zz/l", ".OCIREG-PULL/x", ".ocireg-pull"] {
        let ground = Ground::new();
        let store = artifact(&[packed(".", &[file(name, "x")])]);
        fails(with(&store, &ground.out(), json!({})), Code::InvalidManifest, "reserved for temporary files");
        assert_eq!(ground.names(), [""; 0]);
    }
}

#[test]
fn a_private_file_stays_private() {
    let ground = Ground::new();
    fs::write(ground.out().join("key"), "old").unwrap();
    fs::set_permissions(ground.out().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
    with(&titled(&[("key", "new"), ("other", "new")]), &ground.out(), json!({})).unwrap();
    let mode = |name: &str| ground.out().join(name).metadata().unwrap().mode() & 0o777;
    assert_eq!((mode("key"), fs::read_to_string(ground.out().join("key")).unwrap()), (0o600, "new".to_owned()));
    assert_ne!(mode("other"), 0o600);
    // What a stranger has let everybody write to does not stay so.
    let theirs = ground.out().join("theirs");
    fs::write(&theirs, "old").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o666)).unwrap();
    if std::os::unix::fs::chown(&theirs, Some(65_534), None).is_ok() {
        with(&titled(&[("theirs", "new")]), &ground.out(), json!({})).unwrap();
        assert_eq!((mode("theirs"), fs::read_to_string(&theirs).unwrap()), (0o644, "new".to_owned()));
    }
}

#[test]
fn a_folder_that_nobody_may_write_to_is_made() {
    let ground = Ground::new();
    let closed = raw(b"t/", EntryType::Directory, b"", 0o555, b"");
    for _ in 0..2 {
        with(&artifact(&[packed("t", &[closed.clone(), file("t/x", "x")])]), &ground.out(), json!({})).unwrap();
        assert_eq!(ground.out().join("t").metadata().unwrap().mode() & 0o777, 0o555);
    }
}

#[test]
fn one_blob_of_many_titles_fills_no_disk() {
    let ground = Ground::new();
    let many: Vec<String> = (0..50).map(|number| format!("f{number}")).collect();
    let bytes = "x".repeat(1000);
    let files: Vec<(&str, &str)> = many.iter().map(|title| (title.as_str(), bytes.as_str())).collect();
    fails(with(&titled(&files), &ground.out(), json!({"max_bytes": 10_000})), Code::LimitExceeded, "several titles");
    with(&titled(&files), &ground.out(), json!({"max_bytes": 49_000})).unwrap();
    assert_eq!(ground.names().len(), 50);
}

/// The name of the folder in which files wait is known to everybody.
#[test]
fn what_somebody_put_where_files_wait_is_left_alone() {
    let store = titled(&[("a", "a")]);
    for kind in ["link", "file", "open", "pipe"] {
        let ground = Ground::new();
        let waiting = ground.out().join(WAITING);
        match kind {
            "link" => symlink(ground.outside(), &waiting).unwrap(),
            "file" => fs::write(&waiting, "theirs").unwrap(),
            "pipe" => assert!(std::process::Command::new("mkfifo").arg(&waiting).status().unwrap().success()),
            _ => {
                fs::create_dir(&waiting).unwrap();
                fs::set_permissions(&waiting, fs::Permissions::from_mode(0o777)).unwrap();
            }
        }
        with(&store, &ground.out(), json!({})).unwrap();
        assert_eq!(fs::read_to_string(ground.out().join("a")).unwrap(), "a", "{kind}");
        assert!(waiting.symlink_metadata().is_ok(), "{kind}");
        let names: Vec<_> = fs::read_dir(ground.out()).unwrap().collect();
        assert_eq!(names.len(), 2, "nothing of ours is left: {kind}");
        ground.is_unharmed();
    }
}

/// A store whose blobs break, once each.
struct Breaking {
    within: Memory,
    breaks: AtomicBool,
    last_begin: AtomicU64,
}

struct BreakingBlob(Box<dyn Blob>, u64);

impl Blob for BreakingBlob {
    fn piece(&mut self) -> Result<Option<bytes::Bytes>, Error> {
        self.1 -= 1;
        match self.1 {
            0 => Err(Error::new(Code::Network, "it broke")),
            _ => self.0.piece(),
        }
    }
}

impl ReadStore for Breaking {
    fn place(&self) -> String {
        self.within.place()
    }
    fn root(&self, call: &Call) -> Result<RawManifest, Error> {
        self.within.root(call)
    }
    fn manifest(&self, call: &Call, wanted: &Descriptor) -> Result<RawManifest, Error> {
        self.within.manifest(call, wanted)
    }
    fn open(&self, call: &Call, wanted: &Descriptor, hashed: Option<(Hasher, u64)>) -> Result<Box<dyn Blob>, Error> {
        self.last_begin.store(hashed.as_ref().map_or(0, |(_, length)| *length), Ordering::SeqCst);
        let blob = self.within.open(call, wanted, hashed)?;
        match self.breaks.swap(false, Ordering::SeqCst) {
            true => Ok(Box::new(BreakingBlob(blob, 3))),
            false => Ok(blob),
        }
    }
    fn size(&self, call: &Call, digest: &Digest) -> Result<u64, Error> {
        self.within.size(call, digest)
    }
    fn referrers(&self, call: &Call, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
        self.within.referrers(call, subject)
    }
}

#[test]
fn a_broken_pull_is_gone_on_with() {
    let ground = Ground::new();
    let bytes = noise(3 << 20);
    let within = artifact(&[(json!({TITLE: "large"}), bytes.clone()), (json!({TITLE: "small"}), b"s".to_vec())]);
    let store = Breaking { within, breaks: AtomicBool::new(true), last_begin: AtomicU64::new(0) };
    fails(with(&store, &ground.out(), json!({"titles": ["large"]})), Code::Network, "it broke");
    assert_eq!(ground.names(), [""; 0]);
    let room = ground.out().join(WAITING).symlink_metadata().unwrap();
    assert!(room.is_dir() && room.mode() & 0o077 == 0);
    let done = with(&store, &ground.out(), json!({"titles": ["large"]})).unwrap();
    assert!(done.bytes_resumed > 0 && done.bytes_resumed == store.last_begin.load(Ordering::SeqCst), "{done:?}");
    assert_eq!(fs::read(ground.out().join("large")).unwrap(), bytes);
    assert_eq!(fs::read_dir(ground.out()).unwrap().count(), 1);
}

#[test]
fn wrong_bytes_are_never_seen() {
    let ground = Ground::new();
    let mut store = titled(&[("good", "good"), ("bad", "these bytes")]);
    store.spoil(b"these bytes");
    fails(with(&store, &ground.out(), json!({})), Code::DigestMismatch, "");
    assert_eq!(ground.names(), [""; 0]);
    let done = with(&titled(&[("good", "good"), ("bad", "these bytes")]), &ground.out(), json!({})).unwrap();
    assert_eq!(done.files.len(), 2);
}

#[test]
fn two_pulls_into_one_folder_wait_for_each_other() {
    let ground = Ground::new();
    let bytes = noise(2 << 20);
    let store = artifact(&[(json!({TITLE: "x"}), bytes.clone()), packed("t", &[file("t/a", "a")])]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| with(&store, &ground.out(), json!({})).unwrap());
        }
    });
    assert_eq!(ground.names(), ["t", "t/a", "x"]);
    assert_eq!(fs::read(ground.out().join("x")).unwrap(), bytes);
    assert!(!ground.out().join(WAITING).exists());
}
