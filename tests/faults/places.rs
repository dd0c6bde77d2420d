//! What a copy creates at its destination, and when.

use std::path::Path;
use std::time::Duration;

use ocireg::error::{Code, Error};
use ocireg::inside::Lock;
use ocireg::layout::oci::OciLayout;
use ocireg::place::Place;
use ocireg::transfer::copy::{copy, Copied, CopyOptions};
use serde_json::json;

use crate::common::*;
use crate::memory::Memory;
use crate::server::*;

fn rehearsed(from: &Memory, to: &str) -> Result<Copied, Error> {
    let client = client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_secs(20)));
    let to = Place::parse(to)?.destination(&client)?;
    copy(&call, from, to.as_ref(), &CopyOptions { dry_run: true, ..CopyOptions::default() })
}

fn destinations(folder: &Path) -> [String; 4] {
    let folder = folder.display();
    [
        format!("oci:{folder}/new/layout:v1"),
        format!("oci-archive:{folder}/a.tar:v1"),
        format!("docker-archive:{folder}/d.tar:a/b:1"),
        format!("dir:{folder}/new/dir"),
    ]
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

/// A dry run counts what its plan lists, and leaves the destination unchanged.
#[test]
fn a_dry_run_only_looks() {
    let layers = [noise(70_000), noise(70_001)[1..].to_vec()];
    let from = Memory::new(&layers);
    let bytes = 140_000 + from.config().len();
    for number in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let to = &destinations(folder.path())[number];
        let done = rehearsed(&from, to).unwrap();
        let plan = done.plan.unwrap();
        assert_eq!(
            (plan["manifests"].as_array().unwrap().len(), plan["blobs"].as_array().unwrap().len()),
            (1, 3),
            "{to}"
        );
        assert_eq!(done.manifests, json!({"total": 1, "copied": 1, "skipped": 0, "referrers": 0}), "{to}");
        let counts = json!({"total": 3, "copied": 3, "mounted": 0, "skipped": 0, "bytes": bytes, "bytes_copied": bytes, "bytes_resumed": 0});
        assert_eq!(done.blobs, counts, "{to}");
        assert!(is_empty(folder.path()), "{to} was made");
    }
}

/// What the destination has is counted as skipped, and a lock of another process is not waited for.
#[test]
fn a_dry_run_waits_for_nobody() {
    let from = Memory::new(&[noise(70_000)]);
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("l");
    let client = client();
    copy(&call(&client), &from, &OciLayout::create(&layout, Some("1")).unwrap(), &CopyOptions::default()).unwrap();
    let _alone = Lock::exclusive(&call(&client), &layout.join("oci-layout")).unwrap();
    let before = std::fs::read(layout.join("index.json")).unwrap();
    let done = rehearsed(&from, &format!("oci:{}:2", layout.display())).unwrap();
    assert_eq!(
        (&done.blobs["total"], &done.blobs["copied"], &done.blobs["skipped"]),
        (&json!(2), &json!(0), &json!(2))
    );
    assert_eq!((&done.blobs["bytes_copied"], &done.plan.unwrap()["blobs"]), (&json!(0), &json!([])));
    assert_eq!(std::fs::read(layout.join("index.json")).unwrap(), before);
}

/// A tag that already names the manifest: there is nothing to do, and the plan says so.
#[test]
fn a_dry_run_of_what_is_there() {
    let from = Memory::new(&[noise(100)]);
    let root = ocireg::store::ReadStore::root(&from, &call(&client())).unwrap();
    let name = root.digest().clone();
    let server = Server::start(move |seen| match seen.method.as_str() {
        "HEAD" => reply(200)
            .header("Content-Type", MANIFEST_TYPE)
            .header("Docker-Content-Digest", &name)
            .header("Content-Length", root.bytes.len()),
        _ => reply(500),
    });
    let done = rehearsed(&from, &format!("docker://{}/a/b:t", server.host)).unwrap();
    assert_eq!((&done.manifests["total"], &done.manifests["skipped"]), (&json!(1), &json!(1)));
    assert_eq!(done.plan, Some(json!({"manifests": [], "blobs": []})));
}

/// A source that cannot be read, and a place that cannot be a destination: nothing is created.
#[test]
fn nothing_is_made_for_a_copy_that_cannot_be() {
    let client = client();
    let server = Server::start(|_| reply(404));
    let source = Place::parse(&format!("docker://{}/a/b:t", server.host)).unwrap();
    for number in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let to = &destinations(folder.path())[number];
        let place = Place::parse(to).unwrap();
        let outcome = ocireg::place::copy(&client, &call(&client), &source, &place, &CopyOptions::default());
        fails(outcome, Code::NotFound, "");
        assert!(is_empty(folder.path()), "{to} was made");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("other")).unwrap();
    std::fs::write(path("other/file"), "x").unwrap();
    let from = Memory::new(&[noise(100)]);
    let shown = |name: &str| path(name).display().to_string();
    fails(rehearsed(&from, &format!("oci:{}", shown("other"))), Code::Io, "is not an OCI layout");
    fails(rehearsed(&from, &format!("dir:{}", shown("other/file"))), Code::Io, "is not a directory");
    fails(rehearsed(&from, &format!("oci-archive:{}", shown("other"))), Code::Io, "is a directory");
}
