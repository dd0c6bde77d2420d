//! Uploads that are redirected by 307 and 308: method and body are sent to the new place, credentials are not.

use std::sync::{Arc, Mutex};

use ocireg::error::Code;
use ocireg::registry::upload::{BlobPutOptions, UploadOptions};
use ocireg::registry::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};

use crate::common::*;
use crate::memory::Watched;
use crate::server::*;

/// What a server received: methods, whether they had credentials, and the bytes of the last body.
type Arrived = Arc<Mutex<Vec<(String, bool, Vec<u8>)>>>;

fn length(seen: &Seen) -> usize {
    seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn take(arrived: &Arrived, seen: &Seen, location: &str) -> Reply {
    if seen.body.len() == length(seen) {
        let known = seen.header("authorization").is_some();
        arrived.lock().unwrap().push((seen.method.clone(), known, seen.body.clone()));
    }
    match seen.method.as_str() {
        "POST" | "PATCH" => {
            reply(202).header("Location", location).header("Range", format!("0-{}", length(seen).max(1) - 1))
        }
        "PUT" => created(seen),
        _ => reply(204),
    }
}

/// Two servers: the registry, which redirects requests with these methods with this status, and the other. With
/// `elsewhere` that is another origin, otherwise another path of the registry.
fn servers(status: u16, methods: &'static [&'static str], elsewhere: bool) -> (Server, Server, Arrived) {
    let arrived = Arrived::default();
    let there = arrived.clone();
    let store = Server::start(move |seen| take(&there, seen, "/moved/session"));
    let base = if elsewhere { store.url("/moved") } else { "/moved".to_owned() };
    let here = arrived.clone();
    let home = Server::start(move |seen| match (seen.method.as_str(), seen.header("authorization")) {
        (_, None) => reply(401).header("WWW-Authenticate", "Basic realm=\"r\"").early(),
        ("HEAD" | "GET", _) if here.lock().unwrap().iter().any(|(_, _, body)| body.len() >= 300_000) => {
            reply(200).unframed()
        }
        ("HEAD" | "GET", _) => reply(404),
        _ if seen.path().starts_with("/moved") => take(&here, seen, "/v2/a/b/blobs/uploads/1"),
        (method, _) if methods.contains(&method) => {
            let rest = seen.target.split_once('?').map(|(_, query)| format!("?{query}")).unwrap_or_default();
            // It has not read the body, and does not.
            let early = match length(seen) {
                0 => reply(status),
                _ => reply(status).header("Connection", "close").early().then(Then::Close),
            };
            early.header("Location", format!("{base}{rest}"))
        }
        _ => take(&here, seen, "/v2/a/b/blobs/uploads/1"),
    });
    (home, store, arrived)
}

const METHODS: [&[&str]; 4] = [&["POST"], &["PATCH"], &["PUT"], &["POST", "PATCH", "PUT"]];

#[test]
fn an_upload_follows_and_credentials_stay() {
    let blob = noise(300_000);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("blob");
    std::fs::write(&file, &blob).unwrap();
    for status in [307, 308] {
        for methods in METHODS {
            for elsewhere in [true, false] {
                for way in ["memory", "file", "stream", "chunks", "post", "copy"] {
                    let (home, store, arrived) = servers(status, methods, elsewhere);
                    let client = client_for(&home.host);
                    let (call, to) = (call(&client), repository(&home.host));
                    let options = BlobPutOptions::default();
                    let what = format!("{status} to {methods:?}, by {way}, elsewhere: {elsewhere}");
                    let outcome = match way {
                        "memory" => client.put_blob(&call, &to, &blob, &options).map(drop),
                        "file" => client.put_blob_file(&call, &to, &file, &options).map(drop),
                        "stream" => {
                            let promised = BlobPutOptions {
                                digest: Some(digest(&blob)),
                                size: Some(blob.len() as u64),
                                ..BlobPutOptions::default()
                            };
                            client.put_blob_stream(&call, &to, &mut &blob[..], &promised).map(drop)
                        }
                        "post" => {
                            let post = BlobPutOptions { single_post: true, ..BlobPutOptions::default() };
                            client.put_blob(&call, &to, &blob, &post).map(drop)
                        }
                        "copy" => {
                            let from = Watched::new(&blob);
                            let to = RegistryStore::new(&client, tag(&home.host));
                            // The manifest cannot be put; the blobs can.
                            let _ = copy(&call, &from, &to, &CopyOptions::default());
                            Ok(())
                        }
                        _ => client
                            .start_upload(&call, &to, &UploadOptions { chunk_size: 400_000 })
                            .and_then(|mut upload| upload.write(&blob).and_then(|()| upload.finish(None)))
                            .map(drop),
                    };
                    // A 202 to the single POST means that the registry does not support it.
                    if way != "post" {
                        outcome.unwrap_or_else(|error| panic!("{what}: {error}"));
                    }
                    assert!(arrived.lock().unwrap().iter().any(|(_, _, body)| *body == blob), "{what}");
                    assert!(store.seen().iter().all(|seen| seen.header("authorization").is_none()), "{what}");
                    let used = match way {
                        "post" => methods.contains(&"POST"),
                        "chunks" => true,
                        _ => methods != ["PATCH"],
                    };
                    assert_eq!(!store.seen().is_empty(), elsewhere && used, "{what}");
                }
            }
        }
    }
}

/// A large body is still being sent when the response arrives.
#[test]
fn a_large_body_begins_again() {
    let blob = noise(24 << 20);
    let (home, _store, arrived) = servers(307, &["PUT"], true);
    let client = client_for(&home.host);
    client.put_blob(&call(&client), &repository(&home.host), &blob, &BlobPutOptions::default()).unwrap();
    assert!(arrived.lock().unwrap().iter().any(|(method, known, body)| method == "PUT" && !known && *body == blob));
}

#[test]
fn a_place_that_may_not_be_gone_to_is_refused() {
    for target in ["http://169.254.169.254/up", "file:///etc/passwd", "http://user:pw@127.0.0.1:9/up", "/up/1?digest"] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => reply(404),
            "POST" => reply(202).header("Location", "/up/1"),
            "PUT" => reply(307).header("Location", target.replace("?digest", &seen.target["/up/1".len()..])),
            _ => reply(204),
        });
        let client = client();
        let outcome = client.put_blob(&call(&client), &repository(&server.host), b"bytes", &BlobPutOptions::default());
        fails(outcome, Code::Redirect, "");
    }
}
