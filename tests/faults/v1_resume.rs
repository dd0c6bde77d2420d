//! Protocol v1: a partial layer file from a broken call is continued by the next one; and the registries of an index's
//! list are tried in order.

use std::path::Path;

use ocireg::error::Code;
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::Client;
use ocireg::registry_v1::layer::DeliveredLayer;
use ocireg::registry_v1::write::PutLayerOptions;

use crate::common::*;
use crate::server::*;
use crate::v1::{checksum, id, image, is_images, odd_ranges, repo, standalone, with_layer, TOKEN};

fn impatient() -> Client {
    Client::new(changed(options(), |options| options.http.retries = 0)).unwrap()
}

fn get(client: &Client, server: &Server, path: &Path) -> Result<DeliveredLayer, ocireg::error::Error> {
    repo(client, &server.host).layer_file(&id('a'), path, &SaveOptions::default())
}

/// The hidden file beside a target.
fn hidden(folder: &Path, layer: &[u8]) -> std::path::PathBuf {
    let sum = checksum(&image('a'), layer);
    folder.join(format!(".layer.{}.partial", &sum["sha256:".len()..][..12]))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_next_call_continues_what_a_broken_one_left() {
    let layer = noise(50_000);
    for odd in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("layer");
        let broken = with_layer(layer.clone(), |layer, _| reply(200).body(layer).cut(20_000, Then::Close));
        fails(get(&impatient(), &broken, &path), Code::Network, "");
        assert_eq!(std::fs::read(hidden(folder.path(), &layer)).unwrap(), layer[..20_000]);
        assert!(!path.exists());

        // Another client, as another process would have.
        let whole = with_layer(
            layer.clone(),
            move |layer, seen| if odd { odd_ranges(layer, seen) } else { serve(layer, seen) },
        );
        let done = get(&client(), &whole, &path).unwrap();
        assert_eq!((done.resumed, done.length, done.size, done.verified), (20_000, 50_000, Some(50_000), true));
        assert!(std::fs::read(&path).unwrap() == layer);
        assert_eq!(names(folder.path()), ["layer"]);
        let asked = whole.seen().into_iter().find(|seen| seen.path().ends_with("/layer")).unwrap();
        assert_eq!(asked.header("range"), Some("bytes=20000-"));
    }
}

#[test]
fn where_there_are_no_ranges_it_is_read_from_its_beginning() {
    let (folder, layer) = (tempfile::tempdir().unwrap(), noise(3000));
    let path = folder.path().join("layer");
    type Answer = fn(&[u8], &Seen) -> Reply;
    let ways: [(usize, Answer); 4] = [
        (1000, |layer, _| reply(200).body(layer)),
        (1000, |layer, _| reply(200).body(layer).unframed()),
        // Complete except for its name: docker-registry has no range after the end.
        (3000, |layer, seen| if seen.header("range").is_some() { reply(416) } else { reply(200).body(layer) }),
        (3000, |layer, _| reply(200).body(layer).unframed()),
    ];
    let found = |server: &Server, there: usize| {
        std::fs::write(hidden(folder.path(), &layer), &layer[..there]).unwrap();
        let done = get(&client(), server, &path).unwrap();
        assert_eq!((done.resumed, done.length, done.verified), (there as u64, 3000, true));
        assert!(std::fs::read(&path).unwrap() == layer);
        assert_eq!(names(folder.path()), ["layer"]);
    };
    for (there, way) in ways {
        found(&with_layer(layer.clone(), way), there);
    }
    for status in [206, 400, 403, 404, 405, 406, 416, 500, 501] {
        let refuses = with_layer(layer.clone(), move |layer, seen| match seen.header("range") {
            Some(_) => reply(status),
            None => reply(200).body(layer),
        });
        found(&refuses, 1000);
    }
}

#[test]
fn what_was_left_of_something_else_is_found_out() {
    let (folder, layer) = (tempfile::tempdir().unwrap(), noise(3000));
    let path = folder.path().join("layer");
    type Answer = fn(&[u8], &Seen) -> Reply;
    let ways: [Answer; 3] =
        [serve_or_416, |layer, _| reply(200).body(layer), |layer, _| reply(200).body(layer).unframed()];
    for (left, way) in
        [vec![7; 1000], vec![7; 3000], vec![7; 5000]].into_iter().flat_map(|left| ways.map(|way| (left.clone(), way)))
    {
        std::fs::write(hidden(folder.path(), &layer), left).unwrap();
        let done = get(&client(), &with_layer(layer.clone(), way), &path).unwrap();
        assert_eq!((done.resumed, done.length), (0, 3000));
        assert!(std::fs::read(&path).unwrap() == layer);
        assert_eq!(names(folder.path()), ["layer"]);
    }
    // Bytes that are wrong twice leave nothing.
    std::fs::remove_file(&path).unwrap();
    let wrong = with_layer(layer.clone(), |_, _| reply(200).body(vec![7; 3000]));
    fails(get(&client(), &wrong, &path), Code::DigestMismatch, "checksum");
    assert!(names(folder.path()).is_empty());
}

fn serve_or_416(layer: &[u8], seen: &Seen) -> Reply {
    match seen.range_start() {
        Some(start) if start >= layer.len() => reply(416),
        _ => serve(layer, seen),
    }
}

#[test]
fn what_cannot_be_checked_is_not_continued() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer");
    for sum in ["", "tarsum.dev+sha256:00"] {
        let server = standalone(move |seen| match seen.path().ends_with("/json") {
            true => reply(200).header("X-Docker-Checksum", sum).json(&image('a')),
            false => reply(200).body(noise(3000)).cut(1000, Then::Close),
        });
        fails(get(&impatient(), &server, &path), Code::Network, "");
        assert!(names(folder.path()).is_empty(), "nothing is kept");
    }
    let read = ReadOptions { offset: 5, ..ReadOptions::default() };
    let piece = SaveOptions { read, ..SaveOptions::default() };
    let server = with_layer(noise(3000), serve);
    let done = repo(&client(), &server.host).layer_file(&id('a'), &path, &piece).unwrap();
    assert_eq!((done.resumed, done.length, done.verified), (0, 2995, false));
}

/// An index that names these registries.
fn index(list: String) -> Server {
    Server::start(move |seen| match is_images(seen) || seen.method == "PUT" {
        true => reply(200).header("X-Docker-Token", TOKEN).header("X-Docker-Endpoints", &list).json("[]"),
        false => reply(404),
    })
}

/// A port on which nothing listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn registries_are_tried_in_their_order() {
    let good = Server::start(|_| reply(200).json(&format!("\"{}\"", "a".repeat(64))));
    let unused = Server::start(|_| reply(200).json(&format!("\"{}\"", "b".repeat(64))));
    let ill = Server::start(|_| reply(503));
    let broken = Server::start(|_| lost());
    for first in [nobody(), "169.254.169.254".to_owned(), "ftp://x".to_owned(), ill.host.clone(), broken.host.clone()] {
        let index = index(format!("{first}, {},{}", good.host, unused.host));
        let client = Client::new(changed(options(), |options| options.http.retries = 0)).unwrap();
        client
            .set_host(
                &index.host,
                host_options(serde_json::json!({"username": "u", "password": "p", "plain_http": true})),
            )
            .unwrap();
        let (before, asked) = (good.seen().len(), ill.seen().len() + broken.seen().len());
        let repo = repo(&client, &index.host);
        assert_eq!(repo.tag("t").unwrap(), id('a'), "{first}");
        repo.tag("t").unwrap();
        assert_eq!(index.seen().len(), 1, "one session for all of them");
        assert!(ill.seen().len() + broken.seen().len() <= asked + 1, "who failed is not asked again");
        let seen = good.seen();
        assert_eq!(seen.len(), before + 2);
        assert_eq!(seen[before].header("authorization"), Some(format!("Token {TOKEN}").as_str()));
        assert!(unused.seen().is_empty());
    }
    // None is left: the error is that of the last one.
    let index = index(format!("{},{}", nobody(), nobody()));
    fails(repo(&impatient(), &index.host).tag("t"), Code::Connect, "");
    // A registry's 404 is believed.
    let empty = Server::start(|_| reply(404));
    let index = self::index(format!("{},{}", empty.host, unused.host));
    fails(repo(&impatient(), &index.host).tag("t"), Code::NotFound, "");
    assert!(unused.seen().is_empty());
}

#[test]
fn what_may_have_been_written_stays_where_it_is() {
    let ill = Server::start(|_| reply(503));
    let other = Server::start(|_| reply(200));
    let index = index(format!("{},{},{}", nobody(), ill.host, other.host));
    let json = image('a');
    let repo = repo(&impatient(), &index.host);
    fails(repo.put_image(json.as_bytes()), Code::Server, "503");
    assert!(other.seen().is_empty());
    fails(repo.put_layer(json.as_bytes(), b"layer", &PutLayerOptions::default()), Code::Server, "503");
    assert!(other.seen().is_empty());
    // Nothing was sent to the unreachable one.
    assert_eq!(ill.count("PUT", "/json"), 1);
}
