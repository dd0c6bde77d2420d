//! What is done once, and no more often: a signed URL is renewed, a blob that many need is moved, a session that is not wanted is
//! cancelled; and what a registry says of an upload that may mean nothing is not taken for something.

use std::sync::{Arc, Mutex};

use ocireg::place::{self, Place};
use ocireg::registry::upload::BlobPutOptions;
use ocireg::registry::RegistryStore;
use ocireg::transfer::copy::{copy, CopyOptions};
use serde_json::json;

use crate::common::*;
use crate::memory::Memory;
use crate::server::*;

/// Storage that refuses every signed URL as if it had expired.
#[test]
fn a_signed_url_that_is_never_right_is_renewed_once() {
    for status in [400, 403, 410] {
        let server = Server::start(move |seen| match seen.path() {
            // Whoever asks again and again is told something else in the end.
            _ if seen.number > 20 => reply(404),
            "/signed" => reply(status).body("<Error>Request has expired</Error>"),
            _ => reply(307).header("Location", format!("/signed?X-Amz-Signature={}", seen.number)),
        });
        let client = client();
        let outcome = client.get_blob(&call(&client), &at(&server.host, &digest(b"x")), &Default::default());
        assert_eq!(outcome.err().unwrap().http_status(), Some(status));
        assert_eq!(server.count("GET", "/v2/"), 2, "{status}");
    }
}

/// Each declined mount may open a session; one is used, and the others do not stay open at the registry.
#[test]
fn of_the_sessions_of_several_declined_mounts_one_stays() {
    let server = Server::start(|seen| match (seen.method.as_str(), seen.target.split("from=").nth(1)) {
        ("HEAD", _) => reply(404),
        ("POST", Some(name)) => reply(202).header("Location", format!("/up/{name}")),
        ("POST", None) => reply(202).header("Location", "/up/plain"),
        ("DELETE", _) => reply(204),
        _ => created(seen),
    });
    let client = client();
    let mount_from = ["one", "two", "three"].map(str::to_owned).to_vec();
    let options = BlobPutOptions { mount_from, ..BlobPutOptions::default() };
    client.put_blob(&call(&client), &repository(&server.host), b"x", &options).unwrap();
    let ends: Vec<_> = ["one", "two", "three", "plain"]
        .map(|name| (server.count("DELETE", &format!("/up/{name}")), server.count("PUT", &format!("/up/{name}"))))
        .to_vec();
    assert_eq!(ends, [(1, 0), (1, 0), (0, 1), (0, 0)]);
}

/// "0-0" means one byte, or none: an upload that broke does not go on behind a byte that may not be there.
#[test]
fn nothing_is_not_taken_for_one_byte_after_a_break() {
    let blob = noise(24 << 20);
    let (breaks, sent) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (broken, chunks, large) = (breaks.clone(), sent.clone(), digest(&blob));
    let server = Server::start(move |seen| {
        let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let is_whole = seen.body.len() == length;
        match seen.method.as_str() {
            "HEAD" => reply(404),
            "POST" => reply(202).header("Location", "/up/1"),
            "GET" => reply(204).header("Range", "0-0"),
            "PUT" if seen.target.contains(large.hex()) && length > 0 && *broken.lock().unwrap() == 0 => {
                *broken.lock().unwrap() += 1;
                reply(500).cut(0, Then::Reset).after(10 << 20)
            }
            "PATCH" if is_whole => {
                chunks.lock().unwrap().extend(seen.header("content-range").map(str::to_owned));
                let end = seen.header("content-range").unwrap().split('-').nth(1).unwrap().to_owned();
                reply(202).header("Location", "/up/1").header("Range", format!("0-{end}"))
            }
            "PATCH" | "DELETE" => reply(202).header("Location", "/up/1"),
            _ => created(seen),
        }
    });
    let client = client();
    let _ = client.put_blob(&call(&client), &repository(&server.host), &blob, &BlobPutOptions::default());
    assert_eq!(*breaks.lock().unwrap(), 1);
    let sent = sent.lock().unwrap();
    assert!(sent.first().is_none_or(|first| first.starts_with("0-")), "{sent:?}");
    assert!(!sent.is_empty() || server.count("PUT", "/up/1") > 1, "it is sent again");
}

/// A layer that an image has twice, or that two images share, is planned, and so counted, fetched and put, once.
#[test]
fn a_blob_of_many_is_moved_once() {
    let layer = noise(100_000);
    let image = Memory::new(&[layer.clone(), layer.clone(), layer.clone()]);
    let client = client();
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" | "GET" => reply(404),
        "POST" => reply(202).header("Location", "/up/1"),
        _ => created(seen),
    });
    let to = RegistryStore::new(&client, tag(&server.host));
    let planned = CopyOptions { dry_run: true, ..CopyOptions::default() };
    let plan = copy(&call(&client), &image, &to, &planned).unwrap();
    assert_eq!(plan.plan.unwrap()["blobs"].as_array().map(Vec::len), Some(2), "the config and one layer");
    copy(&call(&client), &image, &to, &CopyOptions::default()).unwrap();
    assert_eq!(server.count("PUT", digest(&layer).hex()), 1);
}

/// A child that is at the destination already may have referrers that are not.
#[test]
fn what_refers_to_a_child_that_is_there_is_copied() {
    let child = digest(MANIFEST.as_bytes());
    let signature = referrer(&child, 1);
    let index = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE,
                       "manifests": [{"mediaType": MANIFEST_TYPE, "digest": child, "size": MANIFEST.len()}]})
    .to_string();
    let (named, bytes) = (digest(signature.as_bytes()), signature.clone());
    let source = Server::start(move |seen| match seen.path().rsplit('/').next().unwrap_or_default() {
        "t" => reply(200).header("Content-Type", INDEX_TYPE).body(&index),
        name if seen.path().contains("/manifests/") && name == child.as_str() => {
            reply(200).header("Content-Type", MANIFEST_TYPE).body(MANIFEST)
        }
        name if seen.path().contains("/referrers/") && name == child.as_str() => {
            let entry = json!({"mediaType": MANIFEST_TYPE, "digest": named, "size": bytes.len()});
            let list = json!({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [entry]});
            reply(200).header("Content-Type", INDEX_TYPE).body(list.to_string())
        }
        _ if seen.path().contains("/referrers/") => {
            reply(200).header("Content-Type", INDEX_TYPE).body(json!({"schemaVersion": 2, "manifests": []}).to_string())
        }
        name if name == named.as_str() => reply(200).header("Content-Type", MANIFEST_TYPE).body(&bytes),
        name if name == digest(b"{}").as_str() => reply(200).body("{}"),
        _ => reply(404),
    });
    // It has the child, and lacks all else.
    let there = digest(MANIFEST.as_bytes());
    let destination = Server::start(move |seen| match seen.method.as_str() {
        "HEAD" | "GET" if seen.path().ends_with(there.as_str()) => {
            reply(200).header("Content-Type", MANIFEST_TYPE).header("Docker-Content-Digest", &there).body(MANIFEST)
        }
        "GET" if seen.path().contains("/referrers/") => {
            reply(200).header("Content-Type", INDEX_TYPE).body(json!({"schemaVersion": 2, "manifests": []}).to_string())
        }
        "HEAD" | "GET" => reply(404),
        "POST" => reply(202).header("Location", "/up/1"),
        _ => created(seen).header("OCI-Subject", there.as_str()),
    });
    let (client, signature) = (client(), digest(signature.as_bytes()));
    let place = |host: &str| Place::parse(&format!("docker://{host}/a/b:t")).unwrap();
    let options = CopyOptions { referrers: true, ..CopyOptions::default() };
    place::copy(&client, &call(&client), &place(&source.host), &place(&destination.host), &options).unwrap();
    assert_eq!(destination.count("PUT", &format!("/manifests/{signature}")), 1);
}
