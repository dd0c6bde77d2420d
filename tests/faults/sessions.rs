//! Upload sessions step by step, chunks that are too large, and mounts.

use std::sync::{Arc, Mutex};

use ocireg::digest::Algorithm;
use ocireg::error::Code;
use ocireg::registry::upload::{BlobPutOptions, ChunkOptions, MountOptions, SavedSession, StartOptions};

use crate::common::*;
use crate::server::*;

/// A registry that accepts chunks of up to `most` bytes and answers larger ones with `refusal`.
fn picky(most: usize, refusal: u16) -> (Server, Arc<Mutex<Vec<u8>>>) {
    let kept = Arc::<Mutex<Vec<u8>>>::default();
    let store = kept.clone();
    let server = Server::start(move |seen| {
        let mut kept = store.lock().unwrap();
        let range = |kept: &Vec<u8>| format!("0-{}", kept.len().max(1) - 1);
        match seen.method.as_str() {
            "HEAD" => reply(404),
            "PUT" if seen.body.len() <= most => {
                reply(201).header("Docker-Content-Digest", seen.target.split("digest=").nth(1).unwrap())
            }
            "POST" => reply(202).header("Location", "/v2/a/b/blobs/uploads/1?_state=x"),
            "GET" => reply(204).header("Range", range(&kept)),
            "PATCH" | "PUT" if seen.body.len() > most => reply(refusal).json(r#"{"errors":[{"code":"SIZE_INVALID"}]}"#),
            "PATCH" => {
                kept.extend_from_slice(&seen.body);
                reply(202).header("Range", range(&kept))
            }
            "DELETE" => reply(204),
            _ => created(seen),
        }
    });
    (server, kept)
}

#[test]
fn a_whole_blob_that_is_too_large_goes_in_chunks() {
    let blob = noise(600 << 10);
    let (server, kept) = picky(100 << 10, 413);
    let client = client();
    let put = || client.put_blob(&call(&client), &repository(&server.host), &blob, &BlobPutOptions::default());
    assert!(put().unwrap().uploaded);
    assert_eq!(*kept.lock().unwrap(), blob);
    let refused = |server: &Server| server.count("PATCH", "/v2/a/b/blobs/uploads/1");
    let first = refused(&server);
    kept.lock().unwrap().clear();
    put().unwrap();
    assert_eq!(*kept.lock().unwrap(), blob);
    // The accepted size is remembered: no further chunk is refused.
    assert!(refused(&server) - first < first, "{first}, then {}", refused(&server) - first);
}

/// GHCR refuses a chunk of more than 4 MiB with 416 even if its offset is right.
#[test]
fn a_chunk_that_is_too_large_is_halved_also_after_416() {
    for status in [413, 416] {
        let blob = noise(500 << 10);
        let (server, kept) = picky(70 << 10, status);
        let client = client();
        let options = BlobPutOptions { chunk_size: Some(400 << 10), ..BlobPutOptions::default() };
        client.put_blob(&call(&client), &repository(&server.host), &blob, &options).unwrap();
        assert_eq!(*kept.lock().unwrap(), blob, "{status}");
    }
}

#[test]
fn a_server_that_takes_no_chunk_at_all_is_believed_at_last() {
    let (server, _) = picky(1000, 413);
    let client = client();
    let put = client.put_blob(&call(&client), &repository(&server.host), &noise(300 << 10), &BlobPutOptions::default());
    assert_eq!(fails(put, Code::LimitExceeded, "").http_status(), Some(413));
    assert_eq!(server.count("DELETE", "/v2/a/b/blobs/uploads/1"), 2, "both sessions are cancelled");
}

#[test]
fn a_registry_without_patch_gets_it_in_one_put() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        "POST" => reply(202).header("Location", "/up/1"),
        "PATCH" => reply(405),
        "DELETE" => reply(204),
        _ => created(seen),
    });
    let client = client();
    let options = BlobPutOptions { chunk_size: Some(1000), ..BlobPutOptions::default() };
    client.put_blob(&call(&client), &repository(&server.host), &noise(5000), &options).unwrap();
    assert_eq!(server.count("PUT", "/up/1"), 1);
}

#[test]
fn a_session_goes_on_by_its_json_or_its_url() {
    let (server, kept) = picky(1 << 20, 413);
    let (first, second) = (client(), client_for(&server.host));
    let started = first.session_start(&call(&first), &repository(&server.host), &StartOptions::default()).unwrap();
    assert_eq!(started.url, format!("http://{}/v2/a/b/blobs/uploads/1?_state=x", server.host));
    let options = ChunkOptions::default();
    let behind = first.session_chunk(&call(&first), &started, b"hello ", &options).unwrap();
    assert_eq!(behind.offset, 6);
    // Another process, which has only the URL.
    let found = second.session_status(&call(&second), &SavedSession::parse(&behind.url).unwrap()).unwrap();
    assert_eq!(found.offset, 6);
    let text = serde_json::to_string(&found).unwrap();
    let found = SavedSession::parse(&text).unwrap();
    let stored = second.session_finish(&call(&second), &found, &digest(b"hello world"), b"world").unwrap();
    assert_eq!((stored.size, kept.lock().unwrap().as_slice()), (11, &b"hello world"[..]));
    second.session_cancel(&call(&second), &found).unwrap();
    assert_eq!(
        fails(second.session_chunk(&call(&second), &found, b"", &options), Code::InvalidArgument, "one byte")
            .attempts(),
        0
    );
}

#[test]
fn who_does_not_tell_where_a_session_stands_does_not_move_it() {
    for (range, offset) in [("", 100_000), ("junk", 100_000), ("5-9", 100_000), ("0--1", 0)] {
        let server = Server::start(move |_| reply(204).header("Range", range));
        let client = client();
        let saved = SavedSession {
            url: server.url("/up/1"),
            repository: format!("{}/a/b", server.host),
            offset: 100_000,
            min_chunk_size: 0,
        };
        assert_eq!(client.session_status(&call(&client), &saved).unwrap().offset, offset, "{range}");
    }
}

#[test]
fn a_location_that_has_a_digest_gets_the_right_one() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "POST" => reply(202).header("Location", "/up/1?digest=sha256:0&_state=x%2Fy"),
        "PUT" => created(seen),
        _ => reply(404),
    });
    let client = client();
    client.put_blob(&call(&client), &repository(&server.host), b"x", &Default::default()).unwrap();
    let put = server.seen().into_iter().find(|seen| seen.method == "PUT").unwrap();
    assert_eq!(put.target, format!("/up/1?_state=x%2Fy&digest={}", digest(b"x")));
}

#[test]
fn a_session_that_came_from_elsewhere_is_not_believed() {
    for bad in
        ["", "nothing", "http://h/other/path", "{}", r#"{"url":"http://h/x"}"#, "[]", "ftp://h/v2/a/blobs/uploads/1"]
    {
        let outcome = SavedSession::parse(bad).and_then(|saved| {
            let client = client();
            let call = call(&client);
            client.session_status(&call, &saved)
        });
        let error = outcome.err().unwrap_or_else(|| panic!("{bad}"));
        assert!(matches!(error.code(), Code::InvalidArgument | Code::InvalidReference), "{bad}: {error}");
    }
    // The registry's credentials are not sent to another host to which the session leads.
    let other = Server::start(|_| reply(204).header("Range", "0-5"));
    let server = Server::start(|_| reply(401).header("WWW-Authenticate", "Basic realm=\"x\""));
    let client = client_for(&server.host);
    let saved = SavedSession {
        url: format!("http://{}/v2/a/b/blobs/uploads/1", other.host),
        repository: format!("{}/a/b", server.host),
        offset: 0,
        min_chunk_size: 0,
    };
    let outcome = client.session_status(&call(&client), &saved);
    assert!(other.seen().iter().all(|seen| seen.header("authorization").is_none()));
    assert!(outcome.is_ok() || outcome.err().unwrap().code() == Code::Redirect);
}

fn mounts(status: u16) -> Server {
    Server::start(move |seen| match (seen.method.as_str(), seen.target.contains("mount=")) {
        ("HEAD", _) => reply(404),
        ("POST", true) if status == 201 => reply(201).header("Docker-Content-Digest", digest(b"x")),
        ("POST", true) => reply(status).header("Location", "/up/mounted"),
        ("POST", false) => reply(202).header("Location", "/up/plain"),
        ("DELETE", _) => reply(204),
        _ => created(seen),
    })
}

#[test]
fn a_mount_is_done_or_declined() {
    let blob = digest(b"x");
    for (status, mounted, session) in [(201, true, false), (202, false, true), (404, false, false), (405, false, false)]
    {
        let server = mounts(status);
        let client = client();
        let from = ocireg::reference::Repository::parse(&format!("{}/other", server.host), None).unwrap();
        let keep = MountOptions { keep_session: true };
        let found = client.mount_blob(&call(&client), &at(&server.host, &blob), Some(&from), &keep).unwrap();
        assert_eq!((found.mounted, found.session.is_some()), (mounted, session), "{status}");
        assert_eq!(server.seen()[0].target, format!("/v2/a/b/blobs/uploads/?mount={blob}&from=other"));
        client.mount_blob(&call(&client), &at(&server.host, &blob), None, &MountOptions::default()).unwrap();
        assert_eq!(server.seen()[1].target, format!("/v2/a/b/blobs/uploads/?mount={blob}"));
        assert_eq!(server.count("DELETE", "/up/mounted"), usize::from(session), "not kept, so cancelled");
    }
}

#[test]
fn the_session_of_a_declined_mount_is_gone_on_with() {
    let mut cases = vec![(202, "/up/mounted")];
    // A mount is only an attempt: on any other response, the blob is uploaded as usual.
    cases.extend(
        [200, 204, 302, 400, 401, 403, 404, 405, 409, 410, 415, 422, 429, 500, 501, 502, 503, 504]
            .map(|status| (status, "/up/plain")),
    );
    for (status, put_at) in cases {
        let server = mounts(status);
        let client = client();
        let options = BlobPutOptions { mount_from: vec!["other".to_owned()], ..BlobPutOptions::default() };
        client.put_blob(&call(&client), &repository(&server.host), b"x", &options).unwrap();
        assert_eq!(server.count("PUT", put_at), 1, "{status}");
        assert_eq!(server.count("POST", "mount="), 1, "{status}: asked once");
    }
}

#[test]
fn a_mount_that_gets_no_answer_is_declined() {
    for then in [Then::Reset, Then::Close, Then::Stall] {
        let server = Server::start(move |seen| match (seen.method.as_str(), seen.target.contains("mount=")) {
            ("HEAD", _) => reply(404),
            ("POST", true) => lost().then(then),
            ("POST", false) => reply(202).header("Location", "/up/plain"),
            _ => created(seen),
        });
        let client = client();
        let options = BlobPutOptions { mount_from: vec!["other".to_owned()], ..BlobPutOptions::default() };
        client.put_blob(&call(&client), &repository(&server.host), b"x", &options).unwrap();
        assert_eq!(server.count("PUT", "/up/plain"), 1);
    }
}

#[test]
fn a_mount_asks_for_both_scopes_the_target_first() {
    let server = Server::start(|seen| match (seen.path(), seen.header("authorization")) {
        ("/token", _) => reply(200).json(r#"{"token":"t"}"#),
        (_, None) => {
            let realm = format!("Bearer realm=\"http://{}/token\",service=\"s\"", seen.header("host").unwrap());
            reply(401).header("WWW-Authenticate", realm)
        }
        _ => created(seen).header("Location", "/v2/a/b/blobs/x"),
    });
    let client = client();
    let from = ocireg::reference::Repository::parse(&format!("{}/other", server.host), None).unwrap();
    client.mount_blob(&call(&client), &at(&server.host, &digest(b"x")), Some(&from), &MountOptions::default()).unwrap();
    let token = server.seen().into_iter().find(|seen| seen.path() == "/token").unwrap().target;
    let target = token.find("repository%3Aa%2Fb%3Apull%2Cpush").or_else(|| token.find("repository:a/b:pull,push"));
    let source = token.find("repository%3Aother%3Apull").or_else(|| token.find("repository:other:pull"));
    assert!(target.unwrap() < source.unwrap(), "{token}");
}

#[test]
fn a_blob_of_another_registry_cannot_be_mounted() {
    let client = client();
    let from = ocireg::reference::Repository::parse("example.org/other", None).unwrap();
    let outcome =
        client.mount_blob(&call(&client), &at("127.0.0.1:1", &digest(b"x")), Some(&from), &MountOptions::default());
    fails(outcome.map(drop), Code::InvalidArgument, "example.org");
    let options = BlobPutOptions { mount_from: vec!["example.org/other".to_owned()], ..BlobPutOptions::default() };
    let outcome = client.put_blob(&call(&client), &repository("127.0.0.1:1"), b"x", &options);
    fails(outcome.map(drop), Code::InvalidArgument, "example.org");
}

#[test]
fn an_offset_that_no_blob_can_have_is_refused() {
    let (server, _) = picky(1 << 20, 413);
    let client = client();
    let started = client.session_start(&call(&client), &repository(&server.host), &StartOptions::default()).unwrap();
    let spoilt = SavedSession { offset: u64::MAX, ..started.clone() };
    let outcome = client.session_chunk(&call(&client), &spoilt, b"hello", &ChunkOptions::default());
    fails(outcome.map(drop), Code::InvalidArgument, "18446744073709551615");
    let options = ChunkOptions { offset: Some(u64::MAX - 1) };
    let outcome = client.session_chunk(&call(&client), &started, b"hello", &options);
    fails(outcome.map(drop), Code::InvalidArgument, "18446744073709551614");
    let outcome = client.session_finish(&call(&client), &spoilt, &digest(b"hello"), b"hello");
    fails(outcome.map(drop), Code::InvalidArgument, "18446744073709551615");
}

#[test]
fn a_registry_is_told_of_an_algorithm_other_than_the_usual_one() {
    let server = Server::start(|seen| match seen.method.as_str() {
        "HEAD" => reply(404),
        "POST" => reply(202).header("Location", "/up/1"),
        _ => created(seen),
    });
    let client = client();
    for (algorithm, query) in [(Algorithm::Sha512, "?digest-algorithm=sha512"), (Algorithm::Sha256, "")] {
        let options = BlobPutOptions { digest: Some(algorithm.digest(b"x")), ..BlobPutOptions::default() };
        client.put_blob(&call(&client), &repository(&server.host), b"x", &options).unwrap();
        let post = server.seen().into_iter().rfind(|seen| seen.method == "POST").unwrap();
        assert_eq!(post.target, format!("/v2/a/b/blobs/uploads/{query}"));
    }
    let unknown = StartOptions { digest_algorithm: Some("md5".to_owned()) };
    let outcome = client.session_start(&call(&client), &repository(&server.host), &unknown);
    fails(outcome.map(drop), Code::InvalidReference, "md5");
}
