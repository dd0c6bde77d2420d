//! Protocol v1: layers that break off, whose size is not said, or whose registry gives no ranges.

use std::time::Duration;

use ocireg::error::{Code, Error};
use ocireg::registry::blob::ReadOptions;
use ocireg::registry::Client;
use ocireg::registry_v1::layer::DeliveredLayer;

use crate::common::*;
use crate::server::*;
use crate::v1::{id, image, repo, standalone, with_layer};

fn get(client: &Client, server: &Server, options: &ReadOptions) -> Result<(DeliveredLayer, Vec<u8>), Error> {
    repo(client, &server.host).layer(&id('a'), options)
}

fn with_retries(retries: u32) -> Client {
    Client::new(changed(options(), |options| options.http.retries = retries)).unwrap()
}

fn piece(offset: u64, length: Option<u64>) -> ReadOptions {
    ReadOptions { offset, length, ..ReadOptions::default() }
}

/// Requests for the layer: how many, and how many of them were for a range.
fn requests(server: &Server) -> (usize, usize) {
    let layers: Vec<Seen> = server.seen().into_iter().filter(|seen| seen.path().ends_with("/layer")).collect();
    (layers.len(), layers.iter().filter(|seen| seen.header("range").is_some()).count())
}

/// A body in chunks, which says nothing of its size; without its end it has broken off.
fn chunked(body: &[u8], head: &str, ends: bool) -> Reply {
    let head = format!("HTTP/1.1 {head}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len());
    verbatim([head.as_bytes(), body, if ends { b"\r\n0\r\n\r\n" } else { b"\r\n" }].concat())
}

/// Nothing explains a break better than what the registry says next.
#[test]
fn what_a_registry_says_after_a_break_is_reported() {
    for (status, code) in [(404, Code::NotFound), (403, Code::Forbidden), (500, Code::Server)] {
        let server = with_layer(noise(50_000), move |layer, seen| match seen.number {
            2 => reply(200).body(layer).cut(20_000, Then::Close),
            _ => reply(status),
        });
        let client = with_retries(1);
        fails(get(&client, &server, &ReadOptions::default()), code, "");
    }
    let silent = with_layer(noise(50_000), |layer, seen| match seen.number {
        2 => reply(200).body(layer).cut(20_000, Then::Close),
        _ => reply(200).lost().then(Then::Stall),
    });
    let impatient = changed(options(), |options| {
        options.http.retries = 1;
        options.http.idle_timeout_ms = 200;
        options.http.answer_timeout_ms = 200;
    });
    let client = Client::new(impatient).unwrap();
    fails(get(&client, &silent, &ReadOptions::default()), Code::Timeout, "");
}

/// No server says the size: where the answer ends, the layer ends.
#[test]
fn an_answer_without_a_size_ends_where_it_ends() {
    let unsized_answers: [fn(&[u8], &Seen) -> Reply; 2] =
        [|layer, _| chunked(layer, "200 OK", true), |layer, _| reply(200).body(layer).unframed()];
    for answer in unsized_answers {
        let layer = noise(5000);
        for (offset, length) in
            [(0, Some(1_000_000)), (100, Some(1_000_000)), (100, None), (5000, None), (5000, Some(10)), (0, None)]
        {
            let server = with_layer(layer.clone(), answer);
            let (found, bytes) = get(&client(), &server, &piece(offset, length)).unwrap();
            assert!(bytes == layer[offset as usize..], "{offset} {length:?}");
            assert_eq!((found.size, found.length), (Some(5000), 5000 - offset), "{offset} {length:?}");
            assert_eq!(requests(&server).0, 1);
        }
        for length in [None, Some(10)] {
            let server = with_layer(layer.clone(), answer);
            fails(get(&client(), &server, &piece(60_000, length)), Code::InvalidArgument, "offset 60000");
        }
    }
}

/// The true end is the size, whatever X-Docker-Size says; a piece that ends before it does not show it.
#[test]
fn the_size_is_where_the_layer_ended() {
    let server = standalone(|seen| match seen.path().ends_with("/json") {
        true => reply(200).header("X-Docker-Size", 99).json(&image('a')),
        false => chunked(&noise(5000), "200 OK", true),
    });
    for (offset, length, size) in [(100, None, 5000), (100, Some(10), 99), (100, Some(4901), 5000)] {
        assert_eq!(get(&client(), &server, &piece(offset, length)).unwrap().0.size, Some(size), "{offset} {length:?}");
    }
}

/// Ranges that were refused once are not asked for again, and all of the layer is, as often as any request is tried.
#[test]
fn refused_ranges_are_remembered() {
    let layer = noise(3000);
    let server = with_layer(layer.clone(), |layer, seen| match (seen.header("range"), seen.number) {
        (Some(_), _) => reply(400),
        (None, 2 | 4) => reply(200).body(layer).cut(50, Then::Close),
        (None, _) => reply(200).body(layer),
    });
    let (found, bytes) = get(&client(), &server, &ReadOptions::default()).unwrap();
    assert!(bytes == layer && found.verified);
    assert_eq!(requests(&server), (4, 1));
    let never = with_layer(layer, |layer, seen| match seen.header("range") {
        Some(_) => reply(400),
        None => reply(200).body(layer).cut(50, Then::Close),
    });
    let client = with_retries(2);
    fails(get(&client, &never, &ReadOptions::default()), Code::Network, "");
    assert_eq!(requests(&never), (4, 1), "the first, the range, and its two retries");
}

/// What came before a layer became smaller is of another one, and the whole is read anew once.
#[test]
fn a_layer_that_shrinks_is_another_one() {
    let server = with_layer(noise(9000), |layer, seen| match (seen.header("range"), seen.number) {
        (None, 2) => chunked(&layer[..5000], "200 OK", false),
        _ => reply(200).body(&layer[..3000]),
    });
    fails(get(&client(), &server, &ReadOptions::default()), Code::DigestMismatch, "");
    assert_eq!(server.count("GET", "/json"), 2, "read once more");
}

#[test]
fn ends_of_ranges() {
    let layer = noise(5000);
    let client = client();
    // Nothing is wanted: nothing is asked for.
    for offset in [0, 7] {
        let server = with_layer(layer.clone(), |_, _| reply(500));
        let (found, bytes) = get(&client, &server, &piece(offset, Some(0))).unwrap();
        assert_eq!((bytes.len(), found.length, found.offset), (0, 0, offset));
        assert_eq!(requests(&server).0, 0);
    }
    // Behind the last byte there is nothing, which is not an error.
    let strict = with_layer(layer.clone(), |layer, seen| match seen.range_start() {
        Some(start) if start >= layer.len() => reply(416).header("Content-Range", "bytes */5000"),
        _ => serve(layer, seen),
    });
    for length in [None, Some(10)] {
        let (found, bytes) = get(&client, &strict, &piece(5000, length)).unwrap();
        assert_eq!((bytes.len(), found.length, found.size), (0, 0, Some(5000)));
        fails(get(&client, &strict, &piece(5001, length)), Code::InvalidArgument, "offset 5001");
    }
    // A 206 in chunks that goes on where its Content-Range ends.
    let excessive = with_layer(layer.clone(), |layer, seen| match seen.range_start() {
        Some(start) => {
            let head = format!("206 Partial Content\r\nContent-Range: bytes {start}-4999/5000");
            chunked(&[&layer[start..], b"more"].concat(), &head, true)
        }
        None => reply(200).body(layer).cut(1000, Then::Close),
    });
    let (found, bytes) = get(&client, &excessive, &ReadOptions::default()).unwrap();
    assert!(bytes == layer && found.verified);
    assert_eq!(requests(&excessive).0, 2);
    // All bytes are here: what would come then is not waited for.
    let silent = with_layer(layer.clone(), |layer, seen| match seen.range_start() {
        Some(start) => {
            let head = format!("206 Partial Content\r\nContent-Range: bytes {start}-4999/5000");
            chunked(&layer[start..], &head, false).then(Then::Stall)
        }
        None => reply(200).body(layer).cut(1000, Then::Close),
    });
    within(Duration::from_millis(900), || {
        assert!(get(&client, &silent, &ReadOptions::default()).unwrap().1 == layer);
    });
}

/// docker-registry's 416 for a layer without bytes, of which something is wanted or here.
#[test]
fn an_empty_layer_has_no_fifth_byte() {
    let server = with_layer(vec![], |_, _| reply(416));
    fails(get(&client(), &server, &piece(5, None)), Code::InvalidArgument, "offset 5");
    assert!(requests(&server).0 <= 2);
    assert_eq!(get(&client(), &server, &piece(0, Some(10))).unwrap().1, b"");
}

/// A wait that would end after the deadline is not begun: the call returns the break, with a hint.
#[test]
fn no_wait_is_longer_than_the_deadline() {
    let server = with_layer(noise(50_000), |layer, _| reply(200).body(layer).cut(20_000, Then::Close));
    let blob = noise(50_000);
    let name = digest(&blob);
    let blobs = Server::start(move |_| reply(200).body(&blob).cut(20_000, Then::Close));
    let client = with_retries(50);
    let (context, call) = with_context(&client);
    // The deadline may also pass while the server is asked.
    let told = |read: &dyn Fn() -> Option<Error>| {
        (0..10).any(|_| {
            context.set_deadline(Some(Duration::from_millis(400)));
            let error = read().unwrap();
            assert!(matches!(error.code(), Code::Network | Code::Timeout), "{error}");
            error.code() == Code::Network && error.hint().is_some_and(|hint| hint.contains("before the deadline"))
        })
    };
    let layers = client.v1(&call, &repository(&server.host)).unwrap();
    assert!(told(&|| layers.layer(&id('a'), &ReadOptions::default()).err()));
    assert!(told(&|| client.get_blob(&call, &at(&blobs.host, &name), &ReadOptions::default()).err()));
}
