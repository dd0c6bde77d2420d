//! Servers that refuse ranges, or answer them with something else. The whole blob is then requested, once; if the call
//! still fails, its error is that of the original break.

use std::path::Path;
use std::time::Duration;

use ocireg::error::{Code, Error};
use ocireg::layout::oci::OciLayout;
use ocireg::registry::blob::{DeliveredBlob, ReadOptions, SaveOptions};
use ocireg::registry::{Client, RegistryStore};
use ocireg::transfer::copy::{copy, CopyOptions};

use crate::common::*;
use crate::server::*;

const SIZE: usize = 300_000;

/// A response to a range request, given the blob and the first byte requested.
type Fault = fn(&[u8], usize) -> Reply;

fn from(blob: &[u8], at: usize) -> &[u8] {
    blob.get(at..).unwrap_or_default()
}

fn part(text: String, body: &[u8]) -> Reply {
    reply(206).header("Content-Range", text).body(body)
}

/// How servers respond to ranges, by name.
const FAULTS: [(&str, Fault); 38] = [
    ("400", |_, _| reply(400)),
    ("403", |_, _| reply(403).json(r#"{"errors":[{"code":"DENIED","message":"signature"}]}"#)),
    ("404", |_, _| reply(404)),
    ("405", |_, _| reply(405)),
    ("406", |_, _| reply(406)),
    ("412", |_, _| reply(412)),
    ("416", |_, _| reply(416)),
    ("416 of this size", |blob, _| reply(416).header("Content-Range", format!("bytes */{}", blob.len()))),
    ("416 of another size", |_, _| reply(416).header("Content-Range", "bytes */17")),
    ("416 of no size", |_, _| reply(416).header("Content-Range", "bytes */*")),
    ("500", |_, _| reply(500)),
    ("501", |_, _| reply(501)),
    ("502", |_, _| reply(502)),
    ("503", |_, _| reply(503)),
    ("hangs up", |_, _| lost()),
    ("204", |_, _| reply(204)),
    ("206 from 0", |blob, _| part(format!("bytes 0-{}/{}", blob.len() - 1, blob.len()), blob)),
    ("206 from 0 that is the rest", |blob, at| {
        part(format!("bytes 0-{}/{}", blob.len() - 1, blob.len()), from(blob, at))
    }),
    ("206 one further", |blob, at| {
        part(format!("bytes {}-{}/{}", at + 1, blob.len() - 1, blob.len()), from(blob, at + 1))
    }),
    ("206 one before", |blob, at| {
        part(format!("bytes {}-{}/{}", at - 1, blob.len() - 1, blob.len()), from(blob, at - 1))
    }),
    ("206 without Content-Range", |blob, at| reply(206).body(from(blob, at))),
    ("206 with junk", |blob, at| part("bytes junk".to_owned(), from(blob, at))),
    ("206 of another size", |blob, at| {
        part(format!("bytes {at}-{}/{}", blob.len() - 1, blob.len() + 1), from(blob, at))
    }),
    ("empty 206", |blob, at| part(format!("bytes {at}-{}/{}", blob.len() - 1, blob.len()), b"")),
    ("empty 206 without Content-Range", |_, _| reply(206)),
    ("206 that breaks at once", |blob, at| {
        let range = format!("bytes {at}-{}/{}", blob.len() - 1, blob.len());
        part(range, from(blob, at)).header("Connection", "close").cut(0, Then::Close)
    }),
    ("206 one byte short", |blob, at| {
        let last = blob.len() - 2;
        part(format!("bytes {at}-{last}/{}", blob.len()), blob.get(at..=last).unwrap_or_default())
    }),
    ("401", |_, _| reply(401)),
    ("407", |_, _| reply(407)),
    ("429", |_, _| reply(429)),
    ("304", |_, _| reply(304)),
    ("302 without Location", |_, _| reply(302)),
    ("302 in a circle", |blob, _| reply(302).header("Location", path(blob))),
    ("302 to where nobody listens", |_, _| reply(302).header("Location", "http://127.0.0.1:1/blob")),
    ("302 to an unsupported URL", |_, _| reply(302).header("Location", "ftp://127.0.0.1/blob")),
    ("no HTTP", |_, _| verbatim("\0\x01junk\r\n\r\n")),
    ("200 with a page", |_, _| reply(200).header("Content-Type", "text/html").body("<html>log in</html>")),
    ("200", |blob, _| reply(200).body(blob)),
];

fn path(blob: &[u8]) -> String {
    format!("/v2/a/b/blobs/{}", digest(blob))
}

/// Answers ranges with a fault, and the first request without one with half of the blob when it `breaks`.
fn server(blob: &[u8], fault: Fault, breaks: bool) -> Server {
    let blob = blob.to_vec();
    Server::start(move |seen| match seen.range_start() {
        Some(at) => fault(&blob, at),
        None if breaks && seen.number == 0 => reply(200).body(&blob).cut(SIZE / 2, Then::Close),
        None => reply(200).body(&blob),
    })
}

fn whole_requests(server: &Server) -> usize {
    server
        .seen()
        .iter()
        .filter(|seen| seen.method == "GET" && seen.path().contains("/blobs/") && seen.header("range").is_none())
        .count()
}

fn get_file(client: &Client, host: &str, blob: &[u8], target: &Path) -> Result<DeliveredBlob, Error> {
    client.get_blob_file(&call(client), &at(host, &digest(blob)), target, &SaveOptions::default())
}

fn hidden(target: &Path, blob: &[u8]) -> std::path::PathBuf {
    let name = target.file_name().unwrap().to_str().unwrap();
    target.with_file_name(format!(".{name}.{}.partial", &digest(blob).hex()[..12]))
}

#[test]
fn a_read_that_broke_is_finished_by_all_of_it() {
    let blob = noise(SIZE);
    for (name, fault) in FAULTS {
        let server = server(&blob, fault, true);
        let client = client();
        let found = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &ReadOptions::default());
        let (_, bytes) = found.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(bytes == blob, "{name}");
        // A 200 response to a range request is the whole blob too.
        assert!(whole_requests(&server) <= 2, "{name}: {}", whole_requests(&server));
    }
}

#[test]
fn a_left_partial_file_is_no_obstacle() {
    let blob = noise(SIZE);
    let other = vec![7; SIZE + 1];
    let left: [(&str, &[u8]); 7] = [
        ("half", &blob[..SIZE / 2]),
        ("one byte", &blob[..1]),
        ("all but one byte", &blob[..SIZE - 1]),
        ("all", &blob),
        ("half of something else", &other[..SIZE / 2]),
        ("all of something else", &other[..SIZE]),
        ("more than there is", &other),
    ];
    for (name, fault) in FAULTS {
        for (what, bytes) in left {
            for size in [None, Some(SIZE as u64)] {
                let server = server(&blob, fault, false);
                let folder = tempfile::tempdir().unwrap();
                let target = folder.path().join("layer");
                std::fs::write(hidden(&target, &blob), bytes).unwrap();
                let client = Client::new(changed(options(), |options| options.http.retries = 0)).unwrap();
                let reference = at(&server.host, &digest(&blob));
                let read = ReadOptions { size, ..ReadOptions::default() };
                let wanted = SaveOptions { read, ..SaveOptions::default() };
                let found = client
                    .get_blob_file(&call(&client), &reference, &target, &wanted)
                    .unwrap_or_else(|error| panic!("{name} with {what} there: {error}"));
                assert!(std::fs::read(&target).unwrap() == blob, "{name} with {what} there");
                // If the partial file has other bytes, a correct remainder is detected as wrong only at the end.
                let most = if what.ends_with("something else") { 2 } else { 1 };
                assert!(whole_requests(&server) <= most, "{name} with {what} there");
                assert!(found.resumed <= bytes.len() as u64 && found.length == SIZE as u64);
                assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{name} with {what} there");
            }
        }
    }
}

/// The same in a layout, where the size is known.
#[test]
fn a_copy_is_finished_too() {
    for (name, fault) in FAULTS {
        for retries in [0, 2] {
            let layer = noise(SIZE);
            let config = b"{}".to_vec();
            let descriptor = |kind: &str, bytes: &[u8]| serde_json::json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest(bytes), "size": bytes.len()});
            let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE,
                "config": descriptor("config.v1+json", &config), "layers": [descriptor("layer.v1.tar", &layer)]})
            .to_string();
            let (hex, bytes) = (digest(&layer).hex().to_owned(), layer.clone());
            let server = Server::start(move |seen| match (seen.path(), seen.range_start()) {
                (path, _) if path.contains("/manifests/") => {
                    reply(200).header("Content-Type", MANIFEST_TYPE).body(&manifest)
                }
                (path, Some(at)) if path.contains(&hex) => fault(&bytes, at),
                (path, None) if path.contains(&hex) => reply(200).body(&bytes),
                _ => reply(200).body(&config),
            });
            let folder = tempfile::tempdir().unwrap();
            let blobs = folder.path().join("blobs/sha256");
            std::fs::create_dir_all(&blobs).unwrap();
            std::fs::write(hidden(&blobs.join(digest(&layer).hex()), &layer), &layer[..SIZE / 2]).unwrap();
            let client = Client::new(changed(options(), |options| options.http.retries = retries)).unwrap();
            let from = RegistryStore::new(&client, tag(&server.host));
            let to = OciLayout::create(folder.path(), Some("t")).unwrap();
            let outcome = copy(&call(&client), &from, &to, &CopyOptions::default());
            outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(std::fs::read(blobs.join(digest(&layer).hex())).unwrap() == layer, "{name}");
        }
    }
}

#[test]
fn a_piece_is_cut_out_of_all_of_it() {
    let blob = noise(SIZE);
    for (name, fault) in FAULTS {
        let server = server(&blob, fault, false);
        let client = client();
        let piece = ReadOptions { offset: 1000, length: Some(50), ..ReadOptions::default() };
        let found = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &piece);
        match name {
            "416 of another size" => drop(fails(found, Code::InvalidArgument, "outside")),
            _ => assert!(found.unwrap_or_else(|error| panic!("{name}: {error}")).1 == blob[1000..1050], "{name}"),
        }
    }
    let server = server(&blob, |_, _| reply(416), false);
    let client = client();
    let far = ReadOptions { offset: SIZE as u64 + 5, ..ReadOptions::default() };
    fails(client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &far), Code::InvalidArgument, "outside");
}

/// A server that breaks, refuses ranges, and breaks again: the error is the break, and the bytes received are kept.
#[test]
fn what_broke_is_told_and_what_was_had_is_kept() {
    let blob = noise(SIZE);
    for (name, fault) in FAULTS {
        // These deliver some bytes.
        if matches!(name, "206 one byte short" | "206 of another size") {
            continue;
        }
        let copy = blob.clone();
        let server = Server::start(move |seen| match seen.range_start() {
            Some(at) if name == "200" => fault(&copy, at).cut(SIZE / 2, Then::Close),
            Some(at) => fault(&copy, at),
            None if seen.number == 0 => reply(200).body(&copy).cut(SIZE / 2, Then::Close),
            None => reply(400).json(r#"{"errors":[{"code":"X","message":"no more"}]}"#),
        });
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("layer");
        let client = Client::new(changed(options(), |options| options.http.retries = 1)).unwrap();
        let error = fails(get_file(&client, &server.host, &blob, &target), Code::Network, "");
        assert_eq!(std::fs::metadata(hidden(&target, &blob)).unwrap().len(), SIZE as u64 / 2, "{name}: {error}");
        // Without an earlier break, the refusal is the cause.
        let outcome = get_file(&client, &server.host, &blob, &target);
        if !matches!(name, "200" | "empty 206" | "206 that breaks at once") {
            fails(outcome, Code::Http, "no more");
        }
        assert_eq!(std::fs::metadata(hidden(&target, &blob)).unwrap().len(), SIZE as u64 / 2, "{name}");
    }
}

/// The whole blob is requested at most once for each offset reached, however often the connection breaks.
#[test]
fn it_is_not_asked_for_again_and_again() {
    let blob = noise(SIZE);
    let copy = blob.clone();
    let server = Server::start(move |seen| match seen.range_start() {
        Some(_) => reply(416),
        None => reply(200).body(&copy).cut(SIZE / 2, Then::Close),
    });
    let client = client();
    let outcome = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &ReadOptions::default());
    fails(outcome.map(drop), Code::Network, "");
    assert_eq!(whole_requests(&server), 2);
}

/// A storage service behind the registry that does not support ranges; and one that is silent, which costs the idle
/// limit twice.
#[test]
fn what_a_redirect_leads_to_may_not_like_ranges_either() {
    let blob = noise(SIZE);
    let silent: Fault = |_, _| reply(200).lost().then(Then::Stall);
    let faults = FAULTS.into_iter().filter(|(name, _)| ["403", "no HTTP", "302 in a circle"].contains(name));
    for (name, fault) in faults.chain([("says nothing", silent)]) {
        let storage = server(&blob, fault, false);
        let to = storage.url(&path(&blob));
        let registry = Server::start(move |_| reply(307).header("Location", &to));
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("layer");
        std::fs::write(hidden(&target, &blob), &blob[..SIZE / 2]).unwrap();
        let client = Client::new(changed(options(), |options| options.http.idle_timeout_ms = 300)).unwrap();
        let found = get_file(&client, &registry.host, &blob, &target);
        found.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(std::fs::read(&target).unwrap() == blob, "{name}");
        assert_eq!(whole_requests(&storage), 1, "{name}");
    }
}

/// After cancel or the deadline, no further request is made.
#[test]
fn a_deadline_ends_it_all() {
    let blob = noise(SIZE);
    let server = server(&blob, |_, _| reply(200).lost().then(Then::Stall), false);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    std::fs::write(hidden(&target, &blob), &blob[..SIZE / 2]).unwrap();
    let client = client();
    let (context, call) = with_context(&client);
    context.set_deadline(Some(Duration::from_millis(300)));
    let outcome = client.get_blob_file(&call, &at(&server.host, &digest(&blob)), &target, &SaveOptions::default());
    fails(outcome, Code::Timeout, "");
    assert_eq!(whole_requests(&server), 0);
    assert_eq!(std::fs::metadata(hidden(&target, &blob)).unwrap().len(), SIZE as u64 / 2);
}
