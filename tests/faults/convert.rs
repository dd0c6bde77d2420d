//! Conversion of old images: what a registry reports wrongly about them, and what a copy that ends early leaves.

use std::path::Path;
use std::time::Duration;

use ocireg::convert::push::{push, PushOptions, Pushed};
use ocireg::error::{Code, Error, Side};
use ocireg::place::{self, Place};
use ocireg::registry::Client;
use ocireg::schema1::private::PrivateKey;
use ocireg::schema1::sign::sign;
use ocireg::transfer::copy::{Copied, CopyOptions};
use serde_json::{json, Value};

use crate::common::*;
use crate::server::*;
use crate::v1::{checksum, id, standalone};

const TYPE: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

fn copied(client: &Client, from: &str, folder: &Path) -> Result<Copied, Error> {
    let to = Place::parse(&format!("oci:{}", folder.join("layout").display()))?;
    let options = CopyOptions { convert_schema1: true, ..CopyOptions::default() };
    place::copy(client, &call(client), &Place::parse(from)?, &to, &options)
}

/// A client whose temporary files are in the folder.
fn spooling(folder: &Path) -> Client {
    let temporary_dir = Some(folder.display().to_string());
    Client::new(changed(options(), |options| {
        options.http.retries = 1;
        options.temporary.temporary_dir = temporary_dir;
    }))
    .unwrap()
}

fn empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

/// The image of a digit, the child of the next one.
fn image(digit: char, parent: Option<char>, more: Value) -> String {
    let mut image = more;
    image["id"] = json!(id(digit));
    if let Some(parent) = parent {
        image["parent"] = json!(id(parent));
    }
    image.to_string()
}

/// What such a registry serves: images, topmost first, each with its JSON and its layer, and a response instead of the
/// usual one.
pub fn registry(
    images: Vec<(char, String, Vec<u8>)>,
    instead: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
) -> Server {
    standalone(move |seen| {
        if let Some(reply) = instead(seen) {
            return reply;
        }
        let path = seen.path();
        if path.ends_with("/tags/t") {
            return reply(200).json(&json!(id(images[0].0)).to_string());
        }
        if path.ends_with("/ancestry") {
            return reply(200).json(&json!(images.iter().map(|image| id(image.0)).collect::<Vec<_>>()).to_string());
        }
        let named = |digit: char| path.contains(id(digit).as_str());
        let Some((_, json, layer)) = images.iter().find(|image| named(image.0)) else { return reply(404) };
        match path.ends_with("/json") {
            true => reply(200).header("X-Docker-Checksum-Payload", checksum(json, layer)).json(json),
            false => serve(layer, seen),
        }
    })
}

pub fn chain() -> Vec<(char, String, Vec<u8>)> {
    vec![
        ('c', image('c', Some('b'), json!({"throwaway": true, "config": {"Cmd": ["/x"]}})), b"never read".to_vec()),
        ('b', image('b', Some('a'), json!({})), noise(40_000)),
        ('a', image('a', None, json!({})), noise(300_000)),
    ]
}

fn v1(server: &Server) -> String {
    format!("docker-v1://{}/a/b:t", server.host)
}

#[test]
fn each_layer_is_read_once_and_nothing_is_left() {
    let (folder, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = registry(chain(), |_| None);
    let copied = copied(&spooling(spool.path()), &v1(&server), folder.path()).unwrap();
    assert_eq!(copied.blobs["total"], 3);
    assert_eq!(copied.served_by.join(" "), server.host);
    assert_eq!(server.count("GET", "/layer"), 2, "the throwaway one is not asked for");
    assert_eq!(server.count("GET", "/json"), 3);
    assert!(empty(spool.path()));
}

#[test]
fn what_a_registry_says_wrong_of_a_chain() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = |number: usize, json: String| {
        let mut images = chain();
        images[number].1 = json;
        images
    };
    for (images, code, part) in [
        (wrong(1, image('b', None, json!({}))), Code::Protocol, "not the next in the ancestry"),
        (wrong(2, image('a', Some('b'), json!({}))), Code::Protocol, "not the next in the ancestry"),
        (wrong(0, image('c', Some('a'), json!({}))), Code::Protocol, "not the next in the ancestry"),
        (wrong(1, image('d', Some('a'), json!({}))), Code::Protocol, "another image"),
        (wrong(1, image('b', Some('a'), json!({"throwaway": "no"}))), Code::InvalidManifest, "throwaway"),
    ] {
        let error = fails(copied(&client(), &v1(&registry(images, |_| None)), folder.path()), code, part);
        assert_eq!(error.side(), Some(Side::Source));
    }
    let long: Vec<String> = (0..513).map(|number| format!("{number:064x}")).collect();
    let top = long[0].clone();
    let server = standalone(move |seen| match seen.path().ends_with("/ancestry") {
        true => reply(200).json(&json!(long).to_string()),
        false => reply(200).json(&json!(top).to_string()),
    });
    fails(copied(&client(), &v1(&server), folder.path()), Code::LimitExceeded, "513");
    // Each is small enough, but all together are not.
    let filled =
        |digit: char, parent| (digit, image(digit, parent, json!({"x": "x".repeat((4 << 20) - 1000)})), noise(9));
    let large = vec![
        filled('e', Some('d')),
        filled('d', Some('c')),
        filled('c', Some('b')),
        filled('b', Some('a')),
        filled('a', None),
    ];
    fails(copied(&client(), &v1(&registry(large, |_| None)), folder.path()), Code::LimitExceeded, "16 MiB");
    // An image JSON without an ID belongs to the image that was requested.
    let bare = wrong(2, "{}".to_owned());
    assert_eq!(copied(&client(), &v1(&registry(bare, |_| None)), folder.path()).unwrap().blobs["total"], 3);
}

#[test]
fn bad_layers_make_no_image() {
    let (folder, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = spooling(spool.path());
    let wrong = registry(chain(), |seen| seen.path().ends_with("/layer").then(|| reply(200).body("other bytes")));
    let error = fails(copied(&client, &v1(&wrong), folder.path()), Code::DigestMismatch, "checksum");
    assert!(error.message().contains("the layer of image"), "{error}");
    // A single failure is retried.
    let accident = registry(chain(), |seen| {
        (seen.path().ends_with("/layer") && seen.path().contains(id('a').as_str()) && seen.number < 7)
            .then(|| reply(200).body("other bytes"))
    });
    copied(&client, &v1(&accident), folder.path()).unwrap();
    // It claims to be gzip, but is not.
    let mut images = chain();
    images[1].2 = [&[0x1f, 0x8b, 8, 0][..], &noise(500)].concat();
    fails(
        copied(&client, &v1(&registry(images, |_| None)), folder.path()),
        Code::InvalidManifest,
        "cannot be decompressed",
    );
    let mut images = chain();
    images[1].2 = b"BZh91AY&SY".to_vec();
    fails(copied(&client, &v1(&registry(images, |_| None)), folder.path()), Code::Unsupported, "bzip2");
    // The connection breaks in the middle, once for each layer.
    let broken = registry(chain(), |seen| {
        let first = seen.path().ends_with("/layer") && seen.header("range").is_none();
        first.then(|| {
            reply(200)
                .header("Content-Length", if seen.path().contains(id('a').as_str()) { 300_000 } else { 40_000 })
                .body(&noise(if seen.path().contains(id('a').as_str()) { 300_000 } else { 40_000 })[..])
                .cut(1000, Then::Close)
        })
    });
    copied(&client, &v1(&broken), folder.path()).unwrap();
    assert!(broken.seen().iter().any(|seen| seen.header("range") == Some("bytes=1000-299999")));
    assert!(empty(spool.path()));
}

#[test]
fn a_cancelled_copy_ends_at_once_and_leaves_nothing() {
    let (folder, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = spooling(spool.path());
    let silent = registry(chain(), |seen| {
        seen.path().ends_with("/layer").then(|| reply(200).body(noise(40_000)).cut(1000, Then::Stall))
    });
    let (context, call) = with_context(&client);
    let from = Place::parse(&v1(&silent)).unwrap();
    let to = Place::parse(&format!("oci:{}", folder.path().join("layout").display())).unwrap();
    let copy = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            context.cancel();
        });
        let mut outcome = None;
        within(Duration::from_millis(1500), || {
            outcome = Some(place::copy(&client, &call, &from, &to, &CopyOptions::default()));
        });
        outcome.unwrap()
    });
    assert_eq!(copy.unwrap_err().code(), Code::Cancelled);
    assert!(empty(spool.path()));
}

/// A registry with a signed manifest of two layers, the upper one as given.
fn schema1(upper: Vec<u8>, change: impl Fn(String) -> String) -> Server {
    let images = vec![image('b', Some('a'), json!({})), image('a', None, json!({}))];
    schema1_of(vec![upper, noise(20_000)], images, change)
}

/// A registry with a signed manifest of these layers and images, the topmost first.
fn schema1_of(layers: Vec<Vec<u8>>, images: Vec<String>, change: impl Fn(String) -> String) -> Server {
    let payload = json!({
        "schemaVersion": 1, "name": "a/b", "tag": "latest", "architecture": "amd64",
        "fsLayers": layers.iter().map(|layer| json!({"blobSum": digest(layer)})).collect::<Vec<_>>(),
        "history": images.iter().map(|image| json!({"v1Compatibility": image})).collect::<Vec<_>>(),
    });
    let payload = serde_json::to_vec_pretty(&payload).unwrap();
    let signed = sign(&payload, &PrivateKey::generate().unwrap(), None, Duration::from_secs(1)).unwrap();
    let manifest = change(String::from_utf8(signed).unwrap());
    Server::start(move |seen| match seen.path().contains("/manifests/") {
        true => reply(200).header("Content-Type", TYPE).body(&manifest),
        false => match layers.iter().find(|layer| seen.path().ends_with(digest(layer).as_str())) {
            Some(layer) => serve(layer, seen),
            None => reply(404),
        },
    })
}

#[test]
fn a_schema1_image_is_verified_before_it_is_converted() {
    let (folder, spool) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let client = spooling(spool.path());
    let name = |server: &Server| format!("{}/a/b:latest", server.host);
    let good = schema1(noise(100), |manifest| manifest);
    let copied = copied(&client, &name(&good), folder.path()).unwrap();
    assert_eq!(
        (copied.media_type.as_str(), &copied.blobs["total"]),
        ("application/vnd.oci.image.manifest.v1+json", &json!(3))
    );
    let layers = |server: &Server| server.count("GET", "/blobs/");
    assert_eq!(layers(&good), 2, "each layer is fetched once");

    let forged = schema1(noise(100), |manifest| manifest.replace("\"amd64\"", "\"arm64\""));
    let error = fails(super::convert::copied(&client, &name(&forged), folder.path()), Code::Signature, "");
    assert_eq!((error.side(), layers(&forged)), (Some(Side::Source), 0));
    let images = (0..513).map(|number| {
        let parent = if number < 512 { format!("{:064x}", number + 1) } else { String::new() };
        json!({"id": format!("{number:064x}"), "parent": parent}).to_string()
    });
    let long = schema1_of(vec![noise(10); 513], images.collect(), |manifest| manifest);
    fails(super::convert::copied(&client, &name(&long), folder.path()), Code::LimitExceeded, "513");
    assert_eq!(layers(&long), 0);
    let broken = schema1([&[0x1f, 0x8b, 8, 0][..], &noise(500)].concat(), |manifest| manifest);
    fails(
        super::convert::copied(&client, &name(&broken), folder.path()),
        Code::InvalidManifest,
        "cannot be decompressed",
    );
    assert!(empty(spool.path()));
}

/// A layout with an image of this layer.
fn layout(folder: &Path, layer: &[u8], media_type: &str) -> String {
    let config =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [digest(layer)]}})
            .to_string();
    let prefix = "application/vnd.oci.image";
    let manifest = json!({"schemaVersion": 2, "mediaType": format!("{prefix}.manifest.v1+json"),
        "config": {"mediaType": format!("{prefix}.config.v1+json"), "digest": digest(config.as_bytes()), "size": config.len()},
        "layers": [{"mediaType": media_type, "digest": digest(layer), "size": layer.len()}]})
    .to_string();
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for bytes in [layer, config.as_bytes(), manifest.as_bytes()] {
        std::fs::write(blobs.join(digest(bytes).hex()), bytes).unwrap();
    }
    std::fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
    let index = json!({"schemaVersion": 2, "manifests": [{"mediaType": format!("{prefix}.manifest.v1+json"),
        "digest": digest(manifest.as_bytes()), "size": manifest.len()}]});
    std::fs::write(folder.join("index.json"), index.to_string()).unwrap();
    format!("oci:{}", folder.display())
}

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A push of a place's image to a server, as a/b:t.
fn pushed(server: &Server, from: &str) -> Result<Pushed, Error> {
    let client = client();
    let from = Place::parse(from)?.source(&client)?;
    let to = ocireg::reference::Reference::parse(&format!("{}/a/b:t", server.host), None)?;
    push(&client, &call(&client), from, &to, &PushOptions::default())
}

fn tags(server: &Server) -> usize {
    server.count("PUT", "/tags/")
}

#[test]
fn a_push_is_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let from = layout(folder.path(), &noise(5000), LAYER);
    let server = standalone(|_| reply(200));
    let done = pushed(&server, &from).unwrap();
    let asked: Vec<String> = server.seen().iter().map(|seen| format!("{} {}", seen.method, seen.path())).collect();
    let images = format!("/v1/images/{}", done.id);
    let wanted = [
        "/v1/repositories/a/b/",
        &format!("{images}/json"),
        &format!("{images}/layer"),
        &format!("{images}/checksum"),
        "/v1/repositories/a/b/tags/t",
        "/v1/repositories/a/b/images",
    ]
    .map(|path| format!("PUT {path}"));
    assert_eq!(asked, wanted);
    let seen = server.seen();
    assert_eq!(seen[2].body, noise(5000));
    let sum = checksum(std::str::from_utf8(&seen[1].body).unwrap(), &noise(5000));
    assert_eq!(seen[3].header("x-docker-checksum-payload"), Some(sum.as_str()));
    let listed: Value = serde_json::from_slice(&seen[5].body).unwrap();
    assert_eq!(listed, json!([{"id": done.id, "checksum": sum, "Tag": "t"}]));
}

#[test]
fn a_push_of_what_is_there_only_sets_the_tag() {
    let folder = tempfile::tempdir().unwrap();
    let from = layout(folder.path(), &noise(5000), LAYER);
    let there = standalone(|seen| if seen.path().ends_with("/json") { reply(409) } else { reply(200) });
    assert!(!pushed(&there, &from).unwrap().images[0].uploaded);
    assert_eq!((there.count("PUT", "/layer"), tags(&there)), (0, 1));
}

#[test]
fn a_push_goes_on_after_a_broken_connection_and_server_errors() {
    let folder = tempfile::tempdir().unwrap();
    let from = layout(folder.path(), &noise(5000), LAYER);
    let done = pushed(&standalone(|_| reply(200)), &from).unwrap();
    let flaky = standalone(|seen| match (seen.path().ends_with("/layer"), seen.number) {
        (true, 0..=2) => reply(503).early().then(Then::Close),
        (true, 3) => lost(),
        _ => reply(200),
    });
    assert_eq!(pushed(&flaky, &from).unwrap().id, done.id);
    assert_eq!(flaky.seen().into_iter().rfind(|seen| seen.path().ends_with("/layer")).unwrap().body, noise(5000));
}

#[test]
fn a_push_stops_at_what_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let from = layout(folder.path(), &noise(5000), LAYER);
    for (name, side) in [("/json", Side::Destination), ("/layer", Side::Destination), ("/checksum", Side::Destination)]
    {
        let refuses = standalone(move |seen| if seen.path().ends_with(name) { reply(400) } else { reply(200) });
        let error = pushed(&refuses, &from).unwrap_err();
        assert_eq!((error.side(), error.http_status(), tags(&refuses)), (Some(side), Some(400), 0), "{error}");
    }
}

/// The layer is not what the manifest says: the last byte is not sent.
#[test]
fn a_push_stops_at_a_wrong_layer() {
    let folder = tempfile::tempdir().unwrap();
    let from = layout(folder.path(), &noise(5000), LAYER);
    std::fs::write(folder.path().join("blobs/sha256").join(digest(&noise(5000)).hex()), vec![1; 5000]).unwrap();
    let server = standalone(|_| reply(200));
    let error = fails(pushed(&server, &from), Code::DigestMismatch, "");
    assert_eq!((error.side(), tags(&server)), (Some(Side::Source), 0));
}

#[test]
fn a_push_takes_no_layers_that_are_elsewhere_or_packed_by_zstd() {
    let server = standalone(|_| reply(200));
    let other = tempfile::tempdir().unwrap();
    let zstd = layout(other.path(), &[&[0x28, 0xb5, 0x2f, 0xfd][..], &noise(100)].concat(), LAYER);
    fails(pushed(&server, &zstd), Code::Unsupported, "zstd");
    let other = tempfile::tempdir().unwrap();
    let foreign = layout(other.path(), &noise(9), "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    fails(pushed(&server, &foreign), Code::Unsupported, "elsewhere");
    assert_eq!(tags(&server), 0);
}
