//! Uploads that are interrupted, redirected, refused or get unusual responses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ocireg::error::{Code, Error};
use ocireg::registry::upload::{BlobPutOptions, Source, StoredBlob, UploadOptions};
use ocireg::registry::Client;

use crate::common::*;
use crate::server::*;

fn put(client: &Client, host: &str, bytes: &[u8]) -> Result<StoredBlob, Error> {
    client.put_blob(&call(client), &repository(host), bytes, &BlobPutOptions::default())
}

/// A registry that accepts uploads: HEAD is 404 until the PUT, sessions are at /up with a query that must be preserved.
fn takes(put: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    let done = Arc::new(Mutex::new(false));
    Server::start(move |seen| match seen.method.as_str() {
        "HEAD" | "GET" => reply(if *done.lock().unwrap() { 200 } else { 404 }).unframed(),
        "POST" => reply(202).header("Location", "/up/1?_state=a%2Fb%3D"),
        "PUT" => {
            *done.lock().unwrap() = true;
            put(seen)
        }
        _ => reply(404),
    })
}

#[test]
fn locations_of_every_form_are_followed_with_their_query() {
    for location in ["/up/1?_state=a%2Fb%3D", "http://{host}/up/1?_state=a%2Fb%3D", "1?_state=a%2Fb%3D", "/up/1"] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => reply(404),
            "POST" => reply(202).header("Location", location.replace("{host}", seen.header("host").unwrap())),
            _ => created(seen),
        });
        let client = client();
        put(&client, &server.host, b"bytes").unwrap();
        let seen = server.seen();
        let last = seen.last().unwrap();
        assert_eq!((last.method.as_str(), last.body.as_slice()), ("PUT", &b"bytes"[..]));
        let separator = if location.contains('?') { "?_state=a%2Fb%3D&digest=sha256:" } else { "?digest=sha256:" };
        assert!(last.target.contains(separator), "{}", last.target);
        assert_eq!(seen.iter().find(|seen| seen.method == "POST").unwrap().header("content-length"), Some("0"));
    }
}

#[test]
fn a_foreign_upload_location_gets_no_credentials() {
    let store = Server::start(created);
    let target = store.url("/up?sig=x");
    let home = Server::start(move |seen| match (seen.method.as_str(), seen.header("authorization")) {
        (_, None) => reply(401).header("WWW-Authenticate", "Basic realm=\"r\""),
        ("HEAD", _) => reply(404),
        _ => reply(202).header("Location", &target),
    });
    let client = client_for(&home.host);
    put(&client, &home.host, b"bytes").unwrap();
    assert_eq!(store.seen().len(), 1);
    assert_eq!(store.seen()[0].header("authorization"), None);
}

#[test]
fn locations_that_are_missing_or_lead_astray_are_refused() {
    for (location, code) in [
        (None, Code::Protocol),
        (Some("http://169.254.169.254/up"), Code::Redirect),
        (Some("file:///x"), Code::Redirect),
    ] {
        let server = Server::start(move |seen| match (seen.method.as_str(), location) {
            ("HEAD", _) => reply(404),
            (_, Some(location)) => reply(202).header("Location", location),
            (_, None) => reply(202),
        });
        let error = put(&client(), &server.host, b"bytes").err().unwrap();
        assert_eq!(error.code(), code, "{location:?}: {error}");
    }
}

/// A health check or login page in front of a registry that answers instead of it.
#[test]
fn what_answers_in_place_of_a_registry_is_asked_again() {
    for (status, body) in [(200, "Healthcheck requested"), (200, "<html>log in</html>"), (201, ""), (204, "")] {
        let server = Server::start(move |seen| match (seen.method.as_str(), seen.number) {
            ("HEAD", _) => reply(404),
            ("POST", ..=2) => reply(status).header("Content-Type", "text/plain").body(body),
            ("POST", _) => reply(202).header("Location", "/up/1"),
            _ => created(seen),
        });
        put(&client(), &server.host, b"bytes").unwrap();
        assert_eq!(server.count("POST", "uploads"), 3, "{status}");

        let always = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => reply(404),
            _ => reply(status).header("Content-Type", "text/plain").body(body),
        });
        let error = fails(put(&client(), &always.host, b"bytes"), Code::Protocol, &status.to_string());
        assert_eq!((error.http_status(), error.attempts()), (Some(status), 5));
    }
    // A session is a session, whatever the status.
    let odd = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        "POST" => reply(200).header("Location", "/up/1"),
        _ => created(seen),
    });
    put(&client(), &odd.host, b"bytes").unwrap();
}

#[test]
fn a_registry_that_has_the_blob_is_not_sent_it() {
    let server = Server::start(|_| reply(200).header("Content-Length", 5));
    let stored = put(&client(), &server.host, b"bytes").unwrap();
    assert!(!stored.uploaded);
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn an_early_refusal_ends_the_sending() {
    let blob = noise(8 << 20);
    for (status, code) in [(403, Code::Forbidden), (400, Code::Http)] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" => reply(404),
            "POST" => reply(202).header("Location", "/up/1"),
            "PUT" => reply(status).early().json(r#"{"errors":[{"code":"X","message":"too much"}]}"#).then(Then::Close),
            _ => reply(204),
        });
        fails(put(&client(), &server.host, &blob), code, "too much");
        assert_eq!(server.count("PUT", "/up/1"), 1);
    }
}

#[test]
fn a_server_that_hangs_up_gets_it_again() {
    let blob = noise(2 << 20);
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let server = Server::start(move |seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        "POST" => reply(202).header("Location", "/up/1"),
        "PUT" if seen.body.is_empty() => {
            let mut calls = counted.lock().unwrap();
            *calls += 1;
            match *calls {
                1 => reply(500).early().cut(0, Then::Reset),
                _ => created(seen),
            }
        }
        _ => created(seen),
    });
    put(&client(), &server.host, &blob).unwrap();
    let puts: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "PUT").collect();
    assert!(puts.last().unwrap().body == blob, "whole, from the start, in a new session");
    assert_eq!(server.count("POST", "uploads"), 2);
}

#[test]
fn a_lost_answer_is_looked_for() {
    let server = takes(|_| lost());
    let stored = put(&client(), &server.host, b"bytes").unwrap();
    assert_eq!(stored.size, 5);
    assert_eq!(server.count("PUT", "/up"), 1);
}

#[test]
fn odd_statuses_are_believed_after_a_look() {
    for status in [200, 202, 204] {
        let server = takes(move |_| reply(status));
        put(&client(), &server.host, b"bytes").unwrap();
        let lies = Server::start(move |seen| match seen.method.as_str() {
            "POST" => reply(202).header("Location", "/up"),
            "PUT" => reply(status),
            _ => reply(404),
        });
        fails(put(&client(), &lies.host, b"bytes"), Code::Protocol, "does not have the blob");
    }
}

#[test]
fn a_token_that_runs_out_on_the_way_is_renewed() {
    let tokens = Arc::new(Mutex::new(0));
    let server = Server::start(move |seen| {
        let mut given = tokens.lock().unwrap();
        if seen.path() == "/token" {
            *given += 1;
            return reply(200).json(&format!(r#"{{"token":"t{given}"}}"#));
        }
        let challenge = reply(401).header("WWW-Authenticate", "Bearer realm=\"/token\"");
        match (seen.header("authorization"), seen.method.as_str()) {
            (None, _) => challenge,
            // The first token is valid for the POST, but no longer for the PUT.
            (Some("Bearer t1"), "PUT") => challenge,
            (_, "HEAD") => reply(404),
            (_, "POST") => reply(202).header("Location", "/up"),
            _ => created(seen),
        }
    });
    put(&client(), &server.host, &noise(300_000)).unwrap();
}

/// A registry that accepts chunks; `answer` may change its response after one.
fn chunks(
    answer: impl Fn(&Seen, &mut Vec<u8>) -> Option<Reply> + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Vec<u8>>>) {
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let store = kept.clone();
    let done = AtomicBool::new(false);
    let server = Server::start(move |seen| {
        let mut kept = store.lock().unwrap();
        let range = |kept: &Vec<u8>| format!("0-{}", kept.len().max(1) - 1);
        match seen.method.as_str() {
            "HEAD" if done.load(Ordering::SeqCst) => reply(200).header("Content-Length", kept.len()),
            "HEAD" => reply(404),
            "POST" => reply(202).header("Location", "/up/0"),
            "GET" => reply(204).header("Location", "/up/status").header("Range", range(&kept)),
            "PATCH" if seen.body.is_empty() => reply(202),
            "PATCH" => {
                if let Some(reply) = answer(seen, &mut kept) {
                    return reply;
                }
                kept.extend_from_slice(&seen.body);
                reply(202).header("Location", format!("/up/{}", kept.len())).header("Range", range(&kept))
            }
            "DELETE" => reply(204),
            _ => {
                done.store(true, Ordering::SeqCst);
                reply(201)
            }
        }
    });
    (server, kept)
}

fn send_chunks(host: &str, bytes: &[u8]) -> Result<StoredBlob, Error> {
    let client = client();
    let mut upload =
        client.start_upload(&call(&client), &repository(host), &UploadOptions { chunk_size: 1000 }).unwrap();
    for piece in bytes.chunks(333) {
        upload.write(piece)?;
    }
    upload.finish(None)
}

#[test]
fn chunks_arrive_in_order_and_follow_the_newest_location() {
    let blob = noise(3500);
    let (server, kept) = chunks(|_, _| None);
    let stored = send_chunks(&server.host, &blob).unwrap();
    assert_eq!((stored.digest, stored.size), (digest(&blob), 3500));
    assert!(*kept.lock().unwrap() == blob);
    let seen = server.seen();
    let patches: Vec<_> = seen.iter().filter(|seen| seen.method == "PATCH").collect();
    let ranges: Vec<_> = patches.iter().map(|seen| seen.header("content-range").unwrap()).collect();
    assert_eq!(ranges, ["0-999", "1000-1999", "2000-2999", "3000-3499"]);
    let targets: Vec<_> = patches.iter().map(|seen| seen.target.as_str()).collect();
    assert_eq!(targets, ["/up/0", "/up/1000", "/up/2000", "/up/3000"]);
    let put = seen.iter().find(|seen| seen.method == "PUT").unwrap();
    assert!(put.target.starts_with("/up/3500?digest=sha256:"));
}

#[test]
fn a_broken_chunk_is_continued_where_the_registry_has_it() {
    let blob = noise(3500);
    let broken = Arc::new(Mutex::new(false));
    let (server, kept) = chunks(move |seen, kept| {
        let mut broken = broken.lock().unwrap();
        if kept.len() != 1000 || *broken {
            return None;
        }
        // Half of it is stored, and the connection breaks.
        *broken = true;
        kept.extend_from_slice(&seen.body[..400]);
        Some(lost())
    });
    send_chunks(&server.host, &blob).unwrap();
    assert!(*kept.lock().unwrap() == blob);
}

#[test]
fn a_range_that_stands_still_is_not_believed() {
    let blob = noise(2500);
    let (server, kept) = chunks(|seen, kept| {
        kept.extend_from_slice(&seen.body);
        Some(reply(201).header("Location", "/up/x").header("Range", "0-999"))
    });
    send_chunks(&server.host, &blob).unwrap();
    assert!(*kept.lock().unwrap() == blob);
}

#[test]
fn an_abandoned_upload_is_cancelled() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => reply(202).header("Location", "/up/1"),
        "DELETE" => reply(204),
        _ => reply(500),
    });
    let client = client();
    for by_hand in [false, true] {
        let (context, call) = with_context(&client);
        let mut upload = client.start_upload(&call, &repository(&server.host), &UploadOptions::default()).unwrap();
        context.cancel();
        if by_hand {
            upload.cancel().unwrap();
        }
        drop(upload);
    }
    assert_eq!(server.count("DELETE", "/up/1"), 2);
}

#[test]
fn a_promised_digest_is_checked() {
    let server = takes(|_| reply(201));
    let client = client();
    let wrong = BlobPutOptions { digest: Some(digest(b"other")), ..Default::default() };
    fails(client.put_blob(&call(&client), &repository(&server.host), b"bytes", &wrong), Code::DigestMismatch, "");
    assert_eq!(server.seen().len(), 0, "nothing was sent");
}

#[test]
fn nothing_stored_is_not_one_byte() {
    let blob = noise(2500);
    let failed = Arc::new(Mutex::new(false));
    let (server, kept) = chunks(move |_, _| {
        let mut failed = failed.lock().unwrap();
        (!std::mem::replace(&mut *failed, true)).then(|| reply(503))
    });
    // The status of an empty session says 0-0, as that of one byte does.
    send_chunks(&server.host, &blob).unwrap();
    assert!(*kept.lock().unwrap() == blob);
}

#[test]
fn a_chunk_that_could_not_be_sent_breaks_the_upload() {
    let (server, _) = chunks(|_, _| Some(reply(400)));
    let client = client();
    let mut upload =
        client.start_upload(&call(&client), &repository(&server.host), &UploadOptions { chunk_size: 1000 }).unwrap();
    fails(upload.write(&noise(1000)), Code::Http, "chunk");
    fails(upload.write(&noise(10)), Code::Http, "chunk");
    fails(upload.finish(None), Code::Http, "chunk");
    assert_eq!(server.count("PUT", "/up"), 0);
    upload.cancel().unwrap();
}

#[test]
fn a_gateway_that_gives_up_early_is_asked_whether_it_was_done() {
    let done = Arc::new(Mutex::new(0));
    let server = Server::start(move |seen| {
        let mut done = done.lock().unwrap();
        match seen.method.as_str() {
            "HEAD" => reply(if *done > 0 { 200 } else { 404 }).unframed(),
            "POST" => reply(202).header("Location", "/up/0"),
            "PATCH" => reply(202),
            "PUT" => {
                *done += 1;
                reply(if *done == 1 { 504 } else { 404 })
            }
            _ => reply(500),
        }
    });
    assert_eq!(send_chunks(&server.host, &noise(500)).unwrap().size, 500);
}

#[test]
fn a_wrong_password_is_not_tried_again_and_again() {
    let server = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"r\""));
    fails(put(&client_for(&server.host), &server.host, b"bytes"), Code::Unauthenticated, "");
    assert_eq!(server.seen().iter().filter(|seen| seen.header("authorization").is_some()).count(), 1);
    let busy = Server::start(|seen| if seen.method == "HEAD" { reply(404) } else { reply(503) });
    fails(put(&client(), &busy.host, b"bytes"), Code::Server, "");
    assert_eq!(busy.count("POST", "uploads"), 5);
}

#[test]
fn a_registry_may_not_demand_any_chunk() {
    let server = Server::start(|_| reply(202).header("Location", "/up").header("OCI-Chunk-Min-Length", 1u64 << 30));
    let client = client();
    let outcome = client.start_upload(&call(&client), &repository(&server.host), &UploadOptions::default());
    fails(outcome, Code::LimitExceeded, "chunks");
}

/// A source that does not end is not sent until its end when its size was given.
#[test]
fn a_stream_longer_than_its_size_is_left_at_once() {
    struct Endless(u64);
    impl Source for Endless {
        fn piece(&mut self, most: usize) -> Result<bytes::Bytes, Error> {
            self.0 += most as u64;
            assert!(self.0 < 1 << 24, "it goes on");
            Ok(vec![0; most].into())
        }
    }
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => reply(202).header("Location", "/v2/a/b/blobs/uploads/1"),
        "PATCH" => reply(202).header("Location", "/v2/a/b/blobs/uploads/1").header("Range", "0-1"),
        _ => reply(204),
    });
    let client = client();
    for size in [0, 10, 1 << 20] {
        let options = BlobPutOptions { size: Some(size), ..BlobPutOptions::default() };
        let put = client.put_blob_stream(&call(&client), &repository(&server.host), &mut Endless(0), &options);
        fails(put, Code::SizeMismatch, &format!("not {size}"));
    }
    assert_eq!(server.count("PUT", "/v2/a/b/blobs/uploads/1"), 0);
    assert_eq!(server.count("DELETE", "/v2/a/b/blobs/uploads/1"), 3);
}
