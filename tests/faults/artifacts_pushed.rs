//! Pushing artifacts where something fails: what is there afterwards, and what the next try does.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use ocireg::artifact::push::ArtifactPushOptions;
use ocireg::artifact::{Artifact, PartOptions};
use ocireg::error::Code;
use ocireg::place::{attach_artifact, push_artifact, Place};
use serde_json::{json, Value};

use crate::common::*;
use crate::registry::*;
use crate::server::*;
use crate::shelf::*;

fn part(options: Value) -> PartOptions {
    serde_json::from_value(options).unwrap()
}

fn of_bytes(options: Value) -> Artifact {
    let mut artifact = Artifact::default();
    artifact.add_bytes(b"hello".to_vec().into(), part(options)).unwrap();
    artifact
}

fn of_path(path: &Path) -> Artifact {
    let mut artifact = Artifact::default();
    artifact.add_path(path.to_str().unwrap(), PartOptions::default()).unwrap();
    artifact
}

fn push(artifact: &Artifact, to: &str, options: Value) -> Result<Value, ocireg::error::Error> {
    let client = client();
    let (to, options) = (Place::parse(to).unwrap(), serde_json::from_value(options).unwrap());
    push_artifact(&client, &call(&client), artifact, &to, &options).map(|pushed| serde_json::to_value(pushed).unwrap())
}

#[test]
fn no_bytes_are_left_out_for_their_media_type() {
    let folder = tempfile::tempdir().unwrap();
    let media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    let to = format!("oci:{}:v1", folder.path().display());
    push(&of_bytes(json!({"title": "a", "media_type": media_type})), &to, json!({})).unwrap();
    let blob = folder.path().join("blobs/sha256").join(digest(b"hello").hex());
    assert_eq!(std::fs::read(blob).unwrap(), b"hello");
}

/// The manifest is there, its list is not: the next try has nothing new to put, and all the same ends with the list.
#[test]
fn an_attached_one_that_is_not_listed_is_listed_by_the_next_try() {
    let shelf = Shelf::start(Abilities::default());
    let image = shelf.image("amd64");
    let subject = image["digest"].as_str().unwrap();
    let place = Place::parse(&format!("{}/a/b@{subject}", shelf.host())).unwrap();
    let client = client();
    let artifact = of_bytes(json!({"title": "a"}));
    let attach = || attach_artifact(&client, &call(&client), &artifact, &place, &Default::default());
    // Two uploads of two requests each, the manifest, and the list.
    shelf.set_mood(Mood { refused: Some(5), ..Mood::default() });
    assert!(attach().is_err());
    let list = subject.replace(':', "-");
    assert_eq!(shelf.tag(&list), None);
    assert!(shelf.writes()[4].contains("/manifests/sha256:"));
    shelf.set_mood(Mood::default());
    let pushed = attach().unwrap();
    let listed = shelf.registry.json(&shelf.tag(&list).unwrap()).unwrap();
    assert_eq!(listed["manifests"][0]["digest"], pushed.digest.to_string());
}

#[test]
fn what_is_left_as_it_is_costs_no_reading() {
    let shelf = Shelf::start(Abilities::default());
    let to = format!("{}/a/b:t", shelf.host());
    let there = push(&of_bytes(json!({"title": "a"})), &to, json!({})).unwrap();
    let nothing = of_path(Path::new("/no/such/file"));
    let left =
        push(&nothing, &to, json!({"if_exists": "skip", "subject": format!("{}/a/b:none", shelf.host())})).unwrap();
    assert_eq!((&left["skipped"], &left["digest"]), (&json!(["t"]), &there["digest"]));
    assert_eq!((&left["size"], &left["layers"]), (&Value::Null, &json!([])));
    fails(push(&nothing, &to, json!({})), Code::Io, "/no/such/file");
    for (options, why) in [
        (json!({"annotations": ["x"]}), "KEY=VALUE"),
        (json!({"concurrency": 65}), "concurrency"),
        (json!({"if_exists": "sometimes"}), "if_exists"),
    ] {
        fails(push(&nothing, &to, options), Code::InvalidArgument, why);
    }
    let error = serde_json::from_value::<ArtifactPushOptions>(json!({"image_spec": "v2"})).unwrap_err();
    assert!(error.to_string().contains("image_spec"), "{error}");
    let client = client();
    let place = Place::parse("dir:/no/such/folder").unwrap();
    let outcome = attach_artifact(&client, &call(&client), &nothing, &place, &Default::default());
    fails(outcome, Code::Unsupported, "dir:");
}

#[test]
fn what_can_be_read_once_is_there_for_the_next_push_too() {
    let shelf = Shelf::start(Abilities::default());
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let artifact = of_path(&pipe);
    let to = format!("{}/a/b:t", shelf.host());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, "once").unwrap()
    });
    shelf.set_mood(Mood { refused: Some(0), ..Mood::default() });
    assert!(push(&artifact, &to, json!({})).is_err());
    writer.join().unwrap();
    shelf.set_mood(Mood::default());
    let pushed = push(&artifact, &to, json!({})).unwrap();
    assert_eq!(pushed["layers"][0]["digest"], digest(b"once").to_string());
}

/// The rest of what a push has read a part of is lost.
#[test]
fn half_of_what_can_be_read_once_is_not_taken_for_all() {
    let shelf = Shelf::start(Abilities::default());
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let artifact = of_path(&pipe);
    let to = format!("{}/a/b:t", shelf.host());
    let client = client();
    let (context, call) = with_context(&client);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut open = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
            std::io::Write::write_all(&mut open, b"half").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(100));
            context.cancel();
            std::thread::sleep(std::time::Duration::from_millis(300));
        });
        let place = Place::parse(&to).unwrap();
        let outcome = push_artifact(&client, &call, &artifact, &place, &Default::default());
        fails(outcome, Code::Cancelled, "");
    });
    fails(push(&artifact, &to, json!({})), Code::Io, "has read a part of it");
    assert_eq!(shelf.tag("t"), None);
}

#[test]
fn standard_input_is_read_once() {
    let mut artifact = Artifact::default();
    artifact.add_path("-", part(json!({"title": "a"}))).unwrap();
    for options in [json!({"title": "b"}), json!({"config": true})] {
        fails(artifact.add_path("-", part(options)), Code::InvalidArgument, "only once");
    }
}

#[test]
fn blobs_are_pushed_in_parallel() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (inside, highest) = (now.clone(), most.clone());
    let server = Server::start(move |seen| match (seen.method.as_str(), seen.path()) {
        ("POST", _) => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
        ("PUT", path) if path.contains("/uploads/") => {
            highest.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(200));
            inside.fetch_sub(1, Ordering::SeqCst);
            created(seen)
        }
        ("PUT", _) => created(seen),
        _ => reply(404),
    });
    for (concurrency, wanted) in [(1, 1..=1), (4, 2..=4)] {
        most.store(0, Ordering::SeqCst);
        let mut artifact = Artifact::default();
        for number in 0..8 {
            let bytes = format!("{concurrency} {number}").into_bytes();
            artifact.add_bytes(bytes.into(), part(json!({"title": number.to_string()}))).unwrap();
        }
        let to = format!("{}/a/b:v{concurrency}", server.host);
        push(&artifact, &to, json!({"artifact_type": "a/b", "concurrency": concurrency})).unwrap();
        let most = most.load(Ordering::SeqCst);
        assert!(wanted.contains(&most), "{concurrency}: {most}");
    }
}

/// oras refuses it too: a mistake in typing would leave what not every registry can delete.
#[test]
fn nothing_is_not_attached() {
    let folder = tempfile::tempdir().unwrap();
    let to = format!("oci:{}:v1", folder.path().display());
    let subject = push(&of_bytes(json!({"title": "a"})), &to, json!({})).unwrap();
    let (client, place) = (client(), Place::parse(&to).unwrap());
    let attach = |artifact: &Artifact, options: Value| {
        attach_artifact(&client, &call(&client), artifact, &place, &serde_json::from_value(options).unwrap())
    };
    for options in [json!({}), json!({"artifact_type": "a/b"})] {
        fails(attach(&Artifact::default(), options), Code::InvalidArgument, "nothing is attached");
    }
    let attached =
        |artifact: &Artifact, options: Value| attach(artifact, options).unwrap().subject.unwrap().digest.to_string();
    assert_eq!(attached(&Artifact::default(), json!({"annotations": ["a=b"]})), subject["digest"]);
    assert_eq!(attached(&of_bytes(json!({"config": true, "media_type": "a/b"})), json!({})), subject["digest"]);
    // Without a subject it is a place for a name.
    push(&Artifact::default(), &to.replace("v1", "v2"), json!({})).unwrap();
}

#[test]
fn a_subject_is_named_by_its_digest_too() {
    let (shelf, folder) =
        (Shelf::start(Abilities { referrers: true, ..Abilities::default() }), tempfile::tempdir().unwrap());
    let image = shelf.image("amd64");
    let layout = format!("oci:{}:v1", folder.path().display());
    let there = push(&of_bytes(json!({"title": "a"})), &layout, json!({})).unwrap();
    let about = of_bytes(json!({"title": "about"}));
    for (to, digest) in
        [(format!("{}/a/b:sig", shelf.host()), &image["digest"]), (layout.replace("v1", "sig"), &there["digest"])]
    {
        let pushed = push(&about, &to, json!({"subject": digest})).unwrap();
        assert_eq!(&pushed["subject"]["digest"], digest, "{to}");
        let missing = json!({"subject": digest_of_nothing()});
        fails(push(&about, &to, missing), Code::NotFound, "the subject");
        let error =
            fails(push(&about, &to, json!({"subject": "amd64"})), Code::InvalidArgument, "not in the same repository");
        assert!(error.hint().unwrap().contains("by its digest alone"), "{error}");
    }
}

fn digest_of_nothing() -> String {
    digest(b"nothing has these bytes").to_string()
}
