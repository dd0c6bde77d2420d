//! Registries that keep chunks differently from what they report: success is never reported while a byte is missing.

use std::sync::{Arc, Mutex};

use ocireg::error::{Code, Error};
use ocireg::registry::upload::{BlobPutOptions, StoredBlob, UploadOptions};

use crate::common::*;
use crate::server::*;

/// Adds a chunk to the stored bytes, and returns the Range of its response. The number counts the chunks of the session
/// from 0.
type Keep = fn(&mut Vec<u8>, &[u8], usize) -> Option<String>;
/// The Range of a session's status.
type Status = fn(&[u8]) -> Option<String>;

fn through(bytes: usize) -> Option<String> {
    Some(format!("0-{}", bytes.max(1) - 1))
}

fn all(there: &mut Vec<u8>, chunk: &[u8]) {
    there.extend_from_slice(chunk);
}

const HONEST: Status = |there| through(there.len());
const MUTE: Status = |_| None;

/// The name of the behaviour, its two functions, and whether the bytes of a stream, which can be read only once,
/// arrive.
const HABITS: [(&str, Keep, Status, bool); 15] = [
    ("honest", |there, chunk, _| (all(there, chunk), through(there.len())).1, HONEST, true),
    ("counts the chunk alone", |there, chunk, _| (all(there, chunk), through(chunk.len())).1, HONEST, true),
    ("counts the chunk alone, no status", |there, chunk, _| (all(there, chunk), through(chunk.len())).1, MUTE, true),
    ("counts a quarter", |there, chunk, _| (all(there, chunk), through(chunk.len() / 4)).1, HONEST, true),
    ("always 0-0", |there, chunk, _| (all(there, chunk), through(1)).1, |_| through(1), true),
    ("no Range", |there, chunk, _| (all(there, chunk), None).1, MUTE, true),
    (
        "keeps half, once",
        |there, chunk, number| {
            all(there, if number == 1 { &chunk[..chunk.len() / 2] } else { chunk });
            through(there.len())
        },
        HONEST,
        true,
    ),
    (
        "keeps nothing, once",
        |there, chunk, number| {
            all(there, if number == 1 { &[] } else { chunk });
            through(there.len())
        },
        HONEST,
        true,
    ),
    (
        "keeps half, and is asked for it",
        |there, chunk, number| {
            all(there, if number == 1 { &chunk[..chunk.len() / 2] } else { chunk });
            through(there.len())
        },
        MUTE,
        true,
    ),
    (
        "each chunk replaces the one before",
        |there, chunk, _| {
            *there = chunk.to_vec();
            through(chunk.len())
        },
        HONEST,
        false,
    ),
    (
        "the same, with the Range of all",
        |there, chunk, number| {
            *there = chunk.to_vec();
            through(number * 1000 + chunk.len())
        },
        MUTE,
        false,
    ),
    (
        "drops one and says nothing",
        |there, chunk, number| {
            all(there, if number == 1 { &[] } else { chunk });
            None
        },
        MUTE,
        false,
    ),
    (
        "loses what it had",
        |there, chunk, number| {
            all(there, chunk);
            if number == 2 {
                there.truncate(500);
            }
            through(there.len())
        },
        HONEST,
        false,
    ),
    (
        "has more than was sent",
        |there, chunk, _| {
            all(there, chunk);
            all(there, &[0; 7]);
            through(there.len())
        },
        HONEST,
        false,
    ),
    ("always 0-0, and keeps nothing", |_, _, _| through(1), |_| through(1), false),
];

#[derive(Default)]
struct Held {
    session: Vec<u8>,
    patches: usize,
    stored: Option<Vec<u8>>,
}

/// A registry that stores whatever a session has under the given digest.
fn registry(keep: Keep, status: Status, names_digest: bool) -> (Server, Arc<Mutex<Held>>) {
    let held = Arc::<Mutex<Held>>::default();
    let shared = held.clone();
    let server = Server::start(move |seen| {
        let mut held = shared.lock().unwrap();
        let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        if seen.body.len() < length {
            return reply(202);
        }
        let ranged = |status: u16, range: Option<String>| match range {
            Some(range) => reply(status).header("Range", range),
            None => reply(status),
        };
        match seen.method.as_str() {
            "HEAD" => match &held.stored {
                Some(stored) => reply(200).header("Content-Length", stored.len()),
                None => reply(404),
            },
            "POST" => {
                (held.session, held.patches) = (Vec::new(), 0);
                reply(202).header("Location", "/up/1")
            }
            "GET" => ranged(204, status(&held.session)),
            "PATCH" => {
                let number = held.patches;
                held.patches += 1;
                ranged(202, keep(&mut held.session, &seen.body, number))
            }
            "PUT" => {
                let mut bytes = std::mem::take(&mut held.session);
                bytes.extend_from_slice(&seen.body);
                held.stored = Some(bytes);
                let digest = seen.target.split("digest=").nth(1).unwrap_or_default();
                if names_digest {
                    reply(201).header("Docker-Content-Digest", digest)
                } else {
                    reply(201)
                }
            }
            _ => reply(204),
        }
    });
    (server, held)
}

fn stream(host: &str, blob: &[u8]) -> Result<StoredBlob, Error> {
    let client = client();
    let options = UploadOptions { chunk_size: 1000 };
    let mut upload = client.start_upload(&call(&client), &repository(host), &options)?;
    upload.write(blob)?;
    upload.finish(None)
}

#[test]
fn a_stream_arrives_or_fails() {
    for names_digest in [false, true] {
        for size in [3500, 3000, 4001] {
            let blob = noise(size);
            for (name, keep, status, arrives) in HABITS {
                let (server, held) = registry(keep, status, names_digest);
                match stream(&server.host, &blob) {
                    Ok(_) => assert!(held.lock().unwrap().stored.as_ref() == Some(&blob), "{name}, {size}"),
                    Err(error) => {
                        assert!(!arrives, "{name}, {size}: {error}");
                        assert_eq!(error.code(), Code::Protocol, "{name}: {error}");
                    }
                }
            }
        }
    }
}

/// What fails in chunks still works in one request.
#[test]
fn a_source_that_can_be_read_again_always_arrives() {
    let blob = noise(3500);
    for (name, keep, status, _) in HABITS {
        let (server, held) = registry(keep, status, true);
        let client = client();
        let options = BlobPutOptions { chunk_size: Some(1000), ..BlobPutOptions::default() };
        let outcome = client.put_blob(&call(&client), &repository(&server.host), &blob, &options);
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(held.lock().unwrap().stored.as_ref() == Some(&blob), "{name}");
    }
}

/// What a failed upload has left under the digest does not count as the blob.
#[test]
fn a_part_that_is_there_is_not_taken_for_the_blob() {
    let blob = noise(3500);
    let (server, held) = registry(HABITS[10].1, HABITS[10].2, true);
    fails(stream(&server.host, &blob), Code::Protocol, "keeps 500");
    let client = client();
    let stored = client.put_blob(&call(&client), &repository(&server.host), &blob, &BlobPutOptions::default()).unwrap();
    assert!(stored.uploaded && held.lock().unwrap().stored.as_ref() == Some(&blob));
}

#[test]
fn a_session_that_is_finished_elsewhere_is_looked_at_too() {
    let blob = noise(2000);
    for (name, keep, status, arrives) in HABITS {
        let (server, held) = registry(keep, status, true);
        let client = client();
        let call = call(&client);
        let outcome = client.session_start(&call, &repository(&server.host), &Default::default()).and_then(|saved| {
            let saved = client.session_chunk(&call, &saved, &blob[..1000], &Default::default())?;
            client.session_finish(&call, &saved, &digest(&blob), &blob[1000..])
        });
        match outcome {
            Ok(_) => assert!(held.lock().unwrap().stored.as_ref() == Some(&blob), "{name}"),
            Err(error) => assert!(!arrives && error.code() == Code::Protocol, "{name}: {error}"),
        }
    }
}
