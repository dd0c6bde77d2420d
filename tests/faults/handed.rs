//! How registries respond to uploads and puts, and what they have afterwards: a response that does not name the digest
//! is believed only after a check, one that does costs no extra request.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ocireg::error::{Code, Error};
use ocireg::registry::manifest::GetOptions;
use ocireg::registry::manifest::PutOptions as ManifestOptions;
use ocireg::registry::upload::{BlobPutOptions, StoredBlob, UploadOptions};

use crate::common::*;
use crate::server::*;

/// A registry that opens uploads and mounts, and answers the last PUT with `put`; after that, `has` says what it has.
fn registry(put: fn(&Seen) -> Reply, has: fn() -> Reply) -> Server {
    let puts = Arc::new(AtomicUsize::new(0));
    Server::start(move |seen| match seen.method.as_str() {
        "HEAD" | "GET" if puts.load(Ordering::SeqCst) > 0 => has(),
        "POST" => reply(202).header("Location", "/up/1"),
        "PATCH" => reply(202),
        "PUT" => {
            puts.fetch_add(1, Ordering::SeqCst);
            put(seen)
        }
        "DELETE" => reply(204),
        _ => reply(404),
    })
}

fn put(server: &Server, options: BlobPutOptions) -> Result<StoredBlob, Error> {
    let client = client();
    client.put_blob(&call(&client), &repository(&server.host), b"0123456789", &options)
}

fn ways() -> [BlobPutOptions; 3] {
    let chunks = BlobPutOptions { chunk_size: Some(4), ..BlobPutOptions::default() };
    [BlobPutOptions::default(), chunks, BlobPutOptions { single_post: true, ..BlobPutOptions::default() }]
}

#[test]
fn what_is_not_there_was_not_put() {
    let nothing: fn() -> Reply = || reply(404);
    for (put_answer, has, code, part) in [
        ((|_| reply(201)) as fn(&Seen) -> Reply, nothing, Code::Protocol, "answers 201 but does not have the blob"),
        (|_| reply(201).header("Docker-Content-Digest", "junk"), nothing, Code::Protocol, "does not have the blob"),
        (|_| reply(201), || reply(200).header("Content-Length", 5), Code::Protocol, "keeps 5 of 10 bytes"),
        (
            |_| reply(201),
            || reply(200).header("Docker-Content-Digest", digest(b"other")),
            Code::DigestMismatch,
            "keeps it as",
        ),
        (|_| reply(200).body("<html>"), nothing, Code::Protocol, "answers 200 but does not have the blob"),
        (|_| reply(201), || reply(200).header("Content-Length", 0), Code::Protocol, "keeps 0 of 10 bytes"),
        (|_| reply(204), || reply(403), Code::Protocol, "answers 204 but does not show the blob"),
        (
            |seen| created(seen).header("Docker-Content-Digest", digest(b"other")),
            nothing,
            Code::DigestMismatch,
            "stored it as",
        ),
    ] {
        for options in ways() {
            let server = match options.single_post {
                false => registry(put_answer, has),
                true => {
                    let posts = Arc::new(AtomicUsize::new(0));
                    Server::start(move |seen| match seen.method.as_str() {
                        "HEAD" | "GET" if posts.load(Ordering::SeqCst) > 0 => has(),
                        "POST" => {
                            posts.fetch_add(1, Ordering::SeqCst);
                            put_answer(seen)
                        }
                        _ => reply(404),
                    })
                }
            };
            let error = fails(put(&server, options), code, part);
            // Which upload, and its destination.
            assert!(error.message().contains(&format!("{}/a/b", server.host)), "{error}");
        }
    }
}

#[test]
fn what_can_be_seen_is_believed_and_so_is_a_name() {
    for (has, looks) in [
        ((|| reply(200).header("Content-Length", 10)) as fn() -> Reply, 2),
        (|| reply(200).unframed(), 2),
        // It does not allow reading.
        (|| reply(403), 2),
        (|| reply(405), 2),
        (|| reply(401), 2),
    ] {
        let server = registry(|_| reply(201), has);
        assert!(put(&server, BlobPutOptions::default()).unwrap().uploaded);
        assert_eq!(server.count("HEAD", "/blobs/"), looks);
    }
    let named = registry(created, || reply(404));
    put(&named, BlobPutOptions::default()).unwrap();
    assert_eq!(named.count("HEAD", "/blobs/"), 1, "before the upload, and not after");
}

/// After a chunked upload the registry must confirm the blob: by GET, where HEAD does not tell. Otherwise it is sent
/// again in one request.
#[test]
fn chunks_have_to_be_shown() {
    #[derive(Debug, PartialEq)]
    enum Ends {
        InChunks,
        Whole,
        Badly,
    }
    let ten: fn() -> Reply = || reply(200).body("0123456789");
    type Answer = fn() -> Reply;
    let cases: [(Answer, Answer, Ends); 9] = [
        (|| reply(200).header("Content-Length", 0), ten, Ends::InChunks),
        (|| reply(200).unframed(), ten, Ends::InChunks),
        (|| reply(200).unframed(), || reply(200).body("01234"), Ends::Badly),
        (|| reply(200).header("Content-Length", 0), || reply(404), Ends::Whole),
        (|| reply(200).header("Docker-Content-Digest", digest(b"0123456789")), || reply(403), Ends::Whole),
        (|| reply(401), ten, Ends::Badly),
        (|| reply(403), ten, Ends::Whole),
        (|| reply(405), ten, Ends::Whole),
        (|| reply(500), ten, Ends::Whole),
    ];
    for (number, (head, get, ends)) in cases.into_iter().enumerate() {
        let puts = AtomicUsize::new(0);
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" if puts.load(Ordering::SeqCst) == 0 => reply(404),
            "HEAD" => head(),
            "GET" => get(),
            "POST" => reply(202).header("Location", "/up/1"),
            "PATCH" => {
                let end = seen.header("content-range").unwrap().rsplit('-').next().unwrap().to_owned();
                reply(202).header("Location", "/up/1").header("Range", format!("0-{end}"))
            }
            _ => {
                puts.fetch_add(1, Ordering::SeqCst);
                reply(201)
            }
        });
        let chunks = BlobPutOptions { chunk_size: Some(4), ..BlobPutOptions::default() };
        let outcome = put(&server, chunks);
        let whole = server.seen().iter().any(|seen| seen.method == "PUT" && seen.body == b"0123456789");
        let found = match (outcome.is_ok(), whole) {
            (true, true) => Ends::Whole,
            (true, false) => Ends::InChunks,
            (false, _) => Ends::Badly,
        };
        assert_eq!(found, ends, "case {number}: {outcome:?}");
    }
}

#[test]
fn a_blob_that_is_shown_a_little_later_is_there() {
    let looks = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |seen| match seen.method.as_str() {
        "HEAD" => match looks.fetch_add(1, Ordering::SeqCst) {
            0..=2 => reply(404),
            _ => reply(200).header("Content-Length", 10),
        },
        "POST" => reply(202).header("Location", "/up/1"),
        _ => reply(201),
    });
    assert!(put(&server, BlobPutOptions::default()).unwrap().uploaded);
}

#[test]
fn a_stream_and_a_session_are_looked_at_too() {
    let server = registry(|_| reply(201), || reply(404));
    let client = client();
    let call = call(&client);
    let mut upload = client.start_upload(&call, &repository(&server.host), &UploadOptions { chunk_size: 4 }).unwrap();
    upload.write(b"0123456789").unwrap();
    fails(upload.finish(None), Code::Protocol, "does not have the blob");

    let saved = client.session_start(&call, &repository(&server.host), &Default::default()).unwrap();
    let outcome = client.session_finish(&call, &saved, &digest(b"0123"), b"0123");
    fails(outcome, Code::Protocol, "does not have the blob");
}

/// A mount that did not happen is followed by an upload.
#[test]
fn a_mount_that_brings_nothing_is_declined() {
    for (mounted, has, uploaded) in [
        ((|_| reply(201)) as fn(&Seen) -> Reply, (|| reply(404)) as fn() -> Reply, true),
        (|_| reply(201).header("Docker-Content-Digest", digest(b"other")), || reply(404), true),
        (|_| reply(201).header("Docker-Content-Digest", digest(b"other")), || reply(200), true),
        (|_| reply(201), || reply(200).header("Content-Length", 3), true),
        (|_| reply(200), || reply(404), true),
        (|_| reply(201), || reply(200).header("Content-Length", 10), false),
        (|_| reply(201).header("Docker-Content-Digest", digest(b"0123456789")), || reply(404), false),
    ] {
        let mounts = Arc::new(AtomicUsize::new(0));
        let server = Server::start(move |seen| match seen.method.as_str() {
            "HEAD" if mounts.load(Ordering::SeqCst) > 0 => has(),
            "POST" if seen.target.contains("mount=") => {
                mounts.fetch_add(1, Ordering::SeqCst);
                mounted(seen)
            }
            "POST" => reply(202).header("Location", "/up/1"),
            "PUT" => created(seen),
            _ => reply(404),
        });
        let options = BlobPutOptions { mount_from: vec!["a/c".to_owned()], ..BlobPutOptions::default() };
        let stored = put(&server, options).unwrap();
        assert_eq!((stored.uploaded, stored.mounted), (uploaded, !uploaded));
        assert_eq!(server.count("PUT", "/up/1"), usize::from(uploaded));
    }
}

#[test]
fn a_manifest_is_looked_at_too() {
    for status in [200, 201, 202, 204] {
        let server = Server::start(move |seen| reply(if seen.method == "PUT" { status } else { 404 }));
        let client = client();
        let put = |host: &str| {
            client.put_manifest(&call(&client), &tag(host), MANIFEST.as_bytes(), &ManifestOptions::default())
        };
        fails(put(&server.host), Code::Protocol, &format!("answers {status} but does not have it"));
        let hides = Server::start(move |seen| reply(if seen.method == "PUT" { status } else { 403 }));
        match status {
            201 => drop(put(&hides.host).unwrap()),
            _ => drop(fails(put(&hides.host), Code::Protocol, "does not show it")),
        }
    }
    let named = Server::start(created);
    let client = client();
    client.put_manifest(&call(&client), &tag(&named.host), MANIFEST.as_bytes(), &ManifestOptions::default()).unwrap();
    assert_eq!(named.seen().len(), 1);
}

/// Each of several digests in a response must be right.
#[test]
fn no_digest_may_contradict_the_bytes() {
    for digests in
        [vec![digest(MANIFEST.as_bytes()), digest(b"other")], vec![digest(b"other"), digest(MANIFEST.as_bytes())]]
    {
        let copy = digests.clone();
        let server = Server::start(move |seen| {
            let mut answer = reply(if seen.method == "PUT" { 201 } else { 200 }).header("Content-Type", MANIFEST_TYPE);
            for digest in &copy {
                answer = answer.header("Docker-Content-Digest", digest);
            }
            if seen.method == "PUT" {
                answer
            } else {
                answer.body(MANIFEST)
            }
        });
        let client = client();
        let call = call(&client);
        let name = tag(&server.host);
        fails(
            client.get_manifest(&call, &name, &GetOptions::default()),
            Code::DigestMismatch,
            digest(b"other").as_str(),
        );
        fails(client.manifest_digest(&call, &name, &GetOptions::default()), Code::DigestMismatch, "");
        let put = client.put_manifest(&call, &name, MANIFEST.as_bytes(), &ManifestOptions::default());
        fails(put, Code::DigestMismatch, digest(b"other").as_str());
    }
}

/// A web page in front of a registry does not accept a chunk.
#[test]
fn a_page_is_no_answer_to_a_chunk() {
    for status in [200, 201, 204] {
        for pages in [1, usize::MAX] {
            let held = Arc::<Mutex<(Vec<u8>, usize)>>::default();
            let shared = held.clone();
            let server = Server::start(move |seen| {
                let mut held = shared.lock().unwrap();
                let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
                match seen.method.as_str() {
                    "POST" => reply(202).header("Location", "/up/1"),
                    "GET" => reply(204).header("Range", format!("0-{}", held.0.len().max(1) - 1)),
                    "PATCH" if seen.body.len() < length => reply(202),
                    "PATCH" if held.0.len() == 4 && held.1 < pages => {
                        held.1 += 1;
                        reply(status).header("Content-Type", "text/html").body("<html>maintenance</html>")
                    }
                    "PATCH" => {
                        held.0.extend_from_slice(&seen.body);
                        reply(202).header("Range", format!("0-{}", held.0.len() - 1))
                    }
                    "PUT" if held.0 == b"0123456789" => created(seen),
                    _ => reply(404),
                }
            });
            let outcome = put(&server, BlobPutOptions { chunk_size: Some(4), ..BlobPutOptions::default() });
            match pages {
                1 => drop(outcome.unwrap()),
                _ => {
                    let error = fails(outcome, Code::Protocol, &format!("status {status} does not accept one"));
                    assert_eq!(error.http_status(), Some(status), "{error}");
                }
            }
        }
    }
}

/// What went wrong, with what, where, and where a redirect would have led.
#[test]
fn messages_of_uploads_name_the_place() {
    let moved: fn(&Seen) -> Reply = |_| reply(301).header("Location", "https://other.example:5000/x?sig=1");
    for (post, patch, put_answer, part) in [
        (moved, None, None, "start an upload to"),
        ((|_| reply(202)) as fn(&Seen) -> Reply, None, None, "start an upload to"),
        (|_| reply(202).header("Location", "/up/1"), None, Some(moved), "finish the upload of sha256:"),
        (|_| reply(202).header("Location", "/up/1"), Some(moved), None, "send the chunk of bytes 0 to 3 to"),
    ] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "POST" => post(seen),
            "PATCH" => patch.map_or(reply(202), |patch| patch(seen)),
            "PUT" => put_answer.map_or_else(|| created(seen), |put| put(seen)),
            _ => reply(404),
        });
        let options = BlobPutOptions { chunk_size: patch.map(|_| 4), ..BlobPutOptions::default() };
        let error = put(&server, options).unwrap_err();
        assert!(error.message().contains(part), "{error}");
        assert!(error.message().contains(&format!("{}/a/b", server.host)), "{error}");
        match error.code() {
            Code::Redirect => assert!(
                error.message().contains("https://other.example:5000") && !error.message().contains("sig"),
                "{error}"
            ),
            _ => assert!(error.message().contains("sends no Location"), "{error}"),
        }
    }
    let page = Server::start(|seen| match seen.method.as_str() {
        "POST" => reply(599).header("Content-Type", "text/html").body("<html><title>Oops</title></html>"),
        _ => reply(404),
    });
    let error = fails(put(&page, BlobPutOptions::default()), Code::Server, "status 599");
    assert!(error.message().contains("Oops"), "{error}");
}
