//! Whole repositories between registries, layouts and archives, with crane, skopeo and oras as readers and writers of the other side.

use std::path::Path;

use ocireg::inside::{ArchiveFormat, ArchiveReader};
use ocireg::place::{sync, SyncDestination, SyncOptions, SyncSource};
use ocireg::registry::manifest::PutOptions;
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::Client;
use serde_json::{json, Value};

use super::artifacts::oras;
use super::copy::{check, scratch};
use super::{push_image, sha256, TestRegistry};

pub fn synced(client: &Client, from: &str, to: &str, options: Value) -> Value {
    let (source, destination) = (SyncSource::named(client, from).unwrap(), SyncDestination::named(client, to).unwrap());
    let options: SyncOptions = serde_json::from_value(options).unwrap();
    let call = client.call(None).unwrap();
    let result =
        sync(client, &call, &source, &destination, &options).unwrap_or_else(|error| panic!("{from} {to}: {error}"));
    serde_json::to_value(result).unwrap()
}

pub fn counts(result: &Value) -> String {
    let tags = &result["tags"];
    ["selected", "copied", "skipped", "pruned", "failed"].map(|key| tags[key].to_string()).join(" ")
}

/// Tags of images, two of which are one, and an index.
fn fill(place: &TestRegistry, client: &Client, name: &str) -> Vec<String> {
    let call = client.call(None).unwrap();
    let put = |tag: &str, bytes: &[u8]| {
        client.put_manifest(&call, &place.reference(&format!("{name}:{tag}")), bytes, &PutOptions::default()).unwrap();
    };
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let mut entries = Vec::new();
    for (tag, architecture) in [("v1.0", "amd64"), ("v1.1", "arm64"), ("v1.1-same", "arm64"), ("edge", "riscv64")] {
        let manifest = push_image(place, client, name, architecture);
        entries.push(json!({"mediaType": kind, "digest": sha256(&manifest), "size": manifest.len(),
                            "platform": {"os": "linux", "architecture": architecture}}));
        put(tag, &manifest);
    }
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries});
    put("index", index.to_string().as_bytes());
    ["edge", "index", "v1.0", "v1.1", "v1.1-same"].map(str::to_owned).to_vec()
}

pub fn tags(place: &TestRegistry, name: &str) -> Vec<String> {
    let mut tags: Vec<String> =
        place.crane(&["ls", &format!("{}/{name}", place.host)]).lines().map(str::to_owned).collect();
    tags.sort();
    tags
}

fn digests(place: &TestRegistry, name: &str, tags: &[String]) -> Vec<String> {
    let digest = |tag: &String| place.crane(&["digest", &format!("{}/{name}:{tag}", place.host)]).trim().to_owned();
    tags.iter().map(digest).collect()
}

#[test]
fn a_repository_goes_round_and_comes_back_the_same() {
    let home = TestRegistry::new("OCIREG_TEST_V3");
    for variable in ["OCIREG_TEST_V2", "OCIREG_TEST_V3", "OCIREG_TEST_GGCR"] {
        let place = TestRegistry::new(variable);
        let client = place.client();
        let name = format!("synced/{}", variable.to_lowercase());
        let all = fill(&home, &client, &format!("{name}-home"));
        let wanted = digests(&home, &format!("{name}-home"), &all);
        let folder = scratch();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut from = format!("{}/{name}-home", home.host);
        for (number, to) in [
            format!("{}/{name}-away", place.host),
            format!("oci:{}", path("layout")),
            format!("{}/{name}-restored", place.host),
            format!("oci-archive:{}", path("archive.tar")),
            format!("oci:{}", path("unpacked")),
            format!("docker://{}/{name}-again", place.host),
        ]
        .into_iter()
        .enumerate()
        {
            let first = synced(&client, &from, &to, json!({}));
            assert_eq!(counts(&first), "5 5 0 0 0", "{from} {to}: {}", first["error"]);
            let again = synced(&client, &from, &to, json!({}));
            assert_eq!((counts(&again).as_str(), &again["blobs"]["total"]), ("5 0 5 0 0", &json!(0)), "{from} {to}");
            if number % 2 == 1 {
                let looked = synced(&client, &from, &to, json!({"referrers": true, "parallel": 1}));
                assert_eq!(counts(&looked).split_once(' ').unwrap().0, "5");
                assert_eq!(looked["blobs"]["bytes_copied"], 0);
            }
            from = to;
        }
        for repository in ["away", "restored", "again"].map(|end| format!("{name}-{end}")) {
            assert_eq!(tags(&place, &repository), all);
            assert_eq!(digests(&place, &repository, &all), wanted);
            place.crane(&["validate", "--remote", &format!("{}/{repository}:index", place.host)]);
        }
        for layout in ["layout", "unpacked"] {
            assert!(check(&client, Path::new(&path(layout))).ok);
        }
    }
}

#[test]
fn others_read_a_backup_and_we_read_theirs() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    let all = fill(&place, &client, "synced/shared");
    let wanted = digests(&place, "synced/shared", &all);
    let folder = scratch();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let from = format!("{}/synced/shared", place.host);
    synced(&client, &from, &format!("oci:{}", path("ours")), json!({}));
    synced(&client, &from, &format!("oci-archive:{}", path("ours.tar")), json!({}));
    for (input, name) in [("ours", "synced/by-oras"), ("ours.tar", "synced/by-oras-tar")] {
        oras(folder.path(), &["restore", "--input", input, &format!("{}/{name}", place.host)]);
        assert_eq!((tags(&place, name), digests(&place, name, &all)), (all.clone(), wanted.clone()));
    }
    for (tag, digest) in all.iter().zip(&wanted) {
        for source in [format!("oci:{}:{tag}", path("ours")), format!("oci-archive:{}:{tag}", path("ours.tar"))] {
            let raw = place.run("skopeo", &["inspect", "--raw", &source]);
            assert_eq!(sha256(raw.as_bytes()).to_string(), *digest, "{source}");
        }
    }
    for output in ["theirs", "theirs.tar"] {
        oras(folder.path(), &["backup", "--output", output, &from]);
        let transport = if output.ends_with(".tar") { "oci-archive" } else { "oci" };
        let name = format!("synced/from-{}", output.replace('.', "-"));
        let result =
            synced(&client, &format!("{transport}:{}", path(output)), &format!("{}/{name}", place.host), json!({}));
        assert_eq!(counts(&result), "5 5 0 0 0");
        assert_eq!((tags(&place, &name), digests(&place, &name, &all)), (all.clone(), wanted.clone()));
    }
    // What skopeo sync made of the same repository is there already.
    let mirror = format!("{}/synced/skopeo", place.host);
    place.run(
        "skopeo",
        &[
            "--insecure-policy",
            "sync",
            "--all",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "--src",
            "docker",
            "--dest",
            "docker",
            &from,
            &mirror,
        ],
    );
    assert_eq!(counts(&synced(&client, &from, &format!("{mirror}/shared"), json!({}))), "5 0 5 0 0");
}

#[test]
fn tags_are_chosen_and_pruned() {
    let place = TestRegistry::new("OCIREG_TEST_V3");
    let client = place.client();
    fill(&place, &client, "synced/chosen");
    let from = format!("{}/synced/chosen", place.host);
    let folder = scratch();
    let (layout, archive) = (folder.path().join("l"), folder.path().join("a.tar"));
    for to in [
        format!("{}/synced/pruned", place.host),
        format!("oci:{}", layout.display()),
        format!("oci-archive:{}", archive.display()),
    ] {
        assert_eq!(counts(&synced(&client, &from, &to, json!({"semver": [">=1.0"]}))), "3 3 0 0 0");
        let newest =
            synced(&client, &from, &to, json!({"semver": ["1.x"], "newest": 1, "prune": true, "dry_run": true}));
        assert_eq!(counts(&newest), "1 0 1 2 0");
        let newest = synced(&client, &from, &to, json!({"semver": ["1.x"], "newest": 1, "prune": true}));
        assert_eq!(counts(&newest), "1 0 1 2 0", "{newest}");
        assert_eq!(counts(&synced(&client, &from, &to, json!({"tags": ["edge", "index"]}))), "2 2 0 0 0");
    }
    assert_eq!(tags(&place, "synced/pruned"), ["edge", "index", "v1.1"]);
    let reader = ArchiveReader::new(&archive, None, ArchiveFormat::Oci, None, Default::default());
    assert_eq!(reader.entries(&client.call(None).unwrap()).unwrap().len(), 3);
    assert_eq!(check(&client, &layout).images, 3);
    assert!(check(&client, &layout).ok);
}

#[test]
fn what_is_about_an_image_comes_with_it() {
    for variable in ["OCIREG_TEST_V3", "OCIREG_TEST_REFERRERS"] {
        let place = TestRegistry::new(variable);
        let client = place.client();
        let call = client.call(None).unwrap();
        let name = "synced/signed";
        let image = push_image(&place, &client, name, "amd64");
        let put = |rest: &str, bytes: &[u8]| {
            client
                .put_manifest(&call, &place.reference(&format!("{name}{rest}")), bytes, &PutOptions::default())
                .unwrap()
        };
        put(":v1", &image);
        client.put_blob(&call, &place.repository(name), b"{}", &BlobPutOptions::default()).unwrap();
        let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": sha256(b"{}"), "size": 2});
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let referrer = json!({"schemaVersion": 2, "mediaType": kind, "artifactType": "application/x-sbom", "config": empty, "layers": [empty],
            "subject": {"mediaType": kind, "digest": sha256(&image), "size": image.len()}})
        .to_string();
        put(&format!("@{}", sha256(referrer.as_bytes())), referrer.as_bytes());
        put(&format!(":{}.sig", sha256(&image).as_str().replace(':', "-")), &image);
        let folder = scratch();
        let layout = format!("oci:{}", folder.path().join("l").display());
        let (from, to) = (format!("{}/{name}", place.host), format!("{}/{name}-restored", place.host));
        let with = json!({"referrers": true});
        assert_eq!(counts(&synced(&client, &from, &layout, with.clone())), "1 1 0 0 0");
        assert_eq!(counts(&synced(&client, &layout, &to, with.clone())), "1 1 0 0 0");
        let found = client.referrers(
            &call,
            &place.reference(&format!("{name}-restored@{}", sha256(&image))),
            &Default::default(),
        );
        assert_eq!(found.unwrap().referrers.len(), 1, "{variable}");
        assert!(tags(&place, &format!("{name}-restored")).iter().any(|tag| tag.ends_with(".sig")));
    }
}
