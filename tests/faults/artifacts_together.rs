//! Artifacts as one thing: what cannot be is seen before anything is read, sent or replaced, and what failed half-way is ended by the next
//! try.

use std::fs;
use std::path::Path;

use ocireg::artifact::pull::{pull, ArtifactPullOptions, PulledArtifact};
use ocireg::artifact::{Artifact, PartOptions};
use ocireg::error::{Code, Error};
use ocireg::image::cat::{cat, CatOptions};
use ocireg::image::export::{export, ExportOptions};
use ocireg::image::extract::{extract, ExtractOptions};
use ocireg::image::files::{files, FilesOptions};
use ocireg::place::{push_artifact, Place};
use ocireg::registry::{Client, ClientOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::images::{file, folder, layer, raw, symlink};
use crate::memory::Memory;
use crate::own_process::run_again_in_a_folder;
use crate::registry::*;
use crate::shelf::*;

/// The annotations of a blob, and the blob.
type Part = (Value, Vec<u8>);

fn artifact(given: &[Part]) -> Memory {
    let entry = |annotations: &Value, bytes: &[u8]| json!({"mediaType": "a/b", "digest": digest(bytes), "size": bytes.len(), "annotations": annotations});
    let layers: Vec<Value> = given.iter().map(|(annotations, bytes)| entry(annotations, bytes)).collect();
    let config = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(b"{}"), "size": 2});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers});
    Memory::of(&manifest, given.iter().map(|(_, bytes)| bytes.clone()))
}

fn titled(title: &str, text: &str) -> Part {
    (json!({"org.opencontainers.image.title": title}), text.as_bytes().to_vec())
}

fn packed(title: &str, entries: &[Vec<u8>]) -> Part {
    (json!({"org.opencontainers.image.title": title, "io.deis.oras.content.unpack": "true"}), layer(entries))
}

fn pulled(store: &Memory, into: &Path, options: Value) -> Result<PulledArtifact, Error> {
    let options: ArtifactPullOptions = serde_json::from_value(options).unwrap();
    pull(&call(&client()), store, into, &options)
}

#[test]
fn what_has_no_place_is_seen_before_any_file_is_replaced() {
    let deep = || packed("d", &[folder("d"), file("d/x", "new"), folder("d/y"), file("d/y/z", "new")]);
    let cases: [(&str, &str, Vec<Part>, &str); 5] = [
        ("d/x/", "", vec![titled("a", "new"), deep()], "a folder"),
        ("d/y", "old", vec![titled("a", "new"), deep()], "not a folder"),
        ("d", "old", vec![titled("a", "new"), deep()], "not a folder"),
        ("b", "old", vec![titled("a", "new"), titled("b/c/d", "new")], "not a folder"),
        ("e/f", "old", vec![titled("a", "new"), packed("e/f/g", &[folder("e/f/g")])], "not a folder"),
    ];
    for (there, text, parts, why) in cases {
        let out = tempfile::tempdir().unwrap();
        let path = out.path().join(there);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if there.ends_with('/') { fs::create_dir_all(&path) } else { fs::write(&path, text) }.unwrap();
        fs::write(out.path().join("a"), "old").unwrap();
        fails(pulled(&artifact(&parts), out.path(), json!({})), Code::Io, why);
        assert_eq!(fs::read_to_string(out.path().join("a")).unwrap(), "old", "{there}");
    }
    // A link that leads somewhere is followed, as ever, and what is left as it is has no need of a place.
    let out = tempfile::tempdir().unwrap();
    fs::create_dir_all(out.path().join("real/x")).unwrap();
    std::os::unix::fs::symlink("real", out.path().join("d")).unwrap();
    let done = pulled(&artifact(&[deep()]), out.path(), json!({"keep_old": true})).unwrap();
    assert_eq!((done.kept, fs::read_to_string(out.path().join("real/y/z")).unwrap().as_str()), (1, "new"));
}

#[test]
fn a_list_of_nothing_is_not_everything() {
    let out = tempfile::tempdir().unwrap();
    let store = artifact(&[titled("a", "1")]);
    for options in [json!({"titles": []}), json!({"media_types": []})] {
        fails(pulled(&store, &out.path().join("a"), options), Code::InvalidArgument, "empty list");
    }
    let image = Memory::new(&[layer(&[file("a", "1")])]);
    let options: ExtractOptions = serde_json::from_value(json!({"paths": []})).unwrap();
    let into = out.path().join("image");
    fails(extract(&call(&client()), &image, &into, &options), Code::InvalidArgument, "empty list");
    assert!(fs::read_dir(out.path()).unwrap().next().is_none());
}

/// A folder of that name would be a whiteout for whoever takes the files for a layer.
#[test]
fn no_file_is_in_a_folder_with_the_name_of_a_whiteout() {
    for entries in [vec![file(".wh.etc/f", "1")], vec![file("a/.wh.b/c/d", "1")], vec![symlink("a/.wh.b/c", "x")]] {
        let (store, out) = (Memory::new(&[layer(&entries)]), tempfile::tempdir().unwrap());
        let into = out.path().join("image");
        let why = "the name of a whiteout";
        fails(extract(&call(&client()), &store, &into, &ExtractOptions::default()), Code::InvalidManifest, why);
        fails(files(&call(&client()), &store, &FilesOptions::default()), Code::InvalidManifest, why);
    }
}

fn push(client: &Client, artifact: &Artifact, to: &str, options: Value) -> Result<String, Error> {
    let (to, options) = (Place::parse(to).unwrap(), serde_json::from_value(options).unwrap());
    push_artifact(client, &call(client), artifact, &to, &options).map(|pushed| pushed.digest.to_string())
}

fn with_part(path: &Path, options: Value) -> Artifact {
    let mut artifact = Artifact::default();
    let options: PartOptions = serde_json::from_value(options).unwrap();
    artifact.add_path(path.to_str().unwrap(), options).unwrap();
    artifact
}

#[test]
fn what_is_no_media_type_is_seen_before_anything_is_read() {
    let nothing = Path::new("/no/such/file");
    let part = with_part(nothing, json!({"media_type": "nonsense"}));
    fails(
        push(&client(), &part, "oci:/no/such:v1", json!({})),
        Code::InvalidArgument,
        "'nonsense' is not a media type",
    );
    let part = with_part(nothing, json!({}));
    let options = json!({"artifact_type": "a b/c"});
    fails(push(&client(), &part, "oci:/no/such:v1", options), Code::InvalidArgument, "'a b/c' is not a media type");
}

/// The limit is one of the call, however many folders an artifact has.
#[test]
fn the_folders_of_an_artifact_share_the_temporary_space() {
    let folder = tempfile::tempdir().unwrap();
    let mut both = Artifact::default();
    for (name, seed) in [("one", 1u64), ("two", 3)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        };
        let noise: Vec<u8> = (0..600_000).map(|_| next()).collect();
        fs::write(folder.path().join(name).join("noise"), noise).unwrap();
        both.add_path(folder.path().join(name).to_str().unwrap(), PartOptions::default()).unwrap();
    }
    let limited = |most: u64| {
        let mut options = ClientOptions::default();
        options.temporary.max_temporary_bytes = most;
        Client::new(options).unwrap()
    };
    let to = format!("oci:{}:v1", folder.path().join("layout").display());
    fails(push(&limited(1_000_000), &both, &to, json!({})), Code::LimitExceeded, "max_temporary_bytes");
    push(&limited(1_300_000), &both, &to, json!({})).unwrap();
}

/// Another program gave the manifest its tag, and does not know of lists; or the list was lost: the next push mends it, and leaves the
/// tag alone.
#[test]
fn one_with_a_tag_that_is_not_listed_is_listed_by_the_next_push() {
    let shelf = Shelf::start(Abilities::default());
    let image = shelf.image("amd64");
    let subject = image["digest"].as_str().unwrap();
    let mut artifact = Artifact::default();
    let title = serde_json::from_value(json!({"title": "a"})).unwrap();
    artifact.add_bytes(b"hello".to_vec().into(), title).unwrap();
    let to = format!("{}/a/b:sig", shelf.host());
    let options = json!({"subject": format!("{}/a/b@{subject}", shelf.host())});
    let pushed = push(&client(), &artifact, &to, options.clone()).unwrap();
    let list = subject.replace(':', "-");
    assert!(shelf.registry.manifests.lock().unwrap().tags.remove(&list).is_some());
    shelf.set_mood(Mood { once: true, ..Mood::default() });
    assert_eq!(push(&client(), &artifact, &to, options.clone()).unwrap(), pushed);
    let listed = shelf.registry.json(&shelf.tag(&list).unwrap()).unwrap();
    assert_eq!(listed["manifests"][0]["digest"], pushed);
    shelf.writes();
    push(&client(), &artifact, &to, options.clone()).unwrap();
    assert_eq!(shelf.writes(), Vec::<String>::new(), "all is there");
    // A condition is about the tag, which is as it has to be.
    assert!(shelf.registry.manifests.lock().unwrap().tags.remove(&list).is_some());
    let mut held = options;
    held["if_digest"] = pushed.as_str().into();
    assert_eq!(push(&client(), &artifact, &to, held).unwrap(), pushed);
    assert!(shelf.tag(&list).is_some());
}

/// What a pipe gave stays for the next push; the folders that were packed for the first one do not.
#[test]
fn what_stays_of_a_push_is_no_more_than_what_a_pipe_gave() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir_all(path("packed")).unwrap();
    fs::create_dir(path("temporary")).unwrap();
    let mut state = 1u64;
    let noise: Vec<u8> = (0..600_000)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8
        })
        .collect();
    fs::write(path("packed/noise"), noise).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    let mut both = with_part(&path("packed"), json!({}));
    both.add_path(path("pipe").to_str().unwrap(), PartOptions::default()).unwrap();
    let mut options = ClientOptions::default();
    options.temporary.temporary_dir = Some(path("temporary").to_str().unwrap().to_owned());
    let client = Client::new(options).unwrap();
    let writer = std::thread::spawn({
        let pipe = path("pipe");
        move || fs::write(pipe, "once").unwrap()
    });
    let to = format!("oci:{}:v1", path("layout").display());
    let first = push(&client, &both, &to, json!({})).unwrap();
    writer.join().unwrap();
    // Files without names, which this process has open.
    let open = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let leads = fs::read_link(&path).ok()?;
        leads.starts_with(folder.path().join("temporary")).then(|| fs::metadata(&path).unwrap().len())
    });
    assert_eq!(open.collect::<Vec<u64>>(), [4]);
    assert_eq!(push(&client, &both, &to, json!({})).unwrap(), first);
}

/// Without write permission in a folder its owner cannot rename what is in it, unless root: so by another user, in a process of its own.
#[test]
fn folders_without_write_permission_are_pulled_again() {
    if let Some(into) = std::env::var_os("OCIREG_TEST_PULL_INTO") {
        return pull_closed_folders(Path::new(&into));
    }
    let test = "artifacts_together::folders_without_write_permission_are_pulled_again";
    run_again_in_a_folder(test, "OCIREG_TEST_PULL_INTO");
}

fn pull_closed_folders(into: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    use tar::EntryType::{Directory, Regular};
    let text = |path: &str| fs::read_to_string(into.join(path)).unwrap();
    let mode = |path: &str| fs::metadata(into.join(path)).unwrap().permissions().mode() & 0o777;
    let closed = |path: &str, mode| raw(path.as_bytes(), Directory, b"", mode, b"");
    for round in ["one", "two", "three"] {
        let new = format!("t/{round}/");
        let tree = [
            closed("t/", 0o555),
            file("t/x", round),
            closed("t/in/", 0o500),
            raw(b"t/in/unread", Regular, b"", 0o200, round.as_bytes()),
            closed("t/none/", 0o000),
            file("t/none/y", round),
            closed(&new, 0o700),
        ];
        pulled(&artifact(&[titled("a", round), packed("t", &tree)]), into, json!({})).unwrap();
        assert_eq!((text("a").as_str(), text("t/x").as_str()), (round, round));
        let modes = ["t", "t/in", "t/none", &format!("t/{round}")].map(mode);
        assert_eq!(modes, [0o555, 0o500, 0o000, 0o700], "{round}");
        assert_eq!(mode("t/in/unread"), 0o200);
    }
    fs::set_permissions(into.join("t/none"), fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(text("t/none/y"), "three");
    fs::set_permissions(into.join("t"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(into.join("t/in"), fs::Permissions::from_mode(0o700)).unwrap();
    let mut left: Vec<_> = fs::read_dir(into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a", "t"]);
}

/// The layers of an artifact may be anything.
#[test]
fn an_artifact_is_not_taken_for_an_image() {
    let store = artifact(&[titled("f", "no archive")]);
    let (client, out) = (client(), tempfile::tempdir().unwrap());
    let call = || call(&client);
    let paths = |json: Value| serde_json::from_value::<ExtractOptions>(json).unwrap();
    let outcomes = [
        files(&call(), &store, &FilesOptions::default()).map(drop),
        files(&call(), &store, &serde_json::from_value(json!({"paths": ["f"]})).unwrap()).map(drop),
        cat(&call(), &store, "f", &mut Vec::new(), &CatOptions::default()).map(drop),
        export(&call(), &store, &mut Vec::new(), &ExportOptions::default()).map(drop),
        extract(&call(), &store, &out.path().join("a"), &ExtractOptions::default()).map(drop),
        extract(&call(), &store, &out.path().join("b"), &paths(json!({"paths": ["f"]}))).map(drop),
    ];
    for outcome in outcomes {
        let why = "it is an artifact of the type application/vnd.oci.empty.v1+json, and no image";
        let error = fails(outcome, Code::InvalidManifest, why);
        assert!(error.hint().unwrap().contains("artifact pull"), "{error}");
    }
    // One of files is read as ever.
    let store = artifact(&[packed("t", &[file("t/x", "x")])]);
    assert_eq!(files(&call(), &store, &FilesOptions::default()).unwrap().files.len(), 2);
}

#[test]
fn an_index_of_artifacts_has_none_for_a_platform() {
    let shelf = Shelf::start(Abilities::default());
    let entry = shelf.manifest(
        "sha256:",
        &json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": "a/b", "layers": [],
                "config": shelf.blob("application/vnd.oci.empty.v1+json", b"{}")}),
    );
    shelf.manifest("t", &json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]}));
    let (client, out) = (client(), tempfile::tempdir().unwrap());
    let place = Place::parse(&format!("{}/a/b:t", shelf.host())).unwrap();
    let store = place.source(&client).unwrap();
    let outcome = pull(&call(&client), store.as_ref(), out.path(), &ArtifactPullOptions::default());
    let error = fails(outcome, Code::NotFound, "the index has no manifest for");
    assert!(error.hint().unwrap().contains("PLACE@DIGEST"), "{error}");
}
