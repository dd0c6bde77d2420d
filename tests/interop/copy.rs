//! Copies between every two kinds of places, with real registries and real clients on both ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ocireg::error::{Code, Error};
use ocireg::layout::check::CleanOptions;
use ocireg::place::Place;
use ocireg::registry::manifest::{GetOptions, PutOptions};
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use ocireg::transfer::copy::{Copied, CopyOptions};
use serde_json::{json, Value};

use super::{env, noise, places, push_image, sha256, TestRegistry};

pub fn copied(client: &Client, from: &str, to: &str, options: CopyOptions) -> Result<Copied, Error> {
    let call = client.call(None)?;
    let (from, to) = (Place::parse(from)?, Place::parse(to)?);
    ocireg::place::copy(client, &call, &from, &to, &options)
}

pub fn done(client: &Client, from: &str, to: &str) -> Copied {
    copied(client, from, to, CopyOptions::default()).unwrap_or_else(|error| panic!("{from} to {to}: {error}"))
}

#[track_caller]
fn fails(outcome: Result<Copied, Error>, code: Code, part: &str) -> Error {
    let error = outcome.expect_err("this must fail");
    assert_eq!(error.code(), code, "{error}");
    assert!(error.message().contains(part), "{:?} lacks {part:?}", error.message());
    error
}

pub fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in(env("OCIREG_TEST_TMP")).unwrap()
}

/// A tagged index of two images and a nested index.
fn push_index(place: &TestRegistry, client: &Client, name: &str) -> String {
    let call = client.call(None).unwrap();
    let entry = |manifest: &[u8], architecture: &str| {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(manifest),
               "size": manifest.len(), "platform": {"os": "linux", "architecture": architecture}})
    };
    let images: Vec<Value> =
        ["amd64", "arm64"].iter().map(|arch| entry(&push_image(place, client, name, arch), arch)).collect();
    let put = |reference: &str, value: &Value| {
        let bytes = value.to_string();
        client.put_manifest(&call, &place.reference(reference), bytes.as_bytes(), &PutOptions::default()).unwrap();
        bytes
    };
    let index_type = "application/vnd.oci.image.index.v1+json";
    let inner = json!({"schemaVersion": 2, "mediaType": index_type, "manifests": [&images[1]]});
    let digest = sha256(inner.to_string().as_bytes());
    put(&format!("{name}@{digest}"), &inner);
    let inner = json!({"mediaType": index_type, "digest": digest, "size": inner.to_string().len()});
    let outer = json!({"schemaVersion": 2, "mediaType": index_type, "manifests": [&images[0], &images[1], inner]});
    put(&format!("{name}:1"), &outer);
    format!("docker://{}/{name}:1", place.host)
}

/// An artifact with an empty config.
fn push_artifact(place: &TestRegistry, client: &Client, name: &str) -> String {
    let call = client.call(None).unwrap();
    let (config, file) = (b"{}", noise(100_000, 77));
    for blob in [&config[..], &file] {
        client.put_blob(&call, &place.repository(name), blob, &BlobPutOptions::default()).unwrap();
    }
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/x-thing",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(config), "size": 2},
        "layers": [{"mediaType": "application/octet-stream", "digest": sha256(&file), "size": file.len()}]});
    let bytes = manifest.to_string();
    let reference = place.reference(&format!("{name}:thing"));
    client.put_manifest(&call, &reference, bytes.as_bytes(), &PutOptions::default()).unwrap();
    format!("docker://{}/{name}:thing", place.host)
}

/// From each registry through each kind of local place to another registry, with the same digest at every step.
#[test]
fn every_kind_of_place_to_every_other() {
    let target = TestRegistry::new("OCIREG_TEST_V3");
    for place in places() {
        let client = place.client();
        let single = {
            push_image(&place, &client, "matrix/one", "amd64");
            let manifest = push_image(&place, &client, "matrix/one", "amd64");
            format!("docker://{}/matrix/one@{}", place.host, sha256(&manifest))
        };
        let sources = [
            (push_index(&place, &client, "matrix/index"), true),
            (single, false),
            (push_artifact(&place, &client, "matrix/artifact"), true),
        ];
        for (number, (source, not_for_docker)) in sources.iter().enumerate() {
            let folder = scratch();
            let path = |name: &str| folder.path().join(name).display().to_string();
            let mut locals = vec![
                format!("oci:{}:v1", path("layout")),
                format!("oci-archive:{}:v1", path("layout.tar")),
                format!("dir:{}", path("dir")),
            ];
            if !not_for_docker {
                locals.push(format!("docker-archive:{}:example.org/a/b:v1", path("docker.tar")));
            }
            let first = done(&client, source, &locals[0]).digest;
            for from in &locals {
                assert_eq!(done(&client, source, from).digest, first, "{source} to {from}");
                for to in &locals {
                    if from != to {
                        assert_eq!(done(&client, from, to).digest, first, "{from} to {to}");
                    }
                }
                let end = format!("docker://{}/matrix/{}/{number}:x", target.host, place.host.replace([':', '.'], "-"));
                let result = done(&client, from, &end);
                assert_eq!(result.digest, first, "{from} to {end}");
                let name = end.strip_prefix("docker://").unwrap();
                assert_eq!(target.crane(&["digest", name]).trim(), first.as_str());
                target.crane(&["validate", "--remote", name]);
            }
        }
    }
}

#[test]
fn what_is_there_is_not_moved_again() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let source = push_index(&place, &client, "again/source");
    let folder = scratch();
    for target in
        [format!("oci:{}:1", folder.path().join("l").display()), format!("docker://{}/again/copy:1", place.host)]
    {
        let first = done(&client, &source, &target);
        let near = target.starts_with("docker");
        assert_eq!(first.blobs[if near { "mounted" } else { "copied" }], 4, "{:?}", first.blobs);
        let second = done(&client, &source, &target);
        assert_eq!(second.blobs["bytes_copied"], 0, "{:?}", second.blobs);
        assert_eq!(second.digest, first.digest);
    }
}

#[test]
fn a_choice_of_platforms() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let source = push_index(&place, &client, "choice/source");
    let folder = scratch();
    let to = |name: &str| format!("oci:{}:{name}", folder.path().join(name).display());
    let with = |platforms: &[&str], sparse: bool| CopyOptions {
        platform: platforms.iter().map(|text| (*text).to_owned()).collect(),
        sparse,
        ..CopyOptions::default()
    };
    let one = copied(&client, &source, &to("one"), with(&["linux/arm64"], false)).unwrap();
    assert_eq!(one.media_type, "application/vnd.oci.image.manifest.v1+json");
    let both = copied(&client, &source, &to("both"), with(&["linux/arm64", "linux/amd64"], false)).unwrap();
    assert_eq!((&both.manifests["copied"], &both.blobs["copied"]), (&json!(3), &json!(4)));
    let sparse = copied(&client, &source, &to("sparse"), with(&["linux/arm64"], true)).unwrap();
    let whole = done(&client, &source, &to("whole"));
    assert_eq!(sparse.digest, whole.digest);
    assert_eq!((&sparse.manifests["copied"], &sparse.blobs["copied"]), (&json!(2), &json!(2)));
    fails(copied(&client, &source, &to("none"), with(&["plan9/arm64"], false)), Code::NotFound, "plan9/arm64");
    let both = CopyOptions { all: true, ..with(&["linux/arm64"], false) };
    fails(copied(&client, &source, &to("none"), both), Code::InvalidArgument, "all and platform");
}

/// A signature of a signature, from a registry with the referrers API and one without, through a layout, to either.
#[test]
fn referrers_travel_with_their_subject() {
    let (with, without) = (TestRegistry::new("OCIREG_TEST_REFERRERS"), TestRegistry::new("OCIREG_TEST_V3"));
    let all = || CopyOptions { referrers: true, ..CopyOptions::default() };
    for (from, to) in [(&with, &without), (&without, &with), (&with, &with)] {
        let client = from.client();
        let call = client.call(None).unwrap();
        let repository = from.repository("signed/source");
        let image = push_image(from, &client, "signed/source", "amd64");
        let mut subject = (sha256(&image), image.len());
        let tagged = PutOptions { tags: vec!["1".to_owned()], ..PutOptions::default() };
        client.put_manifest(&call, &from.reference(&format!("signed/source@{}", subject.0)), &image, &tagged).unwrap();
        client.put_blob(&call, &repository, b"{}", &BlobPutOptions::default()).unwrap();
        let mut chain = Vec::new();
        for kind in ["application/x-signature", "application/x-countersignature"] {
            let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2});
            let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": kind, "config": empty, "layers": [empty],
                "subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject.0, "size": subject.1}});
            let bytes = manifest.to_string();
            let reference = from.reference(&format!("signed/source@{}", sha256(bytes.as_bytes())));
            client.put_manifest(&call, &reference, bytes.as_bytes(), &PutOptions::default()).unwrap();
            chain.push((subject.0.clone(), sha256(bytes.as_bytes())));
            subject = (sha256(bytes.as_bytes()), bytes.len());
        }
        let folder = scratch();
        let layout = format!("oci:{}:1", folder.path().join("l").display());
        let name = format!("signed/copy-{}", from.host.replace([':', '.'], "-"));
        let source = format!("docker://{}/signed/source:1", from.host);
        let pulled = copied(&client, &source, &layout, all()).unwrap();
        assert_eq!(pulled.manifests["referrers"], 2, "{:?}", pulled.manifests);
        let pushed = copied(&client, &layout, &format!("docker://{}/{name}:1", to.host), all()).unwrap();
        assert_eq!(pushed.manifests["referrers"], 2, "{:?}", pushed.manifests);
        for (subject, referrer) in chain {
            let reference = to.reference(&format!("{name}@{subject}"));
            let found = client.referrers(&call, &reference, &Default::default()).unwrap();
            assert_eq!(found.referrers.iter().map(|one| &one.digest).collect::<Vec<_>>(), [&referrer], "{}", to.host);
        }
    }
}

#[test]
fn a_dry_run_moves_nothing() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let source = push_index(&place, &client, "dry/source");
    let target = format!("docker://{}/dry/copy:1", place.host);
    let dry = CopyOptions { dry_run: true, ..CopyOptions::default() };
    let plan = copied(&client, &source, &target, dry).unwrap().plan.unwrap();
    assert_eq!(plan["blobs"].as_array().unwrap().len(), 4);
    assert_eq!(plan["manifests"].as_array().unwrap().len(), 4);
    let call = client.call(None).unwrap();
    let found = client.get_manifest(&call, &place.reference("dry/copy:1"), &GetOptions::default());
    assert_eq!(found.err().unwrap().code(), Code::NotFound);
}

/// Archives of other programs in Docker's old format: the manifest is generated from them. The table has all other kinds of places.
#[test]
fn layers_of_dockers_archives_are_packed_for_a_registry() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let manifest = push_image(&place, &client, "peers/image", "amd64");
    let source = format!("docker://{}/peers/image@{}", place.host, sha256(&manifest));
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    place.run(
        "skopeo",
        &[
            "--insecure-policy",
            "copy",
            "--src-tls-verify=false",
            &source,
            &format!("docker-archive:{}:a/b:1", path("their-docker.tar")),
        ],
    );
    place.crane(&["pull", source.strip_prefix("docker://").unwrap(), &path("crane-docker.tar")]);
    for (file, name) in [("their-docker.tar", "x1"), ("crane-docker.tar", "x2")] {
        let target = format!("docker://{}/peers/{name}:1", place.host);
        let copied = done(&client, &format!("docker-archive:{}", path(file)), &target);
        assert_eq!(copied.blobs["total"], 2);
        place.run("skopeo", &["inspect", "--tls-verify=false", &target]);
        // Layers are compressed, as other tools push them.
        let name = target.strip_prefix("docker://").unwrap();
        place.crane(&["validate", "--remote", name]);
        let pushed: serde_json::Value = serde_json::from_str(&place.crane(&["manifest", name])).unwrap();
        assert!(pushed["layers"][0]["mediaType"].as_str().unwrap().ends_with("gzip"), "{pushed}");
    }
}

/// An image of `layers` layers of noise, with a tag.
pub fn push_large(place: &TestRegistry, client: &Client, name: &str, layers: u64, size: usize) -> String {
    let call = client.call(None).unwrap();
    let repository = place.repository(name);
    client.put_blob(&call, &repository, b"{}", &BlobPutOptions::default()).unwrap();
    let mut named = Vec::new();
    for seed in 0..layers {
        let bytes = noise(size, 1 + seed * 2);
        client.put_blob(&call, &repository, &bytes, &BlobPutOptions::default()).unwrap();
        named.push(json!({"mediaType": "application/octet-stream", "digest": sha256(&bytes), "size": size}));
    }
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/x-large", "layers": named,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2}});
    let bytes = manifest.to_string();
    client
        .put_manifest(&call, &place.reference(&format!("{name}:1")), bytes.as_bytes(), &PutOptions::default())
        .unwrap();
    format!("docker://{}/{name}:1", place.host)
}

pub fn command() -> PathBuf {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/ocireg");
    std::env::var_os("OCIREG_TEST_COMMAND").map_or(built, PathBuf::from)
}

pub fn start(from: &str, to: &str) -> Child {
    let mut child = Command::new(command());
    child.args(["copy", from, to]).stdout(Stdio::piped()).stderr(Stdio::piped());
    child.spawn().unwrap_or_else(|error| panic!("{}: {error}", command().display()))
}

pub fn end(child: Child) -> Value {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Total bytes of the blobs of a layout, including partial ones.
pub fn bytes_in(layout: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(layout.join("blobs/sha256")) else { return 0 };
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|facts| facts.len()).sum()
}

pub fn check(client: &Client, layout: &Path) -> ocireg::layout::check::CheckResult {
    let opened = ocireg::layout::oci::OciLayout::open(layout, None).unwrap();
    ocireg::layout::check::check(&client.call(None).unwrap(), &opened).unwrap()
}

#[test]
fn eight_processes_pull_one_image_into_one_layout() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let source = push_large(&place, &client, "eight/source", 8, 2 << 20);
    let folder = scratch();
    let layout = folder.path().join("l");
    let target = format!("oci:{}:1", layout.display());
    let children: Vec<Child> = (0..8).map(|_| start(&source, &target)).collect();
    let moved: u64 = children.into_iter().map(|child| end(child)["blobs"]["bytes_copied"].as_u64().unwrap()).sum();
    assert_eq!(moved, (8 * (2 << 20)) + 2, "each byte once");
    let checked = check(&client, &layout);
    assert!(checked.ok && checked.images == 1, "{:?}", checked.problems);
}

#[test]
fn a_clean_up_takes_only_what_nobody_needs() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let call = client.call(None).unwrap();
    let folder = scratch();
    let layout = folder.path().join("l");
    let target = format!("oci:{}:1", layout.display());
    done(&client, &push_large(&place, &client, "clean/old", 2, 1000), &target);
    let index = push_index(&place, &client, "clean/new");
    done(&client, &index, &target);
    let opened = ocireg::layout::oci::OciLayout::open(&layout, None).unwrap();
    let cleaned = ocireg::layout::check::clean(&call, &opened, &CleanOptions::default()).unwrap();
    // The old manifest, its config and its two layers.
    assert_eq!(cleaned.removed.len(), 4, "{:?}", cleaned.removed);
    assert!(check(&client, &layout).ok);
    assert_eq!(done(&client, &index, &target).blobs["bytes_copied"], 0);
}

#[test]
fn bad_places_and_bad_bytes_have_their_own_errors() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let source = push_large(&place, &client, "bad/source", 2, 1000);
    let folder = scratch();
    let path = |name: &str| folder.path().join(name);
    let layout = format!("oci:{}:1", path("l").display());
    let target = format!("docker://{}/bad/copy:1", place.host);
    done(&client, &source, &layout);
    let copy_it = |from: &str, to: &str| copied(&client, from, to, CopyOptions::default());

    let blob = path("l").join("blobs/sha256").join(sha256(&noise(1000, 1)).hex());
    let good = std::fs::read(&blob).unwrap();
    std::fs::write(&blob, noise(1000, 99)).unwrap();
    let error = fails(copy_it(&layout, &target), Code::DigestMismatch, "blob of the digest");
    assert_eq!(error.to_json()["side"], "source");
    std::fs::write(&blob, &good[..500]).unwrap();
    fails(copy_it(&layout, &target), Code::SizeMismatch, "500 bytes");
    std::fs::remove_file(&blob).unwrap();
    fails(copy_it(&layout, &target), Code::MissingBlob, sha256(&noise(1000, 1)).as_str());
    let call = client.call(None).unwrap();
    let found = client.get_manifest(&call, &place.reference("bad/copy:1"), &GetOptions::default());
    assert_eq!(found.err().unwrap().code(), Code::NotFound, "nothing half done");
    std::fs::write(&blob, &good).unwrap();

    done(&client, &source, &format!("dir:{}", path("d").display()));
    let name = sha256(&noise(1000, 1));
    std::fs::remove_file(path("d").join(name.hex())).unwrap();
    fails(copy_it(&format!("dir:{}", path("d").display()), &target), Code::MissingBlob, name.as_str());

    done(&client, &source, &format!("oci-archive:{}:1", path("a.tar").display()));
    let whole = std::fs::read(path("a.tar")).unwrap();
    std::fs::write(path("cut.tar"), &whole[..whole.len() - 2500]).unwrap();
    fails(copy_it(&format!("oci-archive:{}", path("cut.tar").display()), &target), Code::Io, "cut short");
    std::fs::write(path("gz.tar"), [0x1f, 0x8b, 8, 0]).unwrap();
    fails(copy_it(&format!("oci-archive:{}", path("gz.tar").display()), &target), Code::Io, "cannot be decompressed");
    let mut hostile = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.as_old_mut().name[..9].copy_from_slice(b"../escape");
    header.set_cksum();
    hostile.append(&header, &b"x"[..]).unwrap();
    std::fs::write(path("evil.tar"), hostile.into_inner().unwrap()).unwrap();
    fails(copy_it(&format!("oci-archive:{}", path("evil.tar").display()), &target), Code::Io, "../escape");

    fails(copy_it(&format!("oci:{}", path("nothing").display()), &target), Code::NotFound, "not an OCI layout");
    fails(copy_it(&format!("oci:{}:2", path("l").display()), &target), Code::NotFound, "no image '2'");
    std::fs::create_dir(path("full")).unwrap();
    std::fs::write(path("full/file"), "x").unwrap();
    let error = fails(copy_it(&source, &format!("oci:{}", path("full").display())), Code::Io, "is not an OCI layout");
    assert_eq!(error.to_json()["side"], "destination");
    fails(copy_it(&source, "oci:/proc/self/x"), Code::Io, "/proc/self/x");
    fails(
        copy_it(&source, &format!("docker-archive:{}", path("x.tar").display())),
        Code::InvalidManifest,
        "holds images, but this is of type",
    );
    fails(copy_it(&source, "ftp://x/y"), Code::InvalidReference, "transport");
}
