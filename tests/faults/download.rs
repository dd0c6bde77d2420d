//! Blobs that break off, lie, or do not end.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocireg::error::{Code, Error};
use ocireg::inside::{OnContention, Partial};
use ocireg::registry::blob::DeliveredBlob;
use ocireg::registry::blob::{ReadOptions, SaveOptions};
use ocireg::registry::Client;

use crate::common::*;
use crate::server::*;

fn get(client: &Client, host: &str, blob: &[u8]) -> Result<(DeliveredBlob, Vec<u8>), Error> {
    client.get_blob(&call(client), &at(host, &digest(blob)), &ReadOptions::default())
}

/// Every file in a folder.
fn files(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_break_at_any_byte_costs_no_byte() {
    let blob = noise(4096);
    for then in [Then::Reset, Then::Close] {
        for cut in (0..=4095).step_by(97) {
            let copy = blob.clone();
            let server = Server::start(move |seen| match seen.number {
                0 => reply(200).body(&copy).cut(cut, then),
                _ => serve(&copy, seen),
            });
            let client = client();
            let (_, bytes) = get(&client, &server.host, &blob).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(bytes, blob);
            let seen = server.seen();
            assert_eq!(seen.len(), 2, "cut at {cut}");
            // A reset may lose bytes that were sent; a close may not.
            let from = seen[1].range_start().unwrap_or(0);
            assert!(if then == Then::Close { from == cut } else { from <= cut }, "cut at {cut}, continued at {from}");
        }
    }
}

#[test]
fn many_breaks_are_survived_while_there_is_progress() {
    let blob = noise(12 << 20);
    let copy = blob.clone();
    let server = Server::start(move |seen| serve(&copy, seen).cut((2 << 20) - 7, Then::Close));
    let client = client();
    let (_, bytes) = get(&client, &server.host, &blob).unwrap();
    assert!(bytes == blob);
    assert_eq!(server.seen().len(), 7);
}

#[test]
fn a_server_that_gives_nothing_more_is_an_error() {
    let blob = noise(1000);
    let copy = blob.clone();
    let server = Server::start(move |seen| match seen.range_start() {
        None => reply(200).body(&copy).cut(500, Then::Close),
        Some(start) => serve(&copy, seen).cut(0, Then::Close).header("X-Start", start),
    });
    let client = client();
    let error = fails(get(&client, &server.host, &blob), Code::Network, "");
    // In between the whole blob is requested once, which does not count as a retry.
    assert_eq!(server.seen().len(), 6, "{error}");
}

#[test]
fn ranges_that_are_ignored_or_wrong() {
    let blob = noise(3000);
    let copy = blob.clone();
    let ignores = Server::start(move |seen| match seen.number {
        0 => reply(200).body(&copy).cut(1000, Then::Close),
        _ => reply(200).body(&copy),
    });
    let client = client();
    assert_eq!(get(&client, &ignores.host, &blob).unwrap().1, blob);

    for range in ["bytes 0-2999/3000", "bytes 1001-2999/3000", "junk", "bytes 1000-2999/9999"] {
        let copy = blob.clone();
        let wrong = Server::start(move |seen| match seen.number {
            0 => reply(200).body(&copy).cut(1000, Then::Close),
            _ => reply(206).header("Content-Range", range).body(&copy[1000..]),
        });
        fails(get(&client, &wrong.host, &blob), Code::Network, "");
    }

    // A shorter part than requested is legal; the rest is requested.
    let copy = blob.clone();
    let stingy = Server::start(move |seen| match seen.range_start() {
        None => reply(200).body(&copy).cut(1000, Then::Close),
        Some(start) => {
            let end = (start + 700).min(copy.len());
            reply(206).header("Content-Range", format!("bytes {start}-{}/3000", end - 1)).body(&copy[start..end])
        }
    });
    assert_eq!(get(&client, &stingy.host, &blob).unwrap().1, blob);
}

/// The large one is received and hashed on separate threads.
#[test]
fn a_wrong_digest_once_is_repaired_and_twice_is_an_error() {
    wrong_digests(5000);
    wrong_digests(9 << 20);
}

fn wrong_digests(size: usize) {
    let blob = noise(size);
    let mut bad = blob.clone();
    bad[size / 2] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");

    let (good, wrong) = (blob.clone(), bad.clone());
    let once = Server::start(move |seen| reply(200).body(if seen.number == 0 { &wrong } else { &good }));
    let client = client();
    let found = client
        .get_blob_file(&call(&client), &at(&once.host, &digest(&blob)), &target, &SaveOptions::default())
        .unwrap();
    assert!(found.verified);
    assert!(std::fs::read(&target).unwrap() == blob);
    std::fs::remove_file(&target).unwrap();

    let always = Server::start(move |_| reply(200).body(&bad));
    let outcome =
        client.get_blob_file(&call(&client), &at(&always.host, &digest(&blob)), &target, &SaveOptions::default());
    fails(outcome, Code::DigestMismatch, digest(&blob).as_str());
    assert_eq!(always.seen().len(), 2);
    assert_eq!(files(folder.path()), Vec::<String>::new(), "nothing half-done is left");
}

#[test]
fn another_process_continues_a_partial_file() {
    let blob = noise(3 << 20);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    let copy = blob.clone();
    let dies = Server::start(move |seen| match seen.number {
        0 => reply(200).body(&copy).cut(2 << 20, Then::Close),
        _ => reply(200).body(&copy).cut(0, Then::Close),
    });
    let client = client();
    let reference = at(&dies.host, &digest(&blob));
    fails(client.get_blob_file(&call(&client), &reference, &target, &SaveOptions::default()), Code::Network, "");
    assert!(!target.exists(), "the target appears only whole");
    assert_eq!(files(folder.path()).len(), 1, "the bytes are kept");

    let copy = blob.clone();
    let lives = Server::start(move |seen| serve(&copy, seen));
    let fresh = crate::common::client();
    let reference = at(&lives.host, &digest(&blob));
    let found = fresh.get_blob_file(&call(&fresh), &reference, &target, &SaveOptions::default()).unwrap();
    assert_eq!((found.resumed, found.length, found.verified), (2 << 20, 3 << 20, true));
    assert_eq!(lives.seen()[0].range_start(), Some(2 << 20));
    assert!(std::fs::read(&target).unwrap() == blob);
    assert_eq!(files(folder.path()), ["layer"]);
}

#[test]
fn a_partial_file_of_other_bytes_is_found_out() {
    let blob = noise(1 << 20);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    let name = format!(".layer.{}.partial", &digest(&blob).hex()[..12]);
    for planted in [vec![7u8; 1000], vec![7u8; 1 << 20], vec![7u8; 2 << 20]] {
        std::fs::write(folder.path().join(&name), &planted).unwrap();
        let copy = blob.clone();
        let server = Server::start(move |seen| match seen.range_start() {
            Some(start) if start >= copy.len() => reply(416).header("Content-Range", format!("bytes */{}", copy.len())),
            _ => serve(&copy, seen),
        });
        let client = client();
        let read = ReadOptions { size: Some(blob.len() as u64), ..Default::default() };
        let options = SaveOptions { read, ..Default::default() };
        client.get_blob_file(&call(&client), &at(&server.host, &digest(&blob)), &target, &options).unwrap();
        assert!(std::fs::read(&target).unwrap() == blob);
        assert_eq!(files(folder.path()), ["layer"]);
    }
}

#[test]
fn two_threads_may_want_the_same_file() {
    let blob = noise(1 << 20);
    let copy = blob.clone();
    let server = Server::start(move |seen| {
        std::thread::sleep(Duration::from_millis(100));
        serve(&copy, seen)
    });
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    let client = client();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                client
                    .get_blob_file(&call(&client), &at(&server.host, &digest(&blob)), &target, &SaveOptions::default())
                    .unwrap()
            });
        }
    });
    assert!(std::fs::read(&target).unwrap() == blob);
    assert_eq!(files(folder.path()), ["layer"]);
}

#[test]
fn sizes_that_are_not_true() {
    let blob = noise(1000);
    let client = client();
    let known = ReadOptions { size: Some(1000), ..Default::default() };
    let read = |server: &Server| client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &known);

    let copy = blob.clone();
    let short = Server::start(move |_| reply(200).body(&copy[..999]));
    fails(read(&short), Code::SizeMismatch, "1000");
    assert_eq!(short.seen().len(), 1, "seen at once");

    let long = Server::start(|_| reply(200).body(noise(1001)));
    fails(read(&long), Code::SizeMismatch, "");

    let endless = Server::start(|_| reply(200).body(noise(8 << 20)).unframed());
    fails(read(&endless), Code::SizeMismatch, "longer");

    let copy = blob.clone();
    let unframed = Server::start(move |_| reply(200).body(&copy).unframed());
    assert_eq!(read(&unframed).unwrap().1, blob);

    let absurd = Server::start(|_| reply(200).header("Content-Length", 1u64 << 62));
    fails(read(&absurd), Code::SizeMismatch, "");
}

#[test]
fn memory_is_bounded() {
    let client = client();
    let limit = ReadOptions { limit: Some(1000), ..Default::default() };
    let server = Server::start(|_| reply(200).body(noise(1001)).unframed());
    fails(client.get_blob(&call(&client), &at(&server.host, &digest(b"")), &limit), Code::LimitExceeded, "1000");
}

#[test]
fn an_encoding_nobody_asked_for_is_refused() {
    let client = client();
    for coding in ["br", "zstd", "Deflate", "aws-chunked, br"] {
        let server = Server::start(move |_| reply(200).header("Content-Encoding", coding).body("x"));
        fails(get(&client, &server.host, b"x"), Code::Protocol, coding);
        assert_eq!(server.seen()[0].header("accept-encoding"), Some("identity"));
    }
    // These do not change the bytes.
    for name in ["aws-chunked", "UTF-8", "binary", "none", "identity", ""] {
        let server = Server::start(move |_| reply(200).header("Content-Encoding", name).body("x"));
        assert_eq!(get(&client, &server.host, b"x").unwrap().1, b"x", "{name}");
    }
}

#[test]
fn pieces_are_pieces() {
    let blob = noise(1000);
    let client = client();
    let piece = ReadOptions { offset: 100, length: Some(50), ..Default::default() };
    let copy = blob.clone();
    let ranges = Server::start(move |_| reply(206).header("Content-Range", "bytes 100-149/1000").body(&copy[100..150]));
    let copy = blob.clone();
    let ignores = Server::start(move |_| reply(200).body(&copy));
    // Its Content-Range begins where it should, whatever its status.
    let copy = blob.clone();
    let odd = Server::start(move |_| reply(200).header("Content-Range", "bytes 100-999/1000").body(&copy[100..]));
    for server in [ranges, ignores, odd] {
        let (found, bytes) = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &piece).unwrap();
        assert_eq!(bytes, blob[100..150]);
        assert_eq!((found.verified, found.offset, found.length, found.size), (false, 100, 50, Some(1000)));
    }
    let outside = Server::start(|_| reply(416).header("Content-Range", "bytes */1000"));
    let far = ReadOptions { offset: 5000, ..Default::default() };
    fails(client.get_blob(&call(&client), &at(&outside.host, &digest(&blob)), &far), Code::InvalidArgument, "5000");
}

/// Where no server says the size, the blob ends where the response ends; and behind the last byte there is nothing.
#[test]
fn pieces_at_the_end() {
    let blob = noise(1000);
    let client = client();
    let get = |server: &Server, offset: u64, length: Option<u64>| {
        let piece = ReadOptions { offset, length, ..Default::default() };
        client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &piece)
    };
    let copy = blob.clone();
    let says_nothing = Server::start(move |_| reply(200).body(&copy).unframed());
    for (offset, length) in [(0, Some(5000)), (100, Some(5000)), (100, None), (1000, None), (1000, Some(1))] {
        let (found, bytes) = get(&says_nothing, offset, length).unwrap();
        assert_eq!(bytes, blob[offset as usize..], "{offset} {length:?}");
        assert_eq!((found.size, found.length), (Some(1000), 1000 - offset), "{offset} {length:?}");
    }
    fails(get(&says_nothing, 1001, None), Code::InvalidArgument, "option offset 1001");
    fails(get(&says_nothing, 1001, Some(1)), Code::InvalidArgument, "option offset 1001");
    let copy = blob.clone();
    let says_all = Server::start(move |seen| match seen.range_start() {
        Some(start) if start >= copy.len() => reply(416).header("Content-Range", "bytes */1000"),
        _ => serve(&copy, seen),
    });
    for length in [None, Some(1)] {
        let (found, bytes) = get(&says_all, 1000, length).unwrap();
        assert_eq!((bytes.len(), found.size), (0, Some(1000)));
        fails(get(&says_all, 1001, length), Code::InvalidArgument, "option offset 1001");
    }
    let unasked = Server::start(|_| reply(500));
    for offset in [0, 5] {
        assert_eq!(get(&unasked, offset, Some(0)).unwrap().1, b"");
    }
    assert!(unasked.seen().is_empty());
}

/// A server may send less than was asked for without saying how much there is: what is missing is asked for.
#[test]
fn a_part_of_a_part_is_not_the_end() {
    let blob = noise(1000);
    let copy = blob.clone();
    let server = Server::start(move |seen| {
        let start = seen.range_start().unwrap();
        let end = (start + 400).min(1000);
        reply(206).header("Content-Range", format!("bytes {start}-{}/*", end - 1)).body(&copy[start..end])
    });
    let client = client();
    let piece = ReadOptions { offset: 0, length: Some(900), ..Default::default() };
    let found = client.get_blob(&call(&client), &at(&server.host, &digest(&blob)), &piece);
    assert!(found.unwrap().1 == blob[..900]);
}

#[test]
fn after_an_error_comes_no_end() {
    let blob = noise(1000);
    let server = Server::start(|_| reply(200).body(noise(1001).split_off(1)));
    let client = client();
    let reference = at(&server.host, &digest(&blob));
    let mut reader = client.open_blob(&call(&client), &reference, &ReadOptions::default()).unwrap();
    let error = loop {
        match reader.piece() {
            Ok(piece) => assert!(piece.is_some(), "other bytes of the same size ended well"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::DigestMismatch);
    for _ in 0..3 {
        fails(reader.piece(), Code::DigestMismatch, "");
    }
}

#[test]
fn only_files_are_replaced() {
    let blob = noise(1000);
    let copy = blob.clone();
    let server = Server::start(move |seen| serve(&copy, seen));
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let reference = at(&server.host, &digest(&blob));
    let get = |path: &std::path::Path| client.get_blob_file(&call(&client), &reference, path, &SaveOptions::default());
    assert!(get(std::path::Path::new("/dev/null")).unwrap().verified, "it is written through");
    fails(get(folder.path()), Code::Io, "a directory");
    // Something else in the place of the hidden file is not followed, and not waited for.
    let target = folder.path().join("layer");
    let hidden = folder.path().join(format!(".layer.{}.partial", &digest(&blob).hex()[..12]));
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, &hidden).unwrap();
    get(&target).unwrap();
    assert!(std::fs::read(&target).unwrap() == blob);
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
}

/// A size is only what a server claims: it reserves no more than one stretch of disk space.
#[test]
fn room_is_asked_for_as_the_bytes_come() {
    const STRETCH: u64 = 8 << 20;
    const MORE: u64 = 2 << 20; // a file system may have large pages
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    let bytes = noise(3 << 20);
    let begin = |size: u64| {
        let opened = Partial::open(&call(&client), &target, &digest(&bytes), Some(size), OnContention::WriteOwn);
        opened.unwrap().unwrap()
    };
    let taken = |path: &std::path::Path| std::fs::metadata(path).unwrap().blocks() * 512;
    let mut partial = begin(1 << 40);
    partial.write(&bytes[..1 << 20]).unwrap();
    let hidden = folder.path().join(&files(folder.path())[0]);
    assert_eq!(std::fs::metadata(&hidden).unwrap().len(), 1 << 20);
    assert!(taken(&hidden) <= (1 << 20) + STRETCH, "{}", taken(&hidden));
    // Unneeded space is released: by a call that broke off, by one that continues after another was killed, and at the
    // end.
    let lost: Result<(), Error> = Err(Error::new(Code::Network, "broken off"));
    partial.settle(lost, &target).unwrap_err();
    assert!(taken(&hidden) <= (1 << 20) + MORE, "{}", taken(&hidden));
    let mut killed = begin(1 << 40);
    killed.write(&bytes[1 << 20..2 << 20]).unwrap();
    drop(killed);
    let mut partial = begin(bytes.len() as u64);
    assert_eq!(partial.length(), 2 << 20);
    assert!(taken(&hidden) <= (2 << 20) + MORE, "{}", taken(&hidden));
    partial.write(&bytes[2 << 20..]).unwrap();
    partial.settle(Ok(()), &target).unwrap();
    assert!(std::fs::read(&target).unwrap() == bytes);
    assert!(taken(&target) <= (3 << 20) + MORE, "{}", taken(&target));
}

/// The partial file has more bytes than the registry's blob, as the registry says: they are replaced.
#[test]
fn a_partial_file_that_is_too_long_goes() {
    let blob = noise(1000);
    let copy = blob.clone();
    let server = Server::start(move |seen| match seen.header("range") {
        Some(_) => reply(416).header("Content-Range", "bytes */1000"),
        None => serve(&copy, seen),
    });
    let client = client();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    std::fs::write(folder.path().join(format!(".layer.{}.partial", &digest(&blob).hex()[..12])), noise(1500)).unwrap();
    let reference = at(&server.host, &digest(&blob));
    let found = client.get_blob_file(&call(&client), &reference, &target, &SaveOptions::default()).unwrap();
    assert_eq!((found.resumed, found.length), (0, 1000));
    assert!(std::fs::read(&target).unwrap() == blob);
    assert_eq!(files(folder.path()), ["layer"]);
}

/// A server that sends bytes for ever without a length, to one connection after the other.
fn endless() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = std::io::BufReader::new(connection.try_clone().unwrap());
            let mut line = String::new();
            while std::io::BufRead::read_line(&mut reader, &mut line).unwrap_or(0) > 2 {
                line.clear();
            }
            let head = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = [&b"10000\r\n"[..], &[7; 65536], b"\r\n"].concat();
            let mut sent = std::io::Write::write_all(&mut connection, head.as_bytes());
            while sent.is_ok() {
                sent = std::io::Write::write_all(&mut connection, &chunk);
            }
        }
    });
    host
}

#[test]
fn a_blob_without_end_does_not_fill_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("layer");
    let client = Client::new(changed(options(), |options| options.blobs.max_blob_bytes = Some(1 << 20))).unwrap();
    let wanted = digest(b"never");
    let get = |host: &str| client.get_blob_file(&call(&client), &at(host, &wanted), &target, &SaveOptions::default());
    let host = endless();
    within(Duration::from_secs(10), || drop(fails(get(&host), Code::LimitExceeded, "its size is unknown")));
    assert!(files(folder.path()).is_empty(), "what fills the disk does not stay");
    let mut sink = Vec::new();
    let read = client.get_blob_to(&call(&client), &at(&host, &wanted), &mut sink, &ReadOptions::default());
    fails(read, Code::LimitExceeded, "its size is unknown");
    assert!(sink.len() <= 1 << 20);
    // If the size is known to be too large, no byte is read.
    let large = Server::start(|_| reply(200).body(noise((1 << 20) + 1)));
    fails(get(&large.host), Code::LimitExceeded, "1048577 bytes, more than max_blob_bytes, 1048576");
    assert!(files(folder.path()).is_empty());
    // For a piece, only its own size counts.
    let blob = noise(3 << 20);
    let (copy, whole) = (blob.clone(), digest(&blob));
    let server = Server::start(move |seen| serve(&copy, seen));
    let piece = ReadOptions { offset: 2 << 20, length: Some(1 << 20), ..ReadOptions::default() };
    let got = client.get_blob(&call(&client), &at(&server.host, &whole), &piece).unwrap().1;
    assert!(got == blob[2 << 20..]);
    let any = self::client().get_blob(&call(&client), &at(&server.host, &whole), &ReadOptions::default()).unwrap();
    assert_eq!(any.1.len(), 3 << 20);
}

/// Download targets other than regular files: a link stays, pipes and devices receive the bytes, anything else is
/// refused.
#[test]
fn downloads_to_what_is_no_file() {
    let blob = noise(300_000);
    let copy = blob.clone();
    let server = Server::start(move |seen| serve(&copy, seen));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let client = client();
    let get = |name: &str| {
        client.get_blob_file(&call(&client), &at(&server.host, &digest(&blob)), &path(name), &SaveOptions::default())
    };
    std::fs::create_dir(path("inner")).unwrap();
    for (link, to) in [("link", "inner/blob"), ("second", "link"), ("pipe-link", "pipe"), ("loop", "loop")] {
        std::os::unix::fs::symlink(to, path(link)).unwrap();
    }
    for name in ["link", "second", "inner/blob"] {
        let found = get(name).unwrap();
        assert_eq!(found.path.as_deref(), path(name).to_str(), "as it was named");
        assert!(std::fs::read(path("inner/blob")).unwrap() == blob, "{name}");
        std::fs::write(path("inner/blob"), "old").unwrap();
    }
    assert!(path("link").is_symlink() && path("second").is_symlink());
    nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for name in ["pipe", "pipe-link"] {
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| std::fs::read(path("pipe")).unwrap());
            assert!(get(name).unwrap().verified);
            assert!(reader.join().unwrap() == blob);
        });
    }
    let _listener = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    for (name, part) in [("socket", "a socket"), ("inner", "a directory"), ("loop", "links"), ("no/where", "no/where")]
    {
        fails(get(name), Code::Io, part);
    }
    assert_eq!(files(folder.path()), ["inner", "link", "loop", "pipe", "pipe-link", "second", "socket"]);
    assert_eq!(files(&path("inner")), ["blob"]);
}

/// As long as a file's name can be: what was left by one try is continued by the next.
#[test]
fn a_file_with_a_long_name() {
    let blob = noise(300_000);
    let copy = blob.clone();
    let server = Server::start(move |seen| match seen.number {
        0..=5 => serve(&copy, seen).cut(if seen.number == 0 { 200_000 } else { 0 }, Then::Close),
        _ => serve(&copy, seen),
    });
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("n".repeat(255));
    let save = || {
        let client = client();
        client.get_blob_file(&call(&client), &at(&server.host, &digest(&blob)), &target, &SaveOptions::default())
    };
    fails(save(), Code::Network, "");
    assert_eq!(files(folder.path()).len(), 1);
    save().unwrap();
    assert_eq!(files(folder.path()), ["n".repeat(255)]);
    assert!(std::fs::read(&target).unwrap() == blob);
    assert_eq!(server.seen().last().unwrap().range_start(), Some(200_000));
}

/// A progress hook that takes long does not make the transfer as many times as long as it has pieces.
#[test]
fn a_slow_progress_hook_has_half_of_the_time() {
    slow_hook(Duration::from_millis(30), &noise(12 << 20), |reply| reply);
    // Nor while hardly anything moves.
    slow_hook(Duration::from_millis(400), &noise(30), |reply| reply.paced(Duration::from_millis(100)));
    // It is told of the last piece also where only the end of the answer says that it was that.
    slow_hook(Duration::from_millis(300), &noise(12 << 20), |reply| reply.unframed());
}

fn slow_hook(pause: Duration, blob: &[u8], how: fn(Reply) -> Reply) {
    let copy = blob.to_vec();
    let server = Server::start(move |seen| how(serve(&copy, seen)));
    let client = client();
    let (context, call) = with_context(&client);
    let told = Arc::new(Mutex::new((Duration::ZERO, Duration::ZERO, 0, 0)));
    let seen = told.clone();
    context.set_progress(Some(Arc::new(move |done, _| {
        let start = Instant::now();
        std::thread::sleep(pause);
        let mut seen = seen.lock().unwrap();
        let took = start.elapsed();
        *seen = (seen.0 + took, seen.1.max(took), seen.2 + 1, done);
        Ok(())
    })));
    let start = Instant::now();
    client.get_blob(&call, &at(&server.host, &digest(blob)), &ReadOptions::default()).unwrap();
    let whole = start.elapsed();
    let (in_hook, longest, calls, last) = *told.lock().unwrap();
    assert_eq!(last, blob.len() as u64);
    assert!(calls >= 2, "{calls} calls");
    // The first and the last of the transfer come whatever the time.
    assert!(in_hook <= whole / 2 + 2 * longest, "{calls} calls took {in_hook:?} of {whole:?}");
}
